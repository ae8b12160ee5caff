//! Cranelift: a compiler.

use std::mem;

use cranelift_codegen::ir::{AbiParam, InstBuilder as _, MemFlagsData, types};
use cranelift_codegen::settings::{self, Configurable as _};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{Linkage, Module as _, default_libcall_names};

use crate::Result;
use crate::measure::Contender;
use crate::small::{self, Step};

/// Compiles each list of steps to a function, all in one module.
pub struct Cranelift<'a> {
    functions: Vec<&'a [Step]>,
    made: Option<(JITModule, Vec<*const u8>)>,
}

impl<'a> Cranelift<'a> {
    pub fn new(functions: Vec<&'a [Step]>) -> Self {
        Self { functions, made: None }
    }
}

impl Contender for Cranelift<'_> {
    fn emit(&mut self, _: &mut [u8]) -> Result<()> {
        let mut flags = settings::builder();
        flags.set("is_pic", "false")?;
        flags.set("use_colocated_libcalls", "false")?;
        // More optimization would make it slower still.
        flags.set("opt_level", "none")?;
        flags.set("regalloc_algorithm", "single_pass")?;
        flags.set("enable_verifier", "false")?;
        let isa = cranelift_native::builder()?.finish(settings::Flags::new(flags))?;
        let mut module = JITModule::new(JITBuilder::with_isa(isa, default_libcall_names()));
        let (mut context, mut builder) = (module.make_context(), FunctionBuilderContext::new());
        let mut made = Vec::new();
        for (index, steps) in self.functions.iter().enumerate() {
            let pointer = module.target_config().pointer_type();
            let signature = &mut context.func.signature;
            signature.params.extend([pointer, types::I64, types::I64].map(AbiParam::new));
            signature.returns.push(AbiParam::new(types::I64));
            let function = module.declare_function(&index.to_string(), Linkage::Local, signature)?;
            let mut builder = FunctionBuilder::new(&mut context.func, &mut builder);
            let block = builder.create_block();
            builder.append_block_params_for_function_params(block);
            builder.switch_to_block(block);
            let [memory, mut sum, mut count] = builder.block_params(block)[..] else {
                unreachable!("three parameters")
            };
            for step in *steps {
                let word = builder.ins().load(types::I64, MemFlagsData::trusted(), memory, step.offset as i32);
                sum = builder.ins().iadd(sum, word);
                count = builder.ins().iadd_imm_s(count, i64::from(step.amount));
            }
            let result = builder.ins().iadd(sum, count);
            builder.ins().return_(&[result]);
            builder.seal_all_blocks();
            builder.finalize(module.target_config());
            module.define_function(function, &mut context)?;
            module.clear_context(&mut context);
            made.push(function);
        }
        module.finalize_definitions()?;
        let made = made.into_iter().map(|function| module.get_finalized_function(function)).collect();
        self.made = Some((module, made));
        Ok(())
    }

    fn free(&mut self) {
        if let Some((module, _)) = self.made.take() {
            // SAFETY: no pointer to a function of the module is left.
            unsafe { module.free_memory() };
        }
    }

    fn check(&mut self, _: &[u8]) -> Result<()> {
        let (_, made) = self.made.as_ref().ok_or("nothing was made")?;
        for (steps, &function) in self.functions.iter().zip(made) {
            // SAFETY: it was compiled with this signature.
            let function =
                unsafe { mem::transmute::<*const u8, unsafe extern "C" fn(*const u8, u64, u64) -> u64>(function) };
            small::run(function, steps)?;
        }
        Ok(())
    }
}

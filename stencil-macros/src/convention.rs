//! Determines which registers carry parameters and which survive a call, as the compiler of a block sees it.
//!
//! Each translation unit contains two probes: a function of the machine's own type, and one of the platform's C
//! convention. Their machine code reveals the convention, whatever flags, wrappers or attributes led to it. Blocks of
//! one machine are compatible if their first probes agree. Rust and C are compatible if the second probe agrees with
//! Rust's `extern "C"`.

use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

use proc_macro2::Span;

use crate::ast::{Block, Field, Machine, Typed};
use crate::ctype::Type;
use crate::instruction::Register;
use crate::isa::probe::{self, Class, Convention};
use crate::isa::{self, MAX_VECTORS, SCRATCH, Scratch};
use crate::model::{Abi, Refusal, Tier};

/// The probe of the machine's convention.
const OF_UOPS: &str = "stencil_convention_of_uops";
/// The probe of the platform's convention.
const OF_C: &str = "stencil_convention_of_c";
/// The number of integer parameters of which one does not fit the registers.
const INTEGERS: usize = 7;

/// A parameter of the function that a uop becomes.
pub enum Parameter<'b> {
    /// A register of the machine.
    Register(&'b Field),
    /// A register that bodies have for themselves. A parameter that nobody reads keeps the registers of the machine out.
    /// It has the C type that makes the compiler choose this register.
    Scratch(&'static Scratch, &'static str),
    /// The instruction pointer of the interpreter.
    InstructionPointer,
}

/// Returns the parameters of the functions that the uops of a machine become, in order. In the interpreter there is one more, behind
/// the others, so that these keep their registers.
pub fn parameters(machine: &Machine, abi: Abi, tier: Tier) -> Vec<Parameter<'_>> {
    let mut all = Order { machine, abi, taken: Vec::new(), all: Vec::new() };
    machine.parameters.iter().for_each(|field| all.add(Parameter::Register(field)));
    if tier == Tier::Interpreted {
        all.add(Parameter::InstructionPointer);
    }
    all.all
}

/// Returns whether a machine has an interpreter with this convention: whether it asks for one, and a register is left for the instruction
/// pointer.
pub fn is_interpreted(machine: &Machine, abi: Abi) -> bool {
    if machine.interpreter.is_none() {
        return false;
    }
    let in_vector =
        |parameter: &Parameter| matches!(parameter, Parameter::Register(field) if field.ty.c.is_in_vector_register());
    let integers = parameters(machine, abi, Tier::Interpreted).iter().filter(|parameter| !in_vector(parameter)).count();
    integers <= most_in_handlers(abi)
}

/// Returns the most integers that handlers pass on, their instruction pointer included. A handler ends by a jump to an address, and clang
/// keeps that in one of the registers that `preserve_none` uses for parameters. The C convention has others for it.
fn most_in_handlers(abi: Abi) -> usize {
    isa::parameters(abi).len() - usize::from(abi == Abi::PreserveNone)
}

/// Returns why a machine has no interpreter with a calling convention.
pub fn no_instruction_pointer(machine: &Machine, abi: Abi, compiler: &str) -> String {
    let most = most_in_handlers(abi) - 1;
    let scratch = if machine.scratch.is_empty() || abi == Abi::C { "" } else { ", less the `scratch` registers" };
    format!(
        "{compiler} passes too few registers for an interpreter, which needs one for its instruction pointer: a machine with \
         `#[interpreter]` has at most {most} integers and pointers{scratch}. Move rarely used ones into a struct behind a pointer{}, or write \
         `#[interpreter(optional)]` to have no interpreter with this compiler",
        if abi == Abi::C { ", use a clang with `preserve_none` (19 or later)" } else { "" }
    )
}

/// A list of parameters in the making.
struct Order<'b> {
    machine: &'b Machine,
    abi: Abi,
    /// The general registers that carry the parameters so far.
    taken: Vec<Register>,
    all: Vec<Parameter<'b>>,
}

impl<'b> Order<'b> {
    /// Adds a parameter, after those that keep it out of scratch registers.
    fn add(&mut self, parameter: Parameter<'b>) {
        let narrow = match &parameter {
            Parameter::Register(field) if field.ty.c.is_in_vector_register() => {
                self.all.push(parameter);
                return;
            }
            Parameter::Register(field) => narrow(&field.ty.c).is_some(),
            Parameter::Scratch(..) | Parameter::InstructionPointer => false,
        };
        let order = if narrow { isa::narrow_parameters(self.abi) } else { isa::parameters(self.abi) };
        let ty = if narrow { "uint8_t" } else { "uint64_t" };
        while let Some(&next) = order.iter().find(|register| !self.taken.contains(*register)) {
            self.taken.push(next);
            let Some(scratch) = self.scratch(next) else { break };
            self.all.push(Parameter::Scratch(scratch, ty));
        }
        self.all.push(parameter);
    }

    fn scratch(&self, register: Register) -> Option<&'static Scratch> {
        // The C convention passes too few registers to leave any out.
        let mut named = SCRATCH.iter().filter(|scratch| self.machine.scratch.iter().any(|name| name == scratch.name));
        named.find(|scratch| scratch.register == register && self.abi == Abi::PreserveNone)
    }
}

/// Returns the C type of an integer of 8 or 16 bits, none for other types.
fn narrow(ty: &Type) -> Option<&'static str> {
    match ty {
        Type::Bool => Some("bool"),
        Type::Integer { bits: 8, signed: false, .. } => Some("uint8_t"),
        Type::Integer { bits: 8, .. } => Some("int8_t"),
        Type::Integer { bits: 16, signed: false, .. } => Some("uint16_t"),
        Type::Integer { bits: 16, .. } => Some("int16_t"),
        _ => None,
    }
}

/// Returns what a declaration of a machine does not achieve with a compiler's convention, with the tokens in question.
pub fn warnings(block: &Block, abi: Abi, convention: &Convention, compiler: &str) -> Vec<(Span, String)> {
    let machine = &block.machine;
    // Each further block would repeat them.
    if machine.continued.is_some() {
        return Vec::new();
    }
    let located = machine.parameters.iter().zip(convention.on_stack());
    let on_stack: Vec<_> = located.filter_map(|(field, on_stack)| on_stack.then_some(field)).collect();
    let mut all = Vec::new();
    if let Some(first) = on_stack.first() {
        let names = on_stack.iter().map(|field| format!("`{}`", field.text())).collect::<Vec<_>>().join(", ");
        let message = format!(
            "{compiler} passes {} integers and {MAX_VECTORS} floats in registers, and these on the native stack: {names}. \
             Use a clang with `preserve_none` (19 or later), or move rarely used ones into a struct behind a \
             pointer",
            isa::parameters(abi).len()
        );
        all.push((first.name.span(), message));
    }
    if let (Some(first), Abi::C) = (machine.scratch.first(), abi) {
        let message = format!(
            "`scratch` has no effect: {compiler} has no `preserve_none`, and the C convention passes too few registers \
             to reserve any"
        );
        all.push((first.span(), message));
    }
    all
}

/// Returns the C of both probes, which uses the macro `STENCIL_ABI`. If flags select another target, there are no
/// probes, and the object file is refused later.
pub fn source(block: &Block, abi: Abi) -> String {
    // The probes must not contain anything that flags add to functions.
    let plain = "__attribute__((no_instrument_function, no_stack_protector, no_sanitize(\"undefined\")))";
    format!(
        "#ifdef {}\n#pragma GCC diagnostic push\n#pragma GCC diagnostic ignored \"-Wattributes\"\n{}{}\
         #pragma GCC diagnostic pop\n#endif\n",
        probe::GUARD,
        probe::source(&format!("{plain} STENCIL_ABI void {OF_UOPS}"), &of_uops(block, abi)),
        probe::source(&format!("{plain} void {OF_C}"), &of_c(block))
    )
}

/// Returns the convention between the uops of a block, according to the probes in its object file. `compiler` produced
/// that file.
///
/// # Errors
/// Fails if the C convention is not the platform's, or if the code of a probe cannot be interpreted.
pub fn read(object: &[u8], block: &Block, abi: Abi, compiler: &str) -> Result<Convention, Refusal> {
    let span = block.flags.first().map_or_else(|| block.machine.name.span(), syn::LitStr::span);
    let refuse = |message: String| Refusal { span, message, undefined: false };
    let convention = |function: &str, classes: &[Class]| {
        code(object, function).and_then(|code| Convention::of(&code, classes.len())).ok_or_else(|| {
            refuse(format!(
                "the code that {compiler} made does not tell in which registers it passes parameters: leave out flags \
                 for the C compiler that change how they are passed, such as `-mno-sse`, or that add code to each \
                 function"
            ))
        })
    };
    let (c, platform) = (convention(OF_C, &of_c(block))?, Convention::platform(&of_c(block)));
    if c != platform {
        return Err(refuse(format!(
            "the C of this block cannot be called from Rust: {compiler} {c}, but Rust {platform}. Leave out flags that \
             change the calling convention, or name another compiler in STENCIL_CC"
        )));
    }
    Ok(without_scratch(convention(OF_UOPS, &of_uops(block, abi))?, block, abi))
}

/// The convention between the uops of a block; none if the code of the probe does not tell.
pub fn of_machine(object: &[u8], block: &Block, abi: Abi) -> Option<Convention> {
    let classes = of_uops(block, abi);
    Some(without_scratch(Convention::of(&code(object, OF_UOPS)?, classes.len())?, block, abi))
}

fn of_uops(block: &Block, abi: Abi) -> Vec<Class> {
    // The C convention does not distinguish narrow integers.
    let narrow = |ty| narrow(ty).filter(|_| abi != Abi::C);
    let class = |parameter| match parameter {
        Parameter::Register(field) => narrow(&field.ty.c).map_or_else(|| class(&field.ty), Class::Narrow),
        Parameter::Scratch(_, "uint64_t") => Class::Integer,
        Parameter::Scratch(_, narrow) => Class::Narrow(narrow),
        Parameter::InstructionPointer => Class::Integer,
    };
    parameters(&block.machine, abi, Tier::Compiled).into_iter().map(class).collect()
}

/// Leaves only the locations of the machine's registers.
fn without_scratch(mut convention: Convention, block: &Block, abi: Abi) -> Convention {
    let mut parameters = parameters(&block.machine, abi, Tier::Compiled).into_iter();
    convention.retain(|| matches!(parameters.next(), Some(Parameter::Register(_))));
    convention
}

/// Returns integers, and one parameter of each other class that Rust and the block's C pass to each other.
fn of_c(block: &Block) -> Vec<Class> {
    let hosts =
        block.externs.iter().flat_map(|host| host.parameters().iter().map(|field| &field.ty).chain(host.output()));
    let machine = block.machine.parameters.iter().map(|field| &field.ty).chain(&block.machine.output);
    let mut classes = vec![Class::Integer; INTEGERS];
    for class in machine.chain(hosts).map(class) {
        if class != Class::Integer && !classes.contains(&class) {
            classes.push(class);
        }
    }
    classes
}

fn class(ty: &Typed) -> Class {
    match ty.c {
        Type::F32 => Class::Vector("float", 4),
        Type::F64 => Class::Vector("double", 8),
        Type::Vector(vector) => Class::Vector(vector.c, vector.bytes),
        _ => Class::Integer,
    }
}

/// Returns the machine code of a function.
fn code(object: &[u8], function: &str) -> Option<Vec<u8>> {
    let file = object::File::parse(object).ok()?;
    let symbol = file.symbols().find(|symbol| symbol.name() == Ok(function))?;
    let section = file.section_by_index(symbol.section_index()?).ok()?;
    let start = usize::try_from(symbol.address().checked_sub(section.address())?).ok()?;
    let code = section.data().ok()?.get(start..)?;
    let end = usize::try_from(symbol.size()).ok().filter(|size| *size > 0).unwrap_or(code.len());
    code.get(..end).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compiler::Compiler;
    use crate::compiler::tests::{compile, found};
    use crate::parse::Conditions;
    use crate::source::Source;

    const MIXED: &str = "machine M(a: u64, b: bool, x: f64, c: *mut u8, y: f32, d: i8, v: __m128i) -> u64;";
    const INTEGERS: &str = "machine M(a: u64, b: u32) -> u64;";
    const NARROW: &str = "machine M(a: u64, b: u8, c: i16, d: bool, e: u64, f: u64, g: u64, h: i8) -> u8;";
    /// A machine with more parameters than a convention passes in registers.
    const MANY: &str = "machine M(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64, j: u64, k: u64, \
                        l: u64, m: u64) -> u64;";

    fn convention(compiler: &Compiler, machine: &str, flags: &[&str]) -> Result<String, String> {
        let tokens = format!("{machine} uop stay() {{}}").parse().unwrap();
        let (block, _) = crate::parse::block(tokens, Conditions::default()).unwrap();
        let source = Source::new(&block, compiler.traits.abi, Tier::Compiled);
        let output = compile(compiler, &source.c, flags);
        let object = output.object.ok_or(output.messages)?;
        let convention = read(&object, &block, compiler.traits.abi, &output.compiler);
        convention.map(|convention| convention.to_string()).map_err(|refusal| refusal.message)
    }

    #[test]
    fn flags_that_leave_the_convention_alone_tell_the_same() {
        let Some(compiler) = found() else { return };
        for machine in [MIXED, INTEGERS, NARROW, MANY] {
            let usual = convention(compiler, machine, &[]).unwrap();
            for flags in [
                &["-O0"][..],
                &["-O1"],
                &["-Os"],
                &["-O3", "-march=x86-64-v3"],
                &["-fpic"],
                &["-fPIC", "-mcmodel=small"],
                &["-mcmodel=large"],
                &["-fno-omit-frame-pointer"],
                &["-O0", "-fno-omit-frame-pointer", "-fasynchronous-unwind-tables"],
                &["-fno-function-sections"],
                &["-fstack-protector-all"],
                &["-fsanitize=undefined", "-fsanitize-trap=undefined"],
                &["-fcf-protection=full"],
                &["-finstrument-functions"],
                &["-g"],
                &["-Werror", "-Wextra", "-pedantic"],
            ] {
                // gcc has a different name for its trap flag.
                if flags.iter().any(|flag| flag.contains("trap")) && !compiler.traits.clang {
                    continue;
                }
                let told = convention(compiler, machine, flags);
                // A tail call to a far address needs a free register.
                if told.as_ref().is_err_and(|why| why.contains("ran out of registers")) {
                    continue;
                }
                assert_eq!(told, Ok(usual.clone()), "{machine} {flags:?}");
            }
        }
    }

    #[test]
    fn narrow_integers_are_in_other_registers_than_wide_ones() {
        let Some(compiler) = found() else { return };
        let told = convention(compiler, NARROW, &[]).unwrap();
        let registers = match compiler.traits.abi {
            Abi::PreserveNone => "r12 rdi rsi rdx r13 r14 r15 rcx",
            Abi::C => "rdi rsi rdx rcx r8 r9 stack+8 stack+16",
        };
        assert!(told.starts_with(&format!("passes parameters in {registers} and")), "{told}");
    }

    /// Host functions whose vectors do not all fit into registers, and a machine with registers of all widths.
    #[test]
    fn vectors_of_all_widths() {
        let Some(compiler) = found() else { return };
        let hosts = "extern fn f(a: __m512, b: __m512d, c: __m512i, d: __m256, e: __m256i, f: __m256d, g: __m128, h: __m128d) = f;";
        let machine = "machine M(a: u64, v: __m512i, x: f64, w: __m256, b: u8, y: __m128d, z: __m512d) -> __m256i;";
        for flags in
            [&["-O2"][..], &["-O0"], &["-Os", "-fPIC"], &["-mcmodel=large"], &["-O1", "-fno-omit-frame-pointer"]]
        {
            let flags = [&["-mavx512f"], flags].concat();
            let told = convention(compiler, &format!("{machine}{hosts}"), &flags).unwrap();
            let registers = match compiler.traits.abi {
                Abi::PreserveNone => "r12 xmm0 xmm1 xmm2 rdi xmm3 xmm4",
                Abi::C => "rdi xmm0 xmm1 xmm2 rsi xmm3 xmm4",
            };
            assert!(told.starts_with(&format!("passes parameters in {registers} and")), "{flags:?} {told}");
        }
    }

    /// Whatever the widths of a machine's integers are, it does not use the registers that it leaves to bodies.
    #[test]
    fn scratch_registers_stay_free() {
        let Some(compiler) = found().filter(|compiler| compiler.traits.abi == Abi::PreserveNone) else { return };
        for fields in [
            "b: u8",
            "b: u8, c: u16, d: bool",
            "a: u64, b: u8, c: u64, d: u64, e: u64, f: u64",
            "a: u64, c: u64, d: u64, e: u64, f: u64, b: i16, g: u32",
            "b: u8, a: u64, c: i8, d: u64, e: u64, f: u64, g: u64, h: u16",
        ] {
            for scratch in ["rdi", "rsi", "rdi, rdx", "rcx, rdx, rsi", "rax, rcx, rdx, rsi, rdi"] {
                let told =
                    convention(compiler, &format!("machine M({fields}) -> u64 scratch({scratch});"), &[]).unwrap();
                let (used, _) = told.split_once(" and ").unwrap();
                let used: Vec<_> = used.split(' ').skip(3).collect();
                assert_eq!(used.len(), fields.split(',').count());
                assert!(scratch.split(", ").all(|name| !used.contains(&name)), "{fields} {scratch} {told}");
            }
        }
    }

    #[test]
    fn flags_that_change_the_convention_are_refused() {
        let Some(compiler) = found() else { return };
        assert!(convention(compiler, INTEGERS, &["-mno-sse"]).is_ok());
        let why = convention(compiler, MIXED, &["-mno-sse"]).unwrap_err();
        assert!(why.contains("such as `-mno-sse`") || why.contains("SSE register"), "{why}");
        if !compiler.traits.clang {
            for flags in [["-mabi=ms"], ["-fcall-used-r12"], ["-fcall-saved-r10"]] {
                let why = convention(compiler, INTEGERS, &flags).unwrap_err();
                assert!(why.contains("but Rust passes parameters in rdi rsi rdx rcx r8 r9 stack+8"), "{flags:?} {why}");
            }
        }
    }
}

//! The interface of the crate `rbpf`, as its tests use it, with programs run by the example.

use std::collections::HashMap;

use examples::ebpf::{Error, Helper, Program};

pub use ::rbpf::{assembler, ebpf, helpers};

/// A program and the helpers that it may call.
struct Vm {
    program: Vec<u8>,
    helpers: HashMap<u32, Helper>,
}

impl Vm {
    fn new(program: Option<&[u8]>) -> Result<Self, String> {
        let program = program.ok_or("the tests always pass a program")?.to_owned();
        Ok(Self { program, helpers: HashMap::new() })
    }

    /// Runs the program. Faults have rbpf's words.
    fn run(&self, memory: &mut [u8]) -> Result<u64, String> {
        let fault = |error| match error {
            Error::Fault { at } => {
                let access = if self.program[8 * at] & 6 == 2 { "store" } else { "load" };
                format!("Error: out of bounds memory {access} (insn #{})", at + 1)
            }
            Error::Invalid { at, message: "the helper is not registered" } => {
                let [.., a, b, c, d] = self.program[8 * at..8 * at + 8] else { unreachable!() };
                format!("Error: unknown helper function (id: {:#x})", u32::from_le_bytes([a, b, c, d]))
            }
            error => error.to_string(),
        };
        Program::new(&self.program, &self.helpers).and_then(|program| program.run(memory)).map_err(fault)
    }
}

/// A type of rbpf's, with what its tests call.
macro_rules! vm {
    ($name:ident, ($($memory:ident: $ty:ty)?)) => {
        /// As rbpf's type of this name.
        pub struct $name(Vm);

        #[allow(clippy::unnecessary_wraps)]
        impl $name {
            /// Takes a program.
            pub fn new(program: Option<&[u8]>) -> Result<Self, String> {
                Vm::new(program).map(Self)
            }

            /// Lets the program call a helper.
            pub fn register_helper(&mut self, number: u32, helper: Helper) -> Result<(), String> {
                self.0.helpers.insert(number, helper);
                Ok(())
            }

            /// Runs the program.
            pub fn execute_program(&self $(, $memory: $ty)?) -> Result<u64, String> {
                #[allow(unused_mut, unused_assignments)]
                let mut all: &mut [u8] = &mut [];
                $(all = $memory;)?
                self.0.run(all)
            }

            /// Does nothing: programs are compiled when they run.
            pub fn jit_compile(&mut self) -> Result<(), String> {
                Ok(())
            }

            /// Runs the program.
            ///
            /// # Safety
            /// None is needed; rbpf's function is unsafe.
            pub unsafe fn execute_program_jit(&self $(, $memory: $ty)?) -> Result<u64, String> {
                self.execute_program($($memory)?).map_err(|error| format!("[JIT] {error}"))
            }
        }
    };
}

vm!(EbpfVmNoData, ());
vm!(EbpfVmRaw, (memory: &mut [u8]));

/// As rbpf's type of this name: r1 is the address of a buffer that holds the address of the memory, and of its end.
pub struct EbpfVmFixedMbuff {
    vm: Vm,
    data: usize,
    end: usize,
}

impl EbpfVmFixedMbuff {
    /// Takes a program and the offsets of both addresses in the buffer.
    pub fn new(program: Option<&[u8]>, data: usize, end: usize) -> Result<Self, String> {
        Ok(Self { vm: Vm::new(program)?, data, end })
    }

    /// Runs the program. The example has one region of memory: the buffer and a copy of the memory behind it.
    pub fn execute_program(&mut self, memory: &mut [u8]) -> Result<u64, String> {
        let size = self.data.max(self.end) + 8;
        let mut all = vec![0; size + memory.len()];
        all[size..].copy_from_slice(memory);
        let range = all[size..].as_ptr_range();
        for (offset, address) in [(self.data, range.start), (self.end, range.end)] {
            all[offset..offset + 8].copy_from_slice(&(address as u64).to_le_bytes());
        }
        let result = self.vm.run(&mut all);
        memory.copy_from_slice(&all[size..]);
        result
    }
}

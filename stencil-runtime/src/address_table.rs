//! Tables from the addresses of machine code to what a program's author knows about its instructions.

use std::ops::Range;

use crate::code::{Code, Compiled};
use crate::emit::Address;
use crate::error::Error;
use crate::extent::Cursor;
use crate::fragment::Fragment;
use crate::program::{Instruction, Machine};

/// A table that maps each address in the machine code of some instructions to a value: in a signal handler, the program counter
/// of a fault to the guest's program counter. [`Code::address_table`] makes one.
///
/// An access to memory that may fail then needs no check and no code for its failure. The memory is followed by guard pages, which
/// the system refuses to access, and the handler of `SIGSEGV` finds out which instruction has failed:
///
/// ```
/// use std::sync::OnceLock;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use stencil_runtime::{Address, AddressTable, Label, stencil};
///
/// stencil! {
///     machine Guest(memory: *const u8, x: u64) -> u64;
///     /// `pc` is an operand so that the instruction carries it. It takes no code.
///     uop load(offset: u32, pc: u64) {
///         (void)pc;
///         x = *(const volatile uint64_t *)(memory + offset + x);
///     }
///     uop ret() { RETURN(x); }
///     uop fault() { RETURN(UINT64_MAX); }
/// }
///
/// /// For each instruction that may fail: the guest's program counter.
/// static TABLE: OnceLock<AddressTable<u64>> = OnceLock::new();
/// /// The address of `fault`.
/// static RECOVER: AtomicU64 = AtomicU64::new(0);
/// /// The guest's program counter at the last fault.
/// static FAULT: AtomicU64 = AtomicU64::new(0);
///
/// extern "C" fn on_fault(_: i32, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
///     // SAFETY: the system passes the state of the thread.
///     let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
///     let pc = &mut registers[libc::REG_RIP as usize];
///     match TABLE.get().and_then(|table| table.find(Address(*pc as u64))) {
///         Some(&guest) => {
///             FAULT.store(guest, Ordering::Relaxed);
///             *pc = RECOVER.load(Ordering::Relaxed) as i64;
///         }
///         // Another fault: it happens again, without a handler.
///         // SAFETY: the function may be called in a signal handler.
///         None => unsafe {
///             libc::signal(libc::SIGSEGV, libc::SIG_DFL);
///         },
///     }
/// }
///
/// let recover = Label(0);
/// let program = [
///     Guest::load(0, 0x1000),
///     Guest::load(8, 0x1004),
///     Guest::ret(),
///     Guest::bind(recover),
///     Guest::fault(),
/// ];
/// let code = Guest::compile(&program)?;
/// let table = code.address_table(&program, |_, instruction| {
///     (instruction.stencil().name() == "load").then(|| instruction.operands()[1])
/// })?;
/// TABLE.set(table).unwrap();
/// RECOVER.store(code.address(recover).unwrap() as u64, Ordering::Relaxed);
///
/// // SAFETY: the handler reads and writes atomics, the table, and the state of the thread. The memory consists of a page
/// // that can be read, and one that cannot.
/// let memory = unsafe {
///     let mut action: libc::sigaction = std::mem::zeroed();
///     action.sa_sigaction = on_fault as *const () as usize;
///     action.sa_flags = libc::SA_SIGINFO;
///     assert_eq!(libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut()), 0);
///     let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
///     let memory = libc::mmap(std::ptr::null_mut(), 8192, libc::PROT_NONE, flags, -1, 0);
///     assert_eq!(libc::mprotect(memory, 4096, libc::PROT_READ), 0);
///     memory.cast::<u8>()
/// };
/// // SAFETY: the loads are from both pages.
/// unsafe {
///     assert_eq!(code.entry()(memory, 0), 0);
///     assert_eq!(code.entry()(memory, 4088), 0); // the second load reads at offset 8
///     assert_eq!(code.entry()(memory, 4096), u64::MAX);
/// }
/// assert_eq!(FAULT.load(Ordering::Relaxed), 0x1000);
/// # Ok::<(), stencil_runtime::Error>(())
/// ```
///
/// # What a handler finds
///
/// * **The stack.** Recovery by a jump to a uop, as above, is correct if the stack pointer is what it was at the start of the uop
///   that failed. That is so if its disassembly ([`Stencil::disassembly`](crate::Stencil::disassembly)) has no `push` and does not
///   change `%rsp` before the access. Uops that call no function, and that have few local variables, are of this kind.
/// * **Registers.** The compiler may have changed the machine's registers before the access, and the C standard knows no order
///   between them and memory. The disassembly shows what has happened. Where the access is the first machine instruction, all
///   registers have the values that they had at the start of the uop.
/// * **The access itself.** Make it `volatile`, or else a compiler drops an access whose result is not used, and reorders others.
/// * **Host functions.** A fault in a function that a uop calls has that function's program counter, which no table has.
///
/// # Looking up
///
/// [`find`](Self::find) only reads the table, in a number of steps that grows with the logarithm of its length. It takes no lock
/// and allocates nothing, so it is safe in a signal handler, as long as no one drops the table meanwhile. With many programs, sort
/// their tables by [`range`](Self::range) first.
///
/// A table takes eight bytes and a `T` for each instruction that it has a value for, and twelve more if the instruction has data. It
/// refers to addresses only: it may outlive the code, and says nothing about what comes to lie there.
#[derive(Clone, Debug)]
pub struct AddressTable<T> {
    range: Range<u64>,
    /// The code of each instruction with a value, as offsets in the range, in ascending order.
    code: Box<[Span]>,
    values: Box<[T]>,
    /// The data of those that have some, likewise, with the indices of their values.
    data: Box<[(Span, u32)]>,
}

/// Bytes of a program.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    size: u32,
}

impl Span {
    /// The offsets are below 2 GiB, as programs are.
    fn new(range: &Range<u64>, start: u64) -> Self {
        Self { start: (range.start - start) as u32, size: (range.end - range.start) as u32 }
    }

    fn contains(self, offset: u32) -> bool {
        offset.wrapping_sub(self.start) < self.size
    }
}

impl<T> AddressTable<T> {
    /// Returns the value of the instruction whose code, in line or out of line, is at this address.
    #[must_use]
    pub fn find(&self, Address(address): Address) -> Option<&T> {
        if !self.range.contains(&address) {
            return None;
        }
        // This does not truncate: programs are smaller than 2 GiB.
        let offset = (address - self.range.start) as u32;
        let after = self.code.partition_point(|span| span.start <= offset);
        let index = match after.checked_sub(1) {
            Some(index) if self.code.get(index)?.contains(offset) => index,
            _ => {
                let after = self.data.partition_point(|(span, _)| span.start <= offset);
                let &(span, index) = self.data.get(after.checked_sub(1)?)?;
                span.contains(offset).then_some(index as usize)?
            }
        };
        self.values.get(index)
    }

    /// Returns the addresses of the program's memory. The table has values for no others.
    #[must_use]
    pub fn range(&self) -> Range<Address> {
        Address(self.range.start)..Address(self.range.end)
    }

    /// Returns the values in the order of their instructions.
    #[must_use]
    pub fn values(&self) -> &[T] {
        &self.values
    }
}

impl<M: Machine> Code<M> {
    /// Makes a table of this code's addresses. `program` is what the code was compiled from (an assembler has it as
    /// [`instructions`](crate::Assembler::instructions)). `value` is called in order for each instruction that has code, with its
    /// index. It returns the instruction's value, or `None` if nobody will look for the instruction.
    ///
    /// # Errors
    /// [`Error::OtherProgram`], if the program has another size than the code.
    pub fn address_table<T>(
        &self,
        program: &[Instruction<M>],
        value: impl FnMut(usize, &Instruction<M>) -> Option<T>,
    ) -> Result<AddressTable<T>, Error> {
        table(self, program, value)
    }
}

impl<M: Machine> Fragment<M> {
    /// Makes a table of this fragment's addresses, as [`Code::address_table`] does.
    ///
    /// # Errors
    /// As [`Code::address_table`].
    pub fn address_table<T>(
        &self,
        program: &[Instruction<M>],
        value: impl FnMut(usize, &Instruction<M>) -> Option<T>,
    ) -> Result<AddressTable<T>, Error> {
        table(self, program, value)
    }
}

fn table<M: Machine, C: Compiled<M>, T>(
    compiled: &C,
    program: &[Instruction<M>],
    mut value: impl FnMut(usize, &Instruction<M>) -> Option<T>,
) -> Result<AddressTable<T>, Error> {
    let entry = C::ENTRY.map(|entry| &entry.size);
    let sizes = entry.into_iter().chain(program.iter().map(Instruction::size));
    let (needed, found) = (sizes.map(|size| u64::from(size.code)).sum::<u64>(), compiled.code().bytes().len());
    if needed != found as u64 {
        return Err(Error::OtherProgram { program: needed as usize, code: found });
    }
    let memory = compiled.code().memory().as_ptr_range();
    let range = memory.start as u64..memory.end as u64;
    let mut cursor = Cursor::of(compiled.code());
    if let Some(entry) = entry {
        cursor.advance(entry);
    }
    let (mut code, mut values, mut data) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (instruction, extent)) in cursor.extents(program).enumerate() {
        if extent.code.is_empty() {
            continue;
        }
        let Some(value) = value(index, instruction) else { continue };
        if !extent.data.is_empty() {
            // This does not truncate: a program has fewer than 2^30 instructions.
            data.push((Span::new(&extent.data, range.start), values.len() as u32));
        }
        code.push(Span::new(&extent.code, range.start));
        values.push(value);
    }
    Ok(AddressTable { range, code: code.into(), values: values.into(), data: data.into() })
}

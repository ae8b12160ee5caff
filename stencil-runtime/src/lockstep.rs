//! An oracle for interpreters: runs a program in both tiers and finds the first instruction after which they differ.
//!
//! The observed program has the machine's observer, a uop of the macro, before each instruction. It stores the registers and calls
//! [`observe`]. Compiled code runs first and leaves a digest of 64 bits per step: of the instruction, the registers and the memory.
//! The interpreter runs next and stops at the first step whose digest differs. Then compiled code runs again, up to that step, so the
//! two states can be compared byte by byte. The log is small, and no state is copied before it is needed.

use std::cell::{RefCell, UnsafeCell};
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::address::CodeAddress;
use crate::arena::Arena;
use crate::error::Error;
use crate::fragment::{Fragment, FragmentEntry};
use crate::interpreter::{Interpreter, out_of_memory};
use crate::operand::Operand as _;
use crate::program::{Instruction, Machine};
use crate::uop::Uop;

/// The uop that stores a machine's registers, and the registers' names and sizes in bytes.
pub struct Observer<M: Machine> {
    uop: &'static Uop<M>,
    registers: &'static [(&'static str, usize)],
}

impl<M: Machine> Observer<M> {
    /// Makes an observer.
    ///
    /// # Safety
    /// The uop's operand is the address of a [`Site`]. The uop stores the registers in this order, calls the site's function with the
    /// site, and ends the run if the function returns `true`.
    #[must_use]
    pub const unsafe fn new(uop: &'static Uop<M>, registers: &'static [(&'static str, usize)]) -> Self {
        Self { uop, registers }
    }

    /// Returns the registers that are compared: their names, indices and sizes.
    fn registers(&self, ignored: &[String]) -> Result<Vec<Register>, Error> {
        if let Some(name) = ignored.iter().find(|name| self.registers.iter().all(|(known, _)| known != name)) {
            return Err(Error::UnknownRegister { name: name.clone() });
        }
        let all = self.registers.iter().enumerate().map(|(index, &(name, size))| Register { name, index, size });
        Ok(all.filter(|register| ignored.iter().all(|name| name != register.name)).collect())
    }
}

/// A register that is compared.
#[derive(Clone, Copy)]
struct Register {
    name: &'static str,
    index: usize,
    size: usize,
}

/// The space of one register: the size of the largest vector. `SLOT` in `stencil-macros` is the same.
#[repr(C, align(64))]
struct Slot(UnsafeCell<[u8; 64]>);

/// What the operand of an observer points to. The uop reads the first two fields.
#[repr(C)]
struct Site {
    registers: *const Slot,
    observe: unsafe extern "C" fn(*const Site) -> bool,
    recorder: *const RefCell<Recorder>,
    instruction: usize,
}

/// Records or compares a step. Returns whether the run ends here.
///
/// # Safety
/// The site and what it points to exist, and the regions of its recorder are readable.
unsafe extern "C" fn observe(site: *const Site) -> bool {
    // SAFETY: the caller's promise. The site is only read while programs run.
    let Site { registers, recorder, instruction, .. } = unsafe { &*site };
    // SAFETY: as above.
    let recorder = unsafe { &**recorder };
    recorder.borrow_mut().step(*registers, *instruction)
}

/// What a run does at each step.
enum Task {
    /// Append the digest.
    Log,
    /// Stop at the first step whose digest is not that of the log.
    Compare,
    /// Stop at this step.
    Capture(usize),
}

/// The state of a run.
struct Recorder {
    task: Task,
    registers: Vec<Register>,
    regions: Vec<Region>,
    limit: usize,
    /// The digest of each step in compiled code.
    log: Vec<u64>,
    /// The number of steps so far.
    steps: usize,
    /// The instruction of the last step.
    last: Option<usize>,
    /// Whether the run was ended early.
    stopped: bool,
    /// Whether there was no memory for the log.
    exhausted: bool,
    /// The state where the task was to stop.
    state: Option<State>,
}

/// A part of memory that is compared.
#[derive(Clone, Copy)]
struct Region {
    start: *mut u8,
    size: usize,
}

impl Region {
    fn bytes(&self) -> &[u8] {
        // SAFETY: the promise of the caller of `Lockstep::memory`. Nothing writes there before the result is dropped.
        unsafe { std::slice::from_raw_parts(self.start, self.size) }
    }

    fn restore(&self, bytes: &[u8]) {
        // SAFETY: as above, for writes. `bytes` is a copy of the region, of its size.
        unsafe { self.start.copy_from_nonoverlapping(bytes.as_ptr(), self.size) }
    }
}

/// The registers and the memory before an instruction.
struct State {
    instruction: usize,
    registers: Vec<Vec<u8>>,
    memory: Vec<Vec<u8>>,
}

impl Recorder {
    fn start(&mut self, task: Task) {
        (self.task, self.steps, self.last, self.stopped, self.state) = (task, 0, None, false, None);
    }

    fn step(&mut self, slots: *const Slot, instruction: usize) -> bool {
        // Callers of a function that has ended early continue up to their next step.
        if self.stopped || self.steps == self.limit {
            self.stopped = true;
            return true;
        }
        let found = match self.task {
            Task::Log if self.log.try_reserve(1).is_err() => {
                self.exhausted = true;
                true
            }
            Task::Log => {
                let digest = self.digest(slots, instruction);
                self.log.push(digest);
                false
            }
            Task::Compare => self.log.get(self.steps) != Some(&self.digest(slots, instruction)),
            Task::Capture(step) => self.steps == step,
        };
        if found {
            self.stopped = true;
            let registers = self.registers.iter().map(|register| register.bytes(slots).to_vec()).collect();
            let memory = self.regions.iter().map(|region| region.bytes().to_vec()).collect();
            self.state = Some(State { instruction, registers, memory });
            return true;
        }
        self.steps += 1;
        self.last = Some(instruction);
        false
    }

    fn digest(&self, slots: *const Slot, instruction: usize) -> u64 {
        let mut hasher = DefaultHasher::new();
        instruction.hash(&mut hasher);
        self.registers.iter().for_each(|register| hasher.write(register.bytes(slots)));
        self.regions.iter().for_each(|region| hasher.write(region.bytes()));
        hasher.finish()
    }
}

impl Register {
    fn bytes(&self, slots: *const Slot) -> &[u8] {
        // SAFETY: there is a slot for each register of the machine, and the program that writes there waits for `observe`.
        let bytes = unsafe { &*(*slots.add(self.index)).0.get() };
        &bytes[..self.size]
    }
}

/// Runs a program in both tiers and compares them after each instruction: registers, memory, the instruction that follows, and at the end
/// the result. It tells whether a fault is one of the program or of a tier, and is the core of a random test of uops.
///
/// ```
/// use stencil_runtime::{Label, Lockstep, stencil};
///
/// stencil! {
///     #[interpreter]
///     machine Calc(m: *mut u64, x: u64) -> u64;
///     uop add(value: u64) { x += value; }
///     uop store(at: u32) { m[at] = x; }
///     uop wrong(at: u32) { m[at] += STENCIL_TIER(1, 2); }
///     uop ret() { RETURN(x); }
/// }
///
/// let mut memory = [0_u64; 4];
/// let m = memory.as_mut_ptr();
/// let compare = |program: &[_]| {
///     // SAFETY: only the program uses the memory.
///     let lockstep = unsafe { Lockstep::<Calc>::new(program).memory(m.cast(), 32) };
///     // SAFETY: the program stores to the memory only.
///     lockstep.run(|enter, start| unsafe { enter(start, m, 5) })
/// };
/// let equal = compare(&[Calc::add(1), Calc::store(2), Calc::ret()])?;
/// assert_eq!((equal.steps, equal.difference), (3, None));
/// let difference = compare(&[Calc::store(2), Calc::wrong(2), Calc::ret()])?.difference.unwrap();
/// assert_eq!(
///     difference.to_string(),
///     "after instruction 1, `wrong at=2`: byte 16 of memory region 0 is 0x6 in compiled code and 0x7 in the interpreter"
/// );
/// # Ok::<(), stencil_runtime::Error>(())
/// ```
///
/// The program runs up to three times from the same memory, so its host functions have to return the same values each time. What they
/// print is printed as often. A run that faults, faults here, too. Values that differ for a good reason are excluded: a register that holds
/// a code address ([`ADDRESS_OF`](Interpreter)) by [`ignore`](Self::ignore). For the same reason, a program must not have operands that are addresses of
/// code in one tier.
pub struct Lockstep<'p, M: Machine> {
    program: &'p [Instruction<M>],
    ignored: Vec<String>,
    regions: Vec<Region>,
    limit: usize,
}

impl<'p, M: Machine> Lockstep<'p, M> {
    /// The default of [`limit`](Self::limit): 2^24 instructions.
    pub const LIMIT: usize = 1 << 24;

    /// Prepares the comparison of a program, with all registers and no memory.
    #[must_use]
    pub fn new(program: &'p [Instruction<M>]) -> Self {
        Self { program, ignored: Vec::new(), regions: Vec::new(), limit: Self::LIMIT }
    }

    /// Excludes a register. An element of an array of registers has the name `r[2]`.
    #[must_use]
    pub fn ignore(mut self, register: &str) -> Self {
        self.ignored.push(register.to_owned());
        self
    }

    /// Limits the run to this number of instructions, those of loops counted each time. The log takes 8 bytes for each.
    #[must_use]
    pub fn limit(mut self, instructions: usize) -> Self {
        self.limit = instructions;
        self
    }

    /// Adds a region of memory of `size` bytes, which is compared as a whole after each instruction. Each run begins with the content that
    /// the region has now, and so does the caller afterwards.
    ///
    /// # Safety
    /// The region is initialized, and valid for reads and writes until [`run`](Self::run) returns. Until then, only the program and its host functions
    /// access it.
    #[must_use]
    pub unsafe fn memory(mut self, start: *mut u8, size: usize) -> Self {
        self.regions.push(Region { start, size });
        self
    }

    /// Runs the program in both tiers. `enter` calls the given function with the given address and the machine's registers, the same ones
    /// each time, and returns the result. It is called two or three times. For a float, it returns the bits, since a NaN is unequal to itself.
    ///
    /// Where a run is stopped early, the function returns zeros.
    ///
    /// # Safety of the call
    /// As for [`Code::entry`](crate::Code::entry). Besides, the function is called on the thread of `enter`, and before that returns.
    ///
    /// # Errors
    /// [`Error::UnknownRegister`], [`Error::NoInterpreter`], and those of [`Interpreter::new`] and [`Fragment::compile_in`].
    pub fn run<R: PartialEq + fmt::Debug>(
        &self,
        mut enter: impl FnMut(M::FragmentEntry, CodeAddress) -> R,
    ) -> Result<Comparison, Error> {
        let observer = M::OBSERVER.ok_or(Error::NoInterpreter)?;
        // Its errors have the indices of the program's own instructions.
        drop(Interpreter::new(self.program)?);
        let slots: Vec<_> = observer.registers.iter().map(|_| Slot(UnsafeCell::new([0; 64]))).collect();
        let recorder = RefCell::new(Recorder {
            task: Task::Log,
            registers: observer.registers(&self.ignored)?,
            regions: self.regions.clone(),
            limit: self.limit,
            log: Vec::new(),
            steps: 0,
            last: None,
            stopped: false,
            exhausted: false,
            state: None,
        });
        let (registers, at) = (slots.as_ptr(), &raw const recorder);
        let site = |instruction| Site { registers, observe, recorder: at, instruction };
        let sites: Vec<_> = (0..self.program.len()).map(site).collect();
        let program = self.program.iter().zip(&sites).flat_map(|(instruction, site)| {
            // SAFETY: the operand is the address of a site.
            let observe = || unsafe { Instruction::new(observer.uop, [(&raw const *site).to_word()], None) };
            instruction.bound_label().is_none().then(observe).into_iter().chain([*instruction])
        });
        let program: Vec<_> = program.collect();
        let interpreter = Interpreter::new(&program)?;
        let arena = Arena::new()?;
        let (code, entry) = (Fragment::compile_in(&arena, &program)?, FragmentEntry::<M>::new_in(&arena)?);

        let initial = self.copy();
        let mut run = |task, (function, start)| {
            self.restore(&initial);
            recorder.borrow_mut().start(task);
            enter(function, start)
        };
        let (compiled, interpreted) = ((*entry.function(), code.start()), (*interpreter.entry(), interpreter.start()));
        let results = (run(Task::Log, compiled), self.copy());
        if recorder.borrow().exhausted {
            self.restore(&initial);
            return Err(out_of_memory(recorder.borrow().log.len() * 16));
        }
        let cut = recorder.borrow().stopped;
        let others = (run(Task::Compare, interpreted), self.copy());
        let (steps, last, ended, state) = {
            let mut recorder = recorder.borrow_mut();
            (recorder.steps, recorder.last, recorder.steps < recorder.log.len(), recorder.state.take())
        };
        let mismatches = if state.is_some() || ended {
            run(Task::Capture(steps), compiled);
            let recorder = &mut *recorder.borrow_mut();
            of_states(recorder.state.take(), state, &recorder.registers)
        } else if cut {
            Vec::new()
        } else {
            of_results(&results, &others)
        };
        self.restore(&initial);
        let text = last.map_or_else(String::new, |index| format!("{:?}", self.program[index]));
        let difference = (!mismatches.is_empty()).then_some(Difference { instruction: last, text, mismatches });
        Ok(Comparison { steps, is_complete: !cut && difference.is_none(), difference })
    }

    fn copy(&self) -> Vec<Vec<u8>> {
        self.regions.iter().map(|region| region.bytes().to_vec()).collect()
    }

    fn restore(&self, memory: &[Vec<u8>]) {
        self.regions.iter().zip(memory).for_each(|(region, bytes)| region.restore(bytes));
    }
}

impl<M: Machine> fmt::Debug for Lockstep<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lockstep").field("ignored", &self.ignored).field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// Returns what differs where the digests do. A run that has ended there has no state.
fn of_states(compiled: Option<State>, interpreted: Option<State>, registers: &[Register]) -> Vec<Mismatch> {
    let index = |state: &Option<State>| state.as_ref().map(|state| state.instruction);
    let next = Mismatch::Next { compiled: index(&compiled), interpreted: index(&interpreted) };
    let differs = index(&compiled) != index(&interpreted);
    let mut all = Vec::from_iter(differs.then_some(next));
    if let (Some(compiled), Some(interpreted)) = (compiled, interpreted) {
        let values = compiled.registers.into_iter().zip(interpreted.registers).zip(registers);
        let values = values.filter(|((compiled, interpreted), _)| compiled != interpreted);
        all.extend(values.map(|((compiled, interpreted), register)| Mismatch::Register {
            name: register.name,
            compiled,
            interpreted,
        }));
        all.extend(of_memory(&compiled.memory, &interpreted.memory));
    }
    if all.is_empty() { vec![Mismatch::NotRepeatable] } else { all }
}

/// Returns what differs at the end, in results and memory.
fn of_results<R: PartialEq + fmt::Debug>(
    compiled: &(R, Vec<Vec<u8>>),
    interpreted: &(R, Vec<Vec<u8>>),
) -> Vec<Mismatch> {
    let results =
        || Mismatch::Result { compiled: format!("{:?}", compiled.0), interpreted: format!("{:?}", interpreted.0) };
    let results = (compiled.0 != interpreted.0).then(results);
    results.into_iter().chain(of_memory(&compiled.1, &interpreted.1)).collect()
}

/// Returns the first difference of each region.
fn of_memory(compiled: &[Vec<u8>], interpreted: &[Vec<u8>]) -> Vec<Mismatch> {
    let regions = compiled.iter().zip(interpreted).enumerate().filter_map(|(region, (compiled, interpreted))| {
        let offset = compiled.iter().zip(interpreted).position(|(compiled, interpreted)| compiled != interpreted)?;
        Some(Mismatch::Memory { region, offset, compiled: compiled[offset], interpreted: interpreted[offset] })
    });
    regions.collect()
}

/// The result of a [`Lockstep`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Comparison {
    /// The number of instructions that were executed before the first difference, or in total.
    pub steps: usize,
    /// Whether both tiers ran to the end without a difference. If there is no difference, but a run exceeded the limit, it is `false`.
    pub is_complete: bool,
    /// The first difference.
    pub difference: Option<Difference>,
}

/// The first instruction after which the tiers differ.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The index in the program of the last instruction that was executed. If that is a return, the cause may also be in the instruction that
    /// called: it continued behind its `CALL`. `None` means that the runs began differently.
    pub instruction: Option<usize>,
    /// That instruction, as its `Debug` writes it.
    pub text: String,
    /// Everything that differs: at least one mismatch, with the first byte of each region.
    pub mismatches: Vec<Mismatch>,
}

/// One thing in which the tiers differ.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// The instruction that would be executed next, or `None` where the run has ended.
    Next {
        /// In compiled code.
        compiled: Option<usize>,
        /// In the interpreter.
        interpreted: Option<usize>,
    },
    /// A register.
    Register {
        /// Its name.
        name: &'static str,
        /// Its bytes in compiled code.
        compiled: Vec<u8>,
        /// Its bytes in the interpreter.
        interpreted: Vec<u8>,
    },
    /// A byte of memory.
    Memory {
        /// The region, counted from 0 in the order of the calls of [`Lockstep::memory`].
        region: usize,
        /// The offset in the region, in bytes.
        offset: usize,
        /// The byte in compiled code.
        compiled: u8,
        /// The byte in the interpreter.
        interpreted: u8,
    },
    /// The results, as their `Debug` writes them.
    Result {
        /// In compiled code.
        compiled: String,
        /// In the interpreter.
        interpreted: String,
    },
    /// The second run of compiled code differs from its first one, so the program depends on something else than its registers and the regions.
    NotRepeatable,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.instruction {
            None => f.write_str("before the first instruction")?,
            Some(index) => write!(f, "after instruction {index}, `{}`", self.text)?,
        }
        for (index, mismatch) in self.mismatches.iter().enumerate() {
            f.write_str(if index == 0 { ": " } else { "; " })?;
            mismatch.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, compiled, interpreted) = match self {
            Self::Next { compiled, interpreted } => {
                let next =
                    |index: &Option<usize>| index.map_or("the end".into(), |index| format!("instruction {index}"));
                ("what follows".to_owned(), next(compiled), next(interpreted))
            }
            Self::Register { name, compiled, interpreted } => {
                (format!("register `{name}`"), number(compiled), number(interpreted))
            }
            Self::Memory { region, offset, compiled, interpreted } => {
                (format!("byte {offset} of memory region {region}"), number(&[*compiled]), number(&[*interpreted]))
            }
            Self::Result { compiled, interpreted } => ("the result".into(), compiled.clone(), interpreted.clone()),
            Self::NotRepeatable => return f.write_str("compiled code does not repeat its own run"),
        };
        write!(f, "{what} is {compiled} in compiled code and {interpreted} in the interpreter")
    }
}

/// Returns little-endian bytes as a hexadecimal number.
fn number(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().rev().map(|byte| format!("{byte:02x}")).collect();
    let digits = digits.trim_start_matches('0');
    format!("0x{}", if digits.is_empty() { "0" } else { digits })
}

//! Fragments: programs without an entry, which other programs jump to.

use crate::address::CodeAddress;
use crate::arena::Arena;
use crate::code::{Code, Compiled, compile_in, sealed};
use crate::entry::EntryPoint;
use crate::error::Error;
use crate::label::Label;
use crate::program::{Instruction, Machine};
use crate::uop::Uop;

/// A compiled program of machine `M` without an entry of its own. It is entered at its [`start`](Self::start) or at its labels: by other
/// programs through a [`CodeAddress`], and from Rust through a [`FragmentEntry`]. Dropping it frees its memory.
///
/// It consists of the code of its uops, an invalid instruction (2 bytes), and 4 bytes for each label. So a fragment without data and
/// labels takes a cache line if its uops have at most 62 bytes.
///
/// # Dropping
///
/// No thread may be inside the code of a program when it is dropped, or enter it afterwards. The caller is responsible for that, as
/// part of the contract of the entry's `unsafe` call. The memory of a dropped program is reused. In debug builds, the code of a dropped
/// program in an arena that is mapped [twice](crate::Mapping::Dual) is overwritten with breakpoint instructions at once, so that a thread that is still
/// inside stops with `SIGTRAP`.
#[derive(Debug)]
pub struct Fragment<M>(Code<M>);

impl<M> sealed::Compiled for Fragment<M> {}

impl<M: Machine> Compiled<M> for Fragment<M> {
    const ENTRY: Option<&'static Uop<M>> = None;

    #[inline]
    fn from_code(code: Code<M>) -> Self {
        Self(code)
    }

    fn code(&self) -> &Code<M> {
        &self.0
    }
}

impl<M: Machine> Fragment<M> {
    /// Compiles a fragment into an arena. For several fragments, a [batch](Arena::fragments) is faster.
    ///
    /// # Errors
    /// As [`Code::compile_in`].
    pub fn compile_in(arena: &Arena, instructions: &[Instruction<M>]) -> Result<Self, Error> {
        compile_in(arena, instructions)
    }

    pub(crate) fn as_code(&self) -> &Code<M> {
        &self.0
    }

    /// Returns the address of the first instruction.
    #[must_use]
    #[inline]
    pub fn start(&self) -> CodeAddress {
        CodeAddress::new(self.0.bytes().as_ptr())
    }

    /// Returns the address of a label, if it is bound.
    #[must_use]
    pub fn address(&self, label: Label) -> Option<CodeAddress> {
        self.0.address(label).map(CodeAddress::new)
    }

    /// Returns the machine code.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    /// Returns the data, as [`Code::data`] does.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.0.data()
    }

    /// Returns all memory of the fragment, as [`Code::memory`] does.
    #[must_use]
    pub fn memory(&self) -> &[u8] {
        self.0.memory()
    }

    /// Returns the size of the fragment's memory in bytes, as [`Code::size`] does. The arena rounds it up to whole cache lines of
    /// 64 bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.size()
    }
}

/// A function that enters fragments of machine `M` from Rust. One is enough for all fragments of a machine, in whatever arenas they are.
///
/// ```
/// use stencil_runtime::{Arena, FragmentEntry, Label, stencil};
///
/// stencil! {
///     machine Calc(x: u64) -> u64;
///     uop add(n: u64) { x += n; }
///     uop ret() { RETURN(x); }
/// }
///
/// let arena = Arena::new()?;
/// let enter = FragmentEntry::<Calc>::new_in(&arena)?;
/// let middle = Label(0);
/// let fragment =
///     Calc::compile_fragment_in(&arena, &[Calc::add(1), Calc::bind(middle), Calc::add(10), Calc::ret()])?;
/// // SAFETY: the bodies touch no memory, and the fragment exists.
/// unsafe {
///     assert_eq!(enter.function()(fragment.start(), 100), 111);
///     assert_eq!(enter.function()(fragment.address(middle).unwrap(), 100), 110);
/// }
/// # Ok::<(), stencil_runtime::Error>(())
/// ```
#[derive(Debug)]
pub struct FragmentEntry<M> {
    code: Code<M>,
}

impl<M> sealed::Compiled for FragmentEntry<M> {}

impl<M: Machine> Compiled<M> for FragmentEntry<M> {
    const ENTRY: Option<&'static Uop<M>> = Some(M::FRAGMENT_ENTRY);

    fn from_code(code: Code<M>) -> Self {
        Self { code }
    }

    fn code(&self) -> &Code<M> {
        &self.code
    }
}

impl<M: Machine> FragmentEntry<M> {
    /// Compiles the function into an arena.
    ///
    /// # Errors
    /// As [`Code::compile_in`].
    pub fn new_in(arena: &Arena) -> Result<Self, Error> {
        compile_in(arena, &[])
    }

    /// Returns the function. Its first parameter is the address to enter, and the machine's registers follow.
    ///
    /// # Safety
    /// Calling the function is `unsafe`, for the reasons given at [`Code::entry`]. The address has to be that of a uop of a program of
    /// machine `M` that exists until the call returns.
    #[must_use]
    #[inline]
    pub fn function(&self) -> EntryPoint<'_, M::FragmentEntry> {
        const { assert!(size_of::<M::FragmentEntry>() == size_of::<*const u8>()) };
        let start = self.code.bytes().as_ptr();
        // SAFETY: only function pointers implement `Entry`. The memory holds the stencil of a function of exactly this type, as the
        // contract of `Machine` requires.
        EntryPoint::new(unsafe { std::mem::transmute_copy::<*const u8, M::FragmentEntry>(&start) })
    }
}

//! Arenas: memory for many programs, reserved once.

use crate::batch::Batch;
use crate::error::Error;
use crate::memory::{Mapping, Owner, Pages, Placement};

/// Memory for many programs. They share pages; what is dropped is used again.
///
/// Addresses are reserved at once, near the executable, so that host functions are called directly; memory is got from the
/// system as it is needed. Many threads can compile into an arena, run what they compiled, and drop what others did. The
/// memory is returned to the system when the arena and all code in it are dropped.
///
/// ```
/// use stencil_runtime::{Arena, stencil};
///
/// stencil! {
///     machine Twice(x: u64) -> u64;
///     uop double() { x *= 2; }
///     uop ret() { RETURN(x); }
/// }
///
/// let arena = Arena::new()?;
/// let double = Twice::compile_in(&arena, &[Twice::double(), Twice::ret()])?;
/// assert_eq!(unsafe { double.entry()(21) }, 42);
///
/// // Many programs are written first and then made executable at once.
/// let mut batch = arena.batch();
/// for n in 0..100 {
///     let mut program = vec![Twice::double(); n];
///     program.push(Twice::ret());
///     batch.compile(&program)?;
/// }
/// let codes = batch.publish()?;
/// assert_eq!(unsafe { codes[10].entry()(1) }, 1024);
/// # Ok::<(), stencil_runtime::Error>(())
/// ```
///
/// # Which mapping
///
/// With [`Mapping::Single`] what runs cannot be written, at any address. Take it if there is no reason not to: it costs one
/// system call, with a batch one for all its programs, and space is used again page by page. With [`Mapping::Dual`] programs that are
/// compiled one by one cost no more than their emission, and single ones that come and go leave no holes, which a tracing
/// interpreter may want. What it costs in security, and after `fork`, is said there.
#[derive(Debug)]
pub struct Arena {
    pages: Owner,
}

/// What an arena should be.
///
/// ```
/// use stencil_runtime::{Arena, ArenaOptions, Mapping};
///
/// let arena = Arena::with(ArenaOptions::default().size(16 << 20).mapping(Mapping::Dual))?;
/// assert_eq!(arena.stats().reserved, 16 << 20);
/// # Ok::<(), stencil_runtime::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArenaOptions {
    size: usize,
    mapping: Mapping,
}

impl Default for ArenaOptions {
    /// 256 MiB, mapped once.
    fn default() -> Self {
        Self { size: 256 << 20, mapping: Mapping::Single }
    }
}

impl ArenaOptions {
    /// Bytes of address space to reserve, rounded up to whole pages: the most that the arena can hold. The system counts them
    /// against `RLIMIT_AS`, twice with [`Mapping::Dual`], and takes no memory for them. Up to 1.75 GiB are found near the
    /// executable; in a larger arena, of at most 4 GiB, host functions are called through trampolines.
    #[must_use]
    pub const fn size(self, size: usize) -> Self {
        Self { size, ..self }
    }

    /// How the memory is mapped.
    #[must_use]
    pub const fn mapping(self, mapping: Mapping) -> Self {
        Self { mapping, ..self }
    }
}

/// How the memory of an arena is used, in bytes. `committed` is the sum of `used`, `padding` and `free`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArenaStats {
    /// Address space.
    pub reserved: usize,
    /// Memory got from the system.
    pub committed: usize,
    /// Code and data of published programs.
    pub used: usize,
    /// What programs are rounded up to cache lines by, lines in pages that cannot be used again while a program there
    /// lives, and what batches have that are not published.
    pub padding: usize,
    /// What can be used again.
    pub free: usize,
    /// Programs that are published.
    pub functions: usize,
}

impl Arena {
    /// An arena of the default options; if the system refuses to execute memory that was written
    /// ([`Error::NotExecutable`]), it is mapped [twice](Mapping::Dual).
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; [`Error::NotExecutable`], if it refuses both.
    pub fn new() -> Result<Self, Error> {
        match Self::with(ArenaOptions::default()) {
            Err(refused @ Error::NotExecutable { .. }) => {
                Self::with(ArenaOptions::default().mapping(Mapping::Dual)).map_err(|_| refused)
            }
            arena => arena,
        }
    }

    /// An arena of these options.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; [`Error::NotExecutable`], if the system refuses to execute memory that was written;
    /// [`Error::NoDualMapping`].
    pub fn with(options: ArenaOptions) -> Result<Self, Error> {
        let pages = Pages::new(options.size, options.mapping, Placement::Near)?;
        pages.probe()?;
        Ok(Self { pages: Owner::new(pages) })
    }

    /// How it is mapped.
    #[must_use]
    pub fn mapping(&self) -> Mapping {
        self.pages.mapping()
    }

    /// Begins a batch of programs that are made executable together. While it is open it holds some memory in advance: 16 KiB,
    /// or as much as it has used, and never more than 1 MiB or a 64th of the arena.
    #[must_use]
    pub fn batch<M>(&self) -> Batch<'_, M> {
        Batch::new(&self.pages)
    }

    /// How the memory is used now. It looks at each page that is committed; while other threads compile or drop code, the
    /// numbers are not of one moment.
    #[must_use]
    pub fn stats(&self) -> ArenaStats {
        self.pages.stats()
    }

    pub(crate) fn pages(&self) -> &Owner {
        &self.pages
    }
}

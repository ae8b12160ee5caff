//! Arenas: memory for many programs, reserved once.

use crate::batch::Batch;
use crate::error::Error;
use crate::fragment::Fragment;
use crate::memory::{Mapping, Owner, Pages, Placement};

/// Memory for many programs. They share pages, and the space of dropped programs is reused.
///
/// An arena reserves its address space once, near the executable, so that code can call host functions directly. It takes
/// memory from the system as needed. Several threads can compile into an arena, run its code and drop it. The system gets the
/// memory back when the arena and all code in it are dropped.
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
/// // A batch writes many programs and makes them executable together.
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
/// With [`Mapping::Single`], the default, running code is not writable at any address. Publishing takes one system call per
/// program or batch, and space is reused in whole pages. With [`Mapping::Dual`], publishing takes no system call in fresh
/// memory, and the space of each single program can be reused. That suits tracing interpreters. Read about the consequences
/// for security and for `fork` at [`Mapping::Dual`].
#[derive(Debug)]
pub struct Arena {
    pages: Owner,
}

/// The size and the mapping of an arena.
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
    /// Sets the address space to reserve, in bytes: at most 4 GiB, rounded up to whole pages. This is the capacity of the
    /// arena. Reserving takes no memory, but counts against `RLIMIT_AS`, twice with [`Mapping::Dual`]. An arena of up to
    /// 1.75 GiB fits near the executable; in a larger one, calls of host functions go through trampolines.
    #[must_use]
    pub const fn size(self, size: usize) -> Self {
        Self { size, ..self }
    }

    /// Sets how the memory is mapped.
    #[must_use]
    pub const fn mapping(self, mapping: Mapping) -> Self {
        Self { mapping, ..self }
    }
}

/// The use of an arena's memory, in bytes. `committed` is the sum of `used`, `padding` and `free`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArenaStats {
    /// Reserved address space.
    pub reserved: usize,
    /// Memory obtained from the system.
    pub committed: usize,
    /// Code, data and tables of labels of published programs.
    pub used: usize,
    /// Memory that is neither used nor free: the padding of programs to cache lines, free lines in pages that cannot be reused
    /// while a program in them lives, pages for links, and the space of unpublished batches.
    pub padding: usize,
    /// Memory that can be reused.
    pub free: usize,
    /// The number of published programs.
    pub functions: usize,
}

impl Arena {
    /// Creates an arena with the default options. If the system refuses to make written memory executable, the arena is mapped
    /// [twice](Mapping::Dual).
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::TooManyMappings`]; [`Error::NotExecutable`], if the system refuses both mappings.
    pub fn new() -> Result<Self, Error> {
        match Self::with(ArenaOptions::default()) {
            Err(refused @ Error::NotExecutable { .. }) => {
                Self::with(ArenaOptions::default().mapping(Mapping::Dual)).map_err(|_| refused)
            }
            arena => arena,
        }
    }

    /// Creates an arena with these options.
    ///
    /// # Errors
    /// [`Error::ArenaTooLarge`], [`Error::OutOfMemory`], [`Error::TooManyMappings`]; [`Error::NotExecutable`], if the system
    /// refuses to make written memory executable; [`Error::NoDualMapping`].
    pub fn with(options: ArenaOptions) -> Result<Self, Error> {
        let pages = Pages::new(options.size, options.mapping, Placement::Near)?;
        pages.probe()?;
        Ok(Self { pages: Owner::new(pages) })
    }

    /// Returns how the memory is mapped.
    #[must_use]
    pub fn mapping(&self) -> Mapping {
        self.pages.mapping()
    }

    /// Begins a batch of programs that become executable together. An open batch claims memory in advance: 16 KiB or as much
    /// as it has used, whichever is more, and at most 1 MiB and a 64th of the arena.
    #[must_use]
    pub fn batch<M>(&self) -> Batch<'_, M> {
        Batch::new(&self.pages)
    }

    /// Begins a batch of [fragments](Fragment), as [`batch`](Self::batch) does for programs with an entry.
    #[must_use]
    pub fn fragments<M>(&self) -> Batch<'_, M, Fragment<M>> {
        Batch::new(&self.pages)
    }

    /// Returns the current use of the memory. This reads the state of each committed page. While other threads compile or drop
    /// code, the numbers are not a consistent snapshot.
    #[must_use]
    pub fn stats(&self) -> ArenaStats {
        self.pages.stats()
    }

    pub(crate) fn pages(&self) -> &Owner {
        &self.pages
    }
}

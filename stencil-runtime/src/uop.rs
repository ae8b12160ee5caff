//! Uops as instructions refer to them: a stencil, and the function that emits it.

use crate::catalog::{self, Catalog, Stored};
use crate::described::{self, ExitsOf};
use crate::emit::{Emitter, Fresh, Memory};
use crate::error::Error;
use crate::interpreter::Handler;
use crate::label::Labels;
use crate::program::Machine;
use crate::stencil::{Family, Stencil};

/// A function that emits the instructions of one shape: uops that differ in nothing but their bytes. It is only called for
/// uops of that shape. Returns `false` if it emitted nothing, so that the description is needed.
pub type Emit<M> = fn(&Uop<M>, &mut Emitter<'_, Fresh>, &<M as Machine>::Operands, &Labels) -> bool;

/// An emit function, and the number of bytes that it expects each of its uops to store.
#[derive(Debug)]
pub struct Shape<M: Machine> {
    stored: usize,
    emit: Emit<M>,
}

impl<M: Machine> Shape<M> {
    /// Makes a shape. What its function does is up to the caller of [`Uop::new`].
    #[must_use]
    pub const fn new(stored: usize, emit: Emit<M>) -> Self {
        Self { stored, emit }
    }
}

/// The sizes of a stencil that the first pass adds up. A uop holds them, so that the pass does not read the stencil.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) code: u32,
    pub(crate) data: u32,
    /// The alignment of the data less one, or 0 if there is no data.
    pub(crate) alignment_mask: u32,
    pub(crate) calls: u32,
}

impl Size {
    const NONE: Self = Self { code: 0, data: 0, alignment_mask: 0, calls: 0 };
}

/// A uop of a machine, as instructions refer to it.
///
/// Safe code cannot make one, nor an instruction with words that are not typed:
///
/// ```compile_fail,E0133
/// # use stencil_runtime::{Instruction, Machine, stencil};
/// # stencil! {
/// #     machine Calc(x: u64) -> u64;
/// #     uop ret() { RETURN(x); }
/// # }
/// let again: Instruction<Calc> = Instruction::new(Calc::ENTRY, [], None); // error: `new` is unsafe
/// ```
pub struct Uop<M: Machine> {
    /// The function of its shape. None for the pseudo-uop that binds a label.
    pub(crate) emit: Option<Emit<M>>,
    stored: Stored,
    pub(crate) size: Size,
    catalog: &'static Catalog,
    /// The record of its stencil, or that of the family for missing members.
    record: u32,
    /// The number of its shape in the block, or `MISSING`.
    shape: u32,
    /// The uop of the narrow form.
    narrow: Option<&'static Self>,
    /// Its function in the interpreter, if the machine has one.
    pub(crate) handler: Option<Handler>,
}

/// The numbers of a uop's head.
const HEAD: usize = 8;

/// In place of a shape: this stands for the members that a family lacks.
const MISSING: u32 = u32::MAX;

impl<M: Machine> Uop<M> {
    /// Makes a uop of its head: the offset of its record, that of its stored bytes, its sizes of code and data, the alignment
    /// of the data less one or 0, the number of calls, the shape, and the position of its narrow form in
    /// `narrow`, counted from 1, or 0. Expansions of [`stencil!`](crate::stencil!) call it.
    ///
    /// # Safety
    /// The catalog describes functions of machine `M` that a C compiler compiled: their bytes, their sizes, their alignment,
    /// their operands and their patches. The head belongs to the record. The handler executes the same uop. The shape emits this stencil, and nothing else, from
    /// its stored bytes and by the same operands in the same order.
    ///
    /// # Panics
    /// If the shape expects more stored bytes than there are, or if there is no such narrow form.
    #[must_use]
    pub const unsafe fn new(
        catalog: &'static Catalog,
        shapes: &[Shape<M>],
        head: [u32; HEAD],
        narrow: &'static [Option<Self>],
        handler: Option<Handler>,
    ) -> Self {
        let [record, start, code, data, alignment_mask, calls, shape, form] = head;
        let Shape { stored, emit } = &shapes[shape as usize];
        assert!(start as usize + *stored <= catalog.bytes.len(), "a shape reads no more bytes than are stored");
        Self {
            emit: Some(*emit),
            // SAFETY: there are as many bytes as the shape expects, whose function emits the uop.
            stored: unsafe { Stored::at(catalog.bytes, start as usize) },
            size: Size { code, data, alignment_mask, calls },
            catalog,
            record,
            shape,
            narrow: if form == 0 { None } else { narrow[form as usize - 1].as_ref() },
            handler,
        }
    }

    /// Makes the uops of a family, with `None` for members that it lacks. Their heads are numbers of four bytes, beginning with
    /// zero for these members. So constant
    /// evaluation, which takes about a microsecond for a step, decodes nothing. `handlers` has their functions in the interpreter, or
    /// nothing.
    ///
    /// # Safety
    /// As for [`new`](Self::new), for each member. `narrow` has the narrow forms of all members.
    ///
    /// # Panics
    /// As for [`new`](Self::new), or if there are not `N` heads.
    #[must_use]
    pub const unsafe fn family<const N: usize>(
        catalog: &'static Catalog,
        shapes: &[Shape<M>],
        heads: &[u8],
        narrow: &'static [Option<Self>],
        handlers: &[Option<Handler>],
    ) -> [Option<Self>; N] {
        let (heads, _) = heads.as_chunks::<4>();
        let mut uops = [const { None }; N];
        let mut index = 0;
        while index < N {
            let (mut head, mut next) = ([0; HEAD], 0);
            while next < HEAD {
                head[next] = u32::from_le_bytes(heads[HEAD * index + next]);
                next += 1;
            }
            if head[0] != 0 {
                let handler = if index < handlers.len() { handlers[index] } else { None };
                // SAFETY: the caller's promise.
                uops[index] = Some(unsafe { Self::new(catalog, shapes, head, narrow, handler) });
            }
            index += 1;
        }
        uops
    }

    /// Returns the uop of the narrow form, if there is one and all words are within the limits, and else this uop.
    #[inline(always)]
    pub(crate) fn of_form<const N: usize>(&'static self, words: &[u64; N], limits: Option<Limits<N>>) -> &'static Self {
        let Some(limits) = limits else { return self };
        // The words are numbers of 64 bits with or without a sign; distances have none. There is no branch for each operand.
        let (mut fit, mut next) = (true, 0);
        while next < N {
            let (least, distance) = limits[next];
            fit &= words[next].wrapping_sub(least) <= distance;
            next += 1;
        }
        self.narrow.filter(|_| fit).unwrap_or(self)
    }

    /// Makes a uop that stands for the members that a family lacks. Emitting it is an error; its operands are the
    /// parameters.
    #[must_use]
    pub const fn missing(family: Family) -> Self {
        let Family { catalog, at } = family;
        Self {
            emit: Some(|_, _, _, _| false),
            stored: Stored::NONE,
            size: Size::NONE,
            catalog,
            record: at,
            shape: MISSING,
            narrow: None,
            handler: None,
        }
    }

    /// The pseudo-uop that binds a label.
    pub(crate) const BIND: &'static Self = const {
        &Self {
            emit: None,
            stored: Stored::NONE,
            size: Size::NONE,
            catalog: &catalog::PSEUDO,
            record: catalog::BIND,
            shape: 0,
            narrow: None,
            handler: None,
        }
    };

    /// Returns the description of its stencil.
    #[must_use]
    pub const fn stencil(&self) -> Stencil {
        if self.shape == MISSING { Stencil::nothing() } else { self.catalog.stencil(self.record) }
    }

    /// Returns the family for whose missing members it stands.
    pub(crate) const fn missing_from(&self) -> Option<Family> {
        if self.shape == MISSING { Some(self.catalog.family(self.record)) } else { None }
    }

    /// Returns the error for an instruction of it, if it stands for missing members. The operands are then the parameters.
    #[cold]
    pub(crate) fn no_such_stencil(&self, operands: &[u64]) -> Option<Error> {
        let family = self.missing_from()?;
        let parameters = operands.iter().take(family.ranges().len()).map(|&parameter| parameter as usize);
        Some(Error::no_such_stencil(family.name(), &parameters.collect::<Vec<_>>()))
    }

    /// Returns its stored bytes.
    ///
    /// # Safety
    /// They are only passed to the function of its shape.
    #[doc(hidden)]
    #[must_use]
    #[inline(always)]
    pub unsafe fn stored(&self) -> Stored {
        self.stored
    }

    /// Emits it by the function of its shape or, where that gives up, by its description. The word of a label is its
    /// address.
    ///
    /// # Safety
    /// There is a word for each operand of the stencil, in range of its type. `emit` is the function of its shape. `stored`
    /// are its bytes.
    #[doc(hidden)]
    #[inline(always)]
    pub unsafe fn emit<Kind: Memory, const N: usize>(
        &self,
        out: &mut Emitter<'_, Kind>,
        stored: Stored,
        words: [u64; N],
        emit: impl FnOnce(&mut Emitter<'_, Kind>, Stored, &[u64; N]) -> bool,
    ) -> Result<(), Error> {
        if emit(out, stored, &words) { Ok(()) } else { described::emit(out, self.catalog, self.record, &{ words }) }
    }

    /// Does the same in such a way that the caller can keep the emitter in registers.
    ///
    /// # Safety
    /// As for [`emit`](Self::emit).
    #[doc(hidden)]
    #[inline(always)]
    pub unsafe fn emit_inline<Kind: Memory, const N: usize>(
        &self,
        out: &mut Emitter<'_, Kind>,
        stored: Stored,
        words: [u64; N],
        emit: impl FnOnce(&mut Emitter<'_, Kind>, Stored, &[u64; N]) -> bool,
    ) -> Result<(), Error> {
        if emit(out, stored, &words) { Ok(()) } else { out.emit_described(self.catalog, self.record, &{ words }) }
    }

    /// Emits the member of a family for these parameters. `functions` are those of all shapes of the block.
    ///
    /// # Errors
    /// [`Error::NoSuchStencil`], if there is no such member, and those of the member.
    ///
    /// # Safety
    /// As for [`emit`](Self::emit). `uops` and `ranges` are those of the family.
    #[doc(hidden)]
    #[inline]
    pub unsafe fn emit_member<Kind: Memory, const N: usize, const P: usize>(
        (name, uops, ranges): Members<'_, M, P>,
        parameters: [usize; P],
        out: &mut Emitter<'_, Kind>,
        words: [u64; N],
        functions: &[Function<Kind, N>],
    ) -> Result<(), Error> {
        match member(uops, ranges, parameters) {
            // SAFETY: the function is that of the uop's shape. The caller promises the rest.
            Some(uop) => unsafe { uop.emit(out, uop.stored, words, functions[uop.shape as usize]) },
            None => Err(Error::no_such_stencil(name, &parameters)),
        }
    }

    /// Emits it by its description.
    #[cold]
    pub(crate) fn emit_described(
        &self,
        out: &mut Emitter<'_, Fresh>,
        operands: &M::Operands,
        labels: &Labels,
    ) -> Result<(), Error> {
        let Self { catalog, record, .. } = *self;
        if let Some(error) = self.no_such_stencil(operands.as_ref()) {
            return Err(error);
        }
        let holes = self.stencil().holes();
        let operands = operands.as_ref();
        let of_words = holes.iter().flat_map(|hole| std::iter::repeat_n(hole, hole.words()));
        let words = of_words.zip(operands).map(|(hole, &word)| match hole.type_name() {
            "Label" | "CodeExit" => labels.address(word).map(|address| address.0),
            _ => Ok(word),
        });
        let exits = ExitsOf { labels: operands, cells: out.indirect };
        described::emit_of_program(out, catalog, record, &words.collect::<Result<Vec<_>, _>>()?, exits)
    }
}

/// The function of a shape for one kind of memory, which takes the words of operands.
pub type Function<Kind, const N: usize> = fn(&mut Emitter<'_, Kind>, Stored, &[u64; N]) -> bool;

/// The words that a narrow form takes: for each operand the least one, and its distance to the greatest one.
pub type Limits<const N: usize> = [(u64, u64); N];

/// A family: its name, its uops, and for each parameter the first value and the number of values.
pub type Members<'a, M, const P: usize> = (&'static str, &'a [Option<Uop<M>>], [(usize, usize); P]);

/// Returns the member of a family for these parameters. Each range is the first value and the number of values. The last
/// parameter changes fastest.
#[inline(always)]
pub(crate) fn member<M: Machine, const P: usize>(
    uops: &[Option<Uop<M>>],
    ranges: [(usize, usize); P],
    parameters: [usize; P],
) -> Option<&Uop<M>> {
    let (mut index, mut next) = (0, 0);
    while next < P {
        let (start, length) = ranges[next];
        let value = parameters[next].wrapping_sub(start);
        if value >= length {
            return None;
        }
        index = index * length + value;
        next += 1;
    }
    uops[index].as_ref()
}

//! Links: exits of programs that lead to other code, and can be changed while threads run the program.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::address::CodeAddress;
use crate::code::Code;
use crate::described::{TRAMPOLINE, TRAMPOLINE_SIZE};
use crate::error::Error;
use crate::exit::{self, SLACK, Site, SiteKind};
use crate::fragment::Fragment;
use crate::label::Label;
use crate::memory::{Block, Pages, Slot};
use crate::patch;
use crate::program::Machine;

/// The offset of the word in a cell.
const WORD: usize = TRAMPOLINE.len();
/// The first bytes of an indirect jump through memory, before the displacement.
const INDIRECT: [u8; 2] = [TRAMPOLINE[0], TRAMPOLINE[1]];

/// The exits of a program.
#[derive(Debug)]
pub(crate) struct Exits {
    places: Box<[(Label, Place)]>,
    /// The cells of exits that were linked to code beyond 2 GiB. They stay until the program is dropped, since threads may be in them.
    far: Mutex<Vec<(Label, Block)>>,
}

/// What changes if an exit is linked: an offset in the program or, for a slot, in its pages.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// The displacement of a jump.
    Displacement(usize),
    /// The word of a cell.
    Word(usize),
    /// A word outside of the program.
    Slot(usize),
}

impl Exits {
    /// Prepares the exits of a program that was just emitted. Returns `None` if it has none.
    ///
    /// # Errors
    /// Those of claiming memory; [`Error::LinkOutOfReach`].
    pub(crate) fn new(sites: Vec<Site>, slot: &mut Slot<'_, '_>) -> Result<Option<Box<Self>>, Error> {
        if sites.is_empty() {
            return Ok(None);
        }
        let mut places = Vec::with_capacity(sites.len());
        for site in sites {
            match Place::new(site, slot) {
                Ok(place) => places.push((site.exit, place)),
                Err(error) => {
                    free(&places, slot.pages());
                    return Err(error);
                }
            }
        }
        Ok(Some(Box::new(Self { places: places.into(), far: Mutex::default() })))
    }

    /// Frees what the exits have outside of the program.
    #[cold]
    pub(crate) fn free(&self, block: &Block) {
        free(&self.places, block.pages());
    }

    /// Makes an exit lead to a target.
    fn set(&self, block: &Block, exit: Label, target: u64) -> Result<(), Error> {
        block.check_owner()?;
        let mut far = self.far.lock().unwrap_or_else(PoisonError::into_inner);
        let mut places = self.places.iter().filter(|(label, _)| *label == exit).peekable();
        if places.peek().is_none() {
            return Err(Error::UnknownExit { exit });
        }
        for (_, place) in places {
            match *place {
                Place::Displacement(offset) => {
                    let at = block.bytes()[offset..].as_ptr() as u64;
                    let field = match displacement(at, target) {
                        Ok(field) => field,
                        Err(_) => {
                            let cell = far_cell(&mut far, block, exit, target)?;
                            displacement(at, cell).map_err(|_| Error::LinkOutOfReach)?
                        }
                    };
                    block.set_displacement(offset, field);
                }
                Place::Word(offset) => block.set_word(offset, target),
                Place::Slot(offset) => block.pages().set_slot(offset, target),
            }
        }
        Ok(())
    }
}

impl Place {
    /// Prepares a place in a program that is not yet published.
    fn new(site: Site, slot: &mut Slot<'_, '_>) -> Result<Self, Error> {
        let offset = site.address.wrapping_sub(slot.address().0) as usize;
        match site.kind {
            SiteKind::Displacement => Ok(Self::Displacement(offset)),
            SiteKind::Indirect => {
                let bytes = slot.written();
                let field = bytes[offset..].first_chunk().map_or(0, |field| i32::from_le_bytes(*field));
                let end = site.address.wrapping_add(4);
                let (word, displacement) = new_slot(slot, end.wrapping_add_signed(field.into()), site.address + 1)?;
                let jump = &mut slot.written()[offset - 1..][..5 + SLACK];
                patch::put(jump, 0, INDIRECT);
                patch::put(jump, INDIRECT.len(), displacement);
                exit::nops(&mut jump[INDIRECT.len() + 4..]);
                Ok(Self::Slot(word))
            }
            SiteKind::Cell { .. } if !slot.is_single() => Ok(Self::Word(offset + WORD)),
            SiteKind::Cell { label } => {
                let (word, displacement) = new_slot(slot, label, site.address.wrapping_add(INDIRECT.len() as u64))?;
                let cell = &mut slot.written()[offset..offset + TRAMPOLINE_SIZE];
                cell.fill(0);
                patch::put(cell, 0, INDIRECT);
                patch::put(cell, INDIRECT.len(), displacement);
                Ok(Self::Slot(word))
            }
        }
    }
}

/// Returns a new slot that holds a target, and the displacement with which a field at this address reaches the slot.
fn new_slot(slot: &mut Slot<'_, '_>, target: u64, field: u64) -> Result<(usize, [u8; 4]), Error> {
    let new = |slot: &Slot<'_, '_>| {
        slot.pages().new_slot(target, slot.first_line(), |address| displacement(field, address).is_ok())
    };
    let word = match new(slot) {
        Err(Error::ArenaFull { .. }) => {
            // What is left may be what the program's writer has claimed in advance.
            slot.give_back_rest();
            new(slot)?
        }
        word => word?,
    };
    let displacement = displacement(field, slot.pages().address_of_slot(word)).map_err(|_| Error::LinkOutOfReach)?;
    Ok((word, displacement.to_le_bytes()))
}

/// Returns the displacement that a field at this address needs to lead to a target.
fn displacement(field: u64, target: u64) -> Result<i32, patch::Overflow> {
    patch::rel32(field, target, -4).map(i32::from_le_bytes)
}

/// Returns the address of a cell near the program that leads to a target.
fn far_cell(
    far: &mut MutexGuard<'_, Vec<(Label, Block)>>,
    block: &Block,
    exit: Label,
    target: u64,
) -> Result<u64, Error> {
    let cell = match far.iter().find(|(label, _)| *label == exit) {
        Some((_, cell)) => {
            cell.set_word(WORD, target);
            cell
        }
        None => {
            let mut code = [0; TRAMPOLINE_SIZE];
            patch::put(&mut code, 0, TRAMPOLINE);
            patch::put(&mut code, WORD, patch::abs64(target, 0));
            far.push((exit, block.beside(&code)?));
            &far[far.len() - 1].1
        }
    };
    Ok(cell.bytes().as_ptr() as u64)
}

fn free(places: &[(Label, Place)], pages: &Pages) {
    for (_, place) in places {
        if let Place::Slot(offset) = *place {
            pages.free_slot(offset);
        }
    }
}

impl<M> Code<M> {
    fn set_exit(&self, exit: Label, target: Option<CodeAddress>) -> Result<(), Error> {
        let unknown = || Error::UnknownExit { exit };
        let exits = self.exits().ok_or_else(unknown)?;
        let target = match target {
            Some(target) => target.as_ptr(),
            None => self.address(exit).ok_or_else(unknown)?,
        };
        exits.set(&self.block, exit, target as u64)
    }
}

impl<M: Machine> Code<M> {
    /// Links an exit: its jumps lead to the target from now on, instead of to the exit's label or to the target of an earlier link. Threads may run the
    /// program meanwhile. A thread that is about to jump takes the old target or the new one. See
    /// [the guide](crate::guide::translation) for how to use links.
    ///
    /// In an arena that is mapped [twice](crate::Mapping::Dual), this is one store per jump, and a jump beyond 2 GiB gets a trampoline in the arena. In an arena
    /// that is mapped once, it is a store to a word outside of the program that the jumps go through.
    ///
    /// # Errors
    /// * [`Error::UnknownExit`], if no instruction of the program has this exit.
    /// * [`Error::Forked`], in a child process whose parent owns the memory.
    /// * [`Error::ArenaFull`] and [`Error::OutOfMemory`], if the target is beyond 2 GiB and the arena has no room for a trampoline.
    /// * [`Error::LinkOutOfReach`], if the arena has more than 2 GiB, and only out of the jump's reach.
    ///
    /// The exit is unchanged then, unless the program jumps to it at several places.
    ///
    /// # Safety
    /// The target is the address of a uop of a program of machine `M`. Its program exists until the exit has been linked to another target, or
    /// unlinked, and until after that every thread that was inside this program or the target's has left both. Jumping there is what the
    /// callers of running entries have to expect.
    pub unsafe fn link(&self, exit: Label, target: CodeAddress) -> Result<(), Error> {
        self.set_exit(exit, Some(target))
    }

    /// Unlinks an exit: its jumps lead to its label again. The target must stay until every thread that is inside this program or the
    /// target's has left both.
    ///
    /// # Errors
    /// As [`link`](Self::link).
    pub fn unlink(&self, exit: Label) -> Result<(), Error> {
        self.set_exit(exit, None)
    }
}

impl<M: Machine> Fragment<M> {
    /// Links an exit to a target, as [`Code::link`] does.
    ///
    /// # Errors
    /// As [`Code::link`].
    ///
    /// # Safety
    /// As for [`Code::link`].
    pub unsafe fn link(&self, exit: Label, target: CodeAddress) -> Result<(), Error> {
        self.as_code().set_exit(exit, Some(target))
    }

    /// Unlinks an exit, as [`Code::unlink`] does.
    ///
    /// # Errors
    /// As [`Code::link`].
    pub fn unlink(&self, exit: Label) -> Result<(), Error> {
        self.as_code().set_exit(exit, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::{Compiled, published};
    use crate::label::Labels;
    use crate::memory::{LINE, Mapping, Owner, PAGE, Placement};
    use crate::program::{Instruction, Layout};
    use crate::{CodeExit, VectorOperand as _, stencil};
    use core::arch::x86_64::__m128i;

    stencil! {
        machine Guest(x: u64) -> u64;
        uop add(n: u32) { x += n; }
        uop go(exit: CodeExit) { JUMP(exit); }
        uop branch(least: u64, exit: CodeExit) { if (x >= least) JUMP(exit); }
        uop either(least: u64, more: CodeExit, less: CodeExit) { if (x >= least) JUMP(more); JUMP(less); }
        uop behind_vectors(v: __m128i, more: CodeExit, w: __m128i, less: CodeExit) {
            if (x + w[1] >= (uint64_t)v[1]) JUMP(more);
            JUMP(less);
        }
        uop ret() { RETURN(x); }
    }

    const OUT: Label = Label(0);

    fn compile_in(pages: &Owner, program: &[Instruction<Guest>]) -> Result<Code<Guest>, Error> {
        let mut labels = Labels::default();
        let layout = Layout::new(<Code<Guest> as Compiled<Guest>>::ENTRY, program, &mut labels)?;
        published(pages, program, &layout, &mut labels)
    }

    fn compile(program: &[Instruction<Guest>], mapping: Mapping, placement: Placement) -> Code<Guest> {
        compile_in(&Owner::new(Pages::new(4 << 12, mapping, placement).unwrap()), program).unwrap()
    }

    fn run(code: &Code<Guest>, x: u64) -> u64 {
        // SAFETY: the bodies touch no memory.
        unsafe { code.entry()(x) }
    }

    #[test]
    fn targets_are_near_or_beyond_2_gib() {
        let places = [Placement::Near, Placement::Hint(0)];
        let end = [Guest::bind(OUT), Guest::add(100), Guest::ret()];
        let (v, w) = (__m128i::from_words([u64::MAX, 7]), __m128i::from_words([u64::MAX - 1, 2]));
        let jumps: [&[Instruction<Guest>]; 5] = [
            &[Guest::add(1), Guest::go(CodeExit(OUT))],
            &[Guest::add(1), Guest::branch(5, CodeExit(OUT)), Guest::ret()],
            &[Guest::add(1), Guest::either(5, CodeExit(OUT), CodeExit(OUT))],
            &[Guest::add(1), Guest::behind_vectors(v, CodeExit(OUT), w, CodeExit(OUT))],
            &[
                Guest::add(1),
                Guest::behind_vectors(w, CodeExit(Label(1)), w, CodeExit(OUT)),
                Guest::bind(Label(1)),
                Guest::go(CodeExit(OUT)),
            ],
        ];
        for mapping in [Mapping::Single, Mapping::Dual] {
            for (at, jump) in places.into_iter().flat_map(|at| jumps.map(|jump| (at, jump))) {
                let code = compile(&[jump, &end].concat(), mapping, at);
                let targets = [0, 1, 2, 3].map(|n| {
                    let program = [Guest::bind(OUT), Guest::add(200 + n), Guest::ret()];
                    compile(&program, mapping, places[n as usize % 2])
                });
                assert_eq!(run(&code, 10), 111);
                // From near to near, to far, to far, to near, and back.
                for n in [0, 2, 1, 3, 0, 3] {
                    let target = targets[n].address(OUT).unwrap();
                    let is_far = (target as usize).abs_diff(code.bytes().as_ptr() as usize) > 1 << 31;
                    assert_eq!(is_far, places[n % 2] != at, "{mapping:?} {at:?}");
                    // SAFETY: the targets are kept.
                    unsafe { code.link(OUT, target.into()) }.unwrap();
                    assert_eq!(run(&code, 10), 211 + n as u64, "{mapping:?} {at:?}");
                }
                code.unlink(OUT).unwrap();
                assert_eq!(run(&code, 10), 111);
            }
        }
    }

    /// One store of four aligned bytes changes a jump.
    #[test]
    fn displacements_are_aligned() {
        for before in 0..16 {
            let program = [&vec![Guest::add(1); before][..], &[Guest::bind(OUT), Guest::go(CodeExit(OUT))]].concat();
            let code = compile(&program, Mapping::Dual, Placement::Near);
            let exits = code.exits().unwrap();
            assert!(matches!(*exits.places, [(OUT, Place::Displacement(offset))] if offset % 4 == 0), "{exits:?}");
        }
    }

    #[test]
    fn an_arena_without_room_for_a_trampoline_is_an_error() {
        let program = [Guest::go(CodeExit(OUT)), Guest::bind(OUT), Guest::ret()];
        let pages = Owner::new(Pages::new(4096, Mapping::Dual, Placement::Near).unwrap());
        let code = compile_in(&pages, &program).unwrap();
        let rest: Vec<_> = std::iter::from_fn(|| compile_in(&pages, &program).ok()).collect();
        let target = compile(&[Guest::bind(OUT), Guest::add(5), Guest::ret()], Mapping::Dual, Placement::Hint(0));
        let address = target.address(OUT).unwrap();
        // SAFETY: the target is kept.
        let link = || unsafe { code.link(OUT, address.into()) };
        assert!(matches!(link(), Err(Error::ArenaFull { .. })));
        assert_eq!(run(&code, 1), 1);
        drop(rest);
        link().unwrap();
        assert_eq!(run(&code, 1), 6);
    }

    /// Takes all memory of an arena, in pieces of at most 2 to this power lines.
    fn fill(pages: &Pages, most: u32) {
        for lines in (0..=most).rev().map(|power| 1 << power) {
            while pages.skip(lines).is_some() {}
        }
    }

    /// The writer of a program claims pages in advance. It gives them back if the program's links need them.
    #[test]
    fn the_last_two_pages_hold_a_program_and_its_links() {
        let pages = Owner::new(Pages::new(256 * PAGE, Mapping::Single, Placement::Near).unwrap());
        assert!(pages.skip(254 * PAGE / LINE).is_some());
        let program = [Guest::add(1), Guest::go(CodeExit(OUT)), Guest::bind(OUT), Guest::add(100), Guest::ret()];
        for _ in 0..2 {
            let code = compile_in(&pages, &program).unwrap();
            assert_eq!(run(&code, 10), 111);
            assert!(matches!(compile_in(&pages, &program), Err(Error::ArenaFull { .. })));
        }
    }

    /// In an arena of more than 2 GiB, all memory that is free may be out of a program's reach.
    #[test]
    fn links_reach_2_gib_within_an_arena() {
        const SIZE: usize = 9 << 28;
        const LINES: usize = PAGE / LINE;
        let program = [Guest::add(1), Guest::go(CodeExit(OUT)), Guest::bind(OUT), Guest::add(100), Guest::ret()];
        let link = |from: &Code<Guest>, to: &Code<Guest>| {
            // SAFETY: the targets are kept.
            unsafe { from.link(OUT, to.address(OUT).unwrap().into()) }
        };
        for mapping in [Mapping::Single, Mapping::Dual] {
            let pages = Owner::new(Pages::new(SIZE, mapping, Placement::Hint(0)).unwrap());
            let low = compile_in(&pages, &program).unwrap();
            let below = pages.skip(4 * LINES).unwrap();
            fill(&pages, 26);
            let end = SIZE / LINE;
            pages.unskip(end - LINES..end);
            let target = compile(&[Guest::bind(OUT), Guest::add(200), Guest::ret()], mapping, Placement::Near);
            let high = match mapping {
                // The page at the end is taken by the program, and none is left for the slot.
                Mapping::Single => {
                    assert!(matches!(compile_in(&pages, &program), Err(Error::ArenaFull { .. })));
                    pages.unskip(below);
                    assert_eq!(compile_in(&pages, &program).unwrap_err(), Error::LinkOutOfReach);
                    // With another free page at the end, a slot there serves, although there are others far away.
                    fill(&pages, 8);
                    pages.unskip(end - 2 * LINES..end);
                    compile_in(&pages, &program).unwrap()
                }
                Mapping::Dual => {
                    let high = compile_in(&pages, &program).unwrap();
                    fill(&pages, 8);
                    pages.unskip(below);
                    // The trampoline would be at the start of the arena. In the following, there is room at the end.
                    assert_eq!(link(&high, &target), Err(Error::LinkOutOfReach));
                    assert_eq!(run(&high, 10), 111, "the exit is unchanged");
                    fill(&pages, 8);
                    drop(high);
                    let high = compile_in(&pages, &program).unwrap();
                    pages.unskip(end - LINES / 2..end);
                    high
                }
            };
            let distance = (high.bytes().as_ptr() as usize) - (low.bytes().as_ptr() as usize);
            assert!(distance > 2 << 30, "{distance:#x}");
            for (from, to, sum) in [(&high, &target, 211), (&high, &low, 111), (&low, &high, 111), (&low, &target, 211)]
            {
                assert_eq!(run(from, 10), 111);
                link(from, to).unwrap();
                assert_eq!(run(from, 10), sum, "{mapping:?}");
                from.unlink(OUT).unwrap();
            }
        }
    }
}

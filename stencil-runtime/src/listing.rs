//! Listings: the machine code of a program, for people.

use std::fmt;
use std::ops::Range;

use crate::code::{Code, Compiled};
use crate::emit::Address;
use crate::exit;
use crate::extent::Cursor;
use crate::fragment::Fragment;
use crate::program::{Instruction, Machine};
use crate::stencil::Stencil;
use crate::uop::Uop;

/// The uops of a program with their addresses, operands, bytes and machine instructions. The printed form has a line for each
/// uop, followed by a line for each of its machine instructions.
///
/// [`Code`] does not keep the instructions that it was compiled from, so a listing takes them again.
///
/// ```
/// # use stencil_runtime::stencil;
/// # stencil! {
/// #     machine Calc(top: i64) -> i64;
/// #     uop add(value: i32) { top += value; }
/// #     uop ret() { RETURN(top); }
/// # }
/// let program = [Calc::add(-2), Calc::ret()];
/// let code = Calc::compile(&program)?;
/// let text = code.listing(&program).to_string();
/// assert!(text.contains("add value=-2"));
/// assert!(text.lines().last().is_some_and(|line| line.ends_with("ret")));
/// # Ok::<(), stencil_runtime::Error>(())
/// ```
#[derive(Debug)]
pub struct Listing<'a, M: Machine> {
    /// The entry's stencil, if the bytes begin with the entry.
    entry: Option<Stencil>,
    program: &'a [Instruction<M>],
    bytes: &'a [u8],
    /// Where the bytes and the data of the first uop run.
    start: Cursor,
}

impl<'a, M: Machine> Listing<'a, M> {
    /// Lists instructions with their machine code, which begins at this address. The listing ends before the first
    /// instruction whose bytes are incomplete. It has no data, so that [`find`](Self::find) finds no out-of-line code.
    #[must_use]
    pub fn new(program: &'a [Instruction<M>], bytes: &'a [u8], Address(address): Address) -> Self {
        Self { entry: None, program, bytes, start: Cursor { code: address, data: None } }
    }

    /// Returns the uops in order.
    pub fn uops(&self) -> impl Iterator<Item = ListedUop<'a, M>> + use<'a, M> {
        let mut rest = self.bytes;
        let mut address = self.start.code;
        let entry = self.entry.map(|stencil| (stencil, None));
        let program = self.program.iter().map(|instruction| (instruction.stencil(), Some(instruction)));
        entry.into_iter().chain(program).map_while(move |(stencil, instruction)| {
            let (bytes, after) = rest.split_at_checked(stencil.code.size)?;
            let uop = ListedUop { address: Address(address), stencil, instruction, bytes };
            rest = after;
            address = address.wrapping_add(bytes.len() as u64);
            Some(uop)
        })
    }

    /// Returns the uop whose code, in line or out of line, is at this address.
    ///
    /// This takes time in proportion to the length of the program. For many addresses, or in a signal handler, use an
    /// [`AddressTable`](crate::AddressTable).
    ///
    /// ```
    /// # use stencil_runtime::{Address, stencil};
    /// # stencil! {
    /// #     machine Calc(top: i64) -> i64;
    /// #     uop add(value: i32) { top += value; }
    /// #     uop ret() { RETURN(top); }
    /// # }
    /// let program = [Calc::add(-2), Calc::ret()];
    /// let code = Calc::compile(&program)?;
    /// let last = Address::from(code.bytes().as_ptr_range().end.wrapping_sub(1));
    /// let uop = code.listing(&program).find(last).unwrap();
    /// assert_eq!(uop.stencil.name(), "ret");
    /// # Ok::<(), stencil_runtime::Error>(())
    /// ```
    #[must_use]
    pub fn find(&self, Address(address): Address) -> Option<ListedUop<'a, M>> {
        let mut cursor = self.start;
        self.uops().find(|uop| {
            let size = uop.instruction.map_or(&M::ENTRY.size, Instruction::size);
            cursor.advance(size).contains(address)
        })
    }
}

impl<M: Machine> Code<M> {
    /// Lists the program that this was compiled from; see [`Listing`].
    #[must_use]
    pub fn listing<'a>(&'a self, program: &'a [Instruction<M>]) -> Listing<'a, M> {
        listing(self, program)
    }
}

impl<M: Machine> Fragment<M> {
    /// Lists the program that this was compiled from; see [`Listing`].
    #[must_use]
    pub fn listing<'a>(&'a self, program: &'a [Instruction<M>]) -> Listing<'a, M> {
        listing(self, program)
    }
}

fn listing<'a, M: Machine, C: Compiled<M>>(compiled: &'a C, program: &'a [Instruction<M>]) -> Listing<'a, M> {
    let code = compiled.code();
    Listing { entry: C::ENTRY.map(Uop::stencil), program, bytes: code.bytes(), start: Cursor::of(code) }
}

impl<M: Machine> fmt::Display for Listing<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uops().try_for_each(|uop| uop.fmt(f))
    }
}

/// A uop of a [`Listing`].
#[derive(Debug)]
pub struct ListedUop<'a, M: Machine> {
    /// The address of its code.
    pub address: Address,
    /// The description of its stencil.
    pub stencil: Stencil,
    /// The instruction; none for the entry.
    pub instruction: Option<&'a Instruction<M>>,
    /// Its code.
    pub bytes: &'a [u8],
}

impl<'a, M: Machine> ListedUop<'a, M> {
    /// Returns its machine instructions in order. Out-of-line instructions come last, without their bytes, which lie elsewhere.
    pub fn lines(&self) -> impl Iterator<Item = ListedLine<'a>> + use<'a, M> {
        let (bytes, Address(address)) = (self.bytes, self.address);
        let details = self.stencil.details();
        // A stencil with an aligned displacement is padded before and after.
        let aligned = exit::aligned_exit(&details);
        let is_indirect = aligned.is_some_and(|(_, offset)| {
            let is_last = exit::is_last(self.stencil.code.stored, bytes.len(), offset);
            is_last && bytes.get(offset - 1..).is_some_and(|jump| jump.starts_with(&[0xff, 0x25]))
        });
        let before = aligned.filter(|_| !is_indirect).map_or(0, |(_, offset)| exit::padding(address, offset));
        // An indirect jump is longer by a byte.
        let after = aligned.map_or(0, |_| exit::SLACK - before - usize::from(is_indirect));
        let own = before..bytes.len().saturating_sub(after);
        let prefix = if aligned.is_some_and(|(_, offset)| exit::is_first(offset)) { "cs" } else { "nop" };
        let padding = move |range: Range<usize>, assembly| {
            (!range.is_empty()).then(|| ListedLine {
                address: Some(Address(address.wrapping_add(range.start as u64))),
                bytes: bytes.get(range).unwrap_or_default(),
                assembly,
            })
        };
        let (first, last) = (padding(0..own.start, prefix), padding(own.end..bytes.len(), "nop"));
        let lines = details.lines;
        // In-line instructions have ascending offsets. A line without an offset precedes the out-of-line ones.
        let starts: Vec<usize> = lines.iter().map_while(|line| Some(line.offset? + before)).collect();
        let inline = starts.len();
        let listed = lines.into_iter().enumerate().map(move |(index, line)| {
            let end = starts.get(index + 1).copied().unwrap_or(own.end);
            let range = starts.get(index).map(|&start| start..end);
            ListedLine {
                address: range.as_ref().map(|range| Address(address.wrapping_add(range.start as u64))),
                bytes: range.and_then(|range| bytes.get(range)).unwrap_or_default(),
                assembly: line.text,
            }
        });
        let mut listed: Vec<_> = listed.collect();
        listed.splice(inline..inline, last);
        listed.splice(0..0, first);
        listed.into_iter()
    }
}

impl<M: Machine> fmt::Display for ListedUop<'_, M> {
    /// Writes a line with its address, its name, its operands and whether its form is narrow, and a line for each machine instruction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:8x}: ", self.address.0)?;
        match self.instruction {
            Some(instruction) if self.stencil.is_narrow() => writeln!(f, "{instruction:?} (narrow)")?,
            Some(instruction) => writeln!(f, "{instruction:?}")?,
            None => writeln!(f, "{}", self.stencil.name())?,
        }
        self.lines().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A machine instruction of a [`ListedUop`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedLine<'a> {
    /// Its address; `None` for an out-of-line instruction.
    pub address: Option<Address>,
    /// Its bytes in memory.
    pub bytes: &'a [u8],
    /// The instruction in AT&T syntax, with the names of operands in place of their values. A jump within the uop gives its
    /// target as an offset from the uop's start.
    pub assembly: &'a str,
}

impl fmt::Display for ListedLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(Address(address)) => write!(f, "{address:8x}:   ")?,
            None => write!(f, "{:12}", "")?,
        }
        // The longest instruction of most uops has ten bytes.
        let width = 31;
        let hex = self.bytes.len() * 3;
        for byte in self.bytes {
            write!(f, "{byte:02x} ")?;
        }
        write!(f, "{:1$}{2}", "", width - hex.min(width - 1), self.assembly)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Arena, ArenaOptions, CodeExit, Label, Mapping, stencil};

    stencil! {
        machine Lister(top: u64) -> u64;
        extern fn rare(top: u64) -> u64 = super::tests::rare;
        uop add(value: i32) { top += value; }
        uop check(target: Label) { if (__builtin_expect(top == 0, 0)) { top = rare(top) + rare(top + 1); JUMP(target); } }
        uop leave(least: u64, exit: CodeExit) { if (top > least) JUMP(exit); }
        uop go(exit: CodeExit) { JUMP(exit); }
        uop ret() { RETURN(top); }
    }

    extern "C" fn rare(top: u64) -> u64 {
        top
    }

    fn program() -> [Instruction<Lister>; 7] {
        let leave = Lister::leave(9, CodeExit(Label(0)));
        [
            Lister::bind(Label(0)),
            Lister::add(-2),
            leave,
            Lister::check(Label(0)),
            leave,
            Lister::go(CodeExit(Label(0))),
            Lister::ret(),
        ]
    }

    #[test]
    fn every_byte_of_code_is_listed_once_and_in_order() {
        let program = program();
        for mapping in [Mapping::Single, Mapping::Dual] {
            let arena = Arena::with(ArenaOptions::default().size(1 << 16).mapping(mapping)).unwrap();
            lists_every_byte_once(&program, &Lister::compile_in(&arena, &program).unwrap());
        }
    }

    fn lists_every_byte_once(program: &[Instruction<Lister>], code: &Code<Lister>) {
        let listing = code.listing(program);
        let bytes: Vec<u8> = listing.uops().flat_map(|uop| uop.bytes.to_vec()).collect();
        assert_eq!(bytes, code.bytes());
        let lines: Vec<_> = listing.uops().flat_map(|uop| uop.lines().collect::<Vec<_>>()).collect();
        let bytes: Vec<u8> = lines.iter().flat_map(|line| line.bytes.to_vec()).collect();
        assert_eq!(bytes, code.bytes());
        let mut next = code.bytes().as_ptr() as u64;
        for line in lines.iter().filter(|line| line.address.is_some()) {
            assert_eq!(line.address, Some(Address(next)), "{line}");
            next += line.bytes.len() as u64;
        }
        let names: Vec<_> = listing.uops().map(|uop| uop.stencil.name()).collect();
        assert_eq!(names, ["entry", "bind", "add", "leave", "check", "leave", "go", "ret"]);
    }

    #[test]
    fn a_line_has_the_address_the_bytes_and_the_assembly() {
        let program = [Lister::add(-2)];
        let bytes: Vec<u8> = (0xa0..).take(program[0].stencil().code.size).collect();
        let text = Listing::new(&program, &bytes, Address(0x1000)).to_string();
        let (first, rest) = text.split_once('\n').unwrap();
        assert_eq!(first, "    1000: add value=-2 (narrow)");
        assert!(rest.starts_with("    1000:   a0 a1 a2 a3 "), "{text}");
        // An `add`, or a `lea`, depending on the compiler.
        assert!(rest.contains("$value, %") || rest.contains("value(%"), "{text}");
    }

    #[test]
    fn an_address_belongs_to_one_uop_wherever_the_code_is() {
        let program = program();
        let bytes = [0x90; 1000];
        for start in [0, 0x1000, u64::MAX - 3] {
            let listing = Listing::new(&program, &bytes, Address(start));
            let end = listing.uops().map(|uop| uop.bytes.len() as u64).sum();
            for uop in listing.uops() {
                for offset in 0..uop.bytes.len() as u64 {
                    let found = listing.find(Address(uop.address.0.wrapping_add(offset))).unwrap();
                    assert_eq!((found.address, found.stencil.name()), (uop.address, uop.stencil.name()));
                }
            }
            for outside in [end, end + 64, u64::MAX] {
                assert!(listing.find(Address(start.wrapping_add(outside))).is_none());
            }
        }
    }

    #[test]
    fn a_listing_ends_with_the_bytes() {
        let program = program();
        let code = Lister::compile(&program).unwrap();
        for size in 0..code.bytes().len() {
            let listing = Listing::new(&program, &code.bytes()[..size], Address(u64::MAX - 3));
            let bytes: Vec<u8> = listing.uops().flat_map(|uop| uop.bytes.to_vec()).collect();
            assert!(bytes.len() <= size);
            assert_eq!(bytes, code.bytes()[..bytes.len()]);
            assert!(listing.to_string().len() >= bytes.len());
        }
    }
}

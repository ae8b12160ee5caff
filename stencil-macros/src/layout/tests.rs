//! Layout by itself: bytes in, bytes out.
//!
//! Words are bytes, or the names of relocated fields of four bytes: `next` and `exit` are the targets of jumps that leave
//! the function. In the output, `in+2` is offset 2 of the code and `out+2` that of the code out of line, each seen from the
//! other part.

use super::{Edge, Part, Place, Replacements, lay_out};
use crate::instruction::{Condition, Flow, Instruction, index_at};
use crate::isa;

/// Returns the bytes of the input, and its relocated fields: their offsets and targets.
fn assemble(input: &str) -> (Vec<u8>, Vec<usize>, Vec<Edge>) {
    let (mut code, mut fields, mut edges) = (Vec::new(), Vec::new(), Vec::new());
    for word in input.lines().flat_map(|line| line.split('|').next().unwrap_or_default().split_whitespace()) {
        if let Ok(byte) = u8::from_str_radix(word, 16) {
            code.push(byte);
            continue;
        }
        edges.push(if word == "next" { Edge::Next } else { Edge::Exit(fields.len()) });
        fields.push(code.len());
        code.extend([0; 4]);
    }
    (code, fields, edges)
}

fn parts(input: &str) -> (Part, Part) {
    let (code, fields, edges) = assemble(input);
    let exit = |offset| Some(edges[fields.binary_search(&offset).ok()?]);
    lay_out(&code, &isa::decode(&code).unwrap(), &fields, &Replacements::new(), exit).unwrap()
}

fn text(part: &Part, other: &str) -> String {
    let mut words: Vec<_> = part.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let exits = part.relocations.iter().map(|&(_, offset)| (offset, "exit".to_owned()));
    let across = part.across.iter().map(|&(offset, place)| match place {
        Place::Next => (offset, "next".to_owned()),
        Place::Other(start) => (offset, format!("{other}+{start}")),
    });
    let mut fields: Vec<_> = exits.chain(across).collect();
    fields.sort_unstable();
    for (offset, name) in fields.into_iter().rev() {
        words.splice(offset..offset + 4, [name]);
    }
    words.join(" ")
}

#[track_caller]
fn lays_out(input: &str, inside: &str, outside: &str) {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (code, data) = parts(input);
    assert_eq!((text(&code, "out"), text(&data, "in")), (words(inside), words(outside)));
}

#[test]
fn an_exit_moves() {
    lays_out(
        "
        85 ff                     | test %edi, %edi
        74 07                     | je 1f
        01 fe                     | add %edi, %esi
        e9 next
        b8 01 00 00 00            | 1: mov $1, %eax
        c3                        | ret
    ",
        "85 ff 0f 84 out+0 01 fe",
        "b8 01 00 00 00 c3",
    );
    lays_out("85 ff 74 07 01 fe e9 next 31 c0 e9 exit", "85 ff 0f 84 out+0 01 fe", "31 c0 e9 exit");
}

#[test]
fn a_call_that_does_not_return_leaves() {
    lays_out("85 ff 74 07 01 fe e9 next 31 c0 e8 exit", "85 ff 0f 84 out+0 01 fe", "31 c0 e8 exit");
}

#[test]
fn an_exit_that_is_no_longer_than_the_jump_grows_by_stays() {
    // The branch to it would take four more bytes.
    lays_out("85 ff 74 07 01 fe e9 next 0f 0b", "85 ff 75 02 0f 0b 01 fe", "");
    lays_out("85 ff 74 07 01 fe e9 next 31 c0 90 c3", "85 ff 75 04 31 c0 90 c3 01 fe", "");
    lays_out("85 ff 74 07 01 fe e9 next 31 c0 90 90 c3", "85 ff 0f 84 out+0 01 fe", "31 c0 90 90 c3");
    // Two branches lead to it, and it follows the second one.
    lays_out("85 ff 74 0b 85 f6 74 07 01 fe e9 next 31 c0 e9 exit", "85 ff 74 04 85 f6 75 07 31 c0 e9 exit 01 fe", "");
}

#[test]
fn an_exit_directly_after_its_branch_stays_up_to_twice_that_size() {
    lays_out("85 ff 75 07 31 c0 e9 exit 01 fe e9 next", "85 ff 75 07 31 c0 e9 exit 01 fe", "");
    lays_out("85 ff 75 0a b8 01 00 00 00 e9 exit 01 fe e9 next", "85 ff 0f 84 out+0 01 fe", "b8 01 00 00 00 e9 exit");
}

#[test]
fn code_behind_the_likely_path_stays_if_it_soon_returns() {
    lays_out(
        "
        85 ff                     | test %edi, %edi
        74 07                     | je 2f
        01 fe                     | 1: add %edi, %esi
        e9 next
        83 ce 01                  | 2: or $1, %esi
        eb f4                     | jmp 1b
    ",
        "85 ff 75 03 83 ce 01 01 fe",
        "",
    );
    // It goes on to the next uop by itself.
    lays_out("85 ff 74 07 01 fe e9 next 83 ce 01 e9 next", "85 ff 75 05 83 ce 01 eb 02 01 fe", "");
    // An exit in it is judged by itself.
    lays_out(
        "85 ff 74 07 01 fe e9 next 85 f6 74 05 e9 next 31 c0 e9 exit",
        "85 ff 75 0a 85 f6 0f 84 out+0 eb 02 01 fe",
        "31 c0 e9 exit",
    );
}

#[test]
fn code_behind_the_likely_path_moves_if_it_does_not_soon_return() {
    let five = "b8 01 00 00 00";
    let (soon, late) = (format!("{five} {five} {five} 90"), format!("{five} {five} {five} 31 c0"));
    lays_out(&format!("85 ff 74 07 01 fe e9 next {soon} e9 next"), &format!("85 ff 75 12 {soon} eb 02 01 fe"), "");
    lays_out(
        &format!("85 ff 74 07 01 fe e9 next {late} e9 next"),
        "85 ff 0f 84 out+0 01 fe",
        &format!("{late} e9 next"),
    );
    lays_out(&format!("85 ff 74 07 01 fe e9 next {late} eb e6"), "85 ff 0f 84 out+0 01 fe", &format!("{late} e9 in+8"));
    // Small code that only it leads to moves with it.
    lays_out(
        &format!("85 ff 74 07 01 fe e9 next {late} 74 05 e9 next 0f 0b"),
        "85 ff 0f 84 out+0 01 fe",
        &format!("{late} 0f 85 next 0f 0b"),
    );
}

#[test]
fn code_within_the_likely_path_stays() {
    let long = "b8 01 00 00 00 b8 01 00 00 00 b8 01 00 00 00 b8 01 00 00 00";
    lays_out(
        &format!("85 ff 74 04 01 fe eb 14 {long} 31 c9 e9 next"),
        &format!("85 ff 75 16 {long} eb 02 01 fe 31 c9"),
        "",
    );
}

#[test]
fn code_that_never_falls_through_stays_in_the_compilers_order() {
    lays_out("85 ff 74 07 31 c0 e9 exit b8 01 00 00 00 c3", "85 ff 74 07 31 c0 e9 exit b8 01 00 00 00 c3", "");
}

/// A generator of numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit
    }
}

/// A part with its instructions.
type Decoded<'a> = (&'a Part, Vec<Instruction>);

/// Executes up to a thousand instructions. Returns the numbers that `mov $number, %eax` writes, and how execution ends. The
/// zero flag depends on how many numbers there were.
fn run(parts: &[Decoded; 2], exits: &[&'static str], seed: u64) -> (Vec<u32>, &'static str) {
    let (mut part, mut at, mut numbers) = (0, 0, Vec::new());
    for _ in 0..1000 {
        let (Part { bytes, relocations, across }, decoded) = &parts[part];
        if at == bytes.len() {
            return (numbers, if part == 0 { "next" } else { "lost" });
        }
        let item = &decoded[index_at(decoded, at)];
        assert_eq!(item.start, at);
        let zero = Random(seed.wrapping_mul(numbers.len() as u64 + 1) | 1).below(2) == 0;
        at = item.end;
        match item.flow {
            Flow::Plain => {
                numbers.push(u32::from_le_bytes(bytes[item.end - 4..item.end].try_into().unwrap()));
                continue;
            }
            Flow::Branch if (isa::condition(&bytes[item.start..]) == Some(IF_ZERO)) != zero => continue,
            _ => {}
        }
        let field = item.destination().unwrap();
        let relocation = relocations.iter().find(|(_, offset)| *offset == field);
        match across.iter().find(|(offset, _)| *offset == field).map(|(_, place)| *place) {
            Some(Place::Next) => return (numbers, "next"),
            Some(Place::Other(start)) => (part, at) = (1 - part, start),
            None => match relocation {
                Some((relocation, _)) => return (numbers, exits[*relocation]),
                None => at = item.internal_target(|_| false).unwrap(),
            },
        }
    }
    (numbers, "endless")
}

const IF_ZERO: Condition = Condition(4);
const UNLESS_ZERO: Condition = Condition(5);

#[test]
fn random_functions_do_the_same_after_layout() {
    for seed in 1..400_u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let count = 1 + random.below(8);
        // Each block: how many numbers it writes, and the jumps at its end. Beyond the blocks are the next uop and an exit.
        let blocks: Vec<_> = (0..count)
            .map(|_| {
                let conditions = [&[Some(IF_ZERO), None][..], &[Some(UNLESS_ZERO), None], &[None]][random.below(3)];
                let jumps = conditions.iter().map(|condition| (*condition, random.below(count + 2)));
                let jumps: Vec<_> = jumps.collect();
                (random.below(5), jumps)
            })
            .collect();
        let size = |(numbers, jumps): &(usize, Vec<(Option<Condition>, usize)>)| {
            numbers * 5 + jumps.iter().map(|(condition, _)| isa::jump_size(*condition, true)).sum::<usize>()
        };
        let start = |block: usize| blocks[..block].iter().map(size).sum::<usize>();
        let (mut code, mut fields, mut exits) = (Vec::new(), Vec::new(), Vec::new());
        for (block, (numbers, jumps)) in blocks.iter().enumerate() {
            for number in 0..*numbers {
                code.push(0xb8);
                code.extend((block as u32 * 8 + number as u32).to_le_bytes());
            }
            for &(condition, target) in jumps {
                let end = code.len() + isa::jump_size(condition, true);
                let displacement = if target < count { start(target) as i64 - end as i64 } else { 0 };
                let field = isa::push_jump(&mut code, condition, true, displacement);
                if target >= count {
                    fields.push(field);
                    exits.push(["next", "exit"][target - count]);
                }
            }
        }
        let exit = |offset| {
            let index = fields.binary_search(&offset).ok()?;
            Some(if exits[index] == "next" { Edge::Next } else { Edge::Exit(index) })
        };
        let decoded = isa::decode(&code).unwrap();
        let (inside, outside) = lay_out(&code, &decoded, &fields, &Replacements::new(), exit).unwrap();
        let relocations = fields.iter().copied().enumerate().collect();
        let (whole, nothing) = (Part { bytes: code, relocations, across: Vec::new() }, Part::default());
        let decode = |part: &Part| isa::decode(&part.bytes).unwrap();
        let before = [(&whole, decoded), (&nothing, Vec::new())];
        let after = [(&inside, decode(&inside)), (&outside, decode(&outside))];
        for way in 0..20 {
            let [before, after] = [&before, &after].map(|parts| run(parts, &exits, seed * 64 + way));
            let common = before.0.len().min(after.0.len());
            if [before.1, after.1].contains(&"endless") {
                assert_eq!(before.0[..common], after.0[..common], "seed {seed}");
            } else {
                assert_eq!(before, after, "seed {seed}");
            }
        }
    }
}

//! How fast machine code is made, by the emit functions of `stencil!` and in other ways, taking turns in one process.
//!
//! Before it is measured, each contender's output is checked: it is the same bytes, or, where it cannot be, code that
//! returns the same. Times are medians and minima. Only the ratios carry over to other machines.

mod functions;
mod measure;
mod mixed;
mod near;
mod peers;
mod small;
mod table;
mod traces;

use std::error::Error;

use stencil_runtime::{Arena, ArenaOptions, Machine as _, Mapping, Stencil};

use measure::{Case, row, same, slow};
use peers::{c, copypatch, cranelift, dynasm, iced, patchouly};
use small::Adder;

/// The error type of this program.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The number of uops in a case.
const UOPS: usize = 10_000;
/// The number of traces in a case, and of uops in each, without the one that leaves it.
const TRACES: usize = 200;
const UOPS_PER_TRACE: usize = 64;
/// The number of functions in a case, and of uops in each. The last uop returns.
const FUNCTIONS: usize = 1000;
const UOPS_PER_FUNCTION: usize = 10;

/// The stencils of `small`, for the functions in C.
const SMALL: [&Stencil; 3] = [&Adder::ENTRY.stencil(), &small::STENCIL_step, &small::STENCIL_ret];

fn main() -> Result<()> {
    type Measure = fn() -> Result<()>;
    let cases: [(&str, Measure); 4] =
        [("equal", equal_uops), ("mixed", mixed_uops), ("traces", traces), ("functions", functions)];
    // The arguments name the cases to measure; without any, all are.
    let chosen: Vec<_> = std::env::args().skip(1).collect();
    cases
        .into_iter()
        .filter(|(name, _)| chosen.is_empty() || chosen.iter().any(|it| it == name))
        .try_for_each(|(_, case)| case())
}

fn equal_uops() -> Result<()> {
    let steps = &small::steps(UOPS)[..];
    let expected = &small::reference(steps)?[..];
    let mut memory = near::Near::new(expected.len() + 4096)?;
    let functions = &c::Functions::new(&SMALL, |_| None)?;
    let program = &steps.iter().map(c_step).collect::<Vec<_>>()[..];
    let rows = vec![
        row("emit functions", small::EmitFunction { steps, expected }),
        row("loop by hand", small::ByHand { steps, expected }),
        row("memcpy of the result", small::Copied { expected }),
        row("dynasm-rs", dynasm::Dynasm::new(steps, expected)),
        row(C, c::Emitting { functions, program, data: expected.len(), labels: Vec::new(), expected }),
        row("copypatch", copypatch::CopyPatch::new(steps, expected)),
        slow("patchouly", patchouly::Patchouly { library: patchouly::Library::new(&[]), steps, expected }),
        slow("iced-x86", iced::Iced { steps, expected, code: Vec::new() }),
        slow("Cranelift", cranelift::Cranelift::new(vec![steps])),
    ];
    let case =
        Case { name: "Equal uops", unit: "uop", units: UOPS, bytes: expected.len(), rounds: 1000, freeing: false };
    case.measure(memory.bytes(), rows)
}

fn mixed_uops() -> Result<()> {
    let steps = &mixed::steps(UOPS)[..];
    let layout = &mixed::layout(steps);
    let mut memory = near::Near::new(layout.end + 4096)?;
    let memory = memory.bytes();
    let expected = &mixed::reference(memory, steps, layout)?[..];
    let functions = &c::Functions::new(&mixed::STENCILS, mixed::host)?;
    let targets = mixed::targets(memory, layout);
    let (program, addresses) = (&mixed::words(steps, [0, 1])[..], &mixed::words(steps, targets)[..]);
    let rows = vec![
        row("emit functions", mixed::EmitFunctions { steps, layout, expected }),
        row("memcpy of the result", small::Copied { expected }),
        row("memcpy of each body", mixed::Bodies { steps }),
        row(C, c::Emitting { functions, program, data: layout.data, labels: targets.to_vec(), expected }),
        row("tables of patches", mixed::Table { program: addresses, layout }),
    ];
    let case =
        Case { name: "Mixed uops", unit: "uop", units: UOPS, bytes: expected.len(), rounds: 300, freeing: false };
    case.measure(memory, rows)?;
    let labels = targets.map(|target| target - memory.as_ptr() as u64).to_vec();
    let whole = &[expected.to_vec()];
    let rows = vec![
        row("a program in an arena", mixed::Program::new(steps, Some(arena(Mapping::Single)?))),
        row("the same, mapped twice", mixed::Program::new(steps, Some(arena(Mapping::Dual)?))),
        row("a program in a mapping of its own", mixed::Program::new(steps, None)),
        row("memcpy of the result", functions::Copied { expected: whole, size: layout.end, made: None }),
        row(
            C,
            c::Mapping {
                functions,
                programs: vec![program.to_vec()],
                labels,
                expected: Box::new(|_, made| mixed::bodies(made, steps)),
                made: Vec::new(),
            },
        ),
    ];
    Case { name: "Mixed uops, made executable", ..case }.measure(memory, rows)
}

fn traces() -> Result<()> {
    let steps = &mixed::steps(TRACES * UOPS_PER_TRACE)[..];
    let traces = &traces::traces(steps, UOPS_PER_TRACE)[..];
    let functions = &c::Functions::new(&traces::stencils(), mixed::host)?;
    let expected = &traces::reference(traces)?[..];
    let bytes = expected.iter().map(|trace| trace.size).sum();
    let mut rows = Vec::new();
    for (assembled, from_numbers, slices, mapping) in [
        ("an assembler and an arena", "the same, from numbers of uops", "slices and an arena", Mapping::Single),
        (
            "an assembler and an arena mapped twice",
            "the same, from numbers of uops",
            "slices and an arena mapped twice",
            Mapping::Dual,
        ),
    ] {
        rows.push(row(assembled, traces::Assembled::new(traces, expected, arena(mapping)?, false)));
        rows.push(row(from_numbers, traces::Assembled::new(traces, expected, arena(mapping)?, true)));
        rows.push(row(slices, traces::Slices::new(traces, expected, arena(mapping)?)));
    }
    rows.push(row(
        C,
        c::Traces {
            functions,
            traces: traces.iter().map(traces::Trace::words).collect(),
            expected: Box::new(|index, made| traces::bodies(&traces[index], made)),
            made: Vec::new(),
        },
    ));
    let name = "Traces of 64 uops with labels, one at a time, and freeing them";
    Case { name, unit: "trace", units: TRACES, bytes, rounds: 300, freeing: true }.measure(&mut [], rows)
}

fn functions() -> Result<()> {
    let steps = small::steps(FUNCTIONS * (UOPS_PER_FUNCTION - 1));
    let functions = &steps.chunks(UOPS_PER_FUNCTION - 1).collect::<Vec<_>>()[..];
    let expected = &functions::reference(functions)?[..];
    let entry = functions::entry(expected);
    let bytes = expected.iter().map(Vec::len).sum();
    let in_c = &c::Functions::new(&SMALL, |_| None)?;
    let instruction = |uop| c::Instruction { uop, operands: [0; 2] };
    let c_programs = functions
        .iter()
        .map(|steps| [instruction(0)].into_iter().chain(steps.iter().map(c_step)).chain([instruction(2)]).collect())
        .collect::<Vec<Vec<_>>>();
    for (name, freeing) in [("Functions of ten uops", false), ("Functions of ten uops, and freeing them", true)] {
        let rows = vec![
            row(
                "an arena, published once",
                functions::Programs::new(functions, expected, Some(arena(Mapping::Single)?)),
            ),
            row("the same, mapped twice", functions::Programs::new(functions, expected, Some(arena(Mapping::Dual)?))),
            slow("a mapping of its own for each", functions::Programs::new(functions, expected, None)),
            row("memcpy of all, published once", functions::Copied { expected, size: bytes, made: None }),
            row("dynasm-rs, published once", dynasm::Functions { functions, entry, expected, made: None }),
            slow(
                C,
                c::Mapping {
                    functions: in_c,
                    programs: c_programs.clone(),
                    labels: Vec::new(),
                    expected: Box::new(|index, made| same(&made[..expected[index].len()], &expected[index])),
                    made: Vec::new(),
                },
            ),
            slow("copypatch", copypatch::Functions { functions, entry, expected, made: Vec::new() }),
            slow(
                "patchouly",
                patchouly::Functions { library: patchouly::Library::new(entry), functions, expected, made: Vec::new() },
            ),
            slow("Cranelift, published once", cranelift::Cranelift::new(functions.to_vec())),
        ];
        Case { name, unit: "function", units: FUNCTIONS, bytes, rounds: 100, freeing }.measure(&mut [], rows)?;
    }
    Ok(())
}

fn arena(mapping: Mapping) -> Result<Arena> {
    Ok(Arena::with(ArenaOptions::default().mapping(mapping))?)
}

/// The row of the functions in C.
const C: &str = "C, as CPython's generator writes it";

fn c_step(step: &small::Step) -> c::Instruction<2> {
    c::Instruction { uop: 1, operands: [step.offset.into(), i64::from(step.amount).cast_unsigned()] }
}

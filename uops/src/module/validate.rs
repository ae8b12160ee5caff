//! Validation, with bounds on the memory and the time that it takes.
//!
//! An instruction of two bytes may push or pop 1,000 values. Without a bound, a module of 200 kB fills gigabytes of the
//! validator's operand stack, and each of its bytes takes microseconds. So there is a limit on the height of the operand
//! stack, and another one on the values that all operators together push and pop ([`VALUES_PER_BYTE`]). Compilers' output
//! reaches neither.

use std::ops::Range;

use wasmparser::{
    BinaryReader, BlockType, FuncToValidate, FuncValidator, FuncValidatorAllocations, FunctionBody, KnownCustom, Name,
    Operator, Parser, Payload, ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

use crate::module::decode::Failure;
use crate::module::error::Error;
use crate::module::headroom::Headroom;
use crate::module::pieces::in_pieces;
use crate::module::progress::Reporter;

/// The most values on the operand stack of a function, between two operators.
pub(crate) const MAX_OPERANDS: u32 = 1 << 16;

/// The most targets of a `br_table` besides its default. Browsers have the same limit. The validator reads a table in one
/// step, in which it cannot be cancelled.
const MAX_TARGETS: u32 = 65_520;

/// How many values calls, branches and blocks may push and pop for each byte of a module, on average.
const VALUES_PER_BYTE: u64 = 64;

/// How many values calls, branches and blocks may push and pop in any module, however small.
const VALUES: u64 = 1 << 22;

/// A type with at most this many parameters and results in all is narrow. An operator of a narrow type pops and pushes each
/// of them at most once for each of its bytes. So it stays within the bounds, and a module whose types are all narrow is
/// not counted.
const NARROW: usize = VALUES_PER_BYTE as usize / 2;

/// The most heap memory that a byte of a section takes, in the validator and in the decoded module.
const HEAP_PER_BYTE: u64 = 400;

/// The same for a byte of a function.
const HEAP_PER_BYTE_OF_CODE: u64 = 100;

/// The most heap memory that the name of a function takes, in addition to its bytes.
const HEAP_PER_NAME: u64 = 200;

/// Validates a module, reports the progress, and passes each valid part to `sink`.
pub(crate) fn validate(
    wasm: &[u8],
    features: WasmFeatures,
    reporter: &mut Reporter<'_>,
    mut sink: impl FnMut(Payload<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut validator = Validator::new_with_features(features);
    let mut functions = Functions::new(wasm.len())?;
    let mut parser = Parser::new(0);
    parser.set_features(features);
    for payload in parser.parse_all(wasm) {
        in_pieces(wasm, features, payload?, |payload| {
            functions.prepare(&payload)?;
            if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
                functions.validate(function, &body, reporter)?;
                reporter.report(body.range().end as usize)?;
            } else if !matches!(payload, Payload::CodeSectionStart { .. })
                && let Some((_, range)) = payload.as_section()
            {
                // Functions report the code section. Validating and decoding a large section take about the same time.
                reporter.report(range.end as usize)?;
            }
            sink(payload)
        })?;
    }
    Ok(())
}

/// The validation of functions.
struct Functions {
    headroom: Headroom,
    allocations: FuncValidatorAllocations,
    /// Whether a type is not narrow.
    wide: bool,
    /// The values that operators may still push and pop.
    values: u64,
    /// The limit for `values`.
    limit: u64,
}

impl Functions {
    fn new(size: usize) -> Result<Self, Failure> {
        let limit = VALUES.saturating_add(VALUES_PER_BYTE.saturating_mul(size as u64));
        let headroom = Headroom::new("module")?;
        Ok(Self { headroom, allocations: FuncValidatorAllocations::default(), wide: false, values: limit, limit })
    }

    /// Makes sure that there is memory to validate a part of the module.
    fn prepare(&mut self, payload: &Payload<'_>) -> Result<(), Failure> {
        self.headroom.claim(usize::try_from(heap(payload)).unwrap_or(usize::MAX))?;
        if let Payload::TypeSection(types) = payload {
            // Recursive groups occur only where it is determined which feature a module lacks.
            let narrow = |ty: &wasmparser::FuncType| ty.params().len() + ty.results().len() <= NARROW;
            self.wide |= !types.clone().into_iter_err_on_gc_types().all(|ty| ty.as_ref().is_ok_and(narrow));
        }
        Ok(())
    }

    fn validate(
        &mut self,
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
        reporter: &mut Reporter<'_>,
    ) -> Result<(), Failure> {
        let mut function = function.into_validator(std::mem::take(&mut self.allocations));
        let mut reader = body.get_binary_reader();
        // So far the locals are the parameters.
        self.charge(function.len_locals().into(), 1, reader.original_position())?;
        function.read_locals(&mut reader)?;
        reader.set_features(*function.features());
        while !reader.eof() {
            let offset = reader.original_position();
            reporter.step(offset as usize)?;
            let opcode = reader.clone().read_u8()?;
            if opcode == BR_TABLE {
                check_targets(&reader)?;
            }
            if self.wide && !has_few_operands(opcode) {
                self.count(&mut function, &reader)?;
            }
            reader.visit_operator(&mut function.visitor(offset))??;
            if function.operand_stack_height() > MAX_OPERANDS {
                let (what, limit) = ("values on a function's operand stack", MAX_OPERANDS.into());
                return Err(Error::Limit { what, limit, offset }.into());
            }
        }
        reader.finish_expression(&function.visitor(reader.original_position()))?;
        self.allocations = function.into_allocations();
        Ok(())
    }

    /// Counts the values that the next operator will push and pop.
    fn count(
        &mut self,
        function: &mut FuncValidator<ValidatorResources>,
        reader: &BinaryReader<'_>,
    ) -> Result<(), Failure> {
        let offset = reader.original_position();
        let operator = reader.peek_operator(&function.visitor(offset))?;
        let times = match &operator {
            Operator::BrTable { targets } => u64::from(targets.len()) + 1,
            // The most frequent control instruction; such a block has one result at most.
            Operator::End
                if function.get_control_frame(0).is_some_and(|frame| !has_function_type(frame.block_type)) =>
            {
                return Ok(());
            }
            _ => 1,
        };
        // An operator without an arity is not valid.
        let (params, results) = operator.operator_arity(function).unwrap_or_default();
        self.charge(u64::from(params) + u64::from(results), times, offset)
    }

    fn charge(&mut self, values: u64, times: u64, offset: u64) -> Result<(), Failure> {
        let total = values.saturating_mul(times);
        match self.values.checked_sub(total) {
            Some(left) => self.values = left,
            None => {
                let what = "values that calls, branches and blocks of the module push and pop";
                return Err(Error::Limit { what, limit: self.limit, offset }.into());
            }
        }
        Ok(())
    }
}

/// A bound for the heap memory that a part of the module takes.
fn heap(payload: &Payload<'_>) -> u64 {
    let size = |range: Range<u64>| range.end.saturating_sub(range.start);
    match payload {
        Payload::CodeSectionStart { .. } => 0,
        Payload::CodeSectionEntry(body) => size(body.range()).saturating_mul(HEAP_PER_BYTE_OF_CODE),
        // The bytes of a segment are not copied.
        Payload::DataSection(segments) => {
            let headers = segments.clone().into_iter().map_while(Result::ok);
            let headers = headers.map(|segment| size(segment.range).saturating_sub(segment.data.len() as u64));
            headers.sum::<u64>().saturating_mul(HEAP_PER_BYTE)
        }
        // Of the custom sections, only the names of functions are kept.
        Payload::CustomSection(section) => match section.as_known() {
            KnownCustom::Name(names) => names.into_iter().map_while(Result::ok).fold(0, |heap, subsection| {
                let Name::Function(names) = subsection else { return heap };
                // A name takes at least two bytes.
                let count = (names.count() as u64).min(size(section.range()) / 2);
                heap.saturating_add(size(section.range())).saturating_add(count * HEAP_PER_NAME)
            }),
            _ => 0,
        },
        other => size(other.as_section().map(|(_, range)| range).unwrap_or_default()).saturating_mul(HEAP_PER_BYTE),
    }
}

/// The byte that a `br_table` begins with.
const BR_TABLE: u8 = 0x0e;

/// Fails if the next operator, a `br_table`, has too many targets.
fn check_targets(reader: &BinaryReader<'_>) -> Result<(), Failure> {
    let offset = reader.original_position();
    let mut reader = reader.clone();
    reader.read_u8()?;
    if reader.read_var_u32()? > MAX_TARGETS {
        return Err(Error::Limit { what: "targets of a `br_table`", limit: MAX_TARGETS.into(), offset }.into());
    }
    Ok(())
}

/// Whether an operator that begins with this byte has a small number of operands that does not depend on a type: all but
/// control instructions and those of unsupported features.
fn has_few_operands(opcode: u8) -> bool {
    matches!(opcode, 0x00 | 0x01 | 0x1a..=0x1c | 0x20..=0xd2 | 0xfc..=0xfe)
}

fn has_function_type(block: BlockType) -> bool {
    matches!(block, BlockType::FuncType(_))
}

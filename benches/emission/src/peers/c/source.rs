//! The C source of emit functions.

use std::fmt::Write as _;

use stencil_runtime::{Body, PatchKind, Section, Stencil, Value};

use crate::Result;

/// What comes before the functions.
const HEAD: &str = "
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

typedef struct { uint64_t uop; uint64_t operands[OPERANDS]; } instruction;

static inline void patch_8(unsigned char *place, uint64_t value) { uint8_t field = value; memcpy(place, &field, 1); }
static inline void patch_16(unsigned char *place, uint64_t value) { uint16_t field = value; memcpy(place, &field, 2); }
static inline void patch_32(unsigned char *place, uint64_t value) { uint32_t field = value; memcpy(place, &field, 4); }
static inline void patch_64(unsigned char *place, uint64_t value) { memcpy(place, &value, 8); }
static inline void patch_32r(unsigned char *place, uint64_t value) { patch_32(place, value - (uintptr_t)place); }
";

/// What comes behind them: the two passes, and a mapping for each program.
const TAIL: &str = "
static unsigned char *align(unsigned char *data, const stencil *it)
{
    return (unsigned char *)(((uintptr_t)data + it->data_alignment - 1) & -(uintptr_t)it->data_alignment);
}

void emit(unsigned char *code, unsigned char *data, const instruction *program, size_t count, const uint64_t *labels)
{
    for (const instruction *it = program; it < program + count; it++) {
        const stencil *made = &stencils[it->uop];
        data = align(data, made);
        made->emit(code, data, it, labels);
        code += made->code_size;
        data += made->data_size;
    }
}

void *compile(const instruction *program, size_t count, const uint64_t *offsets, size_t label_count, size_t *size)
{
    size_t code_size = 0, data_size = 0;
    for (const instruction *it = program; it < program + count; it++) {
        code_size += stencils[it->uop].code_size;
        data_size += stencils[it->uop].data_size + stencils[it->uop].data_alignment - 1;
    }
    code_size = (code_size + 63) & ~(size_t)63;
    *size = (code_size + data_size + 4095) & ~(size_t)4095;
    unsigned char *code = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED) return NULL;
    uint64_t labels[label_count + 1];
    for (size_t i = 0; i < label_count; i++) labels[i] = (uintptr_t)code + offsets[i];
    emit(code, code + code_size, program, count, labels);
    if (mprotect(code, *size, PROT_READ | PROT_EXEC)) return NULL;
    return code;
}

// A trace, whose instructions refer to each other by their index, as in CPython.
void *compile_trace(const instruction *program, size_t count, size_t *size)
{
    uint64_t starts[count];
    size_t code_size = 0, data_size = 0;
    for (size_t i = 0; i < count; i++) {
        const stencil *made = &stencils[program[i].uop];
        starts[i] = code_size;
        code_size += made->code_size;
        data_size += made->data_size + made->data_alignment - 1;
    }
    code_size = (code_size + 63) & ~(size_t)63;
    *size = (code_size + data_size + 4095) & ~(size_t)4095;
    unsigned char *code = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED) return NULL;
    for (size_t i = 0; i < count; i++) starts[i] += (uintptr_t)code;
    emit(code, code + code_size, program, count, starts);
    if (mprotect(code, *size, PROT_READ | PROT_EXEC)) return NULL;
    return code;
}
";

/// The source for stencils of up to so many operands.
pub fn source(operands: usize, stencils: &[&Stencil], host: impl Fn(&str) -> Option<u64>) -> Result<String> {
    let mut source = format!("#define OPERANDS {operands}{HEAD}");
    for (index, stencil) in stencils.iter().enumerate() {
        function(&mut source, index, stencil, &host)?;
    }
    source += "\ntypedef struct {\n    void (*emit)(unsigned char *code, unsigned char *data, const instruction *it, const uint64_t *labels);\n    \
               size_t code_size, data_size, data_alignment;\n} stencil;\n\nstatic const stencil stencils[] = {\n";
    for (index, stencil) in stencils.iter().enumerate() {
        let (code, data, alignment) = (stencil.code.size, stencil.data.size, stencil.data_alignment);
        writeln!(source, "    {{emit_{index}, {code}, {data}, {alignment}}},")?;
    }
    source += "};\n";
    Ok(source + TAIL)
}

/// The function of one stencil.
fn function(source: &mut String, index: usize, stencil: &Stencil, host: &impl Fn(&str) -> Option<u64>) -> Result<()> {
    writeln!(source, "\n// {}", stencil.name())?;
    writeln!(
        source,
        "static void emit_{index}(unsigned char *code, unsigned char *data, const instruction *it, const uint64_t *labels)\n{{"
    )?;
    array(source, "code", &stencil.code)?;
    array(source, "data", &stencil.data)?;
    for patch in stencil.patches() {
        let place = match patch.section {
            Section::Code => "code",
            Section::Data => "data",
        };
        let function = match patch.kind {
            PatchKind::Abs64 => "patch_64",
            PatchKind::Abs32S | PatchKind::Low32 | PatchKind::Scaled32(_) => "patch_32",
            PatchKind::Low16 => "patch_16",
            PatchKind::Low8 | PatchKind::Scaled8(_) => "patch_8",
            PatchKind::Rel32 => "patch_32r",
            PatchKind::Word(_) => return Err("a vector".into()),
        };
        let value = match patch.value {
            Value::Operand(operand) if stencil.holes()[operand].ty == "Label" => {
                format!("labels[it->operands[{operand}]]")
            }
            Value::Operand(operand) => match patch.kind {
                PatchKind::Scaled32(factor) | PatchKind::Scaled8(factor) => {
                    format!("it->operands[{operand}] * {factor}")
                }
                _ => format!("it->operands[{operand}]"),
            },
            Value::Code(offset) => format!("(uintptr_t)code + {offset}"),
            Value::Data(offset) => format!("(uintptr_t)data + {offset}"),
            Value::Next => format!("(uintptr_t)code + {}", stencil.code.size),
            Value::Callee(callee) => {
                let name = stencil.calls()[callee];
                format!("{:#x}", host(name).ok_or_else(|| format!("no host function {name}"))?)
            }
            Value::Function | Value::Static => {
                return Err(format!("{}: an address that is not known", stencil.name()).into());
            }
        };
        writeln!(source, "    {function}({place} + {}, {value} + {:#x});", patch.offset, patch.addend as u64)?;
    }
    writeln!(source, "    (void)code, (void)data, (void)it, (void)labels;\n}}")?;
    Ok(())
}

/// The array of a body, as long as the body, and the copy of all of it.
fn array(source: &mut String, name: &str, body: &Body) -> Result<()> {
    if body.size == 0 {
        return Ok(());
    }
    let bytes = body.stored.iter().map(|byte| format!("{byte:#04x}")).collect::<Vec<_>>().join(", ");
    writeln!(source, "    static const unsigned char {name}_body[{}] = {{{bytes}}};", body.size)?;
    writeln!(source, "    memcpy({name}, {name}_body, sizeof({name}_body));")?;
    Ok(())
}

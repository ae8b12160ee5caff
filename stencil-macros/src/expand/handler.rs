//! The functions of an interpreter, as naked functions of bytes and references.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use super::names::{self, Names, common_attributes};
use super::operand;
use crate::ast::{Block, Uop};
use crate::ctype::Type;
use crate::model::{Handler, Handlers, Place, Stencil, Table, Target, Value};

/// Expands the functions of a block.
pub fn functions(block: &Block, handlers: &Handlers, names: &Names) -> TokenStream {
    let core = names::core_at(block, Span::call_site());
    handlers.functions.iter().enumerate().map(|(index, handler)| function(&core, index, handler, names)).collect()
}

/// The label of a function's start; those of its tables follow. Numbers may be used again in other functions, unlike names.
const START: usize = 2;

fn function(core: &TokenStream, index: usize, handler: &Handler, names: &Names) -> TokenStream {
    let mut assembly = Assembly::default();
    assembly.lines.push(format!("{START}:"));
    for (index, table) in handler.tables.iter().enumerate() {
        assembly.table(index, table);
    }
    assembly.bytes(&handler.code, &handler.references);
    // Handlers begin at multiples of 16, as compilers align functions: decoding a handler that crosses such a boundary takes longer. A naked
    // function has a section of its own, whose alignment is the greatest of the directives in it.
    assembly.lines.push(".balign 16, 0xcc".into());
    let (name, lines) = (names.handler(index), &assembly.lines);
    let operands = assembly.operands.iter().enumerate().map(|(index, value)| {
        let (operand, path) = (operand_name(index), path(*value, names));
        quote! { #operand = sym #path, }
    });
    quote! {
        #[doc(hidden)]
        #[allow(non_snake_case)]
        #[unsafe(naked)]
        unsafe extern "C" fn #name() {
            #core::arch::naked_asm!(#(#lines,)* #(#operands)* options(att_syntax))
        }
    }
}

fn operand_name(index: usize) -> Ident {
    format_ident!("s{index}")
}

/// The static or the function that an operand stands for.
fn path(value: Value, names: &Names) -> TokenStream {
    match value {
        Value::Static(index) => {
            let name = names.constant(index);
            quote! { #name }
        }
        Value::Handler(index) => {
            let name = names.handler(index);
            quote! { #name }
        }
        Value::Builtin(index) => {
            let name = format_ident!("{}", crate::builtins::NAMES[index]);
            quote! { __stencil_runtime::builtins::#name }
        }
        _ => unreachable!("handlers refer to other values through statics"),
    }
}

/// A function in the making, as lines for the assembler.
#[derive(Default)]
struct Assembly {
    lines: Vec<String>,
    operands: Vec<Value>,
    /// The number of tables whose labels are defined so far.
    tables: usize,
}

impl Assembly {
    /// Places a table in a section of its own.
    fn table(&mut self, index: usize, table: &Table) {
        let relocated = table.references.iter().any(|place| !place.relative);
        let section = if relocated { ".data.rel.ro.stencil,\"aw\"" } else { ".rodata.stencil,\"a\"" };
        self.lines.push(format!(".pushsection {section},@progbits"));
        self.lines.push(format!(".balign {}", table.alignment));
        self.lines.push(format!("{}:", START + 1 + index));
        self.tables = index + 1;
        self.bytes(&table.bytes, &table.references);
        self.lines.push(".popsection".into());
    }

    /// Appends bytes, and what the linker fills in.
    fn bytes(&mut self, bytes: &[u8], references: &[Place]) {
        let mut at = 0;
        for place in references {
            self.plain(&bytes[at..place.offset]);
            let target = self.target(place.target);
            let (directive, from, size) = if place.relative { (".long", " - .", 4) } else { (".quad", "", 8) };
            self.lines.push(format!("{directive} {target}{from} + {}", place.addend));
            at = place.offset + size;
        }
        self.plain(&bytes[at..]);
    }

    fn plain(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        if !words.is_empty() {
            let words: Vec<_> = words.iter().map(|word| format!("{:#x}", u64::from_le_bytes(*word))).collect();
            self.lines.push(format!(".quad {}", words.join(",")));
        }
        if !rest.is_empty() {
            let rest: Vec<_> = rest.iter().map(u8::to_string).collect();
            self.lines.push(format!(".byte {}", rest.join(",")));
        }
    }

    fn target(&mut self, target: Target) -> String {
        match target {
            Target::Own => format!("{START}b"),
            // The nearest label of this number, backwards or forwards: other functions have labels of the same numbers.
            Target::Table(index) if index < self.tables => format!("{}b", START + 1 + index),
            Target::Table(index) => format!("{}f", START + 1 + index),
            Target::Value(value) => {
                let known = self.operands.iter().position(|operand| *operand == value);
                let index = known.unwrap_or_else(|| {
                    self.operands.push(value);
                    self.operands.len() - 1
                });
                // Another object may define the function.
                let through = if matches!(value, Value::Builtin(_)) { "@PLT" } else { "" };
                format!("{{{}}}{through}", operand_name(index))
            }
        }
    }
}

/// Returns the constants with the handlers of a uop's members, if the block has an interpreter. `of` are the members' functions.
pub fn handlers(
    uop: &Uop,
    members: &[Option<Stencil>],
    handlers: Option<&Handlers>,
    index: usize,
    names: &Names,
) -> Option<TokenStream> {
    let functions = &handlers?.uops[index];
    let all = members.iter().zip(functions);
    let general = all.clone().map(|(stencil, function)| Some((stencil.as_ref()?, (*function)?)));
    let narrow = all.filter_map(|(stencil, function)| Some((stencil.as_ref()?.narrow.as_deref()?, *function)));
    let narrow = narrow.map(|(stencil, function)| Some((stencil, function?)));
    let general = list(uop, &names.handlers(uop), general, names);
    let narrow = list(uop, &names.narrow_handlers(uop), narrow, names);
    Some(quote! { #general #narrow })
}

fn list<'a>(
    uop: &Uop,
    name: &Ident,
    members: impl Iterator<Item = Option<(&'a Stencil, usize)>>,
    names: &Names,
) -> TokenStream {
    let members: Vec<_> = members.map(|member| self::member(uop, member, names)).collect();
    let (count, common) = (members.len(), common_attributes(&uop.attributes));
    quote! {
        #[doc(hidden)]
        #(#common)*
        #[allow(non_upper_case_globals)]
        const #name: [__stencil_core::option::Option<__stencil_runtime::expansion::Handler>; #count] = [#(#members),*];
    }
}

/// The first words of an instruction, which have a bit in its handler.
const BITS: usize = u32::BITS as usize;

/// Returns the handler of a member: its function and what a stream holds for it.
fn member(uop: &Uop, member: Option<(&Stencil, usize)>, names: &Names) -> TokenStream {
    let Some((stencil, function)) = member else {
        return quote! { __stencil_core::option::Option::None };
    };
    let (function, words) = (names.handler(function), uop.words() as u16);
    let labels = uop.operands.iter().enumerate().filter(|(_, field)| matches!(field.ty.c, Type::Label | Type::Exit));
    let labels: Vec<usize> = labels.map(|(operand, _)| uop.first_word(operand)).collect();
    let bits = labels.iter().filter(|word| **word < BITS).fold(0_u32, |bits, word| bits | 1 << word);
    // The narrow form is only chosen for values in its ranges.
    let ranged = stencil.narrow.is_some() || stencil.ranges.is_empty();
    let ranged = ranged && (0..uop.operands.len()).any(|operand| operand::range(uop, operand, stencil).is_some());
    let described = ranged || labels.iter().any(|word| *word >= BITS);
    // SAFETY of the expansion: the compiler made the function of this uop's body, for this machine.
    quote! {
        __stencil_core::option::Option::Some(unsafe {
            __stencil_runtime::expansion::Handler::new(#function, #words, #bits, #described)
        })
    }
}

//! Generates the C translation unit of a block, and maps its lines back to Rust tokens.
//!
//! Each stretch of the user's C follows a `#line` directive that names the stretch instead of a file, and numbers its
//! lines from 1. The C source therefore does not depend on the block's location, and a diagnostic such as `uop
//! push:1:8: error: ...` identifies its token.

mod array;
mod parameters;
mod tier;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt as _;

use crate::ast::{Block, Declaration, Extern, ExternKind, Field, Typed, Uop};
use crate::convention;
use crate::ctype::Type;
use crate::model::{Abi, Symbol, Tier};
use crate::text::{self, Place, Text};
use crate::{default, isa};
pub use array::INDEX;
use parameters::Parameters;
use tier::{interpret, leave_handler, read};

/// A translation unit.
pub struct Source {
    pub c: String,
    /// The meaning of each symbol that the object file will refer to.
    pub symbols: HashMap<String, Symbol>,
    /// The names of the uops, in declaration order.
    pub uops: Vec<String>,
    /// The part of `c` that each uop takes. No uop's part refers to another's.
    parts: Vec<Range<usize>>,
    stretches: HashMap<String, Stretch>,
    tier: Tier,
}

/// The origin of a stretch of C.
enum Stretch {
    /// The user wrote it in braces.
    Text(Text),
    /// The macro generated it for the declaration at this token.
    Made(Span),
}

/// Returns the name of the function that a member of a uop becomes.
pub fn function(uop: usize, member: usize) -> String {
    format!("stencil_uop_{uop}_{member}")
}

/// Returns the index of the uop to which a [`function`] belongs.
pub fn uop_of_function(name: &str) -> Option<usize> {
    name.strip_prefix("stencil_uop_")?.split_once('_')?.0.parse().ok()
}

/// Returns the common prefix of the symbols of a uop's holes.
pub fn holes_of(uop: usize) -> String {
    format!("stencil_hole_{uop}_")
}

/// The name of the C-ABI function that enters a machine.
pub const ENTRY: &str = "stencil_entry";
/// The name of the C-ABI function that enters a machine at an address, its first parameter.
pub const FRAGMENT_ENTRY: &str = "stencil_fragment_entry";
/// The section of the table that states each struct's layout in C.
pub const LAYOUT_SECTION: &str = ".stencil.layout";

/// What to do about a name that is a macro.
const RENAME: &str = "choose another name";

/// The name of the stretch with which every unit begins.
pub const PRELUDE: &str = "the prelude of stencil!";

/// The beginning of every translation unit.
///
/// An operand is a variable that is declared but not defined, and the body loads it. The compiler knows nothing about its value, and may
/// load it wherever and as often as it likes. The address of a symbol would not serve as an operand: compilers reason about addresses,
/// for example that those of two objects differ, or that an access relative to an object stays inside it. The section keeps the
/// variables within reach of PC-relative accesses, whatever the code model.
const PRELUDE_TEXT: &str = r#"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#define STENCIL_OPERAND __attribute__((visibility("hidden"), section(".stencil.operands")))
#define STENCIL_CONCAT(a, b) STENCIL_CONCAT_OF_VALUES(a, b)
#define STENCIL_CONCAT_OF_VALUES(a, b) a##b
"#;

impl Source {
    pub fn new(block: &Block, abi: Abi, tier: Tier) -> Self {
        let uops = block.uops.iter().map(|uop| uop.name.to_string()).collect();
        let (symbols, stretches) = (HashMap::new(), HashMap::new());
        let mut source = Self { c: String::new(), symbols, uops, parts: Vec::new(), stretches, tier };
        let _ = write!(source.c, "#line 1 \"{PRELUDE}\"{PRELUDE_TEXT}");
        source.constants(block);
        source.opaque_types(block);
        source.wide_vectors(block);
        let mut defined = vec![false; block.structs.len()];
        let arrays: Vec<String> = block.machine.arrays.iter().map(|array| array.name.to_string()).collect();
        for declaration in &block.order {
            match *declaration {
                Declaration::C(index) => {
                    let text = Text::new(&block.c[index]).with_calls(&arrays, true);
                    source.text(format!("c block {index}"), text);
                }
                Declaration::Include(index) => {
                    let path = &block.includes[index];
                    source.made(include_name(index), path.span());
                    let _ = writeln!(source.c, "#include {:?}", path.value());
                }
                Declaration::Struct(index) => source.structure(block, index, &mut defined),
                Declaration::Extern(index) => source.host(index, &block.externs[index]),
            }
        }
        source.layout_table(block);
        source.machine(block, abi);
        source.made("calling convention".into(), block.machine.name.span());
        source.c.push_str(&convention::source(block, abi));
        let parameters = Parameters::of(block, abi, tier);
        if !arrays.is_empty() {
            // Behind all other C, where such a call may mean something else.
            source.made("machine".into(), block.machine.name.span());
            source.c.push_str(&array::macros(&block.machine));
        }
        for (index, uop) in block.uops.iter().enumerate() {
            let start = source.c.len();
            source.uop(index, uop, &parameters, &arrays);
            source.parts.push(start..source.c.len());
        }
        source
    }

    /// Returns the source with only these uops.
    pub fn with_only(&self, uops: Range<usize>) -> String {
        let start = self.parts.first().map_or(self.c.len(), |part| part.start);
        let uops = self.parts[uops].iter().map(|part| &self.c[part.clone()]);
        std::iter::once(&self.c[..start]).chain(uops).collect()
    }

    /// Returns the source that precedes an `include` of the block.
    pub fn before_include(&self, index: usize) -> &str {
        let end = self.c.find(&line(&include_name(index)));
        &self.c[..end.unwrap_or(self.c.len())]
    }

    /// Returns the token to which a line of a stretch belongs.
    pub fn span(&self, stretch: &str, place: Place) -> Option<Span> {
        match self.stretches.get(stretch)? {
            Stretch::Text(text) => Some(text.span_at(place)),
            Stretch::Made(span) => Some(*span),
        }
    }

    /// Returns whether the macro generated a stretch, so that every position in it maps to one token.
    pub fn is_made(&self, stretch: &str) -> bool {
        matches!(self.stretches.get(stretch), Some(Stretch::Made(_)))
    }

    /// Returns the type that is missing if this stretch has an error.
    pub fn missing_type<'a>(&self, stretch: &'a str) -> Option<&'a str> {
        stretch.strip_prefix("type ")?.strip_suffix(" in C")
    }

    /// Returns the first token with this text in the body of a uop, or else in any C of the block.
    pub fn find(&self, uop: &Uop, token: &str) -> Option<Span> {
        let body = self.stretches.get(&body_name(uop));
        let mut others: Vec<_> = self.stretches.iter().filter(|(name, _)| name.starts_with("c block")).collect();
        others.sort_by_key(|(name, _)| *name);
        body.into_iter().chain(others.into_iter().map(|(_, text)| text)).find_map(|stretch| match stretch {
            Stretch::Text(text) => text.find(token),
            Stretch::Made(_) => None,
        })
    }

    fn line(&mut self, stretch: String, from: Stretch) {
        self.c.push_str(&line(&stretch));
        self.stretches.insert(stretch, from);
    }

    fn made(&mut self, stretch: String, span: Span) {
        self.line(stretch, Stretch::Made(span));
    }

    fn text(&mut self, stretch: String, text: Text) {
        let c = text.c.clone();
        self.line(stretch, Stretch::Text(text));
        self.c.push_str(&c);
    }

    /// Defines the constants and the variants of enums, which both languages have.
    fn constants(&mut self, block: &Block) {
        for constant in &block.constants {
            self.not_a_macro(&constant.name, "a constant", RENAME);
            let _ = writeln!(self.c, "#define {} {}", constant.name, integer(constant.value));
        }
        for (e, variant) in block.enums.iter().flat_map(|e| e.variants.iter().map(move |variant| (e, variant))) {
            let name = e.constant(variant);
            self.not_a_macro(&name, "a variant", RENAME);
            let _ = writeln!(self.c, "#define {name} {}", variant.value);
        }
    }

    /// Declares types behind pointers that no struct of the block declares as opaque. Their tags are internal, so that
    /// C code cannot complete them and escape the layout check.
    fn opaque_types(&mut self, block: &Block) {
        let mut opaque: Vec<&Ident> = block.types().flat_map(|ty| ty.c.pointees()).collect();
        opaque.retain(|name| !block.structs.iter().any(|s| s.name == **name && s.in_c));
        opaque.sort();
        opaque.dedup();
        for name in opaque.into_iter().filter(|name| !block.structs.iter().any(|s| s.name == **name)) {
            self.made(format!("type {name}"), name.span());
            let _ = writeln!(self.c, "typedef struct stencil_opaque_{name} {name};");
        }
        // Structs may point to one another in any order.
        for s in block.structs.iter().filter(|s| !s.in_c) {
            self.made(format!("type {}", s.name), s.name.span());
            let _ = writeln!(self.c, "typedef {0} {1} {1};", s.kind.keyword(), s.name);
        }
    }

    /// Rejects vectors that C passes in registers which the flags do not allow. Without such a register, the convention is another one.
    fn wide_vectors(&mut self, block: &Block) {
        let hosts =
            block.externs.iter().flat_map(|host| host.parameters().iter().map(|field| &field.ty).chain(host.output()));
        let machine = block.machine.parameters.iter().map(|field| &field.ty).chain(&block.machine.output);
        for ty in machine.chain(hosts) {
            let Type::Vector(vector) = &ty.c else { continue };
            let Some((guard, feature)) = isa::needs_feature(vector) else { continue };
            self.made(format!("vector {} {}", vector.name, self.stretches.len()), ty.span);
            let _ = writeln!(
                self.c,
                "#ifndef {guard}\n#pragma GCC error \"`{}` is passed in a register that needs {feature}: \
                 write `#![stencil(requires = \\\"{feature}\\\")]` at the start of the block\"\n#endif",
                vector.name
            );
        }
    }

    /// Defines a struct, after the structs that it contains.
    fn structure(&mut self, block: &Block, index: usize, defined: &mut [bool]) {
        let s = &block.structs[index];
        if s.in_c || std::mem::replace(&mut defined[index], true) {
            return;
        }
        for name in s.fields.iter().filter_map(|field| field.ty.c.contained()) {
            if let Some(inner) = block.structs.iter().position(|other| other.name == *name) {
                self.structure(block, inner, defined);
            }
        }
        self.made(format!("struct {}", s.name), s.name.span());
        let _ = writeln!(self.c, "{} {} {{", s.kind.keyword(), s.name);
        for field in &s.fields {
            let _ = writeln!(self.c, "{};", field.ty.c.declare(&field.name.to_string()));
        }
        self.c.push_str("};\n");
    }

    /// Rejects a name that is already a C macro, and undefines the macro so that no other message follows.
    fn not_a_macro(&mut self, name: &Ident, of: &str, remedy: &str) {
        self.made(format!("name {name} of {of}"), name.span());
        let _ = writeln!(
            self.c,
            "#ifdef {name}\n#pragma GCC error \"`{name}` is the name of a macro in C: {remedy}\"\n#undef {name}\n#endif"
        );
    }

    /// Declares a host function or a static under its own name, so that C compares the declaration with those in headers.
    fn host(&mut self, index: usize, item: &Extern) {
        let name = item.name.to_string();
        match &item.kind {
            ExternKind::Function(Some(signature)) => {
                self.not_a_macro(
                    &item.name,
                    "a host function",
                    &format!("{RENAME}, or leave the type to C: `extern fn {name}(..);`"),
                );
                self.made(format!("extern fn {name}"), item.name.span());
                let more = if signature.variadic { ", ..." } else { "" };
                let declarator = format!("{name}({}{more})", parameters(signature.parameters.iter()));
                let _ = writeln!(self.c, "{};", returning(&signature.output, &declarator));
            }
            ExternKind::Static { ty: Some(ty), mutable } => {
                self.not_a_macro(
                    &item.name,
                    "a static",
                    &format!("{RENAME}, or leave the type to C: `extern static {name}: ..;`"),
                );
                self.made(format!("extern static {name}"), item.name.span());
                let declarator = if *mutable { name.clone() } else { format!("const {name}") };
                let _ = writeln!(self.c, "extern {};", ty.c.declare(&declarator));
            }
            ExternKind::Function(None) | ExternKind::Static { ty: None, .. } => {}
        }
        self.symbols.insert(name, Symbol::Host(index));
    }

    /// Emits the size and alignment of each struct, followed by the offset and size of each of its fields, in order.
    fn layout_table(&mut self, block: &Block) {
        for s in block.structs.iter().filter(|s| s.in_c) {
            self.made(in_c_name(&s.name), s.name.span());
            let _ = writeln!(self.c, "typedef {0} stencil_in_c_{0};", s.name);
        }
        let mut known = block.structs.iter().filter(|s| !s.is_opaque()).peekable();
        if known.peek().is_none() {
            return;
        }
        let _ = writeln!(
            self.c,
            "\nstatic const uint64_t stencil_layout[] __attribute__((section(\"{LAYOUT_SECTION}\"), used)) = {{"
        );
        for s in known {
            self.made(format!("layout of {}", s.name), s.name.span());
            let _ = writeln!(self.c, "sizeof({0}), _Alignof({0}),", s.name);
            for field in &s.fields {
                self.made(format!("layout of {}.{}", s.name, field.name), field.name.span());
                let _ = writeln!(self.c, "offsetof({0}, {1}), sizeof((({0} *)0)->{1}),", s.name, field.name);
            }
        }
        self.c.push_str("};\n");
    }

    /// Declares the type of uops, the macros that leave a uop, and the entry.
    fn machine(&mut self, block: &Block, abi_of_block: Abi) {
        let machine = &block.machine;
        for register in machine.names() {
            self.not_a_macro(register, "a register", RENAME);
        }
        let (abi, tail) = match abi_of_block {
            Abi::PreserveNone => ("__attribute__((preserve_none)) ", "__attribute__((musttail)) "),
            Abi::C => ("", ""),
        };
        // C may define the bare name as something else, but hardly the name with a suffix.
        let name = machine.name.unraw();
        let Parameters { declared, names: registers, forget, .. } = Parameters::of(block, abi_of_block, self.tier);
        self.made("machine".into(), machine.name.span());
        let uop_type =
            |suffix: &str, declared: &str| returning(&machine.output, &format!("{abi}{name}_{suffix}({declared})"));
        let _ = write!(
            self.c,
            "typedef {};\n\
             #define STENCIL_ABI {abi}\n\
             #define STENCIL_UOP {name}_uop\n\
             #define STENCIL_TIER(compiled, interpreted) {}\n",
            uop_type("uop", &declared),
            if self.tier == Tier::Compiled { "compiled" } else { "interpreted" },
        );
        if convention::is_interpreted(machine, abi_of_block) {
            let handler = Parameters::of(block, abi_of_block, Tier::Interpreted);
            match self.tier {
                Tier::Compiled => {
                    let _ = writeln!(self.c, "typedef {};", uop_type("handler", &handler.declared));
                    interpret(&mut self.c, &handler, &format!("{name}_handler"));
                }
                Tier::Interpreted => leave_handler(&mut self.c, &handler, tail),
            }
        } else {
            let _ = writeln!(
                self.c,
                "#define STENCIL_INTERPRET(address) _Pragma(\"GCC error \\\"the machine has no interpreter: declare it with \
                 `#[interpreter]`\\\"\")"
            );
        }
        let address = "STENCIL_UOP *stencil_at";
        let (next, entry) = match self.tier {
            Tier::Compiled => {
                let call = format!("((STENCIL_UOP *)(uop))({registers})");
                let call = if forget.is_empty() { call } else { format!("{{ {forget} {call}; }}") };
                let _ = write!(
                    self.c,
                    "extern {name}_uop stencil_next;\n\
                     #define STENCIL_LEAVE(uop) do {{ {forget}{tail}return (uop)({registers}); }} while (0)\n\
                     #define STENCIL_CALLED(uop) ({call})\n\
                     #define STENCIL_EXECUTE(address) STENCIL_LEAVE((STENCIL_UOP *)(address))\n"
                );
                self.symbols.insert("stencil_next".into(), Symbol::Next);
                ("stencil_next", format!("{forget}return stencil_at({registers});"))
            }
            Tier::Interpreted => ("stencil_ip + STENCIL_LENGTH", "return STENCIL_CALLED(stencil_at);".to_owned()),
        };
        self.macros(block, next);
        if machine.continued.is_none() {
            let mut locals = Parameters::of(block, abi_of_block, self.tier).scratch;
            for (field, value) in machine.parameters.iter().filter_map(|field| Some((field, field.default.as_ref()?))) {
                // `check` refuses other expressions.
                let value = default::c(&field.ty.c, value).unwrap_or_default();
                let _ = write!(locals, "{} = {value}; ", field.ty.c.declare(&field.name.to_string()));
            }
            if self.tier == Tier::Compiled {
                let entry = returning(&machine.output, &format!("{ENTRY}({})", parameters(machine.passed())));
                let _ = writeln!(self.c, "{entry} {{ {locals}{forget}return stencil_next({registers}); }}");
            }
            // The same with an address in place of the next uop.
            let declared = if machine.passed().next().is_none() {
                address.into()
            } else {
                format!("{address}, {}", parameters(machine.passed()))
            };
            let function = returning(&machine.output, &format!("{FRAGMENT_ENTRY}({declared})"));
            let _ = writeln!(self.c, "{function} {{ {locals}{entry} }}");
        }
    }

    /// Defines the macros that leave a uop or name a location. `next` is where `CONTINUE` leads. A header may define the short name of one:
    /// then a body has the name with the prefix, and a warning says so where a body uses the short name.
    fn macros(&mut self, block: &Block, next: &str) {
        let next = format!("STENCIL_LEAVE({next})");
        let macros = [
            ("CALL", "uop", "STENCIL_CALLED(uop)"),
            ("JUMP", "uop", "STENCIL_LEAVE(((STENCIL_UOP *)(uop)))"),
            ("CONTINUE", "", next.as_str()),
            ("ADDRESS_OF", "label", "((void)label, stencil_address_##label)"),
            ("RETURN", "...", "return __VA_ARGS__"),
        ];
        for (name, parameters, definition) in macros {
            // A body is to blame for a value that does not suit, as if it had no macro.
            self.c.push_str(&line(if name == "RETURN" { PRELUDE } else { "machine" }));
            let _ = writeln!(
                self.c,
                "#define STENCIL_{name}({parameters}) {definition}\n#ifndef {name}\n#define {name}({parameters}) {definition}"
            );
            let used = block.uops.iter().find_map(|uop| text::call(&uop.body, name));
            if let Some(span) = used {
                self.c.push_str("#else");
                self.made(format!("use of macro {name}"), span);
                let _ = writeln!(
                    self.c,
                    "#pragma GCC warning \"`{name}` is a macro of a header here: write `STENCIL_{name}` for that of stencil!\""
                );
            }
            self.c.push_str("#endif\n");
        }
        self.c.push_str(&line("machine"));
    }

    fn uop(&mut self, index: usize, uop: &Uop, registers: &Parameters<'_>, arrays: &[String]) {
        let name = &uop.name;
        let parameters = uop.parameters.iter().map(|parameter| &parameter.name);
        for operand in parameters.chain(uop.operands.iter().map(|field| &field.name)) {
            self.not_a_macro(operand, &format!("uop {name}"), RENAME);
        }
        self.made(format!("holes of uop {name}"), name.span());
        if self.tier == Tier::Interpreted {
            let _ = writeln!(self.c, "#undef STENCIL_LENGTH\n#define STENCIL_LENGTH {}", uop.words() + 1);
        }
        let holes = if self.tier == Tier::Compiled { &uop.operands[..] } else { &[] };
        for (operand, field) in holes.iter().enumerate() {
            let (c, symbol) = hole(index, operand);
            let _ = match &field.ty.c {
                ty if ty.is_code() => {
                    let address = address(index, field);
                    let declared = writeln!(
                        self.c,
                        "extern STENCIL_UOP {c} __attribute__((weak));\n\
                         extern STENCIL_UOP *const {address} STENCIL_OPERAND;"
                    );
                    self.symbols.insert(address, Symbol::AddressOf(operand));
                    declared
                }
                _ => writeln!(self.c, "extern {} STENCIL_OPERAND;", operand_declarator(field, &c)),
            };
            self.symbols.insert(c, symbol);
        }
        let text = Text::new(&uop.body).with_calls(arrays, false);
        if uop.is_family() {
            // Otherwise a misspelt parameter would count as 0.
            self.c.push_str("#pragma GCC diagnostic push\n#pragma GCC diagnostic error \"-Wundef\"\n");
        }
        for (member, values) in uop.members().iter().enumerate().filter(|(_, values)| uop.admits(values)) {
            for (parameter, value) in uop.parameters.iter().zip(values) {
                let _ = writeln!(self.c, "#define {} {value}", parameter.name);
            }
            if let Some(condition) = &uop.condition {
                let span = condition.clone().into_iter().next().map_or(name.span(), |token| token.span());
                self.made(format!("condition of uop {name}"), span);
                // However many lines it was typed in, or printed in if it is long.
                let _ = writeln!(self.c, "#if {}", condition.to_string().replace('\n', " "));
            }
            if !arrays.is_empty() {
                let _ = writeln!(self.c, "#undef STENCIL_MEMBER\n#define STENCIL_MEMBER \"{}\"", uop.name_of(values));
            }
            self.member(registers, (index, member), uop, &text);
            if uop.condition.is_some() {
                self.c.push_str("#endif\n");
            }
            for parameter in &uop.parameters {
                let _ = writeln!(self.c, "#undef {}", parameter.name);
            }
        }
        if uop.is_family() {
            self.c.push_str("#pragma GCC diagnostic pop\n");
        }
    }

    fn member(&mut self, registers: &Parameters<'_>, (index, member): (usize, usize), uop: &Uop, text: &Text) {
        let name = &uop.name;
        self.made(format!("uop {name}"), name.span());
        let declarator = format!("STENCIL_ABI {}({})", function(index, member), registers.declared);
        let _ = writeln!(self.c, "{} {{", returning(registers.output, &declarator));
        // A member of a family may well not use what another one does.
        let unused = if uop.is_family() { "__attribute__((unused)) " } else { "" };
        for (operand, field) in uop.operands.iter().enumerate() {
            self.made(format!("operand {} of uop {name}", field.name), field.name.span());
            let value = match self.tier {
                Tier::Compiled => hole(index, operand).0,
                Tier::Interpreted => read(field, uop.first_word(operand) + 1),
            };
            let _ = writeln!(self.c, "{unused}{} = {value};", operand_declarator(field, &field.name.to_string()));
            if field.ty.c == Type::Exit {
                let _ = writeln!(
                    self.c,
                    "extern STENCIL_UOP *const stencil_address_{} __attribute__((unused, unavailable(\
                     \"the target of an exit changes: take the address of a Label\")));",
                    field.name
                );
            } else if field.ty.c.is_code() {
                // What `ADDRESS_OF` reads: the address as a value, which a displacement cannot be.
                let address = match self.tier {
                    Tier::Compiled => address(index, field),
                    Tier::Interpreted => field.name.to_string(),
                };
                let _ = writeln!(
                    self.c,
                    "__attribute__((unused)) STENCIL_UOP *const stencil_address_{} = {address};",
                    field.name,
                );
            }
        }
        self.c.push_str("{\n");
        self.text(body_name(uop), text.clone());
        self.made(format!("end of uop {name}"), name.span());
        self.c.push_str("}\nSTENCIL_CONTINUE();\n}\n");
    }
}

/// Returns the name of the uop to which a stretch belongs.
pub fn uop_of(stretch: &str) -> Option<&str> {
    let (_, uop) = stretch.split_once("uop ").filter(|(part, _)| !part.starts_with("c block"))?;
    Some(uop)
}

/// Returns the name of the stretch that fails if a type declared as existing in C does not.
fn in_c_name(name: &Ident) -> String {
    format!("type {name} in C")
}

fn include_name(index: usize) -> String {
    format!("include {index}")
}

/// Returns the directive that begins a stretch.
fn line(stretch: &str) -> String {
    format!("\n#line 1 \"{stretch}\"\n")
}

fn body_name(uop: &Uop) -> String {
    format!("body of uop {}", uop.name)
}

/// The symbol of an operand's hole, and what it stands for.
fn hole(uop: usize, operand: usize) -> (String, Symbol) {
    (format!("stencil_hole_{uop}_{operand}"), Symbol::Operand(operand))
}

/// The symbol of the variable that holds the address of a label.
fn address(uop: usize, label: &Field) -> String {
    format!("stencil_address_{uop}_{}", label.name)
}

/// The C declaration of an operand under a name.
fn operand_declarator(field: &Field, name: &str) -> String {
    match &field.ty.c {
        ty if ty.is_code() => format!("STENCIL_UOP *const {name}"),
        ty => ty.declare(&format!("const {name}")),
    }
}

fn parameters<'a>(fields: impl Iterator<Item = &'a Field>) -> String {
    let all: Vec<_> = fields.map(|field| field.ty.c.declare(&field.name.to_string())).collect();
    if all.is_empty() { "void".into() } else { all.join(", ") }
}

/// Returns an integer as an expression of C, which the preprocessor understands, too.
fn integer(value: i128) -> String {
    match i64::try_from(value) {
        Err(_) => format!("{value}u"),
        Ok(i64::MIN) => "(-9223372036854775807 - 1)".into(),
        Ok(negative @ ..0) => format!("({negative})"),
        Ok(value) => value.to_string(),
    }
}

/// Returns the declaration of a function, given its declarator and its result.
fn returning(output: &Option<Typed>, declarator: &str) -> String {
    output.as_ref().map_or_else(|| format!("void {declarator}"), |ty| ty.c.declare(declarator))
}

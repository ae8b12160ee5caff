//! Refusals: what in an object file cannot become a stencil, where it is, and what to do about it.

use object::{Object as _, ObjectSymbol as _, SectionIndex};
use proc_macro2::Span;

use super::{Builder, Relocation, Target};
use crate::ctype::Type;
use crate::instruction::RelocationKind;
use crate::model::{Refusal, Symbol};
use crate::text;

pub(super) const THREAD_LOCAL: &str = "uses a thread-local variable, but emitted code has no access to thread-local \
                                         storage: keep the variable in Rust and pass a pointer";

impl Builder<'_, '_, '_> {
    /// Returns a refusal at the token `at` of the uop, or else at the uop's name.
    pub(super) fn refuse(&self, at: Option<&str>, why: String) -> Refusal {
        let Some(uop) = self.uop else {
            // The C of the entry is the macro's own, so only the flags can be at fault.
            let block = self.reader.block;
            let span = block.flags.first().map_or(block.machine.name.span(), syn::LitStr::span);
            let message = format!("with these flags for the C compiler, the code that enters the machine {why}");
            return Refusal { span, message, undefined: false };
        };
        let found: Option<Span> = at.and_then(|token| self.reader.source.find(uop, token));
        let span = found.unwrap_or_else(|| uop.name.span());
        Refusal { span, message: format!("uop `{}` {why}", uop.name), undefined: false }
    }

    pub(super) fn broken(&self, error: &dyn std::fmt::Display) -> Refusal {
        self.refuse(None, format!("cannot be read from the object file: {error}"))
    }

    /// A mistake in folding.
    pub(super) fn cannot_fold(&self, why: &str) -> Refusal {
        let message = format!(
            "has operands that cannot become immediates: {why}. This is a mistake of stencil!: please report it"
        );
        self.refuse(None, message)
    }

    /// A call where uops need a tail call; `how` is the macro that the body uses.
    pub(super) fn not_a_jump(&self, how: &str) -> Refusal {
        let calls = format!(
            "does not end in a tail call: the compiler turned {how} into a call, which would add a stack frame for each uop"
        );
        if self.reader.block.flags.iter().any(|flag| flag.value() == "-O0") {
            return self.refuse(Some(how), format!("{calls}. Leave out the flag `-O0`"));
        }
        let local = self.uop.and_then(|uop| text::address_taken(&uop.body, |name| self.is_local(name)));
        let local = local.map_or("a local variable".into(), |name| format!("the local variable `{name}`"));
        let end = if how == "CONTINUE" { "leave:;".into() } else { format!("CONTINUE(); leave: {how}(...);") };
        let message = format!(
            "{calls}. Other code may know the address of {local} there. Leave the variable's block first: write `goto leave;` in place of \
             {how}, and `{end}` at the end of the body. Or use clang 19 or later"
        );
        self.refuse(Some(how), message)
    }

    /// Returns whether a name in the body may be that of a variable that the body declares, or of a register.
    fn is_local(&self, name: &str) -> bool {
        let block = self.reader.block;
        let operand = self.operands().iter().any(|field| field.name == name);
        !operand && !block.externs.iter().any(|item| item.name == name)
    }

    /// The address of a label other than in a jump.
    pub(super) fn address_taken(&self, operand: usize) -> Refusal {
        let name = self.operands()[operand].name.to_string();
        let what = match self.operand_type(operand) {
            Type::CodeAddress => "code address",
            Type::Exit => "exit",
            _ => "label",
        };
        let model = self.reader.block.flags.iter().map(syn::LitStr::value).find(|flag| flag.starts_with("-mcmodel="));
        if let Some(flag) = model {
            let message = format!(
                "refers to the {what} `{name}` by a 64-bit address, but jumps and calls have 32-bit displacements: leave out \
                 the flag `{flag}`{}",
                if what == "exit" {
                    String::new()
                } else {
                    format!(". For the address as a value, write `ADDRESS_OF({name})`")
                }
            );
            return self.refuse(Some(&name), message);
        }
        if what == "exit" {
            let message = format!(
                "uses the exit `{name}` as a value, but only jumps and calls can refer to it, since its target changes: use a Label \
                 for an address that does not"
            );
            return self.refuse(Some(&name), message);
        }
        let message = format!(
            "uses the {what} `{name}` as a value, but only jumps and calls can refer to it: write `ADDRESS_OF({name})` for its \
             address"
        );
        self.refuse(Some(&name), message)
    }

    /// A read of memory beside an operand's variable.
    pub(super) fn outside_operand(&self, operand: usize) -> Refusal {
        let name = self.operands()[operand].name.to_string();
        let message =
            format!("reads memory beside the operand `{name}`: read the operand itself, without a pointer to it");
        self.refuse(Some(&name), message)
    }

    /// The address of a host function or a static in 32 bits.
    pub(super) fn host_address(&self, host: usize) -> Refusal {
        let item = &self.reader.block.externs[host];
        let name = &item.name.to_string();
        if !item.is_function() {
            let message = format!(
                "refers to the static `{name}` by a 32-bit address, but the executable may be out of the code's reach: leave out flags for \
                 the C compiler that choose how data is addressed, such as `-fpie`, or use `-fpic`"
            );
            return self.refuse(Some(name), message);
        }
        let message = format!(
            "uses the address of the host function `{name}` as a 32-bit number, but the executable may be beyond the first \
             2 GiB: pass the address as an operand of a pointer type"
        );
        self.refuse(Some(name), message)
    }

    /// An address in a field of 32 bits or less.
    pub(super) fn narrow_address(&self, relocation: &Relocation, target: &Target) -> Refusal {
        match target {
            Target::Symbol(Symbol::Host(host)) => self.host_address(*host),
            Target::Symbol(Symbol::Operand(operand)) if self.is_code_operand(*operand) => self.address_taken(*operand),
            Target::Local { section, offset, .. } if !self.is_code(*section) => {
                let at = offset.wrapping_add_signed(relocation.addend as isize);
                let constant = self.symbol_at(*section, at);
                let (what, remedy) = match &constant {
                    Some(name) => (format!("the constant `{name}`"), "leave out the attribute `section`"),
                    None => (
                        "a table of numbers that the compiler made".into(),
                        "if the body chooses between two numbers, read them from a `static const` array",
                    ),
                };
                let message = format!(
                    "refers to {what} by a 32-bit address, but the executable may be beyond the first 2 GiB: {remedy}"
                );
                self.refuse(constant.as_deref(), message)
            }
            Target::Local { section, offset, .. } => {
                let at = offset.wrapping_add_signed(relocation.addend as isize);
                match self.function_at(*section, at).map(|function| function.name.as_str()) {
                    Some(function) if *function != self.own.name => {
                        let message = format!(
                            "uses the address of the function `{function}` as a 32-bit number, but code may be beyond the \
                             first 2 GiB: call the function directly, or choose it with an `if` statement"
                        );
                        self.refuse(Some(function), message)
                    }
                    _ => {
                        let message = "uses the address of one of its C labels as a 32-bit number, but code may be beyond \
                                       the first 2 GiB: read the address from a table, \
                                       `static const void *const table[] = { &&label };`";
                        self.refuse(Some("&&"), message.into())
                    }
                }
            }
            _ => self.unknown(relocation),
        }
    }

    /// A variable, which a uop may not have: each copy of the code would have its own.
    pub(super) fn variable(&self, name: Option<&str>) -> Refusal {
        let Some(name) = name else {
            let flag = self.reader.block.flags.iter().map(syn::LitStr::value).find(|flag| flag.contains("sanitize"));
            let flag = flag.map_or("the flag that adds it".into(), |flag| format!("`{flag}`"));
            let message = format!(
                "uses writable data that the C compiler added, as sanitizers do, and that stencils cannot have: leave out \
                 {flag}, or add `-fsanitize-trap=all` (gcc: `-fsanitize-undefined-trap-on-error`)"
            );
            return self.refuse(None, message);
        };
        let message = format!(
            "uses the variable `{name}`, but stencils have no variables of their own: keep it in Rust, in a struct that a \
             register points to, or make it `const` and not `volatile`"
        );
        self.refuse(Some(name), message)
    }

    /// A constant that holds the address of code that is known only when a program has been placed.
    pub(super) fn holds(&self, constant: Option<String>, what: &str) -> Refusal {
        let name = constant.as_deref().unwrap_or("a constant");
        let message = format!(
            "uses the constant `{name}`, which holds the address of {what}: this address is different in each program. \
             Choose between labels with `if` or `switch`"
        );
        self.refuse(constant.as_deref(), message)
    }

    /// A constant that points to one that each copy of the uop has its own of.
    pub(super) fn holds_copied(&self, holder: Option<String>, section: SectionIndex, at: usize) -> Refusal {
        let copied = self.symbol_at(section, at);
        let name = |name: &Option<String>| name.as_deref().unwrap_or("a constant").to_owned();
        let message = format!(
            "uses the constant `{}`, which holds the address of `{}`. That one holds addresses of code, so each copy of the \
             uop has its own: use `{}` by its name",
            name(&holder),
            name(&copied),
            name(&copied)
        );
        self.refuse(holder.as_deref(), message)
    }

    /// The address, as a value, of a constant that each copy of the uop has its own of.
    pub(super) fn copied_address(&self, constant: Option<String>) -> Refusal {
        let name = constant.as_deref().unwrap_or("a constant");
        let message = format!(
            "uses the address of `{name}` as a value. This constant holds addresses of code, so each copy of the uop has \
             its own: only read its elements"
        );
        self.refuse(constant.as_deref(), message)
    }

    /// A constant in one section with the constants of other uops.
    pub(super) fn mixed_constants(&self) -> Refusal {
        let message = "has a constant in the same section as another uop: leave out the flag `-fno-data-sections`";
        self.refuse(None, message.into())
    }

    /// A reference to another function of the same section.
    pub(super) fn same_section(&self, function: Option<&str>) -> Refusal {
        let what = function.map_or("something outside of its function".into(), |name| format!("`{name}`"));
        let message = format!(
            "refers to {what} in the same section, by an offset that is wrong once the code is copied: leave out the flag \
             `-fno-function-sections` and the attribute `section`"
        );
        self.refuse(function, message)
    }

    /// A constant with an alignment that is not supported.
    pub(super) fn overaligned(&self, constant: Option<&str>, alignment: u64) -> Refusal {
        let name = constant.unwrap_or("without a name");
        let message = format!("uses the constant `{name}`, aligned to {alignment} bytes: at most 65,536 are supported");
        self.refuse(constant, message)
    }

    /// A function that a resolver chooses when a program is loaded.
    pub(super) fn indirect_function(&self, name: &str) -> Refusal {
        let message = format!(
            "uses `{name}`, an `ifunc`, which only a dynamic linker could resolve: call one of its implementations, or \
             declare a Rust function that chooses with `extern fn`"
        );
        self.refuse(Some(name), message)
    }

    /// A table of 32-bit offsets to constants, which clang makes of an array of pointers.
    pub(super) fn relative_table(&self) -> Refusal {
        let independent = ["-fpic", "-fPIC", "-fpie", "-fPIE"];
        let flags = self.reader.block.flags.iter().map(syn::LitStr::value);
        let flag = { flags }.find(|flag| independent.contains(&flag.as_str())).unwrap_or("-fpic".into());
        let message = format!(
            "reads an array of pointers, which the C compiler turned into 32-bit offsets, but the executable may be out of \
             their reach: leave out the flag `{flag}`, or hide the array behind a pointer: `__asm__(\"\" : \"+r\"(pointer));`"
        );
        self.refuse(None, message)
    }

    /// A constant of which the tiers have different ones under one symbol.
    pub(super) fn other_addresses(&self, name: &str) -> Refusal {
        let message = format!(
            "refers to the constant `{name}`, which holds other addresses than in compiled code: the C compiler numbers constants of one \
             name differently there. Give them different names"
        );
        self.refuse(Some(name), message)
    }

    /// A relocation that no field can hold.
    pub(super) fn unknown(&self, relocation: &Relocation) -> Refusal {
        let symbol = self.reader.file.symbol_by_index(relocation.symbol);
        let symbol = symbol.ok().and_then(|symbol| symbol.name().ok().map(str::to_owned)).unwrap_or_default();
        let token = match self.reader.source.symbols.get(&symbol) {
            Some(Symbol::Operand(operand) | Symbol::AddressOf(operand)) => self.operands()[*operand].name.to_string(),
            Some(Symbol::Host(host)) => self.reader.block.externs[*host].name.to_string(),
            _ => symbol,
        };
        if relocation.kind == RelocationKind::ThreadLocal {
            return self.refuse(Some(&token), THREAD_LOCAL.into());
        }
        let of = if token.is_empty() { "a location in the object file".into() } else { format!("`{token}`") };
        let message = format!(
            "needs an unsupported relocation: type {} at byte {:#x}, of {of}. Leave out flags that change how code is \
             addressed, or use the value in a simpler expression",
            relocation.number, relocation.offset
        );
        self.refuse(Some(&token), message)
    }

    pub(super) fn too_large(&self) -> Refusal {
        self.refuse(None, "is larger than 2 GiB".into())
    }
}

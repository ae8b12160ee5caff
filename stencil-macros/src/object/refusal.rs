//! Reasons why something in an object file cannot become a stencil: what, where, and what to do.

use object::{Object as _, ObjectSymbol as _};
use proc_macro2::Span;

use super::{Builder, Relocation, Target};
use crate::model::{Refusal, Symbol};

pub(super) const THREAD_LOCAL: &str = "uses a thread-local variable, and the code of stencils is not linked to a thread's \
                            storage: keep it in Rust and pass a pointer";

impl Builder<'_, '_, '_> {
    /// A refusal at the token `at` of the uop, if it is there.
    pub(super) fn refuse(&self, at: Option<&str>, why: String) -> Refusal {
        let Some(uop) = self.uop else {
            // Its C is ours, and the same for every machine.
            let block = self.reader.block;
            let span = block.flags.first().map_or(block.machine.name.span(), syn::LitStr::span);
            let message = format!("with these flags for the C compiler, the code that enters the machine {why}");
            return Refusal { span, message };
        };
        let found: Option<Span> = at.and_then(|token| self.reader.source.find(uop, token));
        Refusal { span: found.unwrap_or_else(|| uop.name.span()), message: format!("uop `{}` {why}", uop.name) }
    }

    pub(super) fn broken(&self, error: &object::Error) -> Refusal {
        self.refuse(None, format!("cannot be read from the object file: {error}"))
    }

    pub(super) fn not_a_jump(&self, how: &str) -> Refusal {
        let message = format!(
            "does not leave by a jump: the compiler made a call of {how}, which would pile up a frame for each uop. \
             Local variables whose addresses are handed out belong into a block of their own, `{{ ... }}`, that ends before \
             it; or use clang 19 or later"
        );
        self.refuse(Some(how), message)
    }

    pub(super) fn address_taken(&self, operand: usize) -> Refusal {
        let name = self.operands()[operand].name.to_string();
        let model = self.reader.block.flags.iter().map(syn::LitStr::value).find(|flag| flag.starts_with("-mcmodel="));
        if let Some(flag) = model {
            let message = format!(
                "reaches the label `{name}` by its whole address, and labels are distances: compile the block without \
                 the flag `{flag}`; for the address as a value, write `ADDRESS_OF({name})`"
            );
            return self.refuse(Some(&name), message);
        }
        let message = format!(
            "uses the label `{name}` as a value, and only jumps reach it: write `ADDRESS_OF({name})` for its address"
        );
        self.refuse(Some(&name), message)
    }

    pub(super) fn outside_operand(&self, operand: usize) -> Refusal {
        let name = self.operands()[operand].name.to_string();
        let message =
            format!("reads memory beside the operand `{name}`: read the operand itself, without a pointer to it");
        self.refuse(Some(&name), message)
    }

    pub(super) fn host_address(&self, host: usize) -> Refusal {
        let name = &self.reader.block.externs[host].name.to_string();
        let message = format!(
            "uses the address of `{name}` as a value, and only calls reach it: pass it as an operand of a pointer type"
        );
        self.refuse(Some(name), message)
    }

    pub(super) fn narrow_address(&self, relocation: &Relocation, target: &Target) -> Refusal {
        match target {
            Target::Symbol(Symbol::Host(host)) => self.host_address(*host),
            Target::Local { section, .. } if !self.is_code(*section) => {
                let message = "reaches a constant by a 32-bit address, and the executable may be anywhere: leave the constant in \
                               the section where the compiler puts it, and read it by a pointer";
                self.refuse(self.symbol_in(*section).as_deref(), message.into())
            }
            Target::Local { .. } => {
                let message = "computes with the address of a place in its own code, and code may be anywhere: keep a \
                               table of whole addresses, `static const void *const table[] = { &&label };`";
                self.refuse(Some("goto"), message.into())
            }
            _ => self.unknown(relocation),
        }
    }

    pub(super) fn unknown(&self, relocation: &Relocation) -> Refusal {
        let symbol = self.reader.file.symbol_by_index(relocation.symbol);
        let symbol = symbol.ok().and_then(|symbol| symbol.name().ok().map(str::to_owned)).unwrap_or_default();
        let token = match self.reader.source.symbols.get(&symbol) {
            Some(Symbol::Operand(operand) | Symbol::AddressOf(operand)) => self.operands()[*operand].name.to_string(),
            Some(Symbol::Host(host)) => self.reader.block.externs[*host].name.to_string(),
            _ => symbol,
        };
        // `R_X86_64_DTPMOD64` to `R_X86_64_TPOFF32`, and `R_X86_64_GOTPC32_TLSDESC` to `R_X86_64_TLSDESC`.
        if matches!(relocation.r_type.0, 16..=23 | 34..=36) {
            return self.refuse(Some(&token), THREAD_LOCAL.into());
        }
        let of = if token.is_empty() { "a place in the code".into() } else { format!("`{token}`") };
        let message = format!(
            "needs a relocation that stencil! does not know: type {} at byte {:#x}, of {of}. Compile the block with \
             the flags that stencil! uses of itself, or use the value in a simpler expression",
            relocation.r_type.0, relocation.offset
        );
        self.refuse(Some(&token), message)
    }

    pub(super) fn too_large(&self) -> Refusal {
        self.refuse(None, "is larger than 2 GiB".into())
    }
}

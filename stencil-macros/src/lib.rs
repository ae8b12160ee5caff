//! The `stencil!` macro. Use it through the crate `stencil-runtime`, which re-exports it and has what its
//! expansions need.
//!
//! A block passes through these phases, each a module: `parse` makes the `ast` of it, `check` refuses what
//! the two languages do not share, `source` writes the C translation unit, `compiler` runs the C compiler,
//! `diagnostics` brings back what that has to say, `object` reads stencils (`model`) from the object file with
//! the help of `x86_64`, `layout` puts their blocks in order, and `expand` writes Rust.

#![forbid(unsafe_code)]

mod ast;
mod cache;
mod check;
mod clangd;
mod committed;
mod compile;
mod compiler;
mod contract;
mod ctype;
mod diagnostics;
mod expand;
mod fold;
mod hash;
mod headers;
mod layout;
mod model;
mod object;
mod parse;
mod source;
mod store;
mod suggest;
mod temporary;
mod text;
mod x86_64;

use compile::Compiled;
use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

/// The targets that stencils can be compiled for: a word for the inner macro, and the condition that chooses it.
const TARGETS: &[(&str, &str)] = &[("x86_64", r#"all(target_arch = "x86_64", target_os = "linux")"#)];

/// Compiles C bodies of micro-operations (uops) into Rust functions that emit their machine code.
///
/// A block declares one machine, or continues one, and any number of uops, helpers and types:
///
/// ```text
/// stencil! {
///     #![c_flags("-O3")]                          // flags for the C compiler, after its own
///     #![stencil(no_stack)]                       // the contract of each uop of the block ...
///
///     /// The registers that uops share, and the result of a run.
///     pub machine Calc(sp: *mut i64, top: i64) -> i64;
///     continue machine path::Calc(sp: *mut i64, top: i64) -> i64;    // instead, in a further block
///
///     /// A uop: its operands become holes in the machine code.
///     #[stencil(max_code = 32, max_data = 0)]     // ... that has none of its own
///     pub uop push(value: i64) { *sp++ = top; top = value; }
///     /// A family: one stencil for each choice of parameters, which are preprocessor constants in C.
///     uop get<const DST: 0..3, const SRC: 0..6>() where DST != SRC { T(DST) = L(SRC); }
///
///     c { /* C that all bodies share: #include, macros, static inline functions */ }
///     include "path.h";                           // relative to this file or to the crate
///     struct Vm { fuel: u64, limit: *mut i64 }    // becomes a type of both languages
///     struct Vm = crate::Vm { fuel: u64 }         // a type that Rust has, declared for C; the layout is checked
///     struct Vm = crate::Vm { fuel: u64, .. }     // a type that both have; what is listed is checked
///     extern fn print(vm: *mut Vm, v: i64) = crate::host::print;     // a Rust function for bodies to call
/// }
/// ```
///
/// # Bodies
/// A body is C (gnu17), taken verbatim. The machine's registers are its parameters: what it assigns to them is what
/// the next uop finds. Operands are constants. At its end it goes on to the next uop; before that it may
///
/// * `JUMP(label);` — go on at a label operand, or at a pointer to code,
/// * `RETURN(value);` — leave the run, or the `CALL` that it was entered by,
/// * `CONTINUE();` — go on to the next uop at once,
/// * `CALL(label)` — run from a label until a `RETURN`, whose value it has,
/// * `ADDRESS_OF(label)` — have the address of a label as a pointer, to store it and to jump there later.
///
/// Signed overflow wraps and any pointer may alias any other, as in Rust. Rust's lexer sees the body first: it has
/// no single backslash, no `L"x"` and no `'ab'`; put such C into a header and `include` it.
///
/// # Types
/// `u8` to `u64`, `i8` to `i64`, `usize`, `isize`, `bool`, `f32`, `f64` and raw pointers are the C types of the
/// same size. `__m128i` of `core::arch::x86_64` is what C has by that name, a vector of two `long long`, in registers,
/// structs and host functions. A pointer may point to any Rust type; C knows its fields if the block declares it. An operand may
/// also be a `Label`. To C, an operand is an unknown constant. The macro puts it into the instructions, as an immediate, a displacement or a
/// shift count, or else into the stencil's data. All values of its type fit, except that a `u32` that is part of a 64-bit address may have
/// to be less than 2^31. Emitting a greater one is an error then, and the stencil's documentation states the range. The contract
/// `full_range` lifts that limit.
///
/// # Contracts
/// `#[stencil(...)]` before a uop states what its machine code is like, whatever the C compiler makes of it. If it is not, the
/// build fails, and the error shows the code. Of a family each member has to be so. The contract is any of these, with
/// commas between them:
///
/// * `max_code = 32`: there are at most so many bytes of code, on the path that falls through to the next uop.
/// * `max_data = 0`: there are at most so many bytes of data. These are what the code refers to and each copy of it has, and
///   code that is out of line since it is seldom reached. (Data that all copies share does not count.)
/// * `no_calls`: no instruction calls. Of host functions, of functions like `memcpy`, which compilers use of their own accord,
///   and of labels (`CALL`) there is neither a call nor, at the end, a jump that is in the place of one.
/// * `no_stack`: no instruction uses the native stack, so that no register is spilled and no variable is in memory. There is no
///   call then either, since that leaves its return address on the stack. The return of a `RETURN` is not counted.
/// * `full_range`: each operand takes all values of its type. A `u32` in an address costs an instruction more then.
///
/// `#![stencil(...)]` at the start of a block is the contract of each of its uops that has none of its own; `#[stencil()]`
/// promises nothing. Except for `full_range`, a contract does not change the code. It is checked whenever a block is expanded, whether its object is
/// compiled then, cached or committed. With another compiler, or with its plain C convention, the code may be another, so that a contract that others have
/// to meet as well should leave room for that.
///
/// # What it expands to
/// * For the machine a type that implements `Machine`, with `compile`, `compile_in`, `bind`, and one constructor of instructions for
///   each uop.
/// * For each uop `emit_<uop>`, a function that emits it anywhere, and `STENCIL_<uop>`, a constant that describes it:
///   sizes, holes, patches, disassembly. A family's takes its parameters first, and its constant is an array of
///   all members.
///
/// # The C compiler
/// It is the program named by the environment variable `STENCIL_CC`, or else any clang that supports `preserve_none`
/// (19 or later), or else gcc. With a compiler that does not support it, uops pass registers as C functions do.
/// What it reports is reported on the tokens of the body: an error as one, and a warning, since that is how a macro of stable
/// Rust can warn, as one of the use of something `deprecated`, which `#![allow(deprecated)]` in the module silences. Where a
/// mistake is in a C macro, that is where it is used, with notes of where it is defined; in a header, it is the `include`.
/// A name in an `#if`, or in the condition of a family, that is none is an error.
///
/// What it made is kept, in `$XDG_CACHE_HOME/stencil` or `~/.cache/stencil`, up to 256 MiB, of which the least recently
/// used goes first: with nothing changed, neither in the C nor in a header nor in the compiler's program, it is not started again.
/// `STENCIL_CACHE` names another folder, or is `off`.
///
/// # Committed objects
/// A crate can bring the objects of its blocks along, in its folder `stencils`, so that who builds it needs no C compiler.
///
/// * `STENCIL_UPDATE=1 cargo build -p CRATE` compiles all blocks and writes their objects, and removes those that no block
///   needs any more, with a warning.
/// * Any other build uses an object if it is of this very C, these flags and these headers of the crate. If there is none, or
///   if `STENCIL_CC` is set, the block is compiled.
/// * `STENCIL_VERIFY=1 cargo build -p CRATE` compiles all blocks and compares. It is an error if an object is missing, is not what
///   the compiler makes, byte for byte (the uops that differ are named), or belongs to no block.
///
/// The same compiler makes the same object on every machine; another version may make another one. An object does not
/// depend on headers of the system, as far as they can be known without a compiler: verify after they have changed. All
/// objects of a machine have to be made by compilers of one convention. Dependencies are neither updated nor verified.
///
/// Tests of a crate have objects like the rest of it: `cargo test --no-run -p CRATE` in place of `cargo build`. For its
/// documentation tests the variables name the package: `STENCIL_UPDATE=CRATE cargo test --doc -p CRATE`. Those are never
/// called stale: remove the folder before updating to be rid of what none needs any more.
///
/// # Editors
/// rust-analyzer, unless it is told to, does not say where tokens stand. A block then expands into its signatures, and the C
/// is compiled when Cargo checks the crate.
///
/// `STENCIL_COMPILE_COMMANDS=DIRECTORY cargo check -p CRATE` writes a `compile_commands.json`, by which clangd knows how each header
/// that a block includes is compiled, and what stands before it.
#[proc_macro]
pub fn stencil(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = TokenStream::from(input);
    let condition = |text: &str| text.parse::<TokenStream>().expect("a constant of ours");
    let inner = TARGETS.iter().map(|(target, cfg)| {
        let (target, cfg) = (condition(target), condition(cfg));
        quote! { #[cfg(#cfg)] ::stencil_runtime::expansion::stencil_for_target! { #target #input } }
    });
    let any = TARGETS.iter().map(|(_, cfg)| condition(cfg));
    quote! {
        #(#inner)*
        #[cfg(not(any(#(#any),*)))]
        ::core::compile_error!("stencil! cannot compile for this target yet: x86-64 Linux is supported");
    }
    .into()
}

/// What [`stencil!`] expands to for each target; rustc keeps one of them. Not for use by hand.
#[doc(hidden)]
#[proc_macro]
pub fn stencil_for_target(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let mut tokens = TokenStream::from(input).into_iter();
    // The target. There is one so far; another chooses flags, reader and patches here.
    let _: Option<TokenTree> = tokens.next();
    expand_block(tokens.collect()).into()
}

fn expand_block(tokens: TokenStream) -> TokenStream {
    let block: ast::Block = match syn::parse2(tokens) {
        Ok(block) => block,
        Err(error) => return error.into_compile_error(),
    };
    // What the block would define is defined all the same, so that its uses are not reported as well.
    if let Err(error) = check::check(&block) {
        let (errors, items) = (error.into_compile_error(), expand::stub::expand(&block, false));
        return quote! { #errors #items };
    }
    // An editor that does not tell where tokens stand is told the signatures, and of mistakes in the C when it has Cargo
    // check the crate.
    if text::stands_nowhere(block.machine.name.span()) {
        return expand::stub::expand(&block, true);
    }
    let without_code = |errors: TokenStream| {
        let items = expand::stub::expand(&block, true);
        quote! { #errors #items }
    };
    let machine = block.machine.name.span();
    let failure = |why: &str| without_code(diagnostics::error(machine, why));
    let compiled = match compile::compile(&block) {
        Ok(compiled) => compiled,
        Err(why) => return failure(&why),
    };
    let Compiled { source, abi, output, .. } = &compiled;
    if let Err(why) = clangd::write(&block, source) {
        return failure(&why);
    }
    let (report, any_error) = diagnostics::report(&output.messages, source, &block);
    let tracked = expand::tracked(&output.headers);
    match &output.object {
        None if any_error => without_code(quote! { #tracked #report }),
        None => {
            let messages = output.messages.trim();
            // It complains of a flag, or else of itself.
            let flag = block.flags.iter().find(|flag| messages.contains(flag.value().trim()));
            let span = flag.map_or(machine, syn::LitStr::span);
            without_code(diagnostics::error(span, &format!("the C compiler failed: {messages}")))
        }
        Some(object) => match object::read(object, &block, source, *abi) {
            Ok(objects) => {
                let expansion = expand::expand(&block, &objects, *abi);
                let broken = contract::check(&block, &objects);
                let errors = compiled.errors.iter().map(|why| diagnostics::error(machine, why));
                let remarks = compiled.remarks.iter().map(|remark| diagnostics::warning(machine, remark));
                let differs = compiled.differences(&block, &objects);
                let differs = differs.into_iter().map(|(span, why)| diagnostics::error(span, &why));
                quote! { #tracked #report #broken #(#errors)* #(#differs)* #(#remarks)* #expansion }
            }
            Err(refusals) => {
                let errors = refusals.iter().map(|refusal| diagnostics::error(refusal.span, &refusal.message));
                without_code(quote! { #tracked #report #(#errors)* })
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::{Group, Span};

    use super::*;

    /// The same tokens as rust-analyzer gives them, by default: none stands anywhere.
    fn hidden(tokens: TokenStream) -> TokenStream {
        let hide = |mut token: TokenTree| {
            if let TokenTree::Group(group) = token {
                token = Group::new(group.delimiter(), hidden(group.stream())).into();
            }
            token.set_span(Span::call_site());
            token
        };
        tokens.into_iter().map(hide).collect()
    }

    #[test]
    fn an_editor_that_hides_lines_is_told_signatures_and_no_mistakes() {
        let typed = "machine Calc(x: u64) -> u64; include \"where-is-it.h\";
            /// Documented.
            uop add<const A: 0..2>(n: u32) {
            #if A
                x += n;
            #endif
            }";
        let tokens: TokenStream = typed.parse().expect("tokens");
        let expansion = expand_block(hidden(tokens.clone())).to_string();
        assert!(!expansion.contains("compile_error"), "{expansion}");
        for part in ["A : usize , n : u32", "emit_add", "STENCIL_add", "Documented", "enum Calc"] {
            assert!(expansion.contains(part), "{part} is not in {expansion}");
        }
        // Where tokens stand somewhere, the C is compiled: there is no such header.
        assert!(expand_block(tokens).to_string().contains("compile_error"));
    }
}

//! The expansion of `stencil!`, which `stencil-runtime` exports.
//!
//! A block passes through these phases, each of which is a module: `parse` builds its `ast`; `check` rejects what the
//! two languages do not share; `source` writes the C translation unit; `compile` obtains its object, from the C
//! `compiler` if necessary; `diagnostics` reports the compiler's messages, and `culprit` finds the uops at which it failed
//! without naming them; `object` reads stencils (`model`) from the object file with the help of the instruction set (`isa`);
//! `layout` orders their basic blocks; `expand` writes Rust.

#![forbid(unsafe_code)]

mod asked;
mod ast;
mod builtins;
mod cache;
mod check;
mod clangd;
mod committed;
mod compile;
mod compiler;
mod contract;
mod convention;
mod ctype;
mod culprit;
mod default;
mod diagnostics;
mod entry;
mod expand;
mod feature;
mod hash;
mod headers;
mod inputs;
mod instruction;
mod isa;
mod layout;
mod model;
mod note;
mod object;
mod observer;
mod parse;
mod source;
mod store;
mod suggest;
mod temporary;
mod text;
mod vector;
mod x86_64;

use ast::Block;
use compile::{Compiled, Made};
use model::{Calls, Handlers};
use parse::Conditions;
use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

/// The targets that stencils can be compiled for: a word for the inner macro, and the condition that chooses it.
const TARGETS: &[(&str, &str)] = &[("x86_64", r#"all(target_arch = "x86_64", target_os = "linux")"#)];

/// Chooses the target: a macro cannot know it, but rustc keeps only the call under the right condition. The input is the path
/// of `stencil-runtime` in parentheses, and the block.
#[doc(hidden)]
#[proc_macro]
pub fn stencil_for_any_target(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let mut input = TokenStream::from(input).into_iter();
    let runtime = stream(input.next());
    let block: TokenStream = input.collect();
    let condition = |text: &str| text.parse::<TokenStream>().expect("a constant of ours");
    let inner = TARGETS.iter().map(|(target, cfg)| {
        let (target, cfg) = (condition(target), condition(cfg));
        quote! { #[cfg(#cfg)] #runtime::expansion::stencil_for_target! { #target (#runtime) () #block } }
    });
    let any = TARGETS.iter().map(|(_, cfg)| condition(cfg));
    quote! {
        #(#inner)*
        #[cfg(not(any(#(#any),*)))]
        #runtime::expansion::core::compile_error!(
            "stencil! does not support this target: it compiles for x86-64 Linux"
        );
    }
    .into()
}

/// Expands a block for a target, or takes one step towards that. The input is the target, the path of `stencil-runtime`, the
/// conditions that are known, and the block.
#[doc(hidden)]
#[proc_macro]
pub fn stencil_for_target(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let mut input = TokenStream::from(input).into_iter();
    // There is one target so far. Another target would select its flags, reader and patches here.
    let target: Option<TokenTree> = input.next();
    let (runtime, known) = (stream(input.next()), stream(input.next()));
    let tokens: TokenStream = input.collect();
    let (mut block, conditions) = match parse::block(tokens.clone(), Conditions::parse(known)) {
        Ok(parsed) => parsed,
        Err(error) => return error.into_compile_error().into(),
    };
    if let Some(steps) = conditions.steps() {
        let steps = steps.map(|(predicate, known)| {
            quote! {
                #[cfg(#predicate)]
                #runtime::expansion::stencil_for_target! { #target (#runtime) (#known) #tokens }
            }
        });
        return quote! { #(#steps)* }.into();
    }
    let runtime = block.runtime.get_or_insert(runtime);
    let roots = expand::roots(runtime);
    let items = expand_block(block);
    quote! { #roots #items }.into()
}

/// The tokens in a group.
fn stream(group: Option<TokenTree>) -> TokenStream {
    match group {
        Some(TokenTree::Group(group)) => group.stream(),
        _ => TokenStream::new(),
    }
}

fn expand_block(mut block: Block) -> TokenStream {
    // A block with mistakes still defines its items, so rustc does not report their uses as well.
    if let Err(error) = check::check(&block) {
        let (errors, items) = (error.into_compile_error(), expand::stub::expand(&block, false));
        return quote! { #errors #items };
    }
    // An editor that hides the positions of tokens gets the signatures. It learns of mistakes in the C when Cargo checks the
    // crate.
    if text::stands_nowhere(block.machine.name.span()) {
        return expand::stub::expand(&block, true);
    }
    let observer = observer::uop(&block);
    block.uops.extend(observer);
    let block = &block;
    let without_code = |errors: TokenStream| {
        let items = expand::stub::expand(block, true);
        quote! { #errors #items }
    };
    let machine = block.machine.name.span();
    let failure = |why: &str| without_code(diagnostics::error(machine, why));
    let compiled = match compile::compile(block) {
        Ok(compiled) => compiled,
        Err(why) => return failure(&why),
    };
    let Compiled { abi, stencils: Made { source, output }, .. } = &compiled;
    if let Err(why) = clangd::write(block, source) {
        return failure(&why);
    }
    let (report, any_error) = diagnostics::report(&output.messages, source, block);
    let tracked = expand::tracked(block, &output.files, compiled.is_committed);
    match &output.object {
        None if any_error => without_code(quote! { #tracked #report }),
        None => {
            let failures = diagnostics::crash::report(&output.messages, block, || culprit::find(block, source));
            let errors = failures.iter().map(|(span, why)| diagnostics::error(*span, why));
            without_code(quote! { #tracked #(#errors)* })
        }
        Some(object) => match object::read(object, block, source, *abi) {
            Ok(mut objects) => {
                let handlers = match handlers(block, &compiled, &mut objects.statics) {
                    Ok(handlers) => handlers,
                    Err(errors) => return without_code(quote! { #tracked #report #errors }),
                };
                let convention = match convention::read(object, block, *abi, &output.compiler) {
                    Ok(convention) => convention,
                    Err(refusal) => {
                        let error = diagnostics::error(refusal.span, &refusal.message);
                        return without_code(quote! { #tracked #report #error });
                    }
                };
                let warnings = convention::warnings(block, *abi, &convention, &output.compiler);
                let warnings = warnings.iter().map(|(span, message)| diagnostics::warning(*span, message));
                let convention = convention.to_string();
                let calls = Calls { abi: *abi, convention, compiler: output.compiler.clone() };
                let expansion = expand::expand(block, &objects, handlers.as_ref(), &calls);
                let broken = contract::check(block, &objects);
                let errors = compiled.errors.iter().map(|why| diagnostics::error(machine, why));
                let remarks = compiled.remarks.iter().map(|remark| diagnostics::warning(machine, remark));
                let differs = compiled.differences(block, &objects);
                let differs = differs.into_iter().map(|(span, why)| diagnostics::error(span, &why));
                quote! { #tracked #report #broken #(#warnings)* #(#errors)* #(#differs)* #(#remarks)* #expansion }
            }
            Err(refusals) => {
                let errors = refusals.iter().map(|refusal| diagnostics::error(refusal.span, &refusal.message));
                without_code(quote! { #tracked #report #(#errors)* })
            }
        },
    }
}

/// Returns the functions of the block's interpreter, if it has one. The C is that of the stencils but for the macros, so its messages
/// matter only where those of the stencils report no error.
fn handlers(
    block: &Block,
    compiled: &Compiled,
    statics: &mut Vec<model::Static>,
) -> Result<Option<Handlers>, TokenStream> {
    let (abi, Some(interpreter)) = (compiled.abi, &block.machine.interpreter) else { return Ok(None) };
    let Some(Made { source, output }) = &compiled.handlers else {
        let why = convention::no_instruction_pointer(&block.machine, abi, &compiled.stencils.output.compiler);
        return if interpreter.optional { Ok(None) } else { Err(diagnostics::error(interpreter.span, &why)) };
    };
    let Some(object) = &output.object else {
        let (report, any_error) = diagnostics::report(&output.messages, source, block);
        if any_error {
            let why = "the bodies are right for compiled code, but not for the interpreter, where the functions of uops have one more \
                       parameter: leave and call uops by `JUMP`, `CALL` and the other macros";
            let note = diagnostics::error(interpreter.span, why);
            return Err(quote! { #report #note });
        }
        let failures = diagnostics::crash::report(&output.messages, block, Vec::new);
        return Err(failures.iter().map(|(span, why)| diagnostics::error(*span, why)).collect());
    };
    let handlers = object::handler::read(object, block, source, abi, statics);
    let refused = |refusal: &model::Refusal| {
        diagnostics::error(refusal.span, &format!("in the interpreter, {}", refusal.message))
    };
    handlers.map(Some).map_err(|refusals| refusals.iter().map(refused).collect())
}

#[cfg(test)]
mod tests {
    use proc_macro2::{Group, Span};

    use super::*;

    /// The same tokens without positions, as rust-analyzer gives them by default.
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
        let expand = |tokens| {
            let (mut block, _) = parse::block(tokens, Conditions::default()).unwrap();
            block.runtime = Some(quote! { ::stencil_runtime });
            expand_block(block).to_string()
        };
        let expansion = expand(hidden(tokens.clone()));
        assert!(!expansion.contains("compile_error"), "{expansion}");
        for part in
            ["A : __stencil_core :: primitive :: usize , n : u32", "emit_add", "STENCIL_add", "Documented", "enum Calc"]
        {
            assert!(expansion.contains(part), "{part} is not in {expansion}");
        }
        // With positions, the C is compiled, and the header does not exist.
        assert!(expand(tokens).contains("compile_error"));
    }

    #[test]
    fn numbers_between_the_variants_of_an_enum_have_no_code() {
        let typed = "machine A(x: u64) -> u64; enum Op { Add = 1, Sub, Put = 9 } uop u<const OP: Op, const N: 0..2>() { x += OP + N; }";
        let (block, _) = parse::block(typed.parse().expect("tokens"), Conditions::default()).unwrap();
        let c = source::Source::new(&block, model::Abi::C, model::Tier::Compiled).with_only(0..1);
        let members: Vec<_> =
            (0..18).filter(|&member| c.contains(&format!("{}(", source::function(0, member)))).collect();
        assert_eq!(members, [0, 1, 2, 3, 16, 17], "{c}");
    }
}

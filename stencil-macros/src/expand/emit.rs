//! Emit functions: straight-line code that reserves space, computes fields, copies and patches.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::catalog::{Catalog, Entry};
use super::links::callee_pointer;
use super::manual;
use super::names::{self, Names, common_attributes, local, own_attributes};
use super::operand::{self, has_narrow_form, parameter_type, parameter_value, ranges, rust_type};
use super::shape::{SLACK, Shape, Shapes};
use crate::ast::{Block, Uop};
use crate::ctype::Type;
use crate::model::{Patch, PatchKind, Section, Stencil, Value};

/// The maximum size in bytes of a uop whose emit function is inlined. The function of a larger uop is much longer than
/// a call of it, and inlining many of them would exceed the processor's caches.
const INLINED: usize = 32;

/// The functions of a block's shapes, and the lists of them.
pub fn shapes(block: &Block, catalog: &Catalog, names: &Names) -> TokenStream {
    let machine = names::machine(block);
    let Shapes { all, general, words: count, .. } = &catalog.shapes;
    let (out, stored, words) = (local("out"), local("stored"), local("words"));
    let functions = all.iter().enumerate().map(|(number, (shape, _))| {
        let (name, body) = (names.shape(number), body(shape, names));
        quote! {
            #[doc(hidden)]
            #[allow(dead_code, non_snake_case)]
            #[inline(always)]
            fn #name<__Memory: __stencil_runtime::Memory>(
                #out: &mut __stencil_runtime::Emitter<'_, __Memory>,
                #stored: __stencil_runtime::expansion::Stored,
                #words: &[__stencil_core::primitive::u64; #count],
            ) -> __stencil_core::primitive::bool {
                #body
            }
        }
    });
    let (uop, labels, address) = (local("uop"), local("labels"), local("address"));
    let of_instructions = all.iter().enumerate().map(|(number, (shape, common))| {
        let (function, size) = (names.shape(number), shape.stored.0 + shape.stored.1);
        let read = |operand| shape.patches.iter().any(|patch| patch.value == Value::Operand(operand));
        let addressed = (0..*count).map(|operand| match operand {
            label if shape.labels.contains(&label) => {
                let is_exit = !shape.exits.last && shape.exits.aligned.is_some_and(|(operand, _)| operand == label);
                let direct = is_exit.then(|| quote! { if !__stencil_runtime::Emitter::has_cells(#out) });
                quote! {
                match __stencil_runtime::Labels::find(#labels, #words[#label]) {
                    __stencil_core::option::Option::Some(#address) #direct => #address,
                    _ => return false,
                }
                }
            }
            operand if read(operand) => quote! { #words[#operand] },
            _ => quote! { 0 },
        });
        let (start, done) = (local("start"), local("done"));
        let stored = common.map_or_else(
            // SAFETY of the expansion: the runtime calls the function for uops of its shape only.
            || quote! { unsafe { __stencil_runtime::Uop::stored(#uop) } },
            |start| constant_bytes(start, names),
        );
        let last = shape.exits.last;
        let call = quote! { #function(#out, #stored, &[#(#addressed),*]) };
        let emitted = match shape.exits.aligned {
            // The description emits cells.
            _ if shape.exits.others => quote! { false },
            None => call,
            Some((operand, offset)) => quote! {
                {
                    let #start = __stencil_runtime::Emitter::code_address(#out);
                    let #done = #call;
                    if #done {
                        __stencil_runtime::Emitter::add_exit(#out, #words[#operand], #start, #offset, #last);
                    }
                    #done
                }
            },
        };
        quote! {
            __stencil_runtime::expansion::Shape::<#machine>::new(
                #size,
                |#uop, #out, #words, #labels| #emitted,
            )
        }
    });
    let (list, number) = (names.shapes(), all.len());
    let of_families = block.uops.iter().any(Uop::is_family).then(|| {
        let (name, functions) = (names.functions(), (0..*general).map(|number| names.shape(number)));
        quote! {
            #[doc(hidden)]
            #[allow(dead_code, non_camel_case_types)]
            struct #name<__Memory>(__stencil_core::marker::PhantomData<__Memory>);
            impl<__Memory: __stencil_runtime::Memory> #name<__Memory> {
                #[allow(dead_code)]
                const ALL: &'static [__stencil_runtime::expansion::Function<__Memory, #count>] = &[#(#functions),*];
            }
        }
    });
    quote! {
        #(#functions)*
        #[doc(hidden)]
        #[allow(dead_code, non_upper_case_globals)]
        const #list: [__stencil_runtime::expansion::Shape<#machine>; #number] = [#(#of_instructions),*];
        #of_families
    }
}

/// The stored bytes of a stencil, as a constant.
fn constant_bytes(start: usize, names: &Names) -> TokenStream {
    let bytes = names.bytes();
    // SAFETY of the expansion: the catalog has put the stored bytes of a stencil of the shape at `start`.
    quote! { const { unsafe { __stencil_runtime::expansion::Stored::at(&#bytes, #start) } } }
}

/// The public function of a uop, which takes operands by their types.
pub fn expand(
    block: &Block,
    uop: &Uop,
    members: &[Option<Stencil>],
    entry: &Entry,
    catalog: &Catalog,
    names: &Names,
) -> TokenStream {
    let Uop { name, visibility, .. } = uop;
    let (common, own) = (common_attributes(&uop.attributes), own_attributes(&uop.attributes));
    let operands: Vec<_> = uop.operands.iter().map(|field| names::argument(&field.name)).collect();
    let types: Vec<_> = uop.operands.iter().map(rust_type).collect();
    let function = names::function(uop);
    let text = name.to_string();
    let errors = "# Errors\nReturns an error if an operand is out of its hole's range, if a buffer is full, or if a function is out of \
                  reach. Then the emitter is unchanged.";
    let form = has_narrow_form(members).then_some(
        "It emits the general form, whatever the operands are, so that its size is known before they are. An instruction may have the \
         narrow form.",
    );
    let form = form.map(|text| quote! { #[doc = #text] #[doc = ""] });
    let link = format!("Emits the uop that [`{}`] describes.", names::constant(uop));
    let manual = manual::uop(block, uop, members);
    let parameters: Vec<_> = uop.parameters.iter().map(|parameter| names::argument(&parameter.name)).collect();
    let of = uop.parameters.iter().map(parameter_type);
    let values = uop.parameters.iter().zip(&parameters).map(|(parameter, name)| parameter_value(parameter, name));
    let result = quote! { __stencil_core::result::Result<(), __stencil_runtime::Error> };
    let (out, words) = (local("out"), local("words"));
    let emitter = quote! { &mut __stencil_runtime::Emitter<'_, __Memory> };
    let to_words = uop.operands.iter().zip(&operands).flat_map(|(field, name)| match field.ty.c {
        Type::Label | Type::Exit => vec![quote! { #name.0 }],
        _ => operand::words(field, name),
    });
    let zeros = std::iter::repeat_n(quote!(0), catalog.shapes.words - uop.words());
    let uops = names.uop(uop);
    let (inlined, chosen) = match entry.members[..] {
        [Some(member)] if !uop.is_family() => {
            let (shape, _) = &catalog.shapes.all[member.shape];
            let (function, stored) = (names.shape(member.shape), constant_bytes(member.bytes, names));
            let small = shape.code + shape.data <= INLINED;
            let method = if small { quote!(emit_inline) } else { quote!(emit) };
            let call = quote! { __stencil_runtime::Uop::#method(&#uops, #out, #stored, #words, #function::<__Memory>) };
            (small, call)
        }
        _ => {
            let (ranges, functions) = (ranges(uop), names.functions());
            let call = quote! {
                __stencil_runtime::Uop::emit_member(
                    (#text, &#uops, #ranges), [#(#values),*], #out, #words, #functions::<__Memory>::ALL,
                )
            };
            (false, call)
        }
    };
    let inline = if inlined { quote!(inline) } else { quote!(inline(never)) };
    // SAFETY of the expansion: the words are those of the typed operands, and the function is that of the stencil's shape.
    // Every token has the name's span, because that is where rustc reports two uops of the same name.
    let public = quote_spanned! {names::span(uop)=>
        fn #function<__Memory: __stencil_runtime::Memory>(
            #out: #emitter, #(#parameters: #of,)* #(#operands: #types),*
        ) -> #result {
            let #words = [#(#to_words,)* #(#zeros),*];
            unsafe { #chosen }
        }
    };
    quote! {
        #(#common)*
        #(#own)*
        #[doc = ""]
        #[doc = #link]
        #[doc = ""]
        #[doc = #manual]
        #[doc = ""]
        #form
        #[doc = #errors]
        #[allow(dead_code, non_snake_case, clippy::too_many_arguments)]
        #[#inline]
        #visibility #public
    }
}

/// The body of a function that emits the stencils of a shape. It uses `out`, the emitter, the stored bytes, and `words`, the
/// operands. Its value is `true` if it emitted the stencil.
///
/// The body checks all values before it writes anything. If a value does not fit its field, a target is out of reach or a buffer
/// is full, it does nothing, and the stencil's description decides what to do or what the error is.
fn body(shape: &Shape, names: &Names) -> TokenStream {
    let (out, code, data) = (local("out"), local("code"), local("data"));
    let &Shape { code: code_size, data: data_size, data_alignment: alignment, .. } = shape;
    let (code_at, data_at) = (local("code_at"), local("data_at"));
    let computed: Vec<_> = shape.patches.iter().map(|patch| field(shape, patch, names)).collect();
    let mut conditions: Vec<String> = Vec::new();
    let conditions = computed.iter().filter_map(|Computed { fits, .. }| {
        let fits = fits.as_ref()?;
        let text = fits.to_string();
        (!conditions.contains(&text)).then(|| {
            conditions.push(text);
            fits
        })
    });
    let conditions: Vec<_> = conditions.collect();
    let (stored, stored_code, stored_data) = (local("stored"), local("stored_code"), local("stored_data"));
    let (code_length, data_length) = shape.stored;
    let copy = |place, size: usize, bytes, stored: usize| {
        (size != 0).then(|| quote! { __stencil_runtime::expansion::copy::<__Memory, #size, #stored>(#place, #bytes); })
    };
    let copy_data = copy(&data, data_size, &stored_data, data_length);
    let copy_code = copy(&code, code_size, &stored_code, code_length);
    let puts = shape.patches.iter().zip(&computed).map(|(patch, Computed { value, .. })| {
        let (place, offset) = match patch.section {
            Section::Code => (&code, patch.offset),
            Section::Data => (&data, patch.offset),
        };
        quote! { __stencil_runtime::patch::put(#place, #offset, #value); }
    });
    let padding = local("padding");
    // A stencil with an aligned displacement moves to an address at which it is aligned.
    let last = shape.exits.last;
    let (all, aligned, place) = match shape.exits.aligned {
        None => (code_size, None, quote!()),
        Some((_, offset)) => (
            code_size + SLACK,
            Some(quote! {
                let #padding = __stencil_runtime::Emitter::exit_padding(#out, #offset, #last);
            }),
            quote! {
                let #code = __stencil_runtime::expansion::aligned::<{ #code_size + #SLACK }, #code_size>(#code, #padding, #offset);
            },
        ),
    };
    let moved = aligned.is_some().then(|| quote! { .wrapping_add(#padding as __stencil_core::primitive::u64) });
    let addresses = (!shape.patches.is_empty()).then(|| {
        quote! {
            #aligned
            let (#code_at, #data_at) = (
                __stencil_runtime::Emitter::code_address(#out).0 #moved,
                __stencil_runtime::Emitter::aligned_data_address::<#data_size, #alignment>(#out).0,
            );
        }
    });
    // SAFETY of the expansion: callers pass the stored bytes of a stencil of this shape, which has these lengths.
    quote! {
        #addresses
        #(if !#conditions { return false; })*
        let __stencil_core::option::Option::Some((#code, #data)) = __stencil_runtime::Emitter::take::<#all, #data_size, #alignment>(#out) else {
            return false;
        };
        #place
        let (#stored_code, #stored_data) = unsafe { __stencil_runtime::expansion::Stored::parts::<#code_length, #data_length>(#stored) };
        #copy_data
        #copy_code
        #(#puts)*
        true
    }
}

/// A field: its value as an array of bytes, and the condition under which the value is valid.
struct Computed {
    value: TokenStream,
    fits: Option<TokenStream>,
}

fn field(shape: &Shape, patch: &Patch, names: &Names) -> Computed {
    let (out, code_at, data_at, words) = (local("out"), local("code_at"), local("data_at"), local("words"));
    let value = match patch.value {
        Value::Operand(operand) => quote! { #words[#operand] },
        Value::Code(offset) => plus(quote!(#code_at), offset),
        Value::Data(offset) => plus(quote!(#data_at), offset),
        Value::Next => plus(quote!(#code_at), shape.code),
        Value::Host(_) | Value::Builtin(_) => {
            let address = callee_pointer(patch.value, names);
            quote! { (#address as __stencil_core::primitive::u64) }
        }
        Value::Handler(_) => unreachable!("stencils do not refer to handlers"),
        Value::Static(index) => {
            let name = names.constant(index);
            quote! { ((&raw const #name) as __stencil_core::primitive::u64) }
        }
    };
    let addend = patch.addend;
    let low = |size: usize| quote! { __stencil_runtime::patch::low::<#size>(#value, #addend) };
    let always = |value| Computed { value, fits: None };
    match patch.kind {
        // The patches of a shape name single words.
        PatchKind::Abs64 | PatchKind::Word(_) => always(quote! { __stencil_runtime::patch::abs64(#value, #addend) }),
        PatchKind::Low32 => always(low(4)),
        PatchKind::Low16 => always(low(2)),
        PatchKind::Low8 => always(low(1)),
        PatchKind::Scaled32(factor) | PatchKind::Scaled8(factor) => {
            let size = patch.kind.size();
            always(quote! { __stencil_runtime::patch::scaled::<#size>(#value, #factor, #addend) })
        }
        PatchKind::Abs32S => {
            Computed { value: low(4), fits: Some(quote! { __stencil_runtime::patch::fits_i32(#value, #addend) }) }
        }
        PatchKind::Rel32 => {
            let place = match patch.section {
                Section::Code => plus(quote!(#code_at), patch.offset),
                Section::Data => plus(quote!(#data_at), patch.offset),
            };
            let distance = quote! { __stencil_runtime::patch::low::<4>(#value.wrapping_sub(#place), #addend) };
            // Two locations in one body are always near each other.
            let fits = match (patch.value, patch.section) {
                (Value::Code(_) | Value::Next, Section::Code) | (Value::Data(_), Section::Data) => None,
                (Value::Code(_) | Value::Next | Value::Data(_), _) => {
                    Some(quote! { __stencil_runtime::Emitter::is_near(#out) })
                }
                _ => Some(quote! { __stencil_runtime::Emitter::reaches(#out, #value, #addend) }),
            };
            Computed { value: distance, fits }
        }
    }
}

fn plus(base: TokenStream, offset: usize) -> TokenStream {
    let offset = offset as u64;
    if offset == 0 {
        base
    } else {
        quote! { #base.wrapping_add(#offset) }
    }
}

//! Emit functions: straight-line code that makes room, computes fields, copies and patches.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::{Names, common_attributes, describe, local, member_index, own_attributes};
use crate::ast::{Block, Field, Uop};
use crate::ctype::Type;
use crate::model::{LIBC, Patch, PatchKind, Section, Stencil, Value, stored};

/// The name of a uop's public function.
pub fn function_name(uop: &Uop) -> Ident {
    format_ident!("emit_{}", uop.name)
}

/// The name of the function for one member of a family.
pub fn member_name(uop: &Uop, member: usize) -> Ident {
    format_ident!("__stencil_emit_{}_{}", uop.name, member)
}

/// The function of a uop, or those of a family's members and the one that chooses among them.
pub fn expand(block: &Block, uop: &Uop, members: &[Option<Stencil>], names: &Names) -> TokenStream {
    let Uop { name, visibility, .. } = uop;
    let (common, own) = (common_attributes(&uop.attributes), own_attributes(&uop.attributes));
    let operands: Vec<_> = uop.operands.iter().map(|field| &field.name).collect();
    let types: Vec<_> = uop.operands.iter().map(rust_type).collect();
    let function = function_name(uop);
    let text = name.to_string();
    let errors = "# Errors\nThose of [`Emitter`](::stencil_runtime::Emitter), and an operand out of its hole's range. \
                  Nothing is emitted then.";
    let link = format!("Emits the uop; [`{}`] describes its machine code.", describe::constant(uop));
    let head = quote! {
        #(#common)*
        #(#own)*
        #[doc = ""]
        #[doc = #link]
        #[doc = ""]
        #[doc = #errors]
        #[allow(dead_code, non_snake_case, clippy::too_many_arguments)]
        #[inline]
    };
    let result = quote! { ::core::result::Result<(), ::stencil_runtime::Error> };
    let out = local("out");
    let emitter = quote! { &mut ::stencil_runtime::Emitter<'_, __Memory> };
    if !uop.is_family() {
        let empty = Stencil { data_alignment: 1, ..Stencil::default() };
        let stencil = members.first().and_then(Option::as_ref).unwrap_or(&empty);
        let body = body(block, &uop.operands, &text, stencil, names);
        return quote! {
            #head
            #visibility fn #function<__Memory: ::stencil_runtime::Memory>(#out: #emitter, #(#operands: #types),*) -> #result {
                #body
            }
        };
    }
    let parameters: Vec<_> = uop.parameters.iter().map(|parameter| &parameter.name).collect();
    let present = || members.iter().enumerate().filter_map(|(index, member)| Some((index, member.as_ref()?)));
    let functions = present().map(|(index, stencil)| {
        let name = member_name(uop, index);
        let body = body(block, &uop.operands, &uop.member_name(index), stencil, names);
        quote! {
            #(#common)*
            #[doc(hidden)]
            #[allow(non_snake_case, clippy::too_many_arguments)]
            fn #name<__Memory: ::stencil_runtime::Memory>(#out: #emitter, #(#operands: #types),*) -> #result {
                #body
            }
        }
    });
    let count = members.len();
    let table = members.iter().enumerate().map(|(index, member)| match member {
        Some(_) => {
            let name = member_name(uop, index);
            quote! { ::core::option::Option::Some(#name::<__Memory>) }
        }
        None => quote! { ::core::option::Option::None },
    });
    let (index, emit) = (member_index(uop), local("emit"));
    quote! {
        #(#functions)*
        #head
        #visibility fn #function<__Memory: ::stencil_runtime::Memory>(
            #out: #emitter, #(#parameters: usize,)* #(#operands: #types),*
        ) -> #result {
            type Emit<__Memory> = fn(&mut ::stencil_runtime::Emitter<'_, __Memory>, #(#types),*) -> #result;
            struct Members<__Memory>(::core::marker::PhantomData<__Memory>);
            impl<__Memory: ::stencil_runtime::Memory> Members<__Memory> {
                const ALL: &'static [::core::option::Option<Emit<__Memory>>; #count] = &[#(#table),*];
            }
            match #index.and_then(|index| Members::<__Memory>::ALL[index]) {
                ::core::option::Option::Some(#emit) => #emit(#out, #(#operands),*),
                ::core::option::Option::None => ::core::result::Result::Err(
                    ::stencil_runtime::Error::no_such_stencil(#text, &[#(#parameters),*]),
                ),
            }
        }
    }
}

/// The type of an operand as emit functions take it: of a label, its address.
pub fn rust_type(field: &Field) -> TokenStream {
    let ty = &field.ty.rust;
    match field.ty.c {
        Type::Label => quote! { ::stencil_runtime::Address },
        _ => quote! { #ty },
    }
}

/// The body of the function that emits a stencil. It uses `out`, the emitter, and the operands by their names.
pub fn body(block: &Block, operands: &[Field], text: &str, stencil: &Stencil, names: &Names) -> TokenStream {
    let (out, room, code, data) = (local("out"), local("room"), local("code"), local("data"));
    let (code_size, data_size) = (stencil.code.len(), stencil.data.len());
    let alignment = stencil.data_alignment;
    let used = |operand: usize| stencil.patches.iter().any(|patch| patch.value == Value::Operand(operand));
    let unused = (operands.iter().enumerate()).filter(|(index, _)| !used(*index)).map(|(_, field)| &field.name);
    let reach = callees(stencil).into_iter().map(|callee| {
        let (variable, name, address) =
            (callee_variable(callee), callee_name(block, callee), callee_address(callee, names));
        quote! { let #variable = #room.reach(#name, #address)?; }
    });
    let mutable = (!callees(stencil).is_empty()).then(|| quote!(mut));
    let fields = stencil.patches.iter().enumerate().map(|(index, patch)| {
        let variable = local(&format!("field_{index}"));
        let value = field(block, operands, text, stencil, patch, names);
        quote! { let #variable = #value; }
    });
    let copies = [(&code, &stencil.code), (&data, &stencil.data)].map(|(place, bytes)| {
        let (size, stored) = (bytes.len(), stored(bytes));
        let (length, array) = (stored.len(), names.array(stored));
        // Nothing stored: fresh memory needs nothing, and reused memory is filled with zeros.
        let array = if stored.is_empty() { quote!([]) } else { quote!(#array) };
        (size != 0).then(|| quote! { ::stencil_runtime::expansion::copy::<__Memory, #size, #length>(#place, &#array); })
    });
    let puts = stencil.patches.iter().enumerate().map(|(index, patch)| {
        let (variable, offset) = (local(&format!("field_{index}")), patch.offset);
        let place = match patch.section {
            Section::Code => &code,
            Section::Data => &data,
        };
        quote! { ::stencil_runtime::patch::put(#place, #offset, #variable); }
    });
    let [copy_code, copy_data] = copies;
    quote! {
        #(let _ = #unused;)*
        let #mutable #room = #out.room::<#code_size, #data_size, #alignment>(#text)?;
        #(#reach)*
        #(#fields)*
        let (#code, #data) = #room.take();
        let _ = (&#code, &#data);
        #copy_data
        #copy_code
        #(#puts)*
        ::core::result::Result::Ok(())
    }
}

/// The value of one field, as an array of bytes.
fn field(
    block: &Block,
    operands: &[Field],
    text: &str,
    stencil: &Stencil,
    patch: &Patch,
    names: &Names,
) -> TokenStream {
    let room = local("room");
    let value = match patch.value {
        Value::Operand(operand) => word(&operands[operand]),
        Value::Code(offset) => plus(quote!(#room.code()), offset),
        Value::Data(offset) => plus(quote!(#room.data()), offset),
        Value::Next => plus(quote!(#room.code()), stencil.code.len()),
        Value::Host(_) | Value::Libc(_) => match patch.kind {
            PatchKind::Rel32 => {
                let variable = callee_variable(patch.value);
                quote!(#variable)
            }
            _ => callee_address(patch.value, names),
        },
        Value::Static(index) => {
            let name = names.static_data(index);
            quote! { #name.as_ptr() as u64 }
        }
    };
    let addend = patch.addend;
    let hole = match patch.value {
        Value::Operand(operand) => operands[operand].name.to_string(),
        Value::Host(_) | Value::Libc(_) => callee_name(block, patch.value),
        _ => "data".into(),
    };
    let checked = |call: TokenStream| {
        quote! { #call.map_err(|overflow| ::stencil_runtime::Error::out_of_range(#text, #hole, overflow))? }
    };
    match patch.kind {
        PatchKind::Abs64 => quote! { ::stencil_runtime::patch::abs64(#value, #addend) },
        PatchKind::Low32 => quote! { ::stencil_runtime::patch::low::<4>(#value, #addend) },
        PatchKind::Low16 => quote! { ::stencil_runtime::patch::low::<2>(#value, #addend) },
        PatchKind::Low8 => quote! { ::stencil_runtime::patch::low::<1>(#value, #addend) },
        PatchKind::Abs32 => checked(quote! { ::stencil_runtime::patch::abs32(#value, #addend) }),
        PatchKind::Abs32S => checked(quote! { ::stencil_runtime::patch::abs32s(#value, #addend) }),
        PatchKind::Rel32 => {
            let offset = patch.offset;
            let place = match patch.section {
                Section::Code => plus(quote!(#room.code()), offset),
                Section::Data => plus(quote!(#room.data()), offset),
            };
            checked(quote! { ::stencil_runtime::patch::rel32(#place, #value, #addend) })
        }
    }
}

fn plus(base: TokenStream, offset: usize) -> TokenStream {
    let offset = offset as u64;
    if offset == 0 {
        base
    } else {
        quote! { (#base + #offset) }
    }
}

/// An operand as the address of the symbol that C sees (see `Type::symbol_range`).
fn word(field: &Field) -> TokenStream {
    let name = &field.name;
    match &field.ty.c {
        Type::Label => quote! { #name.0 },
        Type::Integer { bits: 8, signed: true, .. } => quote! { #name as u8 as u64 },
        Type::Integer { bits: 16, signed: true, .. } => quote! { #name as u16 as u64 },
        Type::F32 | Type::F64 => quote! { #name.to_bits() as u64 },
        _ => quote! { #name as u64 },
    }
}

/// What a stencil calls by a relative distance, each once.
pub fn callees(stencil: &Stencil) -> Vec<Value> {
    let mut all = Vec::new();
    for patch in &stencil.patches {
        let callee = matches!(patch.value, Value::Host(_) | Value::Libc(_)) && patch.kind == PatchKind::Rel32;
        if callee && !all.contains(&patch.value) {
            all.push(patch.value);
        }
    }
    all
}

fn callee_variable(callee: Value) -> Ident {
    match callee {
        Value::Host(index) => local(&format!("host_{index}")),
        Value::Libc(index) => local(&format!("libc_{index}")),
        _ => unreachable!("not a callee"),
    }
}

pub fn callee_name(block: &Block, callee: Value) -> String {
    match callee {
        Value::Host(index) => block.externs[index].name.to_string(),
        Value::Libc(index) => LIBC[index].into(),
        _ => unreachable!("not a callee"),
    }
}

fn callee_address(callee: Value, names: &Names) -> TokenStream {
    match callee {
        Value::Host(index) => {
            let name = names.host(index);
            quote! { (#name as *const () as u64) }
        }
        Value::Libc(index) => {
            let name = format_ident!("{}", LIBC[index]);
            quote! { (::stencil_runtime::expansion::libc::#name as *const () as u64) }
        }
        _ => unreachable!("not a callee"),
    }
}

//! Resolution of names that may be declared anywhere in the block: constants in the lengths of arrays and in ranges, enums of parameters,
//! and the Rust paths of bound items. It also turns each array of registers into its elements.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Error, Expr, ExprLit, ExprPath, Lit, LitInt, Path, ReturnType, Type, parse_quote};

use super::parameter::EMPTY;
use crate::ast::{Block, End, Enum, Extern, Field, Parameter, RegisterArray, Typed};
use crate::ctype;

/// The most elements of an array that become registers. A machine with as many is refused.
const MOST: usize = 64;

/// Resolves the names of a block. Mistakes go to the block's.
pub(super) fn block(block: &mut Block) {
    let mut names = Names { values: Vec::new(), paths: Vec::new() };
    for constant in &block.constants {
        names.values.push((constant.name.clone(), constant.value));
        names.bind(&constant.name, constant.bound.as_ref());
    }
    for s in &block.structs {
        names.bind(&s.name, s.bound.as_ref());
    }
    for e in &block.enums {
        names.bind(&e.name, e.bound.as_ref());
    }
    let Block { machine, uops, externs, structs, enums, mistakes, .. } = block;
    let fields = (machine.parameters.iter_mut())
        .chain(uops.iter_mut().flat_map(|uop| &mut uop.operands))
        .chain(structs.iter_mut().flat_map(|s| &mut s.fields));
    fields.map(|field| &mut field.ty).chain(&mut machine.output).for_each(|ty| names.resolve(ty));
    externs.iter_mut().flat_map(Extern::types_mut).for_each(|ty| names.resolve(ty));
    for parameter in uops.iter_mut().flat_map(|uop| &mut uop.parameters) {
        if let Err(error) = names.parameter(parameter, enums) {
            mistakes.errors.push(error);
            // Later phases need at least one member.
            (parameter.start, parameter.end) = (0, 1);
        }
    }
    let registers = std::mem::take(&mut machine.parameters);
    for register in registers {
        match array(register) {
            Ok((array, elements)) => {
                machine.arrays.extend(array);
                machine.parameters.extend(elements);
            }
            Err(error) => mistakes.errors.push(error),
        }
    }
}

/// The names that types refer to.
struct Names {
    values: Vec<(Ident, i128)>,
    /// The Rust path of each bound item.
    paths: Vec<(Ident, Path)>,
}

impl Names {
    fn bind(&mut self, name: &Ident, path: Option<&Path>) {
        self.paths.extend(path.filter(|path| !path.is_ident(name)).map(|path| (name.clone(), path.clone())));
    }

    /// Resolves the names in a type, for C and for Rust.
    fn resolve(&self, typed: &mut Typed) {
        let mut literal = typed.rust.clone();
        if self.lengths(&mut literal) {
            (typed.c, typed.error) = match ctype::Type::from_rust(&literal) {
                Ok(c) => (c, None),
                Err(error) => (ctype::Type::Bool, Some(error)),
            };
        }
        self.qualify(&mut typed.rust);
    }

    /// Finds the values of a parameter whose range depends on constants, or whose values are the variants of an enum.
    fn parameter(&self, parameter: &mut Parameter, enums: &[Enum]) -> Result<(), Error> {
        if let Some(path) = &parameter.of {
            let Some(e) = enums.iter().find(|e| path.is_ident(&e.name)) else {
                let message = "expected a range of numbers, `const NAME: 0..3`, or an enum of this block, which `enum Name { A, B }` \
                               or, for an existing Rust enum, `enum Name = path { A, B }` declares";
                return Err(Error::new(path.span(), message));
            };
            let values = || e.variants.iter().map(|variant| variant.value);
            parameter.start = values().min().unwrap_or(0);
            parameter.end = values().max().unwrap_or(0).saturating_add(1);
            parameter.variants = e.variants.iter().map(|variant| (variant.name.to_string(), variant.value)).collect();
            if let Some(path) = path.get_ident().and_then(|name| self.path(name)) {
                parameter.of = Some(path);
            }
        }
        let [start, end] = &parameter.ends;
        for (end, number) in [(start, &mut parameter.start), (end, &mut parameter.end)] {
            let End::Constant(name, more) = end else { continue };
            let Some((_, value)) = self.values.iter().find(|(known, _)| known == name) else {
                let message = "expected a constant of this block: declare it, `const NAME: usize = 8;`";
                return Err(Error::new(name.span(), message));
            };
            let value = usize::try_from(*value).ok().and_then(|value| value.checked_add(*more));
            *number = value.ok_or_else(|| Error::new(name.span(), "the constant is not a number from 0 on"))?;
        }
        match &parameter.ends {
            [End::Constant(name, _), _] | [_, End::Constant(name, _)] if parameter.end <= parameter.start => {
                Err(Error::new(name.span(), EMPTY))
            }
            _ => Ok(()),
        }
    }

    /// Replaces constants by their values. Returns whether there are any.
    fn lengths(&self, ty: &mut Type) -> bool {
        match ty {
            Type::Array(array) => {
                let value = name(&array.len)
                    .and_then(|name| self.values.iter().find(|(known, value)| known == name && *value >= 0));
                if let Some((_, value)) = value {
                    let lit = Lit::Int(LitInt::new(&value.to_string(), array.len.span()));
                    array.len = Expr::Lit(ExprLit { attrs: Vec::new(), lit });
                }
                let inner = self.lengths(&mut array.elem);
                value.is_some() || inner
            }
            Type::Group(group) => self.lengths(&mut group.elem),
            Type::Paren(paren) => self.lengths(&mut paren.elem),
            Type::Ptr(pointer) => self.lengths(&mut pointer.elem),
            _ => false,
        }
    }

    /// Replaces the names of bound items by their paths, which are in scope wherever the block is.
    fn qualify(&self, ty: &mut Type) {
        match ty {
            Type::Array(array) => {
                self.qualify(&mut array.elem);
                if let Some(path) = name(&array.len).and_then(|name| self.path(name)) {
                    array.len = parse_quote!(#path);
                }
            }
            Type::Group(group) => self.qualify(&mut group.elem),
            Type::Paren(paren) => self.qualify(&mut paren.elem),
            Type::Ptr(pointer) => self.qualify(&mut pointer.elem),
            Type::FnPtr(function) => {
                function.inputs.iter_mut().for_each(|input| self.qualify(&mut input.ty));
                if let ReturnType::Type(_, output) = &mut function.output {
                    self.qualify(output);
                }
            }
            Type::Path(path) if path.qself.is_none() => {
                if let Some(qualified) = path.path.get_ident().and_then(|name| self.path(name)) {
                    path.path = qualified;
                }
            }
            _ => {}
        }
    }

    /// Returns the path that a name is bound to, at the place of the name.
    fn path(&self, name: &Ident) -> Option<Path> {
        let (_, path) = self.paths.iter().find(|(known, _)| known == name)?;
        let located = path.to_token_stream().into_iter().map(|mut token| {
            token.set_span(token.span().located_at(name.span()));
            token
        });
        syn::parse2::<ExprPath>(located.collect::<TokenStream>()).ok().map(|expression| expression.path)
    }
}

/// Returns the name that an expression consists of.
fn name(expression: &Expr) -> Option<&Ident> {
    match ctype::ungrouped(expression) {
        Expr::Path(path) if path.qself.is_none() => path.path.get_ident(),
        _ => None,
    }
}

/// Returns the elements of an array of registers, or the register itself.
fn array(register: Field) -> Result<(Option<RegisterArray>, Vec<Field>), Error> {
    let ctype::Type::Array(c, length) = &register.ty.c else { return Ok((None, vec![register])) };
    let (name, length, span) = (register.name.clone(), *length, register.ty.span);
    let Some(element) = element(&register.ty.rust) else { return Ok((None, vec![register])) };
    if length == 0 {
        return Err(Error::new(span, "an array of registers has at least one element"));
    }
    let values = match register.default.as_ref().map(ctype::ungrouped) {
        Some(Expr::Array(values)) if values.elems.len() != length => {
            let message =
                format!("expected {length} initial values, found {}: `= 0` sets all elements", values.elems.len());
            return Err(Error::new(values.span(), message));
        }
        Some(Expr::Array(values)) => values.elems.iter().cloned().map(Some).collect(),
        all => vec![all.cloned(); length.min(MOST)],
    };
    let elements = values.into_iter().take(MOST).enumerate().map(|(index, default)| Field {
        attributes: Vec::new(),
        visibility: register.visibility.clone(),
        name: Ident::new(&format!("stencil_{}_{index}", name.unraw()), name.span()),
        ty: Typed { rust: element.clone(), c: (**c).clone(), span, error: None },
        default,
        element: Some((name.clone(), index)),
    });
    let elements = elements.collect();
    Ok((Some(RegisterArray { name, length }), elements))
}

/// Returns the type of an array's elements.
fn element(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Array(array) => Some(&array.elem),
        Type::Group(group) => element(&group.elem),
        Type::Paren(paren) => element(&paren.elem),
        _ => None,
    }
}

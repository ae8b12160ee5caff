//! Functions with Rust types: closures that modules import, and calls without a [`Value`].

use std::marker::PhantomData;

use crate::module::error::Error;
use crate::module::types::{FuncType, RefType, ValueType};
use crate::runtime::extern_ref::ExternRef;
use crate::runtime::func::Func;
use crate::runtime::host::{Caller, HostError, HostFn};
use crate::runtime::slots::Slots;
use crate::runtime::store::Store;
use crate::runtime::value::Value;

/// A Rust type that corresponds to a type of WebAssembly: signed and unsigned integers of 32 and 64 bits, floats, `u128` for
/// vectors, and references. It cannot be implemented for other types.
pub trait WasmType: Copy + private::Sealed {
    #[doc(hidden)]
    const TYPE: ValueType;
    #[doc(hidden)]
    fn into_value(self) -> Value;
    /// Converts a value of this type.
    #[doc(hidden)]
    fn from_value(value: Value) -> Option<Self>;
}

/// The Rust types of a function's parameters or results: `()`, one [`WasmType`], or a tuple of up to 16.
pub trait WasmTypes: private::Sealed {
    #[doc(hidden)]
    const TYPES: &'static [ValueType];
    #[doc(hidden)]
    fn into_values(self) -> impl IntoIterator<Item = Value>;
    /// Takes the next values, if they have these types.
    #[doc(hidden)]
    fn from_values(values: impl Iterator<Item = Value>) -> Option<Self>
    where
        Self: Sized;
}

/// The return type of a host function: [`WasmTypes`], or a `Result` of them and any error.
pub trait HostResult: private::Sealed {
    #[doc(hidden)]
    type Types: WasmTypes;
    #[doc(hidden)]
    fn into_result(self) -> Result<Self::Types, HostError>;
}

/// A closure that can be a host function. It takes up to 16 parameters of [`WasmType`], optionally after a
/// [`&Caller`](Caller), and returns a [`HostResult`].
pub trait IntoHost<Signature>: private::Closure<Signature> {
    #[doc(hidden)]
    fn into_host(self) -> (FuncType, Box<HostFn>);
}

pub(crate) mod private {
    /// Prevents other implementations of a trait, since compiled code relies on its types.
    pub trait Sealed {}
    pub trait Closure<Signature> {}
}

macro_rules! wasm_type {
    ($($ty:ty: $wasm:expr, $variant:ident, $into:expr, $from:expr;)*) => {$(
        impl private::Sealed for $ty {}
        impl WasmType for $ty {
            const TYPE: ValueType = $wasm;

            fn into_value(self) -> Value {
                Value::$variant($into(self))
            }

            fn from_value(value: Value) -> Option<Self> {
                if let Value::$variant(value) = value { Some($from(value)) } else { None }
            }
        }
    )*};
}

wasm_type! {
    i32: ValueType::I32, I32, i32::from, i32::from;
    u32: ValueType::I32, I32, u32::cast_signed, i32::cast_unsigned;
    i64: ValueType::I64, I64, i64::from, i64::from;
    u64: ValueType::I64, I64, u64::cast_signed, i64::cast_unsigned;
    f32: ValueType::F32, F32, f32::from, f32::from;
    f64: ValueType::F64, F64, f64::from, f64::from;
    u128: ValueType::V128, V128, u128::from, u128::from;
    Option<Func>: ValueType::Ref(RefType::Func), FuncRef, Option::from, Option::from;
    Option<ExternRef>: ValueType::Ref(RefType::Extern), ExternRef, Option::from, Option::from;
}

impl<T: WasmType> WasmTypes for T {
    const TYPES: &'static [ValueType] = &[T::TYPE];

    fn into_values(self) -> impl IntoIterator<Item = Value> {
        [self.into_value()]
    }

    fn from_values(mut values: impl Iterator<Item = Value>) -> Option<Self> {
        T::from_value(values.next()?)
    }
}

impl<T: WasmTypes> HostResult for T {
    type Types = T;

    fn into_result(self) -> Result<T, HostError> {
        Ok(self)
    }
}

impl<T: WasmTypes, E> private::Sealed for Result<T, E> {}
impl<T: WasmTypes, E: Into<HostError>> HostResult for Result<T, E> {
    type Types = T;

    fn into_result(self) -> Result<T, HostError> {
        self.map_err(Into::into)
    }
}

macro_rules! tuples {
    ($($($name:ident)*;)*) => {$(
        impl<$($name: WasmType),*> private::Sealed for ($($name,)*) {}
        impl<$($name: WasmType),*> WasmTypes for ($($name,)*) {
            const TYPES: &'static [ValueType] = &[$($name::TYPE),*];

            #[allow(non_snake_case, reason = "variables have the names of their types")]
            fn into_values(self) -> impl IntoIterator<Item = Value> {
                let ($($name,)*) = self;
                [$($name.into_value()),*]
            }

            #[allow(unused, reason = "of no types there is nothing to read")]
            fn from_values(mut values: impl Iterator<Item = Value>) -> Option<Self> {
                Some(($($name::from_value(values.next()?)?,)*))
            }
        }

        closure!(($($name)*) ($($name),*) |_caller|);
        closure!(($($name)*) (&Caller<'_>, $($name),*) |caller| caller,);
    )*};
}

macro_rules! closure {
    (($($name:ident)*) ($($signature:tt)*) |$caller:ident| $($first:tt)*) => {
        impl<F, R: HostResult, $($name: WasmType),*> private::Closure<fn($($signature)*) -> R> for F
        where
            F: Fn($($signature)*) -> R + 'static,
        {
        }
        impl<F, R: HostResult, $($name: WasmType),*> IntoHost<fn($($signature)*) -> R> for F
        where
            F: Fn($($signature)*) -> R + 'static,
        {
            #[allow(non_snake_case, reason = "variables have the names of their types")]
            fn into_host(self) -> (FuncType, Box<HostFn>) {
                let ty = FuncType::new(<($($name,)*)>::TYPES, R::Types::TYPES);
                let function = move |$caller: &Caller<'_>, slots: &Slots<'_>| {
                    let ($($name,)*) = read(slots)?;
                    Ok(slots.write(self($($first)* $($name),*).into_result()?.into_values())?)
                };
                (ty, Box::new(function))
            }
        }
    };
}

tuples! {
    ;
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E G;
    A B C D E G H;
    A B C D E G H I;
    A B C D E G H I J;
    A B C D E G H I J K;
    A B C D E G H I J K L;
    A B C D E G H I J K L M;
    A B C D E G H I J K L M N;
    A B C D E G H I J K L M N O;
    A B C D E G H I J K L M N O P;
    A B C D E G H I J K L M N O P Q;
}

/// Reads values. The types of the call have been checked.
fn read<T: WasmTypes>(slots: &Slots<'_>) -> Result<T, HostError> {
    T::from_values(slots.read(T::TYPES)).ok_or_else(|| "the values have other types".into())
}

/// A function whose type has been checked: see [`Func::typed`].
#[derive(Debug)]
pub struct TypedFunc<P, R> {
    func: Func,
    of: PhantomData<fn(P) -> R>,
}

impl<P, R> Clone for TypedFunc<P, R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<P, R> Copy for TypedFunc<P, R> {}

impl<P: WasmTypes, R: WasmTypes> TypedFunc<P, R> {
    pub(crate) fn new(store: &Store, func: Func) -> Result<Self, Error> {
        let (found, wanted) = (func.ty(store)?, FuncType::new(P::TYPES, R::TYPES));
        if found != wanted {
            return Err(Error::WrongType { wanted: Box::new(wanted), found: Box::new(found) });
        }
        Ok(Self { func, of: PhantomData })
    }

    /// Returns the function.
    #[must_use]
    pub fn func(self) -> Func {
        self.func
    }

    /// Calls the function.
    ///
    /// # Errors
    /// [`Error::Trap`], [`Error::Host`], [`Error::OtherStore`].
    pub fn call(self, store: &Store, params: P) -> Result<R, Error> {
        let results = |slots: &Slots<'_>| R::from_values(slots.read(R::TYPES)).ok_or(Error::OtherStore);
        self.func.enter(store, P::TYPES, R::TYPES, params.into_values(), results)
    }
}

//! The linker: definitions for imports, by the names of a module and a field.

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use crate::embedding::typed::IntoHost;
use crate::module::error::Error;
use crate::module::types::{ExternType, FuncType};
use crate::runtime::func::Func;
use crate::runtime::global::Global;
use crate::runtime::host::{Caller, HostError, HostFn, of_values};
use crate::runtime::instance::Instance;
use crate::runtime::memory::Memory;
use crate::runtime::store::Store;
use crate::runtime::table::Table;
use crate::runtime::value::Value;

/// An item of a store that modules import and export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extern {
    /// A function.
    Func(Func),
    /// A table.
    Table(Table),
    /// A memory.
    Memory(Memory),
    /// A global.
    Global(Global),
}

impl Extern {
    /// Returns its type. The minimum of a table or a memory is its current size.
    ///
    /// # Errors
    /// [`Error::OtherStore`].
    pub fn ty(self, store: &Store) -> Result<ExternType, Error> {
        Ok(match self {
            Self::Func(func) => ExternType::Func(func.ty(store)?),
            Self::Table(table) => ExternType::Table(table.0.get(store)?.ty()),
            Self::Memory(memory) => ExternType::Memory(memory.0.get(store)?.ty()),
            Self::Global(global) => ExternType::Global(global.ty(store)?),
        })
    }
}

macro_rules! from_item {
    ($($item:ident)*) => {$(
        impl From<$item> for Extern {
            fn from(item: $item) -> Self {
                Self::$item(item)
            }
        }
    )*};
}
from_item!(Func Table Memory Global);

/// Definitions for modules to import. A later definition of a name replaces an earlier one.
///
/// ```
/// use uops::{FuncType, Linker, Value, ValueType};
///
/// let mut linker = Linker::new();
/// linker.func_new("env", "double", FuncType::new([ValueType::I32], [ValueType::I32]), |_caller, args| {
///     let &[Value::I32(n)] = args else { unreachable!("calls are checked against the type") };
///     Ok(vec![Value::I32(n.checked_mul(2).ok_or("too large to double")?)])
/// });
/// ```
#[derive(Clone, Debug, Default)]
pub struct Linker {
    modules: HashMap<String, HashMap<String, Definition>>,
}

/// The definition of a name.
#[derive(Clone)]
pub(crate) enum Definition {
    /// An item of a store.
    Extern(Extern),
    /// A closure. It becomes a function of a store when an instance imports it.
    Host(Rc<FuncType>, Rc<HostFn>),
}

impl Linker {
    /// Makes a linker without definitions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Defines a host function. Arguments have the types that `ty` says; a call fails if results have not.
    pub fn func_new<F>(&mut self, module: &str, field: &str, ty: FuncType, function: F) -> &mut Self
    where
        F: Fn(&Caller<'_>, &[Value]) -> Result<Vec<Value>, HostError> + 'static,
    {
        let function = of_values(ty.clone(), function);
        self.insert(module, field, Definition::Host(Rc::new(ty), function.into()))
    }

    /// Defines a host function. The type of the closure in Rust determines the function's type in WebAssembly.
    ///
    /// ```
    /// use uops::{Caller, Linker};
    ///
    /// let mut linker = Linker::new();
    /// linker.func_wrap("env", "double", |n: i32| n.checked_mul(2).ok_or("too large to double"));
    /// linker.func_wrap("env", "print", |caller: &Caller<'_>, at: u32, len: u32| {
    ///     // The module chooses the length: allocate no more than a limit.
    ///     let mut bytes = [0; 1024];
    ///     let bytes = bytes.get_mut(..len as usize).ok_or("the text is longer than 1024 bytes")?;
    ///     caller.instance().memory(caller.store(), "memory")?.read(caller.store(), at.into(), bytes)?;
    ///     println!("{}", String::from_utf8_lossy(bytes));
    ///     Ok::<(), uops::HostError>(())
    /// });
    /// ```
    pub fn func_wrap<S, F: IntoHost<S>>(&mut self, module: &str, field: &str, function: F) -> &mut Self {
        let (ty, function) = function.into_host();
        self.insert(module, field, Definition::Host(Rc::new(ty), function.into()))
    }

    /// Defines an item of a store: an instance's export, or one made by the embedder.
    pub fn define(&mut self, module: &str, field: &str, item: impl Into<Extern>) -> &mut Self {
        self.insert(module, field, Definition::Extern(item.into()))
    }

    /// Defines all exports of an instance as fields of a module.
    ///
    /// # Errors
    /// [`Error::OtherStore`].
    pub fn instance(&mut self, store: &Store, module: &str, instance: Instance) -> Result<&mut Self, Error> {
        for (field, item) in instance.exports(store)? {
            self.define(module, &field, item);
        }
        Ok(self)
    }

    fn insert(&mut self, module: &str, field: &str, definition: Definition) -> &mut Self {
        self.modules.entry(module.to_owned()).or_default().insert(field.to_owned(), definition);
        self
    }

    pub(crate) fn get(&self, module: &str, field: &str) -> Option<&Definition> {
        self.modules.get(module)?.get(field)
    }
}

impl Definition {
    pub(crate) fn ty(&self, store: &Store) -> Result<ExternType, Error> {
        match self {
            Self::Extern(item) => item.ty(store),
            Self::Host(ty, _) => Ok(ExternType::Func(FuncType::clone(ty))),
        }
    }
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Extern(item) => item.fmt(f),
            Self::Host(ty, _) => write!(f, "host function {ty}"),
        }
    }
}

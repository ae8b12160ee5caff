//! The linker: what instances import, by the names of a module and a field.

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use crate::embedding::func::Func;
use crate::embedding::typed::IntoHost;
use crate::module::error::Error;
use crate::module::types::{ExternType, FuncType};
use crate::runtime::global::Global;
use crate::runtime::host::{Caller, HostError, HostFn, of_values};
use crate::runtime::instance::Instance;
use crate::runtime::memory::Memory;
use crate::runtime::store::Store;
use crate::runtime::table::Table;
use crate::runtime::value::Value;

/// Something of a store that modules import and export.
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
    /// Its type; of a table or a memory with the size that it has now.
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

/// What is defined for modules to import. The last definition of a name counts.
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

/// What stands behind a name.
#[derive(Clone)]
pub(crate) enum Definition {
    /// Something that is in a store already.
    Extern(Extern),
    /// A closure that becomes a function of a store when an instance imports it.
    Host(Rc<FuncType>, Rc<HostFn>),
}

impl Linker {
    /// Nothing, yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Defines a host function. Calls of it are checked: it gets arguments of its type, and has to return results of it.
    pub fn func_new<F>(&mut self, module: &str, field: &str, ty: FuncType, function: F) -> &mut Self
    where
        F: Fn(&Caller<'_>, &[Value]) -> Result<Vec<Value>, HostError> + 'static,
    {
        let function = of_values(ty.clone(), function);
        self.insert(module, field, Definition::Host(Rc::new(ty), function.into()))
    }

    /// Defines a host function by a closure whose type in Rust is its type in WebAssembly.
    ///
    /// ```
    /// use uops::{Caller, Linker};
    ///
    /// let mut linker = Linker::new();
    /// linker.func_wrap("env", "double", |n: i32| n.checked_mul(2).ok_or("too large to double"));
    /// linker.func_wrap("env", "print", |caller: &Caller<'_>, at: u32, len: u32| {
    ///     let mut bytes = vec![0; len as usize];
    ///     caller.instance().memory(caller.store(), "memory")?.read(caller.store(), at.into(), &mut bytes)?;
    ///     println!("{}", String::from_utf8_lossy(&bytes));
    ///     Ok::<(), uops::Error>(())
    /// });
    /// ```
    pub fn func_wrap<S, F: IntoHost<S>>(&mut self, module: &str, field: &str, function: F) -> &mut Self {
        let (ty, function) = function.into_host();
        self.insert(module, field, Definition::Host(Rc::new(ty), function.into()))
    }

    /// Defines something that a store has: an instance's export, or what was made for modules to share.
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

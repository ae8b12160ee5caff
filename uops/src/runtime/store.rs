//! A store owns everything that instances are made of, and frees all of it together.
//!
//! A module's functions may be held by the tables of other modules, its memories and globals may be shared; who still
//! needs whom is hard to tell, and nothing asks. Instances, memories, tables, globals and host functions live until
//! their store is dropped, so that nothing which compiled code can get hold of ever dangles. A store is made for as long
//! as what runs in it is needed, as in other engines.
//!
//! What users have are *handles*: pointers with the number of their store. Numbers are never used twice, so a handle
//! that fits a store points to something that lives.
//!
//! A running function may be interrupted by a host function which uses the same store, even calls the same function. So
//! nothing in a store is ever borrowed mutably: what changes is in cells, or in memory that only raw pointers refer to.
//! That is why all methods take `&Store`.

use std::cell::{Cell, RefCell, UnsafeCell};
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::module::error::Error;
use crate::module::types::{FuncType, GlobalType, MemoryType, TableType};
use crate::runtime::backtrace::Trail;
use crate::runtime::extern_ref::ExternData;
use crate::runtime::frames::Frames;
use crate::runtime::global::GlobalData;
use crate::runtime::host::HostData;
use crate::runtime::instance::InstanceData;
use crate::runtime::interrupt::InterruptHandle;
use crate::runtime::memory::{MAX_PAGES, MemoryData};
use crate::runtime::table::TableData;
use crate::runtime::vm::Vm;

/// What a store allows the modules in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes for the frames of functions that are running. A program that needs more traps.
    pub stack: usize,
    /// Pages of 64 KiB that a memory may have. Those with 32-bit addresses have 2^16 at most. So much address space is set
    /// aside for each memory, unless its type has a lower limit.
    pub memory_pages: u64,
    /// Elements that a table may have.
    pub table_elements: u32,
    /// Memories that there may be in the store.
    pub memories: usize,
    /// Tables that there may be in the store.
    pub tables: usize,
}

impl Default for Options {
    /// A megabyte for frames, all the memory that 32-bit addresses reach, ten million elements, ten thousand memories and
    /// tables.
    fn default() -> Self {
        Self { stack: 1 << 20, memory_pages: MAX_PAGES, table_elements: 10_000_000, memories: 10_000, tables: 10_000 }
    }
}

/// The owner of instances and of all that they are made of.
#[derive(Debug)]
pub struct Store(pub(crate) Rc<Inner>);

/// What a store owns.
pub(crate) struct Inner {
    number: u64,
    options: Options,
    types: RefCell<Types>,
    pub(crate) frames: Frames,
    /// Why a host function failed, until the call that led to it reports it.
    pub(crate) failure: Cell<Option<Error>>,
    /// Which functions have ended since one could not go on.
    pub(crate) trail: Trail,
    instances: RefCell<Vec<Rc<InstanceData>>>,
    hosts: RefCell<Vec<Rc<HostData>>>,
    memories: RefCell<Vec<Rc<MemoryData>>>,
    tables: RefCell<Vec<Rc<TableData>>>,
    globals: RefCell<Vec<Rc<GlobalData>>>,
    externs: RefCell<Vec<Rc<ExternData>>>,
}

/// Equal types have equal numbers, whichever modules they are from.
#[derive(Default)]
struct Types {
    numbers: HashMap<Rc<FuncType>, u64>,
    types: Vec<Rc<FuncType>>,
}

impl Store {
    /// A store with the default [`Options`].
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new() -> Result<Self, Error> {
        Self::with_options(Options::default())
    }

    /// A store.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn with_options(options: Options) -> Result<Self, Error> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Ok(Self(Rc::new(Inner {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            options,
            types: RefCell::default(),
            frames: Frames::new(options.stack)?,
            failure: Cell::new(None),
            trail: Trail::default(),
            instances: RefCell::default(),
            hosts: RefCell::default(),
            memories: RefCell::default(),
            tables: RefCell::default(),
            globals: RefCell::default(),
            externs: RefCell::default(),
        })))
    }

    /// What ends, from any thread, a run in this store.
    #[must_use]
    pub fn interrupt_handle(&self) -> InterruptHandle {
        self.0.frames.interrupt.clone()
    }

    /// Whether the run that is in progress is to end. Host functions that wait should look at this now and then, and
    /// return [`Trap::Interrupted`](crate::Trap::Interrupted) as their error.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.0.frames.interrupt.is_interrupted()
    }

    /// The number that this type and all equal ones have in this store.
    pub(crate) fn type_number(&self, ty: &FuncType) -> u64 {
        let mut types = self.0.types.borrow_mut();
        if let Some(&number) = types.numbers.get(ty) {
            return number;
        }
        let (number, ty) = (types.types.len() as u64, Rc::new(ty.clone()));
        types.types.push(ty.clone());
        types.numbers.insert(ty, number);
        number
    }

    /// The type with this number.
    pub(crate) fn type_of(&self, number: u64) -> Rc<FuncType> {
        self.0.types.borrow().types[number as usize].clone()
    }

    pub(crate) fn memory(&self, ty: MemoryType) -> Result<Handle<MemoryData>, Error> {
        let (all, options) = (&self.0.memories, self.0.options);
        one_more("memories", all, options.memories)?;
        Ok(self.keep(all, Rc::new(MemoryData::new(ty, options.memory_pages)?)))
    }

    pub(crate) fn table(&self, ty: TableType) -> Result<Handle<TableData>, Error> {
        let (all, options) = (&self.0.tables, self.0.options);
        one_more("tables", all, options.tables)?;
        Ok(self.keep(all, Rc::new(TableData::new(ty, options.table_elements)?)))
    }

    pub(crate) fn extern_value(&self, value: ExternData) -> Handle<ExternData> {
        self.keep(&self.0.externs, Rc::new(value))
    }

    pub(crate) fn global(&self, ty: GlobalType, bits: u128) -> Handle<GlobalData> {
        self.keep(&self.0.globals, Rc::new(GlobalData { ty, cell: Cell::new(bits) }))
    }

    /// Keeps an instance as long as the store lives.
    pub(crate) fn keep_instance(&self, instance: Rc<InstanceData>) {
        self.0.instances.borrow_mut().push(instance);
    }

    /// Keeps a host function as long as the store lives.
    pub(crate) fn keep_host(&self, host: Rc<HostData>) {
        self.0.hosts.borrow_mut().push(host);
    }

    /// Keeps something as long as the store lives.
    fn keep<T>(&self, all: &RefCell<Vec<Rc<T>>>, one: Rc<T>) -> Handle<T> {
        let pointer = Rc::as_ptr(&one);
        all.borrow_mut().push(one);
        // SAFETY: the store owns it from now on and gives it up only when it is dropped itself.
        unsafe { Handle::new(self, pointer) }
    }
}

/// That there may be one more.
fn one_more<T>(what: &'static str, all: &RefCell<Vec<T>>, limit: usize) -> Result<(), Error> {
    if all.borrow().len() < limit { Ok(()) } else { Err(Error::TooMany { what, limit }) }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("number", &self.number).field("options", &self.options).finish_non_exhaustive()
    }
}

/// Something that a store owns.
pub(crate) struct Handle<T> {
    store: u64,
    pointer: *const T,
    of: PhantomData<Rc<T>>,
}

impl<T> Handle<T> {
    /// A handle.
    ///
    /// # Safety
    /// The pointer can be dereferenced as long as the store lives, and no mutable reference to it is ever made.
    pub(crate) unsafe fn new(store: &Store, pointer: *const T) -> Self {
        Self { store: store.0.number, pointer, of: PhantomData }
    }

    /// What it refers to.
    pub(crate) fn get(self, store: &Store) -> Result<&T, Error> {
        if self.store != store.0.number {
            return Err(Error::OtherStore);
        }
        // SAFETY: `new` was promised that it lives as long as the store with this number, of which there is never
        // another, and that store is borrowed as long as the reference lives.
        Ok(unsafe { &*self.pointer })
    }

    /// What it refers to, without a look at the store.
    ///
    /// # Safety
    /// The store lives as long as the reference.
    pub(crate) unsafe fn get_unchecked<'s>(self) -> &'s T {
        // SAFETY: `new` was promised that it lives as long as the store, and the caller says that this does.
        unsafe { &*self.pointer }
    }

    /// The address, for compiled code of the same store.
    pub(crate) fn pointer(self, store: &Store) -> Result<*const T, Error> {
        self.get(store).map(|_| self.pointer)
    }
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Handle<T> {}

impl<T> PartialEq for Handle<T> {
    fn eq(&self, other: &Self) -> bool {
        self.store == other.store && std::ptr::eq(self.pointer, other.pointer)
    }
}
impl<T> Eq for Handle<T> {}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:p} of store {}", self.pointer, self.store)
    }
}

/// A `Vm` at an address of its own, which compiled code and others may write to at any time.
pub(crate) type SharedVm = Rc<UnsafeCell<Vm>>;

impl Vm {
    /// A `Vm` without an instance, and with nothing in it.
    pub(crate) fn new(store: &Store) -> Self {
        use std::ptr::{null, null_mut};
        Self {
            memory: null_mut(),
            memory_size: 0,
            memories: null(),
            globals: null(),
            tables: null(),
            functions: null(),
            types: null(),
            limit: store.0.frames.interrupt.word(),
            start: null(),
            unwind: null(),
            host: null_mut(),
            store: Rc::as_ptr(&store.0).cast(),
            instance: null_mut(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::types::{Limits, ValueType};
    use crate::{Error, Memory};

    #[test]
    fn equal_types_have_equal_numbers() {
        let store = Store::new().unwrap();
        let first = FuncType::new([ValueType::I32], []);
        let number = store.type_number(&first);
        assert_eq!(store.type_number(&first.clone()), number);
        assert_ne!(store.type_number(&FuncType::new([], [ValueType::I32])), number);
        assert_eq!(*store.type_of(number), first);
    }

    #[test]
    fn handles_fit_their_own_store_only() {
        let (one, other) = (Store::new().unwrap(), Store::new().unwrap());
        let memory = Memory::new(&one, Limits { min: 1, max: None }).unwrap();
        assert_eq!(memory.pages(&one).unwrap(), 1);
        assert!(matches!(memory.pages(&other), Err(Error::OtherStore)));
        drop(one);
        assert!(matches!(memory.pages(&Store::new().unwrap()), Err(Error::OtherStore)));
    }
}

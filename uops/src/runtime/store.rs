//! A store owns everything that instances consist of, and frees all of it together.
//!
//! Tables of one module may hold functions of another, and modules share memories and globals. The store does not track who
//! still needs what: instances, memories, tables, globals and host functions live until the store is dropped. So
//! no pointer in compiled code ever dangles. As in other engines, a store should live as long as the instances
//! in it are needed.
//!
//! Users hold *handles*: pointers with the number of their store. Numbers are never reused, so a handle whose number matches
//! a store points to a live object.
//!
//! A host function may use the store whose function called it, and even call the same function. So nothing in a store is
//! borrowed mutably while anything runs: what changes is in cells, or in memory that only raw pointers refer to. That is
//! why all methods take `&Store`.

use std::cell::{Cell, RefCell, UnsafeCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::module::allocate;
use crate::module::error::{Error, Limit};
use crate::module::types::{FuncType, MemoryType, TableType};
use crate::runtime::backtrace::Trail;
use crate::runtime::executable::AnyExecutable;
use crate::runtime::extern_ref::ExternData;
use crate::runtime::frames::Frames;
use crate::runtime::global::GlobalData;
use crate::runtime::instance::InstanceData;
use crate::runtime::interrupt::{InterruptHandle, Order};
use crate::runtime::limits::{self, Budget, StoreLimits};
use crate::runtime::memory::MemoryData;
use crate::runtime::table::TableData;
use crate::runtime::vm::Vm;

/// The owner of instances and everything that they consist of.
#[derive(Debug)]
pub struct Store(pub(crate) Rc<Inner>);

/// The items that a store owns.
pub(crate) struct Inner {
    number: u64,
    limits: StoreLimits,
    pub(crate) budget: Budget,
    types: RefCell<Types>,
    pub(crate) frames: Frames,
    /// Why a host function failed, until the call that led to it reports it.
    pub(crate) failure: Cell<Option<Error>>,
    /// Which functions have ended since one trapped.
    pub(crate) trail: Trail,
    /// The programs that the budget includes, by their addresses, and whether it includes machine code that was made later.
    programs: RefCell<HashMap<*const (), (Arc<AnyExecutable>, bool)>>,
    pub(crate) instances: Kept<InstanceData>,
    memories: Kept<MemoryData>,
    tables: Kept<TableData>,
    pub(crate) globals: Kept<GlobalData>,
    externs: RefCell<Vec<Rc<ExternData>>>,
}

/// Values that live as long as the store, in vectors that never grow: none of them ever moves.
pub(crate) type Kept<T> = RefCell<Vec<Vec<T>>>;

/// Equal types have equal numbers, whichever modules they are from.
#[derive(Default)]
struct Types {
    numbers: HashMap<Rc<FuncType>, u64>,
    types: Vec<Rc<FuncType>>,
}

/// Types that are added between two checks that there is memory left for them.
const TYPES_PER_CHECK: usize = 1024;
/// The most bytes that a type may take: it has at most 1,000 parameters and 1,000 results.
const TYPE_SIZE: usize = 4096;

impl Inner {
    pub(crate) fn interrupt(&self) -> &InterruptHandle {
        &self.frames.interrupt
    }

    /// Collects items of which a module may have any number. Counts their bytes, and checks for an interruption after each
    /// piece.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`], [`Error::OutOfMemory`], [`Trap::Interrupted`](crate::Trap::Interrupted), and those of the
    /// items.
    pub(crate) fn collect<T>(
        &self,
        what: &'static str,
        mut items: impl ExactSizeIterator<Item = Result<T, Error>>,
    ) -> Result<Vec<T>, Error> {
        let len = items.len();
        self.budget.take(len.saturating_mul(size_of::<T>()) as u64)?;
        let mut all = allocate::vec(what, len)?;
        self.interrupt().in_pieces::<T, Error>(len, Order::Ascending, |piece| {
            for item in items.by_ref().take(piece.len()) {
                all.push(item?);
            }
            Ok(())
        })?;
        Ok(all)
    }

    /// Counts the bytes of a program, which it takes once in each store.
    pub(crate) fn count_program(&self, program: Arc<AnyExecutable>) -> Result<(), Error> {
        if let Entry::Vacant(entry) = self.programs.borrow_mut().entry(Arc::as_ptr(&program).cast()) {
            self.budget.take(program.size)?;
            // It stays, so that no other program gets its address.
            entry.insert((program, false));
        }
        Ok(())
    }

    /// Counts the machine code of a program that began in the interpreter, once. The budget includes the program.
    pub(crate) fn count_code(&self, program: &Arc<AnyExecutable>, size: u64) -> Result<(), Error> {
        if let Some((_, counted @ false)) = self.programs.borrow_mut().get_mut(&Arc::as_ptr(program).cast()) {
            self.budget.take(size)?;
            *counted = true;
        }
        Ok(())
    }
}

impl Store {
    /// Makes a store with the default [`StoreLimits`].
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new() -> Result<Self, Error> {
        Self::with_limits(StoreLimits::default())
    }

    /// Makes a store.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn with_limits(limits: StoreLimits) -> Result<Self, Error> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Ok(Self(Rc::new(Inner {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            limits,
            budget: Budget::new(limits.bytes),
            types: RefCell::default(),
            frames: Frames::new(limits.stack)?,
            failure: Cell::new(None),
            trail: Trail::default(),
            programs: RefCell::default(),
            instances: RefCell::default(),
            memories: RefCell::default(),
            tables: RefCell::default(),
            globals: RefCell::default(),
            externs: RefCell::default(),
        })))
    }

    /// Returns the handle with which any thread can end a run in this store.
    #[must_use]
    pub fn interrupt_handle(&self) -> InterruptHandle {
        self.0.interrupt().clone()
    }

    /// Whether the run that is in progress is to end. A host function that takes long should look at this now and then, and
    /// return [`Trap::Interrupted`](crate::Trap::Interrupted) as its error. If it returns anything but an error, its caller
    /// is interrupted all the same.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.0.interrupt().is_interrupted()
    }

    /// Returns the bytes that count towards [`StoreLimits::bytes`].
    #[must_use]
    pub fn bytes_used(&self) -> u64 {
        self.0.budget.used()
    }

    /// The number of this type and of all equal ones in this store.
    pub(crate) fn type_number(&self, ty: &FuncType) -> Result<u64, Error> {
        let mut all = self.0.types.borrow_mut();
        if let Some(&number) = all.numbers.get(ty) {
            return Ok(number);
        }
        let size = ty.params.len() + ty.results.len() + 2 * size_of::<FuncType>();
        self.0.budget.take(size as u64)?;
        let Types { numbers, types } = &mut *all;
        let full = |_| Error::OutOfMemory { what: "type", size: size as u64 };
        if types.len().is_multiple_of(TYPES_PER_CHECK) {
            numbers.try_reserve(TYPES_PER_CHECK).map_err(full)?;
            allocate::check("type", TYPES_PER_CHECK * TYPE_SIZE)?;
        }
        let (number, ty) = (types.len() as u64, Rc::new(ty.clone()));
        allocate::push("type", types, ty.clone())?;
        numbers.insert(ty, number);
        Ok(number)
    }

    /// The type with this number.
    pub(crate) fn type_of(&self, number: u64) -> Rc<FuncType> {
        self.0.types.borrow().types[number as usize].clone()
    }

    pub(crate) fn memory(&self, ty: MemoryType) -> Result<Handle<MemoryData>, Error> {
        let Inner { memories, limits, budget, .. } = &*self.0;
        one_more(Limit::Memories, memories, limits.memories)?;
        self.keep_one(memories, MemoryData::new(ty, limits.memory_pages, budget)?)
    }

    pub(crate) fn table(&self, ty: TableType) -> Result<Handle<TableData>, Error> {
        let Inner { tables, limits, budget, .. } = &*self.0;
        one_more(Limit::Tables, tables, limits.tables)?;
        self.keep_one(tables, TableData::new(ty, limits.table_elements, budget)?)
    }

    /// Keeps a value of the embedder, who answers for its size.
    pub(crate) fn extern_value(&self, value: ExternData) -> Handle<ExternData> {
        let value = Rc::new(value);
        let pointer = Rc::as_ptr(&value);
        self.0.externs.borrow_mut().push(value);
        // SAFETY: the store owns it from now on and gives it up only when it is dropped itself.
        unsafe { Handle::new(self, pointer) }
    }

    /// Keeps values as long as the store lives.
    pub(crate) fn keep<T>(
        &self,
        all: &Kept<T>,
        values: Vec<T>,
    ) -> Result<impl ExactSizeIterator<Item = Handle<T>>, Error> {
        let (first, len) = (values.as_ptr(), values.len());
        allocate::push("store", &mut all.borrow_mut(), values)?;
        // SAFETY: the vector has that many values. The store owns it from now on, changes nothing of it, and gives it up
        // only when it is dropped itself.
        Ok((0..len).map(move |index| unsafe { Handle::new(self, first.add(index)) }))
    }

    /// Keeps one value as long as the store lives.
    pub(crate) fn keep_one<T>(&self, all: &Kept<T>, value: T) -> Result<Handle<T>, Error> {
        let mut values = allocate::vec("store", 1)?;
        values.push(value);
        let first = values.as_ptr();
        allocate::push("store", &mut all.borrow_mut(), values)?;
        // SAFETY: as for `keep`.
        Ok(unsafe { Handle::new(self, first) })
    }
}

/// Fails if there may not be one more.
fn one_more<T>(limit: Limit, all: &Kept<T>, allowed: usize) -> Result<(), Error> {
    limits::check(limit, all.borrow().len() as u64 + 1, allowed as u64)
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("number", &self.number).field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// A handle of an object that a store owns.
pub(crate) struct Handle<T> {
    store: u64,
    pointer: *const T,
    of: PhantomData<Rc<T>>,
}

impl<T> Handle<T> {
    /// Makes a handle.
    ///
    /// # Safety
    /// The pointer can be dereferenced as long as the store lives, and no mutable reference to it is ever made.
    pub(crate) unsafe fn new(store: &Store, pointer: *const T) -> Self {
        Self { store: store.0.number, pointer, of: PhantomData }
    }

    /// Returns the object.
    pub(crate) fn get(self, store: &Store) -> Result<&T, Error> {
        if self.store != store.0.number {
            return Err(Error::OtherStore);
        }
        // SAFETY: `new` was promised that it lives as long as the store with this number, of which there is never
        // another, and that store is borrowed as long as the reference lives.
        Ok(unsafe { &*self.pointer })
    }

    /// Returns the object without checking the store.
    ///
    /// # Safety
    /// The store lives as long as the reference.
    pub(crate) unsafe fn get_unchecked<'s>(self) -> &'s T {
        // SAFETY: `new` was promised that it lives as long as the store, and the caller says that this does.
        unsafe { &*self.pointer }
    }

    /// Returns the address, for compiled code of the same store.
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

/// A `Vm` at a fixed address. Compiled code and the runtime may write to it at any time.
pub(crate) type SharedVm = Rc<UnsafeCell<Vm>>;

impl Vm {
    /// Makes a `Vm` without an instance and without items.
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
            unwind_stream: null(),
            compiled: null(),
            host: null_mut(),
            store: Rc::as_ptr(&store.0).cast(),
            instance: null_mut(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;
    use crate::module::types::{Limits, ValueType};

    #[test]
    fn equal_types_have_equal_numbers() {
        let store = Store::new().unwrap();
        let first = FuncType::new([ValueType::I32], []);
        let number = store.type_number(&first).unwrap();
        assert_eq!(store.type_number(&first.clone()).unwrap(), number);
        assert_ne!(store.type_number(&FuncType::new([], [ValueType::I32])).unwrap(), number);
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

//! Instantiation, in the order of the specification: first imports, so that a module that does not link has no effect;
//! then tables, memories and globals; then segments, one after the other; then the start function.
//!
//! Whatever a module has any number of is allocated fallibly, counts towards the store's budget, and is worked on in pieces
//! with a check for interruptions between them.

use std::cell::{Cell, RefCell, UnsafeCell};

use crate::embedding::linker::{Definition, Extern, Linker};
use crate::module::allocate;
use crate::module::const_expr::ConstExpr;
use crate::module::error::Error;
use crate::module::{Mode, Module, References};
use crate::program::Program;
use crate::runtime::evaluate::evaluate;
use crate::runtime::func::Func;
use crate::runtime::global::GlobalData;
use crate::runtime::host::{HostImport, Hosts};
use crate::runtime::instance::{Arrays, Instance, InstanceData};
use crate::runtime::memory::MemoryData;
use crate::runtime::store::{Handle, SharedVm, Store};
use crate::runtime::table::{Reference, TableData};
use crate::runtime::vm::{self, Vm};

/// The items of an instance, by kind; at first those that it imports.
struct Items<'i> {
    /// Imported functions; null stands for a host function.
    functions: Vec<*const vm::Func>,
    hosts: Vec<HostImport<'i>>,
    tables: Vec<Handle<TableData>>,
    memories: Vec<Handle<MemoryData>>,
    globals: Vec<Handle<GlobalData>>,
}

/// Makes an instance. See [`Instance::new`]. To interruptions this is a call.
pub(crate) fn instantiate(store: &Store, program: &Program, linker: &Linker) -> Result<Instance, Error> {
    store.0.frames.call(0, |_| {
        let module = program.module();
        let mut items = link(store, module, linker)?;
        store.0.count_program(program.executable())?;
        for &ty in &module.tables[items.tables.len()..] {
            items.tables.push(store.table(ty)?);
        }
        for &ty in &module.memories[items.memories.len()..] {
            items.memories.push(store.memory(ty)?);
        }
        let own = module.globals[items.globals.len()..].iter();
        let own = store.0.collect("global", own.map(|&ty| Ok(GlobalData { ty, cell: Cell::new(0) })))?;
        items.globals.extend(store.keep(&store.0.globals, own)?);
        let instance = assemble(store, program, items)?;
        initialize(store, module, instance.0.get(store)?)?;
        if let Some(start) = module.start {
            Func(instance.0.get(store)?.functions[start as usize]).call(store, &[])?;
        }
        Ok(instance)
    })
}

/// Finds what a module imports and checks its type.
fn link<'i>(store: &Store, module: &Module, linker: &'i Linker) -> Result<Items<'i>, Error> {
    // There is room for everything that the instance will have.
    let mut items = Items {
        functions: allocate::vec("instance", module.imported_functions())?,
        hosts: allocate::vec("instance", module.imported_functions())?,
        tables: allocate::vec("instance", module.tables.len())?,
        memories: allocate::vec("instance", module.memories.len())?,
        globals: allocate::vec("instance", module.globals.len())?,
    };
    for (index, import) in module.imports.iter().enumerate() {
        store.0.interrupt().check()?;
        let names = || (import.module.clone(), import.field.clone(), Box::new(import.ty.clone()));
        let Some(definition) = linker.get(&import.module, &import.field) else {
            let (module, field, wanted) = names();
            return Err(Error::UnknownImport { module, field, wanted });
        };
        let found = definition.ty(store)?;
        if !found.satisfies(&import.ty) {
            let (module, field, wanted) = names();
            return Err(Error::IncompatibleImport { module, field, wanted, found: Box::new(found) });
        }
        match definition {
            Definition::Host(ty, function) => {
                items.functions.push(std::ptr::null());
                items.hosts.push((index, ty, function));
            }
            Definition::Extern(Extern::Func(func)) => items.functions.push(func.0.pointer(store)?),
            Definition::Extern(Extern::Table(table)) => items.tables.push(table.0),
            Definition::Extern(Extern::Memory(memory)) => items.memories.push(memory.0),
            Definition::Extern(Extern::Global(global)) => items.globals.push(global.0),
        }
    }
    Ok(items)
}

/// Makes the instance out of its items, and the arrays that compiled code sees.
fn assemble(store: &Store, program: &Program, items: Items<'_>) -> Result<Instance, Error> {
    let (module, code, inner) = (program.module(), program.code(), &store.0);
    let shared = SharedVm::new(Vm::new(store).into());
    let vm = shared.get();
    let types = inner.collect("type", module.types.iter().map(|ty| store.type_number(ty)))?;
    let tables = items.tables.iter().map(|table| Ok(table.get(store)?.pointer()));
    let tables = inner.collect("table", tables)?;
    let memories = items.memories.iter().map(|memory| Ok(memory.get(store)?.pointer()));
    let memories = inner.collect("memory", memories)?;
    let globals = items.globals.iter().map(|global| Ok(global.get(store)?.cell.as_ptr().cast()));
    let globals = inner.collect("global", globals)?;
    let own = module.functions[module.imported_functions()..].iter().enumerate();
    let own = own.map(|(index, &ty)| Ok(vm::Func::new(code.function(index), vm, types[ty as usize]).into()));
    let own = inner.collect("function", own)?;
    let memory = items.memories.first().map(|memory| memory.get(store)).transpose()?;

    let mut place: Vec<InstanceData> = allocate::vec("instance", 1)?;
    // SAFETY: the store keeps the instance from the end of this function on. Until then, the handle is passed on and not
    // used.
    let handle = unsafe { Handle::new(store, place.as_ptr()) };
    let hosts = Hosts::new(store, handle, &items.hosts, code.host())?;
    let functions = {
        let mut host_functions = hosts.functions();
        let imported = items.functions.iter().map(|&function| match function.is_null() {
            true => host_functions.next().unwrap_or_default(),
            false => function,
        });
        let mut all = imported.chain(own.iter().map(|function: &UnsafeCell<vm::Func>| function.get().cast_const()));
        inner.collect("function", (0..module.functions.len()).map(|_| Ok(all.next().unwrap_or_default())))?
    };
    // SAFETY: imported functions are the store's already; the others are part of the instance.
    let handles = functions.iter().map(|&function| Ok(unsafe { Handle::new(store, function) }));
    let handles = inner.collect("function", handles)?;
    place.push(InstanceData {
        program: program.executable(),
        functions: handles,
        tables: items.tables,
        memories: items.memories,
        globals: items.globals,
        dropped_data: inner.collect("data segment", module.data.iter().map(|_| Ok(Cell::new(false))))?,
        elements: inner.collect("element segment", module.elements.iter().map(|_| Ok(RefCell::default())))?,
        compiled: Cell::new(false),
        arrays: Arrays { own, _hosts: hosts, functions, tables, memories, globals, types },
        _vm: shared,
    });
    let _ = store.keep(&inner.instances, place)?;
    let (arrays, unwind) = (&handle.get(store)?.arrays, code.unwind());
    // SAFETY: the instance owns the `Vm`, and no reference to that is ever made. The memory lives as long as the instance:
    // the store frees both when it is dropped.
    unsafe {
        (*vm).globals = arrays.globals.as_ptr();
        (*vm).tables = arrays.tables.as_ptr();
        (*vm).memories = arrays.memories.as_ptr();
        (*vm).functions = arrays.functions.as_ptr();
        (*vm).types = arrays.types.as_ptr();
        (*vm).unwind = unwind.code;
        (*vm).unwind_stream = unwind.stream;
        (*vm).compiled = code.compiled();
        (*vm).instance = handle.pointer(store)?.cast_mut().cast();
        if let Some(memory) = memory {
            memory.attach(vm)?;
        }
    }
    Ok(Instance(handle))
}

/// Sets globals, fills passive element segments, and copies active segments to where they belong.
fn initialize(store: &Store, module: &Module, instance: &InstanceData) -> Result<(), Error> {
    let interrupt = store.0.interrupt();
    let evaluate = |expr: &ConstExpr| evaluate(expr, store, instance);
    let imported = module.globals.len() - module.global_inits.len();
    for (global, init) in instance.globals[imported..].iter().zip(&module.global_inits) {
        global.get(store)?.cell.set(evaluate(init)?);
    }
    let reference = |items: &References, index: usize| match items {
        References::Functions(indices) => instance.functions[indices[index] as usize].pointer(store),
        References::Expressions(items) => Ok(evaluate(&items[index])? as usize as Reference),
    };
    for (segment, elements) in module.elements.iter().zip(&instance.elements) {
        if matches!(segment.mode, Mode::Passive) {
            let items = (0..segment.items.len()).map(|index| reference(&segment.items, index));
            elements.replace(store.0.collect("element segment", items)?);
        }
    }
    // An active segment is dropped when it has been copied: it is never stored. Its elements depend on nothing that
    // copying changes.
    for segment in &module.elements {
        if let Mode::Active { index, offset } = &segment.mode {
            let table = instance.tables[*index as usize].get(store)?;
            let (to, items) = (table.index(evaluate(offset)? as u64), &segment.items);
            table.elements().init_with(to, items.len(), interrupt, |index| reference(items, index))?;
        }
    }
    for (segment, dropped) in module.data.iter().zip(&instance.dropped_data) {
        if let Mode::Active { index, offset } = &segment.mode {
            let memory = instance.memories[*index as usize].get(store)?;
            let to = memory.address(evaluate(offset)? as u64);
            memory.bytes().init(to, &module.wasm[segment.bytes.clone()], interrupt)?;
            dropped.set(true);
        }
    }
    Ok(())
}

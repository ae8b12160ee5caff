//! Instantiation, in the specification's order: imports first, so that a module which does not link has done nothing;
//! then storage; then segments, in order, each of them wholly or not at all; then the start function.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::embedding::func::Func;
use crate::embedding::linker::{Definition, Extern, Linker};
use crate::module::const_expr::ConstExpr;
use crate::module::error::Error;
use crate::module::types::FuncType;
use crate::module::{Mode, Module, References};
use crate::program::Program;
use crate::runtime::global::GlobalData;
use crate::runtime::host::{HostData, HostFn};
use crate::runtime::instance::{Arrays, Instance, InstanceData};
use crate::runtime::memory::MemoryData;
use crate::runtime::store::{Handle, SharedVm, Store};
use crate::runtime::table::{Reference, TableData};
use crate::runtime::vm::{self, Vm};

/// What an instance has of each kind; at first what it imports.
#[derive(Default)]
struct Items<'i> {
    functions: Vec<Function<'i>>,
    tables: Vec<Handle<TableData>>,
    memories: Vec<Handle<MemoryData>>,
    globals: Vec<Handle<GlobalData>>,
}

/// An imported function.
enum Function<'i> {
    /// One that is in the store already.
    Stored(*const vm::Func),
    /// A host function, and its name.
    Host(String, (&'i Rc<FuncType>, &'i Rc<HostFn>)),
}

/// Makes an instance. See [`Instance::new`].
pub(crate) fn instantiate(store: &Store, program: &Program, linker: &Linker) -> Result<Instance, Error> {
    let module = program.module();
    let mut items = link(store, module, linker)?;
    for &ty in &module.tables[items.tables.len()..] {
        items.tables.push(store.table(ty)?);
    }
    for &ty in &module.memories[items.memories.len()..] {
        items.memories.push(store.memory(ty)?);
    }
    for &ty in &module.globals[items.globals.len()..] {
        items.globals.push(store.global(ty, 0));
    }
    let instance = assemble(store, program, items)?;
    initialize(store, module, instance.0.get(store)?)?;
    if let Some(start) = module.start {
        Func(instance.0.get(store)?.functions[start as usize]).call(store, &[])?;
    }
    Ok(instance)
}

/// Finds what a module imports and checks its type.
fn link<'i>(store: &Store, module: &Module, linker: &'i Linker) -> Result<Items<'i>, Error> {
    let mut items = Items::default();
    for import in &module.imports {
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
                let name = format!("{}.{}", import.module, import.field);
                items.functions.push(Function::Host(name, (ty, function)));
            }
            Definition::Extern(Extern::Func(func)) => items.functions.push(Function::Stored(func.0.pointer(store)?)),
            Definition::Extern(Extern::Table(table)) => items.tables.push(table.0),
            Definition::Extern(Extern::Memory(memory)) => items.memories.push(memory.0),
            Definition::Extern(Extern::Global(global)) => items.globals.push(global.0),
        }
    }
    Ok(items)
}

/// Makes the instance out of what it has, and what compiled code sees of it.
fn assemble(store: &Store, program: &Program, items: Items<'_>) -> Result<Instance, Error> {
    let (module, code) = (program.module(), program.code());
    let shared = SharedVm::new(Vm::new(store).into());
    let vm = shared.get();
    let types: Rc<[u64]> = module.types.iter().map(|ty| store.type_number(ty)).collect();
    let tables =
        items.tables.iter().map(|table| Ok(table.get(store)?.pointer())).collect::<Result<Rc<[_]>, Error>>()?;
    let memories =
        items.memories.iter().map(|memory| Ok(memory.get(store)?.pointer())).collect::<Result<Rc<[_]>, Error>>()?;
    let globals = items
        .globals
        .iter()
        .map(|global| Ok(global.get(store)?.cell.as_ptr().cast()))
        .collect::<Result<Rc<[_]>, Error>>()?;
    let own: Rc<[vm::Func]> = module.functions[module.imported_functions()..]
        .iter()
        .enumerate()
        .map(|(index, &ty)| vm::Func { code: code.function(index), vm, ty: types[ty as usize] })
        .collect();
    let memory = items.memories.first().map(|memory| memory.get(store)).transpose()?;
    let instance = Rc::new_cyclic(|this| {
        // SAFETY: the store keeps the instance from the end of this function on. Until it is made, the handle is
        // passed on and not used.
        let handle = unsafe { Handle::new(store, this.as_ptr()) };
        let link = |function| match function {
            Function::Stored(function) => function,
            Function::Host(name, function) => HostData::import(store, handle, name, function, code.host_thunk()),
        };
        let imported = items.functions.into_iter().map(link);
        let functions: Rc<[*const vm::Func]> = imported.chain(own.iter().map(std::ptr::from_ref)).collect();
        // SAFETY: imported functions are the store's already; the others are part of the instance.
        let handles = functions.iter().map(|&function| unsafe { Handle::new(store, function) }).collect();
        InstanceData {
            program: program.clone(),
            functions: handles,
            tables: items.tables,
            memories: items.memories,
            globals: items.globals,
            dropped_data: program.module().data.iter().map(|_| Cell::new(false)).collect(),
            elements: program.module().elements.iter().map(|_| RefCell::default()).collect(),
            arrays: Arrays { _own: own, functions, tables, memories, globals, types },
            _vm: shared,
        }
    });
    let (data, arrays) = (Rc::as_ptr(&instance), &instance.arrays);
    // SAFETY: the instance owns the `Vm`, and no reference to that is ever made. The memory lives as long as the instance:
    // the store frees both when it is dropped.
    unsafe {
        (*vm).globals = arrays.globals.as_ptr();
        (*vm).tables = arrays.tables.as_ptr();
        (*vm).memories = arrays.memories.as_ptr();
        (*vm).functions = arrays.functions.as_ptr();
        (*vm).types = arrays.types.as_ptr();
        (*vm).unwind = code.unwind();
        (*vm).instance = data.cast_mut().cast();
        if let Some(memory) = memory {
            memory.attach(vm);
        }
    }
    store.keep_instance(instance);
    // SAFETY: the store keeps it now.
    Ok(Instance(unsafe { Handle::new(store, data) }))
}

/// Sets globals, puts active segments where they belong, and drops them.
fn initialize(store: &Store, module: &Module, instance: &InstanceData) -> Result<(), Error> {
    let evaluate = |expr: &ConstExpr| expr.evaluate(store, instance);
    let imported = module.globals.len() - module.global_inits.len();
    for (global, init) in instance.globals[imported..].iter().zip(&module.global_inits) {
        global.get(store)?.cell.set(evaluate(init)?);
    }
    for (segment, elements) in module.elements.iter().zip(&instance.elements) {
        if !matches!(segment.mode, Mode::Declared) {
            let references: Result<_, Error> = match &segment.items {
                References::Functions(indices) => {
                    indices.iter().map(|&index| instance.functions[index as usize].pointer(store)).collect()
                }
                References::Expressions(items) => {
                    items.iter().map(|item| Ok(evaluate(item)? as usize as Reference)).collect()
                }
            };
            elements.replace(references?);
        }
    }
    for (segment, elements) in module.elements.iter().zip(&instance.elements) {
        if let Mode::Active { index, offset } = &segment.mode {
            let table = instance.tables[*index as usize].get(store)?;
            table.write(table.index(evaluate(offset)? as u64), &elements.borrow())?;
            elements.take();
        }
    }
    for (segment, dropped) in module.data.iter().zip(&instance.dropped_data) {
        if let Mode::Active { index, offset } = &segment.mode {
            let memory = instance.memories[*index as usize].get(store)?;
            memory.write(memory.address(evaluate(offset)? as u64), &module.wasm[segment.bytes.clone()])?;
            dropped.set(true);
        }
    }
    Ok(())
}

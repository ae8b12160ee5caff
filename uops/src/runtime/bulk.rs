//! What compiled code calls to grow, copy and fill: bounds are checked first, so that nothing is done or all of it.
//!
//! Operands are in the slots at `args`, in order. What is returned is a trap's code or 0.

use crate::module::trap::Trap;
use crate::module::types::AddressType;
use crate::runtime::instance::InstanceData;
use crate::runtime::memory::MemoryData;
use crate::runtime::table::{Reference, TableData, part};
use crate::runtime::vm::Vm;

/// The instance that runs.
///
/// # Safety
/// `vm` is an instance's, of a store that lives as long as the reference.
unsafe fn instance<'s>(vm: *mut Vm) -> &'s InstanceData {
    // SAFETY: `instance` was set when it was made, and the instance lives as long as the store.
    unsafe { &*(*vm).instance.cast::<InstanceData>() }
}

/// The operands as slots hold them: of a 32-bit integer only the lower half counts.
///
/// # Safety
/// There are so many slots at `args`.
unsafe fn operands<const COUNT: usize>(args: *const u64) -> [u64; COUNT] {
    // SAFETY: the caller says that there are so many.
    std::array::from_fn(|index| unsafe { *args.add(index) })
}

fn code(result: Result<(), Trap>) -> u64 {
    result.map_or_else(Trap::code, |()| 0)
}

/// # Safety
/// As for [`instance`].
unsafe fn memory<'s>(instance: &InstanceData, index: u32) -> &'s MemoryData {
    // SAFETY: the memory is of the same store, which lives.
    unsafe { instance.memories[index as usize].get_unchecked() }
}

/// # Safety
/// As for [`instance`].
unsafe fn table<'s>(instance: &InstanceData, index: u32) -> &'s TableData {
    // SAFETY: the table is of the same store, which lives.
    unsafe { instance.tables[index as usize].get_unchecked() }
}

macro_rules! bulk {
    ($($(#[$doc:meta])* $name:ident($instance:ident, $args:pat, $($operand:ident),*) $body:block)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// Compiled code calls it: `vm` is an instance's, of a store with a call in progress, so that all of the store
        /// lives; the operands of the instruction are in the slots at `args`; immediates are those of a valid module.
        pub(crate) unsafe extern "C" fn $name(vm: *mut Vm, args: *mut u64 $(, $operand: u32)*) -> u64 {
            // SAFETY: the caller says all that these ask for.
            let ($instance, $args) = unsafe { (instance(vm), operands(args)) };
            code($body)
        }
    )*};
}

bulk! {
    /// `memory.copy`.
    memory_copy(instance, [to, from, len], into, source) {
        // SAFETY: the store lives.
        let (into, source) = unsafe { (memory(instance, into), memory(instance, source)) };
        into.copy(into.address(to), source, source.address(from), into.address(source.address(len)))
    }
    /// `memory.fill`.
    memory_fill(instance, [to, value, len], into) {
        // SAFETY: the store lives.
        let into = unsafe { memory(instance, into) };
        into.fill(into.address(to), value as u8, into.address(len))
    }
    /// `memory.init`.
    memory_init(instance, [to, from, len], segment, into) {
        let bytes = segment_part(instance.data(segment), from, len).ok_or(Trap::MemoryOutOfBounds);
        // SAFETY: the store lives.
        let into = unsafe { memory(instance, into) };
        bytes.and_then(|bytes| into.write(into.address(to), bytes))
    }
    /// `data.drop`.
    data_drop(instance, [], segment) {
        instance.dropped_data[segment as usize].set(true);
        Ok(())
    }
    /// `table.copy`.
    table_copy(instance, [to, from, len], into, source) {
        // SAFETY: the store lives.
        let (into, source) = unsafe { (table(instance, into), table(instance, source)) };
        let elements = source.read(source.index(from), into.index(source.index(len)));
        elements.and_then(|elements| into.write(into.index(to), &elements))
    }
    /// `table.init`.
    table_init(instance, [to, from, len], segment, into) {
        let elements = instance.elements[segment as usize].borrow();
        let elements = segment_part(&elements, from, len).ok_or(Trap::TableOutOfBounds);
        // SAFETY: the store lives.
        let into = unsafe { table(instance, into) };
        elements.and_then(|elements| into.write(into.index(to), elements))
    }
    /// `elem.drop`.
    elem_drop(instance, [], segment) {
        instance.elements[segment as usize].take();
        Ok(())
    }
}

/// `memory.grow`: the former size in pages, or -1.
///
/// # Safety
/// As for the others; `pages` is the operand.
pub(crate) unsafe extern "C" fn memory_grow(vm: *mut Vm, pages: u64, index: u32) -> u64 {
    // SAFETY: the caller says all that this asks for.
    let memory = unsafe { memory(instance(vm), index) };
    memory.grow(memory.address(pages)).unwrap_or(u64::MAX)
}

/// `table.grow`: the former size, or -1, goes to the slot of the first operand.
///
/// # Safety
/// As for the others.
pub(crate) unsafe extern "C" fn table_grow(vm: *mut Vm, args: *mut u64, index: u32) -> u64 {
    // SAFETY: the caller says all that these ask for; the operands are a reference and a number.
    unsafe {
        let table = table(instance(vm), index);
        let old = table.grow(table.index(*args.add(1)), *args as Reference);
        *args = old.unwrap_or(u64::MAX);
    }
    0
}

/// `table.fill`.
///
/// # Safety
/// As for the others.
pub(crate) unsafe extern "C" fn table_fill(vm: *mut Vm, args: *mut u64, index: u32) -> u64 {
    // SAFETY: the caller says all that these ask for; the operand in the middle is a reference.
    let (table, [at, value, len]) = unsafe { (table(instance(vm), index), operands(args)) };
    code(table.fill(table.index(at), value as Reference, table.index(len)))
}

/// A part of a segment, if all of it is there. Segments have 32-bit indices.
fn segment_part<T>(all: &[T], from: u64, len: u64) -> Option<&[T]> {
    part(all, AddressType::I32.address(from), AddressType::I32.address(len))
}

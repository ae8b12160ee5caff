//! What compiled code calls to copy and fill: bounds are checked first, so that nothing is done or all of it.
//!
//! Operands are in the slots at `args`, in order. What is returned is a trap's code or 0.

use crate::instance::InstanceData;
use crate::memory::MemoryData;
use crate::table::{Reference, TableData};
use crate::trap::Trap;
use crate::vm::Vm;

/// The instance that runs.
///
/// # Safety
/// `vm` is an instance's, of a store that lives as long as the reference.
unsafe fn instance<'s>(vm: *mut Vm) -> &'s InstanceData {
    // SAFETY: `instance` was set when it was made, and the instance lives as long as the store.
    unsafe { &*(*vm).instance.cast::<InstanceData>() }
}

/// The operands, each a 32-bit integer, of which a slot holds the lower half.
///
/// # Safety
/// There are so many slots at `args`.
unsafe fn operands<const COUNT: usize>(args: *const u64) -> [u32; COUNT] {
    // SAFETY: the caller says that there are so many.
    std::array::from_fn(|index| unsafe { *args.add(index) } as u32)
}

fn code(result: Result<(), Trap>) -> u64 {
    result.map_or_else(Trap::code, |()| 0)
}

/// # Safety
/// As for [`instance`].
unsafe fn memory<'s>(instance: &InstanceData) -> Result<&'s MemoryData, Trap> {
    // SAFETY: the memory is of the same store, which lives. Validation has made sure that there is one.
    instance.memories.first().map(|memory| unsafe { memory.get_unchecked() }).ok_or(Trap::MemoryOutOfBounds)
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
    memory_copy(instance, [to, from, len],) {
        // SAFETY: the store lives.
        unsafe { memory(instance) }.and_then(|memory| memory.copy(to, from, len))
    }
    /// `memory.fill`.
    memory_fill(instance, [to, value, len],) {
        // SAFETY: the store lives.
        unsafe { memory(instance) }.and_then(|memory| memory.fill(to, value as u8, len))
    }
    /// `memory.init`.
    memory_init(instance, [to, from, len], segment) {
        let bytes = part(instance.data(segment), from, len).ok_or(Trap::MemoryOutOfBounds);
        // SAFETY: the store lives.
        unsafe { memory(instance) }.and_then(|memory| memory.write(to.into(), bytes?))
    }
    /// `data.drop`.
    data_drop(instance, [], segment) {
        instance.dropped_data[segment as usize].set(true);
        Ok(())
    }
    /// `table.copy`.
    table_copy(instance, [to, from, len], to_table, from_table) {
        // SAFETY: the store lives.
        let (to_table, from_table) = unsafe { (table(instance, to_table), table(instance, from_table)) };
        from_table.read(from, len).and_then(|elements| to_table.write(to, &elements))
    }
    /// `table.init`.
    table_init(instance, [to, from, len], segment, into) {
        let elements = instance.elements[segment as usize].borrow();
        let elements = part(&elements, from, len).ok_or(Trap::TableOutOfBounds);
        // SAFETY: the store lives.
        elements.and_then(|elements| unsafe { table(instance, into) }.write(to, elements))
    }
    /// `elem.drop`.
    elem_drop(instance, [], segment) {
        instance.elements[segment as usize].take();
        Ok(())
    }
}

/// `table.grow`: the former size, or -1, goes to the slot of the first operand.
///
/// # Safety
/// As for the others.
pub(crate) unsafe extern "C" fn table_grow(vm: *mut Vm, args: *mut u64, index: u32) -> u64 {
    // SAFETY: the caller says all that these ask for; the operands are a reference and a number.
    unsafe {
        let old = table(instance(vm), index).grow(*args.add(1) as u32, *args as Reference);
        *args = old.unwrap_or(u32::MAX).into();
    }
    0
}

/// `table.fill`.
///
/// # Safety
/// As for the others.
pub(crate) unsafe extern "C" fn table_fill(vm: *mut Vm, args: *mut u64, index: u32) -> u64 {
    // SAFETY: the caller says all that these ask for; the operand in the middle is a reference.
    let (table, [at, _, len], value) = unsafe { (table(instance(vm), index), operands(args), *args.add(1)) };
    code(table.fill(at, value as Reference, len))
}

/// A part of a segment, if all of it is there.
fn part<T>(all: &[T], from: u32, len: u32) -> Option<&[T]> {
    all.get(from as usize..)?.get(..len as usize)
}

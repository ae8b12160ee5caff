//! What compiled code calls to grow, copy and fill. Bounds are checked first, so that an instruction that traps has done
//! nothing. An interrupted one has done a part: see [`InterruptHandle::interrupt`](crate::InterruptHandle::interrupt).
//!
//! Operands are in the slots at `args`, in order. The result is a trap's code or 0.

use crate::module::trap::Trap;
use crate::module::types::AddressType;
use crate::runtime::instance::InstanceData;
use crate::runtime::memory::MemoryData;
use crate::runtime::store::Inner;
use crate::runtime::table::{Reference, TableData};
use crate::runtime::vm::Vm;

/// The instance that runs, and its store.
///
/// # Safety
/// `vm` is an instance's, of a store that lives as long as the references.
unsafe fn instance<'s>(vm: *mut Vm) -> (&'s Inner, &'s InstanceData) {
    // SAFETY: both were set when the instance was made, and live as long as the store.
    unsafe { (&*(*vm).store.cast::<Inner>(), &*(*vm).instance.cast::<InstanceData>()) }
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
    ($($(#[$doc:meta])* $name:ident($store:ident, $instance:ident, $args:pat, $($operand:ident),*) $body:block)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// Compiled code calls it: `vm` is an instance's, of a store with a call in progress, so that all of the store
        /// lives; the operands of the instruction are in the slots at `args`; immediates are those of a valid module.
        pub(crate) unsafe extern "C" fn $name(vm: *mut Vm, args: *mut u64 $(, $operand: u32)*) -> u64 {
            // SAFETY: the caller says all that these ask for.
            let (($store, $instance), $args) = unsafe { (instance(vm), operands(args)) };
            code($body)
        }
    )*};
}

bulk! {
    /// `memory.copy`.
    memory_copy(store, instance, [to, from, len], into, source) {
        // SAFETY: the store lives.
        let (into, source) = unsafe { (memory(instance, into), memory(instance, source)) };
        let (to, from, len) = (into.address(to), source.address(from), into.address(source.address(len)));
        into.bytes().copy(to, source.bytes(), from, len, store.interrupt())
    }
    /// `memory.fill`.
    memory_fill(store, instance, [to, value, len], into) {
        // SAFETY: the store lives.
        let into = unsafe { memory(instance, into) };
        into.bytes().fill(into.address(to), value as u8, into.address(len), store.interrupt())
    }
    /// `memory.init`.
    memory_init(store, instance, [to, from, len], segment, into) {
        let bytes = part(instance.data(segment), from, len).ok_or(Trap::MemoryOutOfBounds);
        // SAFETY: the store lives.
        let into = unsafe { memory(instance, into) };
        bytes.and_then(|bytes| into.bytes().init(into.address(to), bytes, store.interrupt()))
    }
    /// `data.drop`.
    data_drop(store, instance, [], segment) {
        instance.dropped_data[segment as usize].set(true);
        store.interrupt().check()
    }
    /// `table.copy`.
    table_copy(store, instance, [to, from, len], into, source) {
        // SAFETY: the store lives.
        let (into, source) = unsafe { (table(instance, into), table(instance, source)) };
        let (to, from, len) = (into.index(to), source.index(from), into.index(source.index(len)));
        into.elements().copy(to, source.elements(), from, len, store.interrupt())
    }
    /// `table.init`.
    table_init(store, instance, [to, from, len], segment, into) {
        let elements = instance.elements[segment as usize].borrow();
        let elements = part(&elements, from, len).ok_or(Trap::TableOutOfBounds);
        // SAFETY: the store lives.
        let into = unsafe { table(instance, into) };
        elements.and_then(|elements| into.elements().init(into.index(to), elements, store.interrupt()))
    }
    /// `elem.drop`.
    elem_drop(store, instance, [], segment) {
        let elements = instance.elements[segment as usize].take();
        store.budget.give_back(size_of_val(&*elements) as u64);
        drop(elements);
        store.interrupt().check()
    }
    /// `table.fill`.
    table_fill(store, instance, [at, value, len], into) {
        // SAFETY: the store lives.
        let into = unsafe { table(instance, into) };
        // Validation has made sure that the value is a reference of the table's type.
        into.elements().fill(into.index(at), value as Reference, into.index(len), store.interrupt())
    }
}

/// `memory.grow`: the former size in pages, or -1.
///
/// # Safety
/// As for the others; `pages` is the operand.
pub(crate) unsafe extern "C" fn memory_grow(vm: *mut Vm, pages: u64, index: u32) -> u64 {
    // SAFETY: the caller says all that this asks for.
    let (store, instance) = unsafe { instance(vm) };
    // SAFETY: the store lives.
    let memory = unsafe { memory(instance, index) };
    memory.grow(memory.address(pages), &store.budget, store.interrupt()).unwrap_or(u64::MAX)
}

/// `table.grow`: the former size, or -1, goes to the slot of the first operand.
///
/// # Safety
/// As for the others.
pub(crate) unsafe extern "C" fn table_grow(vm: *mut Vm, args: *mut u64, index: u32) -> u64 {
    // SAFETY: the caller says all that these ask for; the operands are a reference and a number.
    let ((store, instance), [value, by]) = unsafe { (instance(vm), operands(args)) };
    // SAFETY: the store lives.
    let table = unsafe { table(instance, index) };
    let old = table.grow(table.index(by), value as Reference, &store.budget, store.interrupt());
    code(old.map(|old| {
        // SAFETY: the slot is one of the operands'.
        unsafe { *args = old.unwrap_or(u64::MAX) };
    }))
}

/// A part of a segment, if all of it is in bounds. Segments have 32-bit indices.
fn part<T>(all: &[T], from: u64, len: u64) -> Option<&[T]> {
    let [from, len] = [from, len].map(|bits| AddressType::I32.address(bits) as usize);
    all.get(from..)?.get(..len)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use crate::module::types::{Limits, RefType, TableType};
    use crate::runtime::interrupt::PIECE;
    use crate::runtime::interrupt::tests::observing;
    use crate::{Instance, Linker, Memory, Program, Store, Table};

    /// Bytes of the memory, and of the table, that the instructions work on.
    const SIZE: usize = 5 << 19;

    /// Instantiates a module that imports a memory and a table, and calls its export `run`. Returns the bytes of both that
    /// changed in all, and the most that changed between two checks for an interruption.
    fn changes(fields: &str) -> (usize, usize) {
        let text = format!(
            r#"(module (import "env" "memory" (memory $m 40)) (import "env" "table" (table $t {} funcref))
                (memory $own 40) (table $u {} funcref) (func $f) (elem declare func $f) {fields})"#,
            SIZE / 8,
            SIZE / 8
        );
        let program = Program::new(text.as_bytes()).unwrap();
        let (store, mut linker) = (Store::new().unwrap(), Linker::new());
        let memory = Memory::new(&store, Limits { min: 40, max: None }).unwrap();
        let table = TableType::new(RefType::Func, Limits { min: SIZE as u64 / 8, max: None });
        let table = Table::new(&store, table).unwrap();
        linker.define("env", "memory", memory).define("env", "table", table);
        let pattern: Vec<u8> = (0..SIZE as u32 / 4).flat_map(u32::to_ne_bytes).collect();
        memory.write(&store, 0, &pattern).unwrap();
        let regions = [
            memory.0.get(&store).unwrap().bytes().base().cast::<u64>().cast_const(),
            // A growing table is written beyond its bounds.
            table.0.get(&store).unwrap().elements().base().cast::<u64>().cast_const(),
        ];
        let state = Rc::new(Cell::new((0, 0)));
        let read = move || {
            let mut words = vec![0; 3 * SIZE / 8];
            // SAFETY: so many words are in the reservations, which live as long as the store.
            unsafe {
                words[..SIZE / 8].copy_from_slice(std::slice::from_raw_parts(regions[0], SIZE / 8));
                words[SIZE / 8..].copy_from_slice(std::slice::from_raw_parts(regions[1], SIZE / 4));
            }
            words
        };
        let (mut before, seen) = (read(), state.clone());
        let observer = move || {
            let now = read();
            let changed = before.iter().zip(&now).filter(|(before, now)| before != now).count() * 8;
            let (all, most) = seen.get();
            seen.set((all + changed, most.max(changed)));
            before = now;
        };
        observing(observer, || {
            let instance = Instance::new(&store, &program, &linker).unwrap();
            if instance.func(&store, "run").is_ok() {
                instance.call(&store, "run", &[]).unwrap();
            }
        });
        state.get()
    }

    fn run(body: &str) -> (usize, usize) {
        changes(&format!(r#"(func (export "run") {body})"#))
    }

    /// Whole pieces were written, and all of `SIZE` but a few bytes.
    fn in_pieces((all, most): (usize, usize)) -> bool {
        (PIECE - 64..=PIECE).contains(&most) && (SIZE - 64..=SIZE).contains(&all)
    }

    #[test]
    fn at_most_a_mebibyte_is_written_between_two_checks() {
        let n = SIZE;
        let fill = run(&format!("(memory.fill $m (i32.const 0) (i32.const 255) (i32.const {n}))"));
        assert!(in_pieces(fill), "{fill:?}");
        for (to, from) in [(0, 8), (8, 0)] {
            let body = format!("(memory.copy $m $m (i32.const {to}) (i32.const {from}) (i32.const {}))", n - 8);
            assert!(in_pieces(run(&body)), "{:?}", run(&body));
        }
        let other = run(&format!("(memory.copy $m $own (i32.const 0) (i32.const 0) (i32.const {n}))"));
        assert!(in_pieces(other), "{other:?}");
        let data = "x".repeat(n);
        let init = format!(
            r#"(data $d "{data}") (func (export "run")
                (memory.init $m $d (i32.const 0) (i32.const 0) (i32.const {n})) (data.drop $d))"#
        );
        assert!(in_pieces(changes(&init)));
        assert!(in_pieces(changes(&format!(r#"(data (memory $m) (i32.const 0) "{data}")"#))));
    }

    #[test]
    fn at_most_a_mebibyte_of_elements_is_written_between_two_checks() {
        let n = SIZE / 8;
        let fill = run(&format!("(table.fill $t (i32.const 0) (ref.func $f) (i32.const {n}))"));
        assert!(in_pieces(fill), "{fill:?}");
        let grow = run(&format!("(drop (table.grow $t (ref.func $f) (i32.const {n})))"));
        assert!(in_pieces(grow), "{grow:?}");
        let copy = run(&format!(
            "(table.fill $u (i32.const 0) (ref.func $f) (i32.const {n}))
             (table.copy $t $u (i32.const 0) (i32.const 0) (i32.const {n}))"
        ));
        assert!(in_pieces(copy), "{copy:?}");
        let elements = "$f ".repeat(n);
        let init = format!(
            r#"(elem $e func {elements}) (func (export "run")
                (table.init $t $e (i32.const 0) (i32.const 0) (i32.const {n})) (elem.drop $e))"#
        );
        assert!(in_pieces(changes(&init)));
        assert!(in_pieces(changes(&format!("(elem (table $t) (i32.const 0) func {elements})"))));
    }
}

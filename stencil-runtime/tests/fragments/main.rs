//! Fragments, and jumps and calls between programs.

mod wide;

use stencil_runtime::{Arena, ArenaOptions, CodeAddress, Fragment, FragmentEntry, Label, Mapping, stencil};

stencil! {
    machine Calc(x: u64, f: f64, trace: *mut u64) -> u64;

    uop add(n: u32) { x += n; }
    uop scale(by: f64) { f *= by; x += (uint64_t)f; }
    uop down(target: CodeAddress) { if (--*trace) JUMP(target); }
    uop branch(least: u64, target: CodeAddress) { if (x >= least) JUMP(target); }
    uop jump(target: CodeAddress) { JUMP(target); }
    uop jump_label(target: Label) { JUMP(target); }
    uop call(target: CodeAddress) { x = CALL(target) + 1; }
    uop call_pointer(target: *const u8) { x = CALL(target) + 1; }
    uop call_in_memory() { x = CALL(*(void **)trace) + 1; }
    uop jump_pointer(target: *const u8) { JUMP(target); }
    uop address(target: CodeAddress) { *trace = (uint64_t)ADDRESS_OF(target); }
    uop ret() { RETURN(x); }
}

const BOTH: [Mapping; 2] = [Mapping::Single, Mapping::Dual];

fn arena(mapping: Mapping) -> Arena {
    Arena::with(ArenaOptions::default().size(1 << 20).mapping(mapping)).unwrap()
}

fn run(entry: &FragmentEntry<Calc>, at: CodeAddress, x: u64) -> u64 {
    let mut trace = 3;
    // SAFETY: the tests keep all programs that are reached, and the pointer is valid.
    unsafe { entry.function()(at, x, 1.5, &raw mut trace) }
}

#[test]
fn a_fragment_takes_its_uops_and_an_invalid_instruction() {
    for mapping in BOTH {
        let arena = arena(mapping);
        let body = [Calc::add(1_000_000); 8];
        let fragment = Calc::compile_fragment_in(&arena, &[&body[..], &[Calc::ret()]].concat()).unwrap();
        let uops = body[0].stencil().code.size * 8 + STENCIL_ret.code.size;
        assert_eq!((fragment.bytes().len(), fragment.size()), (uops, uops + 2));
        assert_eq!(fragment.memory()[uops..], [0x0f, 0x0b]);
        assert_eq!(fragment.start().as_ptr() as usize % 64, 0);
        assert_eq!(arena.stats().functions, 1);
    }
}

#[test]
fn one_entry_enters_all_fragments_at_all_labels() {
    for mapping in BOTH {
        let (arena, other) = (arena(mapping), arena(mapping));
        let entry = FragmentEntry::<Calc>::new_in(&other).unwrap();
        let labels = [Label(0), Label(1)];
        let program =
            [Calc::bind(labels[0]), Calc::add(1), Calc::scale(4.0), Calc::bind(labels[1]), Calc::add(10), Calc::ret()];
        let fragment = Calc::compile_fragment_in(&arena, &program).unwrap();
        assert_eq!(fragment.address(labels[0]), Some(fragment.start()));
        assert_eq!(run(&entry, fragment.start(), 100), 117);
        assert_eq!(run(&entry, fragment.address(labels[1]).unwrap(), 100), 110);
        assert_eq!(fragment.address(Label(2)), None);
        // A program with an entry has labels too.
        let code = Calc::compile_in(&arena, &program).unwrap();
        assert_eq!(run(&entry, code.address(labels[1]).unwrap().into(), 5), 15);
    }
}

#[test]
fn a_jump_to_a_code_address_is_one_instruction() {
    for mapping in BOTH {
        let arena = arena(mapping);
        let entry = FragmentEntry::<Calc>::new_in(&arena).unwrap();
        let end = Calc::compile_fragment_in(&arena, &[Calc::add(1), Calc::ret()]).unwrap();
        let start = Calc::compile_fragment_in(&arena, &[Calc::jump(end.start())]).unwrap();
        assert_eq!((start.bytes()[0], start.size()), (0xe9, 7));
        assert_eq!(target_of(&start, 1), end.start());
        assert_eq!(run(&entry, start.start(), 1), 2);
        let branch = [Calc::branch(10, end.start()), Calc::add(100), Calc::ret()];
        let branch = Calc::compile_fragment_in(&arena, &branch).unwrap();
        assert_eq!([9, 10].map(|x| run(&entry, branch.start(), x)), [109, 11]);
    }
}

/// Returns where the displacement at this offset leads.
fn target_of(fragment: &Fragment<Calc>, offset: usize) -> CodeAddress {
    let (bytes, start) = (fragment.bytes(), fragment.start().as_ptr());
    let displacement = i32::from_le_bytes(bytes[offset..offset + 4].try_into().unwrap());
    start.wrapping_add(offset + 4).wrapping_offset(displacement as isize).into()
}

#[test]
fn programs_of_a_batch_refer_to_each_others_labels() {
    for mapping in BOTH {
        let arena = arena(mapping);
        let entry = FragmentEntry::<Calc>::new_in(&arena).unwrap();
        let mut batch = arena.fragments::<Calc>();
        batch.compile(&[Calc::add(1000), Calc::bind(Label(0)), Calc::add(1), Calc::ret()]).unwrap();
        for n in 0..100 {
            let last = batch.address(n, Label(0)).unwrap();
            batch.compile(&[Calc::bind(Label(1)), Calc::bind(Label(0)), Calc::add(1), Calc::jump(last)]).unwrap();
        }
        assert_eq!(batch.address(1, Label(7)), None);
        assert_eq!(batch.address(101, Label(0)), None);
        let fragments = batch.publish().unwrap();
        assert_eq!(run(&entry, fragments[100].start(), 0), 101);
        let mut batch = arena.batch::<Calc>();
        batch.compile(&[Calc::bind(Label(0)), Calc::add(5), Calc::ret()]).unwrap();
        let first = batch.address(0, Label(0)).unwrap();
        batch.compile(&[Calc::add(1), Calc::jump(first)]).unwrap();
        let codes = batch.publish().unwrap();
        let mut trace = 0;
        // SAFETY: both programs exist, and the pointer is valid.
        assert_eq!(unsafe { codes[1].entry()(1, 0.0, &raw mut trace) }, 7);
    }
}

/// The callee changes its own copies of the registers only.
#[test]
fn calls_through_addresses_and_pointers_return() {
    for mapping in BOTH {
        let arena = arena(mapping);
        let entry = FragmentEntry::<Calc>::new_in(&arena).unwrap();
        let callee = Calc::compile_fragment_in(&arena, &[Calc::add(7), Calc::scale(2.0), Calc::ret()]).unwrap();
        let pointer = callee.start().as_ptr();
        for call in [Calc::call(callee.start()), Calc::call_pointer(pointer)] {
            // Each call: x + 7 + 3 + 1, as `f` is 1.5 before each of them.
            let caller = Calc::compile_fragment_in(&arena, &[call, call, Calc::ret()]).unwrap();
            assert_eq!(run(&entry, caller.start(), 100), 122);
            // Calls nest: the caller is itself called.
            let outer = Calc::compile_fragment_in(&arena, &[Calc::call(caller.start()), Calc::ret()]).unwrap();
            assert_eq!(run(&entry, outer.start(), 100), 123);
        }
        let caller = Calc::compile_fragment_in(&arena, &[Calc::call_in_memory(), Calc::ret()]).unwrap();
        let mut trace = pointer as u64;
        // SAFETY: the memory holds the address of a fragment that exists.
        assert_eq!(unsafe { entry.function()(caller.start(), 100, 1.5, &raw mut trace) }, 111);
        let jump = Calc::compile_fragment_in(&arena, &[Calc::jump_pointer(pointer)]).unwrap();
        assert_eq!(run(&entry, jump.start(), 100), 110);
    }
}

#[test]
fn a_call_of_a_code_address_is_direct() {
    let arena = arena(Mapping::Dual);
    let callee = Calc::compile_fragment_in(&arena, &[Calc::ret()]).unwrap();
    let caller = Calc::compile_fragment_in(&arena, &[Calc::call(callee.start()), Calc::ret()]).unwrap();
    let calls = caller.bytes().iter().enumerate().filter(|&(_, &byte)| byte == 0xe8);
    let targets: Vec<_> =
        calls.filter(|(at, _)| at + 5 <= caller.bytes().len()).map(|(at, _)| target_of(&caller, at + 1)).collect();
    assert!(targets.contains(&callee.start()), "{targets:?}");
}

#[test]
fn a_code_address_is_a_value_too() {
    let arena = arena(Mapping::Single);
    let entry = FragmentEntry::<Calc>::new_in(&arena).unwrap();
    for address in [1, 1 << 31, u64::MAX] {
        let target = CodeAddress::new(std::ptr::without_provenance(address as usize));
        let fragment = Calc::compile_fragment_in(&arena, &[Calc::address(target), Calc::ret()]).unwrap();
        let mut trace = 0;
        // SAFETY: the pointer is valid, and nothing jumps to the address.
        unsafe { entry.function()(fragment.start(), 0, 0.0, &raw mut trace) };
        assert_eq!(trace, address);
    }
}

#[test]
fn loops_span_fragments() {
    for mapping in BOTH {
        let arena = arena(mapping);
        let entry = FragmentEntry::<Calc>::new_in(&arena).unwrap();
        let slot: *const u8 = std::ptr::null();
        let second = [Calc::add(1), Calc::ret()];
        let second = Calc::compile_fragment_in(&arena, &second).unwrap();
        let again = Label(0);
        let first = [Calc::bind(again), Calc::add(10), Calc::branch(45, second.start()), Calc::jump_label(again)];
        let first = Calc::compile_fragment_in(&arena, &first).unwrap();
        assert_eq!(run(&entry, first.start(), 0), 51);
        assert!(slot.is_null());
        let down = Calc::compile_fragment_in(&arena, &[Calc::down(first.start()), Calc::ret()]).unwrap();
        assert_eq!(run(&entry, down.start(), 0), 51);
    }
}

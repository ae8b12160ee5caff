//! Real faults in compiled code: a signal handler finds the instruction by its address.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::sync::atomic::{AtomicPtr, Ordering};

use stencil_runtime::{Address, AddressTable, Arena, ArenaOptions, Assembler, Code, Error, Instruction, Label};
use stencil_runtime::{Machine as _, Mapping, Value, stencil};

stencil! {
    machine Guest(memory: *const u8, x: u64, f: f64) -> u64;
    extern fn host(x: u64) -> u64 = crate::host;
    /// `pc` has no field: instructions carry it for the table.
    uop load(offset: u32, pc: u64) { (void)pc; x += *(const volatile uint64_t *)(memory + offset); }
    uop load_byte(offset: u32, pc: u32) { (void)pc; x += *(const volatile uint8_t *)(memory + offset); }
    uop store(offset: u32, pc: u64) { (void)pc; *(volatile uint64_t *)(memory + offset) = x; }
    /// The access is in the uop's out-of-line code, which is part of its data.
    uop rarely(offset: u32, pc: u64) {
        (void)pc;
        if (__builtin_expect(x == 77, 0)) {
            uint64_t sum = *(const volatile uint64_t *)(memory + offset) * 3 + x;
            sum ^= sum >> 7; sum *= 0x9e3779b97f4a7c15; sum ^= sum >> 9; sum *= 0x9e3779b97f4a7c15;
            RETURN(sum);
        }
    }
    /// Its data is an aligned constant.
    uop float(n: f64) { f = f * 1.5 + n; x += (uint64_t)f & 1; }
    uop call() { x = host(x); }
    uop set(n: u64) { x = n; }
    uop ret() { RETURN(x); }
    uop fault() { RETURN(UINT64_MAX); }
}

extern "C" fn host(x: u64) -> u64 {
    x
}

const PAGE: usize = 4096;

/// The index of an instruction, and the guest's program counter.
type Found = (usize, u64);
type Table = AddressTable<Found>;

/// What the handler uses. Threads take turns.
static TABLE: AtomicPtr<Table> = AtomicPtr::new(std::ptr::null_mut());
static RECOVER: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
thread_local! {
    static FAULT: Cell<Option<Found>> = const { Cell::new(None) };
}

extern "C" fn on_fault(_: i32, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the system passes the state of the thread. The table lives while `run` has set it.
    let (registers, table) = unsafe {
        let context = &mut *context.cast::<libc::ucontext_t>();
        (&mut context.uc_mcontext.gregs, TABLE.load(Ordering::Acquire).as_ref())
    };
    let pc = &mut registers[libc::REG_RIP as usize];
    match table.and_then(|table| table.find(Address(*pc as u64))) {
        Some(&found) => {
            FAULT.set(Some(found));
            *pc = RECOVER.load(Ordering::Relaxed) as i64;
        }
        // SAFETY: the fault happens again and ends the process.
        None => unsafe {
            libc::signal(libc::SIGSEGV, libc::SIG_DFL);
        },
    }
}

/// A page that can be read and written, and a guard page behind it.
fn guarded() -> *mut u8 {
    // SAFETY: a new mapping, and a handler that is safe in a signal.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_fault as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(libc::SIGSEGV, &raw const action, std::ptr::null_mut()), 0);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let memory = libc::mmap(std::ptr::null_mut(), 2 * PAGE, libc::PROT_NONE, flags, -1, 0);
        assert_ne!(memory, libc::MAP_FAILED);
        assert_eq!(libc::mprotect(memory, PAGE, libc::PROT_READ | libc::PROT_WRITE), 0);
        memory.cast()
    }
}

/// Runs code with `x`, and returns the result or what the handler found.
fn run(code: &Code<Guest>, table: &Table, recover: Label, memory: *mut u8, x: u64) -> Result<u64, Found> {
    TABLE.store(std::ptr::from_ref(table).cast_mut(), Ordering::Release);
    RECOVER.store(code.address(recover).unwrap().cast_mut(), Ordering::Relaxed);
    FAULT.set(None);
    // SAFETY: the accesses are in the page and the guard page, or behind both, where `recover` continues.
    let result = unsafe { code.entry()(memory, x, 1.0) };
    TABLE.store(std::ptr::null_mut(), Ordering::Release);
    match FAULT.get() {
        Some(found) => {
            assert_eq!(result, u64::MAX);
            Err(found)
        }
        None => Ok(result),
    }
}

/// The guest's program counter that an instruction carries.
fn pc(instruction: &Instruction<Guest>) -> Option<u64> {
    ["load", "load_byte", "store", "rarely"]
        .contains(&&*instruction.stencil().name())
        .then(|| instruction.operands()[1])
}

#[test]
fn a_handler_finds_the_instruction_that_faults() {
    // What recovery by a jump relies on.
    for stencil in [STENCIL_load, STENCIL_load_byte, STENCIL_store, STENCIL_rarely] {
        let text = stencil.disassembly();
        assert!(!text.contains("push") && !text.contains("%rsp"), "{text}");
        assert!(!stencil.patches().iter().any(|patch| patch.value == Value::Operand(1)), "{text}");
    }
    const { assert!(STENCIL_rarely.data.size != 0) };
    let memory = guarded();
    let (inside, guard) = (8, PAGE as u32);
    let accesses: [fn(u32, u64) -> Instruction<Guest>; 4] =
        [Guest::load, |offset, pc| Guest::load_byte(offset, pc as u32), Guest::store, Guest::rarely];
    let arenas = [Mapping::Single, Mapping::Dual]
        .map(|mapping| Arena::with(ArenaOptions::default().size(1 << 20).mapping(mapping)).unwrap());
    let mut assembler = Assembler::new();
    // Each access in turn is to the guard page.
    for faulting in 0..40 {
        assembler.clear();
        let recover = assembler.label();
        assembler.push(Guest::set(77));
        let mut expected = None;
        for index in 0..40 {
            if index % 3 == 0 {
                assembler.extend([Guest::float(0.5), Guest::call(), Guest::set(77)]);
            }
            let access = accesses[(index + faulting) % 4];
            // `rarely` returns after its access, so only the faulting one may come first.
            let is_last = (index + faulting) % 4 == 3 && index != faulting;
            if is_last {
                assembler.push(Guest::set(1));
            }
            let pc = 0x1000 + index as u64 * 4;
            if index == faulting {
                expected = Some((assembler.instructions().len() + 1, pc));
                assembler.push(Guest::set(77));
            }
            assembler.push(access(if index == faulting { guard } else { inside }, pc));
        }
        assembler.push(Guest::ret());
        assembler.bind(recover);
        assembler.push(Guest::fault());
        for arena in &arenas {
            for code in [assembler.compile_in(arena).unwrap(), assembler.compile().unwrap()] {
                let table = code.address_table(assembler.instructions(), |index, it| Some((index, pc(it)?))).unwrap();
                assert_eq!(table.values().len(), 40);
                let found = run(&code, &table, recover, memory, 0);
                assert_eq!(found, Err(expected.unwrap()), "{faulting}");
            }
        }
    }
}

/// Each byte of code belongs to the instruction that a listing finds, and each byte of data to the instruction whose it is.
#[test]
fn every_address_has_one_instruction() {
    let recover = Label(0);
    let mut program = vec![Guest::bind(recover)];
    for index in 0..50 {
        program.extend([Guest::float(f64::from(index)), Guest::rarely(8, 1), Guest::call(), Guest::load(8, 2)]);
    }
    program.push(Guest::ret());
    let code = Guest::compile(&program).unwrap();
    let listing = code.listing(&program);
    let table = code.address_table(&program, |index, _| Some(index)).unwrap();
    assert_eq!(table.range().start, Address::from(code.memory().as_ptr()));
    let entry = Guest::ENTRY.stencil().code.size;
    let mut last = None;
    for (offset, byte) in code.memory().iter().enumerate() {
        let address = Address::from(std::ptr::from_ref(byte));
        let (found, listed) = (table.find(address), listing.find(address));
        let listed = listed.map(|uop| uop.instruction.map(std::ptr::from_ref));
        match found {
            Some(&index) => assert_eq!(listed, Some(Some(std::ptr::from_ref(&program[index])))),
            // The entry, the invalid instruction behind the code, and padding.
            None => assert!(listed.is_none() || listed == Some(None) && offset < entry, "{offset}"),
        }
        if (entry..code.bytes().len()).contains(&offset) {
            assert!(found.is_some() && found >= last, "{offset}");
            last = found;
        }
    }
    let with_data = |index: usize| program[index].stencil().data.size;
    let mut sizes = vec![0; program.len()];
    for byte in code.data() {
        if let Some(&index) = table.find(Address::from(std::ptr::from_ref(byte))) {
            sizes[index] += 1;
        }
    }
    assert!(sizes.iter().any(|&size| size > 0));
    assert_eq!(sizes, (0..program.len()).map(with_data).collect::<Vec<_>>());
    for outside in [0, 1, table.range().start.0 - 1, table.range().end.0, u64::MAX] {
        assert!(table.find(Address(outside)).is_none() && listing.find(Address(outside)).is_none());
    }
}

#[test]
fn only_instructions_with_a_value_are_found() {
    let program: Vec<_> = (0..100).flat_map(|pc| [Guest::set(1), Guest::load(8, pc), Guest::float(1.0)]).collect();
    let code = Guest::compile(&program).unwrap();
    let table = code.address_table(&program, |_, instruction| pc(instruction)).unwrap();
    assert_eq!(table.values(), (0..100).collect::<Vec<_>>());
    for uop in code.listing(&program).uops() {
        let expected = uop.instruction.and_then(pc);
        for offset in 0..uop.bytes.len() as u64 {
            assert_eq!(table.find(Address(uop.address.0 + offset)), expected.as_ref());
        }
    }
    let none = code.address_table(&program, |_, _| None::<u64>).unwrap();
    assert!(none.values().is_empty() && none.find(Address::from(code.bytes().as_ptr())).is_none());
    let error = code.address_table(&program[1..], |_, _| Some(())).unwrap_err();
    assert!(matches!(error, Error::OtherProgram { .. }), "{error}");
}

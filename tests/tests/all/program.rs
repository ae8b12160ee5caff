//! Whole programs: from no uop to very many, labels, families, machines in several blocks, threads.
//!
//! Calls of compiled code are sound: the bodies here touch no memory.

use stencil_runtime::{Emitter, Error, Instruction, Label, Reused, stencil};

stencil! {
    #[operands(3)]
    pub machine Program(x: u64, y: u64) -> u64;

    pub uop add(n: u64) { x += n; }
    pub uop mix(n: u32) { x = (x ^ n) * 0x9e3779b97f4a7c15; x ^= x >> 29; }
    pub uop jump(target: Label) { JUMP(target); }
    pub uop loop_y(target: Label) { if (--y) JUMP(target); }
    pub uop branch(yes: Label, no: Label) { if (x & 1) JUMP(yes); JUMP(no); }
    pub uop ret() { RETURN(x); }
    uop family<const A: 0..3, const B: 2..=4>(n: u8) where A != B && A + B < 6 { x = x * 1000 + A * 100 + B * 10 + n; }
    uop single<const A: 5..6>() { x += A; }
}

stencil! {
    continue machine Program(x: u64, y: u64) -> u64;
    c { static uint64_t double_of(uint64_t n) { return n * 2; } }
    uop double_x() { x = double_of(x); }
    uop three(a: u8, b: u16, c: u32) { x = x + a + b + c; }
}

mod elsewhere {
    stencil_runtime::stencil! {
        continue machine super::Program(x: u64, y: u64) -> u64;
        pub uop swap() { uint64_t t = x; x = y; y = t; }
        pub uop add_family<const N: 0..4>() { x += N * N; }
    }
}

fn run(program: &[Instruction<Program>], x: u64, y: u64) -> u64 {
    let code = Program::compile(program).unwrap();
    unsafe { code.entry()(x, y) }
}

fn mixed(x: u64, n: u32) -> u64 {
    let x = (x ^ u64::from(n)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^ (x >> 29)
}

#[test]
fn programs_of_all_sizes() {
    let empty = Program::compile(&[]).unwrap();
    let entry = empty.bytes().len();
    assert!(empty.size() >= entry);
    let one = Program::compile(&[Program::ret()]).unwrap();
    assert_eq!(one.bytes()[entry..], *STENCIL_ret.code.stored);
    assert_eq!(unsafe { one.entry()(5, 6) }, 5);
    let mut program: Vec<_> = (0..100_000).map(Program::mix).collect();
    program.push(Program::ret());
    let expected = (0..100_000).fold(1, mixed);
    assert_eq!(run(&program, 1, 0), expected);
}

#[test]
fn labels_forward_and_backward() {
    let (start, end, other) = (Label(2), Label(0), Label(1));
    let program = [
        Program::jump(end),
        Program::bind(start),
        Program::add(3),
        Program::loop_y(start),
        Program::ret(),
        Program::bind(other),
        Program::add(1000),
        Program::jump(start),
        Program::bind(end),
        Program::branch(start, other),
    ];
    assert_eq!(run(&program, 1, 10), 31);
    assert_eq!(run(&program, 2, 10), 1032);
    let code = Program::compile(&program).unwrap();
    assert!(code.offset(start) < code.offset(other) && code.offset(other) < code.offset(end));
    assert_eq!(code.offset(Label(3)), None);
    assert_eq!(code.address(start).unwrap(), code.bytes()[code.offset(start).unwrap()..].as_ptr());
    // Labels that are never referred to, a label at the end, and two at one position.
    let program = [Program::bind(Label(1)), Program::bind(Label(0)), Program::ret(), Program::bind(Label(3))];
    let code = Program::compile(&program).unwrap();
    assert_eq!(code.offset(Label(0)), code.offset(Label(1)));
    assert_eq!(code.offset(Label(3)), Some(code.bytes().len()));
    assert_eq!(unsafe { code.entry()(8, 0) }, 8);
}

#[test]
fn invalid_labels() {
    let compile = |program: &[Instruction<Program>]| Program::compile(program).map(drop);
    let (a, b) = (Label(0), Label(1));
    let unknown = compile(&[Program::bind(a), Program::jump(a), Program::branch(a, b)]);
    assert_eq!(unknown, Err(Error::UnknownLabel { label: b, instruction: 2 }));
    assert_eq!(compile(&[Program::jump(a)]), Err(Error::UnknownLabel { label: a, instruction: 0 }));
    let huge = Label(u32::MAX);
    assert_eq!(compile(&[Program::jump(huge)]), Err(Error::UnknownLabel { label: huge, instruction: 0 }));
    let twice = compile(&[Program::bind(a), Program::ret(), Program::bind(a)]);
    assert_eq!(twice, Err(Error::DuplicateLabel { label: a, instruction: 2 }));
    for label in [Label(2), huge] {
        let large = compile(&[Program::bind(label), Program::ret()]);
        assert_eq!(large, Err(Error::LabelTooLarge { label, instructions: 2 }));
    }
}

#[test]
fn families_have_all_members_and_no_others() {
    for a in 0..5 {
        for b in 0..7 {
            let exists = a < 3 && (2..=4).contains(&b) && a != b && a + b < 6;
            let compiled = Program::compile(&[Program::family(a, b, 7), Program::ret()]);
            let mut code = [0; 64];
            let emitted = emit_family(&mut Emitter::<Reused>::new(&mut code, &mut []), a, b, 7);
            if exists {
                assert_eq!(unsafe { compiled.unwrap().entry()(1, 0) }, (1007 + a * 100 + b * 10) as u64);
                assert_eq!(emitted, Ok(()));
            } else {
                let error = |instruction| Error::NoSuchStencil { uop: "family", parameters: vec![a, b], instruction };
                assert_eq!((compiled.map(drop), emitted), (Err(error(Some(0))), Err(error(None))));
            }
        }
    }
    let names: Vec<_> = STENCIL_family.iter().map(|member| member.map(|stencil| stencil.name())).collect();
    let all = ["[0, 2]", "[0, 3]", "[0, 4]", "[1, 2]", "[1, 3]", "[1, 4]", "", "[2, 3]", ""];
    let expected = all.map(|name| Some(format!("family{name}")).filter(|_| !name.is_empty()));
    assert!(names.iter().map(Option::as_deref).eq(expected.iter().map(Option::as_deref)), "{names:?}");
    assert_eq!(run(&[Program::single(5), Program::ret()], 1, 0), 6);
    for a in [0, 4, 6, usize::MAX] {
        let error = Program::compile(&[Program::single(a)]).unwrap_err();
        assert_eq!(error, Error::NoSuchStencil { uop: "single", parameters: vec![a], instruction: Some(0) });
    }
}

#[test]
fn a_machine_in_several_blocks() {
    let program = [
        Program::add(5),
        Program::double_x(),
        Program::three(1, 2, 3),
        Program::swap(),
        Program::add_family(3),
        Program::swap(),
        Program::swap(),
        Program::ret(),
    ];
    assert_eq!(run(&program, 1, 100), 109);
    assert_eq!(run(&[Program::swap(), Program::swap(), Program::double_x(), Program::ret()], 1, 100), 2);
}

#[test]
fn dropped_code_frees_its_memory() {
    // This would exhaust the memory if code were leaked: 40,000 times 1 MiB is 40 GB, and 65,530 mappings are the
    // limit.
    let program: Vec<_> = (1000..1200).map(Program::mix).chain([Program::ret()]).collect();
    let first = Program::compile(&program).unwrap();
    for _ in 0..80_000 {
        assert_eq!(
            Program::compile(&program[190..]).unwrap().bytes().len(),
            first.bytes().len() - 190 * STENCIL_mix.code.size
        );
    }
    assert_eq!(unsafe { first.entry()(1, 0) }, (1000..1200).fold(1, mixed));
}

#[test]
fn kept_code_does_not_change() {
    let all: Vec<_> = (0..300).map(|n| Program::compile(&[Program::add(n), Program::ret()]).unwrap()).collect();
    for (n, code) in all.iter().enumerate() {
        assert_eq!(unsafe { code.entry()(1000, 0) }, 1000 + n as u64);
    }
}

#[test]
fn threads_compile_and_run() {
    let shared = Program::compile(&[Program::mix(7), Program::ret()]).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let shared = &shared;
            scope.spawn(move || {
                for n in 0..300 {
                    let program = [
                        Program::mix(n),
                        Program::bind(Label(0)),
                        Program::add(thread),
                        Program::loop_y(Label(0)),
                        Program::ret(),
                    ];
                    assert_eq!(run(&program, thread, 5), mixed(thread, n).wrapping_add(5 * thread));
                    assert_eq!(unsafe { shared.entry()(thread, 0) }, mixed(thread, 7));
                }
            });
        }
    });
    // Code may be sent to another thread and dropped there.
    std::thread::spawn(move || assert_eq!(unsafe { shared.entry()(3, 0) }, mixed(3, 7))).join().unwrap();
}

#[test]
fn instructions_have_a_readable_debug_format() {
    assert_eq!(format!("{:?}", Program::three(1, 2, 0xff)), "three a=1 b=2 c=255");
    assert_eq!(format!("{:?}", Program::family(0, 2, 9)), "family[A=0, B=2] n=9");
    assert_eq!(Program::three(1, 2, 0xff).operands(), [1, 2, 0xff]);
}

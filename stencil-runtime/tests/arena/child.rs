//! What cannot be undone is done in child processes: limits, refusals of the system, forks.

use std::process::Command;

use stencil_runtime::Error;

use super::*;

/// Runs the body in a process of its own, which is this program again with this test alone.
fn in_child(test: &str, body: impl FnOnce()) {
    if std::env::var_os("ARENA_CHILD").is_some() {
        return body();
    }
    let name = format!("child::{test}");
    let output = Command::new(std::env::current_exe().unwrap())
        .args([&name, "--exact", "--test-threads=1", "--nocapture"])
        .env("ARENA_CHILD", "1")
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && text.contains("1 passed"), "{name}: {}\n{text}", output.status);
}

fn works(arena: &Arena) {
    let mut batch = arena.batch();
    for n in 0..100 {
        batch.compile(&adds(n, 30)).unwrap();
    }
    for (n, code) in (0..).zip(batch.publish().unwrap()) {
        assert_eq!(run(&code, 1), 1 + n);
    }
}

fn with(mapping: Mapping) -> Result<Arena, Error> {
    Arena::with(ArenaOptions::default().mapping(mapping))
}

/// Has a system call fail from now on, where this argument, if one is given, has one of these bits.
fn refuse(call: libc::c_long, argument: Option<(u32, u32)>, error: i32) {
    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let statement = |code: u32, jump: u8, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: jump, k };
    let mut filter = vec![statement(LOAD, 0, 0)];
    let [equal, any] = [libc::BPF_JEQ, libc::BPF_JSET].map(|how| libc::BPF_JMP | how | libc::BPF_K);
    filter.push(statement(equal, if argument.is_some() { 3 } else { 1 }, call as u32));
    if let Some((index, bits)) = argument {
        filter.extend([statement(LOAD, 0, 16 + 8 * index), statement(any, 1, bits)]);
    }
    filter.push(statement(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ERRNO | error as u32));
    filter.push(statement(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW));
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program is a valid filter that lives during the call.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program), 0);
    }
}

fn refuse_to_execute_what_was_written() {
    refuse(libc::SYS_mprotect, Some((2, libc::PROT_EXEC as u32)), libc::EACCES);
}

fn falls_back_to_two_mappings() {
    let error = with(Mapping::Single).unwrap_err();
    assert_eq!(error, Error::NotExecutable { code: libc::EACCES });
    assert!(error.to_string().contains("execmem") && error.to_string().contains("Mapping::Dual"), "{error}");
    let arena = Arena::new().unwrap();
    assert_eq!(arena.mapping(), Mapping::Dual);
    works(&arena);
    assert_eq!(run(&Test::compile(&adds(3, 2)).unwrap(), 1), 4);
}

#[test]
fn a_policy_like_selinux() {
    in_child("a_policy_like_selinux", || {
        refuse_to_execute_what_was_written();
        falls_back_to_two_mappings();
    });
}

#[test]
fn memory_deny_write_execute() {
    in_child("memory_deny_write_execute", || {
        const PR_SET_MDWE: i32 = 65;
        const PR_MDWE_REFUSE_EXEC_GAIN: u64 = 1;
        // SAFETY: it takes numbers only.
        if unsafe { libc::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) } != 0 {
            return eprintln!("this kernel has no PR_SET_MDWE");
        }
        falls_back_to_two_mappings();
    });
}

#[test]
fn a_policy_that_begins_after_the_arena() {
    in_child("a_policy_that_begins_after_the_arena", || {
        let arena = with(Mapping::Single).unwrap();
        works(&arena);
        refuse_to_execute_what_was_written();
        let mut batch = arena.batch();
        batch.compile(&adds(1, 1)).unwrap();
        assert_eq!(batch.publish().unwrap_err(), Error::NotExecutable { code: libc::EACCES });
        assert!(Test::compile_in(&arena, &adds(1, 1)).is_err());
        let stats = arena.stats();
        assert_eq!((stats.functions, stats.used, stats.padding), (0, 0, 0));
    });
}

#[test]
fn nothing_is_allowed() {
    in_child("nothing_is_allowed", || {
        refuse_to_execute_what_was_written();
        refuse(libc::SYS_membarrier, None, libc::EPERM);
        let error = with(Mapping::Dual).unwrap_err();
        assert_eq!(error, Error::NoDualMapping { call: "membarrier", code: libc::EPERM });
        assert!(error.to_string().contains("Mapping::Single"), "{error}");
        let refused = Error::NotExecutable { code: libc::EACCES };
        assert_eq!(Arena::new().unwrap_err(), refused);
        assert_eq!(Test::compile(&[Test::ret()]).unwrap_err(), refused);
    });
}

#[test]
fn older_kernels_do_without_some_calls() {
    in_child("older_kernels_do_without_some_calls", || {
        refuse(libc::SYS_memfd_create, None, libc::ENOSYS);
        // MADV_POPULATE_WRITE, and no other advice that is given.
        refuse(libc::SYS_madvise, Some((2, 0x5)), libc::EINVAL);
        works(&with(Mapping::Single).unwrap());
        match with(Mapping::Dual) {
            Ok(arena) => works(&arena),
            // Where neither /dev/shm nor /tmp is for programs.
            Err(error) => assert!(matches!(error, Error::NoDualMapping { call: "open" | "mmap", .. }), "{error}"),
        }
    });
}

/// Forks. In the child it is true; in the parent it is false, when the child has ended, and ended well.
fn is_child() -> bool {
    // SAFETY: the process has one thread that does anything.
    match unsafe { libc::fork() } {
        0 => true,
        child => {
            let mut status = 0;
            // SAFETY: `status` is where the status goes.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            assert_eq!(status, 0, "the child failed");
            false
        }
    }
}

/// Ends a child well, without what the test would do further.
fn end() -> ! {
    // SAFETY: nothing is left to be done.
    unsafe { libc::_exit(0) }
}

#[test]
fn a_child_has_memory_of_its_own_where_it_is_mapped_once() {
    in_child("a_child_has_memory_of_its_own_where_it_is_mapped_once", || {
        let arena = with(Mapping::Single).unwrap();
        let code = Test::compile_in(&arena, &adds(5, 1)).unwrap();
        let mut batch = arena.batch();
        batch.compile(&adds(6, 1)).unwrap();
        if is_child() {
            assert_eq!(run(&code, 1), 6);
            works(&arena);
            batch.compile(&adds(7, 1)).unwrap();
            let codes = batch.publish().unwrap();
            assert_eq!([run(&codes[0], 1), run(&codes[1], 1)], [7, 8]);
            drop((code, codes, arena));
            end();
        }
        assert_eq!(run(&code, 1), 6);
        let codes = batch.publish().unwrap();
        assert_eq!((codes.len(), run(&codes[0], 1)), (1, 7));
    });
}

#[test]
fn what_a_child_does_is_not_seen_by_its_parent() {
    in_child("what_a_child_does_is_not_seen_by_its_parent", || {
        for mapping in BOTH {
            let arena = with(mapping).unwrap();
            let mut batch = arena.batch();
            batch.compile(&adds(6, 1)).unwrap();
            if is_child() {
                // The same space as the parent's next program.
                let code = Test::compile_in(&arena, &adds(1, 1)).map(|code| run(&code, 1));
                assert_eq!(code, if mapping == Mapping::Dual { Err(Error::Forked) } else { Ok(2) });
                end();
            }
            batch.compile(&adds(7, 1)).unwrap();
            let codes = batch.publish().unwrap();
            assert_eq!([run(&codes[0], 1), run(&codes[1], 1)], [7, 8]);
            works(&arena);
        }
    });
}

#[test]
fn a_child_is_told_that_an_arena_is_its_parents_where_it_is_mapped_twice() {
    in_child("a_child_is_told_that_an_arena_is_its_parents_where_it_is_mapped_twice", || {
        let arena = with(Mapping::Dual).unwrap();
        let code = Test::compile_in(&arena, &adds(5, 1)).unwrap();
        let mut batch = arena.batch();
        batch.compile(&adds(6, 1)).unwrap();
        if is_child() {
            assert_eq!(run(&code, 1), 6, "what the parent keeps can be run");
            assert_eq!(batch.compile(&adds(7, 1)), Err(Error::Forked));
            assert_eq!(batch.publish().unwrap_err(), Error::Forked);
            assert_eq!(Test::compile_in(&arena, &adds(7, 1)).unwrap_err(), Error::Forked);
            works(&with(Mapping::Dual).unwrap());
            drop((code, arena));
            works(&with(Mapping::Dual).unwrap());
            end();
        }
        assert_eq!(run(&batch.publish().unwrap()[0], 1), 7);
    });
}

/// A number of bytes that the system tells of this process.
fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

fn limit(resource: libc::__rlimit_resource_t, bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: `limit` is valid during the call.
    assert_eq!(unsafe { libc::setrlimit(resource, &limit) }, 0);
}

#[test]
fn a_limit_of_the_address_space() {
    in_child("a_limit_of_the_address_space", || {
        limit(libc::RLIMIT_AS, status("VmSize") + (96 << 20));
        for mapping in BOTH {
            // More often than the limit allows, if anything were leaked.
            for _ in 0..100 {
                let error = with(mapping).unwrap_err();
                assert_eq!(error, Error::OutOfMemory { size: 256 << 20, code: libc::ENOMEM });
                assert!(error.to_string().contains("limit"), "{error}");
                works(&arena(16 << 20, mapping));
            }
        }
    });
}

#[test]
fn a_limit_of_the_memory() {
    in_child("a_limit_of_the_memory", || {
        let arena = with(Mapping::Single).unwrap();
        limit(libc::RLIMIT_DATA, status("VmData") + (8 << 20));
        let program = adds(1, 10_000);
        for _ in 0..3 {
            let mut batch = arena.batch();
            let error = loop {
                if let Err(error) = batch.compile(&program) {
                    break error;
                }
            };
            assert!(matches!(error, Error::OutOfMemory { code: libc::ENOMEM, .. }), "{error}");
            // What there was room for is as good as ever, and what is made executable is not writable data any more.
            let codes = batch.publish().unwrap();
            assert!(codes.len() > 5);
            assert!(codes.iter().all(|code| run(code, 1) == 2));
            drop(codes);
            works(&arena);
        }
    });
}

#[test]
fn a_limit_of_the_size_of_files() {
    in_child("a_limit_of_the_size_of_files", || {
        limit(libc::RLIMIT_FSIZE, 1 << 20);
        let error = with(Mapping::Dual).unwrap_err();
        assert_eq!(error, Error::OutOfMemory { size: 256 << 20, code: libc::EFBIG });
        works(&arena(1 << 20, Mapping::Dual));
    });
}

fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

/// The kernel merges neighbouring mappings, so that freeing every second one needs more mappings than a process may have.
#[test]
fn a_limit_of_the_number_of_mappings() {
    in_child("a_limit_of_the_number_of_mappings", || {
        let most: usize = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap().trim().parse().unwrap();
        if most > 100_000 {
            return eprintln!("vm.max_map_count is {most}: reaching it takes too long here");
        }
        let (before, size) = (mappings(), status("VmSize"));
        let mut kept: Vec<_> = (0..2 * most + 10_000).map(|_| Some(arena(4096, Mapping::Single))).collect();
        assert!(mappings() < before + 1000, "neighbours are merged");
        kept.iter_mut().step_by(2).for_each(|arena| *arena = None);
        assert!(mappings() + 2 > most);
        // Pages that are still mapped are used again as far as there are mappings, and the cause of an error is named.
        let mut more: Vec<_> = (0..20).map(|_| Arena::with(ArenaOptions::default().size(3 * 4096))).collect();
        let refused: Vec<_> = more.extract_if(.., |arena| arena.is_err()).collect();
        assert!(!refused.is_empty());
        for error in refused {
            assert_eq!(error.unwrap_err(), Error::TooManyMappings { most });
        }
        // With some mappings to spare, kept pages are as good as new ones.
        kept.iter_mut().skip(1).step_by(2).take(20_000).for_each(|arena| *arena = None);
        for _ in 0..1000 {
            works_alone(&arena(4096, Mapping::Single));
        }
        drop((kept, more));
        works(&with(Mapping::Single).unwrap());
        assert!(mappings() < before + 1000, "{before} before, {} now", mappings());
        assert!(status("VmSize") < size + (64 << 20), "{size} before, {} now", status("VmSize"));
    });
}

/// A program in an arena of one page.
fn works_alone(arena: &Arena) {
    assert_eq!(run(&Test::compile_in(arena, &adds(5, 2)).unwrap(), 1), 6);
}

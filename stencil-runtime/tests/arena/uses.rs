//! The use of an arena by one thread: single programs, batches, drops, errors.

use std::sync::Arc;

use stencil_runtime::Error;

use super::*;

#[test]
fn programs_share_pages_and_run() {
    for mapping in BOTH {
        let arena = arena(1 << 20, mapping);
        assert_eq!(arena.mapping(), mapping);
        let mut batch = arena.batch();
        for n in 0..100 {
            batch.compile(&adds(n, 2)).unwrap();
        }
        assert_eq!((batch.len(), batch.is_empty()), (100, false));
        let codes = batch.publish().unwrap();
        for (n, code) in codes.iter().enumerate() {
            assert_eq!(run(code, 7), 7 + n as u64);
            assert_eq!(code.bytes().as_ptr() as usize % 64, 0);
        }
        let stats = arena.stats();
        assert_eq!(stats.functions, 100);
        assert_eq!(stats.used, codes.iter().map(Code::size).sum());
        assert!(stats.committed <= 16 << 10 && stats.reserved == 1 << 20);
        assert_eq!(stats.committed, stats.used + stats.padding + stats.free);
        let first = codes[0].bytes().as_ptr();
        drop(codes);
        let stats = arena.stats();
        assert_eq!((stats.functions, stats.used, stats.free), (0, 0, stats.committed));
        let again = Test::compile_in(&arena, &adds(3, 1)).unwrap();
        assert_eq!(run(&again, 1), 4);
        assert_eq!(arena.stats().committed, stats.committed, "freed space is reused before more is committed");
        assert!((again.bytes().as_ptr() as usize).abs_diff(first as usize) < stats.committed);
    }
}

#[test]
fn a_dual_mapping_reuses_a_dropped_programs_space_at_once() {
    let arena = arena(4096, Mapping::Dual);
    let mut codes: Vec<_> = (500..564).map_while(|n| Test::compile_in(&arena, &adds(n, 1)).ok()).collect();
    let full = Test::compile_in(&arena, &adds(0, 1)).unwrap_err();
    let stats = arena.stats();
    assert_eq!(full, Error::ArenaFull { size: 64, reserved: 4096, free: 0 });
    for index in [5, 0, 63, 5, 17] {
        let place = codes[index].bytes().as_ptr();
        codes.remove(index);
        let code = Test::compile_in(&arena, &adds(1000 + index as u64, 1)).unwrap();
        assert_eq!(code.bytes().as_ptr(), place);
        assert_eq!(run(&code, 1), 1001 + index as u64);
        codes.insert(index, code);
    }
    assert_eq!(run(&codes[6], 0), 506);
    assert_eq!(arena.stats(), stats);
}

#[test]
fn a_single_mapping_reuses_a_page_once_all_its_programs_are_dropped() {
    let arena = arena(8192, Mapping::Single);
    let mut batch = arena.batch();
    while batch.compile(&adds(batch.len() as u64, 1)).is_ok() {}
    let mut codes = batch.publish().unwrap();
    assert_eq!(codes.len(), 128);
    let kept = codes.remove(0);
    drop(codes);
    let stats = arena.stats();
    assert_eq!((stats.free, stats.padding), (4096, 4096 - stats.used), "one page is kept by one program");
    let other = Test::compile_in(&arena, &adds(5, 1)).unwrap();
    assert!(Test::compile_in(&arena, &adds(5, 1)).is_err());
    assert_eq!((run(&kept, 1), run(&other, 1)), (1, 6));
}

#[test]
fn a_dropped_batch_frees_its_space() {
    for mapping in BOTH {
        let arena = arena(1 << 20, mapping);
        let mut batch = arena.batch();
        for n in 0..1000 {
            batch.compile(&adds(n, 3)).unwrap();
        }
        assert!(arena.stats().padding > 0);
        drop(batch);
        let stats = arena.stats();
        assert_eq!((stats.functions, stats.used, stats.padding, stats.free), (0, 0, 0, stats.committed));
        assert!(arena.batch::<Test>().publish().unwrap().is_empty());
    }
}

/// A batch may need many reservations to fill small gaps, but its unused reservation stays in proportion to what it has
/// written.
#[test]
fn a_batch_leaves_room_for_others() {
    for mapping in BOTH {
        let arena = arena(1 << 20, mapping);
        let mut batch = arena.batch();
        for n in 0..6400 {
            batch.compile(&adds(n, 1)).unwrap();
        }
        // Free every second cache line, or every second page where only whole pages can be reused.
        let kept_in_a_row = if mapping == Mapping::Dual { 1 } else { 64 };
        let mut codes: Vec<_> = batch.publish().unwrap().into_iter().map(Some).collect();
        for (n, code) in codes.iter_mut().enumerate() {
            code.take_if(|_| n / kept_in_a_row % 2 == 0);
        }
        // Together they need more than the gaps hold.
        let mut batches = [(); 8].map(|()| arena.batch());
        for n in 0..500 {
            for batch in &mut batches {
                batch.compile(&adds(n, 1)).unwrap();
            }
        }
        for batch in batches {
            for (n, code) in (0..).zip(batch.publish().unwrap()) {
                assert_eq!(run(&code, 7), 7 + n);
            }
        }
    }
}

#[test]
fn a_program_that_fails_leaves_the_batch_as_it_was() {
    for mapping in BOTH {
        let arena = arena(1 << 20, mapping);
        let mut batch = arena.batch();
        batch.compile(&adds(1, 1)).unwrap();
        // The last instruction fails after the others were written.
        let mut bad = adds(u64::MAX, 50);
        bad.push(Test::jump(Label(0)));
        for _ in 0..3 {
            assert!(matches!(batch.compile(&bad), Err(Error::UnknownLabel { .. })));
        }
        batch.compile(&adds(2, 20)).unwrap();
        let codes = batch.publish().unwrap();
        assert_eq!([run(&codes[0], 1), run(&codes[1], 1)], [2, 3]);
        assert!(Test::compile_in(&arena, &bad).is_err());
        assert_eq!(arena.stats().functions, 2);
    }
}

#[test]
fn code_outlives_its_arena() {
    for mapping in BOTH {
        let code = Test::compile_in(&arena(1 << 20, mapping), &adds(4, 1)).unwrap();
        assert_eq!(run(&code, 1), 5);
    }
}

#[test]
fn a_program_larger_than_the_arena_is_refused() {
    for mapping in BOTH {
        let arena = arena(1 << 16, mapping);
        let error = Test::compile_in(&arena, &adds(1, 20_000)).unwrap_err();
        assert!(matches!(error, Error::ArenaFull { reserved: 0x10000, free: 0x10000, .. }), "{error}");
        assert_eq!(run(&Test::compile_in(&arena, &adds(1, 1000)).unwrap(), 1), 2);
    }
}

#[test]
fn sizes_are_rounded_to_pages() {
    for mapping in BOTH {
        assert_eq!(arena(0, mapping).stats().reserved, 4096);
        assert_eq!(arena(4097, mapping).stats().reserved, 8192);
    }
}

#[test]
fn arenas_and_code_can_be_shared_and_sent() {
    fn both<T: Send + Sync>(_: &T) {}
    let arena = Arc::new(Arena::new().unwrap());
    both(&arena);
    both(&arena.batch::<Test>());
    both(&Test::compile_in(&arena, &adds(1, 1)).unwrap());
}

//! Many threads compile into one arena, run their programs, and drop each other's.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::*;

#[test]
fn threads_compile_run_and_drop_each_others_code() {
    for mapping in BOTH {
        // A small arena, so that its space is reused again and again: two pages for each program that may wait in a
        // channel.
        let arena = arena(2 << 20, mapping);
        let end = Instant::now() + Duration::from_millis(extent::choose(200, 2000));
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..8).map(|_| mpsc::sync_channel(4)).unzip();
        std::thread::scope(|scope| {
            for (thread, receiver) in receivers.into_iter().enumerate() {
                let (arena, next) = (&arena, senders[(thread + 1) % 8].clone());
                scope.spawn(move || {
                    let mut made = 0;
                    while Instant::now() < end {
                        let seed = (thread as u64) << 32 | made;
                        let mut codes = Vec::new();
                        if made % 3 == 0 {
                            codes.push((seed, Test::compile_in(arena, &adds(seed, 1 + made as usize % 200)).unwrap()));
                        } else {
                            let mut batch = arena.batch();
                            for n in 0..made % 17 {
                                batch.compile(&adds(seed + n, 1 + (made + n) as usize % 50)).unwrap();
                            }
                            codes.extend((seed..).zip(batch.publish().unwrap()));
                        }
                        for (n, code) in &codes {
                            assert_eq!(run(code, 1), 1 + n);
                        }
                        made += 1;
                        // Send some programs to the next thread, which runs and drops them.
                        codes.truncate(5);
                        let _ = next.try_send(codes);
                        for (n, code) in receiver.try_iter().flatten() {
                            assert_eq!(run(&code, 2), 2 + n);
                        }
                    }
                    assert!(made > extent::choose(0, 10), "{made}");
                });
            }
            drop(senders);
        });
        let stats = arena.stats();
        assert_eq!((stats.functions, stats.used, stats.padding), (0, 0, 0));
    }
}

/// One thread repeatedly writes new code where another thread has just run different code.
#[test]
fn a_thread_runs_the_code_that_replaced_freed_code() {
    for mapping in BOTH {
        let arena = arena(4096, mapping);
        let (to, from) = mpsc::sync_channel::<(u64, Code<Test>)>(0);
        let (back, done) = mpsc::sync_channel(0);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for (n, code) in from {
                    assert_eq!(run(&code, 0), n);
                    drop(code);
                    back.send(()).unwrap();
                }
            });
            for n in 1..extent::choose(1000, 5000) {
                to.send((n, Test::compile_in(&arena, &adds(n, 60)).unwrap())).unwrap();
                done.recv().unwrap();
            }
            drop(to);
        });
    }
}

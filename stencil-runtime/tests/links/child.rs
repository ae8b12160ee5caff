//! A child process after `fork`.

use super::*;

/// With two mappings the memory is the parent's. With one mapping the child has a copy, so links work there and leave the parent's alone.
#[test]
fn a_forked_child_links_only_what_is_its_own() {
    for mapping in BOTH {
        let world = World::new(mapping);
        let fragment = world.compile(&[Guest::go(CodeExit(OUT)), Guest::bind(OUT), Guest::ret(10)]);
        let target = world.compile(&[Guest::ret(20)]);
        // SAFETY: the child touches only this thread's memory, and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: both programs exist.
            let linked = unsafe { fragment.link(OUT, target.start()) };
            let good = match mapping {
                Mapping::Single => linked == Ok(()) && world.run(&fragment, 1) == 21,
                Mapping::Dual => {
                    linked == Err(Error::Forked)
                        && fragment.unlink(OUT) == Err(Error::Forked)
                        && world.run(&fragment, 1) == 11
                }
            };
            // SAFETY: the process ends here, without destructors.
            unsafe { libc::_exit(i32::from(!good)) };
        }
        let mut status = 0;
        // SAFETY: `status` is valid for writing.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0, "{mapping:?}");
        assert_eq!(world.run(&fragment, 1), 11);
        link(&fragment, OUT, &target);
        assert_eq!(world.run(&fragment, 1), 21);
    }
}

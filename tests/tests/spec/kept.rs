//! Scripts in the suites' form: every case on which engines disagreed, with the expected outcome.

use uops::{Tier, wast};

#[test]
fn every_kept_case() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/kept");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        let script = std::fs::read_to_string(&path).unwrap();
        if crate::has_interpreter() {
            for tier in [Tier::Interpreter, Tier::Auto] {
                let report = wast::run(&script, tier).unwrap();
                assert!(report.failed.is_empty(), "{}, {tier:?}: {:?}", path.display(), report.failed);
            }
        }
        let report = wast::run(&script, Tier::Jit).unwrap();
        assert!(report.failed.is_empty(), "{}: {:?}", path.display(), report.failed);
        // The script must contain assertions, not just a module.
        assert!(report.passed.keys().any(|kind| kind.starts_with("assert")), "{}", path.display());
    }
}

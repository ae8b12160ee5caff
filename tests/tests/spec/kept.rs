//! Scripts in the form of the suites': what engines once did not agree on, with what has to come of it.

use uops::{Version, wast};

#[test]
fn every_kept_case() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/kept");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        let report = wast::run(&std::fs::read_to_string(&path).unwrap(), Version::default()).unwrap();
        assert!(report.failed.is_empty(), "{}: {:?}", path.display(), report.failed);
        // More than the module: something is claimed of it.
        assert!(report.passed.keys().any(|kind| kind.starts_with("assert")), "{}", path.display());
    }
}

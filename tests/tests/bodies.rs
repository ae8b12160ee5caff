//! Random C bodies behave the same as stencils, in the interpreter and as C functions. This test runs a small fixed set of seeds; the
//! command `bodies` of this package runs any number.

#![cfg(not(no_c_compiler))]

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tests::bodies::{Batch, Options, Part, Report};

/// Seeds of bodies with addresses that gcc or clang once compiled to wrong stencils.
const WRONG_ONCE: [u64; 12] = [9, 104, 124, 171, 186, 205, 208, 256, 286, 319, 650, 864];

/// A body with addresses that differed only in the payload of a NaN, which C leaves open.
const PAYLOAD_OF_A_NAN: u64 = 201_226;

/// The program is built in one folder, by one test at a time.
static FOLDER: Mutex<()> = Mutex::new(());

fn compare(part: Part, seeds: impl Iterator<Item = u64>) -> Report {
    let _alone = FOLDER.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // The tests of messages build the same dependencies there.
    let target = folder.with_file_name("tests").join("trybuild");
    let options = Options { folder: folder.join("bodies"), target, ..Options::new() };
    let report = Batch::new(part, seeds, options.inputs).compare(&options).unwrap();
    eprintln!("{}: {report:#?}", options.compiler);
    let both = report.cases / 10..report.cases / 10 * 9;
    assert!(both.contains(&report.narrow), "one form is compared too rarely: {report:#?}");
    assert!(report.bodies >= 40 && report.cases >= 15 * report.bodies, "too few bodies were compared: {report:#?}");
    report
}

#[test]
fn operands_are_the_same_values_in_stencils_and_in_functions() {
    let report = compare(Part::Values, 0..60);
    assert_eq!(report.differences, []);
    assert_eq!(report.refused, []);
}

#[test]
fn operands_are_the_same_values_in_random_sequences_of_instructions() {
    let report = compare(Part::Instructions, 0..400);
    assert_eq!(report.differences, []);
    assert_eq!(report.refused, []);
}

#[test]
fn operands_are_the_same_addresses_in_stencils_and_in_functions() {
    let report = compare(Part::Addresses, WRONG_ONCE.into_iter().chain([PAYLOAD_OF_A_NAN]).chain(1000..1050));
    assert_eq!(report.differences, []);
}

//! Finds the uops at which a compiler fails without naming them, by compiling parts of the block.
//!
//! This happens only after such a failure. Then it takes about two runs for each halving of the block, each of a smaller
//! part.

use std::ops::Range;

use crate::ast::Block;
use crate::cache::Cache;
use crate::compiler::Unit;
use crate::compiler::environment::Environment;
use crate::headers::Directories;
use crate::source::Source;

/// The most uops to find. Each takes further runs of the compiler.
const MOST: usize = 4;

/// Returns the indices of the first uops that the compiler cannot compile even alone. There are none if the failure has
/// another cause.
pub fn find(block: &Block, source: &Source) -> Vec<usize> {
    let Ok(compiler) = Cache::of_user().compiler() else { return Vec::new() };
    let flags: Vec<String> = block.flags.iter().map(syn::LitStr::value).collect();
    let directories = Directories::of(block.machine.name.span());
    let environment = Environment::of_user();
    let fails = |uops: Range<usize>| {
        let unit = Unit { c: &source.with_only(uops), flags: &flags, directories: &directories };
        compiler.run(unit, &environment).is_ok_and(|output| output.object.is_none())
    };
    let all = 0..source.uops.len();
    let mut found = Vec::new();
    if !fails(0..0) {
        search(all, &fails, &mut found);
    }
    found
}

/// Searches a part of the block that fails.
fn search(part: Range<usize>, fails: &dyn Fn(Range<usize>) -> bool, found: &mut Vec<usize>) {
    if part.len() <= 1 {
        found.extend(part);
        return;
    }
    let middle = part.start + part.len() / 2;
    for half in [part.start..middle, middle..part.end] {
        if found.len() < MOST && fails(half.clone()) {
            search(half, fails, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(size: usize, bad: &[usize]) -> (Vec<usize>, usize) {
        let (mut found, runs) = (Vec::new(), std::cell::Cell::new(0));
        let fails = |part: Range<usize>| {
            runs.set(runs.get() + 1);
            bad.iter().any(|uop| part.contains(uop))
        };
        search(0..size, &fails, &mut found);
        (found, runs.get())
    }

    #[test]
    fn all_culprits_are_found_up_to_a_limit() {
        for size in [1, 2, 3, 7, 64, 1000] {
            for bad in 0..size {
                let (found, runs) = found(size, &[bad]);
                assert_eq!(found, [bad]);
                assert!(runs <= 20, "{runs} runs for {size} uops");
            }
        }
        assert_eq!(found(100, &[3, 4, 99]).0, [3, 4, 99]);
        let all: Vec<_> = (0..1000).collect();
        let (found, runs) = found(1000, &all);
        assert_eq!(found, [0, 1, 2, 3]);
        assert!(runs <= 20, "{runs} runs");
    }
}

//! Reports a compiler run that failed without a diagnostic in the C source: an unknown flag, a crash of the compiler, or a lack
//! of registers.

use proc_macro2::Span;

use crate::ast::Block;

/// The common prefix of the functions that uops become: `stencil_uop_<uop>_<member>`.
const FUNCTION: &str = "stencil_uop_";

/// Returns the tokens on which to report a failed run, and the messages. `search` finds the uops that the compiler does not
/// name.
pub fn report(messages: &str, block: &Block, search: impl FnOnce() -> Vec<usize>) -> Vec<(Span, String)> {
    let reason = reason(messages);
    // The message may name one of the block's flags.
    let flag = block.flags.iter().find(|flag| messages.contains(flag.value().trim()));
    let uops = match (uop(messages), flag) {
        (Some(uop), _) if uop < block.uops.len() => vec![uop],
        (_, Some(_)) => Vec::new(),
        _ => search(),
    };
    if uops.is_empty() {
        let span = flag.map_or(block.machine.name.span(), syn::LitStr::span);
        return vec![(span, format!("the C compiler failed: {reason}"))];
    }
    let remedy = remedy(&reason);
    let uops = uops.into_iter().map(|index| &block.uops[index].name);
    uops.map(|uop| (uop.span(), format!("the C compiler failed at the uop `{uop}`: {reason}. {remedy}"))).collect()
}

/// Returns the uop whose function the compiler was processing: the last one that it names.
fn uop(messages: &str) -> Option<usize> {
    let (_, name) = messages.rsplit_once(FUNCTION)?;
    name.split_once('_')?.0.parse().ok()
}

/// Returns what to do about a failure.
fn remedy(reason: &str) -> &'static str {
    if reason.contains("registers") {
        "The machine's registers leave the body too few: pass less in registers. With 12 integers, none is left for \
         `JUMP(pointer)`, which works with 11"
    } else {
        "If that is a fault of the compiler, write the body in another way, or name another compiler in STENCIL_CC"
    }
}

/// Returns the compiler's description of the failure, without its own stack dump.
fn reason(messages: &str) -> String {
    let crash = ["internal compiler error: ", "error in backend: ", "LLVM ERROR: ", "Assertion "];
    let said = messages
        .lines()
        .find_map(|line| crash.iter().find_map(|word| line.find(word)).map(|start| line[start..].trim().to_owned()));
    said.unwrap_or_else(|| {
        let lines = messages.lines().take_while(|line| !line.contains("submit a bug report") && *line != "Stack dump:");
        let mut lines: Vec<_> = lines.filter(|line| !is_count(line)).collect();
        // The members of a family fail alike.
        lines.dedup();
        let text = lines.join("\n").trim().to_owned();
        if text.is_empty() { "it crashed without a message".into() } else { text }
    })
}

/// Returns whether a line is the number of errors, with which clang ends.
fn is_count(line: &str) -> bool {
    line.ends_with(" error generated.") || line.ends_with(" errors generated.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block() -> Block {
        let block = "#![c_flags(\"-fno-such\")] machine M(x: u64) -> u64; uop one() {} uop two() {}";
        crate::parse::block(block.parse().unwrap(), crate::parse::Conditions::default()).unwrap().0
    }

    #[test]
    fn a_crash_is_reported_at_the_uop() {
        let clang = "fatal error: error in backend: Cannot select: t5: i64 = X86ISD::Thing\n\
                     PLEASE submit a bug report to https://github.com/llvm/llvm-project/issues/ and include the crash\n\
                     Stack dump:\n0.\tProgram arguments: clang-19 -x c -c -\n1.\t<eof> parser at end of file\n\
                     2.\tCode generation\n3.\tRunning pass 'Function Pass Manager' on module '-'.\n\
                     4.\tRunning pass 'X86 DAG->DAG Instruction Selection' on function '@stencil_uop_1_0'\n\
                      #0 0x00007f98c56b73c6 llvm::sys::PrintStackTrace(llvm::raw_ostream&, int)\n";
        let gcc = "during RTL pass: expand\nbody of uop two: In function 'stencil_uop_1_0':\n\
                   body of uop two:1:4: internal compiler error: in expand_call, at calls.cc:3\n\
                   Please submit a full bug report, with preprocessed source.\n";
        for (messages, reason) in
            [(clang, "error in backend: Cannot select"), (gcc, "internal compiler error: in expand_call")]
        {
            let (_, message) = single(report(messages, &block(), || unreachable!()));
            assert!(message.starts_with("the C compiler failed at the uop `two`: "), "{message}");
            assert!(message.contains(reason) && !message.contains("0x0000"), "{message}");
        }
        let crash = "Stack dump:\n0.\tProgram arguments: clang\n";
        let (_, message) = single(report(crash, &block(), Vec::new));
        assert_eq!(message, "the C compiler failed: it crashed without a message");
        let found: Vec<_> = report(crash, &block(), || vec![0, 1]).into_iter().map(|(_, message)| message).collect();
        let crashed = |uop| format!("the C compiler failed at the uop `{uop}`: it crashed without a message. If ");
        assert!(found[0].starts_with(&crashed("one")) && found[1].starts_with(&crashed("two")), "{found:?}");
        // Functions that do not belong to the block.
        for name in ["stencil_uop_9_0", "stencil_uop_", "stencil_uop_x_1", "stencil_uop_99999999999999999999_1"] {
            let (_, message) = single(report(name, &block(), Vec::new));
            assert!(message.starts_with("the C compiler failed: stencil_uop_"));
        }
    }

    fn single(mut reports: Vec<(Span, String)>) -> (Span, String) {
        assert_eq!(reports.len(), 1);
        reports.remove(0)
    }

    #[test]
    fn a_lack_of_registers_is_told_with_the_limit() {
        let clang = "error: ran out of registers during register allocation\n".repeat(2) + "2 errors generated.\n";
        let (_, message) = single(report(&clang, &block(), || vec![1]));
        let start =
            "the C compiler failed at the uop `two`: error: ran out of registers during register allocation. The ";
        assert!(message.starts_with(start) && message.ends_with("`JUMP(pointer)`, which works with 11"), "{message}");
    }

    #[test]
    fn other_failures_are_told_in_the_compilers_words() {
        let (_, message) = single(report("error: unknown argument: '-fno-such'\n", &block(), || unreachable!()));
        assert_eq!(message, "the C compiler failed: error: unknown argument: '-fno-such'");
    }
}

//! A compiler that fails without a diagnostic in the C: it does not know a flag, or its own code is at fault.

use proc_macro2::Span;

use crate::ast::Block;

/// What function names of uops begin with: `stencil_uop_<uop>_<member>`.
const FUNCTION: &str = "stencil_uop_";

/// The token that a failed run is reported on, and the message.
pub fn report(messages: &str, block: &Block) -> (Span, String) {
    let reason = reason(messages);
    if let Some(uop) = uop(messages).and_then(|index| block.uops.get(index)) {
        let message = format!(
            "the C compiler failed at the uop `{}`: {reason}. If that is a fault of the compiler, write the body in another \
             way, or name another compiler in STENCIL_CC",
            uop.name
        );
        return (uop.name.span(), message);
    }
    // It complains of a flag, or else of itself.
    let flag = block.flags.iter().find(|flag| messages.contains(flag.value().trim()));
    (flag.map_or(block.machine.name.span(), syn::LitStr::span), format!("the C compiler failed: {reason}"))
}

/// The uop in whose function the compiler was: its last word on that.
fn uop(messages: &str) -> Option<usize> {
    let (_, name) = messages.rsplit_once(FUNCTION)?;
    name.split_once('_')?.0.parse().ok()
}

/// What the compiler says of the failure, without the dump of its own stack.
fn reason(messages: &str) -> String {
    let crash = ["internal compiler error: ", "error in backend: ", "LLVM ERROR: ", "Assertion "];
    let said = messages
        .lines()
        .find_map(|line| crash.iter().find_map(|word| line.find(word)).map(|start| line[start..].trim().to_owned()));
    said.unwrap_or_else(|| {
        let lines = messages.lines().take_while(|line| !line.contains("submit a bug report") && *line != "Stack dump:");
        let text = lines.collect::<Vec<_>>().join("\n").trim().to_owned();
        if text.is_empty() { "it crashed, and does not say why".into() } else { text }
    })
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
            let (_, message) = report(messages, &block());
            assert!(message.starts_with("the C compiler failed at the uop `two`: "), "{message}");
            assert!(message.contains(reason) && !message.contains("0x0000"), "{message}");
        }
        let (_, message) = report("Stack dump:\n0.\tProgram arguments: clang\n", &block());
        assert_eq!(message, "the C compiler failed: it crashed, and does not say why");
        // A function that is none of the block's.
        for name in ["stencil_uop_9_0", "stencil_uop_", "stencil_uop_x_1", "stencil_uop_99999999999999999999_1"] {
            assert!(report(name, &block()).1.starts_with("the C compiler failed: stencil_uop_"));
        }
    }

    #[test]
    fn other_failures_are_told_in_the_compilers_words() {
        let (_, message) = report("error: unknown argument: '-fno-such'\n", &block());
        assert_eq!(message, "the C compiler failed: error: unknown argument: '-fno-such'");
    }
}

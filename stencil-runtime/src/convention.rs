//! Compares the calling conventions of a machine's blocks in constant evaluation.

/// How the uops of a block call each other.
#[derive(Clone, Copy, Debug)]
pub struct Convention {
    /// The registers of parameters, and those that survive a call, as text. Empty if the block has mistakes.
    pub registers: &'static str,
    /// The C compiler that produced the block's object.
    pub compiler: &'static str,
}

impl Convention {
    /// Compares the convention of a machine with that of a block that continues it.
    ///
    /// # Panics
    /// If they differ. The message names both compilers.
    pub const fn assert_is_that_of(&self, block: Self) {
        let unknown = self.registers.is_empty() || block.registers.is_empty();
        if unknown || equal(self.registers.as_bytes(), block.registers.as_bytes()) {
            return;
        }
        let mut message = Message { bytes: [0; 2048], length: 0 };
        message.push("the blocks of this machine were compiled with different calling conventions.\nThe machine's: ");
        message.push(self.compiler);
        message.push(", ");
        message.push(self.registers);
        message.push(".\nThis block's: ");
        message.push(block.compiler);
        message.push(", ");
        message.push(block.registers);
        message.push(
            ".\nCompile all blocks with one compiler: name it in STENCIL_CC. Repeat the machine's `scratch` clause in \
             each block. If objects are committed, renew them with STENCIL_UPDATE=1.",
        );
        message.panic()
    }
}

const fn equal(one: &[u8], other: &[u8]) -> bool {
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

/// A string that is put together in a constant.
struct Message {
    bytes: [u8; 2048],
    length: usize,
}

impl Message {
    /// Appends a string, truncated to the remaining space.
    const fn push(&mut self, text: &str) {
        let mut index = 0;
        while index < text.len() && self.length < self.bytes.len() {
            self.bytes[self.length] = text.as_bytes()[index];
            self.length += 1;
            index += 1;
        }
    }

    const fn panic(&self) -> ! {
        match std::str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => panic!("{}", text),
            Err(_) => panic!("the blocks of this machine were compiled with different calling conventions"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Convention;

    const CLANG: Convention = Convention { registers: "r12 r13", compiler: "Clang 19" };
    const GCC: Convention = Convention { registers: "rdi rsi", compiler: "gcc 12" };
    const UNKNOWN: Convention = Convention { registers: "", compiler: "" };

    // Constants can compare them.
    const _: () = CLANG.assert_is_that_of(Convention { compiler: "Clang 22", ..CLANG });

    #[test]
    fn a_message_names_both_compilers_and_all_registers() {
        CLANG.assert_is_that_of(UNKNOWN);
        UNKNOWN.assert_is_that_of(GCC);
        let message = std::panic::catch_unwind(|| CLANG.assert_is_that_of(GCC)).unwrap_err();
        let message = message.downcast_ref::<String>().unwrap();
        for part in ["Clang 19, r12 r13", "gcc 12, rdi rsi", "STENCIL_CC"] {
            assert!(message.contains(part), "{message}");
        }
        let longer = Convention { registers: "r12 r13 r14", ..CLANG };
        assert!(std::panic::catch_unwind(|| CLANG.assert_is_that_of(longer)).is_err());
    }
}

//! Traps, and the codes that compiled code returns for them. C bodies use the `TRAP_` names of `vm.h`.

use std::fmt;

macro_rules! traps {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// The reason why a function of a module trapped. The effects of the call until then remain.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u64)]
        pub enum Trap {
            $($(#[$doc])* $name = $code,)*
        }

        impl Trap {
            /// All traps, in the order of their codes.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the trap for a compiled function's return value: none for 0, which means that the function
            /// returned, and none for values that compiled code never returns.
            #[must_use]
            pub const fn from_code(code: u64) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for Trap {
            /// Writes the message of WebAssembly's test suite.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $text,)*
                })
            }
        }
    };
}

traps! {
    /// An `unreachable` instruction was reached.
    Unreachable = 1, "unreachable";
    /// A load, a store or a data segment lies outside the memory.
    MemoryOutOfBounds = 2, "out of bounds memory access";
    /// The index of an indirect call lies outside the table.
    UndefinedElement = 3, "undefined element";
    /// An indirect call found an element without a function.
    UninitializedElement = 4, "uninitialized element";
    /// An indirect call found a function of another type.
    IndirectCallTypeMismatch = 5, "indirect call type mismatch";
    /// An integer was divided by zero.
    IntegerDivisionByZero = 6, "integer divide by zero";
    /// The least integer was divided by -1, or a float outside the integer's range was converted.
    IntegerOverflow = 7, "integer overflow";
    /// A NaN was converted to an integer.
    InvalidConversionToInteger = 8, "invalid conversion to integer";
    /// Calls nest too deeply for the stack of frames or for the native stack.
    StackExhausted = 9, "call stack exhausted";
    /// A host function failed.
    Host = 10, "host function failed";
    /// An access to a table, or an element segment, lies outside it.
    TableOutOfBounds = 11, "out of bounds table access";
    /// The run was interrupted.
    Interrupted = 12, "interrupted";
}

impl Trap {
    /// The code that compiled functions return for it.
    #[must_use]
    pub const fn code(self) -> u64 {
        self as u64
    }
}

impl std::error::Error for Trap {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_agree_with_the_header() {
        let defined: Vec<(&str, u64)> = include_str!("../runtime/vm.h")
            .lines()
            .filter_map(|line| line.strip_prefix("#define TRAP_")?.split_once(' '))
            .map(|(name, code)| (name, code.parse().unwrap()))
            .collect();
        let mut expected = vec![("NONE".to_owned(), 0)];
        for trap in Trap::ALL {
            let mut name = String::new();
            for letter in format!("{trap:?}").chars() {
                if letter.is_uppercase() && !name.is_empty() {
                    name.push('_');
                }
                name.push(letter.to_ascii_uppercase());
            }
            expected.push((name, trap.code()));
        }
        assert_eq!(defined, expected.iter().map(|(name, code)| (&**name, *code)).collect::<Vec<_>>());
    }

    #[test]
    fn codes_and_traps_are_one_to_one() {
        assert!(Trap::ALL.iter().all(|&trap| Trap::from_code(trap.code()) == Some(trap)));
        assert_eq!((0..=u64::from(u8::MAX)).filter_map(Trap::from_code).collect::<Vec<_>>(), Trap::ALL);
        assert_eq!(Trap::from_code(u64::MAX), None);
    }
}

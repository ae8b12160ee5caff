//! The limits of a run, as options of the command line.

use clap::Args;
use uops::{Error, Limit, StoreLimits, Trap};

/// Limits of what a module may use.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    /// The most bytes that one memory may have, such as 64M (the suffixes K, M and G are powers of 1024). Default: 4G.
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    max_memory: Option<u64>,
    /// The most elements that one table may have. Default: 10000000.
    #[arg(long, value_name = "ELEMENTS")]
    max_table: Option<u32>,
    /// The most bytes of stack that running functions may use. Default: 1M.
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    max_stack: Option<u64>,
    /// The most bytes that memories, tables and compiled code may have in all. Default: 5G.
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    max_total: Option<u64>,
}

impl Limits {
    /// The limits of a store.
    pub(super) fn store(self) -> StoreLimits {
        let default = StoreLimits::default();
        StoreLimits {
            stack: self.max_stack.map_or(default.stack, |stack| usize::try_from(stack).unwrap_or(usize::MAX)),
            memory_pages: self.max_memory.map_or(default.memory_pages, |bytes| bytes / PAGE),
            table_elements: self.max_table.unwrap_or(default.table_elements),
            bytes: self.max_total.unwrap_or(default.bytes),
            ..default
        }
    }
}

/// Bytes of a page of memory.
const PAGE: u64 = 1 << 16;

/// Parses a number of bytes.
fn bytes(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 10),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 20),
        Some(b'G' | b'g') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    number.ok_or_else(|| "expected a number of bytes, such as 65536, 64K, 16M or 2G".to_owned())
}

/// The message of an error, with the option that helps.
pub(crate) fn message(error: &Error) -> String {
    match error {
        Error::LimitExceeded(exceeded) => match exceeded.limit {
            Limit::MemoryPages => format!("{exceeded} (pages have 64 KiB): raise it with --max-memory"),
            Limit::TableElements => format!("{exceeded}: raise it with --max-table"),
            Limit::Bytes => format!("{exceeded}: raise it with --max-total"),
            // There is no option for the others, which no program needs.
            _ => exceeded.to_string(),
        },
        Error::Trap { trap: Trap::StackExhausted, .. } => format!("{error}: raise the limit with --max-stack"),
        Error::Trap { trap: Trap::Interrupted, .. } => format!("{error}: raise the limit with --timeout"),
        Error::Cancelled => "the time is over before the module is compiled: raise the limit with --timeout".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_bytes_have_suffixes() {
        assert_eq!(["0", "7K", "64m", "2G"].map(|text| bytes(text).unwrap()), [0, 7 << 10, 64 << 20, 2 << 30]);
        for text in ["", "K", "-1", "1.5M", "1T", "18446744073709551615K", "1µ"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn options_become_limits() {
        assert_eq!(Limits::default().store(), StoreLimits::default());
        let limits = Limits { max_memory: Some((3 << 16) - 1), max_table: Some(7), ..Limits::default() };
        let expected = StoreLimits { memory_pages: 2, table_elements: 7, ..StoreLimits::default() };
        assert_eq!(limits.store(), expected);
        let limits = Limits { max_stack: Some(1 << 16), max_total: Some(9), ..Limits::default() };
        assert_eq!(limits.store(), StoreLimits { stack: 1 << 16, bytes: 9, ..StoreLimits::default() });
    }
}

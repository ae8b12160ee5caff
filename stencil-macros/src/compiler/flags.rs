//! Flags for the C compiler, each with its reason. They come before those of the block.

/// Flags for every compiler, and why.
pub const ALL: &[&str] = &[
    "-std=gnu17",
    "-O2",
    // No start-up code, no library: what runs around stencils is Rust.
    "-ffreestanding",
    // A switch becomes branches, not a table of addresses that every copy would have to carry.
    "-fno-jump-tables",
    // Each uop and each table can then be taken by itself.
    "-ffunction-sections",
    "-fdata-sections",
    // Stencils are not aligned, so that alignment within them is but padding.
    "-falign-functions=1",
    "-falign-loops=1",
    // Nothing unwinds through stencils, debuggers do not look for them, and no canary or landing pad guards them.
    "-fno-asynchronous-unwind-tables",
    "-fno-unwind-tables",
    "-fno-exceptions",
    "-fno-stack-protector",
    "-fcf-protection=none",
    "-fomit-frame-pointer",
    "-g0",
    "-fno-ident",
    // Bodies share memory with Rust, which has neither type-based aliasing nor undefined overflow.
    "-fno-strict-aliasing",
    "-fwrapv",
    "-fno-delete-null-pointer-checks",
    // Every compiler computes the same floating-point results.
    "-ffp-contract=off",
    "-fno-math-errno",
    // Errors are found at build time.
    "-Wall",
    "-Wextra",
    "-Werror=implicit-function-declaration",
    "-Werror=int-conversion",
    "-Werror=incompatible-pointer-types",
    "-Werror=return-type",
    // A uop need not use every register, and what it assigns to one, the next uop uses.
    "-Wno-unused-parameter",
    "-Wno-unused-but-set-parameter",
    "-Wno-unused-function",
];

/// Flags for blocks that do not ask for position-independent code, which reaches everything through its own data.
pub const ABSOLUTE: &[&str] = &[
    // The executable may be anywhere, so C reaches constants by 64-bit addresses, whatever their size. Operands are in
    // a section of their own, which the threshold does not concern.
    "-fno-pic",
    "-mcmodel=medium",
    "-mlarge-data-threshold=0",
];

/// Whether a block with these flags asks for position-independent code.
pub fn are_position_independent<'a>(mut flags: impl Iterator<Item = &'a str>) -> bool {
    flags.any(|flag| matches!(flag, "-fpic" | "-fPIC" | "-fpie" | "-fPIE"))
}

/// Flags for clang alone.
pub const CLANG: &[&str] = &[
    // One line for a diagnostic, which we can read.
    "-fno-caret-diagnostics",
    "-fno-color-diagnostics",
    "-fno-diagnostics-show-note-include-stack",
    "-ferror-limit=0",
    // No files about a crash.
    "-fno-crash-diagnostics",
    // Lowered for the target, whatever the machine we run on.
    "--target=x86_64-unknown-linux-gnu",
];

/// Flags for gcc alone.
pub const GCC: &[&str] = &[
    "-fno-diagnostics-show-caret",
    "-fdiagnostics-color=never",
    "-fdiagnostics-column-unit=byte",
    // Each uop stays in one piece and is a function of its own, not an alias of an equal one.
    "-fno-reorder-blocks-and-partition",
    "-fno-ipa-icf",
    "-falign-jumps=1",
    "-falign-labels=1",
    "-foptimize-sibling-calls",
];

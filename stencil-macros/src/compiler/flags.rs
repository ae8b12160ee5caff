//! Flags for the C compiler, each with its reason. They precede those of the block.

/// Flags for every compiler.
pub const ALL: &[&str] = &[
    "-std=gnu17",
    "-O2",
    // No start-up code and no library: Rust code surrounds the stencils.
    "-ffreestanding",
    // A switch must become branches: a jump table would have to be copied with each stencil.
    "-fno-jump-tables",
    // Each uop and each table gets a section and can be extracted by itself.
    "-ffunction-sections",
    "-fdata-sections",
    // Stencils are not aligned, so alignment within them would only add padding.
    "-falign-functions=1",
    "-falign-loops=1",
    // Nothing unwinds through stencils and no debugger knows them, so they need no unwind tables, canaries or landing
    // pads.
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
    // All compilers must compute the same floating-point results.
    "-ffp-contract=off",
    "-fno-math-errno",
    // Report errors at build time.
    "-Wall",
    "-Wextra",
    "-Werror=implicit-function-declaration",
    "-Werror=int-conversion",
    "-Werror=incompatible-pointer-types",
    "-Werror=return-type",
    // A uop need not use every register, and a value assigned to a register is used only by the next uop.
    "-Wno-unused-parameter",
    "-Wno-unused-but-set-parameter",
    "-Wno-unused-function",
];

/// Flags for blocks without position-independent code.
pub const ABSOLUTE: &[&str] = &[
    // The executable may be loaded anywhere, so C reaches constants of any size by 64-bit addresses. Operands are in a
    // separate section, to which the threshold does not apply.
    "-fno-pic",
    "-mcmodel=medium",
    "-mlarge-data-threshold=0",
];

/// Flags for the functions of an interpreter, which are linked into the executable. They precede those of the block.
pub const INTERPRETER: &[&str] = &[
    "-fpic",
    // Addresses of other objects are read from slots, which the expansion defines.
    "-fno-plt",
    // All functions that the unit defines are called directly.
    "-fvisibility=hidden",
];

/// Returns whether a block with these flags asks for position-independent code.
pub fn are_position_independent<'a>(mut flags: impl Iterator<Item = &'a str>) -> bool {
    flags.any(|flag| matches!(flag, "-fpic" | "-fPIC" | "-fpie" | "-fPIE"))
}

/// Flags for clang only.
pub const CLANG: &[&str] = &[
    // Print each diagnostic on one line, which the macro can parse.
    "-fno-caret-diagnostics",
    "-fno-color-diagnostics",
    "-fno-diagnostics-show-note-include-stack",
    "-ferror-limit=0",
    // Do not write crash reports to files.
    "-fno-crash-diagnostics",
    // Generate code for the target, whatever the host is.
    "--target=x86_64-unknown-linux-gnu",
];

/// Flags for gcc only.
pub const GCC: &[&str] = &[
    "-fno-diagnostics-show-caret",
    "-fdiagnostics-color=never",
    "-fdiagnostics-column-unit=byte",
    // Keep each uop in one section and one function, never an alias of an equal function.
    "-fno-reorder-blocks-and-partition",
    "-fno-ipa-icf",
    "-falign-jumps=1",
    "-falign-labels=1",
    "-foptimize-sibling-calls",
];

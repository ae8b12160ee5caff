//! The `stencil!` macro.

/// Compiles C bodies of micro-operations (uops) into Rust functions that emit their machine code.
///
/// [The guide](crate::guide) introduces the macro step by step; this page is its reference. A block declares a machine or
/// continues one, and has any number of uops, helpers and types:
///
/// ```text
/// stencil! {
///     #![c_flags("-O3")]                          // flags for the C compiler, after its own
///     #![hosted]                                  // leaves the headers of a C library whole
///     #![allow(unused_variables)]                 // does not warn of operands that a body does not use
///     #![stencil(no_stack)]                       // the contract of each uop in the block ...
///
///     /// The registers that uops share, and the result of a run.
///     #[interpreter]                              // also before each `continue machine`; `#[interpreter(optional)]`
///     pub machine Calc(sp: *mut i64, top: i64) -> i64;               // `-> i64 scratch(rdx, rcx);` reserves registers
///     continue machine path::Calc(sp: *mut i64, top: i64) -> i64;    // in a further block, instead of `machine`
///     machine Arrays(vm: *mut Vm, r: [i64; 4], x: [f64; 2] = 0.0);   // arrays of registers, and initial values
///
///     /// A uop: its operands become holes in the machine code.
///     #[stencil(max_code = 32, max_data = 0)]     // ... that has no contract of its own
///     pub uop push(value: i64) { *sp++ = top; top = value; }
///     /// A family: one stencil for each choice of parameters, which are preprocessor constants in C.
///     uop get<const DST: 0..3, const SRC: 0..6>() where DST != SRC { T(DST) = L(SRC); }
///
///     c { /* C that all bodies share: #include, macros, static inline functions */ }
///     include "path.h";                           // relative to this file or to the crate
///     struct Vm { fuel: u64, limit: *mut i64 }    // declares a type in both languages
///     struct Vm = crate::Vm { fuel: u64 }         // declares a Rust type in C, and checks the layout
///     struct Vm = crate::Vm { fuel: u64, .. }     // checks the listed fields of a type that both languages have
///     struct Object { .. }                        // declares a type that only C defines; Rust points to it
///     union Word { bits: u64, number: f64 }       // has the forms of a struct
///     enum Kind = crate::Kind { .. }              // checks the size of an enumeration that both languages have
///     const PINS: usize = 8;                      // declares a constant in both languages
///     const PINS = crate::PINS: usize = 8;        // declares a Rust constant in C, and checks its type and its value
///     enum Op { Add, Sub = 4 }                    // declares an enum in both languages: `Op_Add` and `Op_Sub` in C
///     enum Op = crate::Op { Add, Sub = 4 }        // declares a Rust enum in C, and checks the variants
///     uop compute<const OP: Op>() { .. }          // a family with a member for each variant
///     extern fn print(vm: *mut Vm, v: i64) = crate::host::print;     // a Rust function for bodies to call
///     extern fn printf(format: *const c_char, ...) -> c_int = libc::printf;      // one of an `extern "C"` block
///     extern fn puts(s: *const c_char) -> c_int;  // a function of a linked library
///     extern fn strlen(..);                       // one whose type is in a header
///     extern static LIMIT: u64 = crate::LIMIT;    // data of Rust; `static mut` if C writes it
///     extern static environ: ..;                  // data of a linked library, whose type is in a header
/// }
/// ```
///
/// # Bodies
/// A body is C (gnu17), taken verbatim. The machine's registers are its parameters: what the body assigns to them, the
/// next uop reads. Operands are constants. After its last statement a body continues with the next uop; before that it may
///
/// * `JUMP(target);` – jump to a `Label`, a `CodeAddress` or a `CodeExit`, or to a pointer to code,
/// * `RETURN(value);` – end the run, or the `CALL` that entered the code,
/// * `CONTINUE();` – continue with the next uop at once,
/// * `CALL(target)` – run from a target of the same kinds to a `RETURN`; the call has the returned value,
/// * `ADDRESS_OF(target)` – take the address of a `Label` or `CodeAddress` operand as a pointer, to store it and jump to it later.
///
/// Each macro also has a name that no header uses, `STENCIL_JUMP` for `JUMP`. If a header defines a short name, the header's macro stays, and a
/// warning appears where a body calls it. `STENCIL_CONCAT(a, b)` joins two tokens.
///
/// A body calls host functions by their names, and may use their addresses as values. A function or a static keeps its name as a symbol, so C
/// compares the declaration with those in headers. A static has one address for the life of the process, so it must not be thread-local.
///
/// Signed overflow wraps and any pointer may alias any other, as in Rust. Rust's lexer reads the body before C does, and
/// [refuses some C](crate::guide::lexer). Move such C into a header and `include` it.
///
/// # Registers
/// An array of registers, `r: [i64; 4]`, is as many registers of the machine. A body selects one by a constant index: `r[0]`, or
/// `r[DST + 1]` with a parameter of the family. It compiles to the code that a register of that name would. An index that
/// is out of range, or not a constant, is an error on its token, and so is any other use of `r`, because registers have no address. If only some
/// members of a family have such an index, exclude them by `where`, or exclude the access by `#if`. `r[0]` may also occur in the definition of
/// a macro in a `c` block. Headers write `r(0)`: in C, the array is a function-like macro.
///
/// A program's entry takes the registers in order, the elements of an array one by one. A register with an initial value is not a parameter
/// of the entry. The value is a literal: an integer, a float, `true` or `false`, `null` for a pointer, or `0` for a vector. An array has one
/// value for all elements, or a list: `[i64; 3] = [1, 2, -3]`. Blocks that continue the machine do not repeat the values.
///
/// # Interpreter
/// A machine with `#[interpreter]` also runs its programs in an interpreter of the same bodies, without executable memory: see
/// [`Interpreter`](crate::Interpreter) and [the guide](crate::guide::tiers). It has at most 10 registers for integers and pointers, or 5 if the compiler does not
/// support `preserve_none`; `#[interpreter(optional)]` does without an interpreter instead of an error. Blocks that continue the machine repeat the attribute. Bodies also have
///
/// * `STENCIL_EXECUTE(address);` – continue in compiled code,
/// * `STENCIL_INTERPRET(address);` – continue in the interpreter, at an instruction of a stream,
/// * `STENCIL_TIER(compiled, interpreted)` – the tokens for the tier in which the body runs.
///
/// Addresses of code belong to one tier: those that `ADDRESS_OF` takes, and those that `JUMP` and `CALL` lead to.
///
/// # Families
/// A uop with parameters has a stencil, a member, for each combination of their values. `const DST: 0..3` and `const DST: 0..=2` are ranges of
/// numbers, whose ends may be constants of the block; in Rust the parameter is a `usize`. `const OP: Op` is a parameter with the variants of
/// an enum of the block; in Rust it has the enum's type. In C, a parameter is a macro, whose value is a number, and the variant `Sub` of `Op` is
/// the macro `Op_Sub`, so `#if OP == Op_Sub` and `where OP != Op_Sub` work. `where` excludes members by a condition of the C preprocessor. An
/// instruction without a member is an error of the compilation, [`Error::NoSuchStencil`](crate::Error::NoSuchStencil), which says which
/// instruction it is.
///
/// `enum Op { Add, Sub = 4 }` declares the enum in Rust, with `#[repr(usize)]` and the attributes that precede it, such as `#[derive(Clone,
/// Copy)]`. `enum Op = path { .. }` names an existing enum without fields, of any representation. It lists all variants, with their discriminants
/// where these do not count on from the variant before, and the build fails if the Rust enum differs. The numbers between discriminants count towards the
/// 4,096 members that a family may have.
///
/// # Types
/// `u8` to `u64`, `i8` to `i64`, `usize`, `isize`, `bool`, `f32`, `f64` and raw pointers are the C types of the same size. `c_int`, `c_char`
/// and the other types of `core::ffi` have their names in C. `unsafe extern "C" fn(c_int) -> c_int` is a pointer to a function; an `Option` of one
/// may be null. Host functions also take and return structs and unions of the block by value. An enumeration may be an operand, a
/// register, a field or a parameter; C must give it one of the values that Rust declares.
/// The vector types of `core::arch::x86_64`, `__m128i` to `__m512d`, are those of `<immintrin.h>`;
/// [the guide](crate::guide::vectors) has a chapter on them. A pointer may point to any Rust type; C knows its fields if the block
/// declares it as a `struct`. An operand may
/// also be a [`Label`](crate::Label), which is a position in the program, a [`CodeAddress`](crate::CodeAddress), which is code of
/// another program, or a [`CodeExit`](crate::CodeExit), which is linked to code at run time. The macro knows a type by the last segment of its path, and the expansion asserts that the path names
/// that type: beside `type i32 = u64;`, an `i32` in a block is an error.
///
/// The length of an array is a literal or a constant of the block. `const NAME: type = value;` defines the constant in Rust and as a macro in C;
/// its type is an integer type, and its value a literal. A struct or a constant with a path needs no `use`: its name stands for the path in all types of
/// the block.
///
/// To C, an operand is a constant that it does not know. The macro puts it into the instructions, as an immediate, a
/// displacement or a shift count, or else into the stencil's data. All values of its type fit, except that a `u32` in a 64-bit
/// address may have to be less than 2^31. A greater value is an error when the uop is emitted, and the documentation of the
/// stencil states the range. The contract `full_range` lifts that limit.
///
/// # Names
/// A register, an operand, a parameter of a family, a host function, a struct and its fields have the same name in both
/// languages, so the name must be free in C: it must not be a keyword, a name of `<stdint.h>`, `<stddef.h>` or `<stdbool.h>`, or a reserved
/// name (`_Name`, `__name`), unless C declares the function, the static or the struct. A register, an operand or a parameter must not
/// have the name of a macro either.
/// `emit_<uop>` and `STENCIL_<uop>` are items of the module that contains the block, so uops of different machines in one module
/// need different names.
///
/// # Conditional compilation
/// `#[cfg(...)]` and `#[cfg_attr(...)]` work on every item of a block, and on registers, operands, parameters and fields. An
/// excluded item leaves no trace: C does not see it. The block's own attributes may be in a `#![cfg_attr(...)]`. The macro
/// asks rustc about one condition after the other, in one step of expansion each; a block with more than a hundred different
/// conditions needs a higher `#![recursion_limit]`.
///
/// # Contracts
/// `#[stencil(...)]` before a uop states a property of its machine code. If the C compiler's output does not have it, the build
/// fails and the error shows the code. In a family, every member must have the property. A contract lists any of these,
/// separated by commas:
///
/// * `max_code = 32`: at most this many bytes of code on the fall-through path.
/// * `max_data = 0`: at most this many bytes of data. Data is what the code refers to and each copy contains, and out-of-line
///   code, which seldom runs. Data that all copies share does not count.
/// * `no_calls`: no instruction calls a host function, a label (`CALL`) or a function like `memcpy`, which compilers call
///   of their own accord; and none jumps to such a function at the end of the uop in place of a call.
/// * `no_stack`: no instruction uses the native stack, so no register is spilled and no variable is in memory. This excludes
///   calls, which push their return address. The `ret` of a `RETURN` does not count.
/// * `full_range`: each operand takes all values of its type. A `u32` in an address then costs an instruction more.
///
/// `#![stencil(...)]` at the start of a block is the contract of each uop that has none of its own; `#[stencil()]` promises
/// nothing. Except for `full_range`, a contract does not change the code. The macro checks it at each expansion, whether the object is compiled,
/// cached or committed. Another compiler, or the plain C convention, gives other code: leave room for that in a contract that
/// others must meet.
///
/// # Features of processors
/// `#![stencil(requires = "avx2, fma")]` at the start of a block names features by their names in Rust. The C compiler gets their flags.
/// Every function that compiles a program of the machine fails with
/// [`Error::MissingFeatures`](crate::Error::MissingFeatures) on a processor without them. A block that continues a machine can only
/// require what the block that declares it requires.
///
/// # Expansion
/// * For the machine: a type that implements [`Machine`](crate::Machine), with functions `compile`, `compile_in`, `compile_fragment_in`
///   and `bind`, with an interpreter also `interpreter`, and a constructor of [instructions](crate::Instruction) for each uop.
/// * For each uop: `emit_<uop>`, a function that emits it anywhere, and `STENCIL_<uop>`, a constant that describes its sizes,
///   holes, patches and disassembly. A family's functions take its parameters first, and its `STENCIL_<uop>` is a
///   [`Family`](crate::Family).
///
/// All paths of the expansion begin at `$crate`, so the macro also works under another name: if the dependency is renamed,
/// or if another crate re-exports the macro. `#![stencil(crate = path)]` makes them begin at another path to this crate.
///
/// # The C compiler
/// The first of these compiles the block:
///
/// 1. the command in the environment variable `STENCIL_CC`: a program, or a program and its first arguments, as in `ccache clang-19`;
/// 2. the command that the crate `cc` would choose by `CC_<target>`, `HOST_CC` or `TARGET_CC`, and `CC` (but `CFLAGS` are ignored: they
///    could break stencils);
/// 3. `clang`, or else the newest `clang-N` on the search path, if it supports `preserve_none` (19 or later);
/// 4. gcc.
///
/// `#![c_flags(...)]` applies to the whole block, which is one compilation. Uops that need other flags go into a block of their own, with
/// `continue machine`. A relative path in a flag begins in the directory where Cargo runs rustc: the root of the workspace or, for a
/// package of a registry, its own. `#include "../c/name.h"` and the block's `include` lines do not depend on that.
///
/// With a compiler that does not support `preserve_none`, uops pass registers as C functions do. All blocks of a machine need one calling
/// convention: the macro reads it from each object, and the build fails if two blocks differ.
///
/// The compiler's messages appear on the tokens of the body. An error becomes an error. A warning becomes the use of something
/// `deprecated`, since that is how a macro can warn on stable Rust; `#![allow(deprecated)]` in the module silences it. A mistake in a C
/// macro is reported where the macro is used, with notes that say where it is defined; a mistake in a header, at the `include`. An undefined
/// name in a family's `where` condition, or in an `#if` in its body, is an error.
///
/// Objects are cached in `$XDG_CACHE_HOME/stencil` or `~/.cache/stencil`, up to 256 MiB; the least recently used ones are removed
/// first. If neither the C, nor a file that it reads or looks for, nor the compiler's program or environment has changed, no process is started.
/// `STENCIL_CACHE` names another folder, or is `off`.
///
/// # Committed objects
/// A crate can contain the objects of its blocks, in its folder `stencils`. Then nobody who builds the crate needs a C compiler.
///
/// * `STENCIL_UPDATE=1 cargo build -p CRATE` compiles all blocks and writes their objects. It removes the objects that no block needs
///   any more, with a warning.
/// * Any other build uses an object if it was made from exactly this C, these flags and these files of the crate. If there is none, or
///   if `STENCIL_CC` is set, the block is compiled.
/// * `STENCIL_VERIFY=1 cargo build -p CRATE` compiles all blocks and compares. It is an error if an object is missing, if it differs from
///   what the compiler makes by a single byte (the error names each uop that differs), or if no block needs it.
///
/// Objects are ELF files that mirror the source: `src/uop/integer.rs` has `stencils/x86_64-linux/uop/integer.o`. The guide, in the
/// documentation of `stencil-runtime`, has the rule for several blocks in a file.
///
/// The same compiler makes the same object on every machine; another version may make another one. An object does not
/// depend on environment variables, nor on headers of the system, as far as they can be known without a compiler: verify after those have
/// changed. Dependencies are neither updated nor verified.
///
/// Tests of a crate have objects, too: use `cargo test --no-run -p CRATE` in place of `cargo build`. For
/// documentation tests, the variables name the package: `STENCIL_UPDATE=CRATE cargo test --doc -p CRATE`. Their objects are never
/// reported as stale: remove the folder `doctests` before updating to be rid of those that no test needs.
///
/// # Editors
/// By default, rust-analyzer does not tell macros the positions of tokens. A block then expands to its signatures alone, and
/// the C is compiled when Cargo checks the crate.
///
/// `STENCIL_COMPILE_COMMANDS=DIRECTORY cargo check -p CRATE` writes a `compile_commands.json`, which tells clangd how each included
/// header is compiled and what precedes it.
#[macro_export]
macro_rules! stencil {
    ($($block:tt)*) => {
        $crate::expansion::stencil_for_any_target! { ($crate) $($block)* }
    };
}

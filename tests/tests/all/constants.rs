//! C constants: each named constant has one address, which remains valid after the program that returned it is dropped.
//!
//! Calls of compiled code are sound: bodies write only to `memory`, of which they use at most two words.

use stencil_runtime::{Emitter, Fresh};

/// Expands the same block with these flags: a module with the machine and its tests.
macro_rules! with_flags {
    ($($module:ident: $($flag:literal),*;)*) => {$(
        mod $module {
            use stencil_runtime::{Instruction, stencil};

            extern "C" fn host(x: u64) -> u64 {
                x + 1000
            }

            stencil! {
                #![c_flags($($flag),*)]
                pub machine Constants(x: u64, memory: *mut u64) -> u64;
                extern fn host(x: u64) -> u64 = host;
                c {
                    struct Type { const char *name; const struct Type *base; };
                    static const struct Type OBJECT = { "object", 0 };
                    static const struct Type INT = { "int", &OBJECT };
                    // Two objects with equal bytes.
                    static const uint64_t seven[2] = { 7, 8 }, also_seven[2] = { 7, 8 };
                    static const char byte = 5, also_byte = 5;
                    // A cycle.
                    struct node { const struct node *next; uint32_t value; const uint32_t *inside; };
                    static const struct node first, second, third;
                    static const struct node first = { &second, 1, &third.value };
                    static const struct node second = { &third, 2, &first.value };
                    static const struct node third = { &first, 3, &third.value };
                    // Unaligned pointers, and trailing bytes that are not a pointer.
                    struct __attribute__((packed)) odd { char tag; const uint64_t *p; short n; const struct odd *self; char end; };
                    static const struct odd odd = { 1, &seven[1], 2, &odd, 3 };
                    // Pointers before the beginning, past the end, and far away.
                    static const uint64_t *const around[] = { seven - 1, seven + 2, seven + 1000000 };
                    static const struct { uint64_t n[0]; } nothing, also_nothing;
                    static const struct { uint64_t n; char text[]; } flexible = { 3, { "xyz" } };
                    static const uint8_t aligned[64] __attribute__((aligned(64))) = { 9 };
                    static const uint64_t placed __attribute__((section(".elsewhere"))) = 11;
                    static const uint64_t also_placed __attribute__((section(".elsewhere"))) = 12;
                    const uint64_t global[3] = { 21, 22, 23 };
                    const uint64_t weak __attribute__((weak)) = 31;
                    extern const uint64_t alias[3] __attribute__((alias("global")));
                    static uint64_t (*const hosts[])(uint64_t) = { host, host };
                    static const struct Type *const types[] = { &INT, &OBJECT, &INT };
                    static const double half = 0.5;
                }
                pub uop int_address() { *memory = (uint64_t)&INT; }
                pub uop is_int() { x = *memory == (uint64_t)&INT; }
                pub uop int_base() { x = ((const struct Type *)*memory)->base->name[x]; }
                pub uop int_name() { x = INT.name[x]; }
                pub uop twins() { memory[0] = (uint64_t)seven; memory[1] = (uint64_t)also_seven; }
                pub uop byte() { x = (uint64_t)&byte; }
                pub uop also_byte() { x = (uint64_t)&also_byte; }
                pub uop walk() { const struct node *n = &first; while (x--) n = n->next; x = n->value * 10 + *n->inside; memory[0] = (uint64_t)n; }
                pub uop odd() { x = odd.tag + *odd.p + odd.n + odd.end + (odd.self == &odd) * 100; memory[0] = (uint64_t)&odd; memory[1] = (uint64_t)odd.self; }
                // clang would turn the array into a table of offsets, which the macro refuses.
                pub uop around() { const uint64_t *const *pointers = around; __asm__("" : "+r"(pointers)); memory[0] = (uint64_t)pointers[x]; memory[1] = (uint64_t)seven; }
                pub uop nothing() { memory[0] = (uint64_t)&nothing; memory[1] = (uint64_t)&also_nothing; }
                pub uop flexible() { x = flexible.n * 1000 + flexible.text[x]; memory[0] = (uint64_t)&flexible; }
                pub uop aligned() { x = aligned[x & 63]; memory[0] = (uint64_t)aligned; }
                pub uop placed() { x = (uint64_t)&placed; }
                pub uop also_placed() { x = (uint64_t)&also_placed; }
                pub uop sum() { x = placed + also_placed; }
                pub uop global() { x = global[x]; memory[0] = (uint64_t)global; memory[1] = (uint64_t)alias; }
                pub uop weak() { x = weak; memory[0] = (uint64_t)&weak; memory[1] = (uint64_t)&weak; }
                pub uop hosts() { x = hosts[x & 1](x); memory[0] = (uint64_t)hosts; }
                pub uop host_address() { x = (uint64_t)host; }
                pub uop types() { const struct Type *t = types[x]; x = t == &INT; memory[0] = (uint64_t)t->name; memory[1] = (uint64_t)types; }
                pub uop text() { memory[0] = (uint64_t)"a string"; }
                pub uop local() { static const struct Type local = { "local", &INT }; memory[0] = (uint64_t)&local; x = local.base == &INT; }
                pub uop other_local() { static const struct Type local = { "local", &INT }; memory[0] = (uint64_t)&local; x = local.base == &INT; }
                pub uop member<const I: 0..3>() { memory[0] = (uint64_t)types[I]; memory[1] = (uint64_t)&types[I]; }
                pub uop half() { double d = x * half; x = (uint64_t)d; memory[0] = (uint64_t)&half; }
                pub uop asm_load() { __asm__("mov %1, %0" : "=r"(x) : "m"(seven[1])); }
                pub uop enter(code: *const u8) { JUMP(code); }
                pub uop ret() { RETURN(x); }
            }

            /// Returns the result of a uop and the memory that it stored to, after dropping its program.
            fn run(uop: Instruction<Constants>, x: u64) -> (u64, [u64; 2]) {
                let mut memory = [0; 2];
                let code = Constants::compile(&[uop, Constants::ret()]).unwrap();
                (unsafe { code.entry()(x, memory.as_mut_ptr()) }, memory)
            }

            fn address(uop: Instruction<Constants>) -> u64 {
                run(uop, 0).1[0]
            }

            #[test]
            fn an_address_is_the_same_in_every_uop_and_program() {
                let int = address(Constants::int_address());
                for uop in [Constants::int_address(), Constants::member(0), Constants::member(2)] {
                    assert_eq!(address(uop), int);
                }
                let mut memory = [0; 2];
                let program = [Constants::int_address(), Constants::is_int(), Constants::ret()];
                assert_eq!(unsafe { Constants::compile(&program).unwrap().entry()(0, memory.as_mut_ptr()) }, 1);
                assert_eq!(run(Constants::local(), 0).0, 1);
                assert_eq!(address(Constants::local()), address(Constants::local()));
                assert_ne!(address(Constants::local()), address(Constants::other_local()));
                for (x, is_int) in [(0, 1), (1, 0), (2, 1)] {
                    assert_eq!(run(Constants::types(), x).0, is_int);
                }
                let types = run(Constants::types(), 0).1[1];
                assert_eq!(run(Constants::member(2), 0).1[1], types + 16);
            }

            #[test]
            fn an_address_outlives_the_program() {
                let int = address(Constants::int_address());
                let name = |x| {
                    let code = Constants::compile(&[Constants::int_base(), Constants::ret()]).unwrap();
                    unsafe { code.entry()(x, [int, 0].as_mut_ptr()) }
                };
                assert_eq!([name(0), name(5)], [b'o'.into(), b't'.into()]);
                for text in [address(Constants::text()), address(Constants::types())] {
                    let text = unsafe { std::ffi::CStr::from_ptr(text as *const _) };
                    assert!(text == c"a string" || text == c"int");
                }
            }

            #[test]
            fn constants_with_equal_bytes_are_distinct() {
                for uop in [Constants::twins(), Constants::nothing()] {
                    let (_, [one, two]) = run(uop, 1);
                    assert_ne!(one, two, "{uop:?}");
                    assert_ne!(one, 0, "{uop:?}");
                }
                let [byte, also_byte, placed, also_placed] =
                    [Constants::byte(), Constants::also_byte(), Constants::placed(), Constants::also_placed()]
                        .map(|uop| run(uop, 0).0);
                assert_ne!(byte, also_byte);
                assert_ne!(placed, also_placed);
                assert_eq!(unsafe { (*(byte as *const u8), *(also_byte as *const u8)) }, (5, 5));
                assert_eq!(unsafe { (*(placed as *const u64), *(also_placed as *const u64)) }, (11, 12));
                for uop in [Constants::global(), Constants::weak()] {
                    let (_, [one, two]) = run(uop, 1);
                    assert_eq!(one, two, "an alias has the address of its target");
                }
            }

            #[test]
            fn pointers_may_form_cycles_and_be_unaligned() {
                for x in 0..7 {
                    let value = [13, 21, 33][x as usize % 3];
                    let (result, [node, _]) = run(Constants::walk(), x);
                    assert_eq!((result, node), (value, run(Constants::walk(), x + 3).1[0]));
                }
                let (x, [odd, own]) = run(Constants::odd(), 0);
                assert_eq!((x, odd), (114, own));
                for (x, offset) in [(0, -8), (1, 16), (2, 8_000_000)] {
                    let (_, [pointer, seven]) = run(Constants::around(), x);
                    assert_eq!(pointer, seven.wrapping_add_signed(offset));
                }
            }

            #[test]
            fn contents() {
                assert_eq!(run(Constants::int_name(), 1).0, b'n'.into());
                assert_eq!(run(Constants::flexible(), 2).0, 3000 + u64::from(b'z'));
                assert_eq!(run(Constants::aligned(), 0).0, 9);
                assert_eq!(address(Constants::aligned()) % 64, 0);
                assert_eq!(run(Constants::sum(), 0).0, 23);
                assert_eq!(run(Constants::global(), 1).0, 22);
                assert_eq!(run(Constants::weak(), 0).0, 31);
                assert_eq!(run(Constants::hosts(), 1).0, 1001);
                assert_eq!(run(Constants::host_address(), 0).0, host as *const () as u64);
                assert_eq!(run(Constants::half(), 9).0, 4);
                assert_eq!(run(Constants::asm_load(), 9).0, 8);
            }

            #[test]
            fn code_may_be_far_from_the_executable() {
                let anchor = host as *const () as usize;
                let mut pages = super::Far::new(anchor);
                for (uop, emit) in [
                    (Constants::int_address(), emit_int_address as super::Emit),
                    (Constants::twins(), emit_twins),
                    (Constants::walk(), emit_walk),
                    (Constants::odd(), emit_odd),
                    (Constants::types(), emit_types),
                    (Constants::hosts(), emit_hosts),
                    (Constants::host_address(), emit_host_address),
                    (Constants::half(), emit_half),
                    (Constants::byte(), emit_byte),
                    (Constants::sum(), emit_sum),
                ] {
                    pages.emit(|out| { emit(out).unwrap(); emit_ret(out).unwrap(); });
                    let mut memory = [0; 2];
                    let code = Constants::compile(&[Constants::enter(pages.code())]).unwrap();
                    let x = unsafe { code.entry()(1, memory.as_mut_ptr()) };
                    assert_eq!((x, memory), run(uop, 1), "{uop:?}");
                }
            }
        }
    )*};
}

with_flags! {
    plain: "-O2";
    unoptimized: "-O1";
    size: "-Os";
    pic: "-fPIC", "-mcmodel=small";
    pie: "-fpie", "-mcmodel=small";
    pic_without_plt: "-fpic", "-fno-plt", "-mcmodel=small";
}

type Emit = fn(&mut Emitter<'_, Fresh>) -> Result<(), stencil_runtime::Error>;

/// Two pages, more than 2 GiB away from the executable.
struct Far(*mut u8);

const SIZE: usize = 8192;

impl Far {
    fn new(anchor: usize) -> Self {
        for step in 1..64 {
            let hint = (anchor & !0xfff) - (step + 3) * (1 << 30);
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let base = unsafe { libc::mmap(hint as *mut _, SIZE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
            assert_ne!(base, libc::MAP_FAILED);
            if base as usize == hint {
                return Self(base.cast());
            }
            unsafe { libc::munmap(base, SIZE) };
        }
        panic!("no free pages");
    }

    /// Emits code and data there.
    fn emit(&mut self, emit: impl FnOnce(&mut Emitter<'_, Fresh>)) {
        assert_eq!(unsafe { libc::mprotect(self.0.cast(), SIZE, libc::PROT_READ | libc::PROT_WRITE) }, 0);
        let bytes = unsafe { std::slice::from_raw_parts_mut(self.0, SIZE) };
        bytes.fill(0);
        let (code, data) = bytes.split_at_mut(SIZE / 2);
        emit(&mut Emitter::zeroed(code, data).unwrap());
        assert_eq!(unsafe { libc::mprotect(self.0.cast(), SIZE, libc::PROT_READ | libc::PROT_EXEC) }, 0);
    }

    fn code(&self) -> *const u8 {
        self.0
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        unsafe { libc::munmap(self.0.cast(), SIZE) };
    }
}

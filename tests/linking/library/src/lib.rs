//! A machine whose handlers refer to everything that code can refer to. The crate `again` is made of this file, too.

use stencil_runtime::stencil;

extern "C" fn twice(x: u64) -> u64 {
    x.wrapping_mul(2)
}

static LIMIT: u64 = 1 << 60;

stencil! {
    #[interpreter]
    machine Calc(x: u64, s: *const u8) -> u64;
    extern fn twice(x: u64) -> u64 = crate::twice;
    extern static LIMIT: u64 = crate::LIMIT;
    c {
        static const uint64_t powers[] = {1, 10, 100, 1000, 10000};
        static const char *const names[] = {"zero", "one", "two", "three"};
        __attribute__((noinline)) static uint64_t mix(uint64_t a) { return (a ^ 0x5bd1e995) * powers[a % 5]; }
        static uint64_t (*const functions[])(uint64_t) = {mix, twice};
    }
    uop add(value: u64) { x += value; }
    uop host() { x = twice(x); }
    uop limit() { x %= LIMIT; }
    uop helper() { x = mix(x); }
    uop by_pointer(which: u8) { x = functions[which](x); }
    uop name(n: u8) { s = (const uint8_t *)names[n & 3]; x += *s; }
    uop choose() {
        const char *text;
        switch (x & 7) {
            case 0: text = "naught"; break;
            case 1: text = "single"; break;
            case 2: text = "double"; break;
            case 3: text = "triple"; break;
            case 4: text = "fourth"; break;
            default: text = "others";
        }
        s = (const uint8_t *)text;
        x += s[1];
    }
    uop copy(n: u64) {
        static const char zeros[300];
        char buffer[300];
        __builtin_memcpy(buffer, zeros, n);
        __asm__ volatile("" :: "r"(buffer) : "memory");
        x += buffer[n - 1];
    }
    uop jump_table() {
        static const void *const places[] = {&&even, &&odd};
        goto *places[x & 1];
        odd: x += 22; CONTINUE();
        even: x ^= 1;
    }
    uop powers() { x = (uint64_t)powers; }
    // No program has it, so the linker should leave it out.
    uop unused() { x ^= 0x1122334455667788; }
    uop ret() { RETURN(x); }
}

/// Runs a program in both tiers.
pub fn run() -> u64 {
    let program = [
        Calc::add(5),
        Calc::host(),
        Calc::limit(),
        Calc::helper(),
        Calc::by_pointer(0),
        Calc::by_pointer(1),
        Calc::name(2),
        Calc::choose(),
        Calc::copy(200),
        Calc::jump_table(),
        Calc::ret(),
    ];
    let address = [Calc::powers(), Calc::ret()];
    let [(result, compiled), (here, there)] = [&program[..], &address[..]].map(|program| {
        let (interpreter, code) = (Calc::interpreter(program).unwrap(), Calc::compile(program).unwrap());
        // SAFETY: the bodies read constants only.
        unsafe {
            let interpreted = interpreter.entry()(interpreter.start(), 1, std::ptr::null());
            (interpreted, code.entry()(1, std::ptr::null()))
        }
    });
    assert_eq!(result, compiled, "both tiers compute the same");
    assert_eq!(here, there, "a named constant has one address");
    result
}

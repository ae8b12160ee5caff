//! Changes of the tier: how a function that exists in one tier is called from the other.
//!
//! Both addresses of a function can be called, each from its tier. A function without machine code has the handler of
//! `interpret` in its place: a handler obeys the convention of machine code, and this one does not read the instruction
//! pointer, which machine code does not set. A function without a stream has a stream with nothing but `execute` in its place.
//!
//! In the tier `auto`, functions begin with `lazy` in the place of their stream. Their streams have a `checkpoint` at the start of the
//! function and of each loop, where all values are in slots: there a run continues in machine code once that exists.

use std::ffi::c_void;

use super::uops;

uops! {
    /// Continues with the machine code of the function that is called.
    pub uop execute() { STENCIL_EXECUTE(((const Func *)r0)->code); }
    /// Continues with the stream of the function that is called. Only the handler is used.
    pub uop interpret() { STENCIL_TIER(__builtin_trap(), STENCIL_INTERPRET(((const Func *)r0)->stream)); }

    extern fn prepare(function: *mut c_void) -> u64 = crate::runtime::tier::prepare;
    extern fn change_tier(vm: *mut Vm, site: u32) -> *const c_void = crate::runtime::tier::change_tier;

    /// Makes the stream of the function that is called, and continues there.
    #[stencil()]
    pub uop lazy() {
        Func *function = (Func *)r0;
        FORGET_REGISTERS;
        uint64_t trap = prepare(function);
        if (EXPECT_NOT(trap)) RETURN(trap);
        r0 = (uint64_t)function;
        STENCIL_TIER(__builtin_trap(), JUMP(function->stream));
    }
    /// Continues in machine code if that exists. `site` is the offset of the function's body or of the loop in the module.
    #[stencil()]
    pub uop checkpoint(site: u32) {
        FORGET_REGISTERS;
        if (EXPECT_NOT(__atomic_load_n(vm->compiled, __ATOMIC_RELAXED))) {
            const void *code = change_tier(vm, site);
            if (code) STENCIL_EXECUTE(code);
        }
    }
}

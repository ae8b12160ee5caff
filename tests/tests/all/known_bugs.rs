//! Blocks that should compile and do not yet. Each moves to the module of its theme once it does.
//!
//! Calls of compiled code are sound: the bodies here touch no memory.

mod gotos {
    stencil_runtime::stencil! {
        machine Gotos(x: u64) -> u64;
    uop goto_differences() {
            static const int places[] = { &&zero - &&zero, &&one - &&zero, &&two - &&zero };
            goto *(&&zero + places[x % 3]);
            zero: x = 10; goto end;
            one: x = 24; goto end;
            two: x += 1000;
            end:;
        }
        uop ret() { RETURN(x); }
    }

    #[test]
    fn computed_by_differences() {
        let code = Gotos::compile(&[Gotos::goto_differences(), Gotos::ret()]).unwrap();
        for x in 0..6 {
            assert_eq!(unsafe { code.entry()(x) }, [10, 24, 1000 + x][x as usize % 3]);
        }
    }
}

mod pic {
    stencil_runtime::stencil! {
        #![c_flags("-fpic", "-fno-plt")]
        machine Pic(x: u64) -> u64;
        c { static const uint64_t squares[] = { 0, 1, 4, 9, 16, 25, 36, 49 }; }
        uop table() { x = squares[x & 7]; }
        uop ret() { RETURN(x); }
    }

    #[test]
    fn large_constants_in_position_independent_code() {
        let code = Pic::compile(&[Pic::table(), Pic::ret()]).unwrap();
        assert_eq!(unsafe { code.entry()(5) }, 25);
    }
}

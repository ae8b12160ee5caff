//! Blocks that should compile and do not yet. Each moves to the module of its theme once it does.
//!
//! Calls of compiled code are sound: the bodies here touch no memory.

macro_rules! narrow {
    ($($module:ident: $t:ident;)*) => {$(
        mod $module {
            stencil_runtime::stencil! {
                machine Narrow(x: u64) -> u64;
                uop minus_1(n: $t) { x = (int64_t)n - 1; }
                uop ret() { RETURN(x); }
            }

            #[test]
            fn one_less_than_a_hole() {
                for n in [0, 1, 5, <$t>::MAX] {
                    let code = Narrow::compile(&[Narrow::minus_1(n), Narrow::ret()]).unwrap();
                    assert_eq!(unsafe { code.entry()(9) }, (n as u64).wrapping_sub(1));
                }
            }
        }
    )*};
}
narrow! {
    minus_u8: u8;
    minus_u16: u16;
    minus_u32: u32;
}

mod names {
    stencil_runtime::stencil! {
        machine Names(x: u64) -> u64;
        uop all(out: u64, room: u64, words: u64, labels: u64, _labels: u64, _words: u64, index: u64, uop: u64) {
            x += out + room + words + labels + _labels + _words + index + uop;
        }
        uop more(code: u64, data: u64, _code: u64, _data: u64, field_0: u64, field_1: u64, host_0: u64, emit: u64) {
            x += code + data + _code + _data + field_0 + field_1 + host_0 + emit;
        }
        uop family<const out: 0..2, const member: 0..2>(words: u64) { x += words + out + member; }
        uop ret() { RETURN(x); }
    }

    #[test]
    fn operands_may_have_names_that_expansions_use() {
        let program =
            [Names::all(1, 2, 3, 4, 5, 6, 7, 8), Names::more(9, 10, 11, 12, 13, 14, 15, 16), Names::family(1, 1, 100)];
        let code = Names::compile(&[program[0], program[1], program[2], Names::ret()]).unwrap();
        assert_eq!(unsafe { code.entry()(0) }, 136 + 102);
    }
}

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

//! The user's names do not collide with names that expansions use internally.
//!
//! Calls of compiled code are sound: the bodies here touch no memory.

use stencil_runtime::stencil;

extern "C" fn twice(x: u64) -> u64 {
    x.wrapping_mul(2)
}

stencil! {
    machine Names(x: u64) -> u64;
    extern fn twice(x: u64) -> u64 = twice;

    uop family_parameter<const index: 0..3>() { x = x * 10 + index; }
    uop family_parameters<const member: 0..2, const index: 0..3>() { x = x * 100 + member * 10 + index; }
    uop host(host_0: u64) { x = twice(host_0) + x; }
    uop ret() { RETURN(x); }
}

#[test]
fn a_family_may_have_a_parameter_called_index() {
    for index in 0..3 {
        let code = Names::compile(&[Names::family_parameter(index), Names::ret()]).unwrap();
        assert_eq!(unsafe { code.entry()(7) }, 70 + index as u64);
        for member in 0..2 {
            let code = Names::compile(&[Names::family_parameters(member, index), Names::ret()]).unwrap();
            assert_eq!(unsafe { code.entry()(7) }, (700 + member * 10 + index) as u64);
        }
    }
    assert!(Names::compile(&[Names::family_parameter(3)]).is_err());
}

#[test]
fn an_operand_may_be_called_like_a_variable_of_an_emit_function() {
    let code = Names::compile(&[Names::host(21), Names::ret()]).unwrap();
    assert_eq!(unsafe { code.entry()(100) }, 142);
}

#[allow(clippy::duplicate_underscore_argument)]
mod everywhere {
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

//! Names of users do not get caught in the names that expansions use themselves.
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

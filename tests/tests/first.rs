use stencil_runtime::{Label, stencil};

stencil! {
    /// What every uop receives and hands on, in machine registers, and what a run returns.
    machine Calc(sp: *mut i64, top: i64) -> i64;

    /// Pushes a constant.
    pub uop push(value: i64) { *sp++ = top; top = value; }
    /// Adds the two topmost values.
    pub uop add() { top += *--sp; }
    /// Counts the top down, and jumps while it is not zero.
    pub uop loop_nz(target: Label) { if (--top) JUMP(target); }
    /// Ends the run.
    pub uop ret() { RETURN(top); }
}

#[test]
fn main() -> Result<(), stencil_runtime::Error> {
    let code = Calc::compile(&[Calc::push(40), Calc::push(2), Calc::add(), Calc::ret()])?;
    let mut stack = [0i64; 16];
    println!("{:#?}", STENCIL_push);
    println!("{}\n\n{}\n\n{}", STENCIL_push.disassembly, STENCIL_add.disassembly, STENCIL_loop_nz.disassembly);
    assert_eq!(unsafe { code.entry()(stack.as_mut_ptr(), 0) }, 42);
    let code = Calc::compile(&[Calc::push(1000000), Calc::bind(Label(0)), Calc::loop_nz(Label(0)), Calc::ret()])?;
    assert_eq!(unsafe { code.entry()(stack.as_mut_ptr(), 0) }, 0);
    Ok(())
}

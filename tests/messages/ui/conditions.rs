//! Conditions.

mod malformed {
    stencil_runtime::stencil! {
        #![cfg(unix)]
        machine A(x: u64);
        #[cfg]
        uop one() {}
        #[cfg()]
        uop two() {}
        #[cfg(unix, windows)]
        uop three() {}
        #[cfg_attr]
        uop four() {}
        #[cfg_attr(unix, )]
        uop five() {}
        #[cfg(nonsense(1))]
        uop six() {}
    }
}

mod both {
    stencil_runtime::stencil! {
        machine A(x: u64);
        #[cfg(unix)]
        uop one() {}
        #[cfg(not(windows))]
        uop one() {}
    }
}

mod neither {
    stencil_runtime::stencil! {
        #[cfg(windows)]
        machine A(x: u64);
        uop one() {}
    }
}

mod excluded {
    stencil_runtime::stencil! {
        machine A(x: u64);
        #[cfg(windows)]
        uop one() {}
        uop two<#[inline] const N: 0..2>() {}
    }
    fn uses() {
        A::one();
    }
}

fn main() {}

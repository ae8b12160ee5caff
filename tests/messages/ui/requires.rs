//! Features of processors: their names, and where they belong.

mod names {
    stencil_runtime::stencil! {
        #![stencil(requires = "avx3, avx2, quantum, AVX2,")]
        machine A(x: u64);
        #[stencil(requires = "avx2")]
        uop one() {}
    }
    pub fn uses() {
        A::one();
    }
}

mod forms {
    stencil_runtime::stencil! {
        #![stencil(requires)]
        #![stencil(requires = 3)]
        #![stencil(requires(avx2))]
        #![stencil(require = "avx2")]
        #![stencil(target_feature = "avx2")]
        #![stencil(cpu = "avx2")]
        machine A(x: u64);
        uop one() {}
    }
}

fn main() {}

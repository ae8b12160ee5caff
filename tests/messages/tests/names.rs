//! The macro under other names: a renamed dependency, and another crate that exports it, in each edition.

#![cfg(not(no_c_compiler))]

use std::path::Path;

use messages::Crate;

/// A crate that exports the macro, the runtime, and a macro of its own that makes blocks.
const FACADE: &str = r#"
pub use stencil_runtime::stencil;
pub mod private { pub use stencil_runtime; }
#[macro_export]
macro_rules! machine {
    ($vis:vis $machine:ident($ty:ty), $uop:ident $body:block, $count:literal, $range:expr, $host:path, $doc:meta) => {
        $crate::private::stencil_runtime::stencil! {
            #[$doc]
            $vis machine $machine(x: $ty) -> $ty;
            extern fn host(x: $ty) -> $ty = $host;
            $vis uop $uop(n: $ty) $body
            $vis uop some<const N: 0..$count>() where N != $count { x = host(x) + N; }
            $vis uop range<const N: $range>() { x += N; }
            $vis uop ret() { RETURN(x); }
        }
    };
}
"#;

const MAIN: &str = r#"
#![deny(warnings)]
extern crate facade;
extern crate renamed;

mod dependency {
    renamed::stencil! { machine M(x: u64) -> u64; uop add(n: u32) { x += n; } uop ret() { RETURN(x); } }
    pub fn run() -> u64 { unsafe { M::compile(&[M::add(1), M::ret()]).unwrap().entry()(1) } }
}

mod exported {
    facade::stencil! {
        #![stencil(crate = facade::private::stencil_runtime)]
        machine M(x: u64) -> u64;
        uop add(n: u32) { x += n; }
        uop ret() { RETURN(x); }
    }
    pub fn run() -> u64 { unsafe { M::compile(&[M::add(1), M::ret()]).unwrap().entry()(1) } }
}

mod made {
    extern "C" fn tenfold(x: u64) -> u64 { x * 10 }
    facade::machine! { pub M(u64), add { x += n; }, 3, 1..=4, self::tenfold, doc = "Documented." }
    pub fn run() -> u64 {
        assert!(M::compile(&[M::range(0)]).is_err());
        unsafe { M::compile(&[M::add(1), M::some(2), M::range(4), M::ret()]).unwrap().entry()(1) }
    }
}

fn main() {
    assert_eq!((dependency::run(), exported::run(), made::run()), (2, 2, 26));
}
"#;

#[test]
fn the_macro_works_under_other_names() {
    let user = Crate::new(env!("CARGO_TARGET_TMPDIR"), "stencil-renamed", MAIN);
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join("stencil-runtime");
    std::fs::create_dir_all(user.path("facade/src")).unwrap();
    user.write("facade/src/lib.rs", FACADE);
    user.write(
        "facade/Cargo.toml",
        &format!(
            "[package]\nname = \"facade\"\nedition = \"2024\"\n[dependencies]\nstencil-runtime = {{ path = {runtime:?} }}\n"
        ),
    );
    for edition in ["2015", "2018", "2021", "2024"] {
        user.write(
            "Cargo.toml",
            &format!(
                "[package]\nname = \"stencil-renamed\"\nedition = \"{edition}\"\n[dependencies]\nfacade.path = \"facade\"\n\
                 renamed = {{ package = \"stencil-runtime\", path = {runtime:?} }}\n[workspace]\n"
            ),
        );
        let output = user.cargo(&["run"], &[]);
        assert!(output.contains("Finished") && !output.contains("error"), "{edition}: {output}");
    }
}

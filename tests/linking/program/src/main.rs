//! Both crates in an executable.

fn main() {
    let (one, other) = (library::run(), again::run());
    assert_eq!(one, other);
    println!("{one}");
}

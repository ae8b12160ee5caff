//! Instructions as people read them: parameters by name, operands by type.

use std::fmt::{self, Write as _};

use crate::label::Label;
use crate::operand::Operand as _;
use crate::stencil::{Family, Hole};

/// A parameter of a family.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    /// The first value, and the number of values.
    pub(crate) start: usize,
    pub(crate) length: usize,
    /// The variants of its enum, with their values.
    pub(crate) variants: Vec<(&'static str, usize)>,
}

/// Writes the name of a uop, with its parameters by name in brackets: `add[TO=0, OP=Lt]`.
pub(crate) fn name(f: &mut fmt::Formatter<'_>, family: Family, values: &[usize]) -> fmt::Result {
    f.write_str(family.name())?;
    for (index, (parameter, value)) in family.described().iter().zip(values).enumerate() {
        let separator = if index == 0 { "[" } else { ", " };
        write!(f, "{separator}{}=", parameter.name)?;
        match parameter.variants.iter().find(|(_, number)| number == value) {
            Some((variant, _)) => f.write_str(variant)?,
            None => write!(f, "{value}")?,
        }
    }
    if values.is_empty() { Ok(()) } else { f.write_char(']') }
}

/// Writes an operand as a value of its type: integers in decimal, pointers in hexadecimal. The type is known by its name; the word of
/// another type is written in hexadecimal. A vector is one number, the highest lane first.
pub(crate) fn value(f: &mut fmt::Formatter<'_>, hole: &Hole, words: &[u64]) -> fmt::Result {
    let &[word] = words else {
        f.write_str("0x")?;
        return words.iter().rev().try_for_each(|word| write!(f, "{word:016x}"));
    };
    match hole.type_name() {
        _ if hole.ty.starts_with('*') => write!(f, "{word:#x}"),
        "u8" | "u16" | "u32" | "u64" | "usize" => write!(f, "{word}"),
        "i8" | "i16" | "i32" | "i64" | "isize" => write!(f, "{}", i64::from_word(word)),
        "bool" => write!(f, "{}", bool::from_word(word)),
        "f32" => write!(f, "{:?}", f32::from_word(word)),
        "f64" => write!(f, "{:?}", f64::from_word(word)),
        "Label" => write!(f, "{}", Label::from_word(word).0),
        _ => write!(f, "{word:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Error, Label, stencil};

    stencil! {
        #[derive(Clone, Copy)]
        enum Cmp { Lt, Le, Eq = 4, r#Type }
        machine Written(r: [i64; 2], x: f64 = 0.0) -> i64;
        uop all(
            a: i8, b: u16, c: i32, d: u64, e: isize, f: f32, g: f64, h: bool, p: *const std::ffi::c_void, to: Label,
        ) {
            r[0] += a + b + c + d + e + f + g + h + (uint64_t)p;
            JUMP(to);
        }
        uop compare<const OP: Cmp, const A: 0..2, const B: 0..2>(n: i32) where A != B && (OP != Cmp_Le || n_is_free) {
        #if OP == Cmp_Lt
            r[A] = r[B] < n;
        #else
            r[A] = r[B] == n;
        #endif
        }
        c {
            #define n_is_free 1
        }
    }

    #[test]
    fn parameters_have_names_and_operands_types() {
        let all = Written::all(
            -1,
            65535,
            i32::MIN,
            u64::MAX,
            isize::MIN,
            -0.5,
            f64::NAN,
            true,
            std::ptr::without_provenance(0xff00),
            Label(7),
        );
        let expected = "all a=-1 b=65535 c=-2147483648 d=18446744073709551615 e=-9223372036854775808 f=-0.5 g=NaN h=true \
                        p=0xff00 to=7";
        assert_eq!(format!("{all:?}"), expected);
        assert_eq!(format!("{:?}", Written::compare(Cmp::Eq, 0, 1, -5)), "compare[OP=Eq, A=0, B=1] n=-5");
        assert_eq!(
            format!("{:?}", Written::compare(Cmp::Lt, 0, 0, -5)),
            "compare[OP=Lt, A=0, B=0]",
            "there is no stencil"
        );
        assert_eq!(format!("{:?}", Written::compare(Cmp::Lt, 9, 1, -5)), "compare[OP=Lt, A=9, B=1]");
        assert_eq!(format!("{:?}", Written::bind(Label(3))), "bind label=3");
    }

    #[test]
    fn an_enum_selects_members() {
        let present: Vec<bool> = STENCIL_compare.iter().map(|member| member.is_some()).collect();
        // The discriminants 2 and 3 are those of no variant, and A differs from B.
        let expected = [[false, true, true, false]; 2].concat();
        let none = [[false; 4]; 2].concat();
        assert_eq!(present, [expected.clone(), none, expected].concat());
        let error =
            Written::compile(&[Written::compare(Cmp::Type, 0, 1, 0), Written::compare(Cmp::Le, 1, 1, 0)]).unwrap_err();
        assert_eq!(error, Error::NoSuchStencil { uop: "compare", parameters: vec![1, 1, 1], instruction: Some(1) });
        let message = "instruction 1: uop `compare` has no stencil for the parameters [1, 1, 1]: they are out of range, or its `where` \
                       condition excludes them";
        assert_eq!(error.to_string(), message);
    }
}

//! The initial values of registers, as C.

use syn::spanned::Spanned as _;
use syn::{Error, Expr, Lit, UnOp};

use crate::ctype::{Type, ungrouped};

/// Returns the C initializer of a register with this type.
///
/// # Errors
/// The expression is not a literal, or not one of this type.
pub fn c(ty: &Type, value: &Expr) -> Result<String, Error> {
    let unlike = || {
        let expected = match ty {
            Type::Integer { .. } => "expected an integer without a suffix, such as `0` or `-1`",
            Type::Bool => "expected `false` or `true`",
            Type::F32 | Type::F64 => "expected a float without a suffix, such as `0.0` or `-1e3`",
            Type::Pointer { .. } => "expected `null`: a pointer has no other initial value",
            _ => "expected `0`: a vector has no other initial value",
        };
        Error::new(value.span(), expected)
    };
    let too_large = || Error::new(value.span(), "the initial value does not fit the register's type");
    let (negative, literal) = match ungrouped(value) {
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => (true, ungrouped(&unary.expr)),
        literal => (false, literal),
    };
    let literal = match literal {
        Expr::Lit(literal) => &literal.lit,
        Expr::Path(path) if path.path.is_ident("null") && !negative && matches!(ty, Type::Pointer { .. }) => {
            return Ok("0".into());
        }
        _ => return Err(unlike()),
    };
    match (ty, literal) {
        (Type::Bool, Lit::Bool(value)) if !negative => Ok(value.value.to_string()),
        (Type::Integer { bits, signed, .. }, Lit::Int(number)) if number.suffix().is_empty() => {
            let number: i128 = number.base10_parse().map_err(|_| too_large())?;
            let number = if negative { -number } else { number };
            let (least, most) = match signed {
                true => (-1_i128 << (bits - 1), (1_i128 << (bits - 1)) - 1),
                false => (0, (1_i128 << bits) - 1),
            };
            if !(least..=most).contains(&number) {
                return Err(too_large());
            }
            // The bits of the number: C has no literal for the least one.
            Ok(format!("({}){:#x}ull", ty.declare(""), number as u64))
        }
        (Type::F32 | Type::F64, Lit::Float(_) | Lit::Int(_)) => {
            let (digits, suffix) = match literal {
                Lit::Float(float) => (float.base10_digits(), float.suffix()),
                Lit::Int(number) => (number.base10_digits(), number.suffix()),
                _ => return Err(unlike()),
            };
            if !suffix.is_empty() {
                return Err(unlike());
            }
            let sign = if negative { "-" } else { "" };
            // The shortest digits that give the same number again.
            let (text, is_finite) = if *ty == Type::F32 {
                let number: f32 = digits.parse().map_err(|_| unlike())?;
                (format!("{sign}{number:e}f"), number.is_finite())
            } else {
                let number: f64 = digits.parse().map_err(|_| unlike())?;
                (format!("{sign}{number:e}"), number.is_finite())
            };
            if is_finite { Ok(text) } else { Err(too_large()) }
        }
        (ty, Lit::Int(number)) if !negative && ty.is_in_vector_register() && number.base10_digits() == "0" => {
            Ok("{0}".into())
        }
        _ => Err(unlike()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn initializer(ty: &str, value: &str) -> Result<String, String> {
        let ty = Type::from_rust(&syn::parse_str(ty).unwrap()).unwrap();
        c(&ty, &syn::parse_str(value).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn literals_of_the_type_are_c() {
        for (ty, value, expected) in [
            ("i64", "0", "(int64_t)0x0ull"),
            ("i64", "-9223372036854775808", "(int64_t)0x8000000000000000ull"),
            ("u64", "0xffff_ffff_ffff_ffff", "(uint64_t)0xffffffffffffffffull"),
            ("i8", "(-128)", "(int8_t)0xffffffffffffff80ull"),
            ("usize", "7", "(size_t)0x7ull"),
            ("bool", "true", "true"),
            ("f64", "0.1", "1e-1"),
            ("f64", "-0.0", "-0e0"),
            ("f32", "16777217.0", "1.6777216e7f"),
            ("f64", "3", "3e0"),
            ("*mut u8", "null", "0"),
            ("__m128i", "0", "{0}"),
        ] {
            assert_eq!(initializer(ty, value).as_deref(), Ok(expected), "{ty} {value}");
        }
    }

    #[test]
    fn other_expressions_are_refused() {
        for (ty, value) in [
            ("i8", "128"),
            ("i8", "-129"),
            ("u64", "-1"),
            ("u64", "18446744073709551616"),
            ("u64", "1000000000000000000000000000000000000000000"),
            ("i64", "0i64"),
            ("i64", "0.0"),
            ("i64", "x"),
            ("i64", "1 + 1"),
            ("bool", "0"),
            ("bool", "-true"),
            ("f64", "1e999"),
            ("f32", "1e39"),
            ("f64", "1.0f64"),
            ("f64", "true"),
            ("*mut u8", "0"),
            ("*mut u8", "-null"),
            ("__m128i", "1"),
            ("__m128i", "null"),
        ] {
            assert!(initializer(ty, value).is_err(), "{ty} {value}");
        }
    }
}

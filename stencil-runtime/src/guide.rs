//! A guide to writing interpreters with uops. Each chapter is a module, and the tests compile and run every listing.
//!
//! 1. [Your first uop](first_uop)
//! 2. [Operands and their ranges](operands)
//! 3. [Labels and control flow](labels)
//! 4. [Sharing structs](structs)
//! 5. [C constants and helper functions](constants)
//! 6. [Calling Rust](calling_rust)
//! 7. [Families](families)
//! 8. [Vectors and CPU features](vectors)
//! 9. [A tracing interpreter](tracing): record, compile, guard, leave
//! 10. [Interpret first, compile when hot](tiers)
//! 11. [Binary translation: blocks, regions and links](translation)
//! 12. [Testing uops](testing)
//! 13. [Shipping without a C compiler](shipping)
//! 14. [Debugging](debugging)
//! 15. [C that Rust's lexer refuses](lexer)
//! 16. [C in the editor](editor)
//! 17. [Moving an interpreter's uops over](moving): C that exists already, with its headers and symbols

#[doc = include_str!("guide/first_uop.md")]
pub mod first_uop {}
#[doc = include_str!("guide/operands.md")]
pub mod operands {}
#[doc = include_str!("guide/labels.md")]
pub mod labels {}
#[doc = include_str!("guide/structs.md")]
pub mod structs {}
#[doc = include_str!("guide/constants.md")]
pub mod constants {}
#[doc = include_str!("guide/calling_rust.md")]
pub mod calling_rust {}
#[doc = include_str!("guide/families.md")]
pub mod families {}
#[doc = include_str!("guide/vectors.md")]
pub mod vectors {}
#[doc = include_str!("guide/tracing.md")]
pub mod tracing {}
#[doc = include_str!("guide/tiers.md")]
pub mod tiers {}
#[doc = include_str!("guide/translation.md")]
pub mod translation {}
#[doc = include_str!("guide/testing.md")]
pub mod testing {}
#[doc = include_str!("guide/shipping.md")]
pub mod shipping {}
#[doc = include_str!("guide/debugging.md")]
pub mod debugging {}
#[doc = include_str!("guide/lexer.md")]
pub mod lexer {}
#[doc = include_str!("guide/editor.md")]
pub mod editor {}
#[doc = include_str!("guide/moving.md")]
pub mod moving {}

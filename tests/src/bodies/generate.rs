//! Random C bodies. A part and a seed determine a body: its operands, their uses, and its source.
//!
//! Every body has defined behaviour for all inputs that [`input`](super::input) produces. Pointers of the body's own
//! types are aligned; all other accesses use types without alignment requirements. Integers wrap, shift counts are
//! masked, no divisor is zero, and no float is converted to an integer.

use std::fmt::Write as _;

use super::instructions;
use crate::rng::Rng;

/// What bodies use their operands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// As numbers: stored, compared and computed with. Addresses come from registers.
    Values,
    /// As numbers, in random sequences of instructions.
    Instructions,
    /// As addresses: pointers, integers that are absolute addresses, and offsets from a register. Accesses may alias.
    Addresses,
}

/// The kind of a scalar type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Unsigned,
    Signed,
    Bool,
    Float,
}

/// A type of operands and of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// The Rust type.
    pub rust: &'static str,
    /// The same type in C.
    pub c: &'static str,
    /// Its size in bytes.
    pub size: u64,
    pub kind: Kind,
}

const fn scalar(rust: &'static str, c: &'static str, size: u64, kind: Kind) -> Scalar {
    Scalar { rust, c, size, kind }
}

/// All scalar types of operands. Memory has elements of the first [`ELEMENTS`] ones.
pub const SCALARS: [Scalar; 13] = [
    scalar("u8", "uint8_t", 1, Kind::Unsigned),
    scalar("i8", "int8_t", 1, Kind::Signed),
    scalar("u16", "uint16_t", 2, Kind::Unsigned),
    scalar("i16", "int16_t", 2, Kind::Signed),
    scalar("u32", "uint32_t", 4, Kind::Unsigned),
    scalar("i32", "int32_t", 4, Kind::Signed),
    scalar("u64", "uint64_t", 8, Kind::Unsigned),
    scalar("i64", "int64_t", 8, Kind::Signed),
    scalar("f32", "float", 4, Kind::Float),
    scalar("f64", "double", 8, Kind::Float),
    scalar("usize", "size_t", 8, Kind::Unsigned),
    scalar("isize", "ptrdiff_t", 8, Kind::Signed),
    scalar("bool", "bool", 1, Kind::Bool),
];

/// The number of types that elements of memory have.
pub const ELEMENTS: usize = 10;

impl Scalar {
    fn is_float(self) -> bool {
        self.kind == Kind::Float
    }

    /// Returns the minimum and the maximum of an integer type.
    #[must_use]
    pub fn range(self) -> (i128, i128) {
        let bits = 8 * self.size;
        match self.kind {
            Kind::Bool => (0, 1),
            Kind::Signed => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
            Kind::Unsigned | Kind::Float => (0, (1 << bits) - 1),
        }
    }
}

/// The type of an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Scalar(Scalar),
    Pointer { constant: bool, to: Scalar },
}

impl Type {
    /// The Rust type.
    #[must_use]
    pub fn rust(self) -> String {
        match self {
            Self::Scalar(scalar) => scalar.rust.into(),
            Self::Pointer { constant: true, to } => format!("*const {}", to.rust),
            Self::Pointer { constant: false, to } => format!("*mut {}", to.rust),
        }
    }

    /// The same type in C.
    #[must_use]
    pub fn c(self) -> String {
        match self {
            Self::Scalar(scalar) => scalar.c.into(),
            Self::Pointer { constant, to } => format!("{}{} *", if constant { "const " } else { "" }, to.c),
        }
    }
}

/// The role of an operand, besides being a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Value,
    /// The address of something in the window.
    Address,
    /// An index that is added to the register `fp`, which points to elements of this type.
    Offset(Scalar),
}

/// One operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand {
    pub name: &'static str,
    pub ty: Type,
    pub role: Role,
}

/// A C body and its operands. Its registers are `fp` and `mem`, both `uint8_t *`; `i`, `a` and `b`, all `uint64_t`; and the
/// double `x`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    pub operands: Vec<Operand>,
    /// Whether there is a label operand, `target`, to jump to.
    pub jumps: bool,
    /// Whether `fp` must equal `mem`, so that offsets coincide with constant displacements.
    pub near: bool,
    /// The statements, in one line.
    pub text: String,
}

impl Body {
    /// Returns the body of this seed.
    #[must_use]
    pub fn new(part: Part, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let names = ["p", "q", "r"];
        if part == Part::Instructions {
            let integers: Vec<_> = SCALARS.into_iter().filter(|scalar| !scalar.is_float()).collect();
            let operand = |name| Operand { name, ty: Type::Scalar(rng.pick(&integers)), role: Role::Value };
            let operands: Vec<_> = names[..2].iter().copied().map(operand).collect();
            let text = instructions::statement(&mut rng, &operands);
            return Self { operands, jumps: false, near: false, text };
        }
        let count = 1 + rng.below(3);
        let (near, jumps) = (rng.below(2) == 0, rng.below(4) == 0);
        // Operands of one form alias in more ways than others.
        let form = (rng.below(4) != 0).then(|| rng.pick(&FORMS));
        let operands = names[..count].iter().enumerate().map(|(index, name)| {
            let address = part == Part::Addresses && (index == 0 || rng.below(6) != 0);
            let form = form.unwrap_or_else(|| rng.pick(&FORMS));
            if address { form.operand(&mut rng, name) } else { value(&mut rng, name) }
        });
        let operands: Vec<_> = operands.collect();
        let base = if near { "fp" } else { "mem" };
        let mut writer = Writer { rng, operands: &operands, base, looping: false, text: String::new() };
        for _ in 0..1 + writer.rng.below(4) {
            writer.statement(1);
        }
        if jumps {
            let condition = writer.condition();
            let _ = write!(writer.text, "if ({condition}) JUMP(target); ");
            writer.statement(1);
        }
        let text = writer.text.trim_end().to_owned();
        Self { operands, jumps, near, text }
    }

    /// Returns a readable description of the body: its operands and its source.
    #[must_use]
    pub fn shown(&self) -> String {
        let operands = self.operands.iter().map(|operand| format!("{}: {}", operand.name, operand.ty.rust()));
        let label = self.jumps.then(|| "target: Label".to_owned());
        let operands: Vec<_> = operands.chain(label).collect();
        format!("({}) {{ {} }}", operands.join(", "), self.text)
    }
}

fn value(rng: &mut Rng, name: &'static str) -> Operand {
    let ty = if rng.below(8) == 0 { pointer(rng) } else { Type::Scalar(rng.pick(&SCALARS)) };
    Operand { name, ty, role: Role::Value }
}

/// How an operand is, or is part of, an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Pointer,
    /// An integer that is an address.
    Absolute,
    /// An offset in bytes.
    Bytes,
    /// An offset in elements of any type.
    Elements,
}

const FORMS: [Form; 4] = [Form::Pointer, Form::Absolute, Form::Bytes, Form::Elements];

impl Form {
    fn operand(self, rng: &mut Rng, name: &'static str) -> Operand {
        // Compilers derive the most assumptions from narrow unsigned types.
        let narrow = rng.below(2) == 0;
        let mut integer = |least, known: &[&str]| {
            let fits = |scalar: &Scalar| {
                !scalar.is_float() && scalar.size >= least && (!narrow || known.contains(&scalar.rust))
            };
            let fitting: Vec<_> = SCALARS.into_iter().filter(fits).collect();
            Type::Scalar(rng.pick(&fitting))
        };
        let (ty, role) = match self {
            Self::Pointer => (pointer(rng), Role::Address),
            Self::Absolute => (integer(4, &["u32", "u64"]), Role::Address),
            Self::Bytes => (integer(1, &["u8", "u16", "u32"]), Role::Offset(SCALARS[0])),
            Self::Elements => (integer(1, &["u8", "u16", "u32"]), Role::Offset(rng.pick(&SCALARS[..ELEMENTS]))),
        };
        Operand { name, ty, role }
    }
}

fn pointer(rng: &mut Rng) -> Type {
    Type::Pointer { constant: rng.below(4) == 0, to: rng.pick(&SCALARS[..ELEMENTS]) }
}

/// A double without the freedom that C leaves to NaNs: arithmetic and conversions may choose their sign, payload and
/// whether they signal. The header defines the macro.
fn canonical(number: &str) -> String {
    format!("CANONICAL({number})")
}

/// The value of an element. A float is converted to a double.
fn loaded(place: &str, element: Scalar) -> String {
    if element.is_float() && element.size < 8 { canonical(place) } else { place.to_owned() }
}

/// Writes the statements of one body.
struct Writer<'a> {
    rng: Rng,
    operands: &'a [Operand],
    /// The register that addresses without an operand count from.
    base: &'static str,
    /// Whether the statement is in a loop, whose counter is `t`.
    looping: bool,
    text: String,
}

impl Writer<'_> {
    fn statement(&mut self, depth: u32) {
        let kinds = if depth > 0 { 16 } else { 14 };
        let text = match self.rng.below(kinds) {
            n @ 14.. => return self.nested(n == 14, depth - 1),
            11..14 => self.hazard(),
            0..4 => {
                let (place, element) = self.element(true);
                let value = if element.is_float() { self.stored(element) } else { self.integer(2) };
                format!("{place} = {value};")
            }
            4..6 => {
                let (place, element) = self.element(false);
                let operator = self.rng.pick(&["", "", "+"]);
                match element.is_float() {
                    true => format!("x = {};", loaded(&place, element)),
                    false => format!("{} {operator}= {place};", self.rng.pick(&["a", "b"])),
                }
            }
            6..8 => self.copy(),
            8 => format!("{} = {};", self.rng.pick(&["a", "b"]), self.integer(2)),
            9 => format!("{} += {};", self.rng.pick(&["a", "b"]), self.condition()),
            _ => format!("x = {};", self.float(1)),
        };
        self.text.push_str(&text);
        self.text.push(' ');
    }

    /// A statement in a branch or in a loop.
    fn nested(&mut self, branch: bool, depth: u32) {
        if branch {
            let condition = self.condition();
            let _ = write!(self.text, "if ({condition}) {{ ");
            self.statement(depth);
            if self.rng.below(2) == 0 {
                self.text.push_str("} else { ");
                self.statement(depth);
            }
        } else {
            let _ = write!(self.text, "for (int t = 0; t < {}; t++) {{ ", 2 + self.rng.below(3));
            self.looping = true;
            self.statement(depth);
            self.looping = false;
        }
        self.text.push_str("} ");
    }

    /// Writes accesses whose order matters if they alias. The first value may be known late, which tempts a compiler to
    /// move it.
    fn hazard(&mut self) -> String {
        let ((first, element), (second, other)) = (self.element(true), self.element(true));
        let [value, instead] = [element, other].map(|element| {
            if element.is_float() {
                self.stored(element)
            } else {
                let late = self.rng.below(3) == 0;
                if late { "a / (b | 1)".into() } else { self.integer(1) }
            }
        });
        let result = if element.is_float() { "x" } else { self.rng.pick(&["a", "b"]) };
        let load = loaded(&first, element);
        match self.rng.below(3) {
            0 => format!("{first} = {value}; {second} = {instead};"),
            1 => format!("{first} = {value}; {second} = {instead}; {result} = {load};"),
            _ if element.is_float() => {
                format!("x = {load}; {second} = {instead}; x = {};", canonical(&format!("x + {first}")))
            }
            _ => format!("{result} = {load}; {second} = {instead}; {result} += {load};"),
        }
    }

    fn copy(&mut self) -> String {
        if self.rng.below(3) == 0 {
            let (to, from) = (self.address(true), self.address(false));
            return format!("__builtin_memmove({to}, {from}, {});", self.rng.pick(&[1, 2, 3, 4, 7, 8, 12, 16]));
        }
        let (to, element) = self.element(true);
        // No float becomes an integer.
        let (mut from, mut other) = self.element(false);
        while other.is_float() != element.is_float() {
            (from, other) = self.element(false);
        }
        if element != other && element.is_float() {
            from = canonical(&from);
        }
        format!("{to} = {from};")
    }

    /// An element of memory, to be written or only read.
    fn element(&mut self, write: bool) -> (String, Scalar) {
        let Operand { name, ty, role } = self.rng.pick(self.operands);
        match (role, ty) {
            (Role::Address, Type::Pointer { constant, to }) if !(write && constant) && self.rng.below(2) == 0 => {
                let index = self.rng.pick(&["0", "0", "1", "i", "2"]);
                (if index == "0" { format!("*{name}") } else { format!("{name}[{index}]") }, to)
            }
            (Role::Offset(to), _) if self.rng.below(2) == 0 => (format!("(({} *)fp)[{name}]", to.c), to),
            _ => {
                let element = self.rng.pick(&SCALARS[..ELEMENTS]);
                (format!("*(any_{} *)({})", element.rust, self.address(write)), element)
            }
        }
    }

    /// A byte's address: by an operand, if it has that role, or else by a register.
    fn address(&mut self, write: bool) -> String {
        let Operand { name, ty, role } = self.rng.pick(self.operands);
        let displacement = match self.rng.below(if self.looping { 8 } else { 7 }) {
            0..2 => String::new(),
            2..5 => " + i".into(),
            5..7 => format!(" + {}", 8 * self.rng.below(4) + self.rng.pick(&[0, 0, 1, 4])),
            _ => " + t".into(),
        };
        match (role, ty) {
            _ if self.rng.below(4) == 0 => format!("{}{displacement}", self.base),
            (Role::Address, Type::Pointer { constant, .. }) if !(write && constant) => {
                format!("(uint8_t *){name}{displacement}")
            }
            (Role::Address, Type::Scalar(_)) => match self.rng.below(3) {
                0 => format!("(uint8_t *)(uintptr_t){name} + i"),
                1 => format!("(uint8_t *)(uintptr_t){name}{displacement}"),
                _ => format!("(uint8_t *)((uintptr_t){name}{displacement})"),
            },
            (Role::Offset(to), _) if to.size == 1 => format!("fp + {name}{displacement}"),
            (Role::Offset(to), _) => format!("(uint8_t *)(({} *)fp + {name}){displacement}", to.c),
            _ => format!("{}{displacement}", self.base),
        }
    }

    /// An integer, of 64 bits unless it is an operand alone.
    fn integer(&mut self, depth: u32) -> String {
        let register = self.rng.pick(&["a", "b", "i"]);
        if depth == 0 || self.rng.below(3) == 0 {
            let Operand { name, ty, .. } = self.rng.pick(self.operands);
            return match (self.rng.below(5), ty) {
                (0..3, Type::Pointer { .. }) => format!("(uintptr_t){name}"),
                (0..3, Type::Scalar(scalar)) if !scalar.is_float() => name.into(),
                (3, _) => self.rng.pick(&["0", "1", "-1", "255", "0x80000000", "0x123456789abcdef"]).into(),
                _ => register.into(),
            };
        }
        let (left, right) = (self.integer(depth - 1), self.integer(depth - 1));
        let signed = self.rng.pick(&["uint64_t", "int64_t"]);
        match self.rng.below(12) {
            0 => format!("((uint64_t){left} / ((uint64_t){right} | 1))"),
            1 => format!("((uint64_t){left} << ({right} & 63))"),
            2 => format!("(({signed}){left} >> ({right} & 63))"),
            3 => format!("({} ? {left} : {right})", self.condition()),
            4 => format!("({} ? (uint64_t){left} : {register})", self.condition()),
            n => format!("({left} {} {right})", ["+", "-", "*", "&", "|", "^", "+"][n - 5]),
        }
    }

    fn float(&mut self, depth: u32) -> String {
        let Operand { name, ty, .. } = self.rng.pick(self.operands);
        let number = match ty {
            Type::Scalar(scalar) => format!("(double){name}{}", if scalar.is_float() { "" } else { " * 0.5" }),
            Type::Pointer { .. } => "1.5".into(),
        };
        match self.rng.below(if depth > 0 { 3 } else { 2 }) {
            0 => "x".into(),
            1 => number,
            _ => canonical(&format!("x {} {number}", self.rng.pick(&["+", "-", "*"]))),
        }
    }

    /// A value for an element of a float type.
    fn stored(&mut self, element: Scalar) -> String {
        let value = self.float(1);
        if element.size < 8 { canonical(&value) } else { value }
    }

    /// A condition: an `int`.
    fn condition(&mut self) -> String {
        let relation = self.rng.pick(&["==", "!=", "<", ">="]);
        match self.rng.below(4) {
            0 => format!("({} {relation} {})", self.float(0), self.float(0)),
            1 => {
                let relation = self.rng.pick(&["==", "!="]);
                format!("({} {relation} {})", self.address(false), self.address(false))
            }
            2 => format!("((uintptr_t)({}) {relation} (uintptr_t)({}))", self.address(false), self.address(false)),
            _ => format!("({} {relation} {})", self.integer(0), self.integer(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_body() {
        for part in [Part::Values, Part::Addresses] {
            assert_eq!(Body::new(part, 7), Body::new(part, 7));
            assert_ne!(Body::new(part, 7), Body::new(part, 8));
        }
    }

    #[test]
    fn bodies_use_operands_of_every_type_in_every_role() {
        let operands: Vec<_> = (0..2000).flat_map(|seed| Body::new(Part::Addresses, seed).operands).collect();
        let has = |scalar, role: fn(Role) -> bool| {
            operands.iter().any(|operand| operand.ty == Type::Scalar(scalar) && role(operand.role))
        };
        for scalar in SCALARS {
            assert!(has(scalar, |role| role == Role::Value), "{}", scalar.rust);
            if !scalar.is_float() {
                assert!(has(scalar, |role| matches!(role, Role::Offset(_))), "{}", scalar.rust);
                assert_eq!(has(scalar, |role| role == Role::Address), scalar.size >= 4, "{}", scalar.rust);
            }
        }
    }
}

//! Random functions as stack code. Values stay on the stack while locals are set, blocks are left and functions are
//! called, so that operands occur in every location that lowering distinguishes.

use std::fmt::Write as _;

/// A value type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    I32,
    I64,
    F32,
    F64,
}
use Type::{F32, F64, I32, I64};

pub const TYPES: [Type; 4] = [I32, I64, F32, F64];

impl Type {
    pub fn name(self) -> &'static str {
        ["i32", "i64", "f32", "f64"][self as usize]
    }

    pub(crate) fn is_float(self) -> bool {
        matches!(self, F32 | F64)
    }
}

/// Locals of each type. The first is a parameter.
pub(crate) const LOCALS: u32 = 3;
/// The nesting depth of loops. Each level has a counter of its own.
pub(crate) const LOOPS: usize = 3;

const INTEGERS: [&str; 12] =
    ["add", "sub", "mul", "and", "or", "xor", "shl", "shr_s", "shr_u", "rotl", "rotr", "div_s"];
const DIVISIONS: [&str; 3] = ["div_u", "rem_s", "rem_u"];
const INTEGER_RELATIONS: [&str; 10] = ["eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"];
const FLOATS: [&str; 6] = ["add", "sub", "mul", "div", "min", "max"];
const FLOAT_RELATIONS: [&str; 6] = ["eq", "ne", "lt", "gt", "le", "ge"];
const FLOAT_UNARY: [&str; 7] = ["abs", "neg", "sqrt", "ceil", "floor", "trunc", "nearest"];

/// Generates a module with a function `run` that takes a value of each type and returns one of type `result`. Equal
/// entropy yields equal modules; less entropy yields a smaller one.
pub fn module(entropy: Vec<u32>, result: Type) -> String {
    let mut code = Code { entropy: entropy.into_iter(), text: String::new(), labels: vec![Some(result)], loops: 0 };
    code.value(result, 6);
    let mut text = String::from("(module\n(memory (export \"memory\") 1 2)\n");
    for (index, ty) in TYPES.iter().enumerate() {
        let ty = ty.name();
        let _ = writeln!(text, "(global $g_{ty} (export \"{ty}\") (mut {ty}) ({ty}.const {index}))");
        let _ = writeln!(text, "(type ${ty} (func (param {ty} i32 {ty}) (result {ty})))");
        let _ = writeln!(text, "(func $choose_{ty} (type ${ty}) local.get 2 local.get 0 local.get 1 select)");
        let _ = writeln!(text, "(func $first_{ty} (type ${ty}) local.get 0)");
    }
    // The bits of a NaN may differ between implementations. Where bits are observed, it is made canonical.
    for ty in ["f32", "f64"] {
        let _ = writeln!(
            text,
            "(func $canonical_{ty} (param {ty}) (result {ty})
               local.get 0 {ty}.const nan local.get 0 local.get 0 {ty}.eq select)"
        );
    }
    let choose = TYPES.map(|ty| format!("$choose_{} $first_{}", ty.name(), ty.name())).join(" ");
    let _ = writeln!(text, "(table funcref (elem {choose} $canonical_f32))");
    let _ = write!(text, "(func (export \"run\") (param i32 i64 f32 f64) (result {}) (local", result.name());
    for _ in 1..LOCALS {
        text.push_str(" i32 i64 f32 f64");
    }
    let _ = write!(text, "{})\n{}))", " i32".repeat(LOOPS), code.text);
    text
}

pub(crate) struct Code {
    entropy: std::vec::IntoIter<u32>,
    text: String,
    /// The operand types of branches to the labels, from the outermost; none where branches are not allowed.
    pub(crate) labels: Vec<Option<Type>>,
    pub(crate) loops: usize,
}

impl Code {
    /// A number below `n`, and 0 when the entropy is exhausted.
    pub(crate) fn pick(&mut self, n: u32) -> u32 {
        self.entropy.next().unwrap_or(0) % n
    }

    pub(crate) fn ty(&mut self) -> Type {
        TYPES[self.pick(4) as usize]
    }

    pub(crate) fn emit(&mut self, text: impl AsRef<str>) {
        self.text.push_str(text.as_ref());
        self.text.push('\n');
    }

    pub(crate) fn one_of(&mut self, ty: Type, operators: &[&str]) {
        let operator = operators[self.pick(operators.len() as u32) as usize];
        self.emit(format!("{}.{operator}", ty.name()));
    }

    pub(crate) fn local(&mut self, ty: Type) -> u32 {
        self.pick(LOCALS) * 4 + ty as u32
    }

    pub(crate) fn constant(&mut self, ty: Type) {
        const EDGES: [i64; 10] = [0, 1, -1, 2, 31, 64, i32::MIN as i64, i32::MAX as i64, i64::MIN, 1 << 40];
        const FLOATS: [&str; 8] = ["0", "-0", "1.5", "-1", "inf", "-inf", "4294967296", "1e-40"];
        let text = if ty.is_float() {
            FLOATS[self.pick(8) as usize].to_owned()
        } else {
            let value = match self.pick(3) {
                0 => self.pick(100).into(),
                1 => EDGES[self.pick(10) as usize],
                _ => i64::from(self.pick(u32::MAX)) << self.pick(33),
            };
            if ty == I32 { (value as i32).to_string() } else { value.to_string() }
        };
        self.emit(format!("{}.const {text}", ty.name()));
    }

    /// Emits code that leaves a value of this type on the stack.
    pub(crate) fn value(&mut self, ty: Type, depth: u32) {
        let name = ty.name();
        if depth == 0 {
            return self.leaf(ty);
        }
        match self.pick(22) {
            0..3 => self.leaf(ty),
            3..8 => self.arithmetic(ty, depth - 1),
            8 => {
                self.value(ty, depth - 1);
                let local = self.local(ty);
                self.emit(format!("local.tee {local}"));
            }
            9 => {
                // The values on the stack outlive this code.
                self.leaf(ty);
                self.statement(depth - 1);
            }
            10 | 11 => {
                // This includes the local that is set.
                let local = self.local(ty);
                let gets = self.pick(3) + 1;
                for _ in 0..gets {
                    self.emit(format!("local.get {local}"));
                }
                self.value(ty, depth - 1);
                self.emit(format!("local.set {local}"));
                for _ in 1..gets {
                    self.one_of(ty, &["add", "sub"]);
                }
            }
            12 => {
                for ty in [ty, ty, I32] {
                    self.value(ty, depth - 1);
                }
                self.emit("select");
            }
            13 => {
                for ty in [ty, I32, ty] {
                    self.value(ty, depth - 1);
                }
                if self.pick(2) == 0 {
                    self.emit(format!("call $choose_{name}"));
                } else {
                    let index = self.pick(10);
                    self.emit(format!("i32.const {index}"));
                    self.emit(format!("call_indirect (type ${name})"));
                }
            }
            14 | 15 => self.block(ty, depth - 1),
            16 => {
                self.value(I32, depth - 1);
                self.emit(format!("if (result {name})"));
                self.labels.push(Some(ty));
                self.value(ty, depth - 1);
                self.emit("else");
                self.value(ty, depth - 1);
                self.end();
            }
            17 => self.branch(ty, depth - 1),
            18 => self.table(ty, depth - 1),
            19 if self.loops < LOOPS => self.repeat(ty, depth - 1),
            20 => {
                self.address(depth - 1);
                let sizes: &[&str] = match ty {
                    I32 => &["", "8_s", "8_u", "16_s", "16_u"],
                    I64 => &["", "8_s", "8_u", "16_s", "16_u", "32_s", "32_u"],
                    F32 | F64 => &[""],
                };
                let size = sizes[self.pick(sizes.len() as u32) as usize];
                let offset = self.offset();
                self.emit(format!("{name}.load{size}{offset}"));
                if ty.is_float() {
                    self.emit(format!("call $canonical_{name}"));
                }
            }
            _ => self.conversion(ty, depth - 1),
        }
    }

    pub(crate) fn leaf(&mut self, ty: Type) {
        match self.pick(5) {
            0..3 => {
                let local = self.local(ty);
                self.emit(format!("local.get {local}"));
            }
            3 => self.constant(ty),
            _ => self.emit(format!("global.get $g_{}", ty.name())),
        }
    }

    fn arithmetic(&mut self, ty: Type, depth: u32) {
        let kind = self.pick(10);
        self.value(ty, depth);
        match (kind, ty.is_float()) {
            (0, false) => self.one_of(ty, &["clz", "ctz", "popcnt"]),
            (0 | 1, true) => self.one_of(ty, &FLOAT_UNARY),
            (1, false) => {
                self.value(ty, depth);
                self.one_of(ty, &DIVISIONS);
            }
            (_, float) => {
                self.value(ty, depth);
                self.one_of(ty, if float { &FLOATS } else { &INTEGERS });
            }
        }
    }

    /// Computes a value of a type from one of another type, or from two.
    fn conversion(&mut self, ty: Type, depth: u32) {
        let from = self.ty();
        self.value(from, depth);
        let convert: &[&str] = match (ty, from) {
            (I32, I32 | I64) => {
                if self.pick(3) == 0 {
                    return self.emit(format!("{}.eqz", from.name()));
                }
                self.value(from, depth);
                return self.one_of(from, &INTEGER_RELATIONS);
            }
            (I32, F32 | F64) => {
                match self.pick(4) {
                    0 => self.one_of(
                        I32,
                        &[["trunc_f32_s", "trunc_f32_u"], ["trunc_f64_s", "trunc_f64_u"]][from as usize - 2],
                    ),
                    1 if from == F32 => self.emit("call $canonical_f32\ni32.reinterpret_f32"),
                    _ => {
                        self.value(from, depth);
                        self.one_of(from, &FLOAT_RELATIONS);
                    }
                }
                return;
            }
            (I64, I32) => &["extend_i32_s", "extend_i32_u"],
            (I64, F32) => &["trunc_f32_s", "trunc_f32_u"],
            (I64, F64) if self.pick(2) == 0 => return self.emit("call $canonical_f64\ni64.reinterpret_f64"),
            (I64, F64) => &["trunc_f64_s", "trunc_f64_u"],
            (F32 | F64, I32) => &["convert_i32_s", "convert_i32_u"],
            (F32 | F64, I64) => &["convert_i64_s", "convert_i64_u"],
            (F32, F64) => &["demote_f64"],
            (F64, F32) => &["promote_f32"],
            (I64, I64) => return self.emit("i32.wrap_i64\ni64.extend_i32_s"),
            (F32, F32) => return self.emit("call $canonical_f32\nf32.neg\nf32.const 1\nf32.copysign"),
            (F64, F64) => return self.emit("f64.const -2\ncall $canonical_f64\nf64.copysign"),
        };
        self.one_of(ty, convert);
    }

    /// An address in memory, or slightly beyond.
    pub(crate) fn address(&mut self, depth: u32) {
        match self.pick(4) {
            0 => {
                let address = 65536 - self.pick(10);
                self.emit(format!("i32.const {address}"));
            }
            1 => self.value(I32, depth),
            _ => {
                self.value(I32, depth);
                self.emit("i32.const 1023\ni32.and");
            }
        }
    }

    pub(crate) fn offset(&mut self) -> String {
        match self.pick(8) {
            0 => format!(" offset={}", 65536 - self.pick(10)),
            1 => format!(" offset={}", u32::MAX - self.pick(10)),
            2 => format!(" offset={}", i32::MAX as u32 - self.pick(20)),
            3 => format!(" offset={}", self.pick(100)),
            _ => String::new(),
        }
    }
}

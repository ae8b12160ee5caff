//! Random programs that pass verification. Most operands have types that fit, so that programs get far.

use objects::program::{Constant, Function, Instruction, NATIVES, Opcode};

/// The functions: how many parameters they have, and what they usually return.
const PARAMETERS: [u32; 6] = [0, 1, 2, 1, 2, 1];
const RESULTS: [Kind; 6] = [Kind::Int, Kind::Int, Kind::Int, Kind::Tuple, Kind::Text, Kind::Int];
const LOCALS: u32 = 6;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Int,
    Text,
    Tuple,
}

/// Returns a program. Equal seeds yield equal programs.
pub fn program(seed: u64) -> Vec<Function> {
    let mut bits = seed;
    (0..PARAMETERS.len())
        .map(|index| {
            let mut writer = Writer { bits, this: index, set: PARAMETERS[index], function: Function::default() };
            writer.function.name = format!("f{index}");
            (writer.function.parameters, writer.function.locals) = (PARAMETERS[index], LOCALS);
            // The first locals hold values of known kinds, as far as arguments do not.
            for local in PARAMETERS[index]..LOCALS - 1 {
                writer.value(kind_of(local), 1);
                writer.emit(Opcode::StoreLocal, local);
                writer.set = local + 1;
            }
            writer.block(3);
            writer.value(RESULTS[index], 2);
            writer.emit(Opcode::ReturnValue, 0);
            bits = writer.bits;
            writer.function
        })
        .collect()
}

fn kind_of(local: u32) -> Kind {
    [Kind::Int, Kind::Int, Kind::Text, Kind::Tuple, Kind::Int, Kind::Int][local as usize]
}

struct Writer {
    /// The state of the random generator (SplitMix64).
    bits: u64,
    this: usize,
    /// How many locals have values.
    set: u32,
    function: Function,
}

impl Writer {
    fn below(&mut self, n: u32) -> u32 {
        self.bits = self.bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.bits;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % u64::from(n)) as u32
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u32) as usize]
    }

    fn here(&self) -> u32 {
        self.function.instructions.len() as u32
    }

    /// Appends an instruction and returns its index.
    fn emit(&mut self, op: Opcode, arg: u32) -> u32 {
        self.function.instructions.push(Instruction { op, arg });
        self.here() - 1
    }

    /// Lets a jump forward lead to the next instruction.
    fn land(&mut self, jump: u32) {
        self.function.instructions[jump as usize].arg = self.here();
    }

    fn constant(&mut self, constant: Constant) {
        self.function.constants.push(constant);
        self.emit(Opcode::LoadConstant, self.function.constants.len() as u32 - 1);
    }

    fn kind(&mut self) -> Kind {
        self.pick(&[Kind::Int, Kind::Int, Kind::Int, Kind::Text, Kind::Tuple])
    }

    /// Pushes a value of any kind.
    fn any(&mut self, depth: u32) {
        let kind = self.kind();
        match self.below(16) {
            0 => self.constant(Constant::None),
            1 => {
                let global = self.below(NATIVES + PARAMETERS.len() as u32);
                self.emit(Opcode::LoadGlobal, global);
            }
            2 => {
                // The last local may have no value.
                let local = if self.below(20) == 0 { LOCALS - 1 } else { self.below(LOCALS - 1) };
                if local < self.set || local == LOCALS - 1 {
                    self.emit(Opcode::LoadLocal, local);
                } else {
                    self.simple(kind);
                }
            }
            _ => self.value(kind, depth),
        }
    }

    /// Pushes a value that usually has this kind.
    fn value(&mut self, kind: Kind, depth: u32) {
        if depth == 0 {
            return self.simple(kind);
        }
        if self.below(60) == 0 {
            return self.any(depth - 1);
        }
        match (kind, self.below(10)) {
            (Kind::Int, 0..=3) => {
                self.value(kind, depth - 1);
                let operator = self.pick(&[0, 1, 1, 2, 3, 4]);
                // A constant is rarely zero.
                if operator > 1 {
                    self.simple(kind)
                } else {
                    self.value(kind, depth - 1)
                }
                let op = self.pick(&[(Opcode::AddInt, 0), (Opcode::Binary, operator)]);
                self.emit(op.0, op.1);
            }
            (Kind::Int, 4) => {
                let kind = self.pick(&[Kind::Int, Kind::Text]);
                self.value(kind, depth - 1);
                self.value(kind, depth - 1);
                let comparison = self.below(6);
                self.emit(Opcode::Compare, comparison);
            }
            (Kind::Int, 5) => {
                self.any(depth - 1);
                self.emit(Opcode::Not, 0);
            }
            (Kind::Int, 6) => {
                self.emit(Opcode::LoadGlobal, 0);
                let kind = self.pick(&[Kind::Text, Kind::Tuple]);
                self.value(kind, depth - 1);
                self.emit(Opcode::CallFunction, 1);
            }
            // Functions call later ones, or rarely any.
            (_, 7) => {
                let first = if self.below(40) == 0 { 0 } else { self.this + 1 };
                let callees: Vec<_> = (first..RESULTS.len()).filter(|callee| RESULTS[*callee] == kind).collect();
                if callees.is_empty() {
                    return self.simple(kind);
                }
                let callee = self.pick(&callees);
                self.emit(Opcode::LoadGlobal, NATIVES + callee as u32);
                for parameter in 0..PARAMETERS[callee] {
                    self.value(kind_of(parameter), depth - 1);
                }
                self.emit(Opcode::CallFunction, PARAMETERS[callee]);
            }
            (Kind::Text, 0..=3) | (Kind::Tuple, 0..=1) => {
                self.value(kind, depth - 1);
                self.value(kind, depth - 1);
                let op = self.pick(&[Opcode::AddInt, Opcode::Binary]);
                self.emit(op, 0);
            }
            (Kind::Text, 4..=5) => {
                self.emit(Opcode::LoadGlobal, 1);
                self.any(depth - 1);
                self.emit(Opcode::CallFunction, 1);
            }
            (Kind::Text, 6) => {
                self.constant(Constant::Text("item".into()));
                self.value(Kind::Text, depth - 1);
                self.emit(Opcode::Binary, 0);
                self.constant(Constant::Int(3));
                self.emit(Opcode::Subscript, 0);
            }
            (Kind::Tuple, 2) => {
                self.emit(Opcode::LoadGlobal, 2);
                let function = self.pick(&[1, NATIVES + 1, NATIVES + 3, NATIVES + 5]);
                self.emit(Opcode::LoadGlobal, function);
                self.value(Kind::Tuple, depth - 1);
                self.emit(Opcode::CallFunction, 2);
            }
            (Kind::Tuple, 3..=6) => {
                let count = self.below(4);
                for _ in 0..count {
                    self.any(depth - 1);
                }
                self.emit(Opcode::BuildTuple, count);
            }
            _ => self.simple(kind),
        }
    }

    /// Pushes a constant or a local variable.
    fn simple(&mut self, kind: Kind) {
        let local = self.below(LOCALS - 1);
        match (kind, self.below(8)) {
            (_, 0..=3) if local < self.set && kind_of(local) == kind => {
                self.emit(Opcode::LoadLocal, local);
            }
            (Kind::Int, 4) if self.below(8) == 0 => {
                let int = self.pick(&[i64::MIN, i64::MAX, -6, -5, 255, 256, 257, 1 << 32]);
                self.constant(Constant::Int(int));
            }
            (Kind::Int, _) => {
                let int = i64::from(self.below(300)) - 20;
                self.constant(Constant::Int(int));
            }
            (Kind::Text, _) => {
                let text = self.pick(&["", "a", "word", "%s %d", "ü"]);
                self.constant(Constant::Text(text.into()));
            }
            (Kind::Tuple, _) => {
                self.constant(Constant::Int(1));
                self.emit(Opcode::BuildTuple, 1);
            }
        }
    }

    fn block(&mut self, depth: u32) {
        for _ in 0..=self.below(4) {
            self.statement(depth);
        }
    }

    fn statement(&mut self, depth: u32) {
        match self.below(if depth == 0 { 5 } else { 8 }) {
            0 => {
                self.any(3);
                self.emit(Opcode::Print, 0);
            }
            1 => {
                self.any(3);
                self.emit(Opcode::PopTop, 0);
            }
            2..=4 => {
                let local = self.below(LOCALS - 1);
                self.value(kind_of(local), 3);
                if self.below(4) == 0 {
                    self.emit(Opcode::Duplicate, 0);
                    self.emit(Opcode::Print, 0);
                }
                self.emit(Opcode::StoreLocal, local);
            }
            5 => {
                self.any(2);
                let otherwise = self.emit(Opcode::JumpIfFalse, 0);
                self.block(depth - 1);
                let end = self.emit(Opcode::JumpForward, 0);
                self.land(otherwise);
                self.block(depth - 1);
                self.land(end);
            }
            // A loop that may not end, until the fuel does.
            6 if self.below(4) == 0 => {
                let start = self.here();
                self.value(Kind::Int, 2);
                let end = self.emit(Opcode::JumpIfFalse, 0);
                self.block(0);
                self.emit(Opcode::JumpBackward, start);
                self.land(end);
            }
            // The last local counts to a small number.
            _ => {
                let count = i64::from(self.below(6));
                self.constant(Constant::Int(0));
                self.emit(Opcode::StoreLocal, LOCALS - 1);
                let start = self.emit(Opcode::LoadLocal, LOCALS - 1);
                self.constant(Constant::Int(count));
                self.emit(Opcode::Compare, 0);
                let end = self.emit(Opcode::JumpIfFalse, 0);
                self.block(depth - 1);
                self.emit(Opcode::LoadLocal, LOCALS - 1);
                self.constant(Constant::Int(1));
                self.emit(Opcode::AddInt, 0);
                self.emit(Opcode::StoreLocal, LOCALS - 1);
                self.emit(Opcode::JumpBackward, start);
                self.land(end);
            }
        }
    }
}

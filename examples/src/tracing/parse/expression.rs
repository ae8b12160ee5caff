//! Expressions, with operators by precedence.

use super::Parser;
use crate::tracing::bytecode::{Arithmetic, Comparison, Native, Op, Right, Slot};
use crate::tracing::lexer::Token;
use crate::tracing::value::{Value, tag};

#[derive(Clone, Copy)]
enum Operator {
    Arithmetic(Arithmetic),
    Compare(Comparison),
}

/// Operators that bind tighter come later.
const LEVELS: [&[(&str, Operator)]; 3] = [
    &[
        ("==", Operator::Compare(Comparison::Equal)),
        ("!=", Operator::Compare(Comparison::NotEqual)),
        ("<=", Operator::Compare(Comparison::LessOrEqual)),
        (">=", Operator::Compare(Comparison::GreaterOrEqual)),
        ("<", Operator::Compare(Comparison::Less)),
        (">", Operator::Compare(Comparison::Greater)),
    ],
    &[("+", Operator::Arithmetic(Arithmetic::Add)), ("-", Operator::Arithmetic(Arithmetic::Subtract))],
    &[
        ("*", Operator::Arithmetic(Arithmetic::Multiply)),
        ("/", Operator::Arithmetic(Arithmetic::Divide)),
        ("%", Operator::Arithmetic(Arithmetic::Remainder)),
    ],
];

const NATIVES: [(&str, Native, u32); 3] =
    [("print", Native::Print, 1), ("len", Native::Length, 1), ("push", Native::Push, 2)];

impl Parser {
    /// Parses an expression. Returns the slot of its value, which is a variable's slot if the expression is a variable.
    pub fn expression(&mut self) -> Result<Slot, String> {
        self.nested(Self::or)
    }

    /// Parses an expression whose value goes to a slot.
    pub fn expression_to(&mut self, to: Slot) -> Result<(), String> {
        let free = self.free;
        let from = self.expression()?;
        self.bring(from, to, free);
        self.free = free;
        Ok(())
    }

    /// Moves a value to a slot. A temporary value that was just computed is computed there instead.
    fn bring(&mut self, from: Slot, to: Slot, temporary: Slot) {
        let here = self.function.code.len();
        match self.function.code.last_mut() {
            Some(Op::Native { .. }) | None => {}
            Some(last) if from >= temporary && self.barrier < here => {
                if let Some(slot) = last.to().filter(|slot| **slot == from) {
                    *slot = to;
                    return;
                }
            }
            Some(_) => {}
        }
        if from != to {
            self.emit(Op::Copy { to, from });
        }
    }

    /// Parses a condition. Returns the jump that is taken if it does not hold.
    pub fn condition(&mut self) -> Result<usize, String> {
        let free = self.free;
        let value = self.expression()?;
        if let Some(&Op::Compare { op, to, left, right }) = self.function.code.last()
            && (to, self.barrier < self.function.code.len()) == (value, true)
            && to >= free
        {
            // The branch takes the comparison's place, and keeps its line.
            let at = self.function.code.len() - 1;
            self.function.code[at] = Op::Unless { op, left, right, target: 0 };
            return Ok(at);
        }
        Ok(self.jump(Op::UnlessTrue { value, target: 0 }))
    }

    /// `a or b`: the first operand that is true, or the last one.
    fn or(&mut self) -> Result<Slot, String> {
        let left = self.and()?;
        if !matches!(self.peek(), Token::Name(name) if name == "or") {
            return Ok(left);
        }
        let to = self.slot();
        self.emit(Op::Copy { to, from: left });
        while self.eat_name("or") {
            let no = self.jump(Op::UnlessTrue { value: to, target: 0 });
            let end = self.jump(Op::Jump { target: 0 });
            self.land(no);
            let right = self.and()?;
            self.emit(Op::Copy { to, from: right });
            self.land(end);
        }
        Ok(to)
    }

    /// `a and b`: the first operand that is false, or the last one.
    fn and(&mut self) -> Result<Slot, String> {
        let left = self.not()?;
        if !matches!(self.peek(), Token::Name(name) if name == "and") {
            return Ok(left);
        }
        let to = self.slot();
        self.emit(Op::Copy { to, from: left });
        while self.eat_name("and") {
            let end = self.jump(Op::UnlessTrue { value: to, target: 0 });
            let right = self.not()?;
            self.emit(Op::Copy { to, from: right });
            self.land(end);
        }
        Ok(to)
    }

    fn not(&mut self) -> Result<Slot, String> {
        if !self.eat_name("not") {
            return self.binary(0);
        }
        let from = self.nested(Self::not)?;
        let to = self.slot();
        self.emit(Op::Not { to, from });
        Ok(to)
    }

    fn binary(&mut self, level: usize) -> Result<Slot, String> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some((_, operator)) = operators.iter().find(|(symbol, _)| self.eat(symbol)) {
            let (free, line) = (self.free, self.line());
            let right = self.binary(level + 1)?;
            let right = self.right(right, free);
            let to = self.slot();
            let op = match *operator {
                Operator::Arithmetic(op) => Op::Arithmetic { op, to, left, right },
                Operator::Compare(op) => Op::Compare { op, to, left, right },
            };
            self.emit_at(line, op);
            left = to;
        }
        Ok(left)
    }

    /// Parses a right operand. A small integer constant becomes part of the instruction.
    fn right(&mut self, slot: Slot, temporary: Slot) -> Right {
        if let Some(Op::Constant { to, value: Value { tag: tag::INT, bits } }) = self.function.code.last()
            && (*to, self.barrier < self.function.code.len()) == (slot, true)
            && slot >= temporary
            && let Ok(small) = i32::try_from(*bits as i64)
        {
            self.pop();
            return Right::Int(small);
        }
        Right::Slot(slot)
    }

    /// `-x` is `0 - x`.
    fn unary(&mut self) -> Result<Slot, String> {
        if !self.eat("-") {
            return self.postfix();
        }
        let (left, line) = (self.slot(), self.line());
        self.emit(Op::Constant { to: left, value: Value::int(0) });
        let right = self.nested(Self::unary)?;
        let to = self.slot();
        self.emit_at(line, Op::Arithmetic { op: Arithmetic::Subtract, to, left, right: Right::Slot(right) });
        Ok(to)
    }

    fn postfix(&mut self) -> Result<Slot, String> {
        let mut value = self.primary()?;
        loop {
            if self.eat("(") {
                let (at, line) = (self.slot(), self.line());
                self.emit(Op::Copy { to: at, from: value });
                let count = self.arguments(")")?;
                self.emit_at(line, Op::Call { at, count });
                (value, self.free) = (at, at + 1);
            } else if self.eat("[") {
                let line = self.line();
                let index = self.expression()?;
                self.expect("]")?;
                let to = self.slot();
                self.emit_at(line, Op::Index { to, list: value, index });
                value = to;
            } else {
                return Ok(value);
            }
        }
    }

    /// Parses expressions up to a bracket, into consecutive slots.
    fn arguments(&mut self, end: &'static str) -> Result<u32, String> {
        let mut count = 0;
        while !self.eat(end) {
            let slot = self.slot();
            self.expression_to(slot)?;
            count += 1;
            if !self.eat(",") && *self.peek() != Token::Symbol(end) {
                return self.error(&format!("`,` or `{end}`"));
            }
        }
        Ok(count)
    }

    fn constant(&mut self, value: Value) -> Slot {
        let to = self.slot();
        self.emit(Op::Constant { to, value });
        to
    }

    fn native(&mut self, native: Native, end: &'static str) -> Result<(Slot, u32), String> {
        // A call without arguments needs a slot for its result as well.
        let (at, line) = (self.slot(), self.line());
        self.free = at;
        let count = self.arguments(end)?;
        self.emit_at(line, Op::Native { native, at, count });
        self.free = at + 1;
        Ok((at, count))
    }

    fn primary(&mut self) -> Result<Slot, String> {
        if self.eat("(") {
            let value = self.expression()?;
            return self.expect(")").map(|()| value);
        }
        if self.eat("[") {
            return Ok(self.native(Native::List, "]")?.0);
        }
        match self.peek() {
            Token::Int(_) | Token::Float(_) | Token::Text(_) | Token::Name(_) => {}
            _ => return self.error("an expression"),
        }
        match self.next() {
            Token::Int(value) => Ok(self.constant(Value::int(value))),
            Token::Float(value) => Ok(self.constant(Value::float(value))),
            Token::Text(text) => {
                self.program.texts.push(text);
                let (to, text) = (self.slot(), self.program.texts.len() - 1);
                self.emit(Op::Text { to, text });
                Ok(to)
            }
            Token::Name(name) => self.named(name),
            _ => self.error("an expression"),
        }
    }

    fn named(&mut self, name: String) -> Result<Slot, String> {
        match name.as_str() {
            "nil" => return Ok(self.constant(Value::NIL)),
            "true" | "false" => return Ok(self.constant(Value::bool(name == "true"))),
            _ => {}
        }
        if let Some(slot) = self.local(&name) {
            return Ok(slot);
        }
        if let Some(&(_, native, takes)) = NATIVES.iter().find(|(other, ..)| *other == name)
            && self.eat("(")
        {
            let line = self.line();
            let (at, count) = self.native(native, ")")?;
            if count != takes {
                return Err(format!("line {line}: `{name}` takes {takes} arguments, found {count}"));
            }
            return Ok(at);
        }
        let to = self.slot();
        let global = self.global(name);
        self.emit(Op::Global { to, global });
        Ok(to)
    }
}

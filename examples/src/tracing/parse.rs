//! Translates source to bytecode in one pass. Statements are here, expressions in the submodule.
//!
//! Local variables occupy the first slots of their function's frame, and temporary values the slots behind them. A name that no
//! `let` declares is global.

mod expression;

use std::collections::HashMap;

use super::bytecode::{Function, Op, Program, Slot};
use super::lexer::{Token, tokens};
use super::value::Value;

pub struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    program: Program,
    globals: HashMap<String, usize>,
    /// The function that is being parsed.
    function: Function,
    locals: Vec<(String, Slot)>,
    /// The first free slot.
    free: Slot,
    /// The last target of a jump. Instructions before it must not be changed.
    barrier: usize,
    /// The nesting depth of expressions and blocks.
    depth: u32,
}

/// The greatest nesting depth, so that no program exhausts the parser's stack.
const DEPTH: u32 = 200;

/// Parses a program.
///
/// # Errors
/// A mistake in the source, with its line.
pub fn parse(source: &str) -> Result<Program, String> {
    let mut parser = Parser {
        tokens: tokens(source)?,
        at: 0,
        program: Program::default(),
        globals: HashMap::new(),
        function: Function::default(),
        locals: Vec::new(),
        free: 0,
        barrier: 0,
        depth: 0,
    };
    // Reserves the index of the program itself, which is finished last.
    parser.program.functions.push(Function::default());
    while *parser.peek() != Token::End {
        match parser.eat_name("fn") {
            true => parser.definition()?,
            false => parser.statement()?,
        }
    }
    parser.return_nil();
    parser.program.functions[0] = parser.function;
    Ok(parser.program)
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let there = matches!(self.peek(), Token::Symbol(other) if *other == symbol);
        self.at += usize::from(there);
        there
    }

    fn eat_name(&mut self, name: &str) -> bool {
        let there = matches!(self.peek(), Token::Name(other) if other == name);
        self.at += usize::from(there);
        there
    }

    fn error<T>(&self, expected: &str) -> Result<T, String> {
        let (token, line) = &self.tokens[self.at];
        Err(format!("line {line}: expected {expected}, found {token}"))
    }

    fn expect(&mut self, symbol: &str) -> Result<(), String> {
        if self.eat(symbol) { Ok(()) } else { self.error(&format!("`{symbol}`")) }
    }

    fn name(&mut self) -> Result<String, String> {
        match self.peek() {
            Token::Name(_) => match self.next() {
                Token::Name(name) => Ok(name),
                _ => self.error("a name"),
            },
            _ => self.error("a name"),
        }
    }

    /// The line of the last token that was read.
    fn line(&self) -> usize {
        self.tokens[self.at.saturating_sub(1)].1
    }

    fn emit(&mut self, op: Op) {
        self.emit_at(self.line(), op);
    }

    /// Emits an instruction whose errors belong to this line.
    fn emit_at(&mut self, line: usize, op: Op) {
        self.function.code.push(op);
        self.function.lines.push(line);
    }

    /// Removes the last instruction.
    fn pop(&mut self) -> Option<Op> {
        self.function.lines.pop();
        self.function.code.pop()
    }

    /// The next instruction, as the target of a jump.
    fn here(&mut self) -> usize {
        self.barrier = self.function.code.len();
        self.barrier
    }

    /// Emits a jump to be completed by [`Self::land`].
    fn jump(&mut self, op: Op) -> usize {
        self.emit(op);
        self.function.code.len() - 1
    }

    fn land(&mut self, jump: usize) {
        let here = self.here();
        if let Op::Jump { target } | Op::Unless { target, .. } | Op::UnlessTrue { target, .. } =
            &mut self.function.code[jump]
        {
            *target = here;
        }
    }

    fn slot(&mut self) -> Slot {
        self.free += 1;
        self.function.frame = self.function.frame.max(self.free);
        self.free - 1
    }

    fn global(&mut self, name: String) -> usize {
        *self.globals.entry(name).or_insert_with_key(|name| {
            self.program.globals.push(name.clone());
            self.program.globals.len() - 1
        })
    }

    fn return_nil(&mut self) {
        let to = self.slot();
        self.emit(Op::Constant { to, value: Value::NIL });
        self.emit(Op::Return { from: to });
    }

    /// `fn name(a, b) { ... }`: a global, whose value is a function.
    fn definition(&mut self) -> Result<(), String> {
        let name = self.name()?;
        let outer = (
            std::mem::take(&mut self.function),
            std::mem::take(&mut self.locals),
            std::mem::replace(&mut self.free, 0),
            std::mem::replace(&mut self.barrier, 0),
        );
        self.expect("(")?;
        while !self.eat(")") {
            let (name, slot) = (self.name()?, self.slot());
            self.locals.push((name, slot));
            self.function.parameters += 1;
            if !self.eat(",") && *self.peek() != Token::Symbol(")") {
                return self.error("`,` or `)`");
            }
        }
        self.block()?;
        self.return_nil();
        let function;
        (function, (self.locals, self.free, self.barrier)) =
            (std::mem::replace(&mut self.function, outer.0), (outer.1, outer.2, outer.3));
        self.program.functions.push(function);
        let (index, global) = (self.program.functions.len() - 1, self.global(name));
        let from = self.slot();
        self.emit(Op::Constant { to: from, value: Value::function(index) });
        self.emit(Op::SetGlobal { global, from });
        self.free = from;
        Ok(())
    }

    fn block(&mut self) -> Result<(), String> {
        self.nested(|parser| {
            let outer = parser.locals.len();
            parser.expect("{")?;
            while !parser.eat("}") {
                parser.statement()?;
            }
            parser.locals.truncate(outer);
            parser.free = parser.locals.last().map_or(0, |(_, slot)| slot + 1);
            Ok(())
        })
    }

    fn nested<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        self.depth += 1;
        let result = match self.depth > DEPTH {
            true => Err(format!("line {}: more than {DEPTH} nested blocks and expressions", self.line())),
            false => work(self),
        };
        self.depth -= 1;
        result
    }

    fn statement(&mut self) -> Result<(), String> {
        let free = self.free;
        if self.eat_name("let") {
            let (name, slot) = (self.name()?, self.slot());
            self.expect("=")?;
            self.expression_to(slot)?;
            self.locals.push((name, slot));
            self.free = slot + 1;
            return self.expect(";");
        }
        if self.eat_name("while") {
            let id = self.program.loops;
            self.program.loops += 1;
            let head = self.here();
            self.emit(Op::Head { id });
            let out = self.condition()?;
            self.free = free;
            self.block()?;
            self.emit(Op::Jump { target: head });
            self.land(out);
        } else if self.eat_name("if") {
            self.branch()?;
        } else if self.eat_name("return") {
            let from = self.expression()?;
            self.emit(Op::Return { from });
            self.expect(";")?;
        } else {
            self.assignment()?;
            self.expect(";")?;
        }
        self.free = free;
        Ok(())
    }

    fn branch(&mut self) -> Result<(), String> {
        let free = self.free;
        let no = self.condition()?;
        self.free = free;
        self.block()?;
        if !self.eat_name("else") {
            self.land(no);
            return Ok(());
        }
        let end = self.jump(Op::Jump { target: 0 });
        self.land(no);
        match self.eat_name("if") {
            true => self.nested(Self::branch)?,
            false => self.block()?,
        }
        self.land(end);
        Ok(())
    }

    /// `x = e`, `list[i] = e`, or an expression evaluated for its effect.
    fn assignment(&mut self) -> Result<(), String> {
        if let (Token::Name(name), Some((Token::Symbol("="), _))) = (self.peek().clone(), self.tokens.get(self.at + 1))
        {
            self.at += 2;
            return match self.local(&name) {
                Some(slot) => self.expression_to(slot),
                None => {
                    let from = self.expression()?;
                    let global = self.global(name);
                    self.emit(Op::SetGlobal { global, from });
                    Ok(())
                }
            };
        }
        self.expression()?;
        let line = self.line();
        if !self.eat("=") {
            return Ok(());
        }
        match self.pop() {
            Some(Op::Index { list, index, .. }) if self.barrier <= self.function.code.len() => {
                let from = self.expression()?;
                self.emit_at(line, Op::SetIndex { list, index, from });
                Ok(())
            }
            _ => Err(format!("line {line}: expected a variable or an item of a list before `=`")),
        }
    }

    fn local(&self, name: &str) -> Option<Slot> {
        self.locals.iter().rev().find(|(other, _)| other == name).map(|(_, slot)| *slot)
    }
}

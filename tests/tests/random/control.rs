//! Random control instructions, and instructions that leave nothing on the stack.

use std::fmt::Write as _;

use crate::generate::Type::{self, F32, F64, I32, I64};
use crate::generate::{Code, LOCALS};

impl Code {
    pub(crate) fn end(&mut self) {
        self.labels.pop();
        self.emit("end");
    }

    pub(crate) fn block(&mut self, ty: Type, depth: u32) {
        self.emit(format!("block (result {})", ty.name()));
        self.labels.push(Some(ty));
        self.statement(depth);
        self.value(ty, depth);
        self.end();
    }

    /// A branch to a random label with its operands. If it is not taken, a value of this type remains.
    pub(crate) fn branch(&mut self, ty: Type, depth: u32) {
        let relative = self.pick(self.labels.len() as u32);
        let Some(taken) = self.labels[self.labels.len() - 1 - relative as usize] else { return self.leaf(ty) };
        self.value(taken, depth);
        match self.pick(5) {
            0 => self.emit(format!("br {relative}")),
            1 => self.emit("drop\nunreachable"),
            _ => {
                self.value(I32, depth);
                self.emit(format!("br_if {relative}"));
                if taken == ty {
                    return;
                }
                self.emit("drop");
            }
        }
        self.value(ty, depth);
    }

    /// A `br_table` to all labels with operands of this type.
    pub(crate) fn table(&mut self, ty: Type, depth: u32) {
        for _ in 0..2 {
            self.emit(format!("block (result {})", ty.name()));
            self.labels.push(Some(ty));
        }
        self.value(ty, depth);
        self.value(I32, depth);
        self.emit("i32.const 3\ni32.and");
        let labels: Vec<usize> = (0..self.labels.len()).filter(|&label| self.labels[label] == Some(ty)).collect();
        let mut text = String::from("br_table");
        for _ in 0..4 {
            let label = labels[self.pick(labels.len() as u32) as usize];
            let _ = write!(text, " {}", self.labels.len() - 1 - label);
        }
        self.emit(text);
        self.end();
        self.statement(depth);
        self.end();
    }

    /// A loop that runs a few times.
    pub(crate) fn repeat(&mut self, ty: Type, depth: u32) {
        let (count, counter) = (self.pick(4) + 1, LOCALS * 4 + self.loops as u32);
        self.emit(format!("i32.const {count}\nlocal.set {counter}\nloop (result {})", ty.name()));
        self.loops += 1;
        self.labels.push(None);
        self.statement(depth);
        self.emit(format!("local.get {counter}\ni32.const 1\ni32.sub\nlocal.tee {counter}\nbr_if 0"));
        self.value(ty, depth);
        self.end();
        self.loops -= 1;
    }

    /// Leaves nothing on the stack.
    pub(crate) fn statement(&mut self, depth: u32) {
        let ty = self.ty();
        match self.pick(6) {
            0..2 => {
                self.value(ty, depth);
                let local = self.local(ty);
                self.emit(format!("local.set {local}"));
            }
            2 => {
                self.value(ty, depth);
                self.emit(format!("global.set $g_{}", ty.name()));
            }
            3 => {
                self.address(depth.saturating_sub(1));
                self.value(ty, depth);
                if ty.is_float() {
                    self.emit(format!("call $canonical_{}", ty.name()));
                    if self.pick(2) == 0 {
                        self.emit(format!("{}.abs", ty.name()));
                    }
                }
                let sizes: &[&str] = match ty {
                    I32 => &["", "8", "16"],
                    I64 => &["", "8", "16", "32"],
                    F32 | F64 => &[""],
                };
                let size = sizes[self.pick(sizes.len() as u32) as usize];
                let offset = self.offset();
                self.emit(format!("{}.store{size}{offset}", ty.name()));
            }
            4 => self.emit("i32.const 1\nmemory.grow\ndrop\nmemory.size\ndrop"),
            _ => {
                self.value(I32, depth.saturating_sub(1));
                self.emit("if");
                self.labels.push(None);
                self.value(ty, depth.saturating_sub(1));
                self.emit("drop");
                self.end();
            }
        }
    }
}

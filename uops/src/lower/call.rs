//! Calls. The callee's frame begins at its arguments in the caller's frame. A tail call replaces the caller's frame.

use super::slot::array_offset;
use super::stack::{Entry, Place};
use super::{Function, function_label};
use crate::module::types::{AddressType, FuncType};
use crate::uop::Wasm;

impl Function<'_, '_> {
    pub(super) fn call(&mut self, function: u32) {
        let module = self.module;
        let ty = module.ty(module.functions[function as usize]);
        let imported = module.imported_functions();
        let frame = self.arguments(ty);
        self.emit(match (function as usize).checked_sub(imported) {
            Some(defined) if !self.code.alone => Wasm::call(function_label(defined), frame, self.site),
            _ => Wasm::call_import(array_offset(function), frame, self.site),
        });
        self.stack.push_homes(&ty.results);
    }

    pub(super) fn call_indirect(&mut self, ty: u32, table: u32) {
        let index = self.callee_index(table);
        let signature = self.module.ty(ty);
        let frame = self.arguments(signature);
        self.emit(Wasm::call_indirect(array_offset(table), array_offset(ty), index, frame, self.site));
        self.stack.push_homes(&signature.results);
    }

    /// Puts the arguments and all values below them into their home slots, and pops the arguments. Returns the offset of the
    /// first argument, where the callee's frame begins.
    fn arguments(&mut self, ty: &FuncType) -> u32 {
        self.settle_all();
        self.stack.truncate(self.stack.height() - ty.params.len());
        self.stack.next_home().offset()
    }

    /// A tail call is a jump: it needs no frame, and nothing of the native stack.
    pub(super) fn return_call(&mut self, function: u32) {
        let module = self.module;
        let ty = module.ty(module.functions[function as usize]);
        self.move_to_front(ty.params.len());
        self.emit(match (function as usize).checked_sub(module.imported_functions()) {
            Some(defined) if !self.code.alone => Wasm::jump(function_label(defined)),
            _ => Wasm::return_call_import(array_offset(function)),
        });
        self.leave();
    }

    pub(super) fn return_call_indirect(&mut self, ty: u32, table: u32) {
        let index = self.callee_index(table);
        self.move_to_front(self.module.ty(ty).params.len());
        self.emit(Wasm::return_call_indirect(array_offset(table), array_offset(ty), index, self.site));
        self.leave();
    }

    /// Puts the index of an indirect call into the slot above all others. Returns the slot's offset.
    fn callee_index(&mut self, table: u32) -> u32 {
        let mut index = self.stack.pop();
        if self.module.tables[table as usize].address == AddressType::I64 {
            index = Entry { place: Place::Register(self.table_index(index, table)), ..index };
        }
        let slot = self.stack.next_home();
        self.put_in_slot(index, slot);
        slot.offset()
    }
}

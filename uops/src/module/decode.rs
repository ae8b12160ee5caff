//! Decoding: from bytes to a [`Module`], which is plain data.

use std::ops::Range;
use std::sync::Arc;

use wasmparser::{
    BinaryReaderError, DataKind, ElementItems, ElementKind, ExternalKind, KnownCustom, Name, NameSectionReader,
    Payload, TypeRef, ValType, WasmFeatures,
};

use crate::module::const_expr::ConstExpr;
use crate::module::error::Error;
use crate::module::features::{Version, unsupported};
use crate::module::progress::{Observer, Phase, Reporter};
use crate::module::types::{
    AddressType, ExternType, FuncType, GlobalType, Limits, MemoryType, RefType, TableType, ValueType,
};
use crate::module::validate::validate;
use crate::module::{DataSegment, ElementSegment, Export, Import, Item, MAX_ITEMS, MAX_SIZE, Mode, Module, References};

/// Decodes and validates a module.
pub(crate) fn decode(wasm: &[u8], version: Version, observer: Observer<'_>) -> Result<Module, Error> {
    if !wasm.starts_with(b"\0asm") {
        let message = "it does not begin with the bytes 00 61 73 6d, as every module does".to_owned();
        return Err(Error::Invalid { message, offset: 0 });
    }
    if wasm.len() as u64 > MAX_SIZE {
        return Err(Error::Limit { what: "bytes of a module", limit: MAX_SIZE, offset: MAX_SIZE });
    }
    decode_with(wasm, version.features(), observer)
}

fn decode_with(wasm: &[u8], features: WasmFeatures, observer: Observer<'_>) -> Result<Module, Error> {
    match read(wasm, features, observer) {
        Ok(module) => Ok(module),
        Err(Failure::Refused(error)) => Err(error),
        Err(Failure::Invalid(error)) => {
            let offset = error.offset();
            Err(match unsupported(wasm, features, &error, observer)? {
                Some(what) => Error::Unsupported { what, offset },
                None => Error::Invalid { message: error.message().to_owned(), offset },
            })
        }
    }
}

/// Why bytes did not become a module.
pub(crate) enum Failure {
    /// They are not valid, or need a feature that is not supported.
    Invalid(BinaryReaderError),
    /// They exceed a limit, or there is no memory for them.
    Refused(Error),
}

impl From<BinaryReaderError> for Failure {
    fn from(error: BinaryReaderError) -> Self {
        Self::Invalid(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

fn read(wasm: &[u8], features: WasmFeatures, observer: Observer<'_>) -> Result<Module, Failure> {
    let mut reporter = Reporter::new(observer, Phase::Validating, 0, wasm.len());
    let mut module = Module { wasm: copy(wasm, &mut reporter)?, ..Module::default() };
    validate(wasm, features, &mut reporter, |payload| module.add(payload))?;
    module.check_items()?;
    module.name_functions();
    Ok(module)
}

fn copy(wasm: &[u8], reporter: &mut Reporter<'_>) -> Result<Box<[u8]>, Error> {
    let mut bytes = Vec::new();
    let failed = |_| Error::OutOfMemory { what: "module", size: wasm.len() as u64 };
    bytes.try_reserve_exact(wasm.len()).map_err(failed)?;
    for piece in wasm.chunks(1 << 20) {
        if !bytes.is_empty() {
            reporter.report(0)?;
        }
        bytes.extend_from_slice(piece);
    }
    Ok(bytes.into())
}

impl Module {
    /// Adds a section, or one function of the code section. It has been validated.
    fn add(&mut self, payload: Payload<'_>) -> Result<(), Failure> {
        match payload {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    self.types.push(func_type(&ty?)?);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports_with_offsets() {
                    let (offset, import) = import?;
                    let ty = self.import(import.ty, offset)?;
                    let (module, field) = (import.module.to_owned(), import.name.to_owned());
                    self.imports.push(Import { module, field, ty });
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    self.functions.push(ty?);
                }
            }
            Payload::TableSection(section) => {
                for table in section.into_iter_with_offsets() {
                    let (offset, table) = table?;
                    self.tables.push(table_type(table.ty, offset)?);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    self.memories.push(memory_type(memory?));
                }
            }
            Payload::GlobalSection(section) => {
                for global in section.into_iter_with_offsets() {
                    let (offset, global) = global?;
                    self.globals.push(global_type(global.ty, offset)?);
                    self.global_inits.push(ConstExpr::read(&global.init_expr)?);
                }
            }
            Payload::ExportSection(section) => {
                for export in section.into_iter_with_offsets() {
                    let (offset, export) = export?;
                    let item = match export.kind {
                        ExternalKind::Func => Item::Func(export.index),
                        ExternalKind::Table => Item::Table(export.index),
                        ExternalKind::Memory => Item::Memory(export.index),
                        ExternalKind::Global => Item::Global(export.index),
                        _ => return Err(beyond("this kind of export", offset)),
                    };
                    self.exports.push(Export { name: export.name.to_owned(), item });
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(section) => {
                for segment in section {
                    self.elements.push(element_segment(segment?)?);
                }
            }
            Payload::DataSection(section) => {
                for segment in section.into_iter_with_offsets() {
                    let (offset, segment) = segment?;
                    let mode = match segment.kind {
                        DataKind::Active { memory_index: index, offset_expr } => {
                            Mode::Active { index, offset: ConstExpr::read(&offset_expr)? }
                        }
                        DataKind::Passive => Mode::Passive,
                    };
                    // The range is that of the whole segment, which ends with its bytes.
                    let end = index(segment.range.end, offset)?;
                    let bytes = end - segment.data.len()..end;
                    self.data.push(DataSegment { mode, bytes });
                }
            }
            Payload::CodeSectionEntry(body) => {
                let Range { start, end } = body.range();
                self.bodies.push(index(start, start)?..index(end, start)?);
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    // Names are for diagnostics only, so a malformed section is ignored.
                    let _ = self.name_section(names);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds an import to its index space.
    fn import(&mut self, ty: TypeRef, offset: u64) -> Result<ExternType, Failure> {
        Ok(match ty {
            TypeRef::Func(ty) => {
                self.functions.push(ty);
                ExternType::Func(self.ty(ty).clone())
            }
            TypeRef::Table(ty) => {
                let ty = table_type(ty, offset)?;
                self.tables.push(ty);
                ExternType::Table(ty)
            }
            TypeRef::Memory(ty) => {
                let ty = memory_type(ty);
                self.memories.push(ty);
                ExternType::Memory(ty)
            }
            TypeRef::Global(ty) => {
                let ty = global_type(ty, offset)?;
                self.globals.push(ty);
                ExternType::Global(ty)
            }
            _ => return Err(beyond("this kind of import", offset)),
        })
    }

    /// Fails if there are more items of a kind than offsets in the instance's arrays reach.
    fn check_items(&self) -> Result<(), Error> {
        let counts = [
            ("types", self.types.len()),
            ("functions", self.functions.len()),
            ("tables", self.tables.len()),
            ("memories", self.memories.len()),
            ("globals", self.globals.len()),
        ];
        match counts.into_iter().find(|&(_, count)| count > MAX_ITEMS as usize) {
            Some((what, _)) => Err(Error::Limit { what, limit: MAX_ITEMS.into(), offset: self.wasm.len() as u64 }),
            None => Ok(()),
        }
    }

    /// Names functions without a name after their export or import.
    fn name_functions(&mut self) {
        for export in &self.exports {
            if let Item::Func(index) = export.item {
                self.names.entry(index).or_insert_with(|| export.name.clone());
            }
        }
        let imported = self.imports.iter().filter(|import| matches!(import.ty, ExternType::Func(_)));
        for (index, import) in (0..).zip(imported) {
            self.names.entry(index).or_insert_with(|| import.field.clone());
        }
    }

    fn name_section(&mut self, names: NameSectionReader<'_>) -> Result<(), BinaryReaderError> {
        for subsection in names {
            if let Name::Function(functions) = subsection? {
                for naming in functions {
                    let naming = naming?;
                    if (naming.index as usize) < self.functions.len() {
                        self.names.insert(naming.index, naming.name.to_owned());
                    }
                }
            }
        }
        Ok(())
    }
}

/// Something that the validator should have refused. This keeps a change there from being a panic here.
#[cold]
pub(crate) fn beyond(what: &'static str, offset: u64) -> Failure {
    Failure::Refused(Error::Unsupported { what: what.to_owned(), offset })
}

/// An offset in the module's bytes as an index.
fn index(offset: u64, at: u64) -> Result<usize, Failure> {
    usize::try_from(offset).map_err(|_| beyond("a module of this size", at))
}

fn func_type(ty: &wasmparser::FuncType) -> Result<FuncType, Failure> {
    let all = |types: &[ValType]| types.iter().map(|&ty| value_type(ty, 0)).collect::<Result<Arc<[_]>, _>>();
    Ok(FuncType { params: all(ty.params())?, results: all(ty.results())? })
}

fn value_type(ty: ValType, offset: u64) -> Result<ValueType, Failure> {
    match ty {
        ValType::I32 => Ok(ValueType::I32),
        ValType::I64 => Ok(ValueType::I64),
        ValType::F32 => Ok(ValueType::F32),
        ValType::F64 => Ok(ValueType::F64),
        ValType::V128 => Ok(ValueType::V128),
        ValType::Ref(ty) => ref_type(ty, offset).map(ValueType::Ref),
    }
}

fn ref_type(ty: wasmparser::RefType, offset: u64) -> Result<RefType, Failure> {
    match ty {
        wasmparser::RefType::FUNCREF => Ok(RefType::Func),
        wasmparser::RefType::EXTERNREF => Ok(RefType::Extern),
        _ => Err(beyond("this type of references", offset)),
    }
}

fn table_type(ty: wasmparser::TableType, offset: u64) -> Result<TableType, Failure> {
    let limits = Limits { min: ty.initial, max: ty.maximum };
    Ok(TableType { element: ref_type(ty.element_type, offset)?, address: address_type(ty.table64), limits })
}

fn memory_type(ty: wasmparser::MemoryType) -> MemoryType {
    let limits = Limits { min: ty.initial, max: ty.maximum };
    MemoryType { address: address_type(ty.memory64), limits }
}

fn address_type(is_64: bool) -> AddressType {
    if is_64 { AddressType::I64 } else { AddressType::I32 }
}

fn global_type(ty: wasmparser::GlobalType, offset: u64) -> Result<GlobalType, Failure> {
    Ok(GlobalType { value: value_type(ty.content_type, offset)?, mutable: ty.mutable })
}

fn element_segment(segment: wasmparser::Element<'_>) -> Result<ElementSegment, Failure> {
    let mode = match segment.kind {
        ElementKind::Active { table_index, offset_expr } => {
            Mode::Active { index: table_index.unwrap_or(0), offset: ConstExpr::read(&offset_expr)? }
        }
        ElementKind::Passive => Mode::Passive,
        ElementKind::Declared => Mode::Declared,
    };
    let items = match segment.items {
        ElementItems::Functions(functions) => References::Functions(functions.into_iter().collect::<Result<_, _>>()?),
        ElementItems::Expressions(_, items) => {
            let items = items.into_iter().map(|item| ConstExpr::read(&item?));
            References::Expressions(items.collect::<Result<_, Failure>>()?)
        }
    };
    Ok(ElementSegment { mode, items })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::progress::nobody;

    #[test]
    fn a_cpu_without_vectors_is_told_from_a_broken_module() {
        let features = crate::module::features::FEATURES.difference(WasmFeatures::SIMD);
        let decode = |text: &str| decode_with(&wat::parse_str(text).unwrap(), features, &mut nobody);
        for text in [
            "(module (func i32.const 0 i8x16.splat drop))",
            "(module (func (param v128)))",
            "(module (func (local v128)))",
            "(module (import \"m\" \"g\" (global v128)))",
            "(module (global v128 (v128.const i32x4 0 0 0 0)))",
        ] {
            let error = decode(text).unwrap_err().to_string();
            assert!(error.starts_with("not supported: vectors on a CPU without SSE 4.2, at byte "), "{error}");
        }
        let error = decode("(module (func i32.const 0 drop drop))").unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
        assert!(decode("(module (func i32.const 0 drop))").is_ok());
    }
}

//! Scripts of the official test suite's format (`.wast`): modules, and assertions about them.
//!
//! ```
//! use uops::{Version, wast};
//!
//! # fn main() -> Result<(), uops::Error> {
//! let script = r#"(module (func (export "half") (param i32) (result i32) (i32.div_u (local.get 0) (i32.const 2))))
//!     (assert_return (invoke "half" (i32.const 7)) (i32.const 3))
//!     (assert_return (invoke "half" (i32.const -1)) (i32.const 0))"#;
//! let report = wast::run(script, Version::default())?;
//! assert_eq!(report.passed["assert_return"], 1);
//! assert_eq!(report.failed[0].to_string(), "line 3: assert_return: [I32(2147483647)] instead of [Core(I32(0))]");
//! # Ok(())
//! # }
//! ```

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use wast::core::{AbstractHeapType, HeapType, NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::token::{F32, F64, Id, Index};
use wast::{QuoteWat, QuoteWatTest, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet};

use crate::embedding::linker::Linker;
use crate::module::Module;
use crate::module::error::Error;
use crate::module::types::{AddressType, FuncType, Limits, RefType, TableType, ValueType};
use crate::program::{Program, ProgramOptions};
use crate::runtime::extern_ref::ExternRef;
use crate::runtime::func::Func;
use crate::runtime::global::Global;
use crate::runtime::instance::Instance;
use crate::runtime::memory::Memory;
use crate::runtime::store::Store;
use crate::runtime::table::Table;
use crate::runtime::value::Value;

/// The outcome of a script.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The number of directives of each kind that passed.
    pub passed: BTreeMap<&'static str, usize>,
    /// The directives that failed.
    pub failed: Vec<Failure>,
}

/// A directive that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The line of the directive, from 1.
    pub line: usize,
    /// The kind of the directive, and what is wrong.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// Runs all directives of a script. Its modules must be valid in a version of WebAssembly, which the options name or are.
///
/// # Errors
/// [`Error::Text`] if the text is not a script; [`Error::OutOfMemory`].
pub fn run(text: &str, options: impl Into<ProgramOptions>) -> Result<Report, Error> {
    let malformed = |mut error: wast::Error| {
        error.set_text(text);
        Error::Text(error.to_string())
    };
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer).map_err(malformed)?;
    let directives = parser::parse::<Wast<'_>>(&buffer).map_err(malformed)?.directives;
    let mut script = Script::new(options.into())?;
    let mut report = Report::default();
    for directive in directives {
        let (kind, (line, _)) = (kind(&directive), directive.span().linecol_in(text));
        match script.directive(directive) {
            Ok(()) => *report.passed.entry(kind).or_default() += 1,
            Err(what) => report.failed.push(Failure { line: line + 1, message: format!("{kind}: {what}") }),
        }
    }
    Ok(report)
}

fn kind(directive: &WastDirective<'_>) -> &'static str {
    match directive {
        WastDirective::Module(_) => "module",
        WastDirective::ModuleDefinition(_) => "module definition",
        WastDirective::ModuleInstance { .. } => "module instance",
        WastDirective::Register { .. } => "register",
        WastDirective::Invoke(_) => "invoke",
        WastDirective::AssertReturn { exec: WastExecute::Get { .. }, .. } => "assert_return of get",
        WastDirective::AssertReturn { .. } => "assert_return",
        WastDirective::AssertTrap { exec: WastExecute::Wat(_), .. } => "assert_trap of module",
        WastDirective::AssertTrap { .. } => "assert_trap",
        WastDirective::AssertExhaustion { .. } => "assert_exhaustion",
        WastDirective::AssertInvalid { .. } => "assert_invalid",
        WastDirective::AssertMalformed { .. } => "assert_malformed",
        WastDirective::AssertUnlinkable { .. } => "assert_unlinkable",
        _ => "other",
    }
}

/// The state that directives refer to.
struct Script<'a> {
    options: ProgramOptions,
    store: Store,
    linker: Linker,
    /// The instance of the last module.
    last: Option<Instance>,
    named: HashMap<&'a str, Instance>,
    /// Modules that were defined without an instance, by name. The last one is also there without a name.
    definitions: HashMap<Option<&'a str>, Program>,
}

/// The result of a directive. The error says what is wrong.
type Outcome<T = ()> = Result<T, String>;

impl<'a> Script<'a> {
    fn new(options: ProgramOptions) -> Result<Self, Error> {
        let store = Store::new()?;
        let linker = spectest(&store)?;
        Ok(Self { options, store, linker, last: None, named: HashMap::new(), definitions: HashMap::new() })
    }

    fn directive(&mut self, directive: WastDirective<'a>) -> Outcome {
        match directive {
            WastDirective::Module(mut module) => {
                let id = module.name();
                let program = self.program(&mut module);
                self.new_instance(id, program)
            }
            WastDirective::ModuleDefinition(mut module) => {
                let id = module.name().map(|id| id.name());
                let program = self.program(&mut module).map_err(said)?;
                self.definitions.insert(None, program.clone());
                self.definitions.insert(id, program);
                Ok(())
            }
            WastDirective::ModuleInstance { instance, module, .. } => {
                let definition = self.definitions.get(&module.map(|id| id.name()));
                let program = definition.ok_or("the script defines no such module")?.clone();
                self.new_instance(instance, Ok(program))
            }
            WastDirective::Register { name, module, .. } => {
                let instance = self.instance(module)?;
                self.linker.instance(&self.store, name, instance).map_err(said)?;
                Ok(())
            }
            WastDirective::Invoke(call) => match self.invoke(&call)? {
                Ok(_) => Ok(()),
                Err(error) => Err(said(error)),
            },
            WastDirective::AssertReturn { exec, results, .. } => {
                let module = match &exec {
                    WastExecute::Invoke(WastInvoke { module, .. }) | WastExecute::Get { module, .. } => *module,
                    WastExecute::Wat(_) => None,
                };
                let found = self.execute(exec)?.map_err(said)?;
                let fits = |(&value, wanted): (&Value, &WastRet<'_>)| match wanted {
                    WastRet::Core(wanted) => self.fits(value, wanted, module),
                    _ => false,
                };
                if found.len() == results.len() && found.iter().zip(&results).all(fits) {
                    return Ok(());
                }
                Err(format!("{found:?} instead of {results:?}"))
            }
            WastDirective::AssertTrap { exec, message, .. } => trapped(self.execute(exec)?, message),
            WastDirective::AssertExhaustion { call, message, .. } => trapped(self.invoke(&call)?, message),
            WastDirective::AssertInvalid { mut module, message, .. } => match self.program(&mut module) {
                Err(Error::Invalid { .. } | Error::Unsupported { .. }) => Ok(()),
                other => Err(format!("{} instead of `{}`", outcome(other), message.escape_debug())),
            },
            WastDirective::AssertMalformed { mut module, message, .. } => match self.program(&mut module) {
                Err(Error::Invalid { .. } | Error::Unsupported { .. } | Error::Text(_)) => Ok(()),
                other => Err(format!("{} instead of `{}`", outcome(other), message.escape_debug())),
            },
            WastDirective::AssertUnlinkable { module, message, .. } => {
                let program = self.program(&mut QuoteWat::Wat(module)).map_err(said)?;
                match self.instantiate(&program) {
                    Err(error @ (Error::UnknownImport { .. } | Error::IncompatibleImport { .. }))
                        if error.to_string().starts_with(message) =>
                    {
                        Ok(())
                    }
                    other => Err(format!("{} instead of `{}`", outcome(other), message.escape_debug())),
                }
            }
            _ => Err("this directive is not supported".to_owned()),
        }
    }

    /// Compiles a module. Text goes to the same parser as that of other users of the library.
    fn program(&self, module: &mut QuoteWat<'_>) -> Result<Program, Error> {
        let wasm = match module.to_test().map_err(|error| Error::Text(error.to_string()))? {
            QuoteWatTest::Binary(wasm) => wasm,
            QuoteWatTest::Text(source) => Module::binary(&source)?.into_owned(),
        };
        let ProgramOptions { version, tier } = self.options;
        Program::for_tier(Module::with_version(&wasm, version)?, tier)
    }

    fn new_instance(&mut self, id: Option<Id<'a>>, program: Result<Program, Error>) -> Outcome {
        self.last = None;
        let instance = self.instantiate(&program.map_err(said)?).map_err(said)?;
        self.last = Some(instance);
        if let Some(id) = id {
            self.named.insert(id.name(), instance);
        }
        Ok(())
    }

    fn instantiate(&self, program: &Program) -> Result<Instance, Error> {
        Instance::new(&self.store, program, &self.linker)
    }

    fn instance(&self, id: Option<Id<'_>>) -> Outcome<Instance> {
        let instance = match id {
            Some(id) => self.named.get(id.name()).copied(),
            None => self.last,
        };
        instance.ok_or_else(|| "the script has no such instance".to_owned())
    }

    /// Runs the action of an assertion.
    fn execute(&self, exec: WastExecute<'_>) -> Outcome<Result<Vec<Value>, Error>> {
        match exec {
            WastExecute::Invoke(call) => self.invoke(&call),
            WastExecute::Get { module, global, .. } => {
                let global = self.instance(module)?.global(&self.store, global).map_err(said)?;
                Ok(global.get(&self.store).map(|value| vec![value]))
            }
            WastExecute::Wat(module) => {
                let program = self.program(&mut QuoteWat::Wat(module)).map_err(said)?;
                Ok(self.instantiate(&program).map(|_| Vec::new()))
            }
        }
    }

    fn invoke(&self, call: &WastInvoke<'_>) -> Outcome<Result<Vec<Value>, Error>> {
        let args = call.args.iter().map(|arg| argument(&self.store, arg)).collect::<Outcome<Vec<_>>>()?;
        let function = self.instance(call.module)?.func(&self.store, call.name).map_err(said)?;
        Ok(function.call(&self.store, &args))
    }

    /// Whether a result of a module is the expected one. A NaN may be one of several.
    fn fits(&self, value: Value, expected: &WastRetCore<'_>, module: Option<Id<'_>>) -> bool {
        match (value, expected) {
            (value, WastRetCore::Either(cases)) => cases.iter().any(|case| self.fits(value, case, module)),
            (Value::I32(value), WastRetCore::I32(expected)) => value == *expected,
            (Value::I64(value), WastRetCore::I64(expected)) => value == *expected,
            (Value::F32(value), WastRetCore::F32(expected)) => single_fits(value.to_bits(), expected),
            (Value::F64(value), WastRetCore::F64(expected)) => double_fits(value.to_bits(), expected),
            (Value::V128(value), WastRetCore::V128(expected)) => vector_fits(value, expected),
            (Value::FuncRef(value), WastRetCore::RefFunc(None)) => value.is_some(),
            (Value::FuncRef(Some(value)), WastRetCore::RefFunc(Some(index))) => {
                self.function(module, index) == Some(value)
            }
            (Value::FuncRef(value), WastRetCore::RefNull(ty)) => {
                value.is_none() && ty.is_none_or(|ty| ty == NO_FUNCTION)
            }
            (Value::ExternRef(value), WastRetCore::RefNull(ty)) => value.is_none() && *ty != Some(NO_FUNCTION),
            (Value::ExternRef(Some(value)), WastRetCore::RefExtern(expected)) => {
                let value = value.get(&self.store).ok().and_then(|value| value.downcast_ref::<u32>().copied());
                value.is_some() && expected.is_none_or(|expected| value == Some(expected))
            }
            _ => false,
        }
    }

    /// The function of a module with this index, or with this identifier, which the text format keeps as its name.
    fn function(&self, module: Option<Id<'_>>, index: &Index<'_>) -> Option<Func> {
        let data = self.instance(module).ok()?.0.get(&self.store).ok()?;
        let index = match index {
            Index::Num(index, _) => *index as usize,
            Index::Id(id) => (0..data.functions.len())
                .find(|&index| data.program.module.function_name(index as u32) == Some(id.name()))?,
        };
        data.functions.get(index).copied().map(Func)
    }
}

fn argument(store: &Store, arg: &WastArg<'_>) -> Outcome<Value> {
    match arg {
        WastArg::Core(WastArgCore::I32(value)) => Ok(Value::I32(*value)),
        WastArg::Core(WastArgCore::I64(value)) => Ok(Value::I64(*value)),
        WastArg::Core(WastArgCore::F32(value)) => Ok(Value::F32(f32::from_bits(value.bits))),
        WastArg::Core(WastArgCore::F64(value)) => Ok(Value::F64(f64::from_bits(value.bits))),
        WastArg::Core(WastArgCore::V128(value)) => Ok(Value::V128(u128::from_le_bytes(value.to_le_bytes()))),
        WastArg::Core(WastArgCore::RefNull(ty)) if *ty == NO_FUNCTION => Ok(Value::FuncRef(None)),
        WastArg::Core(WastArgCore::RefNull(_)) => Ok(Value::ExternRef(None)),
        WastArg::Core(WastArgCore::RefExtern(value)) => Ok(Value::ExternRef(Some(ExternRef::new(store, *value)))),
        other => Err(format!("arguments like {other:?} are not supported")),
    }
}

fn single_fits(bits: u32, wanted: &NanPattern<F32>) -> bool {
    match wanted {
        NanPattern::CanonicalNan => bits & 0x7fff_ffff == 0x7fc0_0000,
        NanPattern::ArithmeticNan => bits & 0x7fc0_0000 == 0x7fc0_0000,
        NanPattern::Value(wanted) => bits == wanted.bits,
    }
}

fn double_fits(bits: u64, wanted: &NanPattern<F64>) -> bool {
    match wanted {
        NanPattern::CanonicalNan => bits & (u64::MAX >> 1) == 0x7ff8_0000_0000_0000,
        NanPattern::ArithmeticNan => bits & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000,
        NanPattern::Value(wanted) => bits == wanted.bits,
    }
}

/// Whether each lane is the expected one.
fn vector_fits(value: u128, wanted: &V128Pattern) -> bool {
    match wanted {
        V128Pattern::I8x16(lanes) => (lanes.iter().enumerate()).all(|(n, &lane)| (value >> (8 * n)) as i8 == lane),
        V128Pattern::I16x8(lanes) => (lanes.iter().enumerate()).all(|(n, &lane)| (value >> (16 * n)) as i16 == lane),
        V128Pattern::I32x4(lanes) => (lanes.iter().enumerate()).all(|(n, &lane)| (value >> (32 * n)) as i32 == lane),
        V128Pattern::I64x2(lanes) => (lanes.iter().enumerate()).all(|(n, &lane)| (value >> (64 * n)) as i64 == lane),
        V128Pattern::F32x4(lanes) => {
            (lanes.iter().enumerate()).all(|(n, lane)| single_fits((value >> (32 * n)) as u32, lane))
        }
        V128Pattern::F64x2(lanes) => {
            (lanes.iter().enumerate()).all(|(n, lane)| double_fits((value >> (64 * n)) as u64, lane))
        }
    }
}

/// The type of the null reference to a function.
const NO_FUNCTION: HeapType<'_> = HeapType::Abstract { shared: false, ty: AbstractHeapType::Func };

/// Checks that a call ended with a trap for this reason. The suite appends the index of an element to one reason, and cuts
/// another short.
fn trapped(result: Result<Vec<Value>, Error>, message: &str) -> Outcome {
    if let Err(Error::Trap { trap, .. }) = &result {
        let trap = trap.to_string();
        if trap.starts_with(message) || message.starts_with(&trap) {
            return Ok(());
        }
    }
    Err(format!("{} instead of `{}`", outcome(result), message.escape_debug()))
}

fn said(error: Error) -> String {
    error.to_string()
}

fn outcome<T>(result: Result<T, Error>) -> String {
    result.map_or_else(|error| format!("`{error}`"), |_| "success".to_owned())
}

/// The module `spectest`, which all scripts may import from.
fn spectest(store: &Store) -> Result<Linker, Error> {
    use ValueType::{F32, F64, I32, I64};
    let mut linker = Linker::new();
    let prints: [(&str, &[ValueType]); 7] = [
        ("print", &[]),
        ("print_i32", &[I32]),
        ("print_i64", &[I64]),
        ("print_f32", &[F32]),
        ("print_f64", &[F64]),
        ("print_i32_f32", &[I32, F32]),
        ("print_f64_f64", &[F64, F64]),
    ];
    for (name, params) in prints {
        linker.func_new("spectest", name, FuncType::new(params, []), |_, _| Ok(vec![]));
    }
    let globals: [(&str, Value); 4] =
        [("i32", 666.into()), ("i64", 666i64.into()), ("f32", 666.6f32.into()), ("f64", 666.6.into())];
    for (name, value) in globals {
        linker.define("spectest", &format!("global_{name}"), Global::new(store, value, false)?);
    }
    let table = TableType::new(RefType::Func, Limits { min: 10, max: Some(20) });
    linker.define("spectest", "table", Table::new(store, table)?);
    let table64 = TableType { address: AddressType::I64, ..table };
    linker.define("spectest", "table64", Table::new(store, table64)?);
    linker.define("spectest", "memory", Memory::new(store, Limits { min: 1, max: Some(2) })?);
    Ok(linker)
}

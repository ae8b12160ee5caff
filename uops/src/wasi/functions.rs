//! The table of all functions, in the order of the specification. The two that cannot fail come last.

use std::rc::Rc;

use super::guest::{Guest, Region};
use super::{Context, Exit, MODULE};
use crate::embedding::linker::Linker;
use crate::embedding::typed::WasmTypes;
use crate::embedding::typed::private::Sealed;
use crate::module::types::{FuncType, ValueType};
use crate::runtime::value::Value;

impl Sealed for Region {}
impl WasmTypes for Region {
    const TYPES: &'static [ValueType] = &[ValueType::I32, ValueType::I32];

    fn into_values(self) -> impl IntoIterator<Item = Value> {
        (self.at, self.len).into_values()
    }

    fn from_values(values: impl Iterator<Item = Value>) -> Option<Self> {
        <(u32, u32)>::from_values(values).map(|(at, len)| Self { at, len })
    }
}

macro_rules! functions {
    ($linker:ident $context:ident $($name:ident($($arg:ident: $ty:ty),*);)*) => {$({
        let context = $context.clone();
        let types: &[&[ValueType]] = &[$(<$ty as WasmTypes>::TYPES),*];
        let ty = FuncType::new(types.concat(), [ValueType::I32]);
        $linker.func_new(MODULE, stringify!($name), ty, move |caller, values| {
            let guest = Guest::new(caller)?;
            let mut values = values.iter().copied();
            $(let $arg = <$ty>::from_values(values.by_ref()).ok_or("its arguments have other types")?;)*
            let result = context.$name(&guest, $($arg),*);
            Ok(vec![Value::I32(result.map_or_else(|errno| errno.0, |()| 0).into())])
        });
    })*};
}

/// Defines all functions.
pub(super) fn define(linker: &mut Linker, context: &Rc<Context>) {
    functions! {
        linker context
        args_get(array: u32, buffer: u32);
        args_sizes_get(count: u32, size: u32);
        environ_get(array: u32, buffer: u32);
        environ_sizes_get(count: u32, size: u32);
        clock_res_get(clock: u32, resolution: u32);
        clock_time_get(clock: u32, precision: u64, time: u32);
        fd_advise(fd: u32, offset: u64, len: u64, advice: u32);
        fd_allocate(fd: u32, offset: u64, len: u64);
        fd_close(fd: u32);
        fd_datasync(fd: u32);
        fd_fdstat_get(fd: u32, stat: u32);
        fd_fdstat_set_flags(fd: u32, flags: u32);
        fd_fdstat_set_rights(fd: u32, rights: u64, inheriting: u64);
        fd_filestat_get(fd: u32, stat: u32);
        fd_filestat_set_size(fd: u32, size: u64);
        fd_filestat_set_times(fd: u32, read: u64, written: u64, flags: u32);
        fd_pread(fd: u32, slices: Region, offset: u64, done: u32);
        fd_prestat_get(fd: u32, prestat: u32);
        fd_prestat_dir_name(fd: u32, name: Region);
        fd_pwrite(fd: u32, slices: Region, offset: u64, done: u32);
        fd_read(fd: u32, slices: Region, done: u32);
        fd_readdir(fd: u32, buffer: Region, cookie: u64, used: u32);
        fd_renumber(from: u32, to: u32);
        fd_seek(fd: u32, by: u64, whence: u32, position: u32);
        fd_sync(fd: u32);
        fd_tell(fd: u32, position: u32);
        fd_write(fd: u32, slices: Region, done: u32);
        path_create_directory(fd: u32, path: Region);
        path_filestat_get(fd: u32, lookup: u32, path: Region, stat: u32);
        path_filestat_set_times(fd: u32, lookup: u32, path: Region, read: u64, written: u64, flags: u32);
        path_link(fd: u32, lookup: u32, path: Region, to_fd: u32, to: Region);
        path_open(
            fd: u32, lookup: u32, path: Region, how: u32, rights: u64, inheriting: u64, flags: u32, opened: u32
        );
        path_readlink(fd: u32, path: Region, buffer: Region, used: u32);
        path_remove_directory(fd: u32, path: Region);
        path_rename(fd: u32, path: Region, to_fd: u32, to: Region);
        path_symlink(target: Region, fd: u32, path: Region);
        path_unlink_file(fd: u32, path: Region);
        poll_oneoff(subscriptions: u32, events: u32, count: u32, happened: u32);
        random_get(buffer: Region);
        proc_raise(signal: u32);
        sock_accept(fd: u32, flags: u32, accepted: u32);
        sock_recv(fd: u32, slices: Region, flags: u32, done: u32, out_flags: u32);
        sock_send(fd: u32, slices: Region, flags: u32, done: u32);
        sock_shutdown(fd: u32, how: u32);
    }
    linker.func_wrap(MODULE, "sched_yield", || {
        std::thread::yield_now();
        0u32
    });
    linker.func_wrap(MODULE, "proc_exit", |code: u32| Err::<(), _>(Exit(code)));
}

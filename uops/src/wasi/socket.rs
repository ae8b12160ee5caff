//! Functions on sockets and signals. No descriptor of a program is a socket, and there are no signals.

use super::Context;
use super::errno::Errno;
use super::guest::{Guest, Region};

impl Context {
    pub(super) fn sock_accept(&self, _guest: &Guest<'_>, fd: u32, _flags: u32, _accepted: u32) -> Result<(), Errno> {
        self.socket(fd)
    }

    pub(super) fn sock_recv(
        &self,
        _guest: &Guest<'_>,
        fd: u32,
        _slices: Region,
        _flags: u32,
        _done: u32,
        _out_flags: u32,
    ) -> Result<(), Errno> {
        self.socket(fd)
    }

    pub(super) fn sock_send(
        &self,
        _guest: &Guest<'_>,
        fd: u32,
        _slices: Region,
        _flags: u32,
        _done: u32,
    ) -> Result<(), Errno> {
        self.socket(fd)
    }

    pub(super) fn sock_shutdown(&self, _guest: &Guest<'_>, fd: u32, _how: u32) -> Result<(), Errno> {
        self.socket(fd)
    }

    pub(super) fn proc_raise(&self, _guest: &Guest<'_>, _signal: u32) -> Result<(), Errno> {
        Err(Errno::NOSYS)
    }

    fn socket(&self, fd: u32) -> Result<(), Errno> {
        self.table.borrow().get(fd).and(Err(Errno::NOTSOCK))
    }
}

//! Those error numbers of the specification that can occur.

use std::io;

/// Why a function failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Errno(pub(super) u16);

macro_rules! errnos {
    ($($name:ident = $number:literal)*) => {
        impl Errno {
            $(pub(super) const $name: Self = Self($number);)*

            /// The specification's number for an error of the system.
            fn from_system(error: rustix::io::Errno) -> Self {
                match error {
                    $(rustix::io::Errno::$name => Self::$name,)*
                    _ => Self::IO,
                }
            }
        }
    };
}

errnos! {
    ACCESS = 2
    AGAIN = 6
    BADF = 8
    BUSY = 10
    DQUOT = 19
    EXIST = 20
    FAULT = 21
    FBIG = 22
    ILSEQ = 25
    INTR = 27
    INVAL = 28
    IO = 29
    ISDIR = 31
    LOOP = 32
    MFILE = 33
    MLINK = 34
    NAMETOOLONG = 37
    NFILE = 41
    NODEV = 43
    NOENT = 44
    NOMEM = 48
    NOSPC = 51
    NOSYS = 52
    NOTDIR = 54
    NOTEMPTY = 55
    NOTSOCK = 57
    NOTSUP = 58
    NOTTY = 59
    NXIO = 60
    OVERFLOW = 61
    PERM = 63
    PIPE = 64
    ROFS = 69
    SPIPE = 70
    STALE = 72
    TXTBSY = 74
    XDEV = 75
}

impl From<rustix::io::Errno> for Errno {
    fn from(error: rustix::io::Errno) -> Self {
        Self::from_system(error)
    }
}

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Self {
        match rustix::io::Errno::from_io_error(&error) {
            Some(error) => Self::from_system(error),
            // An error that `std` or `cap-std` made. The latter refuses to leave a directory with `PermissionDenied`.
            None => match error.kind() {
                io::ErrorKind::PermissionDenied => Self::PERM,
                io::ErrorKind::InvalidInput => Self::INVAL,
                io::ErrorKind::NotFound => Self::NOENT,
                io::ErrorKind::AlreadyExists => Self::EXIST,
                io::ErrorKind::StorageFull => Self::NOSPC,
                _ => Self::IO,
            },
        }
    }
}

//! How compiled code is entered: the types of functions that enter it, and a function that lives as long as its code.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// The function that a program is, borrowed from its [`Code`](crate::Code): call it as a function.
///
/// It dereferences to a function pointer. A copy of that pointer is not bound to the code any more: whoever copies it
/// has to keep the code as long as the copy is called.
///
/// ```compile_fail,E0505
/// # use stencil_runtime::stencil;
/// # stencil! {
/// #     machine Calc(x: u64) -> u64;
/// #     uop ret() { RETURN(x); }
/// # }
/// let code = Calc::compile(&[Calc::ret()]).unwrap();
/// let entry = code.entry();
/// drop(code); // error: `entry` borrows it
/// unsafe { entry(1) };
/// ```
#[derive(Clone, Copy)]
pub struct EntryPoint<'code, F> {
    function: F,
    code: PhantomData<&'code ()>,
}

impl<F> EntryPoint<'_, F> {
    /// A function of code that the caller borrows for the lifetime of the result.
    #[inline]
    pub(crate) fn new(function: F) -> Self {
        Self { function, code: PhantomData }
    }
}

impl<F> Deref for EntryPoint<'_, F> {
    type Target = F;

    #[inline]
    fn deref(&self) -> &F {
        &self.function
    }
}

impl<F: fmt::Debug> fmt::Debug for EntryPoint<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.function.fmt(f)
    }
}

/// A pointer to an `unsafe extern "C"` function, by which compiled code is entered. Not for implementation
/// outside this crate.
///
/// # Safety
/// The implementing type is a function pointer, so that the address of such a function can be turned into it.
pub unsafe trait Entry: Copy + 'static {}

macro_rules! entries {
    ($($parameter:ident)*) => {
        // SAFETY: it is a function pointer.
        unsafe impl<$($parameter: 'static,)* Output: 'static> Entry
            for unsafe extern "C" fn($($parameter),*) -> Output {}
    };
}

entries!();
entries!(A);
entries!(A B);
entries!(A B C);
entries!(A B C D);
entries!(A B C D E);
entries!(A B C D E F);
entries!(A B C D E F G);
entries!(A B C D E F G H);
entries!(A B C D E F G H I);
entries!(A B C D E F G H I J);
entries!(A B C D E F G H I J K);
entries!(A B C D E F G H I J K L);
entries!(A B C D E F G H I J K L M);
entries!(A B C D E F G H I J K L M N);
entries!(A B C D E F G H I J K L M N O);
entries!(A B C D E F G H I J K L M N O P);
entries!(A B C D E F G H I J K L M N O P Q);
entries!(A B C D E F G H I J K L M N O P Q R);
entries!(A B C D E F G H I J K L M N O P Q R S);
entries!(A B C D E F G H I J K L M N O P Q R S T);
entries!(A B C D E F G H I J K L M N O P Q R S T U);

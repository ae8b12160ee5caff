//! The types of functions that enter compiled code.

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

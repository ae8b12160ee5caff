//! Bulk memory and table instructions (core specification 4.4.6 and 4.4.7). Rust functions do the work.

use super::uops;

/// Calls a Rust function with the operands, whose slots start at `args` and receive the result, and with immediates.
macro_rules! bulk {
    ($($name:ident $host:ident($($operand:ident),*);)*) => {
        uops! {
            $(extern fn $host(vm: *mut Vm, args: *mut u64 $(, $operand: u32)*) -> u64 = crate::runtime::bulk::$name;)*
            $(#[stencil()]
            pub uop $name(args: u32 $(, $operand: u32)*, site: u32) {
                uint64_t trap = $host(vm, (uint64_t *)((char *)fp + args) $(, $operand)*);
                if (EXPECT_NOT(trap)) UNWIND(trap);
                FORGET_REGISTERS;
            })*
        }
    };
}

bulk! {
    memory_copy memory_copy_(to, from);
    memory_fill memory_fill_(memory);
    memory_init memory_init_(segment, memory);
    data_drop data_drop_(segment);
    table_copy table_copy_(to, from);
    table_init table_init_(segment, table);
    elem_drop elem_drop_(segment);
    table_grow table_grow_(table);
    table_fill table_fill_(table);
}

// What eBPF's uops share: places of operands, and the check of an access to memory.
#pragma once

// As in uops.rs.
#define STACK 512
#define MAX_DEPTH 8

// The registers r0 to r9, by number. Other numbers are not evaluated: they select what `VALUE` has for them.
#define R(n) \
    (*((n) == 0   ? &r0 \
       : (n) == 1 ? &r1 \
       : (n) == 2 ? &r2 \
       : (n) == 3 ? &r3 \
       : (n) == 4 ? &r4 \
       : (n) == 5 ? &r5 \
       : (n) == 6 ? &r6 \
       : (n) == 7 ? &r7 \
       : (n) == 8 ? &r8 \
                  : &r9))

// A second operand: a register, r10, the scratch register, or the constant.
#define VALUE(place) ((place) == 12 ? (uint64_t)(int64_t)imm : (place) == 11 ? t : (place) == 10 ? ctx->frame : R(place))

// The same for an unsigned comparison of 64 bits. It extends the constant with zeros, as uBPF and rbpf do; RFC 9669 extends its sign.
#define UNSIGNED_VALUE(place) ((place) == 12 ? (uint64_t)(uint32_t)imm : VALUE(place))

// Stops the program at the instruction `pc`, which is counted from 1.
#define FAULT() \
    do { \
        ctx->fault = pc; \
        RETURN(0); \
    } while (0)

// The address of an access to `t + offset` of `1 << size` bytes, which lies in the memory or on the stack.
#define ADDRESS(size) \
    uint64_t address = t + (uint64_t)(int64_t)offset; \
    if (__builtin_expect(address - ctx->memory.start >= ctx->memory.ends[size], 0) && \
        address - ctx->stack.start >= ctx->stack.ends[size]) \
        FAULT()

// What loads and stores access: neither aligned nor of a type of its own.
typedef uint8_t __attribute__((aligned(1), may_alias)) Unaligned8;
typedef uint16_t __attribute__((aligned(1), may_alias)) Unaligned16;
typedef uint32_t __attribute__((aligned(1), may_alias)) Unaligned32;
typedef uint64_t __attribute__((aligned(1), may_alias)) Unaligned64;

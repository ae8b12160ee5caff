// The operations of eBPF on values, and the check of memory accesses. Operations have the numbers of RFC 9669.
#pragma once

// As in uops.rs.
#define STACK 512
#define FRAME 10
#define SCRATCH 11
#define IMM 12

// The value at a location: one of r[0] to r[9], r10, the scratch register or the constant.
#define VALUE(location) \
    ((location) == IMM       ? (uint64_t)(int64_t)imm \
     : (location) == SCRATCH ? t \
     : (location) == FRAME   ? ctx->frame \
                             : r((location) < FRAME ? (location) : 0))

// Operations with a stencil for each pair of registers: add, sub, or, and, xor, mov.
#define DIRECT(op) (op == 0 || op == 1 || op == 4 || op == 5 || op == 10 || op == 11)

// Arithmetic on 64 or 32 bits (section 4.1). The caller truncates a result of 32 bits.
static inline uint64_t alu(int wide, int op, uint64_t a, uint64_t b) {
    uint64_t shift = b & (wide ? 63 : 31);
    if (!wide) a = (uint32_t)a, b = (uint32_t)b;
    switch (op) {
    case 0: return a + b;
    case 1: return a - b;
    case 2: return a * b;
    case 3: return b ? a / b : 0;
    case 4: return a | b;
    case 5: return a & b;
    case 6: return a << shift;
    case 7: return a >> shift;
    case 8: return -a;
    case 9: return b ? a % b : a;
    case 10: return a ^ b;
    case 11: return b;
    default: return (uint64_t)((wide ? (int64_t)a : (int32_t)a) >> shift);
    }
}

// The condition of a jump, on 64 or 32 bits (section 4.3).
static inline bool condition(int wide, int op, uint64_t a, uint64_t b) {
    int64_t signed_a = wide ? (int64_t)a : (int32_t)a, signed_b = wide ? (int64_t)b : (int32_t)b;
    if (!wide) a = (uint32_t)a, b = (uint32_t)b;
    switch (op) {
    case 1: return a == b;
    case 2: return a > b;
    case 3: return a >= b;
    case 4: return a & b;
    case 5: return a != b;
    case 6: return signed_a > signed_b;
    case 7: return signed_a >= signed_b;
    case 10: return a < b;
    case 11: return a <= b;
    case 12: return signed_a < signed_b;
    default: return signed_a <= signed_b;
    }
}

// Conditions that compare unsigned numbers. On 64 bits, uBPF and rbpf extend the constant with zeros; RFC 9669 extends its sign.
#define UNSIGNED(op) (op != 4 && op != 6 && op != 7 && op < 12)

// Accesses of 4, 2, 1 or 8 bytes (section 5).
#define BYTES(size) (size == 0 ? 4 : size == 1 ? 2 : size == 2 ? 1 : 8)
static inline uint64_t load(int size, uint64_t address) {
    uint64_t value = 0;
    __builtin_memcpy(&value, (const void *)address, BYTES(size));
    return value;
}
static inline void store(int size, uint64_t address, uint64_t value) {
    __builtin_memcpy((void *)address, &value, BYTES(size));
}

// Stops the program at the instruction `pc`, which is counted from 1.
#define FAULT() \
    do { \
        ctx->fault = pc; \
        RETURN(0); \
    } while (0)

// Declares the address of an access. One within the running function's frame needs no check. Any other is to `t + offset`,
// and has to lie in the memory or on the stack.
#define ADDRESS(size, in_frame) \
    uint64_t address = (in_frame ? ctx->frame : t) + (uint64_t)(int64_t)offset; \
    if (!in_frame && __builtin_expect(address - ctx->memory.start >= ctx->memory.ends[size], 0) && \
        address - ctx->stack.start >= ctx->stack.ends[size]) \
        FAULT()

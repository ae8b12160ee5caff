// C shared by all uops: the locations of the virtual stack, and the semantics of WebAssembly's operators.
#pragma once
#include "../runtime/vm.h"

// A slot of the frame, `offset` bytes from its start.
#define SLOT(type, offset) (*(type *)((char *)fp + (offset)))

// Registers by number.
#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define R(n) PASTE(r, n)
#define S(n) PASTE(s, n)
#define D(n) PASTE(d, n)

// Locations of an integer operand: 0 to 2 is a register, 3 the slot `slot`, 4 the constant `imm`.
#define IN_SLOT 3
#define IN_IMM 4
#define INTEGER(place) \
    ((place) == IN_IMM    ? (uint64_t)(int64_t)imm \
     : (place) == IN_SLOT ? SLOT(uint64_t, slot) \
     : (place) == 2       ? r2 \
     : (place) == 1       ? r1 \
                          : r0)
#define INTEGER32(place) \
    ((place) == IN_IMM    ? (uint32_t)imm \
     : (place) == IN_SLOT ? SLOT(uint32_t, slot) \
     : (place) == 2       ? (uint32_t)r2 \
     : (place) == 1       ? (uint32_t)r1 \
                          : (uint32_t)r0)
// The same for floats, which have no constants.
#define SINGLE(place) ((place) == IN_SLOT ? SLOT(float, slot) : (place) == 2 ? s2 : (place) == 1 ? s1 : s0)
#define DOUBLE(place) ((place) == IN_SLOT ? SLOT(double, slot) : (place) == 2 ? d2 : (place) == 1 ? d1 : d0)

// The same for the address of a store. Its slot is `address_slot`, and a constant address is part of the offset.
#define ADDRESS32(place) \
    ((place) == IN_IMM    ? 0 \
     : (place) == IN_SLOT ? SLOT(uint32_t, address_slot) \
     : (place) == 2     ? (uint32_t)r2 \
     : (place) == 1     ? (uint32_t)r1 \
                        : (uint32_t)r0)

// Whether a value of this type at this address extends beyond the memory.
#define OUTSIDE(type, address) EXPECT_NOT((address) + sizeof(type) > vm->memory_size)

// Declares a variable with the value of this type at this address, or jumps to the operand `outside`.
#define LOAD(type, variable, address) \
    if (OUTSIDE(type, address)) JUMP(outside); \
    type variable; \
    __builtin_memcpy(&variable, mem + (address), sizeof variable)

// Stores a variable to this address, or jumps to the operand `outside`.
#define STORE(variable, address) \
    if (OUTSIDE(variable, address)) JUMP(outside); \
    __builtin_memcpy(mem + (address), &variable, sizeof variable)

// A global. `cell` is the byte offset of its pointer in the array of globals.
#define GLOBAL(type) (**(type **)((char *)vm->globals + cell))

// The lower bound of frames, or null if the run is to end. Another thread may write it at any time.
#define LIMIT __atomic_load_n(vm->limit, __ATOMIC_RELAXED)

// A memory. `offset` is the byte offset of its pointer in the array of memories.
#define MEMORY(offset) (*(Memory **)((char *)vm->memories + (offset)))

// A condition that is rarely true.
#define EXPECT_NOT(condition) __builtin_expect((condition) != 0, 0)

// Declares that the values in these registers are no longer needed. `volatile` is required: the compiler would
// otherwise assume that two of these statements yield the same values, and keep the values in between.
#define FORGET_REGISTERS \
    __asm__ volatile("" : "=r"(r0), "=r"(r1), "=r"(r2), "=x"(s0), "=x"(s1), "=x"(s2), "=x"(d0), "=x"(d1), "=x"(d2), "=x"(v0), \
                     "=x"(v1))

// The address of a function for callers of this tier.
#define ADDRESS(function) STENCIL_TIER((function)->code, (function)->stream)

// Calls code whose frame begins `frame` bytes from the start of this one, and propagates its trap. `prepare` sets the callee's
// registers.
#define ENTER(code, prepare) \
    Vm *own_vm = vm; \
    uint64_t *own_fp = fp; \
    uint8_t *own_mem = mem; \
    FORGET_REGISTERS; \
    fp = (uint64_t *)((char *)fp + frame); \
    prepare; \
    uint64_t trap = CALL(code); \
    vm = own_vm; \
    fp = own_fp; \
    mem = own_mem; \
    if (EXPECT_NOT(trap)) UNWIND(trap); \
    FORGET_REGISTERS

// Calls a function of any instance.
#define ENTER_FUNCTION(function) ENTER(ADDRESS(function), SELECT(function))

// Sets the registers for a function of any instance. `r0` points to the function, in case that it changes the tier.
#define SELECT(function) \
    r0 = (uint64_t)(function); \
    vm = (function)->vm; \
    mem = vm->memory

// Ends the function with a trap's code. `site` says where.
#define UNWIND(code) \
    do { \
        uint64_t code_ = (code); \
        FORGET_REGISTERS; \
        __asm__ volatile("" : "=r"(fp), "=r"(mem)); \
        r0 = code_; \
        r1 = site; \
        JUMP(STENCIL_TIER(vm->unwind, vm->unwind_stream)); \
    } while (0)

// Tail-calls a function of any instance.
#define BECOME(function) \
    SELECT(function); \
    JUMP(ADDRESS(function))

// Finds the target of an indirect call. `index` is the slot that holds the index into the table; `table` and `ty` are
// byte offsets in the instance's arrays.
#define FIND_FUNCTION \
    const Table *elements = *(Table **)((char *)vm->tables + table); \
    uint64_t element = SLOT(uint32_t, index); \
    if (element >= elements->size) UNWIND(TRAP_UNDEFINED_ELEMENT); \
    const Func *function = elements->elements[element]; \
    if (!function) UNWIND(TRAP_UNINITIALIZED_ELEMENT); \
    if (function->ty != *(const uint64_t *)((char *)vm->types + ty)) UNWIND(TRAP_INDIRECT_CALL_TYPE_MISMATCH)

// Reinterprets the bits of a value as another type.
#define BITS(to, value) ({ __typeof__(value) bits_ = (value); to to_; __builtin_memcpy(&to_, &bits_, sizeof to_); to_; })

static inline uint32_t rotl32(uint32_t a, uint32_t n) { return a << (n & 31) | a >> (-n & 31); }
static inline uint64_t rotl64(uint64_t a, uint64_t n) { return a << (n & 63) | a >> (-n & 63); }
static inline uint32_t rotr32(uint32_t a, uint32_t n) { return a >> (n & 31) | a << (-n & 31); }
static inline uint64_t rotr64(uint64_t a, uint64_t n) { return a >> (n & 63) | a << (-n & 63); }
static inline uint32_t clz32(uint32_t a) { return a ? (uint32_t)__builtin_clz(a) : 32; }
static inline uint32_t ctz32(uint32_t a) { return a ? (uint32_t)__builtin_ctz(a) : 32; }
static inline uint64_t clz64(uint64_t a) { return a ? (uint64_t)__builtin_clzll(a) : 64; }
static inline uint64_t ctz64(uint64_t a) { return a ? (uint64_t)__builtin_ctzll(a) : 64; }

// The oldest x86-64 CPUs lack the instruction, and the builtin would call a library function.
static inline uint64_t popcnt64(uint64_t a) {
    a -= a >> 1 & 0x5555555555555555;
    a = (a & 0x3333333333333333) + (a >> 2 & 0x3333333333333333);
    a = (a + (a >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return a * 0x0101010101010101 >> 56;
}

// Minimum and maximum: NaN if either operand is NaN, and -0 is less than 0 (core specification 4.3.3, fmin and fmax).
#define FLOAT_MIN_MAX(type, bits) \
    static inline type type##_min(type a, type b) { \
        if (a != a || b != b) return a + b; \
        if (a == b) return BITS(type, BITS(bits, a) | BITS(bits, b)); \
        return a < b ? a : b; \
    } \
    static inline type type##_max(type a, type b) { \
        if (a != a || b != b) return a + b; \
        if (a == b) return BITS(type, BITS(bits, a) & BITS(bits, b)); \
        return a > b ? a : b; \
    }
FLOAT_MIN_MAX(float, uint32_t)
FLOAT_MIN_MAX(double, uint64_t)

// What the bodies in uops.rs share. (A backslash at the end of a line is nothing that Rust's lexer takes.)
#include <stdint.h>

#define AT(offset) ((Value *)((char *)frame + (offset)))
#define INT(offset) ((int64_t)AT(offset)->bits)
#define FLOAT(offset) as_float(AT(offset)->bits)

// The right operand: a small integer, or a slot.
#define RIGHT_INT (RIGHT ? (int64_t)n : INT(right))
#define RIGHT_FLOAT (RIGHT ? (double)n : FLOAT(right))

// Numbered as in the byte code.
#define COMPARE(a, b)                                                   \
    (OP == 0   ? (a) == (b)                                             \
     : OP == 1 ? (a) != (b)                                             \
     : OP == 2 ? (a) < (b)                                              \
     : OP == 3 ? (a) <= (b)                                             \
     : OP == 4 ? (a) > (b)                                              \
               : (a) >= (b))

static inline double as_float(uint64_t bits) {
    double value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint64_t as_bits(double value) {
    uint64_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}

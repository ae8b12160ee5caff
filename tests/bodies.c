/* The bodies of bodies.h as ordinary functions, and a table of these. */

#include <stdbool.h>
#include <stdint.h>

#include "bodies.h"

typedef struct {
    uint64_t a, b;
    double c, d;
} Registers;

#define OPERANDS uint64_t n, int32_t m, uint8_t k, uint16_t h, double f, float g, bool p
#define JUMP(target) goto target

    /* Whether the body has jumped. */
#define NATIVE(index)                                                                             \
    static int native_##index(Registers *registers, uint8_t *memory, OPERANDS) {                  \
        uint64_t a = registers->a, b = registers->b;                                              \
        double c = registers->c, d = registers->d;                                                \
        int jumped = 0;                                                                           \
        BODY(index)                                                                               \
        goto end;                                                                                 \
    target: __attribute__((unused));                                                              \
        jumped = 1;                                                                               \
    end:                                                                                          \
        registers->a = a, registers->b = b, registers->c = c, registers->d = d;                   \
        return jumped;                                                                            \
    }

#define TENS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) \
    X(10) X(11) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19) \
    X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27) X(28) X(29) \
    X(30) X(31) X(32) X(33) X(34) X(35) X(36) X(37) X(38) X(39) \
    X(40) X(41) X(42) X(43) X(44) X(45) X(46) X(47) X(48) X(49) \
    X(50) X(51) X(52) X(53) X(54) X(55) X(56) X(57) X(58) X(59)

TENS(NATIVE)

#define ENTRY(index) native_##index,
static int (*const natives[])(Registers *, uint8_t *, OPERANDS) = { TENS(ENTRY) };
_Static_assert(sizeof natives / sizeof *natives == BODIES, "all bodies are in the table");

int native(uint64_t body, Registers *registers, uint8_t *memory, OPERANDS) {
    return natives[body](registers, memory, n, m, k, h, f, g, p);
}

/*
 * What the example programs share.
 *
 * A program is one C file that defines, before it includes this header,
 *
 *     #define DEFAULT_N    the n that makes run(n) take a tenth of a second or so
 *     #define RETURNS_I64  or RETURNS_F64: what run returns
 *
 * and after it one function, `EXPORT result run(int32_t n)`.
 *
 * For wasm32, EXPORT makes `run` an export of the module. Otherwise this header
 * supplies a `main` that prints run(argument, or DEFAULT_N) on one line: an
 * integer in decimal, an f64 as the 16 hexadecimal digits of its bits, so that
 * two results can be compared exactly.
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <stddef.h>
#include <stdint.h>

#if defined(RETURNS_I64) == defined(RETURNS_F64)
#error "define one of RETURNS_I64 and RETURNS_F64 before including example.h"
#elif defined(RETURNS_I64)
typedef int64_t result;
#else
typedef double result;
#endif

#ifdef __wasm__

#define EXPORT __attribute__((export_name("run")))

/*
 * The compiler may call these two even in freestanding code, and there is no
 * library to link with. The linker drops them from a module that calls neither.
 */
void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    unsigned char *t = to;
    const unsigned char *f = from;
    while (size--) {
        *t++ = *f++;
    }
    return to;
}

void *memset(void *to, int byte, size_t size) {
    unsigned char *t = to;
    while (size--) {
        *t++ = (unsigned char)byte;
    }
    return to;
}

#else

#define EXPORT

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

result run(int32_t n);

int main(int argc, char **argv) {
    result r = run(argc > 1 ? atoi(argv[1]) : DEFAULT_N);
#ifdef RETURNS_I64
    printf("%" PRId64 "\n", r);
#else
    uint64_t bits;
    memcpy(&bits, &r, sizeof bits);
    printf("%016" PRIx64 "\n", bits);
#endif
    return 0;
}

#endif

#endif

/*
 * Definitions shared by the example programs.
 *
 * A program is one C file. Before it includes this header, it defines
 *
 *     #define DEFAULT_N    an n for which run(n) takes about a tenth of a second
 *     #define RETURNS_I64  or RETURNS_F64: the type of run's result
 *
 * After it, the file defines one function, `EXPORT result run(int32_t n)`.
 *
 * For wasm32, EXPORT exports `run` from the module. For other targets, this header
 * defines a `main` that prints run(argument), or run(DEFAULT_N) without an
 * argument, on one line. It prints an i64 in decimal and an f64 as the 16
 * hexadecimal digits of its bits, so that results can be compared exactly.
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
 * The compiler may emit calls of these functions even in freestanding code, and
 * there is no C library. The linker drops the ones that a module does not call.
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

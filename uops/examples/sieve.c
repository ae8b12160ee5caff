/*
 * Counts the primes up to n with the sieve of Eratosthenes.
 *
 * This example has memory accesses: short loops of byte stores that stride over
 * megabytes, with almost no arithmetic in between.
 *
 * n is capped at LIMIT.
 */
#define DEFAULT_N 10000000
#define RETURNS_I64
#include "example.h"

#define LIMIT 16000000

static uint8_t composite[LIMIT + 1];

static void cross_out(int32_t prime, int32_t last) {
    for (int32_t i = prime * prime; i <= last; i += prime) {
        composite[i] = 1;
    }
}

static void sieve(int32_t last) {
    for (int32_t i = 2; i <= last; i++) {
        composite[i] = 0;
    }
    for (int32_t i = 2; i * i <= last; i++) {
        if (!composite[i]) {
            cross_out(i, last);
        }
    }
}

static int64_t count_primes(int32_t last) {
    int64_t count = 0;
    for (int32_t i = 2; i <= last; i++) {
        count += !composite[i];
    }
    return count;
}

EXPORT result run(int32_t n) {
    int32_t last = n < LIMIT ? n : LIMIT;
    sieve(last);
    return count_primes(last);
}

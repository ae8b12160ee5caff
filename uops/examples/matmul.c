/*
 * The product of two dense n by n matrices of f64.
 *
 * This example has the plain triple loop: address arithmetic, two loads, a
 * multiplication and an addition. It reads one of the two operands down a column.
 *
 * Returns the sum of the product's elements, each with a weight from 1 to 7 that
 * depends on its position. n is capped at LIMIT.
 */
#define DEFAULT_N 500
#define RETURNS_F64
#include "example.h"

#define LIMIT 512

/* In row-major order, with n elements per row. */
static double left[LIMIT * LIMIT];
static double right[LIMIT * LIMIT];
static double product[LIMIT * LIMIT];

static uint32_t seed;

/* A multiple of 2^-31 in [-1, 1), from a linear congruential generator. */
static double next_element(void) {
    seed = seed * 1664525u + 1013904223u;
    return ((double)seed - 2147483648.0) / 2147483648.0;
}

static void make_operands(int32_t n) {
    seed = 1;
    for (int32_t i = 0; i < n * n; i++) {
        left[i] = next_element();
        right[i] = next_element();
    }
}

static double row_by_column(int32_t n, int32_t row, int32_t column) {
    double sum = 0.0;
    for (int32_t k = 0; k < n; k++) {
        sum += left[row * n + k] * right[k * n + column];
    }
    return sum;
}

static void multiply(int32_t n) {
    for (int32_t row = 0; row < n; row++) {
        for (int32_t column = 0; column < n; column++) {
            product[row * n + column] = row_by_column(n, row, column);
        }
    }
}

static double checksum(int32_t n) {
    double sum = 0.0;
    for (int32_t i = 0; i < n * n; i++) {
        sum += product[i] * (double)(i % 7 + 1);
    }
    return sum;
}

EXPORT result run(int32_t n) {
    int32_t size = n < 0 ? 0 : n < LIMIT ? n : LIMIT;
    make_operands(size);
    multiply(size);
    return checksum(size);
}

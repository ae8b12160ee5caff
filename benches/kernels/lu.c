/*
 * The factors of an n by n matrix, lower and upper, in place and without
 * pivots (as in PolyBench's lu).
 *
 * Returns the sum of the elements of both. n above LIMIT counts as LIMIT.
 */
#define DEFAULT_N 512
#define RETURNS_F64
#include "example.h"

#define LIMIT 512

static double matrix[LIMIT][LIMIT];

static void factor(int32_t n) {
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < i; j++) {
            for (int k = 0; k < j; k++) {
                matrix[i][j] -= matrix[i][k] * matrix[k][j];
            }
            matrix[i][j] /= matrix[j][j];
        }
        for (int j = i; j < n; j++) {
            for (int k = 0; k < i; k++) {
                matrix[i][j] -= matrix[i][k] * matrix[k][j];
            }
        }
    }
}

EXPORT result run(int32_t n) {
    n = n < 0 ? 0 : n < LIMIT ? n : LIMIT;
    uint32_t seed = 1;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            seed = seed * 1664525u + 1013904223u;
            /* The diagonal is heavier than the rest of its row. */
            matrix[i][j] = (double)seed / 4294967296.0 + (i == j ? n : 0);
        }
    }
    factor(n);
    double sum = 0;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            sum += matrix[i][j];
        }
    }
    return sum;
}

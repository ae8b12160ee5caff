/*
 * A stencil in the other sense: n times each inner point of a grid becomes the
 * mean of itself and its four neighbours (as in PolyBench's jacobi-2d).
 *
 * Returns the sum of the grid's points.
 */
#define DEFAULT_N 1000
#define RETURNS_F64
#include "example.h"

#define SIZE 250

static double from[SIZE][SIZE], to[SIZE][SIZE];

static void smooth(double in[SIZE][SIZE], double out[SIZE][SIZE]) {
    for (int i = 1; i < SIZE - 1; i++) {
        for (int j = 1; j < SIZE - 1; j++) {
            out[i][j] = 0.2 * (in[i][j] + in[i][j - 1] + in[i][j + 1] + in[i - 1][j] + in[i + 1][j]);
        }
    }
}

EXPORT result run(int32_t n) {
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            from[i][j] = to[i][j] = ((double)i * (j + 2) + 2) / SIZE;
        }
    }
    for (int32_t round = 0; round < n; round++) {
        smooth(from, to);
        smooth(to, from);
    }
    double sum = 0;
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            sum += from[i][j];
        }
    }
    return sum;
}

/*
 * The shortest paths between all pairs of n places (as in PolyBench's
 * floyd-warshall), by integers.
 *
 * Returns the sum of their lengths. n above LIMIT counts as LIMIT.
 */
#define DEFAULT_N 400
#define RETURNS_I64
#include "example.h"

#define LIMIT 512

static int32_t length[LIMIT][LIMIT];

EXPORT result run(int32_t n) {
    n = n < 0 ? 0 : n < LIMIT ? n : LIMIT;
    uint32_t seed = 7;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            seed = seed * 1664525u + 1013904223u;
            /* Most pairs have no way between them that is direct. */
            length[i][j] = i == j ? 0 : (seed >> 28) ? 1000000 : (int32_t)(seed >> 16 & 0x3ff) + 1;
        }
    }
    for (int k = 0; k < n; k++) {
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                int32_t around = length[i][k] + length[k][j];
                if (around < length[i][j]) {
                    length[i][j] = around;
                }
            }
        }
    }
    int64_t sum = 0;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            sum += length[i][j];
        }
    }
    return sum;
}

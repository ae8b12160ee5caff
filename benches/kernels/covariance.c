/*
 * The covariances of n series of numbers (as in PolyBench's covariance): one
 * operand and the result are read and written down columns.
 *
 * Returns the sum of all of them. n above LIMIT counts as LIMIT.
 */
#define DEFAULT_N 400
#define RETURNS_F64
#include "example.h"

#define LIMIT 400
#define POINTS 400

static double data[POINTS][LIMIT], mean[LIMIT], covariance[LIMIT][LIMIT];

EXPORT result run(int32_t n) {
    n = n < 0 ? 0 : n < LIMIT ? n : LIMIT;
    for (int i = 0; i < POINTS; i++) {
        for (int j = 0; j < n; j++) {
            data[i][j] = (double)(i * j % 113) / 113;
        }
    }
    for (int j = 0; j < n; j++) {
        mean[j] = 0;
        for (int i = 0; i < POINTS; i++) {
            mean[j] += data[i][j];
        }
        mean[j] /= POINTS;
    }
    for (int i = 0; i < POINTS; i++) {
        for (int j = 0; j < n; j++) {
            data[i][j] -= mean[j];
        }
    }
    double sum = 0;
    for (int i = 0; i < n; i++) {
        for (int j = i; j < n; j++) {
            covariance[i][j] = 0;
            for (int k = 0; k < POINTS; k++) {
                covariance[i][j] += data[k][i] * data[k][j];
            }
            covariance[i][j] /= POINTS - 1;
            covariance[j][i] = covariance[i][j];
            sum += covariance[i][j];
        }
    }
    return sum;
}

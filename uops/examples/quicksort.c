/*
 * Quicksort of n pseudo-random i32.
 *
 * This example has recursion, and branches that depend on the data.
 *
 * Returns a non-negative checksum of the sorted numbers that depends on their
 * order, or -1 if they are not sorted or are not the original numbers. n is
 * capped at LIMIT.
 */
#define DEFAULT_N 1000000
#define RETURNS_I64
#include "example.h"

#define LIMIT 2000000

static int32_t numbers[LIMIT];

static void make_numbers(int32_t count) {
    uint32_t x = 88675123u;
    for (int32_t i = 0; i < count; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        numbers[i] = (int32_t)x;
    }
}

static void swap(int32_t i, int32_t j) {
    int32_t t = numbers[i];
    numbers[i] = numbers[j];
    numbers[j] = t;
}

/* Sorts the numbers from first to last, inclusive. */
static void quicksort(int32_t first, int32_t last) {
    if (first >= last) {
        return;
    }
    int32_t pivot = numbers[first + (last - first) / 2];
    int32_t low = first, high = last;
    while (low <= high) {
        while (numbers[low] < pivot) {
            low++;
        }
        while (numbers[high] > pivot) {
            high--;
        }
        if (low <= high) {
            swap(low++, high--);
        }
    }
    quicksort(first, high);
    quicksort(low, last);
}

static int is_sorted(int32_t count) {
    for (int32_t i = 1; i < count; i++) {
        if (numbers[i - 1] > numbers[i]) {
            return 0;
        }
    }
    return 1;
}

/* A checksum that does not depend on the order of the numbers. */
static int64_t sum(int32_t count) {
    int64_t total = 0;
    for (int32_t i = 0; i < count; i++) {
        total += numbers[i];
    }
    return total;
}

static int64_t checksum(int32_t count) {
    uint64_t total = 0;
    for (int32_t i = 0; i < count; i++) {
        total = total * 31 + (uint32_t)numbers[i];
    }
    return (int64_t)(total >> 1);
}

EXPORT result run(int32_t n) {
    int32_t count = n < 0 ? 0 : n < LIMIT ? n : LIMIT;
    make_numbers(count);
    int64_t before = sum(count);
    quicksort(0, count - 1);
    if (!is_sorted(count) || sum(count) != before) {
        return -1;
    }
    return checksum(count);
}

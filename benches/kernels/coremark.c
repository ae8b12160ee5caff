/*
 * Four small jobs in turn, like those that CoreMark measures processors of
 * small devices with: a linked list is searched and sorted, small matrices are
 * multiplied, a state machine reads numbers, and a CRC of all results is taken.
 *
 * Returns the CRC after n rounds.
 */
#define DEFAULT_N 500
#define RETURNS_I64
#include "example.h"

static uint16_t crc16(uint16_t crc, uint32_t data) {
    for (int bit = 0; bit < 32; bit++) {
        uint32_t odd = (crc ^ data) & 1;
        crc >>= 1;
        data >>= 1;
        if (odd) {
            crc ^= 0xa001;
        }
    }
    return crc;
}

/* A linked list, sorted by merging. */

#define NODES 200

struct node {
    struct node *next;
    int16_t value, key;
};

static struct node nodes[NODES];

static struct node *make_list(uint32_t seed) {
    for (int i = 0; i < NODES; i++) {
        seed = seed * 1664525u + 1013904223u;
        nodes[i].value = (int16_t)(seed >> 16);
        nodes[i].key = (int16_t)((seed >> 8) & 0x7f);
        nodes[i].next = i + 1 < NODES ? &nodes[i + 1] : NULL;
    }
    return nodes;
}

static struct node *reverse(struct node *list) {
    struct node *reversed = NULL;
    while (list) {
        struct node *next = list->next;
        list->next = reversed;
        reversed = list;
        list = next;
    }
    return reversed;
}

static const struct node *find(const struct node *list, int16_t key) {
    while (list && list->key != key) {
        list = list->next;
    }
    return list;
}

typedef int32_t compare(const struct node *a, const struct node *b);

static int32_t by_value(const struct node *a, const struct node *b) { return a->value - b->value; }
static int32_t by_key(const struct node *a, const struct node *b) { return a->key - b->key; }

static struct node *merge(struct node *a, struct node *b, compare *less) {
    struct node head = {0}, *tail = &head;
    while (a && b) {
        struct node **first = less(a, b) <= 0 ? &a : &b;
        tail->next = *first;
        tail = *first;
        *first = (*first)->next;
    }
    tail->next = a ? a : b;
    return head.next;
}

static struct node *sort(struct node *list, compare *less) {
    if (!list || !list->next) {
        return list;
    }
    struct node *middle = list, *end = list->next;
    while (end && end->next) {
        middle = middle->next;
        end = end->next->next;
    }
    struct node *second = middle->next;
    middle->next = NULL;
    return merge(sort(list, less), sort(second, less), less);
}

static uint16_t lists(uint32_t seed, uint16_t crc) {
    struct node *list = sort(make_list(seed), by_value);
    for (int16_t key = 0; key < 128; key++) {
        const struct node *found = find(list, key);
        crc = crc16(crc, found ? (uint16_t)found->value : 0);
        list = reverse(list);
    }
    list = sort(list, by_key);
    for (const struct node *node = list; node; node = node->next) {
        crc = crc16(crc, (uint16_t)node->value);
    }
    return crc;
}

/* Matrices of small integers. */

#define SIZE 16

static int16_t left[SIZE][SIZE], right[SIZE][SIZE];
static int32_t product[SIZE][SIZE];

static uint16_t matrices(uint32_t seed, uint16_t crc) {
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            seed = seed * 1664525u + 1013904223u;
            left[i][j] = (int16_t)(seed >> 20);
            right[i][j] = (int16_t)(seed >> 24);
        }
    }
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            int32_t sum = 0;
            for (int k = 0; k < SIZE; k++) {
                int32_t term = left[i][k] * right[k][j];
                sum += ((term >> 2) & 0xf) * ((term >> 5) & 0x7f);
            }
            product[i][j] = sum;
            crc = crc16(crc, (uint32_t)sum);
        }
    }
    return crc;
}

/* A machine that tells integers, decimals and numbers with exponents from others. */

enum state { START, SIGN, INTEGER, POINT, DECIMAL, EXPONENT, EXPONENT_SIGN, SCIENTIFIC, INVALID, STATES };

static enum state step(enum state state, char c) {
    int digit = c >= '0' && c <= '9';
    int sign = c == '+' || c == '-';
    switch (state) {
        case START: return digit ? INTEGER : sign ? SIGN : c == '.' ? POINT : INVALID;
        case SIGN: return digit ? INTEGER : c == '.' ? POINT : INVALID;
        case INTEGER: return digit ? INTEGER : c == '.' ? DECIMAL : (c | 32) == 'e' ? EXPONENT : INVALID;
        case POINT: return digit ? DECIMAL : INVALID;
        case DECIMAL: return digit ? DECIMAL : (c | 32) == 'e' ? EXPONENT : INVALID;
        case EXPONENT: return digit ? SCIENTIFIC : sign ? EXPONENT_SIGN : INVALID;
        case EXPONENT_SIGN: return digit ? SCIENTIFIC : INVALID;
        case SCIENTIFIC: return digit ? SCIENTIFIC : INVALID;
        default: return INVALID;
    }
}

static const char text[] = "5012,1234,-874,+122,35.54400,.1234500,-110.700,+0.64400,5.500e+3,-.123e-2,"
                           "-87e+832,+0.6e-12,T0.3e-1F,-T.T++Tq,1T3.4e4z,34.0e-T^,7.5E9,-,+.,1e";

static uint16_t numbers(uint32_t seed, uint16_t crc) {
    uint32_t counts[STATES] = {0};
    enum state state = START;
    for (uint32_t i = 0; i < sizeof text; i++) {
        char c = text[i];
        if (c == ',' || c == 0) {
            counts[state]++;
            state = START;
        } else {
            /* Now and then a wrong one. */
            seed = seed * 1664525u + 1013904223u;
            state = step(state, (seed >> 27) == 0 ? 'x' : c);
        }
    }
    for (int i = 0; i < STATES; i++) {
        crc = crc16(crc, counts[i]);
    }
    return crc;
}

EXPORT result run(int32_t n) {
    uint16_t crc = 0xffff;
    for (int32_t round = 0; round < n; round++) {
        uint32_t seed = (uint32_t)round + crc;
        crc = numbers(seed, matrices(seed, lists(seed, crc)));
    }
    return crc;
}

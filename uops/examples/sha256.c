/*
 * SHA-256 of n copies of a megabyte of pseudo-random bytes.
 *
 * This example has 32-bit integer arithmetic with hardly a branch: rotations,
 * shifts, xors and additions over many live values, and byte loads that are
 * combined into words.
 *
 * Returns the first 8 bytes of the digest as a big-endian i64: its 16 hexadecimal
 * digits are the first 16 that a SHA-256 tool prints.
 */
#define DEFAULT_N 32
#define RETURNS_I64
#include "example.h"

#define MEGABYTE (1 << 20)
#define BLOCK 64

static uint8_t message[MEGABYTE];
static uint32_t hash[8];
static uint32_t schedule[64];

/* Fractional parts of the square roots of the first 8 primes. */
static const uint32_t initial_hash[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

/* Fractional parts of the cube roots of the first 64 primes. */
static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate_right(uint32_t x, int by) {
    return x >> by | x << (32 - by);
}

static uint32_t load_big_endian(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store_big_endian(uint8_t *p, uint32_t x) {
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(x >> (24 - 8 * i));
    }
}

static void make_schedule(const uint8_t *block) {
    for (int i = 0; i < 16; i++) {
        schedule[i] = load_big_endian(block + 4 * i);
    }
    for (int i = 16; i < 64; i++) {
        uint32_t x = schedule[i - 15], y = schedule[i - 2];
        uint32_t s0 = rotate_right(x, 7) ^ rotate_right(x, 18) ^ x >> 3;
        uint32_t s1 = rotate_right(y, 17) ^ rotate_right(y, 19) ^ y >> 10;
        schedule[i] = schedule[i - 16] + s0 + schedule[i - 7] + s1;
    }
}

static void compress(const uint8_t *block) {
    make_schedule(block);
    uint32_t a = hash[0], b = hash[1], c = hash[2], d = hash[3];
    uint32_t e = hash[4], f = hash[5], g = hash[6], h = hash[7];
    for (int i = 0; i < 64; i++) {
        uint32_t s1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
        uint32_t choice = (e & f) ^ (~e & g);
        uint32_t t1 = h + s1 + choice + round_constants[i] + schedule[i];
        uint32_t s0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
        uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
        uint32_t t2 = s0 + majority;
        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    hash[0] += a;
    hash[1] += b;
    hash[2] += c;
    hash[3] += d;
    hash[4] += e;
    hash[5] += f;
    hash[6] += g;
    hash[7] += h;
}

/* Each byte is the most significant byte of a 32-bit xorshift generator's state. */
static void make_message(void) {
    uint32_t x = 2463534242u;
    for (int i = 0; i < MEGABYTE; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        message[i] = (uint8_t)(x >> 24);
    }
}

    /* The data is a multiple of the block size, so the padding is a separate block. */
static void compress_padding(uint64_t message_bytes) {
    static uint8_t padding[BLOCK];
    uint64_t bits = message_bytes * 8;
    padding[0] = 0x80;
    store_big_endian(padding + 56, (uint32_t)(bits >> 32));
    store_big_endian(padding + 60, (uint32_t)bits);
    compress(padding);
}

EXPORT result run(int32_t n) {
    uint64_t copies = n > 0 ? (uint64_t)n : 0;
    make_message();
    for (int i = 0; i < 8; i++) {
        hash[i] = initial_hash[i];
    }
    for (uint64_t copy = 0; copy < copies; copy++) {
        for (int at = 0; at < MEGABYTE; at += BLOCK) {
            compress(message + at);
        }
    }
    compress_padding(copies * MEGABYTE);
    return (int64_t)((uint64_t)hash[0] << 32 | hash[1]);
}

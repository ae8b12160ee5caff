/*
 * An interpreter for a small stack machine, and a program for it: for each start
 * from 1 to n, it counts the Collatz steps (halve if even, else triple and add
 * one) that lead to 1.
 *
 * This example has the shape of an interpreter: a loop around a switch, which
 * becomes a br_table, and native functions called through tables of pointers,
 * which become call_indirect with two different function types.
 *
 * Returns 1000 times the total number of steps, plus the largest number for one
 * start, or -1 if the bytecode program is invalid.
 */
#define DEFAULT_N 50000
#define RETURNS_I64
#include "example.h"

enum opcode {
    INVALID,
    PUSH,  /* push the argument */
    LOAD,  /* push the variable */
    STORE, /* pop into the variable */
    ADD,
    MUL,
    AND,
    EQUAL,
    GREATER,
    JUMP,
    JUMP_IF,     /* pop, and jump if it was not 0 */
    CALL_UNARY,  /* replace the top by a native function's result for it */
    CALL_BINARY, /* replace the top two by a native function's result for them */
    HALT         /* pop the result and stop */
};

struct instruction {
    enum opcode op;
    int32_t argument;
};

/* Native functions. */

typedef int64_t (*unary)(int64_t);
typedef int64_t (*binary)(int64_t, int64_t);

static int64_t halve(int64_t x) {
    return x / 2;
}

static int64_t increment(int64_t x) {
    return x + 1;
}

static int64_t larger(int64_t x, int64_t y) {
    return x > y ? x : y;
}

static int64_t pack(int64_t x, int64_t y) {
    return x * 1000 + y;
}

enum { HALVE, INCREMENT };
static const unary unary_functions[] = {[HALVE] = halve, [INCREMENT] = increment};

enum { LARGER, PACK };
static const binary binary_functions[] = {[LARGER] = larger, [PACK] = pack};

/* The bytecode program. */

enum { N, START, X, STEPS, TOTAL, LONGEST, VARIABLES };

/* Jump targets: the indices of the instructions that are marked below. */
enum { EACH_START = 6, EACH_STEP = 14, EVEN = 29, SET_X = 31, REACHED_ONE = 36, END = 49 };

static const struct instruction program[] = {
    /* total = 0, longest = 0, start = 1 */
    {PUSH, 0},
    {STORE, TOTAL},
    {PUSH, 0},
    {STORE, LONGEST},
    {PUSH, 1},
    {STORE, START},

    /* while not start > n: x = start, steps = 0 */
    [EACH_START] = {LOAD, START},
    {LOAD, N},
    {GREATER, 0},
    {JUMP_IF, END},
    {LOAD, START},
    {STORE, X},
    {PUSH, 0},
    {STORE, STEPS},

    /* while not x == 1 */
    [EACH_STEP] = {LOAD, X},
    {PUSH, 1},
    {EQUAL, 0},
    {JUMP_IF, REACHED_ONE},
    {LOAD, X},
    {PUSH, 1},
    {AND, 0},
    {PUSH, 0},
    {EQUAL, 0},
    {JUMP_IF, EVEN},

    /* odd: x = x * 3 + 1 */
    {LOAD, X},
    {PUSH, 3},
    {MUL, 0},
    {CALL_UNARY, INCREMENT},
    {JUMP, SET_X},

    /* even: x = x / 2 */
    [EVEN] = {LOAD, X},
    {CALL_UNARY, HALVE},
    [SET_X] = {STORE, X},

    /* steps = steps + 1 */
    {LOAD, STEPS},
    {CALL_UNARY, INCREMENT},
    {STORE, STEPS},
    {JUMP, EACH_STEP},

    /* total = total + steps, longest = larger(steps, longest), start = start + 1 */
    [REACHED_ONE] = {LOAD, TOTAL},
    {LOAD, STEPS},
    {ADD, 0},
    {STORE, TOTAL},
    {LOAD, STEPS},
    {LOAD, LONGEST},
    {CALL_BINARY, LARGER},
    {STORE, LONGEST},
    {LOAD, START},
    {PUSH, 1},
    {ADD, 0},
    {STORE, START},
    {JUMP, EACH_START},

    /* return pack(total, longest) */
    [END] = {LOAD, TOTAL},
    {LOAD, LONGEST},
    {CALL_BINARY, PACK},
    {HALT, 0},
};

static int64_t variables[VARIABLES];
static int64_t stack[16];

static int64_t interpret(const struct instruction *code) {
    int64_t *top = stack; /* where the next push goes */
    const struct instruction *next = code;
    for (;;) {
        int32_t argument = next->argument;
        switch ((next++)->op) {
        case PUSH:
            *top++ = argument;
            break;
        case LOAD:
            *top++ = variables[argument];
            break;
        case STORE:
            variables[argument] = *--top;
            break;
        case ADD:
            top--;
            top[-1] += top[0];
            break;
        case MUL:
            top--;
            top[-1] *= top[0];
            break;
        case AND:
            top--;
            top[-1] &= top[0];
            break;
        case EQUAL:
            top--;
            top[-1] = top[-1] == top[0];
            break;
        case GREATER:
            top--;
            top[-1] = top[-1] > top[0];
            break;
        case JUMP:
            next = code + argument;
            break;
        case JUMP_IF:
            if (*--top) {
                next = code + argument;
            }
            break;
        case CALL_UNARY:
            top[-1] = unary_functions[argument](top[-1]);
            break;
        case CALL_BINARY:
            top--;
            top[-1] = binary_functions[argument](top[-1], top[0]);
            break;
        case HALT:
            return top[-1];
        default:
            return -1;
        }
    }
}

EXPORT result run(int32_t n) {
    variables[N] = n;
    return interpret(program);
}

// The part of an instance that compiled code accesses. vm.rs has the same types in Rust; each block of uops checks that
// the two agree.
#pragma once
#include <stdint.h>

typedef struct Vm Vm;
typedef struct Memory Memory;
typedef struct Table Table;
typedef struct Func Func;

struct Vm {
    uint8_t *memory;
    uint64_t memory_size;
    Memory **memories;
    uint64_t **globals;
    Table **tables;
    const Func **functions;
    const uint64_t *types;
    uint64_t *const *limit;
    const void *start;
    const void *unwind;
    const void *unwind_stream;
    const uint64_t *compiled;
    void *host;
    const void *store;
    void *instance;
};

struct Memory {
    uint8_t *base;
    uint64_t size;
};

struct Table {
    const Func **elements;
    uint64_t size;
};

struct Func {
    const void *code;
    const void *stream;
    Vm *vm;
    uint64_t ty;
};

// A function returns 0 or the code of its trap. trap.rs has the same codes in Rust.
#define TRAP_NONE 0
#define TRAP_UNREACHABLE 1
#define TRAP_MEMORY_OUT_OF_BOUNDS 2
#define TRAP_UNDEFINED_ELEMENT 3
#define TRAP_UNINITIALIZED_ELEMENT 4
#define TRAP_INDIRECT_CALL_TYPE_MISMATCH 5
#define TRAP_INTEGER_DIVISION_BY_ZERO 6
#define TRAP_INTEGER_OVERFLOW 7
#define TRAP_INVALID_CONVERSION_TO_INTEGER 8
#define TRAP_STACK_EXHAUSTED 9
#define TRAP_HOST 10
#define TRAP_TABLE_OUT_OF_BOUNDS 11
#define TRAP_INTERRUPTED 12

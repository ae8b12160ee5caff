// What compiled code knows of an instance. The same types in Rust are in vm.rs; each block of uops checks that the
// two agree.
#pragma once
#include <stdint.h>

typedef struct Vm Vm;
typedef struct Table Table;
typedef struct Func Func;

struct Vm {
    uint8_t *memory;
    uint64_t memory_size;
    uint64_t **globals;
    Table **tables;
    const Func **imports;
    const uint64_t *types;
    uint64_t *stack_limit;
    const void *start;
    void *host;
    void *instance;
};

struct Table {
    const Func **elements;
    uint64_t size;
};

struct Func {
    const void *code;
    Vm *vm;
    uint64_t type;
};

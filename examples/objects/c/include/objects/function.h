/* Functions: of the bytecode, and native ones. */
#ifndef OBJECTS_FUNCTION_H
#define OBJECTS_FUNCTION_H

typedef struct Instruction {
    Opcode op;
    uint32_t arg;
} Instruction;

typedef struct Frame Frame;

/* Runs a frame: `interpret`, or machine code. */
typedef Object *(*Entry)(Frame *frame, Object **stack_pointer, Thread *thread);

typedef struct Code {
    const char *name;
    uint32_t parameters, locals, stack, constants;
    Instruction *instructions;
    Object **constant;
    Entry entry;
} Code;

struct Frame {
    const Code *code;
    Object **locals;
    /* The bottom of the operand stack. */
    Object **stack;
    Frame *caller;
    uint32_t position;
};

typedef Object *(*Native)(Object **arguments, Thread *thread);

typedef struct Function {
    Object base;
    const char *name;
    int32_t parameters;
    Native native;
    Code *code;
} Function;

extern const Type function_type;

/* Takes ownership of the constants, and copies everything but the name. */
Object *function_new(const char *name, uint32_t parameters, uint32_t locals, uint32_t stack,
                     const Instruction *instructions, uint32_t count, Object *const *constant, uint32_t constants);
Object *function_native(const char *name, int32_t parameters, Native native);
/* Lets machine code run the function instead of the interpreter. */
void function_set_entry(Object *function, Entry entry);
/* Borrows the arguments. */
Object *function_call(Object *function, Object **arguments, int32_t count, Thread *thread);

static inline Object *object_call(Object *callee, Object **arguments, int32_t count, Thread *thread) {
    if (callee->type->call != NULL)
        return CALL(call, callee, arguments, count, thread);
    error_set(thread, TYPE_ERROR, "'%s' object cannot be called", callee->type->name);
    return NULL;
}

#endif

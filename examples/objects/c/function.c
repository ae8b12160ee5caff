#include "objects.h"

static void *copy(const void *from, size_t count, size_t size) {
    void *to = calloc(count + 1, size);
    if (to == NULL) abort();
    if (count != 0) memcpy(to, from, count * size);
    return to;
}

Object *function_new(const char *name, uint32_t parameters, uint32_t locals, uint32_t stack,
                     const Instruction *instructions, uint32_t count, Object *const *constant, uint32_t constants) {
    Code code = {
        .name = name,
        .parameters = parameters,
        .locals = locals,
        .stack = stack,
        .constants = constants,
        .instructions = copy(instructions, count, sizeof *instructions),
        .constant = copy(constant, constants, sizeof *constant),
        .entry = interpret,
    };
    Function *function = object_allocate(&function_type, sizeof(Function));
    function->name = name;
    function->parameters = (int32_t)parameters;
    function->native = NULL;
    function->code = copy(&code, 1, sizeof code);
    return &function->base;
}

Object *function_native(const char *name, int32_t parameters, Native native) {
    Function *function = object_allocate(&function_type, sizeof(Function));
    function->name = name;
    function->parameters = parameters;
    function->native = native;
    function->code = NULL;
    return &function->base;
}

void function_set_entry(Object *function, Entry entry) { ((Function *)function)->code->entry = entry; }

static void function_destroy(Object *object) {
    Function *function = (Function *)object;
    if (function->code != NULL) {
        for (uint32_t i = 0; i < function->code->constants; i++) object_release(function->code->constant[i]);
        free(function->code->instructions);
        free(function->code->constant);
        free(function->code);
    }
    free(function);
}

static void function_show(const Object *object, Buffer *buffer) {
    const char *name = ((const Function *)object)->name;
    buffer_add(buffer, name, strlen(name));
}

Object *function_call(Object *object, Object **arguments, int32_t count, Thread *thread) {
    Function *function = (Function *)object;
    if (count != function->parameters) {
        error_set(thread, TYPE_ERROR, "%s takes %d arguments, not %d", function->name, (int)function->parameters,
                  (int)count);
        return NULL;
    }
    return function->native != NULL ? function->native(arguments, thread) : frame_run(function->code, arguments, thread);
}

const Type function_type = {
    .name = "function",
    .destroy = function_destroy,
    .show = function_show,
    .call = function_call,
};

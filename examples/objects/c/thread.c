#include "objects.h"

#include <stdarg.h>

static const char *const error_names[] = {"TypeError", "ValueError", "NameError", "IndexError", "LimitError"};

void error_set(Thread *thread, ErrorKind kind, const char *format, ...) {
    char message[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    const Frame *frame = thread->frame;
    snprintf(thread->error, sizeof thread->error, "%s at %s:%d: %s", error_names[kind],
             frame != NULL ? frame->code->name : "start", frame != NULL ? (int)frame->position : 0, message);
}

static Object *native_length(Object **arguments, Thread *thread) {
    const Type *type = arguments[0]->type;
    if (type->length == NULL) {
        error_set(thread, TYPE_ERROR, "'%s' object has no length", type->name);
        return NULL;
    }
    return int_new(type->length(arguments[0]));
}

static Object *native_str(Object **arguments, Thread *thread) {
    (void)thread;
    Buffer buffer = {.length = 0};
    object_show(arguments[0], &buffer);
    return text_new(buffer.bytes, buffer.length);
}

/* Calls a function with each item of a tuple. */
static Object *native_map(Object **arguments, Thread *thread) {
    if (arguments[1]->type != &tuple_type) {
        error_set(thread, TYPE_ERROR, "map takes a tuple, not '%s'", arguments[1]->type->name);
        return NULL;
    }
    Tuple *tuple = (Tuple *)arguments[1];
    Object **items = calloc((size_t)tuple->length + 1, sizeof *items), *result = NULL;
    if (items == NULL) abort();
    int64_t done = 0;
    while (done < tuple->length) {
        Object *item = object_call(arguments[0], &tuple->items[done], 1, thread);
        if (item == NULL) break;
        items[done++] = item;
    }
    if (done == tuple->length)
        result = tuple_new(items, done);
    else
        while (done > 0) object_release(items[--done]);
    free(items);
    return result;
}

Thread *thread_new(int64_t fuel, void (*write)(void *data, const char *bytes, size_t length), void *data) {
    Thread *thread = calloc(1, sizeof *thread);
    if (thread == NULL) abort();
    thread->fuel = fuel;
    thread->write = write;
    thread->data = data;
    thread->globals = thread->table;
    thread->top = thread->slots;
    thread_add_global(thread, function_native("length", 1, native_length));
    thread_add_global(thread, function_native("str", 1, native_str));
    thread_add_global(thread, function_native("map", 2, native_map));
    return thread;
}

void thread_free(Thread *thread) {
    while (thread->count > 0) object_release(thread->globals[--thread->count]);
    free(thread);
}

void thread_add_global(Thread *thread, Object *object) {
    if (thread->count == GLOBALS) abort();
    thread->globals[thread->count++] = object;
}

bool thread_run(Thread *thread, uint32_t global) {
    Object *result = object_call(thread->globals[global], NULL, 0, thread);
    if (result == NULL) return false;
    thread_print(thread, result);
    object_release(result);
    return true;
}

const char *thread_error(const Thread *thread) { return thread->error; }

void thread_print(Thread *thread, const Object *object) {
    Buffer buffer = {.length = 0};
    object_show(object, &buffer);
    thread->write(thread->data, buffer.bytes, buffer.length);
}

Object *frame_run(const Code *code, Object **arguments, Thread *thread) {
    size_t size = (size_t)code->locals + code->stack;
    if (thread->depth == DEPTH_MAX || size > (size_t)(thread->slots + DATA_STACK - thread->top)) {
        error_set(thread, LIMIT_ERROR, "too many calls: %s is at depth %d", code->name, (int)thread->depth);
        return NULL;
    }
    if (--thread->fuel < 0) {
        error_set(thread, LIMIT_ERROR, "out of fuel in a call of %s", code->name);
        return NULL;
    }
    Frame frame = {.code = code, .locals = thread->top, .stack = thread->top + code->locals, .caller = thread->frame};
    for (uint32_t i = 0; i < code->locals; i++)
        frame.locals[i] = i < code->parameters ? object_retain(arguments[i]) : NULL;
    thread->depth++;
    thread->top += size;
    thread->frame = &frame;
    Object *result = code->entry(&frame, frame.stack, thread);
    thread->frame = frame.caller;
    thread->top -= size;
    thread->depth--;
    for (uint32_t i = 0; i < code->locals; i++)
        if (frame.locals[i] != NULL) object_release(frame.locals[i]);
    return result;
}

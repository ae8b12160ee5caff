#include "objects.h"

static Tuple *tuple_allocate(int64_t length) {
    Tuple *tuple = object_allocate(&tuple_type, sizeof(Tuple) + (size_t)length * sizeof(Object *));
    tuple->length = length;
    return tuple;
}

Object *tuple_new(Object *const *items, int64_t length) {
    Tuple *tuple = tuple_allocate(length);
    for (int64_t i = 0; i < length; i++) tuple->items[i] = items[i];
    return &tuple->base;
}

static void tuple_destroy(Object *object) {
    Tuple *tuple = (Tuple *)object;
    for (int64_t i = 0; i < tuple->length; i++) object_release(tuple->items[i]);
    free(tuple);
}

static void tuple_show(const Object *object, Buffer *buffer) {
    const Tuple *tuple = (const Tuple *)object;
    buffer_add(buffer, "(", 1);
    if (buffer->depth == 3) {
        buffer_add(buffer, "..", 2);
    } else {
        buffer->depth++;
        for (int64_t i = 0; i < tuple->length; i++) {
            if (i != 0) buffer_add(buffer, ", ", 2);
            object_show(tuple->items[i], buffer);
        }
        buffer->depth--;
    }
    buffer_add(buffer, ")", 1);
}

static bool tuple_is_true(const Object *object) { return ((const Tuple *)object)->length != 0; }

static Object *tuple_binary(const Object *left, const Object *right, int operator, Thread *thread) {
    const Tuple *a = (const Tuple *)left, *b = (const Tuple *)right;
    if (operator != ADD) {
        error_set(thread, TYPE_ERROR, "tuples have no operator %s", binary_names[operator]);
        return NULL;
    }
    if (a->length + b->length > TUPLE_MAX) {
        error_set(thread, LIMIT_ERROR, "tuple of %lld items exceeds %d", (long long)(a->length + b->length), TUPLE_MAX);
        return NULL;
    }
    Tuple *sum = tuple_allocate(a->length + b->length);
    for (int64_t i = 0; i < a->length; i++) sum->items[i] = object_retain(a->items[i]);
    for (int64_t i = 0; i < b->length; i++) sum->items[a->length + i] = object_retain(b->items[i]);
    return &sum->base;
}

static int64_t tuple_length(const Object *object) { return ((const Tuple *)object)->length; }

static Object *tuple_item(const Object *object, int64_t index) {
    return object_retain(((const Tuple *)object)->items[index]);
}

const Type tuple_type = {
    .name = "tuple",
    .destroy = tuple_destroy,
    .show = tuple_show,
    .is_true = tuple_is_true,
    .binary = tuple_binary,
    .length = tuple_length,
    .item = tuple_item,
};

#include "objects.h"

void buffer_add(Buffer *buffer, const char *bytes, size_t length) {
    size_t left = sizeof buffer->bytes - buffer->length;
    if (length > left) length = left;
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
}

static Text *text_allocate(size_t length) {
    Text *text = object_allocate(&text_type, sizeof(Text) + length);
    text->length = length;
    return text;
}

Object *text_new(const char *bytes, size_t length) {
    Text *text = text_allocate(length);
    memcpy(text->bytes, bytes, length);
    return &text->base;
}

static void text_destroy(Object *object) { free(object); }

static void text_show(const Object *object, Buffer *buffer) {
    const Text *text = (const Text *)object;
    buffer_add(buffer, text->bytes, text->length);
}

static bool text_is_true(const Object *object) { return ((const Text *)object)->length != 0; }

static Object *text_binary(const Object *left, const Object *right, int operator, Thread *thread) {
    const Text *a = (const Text *)left, *b = (const Text *)right;
    if (operator != ADD) {
        error_set(thread, TYPE_ERROR, "strings have no operator %s", binary_names[operator]);
        return NULL;
    }
    if (a->length + b->length > TEXT_MAX) {
        error_set(thread, LIMIT_ERROR, "string of %zu bytes exceeds %d", a->length + b->length, TEXT_MAX);
        return NULL;
    }
    Text *sum = text_allocate(a->length + b->length);
    memcpy(sum->bytes, a->bytes, a->length);
    memcpy(sum->bytes + a->length, b->bytes, b->length);
    return &sum->base;
}

static int text_order(const Object *left, const Object *right) {
    const Text *a = (const Text *)left, *b = (const Text *)right;
    int order = memcmp(a->bytes, b->bytes, a->length < b->length ? a->length : b->length);
    return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

static int64_t text_length(const Object *object) { return (int64_t)((const Text *)object)->length; }

static Object *text_item(const Object *object, int64_t index) {
    return text_new(((const Text *)object)->bytes + index, 1);
}

const Type text_type = {
    .name = "str",
    .destroy = text_destroy,
    .show = text_show,
    .is_true = text_is_true,
    .binary = text_binary,
    .order = text_order,
    .length = text_length,
    .item = text_item,
};

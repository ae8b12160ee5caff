#include "objects.h"

int64_t live_objects;

const char *const binary_names[BINARY_OPERATORS] = {"+", "-", "*", "/", "%"};
const char *const comparison_names[COMPARISONS] = {"<", "<=", "==", "!=", ">", ">="};

void *object_allocate(const Type *type, size_t size) {
    Object *object = malloc(size);
    if (object == NULL) {
        fprintf(stderr, "no memory for a '%s' object of %zu bytes\n", type->name, size);
        abort();
    }
    *object = (Object){.references = 1, .type = type};
    live_objects++;
    return object;
}

Object *object_binary(const Object *left, const Object *right, int operator, Thread *thread) {
    if (left->type == right->type && left->type->binary != NULL)
        return CALL(binary, left, right, operator, thread);
    error_set(thread, TYPE_ERROR, "unsupported operands of %s: '%s' and '%s'", binary_names[operator], left->type->name,
              right->type->name);
    return NULL;
}

Object *object_compare(const Object *left, const Object *right, int comparison, Thread *thread) {
    int order;
    if (left->type == right->type && left->type->order != NULL) {
        order = CALL(order, left, right);
    } else if (comparison == EQUAL || comparison == NOT_EQUAL) {
        order = left != right;
    } else {
        error_set(thread, TYPE_ERROR, "'%s' is not supported between '%s' and '%s'", comparison_names[comparison],
                  left->type->name, right->type->name);
        return NULL;
    }
    switch (comparison) {
        case LESS: return int_new(order < 0);
        case LESS_EQUAL: return int_new(order <= 0);
        case EQUAL: return int_new(order == 0);
        case NOT_EQUAL: return int_new(order != 0);
        case GREATER: return int_new(order > 0);
        default: return int_new(order >= 0);
    }
}

Object *object_item(const Object *object, const Object *index, Thread *thread) {
    if (object->type->item == NULL) {
        error_set(thread, TYPE_ERROR, "'%s' object has no items", object->type->name);
        return NULL;
    }
    if (!int_is(index)) {
        error_set(thread, TYPE_ERROR, "the index must be an int, not '%s'", index->type->name);
        return NULL;
    }
    int64_t length = object->type->length(object), at = int_value(index);
    if (at < 0 || at >= length) {
        error_set(thread, INDEX_ERROR, "index %lld is not below %lld", (long long)at, (long long)length);
        return NULL;
    }
    return CALL(item, object, at);
}

void object_show(const Object *object, Buffer *buffer) {
    object->type->show(object, buffer);
}

static void none_destroy(Object *object) {
    (void)object;
    fprintf(stderr, "none has no references left\n");
    abort();
}
static void none_show(const Object *object, Buffer *buffer) {
    (void)object;
    buffer_add(buffer, "none", 4);
}
static bool none_is_true(const Object *object) {
    (void)object;
    return false;
}

static const Type none_type = {
    .name = "none",
    .destroy = none_destroy,
    .show = none_show,
    .is_true = none_is_true,
};
Object none_object = {.references = 1, .type = &none_type};

Object *none_new(void) { return object_retain(&none_object); }

int64_t static_references(void) {
    int64_t sum = none_object.references;
    for (int i = 0; i <= SMALL_MAX - SMALL_MIN; i++) sum += small_ints[i].base.references;
    return sum;
}

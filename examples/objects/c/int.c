#include "objects.h"

#define S1(n) {{1, &int_type}, (n)}
#define S8(n) S1(n), S1(n + 1), S1(n + 2), S1(n + 3), S1(n + 4), S1(n + 5), S1(n + 6), S1(n + 7)
#define S64(n) S8(n), S8(n + 8), S8(n + 16), S8(n + 24), S8(n + 32), S8(n + 40), S8(n + 48), S8(n + 56)
Int small_ints[] = {S1(-5), S1(-4), S1(-3), S1(-2), S1(-1), S64(0), S64(64), S64(128), S64(192), S1(256)};

Object *int_allocate(int64_t value) {
    Int *object = object_allocate(&int_type, sizeof(Int));
    object->value = value;
    return &object->base;
}

Object *int_from(int64_t value) { return int_new(value); }

static void int_destroy(Object *object) {
    Int *small = (Int *)object;
    if (small >= small_ints && small <= &small_ints[SMALL_MAX - SMALL_MIN]) {
        fprintf(stderr, "the small integer %lld has no references left\n", (long long)small->value);
        abort();
    }
    free(object);
}

static void int_show(const Object *object, Buffer *buffer) {
    char bytes[24];
    buffer_add(buffer, bytes, (size_t)snprintf(bytes, sizeof bytes, "%lld", (long long)int_value(object)));
}

static bool int_is_true(const Object *object) { return int_value(object) != 0; }

static Object *int_binary(const Object *left, const Object *right, int operator, Thread *thread) {
    int64_t a = int_value(left), b = int_value(right), result = 0;
    bool overflow = false;
    switch (operator) {
        case ADD: overflow = __builtin_add_overflow(a, b, &result); break;
        case SUBTRACT: overflow = __builtin_sub_overflow(a, b, &result); break;
        case MULTIPLY: overflow = __builtin_mul_overflow(a, b, &result); break;
        default:
            if (b == 0) {
                error_set(thread, VALUE_ERROR, "%lld %s 0", (long long)a, binary_names[operator]);
                return NULL;
            }
            overflow = a == INT64_MIN && b == -1;
            if (!overflow) result = operator == DIVIDE ? a / b : a % b;
    }
    if (overflow) {
        error_set(thread, VALUE_ERROR, "%lld %s %lld does not fit 64 bits", (long long)a, binary_names[operator],
                  (long long)b);
        return NULL;
    }
    return int_new(result);
}

static int int_order(const Object *left, const Object *right) {
    int64_t a = int_value(left), b = int_value(right);
    return (a > b) - (a < b);
}

const Type int_type = {
    .name = "int",
    .destroy = int_destroy,
    .show = int_show,
    .is_true = int_is_true,
    .binary = int_binary,
    .order = int_order,
};

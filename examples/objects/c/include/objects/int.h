/* Integers of 64 bits. Small ones are preallocated. */
#ifndef OBJECTS_INT_H
#define OBJECTS_INT_H

#define SMALL_MIN -5
#define SMALL_MAX 256

typedef struct Int {
    Object base;
    int64_t value;
} Int;

extern const Type int_type;
extern Int small_ints[SMALL_MAX - SMALL_MIN + 1];

Object *int_allocate(int64_t value);

static inline bool int_is(const Object *object) { return object->type == &int_type; }
static inline int64_t int_value(const Object *object) { return ((const Int *)object)->value; }

static inline Object *int_new(int64_t value) {
    if (value >= SMALL_MIN && value <= SMALL_MAX)
        return object_retain(&small_ints[value - SMALL_MIN].base);
    return int_allocate(value);
}

/* `int_new` for callers in other languages. */
Object *int_from(int64_t value);

/* Returns the sum of two integers. Returns NULL if an operand has another type or the sum does not fit, which
   `object_binary` handles. */
static inline Object *int_add(const Object *left, const Object *right) {
    int64_t sum;
    if (!int_is(left) || !int_is(right) || __builtin_add_overflow(int_value(left), int_value(right), &sum))
        return NULL;
    return int_new(sum);
}

#endif

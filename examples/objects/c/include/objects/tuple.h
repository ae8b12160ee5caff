/* Tuples are immutable, so objects form no cycles. */
#ifndef OBJECTS_TUPLE_H
#define OBJECTS_TUPLE_H

#define TUPLE_MAX 1024

typedef struct Tuple {
    Object base;
    int64_t length;
    Object *items[];
} Tuple;

extern const Type tuple_type;

/* Takes ownership of the items. */
Object *tuple_new(Object *const *items, int64_t length);

#endif

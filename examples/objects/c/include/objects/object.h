/* Objects: a count of references and a type, followed by the value. */
#ifndef OBJECTS_OBJECT_H
#define OBJECTS_OBJECT_H

typedef struct Thread Thread;
typedef struct Buffer Buffer;

typedef struct Object {
    int64_t references;
    const struct Type *type;
} Object;

typedef enum { ADD, SUBTRACT, MULTIPLY, DIVIDE, REMAINDER, BINARY_OPERATORS } Binary;
typedef enum { LESS, LESS_EQUAL, EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, COMPARISONS } Comparison;

extern const char *const binary_names[BINARY_OPERATORS];
extern const char *const comparison_names[COMPARISONS];

/* The operations of a type. Those that it does not support are NULL. */
typedef struct Type {
    const char *name;
    void (*destroy)(Object *);
    void (*show)(const Object *, Buffer *);
    bool (*is_true)(const Object *);
    /* Both operands are of this type. */
    Object *(*binary)(const Object *, const Object *, int operator, Thread *);
    int (*order)(const Object *, const Object *);
    int64_t (*length)(const Object *);
    /* The index is below the length. */
    Object *(*item)(const Object *, int64_t index);
    Object *(*call)(Object *, Object **arguments, int32_t count, Thread *);
} Type;

#define CALL(slot, object, ...) ((object)->type->slot((object), __VA_ARGS__))

/* Objects on the heap. A program without a leak leaves as many as it found. */
extern int64_t live_objects;
extern Object none_object;

void *object_allocate(const Type *type, size_t size);
Object *object_binary(const Object *left, const Object *right, int operator, Thread *thread);
Object *object_compare(const Object *left, const Object *right, int comparison, Thread *thread);
Object *object_item(const Object *object, const Object *index, Thread *thread);
void object_show(const Object *object, Buffer *buffer);

/* The references to `none_object` and to small integers. */
int64_t static_references(void);
Object *none_new(void);

static inline Object *object_retain(Object *object) {
    object->references++;
    return object;
}

static inline void object_release(Object *object) {
    if (--object->references == 0) {
        live_objects--;
        object->type->destroy(object);
    }
}

static inline bool object_is_true(const Object *object) {
    return object->type->is_true == NULL || object->type->is_true(object);
}

#endif

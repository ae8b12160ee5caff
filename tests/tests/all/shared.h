/* A type that exists in both languages already: types.rs binds it with `..`. */
typedef struct Shape {
    uint8_t kind;
    union { uint64_t side; double radius; } size;
    struct Shape *next;
    uint32_t flags : 3, rest : 29;
    int16_t corners[3];
} Shape;

#define KIND_SQUARE 2
#define ESCAPED "a\\b\n"

static inline uint64_t area(const Shape *shape) {
    return shape->kind == KIND_SQUARE ? shape->size.side * shape->size.side : 0;
}

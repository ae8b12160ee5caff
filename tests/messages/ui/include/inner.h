#define FROM_INNER(a) ((a) + nowhere)
static inline uint64_t from_inner(uint64_t *a) { return *a; }

static inline uint64_t helper(uint64_t a) {
    return a + in_the_header;
}

static inline int in_a_header(void) { int unused_in_header; return 1; }

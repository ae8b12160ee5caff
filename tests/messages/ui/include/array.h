// Elements of the register array `r`.
#define OF_ARRAY(n) r(n)
#define BRACKETS(n) r[n]

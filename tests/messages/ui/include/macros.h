#include "inner.h"
#define FROM_OUTER(a) (FROM_INNER(a) * 2)

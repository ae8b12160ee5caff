#include "mistake.h"
#define HEADER_MACRO(a) ((a) + in_the_macro)

#include "outer.h"

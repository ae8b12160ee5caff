/* The interpreter's API: one header includes all others. */
#ifndef OBJECTS_H
#define OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects/object.h"
#include "objects/error.h"
#include "objects/int.h"
#include "objects/text.h"
#include "objects/tuple.h"
#include "objects/opcode.h"
#include "objects/function.h"
#include "objects/thread.h"

#endif

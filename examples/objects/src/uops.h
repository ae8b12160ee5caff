/* Replaces the macros of interpret.c: operands and exits are those of a block. */
#include "../c/include/objects.h"

#define CONSTANT() constant
#define JUMP_TO_TARGET() STENCIL_JUMP(target)
#define ERROR() STENCIL_JUMP(error)
#define LEAVE(value) STENCIL_RETURN(value)

#define PUSH(value) (*stack_pointer++ = (value))
#define POP() (*--stack_pointer)
#define TOP() (stack_pointer[-1])

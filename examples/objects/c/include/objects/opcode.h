/* The instructions. interpret.c defines them. */
#ifndef OBJECTS_OPCODE_H
#define OBJECTS_OPCODE_H

typedef enum Opcode {
    LOAD_CONSTANT,
    LOAD_LOCAL,
    STORE_LOCAL,
    LOAD_GLOBAL,
    POP_TOP,
    DUPLICATE,
    BINARY,
    ADD_INT,
    COMPARE,
    NOT,
    BUILD_TUPLE,
    SUBSCRIPT,
    JUMP_FORWARD,
    JUMP_BACKWARD,
    JUMP_IF_FALSE,
    CALL_FUNCTION,
    PRINT,
    RETURN_VALUE,
} Opcode;

#endif

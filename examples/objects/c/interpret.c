/* The interpreter. Each case of the `switch` is one instruction. */
#include "objects.h"

#define CONSTANT() (frame->code->constant[arg])
#define JUMP_TO_TARGET() goto jump
#define ERROR() goto error
#define LEAVE(value) return value

#define PUSH(value) (*stack_pointer++ = (value))
#define POP() (*--stack_pointer)
#define TOP() (stack_pointer[-1])

Object *interpret(Frame *frame, Object **stack_pointer, Thread *thread) {
    const Instruction *const instructions = frame->code->instructions;
    const Instruction *instruction = instructions;
    for (;;) {
        uint32_t arg = instruction->arg;
        frame->position = (uint32_t)(instruction - instructions);
        switch (instruction->op) {
        case LOAD_CONSTANT: {
            Object *value = CONSTANT();
            PUSH(object_retain(value));
        } break;
        case LOAD_LOCAL: {
            Object *value = frame->locals[arg];
            if (value == NULL) {
                error_set(thread, NAME_ERROR, "local variable %d has no value", (int)arg);
                ERROR();
            }
            PUSH(object_retain(value));
        } break;
        case STORE_LOCAL: {
            Object *old = frame->locals[arg];
            frame->locals[arg] = POP();
            if (old != NULL) object_release(old);
        } break;
        case LOAD_GLOBAL: {
            Object *value = thread->globals[arg];
            PUSH(object_retain(value));
        } break;
        case POP_TOP: {
            object_release(POP());
        } break;
        case DUPLICATE: {
            Object *value = TOP();
            PUSH(object_retain(value));
        } break;
        case BINARY: {
            Object *right = POP(), *left = POP();
            Object *result = object_binary(left, right, (int)arg, thread);
            object_release(left);
            object_release(right);
            if (result == NULL) ERROR();
            PUSH(result);
        } break;
        case ADD_INT: {
            Object *right = POP(), *left = POP();
            Object *sum = int_add(left, right);
            if (sum == NULL) sum = object_binary(left, right, ADD, thread);
            object_release(left);
            object_release(right);
            if (sum == NULL) ERROR();
            PUSH(sum);
        } break;
        case COMPARE: {
            Object *right = POP(), *left = POP();
            Object *result = object_compare(left, right, (int)arg, thread);
            object_release(left);
            object_release(right);
            if (result == NULL) ERROR();
            PUSH(result);
        } break;
        case NOT: {
            Object *value = POP();
            bool is_true = object_is_true(value);
            object_release(value);
            PUSH(int_new(!is_true));
        } break;
        case BUILD_TUPLE: {
            stack_pointer -= arg;
            Object *tuple = tuple_new(stack_pointer, arg);
            PUSH(tuple);
        } break;
        case SUBSCRIPT: {
            Object *index = POP(), *object = POP();
            Object *item = object_item(object, index, thread);
            object_release(object);
            object_release(index);
            if (item == NULL) ERROR();
            PUSH(item);
        } break;
        case JUMP_FORWARD: {
            JUMP_TO_TARGET();
        } break;
        case JUMP_BACKWARD: {
            if (--thread->fuel < 0) {
                error_set(thread, LIMIT_ERROR, "out of fuel in %s, at depth %u", frame->code->name, thread->depth);
                ERROR();
            }
            JUMP_TO_TARGET();
        } break;
        case JUMP_IF_FALSE: {
            Object *value = POP();
            bool is_true = object_is_true(value);
            object_release(value);
            if (!is_true) JUMP_TO_TARGET();
        } break;
        case CALL_FUNCTION: {
            Object **arguments = stack_pointer - arg;
            Object *result = object_call(arguments[-1], arguments, (int32_t)arg, thread);
            while (stack_pointer != arguments - 1) object_release(POP());
            if (result == NULL) ERROR();
            PUSH(result);
        } break;
        case PRINT: {
            Object *value = POP();
            thread_print(thread, value);
            object_release(value);
        } break;
        case RETURN_VALUE: {
            LEAVE(POP());
        } break;
        }
        instruction++;
        continue;
    jump:
        instruction = instructions + arg;
    }

error: {
        while (stack_pointer != frame->stack) object_release(POP());
        LEAVE(NULL);
    }
}

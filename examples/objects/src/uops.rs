//! The uops. Their bodies are the cases of `c/interpret.c`, unchanged: a test compares them.

use stencil_runtime::{Label, stencil};

use crate::program::{Instruction, Opcode};

stencil! {
    #![hosted]
    #![c_flags("-std=gnu17")]

    /// The signature of `interpret`. A null pointer is returned after an error.
    pub machine Interpreter(frame: *mut Frame, stack_pointer: *mut *mut Object, thread: *mut Thread) -> *mut Object;

    include "uops.h";

    // Types that only C defines.
    /// A call of a function.
    pub struct Frame { .. }
    /// An object of any type.
    pub struct Object { .. }
    /// The state of the interpreter.
    pub struct Thread { .. }
    // Types that both C and Rust define.
    enum Opcode = Opcode { .. }
    struct Instruction = Instruction { op: Opcode, arg: u32, .. }

    // What bodies and inline functions refer to. The headers declare the types, and the linker knows the addresses.
    extern fn error_set(..);
    extern fn int_allocate(..);
    extern fn object_binary(..);
    extern fn object_compare(..);
    extern fn object_item(..);
    extern fn thread_print(..);
    extern fn tuple_new(..);
    extern static int_type: ..;
    extern static mut live_objects: ..;
    extern static mut small_ints: ..;

    /// Records the position for errors, as the head of the interpreter's loop does.
    pub uop set_position(arg: u32) {
        frame->position = arg;
    }
    pub uop load_constant(constant: *mut Object) {
        Object *value = CONSTANT();
        PUSH(object_retain(value));
    }
    pub uop load_local(arg: u32, error: Label) {
        Object *value = frame->locals[arg];
        if (value == NULL) {
            error_set(thread, NAME_ERROR, "local variable %d has no value", (int)arg);
            ERROR();
        }
        PUSH(object_retain(value));
    }
    pub uop store_local(arg: u32) {
        Object *old = frame->locals[arg];
        frame->locals[arg] = POP();
        if (old != NULL) object_release(old);
    }
    pub uop load_global(arg: u32) {
        Object *value = thread->globals[arg];
        PUSH(object_retain(value));
    }
    pub uop pop_top() {
        object_release(POP());
    }
    pub uop duplicate() {
        Object *value = TOP();
        PUSH(object_retain(value));
    }
    pub uop binary(arg: u32, error: Label) {
        Object *right = POP(), *left = POP();
        Object *result = object_binary(left, right, (int)arg, thread);
        object_release(left);
        object_release(right);
        if (result == NULL) ERROR();
        PUSH(result);
    }
    pub uop add_int(error: Label) {
        Object *right = POP(), *left = POP();
        Object *sum = int_add(left, right);
        if (sum == NULL) sum = object_binary(left, right, ADD, thread);
        object_release(left);
        object_release(right);
        if (sum == NULL) ERROR();
        PUSH(sum);
    }
    pub uop compare(arg: u32, error: Label) {
        Object *right = POP(), *left = POP();
        Object *result = object_compare(left, right, (int)arg, thread);
        object_release(left);
        object_release(right);
        if (result == NULL) ERROR();
        PUSH(result);
    }
    pub uop not() {
        Object *value = POP();
        bool is_true = object_is_true(value);
        object_release(value);
        PUSH(int_new(!is_true));
    }
    pub uop build_tuple(arg: u32) {
        stack_pointer -= arg;
        Object *tuple = tuple_new(stack_pointer, arg);
        PUSH(tuple);
    }
    pub uop subscript(error: Label) {
        Object *index = POP(), *object = POP();
        Object *item = object_item(object, index, thread);
        object_release(object);
        object_release(index);
        if (item == NULL) ERROR();
        PUSH(item);
    }
    pub uop jump_forward(target: Label) {
        JUMP_TO_TARGET();
    }
    pub uop jump_backward(target: Label, error: Label) {
        if (--thread->fuel < 0) {
            error_set(thread, LIMIT_ERROR, "out of fuel in %s, at depth %u", frame->code->name, thread->depth);
            ERROR();
        }
        JUMP_TO_TARGET();
    }
    pub uop jump_if_false(target: Label) {
        Object *value = POP();
        bool is_true = object_is_true(value);
        object_release(value);
        if (!is_true) JUMP_TO_TARGET();
    }
    pub uop call_function(arg: u32, error: Label) {
        Object **arguments = stack_pointer - arg;
        Object *result = object_call(arguments[-1], arguments, (int32_t)arg, thread);
        while (stack_pointer != arguments - 1) object_release(POP());
        if (result == NULL) ERROR();
        PUSH(result);
    }
    pub uop print() {
        Object *value = POP();
        thread_print(thread, value);
        object_release(value);
    }
    pub uop return_value() {
        LEAVE(POP());
    }
    /// The end of a function that fails.
    pub uop error() {
        while (stack_pointer != frame->stack) object_release(POP());
        LEAVE(NULL);
    }
}

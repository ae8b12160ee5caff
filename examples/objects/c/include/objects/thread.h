/* The state of a thread. */
#ifndef OBJECTS_THREAD_H
#define OBJECTS_THREAD_H

#define DEPTH_MAX 64
#define DATA_STACK 4096
#define GLOBALS 64

struct Thread {
    Frame *frame;
    Object **globals;
    /* How many jumps backward and calls the program may still take. */
    int64_t fuel;
    void (*write)(void *data, const char *bytes, size_t length);
    void *data;
    uint32_t depth, count;
    Object **top;
    char error[256];
    Object *table[GLOBALS];
    Object *slots[DATA_STACK];
};

Thread *thread_new(int64_t fuel, void (*write)(void *data, const char *bytes, size_t length), void *data);
void thread_free(Thread *thread);
/* Takes ownership of the object. Globals have the numbers 0, 1, .. in the order in which they are added. */
void thread_add_global(Thread *thread, Object *object);
/* Calls a global function without arguments and prints its result. Returns false after an error. */
bool thread_run(Thread *thread, uint32_t global);
/* The message of the last error, or an empty string. */
const char *thread_error(const Thread *thread);
void thread_print(Thread *thread, const Object *object);

/* Runs a function's code in a new frame. */
Object *frame_run(const Code *code, Object **arguments, Thread *thread);
Object *interpret(Frame *frame, Object **stack_pointer, Thread *thread);

#endif

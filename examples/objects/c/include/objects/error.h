/* Errors: a function that fails sets the thread's error and returns NULL. */
#ifndef OBJECTS_ERROR_H
#define OBJECTS_ERROR_H

typedef enum { TYPE_ERROR, VALUE_ERROR, NAME_ERROR, INDEX_ERROR, LIMIT_ERROR } ErrorKind;

/* Sets the error: a message formatted as by `printf`, and the position of the current frame. */
__attribute__((format(printf, 3, 4)))
void error_set(Thread *thread, ErrorKind kind, const char *format, ...);

#endif

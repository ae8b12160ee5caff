/* Strings, and buffers in which output is formatted. */
#ifndef OBJECTS_TEXT_H
#define OBJECTS_TEXT_H

#define TEXT_MAX 4096

typedef struct Text {
    Object base;
    size_t length;
    char bytes[];
} Text;

/* Output beyond the size of a buffer is cut off. */
struct Buffer {
    size_t length;
    int depth;
    char bytes[1024];
};

extern const Type text_type;

Object *text_new(const char *bytes, size_t length);
void buffer_add(Buffer *buffer, const char *bytes, size_t length);

#endif

/* The interpreter that tracer.c watches: what its code works with, and what a failure of that code looks like. Nothing of Stillframe is here. */
#ifndef TRACER_INTERPRETER_H
#define TRACER_INTERPRETER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kind { NOTHING, TRUTH, INTEGER, REAL, TEXT, LIST, MAP, OBJECT };

struct text {
    size_t length;
    const char *bytes;
};

struct value {
    enum kind kind;
    union {
        bool truth;
        int64_t integer;
        double real;
        struct text text;
        const struct list *list;
        const struct map *map;
        const struct object *object;
    } as;
};

struct list {
    size_t count;
    const struct value *items;
};

struct map {
    size_t count;
    const struct entry {
        struct value key, value;
    } *entries;
};

struct class {
    struct text name;
    size_t count;
    const struct text *fields;
};

struct object {
    const struct class *class;
    const struct value *fields;
};

/* A function, and the names of its variables. */
struct function {
    struct text name, module, file;
    size_t count;
    const struct text *names;
};

/* A running function, and the line that it is at. */
struct call {
    const struct function *function;
    const struct call *caller;
    const struct value *variables;
    uint32_t line;
};

/* A failure on its way up, as the interpreter's code raised it. */
struct failure {
    const struct class *class;
    struct text message;
    const struct call *raised_in;
    const struct call *caught_in; /* NULL: by nobody yet */
    const struct failure *cause;
};

#endif

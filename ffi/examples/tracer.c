/*
 * A tracer in C that leaves the capture of exceptions to Stillframe and uploads the result itself.
 *
 *     tracer AGENT-HOST AGENT-PORT
 *
 * The program under it is a small interpreter with objects of its own. When its code fails, the tracer
 *
 *     1. asks the gate:                       stillframe_capture_admit
 *     2. walks the interpreter's objects,     stillframe_walk.h, stillframe_tape.h
 *        breadth-first, into a tape, hiding what names and types say must be hidden
 *     3. hands a copy to its sender thread, which has it redacted and encoded:  stillframe_capture_encode
 *     4. sends that and the trace to a Datadog Agent, over a plain socket.
 *
 * Steps 1 and 2 are all that the failing thread does. Nothing is stored, and the engine's own background thread is never started.
 *
 * check: threads
 * check: compile
 */
#define _POSIX_C_SOURCE 200809L

#include <stillframe.h>
#include <stillframe_tape.h>
#include <stillframe_walk.h>

#include <inttypes.h>
#include <netdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- The interpreter: what its code works with ---- */

enum kind { NOTHING, TRUTH, INTEGER, REAL, TEXT, LIST, MAP, OBJECT };

struct value {
    enum kind kind;
    union {
        bool truth;
        int64_t integer;
        double real;
        const struct text *text;
        const struct list *list;
        const struct map *map;
        const struct object *object;
    } as;
};

struct text {
    size_t length;
    const char *bytes;
};

struct list {
    size_t count;
    const struct value *items;
};

struct map {
    size_t count;
    const struct value *keys;
    const struct value *values;
};

struct class {
    const char *name;
    size_t count;
    const char *const *fields;
    struct plan *plan; /* the tracer's: made when an object of the class is first met */
};

struct object {
    struct class *class;
    const struct value *fields;
};

/* A running function, and the line that it is at. */
struct call {
    const char *function;
    const char *module;
    const char *file;
    uint32_t line;
    size_t count;
    const char *const *names;
    const struct value *locals;
    const struct call *caller;
};

struct failure {
    struct object object;
    struct text message;
    const struct call *raised_in;
    const struct failure *cause;
};

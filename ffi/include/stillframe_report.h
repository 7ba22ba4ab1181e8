/*
 * Stillframe for programs in C and C++: errors with the values of the variables that led to them.
 *
 *     int ship(struct order *order, int day)
 *     {
 *         STILLFRAME_FRAME();                     // opens a scope, closed when the block ends
 *         STILLFRAME_OBJECT_AT(order, order);     // a pointer to a described struct
 *         STILLFRAME_VAR(day);                    // any number, text or pointer (C11, C++17)
 *         ...
 *         if (truck == NULL)
 *             stillframe_report("NoTruck", "no truck on day %d", day);
 *     }
 *
 * Registering a variable is a few stores. It is read only when something is captured, by reads that cannot crash: a bad pointer is
 * told as such. A scope, its variables and what they point to belong to one thread. See docs/c.md.
 *
 * The registered address must stay valid until the variable goes out of scope, and the compiler may keep a newer value in a
 * register until the next call. Functions left by longjmp need nothing: their scopes are recognised as gone when the next one is
 * opened or something is captured. Only the function that calls setjmp itself is not left: see docs/c.md for variables in a block of it.
 *
 * Needs GCC or Clang: a scope is closed by the attribute `cleanup`, in C and in C++. C code that exceptions pass through needs
 * -fexceptions for that. A goto or a case must not lead from before one of these macros to behind it in the same block: what would be closed
 * was never opened. That does not compile; but GCC does not see where a computed goto leads, so braces have to be around the macros behind its
 * labels.
 */
#ifndef STILLFRAME_REPORT_H
#define STILLFRAME_REPORT_H

#if !defined(__GNUC__)
#error "stillframe_report.h needs the attribute cleanup of GCC or Clang"
#endif

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "stillframe.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- What the library reads. Filled by the macros below; the layout is part of the ABI. ---- */

/* What a value is. */
#define STILLFRAME_AS_OPAQUE 0u  /* only its type is shown */
#define STILLFRAME_AS_INT 1u     /* signed, of 1, 2, 4, 8 or 16 bytes */
#define STILLFRAME_AS_UINT 2u    /* unsigned */
#define STILLFRAME_AS_FLOAT 3u   /* float, double, long double: of 4, 8 or 16 bytes; of other sizes only the type is shown */
#define STILLFRAME_AS_BOOL 4u    /* one byte, 0 or not */
#define STILLFRAME_AS_CHAR 5u    /* one is a number, several are text up to a zero */
#define STILLFRAME_AS_STRING 6u  /* a pointer to text that ends with a zero */
#define STILLFRAME_AS_POINTER 7u /* the address is shown */
#define STILLFRAME_AS_TO 8u      /* a pointer to one `item`, which is shown */
#define STILLFRAME_AS_STRUCT 9u  /* `fields` */
#define STILLFRAME_AS_BYTES 10u  /* raw bytes */
#define STILLFRAME_AS_VIEW 11u   /* (C++) `view` says where its contents lie */

struct stillframe_type;

/* Where the contents of an object lie, as told by stillframe_type.view. */
typedef struct stillframe_view {
    const void *items;                  /* the first one */
    size_t count;                       /* how many */
    const struct stillframe_type *item; /* what each is; of kind CHAR: text */
    uint32_t single;                    /* not 0: it stands for the one item, or for null if there is none */
    uint32_t reserved;                  /* 0 */
} stillframe_view;

/* A member of a struct. */
typedef struct stillframe_field {
    const char *name;
    const struct stillframe_type *type; /* of one item, if it is an array */
    size_t offset;
    size_t size;         /* sizeof the member: several items if it is more than the type's */
    size_t count_offset; /* where the member lies that counts the items behind a pointer */
    size_t count_size;   /* its size; 0: there is none, and the member itself holds the items. Of 4 or 8 bytes it may be negative: none */
} stillframe_field;

/* A type. */
typedef struct stillframe_type {
    const char *name; /* as the language writes it */
    uint32_t kind;    /* STILLFRAME_AS_... */
    uint32_t size;    /* sizeof one */
    const struct stillframe_type *item;
    const stillframe_field *fields;
    size_t field_count;
    void (*view)(const void *object, stillframe_view *view);
} stillframe_type;

/* What is known of a registered variable before the program runs. */
typedef struct stillframe_slot {
    const char *name;
    const stillframe_type *type;
    size_t size; /* sizeof the variable; 0: it points to `count` items, which may be none */
} stillframe_slot;

/* Where a scope or a report stands in the source. */
typedef struct stillframe_place {
    const char *function;
    const char *file;
    uint32_t line;
    uint32_t reserved; /* 0 */
} stillframe_place;

/* A registered variable, on the stack of its function. */
typedef struct stillframe_var {
    struct stillframe_var *next;
    const stillframe_slot *slot;
    const void *address;
    size_t count; /* items behind the address; 0: as many as the slot's size holds. More than half of what a size_t holds: negative, none */
    struct stillframe_scope *scope;
} stillframe_var;

/* An open scope, on the stack of its function. */
typedef struct stillframe_scope {
    struct stillframe_thread *thread;
    const stillframe_place *place;
    stillframe_var *vars; /* the newest one */
    uint64_t depth;       /* its place among the open scopes of the thread */
} stillframe_scope;

/* Bytes of a message that stillframe_report makes, its zero included: what is shown, and what is read after it because a secret may begin
 * before the cut. */
#define STILLFRAME_MESSAGE_MAX 1281u

/* Scopes that a thread remembers: the newest ones, where more are open. */
#define STILLFRAME_OPEN_SCOPES 256u

/* A thread's open scopes. One per thread, in the library. */
typedef struct stillframe_thread {
    uint64_t depth; /* how many are open; number n is open[n % STILLFRAME_OPEN_SCOPES] */
    struct {
        uintptr_t cfa; /* where the function's frame begins: its identity while it runs */
        const void *caller; /* where the function returns to: tells two functions apart whose frames begin at one place */
        stillframe_scope *scope;
    } open[STILLFRAME_OPEN_SCOPES];
} stillframe_thread;

/* What a report says beside the variables. */
typedef struct stillframe_failure {
    size_t struct_size;    /* sizeof(stillframe_failure) */
    const char *type;      /* of the error, as NotFound */
    const char *message;   /* or NULL */
    const char *mechanism; /* by which way it was met, as report, terminate */
    const void *exception; /* (C++) the exception object, or NULL */
    const stillframe_place *place; /* where it is reported, or NULL */
    const void *caller;    /* an address in the function that reports: the innermost frame shown; NULL: all */
    uint32_t flags;        /* STILLFRAME_FAILURE_... */
    uint32_t message_more; /* bytes of the message that `message` has no room for: 0 where it is whole. What is cut tells so */
} stillframe_failure;

#define STILLFRAME_FAILURE_MANGLED 1u   /* `type` is what std::type_info::name says */
#define STILLFRAME_FAILURE_UNHANDLED 2u /* the program ends because of it */
#define STILLFRAME_FAILURE_FLUSH 4u     /* wait until it is stored: the process is about to end */

/* ---- Functions. Any thread. None of them changes errno. ---- */

/* Starts capturing for this process with `config` (NULL: files and environment variables decide) and `rules` (NULL: none). Once; a
 * second call without stillframe_stop between them is refused. Not for signal handlers. */
stillframe_status stillframe_start(const stillframe_config *config, const stillframe_rules *rules, stillframe_error *error);

/* Stores what is waiting and stops capturing, within `timeout_ms`. STILLFRAME_INCOMPLETE: something was lost, or a thread or a function of
 * the program (log, snapshot) is not done yet; what is left ends in a later call. After STILLFRAME_OK no such function runs any more. */
stillframe_status stillframe_stop(uint32_t timeout_ms, stillframe_error *error);

/* Waits until everything captured so far is stored, within `timeout_ms`; else STILLFRAME_INCOMPLETE. */
stillframe_status stillframe_flush(uint32_t timeout_ms, stillframe_error *error);

/* Captures. STILLFRAME_OK: captured; STILLFRAME_REFUSED_DISABLED: not started, or switched off; else why not. */
stillframe_status stillframe_capture_failure(const stillframe_failure *failure);

/* The engine that stillframe_start made, for the functions of stillframe.h; NULL before that. stillframe_stop frees it. */
const stillframe_engine *stillframe_started_engine(void);

/* The calling thread's scopes; the address stays the same while the thread lives. */
stillframe_thread *stillframe_thread_current(void);

/* Which fatal signals stillframe_signals_install handles. */
#define STILLFRAME_SIGNAL_SEGV 1u
#define STILLFRAME_SIGNAL_BUS 2u
#define STILLFRAME_SIGNAL_FPE 4u
#define STILLFRAME_SIGNAL_ILL 8u
#define STILLFRAME_SIGNAL_ABRT 16u
#define STILLFRAME_SIGNAL_ALL 31u

/* Asks for a report when one of these signals ends the program. After stillframe_start, which also turns the reports of earlier runs into
 * snapshots, and until stillframe_stop: after another stillframe_start it has to be asked for again. Handlers that were there before run
 * afterwards; without one, the signal's default ends the process as it would have. */
stillframe_status stillframe_signals_install(uint32_t signals, stillframe_error *error);

/* Gives the calling thread a stack of its own for signal handlers, so that running out of stack is reported too. The thread that calls
 * stillframe_signals_install has one. */
stillframe_status stillframe_signals_thread(stillframe_error *error);

/* (C++) Called by the object that intercepts throws, see docs/c.md. `caller` is the address that throws. With a type of NULL: an exception
 * that is not thrown yet gets this address, and what was captured of an earlier one there is forgotten. */
void stillframe_thrown(const void *exception, const char *type, const void *caller);

/* ---- Scopes and variables. ---- */

static __thread stillframe_thread *stillframe_thread_known __attribute__((unused));

/* How many of a thread's scopes are open in truth, where the newest one is not of a frame outside of this one. Deeper frames are gone, and so
 * is another function's at this place: left by longjmp. Of the same frame are the scopes around this one, and this one left by longjmp. */
__attribute__((unused, noinline, cold)) static uint64_t stillframe_scopes_left(const stillframe_thread *thread, const stillframe_scope *scope,
                                                                              uintptr_t cfa, const void *caller)
{
    uint64_t depth = thread->depth, below;
    while (depth > 0 && (thread->open[(depth - 1) % STILLFRAME_OPEN_SCOPES].cfa < cfa ||
                         (thread->open[(depth - 1) % STILLFRAME_OPEN_SCOPES].cfa == cfa &&
                          thread->open[(depth - 1) % STILLFRAME_OPEN_SCOPES].caller != caller))) {
        depth--;
    }
    below = depth;
    while (below > 0 && thread->open[(below - 1) % STILLFRAME_OPEN_SCOPES].cfa == cfa) {
        below--;
        if (thread->open[below % STILLFRAME_OPEN_SCOPES].scope == scope) {
            depth = below;
        }
    }
    return depth;
}

__attribute__((unused)) static inline void stillframe_scope_open(stillframe_scope *scope, const stillframe_place *place, const void *cfa,
                                                                const void *caller)
{
    stillframe_thread *thread = stillframe_thread_known;
    uintptr_t here = (uintptr_t)cfa;
    uint64_t depth;
    if (__builtin_expect(thread == NULL, 0)) {
        thread = stillframe_thread_current();
        stillframe_thread_known = thread;
    }
    depth = thread->depth;
    /* Without an open scope this looks at the last seat, which then says that it is the outermost frame of all. */
    if (__builtin_expect(thread->open[(depth - 1) % STILLFRAME_OPEN_SCOPES].cfa <= here, 0)) {
        depth = stillframe_scopes_left(thread, scope, here, caller);
    }
    scope->thread = thread;
    scope->place = place;
    scope->vars = NULL;
    scope->depth = depth;
    thread->open[depth % STILLFRAME_OPEN_SCOPES].cfa = here;
    thread->open[depth % STILLFRAME_OPEN_SCOPES].caller = caller;
    thread->open[depth % STILLFRAME_OPEN_SCOPES].scope = scope;
    /* A signal handler of this thread sees a scope complete or not at all. */
    __atomic_signal_fence(__ATOMIC_RELEASE);
    thread->depth = depth + 1;
}

__attribute__((unused)) static inline void stillframe_scope_close(stillframe_scope *scope)
{
    scope->thread->depth = scope->depth;
    __atomic_signal_fence(__ATOMIC_RELEASE);
}

__attribute__((unused)) static inline void stillframe_var_close(stillframe_var *var)
{
    var->scope->vars = var->next;
    __atomic_signal_fence(__ATOMIC_RELEASE);
}

#define STILLFRAME_JOIN_(a, b) a##b
#define STILLFRAME_JOIN(a, b) STILLFRAME_JOIN_(a, b)

/* A goto or a case from before this to behind it is refused. GCC accepts it into the scope of what has a `cleanup`, and runs that on what was
 * never written; but not over a type of variable size (C) or over an initialisation (C++). Clang refuses all of it. Costs nothing. */
#if defined(__cplusplus)
#define STILLFRAME_NO_JUMP_(name) __attribute__((unused)) const char name = 0;
#elif defined(__clang__)
#define STILLFRAME_NO_JUMP_(name) __attribute__((unused)) typedef char name;
#else
#define STILLFRAME_NO_JUMP_(name)                                                                                                        \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wvla\"")                                                           \
    __attribute__((unused)) typedef char name[1 + (stillframe_thread_known == NULL)];                                                    \
    _Pragma("GCC diagnostic pop")
#endif

/* Opens a scope for the rest of the block. Inside of another one of the same function it hides that one's name, nothing else. */
#define STILLFRAME_FRAME()                                                                                                               \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wshadow\"") static const stillframe_place stillframe_place_here = {\
        __func__, __FILE__, __LINE__, 0};                                                                                                \
    STILLFRAME_NO_JUMP_(stillframe_no_jump_here)                                                                                         \
    __attribute__((cleanup(stillframe_scope_close))) stillframe_scope stillframe_scope_here;                                             \
    _Pragma("GCC diagnostic pop")                                                                                                        \
    stillframe_scope_open(&stillframe_scope_here, &stillframe_place_here, __builtin_dwarf_cfa(), __builtin_return_address(0))

#define STILLFRAME_REGISTER_(id, text, type_of, size_of, where, items)                                                                   \
    static const stillframe_slot STILLFRAME_JOIN(stillframe_slot_, id) = {text, type_of, size_of};                                       \
    STILLFRAME_NO_JUMP_(STILLFRAME_JOIN(stillframe_no_jump_, id))                                                                        \
    __attribute__((cleanup(stillframe_var_close))) stillframe_var STILLFRAME_JOIN(stillframe_var_, id) = {                               \
        stillframe_scope_here.vars, &STILLFRAME_JOIN(stillframe_slot_, id), (const void *)(uintptr_t)(where), items,                     \
        &stillframe_scope_here};                                                                                                         \
    __atomic_signal_fence(__ATOMIC_RELEASE);                                                                                             \
    stillframe_scope_here.vars = &STILLFRAME_JOIN(stillframe_var_, id);                                                                  \
    /* If what comes next is the end of the program, its variable is there. */                                                           \
    __atomic_signal_fence(__ATOMIC_SEQ_CST)

#define STILLFRAME_REGISTER(text, type_of, size_of, where, items)                                                                        \
    STILLFRAME_REGISTER_(__COUNTER__, text, type_of, size_of, where, items)

/* Variables by what they are: C99 and everything newer. Arrays count by their size. */
#define STILLFRAME_INT(x) STILLFRAME_REGISTER(#x, STILLFRAME_SIZED_INT_(x), sizeof(x), &(x), 0)
#define STILLFRAME_UINT(x) STILLFRAME_REGISTER(#x, STILLFRAME_SIZED_UINT_(x), sizeof(x), &(x), 0)
#define STILLFRAME_FLOAT(x) STILLFRAME_REGISTER(#x, STILLFRAME_SIZED_FLOAT_(x), sizeof(x), &(x), 0)
#define STILLFRAME_BOOL(x) STILLFRAME_REGISTER(#x, &stillframe_type_bool, sizeof(x), &(x), 0)
/* A `char *`, which may be NULL or bad. */
#define STILLFRAME_STR(x) STILLFRAME_REGISTER(#x, &stillframe_type_string, sizeof(x), &(x), 0)
/* A `char []` as text. */
#define STILLFRAME_CHARS(x) STILLFRAME_REGISTER(#x, &stillframe_type_char, sizeof(x), (x), 0)
/* The address that a pointer holds. */
#define STILLFRAME_PTR(x) STILLFRAME_REGISTER(#x, &stillframe_type_pointer, sizeof(x), &(x), 0)
/* `n` bytes at `p`; both are taken when this line runs. Where `n` is 0 or less there are none, here and below. */
#define STILLFRAME_BYTES(p, n) STILLFRAME_REGISTER(#p, &stillframe_type_bytes, 0, (p), (size_t)(n))
/* A struct described by STILLFRAME_STRUCT; a pointer to one; `n` of them at `p`. */
#define STILLFRAME_OBJECT(x, tag) STILLFRAME_REGISTER(#x, &stillframe_struct_##tag, sizeof(x), &(x), 0)
#define STILLFRAME_OBJECT_AT(p, tag) STILLFRAME_REGISTER(#p, &stillframe_pointer_##tag, sizeof(p), &(p), 0)
#define STILLFRAME_OBJECTS(p, n, tag) STILLFRAME_REGISTER(#p, &stillframe_struct_##tag, 0, (p), (size_t)(n))

/* ---- Types. ---- */

#define STILLFRAME_TYPE_(id, text, of_kind, c_type, of)                                                                                  \
    __attribute__((unused)) static const stillframe_type stillframe_type_##id = {text, of_kind, (uint32_t)sizeof(c_type), of, NULL, 0, NULL}

STILLFRAME_TYPE_(bool, "bool", STILLFRAME_AS_BOOL, unsigned char, NULL);
STILLFRAME_TYPE_(char, "char", STILLFRAME_AS_CHAR, char, NULL);
STILLFRAME_TYPE_(schar, "signed char", STILLFRAME_AS_INT, signed char, NULL);
STILLFRAME_TYPE_(uchar, "unsigned char", STILLFRAME_AS_UINT, unsigned char, NULL);
STILLFRAME_TYPE_(short, "short", STILLFRAME_AS_INT, short, NULL);
STILLFRAME_TYPE_(ushort, "unsigned short", STILLFRAME_AS_UINT, unsigned short, NULL);
STILLFRAME_TYPE_(int, "int", STILLFRAME_AS_INT, int, NULL);
STILLFRAME_TYPE_(uint, "unsigned int", STILLFRAME_AS_UINT, unsigned int, NULL);
STILLFRAME_TYPE_(long, "long", STILLFRAME_AS_INT, long, NULL);
STILLFRAME_TYPE_(ulong, "unsigned long", STILLFRAME_AS_UINT, unsigned long, NULL);
STILLFRAME_TYPE_(llong, "long long", STILLFRAME_AS_INT, long long, NULL);
STILLFRAME_TYPE_(ullong, "unsigned long long", STILLFRAME_AS_UINT, unsigned long long, NULL);
STILLFRAME_TYPE_(float, "float", STILLFRAME_AS_FLOAT, float, NULL);
STILLFRAME_TYPE_(double, "double", STILLFRAME_AS_FLOAT, double, NULL);
STILLFRAME_TYPE_(ldouble, "long double", STILLFRAME_AS_FLOAT, long double, NULL);
STILLFRAME_TYPE_(string, "char*", STILLFRAME_AS_STRING, char *, NULL);
STILLFRAME_TYPE_(pointer, "void*", STILLFRAME_AS_POINTER, void *, NULL);
STILLFRAME_TYPE_(bytes, "bytes", STILLFRAME_AS_BYTES, unsigned char, NULL);
STILLFRAME_TYPE_(opaque, "struct", STILLFRAME_AS_OPAQUE, unsigned char, NULL);
STILLFRAME_TYPE_(array, "array", STILLFRAME_AS_OPAQUE, unsigned char, NULL);

/* A number's type by its size alone: of one item, where it is an array (an array is told apart only by STILLFRAME_VAR). */
#define STILLFRAME_SIZED_INT_(x)                                                                                                         \
    (sizeof(x) == 1 ? &stillframe_type_schar                                                                                             \
                    : sizeof(x) == 2 ? &stillframe_type_short : sizeof(x) == 4 ? &stillframe_type_int : &stillframe_type_long)
#define STILLFRAME_SIZED_UINT_(x)                                                                                                        \
    (sizeof(x) == 1 ? &stillframe_type_uchar                                                                                             \
                    : sizeof(x) == 2 ? &stillframe_type_ushort : sizeof(x) == 4 ? &stillframe_type_uint : &stillframe_type_ulong)
#define STILLFRAME_SIZED_FLOAT_(x)                                                                                                       \
    (sizeof(x) == 4 ? &stillframe_type_float                                                                                             \
                    : sizeof(x) == 8 ? &stillframe_type_double                                                                           \
                                     : sizeof(x) == sizeof(long double) ? &stillframe_type_ldouble : &stillframe_type_opaque)

#ifdef __cplusplus
} /* extern "C" */
#endif

#if defined(__cplusplus)
#include "stillframe_report.hpp"
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L

/* The type of any variable, or of one item of an array. */
#define STILLFRAME_ARRAY_OF_(type, id)                                                                                                   \
    type(*)[] : &stillframe_type_##id, const type(*)[] : &stillframe_type_##id
#define STILLFRAME_TYPE_OF(x)                                                                                                            \
    _Generic(&(x),                                                                                                                       \
        STILLFRAME_ARRAY_OF_(_Bool, bool),                                                                                               \
        STILLFRAME_ARRAY_OF_(char, char),                                                                                                \
        STILLFRAME_ARRAY_OF_(signed char, schar),                                                                                        \
        STILLFRAME_ARRAY_OF_(unsigned char, uchar),                                                                                      \
        STILLFRAME_ARRAY_OF_(short, short),                                                                                              \
        STILLFRAME_ARRAY_OF_(unsigned short, ushort),                                                                                    \
        STILLFRAME_ARRAY_OF_(int, int),                                                                                                  \
        STILLFRAME_ARRAY_OF_(unsigned int, uint),                                                                                        \
        STILLFRAME_ARRAY_OF_(long, long),                                                                                                \
        STILLFRAME_ARRAY_OF_(unsigned long, ulong),                                                                                      \
        STILLFRAME_ARRAY_OF_(long long, llong),                                                                                          \
        STILLFRAME_ARRAY_OF_(unsigned long long, ullong),                                                                                \
        STILLFRAME_ARRAY_OF_(float, float),                                                                                              \
        STILLFRAME_ARRAY_OF_(double, double),                                                                                            \
        char *(*)[] : &stillframe_type_string,                                                                                           \
        const char *(*)[] : &stillframe_type_string,                                                                                     \
        const char *const(*)[] : &stillframe_type_string,                                                                                \
        void *(*)[] : &stillframe_type_pointer,                                                                                          \
        default : STILLFRAME_SCALAR_TYPE_OF_(x))
#define STILLFRAME_SCALAR_TYPE_OF_(x)                                                                                                    \
    _Generic((x),                                                                                                                        \
        _Bool : &stillframe_type_bool,                                                                                                   \
        char : &stillframe_type_char,                                                                                                    \
        signed char : &stillframe_type_schar,                                                                                            \
        unsigned char : &stillframe_type_uchar,                                                                                          \
        short : &stillframe_type_short,                                                                                                  \
        unsigned short : &stillframe_type_ushort,                                                                                        \
        int : &stillframe_type_int,                                                                                                      \
        unsigned int : &stillframe_type_uint,                                                                                            \
        long : &stillframe_type_long,                                                                                                    \
        unsigned long : &stillframe_type_ulong,                                                                                          \
        long long : &stillframe_type_llong,                                                                                              \
        unsigned long long : &stillframe_type_ullong,                                                                                    \
        float : &stillframe_type_float,                                                                                                  \
        double : &stillframe_type_double,                                                                                                \
        long double : &stillframe_type_ldouble,                                                                                          \
        char * : &stillframe_type_string,                                                                                                \
        const char * : &stillframe_type_string,                                                                                          \
        default : STILLFRAME_IS_ARRAY_(x) ? &stillframe_type_array                                                                       \
                                          : __builtin_classify_type(x) == 5 && sizeof(x) == sizeof(void *) ? &stillframe_type_pointer   \
                                                                                                           : &stillframe_type_opaque)
/* An array becomes a pointer to its first item wherever it is a value; here it is not yet one. */
#define STILLFRAME_IS_ARRAY_(x) (!__builtin_types_compatible_p(__typeof__(x), __typeof__(((void)0, (x)))))

/* Any variable. Of a struct that is not named with STILLFRAME_OBJECT, and of arrays of anything but numbers and texts, only the type is shown. */
#define STILLFRAME_VAR(x) STILLFRAME_REGISTER(#x, STILLFRAME_TYPE_OF(x), sizeof(x), &(x), 0)
/* `n` items behind a pointer to numbers or texts; both are taken when this line runs. */
#define STILLFRAME_ARRAY(p, n) STILLFRAME_REGISTER(#p, STILLFRAME_SCALAR_TYPE_OF_(*(p)), 0, (p), (size_t)(n))

/* Describes a struct, once per source file, where the struct is complete: STILLFRAME_STRUCT(order, struct order, fields...). The name
 * in front is the one for STILLFRAME_OBJECT and the like. */
#define STILLFRAME_STRUCT(tag, type, ...)                                                                                                \
    static const stillframe_type stillframe_struct_##tag;                                                                                \
    __attribute__((unused)) static const stillframe_type stillframe_pointer_##tag = {                                                    \
        #type "*", STILLFRAME_AS_TO, (uint32_t)sizeof(void *), &stillframe_struct_##tag, NULL, 0, NULL};                               \
    static const stillframe_field stillframe_fields_##tag[] = {__VA_ARGS__};                                                             \
    __attribute__((unused)) static const stillframe_type stillframe_struct_##tag = {                                                     \
        #type, STILLFRAME_AS_STRUCT, (uint32_t)sizeof(type), NULL, stillframe_fields_##tag,                                            \
        sizeof(stillframe_fields_##tag) / sizeof(stillframe_fields_##tag[0]), NULL}

#define STILLFRAME_FIELD_(owner, member, of_type, count_offset, count_size)                                                              \
    {#member, of_type, offsetof(owner, member), sizeof(((owner *)0)->member), count_offset, count_size}
#define STILLFRAME_COUNT_(owner, count) offsetof(owner, count), sizeof(((owner *)0)->count)

/* A member that STILLFRAME_VAR would understand. */
#define STILLFRAME_FIELD(owner, member) STILLFRAME_FIELD_(owner, member, STILLFRAME_TYPE_OF(((owner *)0)->member), 0, 0)
/* A member that is a described struct, or an array of them; one that points to one. */
#define STILLFRAME_FIELD_OBJECT(owner, member, tag) STILLFRAME_FIELD_(owner, member, &stillframe_struct_##tag, 0, 0)
#define STILLFRAME_FIELD_OBJECT_AT(owner, member, tag) STILLFRAME_FIELD_(owner, member, &stillframe_pointer_##tag, 0, 0)
/* A pointer to as many items as another member, an integer, says. */
#define STILLFRAME_FIELD_ARRAY(owner, member, count)                                                                                     \
    {#member, STILLFRAME_SCALAR_TYPE_OF_(*((owner *)0)->member), offsetof(owner, member), sizeof(((owner *)0)->member),                  \
     STILLFRAME_COUNT_(owner, count)}
#define STILLFRAME_FIELD_OBJECTS(owner, member, count, tag)                                                                              \
    {#member, &stillframe_struct_##tag, offsetof(owner, member), sizeof(((owner *)0)->member), STILLFRAME_COUNT_(owner, count)}

#endif

/* ---- Reporting. ---- */

#ifdef __cplusplus
extern "C" {
#endif

/* Captures an error: its type, a message as printf makes it, the open scopes of this thread and its stack. STILLFRAME_OK: captured, a
 * positive status: refused by a limit, which is no error. Not for signal handlers. */
__attribute__((unused, noinline, format(printf, 2, 3))) static stillframe_status stillframe_report(const char *type, const char *format, ...)
{
    char message[STILLFRAME_MESSAGE_MAX];
    int before = errno;
    int length;
    stillframe_status result;
    stillframe_failure failure = {sizeof(stillframe_failure), type, message, "report", NULL, NULL, NULL, 0, 0};
    va_list arguments;
    va_start(arguments, format);
    length = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (length < 0) {
        failure.message = format;
    } else if ((size_t)length >= sizeof message) {
        failure.message_more = (uint32_t)((size_t)length - (sizeof message - 1));
    }
    failure.caller = __builtin_return_address(0);
    result = stillframe_capture_failure(&failure);
    errno = before;
    return result;
}

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* STILLFRAME_REPORT_H */

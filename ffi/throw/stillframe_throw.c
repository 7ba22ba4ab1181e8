/*
 * Tells Stillframe about every C++ throw, so that a catch block can report the variables of the frames that the exception unwound.
 *
 * Opt-in: link libstillframe_throw.a, or this file, into the program. It stands in front of the C++ library's __cxa_throw, which it finds as
 * the next one in the order of libraries, and calls it with the same arguments. A program that links libstdc++ statically has no next one: it
 * takes libstillframe_throw_static.a, which is this file with -DSTILLFRAME_THROW_WRAP, and is linked with -Wl,--wrap=__cxa_throw.
 *
 * C, so that it needs no C++ library of its own; a C++ compiler takes it as well.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT */
#endif

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
#include <cxxabi.h>
#include <typeinfo>
typedef std::type_info throw_type;
extern "C" {
#else
typedef void throw_type;
#endif

/* As in stillframe_report.h, which is not included because it needs C++17 of a C++ compiler. */
void stillframe_thrown(const void *exception, const char *type, const void *caller);

typedef void (*throw_function)(void *object, throw_type *type, void (*destructor)(void *));

static void tell(const void *object, const throw_type *type, const void *caller) {
    /* By the C++ ABI: the table of its functions, then its name. */
    const char *parts[2] = {NULL, NULL};
    if (type != NULL) {
        memcpy(parts, (const void *)type, sizeof parts);
    }
    stillframe_thrown(object, parts[1], caller);
}

#ifdef STILLFRAME_THROW_WRAP

void __real___cxa_throw(void *object, throw_type *type, void (*destructor)(void *)) __attribute__((noreturn));
void __wrap___cxa_throw(void *object, throw_type *type, void (*destructor)(void *)) __attribute__((noreturn));

void __wrap___cxa_throw(void *object, throw_type *type, void (*destructor)(void *)) {
    tell(object, type, __builtin_return_address(0));
    __real___cxa_throw(object, type, destructor);
}

#else

#ifndef __cplusplus
void __cxa_throw(void *object, throw_type *type, void (*destructor)(void *)) __attribute__((noreturn, visibility("default")));
#endif

/* Looked up once: dlsym takes a lock. Threads that look at the same time find the same. */
static throw_function next_throw(void) {
    static void *known;
    void *next = __atomic_load_n(&known, __ATOMIC_ACQUIRE);
    throw_function function;
    if (next == NULL) {
        next = dlsym(RTLD_NEXT, "__cxa_throw");
        __atomic_store_n(&known, next, __ATOMIC_RELEASE);
    }
    /* The languages have no conversion from an object's address to a function's. */
    memcpy(&function, &next, sizeof function);
    return function;
}

void __cxa_throw(void *object, throw_type *type, void (*destructor)(void *)) {
    throw_function next = next_throw();
    if (next == NULL) {
        /* Nothing can be thrown at all without one. */
        fputs("stillframe_throw: the C++ library is linked statically: link libstillframe_throw_static.a and -Wl,--wrap=__cxa_throw instead\n", stderr);
        abort();
    }
    tell(object, type, __builtin_return_address(0));
    next(object, type, destructor);
    /* It does not return. */
    abort();
}

#endif

#ifdef __cplusplus
}
#endif

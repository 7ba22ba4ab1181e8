/*
 * Tells Stillframe about every C++ throw, so that a catch block can report the variables of the frames that the exception unwound.
 *
 * Opt-in: link this object (libstillframe_throw.a, or this file) into the program. It stands in front of the C++ library's __cxa_throw,
 * which it finds as the next one in the order of libraries, and calls it with the same arguments. A program that links libstdc++
 * statically has no next one: compile this file with -DSTILLFRAME_THROW_WRAP and link with -Wl,--wrap=__cxa_throw.
 *
 * Written in C so that it needs no C++ library of its own.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT */
#endif

#include <dlfcn.h>
#include <stdlib.h>

#include "stillframe_report.h"

typedef void (*throw_function)(void *object, void *type, void (*destructor)(void *)) __attribute__((noreturn));

/* std::type_info by the C++ ABI: the table of its functions, then its name. */
struct type_info {
    const void *functions;
    const char *name;
};

static void tell(const void *object, const void *type, const void *caller) {
    const struct type_info *info = (const struct type_info *)type;
    stillframe_thrown(object, info == NULL ? NULL : info->name, caller);
}

#ifdef STILLFRAME_THROW_WRAP

void __real___cxa_throw(void *object, void *type, void (*destructor)(void *)) __attribute__((noreturn));
void __wrap___cxa_throw(void *object, void *type, void (*destructor)(void *)) __attribute__((noreturn));

void __wrap___cxa_throw(void *object, void *type, void (*destructor)(void *)) {
    tell(object, type, __builtin_return_address(0));
    __real___cxa_throw(object, type, destructor);
}

#else

void __cxa_throw(void *object, void *type, void (*destructor)(void *)) __attribute__((noreturn, visibility("default")));

/* Looked up once: dlsym takes a lock. Threads that look at the same time find the same. */
static throw_function next_throw(void) {
    static void *known;
    void *next = __atomic_load_n(&known, __ATOMIC_ACQUIRE);
    if (next == NULL) {
        next = dlsym(RTLD_NEXT, "__cxa_throw");
        __atomic_store_n(&known, next, __ATOMIC_RELEASE);
    }
    /* Through a union: C has no conversion from a pointer to an object. */
    union {
        void *object;
        throw_function function;
    } as;
    as.object = next;
    return as.function;
}

void __cxa_throw(void *object, void *type, void (*destructor)(void *)) {
    throw_function next = next_throw();
    if (next == NULL) {
        static const char message[] = "stillframe_throw: no __cxa_throw behind this one; see -DSTILLFRAME_THROW_WRAP\n";
        /* Without one nothing can be thrown at all. */
        fputs(message, stderr);
        abort();
    }
    tell(object, type, __builtin_return_address(0));
    next(object, type, destructor);
}

#endif

/*
 * Tells Stillframe about every C++ throw, so that a catch block can report the variables of the frames that the exception unwound.
 *
 * Opt-in: link libstillframe_throw.a, or this file, into the program. It stands in front of the C++ library's __cxa_throw, which it finds as
 * the next one in the order of libraries, and calls it with the same arguments; and in front of __cxa_allocate_exception, because not every
 * exception is thrown (std::make_exception_ptr), and one that is not must not be taken for an earlier one at the same address. A program that
 * links libstdc++ statically has no next ones: it takes libstillframe_throw_static.a, which is this file with -DSTILLFRAME_THROW_WRAP, and is
 * linked with -Wl,--wrap=__cxa_throw,--wrap=__cxa_allocate_exception.
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
#if __cplusplus >= 201103L
#define THROWS_NOTHING noexcept
#else
#define THROWS_NOTHING throw()
#endif
typedef std::type_info throw_type;
extern "C" {
#else
#define THROWS_NOTHING
typedef void throw_type;
#endif

/* As in stillframe_report.h, which is not included because it needs C++17 of a C++ compiler. */
void stillframe_thrown(const void *exception, const char *type, const void *caller);

typedef void (*throw_function)(void *object, throw_type *type, void (*destructor)(void *));
typedef void *(*allocate_function)(size_t size);

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
void *__real___cxa_allocate_exception(size_t size) THROWS_NOTHING;
void *__wrap___cxa_allocate_exception(size_t size) THROWS_NOTHING;

void __wrap___cxa_throw(void *object, throw_type *type, void (*destructor)(void *)) {
    tell(object, type, __builtin_return_address(0));
    __real___cxa_throw(object, type, destructor);
}

void *__wrap___cxa_allocate_exception(size_t size) THROWS_NOTHING {
    void *object = __real___cxa_allocate_exception(size);
    stillframe_thrown(object, NULL, NULL);
    return object;
}

#else

#ifndef __cplusplus
void __cxa_throw(void *object, throw_type *type, void (*destructor)(void *)) __attribute__((noreturn, visibility("default")));
void *__cxa_allocate_exception(size_t size) __attribute__((visibility("default")));
#endif

/* Looked up once: dlsym takes a lock. Threads that look at the same time find the same. */
static void *next_of(void **known, const char *name) {
    void *next = __atomic_load_n(known, __ATOMIC_ACQUIRE);
    if (next == NULL) {
        next = dlsym(RTLD_NEXT, name);
        if (next == NULL) {
            /* Nothing can be thrown at all without one. */
            fputs("stillframe_throw: the C++ library is linked statically: link libstillframe_throw_static.a and "
                  "-Wl,--wrap=__cxa_throw,--wrap=__cxa_allocate_exception instead\n",
                  stderr);
            abort();
        }
        __atomic_store_n(known, next, __ATOMIC_RELEASE);
    }
    return next;
}

void __cxa_throw(void *object, throw_type *type, void (*destructor)(void *)) {
    static void *known;
    void *next = next_of(&known, "__cxa_throw");
    throw_function function;
    /* The languages have no conversion from an object's address to a function's. */
    memcpy(&function, &next, sizeof function);
    tell(object, type, __builtin_return_address(0));
    function(object, type, destructor);
    /* It does not return. */
    abort();
}

void *__cxa_allocate_exception(size_t size) THROWS_NOTHING {
    static void *known;
    void *next = next_of(&known, "__cxa_allocate_exception");
    allocate_function function;
    void *object;
    memcpy(&function, &next, sizeof function);
    object = function(size);
    stillframe_thrown(object, NULL, NULL);
    return object;
}

#endif

#ifdef __cplusplus
}
#endif

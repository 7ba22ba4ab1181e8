/* Programs that destroyed what a record is made of before they died: they die of the same signal, and the record has what is left.
 * check: forks without=tsan */
#define _GNU_SOURCE
#include <pthread.h>

#include "report_fatal.h"

#define WILD ((uintptr_t)0xdeadbeefdeadbeefu)

__attribute__((noinline, no_sanitize("undefined", "address"))) static void crash(void) {
    int *volatile nowhere = (int *)(uintptr_t)0x10;
    *nowhere = 1;
}

/* Registered variables and their descriptions point anywhere. */
__attribute__((noinline, no_sanitize("undefined", "address"))) static void bad_pointers(const char *how) {
    STILLFRAME_FRAME();
    int good = 12;
    int at_nowhere = 1, of_nothing = 2, without_name = 3;
    static stillframe_slot wild_type = {"wild_type", (const stillframe_type *)WILD, 4};
    static stillframe_slot wild_name = {(const char *)WILD, &stillframe_type_int, 4};
    static stillframe_type odd = {"odd", 4711, 0, (const stillframe_type *)WILD, (const stillframe_field *)WILD, SIZE_MAX, NULL};
    static stillframe_slot odd_kind = {"odd_kind", &odd, SIZE_MAX};
    static stillframe_type loop = {"loop", STILLFRAME_AS_TO, 8, &loop, NULL, 0, NULL};
    static void *self = &self;
    static stillframe_type code = {"code", STILLFRAME_AS_VIEW, 8, NULL, NULL, 0, NULL};
    uintptr_t wild = WILD;
    memcpy(&code.view, &wild, sizeof wild);
    STILLFRAME_INT(good);
    STILLFRAME_REGISTER("huge", &stillframe_type_int, sizeof(int), &good, SIZE_MAX / 2);
    STILLFRAME_REGISTER("loop", &loop, sizeof self, &self, 0);
    STILLFRAME_REGISTER("code", &code, sizeof self, &self, 0);
    STILLFRAME_REGISTER("at_nowhere", &stillframe_type_int, sizeof(int), WILD, 0);
    STILLFRAME_INT(of_nothing);
    stillframe_scope_here.vars->slot = &wild_type;
    STILLFRAME_INT(without_name);
    stillframe_scope_here.vars->slot = &wild_name;
    STILLFRAME_INT(at_nowhere);
    stillframe_scope_here.vars->slot = &odd_kind;
    STILLFRAME_STR(how);
    crash();
}

/* The list of a scope's variables leads nowhere, and into a circle. */
__attribute__((noinline, no_sanitize("undefined", "address"))) static void bad_list(const char *how) {
    STILLFRAME_FRAME();
    int circle = 5;
    STILLFRAME_INT(circle);
    STILLFRAME_STR(how);
    stillframe_scope_here.vars->next->next = stillframe_scope_here.vars;
    {
        STILLFRAME_FRAME();
        STILLFRAME_STR(how);
        stillframe_scope_here.vars->next = (stillframe_var *)WILD;
        crash();
    }
}

/* The thread's own record is overwritten. */
__attribute__((noinline, no_sanitize("undefined", "address"))) static void bad_record(const char *how) {
    STILLFRAME_FRAME();
    STILLFRAME_STR(how);
    stillframe_thread *thread = stillframe_thread_current();
    memset(thread, 0xa5, sizeof *thread);
    crash();
}

/* Return addresses and saved registers of all callers are overwritten, as by a write beyond an array. */
__attribute__((noinline, no_sanitize("undefined", "address"))) static void bad_stack(const char *how) {
    STILLFRAME_FRAME();
    STILLFRAME_STR(how);
    volatile unsigned char *from = (volatile unsigned char *)__builtin_frame_address(0);
    for (int at = 0; at < 512; at++) {
        from[at] = (unsigned char)(0x41 + at % 7);
    }
    crash();
}

/* The stack pointer points to no stack: the handler runs on its own one. */
__attribute__((noinline, no_sanitize("undefined", "address"))) static void no_stack(const char *how) {
    STILLFRAME_FRAME();
    STILLFRAME_STR(how);
#if defined(__x86_64__)
    __asm__ volatile("movq $0x18, %%rsp\n\tmovq $-8, %%rbp\n\tpushq %%rax" ::: "memory");
#else
    __asm__ volatile("mov x9, #0x18\n\tmov sp, x9\n\tstr x9, [sp, #-16]!" ::: "x9", "memory");
#endif
    __builtin_unreachable();
}

/* A jump to where no code is. */
__attribute__((noinline, no_sanitize("undefined", "address"))) static void no_code(const char *how) {
    STILLFRAME_FRAME();
    STILLFRAME_STR(how);
    uintptr_t wild = 0x30;
    void (*volatile function)(void);
    memcpy((void *)(uintptr_t)&function, &wild, sizeof wild);
    function();
    __asm__ volatile("" ::: "memory");
}

/* Many threads die at one moment: one record, of one of them. */
static void *dies(void *how) {
    STILLFRAME_FRAME();
    STILLFRAME_STR(how);
    crash();
    return NULL;
}

static void threads(const char *how) {
    enum { THREADS = 16 };
    pthread_t made[THREADS];
    for (int at = 0; at < THREADS; at++) {
        CHECK(pthread_create(&made[at], NULL, dies, (void *)(uintptr_t)how) == 0);
    }
    for (int at = 0; at < THREADS; at++) {
        pthread_join(made[at], NULL);
    }
}

static void check(const char *how, void (*die)(const char *how)) {
    int status = fatal_child(NULL, die, how);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV) {
        fprintf(stderr, "%s: ended with status %#x\n", how, (unsigned)status);
        abort();
    }
    fatal_imported();
    CHECK_SHOWS("\"type\":\"SIGSEGV\"");
    CHECK_SHOWS("\"mechanism\":\"signal\"");
}

int main(void) {
    check("bad_pointers", bad_pointers);
    CHECK_SHOWS("\"good\":{\"type\":\"int\",\"value\":12}");
    CHECK_SHOWS("\"how\":{\"type\":\"char*\",\"value\":\"bad_pointers\"}");
    CHECK_SHOWS("bad pointer 0xdeadbeefdeadbeef");
    CHECK_SHOWS("\"function\":\"main\"");
    report_stop();
    check("bad_list", bad_list);
    CHECK_SHOWS("\"circle\":{\"type\":\"int\",\"value\":5}");
    CHECK_SHOWS("\"function\":\"bad_list\"");
    report_stop();
    check("bad_record", bad_record);
    CHECK_SHOWS("\"function\":\"bad_record\"");
    report_stop();
    check("bad_stack", bad_stack);
    CHECK_SHOWS("\"function\":\"crash\"");
    report_stop();
    check("no_stack", no_stack);
    report_stop();
    check("no_code", no_code);
    report_stop();
    check("threads", threads);
    CHECK_SHOWS("\"how\":{\"type\":\"char*\",\"value\":\"threads\"}");
    CHECK_SHOWS("\"function\":\"dies\"");
    report_stop();
    return 0;
}

/* Fatal signals: children die of them as they would have, and the parent makes snapshots of their records. check: without=tsan without=valgrind */
#define _GNU_SOURCE
#include "report_fatal.h"

static volatile sig_atomic_t before_ran;

static void before(int number) {
    (void)number;
    before_ran = 1;
    _exit(33);
}

__attribute__((noinline, no_sanitize("undefined", "address"))) static void die(const char *how) {
    STILLFRAME_FRAME();
    STILLFRAME_STR(how);
    int *volatile nowhere = (int *)(uintptr_t)0x10;
    STILLFRAME_PTR(nowhere);
    volatile int zero = 0, seven = 7;
    if (strcmp(how, "segv") == 0 || strcmp(how, "chained") == 0) {
        *nowhere = 1;
    } else if (strcmp(how, "fpe") == 0) {
        zero = seven / zero;
    } else if (strcmp(how, "ill") == 0) {
        __builtin_trap();
    } else if (strcmp(how, "abort") == 0) {
        abort();
    } else if (strcmp(how, "sent") == 0) {
        kill(getpid(), SIGSEGV);
    }
}

__attribute__((noinline, no_sanitize("undefined", "address"))) static int endless(volatile int depth) {
    volatile char room[2000];
    STILLFRAME_FRAME();
    STILLFRAME_REGISTER("depth", &stillframe_type_int, sizeof(int), &depth, 0);
    room[0] = (char)depth;
    return depth < 0 ? 0 : endless(depth + 1) + room[0];
}

static void prepare(const char *how) {
    if (strcmp(how, "chained") == 0) {
        signal(SIGSEGV, before);
    }
}

static void end(const char *how) {
    if (strcmp(how, "overflow") == 0) {
        _exit(endless(0));
    }
    die(how);
}

static void check(const char *how, int signal_number, const char *name, const char *words) {
    int status = fatal_child(prepare, end, how);
    char part[200];
    if (strcmp(how, "chained") == 0) {
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 33);
    } else if (!WIFSIGNALED(status) || WTERMSIG(status) != signal_number) {
        fprintf(stderr, "%s: ended with status %#x\n", how, (unsigned)status);
        abort();
    }
    fatal_imported();
    snprintf(part, sizeof part, "\"type\":\"%s\"", name);
    CHECK_SHOWS(part);
    CHECK_SHOWS(words);
    CHECK_SHOWS("\"handled\":false,\"mechanism\":\"signal\"");
    if (strcmp(how, "overflow") != 0) {
        snprintf(part, sizeof part, "\"how\":{\"type\":\"char*\",\"value\":\"%s\"}", how);
        CHECK_SHOWS(part);
        CHECK_SHOWS("\"function\":\"die\"");
        CHECK_SHOWS("\"function\":\"main\"");
    } else {
        CHECK_SHOWS("\"function\":\"endless\"");
        CHECK_SHOWS("\"depth\":{\"type\":\"int\"");
    }
    report_stop();
}

/* A forked child has the scopes of the thread that forked, and those of no other one. */
static pthread_barrier_t opened;

__attribute__((noinline)) static void *other(void *unused) {
    STILLFRAME_FRAME();
    int of_the_other = 1;
    STILLFRAME_INT(of_the_other);
    pthread_barrier_wait(&opened);
    for (;;) {
        pause();
    }
    return unused;
}

__attribute__((noinline, no_sanitize("undefined", "address"))) static void *without_scopes(void *unused) {
    int *volatile nowhere = (int *)(uintptr_t)0x10;
    *nowhere = 1;
    return unused;
}

static void forks(const char *how) {
    STILLFRAME_FRAME();
    STILLFRAME_STR(how);
    pthread_t thread;
    int status = 0;
    CHECK(pthread_barrier_init(&opened, NULL, 2) == 0);
    CHECK(pthread_create(&thread, NULL, other, NULL) == 0);
    pthread_barrier_wait(&opened);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        int in_child = (int)getpid();
        STILLFRAME_INT(in_child);
        if (strcmp(how, "thread") == 0) {
            /* The C library gives it the stack, and so the name, of the parent's thread that is not here. */
            CHECK(pthread_create(&thread, NULL, without_scopes, NULL) == 0);
            pthread_join(thread, NULL);
        }
        die(how);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    _exit(40);
}

static void check_fork(const char *how) {
    char part[100];
    const char *found;
    int pid = 0;
    int status = fatal_child(NULL, forks, how);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 40);
    fatal_imported();
    CHECK_SHOWS("\"type\":\"SIGSEGV\"");
    CHECK_HIDES("of_the_other");
    found = strstr(report_last(), "\"pid\":");
    CHECK(found != NULL && sscanf(found, "\"pid\":%d", &pid) == 1 && pid != 0);
    if (strcmp(how, "thread") == 0) {
        CHECK_SHOWS("\"function\":\"without_scopes\"");
    } else {
        CHECK_SHOWS("\"function\":\"die\"");
        CHECK_SHOWS("\"how\":{\"type\":\"char*\",\"value\":\"segv\"}");
        snprintf(part, sizeof part, "\"in_child\":{\"type\":\"int\",\"value\":%d}", pid);
        CHECK_SHOWS(part);
    }
    report_stop();
}

int main(void) {
    CHECK(stillframe_signals_install(STILLFRAME_SIGNAL_SEGV, NULL) < 0);
    report_start();
    CHECK(stillframe_signals_install(0, NULL) < 0);
    CHECK(stillframe_signals_install(32, NULL) < 0);
    CHECK(stillframe_signals_thread(NULL) == STILLFRAME_OK);
    report_stop();
    check("segv", SIGSEGV, "SIGSEGV", "null pointer: nothing is at address 0x10");
    check("fpe", SIGFPE, "SIGFPE", "integer division by zero");
    check("ill", SIGILL, "SIGILL", "illegal instruction");
    check("abort", SIGABRT, "SIGABRT", "the program aborted itself");
    check("sent", SIGSEGV, "SIGSEGV", "sent by process");
    check("chained", 0, "SIGSEGV", "null pointer");
    check("overflow", SIGSEGV, "SIGSEGV", "address");
    check_fork("segv");
    check_fork("thread");
    return 0;
}

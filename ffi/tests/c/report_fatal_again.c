/* Handlers of fatal signals that fail themselves, or meet code that was unloaded: programs end as they would have, and the record has what
 * is left. check: plugin=report_plugin_part.c flags=-ldl without=asan without=tsan without=valgrind (all have their own handlers or functions) */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <setjmp.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "report_fatal.h"

typedef int (*plugin_function)(int number, int (*back)(int number));

/* How the library reads memory: the program's own stands in front of the C library's. */
static volatile int fails;

ssize_t process_vm_readv(pid_t pid, const struct iovec *local, unsigned long local_len, const struct iovec *remote, unsigned long remote_len,
                         unsigned long flags) {
    if (fails) {
        int *volatile nowhere = (int *)(uintptr_t)0x20;
        *nowhere = 1;
    }
    return syscall(SYS_process_vm_readv, pid, local, local_len, remote, remote_len, flags);
}

static sigjmp_buf back_in_program;

static void exits(int number, siginfo_t *info, void *context) {
    (void)context;
    _exit(number == SIGSEGV && info->si_addr == (void *)(uintptr_t)0x10 ? 33 : 34);
}

static void gives_way(int number) {
    signal(number, SIG_DFL);
}

static void goes_on(int number) {
    siglongjmp(back_in_program, number);
}

static void prepare(const char *how) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    if (strcmp(how, "exits") == 0) {
        action.sa_sigaction = exits;
        action.sa_flags = SA_SIGINFO;
    } else if (strcmp(how, "gives_way") == 0) {
        action.sa_handler = gives_way;
    } else if (strcmp(how, "goes_on") == 0) {
        action.sa_handler = goes_on;
    } else {
        return;
    }
    sigaction(SIGSEGV, &action, NULL);
}

__attribute__((noinline, no_sanitize("undefined", "address"))) static void die(const char *how) {
    int *volatile nowhere = (int *)(uintptr_t)0x10;
    volatile int zero = 0, seven = 7;
    fails = 1;
    if (strcmp(how, "fpe") == 0) {
        zero = seven / zero;
    } else if (strcmp(how, "abort") == 0) {
        abort();
    } else if (strcmp(how, "sent") == 0) {
        raise(SIGILL);
    } else if (strcmp(how, "goes_on") == 0 && sigsetjmp(back_in_program, 1) != 0) {
        _exit(35);
    } else {
        *nowhere = 1;
    }
}

static void check_again(const char *how, int status, int signal_number) {
    char part[40];
    int ended = fatal_child(prepare, die, how);
    if (ended != status) {
        fprintf(stderr, "%s: ended with status %#x\n", how, (unsigned)ended);
        abort();
    }
    fatal_imported();
    snprintf(part, sizeof part, "\"type\":\"signal %d\"", signal_number);
    CHECK_SHOWS(part);
    report_stop();
}

static void *plugin;

static plugin_function load(void) {
    plugin_function work;
    plugin = dlopen("./plugin.so", RTLD_NOW | RTLD_LOCAL);
    CHECK(plugin != NULL);
    void *symbol = dlsym(plugin, "plugin_work");
    CHECK(symbol != NULL);
    memcpy(&work, &symbol, sizeof work);
    /* It reports, and so the library knows of the plugin. */
    CHECK(work(1, NULL) == 1);
    return work;
}

__attribute__((noinline)) static int unloads(int number) {
    STILLFRAME_FRAME();
    STILLFRAME_INT(number);
    CHECK(dlclose(plugin) == 0);
    abort();
}

static void called_when_unloaded(const char *how) {
    STILLFRAME_FRAME();
    STILLFRAME_STR(how);
    plugin_function work = load();
    CHECK(dlclose(plugin) == 0);
    work(1, NULL);
    __asm__ volatile("" ::: "memory");
}

static void unloaded_when_called(const char *how) {
    STILLFRAME_FRAME();
    STILLFRAME_STR(how);
    load()(2, unloads);
    __asm__ volatile("" ::: "memory");
}

/* The child's own report is in the store before it dies, and the parent makes a snapshot of its record alone. */
static void check_unloaded(void (*how)(const char *), int signal_number) {
    int ended = fatal_child(NULL, how, "unloaded");
    if (!WIFSIGNALED(ended) || WTERMSIG(ended) != signal_number) {
        fprintf(stderr, "ended with status %#x\n", (unsigned)ended);
        abort();
    }
    fatal_imported();
    CHECK_SHOWS(signal_number == SIGABRT ? "\"type\":\"SIGABRT\"" : "\"type\":\"SIGSEGV\"");
}

int main(void) {
    check_again("fpe", SIGFPE, SIGFPE);
    check_again("abort", SIGABRT, SIGABRT);
    check_again("sent", SIGILL, SIGILL);
    check_again("segv", SIGSEGV, SIGSEGV);
    check_again("exits", 33 << 8, SIGSEGV);
    check_again("gives_way", SIGSEGV, SIGSEGV);
    check_again("goes_on", 35 << 8, SIGSEGV);
    check_unloaded(called_when_unloaded, SIGSEGV);
    CHECK_HIDES("\"function\":\"plugin_work\"");
    report_stop();
    check_unloaded(unloaded_when_called, SIGABRT);
    CHECK_SHOWS("\"function\":\"unloads\"");
    CHECK_SHOWS("\"number\":{\"type\":\"int\",\"value\":2}");
    report_stop();
    return 0;
}

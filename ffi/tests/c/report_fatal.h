/* What tests of fatal signals share: a child that dies, and what the next start makes of its record. */
#ifndef REPORT_FATAL_H
#define REPORT_FATAL_H

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

/* A sanitizer must not take the signals that are tested. */
__attribute__((visibility("default"), unused)) const char *__asan_default_options(void);
__attribute__((visibility("default"), unused)) const char *__asan_default_options(void) {
    return "handle_segv=0:handle_abort=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:use_sigaltstack=0";
}

/* Forks when the threads that a stopped engine has left behind are gone: GCC's AddressSanitizer does not unlock its allocator in a child, which
   waits for ever if one of them allocated at that moment. */
__attribute__((unused)) static pid_t fork_alone(void) {
    struct stat threads;
    for (int wait = 0; wait < 5000 && stat("/proc/self/task", &threads) == 0 && threads.st_nlink > 3; wait++) {
        usleep(1000); /* two links, and one for each thread */
    }
    return fork();
}

/* Runs `die` in a child with handlers installed, and returns how the child ended. */
__attribute__((unused)) static int fatal_child(void (*prepare)(const char *how), void (*die)(const char *how), const char *how) {
    int status = 0;
    pid_t child = fork_alone();
    CHECK(child >= 0);
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        if (prepare != NULL) {
            prepare(how);
        }
        report_start();
        CHECK(stillframe_signals_install(STILLFRAME_SIGNAL_ALL, NULL) == STILLFRAME_OK);
        CHECK(stillframe_signals_install(STILLFRAME_SIGNAL_SEGV, NULL) == STILLFRAME_OK);
        die(how);
        _exit(1);
    }
    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

/* Starts, and waits until the one record is a snapshot. */
__attribute__((unused)) static void fatal_imported(void) {
    report_number = 0;
    report_start();
    for (int wait = 0; wait < 2000 && report_count() == 0; wait++) {
        usleep(10000);
        stillframe_flush(1000, NULL);
    }
    CHECK(report_count() == 1);
}

#endif /* REPORT_FATAL_H */

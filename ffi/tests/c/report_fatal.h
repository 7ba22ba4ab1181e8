/* What tests of fatal signals share: a child that dies, and what the next start makes of its record. */
#ifndef REPORT_FATAL_H
#define REPORT_FATAL_H

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

/* A sanitizer must not take the signals that are tested. */
__attribute__((visibility("default"), unused)) const char *__asan_default_options(void);
__attribute__((visibility("default"), unused)) const char *__asan_default_options(void) {
    return "handle_segv=0:handle_abort=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:use_sigaltstack=0";
}

/* Runs `die` in a child with handlers installed, and returns how the child ended. */
__attribute__((unused)) static int fatal_child(void (*prepare)(const char *how), void (*die)(const char *how), const char *how) {
    int status = 0;
    pid_t child = fork();
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

/* Threads with scopes of their own, reports from all of them at once, and children of fork. check: threads forks */
#define _DEFAULT_SOURCE
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

static int captured;

static void inner(int number, int turn) {
    STILLFRAME_FRAME();
    STILLFRAME_INT(number);
    STILLFRAME_INT(turn);
    if (stillframe_report("Thread", "%d in %d", turn, number) == STILLFRAME_OK) {
        __atomic_fetch_add(&captured, 1, __ATOMIC_RELAXED);
    }
}

static void *work(void *data) {
    int number = *(int *)data;
    STILLFRAME_FRAME();
    STILLFRAME_INT(number);
    for (int turn = 0; turn < 20; turn++) {
        STILLFRAME_INT(turn);
        inner(number, turn);
    }
    return NULL;
}

static void forked(void) {
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        STILLFRAME_FRAME();
        int of_child = 77;
        STILLFRAME_INT(of_child);
        CHECK(stillframe_report("Child", "%d", 1) == STILLFRAME_OK);
        CHECK(stillframe_flush(60000, NULL) == STILLFRAME_OK);
        _exit(55);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 55);
}

int main(void) {
    enum { THREADS = 64 };
    pthread_t threads[THREADS];
    int numbers[THREADS];
    report_start();
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, work, &numbers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(captured > 0);
    CHECK(stillframe_flush(60000, NULL) == STILLFRAME_OK);
    CHECK(report_count() == (unsigned)captured);
    CHECK(stillframe_thread_current()->depth == 0);
    forked();
    CHECK(stillframe_report("Parent", "%d", 1) == STILLFRAME_OK);
    CHECK_SHOWS("\"type\":\"Parent\"");
    report_stop();
    return 0;
}

/* Children of fork that report while their parent's other threads do. check: without=asan without=tsan without=valgrind
 * The sanitizers' own locks do not take it, and valgrind lets one of the busy threads run at a time. */
#define _DEFAULT_SOURCE
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

static int is_over;

static void *report_until_over(void *data) {
    STILLFRAME_FRAME();
    int number = *(int *)data;
    STILLFRAME_INT(number);
    while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED)) {
        stillframe_report("Busy", "%d", number);
    }
    return NULL;
}

/* Whatever its parent's other threads were doing: they are not there to finish it. */
static void forked_while_others_report(void) {
    enum { OTHERS = 4, CHILDREN = 60 };
    pthread_t threads[OTHERS];
    int numbers[OTHERS];
    for (int i = 0; i < OTHERS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, report_until_over, &numbers[i]) == 0);
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status = 0;
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(300);
            for (int turn = 0; turn < 8; turn++) {
                STILLFRAME_FRAME();
                STILLFRAME_INT(turn);
                CHECK(stillframe_report("Child", "%d", turn) == STILLFRAME_OK);
            }
            _exit(55);
        }
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 55);
    }
    __atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < OTHERS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

int main(void) {
    report_start();
    forked_while_others_report();
    report_stop();
    return 0;
}

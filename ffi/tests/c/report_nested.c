/* A report inside of a report, and inside of a signal handler that interrupts one. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>

#include "report.h"

/* What happens while a capture reads a value: the description's own function runs. */
static enum { NOTHING, REPORT, SIGNAL } meanwhile;
static volatile sig_atomic_t inner = STILLFRAME_NONE;
static volatile sig_atomic_t handled;
static int looks;

static void on_signal(int number) {
    stillframe_failure failure = {sizeof(stillframe_failure), "InHandler", "from a handler", "report", NULL, NULL, NULL, 0, 0};
    handled = number;
    inner = stillframe_capture_failure(&failure);
}

static void look(const void *object, stillframe_view *view) {
    looks++;
    view->items = object;
    view->count = 1;
    view->item = &stillframe_type_int;
    if (meanwhile == REPORT) {
        inner = stillframe_report("Inner", "%d", looks);
    } else if (meanwhile == SIGNAL) {
        CHECK(raise(SIGUSR1) == 0);
    }
    errno = 5;
}

static const stillframe_type box_type = {"box", STILLFRAME_AS_VIEW, sizeof(int), NULL, NULL, 0, look};

static void outer(void) {
    STILLFRAME_FRAME();
    int box = 77;
    STILLFRAME_REGISTER("box", &box_type, sizeof box, &box, 0);
    inner = STILLFRAME_NONE;
    errno = 3;
    CHECK(stillframe_report("Outer", "%d", 1) == STILLFRAME_OK);
    CHECK(errno == 3);
    CHECK_SHOWS("\"type\":\"Outer\"");
    CHECK_SHOWS("\"value\":77");
    CHECK_HIDES("\"type\":\"Inner\"");
}

/* Where no capture runs, a handler may report, if what it interrupts is not in the allocator. */
static void between(void) {
    STILLFRAME_FRAME();
    int interrupted = 9;
    STILLFRAME_INT(interrupted);
    inner = STILLFRAME_NONE;
    CHECK(raise(SIGUSR1) == 0);
    CHECK(inner == STILLFRAME_OK);
    CHECK_SHOWS("\"type\":\"InHandler\"");
    CHECK_SHOWS("\"interrupted\":{\"type\":\"int\",\"value\":9}");
    CHECK_SHOWS("\"function\":\"on_signal\"");
    CHECK_SHOWS("\"function\":\"between\"");
}

int main(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    report_start();
    outer();
    CHECK(looks == 1 && report_count() == 1);
    meanwhile = REPORT;
    outer();
    CHECK(looks == 2 && inner == STILLFRAME_REFUSED_REENTRANT);
    meanwhile = SIGNAL;
    outer();
    CHECK(looks == 3 && handled == SIGUSR1 && inner == STILLFRAME_REFUSED_REENTRANT);
    CHECK(report_count() == 3);
    between();
    CHECK(report_count() == 4 && stillframe_thread_current()->depth == 0);
    report_stop();
    return 0;
}

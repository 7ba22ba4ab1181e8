/*
 * A bug of ours in a report, or where a throw is captured: counted, told once, and the engine is off.
 */
#include "abi.h"

#include "stillframe_report.h"

static char told[512];
static unsigned lines;

static void log_line(void *data, uint32_t level, stillframe_text line) {
    (void)data;
    CHECK(level == STILLFRAME_LOG_ERROR && line.len < sizeof told);
    memcpy(told, line.ptr, line.len);
    told[line.len] = 0;
    lines++;
}

static void start(void) {
    stillframe_config config;
    told[0] = 0;
    lines = 0;
    CHECK_STATUS(STILLFRAME_OK, stillframe_config_init(&config, sizeof config));
    config.log = log_line;
    CHECK_STATUS(STILLFRAME_OK, stillframe_start(&config, NULL, NULL));
}

/* One panic was noticed, and nothing is captured any more. */
static void is_off(void) {
    CHECK(lines == 1 && strstr(told, "internal error") != NULL && strstr(told, "failure.rs:") != NULL);
    CHECK(stats_of(stillframe_started_engine()).internal_panics == 1);
    CHECK_STATUS(STILLFRAME_REFUSED_DISABLED, stillframe_report("Next", "%d", 1));
    CHECK_STATUS(STILLFRAME_REFUSED_DISABLED, stillframe_report("StillframeTestPanic", "%d", 1));
    CHECK(stats_of(stillframe_started_engine()).internal_panics == 1);
    CHECK_STATUS(STILLFRAME_OK, stillframe_stop(30000, NULL));
}

int main(void) {
    int object = 0, caller = 0;
    start();
    CHECK_STATUS(STILLFRAME_OK, stillframe_report("First", "%d", 1));
    CHECK_STATUS(STILLFRAME_ERROR_PANIC, stillframe_report("StillframeTestPanic", "%d", 1));
    is_off();

    start();
    stillframe_thrown(&object, "19StillframeTestPanic", &caller);
    is_off();

    /* The thread captures throws again. */
    start();
    stillframe_thrown(&object, "19StillframeTestPanic", &caller);
    is_off();
    return 0;
}

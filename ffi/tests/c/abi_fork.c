/*
 * fork: the child's handle is an error until it is told, then an engine of its own; the parent notices nothing.
 *
 * check: std=gnu99 forks
 */
#include <sys/wait.h>
#include <unistd.h>

#include "abi.h"

static void capture_one(const stillframe_engine *engine, uint64_t number) {
    stillframe_site site = site_of(number);
    stillframe_permit permit = STILLFRAME_INIT(stillframe_permit);
    stillframe_capture capture = example_capture();
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_admit(engine, &site, &permit, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_submit(engine, &permit, &capture, NULL));
}

static void join(pid_t child) {
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void in_the_child(const stillframe_engine *engine, const stillframe_engine *other, int tell) {
    stillframe_site site = site_of(1);
    stillframe_permit permit = STILLFRAME_INIT(stillframe_permit);
    stillframe_stats stats = STILLFRAME_INIT(stillframe_stats);
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    pid_t child;
    CHECK_STATUS(STILLFRAME_ERROR_FORKED, stillframe_capture_admit(engine, &site, &permit, &error));
    CHECK(strstr(error.message, "stillframe_engine_after_fork()") != NULL);
    CHECK_STATUS(STILLFRAME_ERROR_FORKED, stillframe_stats_read(engine, &stats, &error));
    CHECK_STATUS(STILLFRAME_ERROR_FORKED, stillframe_engine_flush(engine, 1000, &error));
    if (!tell) {
        CHECK_STATUS(STILLFRAME_OK, stillframe_engine_free(engine, 30000, &error));
        CHECK_STATUS(STILLFRAME_ERROR_HANDLE, stillframe_engine_after_fork(engine, &error));
        return;
    }
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_after_fork(engine, &error));
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_after_fork(engine, &error));
    CHECK(stats_of(engine).captured == 0);
    /* Each engine is told by itself. */
    CHECK_STATUS(STILLFRAME_ERROR_FORKED, stillframe_engine_flush(other, 1000, &error));
    capture_one(engine, 2);
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_flush(engine, 30000, &error));
    CHECK(stats_of(engine).captured == 1);
    /* And its children. */
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_STATUS(STILLFRAME_ERROR_FORKED, stillframe_engine_flush(engine, 1000, &error));
        CHECK_STATUS(STILLFRAME_OK, stillframe_engine_after_fork(engine, &error));
        capture_one(engine, 3);
        CHECK_STATUS(STILLFRAME_OK, stillframe_engine_free(engine, 30000, &error));
        _exit(0);
    }
    join(child);
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_free(engine, 30000, &error));
}

int main(void) {
    const stillframe_setting settings[] = {{{"gate.burst", 10}, {"100", 3}}};
    const stillframe_engine *engine = engine_with(settings, 1);
    const stillframe_engine *other = engine_with(settings, 1);
    int tell;
    capture_one(engine, 4);
    for (tell = 0; tell < 2; tell++) {
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            in_the_child(engine, other, tell);
            _exit(0);
        }
        join(child);
    }
    /* Nothing to do here. */
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_after_fork(engine, NULL));
    capture_one(engine, 5);
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_flush(engine, 30000, NULL));
    CHECK(stats_of(engine).captured == 2);
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_free(engine, 30000, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_free(other, 30000, NULL));
    return 0;
}

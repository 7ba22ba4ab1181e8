/* Stopping while others still use the engine, and children of fork that are born meanwhile. check: threads forks */
#define _DEFAULT_SOURCE
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

/* The snapshot function waits while it is held. */
static int held, running, finished;

static void keep(void *data, const stillframe_snapshot *snapshot) {
    (void)data;
    (void)snapshot;
    __atomic_store_n(&running, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&held, __ATOMIC_SEQ_CST)) {
        usleep(1000);
    }
    __atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&running, 0, __ATOMIC_SEQ_CST);
}

static stillframe_status start(stillframe_error *error) {
    static const stillframe_setting settings[] = {{{"gate.novelty_burst", 18}, {"1000", 4}}, {{"gate.burst", 10}, {"1000", 4}}};
    stillframe_config config;
    CHECK(stillframe_config_init(&config, sizeof config) == STILLFRAME_OK);
    config.settings = settings;
    config.settings_len = 2;
    config.snapshot = keep;
    return stillframe_start(&config, NULL, error);
}

static void *flush(void *data) {
    (void)data;
    stillframe_flush(120000, NULL);
    return NULL;
}

/* A snapshot that is being handed over, and a thread that waits for that. */
static pthread_t busy(void) {
    pthread_t thread;
    __atomic_store_n(&held, 1, __ATOMIC_SEQ_CST);
    CHECK(stillframe_report("Held", "%d", 1) == STILLFRAME_OK);
    while (!__atomic_load_n(&running, __ATOMIC_SEQ_CST)) {
        usleep(1000);
    }
    CHECK(pthread_create(&thread, NULL, flush, NULL) == 0);
    usleep(100000);
    return thread;
}

static void a_stop_that_is_late_is_finished_by_the_next(void) {
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    pthread_t thread;
    int calls = 1;
    CHECK(start(NULL) == STILLFRAME_OK);
    thread = busy();
    CHECK(stillframe_stop(200, NULL) == STILLFRAME_INCOMPLETE);
    CHECK(stillframe_report("Stopped", "%d", 1) == STILLFRAME_REFUSED_DISABLED);
    CHECK(stillframe_started_engine() == NULL);
    CHECK(start(&error) == STILLFRAME_ERROR_HANDLE && strstr(error.message, "stillframe_stop()") != NULL);
    /* Not OK while the function runs: its data would be freed. */
    CHECK(stillframe_stop(200, NULL) == STILLFRAME_INCOMPLETE);
    CHECK(__atomic_load_n(&running, __ATOMIC_SEQ_CST) == 1);
    __atomic_store_n(&held, 0, __ATOMIC_SEQ_CST);
    while (stillframe_stop(60000, NULL) != STILLFRAME_OK) {
        CHECK(++calls < 3);
    }
    CHECK(__atomic_load_n(&running, __ATOMIC_SEQ_CST) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    /* And again from the beginning. */
    __atomic_store_n(&finished, 0, __ATOMIC_SEQ_CST);
    CHECK(start(&error) == STILLFRAME_OK);
    CHECK(stillframe_report("Again", "%d", 1) == STILLFRAME_OK);
    CHECK(stillframe_stop(60000, NULL) == STILLFRAME_OK);
    CHECK(__atomic_load_n(&finished, __ATOMIC_SEQ_CST) == 1);
}

enum { THREADS = 8 };
static pthread_barrier_t together;

__attribute__((unused)) static void *first(void *data) {
    int number = *(int *)data;
    char type[16];
    snprintf(type, sizeof type, "First%d", number);
    pthread_barrier_wait(&together);
    CHECK(stillframe_report(type, "%d", number) == STILLFRAME_OK);
    return NULL;
}

static void in_the_child(int turn) {
    pthread_t threads[THREADS];
    int numbers[THREADS];
    stillframe_stats stats = STILLFRAME_INIT(stillframe_stats);
    held = finished = 0;
    if (turn == 0) {
        CHECK(stillframe_flush(60000, NULL) == STILLFRAME_OK);
    } else if (turn == 1) {
        CHECK(stillframe_stats_read(stillframe_started_engine(), &stats, NULL) == STILLFRAME_OK && stats.captured == 0);
    }
    CHECK(pthread_barrier_init(&together, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, first, &numbers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    /* One engine has all of them. */
    CHECK(stillframe_flush(60000, NULL) == STILLFRAME_OK && __atomic_load_n(&finished, __ATOMIC_SEQ_CST) == THREADS);
    CHECK(stillframe_stats_read(stillframe_started_engine(), &stats, NULL) == STILLFRAME_OK && stats.captured == THREADS);
    /* The parent's threads that use the engine are not here. */
    CHECK(stillframe_stop(60000, NULL) == STILLFRAME_OK);
    CHECK(start(NULL) == STILLFRAME_OK && stillframe_stop(60000, NULL) == STILLFRAME_OK);
}

__attribute__((unused)) static void children_begin_for_themselves(void) {
    pthread_t thread;
    CHECK(start(NULL) == STILLFRAME_OK);
    thread = busy();
    for (int turn = 0; turn < 6; turn++) {
        int status = -1;
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            in_the_child(turn);
            _exit(55);
        }
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 55);
    }
    __atomic_store_n(&held, 0, __ATOMIC_SEQ_CST);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(stillframe_stop(60000, NULL) == STILLFRAME_OK);
}

static int log_held, in_log;

static void tell(void *data, uint32_t level, stillframe_text line) {
    (void)data;
    (void)level;
    (void)line;
    __atomic_fetch_add(&in_log, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&log_held, __ATOMIC_SEQ_CST)) {
        usleep(1000);
    }
    __atomic_fetch_sub(&in_log, 1, __ATOMIC_SEQ_CST);
}

/* Nothing listens there, which the log function is told by the thread that sends. */
static void a_stop_is_not_done_while_the_log_function_runs(void) {
    static const stillframe_setting settings[] = {{{"otlp.enabled", 12}, {"true", 4}}, {{"otlp.endpoint", 13}, {"http://127.0.0.1:1", 18}}};
    stillframe_config config;
    int calls = 1;
    CHECK(stillframe_config_init(&config, sizeof config) == STILLFRAME_OK);
    config.settings = settings;
    config.settings_len = 2;
    config.log = tell;
    __atomic_store_n(&log_held, 1, __ATOMIC_SEQ_CST);
    CHECK(stillframe_start(&config, NULL, NULL) == STILLFRAME_OK);
    CHECK(stillframe_report("Sent", "%d", 1) == STILLFRAME_OK);
    while (!__atomic_load_n(&in_log, __ATOMIC_SEQ_CST)) {
        usleep(1000);
    }
    CHECK(stillframe_stop(300, NULL) == STILLFRAME_INCOMPLETE);
    CHECK(start(NULL) == STILLFRAME_ERROR_HANDLE);
    __atomic_store_n(&log_held, 0, __ATOMIC_SEQ_CST);
    while (stillframe_stop(60000, NULL) != STILLFRAME_OK) {
        CHECK(++calls < 3);
    }
    CHECK(__atomic_load_n(&in_log, __ATOMIC_SEQ_CST) == 0);
}

__attribute__((unused)) static void *stop_later(void *data) {
    (void)data;
    /* Nothing to be done about it here: another stop follows. */
    (void)stillframe_stop(120000, NULL);
    return NULL;
}

/* Its parent's thread that was stopping then is not here, and nobody waits for it. */
__attribute__((unused)) static void a_child_of_a_process_that_stops_begins_for_itself(void) {
    pthread_t waiting, stopping;
    int status = -1;
    CHECK(start(NULL) == STILLFRAME_OK);
    waiting = busy();
    CHECK(pthread_create(&stopping, NULL, stop_later, NULL) == 0);
    while (stillframe_started_engine() != NULL) {
        usleep(1000);
    }
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(60);
        held = finished = 0;
        CHECK(start(NULL) == STILLFRAME_OK);
        CHECK(stillframe_signals_install(STILLFRAME_SIGNAL_ALL, NULL) == STILLFRAME_OK);
        CHECK(stillframe_report("Child", "%d", 1) == STILLFRAME_OK);
        CHECK(stillframe_stop(60000, NULL) == STILLFRAME_OK && finished == 1);
        CHECK(stillframe_stop(60000, NULL) == STILLFRAME_OK);
        _exit(55);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 55);
    __atomic_store_n(&held, 0, __ATOMIC_SEQ_CST);
    CHECK(pthread_join(waiting, NULL) == 0 && pthread_join(stopping, NULL) == 0);
    CHECK(stillframe_stop(60000, NULL) == STILLFRAME_OK);
}

int main(void) {
    a_stop_that_is_late_is_finished_by_the_next();
    a_stop_is_not_done_while_the_log_function_runs();
#ifndef __SANITIZE_THREAD__ /* It does not take threads of a child whose parent had threads. */
    children_begin_for_themselves();
    a_child_of_a_process_that_stops_begins_for_itself();
#endif
    return 0;
}

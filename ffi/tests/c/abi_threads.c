/*
 * 64 threads with one engine: every exception ends as exactly one outcome, permits cross threads, lost ones are given up.
 *
 * check: threads std=gnu99
 */
#include <pthread.h>
#include <unistd.h>

#include "abi.h"

enum { THREADS = 64, EACH = 200 };

static const stillframe_engine *engine;
static pthread_mutex_t exchange = PTHREAD_MUTEX_INITIALIZER;
static stillframe_permit left_over;

static void *work(void *number) {
    const uintptr_t own = (uintptr_t)number;
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    stillframe_encoding encoding = STILLFRAME_INIT(stillframe_encoding);
    int i;
    encoding.format = STILLFRAME_FORMAT_MSGPACK;
    for (i = 0; i < EACH; i++) {
        stillframe_site site = site_of(own * EACH + (uintptr_t)i / 4);
        stillframe_permit permit = STILLFRAME_INIT(stillframe_permit);
        stillframe_capture capture = example_capture();
        const stillframe_status status = stillframe_capture_admit(engine, &site, &permit, &error);
        CHECK(status >= 0);
        if (status == STILLFRAME_OK) {
            if (i % 16 == 3) {
                CHECK_STATUS(STILLFRAME_OK, stillframe_capture_cancel(engine, &permit, &error));
            } else {
                const stillframe_status submitted = stillframe_capture_submit(engine, &permit, &capture, &error);
                CHECK(submitted == STILLFRAME_OK || submitted == STILLFRAME_DROPPED_QUEUE || submitted == STILLFRAME_DROPPED_MEMORY);
            }
        }
        if (i % 100 == 7) {
            stillframe_bytes bytes = {NULL, 0, 0};
            CHECK_STATUS(STILLFRAME_OK, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));
            stillframe_bytes_free(&bytes);
            (void)stats_of(engine);
            CHECK_STATUS(STILLFRAME_REDACTED, stillframe_name_is_redacted(engine, text("password"), 0, NULL, NULL));
        }
    }
    return NULL;
}

static void *take_over(void *unused) {
    stillframe_capture capture = example_capture();
    (void)unused;
    pthread_mutex_lock(&exchange);
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_submit(engine, &left_over, &capture, NULL));
    pthread_mutex_unlock(&exchange);
    return NULL;
}

static int held, in_log;

static void tell(void *data, uint32_t level, stillframe_text line) {
    (void)data;
    (void)level;
    (void)line;
    __atomic_fetch_add(&in_log, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&held, __ATOMIC_SEQ_CST)) {
        usleep(1000);
    }
    __atomic_fetch_sub(&in_log, 1, __ATOMIC_SEQ_CST);
}

/* Nothing listens there, which the log function is told by the thread that sends. After the free nothing is told. */
static void freeing_says_whether_the_log_function_runs(void) {
    const stillframe_setting settings[] = {{{"otlp.enabled", 12}, {"true", 4}}, {{"otlp.endpoint", 13}, {"http://127.0.0.1:1", 18}}};
    stillframe_site site = site_of(1u << 21);
    stillframe_capture capture = example_capture();
    stillframe_config config;
    int late;
    for (late = 0; late < 2; late++) {
        const stillframe_engine *telling = NULL;
        stillframe_permit permit = STILLFRAME_INIT(stillframe_permit);
        CHECK_STATUS(STILLFRAME_OK, stillframe_config_init(&config, sizeof config));
        config.settings = settings;
        config.settings_len = 2;
        config.log = tell;
        /* Before the engine is there: it tells at once of what the one before could not send, and of one cause only once. */
        __atomic_store_n(&held, late, __ATOMIC_SEQ_CST);
        CHECK_STATUS(STILLFRAME_OK, stillframe_engine_new(&config, NULL, &telling, NULL));
        CHECK_STATUS(STILLFRAME_OK, stillframe_capture_admit(telling, &site, &permit, NULL));
        CHECK_STATUS(STILLFRAME_OK, stillframe_capture_submit(telling, &permit, &capture, NULL));
        while (late && !__atomic_load_n(&in_log, __ATOMIC_SEQ_CST)) {
            usleep(1000);
        }
        CHECK_STATUS(late ? STILLFRAME_INCOMPLETE : STILLFRAME_OK, stillframe_engine_free(telling, late ? 300 : 30000, NULL));
        CHECK(__atomic_load_n(&in_log, __ATOMIC_SEQ_CST) == late);
    }
    __atomic_store_n(&held, 0, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&in_log, __ATOMIC_SEQ_CST)) {
        usleep(1000);
    }
}

int main(void) {
    const stillframe_setting settings[] = {{{"gate.rate_per_second", 20}, {"10000", 5}}, {{"gate.burst", 10}, {"10000", 5}}};
    pthread_t threads[THREADS], other;
    stillframe_site site = site_of(1u << 20);
    stillframe_permit permit = STILLFRAME_INIT(stillframe_permit);
    stillframe_capture capture = example_capture();
    stillframe_stats stats;
    uintptr_t i;
    uint64_t ended;
    engine = engine_with(settings, 2);
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    }
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_flush(engine, 60000, NULL));
    stats = stats_of(engine);
    CHECK(stats.captured > 0 && stats.internal_panics == 0 && stats.internal_errors == 0);
    /* Admissions are counted exactly; two refusals of one instant may count once. */
    CHECK(stats.admitted == stats.captured + stats.dropped_cancelled + stats.dropped_queue + stats.dropped_memory);
    ended = stats.admitted + stats.refused_closed + stats.refused_site + stats.refused_rate + stats.refused_reentrant;
    CHECK(ended <= (uint64_t)THREADS * EACH);

    /* A permit that another thread uses frees the thread that asked. */
    site.flags = STILLFRAME_SITE_EXPLICIT;
    left_over = permit;
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_admit(engine, &site, &left_over, NULL));
    CHECK_STATUS(STILLFRAME_REFUSED_REENTRANT, stillframe_capture_admit(engine, &site, &permit, NULL));
    CHECK(pthread_create(&other, NULL, take_over, NULL) == 0 && pthread_join(other, NULL) == 0);
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_admit(engine, &site, &permit, NULL));
    /* One that is lost (a longjmp) holds it until its lease is over, and cannot be used any more then. */
    left_over = permit;
    CHECK_STATUS(STILLFRAME_REFUSED_REENTRANT, stillframe_capture_admit(engine, &site, &permit, NULL));
    usleep((permit.lease_ms + 100) * 1000);
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_admit(engine, &site, &permit, NULL));
    CHECK_STATUS(STILLFRAME_ERROR_PERMIT, stillframe_capture_submit(engine, &left_over, &capture, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_submit(engine, &permit, &capture, NULL));
    CHECK(stats_of(engine).dropped_cancelled == stats.dropped_cancelled + 1);
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_free(engine, 30000, NULL));
    freeing_says_whether_the_log_function_runs();
    return 0;
}

/*
 * What a C program sees of a bug of ours: a status, a line in its log, and nothing on standard error.
 */
#include "abi.h"

stillframe_status stillframe_test_panic(const stillframe_engine *engine, stillframe_error *error);

static char told[512];

static void log_line(void *data, uint32_t level, stillframe_text line) {
    (void)data;
    CHECK(level == STILLFRAME_LOG_ERROR && line.len < sizeof told);
    memcpy(told, line.ptr, line.len);
    told[line.len] = 0;
}

int main(void) {
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    stillframe_permit permit = STILLFRAME_INIT(stillframe_permit), next = STILLFRAME_INIT(stillframe_permit);
    stillframe_encoding encoding = STILLFRAME_INIT(stillframe_encoding);
    stillframe_site site = site_of(1);
    stillframe_capture capture = example_capture();
    stillframe_bytes bytes = {NULL, 0, 0};
    stillframe_config config;
    const stillframe_engine *engine = NULL, *other = engine_with(NULL, 0);
    uint8_t key[16];
    int i;

    CHECK_STATUS(STILLFRAME_OK, stillframe_config_init(&config, sizeof config));
    config.log = log_line;
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_new(&config, NULL, &engine, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_admit(engine, &site, &permit, &error));
    encoding.format = STILLFRAME_FORMAT_JSON;

    CHECK_STATUS(STILLFRAME_ERROR_PANIC, stillframe_test_panic(engine, &error));
    CHECK(error.status == STILLFRAME_ERROR_PANIC && strstr(error.message, "internal error") != NULL);
    CHECK(strstr(told, "internal error") != NULL && strstr(told, "engine.rs:") != NULL);

    /* From now on the engine is cheap and inert; the permit that was out does not hold its thread. */
    CHECK_STATUS(STILLFRAME_ERROR_DISABLED, stillframe_capture_submit(engine, &permit, &capture, &error));
    CHECK(permit.token == 0);
    for (i = 0; i < 1000; i++) {
        CHECK_STATUS(STILLFRAME_REFUSED_DISABLED, stillframe_capture_admit(engine, &site, &next, &error));
    }
    site.flags = STILLFRAME_SITE_EXPLICIT;
    CHECK_STATUS(STILLFRAME_REFUSED_DISABLED, stillframe_capture_admit(engine, &site, &next, &error));
    CHECK_STATUS(STILLFRAME_ERROR_DISABLED, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));
    CHECK_STATUS(STILLFRAME_ERROR_DISABLED, stillframe_fingerprint(engine, &capture, key, &error));
    CHECK_STATUS(STILLFRAME_ERROR_PANIC, stillframe_test_panic(engine, NULL));
    CHECK(stats_of(engine).internal_panics == 2 && stats_of(engine).refused_disabled == 1001);
    CHECK_STATUS(STILLFRAME_OK, stillframe_stats_json(engine, &bytes, &error));
    CHECK(contains(&bytes, "internal error"));
    stillframe_bytes_free(&bytes);

    /* Another engine goes on. */
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_encode(other, &capture, &encoding, &bytes, &error));
    stillframe_bytes_free(&bytes);
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_admit(other, &site, &next, &error));
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_submit(other, &next, &capture, &error));
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_free(engine, 30000, &error));
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_free(other, 30000, &error));
    CHECK_STATUS(STILLFRAME_ERROR_HANDLE, stillframe_test_panic(engine, &error));
    return 0;
}

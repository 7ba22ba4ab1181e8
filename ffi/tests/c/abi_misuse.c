/*
 * What a caller can do wrong, and what it gets: a status, and nothing else. Nothing is written, nothing crashes.
 */
#include "abi.h"

typedef struct {
    stillframe_config config;
    uint64_t newer;
} newer_config;

static void null_everywhere(const stillframe_engine *engine) {
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    stillframe_permit permit = STILLFRAME_INIT(stillframe_permit);
    stillframe_encoding encoding = STILLFRAME_INIT(stillframe_encoding);
    stillframe_capture capture = example_capture();
    stillframe_site site = site_of(5);
    stillframe_stats stats = STILLFRAME_INIT(stillframe_stats);
    stillframe_bytes bytes = {NULL, 0, 0};
    const stillframe_text nothing = {NULL, 0}, bad = {NULL, 4};
    uint64_t word = 0;
    uint8_t key[16];
    encoding.format = STILLFRAME_FORMAT_JSON;

    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_config_init(NULL, sizeof(stillframe_config)));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_engine_new(NULL, NULL, NULL, &error));
    CHECK(error.status == STILLFRAME_ERROR_NULL && strcmp(error.message, "out: NULL") == 0);
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_engine_flush(NULL, 1, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_engine_after_fork(NULL, &error));
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_free(NULL, 1, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_rules_add(NULL, STILLFRAME_RULE_NAME, nothing, nothing, &error));
    stillframe_rules_free(NULL);
    stillframe_bytes_free(NULL);
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_capture_admit(NULL, &site, &permit, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_capture_admit(engine, NULL, &permit, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_capture_admit(engine, &site, NULL, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_capture_submit(NULL, &permit, &capture, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_capture_submit(engine, NULL, &capture, &error));
    CHECK_STATUS(STILLFRAME_ERROR_PERMIT, stillframe_capture_submit(engine, &permit, NULL, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_capture_cancel(engine, NULL, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_capture_encode(NULL, &capture, &encoding, &bytes, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_capture_encode(engine, NULL, &encoding, &bytes, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_capture_encode(engine, &capture, NULL, &bytes, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_capture_encode(engine, &capture, &encoding, NULL, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_fingerprint(engine, &capture, NULL, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_fingerprint(engine, NULL, key, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_frame_id(NULL, 0, key, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_frame_id(key, 0, NULL, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_stats_read(engine, NULL, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_stats_read(NULL, &stats, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_stats_json(engine, NULL, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_name_is_redacted(NULL, nothing, 0, NULL, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_name_is_redacted(engine, bad, 0, NULL, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_type_is_redacted(engine, bad, NULL, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_shape_plan(engine, nothing, NULL, 1, 0, &word, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_shape_plan(engine, nothing, &nothing, 1, 0, NULL, &error));
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_text_alias(engine, nothing, NULL, &error));
    /* Empty is not NULL's fault. */
    CHECK_STATUS(STILLFRAME_OK, stillframe_name_is_redacted(engine, nothing, 0, NULL, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_shape_plan(engine, nothing, NULL, 0, 0, NULL, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_text_alias(engine, nothing, &word, NULL));
    capture.tape = NULL;
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_capture_encode(engine, &capture, &encoding, &bytes, NULL));
    capture = example_capture();
    capture.attributes_len = 1;
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));
    CHECK(strcmp(error.message, "attributes: NULL with a length") == 0);
    CHECK(bytes.ptr == NULL && permit.token == 0);
}

static void sizes(const stillframe_engine *engine) {
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    stillframe_permit permit = STILLFRAME_INIT(stillframe_permit);
    stillframe_site site = site_of(6);
    stillframe_stats stats;
    newer_config newer;
    const stillframe_engine *other = NULL;
    struct {
        size_t struct_size;
        stillframe_status status;
        uint32_t detail;
        char message[8];
        char behind[8];
    } small;

    /* Nobody set the size. */
    memset(&stats, 0, sizeof stats);
    CHECK_STATUS(STILLFRAME_ERROR_STRUCT_SIZE, stillframe_stats_read(engine, &stats, &error));
    site.struct_size = 0;
    CHECK_STATUS(STILLFRAME_ERROR_STRUCT_SIZE, stillframe_capture_admit(engine, &site, &permit, &error));
    site.struct_size = 7;
    CHECK_STATUS(STILLFRAME_ERROR_STRUCT_SIZE, stillframe_capture_admit(engine, &site, &permit, &error));
    site.struct_size = (size_t)-1;
    CHECK_STATUS(STILLFRAME_ERROR_STRUCT_SIZE, stillframe_capture_admit(engine, &site, &permit, &error));
    site = site_of(6);
    permit.struct_size = 8;
    CHECK_STATUS(STILLFRAME_ERROR_STRUCT_SIZE, stillframe_capture_admit(engine, &site, &permit, &error));
    CHECK(permit.token == 0);
    CHECK_STATUS(STILLFRAME_ERROR_STRUCT_SIZE, stillframe_config_init(&newer.config, 8));

    /* A config of a newer header: fine while it asks for nothing new. */
    memset(&newer, 0xff, sizeof newer);
    CHECK_STATUS(STILLFRAME_OK, stillframe_config_init(&newer.config, sizeof newer));
    CHECK(newer.newer == 0 && newer.config.struct_size == sizeof newer && newer.config.language == STILLFRAME_LANGUAGE_NATIVE);
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_new(&newer.config, NULL, &other, &error));
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_free(other, 30000, &error));
    newer.newer = 1;
    CHECK_STATUS(STILLFRAME_ERROR_NEWER, stillframe_engine_new(&newer.config, NULL, &other, &error));
    CHECK(error.detail >= sizeof(stillframe_config) && strstr(error.message, "newer than the library") != NULL);

    /* An error of an older, shorter form gets what fits, terminated; one whose size says that it has no message gets nothing. */
    memset(&small, 'x', sizeof small);
    small.struct_size = offsetof(stillframe_error, message) + 8;
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_engine_flush(NULL, 1, (stillframe_error *)(void *)&small));
    CHECK(small.status == STILLFRAME_ERROR_NULL && strcmp(small.message, "engine:") == 0 && small.behind[0] == 'x');
    memset(&small, 'x', sizeof small);
    small.struct_size = 0;
    CHECK_STATUS(STILLFRAME_ERROR_NULL, stillframe_engine_flush(NULL, 1, (stillframe_error *)(void *)&small));
    CHECK(small.message[0] == 'x');
}

static void values(const stillframe_engine *engine) {
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    stillframe_encoding encoding = STILLFRAME_INIT(stillframe_encoding);
    stillframe_capture capture = example_capture();
    stillframe_rules *rules = stillframe_rules_new();
    stillframe_config config;
    stillframe_attribute attribute;
    stillframe_bytes bytes = {NULL, 0, 0};
    const stillframe_engine *other = NULL;
    stillframe_permit permit = STILLFRAME_INIT(stillframe_permit);
    const stillframe_text broken = {"ab\xff", 3}, huge = {"", (size_t)-1};
    const stillframe_setting setting = {{"ab\xff", 3}, {"", 0}};

    memset(&attribute, 0, sizeof attribute);
    CHECK_STATUS(STILLFRAME_ERROR_VALUE, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));
    encoding.format = 99;
    CHECK_STATUS(STILLFRAME_ERROR_VALUE, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));
    encoding.format = 30;
    CHECK_STATUS(STILLFRAME_ERROR_UNSUPPORTED, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));
    encoding.format = STILLFRAME_FORMAT_DATADOG;
    encoding.dialect = 9;
    CHECK_STATUS(STILLFRAME_ERROR_VALUE, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));
    encoding.dialect = 0;
    encoding.service = broken;
    CHECK_STATUS(STILLFRAME_ERROR_UTF8, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));
    CHECK(error.detail == 2 && strcmp(error.message, "service: not UTF-8") == 0);
    encoding.format = STILLFRAME_FORMAT_JSON;
    capture.attributes = &attribute;
    capture.attributes_len = 1;
    CHECK_STATUS(STILLFRAME_ERROR_VALUE, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));
    attribute.kind = STILLFRAME_ATTRIBUTE_TEXT;
    attribute.text = huge;
    CHECK_STATUS(STILLFRAME_ERROR_LENGTH, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));
    capture.attributes_len = (size_t)-1;
    CHECK_STATUS(STILLFRAME_ERROR_TOO_MUCH, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));
    capture = example_capture();
    capture.tape_len = (size_t)-1;
    CHECK_STATUS(STILLFRAME_ERROR_LENGTH, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));
    CHECK_STATUS(STILLFRAME_ERROR_VALUE, stillframe_name_is_redacted(engine, broken, 4, NULL, &error));
    CHECK_STATUS(STILLFRAME_OK, stillframe_name_is_redacted(engine, broken, 0, NULL, &error));

    CHECK_STATUS(STILLFRAME_ERROR_VALUE, stillframe_rules_add(rules, 0, text("a"), text("a"), &error));
    CHECK_STATUS(STILLFRAME_ERROR_VALUE, stillframe_rules_add(rules, 99, text("a"), text("a"), &error));
    CHECK_STATUS(STILLFRAME_ERROR_RULE, stillframe_rules_add(rules, STILLFRAME_RULE_NAME, text(" "), text(""), &error));
    CHECK_STATUS(STILLFRAME_ERROR_RULE, stillframe_rules_add(rules, STILLFRAME_RULE_PATTERN, text("a"), text(""), &error));
    CHECK_STATUS(STILLFRAME_ERROR_UTF8, stillframe_rules_add(rules, STILLFRAME_RULE_NAME, broken, text(""), &error));

    CHECK_STATUS(STILLFRAME_OK, stillframe_config_init(&config, sizeof config));
    config.language = 77;
    CHECK_STATUS(STILLFRAME_ERROR_VALUE, stillframe_engine_new(&config, NULL, &other, &error));
    config.language = STILLFRAME_LANGUAGE_JAVA;
    config.settings = &setting;
    config.settings_len = 1;
    CHECK_STATUS(STILLFRAME_ERROR_UTF8, stillframe_engine_new(&config, NULL, &other, &error));
    CHECK(strcmp(error.message, "settings.key: not UTF-8") == 0);
    config.settings_len = (size_t)1 << 40;
    CHECK_STATUS(STILLFRAME_ERROR_TOO_MUCH, stillframe_engine_new(&config, NULL, &other, &error));
    CHECK(other == NULL);

    /* Rules and engines that were freed. */
    stillframe_rules_free(rules);
    stillframe_rules_free(rules);
    CHECK_STATUS(STILLFRAME_ERROR_HANDLE, stillframe_rules_add(rules, STILLFRAME_RULE_NAME, text("a"), text(""), &error));
    CHECK_STATUS(STILLFRAME_ERROR_HANDLE, stillframe_engine_new(NULL, rules, &other, &error));

    /* A permit that nobody gave. */
    permit.token = 1u << 20;
    CHECK_STATUS(STILLFRAME_ERROR_PERMIT, stillframe_capture_cancel(engine, &permit, &error));
}

static void after_the_free(void) {
    const stillframe_engine *engine = engine_with(NULL, 0);
    stillframe_permit permit = STILLFRAME_INIT(stillframe_permit), next = STILLFRAME_INIT(stillframe_permit);
    stillframe_site site = site_of(7);
    stillframe_capture capture = example_capture();
    stillframe_encoding encoding = STILLFRAME_INIT(stillframe_encoding);
    stillframe_stats stats = STILLFRAME_INIT(stillframe_stats);
    stillframe_bytes bytes = {NULL, 0, 0};
    uint8_t key[16];
    encoding.format = STILLFRAME_FORMAT_JSON;
    site.flags = STILLFRAME_SITE_EXPLICIT;
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_admit(engine, &site, &permit, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_cancel(engine, &permit, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_admit(engine, &site, &permit, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_free(engine, 30000, NULL));
    CHECK_STATUS(STILLFRAME_ERROR_HANDLE, stillframe_capture_admit(engine, &site, &next, NULL));
    CHECK_STATUS(STILLFRAME_ERROR_HANDLE, stillframe_capture_submit(engine, &permit, &capture, NULL));
    CHECK_STATUS(STILLFRAME_ERROR_HANDLE, stillframe_capture_cancel(engine, &permit, NULL));
    CHECK_STATUS(STILLFRAME_ERROR_HANDLE, stillframe_capture_encode(engine, &capture, &encoding, &bytes, NULL));
    CHECK_STATUS(STILLFRAME_ERROR_HANDLE, stillframe_fingerprint(engine, &capture, key, NULL));
    CHECK_STATUS(STILLFRAME_ERROR_HANDLE, stillframe_stats_read(engine, &stats, NULL));
    CHECK_STATUS(STILLFRAME_ERROR_HANDLE, stillframe_stats_json(engine, &bytes, NULL));
    CHECK_STATUS(STILLFRAME_ERROR_HANDLE, stillframe_engine_flush(engine, 1, NULL));
    CHECK_STATUS(STILLFRAME_ERROR_HANDLE, stillframe_engine_after_fork(engine, NULL));
    CHECK_STATUS(STILLFRAME_ERROR_HANDLE, stillframe_name_is_redacted(engine, text("a"), 0, NULL, NULL));
    CHECK_STATUS(STILLFRAME_ERROR_HANDLE, stillframe_engine_free(engine, 1, NULL));
    /* The permit of the engine that is gone does not hold the thread for another one once it is cancelled there. */
    engine = engine_with(NULL, 0);
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_cancel(engine, &permit, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_admit(engine, &site, &next, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_cancel(engine, &next, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_free(engine, 30000, NULL));
    /* Something else than a handle. */
    memset(&stats, 0, sizeof stats);
    CHECK_STATUS(STILLFRAME_ERROR_HANDLE, stillframe_engine_flush((const stillframe_engine *)(const void *)&stats, 1, NULL));
}

/* Tapes that are cut anywhere, and tapes with any byte changed: refused, or encoded; nothing else. */
static void hostile_tapes(const stillframe_engine *engine) {
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    stillframe_capture capture = example_capture();
    stillframe_encoding encoding = STILLFRAME_INIT(stillframe_encoding);
    stillframe_bytes bytes = {NULL, 0, 0};
    size_t at;
    encoding.format = STILLFRAME_FORMAT_JSON;
    for (at = 0; at <= sizeof example_tape; at++) {
        /* On the heap and exactly as long, so that valgrind and AddressSanitizer see a read behind its end. */
        uint8_t *cut = malloc(at + (at == 0));
        stillframe_status status;
        CHECK(cut != NULL);
        memcpy(cut, example_tape, at);
        if (at >= 12) {
            cut[8] = (uint8_t)at;
        }
        capture.tape = cut;
        capture.tape_len = at;
        status = stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error);
        CHECK(at == sizeof example_tape ? status == STILLFRAME_OK : status == STILLFRAME_ERROR_TAPE && error.detail <= at);
        stillframe_bytes_free(&bytes);
        free(cut);
    }
    for (at = 0; at < sizeof example_tape; at++) {
        static const uint8_t changes[] = {0x01, 0x80, 0xff};
        size_t change;
        for (change = 0; change < sizeof changes; change++) {
            uint8_t tape[sizeof example_tape];
            stillframe_status status;
            memcpy(tape, example_tape, sizeof tape);
            tape[at] = (uint8_t)(tape[at] ^ changes[change]);
            capture.tape = tape;
            capture.tape_len = sizeof tape;
            status = stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error);
            CHECK(status == STILLFRAME_OK || status == STILLFRAME_ERROR_TAPE);
            stillframe_bytes_free(&bytes);
        }
    }
}

int main(void) {
    const stillframe_engine *engine = engine_with(NULL, 0);
    null_everywhere(engine);
    sizes(engine);
    values(engine);
    after_the_free();
    hostile_tapes(engine);
    CHECK(stats_of(engine).internal_panics == 0);
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_free(engine, 30000, NULL));
    return 0;
}

/*
 * An engine's life as a program leads it: configure, admit, submit, flush, read the counters, free.
 */
#include "abi.h"

typedef struct {
    int lines, snapshots;
    char line[512];
    uint8_t id[16], fingerprint[16];
    char json[8192];
} seen;

static void log_line(void *data, uint32_t level, stillframe_text line) {
    seen *all = data;
    CHECK(level == STILLFRAME_LOG_WARNING || level == STILLFRAME_LOG_ERROR);
    CHECK(line.len < sizeof all->line);
    memcpy(all->line, line.ptr, line.len);
    all->line[line.len] = 0;
    all->lines++;
}

static void take_snapshot(void *data, const stillframe_snapshot *snapshot) {
    seen *all = data;
    CHECK(snapshot->struct_size >= sizeof *snapshot && snapshot->format == STILLFRAME_FORMAT_JSON);
    CHECK(snapshot->part == 0 && snapshot->last == 1 && snapshot->bytes_len < sizeof all->json);
    memcpy(all->json, snapshot->bytes, snapshot->bytes_len);
    all->json[snapshot->bytes_len] = 0;
    memcpy(all->id, snapshot->id, sizeof all->id);
    memcpy(all->fingerprint, snapshot->fingerprint, sizeof all->fingerprint);
    all->snapshots++;
}

static void one_capture(void) {
    seen all;
    stillframe_setting settings[4];
    stillframe_config config;
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    const stillframe_engine *engine = NULL;
    stillframe_rules *rules = stillframe_rules_new();
    stillframe_permit permit = STILLFRAME_INIT(stillframe_permit);
    stillframe_site site = site_of(1);
    stillframe_capture capture = example_capture();
    stillframe_attribute attributes[5];
    stillframe_text part = text("{{ default }}");
    stillframe_session_link link;
    stillframe_stats stats;
    uint8_t key[16], frame_id[16];

    memset(&all, 0, sizeof all);
    memset(attributes, 0, sizeof attributes);
    memset(&link, 0, sizeof link);
    settings[0].key = text("limits.depth");
    settings[0].value = text("6");
    settings[1].key = text("limits.items");
    settings[1].value = text("many");
    settings[2].key = text("gate.burst");
    settings[2].value = text("5");
    settings[3].key = text("redact.names");
    settings[3].value = text("currency");
    CHECK(rules != NULL);
    CHECK_STATUS(STILLFRAME_OK, stillframe_rules_add(rules, STILLFRAME_RULE_NAME, text("ticket"), text(""), &error));
    CHECK_STATUS(STILLFRAME_OK, stillframe_rules_add(rules, STILLFRAME_RULE_EXCLUSION, text("Harmless*"), text(""), &error));
    CHECK_STATUS(STILLFRAME_OK, stillframe_rules_add(rules, STILLFRAME_RULE_PATTERN, text("USD"), text("dollars"), &error));
    CHECK_STATUS(STILLFRAME_ERROR_RULE, stillframe_rules_add(rules, STILLFRAME_RULE_PATTERN, text("(a"), text("open"), &error));
    CHECK(strstr(error.message, "open") != NULL && error.status == STILLFRAME_ERROR_RULE);

    CHECK_STATUS(STILLFRAME_OK, stillframe_config_init(&config, sizeof config));
    config.service = text("abi");
    config.env = text("test");
    config.runtime_version = text("1.2");
    config.settings = settings;
    config.settings_len = 4;
    config.log = log_line;
    config.log_data = &all;
    config.snapshot = take_snapshot;
    config.snapshot_data = &all;
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_new(&config, rules, &engine, &error));
    stillframe_rules_free(rules);
    /* What is wrong is told, with the name of the call, and the rest is in force. */
    CHECK(all.lines == 1 && strstr(all.line, "limits.items = \"many\"") != NULL && strstr(all.line, "stillframe_engine_new()") != NULL);

    CHECK_STATUS(STILLFRAME_REDACTED, stillframe_name_is_redacted(engine, text("my_ticket"), STILLFRAME_KIND_OTHER, &part, &error));
    CHECK(part.len == 6 && memcmp(part.ptr, "ticket", 6) == 0);
    part = text("{{ default }}");

    site.type_name = text("HarmlessError");
    CHECK_STATUS(STILLFRAME_REFUSED_RULE, stillframe_capture_admit(engine, &site, &permit, &error));
    CHECK(permit.token == 0);
    site = site_of(2);
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_admit(engine, &site, &permit, &error));
    CHECK(permit.token != 0 && permit.flags == STILLFRAME_PERMIT_NOVEL && permit.limits.depth == 6 && permit.limits.items == 64);
    CHECK(permit.lease_ms >= 1000 && permit.timestamp_ns > 1700000000000000000u && permit.id[6] >> 4 == 7);

    attributes[0].name = text("route");
    attributes[0].kind = STILLFRAME_ATTRIBUTE_TEXT;
    attributes[0].text = text("/convert");
    attributes[1].name = text("password");
    attributes[1].kind = STILLFRAME_ATTRIBUTE_TEXT;
    attributes[1].text = text("hunter22");
    attributes[2].name = text("attempt");
    attributes[2].kind = STILLFRAME_ATTRIBUTE_INTEGER;
    attributes[2].integer = -3;
    attributes[3].name = text("share");
    attributes[3].kind = STILLFRAME_ATTRIBUTE_NUMBER;
    attributes[3].number = 0.5;
    attributes[4].name = text("cached");
    attributes[4].kind = STILLFRAME_ATTRIBUTE_BOOL;
    attributes[4].integer = 1;
    link.name = text("replay");
    link.id = text("s-1");
    capture.attributes = attributes;
    capture.attributes_len = 5;
    capture.user = attributes + 2;
    capture.user_len = 1;
    capture.session_links = &link;
    capture.session_links_len = 1;
    capture.fingerprint = &part;
    capture.fingerprint_len = 1;
    capture.mechanism = text("test");
    capture.flags = STILLFRAME_CAPTURE_HANDLED;
    capture.trace_id[15] = 0x0f;
    capture.span_id = 9;
    capture.thread_name = text("main");
    CHECK_STATUS(STILLFRAME_OK, stillframe_fingerprint(engine, &capture, key, &error));
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_submit(engine, &permit, &capture, &error));
    CHECK(permit.token == 0);
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_flush(engine, 30000, &error));
    CHECK(all.snapshots == 1 && memcmp(all.id, permit.id, 16) == 0 && memcmp(all.fingerprint, key, 16) == 0);
    CHECK(strstr(all.json, "\"route\":\"/convert\"") != NULL && strstr(all.json, "hunter22") == NULL);
    CHECK(strstr(all.json, "\"attempt\":-3") != NULL && strstr(all.json, "\"share\":0.5") != NULL && strstr(all.json, "\"cached\":true") != NULL);
    CHECK(strstr(all.json, "\"USD\"") == NULL && strstr(all.json, "dollars") != NULL);
    CHECK(strstr(all.json, "\"handled\":true") != NULL && strstr(all.json, "\"mechanism\":\"test\"") != NULL);
    CHECK(strstr(all.json, "\"traceId\":\"0000000000000000000000000000000f\"") != NULL && strstr(all.json, "\"spanId\":\"0000000000000009\"") != NULL);
    CHECK(strstr(all.json, "\"name\":\"main\"") != NULL && strstr(all.json, "s-1") != NULL);
    CHECK_STATUS(STILLFRAME_OK, stillframe_frame_id(permit.id, 0, frame_id, &error));
    CHECK(memcmp(frame_id, permit.id, 16) != 0 && memcmp(frame_id, permit.id, 6) == 0);

    stats = stats_of(engine);
    CHECK(stats.captured == 1 && stats.refused_rule == 1 && stats.admitted == 1 && stats.admitted_novel == 1 && stats.callback_sent == 1);
    CHECK(stats.values == 7 && stats.tape_bytes == sizeof example_tape && stats.walk_count == 1 && stats.spool_written >= 1);
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_free(engine, 30000, &error));
    CHECK_STATUS(STILLFRAME_ERROR_HANDLE, stillframe_engine_free(engine, 30000, &error));
}

/* The forms that a tracer asks for, and what a refused tape says. */
static void encodings(void) {
    const stillframe_engine *engine = engine_with(NULL, 0);
    stillframe_capture capture = example_capture();
    stillframe_encoding encoding = STILLFRAME_INIT(stillframe_encoding);
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    stillframe_bytes bytes = {NULL, 0, 0};
    uint8_t damaged[sizeof example_tape];
    uint32_t dialect;

    encoding.format = STILLFRAME_FORMAT_JSON;
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));
    CHECK(contains(&bytes, "\"format\":1") && contains(&bytes, "\"type\":\"KeyError\"") && contains(&bytes, "\"currency\""));
    stillframe_bytes_free(&bytes);
    CHECK(bytes.ptr == NULL && bytes.len == 0 && bytes.cap == 0);
    stillframe_bytes_free(&bytes);

    encoding.format = STILLFRAME_FORMAT_MSGPACK;
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));
    CHECK(bytes.len > 100 && bytes.ptr[0] >> 4 == 8);
    stillframe_bytes_free(&bytes);

    encoding.format = STILLFRAME_FORMAT_OTLP;
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));
    CHECK(bytes.ptr[0] == 0x0a && contains(&bytes, "exception.type") && contains(&bytes, "KeyError") && contains(&bytes, "currency"));
    stillframe_bytes_free(&bytes);

    encoding.format = STILLFRAME_FORMAT_SENTRY;
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));
    CHECK(bytes.ptr[0] == '{' && contains(&bytes, "\"event_id\"") && contains(&bytes, "\"KeyError\"") && contains(&bytes, "\"currency\""));
    stillframe_bytes_free(&bytes);

    encoding.format = STILLFRAME_FORMAT_DATADOG;
    encoding.service = text("other");
    for (dialect = 0; dialect <= STILLFRAME_DIALECT_NATIVE; dialect++) {
        encoding.dialect = dialect;
        encoding.next = 77;
        CHECK_STATUS(STILLFRAME_OK, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));
        CHECK(encoding.next == 0 && bytes.ptr[0] == '[' && contains(&bytes, "\"ddsource\":\"dd_debugger\"") && contains(&bytes, "\"other\""));
        stillframe_bytes_free(&bytes);
    }
    encoding.flags = STILLFRAME_ENCODING_ONE_FRAME;
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));
    CHECK(bytes.ptr[0] == '{');
    stillframe_bytes_free(&bytes);
    encoding.first = 1;
    CHECK_STATUS(STILLFRAME_ERROR_FRAME, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));

    memcpy(damaged, example_tape, sizeof damaged);
    damaged[64] = 0x7f;
    capture.tape = damaged;
    CHECK_STATUS(STILLFRAME_ERROR_TAPE, stillframe_capture_encode(engine, &capture, &encoding, &bytes, &error));
    CHECK(error.detail == 64 && strcmp(error.message, "invalid tape: unknown opcode at byte 64") == 0);
    CHECK(bytes.ptr == NULL);
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_free(engine, 30000, NULL));
}

/* What a walker asks before it reads. */
static void redaction(void) {
    const stillframe_engine *engine = engine_with(NULL, 0);
    const stillframe_text names[3] = {{"api_token", 9}, {"author", 6}, {"max_tokens", 10}};
    stillframe_text rule = {NULL, 0};
    uint64_t hidden = ~(uint64_t)0, one = 0, two = 0;

    CHECK_STATUS(STILLFRAME_REDACTED, stillframe_name_is_redacted(engine, names[0], STILLFRAME_KIND_OTHER, NULL, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_name_is_redacted(engine, names[0], STILLFRAME_KIND_NULL, &rule, NULL));
    CHECK(rule.ptr == NULL);
    CHECK_STATUS(STILLFRAME_OK, stillframe_type_is_redacted(engine, text("shop.Order"), &rule, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_shape_plan(engine, text("shop.Order"), names, 3, STILLFRAME_KIND_OTHER, &hidden, NULL));
    CHECK((hidden & 3) == 1 && hidden < 8);
    CHECK_STATUS(STILLFRAME_OK, stillframe_shape_plan(engine, text("shop.Order"), names, 3, STILLFRAME_KIND_NUMBER, &hidden, NULL));
    CHECK((hidden & ~(uint64_t)1) == 0);
    CHECK_STATUS(STILLFRAME_OK, stillframe_text_alias(engine, text("hunter22"), &one, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_text_alias(engine, text("hunter23"), &two, NULL));
    CHECK(one != two);
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_free(engine, 30000, NULL));
}

/* A flood of one site: three at once, then refused; a permit holds its thread until it is used, cancelled or lost. */
static void permits(void) {
    const stillframe_setting settings[] = {{{"gate.burst", 10}, {"100", 3}}, {{"limits.hard_time", 16}, {"2s", 2}}};
    const stillframe_engine *engine = engine_with(settings, 2);
    stillframe_site site = site_of(800);
    stillframe_capture capture = example_capture();
    stillframe_permit permit = STILLFRAME_INIT(stillframe_permit), second = STILLFRAME_INIT(stillframe_permit), copy;
    stillframe_stats stats;
    int i;
    for (i = 0; i < 3; i++) {
        CHECK_STATUS(STILLFRAME_OK, stillframe_capture_admit(engine, &site, &permit, NULL));
        copy = permit;
        site.flags = STILLFRAME_SITE_EXPLICIT;
        CHECK_STATUS(STILLFRAME_REFUSED_REENTRANT, stillframe_capture_admit(engine, &site, &second, NULL));
        site.flags = 0;
        CHECK_STATUS(STILLFRAME_OK, stillframe_capture_submit(engine, &permit, &capture, NULL));
        CHECK_STATUS(STILLFRAME_ERROR_PERMIT, stillframe_capture_submit(engine, &permit, &capture, NULL));
        CHECK_STATUS(STILLFRAME_ERROR_PERMIT, stillframe_capture_submit(engine, &copy, &capture, NULL));
        CHECK_STATUS(STILLFRAME_ERROR_PERMIT, stillframe_capture_cancel(engine, &copy, NULL));
    }
    CHECK_STATUS(STILLFRAME_REFUSED_SITE, stillframe_capture_admit(engine, &site, &permit, NULL));
    site.flags = STILLFRAME_SITE_EXPLICIT;
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_admit(engine, &site, &permit, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_cancel(engine, &permit, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_admit(engine, &site, &permit, NULL));
    /* An invalid capture ends its permit, too, and is counted. */
    capture.tape_len = 10;
    CHECK_STATUS(STILLFRAME_ERROR_TAPE, stillframe_capture_submit(engine, &permit, &capture, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_admit(engine, &site, &permit, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_capture_cancel(engine, &permit, NULL));
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_flush(engine, 30000, NULL));
    stats = stats_of(engine);
    CHECK(stats.captured == 3 && stats.refused_reentrant == 3 && stats.refused_site == 1);
    CHECK(stats.dropped_cancelled == 2 && stats.dropped_tape == 1 && stats.admitted_explicit == 3);
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_free(engine, 30000, NULL));
}

int main(void) {
    CHECK(stillframe_abi_version() >> 16 == STILLFRAME_ABI_VERSION >> 16);
    CHECK((stillframe_abi_version() & 0xffff) >= (STILLFRAME_ABI_VERSION & 0xffff));
    CHECK(strstr(stillframe_build_info(), "stillframe ") == stillframe_build_info());
    CHECK(strcmp(stillframe_status_name(STILLFRAME_ERROR_NULL), "STILLFRAME_ERROR_NULL") == 0 && stillframe_status_name(12345)[0] == 0);
    one_capture();
    encodings();
    redaction();
    permits();
    return 0;
}

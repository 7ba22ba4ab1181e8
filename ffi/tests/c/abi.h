/* What the tests of the binary interface share: a check, and the tape of the format's worked example. */
#ifndef ABI_H
#define ABI_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stillframe.h"

#define CHECK(condition)                                                            \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                \
        }                                                                           \
    } while (0)

/* The status must be the one that is named. */
#define CHECK_STATUS(expected, call)                                                                                             \
    do {                                                                                                                         \
        const stillframe_status got_ = (call);                                                                                   \
        if (got_ != (expected)) {                                                                                                \
            fprintf(stderr, "%s:%d: %s is %s, not %s\n", __FILE__, __LINE__, #call, stillframe_status_name(got_), #expected);    \
            abort();                                                                                                             \
        }                                                                                                                        \
    } while (0)

/* KeyError: 'EUR' raised in one frame, with an argument and a local: 161 bytes. */
static const uint8_t example_tape[] = {
    0x93, 0x53, 0x46, 0x54, 0x01, 0x00, 0x01, 0x00, 0xa1, 0x00, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0xe8,
    0x03, 0x00, 0x00, 0x10, 0x00, 0x11, 0x00, 0x04, 0x00, 0x20, 0x00, 0x40, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x10,
    0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0xd0, 0x07, 0x00, 0x00, 0x10, 0x27, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x04, 0x88, 0x4b, 0x65, 0x79, 0x45, 0x72, 0x72, 0x6f, 0x72, 0x34, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,
    0x03, 0x04, 0x20, 0x05, 0x27, 0x45, 0x55, 0x52, 0x27, 0x03, 0x08, 0x35, 0x01, 0x2a, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x81, 0x66, 0x81, 0x6d, 0x82, 0x6d, 0x70, 0x01, 0x03, 0x01, 0x88, 0x63, 0x75,
    0x72, 0x72, 0x65, 0x6e, 0x63, 0x79, 0x20, 0x03, 0x45, 0x55, 0x52, 0x03, 0x02, 0x85, 0x72, 0x61, 0x74, 0x65, 0x73, 0x31, 0x00,
    0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x20, 0x03, 0x55, 0x53, 0x44, 0x13, 0x01, 0x01,
};

static inline stillframe_text text(const char *string) {
    return stillframe_text_of(string);
}

static inline stillframe_capture example_capture(void) {
    stillframe_capture capture = STILLFRAME_INIT(stillframe_capture);
    capture.tape = example_tape;
    capture.tape_len = sizeof example_tape;
    return capture;
}

/* A site of its own for each number. */
static inline stillframe_site site_of(uint64_t number) {
    stillframe_site site = STILLFRAME_INIT(stillframe_site);
    site.type_name = text("KeyError");
    site.module = text("m");
    site.function = text("f");
    site.path = number + 1;
    site.origin = number + 1;
    return site;
}

/* An engine with these settings. */
static inline const stillframe_engine *engine_with(const stillframe_setting *settings, size_t count) {
    const stillframe_engine *engine = NULL;
    stillframe_config config;
    CHECK_STATUS(STILLFRAME_OK, stillframe_config_init(&config, sizeof config));
    config.service = text("abi");
    config.settings = settings;
    config.settings_len = count;
    CHECK_STATUS(STILLFRAME_OK, stillframe_engine_new(&config, NULL, &engine, NULL));
    CHECK(engine != NULL);
    return engine;
}

static inline stillframe_stats stats_of(const stillframe_engine *engine) {
    stillframe_stats stats = STILLFRAME_INIT(stillframe_stats);
    CHECK_STATUS(STILLFRAME_OK, stillframe_stats_read(engine, &stats, NULL));
    return stats;
}

static inline int contains(const stillframe_bytes *bytes, const char *what) {
    const size_t length = strlen(what);
    size_t at;
    for (at = 0; at + length <= bytes->len; at++) {
        if (memcmp(bytes->ptr + at, what, length) == 0) {
            return 1;
        }
    }
    return 0;
}

#endif

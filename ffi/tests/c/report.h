/* What the tests of stillframe_report.h share: an engine whose snapshots are kept as JSON, and looking into that. */
#ifndef REPORT_H
#define REPORT_H

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stillframe_report.h"

#define CHECK(condition)                                                            \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                \
        }                                                                           \
    } while (0)

/* The text is part of the last snapshot. */
#define CHECK_SHOWS(part)                                                                                  \
    do {                                                                                                   \
        if (strstr(report_last(), (part)) == NULL) {                                                       \
            fprintf(stderr, "%s:%d: not shown: %s\nin %s\n", __FILE__, __LINE__, (part), report_last());   \
            abort();                                                                                       \
        }                                                                                                  \
    } while (0)

#define CHECK_HIDES(part)                                                                                    \
    do {                                                                                                     \
        if (strstr(report_last(), (part)) != NULL) {                                                         \
            fprintf(stderr, "%s:%d: shown but should not: %s\nin %s\n", __FILE__, __LINE__, (part), report_last()); \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* Snapshots so far, and the last one without blanks between its tokens. The lock is for a sanitizer that does not see the library's. */
static pthread_mutex_t report_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned report_number;
static char *report_text;

__attribute__((unused)) static void report_keep(void *data, const stillframe_snapshot *snapshot) {
    char *text = (char *)malloc(snapshot->bytes_len + 1);
    size_t used = 0;
    int quoted = 0;
    (void)data;
    for (size_t at = 0; at < snapshot->bytes_len; at++) {
        char byte = (char)snapshot->bytes[at];
        if (byte == '"' && (at == 0 || snapshot->bytes[at - 1] != '\\')) {
            quoted = !quoted;
        }
        if (quoted || (byte != ' ' && byte != '\n')) {
            text[used++] = byte;
        }
    }
    text[used] = '\0';
    pthread_mutex_lock(&report_lock);
    free(report_text);
    report_text = text;
    report_number++;
    pthread_mutex_unlock(&report_lock);
}

__attribute__((unused)) static unsigned report_count(void) {
    unsigned number;
    pthread_mutex_lock(&report_lock);
    number = report_number;
    pthread_mutex_unlock(&report_lock);
    return number;
}

/* Starts with a gate that refuses nothing, unless `more` settings say otherwise. */
__attribute__((unused)) static void report_start_with(const stillframe_setting *more, size_t count) {
    stillframe_config config;
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    stillframe_setting settings[24];
    static const char *const open[][2] = {
        {"gate.rate_per_second", "100000"}, {"gate.burst", "10000"},
        {"gate.novelty_burst", "10000"},    {"gate.novelty_per_second", "100000"},
        {"gate.site_first", "4088"},        {"limits.soft_time", "1s"},
        {"limits.hard_time", "1s"},
    };
    size_t used = 0;
    for (; used < sizeof open / sizeof open[0]; used++) {
        settings[used].key = stillframe_text_of(open[used][0]);
        settings[used].value = stillframe_text_of(open[used][1]);
    }
    for (size_t at = 0; at < count; at++) {
        settings[used++] = more[at];
    }
    CHECK(stillframe_config_init(&config, sizeof config) == STILLFRAME_OK);
    config.service = stillframe_text_of("test");
    config.settings = settings;
    config.settings_len = used;
    config.snapshot = report_keep;
    if (stillframe_start(&config, NULL, &error) != STILLFRAME_OK) {
        fprintf(stderr, "%s\n", error.message);
        abort();
    }
}

__attribute__((unused)) static void report_start(void) {
    report_start_with(NULL, 0);
}

/* The last snapshot, when everything so far is finished. */
__attribute__((unused)) static const char *report_last(void) {
    const char *text;
    CHECK(stillframe_flush(300000, NULL) == STILLFRAME_OK);
    pthread_mutex_lock(&report_lock);
    text = report_text;
    pthread_mutex_unlock(&report_lock);
    return text == NULL ? "" : text;
}

__attribute__((unused)) static void report_stop(void) {
    CHECK(stillframe_stop(60000, NULL) == STILLFRAME_OK);
    pthread_mutex_lock(&report_lock);
    free(report_text);
    report_text = NULL;
    pthread_mutex_unlock(&report_lock);
}

#endif /* REPORT_H */

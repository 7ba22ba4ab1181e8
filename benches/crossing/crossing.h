/* What the bench's program calls: each does its work so many times. */
#ifndef CROSSING_H
#define CROSSING_H

#include <stddef.h>
#include <stdint.h>

enum { SET_A, SET_B, SET_C };

enum {
    WAY_INLINE,         /* stillframe_tape.h */
    WAY_INLINE_REDACT,  /* the same, asking the library about each name */
    WAY_CALLS,          /* an exported call for each value */
    WAY_CALLS_REDACT,
    WAY_SHAPED_REDACT,  /* A only: stillframe_tape.h, objects of a shape that was planned once */
    WAY_WALKED          /* A only: stillframe_tape.h and stillframe_walk.h */
};

/* Loads the two libraries; 0, or 1 for the first, 2 for the second that cannot be loaded, 3 if there is no engine. */
int crossing_open(const char *stillframe, const char *calls);

/* Writes a tape; returns its bytes. */
size_t crossing_write(int set, int way, uint32_t times);

/* The bytes of a tape that was written inline, and their number. */
const uint8_t *crossing_tape(int set, size_t *bytes);

/* Copies the tape of a set to new memory, and frees that. */
void crossing_copy(int set, uint32_t times);

/* Admission, a tape written inline, submission; the background is given time to work each so many times. Returns how many were taken. */
uint32_t crossing_capture(int set, uint32_t times);

/* The tape of a set as the body of a request to Datadog, which is freed; returns its bytes. */
size_t crossing_encode(int set, uint32_t times);

#endif

/*
 * stillframe_tape.h: writes a tape, Stillframe's form of one captured exception, into memory of the caller.
 *
 * Header-only, for C99 and C++17: every function is static inline, nothing is exported, allocated, locked or called, so it may be used on
 * any thread and inside a failing program. docs/tape-writer.md is the guide; the format is specified in core/src/tape/mod.rs.
 *
 * The order of calls is the format's: begin, the exceptions (group 0), end_group; then for each container (exception, frame, list, map,
 * object), in the order in which they were opened, its items and end_group; then finish. stillframe_walk.h keeps that order for you.
 *
 * Nothing is ever written beyond the memory that begin was given, whatever is called. When a limit is reached, the tape is full: values
 * become "skipped: budget", names are refused, containers are not opened, and the tape stays whole. Look at stillframe_tape_is_full
 * between items, and end the group when it says so.
 *
 * Numbers of types count from 1, 0 is the value's own type (int64_t, char*, struct ...). Numbers of containers count from 1, 0 means that
 * there was no room and no group is to be written. Text is (pointer, bytes); STILLFRAME_LITERAL("...") makes both of a literal.
 * What ends in an underscore is private.
 */
#ifndef STILLFRAME_TAPE_H
#define STILLFRAME_TAPE_H

#include "stillframe_tape/format.h"
#include "stillframe_tape/room.h"

/* ---- Begin, structure, finish ---- */

/* The limits in force when nothing is configured; a stillframe_permit has those that are. */
static inline stillframe_limits stillframe_tape_limits_default(void)
{
    stillframe_limits limits = {16, 17, 4, 32, 64, 1024, 4096, 128 * 1024, 2000, 10000};
    return limits;
}

/* Starts a tape, of a STILLFRAME_LANGUAGE_, in the caller's memory, which nothing else may use until the tape was taken.
 * STILLFRAME_TAPE_RESERVE bytes of it are kept back: limits->tape_bytes + STILLFRAME_TAPE_RESERVE is what a tape within its limits needs.
 * Limits of NULL are the default ones. false: there are fewer than STILLFRAME_TAPE_MIN_BYTES; every later call then does nothing, and
 * finish returns 0. */
static inline bool stillframe_tape_begin(stillframe_tape *tape, void *memory, size_t bytes, unsigned language,
                                         const stillframe_limits *limits)
{
    size_t bound;
    memset(tape, 0, sizeof *tape);
    tape->limits = limits != NULL ? *limits : stillframe_tape_limits_default();
    tape->language_ = (uint8_t)language;
    tape->buffer = (uint8_t *)memory;
    if (memory == NULL || bytes < STILLFRAME_TAPE_MIN_BYTES) {
        return false;
    }
    bound = tape->limits.tape_bytes;
    if (bound < STILLFRAME_TAPE_HEADER_BYTES + 64) {
        bound = STILLFRAME_TAPE_HEADER_BYTES + 64;
    }
    if (bound > STILLFRAME_TAPE_MAX_BYTES - STILLFRAME_TAPE_RESERVE) {
        bound = STILLFRAME_TAPE_MAX_BYTES - STILLFRAME_TAPE_RESERVE;
    }
    if (bound > bytes - STILLFRAME_TAPE_RESERVE) {
        /* The limit in force is the memory. */
        bound = bytes - STILLFRAME_TAPE_RESERVE;
        tape->limits.tape_bytes = (uint32_t)bound;
    }
    tape->bound = bound;
    tape->end = bound + STILLFRAME_TAPE_RESERVE;
    tape->short_limit = tape->limits.string < 255 ? tape->limits.string : 255;
    tape->length = STILLFRAME_TAPE_HEADER_BYTES;
    tape->mark_ = STILLFRAME_TAPE_HEADER_BYTES;
    return true;
}

/* Whether a limit is reached: nothing more will be shown. */
static inline bool stillframe_tape_is_full(const stillframe_tape *tape)
{
    return tape->bound == 0;
}

/* The items that follow belong to this section. */
static inline void stillframe_tape_section(stillframe_tape *tape, stillframe_section section)
{
    uint8_t *to = stillframe_tape_structure_(tape, 2);
    if (to != NULL) {
        stillframe_tape_put16_(to, (uint16_t)(0x03 | (unsigned)section << 8));
    }
}

/* count items are missing here, STILLFRAME_UNKNOWN_COUNT if nobody knows how many. */
static inline void stillframe_tape_gap(stillframe_tape *tape, stillframe_reason reason, uint32_t count)
{
    uint8_t *to = stillframe_tape_structure_(tape, 6);
    tape->refused_ &= STILLFRAME_TAPE_UNNAMED_;
    if (to != NULL) {
        to[0] = 0x02;
        to[1] = (uint8_t)reason;
        stillframe_tape_put32_(to + 2, count);
    }
}

/* Ends the group of the container whose turn it is. */
static inline void stillframe_tape_end_group(stillframe_tape *tape)
{
    uint8_t *to;
    if (!STILLFRAME_TAPE_LIKELY_(tape->refused_ == 0)) {
        if (tape->refused_ & STILLFRAME_TAPE_SILENT_) {
            stillframe_tape_gap(tape, STILLFRAME_REASON_BUDGET, STILLFRAME_UNKNOWN_COUNT);
        }
        tape->refused_ = 0;
    }
    to = stillframe_tape_structure_(tape, 1);
    if (to != NULL) {
        *to = 0x01;
        tape->groups_++;
        tape->mark_ = tape->length;
        tape->mark_values_ = tape->values;
        tape->mark_containers_ = tape->containers;
    }
}

/* Completes the header. The tape is the first bytes of the memory, as many as this returns; 0: not even an exception has room.
 *
 * stop is STILLFRAME_REASON_NONE if every container's contents were written, else why they were not. A group that was not ended is taken
 * back. Where groups are missing and stop names no reason, it is the budget if the tape is full, and an error if it is not.
 * nanoseconds is how long the walk took. */
static inline size_t stillframe_tape_finish(stillframe_tape *tape, stillframe_reason stop, uint64_t nanoseconds)
{
    const stillframe_limits *limits = &tape->limits;
    const uint32_t narrow[4] = {limits->exceptions, limits->frames, limits->depth, limits->fields};
    const uint32_t wide[6] = {limits->items, limits->string, limits->values, limits->tape_bytes, limits->soft_time_us, limits->hard_time_us};
    uint8_t *to = tape->buffer;
    if (tape->groups_ == 0 || tape->mark_containers_ == 0) {
        return 0;
    }
    if (stop == STILLFRAME_REASON_NONE && (tape->length != tape->mark_ || tape->end == 0 || tape->groups_ <= tape->mark_containers_)) {
        stop = tape->bound == 0 ? STILLFRAME_REASON_BUDGET : STILLFRAME_REASON_ERROR;
    }
    memset(to, 0, STILLFRAME_TAPE_HEADER_BYTES);
    memcpy(to, "\x93SFT", 4);
    stillframe_tape_put16_(to + 4, STILLFRAME_TAPE_VERSION);
    to[6] = tape->language_;
    to[7] = (uint8_t)stop;
    stillframe_tape_put32_(to + 8, (uint32_t)tape->mark_);
    stillframe_tape_put32_(to + 12, tape->mark_values_);
    stillframe_tape_put32_(to + 16, tape->mark_containers_);
    stillframe_tape_put32_(to + 20, nanoseconds < UINT32_MAX ? (uint32_t)nanoseconds : UINT32_MAX);
    for (size_t index = 0; index < 4; index++) {
        stillframe_tape_put16_(to + 24 + 2 * index, narrow[index] < UINT16_MAX ? (uint16_t)narrow[index] : (uint16_t)UINT16_MAX);
    }
    for (size_t index = 0; index < 6; index++) {
        stillframe_tape_put32_(to + 32 + 4 * index, wide[index]);
    }
    return tape->mark_;
}

#include "stillframe_tape/scalar.h"
#include "stillframe_tape/container.h"

#endif

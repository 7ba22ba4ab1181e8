/* The words of the tape's format: part of stillframe_tape.h. */
#ifndef STILLFRAME_TAPE_FORMAT_H
#define STILLFRAME_TAPE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../stillframe.h" /* for its types and numbers only: a program that only writes tapes need not be linked with the library */

/* The version of the format that is written here. */
#define STILLFRAME_TAPE_VERSION 1
/* Bytes of a tape's header. */
#define STILLFRAME_TAPE_HEADER_BYTES 64
/* Bytes that begin keeps back for what must still be written when the tape is full. */
#define STILLFRAME_TAPE_RESERVE 256
/* The least memory that begin takes, in bytes. */
#define STILLFRAME_TAPE_MIN_BYTES (STILLFRAME_TAPE_HEADER_BYTES + 64 + STILLFRAME_TAPE_RESERVE)
/* The largest tape that a reader takes, in bytes. */
#define STILLFRAME_TAPE_MAX_BYTES ((size_t)16 << 20)
/* A count or a size that is not known. */
#define STILLFRAME_UNKNOWN_COUNT UINT32_MAX
/* No offset from UTC is known. */
#define STILLFRAME_NO_OFFSET INT32_MIN

/* The two arguments (text, bytes) of a string literal. */
#define STILLFRAME_LITERAL(text) ("" text), (sizeof(text) - 1)

/* Why a value is missing, cut or hidden. */
typedef enum stillframe_reason {
    STILLFRAME_REASON_NONE = 0,
    STILLFRAME_REASON_DEPTH = 1,            /* deeper than limits.depth */
    STILLFRAME_REASON_FIELD_COUNT = 2,      /* more fields than limits.fields */
    STILLFRAME_REASON_COLLECTION_SIZE = 3,  /* more items than limits.items */
    STILLFRAME_REASON_LENGTH = 4,           /* longer than limits.string */
    STILLFRAME_REASON_TIMEOUT = 5,          /* limits.soft_time or limits.hard_time is over */
    STILLFRAME_REASON_BUDGET = 6,           /* limits.values or limits.tape_bytes is reached */
    STILLFRAME_REASON_REDACTED_IDENT = 7,   /* hidden because of its name */
    STILLFRAME_REASON_REDACTED_TYPE = 8,    /* hidden because of its type */
    STILLFRAME_REASON_REDACTED_VALUE = 9,   /* hidden because of its content */
    STILLFRAME_REASON_OPTIMIZED_OUT = 10,   /* the compiler had thrown the value away */
    STILLFRAME_REASON_UNBOUND = 11,         /* the name has no value yet, or no longer */
    STILLFRAME_REASON_UNREADABLE = 12,      /* its storage cannot be read */
    STILLFRAME_REASON_ERROR = 13,           /* reading it failed */
    STILLFRAME_REASON_PRUNED = 14,          /* cut away after the capture */
    STILLFRAME_REASON_FRAMES = 15,          /* more frames than limits.frames */
    STILLFRAME_REASON_CHAIN = 16            /* more exceptions than limits.exceptions */
} stillframe_reason;

/* Part of an exception's or a frame's group. The items of ARGUMENTS, LOCALS, STATICS and ATTRIBUTES have names. */
typedef enum stillframe_section {
    STILLFRAME_SECTION_ARGUMENTS = 1,  /* frame */
    STILLFRAME_SECTION_LOCALS = 2,     /* frame */
    STILLFRAME_SECTION_STATICS = 3,    /* frame */
    STILLFRAME_SECTION_MESSAGE = 4,    /* exception: one value */
    STILLFRAME_SECTION_NOTES = 5,      /* exception */
    STILLFRAME_SECTION_ARGS = 6,       /* exception: what it was made with */
    STILLFRAME_SECTION_ATTRIBUTES = 7, /* exception: its own fields */
    STILLFRAME_SECTION_FRAMES = 8      /* exception: its frames, the raising one first */
} stillframe_section;

/* How an exception belongs to its parent. */
typedef enum stillframe_link {
    STILLFRAME_LINK_ROOT = 0,    /* it is the captured one, the first of group 0 */
    STILLFRAME_LINK_CAUSE = 1,   /* it is the cause of its parent */
    STILLFRAME_LINK_CONTEXT = 2, /* its parent was raised while it was handled */
    STILLFRAME_LINK_MEMBER = 3   /* it is a member of its parent, a group */
} stillframe_link;

/* What a stillframe_tape_time is. */
typedef enum stillframe_time_kind {
    STILLFRAME_TIME_DATE_TIME = 0,   /* seconds since 1970-01-01 on the local clock */
    STILLFRAME_TIME_DATE = 1,        /* the same, of the day's beginning */
    STILLFRAME_TIME_TIME_OF_DAY = 2, /* seconds since midnight */
    STILLFRAME_TIME_DURATION = 3     /* seconds */
} stillframe_time_kind;

/* Properties of a frame, to be combined. */
#define STILLFRAME_FRAME_IN_APP 1u
#define STILLFRAME_FRAME_GENERATOR 2u
#define STILLFRAME_FRAME_COROUTINE 4u
#define STILLFRAME_FRAME_AWAITED 8u
#define STILLFRAME_FRAME_NO_VARIABLES 16u

/* Where a frame is in its source; 0 is unknown. Lines and columns count from 1, end_column is behind the expression. */
typedef struct stillframe_tape_location {
    uint32_t line;
    uint32_t end_line;
    uint32_t column;
    uint32_t end_column;
} stillframe_tape_location;

/* A tape being written. Its memory is the caller's; its members are for reading only. */
typedef struct stillframe_tape {
    uint8_t *buffer;
    size_t length;       /* bytes so far */
    size_t bound;        /* length that no value may exceed; 0 when full */
    size_t end;          /* length that nothing may exceed; 0 when not even the reserve sufficed */
    size_t short_limit;  /* bytes of a text that is surely whole */
    size_t as_;          /* where the last AS stands */
    size_t mark_;        /* length at the end of the last complete group, and the counts there */
    uint32_t mark_values_;
    uint32_t mark_containers_;
    uint32_t groups_;    /* complete groups */
    uint32_t values;     /* values so far */
    uint32_t containers; /* containers so far; the number of the last one */
    uint16_t types_;
    uint16_t shapes_;
    uint8_t refused_;    /* what a refused name left to do, see below */
    uint8_t language_;
    stillframe_limits limits;
} stillframe_tape;

#endif

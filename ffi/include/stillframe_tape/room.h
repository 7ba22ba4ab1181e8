/* Bytes, names and room on a tape: the private part of stillframe_tape.h. */
#ifndef STILLFRAME_TAPE_ROOM_H
#define STILLFRAME_TAPE_ROOM_H

#include "format.h"

/* 0 where the byte order is another one or is not known: numbers are then taken apart by shifts, to the same bytes. */
#ifndef STILLFRAME_TAPE_LITTLE_ENDIAN
#if defined(_WIN32) || (defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
#define STILLFRAME_TAPE_LITTLE_ENDIAN 1
#else
#define STILLFRAME_TAPE_LITTLE_ENDIAN 0
#endif
#endif

#if defined(__GNUC__)
#define STILLFRAME_TAPE_COLD_ static __attribute__((noinline, cold, unused))
#define STILLFRAME_TAPE_LIKELY_(condition) __builtin_expect(!!(condition), 1)
#else
#define STILLFRAME_TAPE_COLD_ static inline
#define STILLFRAME_TAPE_LIKELY_(condition) (condition)
#endif

/* The next value has no name, because that was refused: it is not written. */
#define STILLFRAME_TAPE_UNNAMED_ 1u
/* The group lacks an item and does not say so yet. */
#define STILLFRAME_TAPE_SILENT_ 2u
/* Bytes behind the cut of a text that go on the tape so that a secret which begins before the cut is recognised. */
#define STILLFRAME_TAPE_LOOKAHEAD_ 256u
/* Bytes of a name, and of the name of a file, that are kept. */
#define STILLFRAME_TAPE_NAME_BYTES_ 255u
#define STILLFRAME_TAPE_FILE_BYTES_ 1024u
/* Flags of a text. */
#define STILLFRAME_TAPE_RENDERED_ 1u
#define STILLFRAME_TAPE_LOSSY_ 2u
/* Of eight bytes, the bits that ASCII does not have. */
#define STILLFRAME_TAPE_HIGH_ UINT64_C(0x8080808080808080)

/* ---- Bytes ---- */

static inline void stillframe_tape_put16_(uint8_t *to, uint16_t value)
{
#if STILLFRAME_TAPE_LITTLE_ENDIAN
    memcpy(to, &value, 2);
#else
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
#endif
}

static inline void stillframe_tape_put32_(uint8_t *to, uint32_t value)
{
#if STILLFRAME_TAPE_LITTLE_ENDIAN
    memcpy(to, &value, 4);
#else
    stillframe_tape_put16_(to, (uint16_t)value);
    stillframe_tape_put16_(to + 2, (uint16_t)(value >> 16));
#endif
}

static inline void stillframe_tape_put64_(uint8_t *to, uint64_t value)
{
#if STILLFRAME_TAPE_LITTLE_ENDIAN
    memcpy(to, &value, 8);
#else
    stillframe_tape_put32_(to, (uint32_t)value);
    stillframe_tape_put32_(to + 4, (uint32_t)(value >> 32));
#endif
}

static inline uint64_t stillframe_tape_load64_(const char *from)
{
    uint64_t word;
    memcpy(&word, from, 8);
    return word;
}

STILLFRAME_TAPE_COLD_ uint64_t stillframe_tape_move_long_(uint8_t *to, const char *from, size_t bytes)
{
    uint64_t seen = stillframe_tape_load64_(from + bytes - 8);
    for (size_t at = 0; at + 8 <= bytes; at += 8) {
        seen |= stillframe_tape_load64_(from + at);
    }
    memcpy(to, from, bytes);
    return seen;
}

/* Copies text; the result has a bit of STILLFRAME_TAPE_HIGH_ if not all of it is ASCII. Two overlapping moves of a fixed width: a memcpy of
 * variable length costs more than all the rest of a short value. */
static inline uint64_t stillframe_tape_move_(uint8_t *to, const char *from, size_t bytes)
{
    if (bytes >= 8) {
        uint64_t head, tail;
        if (bytes > 32) {
            return stillframe_tape_move_long_(to, from, bytes);
        }
        head = stillframe_tape_load64_(from);
        tail = stillframe_tape_load64_(from + bytes - 8);
        if (bytes > 16) {
            uint64_t second = stillframe_tape_load64_(from + 8), third = stillframe_tape_load64_(from + bytes - 16);
            memcpy(to + 8, &second, 8);
            memcpy(to + bytes - 16, &third, 8);
            memcpy(to, &head, 8);
            memcpy(to + bytes - 8, &tail, 8);
            return head | second | third | tail;
        }
        memcpy(to, &head, 8);
        memcpy(to + bytes - 8, &tail, 8);
        return head | tail;
    }
    if (bytes >= 4) {
        uint32_t head, tail;
        memcpy(&head, from, 4);
        memcpy(&tail, from + bytes - 4, 4);
        memcpy(to, &head, 4);
        memcpy(to + bytes - 4, &tail, 4);
        return head | tail;
    }
    if (bytes > 0) {
        uint8_t head = (uint8_t)from[0], middle = (uint8_t)from[bytes / 2], tail = (uint8_t)from[bytes - 1];
        to[0] = head;
        to[bytes / 2] = middle;
        to[bytes - 1] = tail;
        return (uint64_t)(head | middle | tail);
    }
    return 0;
}

/* Bytes of the character that text begins with, 0 if it is not UTF-8. */
static inline size_t stillframe_tape_character_(const char *text, size_t bytes)
{
    uint8_t first = (uint8_t)text[0], low = 0x80, high = 0xbf;
    size_t size;
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xc2 || first > 0xf4) {
        return 0;
    }
    size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first == 0xe0) {
        low = 0xa0;
    } else if (first == 0xed) {
        high = 0x9f;
    } else if (first == 0xf0) {
        low = 0x90;
    } else if (first == 0xf4) {
        high = 0x8f;
    }
    if (size > bytes || (uint8_t)text[1] < low || (uint8_t)text[1] > high) {
        return 0;
    }
    for (size_t at = 2; at < size; at++) {
        if (((uint8_t)text[at] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return size;
}

/* At most max bytes of text, cut between characters. */
static inline size_t stillframe_tape_cut_(const char *text, size_t bytes, size_t max)
{
    if (bytes <= max) {
        return bytes;
    }
    while (max > 0 && ((uint8_t)text[max] & 0xc0) == 0x80) {
        max--;
    }
    return max;
}

/* The units of the long text that was written at a place, if one was, into the tape's byte order. */
static inline void stillframe_tape_swap_(stillframe_tape *tape, size_t before, size_t width)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (size_t at = before + 12; at + width <= tape->length; at += width) {
        for (size_t low = 0, high = width - 1; low < high; low++, high--) {
            uint8_t byte = tape->buffer[at + low];
            tape->buffer[at + low] = tape->buffer[at + high];
            tape->buffer[at + high] = byte;
        }
    }
#else
    (void)tape;
    (void)before;
    (void)width;
#endif
}

static inline uint32_t stillframe_tape_count_(size_t count)
{
    return count < STILLFRAME_UNKNOWN_COUNT ? (uint32_t)count : STILLFRAME_UNKNOWN_COUNT - 1;
}

/* ---- Names ---- */

static inline bool stillframe_tape_is_short_(size_t cut, size_t bytes)
{
    return cut <= 126 && cut == bytes;
}

static inline size_t stillframe_tape_name_size_(size_t cut, size_t bytes)
{
    return cut + (stillframe_tape_is_short_(cut, bytes) ? 1 : 7);
}

/* Writes a name of which cut bytes are kept; what is not UTF-8 in them becomes '?'. Returns the end. */
STILLFRAME_TAPE_COLD_ uint8_t *stillframe_tape_put_name_(uint8_t *to, const char *name, size_t cut, size_t bytes)
{
    if (stillframe_tape_is_short_(cut, bytes)) {
        *to++ = (uint8_t)(0x80 + cut);
    } else {
        *to = 0xff;
        stillframe_tape_put16_(to + 1, (uint16_t)cut);
        stillframe_tape_put32_(to + 3, stillframe_tape_count_(bytes));
        to += 7;
    }
    if (stillframe_tape_move_(to, name, cut) & STILLFRAME_TAPE_HIGH_) {
        for (size_t at = 0; at < cut;) {
            size_t size = stillframe_tape_character_(name + at, cut - at);
            if (size == 0) {
                to[at] = '?';
                size = 1;
            }
            at += size;
        }
    }
    return to + cut;
}

/* ---- Room ---- */

static inline bool stillframe_tape_as_is_pending_(const stillframe_tape *tape)
{
    return tape->as_ != 0 && tape->length == tape->as_ + 3;
}

/* A limit is reached. An AS without its value would make the tape invalid. */
STILLFRAME_TAPE_COLD_ void stillframe_tape_fill_(stillframe_tape *tape)
{
    tape->bound = 0;
    if (stillframe_tape_as_is_pending_(tape)) {
        tape->length = tape->as_;
    }
}

/* Room for a part of the structure, which may use the reserve; NULL when not even that suffices, and from then on. */
static inline uint8_t *stillframe_tape_structure_(stillframe_tape *tape, size_t size)
{
    uint8_t *to;
    if (!STILLFRAME_TAPE_LIKELY_(tape->length + size <= tape->end)) {
        tape->bound = 0;
        tape->end = 0;
        return NULL;
    }
    to = tape->buffer + tape->length;
    tape->length += size;
    return to;
}

static inline bool stillframe_tape_fits_(const stillframe_tape *tape, size_t size)
{
    return STILLFRAME_TAPE_LIKELY_(tape->length + size <= tape->bound);
}

/* A value of size bytes stands at the end. */
static inline void stillframe_tape_wrote_(stillframe_tape *tape, size_t size)
{
    tape->length += size;
    if (!STILLFRAME_TAPE_LIKELY_(++tape->values < tape->limits.values)) {
        stillframe_tape_fill_(tape);
    }
}

/* There is no room for a value: it is skipped for a reason that the tape tells. */
STILLFRAME_TAPE_COLD_ void stillframe_tape_overflow_(stillframe_tape *tape)
{
    uint8_t *to;
    stillframe_tape_fill_(tape);
    if (tape->refused_ & STILLFRAME_TAPE_UNNAMED_) {
        tape->refused_ &= STILLFRAME_TAPE_SILENT_;
        return;
    }
    to = stillframe_tape_structure_(tape, 8);
    if (to != NULL) {
        static const uint8_t skipped[8] = {0x44, STILLFRAME_REASON_BUDGET, 0, 0, 0xff, 0xff, 0xff, 0xff};
        memcpy(to, skipped, 8);
        tape->values++;
    }
}

/* A value of one byte. */
static inline void stillframe_tape_plain_(stillframe_tape *tape, uint8_t op)
{
    if (stillframe_tape_fits_(tape, 1)) {
        tape->buffer[tape->length] = op;
        stillframe_tape_wrote_(tape, 1);
    } else {
        stillframe_tape_overflow_(tape);
    }
}

/* A value of an opcode and up to seven bytes. All eight are stored: behind the bound there is the reserve. */
static inline void stillframe_tape_word_(stillframe_tape *tape, uint64_t word, size_t size)
{
    if (stillframe_tape_fits_(tape, size)) {
        stillframe_tape_put64_(tape->buffer + tape->length, word);
        stillframe_tape_wrote_(tape, size);
    } else {
        stillframe_tape_overflow_(tape);
    }
}

/* A value of an opcode and eight bytes. */
static inline void stillframe_tape_wide_(stillframe_tape *tape, uint8_t op, uint64_t word)
{
    if (stillframe_tape_fits_(tape, 9)) {
        uint8_t *to = tape->buffer + tape->length;
        to[0] = op;
        stillframe_tape_put64_(to + 1, word);
        stillframe_tape_wrote_(tape, 9);
    } else {
        stillframe_tape_overflow_(tape);
    }
}

#endif

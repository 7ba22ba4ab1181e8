/* Values without contents: part of stillframe_tape.h. */
#ifndef STILLFRAME_TAPE_SCALAR_H
#define STILLFRAME_TAPE_SCALAR_H

#include "room.h"

/* ---- Numbers ---- */

/* No value. */
static inline void stillframe_tape_null(stillframe_tape *tape)
{
    stillframe_tape_plain_(tape, 0x10);
}

static inline void stillframe_tape_bool(stillframe_tape *tape, bool value)
{
    stillframe_tape_plain_(tape, value ? 0x12 : 0x11);
}

/* A signed integer of any width. */
static inline void stillframe_tape_int(stillframe_tape *tape, int64_t value)
{
    if (value == (int8_t)value) {
        stillframe_tape_word_(tape, 0x13 | (uint64_t)(uint8_t)value << 8, 2);
    } else if (value == (int32_t)value) {
        stillframe_tape_word_(tape, 0x14 | (uint64_t)(uint32_t)value << 8, 5);
    } else {
        stillframe_tape_wide_(tape, 0x15, (uint64_t)value);
    }
}

/* An unsigned integer of any width. */
static inline void stillframe_tape_uint(stillframe_tape *tape, uint64_t value)
{
    if (value <= (uint64_t)INT64_MAX) {
        stillframe_tape_int(tape, (int64_t)value);
    } else {
        stillframe_tape_wide_(tape, 0x16, value);
    }
}

/* An integer of more than 64 bits: its sign, and its magnitude as high * 2^64 + low if bits is at most 128. Beyond, bits says how many it
 * has, and high and low are the 128 highest of them. */
STILLFRAME_TAPE_COLD_ void stillframe_tape_big_int(stillframe_tape *tape, bool negative, uint32_t bits, uint64_t high, uint64_t low)
{
    uint8_t bytes[16];
    size_t first = 0, kept;
    if (high == 0 && low == 0) {
        stillframe_tape_int(tape, 0);
        return;
    }
    while (bits > 128 && high >> 63 == 0) {
        /* The highest bit of a long integer must be one of those that are kept. */
        high = high << 1 | low >> 63;
        low <<= 1;
    }
    for (size_t at = 0; at < 8; at++) {
        bytes[at] = (uint8_t)(high >> (56 - 8 * at));
        bytes[8 + at] = (uint8_t)(low >> (56 - 8 * at));
    }
    while (bytes[first] == 0) {
        first++;
    }
    kept = 16 - first;
    if (bits <= 128) {
        uint8_t highest = bytes[first];
        bits = (uint32_t)(8 * (kept - 1));
        for (; highest != 0; highest >>= 1) {
            bits++;
        }
    }
    if (stillframe_tape_fits_(tape, 7 + kept)) {
        uint8_t *to = tape->buffer + tape->length;
        to[0] = 0x18;
        to[1] = negative;
        stillframe_tape_put32_(to + 2, bits);
        to[6] = (uint8_t)kept;
        memcpy(to + 7, bytes + first, kept);
        stillframe_tape_wrote_(tape, 7 + kept);
    } else {
        stillframe_tape_overflow_(tape);
    }
}

/* A floating-point number; NaN and the infinities are values like others. */
static inline void stillframe_tape_float(stillframe_tape *tape, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, 8);
    stillframe_tape_wide_(tape, 0x17, bits);
}

/* A date, a time or a duration. offset is that of the local clock from UTC in seconds, or STILLFRAME_NO_OFFSET. */
static inline void stillframe_tape_time(stillframe_tape *tape, stillframe_time_kind kind, int64_t seconds, uint32_t nanoseconds,
                                        int32_t offset)
{
    if (nanoseconds >= 1000000000u) {
        seconds += seconds <= INT64_MAX - 4 ? (int64_t)(nanoseconds / 1000000000u) : 0;
        nanoseconds %= 1000000000u;
    }
    if (stillframe_tape_fits_(tape, 18)) {
        uint8_t *to = tape->buffer + tape->length;
        to[0] = 0x19;
        to[1] = (uint8_t)kind;
        stillframe_tape_put64_(to + 2, (uint64_t)seconds);
        stillframe_tape_put32_(to + 10, nanoseconds);
        stillframe_tape_put32_(to + 14, (uint32_t)offset);
        stillframe_tape_wrote_(tape, 18);
    } else {
        stillframe_tape_overflow_(tape);
    }
}

/* ---- Text. Pass the whole text: what is longer than limits.string is cut here, and its length told. ---- */

/* Private: text of a long form; bytes of text are kept and ahead, total is the length of the original. */
STILLFRAME_TAPE_COLD_ void stillframe_tape_long_(stillframe_tape *tape, uint8_t op, uint8_t flags, const void *text, size_t bytes,
                                                 size_t ahead, size_t total)
{
    if (stillframe_tape_fits_(tape, 12 + bytes)) {
        uint8_t *to = tape->buffer + tape->length;
        to[0] = op;
        to[1] = flags;
        stillframe_tape_put32_(to + 2, (uint32_t)(bytes - ahead));
        stillframe_tape_put16_(to + 6, (uint16_t)ahead);
        stillframe_tape_put32_(to + 8, stillframe_tape_count_(total));
        if (bytes > 0) {
            memcpy(to + 12, text, bytes);
        }
        stillframe_tape_wrote_(tape, 12 + bytes);
    } else {
        stillframe_tape_overflow_(tape);
    }
}

/* Private: text of units of a fixed width, cut at the limit. */
STILLFRAME_TAPE_COLD_ void stillframe_tape_units_(stillframe_tape *tape, uint8_t op, uint8_t flags, const void *text, size_t units,
                                                  size_t width)
{
    size_t kept = units < tape->limits.string ? units : tape->limits.string;
    size_t ahead = units - kept, most = STILLFRAME_TAPE_LOOKAHEAD_ / width;
    ahead = ahead < most ? ahead : most;
    stillframe_tape_long_(tape, op, flags, text, (kept + ahead) * width, ahead * width, units);
}

/* Private: any UTF-8 text; what is not UTF-8, as far as it would be on the tape, becomes Latin-1 and lossy. */
STILLFRAME_TAPE_COLD_ void stillframe_tape_text_(stillframe_tape *tape, const char *text, size_t bytes, uint8_t flags)
{
    size_t kept = 0, characters = 0, end, at;
    text = text != NULL ? text : "";
    while (kept < bytes && characters < tape->limits.string) {
        size_t size = stillframe_tape_character_(text + kept, bytes - kept);
        if (size == 0) {
            stillframe_tape_units_(tape, 0x22, flags | STILLFRAME_TAPE_LOSSY_, text, bytes, 1);
            return;
        }
        kept += size;
        characters++;
    }
    end = kept + stillframe_tape_cut_(text + kept, bytes - kept, STILLFRAME_TAPE_LOOKAHEAD_);
    for (at = kept; at < end;) {
        size_t size = stillframe_tape_character_(text + at, end - at);
        if (size == 0) {
            stillframe_tape_units_(tape, 0x22, flags | STILLFRAME_TAPE_LOSSY_, text, bytes, 1);
            return;
        }
        at += size;
    }
    if (flags == 0 && bytes <= tape->short_limit) {
        if (stillframe_tape_fits_(tape, 2 + bytes)) {
            uint8_t *to = tape->buffer + tape->length;
            stillframe_tape_put16_(to, (uint16_t)(0x20 | bytes << 8));
            (void)stillframe_tape_move_(to + 2, text, bytes);
            stillframe_tape_wrote_(tape, 2 + bytes);
        } else {
            stillframe_tape_overflow_(tape);
        }
        return;
    }
    stillframe_tape_long_(tape, 0x21, flags, text, end, end - kept, kept == bytes ? characters : bytes);
}

/* UTF-8 text. It is checked as far as it is kept: what is not UTF-8 goes as Latin-1, marked as lossy, a character for each byte. The length
 * that is told of a cut text is its bytes: char is what C counts. */
static inline void stillframe_tape_utf8(stillframe_tape *tape, const char *text, size_t bytes)
{
    if (STILLFRAME_TAPE_LIKELY_(bytes <= tape->short_limit) && stillframe_tape_fits_(tape, 2 + bytes)) {
        uint8_t *to = tape->buffer + tape->length;
        stillframe_tape_put16_(to, (uint16_t)(0x20 | bytes << 8));
        if (STILLFRAME_TAPE_LIKELY_((stillframe_tape_move_(to + 2, text, bytes) & STILLFRAME_TAPE_HIGH_) == 0)) {
            stillframe_tape_wrote_(tape, 2 + bytes);
            return;
        }
    }
    stillframe_tape_text_(tape, text, bytes, 0);
}

/* The same up to its zero byte; a NULL pointer is null. Costs one strlen of all of it. */
static inline void stillframe_tape_string(stillframe_tape *tape, const char *text)
{
    if (text != NULL) {
        stillframe_tape_utf8(tape, text, strlen(text));
    } else {
        stillframe_tape_null(tape);
    }
}

/* UTF-8 text that stands for a value that is not text: an enumerator, an address, a decimal number. */
static inline void stillframe_tape_rendered(stillframe_tape *tape, const char *text, size_t bytes)
{
    stillframe_tape_text_(tape, text, bytes, STILLFRAME_TAPE_RENDERED_);
}

/* Text of one byte for each character. */
static inline void stillframe_tape_latin1(stillframe_tape *tape, const char *text, size_t bytes)
{
    stillframe_tape_units_(tape, 0x22, 0, text, bytes, 1);
}

/* UTF-16 text in the machine's byte order (char16_t, wchar_t on Windows) of so many units. */
STILLFRAME_TAPE_COLD_ void stillframe_tape_utf16(stillframe_tape *tape, const void *text, size_t units)
{
    size_t before = tape->length;
    stillframe_tape_units_(tape, 0x23, 0, text, units, 2);
    stillframe_tape_swap_(tape, before, 2);
}

/* UTF-32 text in the machine's byte order (char32_t, wchar_t elsewhere) of so many characters. */
STILLFRAME_TAPE_COLD_ void stillframe_tape_utf32(stillframe_tape *tape, const void *text, size_t characters)
{
    size_t before = tape->length;
    stillframe_tape_units_(tape, 0x24, 0, text, characters, 4);
    stillframe_tape_swap_(tape, before, 4);
}

/* Text of wchar_t. */
static inline void stillframe_tape_wide(stillframe_tape *tape, const wchar_t *text, size_t characters)
{
    if (sizeof(wchar_t) == 2) {
        stillframe_tape_utf16(tape, text, characters);
    } else {
        stillframe_tape_utf32(tape, text, characters);
    }
}

/* Binary data, of which limits.string bytes are kept. */
static inline void stillframe_tape_bytes(stillframe_tape *tape, const void *bytes, size_t count)
{
    size_t kept = count < tape->limits.string ? count : tape->limits.string;
    if (stillframe_tape_fits_(tape, 9 + kept)) {
        uint8_t *to = tape->buffer + tape->length;
        to[0] = 0x25;
        stillframe_tape_put32_(to + 1, (uint32_t)kept);
        stillframe_tape_put32_(to + 5, stillframe_tape_count_(count));
        if (kept > 0) {
            memcpy(to + 9, bytes, kept);
        }
        stillframe_tape_wrote_(tape, 9 + kept);
    } else {
        stillframe_tape_overflow_(tape);
    }
}

/* ---- Values that are not shown ---- */

/* A value of which only the type is shown. */
static inline void stillframe_tape_opaque(stillframe_tape *tape, uint16_t type)
{
    stillframe_tape_word_(tape, 0x41 | (uint64_t)type << 8, 3);
}

/* A value that is not captured for a reason, and its size or STILLFRAME_UNKNOWN_COUNT. */
static inline void stillframe_tape_skipped(stillframe_tape *tape, stillframe_reason reason, uint16_t type, size_t size)
{
    uint32_t count = size == STILLFRAME_UNKNOWN_COUNT ? STILLFRAME_UNKNOWN_COUNT : stillframe_tape_count_(size);
    uint64_t word = 0x44 | (uint64_t)(uint8_t)reason << 8 | (uint64_t)type << 16 | (uint64_t)count << 32;
    stillframe_tape_word_(tape, word, 8);
}

/* Private: an opcode with a name of its own, REDACTED, ALIAS or FAILED, and room for more bytes. Returns where; NULL if there is none. */
STILLFRAME_TAPE_COLD_ uint8_t *stillframe_tape_because_(stillframe_tape *tape, const uint8_t *head, size_t size, const char *name,
                                                        size_t bytes, size_t more)
{
    size_t cut = stillframe_tape_cut_(name, bytes, 126);
    size_t all = size + stillframe_tape_name_size_(cut, bytes) + more;
    uint8_t *to = tape->buffer + tape->length;
    if (!stillframe_tape_fits_(tape, all)) {
        stillframe_tape_overflow_(tape);
        return NULL;
    }
    memcpy(to, head, size);
    to = stillframe_tape_put_name_(to + size, name, cut, bytes);
    stillframe_tape_wrote_(tape, all);
    return to;
}

/* A value hidden by a rule, whose name the library's verdict has; reason is one of the three REDACTED ones. */
static inline void stillframe_tape_redacted(stillframe_tape *tape, stillframe_reason reason, uint16_t type, const char *rule, size_t bytes)
{
    uint8_t head[4] = {0x42, (uint8_t)reason, 0, 0};
    stillframe_tape_put16_(head + 2, type);
    (void)stillframe_tape_because_(tape, head, 4, rule, bytes, 0);
}

/* The same of a text, with its length in bytes and its keyed hash, so that the same text elsewhere in the tape is hidden too. */
static inline void stillframe_tape_alias(stillframe_tape *tape, stillframe_reason reason, uint16_t type, const char *rule, size_t bytes,
                                         uint32_t length, uint64_t hash)
{
    uint8_t head[4] = {0x43, (uint8_t)reason, 0, 0}, *to;
    stillframe_tape_put16_(head + 2, type);
    to = stillframe_tape_because_(tape, head, 4, rule, bytes, 12);
    if (to != NULL) {
        stillframe_tape_put32_(to, length);
        stillframe_tape_put64_(to + 4, hash);
    }
}

/* A value that could not be read, and why in a few words. */
static inline void stillframe_tape_failed(stillframe_tape *tape, uint16_t type, const char *cause, size_t bytes)
{
    uint8_t head[3] = {0x45, 0, 0};
    stillframe_tape_put16_(head + 1, type);
    (void)stillframe_tape_because_(tape, head, 3, cause, bytes, 0);
}

/* (Shaped objects) this object does not have the field whose turn it is. */
static inline void stillframe_tape_absent(stillframe_tape *tape)
{
    stillframe_tape_plain_(tape, 0x46);
}

#endif

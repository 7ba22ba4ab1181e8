/* Calls in random order on tapes in exactly as much memory as they are given, to be run under sanitizers: tape_random ROUNDS. */
#include "stillframe_walk.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t state = 0x9e3779b97f4a7c15u;

static uint32_t below(uint32_t end)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % end;
}

/* Text in memory of exactly its size; now and then not UTF-8. */
static char *text(size_t *bytes)
{
    size_t count = below(10) == 0 ? below(800) : below(40);
    char *made = (char *)malloc(count > 0 ? count : 1);
    uint32_t kind = below(3);
    if (made == NULL) {
        exit(1);
    }
    for (size_t at = 0; at < count; at++) {
        made[at] = (char)(kind == 0 ? below(256) : 'a' + below(26));
    }
    *bytes = count;
    return made;
}

static void scalar(stillframe_tape *tape)
{
    size_t bytes;
    char *made = text(&bytes);
    uint16_t type = (uint16_t)below(4);
    switch (below(20)) {
    case 0: stillframe_tape_null(tape); break;
    case 1: stillframe_tape_bool(tape, below(2) == 0); break;
    case 2: stillframe_tape_int(tape, (int64_t)state); break;
    case 3: stillframe_tape_int(tape, (int64_t)below(256) - 128); break;
    case 4: stillframe_tape_uint(tape, state); break;
    case 5: stillframe_tape_big_int(tape, below(2) == 0, below(300), state, state << 1); break;
    case 6: stillframe_tape_float(tape, (double)state); break;
    case 7: stillframe_tape_time(tape, (stillframe_time_kind)below(4), (int64_t)state, (uint32_t)state, STILLFRAME_NO_OFFSET); break;
    case 8: stillframe_tape_rendered(tape, made, bytes); break;
    case 9: stillframe_tape_latin1(tape, made, bytes); break;
    case 10: stillframe_tape_utf16(tape, made, bytes / 2); break;
    case 11: stillframe_tape_utf32(tape, made, bytes / 4); break;
    case 12: stillframe_tape_bytes(tape, made, bytes); break;
    case 13: stillframe_tape_opaque(tape, type); break;
    case 14: stillframe_tape_skipped(tape, STILLFRAME_REASON_UNREADABLE, type, below(9)); break;
    case 15: stillframe_tape_redacted(tape, STILLFRAME_REASON_REDACTED_IDENT, type, made, bytes); break;
    case 16: stillframe_tape_alias(tape, STILLFRAME_REASON_REDACTED_IDENT, type, made, bytes, below(100), state); break;
    case 17: stillframe_tape_failed(tape, type, made, bytes); break;
    case 18: stillframe_tape_as_type(tape, type); break;
    default: stillframe_tape_utf8(tape, made, bytes); break;
    }
    free(made);
}

static void structure(stillframe_tape *tape)
{
    static const char *const names[] = {"sku", "price", "a field with a name of some length"};
    size_t bytes;
    char *made = text(&bytes);
    switch (below(12)) {
    case 0: (void)stillframe_tape_define_type(tape, made, bytes); break;
    case 1: (void)stillframe_tape_define_shape(tape, (uint16_t)below(4), names, below(4)); break;
    case 2: stillframe_tape_gap(tape, STILLFRAME_REASON_FRAMES, below(9)); break;
    case 3: stillframe_tape_section(tape, (stillframe_section)(1 + below(8))); break;
    case 4: (void)stillframe_tape_exception(tape, (uint16_t)below(4), STILLFRAME_LINK_CAUSE, below(3), false); break;
    case 5: (void)stillframe_tape_frame(tape, below(32), NULL, made, bytes, made, bytes, made, bytes); break;
    case 6: (void)stillframe_tape_list(tape, (uint16_t)below(4), bytes); break;
    case 7: (void)stillframe_tape_shaped(tape, (int32_t)below(4) - 1); break;
    case 8: stillframe_tape_reference(tape, below(9)); break;
    case 9: stillframe_tape_absent(tape); break;
    case 10: stillframe_tape_end_group(tape); break;
    default: (void)stillframe_tape_name(tape, made, bytes); break;
    }
    free(made);
}

/* A walk over objects that are addresses only, in too little memory for all of them. */
static void walked(stillframe_tape *tape)
{
    static const char objects[64] = {0};
    uint32_t capacity = below(40);
    stillframe_walk_entry *entries = (stillframe_walk_entry *)malloc(capacity > 0 ? capacity * sizeof *entries : 1);
    const stillframe_walk_entry *entry;
    stillframe_walk walk;
    if (entries == NULL) {
        exit(1);
    }
    stillframe_walk_begin(&walk, tape, entries, capacity);
    (void)stillframe_walk_exception(&walk, &objects[0], 0, 0, STILLFRAME_LINK_ROOT, 0, false);
    while ((entry = stillframe_walk_next(&walk)) != NULL) {
        stillframe_tape_section(tape, STILLFRAME_SECTION_ARGS);
        for (uint32_t count = below(6); count > 0; count--) {
            const void *object = &objects[below(64)];
            switch (below(5)) {
            case 0: (void)stillframe_walk_list(&walk, object, 1, 0, 4); break;
            case 1: (void)stillframe_walk_object(&walk, object, 2, 0); break;
            case 2: (void)stillframe_walk_map(&walk, object, 3, 0, 4); break;
            case 3: (void)stillframe_walk_shaped(&walk, object, 4, 0, (int32_t)below(3) - 1); break;
            default: scalar(tape); break;
            }
        }
    }
    free(entries);
}

int main(int count, char **arguments)
{
    unsigned long rounds = count > 1 ? strtoul(arguments[1], NULL, 10) : 1000, made = 0;
    size_t total = 0;
    for (unsigned long round = 0; round < rounds; round++) {
        stillframe_limits limits = stillframe_tape_limits_default();
        stillframe_tape tape;
        size_t room = below(3) == 0 ? below(600) : below(5000), bytes;
        void *memory = malloc(room > 0 ? room : 1);
        if (memory == NULL) {
            return 1;
        }
        limits.string = below(2) == 0 ? below(30) : 1024;
        limits.values = below(2) == 0 ? below(60) : 4096;
        (void)stillframe_tape_begin(&tape, memory, room, STILLFRAME_LANGUAGE_NATIVE, &limits);
        if (below(4) == 0) {
            walked(&tape);
        } else {
            for (uint32_t calls = below(150); calls > 0; calls--) {
                if (below(3) == 0) {
                    structure(&tape);
                } else {
                    scalar(&tape);
                }
            }
        }
        bytes = stillframe_tape_finish(&tape, STILLFRAME_REASON_NONE, 1);
        if (bytes > room) {
            return 2;
        }
        total += bytes;
        made++;
        free(memory);
    }
    printf("%lu tapes, %lu bytes\n", made, (unsigned long)total);
    return 0;
}

/* Walks data in which objects meet again, and writes the tape to standard output: tape_walk DEPTH CONTAINERS STOP. STOP is the number of
 * groups after which no further container is opened; 0: never.
 * check: args=4,64,0 */
#include "stillframe_walk.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct address {
    const char *city;
} address;

typedef struct customer {
    address home; /* has the address of its customer */
    const struct customer *friend_of;
    int64_t points[100];
} customer;

enum { ERROR, FRAME, CUSTOMER, ADDRESS, POINTS };

/* Of a hundred points as many as the limit allows, and how many are missing. */
static void write_points(stillframe_tape *tape, const int64_t *points, size_t count)
{
    size_t shown = count < tape->limits.items ? count : tape->limits.items;
    for (size_t at = 0; at < shown; at++) {
        if (stillframe_tape_is_full(tape)) {
            stillframe_tape_gap(tape, STILLFRAME_REASON_BUDGET, (uint32_t)(count - at));
            return;
        }
        stillframe_tape_int(tape, points[at]);
    }
    if (shown < count) {
        stillframe_tape_gap(tape, STILLFRAME_REASON_COLLECTION_SIZE, (uint32_t)(count - shown));
    }
}

int main(int count, char **arguments)
{
    static uint8_t memory[128 * 1024 + STILLFRAME_TAPE_RESERVE];
    static stillframe_walk_entry entries[64];
    static const char error[] = "no such order", frame[] = "confirm";
    static customer ada = {{"London"}, NULL, {0}}, bob = {{"Paris"}, &ada, {0}};
    stillframe_limits limits = stillframe_tape_limits_default();
    const stillframe_walk_entry *entry;
    stillframe_tape tape;
    stillframe_walk walk;
    unsigned long stop, groups = 0;
    uint16_t error_type, customer_type, address_type;
    size_t bytes;
    if (count != 4) {
        return 2;
    }
    ada.friend_of = &bob;
    limits.items = 3;
    limits.depth = (uint32_t)strtoul(arguments[1], NULL, 10);
    stop = strtoul(arguments[3], NULL, 10);
    (void)stillframe_tape_begin(&tape, memory, sizeof memory, STILLFRAME_LANGUAGE_NATIVE, &limits);
    stillframe_walk_begin(&walk, &tape, entries, strtoul(arguments[2], NULL, 10));
    error_type = stillframe_tape_define_type(&tape, STILLFRAME_LITERAL("order_error"));
    customer_type = stillframe_tape_define_type(&tape, STILLFRAME_LITERAL("customer"));
    address_type = stillframe_tape_define_type(&tape, STILLFRAME_LITERAL("address"));
    (void)stillframe_walk_exception(&walk, error, ERROR, error_type, STILLFRAME_LINK_ROOT, 0, false);
    while ((entry = stillframe_walk_next(&walk)) != NULL) {
        const customer *person = (const customer *)entry->object;
        if (++groups == stop) {
            stillframe_walk_stop(&walk, STILLFRAME_REASON_TIMEOUT);
        }
        switch (entry->kind) {
        case ERROR:
            stillframe_tape_section(&tape, STILLFRAME_SECTION_MESSAGE);
            stillframe_tape_string(&tape, error);
            stillframe_tape_section(&tape, STILLFRAME_SECTION_FRAMES);
            (void)stillframe_walk_frame(&walk, frame, FRAME, STILLFRAME_FRAME_IN_APP, NULL, STILLFRAME_LITERAL("confirm"),
                                        STILLFRAME_LITERAL(""), STILLFRAME_LITERAL("shop.c"));
            (void)stillframe_walk_frame(&walk, NULL, FRAME, 0, NULL, STILLFRAME_LITERAL("main"), STILLFRAME_LITERAL(""),
                                        STILLFRAME_LITERAL("main.c"));
            break;
        case FRAME:
            stillframe_tape_section(&tape, STILLFRAME_SECTION_LOCALS);
            if (entry->object != NULL) {
                (void)stillframe_tape_name(&tape, STILLFRAME_LITERAL("ada"));
                (void)stillframe_walk_object(&walk, &ada, CUSTOMER, customer_type);
                (void)stillframe_tape_name(&tape, STILLFRAME_LITERAL("again"));
                (void)stillframe_walk_object(&walk, &ada, CUSTOMER, customer_type);
            }
            break;
        case CUSTOMER:
            (void)stillframe_tape_name(&tape, STILLFRAME_LITERAL("home"));
            (void)stillframe_walk_object(&walk, &person->home, ADDRESS, address_type);
            (void)stillframe_tape_name(&tape, STILLFRAME_LITERAL("friend_of"));
            (void)stillframe_walk_object(&walk, person->friend_of, CUSTOMER, customer_type);
            (void)stillframe_tape_name(&tape, STILLFRAME_LITERAL("points"));
            (void)stillframe_walk_list(&walk, person->points, POINTS, 0, 100);
            break;
        case ADDRESS:
            (void)stillframe_tape_name(&tape, STILLFRAME_LITERAL("city"));
            stillframe_tape_string(&tape, ((const address *)entry->object)->city);
            break;
        case POINTS:
            write_points(&tape, (const int64_t *)entry->object, entry->size);
            break;
        default:
            return 3;
        }
    }
    bytes = stillframe_tape_finish(&tape, STILLFRAME_REASON_NONE, 1);
    return fwrite(memory, 1, bytes, stdout) == bytes ? 0 : 1;
}

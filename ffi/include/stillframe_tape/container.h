/* Names, types, shapes and values with contents: part of stillframe_tape.h. */
#ifndef STILLFRAME_TAPE_CONTAINER_H
#define STILLFRAME_TAPE_CONTAINER_H

#include "scalar.h"

/* ---- Names, types, shapes ---- */

/* Private: any name, or its refusal. */
STILLFRAME_TAPE_COLD_ bool stillframe_tape_long_name_(stillframe_tape *tape, const char *name, size_t bytes)
{
    size_t cut = stillframe_tape_cut_(name, bytes, STILLFRAME_TAPE_NAME_BYTES_);
    size_t size = stillframe_tape_name_size_(cut, bytes);
    if (!stillframe_tape_fits_(tape, size)) {
        stillframe_tape_fill_(tape);
        tape->refused_ = STILLFRAME_TAPE_UNNAMED_ | STILLFRAME_TAPE_SILENT_;
        return false;
    }
    (void)stillframe_tape_put_name_(tape->buffer + tape->length, name, cut, bytes);
    tape->length += size;
    return true;
}

/* The name of the next value, in UTF-8; what is not becomes '?'. false: the tape is full, and the next value will not be written. */
static inline bool stillframe_tape_name(stillframe_tape *tape, const char *name, size_t bytes)
{
    if (STILLFRAME_TAPE_LIKELY_(bytes <= 126) && stillframe_tape_fits_(tape, 1 + bytes)) {
        uint8_t *to = tape->buffer + tape->length;
        *to = (uint8_t)(0x80 + bytes);
        if (STILLFRAME_TAPE_LIKELY_((stillframe_tape_move_(to + 1, name, bytes) & STILLFRAME_TAPE_HIGH_) == 0)) {
            tape->length += 1 + bytes;
            return true;
        }
    }
    return stillframe_tape_long_name_(tape, name, bytes);
}

/* Defines a type by its qualified name. Returns its number; 0 when the tape is full. */
STILLFRAME_TAPE_COLD_ uint16_t stillframe_tape_define_type(stillframe_tape *tape, const char *name, size_t bytes)
{
    size_t cut = stillframe_tape_cut_(name, bytes, STILLFRAME_TAPE_NAME_BYTES_);
    size_t size = 1 + stillframe_tape_name_size_(cut, bytes);
    uint8_t *to = tape->buffer + tape->length;
    if (!stillframe_tape_fits_(tape, size) || tape->types_ == UINT16_MAX) {
        stillframe_tape_fill_(tape);
        return 0;
    }
    *to = 0x04;
    (void)stillframe_tape_put_name_(to + 1, name, cut, bytes);
    tape->length += size;
    return ++tape->types_;
}

/* Defines a shape, an object type with the names of its fields, each with a zero byte at its end. Returns its number from 0 for
 * stillframe_tape_shaped; -1 when there is no room, or there are more than 255 fields. */
STILLFRAME_TAPE_COLD_ int32_t stillframe_tape_define_shape(stillframe_tape *tape, uint16_t type, const char *const *names, size_t count)
{
    size_t size = 4, index;
    uint8_t *to;
    for (index = 0; index < count && count <= 255; index++) {
        size_t bytes = strlen(names[index]);
        size += stillframe_tape_name_size_(stillframe_tape_cut_(names[index], bytes, STILLFRAME_TAPE_NAME_BYTES_), bytes);
    }
    if (count > 255 || !stillframe_tape_fits_(tape, size) || tape->shapes_ == UINT16_MAX) {
        return -1;
    }
    to = tape->buffer + tape->length;
    to[0] = 0x05;
    stillframe_tape_put16_(to + 1, type);
    to[3] = (uint8_t)count;
    to += 4;
    for (index = 0; index < count; index++) {
        size_t bytes = strlen(names[index]);
        to = stillframe_tape_put_name_(to, names[index], stillframe_tape_cut_(names[index], bytes, STILLFRAME_TAPE_NAME_BYTES_), bytes);
    }
    tape->length += size;
    return tape->shapes_++;
}

/* The next value, a scalar, has this type: a typedef of a number, an enumeration, a class around a text. */
static inline void stillframe_tape_as_type(stillframe_tape *tape, uint16_t type)
{
    if (type != 0 && stillframe_tape_fits_(tape, 3) && !stillframe_tape_as_is_pending_(tape)) {
        uint8_t *to = tape->buffer + tape->length;
        to[0] = 0x06;
        stillframe_tape_put16_(to + 1, type);
        tape->as_ = tape->length;
        tape->length += 3;
    }
}

/* ---- Containers: each returns its number, or 0 when there is no room for it ---- */

/* Private: the opcode and the type, or the number of the shape. */
static inline uint32_t stillframe_tape_open_(stillframe_tape *tape, uint64_t word, size_t size)
{
    bool fits = stillframe_tape_fits_(tape, size);
    stillframe_tape_word_(tape, word, size);
    return fits ? ++tape->containers : 0;
}

static inline uint32_t stillframe_tape_sized_(stillframe_tape *tape, uint8_t op, uint16_t type, size_t size)
{
    uint32_t count = size == STILLFRAME_UNKNOWN_COUNT ? STILLFRAME_UNKNOWN_COUNT : stillframe_tape_count_(size);
    return stillframe_tape_open_(tape, op | (uint64_t)type << 8 | (uint64_t)count << 24, 7);
}

/* An array, a sequence or a set of size items, of which the group may hold fewer. */
static inline uint32_t stillframe_tape_list(stillframe_tape *tape, uint16_t type, size_t size)
{
    return stillframe_tape_sized_(tape, 0x30, type, size);
}

/* A map of size entries; its group is key, value, key, value. */
static inline uint32_t stillframe_tape_map(stillframe_tape *tape, uint16_t type, size_t size)
{
    return stillframe_tape_sized_(tape, 0x31, type, size);
}

/* An object, whose fields are written with their names. */
static inline uint32_t stillframe_tape_object(stillframe_tape *tape, uint16_t type)
{
    return stillframe_tape_open_(tape, 0x32 | (uint64_t)type << 8, 3);
}

/* An object of a shape, whose fields are written in the shape's order without names. */
static inline uint32_t stillframe_tape_shaped(stillframe_tape *tape, int32_t shape)
{
    if (shape < 0) {
        stillframe_tape_skipped(tape, STILLFRAME_REASON_BUDGET, 0, STILLFRAME_UNKNOWN_COUNT);
        return 0;
    }
    return stillframe_tape_open_(tape, 0x33 | (uint64_t)(uint16_t)shape << 8, 3);
}

/* The same object as a container that was opened before. */
static inline void stillframe_tape_reference(stillframe_tape *tape, uint32_t container)
{
    if (container == 0 || container > tape->containers) {
        stillframe_tape_skipped(tape, STILLFRAME_REASON_BUDGET, 0, STILLFRAME_UNKNOWN_COUNT);
    } else {
        stillframe_tape_word_(tape, 0x40 | (uint64_t)container << 8, 5);
    }
}

/* Private: an exception or a frame has no room; there only a gap may stand. */
STILLFRAME_TAPE_COLD_ uint32_t stillframe_tape_no_node_(stillframe_tape *tape)
{
    stillframe_tape_fill_(tape);
    stillframe_tape_gap(tape, STILLFRAME_REASON_BUDGET, 1);
    return 0;
}

/* An exception, in group 0. parent is the position in that group of the one that it is linked to, which stands before; 0 for the first.
 * message_unknown: its message could not be known without running the program's code. */
static inline uint32_t stillframe_tape_exception(stillframe_tape *tape, uint16_t type, stillframe_link link, uint32_t parent,
                                                 bool message_unknown)
{
    uint8_t *to = tape->buffer + tape->length;
    if (!stillframe_tape_fits_(tape, 9)) {
        return stillframe_tape_no_node_(tape);
    }
    to[0] = 0x34;
    stillframe_tape_put16_(to + 1, type);
    to[3] = (uint8_t)link;
    stillframe_tape_put32_(to + 4, parent);
    to[8] = message_unknown;
    stillframe_tape_wrote_(tape, 9);
    return ++tape->containers;
}

/* A frame, in the section FRAMES: flags are STILLFRAME_FRAME_ ones, location may be NULL. function is qualified inside its module, which
 * is a library, a namespace or empty; file is the source's. */
STILLFRAME_TAPE_COLD_ uint32_t stillframe_tape_frame(stillframe_tape *tape, unsigned flags, const stillframe_tape_location *location,
                                                     const char *function, size_t function_bytes, const char *module, size_t module_bytes,
                                                     const char *file, size_t file_bytes)
{
    static const stillframe_tape_location unknown = {0, 0, 0, 0};
    size_t function_cut = stillframe_tape_cut_(function, function_bytes, STILLFRAME_TAPE_NAME_BYTES_);
    size_t module_cut = stillframe_tape_cut_(module, module_bytes, STILLFRAME_TAPE_NAME_BYTES_);
    size_t file_cut = stillframe_tape_cut_(file, file_bytes, STILLFRAME_TAPE_FILE_BYTES_);
    size_t size = 18 + stillframe_tape_name_size_(function_cut, function_bytes) + stillframe_tape_name_size_(module_cut, module_bytes) +
                  stillframe_tape_name_size_(file_cut, file_bytes);
    uint8_t *to;
    if (!stillframe_tape_fits_(tape, size)) {
        return stillframe_tape_no_node_(tape);
    }
    to = tape->buffer + tape->length;
    location = location != NULL ? location : &unknown;
    to[0] = 0x35;
    to[1] = (uint8_t)flags;
    stillframe_tape_put32_(to + 2, location->line);
    stillframe_tape_put32_(to + 6, location->end_line);
    stillframe_tape_put32_(to + 10, location->column);
    stillframe_tape_put32_(to + 14, location->end_column);
    to = stillframe_tape_put_name_(to + 18, function, function_cut, function_bytes);
    to = stillframe_tape_put_name_(to, module, module_cut, module_bytes);
    (void)stillframe_tape_put_name_(to, file, file_cut, file_bytes);
    stillframe_tape_wrote_(tape, size);
    return ++tape->containers;
}

#endif

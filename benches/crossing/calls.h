/* The writer behind a call for each value: exports that exist for this bench only. The library has none, because they cost more than the
 * header and gain nothing; here they show how much. */
#ifndef CROSSING_CALLS_H
#define CROSSING_CALLS_H

#include "stillframe_tape.h"

typedef struct calls {
    bool (*begin_)(stillframe_tape *tape, void *memory, size_t bytes, unsigned language, const stillframe_limits *limits);
    size_t (*finish_)(stillframe_tape *tape, stillframe_reason stop, uint64_t nanoseconds);
    void (*end_group_)(stillframe_tape *tape);
    void (*section_)(stillframe_tape *tape, stillframe_section section);
    bool (*name_)(stillframe_tape *tape, const char *name, size_t bytes);
    uint16_t (*define_type_)(stillframe_tape *tape, const char *name, size_t bytes);
    void (*bool_)(stillframe_tape *tape, bool value);
    void (*int_)(stillframe_tape *tape, int64_t value);
    void (*float_)(stillframe_tape *tape, double value);
    void (*utf8_)(stillframe_tape *tape, const char *text, size_t bytes);
    uint32_t (*list_)(stillframe_tape *tape, uint16_t type, size_t size);
    uint32_t (*map_)(stillframe_tape *tape, uint16_t type, size_t size);
    uint32_t (*object_)(stillframe_tape *tape, uint16_t type);
    uint32_t (*exception_)(stillframe_tape *tape, uint16_t type, stillframe_link link, uint32_t parent, bool message_unknown);
    uint32_t (*frame_)(stillframe_tape *tape, unsigned flags, const stillframe_tape_location *location, const char *function,
                      size_t function_bytes, const char *module, size_t module_bytes, const char *file, size_t file_bytes);
    void (*redacted_)(stillframe_tape *tape, stillframe_reason reason, uint16_t type, const char *rule, size_t bytes);
} calls;

const calls *crossing_calls(void);

#endif

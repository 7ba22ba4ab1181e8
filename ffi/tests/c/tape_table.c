/* The writer as a table of functions, for the tests that run one list of calls on it and on the core's writer: ffi/tests/tape/c_writer.rs.
 * check: part */
#include "stillframe_tape.h"

/* Any function; the other side knows which arguments each has. */
typedef void (*tape_function)(void);

typedef struct tape_table {
    size_t tape_size;
    tape_function functions[38];
} tape_table;

static bool tape_is_full(const stillframe_tape *tape)
{
    return stillframe_tape_is_full(tape);
}

static uint32_t tape_values(const stillframe_tape *tape)
{
    return tape->values;
}

static uint32_t tape_containers(const stillframe_tape *tape)
{
    return tape->containers;
}

#ifdef __cplusplus
extern "C"
#endif
const tape_table *stillframe_test_tape_table(void);

const tape_table *stillframe_test_tape_table(void)
{
    static const tape_table table = {
        sizeof(stillframe_tape),
        {
            (tape_function)stillframe_tape_begin,        (tape_function)tape_is_full,
            (tape_function)tape_values,                  (tape_function)tape_containers,
            (tape_function)stillframe_tape_finish,       (tape_function)stillframe_tape_end_group,
            (tape_function)stillframe_tape_gap,          (tape_function)stillframe_tape_section,
            (tape_function)stillframe_tape_name,         (tape_function)stillframe_tape_define_type,
            (tape_function)stillframe_tape_define_shape, (tape_function)stillframe_tape_as_type,
            (tape_function)stillframe_tape_null,         (tape_function)stillframe_tape_bool,
            (tape_function)stillframe_tape_int,          (tape_function)stillframe_tape_uint,
            (tape_function)stillframe_tape_big_int,      (tape_function)stillframe_tape_float,
            (tape_function)stillframe_tape_time,         (tape_function)stillframe_tape_utf8,
            (tape_function)stillframe_tape_rendered,     (tape_function)stillframe_tape_latin1,
            (tape_function)stillframe_tape_utf16,        (tape_function)stillframe_tape_utf32,
            (tape_function)stillframe_tape_bytes,        (tape_function)stillframe_tape_list,
            (tape_function)stillframe_tape_map,          (tape_function)stillframe_tape_object,
            (tape_function)stillframe_tape_shaped,       (tape_function)stillframe_tape_exception,
            (tape_function)stillframe_tape_frame,        (tape_function)stillframe_tape_reference,
            (tape_function)stillframe_tape_opaque,       (tape_function)stillframe_tape_skipped,
            (tape_function)stillframe_tape_redacted,     (tape_function)stillframe_tape_alias,
            (tape_function)stillframe_tape_failed,       (tape_function)stillframe_tape_absent,
        },
    };
    return &table;
}

/* See calls.h. A shared object of its own, so that nothing is inlined. */
#include "calls.h"

const calls *crossing_calls(void)
{
    static const calls all = {
        stillframe_tape_begin,       stillframe_tape_finish,    stillframe_tape_end_group, stillframe_tape_section, stillframe_tape_name,
        stillframe_tape_define_type, stillframe_tape_bool,      stillframe_tape_int,       stillframe_tape_float,   stillframe_tape_utf8,
        stillframe_tape_list,        stillframe_tape_map,       stillframe_tape_object,    stillframe_tape_exception,
        stillframe_tape_frame,       stillframe_tape_redacted,
    };
    return &all;
}

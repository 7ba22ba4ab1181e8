/* Each header twice, in either order, as its users may include them.
 * check: part */
#include "stillframe_walk.h"
#include "stillframe_tape.h"
#include "stillframe_walk.h"
#include "stillframe_tape.h"

#ifdef __cplusplus
extern "C"
#endif
size_t stillframe_test_headers(void *memory, size_t bytes);

size_t stillframe_test_headers(void *memory, size_t bytes)
{
    stillframe_tape tape;
    if (!stillframe_tape_begin(&tape, memory, bytes, STILLFRAME_LANGUAGE_NATIVE, NULL)) {
        return 0;
    }
    stillframe_tape_exception(&tape, stillframe_tape_define_type(&tape, STILLFRAME_LITERAL("std::out_of_range")), STILLFRAME_LINK_ROOT, 0,
                              false);
    stillframe_tape_end_group(&tape);
    stillframe_tape_end_group(&tape);
    return stillframe_tape_finish(&tape, STILLFRAME_REASON_NONE, 0);
}

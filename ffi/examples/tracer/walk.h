/* From the interpreter's objects to a tape. */
#ifndef TRACER_WALK_H
#define TRACER_WALK_H

#include "interpreter.h"

#include <stillframe.h>
#include <stillframe_tape.h>

/* Writes a failure with its causes, their frames, and the variables of those, into `memory`. Returns the tape's length; 0 if there is not even
 * room for the failure. Nothing is allocated, and no code of the interpreter's program runs. */
size_t walk_failure(const stillframe_engine *engine, const struct failure *failure, const stillframe_limits *limits, void *memory,
                    size_t bytes);

#endif

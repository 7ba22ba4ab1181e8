/*
 * The header twice, alone, as C99: it needs nothing before it, and defines nothing twice.
 */
#include "stillframe.h"
#include "stillframe.h"

int main(void) {
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    const stillframe_text none = stillframe_text_of(NULL);
    return error.struct_size == sizeof error && error.status == 0 && none.len == 0 ? 0 : 1;
}

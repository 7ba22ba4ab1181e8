/* Without a dynamic loader, loaded where it was linked to. Sanitizers cannot be linked like this, and valgrind cannot put its own allocator and string functions in.
 * check: static flags=-g|-static without=asan without=valgrind */
#include "report_names.h"

int main(void) {
    names_report();
    CHECK_SHOWS("\"function\":\"names_middle\"");
    CHECK_SHOWS("\"function\":\"main\"");
    CHECK_SHOWS("return names_inner(value + 1) + zero;");
    report_stop();
    return 0;
}

/* Stripped: addresses in the program, but for functions with a scope. check: flags=-g0|-s */
#include "report_names.h"

int main(void) {
    names_report();
    CHECK_HIDES("\"function\":\"names_middle\"");
    CHECK_SHOWS("\"function\":\"program+0x");
    report_stop();
    return 0;
}

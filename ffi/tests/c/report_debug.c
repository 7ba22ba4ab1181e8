/* With debug information. check: flags=-g */
#include "report_names.h"

int main(void) {
    names_report();
    CHECK_SHOWS("\"function\":\"names_middle\"");
    CHECK_SHOWS("\"function\":\"main\"");
    CHECK_SHOWS("return names_inner(value + 1) + zero;");
    report_stop();
    return 0;
}

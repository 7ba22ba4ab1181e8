/* Without debug information: names, and lines where a scope says them. check: flags=-g0 */
#include "report_names.h"

int main(void) {
    names_report();
    CHECK_SHOWS("\"function\":\"names_middle\"");
    CHECK_SHOWS("\"function\":\"main\"");
    CHECK_HIDES("names_inner(value + 1)");
    report_stop();
    return 0;
}

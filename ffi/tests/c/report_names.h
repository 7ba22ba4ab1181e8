/* A stack with scopes and one function without, for programs that are linked in different ways. */
#ifndef REPORT_NAMES_H
#define REPORT_NAMES_H

#include "report.h"

static volatile int zero;

__attribute__((noinline)) static int names_inner(int value) {
    STILLFRAME_FRAME();
    STILLFRAME_INT(value);
    CHECK(stillframe_report("Linked", "%d", value) == STILLFRAME_OK);
    return value + zero;
}

/* A function that the library knows by the program's own symbols only. */
__attribute__((noinline)) static int names_middle(int value) {
    return names_inner(value + 1) + zero;
}

__attribute__((noinline)) static int names_outer(int value) {
    STILLFRAME_FRAME();
    STILLFRAME_INT(value);
    return names_middle(value + 1) + value;
}

/* What is there whatever the symbols are. */
__attribute__((unused)) static void names_report(void) {
    report_start();
    CHECK(names_outer(1) == 4);
    CHECK_SHOWS("\"function\":\"names_inner\"");
    CHECK_SHOWS("\"value\":{\"type\":\"int\",\"value\":3}");
    CHECK_SHOWS("\"function\":\"names_outer\"");
    CHECK_SHOWS("\"value\":{\"type\":\"int\",\"value\":1}");
    CHECK_SHOWS("report_names.h");
}

#endif /* REPORT_NAMES_H */

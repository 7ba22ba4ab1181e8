/* The shared object of report_plugin.c. check: part */
#include "stillframe_report.h"

int plugin_work(int number, int (*back)(int number));

__attribute__((noinline)) static int plugin_inner(int local) {
    STILLFRAME_FRAME();
    STILLFRAME_INT(local);
    return stillframe_report("InPlugin", "%d", local) == STILLFRAME_OK ? local - 1 : -1;
}

__attribute__((visibility("default"))) int plugin_work(int number, int (*back)(int number)) {
    STILLFRAME_FRAME();
    STILLFRAME_INT(number);
    int result = back != NULL ? back(number) : plugin_inner(number + 1);
    __asm__ volatile("" ::: "memory");
    return result;
}

/* Scopes in a shared object that is loaded, called, unloaded and loaded again. check: plugin=report_plugin_part.c flags=-ldl */
#include <dlfcn.h>

#include "report.h"

typedef int (*plugin_function)(int number, int (*back)(int number));

/* The plugin calls back into the program, which reports. */
static int back(int number) {
    STILLFRAME_FRAME();
    STILLFRAME_INT(number);
    CHECK(stillframe_report("Back", "%d", number) == STILLFRAME_OK);
    return number + 1;
}

static void *load(plugin_function *function) {
    void *plugin = dlopen("./plugin.so", RTLD_NOW | RTLD_LOCAL);
    void *symbol;
    if (plugin == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        abort();
    }
    symbol = dlsym(plugin, "plugin_work");
    CHECK(symbol != NULL);
    memcpy(function, &symbol, sizeof *function);
    return plugin;
}

static void round_trip(int turn) {
    STILLFRAME_FRAME();
    STILLFRAME_INT(turn);
    plugin_function work;
    void *plugin = load(&work);
    CHECK(work(turn, NULL) == turn);
    CHECK_SHOWS("\"type\":\"InPlugin\"");
    CHECK_SHOWS("\"function\":\"plugin_inner\"");
    CHECK_SHOWS("\"function\":\"plugin_work\"");
    CHECK_SHOWS("\"local\":{\"type\":\"int\",");
    CHECK_SHOWS("\"function\":\"round_trip\"");
    CHECK_SHOWS("\"turn\":{\"type\":\"int\",");
    CHECK(work(turn, back) == turn + 1);
    CHECK_SHOWS("\"type\":\"Back\"");
    CHECK_SHOWS("\"function\":\"back\"");
    CHECK_SHOWS("\"function\":\"plugin_work\"");
    CHECK_SHOWS("\"function\":\"round_trip\"");
    CHECK(dlclose(plugin) == 0);
    CHECK(stillframe_report("Unloaded", "%d", turn) == STILLFRAME_OK);
    CHECK_SHOWS("\"type\":\"Unloaded\"");
    CHECK_HIDES("\"function\":\"plugin_work\"");
}

/* What the plugin described must be read before it is gone, and not after. */
static void gone(void) {
    STILLFRAME_FRAME();
    int present = 1;
    STILLFRAME_INT(present);
    plugin_function work;
    void *plugin = load(&work);
    CHECK(work(5, NULL) == 5);
    CHECK(dlclose(plugin) == 0);
    CHECK_SHOWS("\"local\":{\"type\":\"int\",\"value\":6}");
}

int main(void) {
    report_start();
    for (int turn = 0; turn < 3; turn++) {
        round_trip(turn);
    }
    gone();
    CHECK(stillframe_thread_current()->depth == 0);
    report_stop();
    return 0;
}

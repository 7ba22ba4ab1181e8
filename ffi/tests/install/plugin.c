/* Loads the library while it runs, as a plugin host or a language runtime does, has its background thread started, and unloads it before that
 * thread has ended: plugin LIBRARY */
#include <stillframe.h>
#include <stillframe_tape.h>

#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

/* A function of the library, as a variable of its own type. */
#define FIND(library, name)                                                                                                              \
    do {                                                                                                                                 \
        *(void **)(void *)&name = dlsym(library, "stillframe_" #name);                                                                   \
        if (name == NULL) {                                                                                                              \
            fprintf(stderr, "there is no %s\n", #name);                                                                                  \
            return 1;                                                                                                                    \
        }                                                                                                                                \
    } while (0)

int main(int count, char **arguments)
{
    static unsigned char memory[4096];
    __typeof__(&stillframe_engine_new) engine_new;
    __typeof__(&stillframe_capture_admit) capture_admit;
    __typeof__(&stillframe_capture_submit) capture_submit;
    const stillframe_engine *engine;
    stillframe_site site = STILLFRAME_INIT(stillframe_site);
    stillframe_permit permit = STILLFRAME_INIT(stillframe_permit);
    stillframe_capture capture = STILLFRAME_INIT(stillframe_capture);
    stillframe_tape tape;
    void *library = count == 2 ? dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    FIND(library, engine_new);
    FIND(library, capture_admit);
    FIND(library, capture_submit);
    if (engine_new(NULL, NULL, &engine, NULL) != STILLFRAME_OK || capture_admit(engine, &site, &permit, NULL) != STILLFRAME_OK) {
        return 1;
    }
    stillframe_tape_begin(&tape, memory, sizeof memory, STILLFRAME_LANGUAGE_NATIVE, NULL);
    stillframe_tape_exception(&tape, 0, STILLFRAME_LINK_ROOT, 0, true);
    stillframe_tape_end_group(&tape);
    stillframe_tape_end_group(&tape);
    capture.tape = memory;
    capture.tape_len = stillframe_tape_finish(&tape, STILLFRAME_REASON_NONE, 0);
    if (capture_submit(engine, &permit, &capture, NULL) != STILLFRAME_OK || dlclose(library) != 0) {
        return 1;
    }
    /* The background thread goes on, in code that must still be there. */
    usleep(500000);
    return 0;
}

/* Loads the library while it runs, as a plugin host or a language runtime does, starts its background thread, and unloads it. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

int main(int count, char **arguments)
{
    void *library;
    union {
        void *object;
        uint32_t (*function)(void);
    } version;
    if (count != 2) {
        return 2;
    }
    library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    version.object = dlsym(library, "stillframe_abi_version");
    if (version.object == NULL || version.function() == 0) {
        return 1;
    }
    return dlclose(library) == 0 ? 0 : 1;
}

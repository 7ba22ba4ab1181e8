// Where a sandbox forbids the call that reads memory: what the program may not read is not read through the file either, least of all by code
// that then looks into it. check: without=asan without=valgrind (both have the call's name, or its mistakes, for themselves)
#include <string>

#include <errno.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "report.h"

// The program's own stands in front of the C library's.
static volatile unsigned asked;

extern "C" ssize_t process_vm_readv(pid_t, const iovec *, unsigned long, const iovec *, unsigned long, unsigned long) {
    asked = asked + 1;
    errno = EPERM;
    return -1;
}

int main() {
    report_start();
    void *guard = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(guard != MAP_FAILED);
    std::string good = "a text that is longer than a short one";
    {
        STILLFRAME_FRAME();
        const std::string *string = static_cast<const std::string *>(guard);
        STILLFRAME_VAR(string);
        char *text = static_cast<char *>(guard);
        STILLFRAME_STR(text);
        const std::string *other = &good;
        STILLFRAME_VAR(other);
        CHECK(stillframe_report("Sandboxed", "%d", 1) == STILLFRAME_OK);
    }
    CHECK(asked > 0);
    CHECK_SHOWS("\"text\":{\"type\":\"char*\",\"notCapturedReason\":\"error\",\"error\":\"bad pointer 0x");
    CHECK_SHOWS("\"string\":{\"type\":\"std::string\",\"notCapturedReason\":\"error\",\"error\":\"bad pointer 0x");
    CHECK_SHOWS("a text that is longer than a short one");
    report_stop();
}

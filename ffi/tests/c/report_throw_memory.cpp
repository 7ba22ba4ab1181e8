// A program that uses up its memory and knows how to go on: what it throws then is not captured, which would need some.
// check: with=../../throw/stillframe_throw.c without=asan without=tsan without=valgrind (they need more memory, or have their own)
#include <cstdlib>
#include <new>

#include <sys/resource.h>
#include <unistd.h>

#include "report.h"

namespace {

struct Block {
    Block *next;
};

// What has been taken stays.
Block *blocks;

// Keeps it.
bool take(void *memory) {
    if (memory != nullptr) {
        Block *block = static_cast<Block *>(memory);
        block->next = blocks;
        blocks = block;
    }
    return memory != nullptr;
}

// The last bytes, until it throws.
__attribute__((noinline)) void use_up(int number) {
    STILLFRAME_FRAME();
    STILLFRAME_VAR(number);
    while (take(::operator new(sizeof(Block)))) {
    }
}

rlim_t used() {
    unsigned long pages = 0;
    std::FILE *file = std::fopen("/proc/self/statm", "r");
    CHECK(file != nullptr && std::fscanf(file, "%lu", &pages) == 1);
    std::fclose(file);
    return static_cast<rlim_t>(pages) * static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
}

} // namespace

int main() {
    report_start();
    // The thread's first scope needs memory.
    STILLFRAME_FRAME();
    rlimit before;
    CHECK(getrlimit(RLIMIT_AS, &before) == 0);
    rlimit little = before;
    little.rlim_cur = used() + (16 << 20);
    CHECK(setrlimit(RLIMIT_AS, &little) == 0);
    for (std::size_t size = 1 << 16; size >= sizeof(Block); size /= 2) {
        while (take(std::malloc(size))) {
        }
    }
    int caught = 0;
    for (int number = 0; number < 3; number++) {
        try {
            use_up(number);
        } catch (const std::bad_alloc &) {
            caught++;
        }
    }
    CHECK(caught == 3);
    CHECK(setrlimit(RLIMIT_AS, &before) == 0);
    // Reported from where it is caught.
    try {
        STILLFRAME_FRAME();
        throw std::bad_alloc();
    } catch (const std::bad_alloc &) {
        CHECK(STILLFRAME_REPORT_CURRENT() == STILLFRAME_OK);
    }
    CHECK_SHOWS("std::bad_alloc");
    report_stop();
}

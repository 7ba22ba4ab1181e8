/* What a capture asks of the allocator: nothing that grows with what is captured, and nothing at all when the program dies of a signal.
 * The program's own malloc stands in front of the C library's. check: without=asan without=valgrind (both have their own) */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *at, size_t size);
void *__libc_memalign(size_t to, size_t size);

/* Of this thread, while it counts. */
static __thread volatile int counts __attribute__((tls_model("initial-exec")));
static __thread volatile unsigned calls __attribute__((tls_model("initial-exec")));

void *malloc(size_t size) {
    calls += (unsigned)counts;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    calls += (unsigned)counts;
    return __libc_calloc(count, size);
}

void *realloc(void *at, size_t size) {
    calls += (unsigned)counts;
    return __libc_realloc(at, size);
}

void *memalign(size_t to, size_t size) {
    calls += (unsigned)counts;
    return __libc_memalign(to, size);
}

void *aligned_alloc(size_t to, size_t size) {
    return memalign(to, size);
}

int posix_memalign(void **at, size_t to, size_t size) {
    *at = memalign(to, size);
    return *at == NULL;
}

static unsigned report_now(const char *type) {
    stillframe_failure failure = {sizeof(stillframe_failure), type, "counted", "report", NULL, NULL, NULL, 0, 0};
    stillframe_status status;
    calls = 0;
    counts = 1;
    status = stillframe_capture_failure(&failure);
    counts = 0;
    CHECK(status == STILLFRAME_OK);
    return calls;
}

static unsigned few(void) {
    STILLFRAME_FRAME();
    int one = 1;
    STILLFRAME_INT(one);
    return report_now("Few");
}

static unsigned many(int depth) {
    STILLFRAME_FRAME();
    int numbers[50] = {0};
    char text[] = "a text that is copied";
    const char *to = "a text elsewhere";
    double ratio = 0.5;
    unsigned result;
    STILLFRAME_INT(depth);
    STILLFRAME_REGISTER("numbers", &stillframe_type_int, sizeof numbers, numbers, 0);
    STILLFRAME_CHARS(text);
    STILLFRAME_STR(to);
    STILLFRAME_FLOAT(ratio);
    result = depth > 0 ? many(depth - 1) : report_now("Many");
    __asm__ volatile("" ::: "memory");
    return result;
}

/* The earlier handler runs after ours, and tells what ours asked for. */
static void before(int number) {
    (void)number;
    _exit(calls == 0 ? 40 : 41);
}

__attribute__((noinline)) static int die(int depth) {
    STILLFRAME_FRAME();
    int numbers[50] = {0};
    volatile int *volatile nowhere = NULL;
    int result;
    STILLFRAME_INT(depth);
    STILLFRAME_REGISTER("numbers", &stillframe_type_int, sizeof numbers, numbers, 0);
    if (depth > 0) {
        result = die(depth - 1);
        __asm__ volatile("" ::: "memory");
        return result;
    }
    calls = 0;
    counts = 1;
    return *nowhere;
}

static void fatal(void) {
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGSEGV, before);
        report_start();
        CHECK(stillframe_signals_install(STILLFRAME_SIGNAL_ALL, NULL) == STILLFRAME_OK);
        die(10);
        _exit(1);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 40);
}

int main(void) {
    void *volatile probe;
    counts = 1;
    probe = malloc(100);
    counts = 0;
    CHECK(probe != NULL && calls == 1);
    free(probe);
    fatal();
    report_start();
    CHECK(report_count() == 0);
    /* The first one makes the background thread and what a thread keeps. */
    few();
    report_last();
    unsigned of_few = few();
    report_last();
    unsigned of_many = many(5);
    CHECK_SHOWS("\"type\":\"Many\"");
    printf("%u for few values, %u for many\n", of_few, of_many);
    CHECK(of_few == of_many);
    CHECK(of_few <= 8);
    report_stop();
    return 0;
}

/* Scopes that open and close: blocks, loops, recursion, longjmp, thousands. */
#include <setjmp.h>

#include "report.h"

static jmp_buf back;

__attribute__((noinline)) static void leave(int depth) {
    STILLFRAME_FRAME();
    int lost = 4000 + depth;
    STILLFRAME_INT(lost);
    if (depth > 0) {
        leave(depth - 1);
        __asm__ volatile("" ::: "memory");
    } else if (depth == 0) {
        longjmp(back, 1);
    }
}

__attribute__((noinline)) static void big_frame(void) {
    volatile char room[4096];
    STILLFRAME_FRAME();
    int found = 5;
    STILLFRAME_INT(found);
    memset((void *)(uintptr_t)room, 0x5a, sizeof room);
    CHECK(stillframe_report("AfterJump", "%d", found) == STILLFRAME_OK);
    CHECK_SHOWS("\"found\":{\"type\":\"int\",\"value\":5}");
    CHECK_SHOWS("\"kept\":{\"type\":\"int\",\"value\":6}");
    CHECK_HIDES("\"lost\"");
}

__attribute__((noinline)) static void jumps(void) {
    STILLFRAME_FRAME();
    int kept = 6;
    STILLFRAME_INT(kept);
    if (setjmp(back) == 0) {
        leave(10);
    }
    CHECK(stillframe_report("Jumped", "%d", 1) == STILLFRAME_OK);
    CHECK_SHOWS("\"kept\":{\"type\":\"int\",\"value\":6}");
    CHECK_HIDES("\"lost\"");
    big_frame();
    /* Scopes that are left again and again do not pile up. With AddressSanitizer they do: it puts a function's variables elsewhere every time, so
     * that a scope of a frame is not known again by its own place. They go when another function's frame is there. */
#if defined(__SANITIZE_ADDRESS__)
    enum { TIMES = 100, LEFT = 128 };
#else
    enum { TIMES = 10000, LEFT = 32 };
#endif
    for (volatile int i = 0; i < TIMES; i++) {
        if (setjmp(back) == 0) {
            leave(i % 7);
        }
    }
    CHECK(stillframe_thread_current()->depth < LEFT);
    big_frame();
}

__attribute__((noinline)) static void work(int turn) {
    if (turn < 2) {
        longjmp(back, 1);
    }
    CHECK(stillframe_report("Worked", "%d", turn) == STILLFRAME_OK);
}

/* A block that is left by longjmp and entered again, in the function that stays. */
__attribute__((noinline)) static void blocks_left_by_jumps(void) {
    STILLFRAME_FRAME();
    int outer = 77;
    STILLFRAME_INT(outer);
    for (volatile int turn = 0; turn < 3; turn++) {
        if (setjmp(back) == 0) {
            STILLFRAME_FRAME();
            int inner = 880 + turn;
            STILLFRAME_INT(inner);
            work(turn);
        }
    }
    CHECK_SHOWS("\"inner\":{\"type\":\"int\",\"value\":882}");
    CHECK_SHOWS("\"outer\":{\"type\":\"int\",\"value\":77}");
    CHECK_HIDES("unreadable");
}

/* The same without a scope of its own: what is lost by that is told, and nothing is shown twice. */
__attribute__((noinline)) static void blocks_without_a_scope(void) {
    const char *found;
    STILLFRAME_FRAME();
    int outer = 77;
    STILLFRAME_INT(outer);
    for (volatile int turn = 0; turn < 3; turn++) {
        if (setjmp(back) == 0) {
            int inner = 880 + turn, other = 5;
            STILLFRAME_INT(inner);
            STILLFRAME_INT(other);
            work(turn);
        }
    }
    found = strstr(report_last(), "\"inner\":{\"type\":\"int\",\"value\":882}");
    CHECK(found != NULL && strstr(found + 1, "\"inner\":{") == NULL);
    CHECK_SHOWS("\"notCapturedReason\":\"unreadable\"");
    CHECK_HIDES("\"notCapturedReason\":\"budget\"");
}

static void blocks(void) {
    STILLFRAME_FRAME();
    int outer = 1;
    STILLFRAME_INT(outer);
    {
        int closed = 2;
        STILLFRAME_INT(closed);
    }
    {
        STILLFRAME_FRAME();
        int inner = 3;
        STILLFRAME_INT(inner);
        CHECK(stillframe_report("Blocks", "%d", 1) == STILLFRAME_OK);
        CHECK_SHOWS("\"inner\":{\"type\":\"int\",\"value\":3}");
        CHECK_SHOWS("\"outer\":{\"type\":\"int\",\"value\":1}");
        CHECK_HIDES("\"closed\"");
    }
    for (int turn = 0; turn < 3; turn++) {
        STILLFRAME_INT(turn);
        if (turn == 2) {
            CHECK(stillframe_report("Loop", "%d", turn) == STILLFRAME_OK);
            CHECK_SHOWS("\"turn\":{\"type\":\"int\",\"value\":2}");
            CHECK_HIDES("\"inner\"");
        }
    }
}

static int times_shown(const char *text) {
    int times = 0;
    for (const char *at = strstr(report_last(), text); at != NULL; at = strstr(at + 1, text)) {
        times++;
    }
    return times;
}

__attribute__((noinline)) static int deep(int depth) {
    STILLFRAME_FRAME();
    STILLFRAME_INT(depth);
    int below;
    if (depth == 0) {
        CHECK(stillframe_report("Deep", "%d", depth) == STILLFRAME_OK);
        return 0;
    }
    below = deep(depth - 1);
    __asm__ volatile("" ::: "memory");
    return below + 1;
}

static void early_return(int number) {
    STILLFRAME_FRAME();
    STILLFRAME_INT(number);
    if (number > 0) {
        return;
    }
    CHECK(stillframe_report("Early", "%d", number) == STILLFRAME_OK);
}

static void thousand(void) {
    STILLFRAME_FRAME();
    int fill[300] = {0};
    fill[299] = 9;
#define VAR(n) STILLFRAME_INT(fill[n])
#define TEN(n) VAR(n); VAR(n + 1); VAR(n + 2); VAR(n + 3); VAR(n + 4); VAR(n + 5); VAR(n + 6); VAR(n + 7); VAR(n + 8); VAR(n + 9)
#define HUNDRED(n) TEN(n); TEN(n + 10); TEN(n + 20); TEN(n + 30); TEN(n + 40); TEN(n + 50); TEN(n + 60); TEN(n + 70); TEN(n + 80); TEN(n + 90)
    HUNDRED(0);
    HUNDRED(100);
    HUNDRED(200);
    CHECK(stillframe_report("Many", "%d", 300) == STILLFRAME_OK);
    CHECK_SHOWS("\"value\":9");
    CHECK_SHOWS("\"notCapturedReason\":\"budget\"");
}

int main(void) {
    stillframe_thread *thread = stillframe_thread_current();
    CHECK(stillframe_thread_current() == thread && thread->depth == 0);
    report_start();
    blocks();
    CHECK(thread->depth == 0);
    jumps();
    blocks_left_by_jumps();
    blocks_without_a_scope();
    deep(100);
    CHECK_SHOWS("\"what\":\"frames\",\"count\":");
    CHECK(times_shown("\"what\":\"frames\"") == 1);
    deep(1000);
    /* More than anybody counts: some in the middle, some at the end. */
    CHECK(times_shown("\"what\":\"frames\"") >= 2);
    CHECK_HIDES("\"what\":\"frames\",\"count\":");
    CHECK_SHOWS("\"depth\":{\"type\":\"int\",\"value\":0}");
    CHECK_SHOWS("\"depth\":{\"type\":\"int\",\"value\":14}");
    CHECK_SHOWS("\"what\":\"frames\"");
    for (int i = 0; i < 1000; i++) {
        early_return(1);
    }
    early_return(0);
    CHECK_SHOWS("\"number\":{\"type\":\"int\",\"value\":0}");
    thousand();
    CHECK(thread->depth == 0);
    report_stop();
    return 0;
}

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
    /* Scopes that are left again and again do not pile up. */
    for (volatile int i = 0; i < 10000; i++) {
        if (setjmp(back) == 0) {
            leave(i % 7);
        }
    }
#if !defined(__SANITIZE_ADDRESS__)
    /* Its stack gives a function's variables another place every time, so that a scope is not known again by its own. */
    CHECK(stillframe_thread_current()->depth < 32);
#endif
    big_frame();
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
    deep(1000);
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

/* Every kind of value, good and bad. check: std=c11 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "report.h"

struct point {
    int x;
    int y;
};
/* Far from where it is used: source lines are shown as well. */
static const char joe[] = "joe-the-user";
static const char token[] = "ghp_0123456789abcdefghijABCDEFGHIJ123456", token_begins[] = "ghp_0";

enum color { RED, GREEN = 5 };
struct thing {
    int id;
    const char *label;
    char code[8];
    unsigned char raw[4];
    double weights[3];
    bool ready;
    struct point at;
    struct point corners[2];
    struct point *far;
    struct thing *next;
    int *numbers;
    unsigned short number_count;
    struct point *path;
    size_t path_count;
    const char *password;
    int login_count;
    void *handle;
};

STILLFRAME_STRUCT(point, struct point, STILLFRAME_FIELD(struct point, x), STILLFRAME_FIELD(struct point, y));
STILLFRAME_STRUCT(thing, struct thing, STILLFRAME_FIELD(struct thing, id), STILLFRAME_FIELD(struct thing, label),
                  STILLFRAME_FIELD(struct thing, code), STILLFRAME_FIELD(struct thing, raw), STILLFRAME_FIELD(struct thing, weights),
                  STILLFRAME_FIELD(struct thing, ready), STILLFRAME_FIELD_OBJECT(struct thing, at, point),
                  STILLFRAME_FIELD_OBJECT(struct thing, corners, point), STILLFRAME_FIELD_OBJECT_AT(struct thing, far, point),
                  STILLFRAME_FIELD_OBJECT_AT(struct thing, next, thing), STILLFRAME_FIELD_ARRAY(struct thing, numbers, number_count),
                  STILLFRAME_FIELD_OBJECTS(struct thing, path, path_count, point), STILLFRAME_FIELD(struct thing, password),
                  STILLFRAME_FIELD(struct thing, login_count), STILLFRAME_FIELD(struct thing, handle));

/* The layout is part of the ABI. */
_Static_assert(sizeof(stillframe_view) == 32 && sizeof(stillframe_field) == 48 && sizeof(stillframe_type) == 48, "size");
_Static_assert(sizeof(stillframe_slot) == 24 && sizeof(stillframe_place) == 24 && sizeof(stillframe_var) == 40, "size");
_Static_assert(sizeof(stillframe_scope) == 32 && sizeof(stillframe_thread) == 8 + 256 * 24, "size");
_Static_assert(sizeof(stillframe_failure) == 64 && offsetof(stillframe_failure, flags) == 56, "size");
_Static_assert(offsetof(stillframe_type, view) == 40 && offsetof(stillframe_field, count_size) == 40, "offset");

static void scalars(void) {
    STILLFRAME_FRAME();
    bool yes = true;
    char letter = 'x', quote = '\'', control = '\t';
    signed char tiny = -7;
    unsigned char byte = 200;
    short small = -300;
    unsigned short port = 65535;
    const int number = INT_MIN;
    volatile unsigned int flags = 4000000000u;
    long big = LONG_MIN;
    unsigned long huge = ULONG_MAX;
    long long wide = LLONG_MAX;
    float half = 0.5f;
    double third = 0.25, none = (double)NAN, endless = -(double)INFINITY;
    long double quarter = 0.75L;
    enum color color = GREEN;
    void *nothing = NULL;
    int *place = (int *)(uintptr_t)0xdead0;
    STILLFRAME_VAR(yes);
    STILLFRAME_VAR(letter);
    STILLFRAME_VAR(quote);
    STILLFRAME_VAR(control);
    STILLFRAME_VAR(tiny);
    STILLFRAME_VAR(byte);
    STILLFRAME_VAR(small);
    STILLFRAME_VAR(port);
    STILLFRAME_VAR(number);
    STILLFRAME_VAR(flags);
    STILLFRAME_VAR(big);
    STILLFRAME_VAR(huge);
    STILLFRAME_VAR(wide);
    STILLFRAME_VAR(half);
    STILLFRAME_VAR(third);
    STILLFRAME_VAR(none);
    STILLFRAME_VAR(endless);
    STILLFRAME_VAR(quarter);
    STILLFRAME_VAR(color);
    STILLFRAME_VAR(nothing);
    STILLFRAME_VAR(place);
    CHECK(stillframe_report("Scalars", "%s %d", "number", 42) == STILLFRAME_OK);
    CHECK_SHOWS("\"type\":\"Scalars\",\"message\":{\"type\":\"char*\",\"value\":\"number 42\"}");
    CHECK_SHOWS("\"yes\":{\"type\":\"bool\",\"value\":true}");
    CHECK_SHOWS("\"letter\":{\"type\":\"char\",\"value\":\"'x'\"");
    CHECK_SHOWS("\"quote\":{\"type\":\"char\",\"value\":\"'\\\\''\"");
    CHECK_SHOWS("\"control\":{\"type\":\"char\",\"value\":\"'\\\\t'\"");
    CHECK_SHOWS("\"tiny\":{\"type\":\"signed char\",\"value\":-7}");
    CHECK_SHOWS("\"byte\":{\"type\":\"unsigned char\",\"value\":200}");
    CHECK_SHOWS("\"small\":{\"type\":\"short\",\"value\":-300}");
    CHECK_SHOWS("\"port\":{\"type\":\"unsigned short\",\"value\":65535}");
    CHECK_SHOWS("\"number\":{\"type\":\"int\",\"value\":-2147483648}");
    CHECK_SHOWS("\"flags\":{\"type\":\"unsigned int\",\"value\":4000000000}");
    CHECK_SHOWS("\"big\":{\"type\":\"long\",\"value\":-9223372036854775808}");
    CHECK_SHOWS("\"huge\":{\"type\":\"unsigned long\",\"value\":18446744073709551615}");
    CHECK_SHOWS("\"wide\":{\"type\":\"long long\",\"value\":9223372036854775807}");
    CHECK_SHOWS("\"half\":{\"type\":\"float\",\"value\":0.5}");
    CHECK_SHOWS("\"third\":{\"type\":\"double\",\"value\":0.25}");
    CHECK_SHOWS("\"none\":{\"type\":\"double\",\"value\":\"nan\"");
    CHECK_SHOWS("\"endless\":{\"type\":\"double\",\"value\":\"-inf\"");
    CHECK_SHOWS("\"quarter\":{\"type\":\"long double\",\"value\":0.75}");
    CHECK_SHOWS("\"color\":{\"type\":\"unsigned int\",\"value\":5}");
    CHECK_SHOWS("\"nothing\":{\"type\":\"void*\",\"isNull\":true}");
    CHECK_SHOWS("\"place\":{\"type\":\"void*\",\"value\":\"0xdead0\"");
    CHECK_SHOWS("\"function\":\"scalars\"");
    CHECK_SHOWS("\"function\":\"main\"");
}

static void texts(void) {
    STILLFRAME_FRAME();
    const char *fine = "fine", *none = NULL, *bad = (const char *)(uintptr_t)0x10;
    const char *latin = "caf\xe9", *wide = "na\xc3\xafve";
    char word[16] = "word", full[4] = {'a', 'b', 'c', 'd'};
    const char *list[] = {"one", NULL, (const char *)(uintptr_t)24};
    char *huge = (char *)malloc(3000000);
    long page = sysconf(_SC_PAGESIZE);
    /* Ends where memory ends, without a zero. */
    char *edge = (char *)mmap(NULL, (size_t)page * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(edge, 'e', (size_t)page);
    CHECK(munmap(edge + page, (size_t)page) == 0);
    char *last = edge + page - 3;
    memset(huge, 'h', 2999999);
    huge[2999999] = '\0';
    STILLFRAME_VAR(fine);
    STILLFRAME_VAR(none);
    STILLFRAME_STR(bad);
    STILLFRAME_VAR(latin);
    STILLFRAME_VAR(wide);
    STILLFRAME_VAR(word);
    STILLFRAME_VAR(full);
    STILLFRAME_VAR(list);
    STILLFRAME_VAR(huge);
    STILLFRAME_VAR(last);
    STILLFRAME_BYTES(word, 6);
    CHECK(stillframe_report("Texts", "%s", "t") == STILLFRAME_OK);
    CHECK_SHOWS("\"fine\":{\"type\":\"char*\",\"value\":\"fine\"}");
    CHECK_SHOWS("\"none\":{\"type\":\"char*\",\"isNull\":true}");
    CHECK_SHOWS("\"bad\":{\"type\":\"char*\",\"notCapturedReason\":\"error\",\"error\":\"bad pointer 0x10\"}");
    CHECK_SHOWS("\"latin\":{\"type\":\"char*\",\"value\":\"caf\xef\xbf\xbd\",\"lossy\":true}");
    CHECK_SHOWS("\"wide\":{\"type\":\"char*\",\"value\":\"na\xc3\xafve\"}");
    CHECK_SHOWS("\"word\":{\"type\":\"char[16]\",\"value\":\"word\"}");
    CHECK_SHOWS("\"full\":{\"type\":\"char[4]\",\"value\":\"abcd\"}");
    CHECK_SHOWS("\"list\":{\"type\":\"char*[3]\"");
    CHECK_SHOWS("\"bad pointer 0x18\"");
    CHECK_SHOWS("\"size\":65536,\"truncated\":true");
    CHECK_SHOWS("\"last\":{\"type\":\"char*\",\"value\":\"eee\"}");
    CHECK_SHOWS("\"value\":\"d29yZAAA\"");
    free(huge);
    munmap(edge, (size_t)page);
}

static void structs(void) {
    STILLFRAME_FRAME();
    int numbers[] = {10, 20, 30};
    struct point path[] = {{1, 2}, {3, 4}};
    struct thing thing = {7,    "seven", "c0de", {1, 2, 3, 4}, {0.5, 1.5, 2.5}, true, {8, 9}, {{1, 1}, {2, 2}}, NULL, NULL, numbers, 3, path, 2,
                          "hunter2", 3, (void *)(uintptr_t)0xabc0};
    struct thing *self = &thing, *wild = (struct thing *)(uintptr_t)0x40, *null = NULL;
    struct { int hidden; } unknown = {5};
    int counted = 100;
    int many[200];
    for (int i = 0; i < 200; i++) {
        many[i] = i;
    }
    int *none = NULL;
    thing.next = &thing;
    STILLFRAME_OBJECT(thing, thing);
    STILLFRAME_OBJECT_AT(self, thing);
    STILLFRAME_OBJECT_AT(wild, thing);
    STILLFRAME_OBJECT_AT(null, thing);
    STILLFRAME_VAR(unknown);
    STILLFRAME_VAR(many);
    STILLFRAME_ARRAY(numbers, 2);
    STILLFRAME_ARRAY(none, counted);
    CHECK(stillframe_report("Structs", "%s", "s") == STILLFRAME_OK);
    CHECK_SHOWS("\"thing\":{\"type\":\"struct thing\"");
    CHECK_SHOWS("\"label\":{\"type\":\"char*\",\"value\":\"seven\"}");
    CHECK_SHOWS("\"code\":{\"type\":\"char[8]\",\"value\":\"c0de\"}");
    CHECK_SHOWS("\"weights\":{\"type\":\"double[3]\"");
    CHECK_SHOWS("\"at\":{\"type\":\"struct point\"");
    CHECK_SHOWS("\"corners\":{\"type\":\"struct point[2]\"");
    CHECK_SHOWS("\"far\":{\"type\":\"struct point*\",\"isNull\":true}");
    CHECK_SHOWS("\"next\":{\"ref\":");
    CHECK_SHOWS("\"self\":{\"ref\":");
    CHECK_SHOWS("\"numbers\":{\"type\":\"int[3]\"");
    CHECK_SHOWS("\"path\":{\"type\":\"struct point[2]\"");
    CHECK_SHOWS("\"password\":{\"type\":\"char*\",\"notCapturedReason\":\"redactedIdent\"");
    CHECK_HIDES("hunter2");
    CHECK_SHOWS("\"login_count\":{\"type\":\"int\",\"value\":3}");
    CHECK_SHOWS("\"handle\":{\"type\":\"void*\",\"value\":\"0xabc0\"");
    CHECK_SHOWS("\"wild\":{\"type\":\"struct thing*\",\"notCapturedReason\":\"error\",\"error\":\"bad pointer 0x40\"}");
    CHECK_SHOWS("\"null\":{\"type\":\"struct thing*\",\"isNull\":true}");
    CHECK_SHOWS("\"unknown\":{\"type\":\"struct\"");
    CHECK_SHOWS("\"many\":{\"type\":\"int[200]\"");
    CHECK_SHOWS("\"notCapturedReason\":\"collectionSize\"");
    CHECK_SHOWS("\"none\":{\"type\":\"int\",\"notCapturedReason\":\"error\",\"error\":\"bad pointer 0x0\"}");
}

struct chain {
    struct chain *next;
    int number;
};
STILLFRAME_STRUCT(chain, struct chain, STILLFRAME_FIELD_OBJECT_AT(struct chain, next, chain), STILLFRAME_FIELD(struct chain, number));

static void chains(void) {
    STILLFRAME_FRAME();
    struct chain links[1000];
    for (int i = 0; i < 1000; i++) {
        links[i].next = &links[(i + 1) % 1000];
        links[i].number = i;
    }
    STILLFRAME_OBJECTS(links, 1000, chain);
    struct chain *head = &links[500];
    STILLFRAME_OBJECT_AT(head, chain);
    CHECK(stillframe_report("Chains", "%s", "c") == STILLFRAME_OK);
    CHECK_SHOWS("\"notCapturedReason\":\"depth\"");
    CHECK_SHOWS("\"head\":{\"type\":\"struct chain*\"");
}

/* A type that rules hide is not read. */
struct credentials {
    const char *user;
};
STILLFRAME_STRUCT(credentials, struct credentials, STILLFRAME_FIELD(struct credentials, user));

/* No items, by whatever way. */
struct counted {
    int *numbers;
    int number_count;
    struct point *path;
    long path_count;
    int *shorts;
    unsigned char short_count;
};
STILLFRAME_STRUCT(counted, struct counted, STILLFRAME_FIELD_ARRAY(struct counted, numbers, number_count),
                  STILLFRAME_FIELD_OBJECTS(struct counted, path, path_count, point), STILLFRAME_FIELD_ARRAY(struct counted, shorts, short_count));

static void none_of_them(void) {
    STILLFRAME_FRAME();
    struct point *nowhere = NULL, rest[2] = {{123454, 123455}, {123456, 123457}}, *points = rest;
    unsigned char *nothing = NULL, secret[2] = {0xde, 0xad}, *buffer = secret;
    int *numbers = NULL, values[200] = {123458, 123459}, *left = values, minus = -1;
    const char *text = "123460", *letters = text;
    struct counted counted = {values + 1, -1, rest + 1, -2, values, 200};
    size_t count = 0;
    STILLFRAME_OBJECTS(nowhere, count, point);
    STILLFRAME_OBJECTS(points, count, point);
    STILLFRAME_BYTES(nothing, 0);
    STILLFRAME_BYTES(buffer, 0);
    STILLFRAME_ARRAY(numbers, 0);
    STILLFRAME_ARRAY(left, minus);
    STILLFRAME_ARRAY(letters, 0);
    STILLFRAME_OBJECT(counted, counted);
    CHECK(stillframe_report("EmptyOrder", "%d items", 0) == STILLFRAME_OK);
    CHECK_SHOWS("\"nowhere\":{\"type\":\"struct point[0]\"");
    CHECK_SHOWS("\"points\":{\"type\":\"struct point[0]\"");
    CHECK_SHOWS("\"nothing\":{\"type\":\"uint8_t[]\",\"value\":\"\"");
    CHECK_SHOWS("\"buffer\":{\"type\":\"uint8_t[]\",\"value\":\"\"");
    CHECK_SHOWS("\"numbers\":{\"type\":\"int[0]\"");
    CHECK_SHOWS("\"left\":{\"type\":\"int[0]\"");
    CHECK_SHOWS("\"letters\":{\"type\":\"char[0]\",\"value\":\"\"");
    CHECK_SHOWS("\"fields\":{\"numbers\":{\"type\":\"int[0]\"");
    CHECK_SHOWS("\"path\":{\"type\":\"struct point[0]\"");
    /* A small counter has no sign. */
    CHECK_SHOWS("\"shorts\":{\"type\":\"int[200]\"");
    CHECK_HIDES("bad pointer");
    CHECK_HIDES("\"value\":123454");
    CHECK_HIDES("3q0");
    CHECK_HIDES("4294967295");
}

/* Arrays as large as a pointer that are none, and are not known: their contents are no address. */
struct grids {
    char grid[2][4];
    struct point one[1];
    const void *const *volatile *held[1];
};
STILLFRAME_STRUCT(grids, struct grids, STILLFRAME_FIELD(struct grids, grid), STILLFRAME_FIELD(struct grids, one), STILLFRAME_FIELD(struct grids, held));

static void arrays_of_a_pointers_size(void) {
    STILLFRAME_FRAME();
    char grid[2][4] = {{1, 0, 0, 0}, {2, 0, 0, 0}};
    struct point one[1] = {{1, 2}};
    volatile int pair[2] = {1, 2};
    int *addresses[1] = {NULL}, *volatile pointer = NULL;
    struct grids grids = {{{1, 0, 0, 0}, {2, 0, 0, 0}}, {{1, 2}}, {NULL}};
    memcpy(&addresses, grid, sizeof addresses);
    STILLFRAME_VAR(grid);
    STILLFRAME_VAR(one);
    STILLFRAME_VAR(pair);
    STILLFRAME_VAR(addresses);
    STILLFRAME_VAR(pointer);
    STILLFRAME_OBJECT(grids, grids);
    CHECK(stillframe_report("Arrays", "%s", "a") == STILLFRAME_OK);
    CHECK_SHOWS("\"grid\":{\"type\":\"array\"");
    CHECK_SHOWS("\"one\":{\"type\":\"array\"");
    CHECK_SHOWS("\"pair\":{\"type\":\"array\"");
    CHECK_SHOWS("\"addresses\":{\"type\":\"array\"");
    CHECK_SHOWS("\"pointer\":{\"type\":\"void*\",\"isNull\":true}");
    CHECK_SHOWS("\"fields\":{\"grid\":{\"type\":\"array\"");
    CHECK_HIDES("0x200000001");
}

static void hidden_types(void) {
    STILLFRAME_FRAME();
    struct credentials mine = {joe}, *also = &mine;
    STILLFRAME_OBJECT(mine, credentials);
    STILLFRAME_OBJECT_AT(also, credentials);
    CHECK(stillframe_report("Hidden", "%s", "h") == STILLFRAME_OK);
    CHECK_SHOWS("\"notCapturedReason\":\"redactedType\"");
    CHECK_SHOWS("\"rule\":\"credentials\"");
    CHECK_HIDES(joe);
}

/* What begins before the cut and would be recognised if it were whole is hidden; the message says that it was longer. */
static void long_messages(void) {
    char message[4000];
    const size_t room = STILLFRAME_MESSAGE_MAX - 1;
    for (size_t at = 900; at < room + 60; at++) {
        memset(message, '.', sizeof message - 1);
        message[sizeof message - 1] = 0;
        memcpy(message + at, token, sizeof token - 1);
        at += at < 980 || at > 1030 ? 17 : 0;
        stillframe_failure failure = {sizeof(stillframe_failure), "Long", message, "report", NULL, NULL, NULL, 0, 0};
        if (at % 2) {
            message[room] = 0;
            failure.message_more = (uint32_t)(sizeof message - 1 - room);
        }
        CHECK(stillframe_capture_failure(&failure) == STILLFRAME_OK);
        CHECK_HIDES(token_begins);
    }
    memset(message, '.', sizeof message - 1);
    CHECK(stillframe_report("Longer", "%s", message) == STILLFRAME_OK);
    CHECK_SHOWS("\"size\":3999");
    /* Two bytes a character, one of them beyond the cut. */
    for (size_t at = 0; at + 2 < sizeof message; at += 2) {
        memcpy(message + at, "\303\251", 2);
    }
    CHECK(stillframe_report("Wide", ".%s", message) == STILLFRAME_OK);
    CHECK_HIDES("\357\277\275");
    CHECK_SHOWS("\"truncated\":true");
}

int main(void) {
    stillframe_setting settings[1];
    settings[0].key = stillframe_text_of("redact.types");
    settings[0].value = stillframe_text_of("credentials");
    report_start_with(settings, 1);
    errno = 77;
    scalars();
    texts();
    structs();
    chains();
    arrays_of_a_pointers_size();
    hidden_types();
    none_of_them();
    CHECK(report_count() == 7);
    long_messages();
    errno = 78;
    CHECK(stillframe_report("Errno", "%s", "kept") == STILLFRAME_OK && errno == 78);
    CHECK(stillframe_capture_failure(NULL) < 0);
    stillframe_failure failure = {0, "X", "x", NULL, NULL, NULL, NULL, 0, 0};
    CHECK(stillframe_capture_failure(&failure) < 0);
    failure.struct_size = sizeof failure;
    failure.type = NULL;
    CHECK(stillframe_capture_failure(&failure) < 0);
    failure.type = "Direct";
    CHECK(stillframe_capture_failure(&failure) == STILLFRAME_OK);
    CHECK_SHOWS("\"type\":\"Direct\"");
    report_stop();
    CHECK(stillframe_report("Stopped", "%s", "s") == STILLFRAME_REFUSED_DISABLED);
    CHECK(stillframe_stop(1000, NULL) == STILLFRAME_OK);
    return 0;
}

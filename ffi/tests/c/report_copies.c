/* Copies of what a name hides: in messages, in other variables, in the record of a fatal signal before anything was scanned.
 * check: std=c11 forks without=tsan without=valgrind */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>

#include "report_fatal.h"

#define SECRET "hunter2-xyzzy"
#define HIDDEN "\"notCapturedReason\":\"redactedIdent\""
#define COPY "\"notCapturedReason\":\"redactedValue\""

struct account {
    const char *user;
    char password[32];
};

STILLFRAME_STRUCT(account, struct account, STILLFRAME_FIELD(struct account, user), STILLFRAME_FIELD(struct account, password));

static void in_a_message(void) {
    const char *password = SECRET;
    STILLFRAME_FRAME();
    STILLFRAME_STR(password);
    CHECK(stillframe_report("LoginFailed", "cannot sign in with %s, %s", password, "sorry") == STILLFRAME_OK);
    CHECK_HIDES(SECRET);
    CHECK_SHOWS("cannot sign in with [redacted], sorry");
    CHECK_SHOWS("\"password\":{\"type\":\"char*\"," HIDDEN);
}

static void in_variables(void) {
    char copy[] = SECRET, token[200];
    const char *query = "user=ann&pw=" SECRET "&day=4";
    struct account account = {"ann", SECRET};
    STILLFRAME_FRAME();
    STILLFRAME_CHARS(copy);
    STILLFRAME_STR(query);
    STILLFRAME_OBJECT(account, account);
    CHECK(stillframe_report("InVariables", "no") == STILLFRAME_OK);
    CHECK_HIDES(SECRET);
    CHECK_SHOWS("\"value\":\"user=ann&pw=[redacted]&day=4\"");
    CHECK_SHOWS("\"value\":\"ann\"");
    /* What is too short to be looked for, or no whole text, hides nothing else. */
    memset(token, 0xff, sizeof token);
    strcpy(token, "four");
    STILLFRAME_CHARS(token);
    CHECK(stillframe_report("TooShort", "four of them") == STILLFRAME_OK);
    CHECK_SHOWS("four of them");
    memset(token, 0xff, sizeof token);
    CHECK(stillframe_report("NoText", "four of them") == STILLFRAME_OK);
    CHECK_SHOWS("four of them");
}

static void where_that_is_switched_off(void) {
    stillframe_setting off = {stillframe_text_of("redact.aliasing"), stillframe_text_of("false")};
    const char *password = SECRET;
    report_start_with(&off, 1);
    STILLFRAME_FRAME();
    STILLFRAME_STR(password);
    CHECK(stillframe_report("SwitchedOff", "cannot sign in with %s", password) == STILLFRAME_OK);
    CHECK_SHOWS("cannot sign in with " SECRET);
    report_stop();
}

__attribute__((noinline, no_sanitize("undefined", "address"))) static void die(const char *how) {
    const char *copy = SECRET, *query = "user=ann&pw=" SECRET "&day=4", *other = "hunter2-xyzzyx";
    const unsigned char bytes[] = "pw=" SECRET ";";
    struct account account = {"ann", SECRET};
    STILLFRAME_FRAME();
    STILLFRAME_STR(how);
    STILLFRAME_STR(copy);
    STILLFRAME_STR(query);
    STILLFRAME_STR(other);
    STILLFRAME_BYTES(bytes, sizeof bytes);
    STILLFRAME_OBJECT(account, account);
    int *volatile nowhere = (int *)(uintptr_t)0x10;
    *nowhere = 1;
}

/* How often a text stands in the only record that there is. */
static int count_in_record(const char *text) {
    static char bytes[1 << 20];
    char path[1000] = "";
    int found = 0;
    snprintf(path, 400, "%s/fatal", getenv("STILLFRAME_DIR"));
    DIR *folder = opendir(path);
    CHECK(folder != NULL);
    size_t length = strlen(path);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (strstr(entry->d_name, ".fatal") != NULL) {
            snprintf(path + length, sizeof path - length, "/%s", entry->d_name);
        }
    }
    closedir(folder);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0);
    ssize_t size = read(file, bytes, sizeof bytes);
    CHECK(size > 0 && close(file) == 0);
    for (const char *at = bytes; (at = (const char *)memmem(at, (size_t)(bytes + size - at), text, strlen(text))) != NULL; at++) {
        found++;
    }
    return found;
}

static void in_a_record(void) {
    CHECK(WIFSIGNALED(fatal_child(NULL, die, "die")));
    /* The one that is no copy, but begins like one. */
    CHECK(count_in_record(SECRET) == 1 && count_in_record(SECRET "x") == 1);
    fatal_imported();
    CHECK_SHOWS("\"how\":{\"type\":\"char*\",\"value\":\"die\"}");
    CHECK_SHOWS("\"copy\":{\"type\":\"char*\"," COPY);
    CHECK_SHOWS("\"query\":{\"type\":\"char*\",\"value\":\"user=ann&pw=[redacted]&day=4\"");
    CHECK_SHOWS("\"other\":{\"type\":\"char*\",\"value\":\"" SECRET "x\"");
    CHECK_SHOWS("\"value\":\"ann\"");
    CHECK_SHOWS("\"password\":{\"type\":\"char\"," HIDDEN);
    report_stop();
}

int main(void) {
    in_a_record();
    report_start();
    in_a_message();
    in_variables();
    report_stop();
    where_that_is_switched_off();
    return 0;
}

/* The record that a fatal signal leaves: who may read it, what is in it before anything could be scanned, and what becomes of it.
 * check: forks without=tsan without=valgrind */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "report_fatal.h"

#define SECRET "a word that no rule knows"

__attribute__((noinline, no_sanitize("undefined", "address"))) static void die(const char *how) {
    const char *text = SECRET;
    const unsigned char bytes[] = SECRET;
    int number = 4711;
    STILLFRAME_FRAME();
    STILLFRAME_STR(how);
    STILLFRAME_STR(text);
    STILLFRAME_BYTES(bytes, sizeof bytes);
    STILLFRAME_INT(number);
    int *volatile nowhere = (int *)(uintptr_t)0x10;
    *nowhere = 1;
}

static char path[1000];

/* Records in the store; the path of the last one is kept. */
static int records(void) {
    char folder[400];
    int found = 0;
    snprintf(folder, sizeof folder, "%s/fatal", getenv("STILLFRAME_DIR"));
    DIR *open = opendir(folder);
    CHECK(open != NULL);
    for (struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open)) {
        if (strstr(entry->d_name, ".fatal") != NULL) {
            found++;
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        }
    }
    closedir(open);
    return found;
}

/* The record is called as one that was read `ending` says how often. */
static void rename_record(const char *ending) {
    char before[1000];
    CHECK(records() == 1);
    memcpy(before, path, sizeof path);
    strcpy(strstr(path, ".fatal"), ending);
    CHECK(rename(before, path) == 0);
}

static int record_has(const char *text) {
    static char bytes[1 << 20];
    CHECK(records() == 1);
    int file = open(path, O_RDONLY);
    CHECK(file >= 0);
    ssize_t size = read(file, bytes, sizeof bytes);
    CHECK(size > 0);
    close(file);
    return memmem(bytes, (size_t)size, text, strlen(text)) != NULL;
}

static unsigned mode_of(const char *of) {
    struct stat found;
    CHECK(stat(of, &found) == 0);
    return found.st_mode & 0777;
}

static void dies(void) {
    CHECK(WIFSIGNALED(fatal_child(NULL, die, "die")));
}

/* Before anything else makes the store. */
static void only_for_the_user(void) {
    char folder[400];
    umask(022);
    dies();
    snprintf(folder, sizeof folder, "%s", getenv("STILLFRAME_DIR"));
    CHECK(mode_of(folder) == 0700);
    strcat(folder, "/fatal");
    CHECK(mode_of(folder) == 0700);
    CHECK(records() == 1 && mode_of(path) == 0600);
}

static void strict_mode_writes_no_text(void) {
    CHECK(record_has(SECRET));
    fatal_imported();
    CHECK_SHOWS("\"text\":{\"type\":\"char*\",\"value\":\"" SECRET "\"}");
    report_stop();
    setenv("STILLFRAME_REDACT_MODE", "strict", 1);
    dies();
    CHECK(!record_has(SECRET) && record_has("number"));
    fatal_imported();
    CHECK_HIDES(SECRET);
    CHECK_SHOWS("\"number\":{\"type\":\"int\",\"value\":4711}");
    CHECK_SHOWS("\"text\":{\"type\":\"char*\",\"notCapturedReason\":\"redactedValue\"");
    report_stop();
    unsetenv("STILLFRAME_REDACT_MODE");
}

static void nothing_is_stored_where_nothing_may_be(void) {
    stillframe_setting none = {stillframe_text_of("spool.enabled"), stillframe_text_of("false")};
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    report_start_with(&none, 1);
    CHECK(stillframe_signals_install(STILLFRAME_SIGNAL_ALL, &error) == STILLFRAME_ERROR_VALUE);
    CHECK(strstr(error.message, "spool.enabled") != NULL);
    report_stop();
}

/* What a later start was given holds for the handlers that are installed after it, and none are there in between. */
static void starts_again_and_dies(const char *how) {
    char store[410];
    stillframe_setting none = {stillframe_text_of("spool.enabled"), stillframe_text_of("false")};
    report_stop();
    snprintf(store, sizeof store, "%s-2", getenv("STILLFRAME_DIR"));
    setenv("STILLFRAME_DIR", store, 1);
    report_start_with(&none, 1);
    CHECK(stillframe_signals_install(STILLFRAME_SIGNAL_ALL, NULL) == STILLFRAME_ERROR_VALUE);
    report_stop();
    setenv("STILLFRAME_REDACT_MODE", "strict", 1);
    report_start();
    CHECK(stillframe_signals_install(STILLFRAME_SIGNAL_ALL, NULL) == STILLFRAME_OK);
    die(how);
}

static void a_later_start_counts(void) {
    char first[400], second[410];
    CHECK(records() == 0);
    CHECK(WIFSIGNALED(fatal_child(NULL, starts_again_and_dies, "again")));
    CHECK(records() == 0);
    snprintf(first, sizeof first, "%s", getenv("STILLFRAME_DIR"));
    snprintf(second, sizeof second, "%s-2", first);
    setenv("STILLFRAME_DIR", second, 1);
    CHECK(!record_has(SECRET) && record_has("number"));
    fatal_imported();
    CHECK_SHOWS("\"number\":{\"type\":\"int\",\"value\":4711}");
    report_stop();
    setenv("STILLFRAME_DIR", first, 1);
}

/* A process that dies while it reads a record leaves it: it is read once more, and not a third time. */
static void a_record_is_read_twice_at_most(void) {
    dies();
    rename_record(".try1.fatal");
    fatal_imported();
    report_stop();
    CHECK(records() == 0);

    dies();
    rename_record(".try2.fatal");
    report_number = 0;
    report_start();
    for (int wait = 0; wait < 2000 && access(path, F_OK) == 0; wait++) {
        usleep(10000);
    }
    CHECK(records() == 0);
    CHECK(stillframe_flush(300000, NULL) == STILLFRAME_OK);
    CHECK(report_count() == 0);
    report_stop();
}

static void what_another_process_reads_is_left_alone(void) {
    dies();
    rename_record(".try1.fatal");
    int read_by = open(path, O_RDONLY);
    CHECK(read_by >= 0 && flock(read_by, LOCK_EX) == 0);
    report_number = 0;
    report_start();
    usleep(300000);
    CHECK(stillframe_flush(300000, NULL) == STILLFRAME_OK);
    CHECK(report_count() == 0 && access(path, F_OK) == 0);
    report_stop();
    close(read_by);
    fatal_imported();
    report_stop();
    CHECK(records() == 0);
}

int main(void) {
    only_for_the_user();
    strict_mode_writes_no_text();
    nothing_is_stored_where_nothing_may_be();
    a_later_start_counts();
    a_record_is_read_twice_at_most();
    what_another_process_reads_is_left_alone();
    return 0;
}

/* The record that a fatal signal leaves: who may read it, what is in it before anything could be scanned, and what becomes of it.
 * check: forks without=tsan without=valgrind */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
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

static stillframe_status installs(const char *why) {
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    stillframe_status status = stillframe_signals_install(STILLFRAME_SIGNAL_ALL, &error);
    CHECK(status == STILLFRAME_OK || strstr(error.message, why) != NULL);
    return status;
}

/* Others could write there what the next start reads. */
static void a_store_of_others_is_none(void) {
    char first[400], store[410], folder[420];
    snprintf(first, sizeof first, "%s", getenv("STILLFRAME_DIR"));
    snprintf(store, sizeof store, "%s-of-others", first);
    snprintf(folder, sizeof folder, "%s/fatal", store);
    setenv("STILLFRAME_DIR", store, 1);
    report_start();
    CHECK(mkdir(store, 0700) == 0 && chmod(store, 0777) == 0);
    CHECK(installs("writable") == STILLFRAME_ERROR_SYSTEM);
    CHECK(access(folder, F_OK) != 0);
    CHECK(chmod(store, 0700) == 0 && mkdir(folder, 0700) == 0 && chmod(folder, 0777) == 0);
    CHECK(installs("writable") == STILLFRAME_ERROR_SYSTEM);
    CHECK(rmdir(folder) == 0 && symlink("/tmp", folder) == 0);
    CHECK(installs("fatal") == STILLFRAME_ERROR_SYSTEM);
    CHECK(unlink(folder) == 0);
    CHECK(installs("") == STILLFRAME_OK);
    report_stop();
    dies();
    CHECK(records() == 1);
    /* Only root can give a file away. */
    if (geteuid() == 0) {
        CHECK(chown(path, 1, 1) == 0);
        report_start();
        usleep(300000);
        report_stop();
        CHECK(records() == 1 && chown(path, 0, 0) == 0);
    }
    fatal_imported();
    report_stop();
    setenv("STILLFRAME_DIR", first, 1);
}

static void slow(void *data, const stillframe_snapshot *snapshot) {
    (void)data;
    (void)snapshot;
    sleep(20);
}

static int ends_uncaught(stillframe_snapshot_function snapshot) {
    int status = 0;
    pid_t child = fork_alone();
    CHECK(child >= 0);
    if (child == 0) {
        stillframe_config config;
        stillframe_failure failure;
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        CHECK(stillframe_config_init(&config, sizeof config) == STILLFRAME_OK);
        config.snapshot = snapshot;
        CHECK(stillframe_start(&config, NULL, NULL) == STILLFRAME_OK);
        CHECK(installs("") == STILLFRAME_OK);
        memset(&failure, 0, sizeof failure);
        failure.struct_size = sizeof failure;
        failure.type = "Uncaught";
        failure.mechanism = "terminate";
        failure.caller = __builtin_return_address(0);
        failure.flags = STILLFRAME_FAILURE_UNHANDLED | STILLFRAME_FAILURE_FLUSH;
        CHECK(stillframe_capture_failure(&failure) == STILLFRAME_OK);
        abort();
    }
    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

/* The snapshot of an uncaught exception that is not stored in time ends with the process. */
static void what_is_not_stored_in_time_is_recorded(void) {
    int status = 0, stored = 0;
    /* If the machine is too busy for that, it is recorded. */
    for (int attempt = 0; attempt < 3 && !stored; attempt++) {
        status = ends_uncaught(NULL);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        stored = records() == 0;
        if (!stored) {
            fatal_imported();
            CHECK_SHOWS("\"type\":\"SIGABRT\"");
            report_stop();
        }
    }
    CHECK(stored);
    status = ends_uncaught(slow);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK(records() == 1);
    fatal_imported();
    CHECK_SHOWS("\"type\":\"SIGABRT\"");
    report_stop();
}

enum { SEVERAL = 8 };

/* A start that is stopped at once, or while it makes snapshots of records: each of them is one, or still there. */
static void a_stop_loses_no_record(void) {
    static char bytes[4 << 20];
    char name[500];
    dies();
    CHECK(records() == 1);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = read(file, bytes, sizeof bytes);
    CHECK(file >= 0 && size > 0 && close(file) == 0 && unlink(path) == 0);
    for (unsigned turn = 0; turn < 20; turn++) {
        for (int number = 0; number < SEVERAL; number++) {
            snprintf(name, sizeof name, "%s/fatal/%020d-1.fatal", getenv("STILLFRAME_DIR"), number);
            file = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
            CHECK(file >= 0 && write(file, bytes, (size_t)size) == size && close(file) == 0);
        }
        report_number = 0;
        report_start();
        usleep(turn * 10000);
        CHECK(stillframe_stop(60000, NULL) == STILLFRAME_OK);
        CHECK((int)report_count() + records() >= SEVERAL);
        while (records() > 0) {
            CHECK(unlink(path) == 0);
        }
    }
    report_start();
    report_stop();
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

/* Nor is a record taken where nothing may be stored. */
static void a_record_waits_for_a_start_that_stores(void) {
    stillframe_setting none = {stillframe_text_of("spool.enabled"), stillframe_text_of("false")};
    dies();
    report_start_with(&none, 1);
    usleep(300000);
    report_stop();
    CHECK(records() == 1);
    fatal_imported();
    report_stop();
    CHECK(records() == 0);
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

/* A process that ends while it reads a record leaves it: twice for all that can be found out, then without names of functions, and no more
 * if that, too, ended one. */
static void a_record_is_taken_three_times_at_most(void) {
    dies();
    rename_record(".try1.fatal");
    fatal_imported();
    CHECK_SHOWS("\"function\":\"die\"");
    CHECK_SHOWS("\"function\":\"main\"");
    report_stop();
    CHECK(records() == 0);

    dies();
    rename_record(".try2.fatal");
    /* Without waiting: the next line may be the program's last one. What a busy machine does not store in a second is there again. */
    for (int attempt = 0; attempt < 10; attempt++) {
        report_number = 0;
        report_start();
        if (records() == 0) {
            break;
        }
        report_stop();
    }
    CHECK(records() == 0 && report_count() == 1);
    CHECK_SHOWS("\"number\":{\"type\":\"int\",\"value\":4711}");
    CHECK_SHOWS("\"function\":\"die\"");
    CHECK_HIDES("\"function\":\"main\"");
    report_stop();

    dies();
    rename_record(".try3.fatal");
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

/* Whether a process stored snapshots: their files are called after it. */
static int has_stored(pid_t process) {
    char part[40];
    int found = 0;
    snprintf(part, sizeof part, "-%d-", (int)process);
    DIR *open = opendir(getenv("STILLFRAME_DIR"));
    CHECK(open != NULL);
    for (struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open)) {
        found |= strstr(entry->d_name, part) != NULL && strstr(entry->d_name, ".sfs") != NULL;
    }
    closedir(open);
    return found;
}

/* Programs that are soon over, or become daemons at once, are no reason to lose it. */
static void a_record_outlives_short_programs(void) {
    dies();
    for (unsigned turn = 0; turn < 1000; turn++) {
        int status = 0;
        pid_t child = fork_alone();
        CHECK(child >= 0);
        if (child == 0) {
            report_start();
            usleep(turn % 10 * 200);
            _exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child && status == 0);
        if (records() == 0) {
            CHECK(has_stored(child));
            return;
        }
    }
    CHECK(records() == 0);
}

/* A child that holds the record's lock until it is killed. */
static pid_t locked_by_another(void) {
    int ready[2];
    char byte = 0;
    CHECK(pipe(ready) == 0);
    pid_t child = fork_alone();
    CHECK(child >= 0);
    if (child == 0) {
        struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int file = open(path, O_RDWR);
        CHECK(file >= 0 && fcntl(file, F_SETLK, &all) == 0);
        CHECK(write(ready[1], "1", 1) == 1);
        for (;;) {
            pause();
        }
    }
    CHECK(read(ready[0], &byte, 1) == 1);
    close(ready[0]);
    close(ready[1]);
    return child;
}

static void what_another_process_reads_is_left_alone(void) {
    dies();
    rename_record(".try1.fatal");
    pid_t other = locked_by_another();
    report_number = 0;
    report_start();
    usleep(300000);
    CHECK(stillframe_flush(300000, NULL) == STILLFRAME_OK);
    CHECK(report_count() == 0 && access(path, F_OK) == 0);
    report_stop();
    CHECK(kill(other, SIGKILL) == 0 && waitpid(other, NULL, 0) == other);
    fatal_imported();
    report_stop();
    CHECK(records() == 0);
}

/* Entries that are no records, and never become old. */
static void entries(int from, int until) {
    char name[500];
    struct timespec late[2] = {{4000000000, 0}, {4000000000, 0}};
    for (int number = from; number < until; number++) {
        snprintf(name, sizeof name, "%s/fatal/00%02d.fatal", getenv("STILLFRAME_DIR"), number);
        int file = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        CHECK(file >= 0 && futimens(file, late) == 0);
        close(file);
    }
}

static void the_folder_is_bounded(void) {
    char name[500];
    entries(0, 40);
    dies();
    fatal_imported();
    report_stop();
    CHECK(records() == 40);
    entries(40, 63);
    dies();
    CHECK(records() == 64);
    dies();
    CHECK(records() == 64);
    for (int number = 0; number < 63; number++) {
        snprintf(name, sizeof name, "%s/fatal/00%02d.fatal", getenv("STILLFRAME_DIR"), number);
        CHECK(unlink(name) == 0);
    }
    CHECK(records() == 1);
    fatal_imported();
    report_stop();
}

int main(void) {
    only_for_the_user();
    strict_mode_writes_no_text();
    nothing_is_stored_where_nothing_may_be();
    a_record_waits_for_a_start_that_stores();
    a_store_of_others_is_none();
    what_is_not_stored_in_time_is_recorded();
    a_later_start_counts();
    a_record_is_taken_three_times_at_most();
    a_record_outlives_short_programs();
    what_another_process_reads_is_left_alone();
    the_folder_is_bounded();
    a_stop_loses_no_record();
    return 0;
}

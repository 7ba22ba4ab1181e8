/*
 * A fatal signal: the process writes what it safely can and dies as it would have died. The next run of the program, or of any other that
 * uses the same store, makes a snapshot of that.
 *
 *     cc -g -O1 signal.c $(pkg-config --cflags --libs stillframe) -o signal && { ./signal; ./signal again; }
 *
 * check: std=c11 args=again
 */
#include <stdio.h>
#include <string.h>

#include "stillframe_report.h"

struct account {
    int number;
    const char *owner;
    long balance;
};

STILLFRAME_STRUCT(account, struct account, STILLFRAME_FIELD(struct account, number), STILLFRAME_FIELD(struct account, owner),
                  STILLFRAME_FIELD(struct account, balance));

static struct account *find(struct account *accounts, size_t count, int number) {
    for (size_t index = 0; index < count; index++) {
        if (accounts[index].number == number) {
            return &accounts[index];
        }
    }
    return NULL;
}

static void transfer(struct account *accounts, size_t count, int from, int to, long amount) {
    STILLFRAME_FRAME();
    STILLFRAME_OBJECTS(accounts, count, account);
    STILLFRAME_VAR(from);
    STILLFRAME_VAR(to);
    STILLFRAME_VAR(amount);
    struct account *source = find(accounts, count, from);
    STILLFRAME_OBJECT_AT(source, account);
    struct account *target = find(accounts, count, to);
    STILLFRAME_OBJECT_AT(target, account);
    source->balance -= amount;
    target->balance += amount;
}

int main(int argc, char **argv) {
    stillframe_config config;
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    stillframe_config_init(&config, sizeof config);
    config.service = stillframe_text_of("bank");
    if (stillframe_start(&config, NULL, &error) != STILLFRAME_OK ||
        stillframe_signals_install(STILLFRAME_SIGNAL_ALL, &error) != STILLFRAME_OK) {
        fprintf(stderr, "no exception replay: %s\n", error.message);
    }
    if (argc == 1) {
        STILLFRAME_FRAME();
        struct account accounts[] = {{4711, "Ada", 100}, {4712, "Grace", 0}};
        STILLFRAME_PTR(argv);
        transfer(accounts, 2, 4711, 4712, 10);
        transfer(accounts, 2, 4711, 4713, 10);
    }
    puts("the record of the run before is a snapshot now");
    return stillframe_stop(5000, NULL) == STILLFRAME_OK ? 0 : 1;
}

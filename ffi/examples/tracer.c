/*
 * A tracer in C that leaves the capture of exceptions to Stillframe and sends the result itself: tracer HOST PORT
 *
 * It watches a small interpreter with objects of its own (tracer/interpreter.h). When code of that interpreter fails, it
 *
 *     asks the gate                                              stillframe_capture_admit
 *     walks the interpreter's objects, breadth-first, into a     tracer/walk.c: stillframe_walk.h, stillframe_tape.h
 *     tape, and reads nothing that names or types say is secret
 *     hands a copy of the tape to its sender thread, which has   stillframe_capture_encode
 *     it checked, redacted and encoded as Datadog's debugger snapshots
 *     and sends those and the trace to a Datadog Agent           tracer/agent.c: a plain socket
 *
 * The first two steps and one copy are all that the failing thread pays for. The engine stores nothing and starts no thread.
 *
 * check: threads std=c11 compile with=tracer/walk.c with=tracer/agent.c
 */
#define _POSIX_C_SOURCE 200809L

#include "tracer/agent.h"
#include "tracer/interpreter.h"
#include "tracer/walk.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEXT_OF(literal) {sizeof(literal) - 1, literal}

/* The trace that a failure belongs to. A tracer has these from its own spans. */
struct span {
    uint8_t trace_id[16];
    uint64_t span_id;
    uint64_t start_ns;
};

/* Frames that are told in the tags of a span. */
#define FRAMES 16

/* What waits for the sender. */
struct parcel {
    struct parcel *next;
    struct span span;
    const struct class *class; /* code, as functions are: it stays */
    uint8_t id[16];
    uint64_t timestamp_ns;
    size_t frames;
    struct {
        const struct function *function;
        uint32_t line;
    } frame[FRAMES];
    size_t length;
    uint8_t tape[];
};

struct tracer {
    const stillframe_engine *engine;
    struct agent agent;
    pthread_t sender;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct parcel *first, **last;
    bool stopping;
    int failures; /* of the sender, for the exit status */
};

/* ---- On the failing thread ---- */

/* Whether the gate lets this failure be captured. The site is identified by the places in the code, not by text. */
static bool admitted(const struct tracer *tracer, const struct failure *failure, stillframe_permit *permit)
{
    uint64_t places[FRAMES];
    const struct call *call;
    stillframe_site site = STILLFRAME_INIT(stillframe_site);
    site.type_name.ptr = failure->class->name.bytes;
    site.type_name.len = failure->class->name.length;
    site.module.ptr = failure->raised_in->function->module.bytes;
    site.module.len = failure->raised_in->function->module.length;
    site.function.ptr = failure->raised_in->function->name.bytes;
    site.function.len = failure->raised_in->function->name.length;
    site.frames = places;
    for (call = failure->raised_in; call != NULL && site.frames_len < FRAMES; call = call->caller) {
        places[site.frames_len++] = (uint64_t)(uintptr_t)call->function ^ (uint64_t)call->line << 48;
    }
    return stillframe_capture_admit(tracer->engine, &site, permit, NULL) == STILLFRAME_OK;
}

/* What the interpreter calls when a failure leaves a span. */
static void tracer_on_failure(struct tracer *tracer, const struct failure *failure, const struct span *span)
{
    static _Thread_local uint8_t memory[256 << 10];
    stillframe_permit permit = STILLFRAME_INIT(stillframe_permit);
    struct parcel *parcel;
    const struct call *call;
    size_t length;
    if (!admitted(tracer, failure, &permit)) {
        return;
    }
    length = walk_failure(tracer->engine, failure, &permit.limits, memory, sizeof memory);
    parcel = length > 0 ? malloc(sizeof *parcel + length) : NULL;
    if (parcel != NULL) {
        parcel->next = NULL;
        parcel->span = *span;
        parcel->class = failure->class;
        memcpy(parcel->id, permit.id, sizeof parcel->id);
        parcel->timestamp_ns = permit.timestamp_ns;
        parcel->frames = 0;
        for (call = failure->raised_in; call != NULL && parcel->frames < FRAMES; call = call->caller) {
            parcel->frame[parcel->frames].function = call->function;
            parcel->frame[parcel->frames++].line = call->line;
        }
        parcel->length = length;
        memcpy(parcel->tape, memory, length);
        pthread_mutex_lock(&tracer->lock);
        *tracer->last = parcel;
        tracer->last = &parcel->next;
        pthread_cond_signal(&tracer->wake);
        pthread_mutex_unlock(&tracer->lock);
    }
    /* The engine has no more to do with it: nothing is submitted to its own background thread. */
    stillframe_capture_cancel(tracer->engine, &permit, NULL);
}

/* ---- On the sender's thread ---- */

static void uuid(const uint8_t id[16], char text[37])
{
    snprintf(text, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", id[0], id[1], id[2], id[3], id[4], id[5],
             id[6], id[7], id[8], id[9], id[10], id[11], id[12], id[13], id[14], id[15]);
}

/* Encodes a tape and posts it, body by body: Datadog takes at most 5 MiB at a time. */
static bool send_snapshots(const struct tracer *tracer, const struct parcel *parcel)
{
    stillframe_capture capture = STILLFRAME_INIT(stillframe_capture);
    stillframe_encoding encoding = STILLFRAME_INIT(stillframe_encoding);
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    capture.tape = parcel->tape;
    capture.tape_len = parcel->length;
    capture.timestamp_ns = parcel->timestamp_ns;
    memcpy(capture.id, parcel->id, sizeof capture.id);
    memcpy(capture.trace_id, parcel->span.trace_id, sizeof capture.trace_id);
    capture.span_id = parcel->span.span_id;
    encoding.format = STILLFRAME_FORMAT_DATADOG;
    encoding.dialect = STILLFRAME_DIALECT_PYTHON;
    do {
        stillframe_bytes body = {NULL, 0, 0};
        int status;
        encoding.first = encoding.next;
        if (stillframe_capture_encode(tracer->engine, &capture, &encoding, &body, &error) != STILLFRAME_OK) {
            fprintf(stderr, "tracer: a snapshot could not be encoded: %s\n", error.message);
            return false;
        }
        status = agent_ask(&tracer->agent, "POST", "/debugger/v2/input?ddtags=env:test,version:1.2.3,debugger_version:0.1.0", "", body.ptr,
                           body.len, NULL, 0);
        stillframe_bytes_free(&body);
        if (status != 200 && status != 202) {
            fprintf(stderr, "tracer: the Agent answered %d\n", status);
            return false;
        }
    } while (encoding.next != 0);
    return true;
}

/* The span that the failure ended, with the tags by which Datadog finds its snapshots. */
static bool send_trace(const struct tracer *tracer, const struct parcel *parcel)
{
    char body[16384], id[37];
    uint64_t trace_id = 0;
    size_t index, used;
    for (index = 8; index < 16; index++) {
        trace_id = trace_id << 8 | parcel->span.trace_id[index];
    }
    uuid(parcel->id, id);
    used = (size_t)snprintf(body, sizeof body,
                            "[[{\"service\": \"brook-shop\", \"name\": \"brook.run\", \"resource\": \"checkout\", \"type\": \"custom\", "
                            "\"trace_id\": %" PRIu64 ", \"span_id\": %" PRIu64 ", \"parent_id\": 0, \"start\": %" PRIu64 ", \"duration\": %" PRIu64
                            ", \"error\": 1, \"metrics\": {\"_sampling_priority_v1\": 1, \"_dd.debug.error.snapshot_count\": %zu}, "
                            "\"meta\": {\"language\": \"brook\", \"error.type\": \"%s\", \"error.debug_info_captured\": \"true\", "
                            "\"_dd.debug.error.trace_captured\": \"true\", \"_dd.debug.error.exception_capture_id\": \"%s\"",
                            trace_id, parcel->span.span_id, parcel->span.start_ns, parcel->timestamp_ns - parcel->span.start_ns,
                            parcel->frames, parcel->class->name.bytes, id);
    for (index = 0; index < parcel->frames && used < sizeof body; index++) {
        const struct function *function = parcel->frame[index].function;
        size_t number = parcel->frames - index; /* 1 is the outermost */
        uint8_t frame_id[16];
        if (stillframe_frame_id(parcel->id, (uint32_t)index, frame_id, NULL) != STILLFRAME_OK) {
            return false;
        }
        uuid(frame_id, id);
        used += (size_t)snprintf(body + used, sizeof body - used,
                                 ", \"_dd.debug.error.%zu.snapshot_id\": \"%s\", \"_dd.debug.error.%zu.function\": \"%s\", "
                                 "\"_dd.debug.error.%zu.file\": \"%s\", \"_dd.debug.error.%zu.line\": \"%" PRIu32 "\"",
                                 number, id, number, function->name.bytes, number, function->file.bytes, number, parcel->frame[index].line);
    }
    if (used < sizeof body) {
        used += (size_t)snprintf(body + used, sizeof body - used, "}}]]");
    }
    return used < sizeof body && agent_ask(&tracer->agent, "PUT", "/v0.4/traces",
                                           "Datadog-Meta-Lang: brook\r\nDatadog-Meta-Tracer-Version: 0.1.0\r\nX-Datadog-Trace-Count: 1\r\n",
                                           body, used, NULL, 0) == 200;
}

static void *sender(void *argument)
{
    struct tracer *tracer = argument;
    bool takes = agent_takes(&tracer->agent, "/debugger/v2/input");
    if (!takes) {
        fprintf(stderr, "tracer: this Agent takes no snapshots\n");
    }
    for (;;) {
        struct parcel *parcel;
        pthread_mutex_lock(&tracer->lock);
        while (tracer->first == NULL && !tracer->stopping) {
            pthread_cond_wait(&tracer->wake, &tracer->lock);
        }
        parcel = tracer->first;
        if (parcel != NULL) {
            tracer->first = parcel->next;
            tracer->last = parcel->next == NULL ? &tracer->first : tracer->last;
        }
        pthread_mutex_unlock(&tracer->lock);
        if (parcel == NULL) {
            return NULL;
        }
        if ((takes && !send_snapshots(tracer, parcel)) || !send_trace(tracer, parcel)) {
            tracer->failures++;
        }
        free(parcel);
    }
}

/* ---- Start and stop ---- */

/* A line of the engine's for people; a tracer would write it to its own log. */
static void log_line(void *data, uint32_t level, stillframe_text line)
{
    (void)data;
    (void)level;
    fprintf(stderr, "tracer: %.*s\n", (int)line.len, line.ptr);
}

static bool tracer_start(struct tracer *tracer, const char *host, const char *port)
{
    /* What this tracer wants; files and environment variables say the rest. It sends what it captures, so nothing is stored. */
    static const stillframe_setting settings[] = {
        {{"spool.enabled", 13}, {"false", 5}},
        {{"profile", 7}, {"datadog", 7}}, /* Datadog's depth, fields, items, characters and names */
    };
    stillframe_config config;
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    if (stillframe_abi_version() >> 16 != STILLFRAME_ABI_VERSION >> 16 || stillframe_abi_version() < STILLFRAME_ABI_VERSION) {
        fprintf(stderr, "tracer: libstillframe is too old or too new: %s\n", stillframe_build_info());
        return false;
    }
    memset(tracer, 0, sizeof *tracer);
    tracer->agent.host = host;
    tracer->agent.port = port;
    tracer->last = &tracer->first;
    stillframe_config_init(&config, sizeof config);
    config.language = STILLFRAME_LANGUAGE_UNKNOWN;
    config.service.ptr = "brook-shop";
    config.service.len = strlen(config.service.ptr);
    config.settings = settings;
    config.settings_len = sizeof settings / sizeof *settings;
    config.log = log_line;
    if (stillframe_engine_new(&config, NULL, &tracer->engine, &error) != STILLFRAME_OK) {
        fprintf(stderr, "tracer: no engine: %s\n", error.message);
        return false;
    }
    pthread_mutex_init(&tracer->lock, NULL);
    pthread_cond_init(&tracer->wake, NULL);
    if (pthread_create(&tracer->sender, NULL, sender, tracer) != 0) {
        stillframe_engine_free(tracer->engine, 0, NULL);
        return false;
    }
    return true;
}

/* Sends what waits. Returns whether everything was sent. */
static bool tracer_stop(struct tracer *tracer)
{
    pthread_mutex_lock(&tracer->lock);
    tracer->stopping = true;
    pthread_cond_signal(&tracer->wake);
    pthread_mutex_unlock(&tracer->lock);
    pthread_join(tracer->sender, NULL);
    pthread_cond_destroy(&tracer->wake);
    pthread_mutex_destroy(&tracer->lock);
    stillframe_engine_free(tracer->engine, 2000, NULL);
    return tracer->failures == 0;
}

/* ---- The program: what the interpreter's code had made of a web shop when it failed ---- */

#define NOTHING_AT_ALL {NOTHING, {.truth = false}}
#define INTEGER_OF(number) {INTEGER, {.integer = number}}
#define TEXT_VALUE(literal) {TEXT, {.text = TEXT_OF(literal)}}
#define LIST_AT(address) {LIST, {.list = address}}
#define MAP_AT(address) {MAP, {.map = address}}
#define OBJECT_AT(address) {OBJECT, {.object = address}}

static const struct text customer_fields[] = {TEXT_OF("name"), TEXT_OF("api_token"), TEXT_OF("password"), TEXT_OF("orders")};
static const struct class customer_class = {TEXT_OF("shop.Customer"), 4, customer_fields};
static const struct text order_fields[] = {TEXT_OF("number"), TEXT_OF("customer"), TEXT_OF("items"), TEXT_OF("note")};
static const struct class order_class = {TEXT_OF("shop.Order"), 4, order_fields};
static const struct class payment_failed = {TEXT_OF("shop.PaymentFailed"), 0, NULL};
static const struct class key_error = {TEXT_OF("brook.KeyError"), 0, NULL};

static const struct text checkout_names[] = {TEXT_OF("order"), TEXT_OF("session"), TEXT_OF("tries"), TEXT_OF("visitor")};
static const struct function checkout = {TEXT_OF("checkout"), TEXT_OF("shop.web"), TEXT_OF("shop/web.brook"), 4, checkout_names};
static const struct text pay_names[] = {TEXT_OF("order"), TEXT_OF("total"), TEXT_OF("answer"), TEXT_OF("rates")};
static const struct function pay = {TEXT_OF("pay"), TEXT_OF("shop.bank"), TEXT_OF("shop/bank.brook"), 4, pay_names};
static const struct text receipt_names[] = {TEXT_OF("answer"), TEXT_OF("key")};
static const struct function receipt = {TEXT_OF("receipt_of"), TEXT_OF("shop.bank"), TEXT_OF("shop/bank.brook"), 2, receipt_names};

/* A customer has a list of orders, and an order its customer: a cycle. */
static void run_shop(struct tracer *tracer)
{
    struct object customer, order;
    struct value many[300];
    size_t index;
    const struct value order_value = OBJECT_AT(&order);
    const struct list orders = {1, &order_value};
    const struct value customer_values[] = {TEXT_VALUE("Ada"), TEXT_VALUE("pk_live_3kTq9vLw0sXcZ8mNfYbR"), NOTHING_AT_ALL, LIST_AT(&orders)};
    const struct list items = {sizeof many / sizeof *many, many};
    const struct value order_values[] = {INTEGER_OF(17), OBJECT_AT(&customer), LIST_AT(&items), TEXT_VALUE("card 4111 1111 1111 1111, ring twice")};
    const struct entry answers[] = {{TEXT_VALUE("status"), INTEGER_OF(502)}, {TEXT_VALUE("set-cookie"), TEXT_VALUE("bank=Q7wzXvD0yL1Gc5")}};
    const struct map answer = {2, answers};
    const struct entry rate_entries[] = {{TEXT_VALUE("USD"), {REAL, {.real = 1.08}}}, {TEXT_VALUE("GBP"), {REAL, {.real = 0.86}}}};
    const struct map rates = {2, rate_entries};
    const struct value checkout_values[] = {OBJECT_AT(&order), TEXT_VALUE("0f9a-77"), INTEGER_OF(2), TEXT_VALUE("0f9a-77")};
    const struct value pay_values[] = {OBJECT_AT(&order), INTEGER_OF(4250), MAP_AT(&answer), MAP_AT(&rates)};
    const struct value receipt_values[] = {MAP_AT(&answer), TEXT_VALUE("receipt")};
    const struct call in_checkout = {&checkout, NULL, checkout_values, 31};
    const struct call in_pay = {&pay, &in_checkout, pay_values, 12};
    const struct call in_receipt = {&receipt, &in_pay, receipt_values, 4};
    const struct failure no_key = {&key_error, TEXT_OF("receipt"), &in_receipt, &in_pay, NULL};
    const struct failure failure = {&payment_failed, TEXT_OF("order 17: the bank sent no receipt"), &in_pay, NULL, &no_key};
    struct span span = {{0x6b, 0xf0, 0x0d, 0x71, 0x3a, 0x55, 0x90, 0x12, 0x3c, 0x44, 0xaa, 0x01, 0x7e, 0x21, 0x5d, 0x09}, 77, 0};
    struct timespec begun;
    for (index = 0; index < sizeof many / sizeof *many; index++) {
        many[index].kind = INTEGER;
        many[index].as.integer = (int64_t)index;
    }
    customer.class = &customer_class;
    customer.fields = customer_values;
    order.class = &order_class;
    order.fields = order_values;
    clock_gettime(CLOCK_REALTIME, &begun);
    span.start_ns = (uint64_t)begun.tv_sec * 1000000000u + (uint64_t)begun.tv_nsec;
    tracer_on_failure(tracer, &failure, &span);
}

int main(int count, char **arguments)
{
    struct tracer tracer;
    if (count != 3) {
        fprintf(stderr, "usage: tracer HOST PORT\n");
        return 2;
    }
    if (!tracer_start(&tracer, arguments[1], arguments[2])) {
        return 1;
    }
    run_shop(&tracer);
    return tracer_stop(&tracer) ? 0 : 1;
}

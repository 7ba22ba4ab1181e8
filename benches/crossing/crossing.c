/* See crossing.h. */
#define _GNU_SOURCE
#include "crossing.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "calls.h"
#include "sets.h"
#include "stillframe_walk.h"

/* How many captures may wait before the background is given time. */
enum { WAITING = 64, MEMORY = 192 * 1024 };

/* The exports of the library that are used here. */
static struct {
    __typeof__(&stillframe_config_init) config_init;
    __typeof__(&stillframe_engine_new) engine_new;
    __typeof__(&stillframe_engine_flush) engine_flush;
    __typeof__(&stillframe_capture_admit) capture_admit;
    __typeof__(&stillframe_capture_submit) capture_submit;
    __typeof__(&stillframe_capture_encode) capture_encode;
    __typeof__(&stillframe_name_is_redacted) name_is_redacted;
    __typeof__(&stillframe_shape_plan) shape_plan;
    __typeof__(&stillframe_bytes_free) bytes_free;
} library;

static const calls *exported;
static const stillframe_engine *engine;
static sets data;
static uint8_t memory[MEMORY];
static stillframe_limits limits;
static stillframe_text rule;
static uint64_t hidden;

static const char *const order_names[] = {"id", "quantity", "weight", "stock", "placed_at", "sku", "title", "warehouse"};

static inline bool is_hidden(const char *name, size_t bytes, uint32_t kind)
{
    stillframe_text asked;
    asked.ptr = name;
    asked.len = bytes;
    return library.name_is_redacted(engine, asked, kind, &rule, NULL) == STILLFRAME_REDACTED;
}

#define RULE rule

#define WAY(name) inline_##name
#define TAPE(call) stillframe_tape_##call
#define HIDDEN(name, count, kind) false
#include "write.h"

#define RULE rule
#define WAY(name) inline_redact_##name
#define TAPE(call) stillframe_tape_##call
#define HIDDEN(name, count, kind) is_hidden(name, count, kind)
#include "write.h"

#define RULE rule
#define WAY(name) calls_way_##name
#define TAPE(call) exported->call##_
#define HIDDEN(name, count, kind) false
#include "write.h"

#define RULE rule
#define WAY(name) calls_redact_way_##name
#define TAPE(call) exported->call##_
#define HIDDEN(name, count, kind) is_hidden(name, count, kind)
#include "write.h"

/* Everything of A as a program would write it that plans its types: one shape, whose hidden fields were asked for once. */
static size_t shaped_a(void)
{
    stillframe_tape writer, *tape = &writer;
    int32_t shape;
    inline_exception(tape, memory, MEMORY, &limits);
    (void)stillframe_tape_frame(tape, STILLFRAME_FRAME_IN_APP, NULL, STILLFRAME_LITERAL("confirm"), STILLFRAME_LITERAL("shop"),
                                STILLFRAME_LITERAL("src/shop.c"));
    stillframe_tape_end_group(tape);
    stillframe_tape_section(tape, STILLFRAME_SECTION_LOCALS);
    (void)stillframe_tape_name(tape, STILLFRAME_LITERAL("orders"));
    (void)stillframe_tape_list(tape, 0, ORDERS);
    stillframe_tape_end_group(tape);
    shape = stillframe_tape_define_shape(tape, stillframe_tape_define_type(tape, STILLFRAME_LITERAL("shop::order")), order_names, 8);
    for (size_t at = 0; at < ORDERS; at++) {
        (void)stillframe_tape_shaped(tape, shape);
    }
    stillframe_tape_end_group(tape);
    for (size_t at = 0; at < ORDERS; at++) {
        const order *item = &data.orders[at];
        const int64_t numbers[5] = {item->id, item->quantity, item->weight, item->stock, item->placed_at};
        const text texts[3] = {item->sku, item->title, item->warehouse};
        for (size_t field = 0; field < 8; field++) {
            if (hidden >> field & 1) {
                stillframe_tape_redacted(tape, STILLFRAME_REASON_REDACTED_IDENT, 0, rule.ptr, rule.len);
            } else if (field < 5) {
                stillframe_tape_int(tape, numbers[field]);
            } else {
                stillframe_tape_utf8(tape, texts[field - 5].bytes, texts[field - 5].count);
            }
        }
        stillframe_tape_end_group(tape);
    }
    return stillframe_tape_finish(tape, STILLFRAME_REASON_NONE, 1000);
}

/* A by the queue, which knows the objects again. */
static size_t walked_a(void)
{
    enum { ERROR, FRAME, LIST, ORDER };
    static stillframe_walk_entry entries[ORDERS + 8];
    const stillframe_walk_entry *entry;
    stillframe_walk walk;
    stillframe_tape writer, *tape = &writer;
    uint16_t error, type;
    (void)stillframe_tape_begin(tape, memory, MEMORY, STILLFRAME_LANGUAGE_NATIVE, &limits);
    stillframe_walk_begin(&walk, tape, entries, ORDERS + 8);
    error = stillframe_tape_define_type(tape, STILLFRAME_LITERAL("shop::payment_failed"));
    type = stillframe_tape_define_type(tape, STILLFRAME_LITERAL("shop::order"));
    (void)stillframe_walk_exception(&walk, &error, ERROR, error, STILLFRAME_LINK_ROOT, 0, false);
    while ((entry = stillframe_walk_next(&walk)) != NULL) {
        const order *item = (const order *)entry->object;
        switch (entry->kind) {
        case ERROR:
            stillframe_tape_section(tape, STILLFRAME_SECTION_FRAMES);
            (void)stillframe_walk_frame(&walk, NULL, FRAME, STILLFRAME_FRAME_IN_APP, NULL, STILLFRAME_LITERAL("confirm"),
                                        STILLFRAME_LITERAL("shop"), STILLFRAME_LITERAL("src/shop.c"));
            break;
        case FRAME:
            stillframe_tape_section(tape, STILLFRAME_SECTION_LOCALS);
            (void)stillframe_tape_name(tape, STILLFRAME_LITERAL("orders"));
            (void)stillframe_walk_list(&walk, data.orders, LIST, 0, ORDERS);
            break;
        case LIST:
            for (size_t at = 0; at < ORDERS && !stillframe_tape_is_full(tape); at++) {
                (void)stillframe_walk_object(&walk, &data.orders[at], ORDER, type);
            }
            break;
        default:
            (void)stillframe_tape_name(tape, STILLFRAME_LITERAL("id"));
            stillframe_tape_int(tape, item->id);
            (void)stillframe_tape_name(tape, STILLFRAME_LITERAL("quantity"));
            stillframe_tape_int(tape, item->quantity);
            (void)stillframe_tape_name(tape, STILLFRAME_LITERAL("weight"));
            stillframe_tape_int(tape, item->weight);
            (void)stillframe_tape_name(tape, STILLFRAME_LITERAL("stock"));
            stillframe_tape_int(tape, item->stock);
            (void)stillframe_tape_name(tape, STILLFRAME_LITERAL("placed_at"));
            stillframe_tape_int(tape, item->placed_at);
            (void)stillframe_tape_name(tape, STILLFRAME_LITERAL("sku"));
            stillframe_tape_utf8(tape, item->sku.bytes, item->sku.count);
            (void)stillframe_tape_name(tape, STILLFRAME_LITERAL("title"));
            stillframe_tape_utf8(tape, item->title.bytes, item->title.count);
            (void)stillframe_tape_name(tape, STILLFRAME_LITERAL("warehouse"));
            stillframe_tape_utf8(tape, item->warehouse.bytes, item->warehouse.count);
            break;
        }
    }
    return stillframe_tape_finish(tape, STILLFRAME_REASON_NONE, 1000);
}

static size_t write_once(int set, int way)
{
    typedef size_t (*write)(const sets *, uint8_t *, size_t, const stillframe_limits *);
    static const write ways[4][3] = {
        {inline_a, inline_b, inline_c},
        {inline_redact_a, inline_redact_b, inline_redact_c},
        {calls_way_a, calls_way_b, calls_way_c},
        {calls_redact_way_a, calls_redact_way_b, calls_redact_way_c},
    };
    if (way == WAY_SHAPED_REDACT) {
        return shaped_a();
    }
    return way == WAY_WALKED ? walked_a() : ways[way][set](&data, memory, MEMORY, &limits);
}

size_t crossing_write(int set, int way, uint32_t times)
{
    size_t bytes = 0;
    for (uint32_t time = 0; time < times; time++) {
        bytes += write_once(set, way);
    }
    return bytes;
}

const uint8_t *crossing_tape(int set, size_t *bytes)
{
    *bytes = write_once(set, WAY_INLINE);
    return memory;
}

void crossing_copy(int set, uint32_t times)
{
    static size_t sizes[3];
    if (sizes[set] == 0) {
        sizes[set] = write_once(set, WAY_INLINE);
    }
    for (uint32_t time = 0; time < times; time++) {
        uint8_t *copy = (uint8_t *)malloc(sizes[set]);
        if (copy != NULL) {
            memcpy(copy, memory, sizes[set]);
            __asm__ volatile("" : : "r"(copy) : "memory");
        }
        free(copy);
    }
}

uint32_t crossing_capture(int set, uint32_t times)
{
    stillframe_site site = STILLFRAME_INIT(stillframe_site);
    uint32_t taken = 0;
    site.flags = STILLFRAME_SITE_EXPLICIT;
    site.path = 7;
    site.origin = 7;
    for (uint32_t time = 0; time < times; time++) {
        stillframe_permit permit = STILLFRAME_INIT(stillframe_permit);
        stillframe_capture capture = STILLFRAME_INIT(stillframe_capture);
        if (library.capture_admit(engine, &site, &permit, NULL) != STILLFRAME_OK) {
            continue;
        }
        capture.tape = memory;
        capture.tape_len = write_once(set, WAY_INLINE);
        taken += library.capture_submit(engine, &permit, &capture, NULL) == STILLFRAME_OK;
        if (time % WAITING == WAITING - 1) {
            (void)library.engine_flush(engine, 10000, NULL);
        }
    }
    return taken;
}

size_t crossing_encode(int set, uint32_t times)
{
    stillframe_capture capture = STILLFRAME_INIT(stillframe_capture);
    size_t total = 0;
    capture.tape = memory;
    capture.tape_len = write_once(set, WAY_INLINE);
    for (uint32_t time = 0; time < times; time++) {
        stillframe_encoding encoding = STILLFRAME_INIT(stillframe_encoding);
        stillframe_bytes bytes = {NULL, 0, 0};
        encoding.format = STILLFRAME_FORMAT_DATADOG;
        if (library.capture_encode(engine, &capture, &encoding, &bytes, NULL) == STILLFRAME_OK) {
            total += bytes.len;
        }
        library.bytes_free(&bytes);
    }
    return total;
}

static text twelve(const char *bytes)
{
    text made;
    made.bytes = bytes;
    made.count = 12;
    return made;
}

static text of(const char *bytes)
{
    text made;
    made.bytes = bytes;
    made.count = strlen(bytes);
    return made;
}

static void fill(void)
{
    static const char *const currencies[RATES] = {"EUR", "USD", "GBP", "JPY", "CHF"};
    static const char *const functions[FRAMES] = {"confirm", "charge", "place_order", "checkout", "handle", "dispatch", "serve", "main"};
    for (int64_t at = 0; at < ORDERS; at++) {
        order *item = &data.orders[at];
        item->id = 10042 + at;
        item->quantity = at % 9;
        item->weight = 350 * at;
        item->stock = at % 100;
        item->placed_at = 1790000000000 + at;
        item->sku = twelve("SKU-00791942");
        item->title = twelve("Tea, 12 bags");
        item->warehouse = twelve("Rotterdam-07");
    }
    for (int64_t at = 0; at < FRAMES; at++) {
        frame *one = &data.frames[at];
        one->function = of(functions[at]);
        one->file = of("src/shop/checkout.c");
        one->line = (uint32_t)(100 + at);
        one->order_id = 10042;
        one->attempt = at;
        one->offset = -4096 * at;
        one->deadline = 1790000000000;
        one->currency = of("EUR");
        one->method = of("credit transfer");
        one->label = of("Stationery, express");
        one->total = 129.95;
        one->discount = 0.1;
        one->retry = at % 2 == 0;
        for (int64_t price = 0; price < PRICES; price++) {
            one->prices[price] = 199 * price * price;
        }
        for (size_t entry = 0; entry < RATES; entry++) {
            one->rates[entry].currency = of(currencies[entry]);
            one->rates[entry].factor = 1.0 + 0.17 * (double)entry;
        }
        one->buyer.id = 4711 + at;
        one->buyer.name = of("Ada Lovelace");
        one->buyer.city = of("London");
        one->buyer.active = true;
        one->buyer.balance = 1034.55;
    }
}

/* Loads one function, which the library must have. */
#define LOAD(name) (*(void **)&library.name = dlsym(handle, "stillframe_" #name)) != NULL

int crossing_open(const char *stillframe, const char *calls_library)
{
    stillframe_text names[8], type_name;
    stillframe_setting settings[1];
    stillframe_config config;
    void *handle = dlopen(stillframe, RTLD_NOW | RTLD_LOCAL);
    __typeof__(&crossing_calls) table;
    if (engine != NULL) {
        return 0;
    }
    if (handle == NULL || !(LOAD(config_init) && LOAD(engine_new) && LOAD(engine_flush) && LOAD(capture_admit) && LOAD(capture_submit) &&
                            LOAD(capture_encode) && LOAD(name_is_redacted) && LOAD(shape_plan) && LOAD(bytes_free))) {
        return 1;
    }
    handle = dlopen(calls_library, RTLD_NOW | RTLD_LOCAL);
    *(void **)&table = handle != NULL ? dlsym(handle, "crossing_calls") : NULL;
    if (table == NULL) {
        return 2;
    }
    exported = table();
    fill();
    limits = stillframe_tape_limits_default();
    memset(settings, 0, sizeof settings);
    settings[0].key.ptr = "spool.enabled";
    settings[0].key.len = 13;
    settings[0].value.ptr = "false";
    settings[0].value.len = 5;
    if (library.config_init(&config, sizeof config) != STILLFRAME_OK) {
        return 3;
    }
    config.settings = settings;
    config.settings_len = 1;
    if (library.engine_new(&config, NULL, &engine, NULL) != STILLFRAME_OK) {
        return 3;
    }
    for (size_t at = 0; at < 8; at++) {
        names[at].ptr = order_names[at];
        names[at].len = strlen(order_names[at]);
    }
    type_name.ptr = "shop::order";
    type_name.len = 11;
    return library.shape_plan(engine, type_name, names, 8, STILLFRAME_KIND_OTHER, &hidden, NULL) == STILLFRAME_OK ? 0 : 3;
}

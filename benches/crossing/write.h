/* Writes the sets; included once for each way of writing, which these say:
 *
 *     WAY(name)                  the name of a function of this way
 *     TAPE(call)                 the writer's function
 *     HIDDEN(name, count, kind)  whether the value of that name must be hidden; RULE is the rule then
 */

#define NAMED(word, kind, call)                                                                                                          \
    do {                                                                                                                                 \
        if (TAPE(name)(tape, word, sizeof(word) - 1)) {                                                                                  \
            if (HIDDEN(word, sizeof(word) - 1, kind)) {                                                                                  \
                TAPE(redacted)(tape, STILLFRAME_REASON_REDACTED_IDENT, 0, RULE.ptr, RULE.len);                                           \
            } else {                                                                                                                     \
                call;                                                                                                                    \
            }                                                                                                                            \
        }                                                                                                                                \
    } while (0)
#define INT(word, value) NAMED(word, STILLFRAME_KIND_NUMBER, TAPE(int)(tape, value))
#define FLOAT(word, value) NAMED(word, STILLFRAME_KIND_NUMBER, TAPE(float)(tape, value))
#define BOOL(word, value) NAMED(word, STILLFRAME_KIND_BOOL, TAPE(bool)(tape, value))
#define TEXT(word, value) NAMED(word, STILLFRAME_KIND_OTHER, TAPE(utf8)(tape, (value).bytes, (value).count))

static void WAY(exception)(stillframe_tape *tape, uint8_t *memory, size_t size, const stillframe_limits *limits)
{
    (void)TAPE(begin)(tape, memory, size, STILLFRAME_LANGUAGE_NATIVE, limits);
    (void)TAPE(exception)(tape, TAPE(define_type)(tape, STILLFRAME_LITERAL("shop::payment_failed")), STILLFRAME_LINK_ROOT, 0, false);
    TAPE(end_group)(tape);
    TAPE(section)(tape, STILLFRAME_SECTION_FRAMES);
}

static size_t WAY(a)(const sets *data, uint8_t *memory, size_t size, const stillframe_limits *limits)
{
    stillframe_tape writer, *tape = &writer;
    uint16_t type;
    WAY(exception)(tape, memory, size, limits);
    (void)TAPE(frame)(tape, STILLFRAME_FRAME_IN_APP, NULL, STILLFRAME_LITERAL("confirm"), STILLFRAME_LITERAL("shop"),
                      STILLFRAME_LITERAL("src/shop.c"));
    TAPE(end_group)(tape);
    TAPE(section)(tape, STILLFRAME_SECTION_LOCALS);
    NAMED("orders", STILLFRAME_KIND_OTHER, (void)TAPE(list)(tape, 0, ORDERS));
    TAPE(end_group)(tape);
    type = TAPE(define_type)(tape, STILLFRAME_LITERAL("shop::order"));
    for (size_t at = 0; at < ORDERS; at++) {
        (void)TAPE(object)(tape, type);
    }
    TAPE(end_group)(tape);
    for (size_t at = 0; at < ORDERS; at++) {
        const order *item = &data->orders[at];
        INT("id", item->id);
        INT("quantity", item->quantity);
        INT("weight", item->weight);
        INT("stock", item->stock);
        INT("placed_at", item->placed_at);
        TEXT("sku", item->sku);
        TEXT("title", item->title);
        TEXT("warehouse", item->warehouse);
        TAPE(end_group)(tape);
    }
    return TAPE(finish)(tape, STILLFRAME_REASON_NONE, 1000);
}

static void WAY(frames)(stillframe_tape *tape, const sets *data)
{
    for (size_t at = 0; at < FRAMES; at++) {
        const frame *one = &data->frames[at];
        stillframe_tape_location location = {0, 0, 0, 0};
        location.line = one->line;
        (void)TAPE(frame)(tape, STILLFRAME_FRAME_IN_APP, &location, one->function.bytes, one->function.count, "shop", 4, one->file.bytes,
                          one->file.count);
    }
    TAPE(end_group)(tape);
}

/* What B and C have in common: seven variables. */
static void WAY(seven)(stillframe_tape *tape, const frame *one)
{
    INT("order_id", one->order_id);
    INT("attempt", one->attempt);
    TEXT("currency", one->currency);
    TEXT("method", one->method);
    FLOAT("total", one->total);
    BOOL("retry", one->retry);
    INT("offset", one->offset);
}

static size_t WAY(b)(const sets *data, uint8_t *memory, size_t size, const stillframe_limits *limits)
{
    stillframe_tape writer, *tape = &writer;
    WAY(exception)(tape, memory, size, limits);
    WAY(frames)(tape, data);
    for (size_t at = 0; at < FRAMES; at++) {
        const frame *one = &data->frames[at];
        TAPE(section)(tape, STILLFRAME_SECTION_LOCALS);
        WAY(seven)(tape, one);
        INT("deadline", one->deadline);
        FLOAT("discount", one->discount);
        TEXT("label", one->label);
        TAPE(end_group)(tape);
    }
    return TAPE(finish)(tape, STILLFRAME_REASON_NONE, 1000);
}

static size_t WAY(c)(const sets *data, uint8_t *memory, size_t size, const stillframe_limits *limits)
{
    stillframe_tape writer, *tape = &writer;
    uint16_t type;
    WAY(exception)(tape, memory, size, limits);
    WAY(frames)(tape, data);
    type = TAPE(define_type)(tape, STILLFRAME_LITERAL("shop::customer"));
    for (size_t at = 0; at < FRAMES; at++) {
        TAPE(section)(tape, STILLFRAME_SECTION_LOCALS);
        WAY(seven)(tape, &data->frames[at]);
        NAMED("prices", STILLFRAME_KIND_OTHER, (void)TAPE(list)(tape, 0, PRICES));
        NAMED("rates", STILLFRAME_KIND_OTHER, (void)TAPE(map)(tape, 0, RATES));
        NAMED("buyer", STILLFRAME_KIND_OTHER, (void)TAPE(object)(tape, type));
        TAPE(end_group)(tape);
    }
    for (size_t at = 0; at < FRAMES; at++) {
        const frame *one = &data->frames[at];
        for (size_t price = 0; price < PRICES; price++) {
            TAPE(int)(tape, one->prices[price]);
        }
        TAPE(end_group)(tape);
        for (size_t entry = 0; entry < RATES; entry++) {
            TAPE(utf8)(tape, one->rates[entry].currency.bytes, one->rates[entry].currency.count);
            TAPE(float)(tape, one->rates[entry].factor);
        }
        TAPE(end_group)(tape);
        INT("id", one->buyer.id);
        TEXT("name", one->buyer.name);
        TEXT("city", one->buyer.city);
        BOOL("active", one->buyer.active);
        FLOAT("balance", one->buyer.balance);
        TAPE(end_group)(tape);
    }
    return TAPE(finish)(tape, STILLFRAME_REASON_NONE, 1000);
}

#undef NAMED
#undef INT
#undef FLOAT
#undef BOOL
#undef TEXT
#undef WAY
#undef TAPE
#undef HIDDEN
#undef RULE

#define _POSIX_C_SOURCE 200809L

#include "walk.h"

#include <stillframe_walk.h>

#include <time.h>

/* Containers of one tape, exceptions and frames among them. */
#define CONTAINERS 1024
/* Types of one tape that are told by name; of others only what they hold is told. */
#define TYPES 64
/* Bytes of a hidden text whose copies are looked for: shorter ones are found everywhere, longer ones cost too much. */
#define SHORTEST_COPY 6
#define LONGEST_COPY 4096

/* What an entry of the walk points to. */
enum what { A_FAILURE, A_CALL, A_LIST, A_MAP, AN_OBJECT };

struct walker {
    const stillframe_engine *engine;
    stillframe_tape tape;
    stillframe_walk walk;
    stillframe_walk_entry entries[CONTAINERS];
    /* Classes that the tape has types for. */
    size_t known;
    struct seen {
        const struct class *class;
        uint16_t type;
        uint64_t hidden; /* bit n: what is in field n must perhaps be hidden */
    } seen[TYPES];
    uint64_t begun;
};

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static stillframe_text view(struct text text)
{
    stillframe_text view;
    view.ptr = text.bytes;
    view.len = text.length;
    return view;
}

/* What is known of a class. An interpreter would keep this with the class. */
static const struct seen *look_up(struct walker *walker, const struct class *class)
{
    stillframe_text names[64];
    struct seen *seen;
    size_t index, count = class->count < 64 ? class->count : 64;
    for (index = 0; index < walker->known; index++) {
        if (walker->seen[index].class == class) {
            return &walker->seen[index];
        }
    }
    if (walker->known == TYPES) {
        return NULL;
    }
    seen = &walker->seen[walker->known++];
    seen->class = class;
    seen->type = stillframe_tape_define_type(&walker->tape, class->name.bytes, class->name.length);
    for (index = 0; index < count; index++) {
        names[index] = view(class->fields[index]);
    }
    if (stillframe_shape_plan(walker->engine, view(class->name), names, count, STILLFRAME_KIND_OTHER, &seen->hidden, NULL) != STILLFRAME_OK) {
        seen->hidden = UINT64_MAX;
    }
    return seen;
}

static void write_object(struct walker *walker, const struct object *object)
{
    stillframe_text rule;
    const struct seen *seen = look_up(walker, object->class);
    uint16_t type = seen != NULL ? seen->type : 0;
    if (stillframe_type_is_redacted(walker->engine, view(object->class->name), &rule, NULL) == STILLFRAME_REDACTED) {
        stillframe_tape_redacted(&walker->tape, STILLFRAME_REASON_REDACTED_TYPE, type, rule.ptr, rule.len);
    } else {
        stillframe_walk_object(&walker->walk, object, AN_OBJECT, type);
    }
}

static void write_value(struct walker *walker, const struct value *value)
{
    stillframe_tape *tape = &walker->tape;
    switch (value->kind) {
    case NOTHING:
        stillframe_tape_null(tape);
        break;
    case TRUTH:
        stillframe_tape_bool(tape, value->as.truth);
        break;
    case INTEGER:
        stillframe_tape_int(tape, value->as.integer);
        break;
    case REAL:
        stillframe_tape_float(tape, value->as.real);
        break;
    case TEXT:
        stillframe_tape_utf8(tape, value->as.text.bytes, value->as.text.length);
        break;
    case LIST:
        stillframe_walk_list(&walker->walk, value->as.list, A_LIST, 0, value->as.list->count);
        break;
    case MAP:
        stillframe_walk_map(&walker->walk, value->as.map, A_MAP, 0, value->as.map->count);
        break;
    case OBJECT:
        write_object(walker, value->as.object);
        break;
    }
}

/* What stands for a value that its name hides. Of a text, its length and a keyed hash, so that copies of it, in a message for example, are
 * hidden as well. */
static void write_hidden(struct walker *walker, stillframe_text rule, const struct value *value)
{
    uint64_t hash = 0;
    size_t length = value->kind == TEXT ? value->as.text.length : 0;
    if (length >= SHORTEST_COPY && length <= LONGEST_COPY && stillframe_text_alias(walker->engine, view(value->as.text), &hash, NULL) == STILLFRAME_OK) {
        stillframe_tape_alias(&walker->tape, STILLFRAME_REASON_REDACTED_IDENT, 0, rule.ptr, rule.len, (uint32_t)length, hash);
    } else {
        stillframe_tape_redacted(&walker->tape, STILLFRAME_REASON_REDACTED_IDENT, 0, rule.ptr, rule.len);
    }
}

/* A value that stands under a name. It is not read if the name says that it must be hidden; nothing and truth values never must: that a
 * password is missing is often the mistake. */
static void write_under(struct walker *walker, struct text name, const struct value *value)
{
    static const uint32_t kinds[] = {STILLFRAME_KIND_NULL,  STILLFRAME_KIND_BOOL,  STILLFRAME_KIND_NUMBER, STILLFRAME_KIND_NUMBER,
                                     STILLFRAME_KIND_OTHER, STILLFRAME_KIND_OTHER, STILLFRAME_KIND_OTHER,  STILLFRAME_KIND_OTHER};
    stillframe_text rule;
    if (stillframe_name_is_redacted(walker->engine, view(name), kinds[value->kind], &rule, NULL) == STILLFRAME_REDACTED) {
        write_hidden(walker, rule, value);
    } else {
        write_value(walker, value);
    }
}

/* The contents of what the walk has come to, as many as are allowed; of the rest, how many they are. */

static void list_group(struct walker *walker, const struct list *list)
{
    size_t index, limit = walker->tape.limits.items;
    for (index = 0; index < list->count && index < limit && !stillframe_tape_is_full(&walker->tape); index++) {
        write_value(walker, &list->items[index]);
    }
    if (list->count > limit) {
        stillframe_tape_gap(&walker->tape, STILLFRAME_REASON_COLLECTION_SIZE, (uint32_t)(list->count - limit));
    }
}

static void map_group(struct walker *walker, const struct map *map)
{
    size_t index, limit = walker->tape.limits.items;
    for (index = 0; index < map->count && index < limit && !stillframe_tape_is_full(&walker->tape); index++) {
        const struct entry *entry = &map->entries[index];
        write_value(walker, &entry->key);
        if (entry->key.kind == TEXT) {
            write_under(walker, entry->key.as.text, &entry->value);
        } else {
            write_value(walker, &entry->value);
        }
    }
    if (map->count > limit) {
        stillframe_tape_gap(&walker->tape, STILLFRAME_REASON_COLLECTION_SIZE, (uint32_t)(map->count - limit));
    }
}

static void object_group(struct walker *walker, const struct object *object)
{
    const struct class *class = object->class;
    const struct seen *seen = look_up(walker, class);
    size_t index, limit = walker->tape.limits.fields;
    for (index = 0; index < class->count && index < limit && !stillframe_tape_is_full(&walker->tape); index++) {
        if (!stillframe_tape_name(&walker->tape, class->fields[index].bytes, class->fields[index].length)) {
            break;
        }
        if (seen != NULL && index < 64 && (seen->hidden >> index & 1) == 0) {
            write_value(walker, &object->fields[index]);
        } else {
            write_under(walker, class->fields[index], &object->fields[index]);
        }
    }
    if (class->count > limit) {
        stillframe_tape_gap(&walker->tape, STILLFRAME_REASON_FIELD_COUNT, (uint32_t)(class->count - limit));
    }
}

static void call_group(struct walker *walker, const struct call *call)
{
    const struct function *function = call->function;
    size_t index;
    stillframe_tape_section(&walker->tape, STILLFRAME_SECTION_LOCALS);
    for (index = 0; index < function->count; index++) {
        if (!stillframe_tape_name(&walker->tape, function->names[index].bytes, function->names[index].length)) {
            break;
        }
        write_under(walker, function->names[index], &call->variables[index]);
    }
}

static void failure_group(struct walker *walker, const struct failure *failure)
{
    const struct call *call = failure->raised_in;
    const struct call *end = failure->caught_in != NULL ? failure->caught_in->caller : NULL;
    uint32_t frames = 0, missing = 0;
    stillframe_tape_section(&walker->tape, STILLFRAME_SECTION_MESSAGE);
    stillframe_tape_utf8(&walker->tape, failure->message.bytes, failure->message.length);
    stillframe_tape_section(&walker->tape, STILLFRAME_SECTION_FRAMES);
    for (; call != end && frames < walker->tape.limits.frames; call = call->caller, frames++) {
        const struct function *function = call->function;
        const stillframe_tape_location location = {call->line, 0, 0, 0};
        if (!stillframe_walk_frame(&walker->walk, call, A_CALL, STILLFRAME_FRAME_IN_APP, &location, function->name.bytes, function->name.length,
                                   function->module.bytes, function->module.length, function->file.bytes, function->file.length)) {
            return;
        }
    }
    for (; call != end; call = call->caller) {
        missing++;
    }
    if (missing > 0) {
        stillframe_tape_gap(&walker->tape, STILLFRAME_REASON_FRAMES, missing);
    }
}

/* Group 0: the failure, and what led to it. */
static void failures(struct walker *walker, const struct failure *failure)
{
    uint32_t written = 0;
    for (; failure != NULL && written < walker->tape.limits.exceptions; failure = failure->cause, written++) {
        const struct seen *seen = look_up(walker, failure->class);
        if (!stillframe_walk_exception(&walker->walk, failure, A_FAILURE, seen != NULL ? seen->type : 0,
                                       written == 0 ? STILLFRAME_LINK_ROOT : STILLFRAME_LINK_CAUSE, written == 0 ? 0 : written - 1, false)) {
            return;
        }
    }
    if (failure != NULL) {
        stillframe_tape_gap(&walker->tape, STILLFRAME_REASON_CHAIN, STILLFRAME_UNKNOWN_COUNT);
    }
}

size_t walk_failure(const stillframe_engine *engine, const struct failure *failure, const stillframe_limits *limits, void *memory,
                    size_t bytes)
{
    static _Thread_local struct walker walker;
    const stillframe_walk_entry *entry;
    walker.engine = engine;
    walker.known = 0;
    walker.begun = now();
    stillframe_tape_begin(&walker.tape, memory, bytes, STILLFRAME_LANGUAGE_UNKNOWN, limits);
    stillframe_walk_begin(&walker.walk, &walker.tape, walker.entries, CONTAINERS);
    failures(&walker, failure);
    while ((entry = stillframe_walk_next(&walker.walk)) != NULL) {
        switch ((enum what)entry->kind) {
        case A_FAILURE:
            failure_group(&walker, entry->object);
            break;
        case A_CALL:
            call_group(&walker, entry->object);
            break;
        case A_LIST:
            list_group(&walker, entry->object);
            break;
        case A_MAP:
            map_group(&walker, entry->object);
            break;
        case AN_OBJECT:
            object_group(&walker, entry->object);
            break;
        }
        /* A group is at most some dozen values, so a look at the clock after each is enough. */
        if (now() - walker.begun > (uint64_t)walker.tape.limits.soft_time_us * 1000) {
            stillframe_walk_stop(&walker.walk, STILLFRAME_REASON_TIMEOUT);
        }
    }
    return stillframe_tape_finish(&walker.tape, STILLFRAME_REASON_NONE, now() - walker.begun);
}

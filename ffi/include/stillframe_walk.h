/*
 * stillframe_walk.h: keeps the order of a tape's groups, for programs that write tapes with stillframe_tape.h.
 *
 * A tape shows what is near the surface before what is deep: the contents of a container are written when its turn comes, not where it
 * stands. This queue remembers the containers, in memory of the caller, and which objects they are:
 *
 *     static stillframe_walk_entry entries[512];
 *     stillframe_walk walk;
 *     const stillframe_walk_entry *entry;
 *     stillframe_walk_begin(&walk, &tape, entries, 512);
 *     stillframe_walk_exception(&walk, error, ERROR, type, STILLFRAME_LINK_ROOT, 0, false);
 *     while ((entry = stillframe_walk_next(&walk)) != NULL) {
 *         switch (entry->kind) { ... writes the items of entry->object; opens containers by the functions below ... }
 *     }
 *     bytes = stillframe_tape_finish(&tape, STILLFRAME_REASON_NONE, nanoseconds);
 *
 * A container that is met again becomes a reference. One that is deeper than limits.depth, or for which the memory does not suffice, is
 * skipped for that reason. While a walk is on, containers are opened by these functions only, and next ends the groups.
 * What is pointed to must stay until its turn has come; objects are told apart by (address, kind), because a struct has the address of its
 * first member.
 */
#ifndef STILLFRAME_WALK_H
#define STILLFRAME_WALK_H

#include "stillframe_tape.h"

/* Slots by which objects are found again. */
#define STILLFRAME_WALK_SLOTS_ 256u

/* A container whose contents are written when its turn comes: entry n is container n + 1. */
typedef struct stillframe_walk_entry {
    const void *object;
    uint32_t kind;  /* the caller's: what object points to */
    uint32_t depth; /* containers between this one and its frame or exception, which have 0 */
    size_t size;    /* items of a list, entries of a map; 0 for others */
    uint32_t next_; /* entry + 1 of the same slot */
} stillframe_walk_entry;

/* The queue; its members are for reading only. */
typedef struct stillframe_walk {
    stillframe_tape *tape;
    stillframe_walk_entry *entries;
    uint32_t capacity;
    uint32_t count;
    uint32_t next_;
    uint32_t depth_;
    stillframe_reason stop_;
    uint32_t slots_[STILLFRAME_WALK_SLOTS_];
} stillframe_walk;

/* Starts the walk of a tape that was begun; there is room for so many containers, exceptions and frames among them. */
static inline void stillframe_walk_begin(stillframe_walk *walk, stillframe_tape *tape, stillframe_walk_entry *entries, size_t capacity)
{
    memset(walk, 0, sizeof *walk);
    walk->tape = tape;
    walk->entries = entries;
    walk->capacity = stillframe_tape_count_(capacity);
}

/* From now on no container of a variable is opened, for this reason: limits.soft_time is over, for instance. */
static inline void stillframe_walk_stop(stillframe_walk *walk, stillframe_reason reason)
{
    walk->stop_ = reason;
}

/* Ends the group that is being written and returns the container whose contents come next; NULL when there is none, or the tape is full. */
static inline const stillframe_walk_entry *stillframe_walk_next(stillframe_walk *walk)
{
    const stillframe_walk_entry *entry;
    if (walk->next_ <= walk->count) {
        stillframe_tape_end_group(walk->tape);
    }
    if (walk->next_ >= walk->count || stillframe_tape_is_full(walk->tape)) {
        walk->next_ = UINT32_MAX;
        return NULL;
    }
    entry = &walk->entries[walk->next_++];
    walk->depth_ = entry->depth;
    return entry;
}

static inline uint32_t *stillframe_walk_slot_(stillframe_walk *walk, const void *object, uint32_t kind)
{
    uint64_t hash = ((uint64_t)(uintptr_t)object + kind) * UINT64_C(0x9e3779b97f4a7c15);
    return &walk->slots_[hash >> 56];
}

/* Remembers a container that was opened; there is room. */
static inline bool stillframe_walk_push_(stillframe_walk *walk, uint32_t container, const void *object, uint32_t kind, size_t size,
                                         uint32_t depth)
{
    stillframe_walk_entry *entry = &walk->entries[walk->count];
    uint32_t *slot = stillframe_walk_slot_(walk, object, kind);
    if (container == 0) {
        return false;
    }
    entry->object = object;
    entry->kind = kind;
    entry->depth = depth;
    entry->size = size;
    entry->next_ = *slot;
    *slot = ++walk->count;
    return true;
}

/* The number of the container that an object was opened as, 0 if it was not. NULL is never the same as another. */
static inline uint32_t stillframe_walk_find(stillframe_walk *walk, const void *object, uint32_t kind)
{
    uint32_t at = object != NULL ? *stillframe_walk_slot_(walk, object, kind) : 0;
    while (at != 0 && (walk->entries[at - 1].object != object || walk->entries[at - 1].kind != kind)) {
        at = walk->entries[at - 1].next_;
    }
    return at;
}

/* An exception, in group 0; see stillframe_tape_exception. false: there is no room for it, which the tape tells. */
static inline bool stillframe_walk_exception(stillframe_walk *walk, const void *object, uint32_t kind, uint16_t type, stillframe_link link,
                                             uint32_t parent, bool message_unknown)
{
    if (walk->count >= walk->capacity) {
        stillframe_tape_gap(walk->tape, STILLFRAME_REASON_BUDGET, 1);
        return false;
    }
    return stillframe_walk_push_(walk, stillframe_tape_exception(walk->tape, type, link, parent, message_unknown), object, kind, 0, 0);
}

/* A frame, in the section FRAMES; see stillframe_tape_frame. false: there is no room for it, which the tape tells. */
static inline bool stillframe_walk_frame(stillframe_walk *walk, const void *object, uint32_t kind, unsigned flags,
                                         const stillframe_tape_location *location, const char *function, size_t function_bytes,
                                         const char *module, size_t module_bytes, const char *file, size_t file_bytes)
{
    if (walk->count >= walk->capacity) {
        stillframe_tape_gap(walk->tape, STILLFRAME_REASON_BUDGET, 1);
        return false;
    }
    return stillframe_walk_push_(walk,
                                 stillframe_tape_frame(walk->tape, flags, location, function, function_bytes, module, module_bytes, file,
                                                       file_bytes),
                                 object, kind, 0, 0);
}

/* Whether a container may be opened; if not, what stands for it is written. */
static inline bool stillframe_walk_may_open_(stillframe_walk *walk, const void *object, uint32_t kind, uint16_t type, size_t size)
{
    uint32_t seen = stillframe_walk_find(walk, object, kind);
    stillframe_reason reason = walk->stop_;
    if (seen != 0) {
        stillframe_tape_reference(walk->tape, seen);
        return false;
    }
    if (walk->depth_ >= walk->tape->limits.depth) {
        reason = STILLFRAME_REASON_DEPTH;
    } else if (walk->count >= walk->capacity) {
        reason = STILLFRAME_REASON_BUDGET;
    }
    if (reason != STILLFRAME_REASON_NONE) {
        stillframe_tape_skipped(walk->tape, reason, type, size);
    }
    return reason == STILLFRAME_REASON_NONE;
}

/* The next value is a list of size items: true if its contents are to be written when its turn comes. NULL has no identity. */
static inline bool stillframe_walk_list(stillframe_walk *walk, const void *object, uint32_t kind, uint16_t type, size_t size)
{
    return stillframe_walk_may_open_(walk, object, kind, type, size) &&
           stillframe_walk_push_(walk, stillframe_tape_list(walk->tape, type, size), object, kind, size, walk->depth_ + 1);
}

/* The next value is a map of size entries. */
static inline bool stillframe_walk_map(stillframe_walk *walk, const void *object, uint32_t kind, uint16_t type, size_t size)
{
    return stillframe_walk_may_open_(walk, object, kind, type, size) &&
           stillframe_walk_push_(walk, stillframe_tape_map(walk->tape, type, size), object, kind, size, walk->depth_ + 1);
}

/* The next value is an object, whose fields are written with their names. */
static inline bool stillframe_walk_object(stillframe_walk *walk, const void *object, uint32_t kind, uint16_t type)
{
    return stillframe_walk_may_open_(walk, object, kind, type, STILLFRAME_UNKNOWN_COUNT) &&
           stillframe_walk_push_(walk, stillframe_tape_object(walk->tape, type), object, kind, 0, walk->depth_ + 1);
}

/* The next value is an object of a shape of that type, whose fields are written in the shape's order. */
static inline bool stillframe_walk_shaped(stillframe_walk *walk, const void *object, uint32_t kind, uint16_t type, int32_t shape)
{
    return stillframe_walk_may_open_(walk, object, kind, type, STILLFRAME_UNKNOWN_COUNT) &&
           stillframe_walk_push_(walk, stillframe_tape_shaped(walk->tape, shape), object, kind, 0, walk->depth_ + 1);
}

#endif

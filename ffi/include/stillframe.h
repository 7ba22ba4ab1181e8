/*
 * Stillframe for C and C++: the values of every stack frame at the instant of failure.
 *
 * Generated from the sources of the crate `stillframe-ffi`; do not edit. docs/abi.md explains, docs/c.md begins with an example.
 *
 *     stillframe_config config;                              once, at the start of the program
 *     stillframe_config_init(&config, sizeof config);
 *     stillframe_engine_new(&config, NULL, &engine, NULL);
 *
 *     stillframe_capture_admit(engine, &site, &permit, NULL)  for each exception: may it be captured now?
 *         ... write a tape (stillframe_tape.h) within permit.limits ...
 *     stillframe_capture_submit(engine, &permit, &capture, NULL)
 *
 *     stillframe_engine_free(engine, 2000, NULL);            once, at its end
 *
 * THE CONTRACT
 *
 * Names. Functions and types begin with stillframe_, macros with STILLFRAME_. Functions are stillframe_<noun>_<verb>: _new and _free make
 * and end a handle, _init fills a struct of the caller. The library exports nothing else.
 *
 * Status. A function that can fail returns a stillframe_status. 0: done. Positive: an outcome, which is counted and needs nothing of the
 * caller: refused, dropped, incomplete. Negative: an error, and nothing was done. Numbers never change their meaning, and new ones may
 * come: compare with 0 first. The last argument of such a function is a stillframe_error of the caller, or NULL; it is written if the
 * status is negative. There is no state of the last error anywhere.
 *
 * Outputs are written if and only if the function's comment says so for the status that it returns; with nothing said, on STILLFRAME_OK.
 *
 * NULL is an error wherever a comment does not allow it, except that every _free takes it and does nothing. A view (pointer and length) may
 * be NULL if its length is 0.
 *
 * Text is UTF-8 with a length, without a terminator, and is checked. What people read in a stillframe_error is terminated.
 *
 * Memory never changes hands silently. Inputs are borrowed for the call. Outputs go to memory of the caller, or come as stillframe_bytes,
 * which go back by stillframe_bytes_free(). free() is never right. Functions of the caller (log, snapshot) and their data are used until
 * stillframe_engine_free() returns STILLFRAME_OK.
 *
 * Handles. `const stillframe_engine *` is shared: any number of threads may use it at the same time. `stillframe_rules *` is exclusive: one
 * thread at a time. No call may run or begin with an engine while it is freed. A call with a handle that was freed before is
 * STILLFRAME_ERROR_HANDLE, and freeing it again does no harm; a pointer that never was a handle is the caller's mistake.
 *
 * Structs with a struct_size grow at their end. The caller sets it to sizeof; STILLFRAME_INIT(type) does that and makes the rest zero,
 * which always means "not said". A library that is older than the header refuses a struct in which something is set that it does not know
 * (STILLFRAME_ERROR_NEWER) rather than to ignore it. Structs without a struct_size never change.
 *
 * Bugs of ours (Rust panics) never pass this border, end the program or print. One is caught, counted (stillframe_stats.internal_panics),
 * told to the log function, and switches the engine off: admission is refused then, other calls are STILLFRAME_ERROR_DISABLED. The shared
 * library has its own copy of Rust's runtime, in which it keeps panics silent; a Rust program that links the static library
 * shares its runtime, and its panic hook still gets every panic that is not ours. Memory that runs out ends the process, as malloc's
 * callers often do; what a call allocates is bounded by what it is handed.
 *
 * Unwinding. Functions of the caller must not throw C++ exceptions, longjmp or unwind in any other way through ours. Between admission and
 * submission no frame of ours is on the stack: the caller's own code may do all of that. A permit that gets lost by it is given up when the
 * same thread asks for admission after stillframe_permit.lease_ms; before, it is refused as reentrant.
 *
 * Threads. Nothing here may be called in a signal handler, or in a child of vfork().
 *
 *     function                                       | threads             | blocks              | allocates
 *     abi_version, build_info, status_name           | any                 | no                  | no
 *     bytes_free, config_init                        | one per struct      | no                  | frees
 *     rules_*                                        | one per rules       | no                  | yes
 *     engine_new                                     | any                 | reads files         | yes
 *     engine_flush, engine_free                      | any / the last one  | up to timeout_ms    | no
 *     engine_after_fork                              | the only one        | reads files         | yes
 *     name_is_redacted, type_is_redacted, text_alias | any                 | no                  | no
 *     shape_plan                                     | any                 | no                  | no
 *     capture_admit                                  | any                 | no                  | no
 *     capture_submit                                 | any                 | no                  | one copy; the first: a thread
 *     capture_cancel                                 | any                 | no                  | no
 *     capture_encode, fingerprint                    | any, one at a time  | for the others      | yes
 *     frame_id                                       | any                 | no                  | no
 *     stats_read, stats_json                         | any                 | a short lock        | json: yes
 *
 * The engine starts one thread, named "stillframe", at the first submission: low priority, all signals blocked. engine_new reads the
 * environment: no other thread may change it meanwhile (setenv), as with getenv().
 *
 * Fork. The child's handle is STILLFRAME_ERROR_FORKED until stillframe_engine_after_fork() was called there, and nothing of the
 * parent's is touched. No handler is installed. A child that ends or execs need not call anything.
 *
 * Versions. stillframe_abi_version() is major << 16 | minor; the shared library's name carries the major version. Within a major version
 * functions, constants and members at the end of sized structs are only added. Tapes carry a version of their own, and so do snapshots.
 *
 * Tapes are not trusted: stillframe_capture_submit() looks at the header, the background thread at every byte, and what is not valid is
 * counted (dropped_tape) and told by no one else. stillframe_capture_encode() says at once what is wrong and where.
 */

#ifndef STILLFRAME_H
#define STILLFRAME_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Version of the binary interface that this header describes: major << 16 | minor. A new minor version only adds. */
#define STILLFRAME_ABI_VERSION 1

/** Language of the program: not told. */
#define STILLFRAME_LANGUAGE_UNKNOWN 0

/** CPython. */
#define STILLFRAME_LANGUAGE_PYTHON 1

/** The JVM. */
#define STILLFRAME_LANGUAGE_JAVA 2

/** .NET. */
#define STILLFRAME_LANGUAGE_DOTNET 3

/** C and C++. */
#define STILLFRAME_LANGUAGE_NATIVE 4

/** A part of the configuration was ignored; the rest is in force. */
#define STILLFRAME_LOG_WARNING 1

/** Something stopped working. */
#define STILLFRAME_LOG_ERROR 2

/** JSON of docs/snapshot-format.md. */
#define STILLFRAME_FORMAT_JSON 1

/** The same as MessagePack: the stored form. */
#define STILLFRAME_FORMAT_MSGPACK 2

/** Datadog's form: one request body, a JSON array with an object for each frame. */
#define STILLFRAME_FORMAT_DATADOG 3

/** Bytes of a message, its terminating zero included. */
#define STILLFRAME_MESSAGE_BYTES 232

/** Hides the values of variables, fields, keys and headers of this name: redact.names. */
#define STILLFRAME_RULE_NAME 1

/** Hides values of this type, a full name or a prefix and `*`: redact.types. */
#define STILLFRAME_RULE_TYPE 2

/** Hides what a regular expression finds in any text: redact.values. */
#define STILLFRAME_RULE_PATTERN 3

/** Shows the values under this name whatever else is said: redact.excluded_names. */
#define STILLFRAME_RULE_SHOWN_NAME 4

/** Never captures exceptions of this type, in which `*` is any text: gate.exclude. */
#define STILLFRAME_RULE_EXCLUSION 5

/** An engine: shared, so every function that takes one may be called from any thread at any time until it is freed. */
typedef struct stillframe_engine stillframe_engine;

/** Rules for an engine that is going to be made: exclusive, so one thread at a time. */
typedef struct stillframe_rules stillframe_rules;

/**
 * What a call came to. Zero: done. Positive: an outcome that is no error, such as a refusal; it is counted, and nothing is left to do.
 * Negative: an error.
 */
typedef int32_t stillframe_status;

/** A view of text: UTF-8, not terminated, borrowed. `ptr` may be NULL only if `len` is 0, and all zero is the empty text. */
typedef struct stillframe_text {
    /** First byte. */
    const char *ptr;
    /** Bytes. */
    size_t len;
} stillframe_text;

/** A key of docs/configuration.md and its value, both as text: {"limits.depth", "6"}. Lists are separated by commas, or JSON. */
typedef struct stillframe_setting {
    /** Key. */
    struct stillframe_text key;
    /** Value. */
    struct stillframe_text value;
} stillframe_setting;

/**
 * Takes a line for people: UTF-8, not terminated, borrowed for the call. `level` is a STILLFRAME_LOG_*. Called on any thread, also by
 * stillframe_engine_new(); must not throw, unwind or free the engine.
 */
typedef void (*stillframe_log_function)(void *data, uint32_t level, struct stillframe_text line);

/** One finished snapshot, or one request body of it, in a callback. */
typedef struct stillframe_snapshot {
    /** sizeof(stillframe_snapshot) of the library: later versions append. */
    size_t struct_size;
    /** STILLFRAME_FORMAT_*. */
    uint32_t format;
    /** Counts the bodies of one snapshot, from 0. Only Datadog's form can have several. */
    uint32_t part;
    /** The snapshot, redacted. Borrowed for the call. */
    const uint8_t *bytes;
    /** How many. */
    size_t bytes_len;
    /** Id of the snapshot, a UUID in network order. */
    uint8_t id[16];
    /** Key of the issue that it belongs to. */
    uint8_t fingerprint[16];
    /** When the exception was captured, in ns since 1970. */
    uint64_t timestamp_ns;
    /** 1 if it is the last body of its snapshot. */
    uint32_t last;
    /** 0. */
    uint32_t reserved;
} stillframe_snapshot;

/**
 * Takes a finished snapshot. Called on the engine's background thread, one call at a time, until the engine is freed; while it runs,
 * further snapshots wait. Must not throw, unwind or free the engine.
 */
typedef void (*stillframe_snapshot_function)(void *data, const struct stillframe_snapshot *snapshot);

/** What an engine is made with. Filled by stillframe_config_init(); every member may stay as it is. */
typedef struct stillframe_config {
    /** sizeof(stillframe_config), set by stillframe_config_init(). */
    size_t struct_size;
    /** STILLFRAME_LANGUAGE_*, of the program whose exceptions are captured. Native unless said otherwise. */
    uint32_t language;
    /** The form that `snapshot` gets, a STILLFRAME_FORMAT_*. JSON unless said otherwise. */
    uint32_t snapshot_format;
    /** Name of the program. Not said: as configured, else the name of the executable. */
    struct stillframe_text service;
    /** Deployment environment. Not said: as configured. */
    struct stillframe_text env;
    /** Version of the program. Not said: as configured. */
    struct stillframe_text version;
    /** Name and version of the program's runtime, as "OpenJDK 21.0.5". */
    struct stillframe_text runtime;
    /** Version of the runtime alone, as "21.0.5". */
    struct stillframe_text runtime_version;
    /** How values are read, for `stillframe doctor`. */
    struct stillframe_text walker;
    /** The directory that relative names of source files start from. Not said: the working directory. */
    struct stillframe_text directory;
    /**
     * Keys of docs/configuration.md; they count more than the file and the environment. What is wrong with one is told to `log` and by
     * `stillframe doctor`, and the key keeps its value.
     */
    const struct stillframe_setting *settings;
    /** How many. */
    size_t settings_len;
    /** Gets lines for people. NULL: they are told by `stillframe doctor` only. */
    stillframe_log_function log;
    /** First argument of `log`. */
    void *log_data;
    /** Gets every finished snapshot, beside the store. NULL: nobody does. */
    stillframe_snapshot_function snapshot;
    /** First argument of `snapshot`. */
    void *snapshot_data;
} stillframe_config;

/**
 * Why a call failed. The caller sets `struct_size` to sizeof(stillframe_error) and passes its address as the last argument, or NULL. It
 * is written when the status is negative, and left alone otherwise.
 */
typedef struct stillframe_error {
    /** sizeof(stillframe_error), set by the caller. */
    size_t struct_size;
    /** The status that the call returned. */
    stillframe_status status;
    /** A number that belongs to the status, as its comment says; else 0. */
    uint32_t detail;
    /** One line for people: UTF-8, terminated, cut if it is longer. Holds no value of the program and no secret. */
    char message[STILLFRAME_MESSAGE_BYTES];
} stillframe_error;

/** Bytes that the library allocated for the caller, who gives them back with stillframe_bytes_free(). All zero is no bytes. */
typedef struct stillframe_bytes {
    /** First byte; NULL for none. */
    uint8_t *ptr;
    /** Bytes. */
    size_t len;
    /** What was allocated; the library's business. */
    size_t cap;
} stillframe_bytes;

/** Done. */
#define STILLFRAME_OK 0

/** Capturing is switched off. */
#define STILLFRAME_REFUSED_DISABLED 1

/** The gate is closed: nothing can be captured at this time, whatever it is. */
#define STILLFRAME_REFUSED_CLOSED 2

/** This site was captured often or recently enough. */
#define STILLFRAME_REFUSED_SITE 3

/** The captures of this second are used up. */
#define STILLFRAME_REFUSED_RATE 4

/** An exclusion rule matches. */
#define STILLFRAME_REFUSED_RULE 5

/** A capture runs on this thread. */
#define STILLFRAME_REFUSED_REENTRANT 6

/** As many snapshots as may wait are waiting. */
#define STILLFRAME_DROPPED_QUEUE 20

/** The snapshots that wait hold as many bytes as they may. */
#define STILLFRAME_DROPPED_MEMORY 21

/** The time was not enough, or a sink could not take everything. */
#define STILLFRAME_INCOMPLETE 40

/** The name or type must be hidden. */
#define STILLFRAME_REDACTED 41

/** A pointer is NULL that may not be. */
#define STILLFRAME_ERROR_NULL -1

/** The handle was freed, or never was one. */
#define STILLFRAME_ERROR_HANDLE -2

/** A struct_size is smaller than the first version of its struct, or far larger than any. */
#define STILLFRAME_ERROR_STRUCT_SIZE -3

/** A text is not UTF-8; the error's detail is where. */
#define STILLFRAME_ERROR_UTF8 -4

/** A length is larger than an object in memory can be. */
#define STILLFRAME_ERROR_LENGTH -5

/** A number is none of those that are defined for its place. */
#define STILLFRAME_ERROR_VALUE -6

/** The permit was used before, or was not given by stillframe_capture_admit(). */
#define STILLFRAME_ERROR_PERMIT -7

/** The engine is that of the parent process: stillframe_engine_after_fork() was not called. */
#define STILLFRAME_ERROR_FORKED -8

/** A struct holds something that this version does not know, so it cannot be honoured: the header is newer than the library. */
#define STILLFRAME_ERROR_NEWER -100

/** A rule cannot be used; the message says why, the detail at which character, from 1. */
#define STILLFRAME_ERROR_RULE -101

/** The tape is not valid; the error's detail is the byte at which that was found. */
#define STILLFRAME_ERROR_TAPE -200

/** The snapshot could not be redacted, so it is not shown. */
#define STILLFRAME_ERROR_REDACTION -201

/** There is no such frame on the tape. */
#define STILLFRAME_ERROR_FRAME -202

/** More elements or bytes than a call takes. */
#define STILLFRAME_ERROR_TOO_MUCH -300

/** A bug of ours, caught. The engine has switched itself off; please report it. */
#define STILLFRAME_ERROR_PANIC -400

/** The engine has switched itself off after a bug of ours. */
#define STILLFRAME_ERROR_DISABLED -401

/** This library was built without that. */
#define STILLFRAME_ERROR_UNSUPPORTED -402

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library's binary interface: major << 16 | minor. A caller compares it with its own STILLFRAME_ABI_VERSION before
 * anything else, and goes without the library if the major versions differ or the library's minor version is the smaller one.
 */
uint32_t stillframe_abi_version(void);

/** One line of text about this build: its version and those of the formats. Terminated, static. */
const char *stillframe_build_info(void);

/** The name of a status, as "STILLFRAME_ERROR_NULL". Terminated, static; empty for a number that this version does not know. */
const char *stillframe_status_name(stillframe_status status);

/** Fills a configuration with what holds if nothing is said. `size` is sizeof(stillframe_config). */
stillframe_status stillframe_config_init(struct stillframe_config *config, size_t size);

/**
 * Makes an engine. `config` may be NULL for what is configured outside the program, `rules` for none; both are only read, and may be freed
 * afterwards. Reads the environment and stillframe.toml; starts no thread and writes no file before the first capture. A mistake in the
 * configuration is told and skipped, not an error.
 */
stillframe_status stillframe_engine_new(const struct stillframe_config *config,
                                        const struct stillframe_rules *rules,
                                        const struct stillframe_engine **out,
                                        struct stillframe_error *error);

/**
 * Waits until everything submitted so far is stored and handed to the snapshot callback, at most `timeout_ms`. STILLFRAME_INCOMPLETE: it
 * took longer, or could not be done, or was asked for in a callback.
 */
stillframe_status stillframe_engine_flush(const struct stillframe_engine *engine, uint32_t timeout_ms, struct stillframe_error *error);

/**
 * To be called in the child after fork(), before any other function with this engine: the child gets an engine of its own behind the same
 * handle, with nothing waiting. What the parent captured stays the parent's business. Does nothing in the process that made it.
 */
stillframe_status stillframe_engine_after_fork(const struct stillframe_engine *engine, struct stillframe_error *error);

/**
 * Stops capturing, stores what waits within `timeout_ms`, and frees the engine; its handle is an error from then on. NULL does nothing. No
 * other call with this engine may run or begin. STILLFRAME_INCOMPLETE: something was lost, or a callback still runs and keeps its data.
 */
stillframe_status stillframe_engine_free(const struct stillframe_engine *engine, uint32_t timeout_ms, struct stillframe_error *error);

/** Rules, none yet. Freed with stillframe_rules_free(). Never NULL, but after an internal error. */
struct stillframe_rules *stillframe_rules_new(void);

/**
 * Adds a rule. `kind` is a STILLFRAME_RULE_*; `label` is the name of a pattern, which snapshots tell where it hid something, and is not
 * looked at for other kinds. STILLFRAME_ERROR_RULE: the rule cannot be used, and the message says why.
 */
stillframe_status stillframe_rules_add(struct stillframe_rules *rules,
                                       uint32_t kind,
                                       struct stillframe_text text,
                                       struct stillframe_text label,
                                       struct stillframe_error *error);

/** Frees rules; engines that were made with them keep what they need. NULL and rules that were freed do nothing. */
void stillframe_rules_free(struct stillframe_rules *rules);

/** Gives bytes back and makes them all zero, so that a second call does nothing. NULL does nothing. */
void stillframe_bytes_free(struct stillframe_bytes *bytes);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* STILLFRAME_H */

/** `stillframe_site site = STILLFRAME_INIT(stillframe_site);` All zero, but for its size. */
#ifdef __cplusplus
template <typename Type> inline Type stillframe_sized() {
    Type it = Type();
    it.struct_size = sizeof(Type);
    return it;
}
#define STILLFRAME_INIT(type) stillframe_sized<type>()
#else
#define STILLFRAME_INIT(type) {.struct_size = sizeof(type)}
#endif

/** A view of a string that ends with a zero; NULL gives the empty view. */
static inline stillframe_text stillframe_text_of(const char *string) {
    stillframe_text view;
    view.ptr = string;
    view.len = string == NULL ? 0 : strlen(string);
    return view;
}

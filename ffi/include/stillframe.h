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
 *     engine_flush, engine_free                      | any / the last one  | up to timeout_ms    | a thread
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
 * The engine starts a thread, named "stillframe", at the first submission, and one for each destination beyond this machine that is
 * configured: low priority, all signals blocked. engine_new reads the environment: no other thread may change it meanwhile (setenv), as
 * with getenv().
 * engine_flush and engine_free do what that thread has left to do on another one, of the caller's priority, and wait for it.
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

/** The program asks for this capture: it is not rate limited, only excluded by rules. */
#define STILLFRAME_SITE_EXPLICIT 1

/** The program handled the exception and goes on. */
#define STILLFRAME_CAPTURE_HANDLED 1

/** `span_id` counts although it is 0. */
#define STILLFRAME_CAPTURE_HAS_SPAN 2

/** `thread_id` counts although it is 0. */
#define STILLFRAME_CAPTURE_HAS_THREAD 4

/** A text, in `text`. */
#define STILLFRAME_ATTRIBUTE_TEXT 1

/** An integer, in `integer`. */
#define STILLFRAME_ATTRIBUTE_INTEGER 2

/** A number, in `number`. */
#define STILLFRAME_ATTRIBUTE_NUMBER 3

/** A truth value, in `integer`. */
#define STILLFRAME_ATTRIBUTE_BOOL 4

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

/** OpenTelemetry's logs: an ExportLogsServiceRequest in protobuf. Several, one after the other, are one request too. */
#define STILLFRAME_FORMAT_OTLP 4

/** Sentry's: an event in JSON, as the item of an envelope. */
#define STILLFRAME_FORMAT_SENTRY 5

/** Datadog's form as ddtrace for Python writes it. */
#define STILLFRAME_DIALECT_PYTHON 1

/** As dd-trace-java does. */
#define STILLFRAME_DIALECT_JAVA 2

/** As dd-trace-dotnet does. */
#define STILLFRAME_DIALECT_DOTNET 3

/** For C and C++. */
#define STILLFRAME_DIALECT_NATIVE 4

/** Only the frame `first`, as an object rather than an array; `first` counts in the order of the tape then. */
#define STILLFRAME_ENCODING_ONE_FRAME 1

/** Bytes of a message, its terminating zero included. */
#define STILLFRAME_MESSAGE_BYTES 232

/** No exception of this site was captured before. */
#define STILLFRAME_PERMIT_NOVEL 1

/** Somebody asked for more of this one: the limits are raised. */
#define STILLFRAME_PERMIT_DEEPER 2

/** Text, bytes, anything that is none of the others. */
#define STILLFRAME_KIND_OTHER 0

/** Null. */
#define STILLFRAME_KIND_NULL 1

/** True or false. */
#define STILLFRAME_KIND_BOOL 2

/** An integer or another number. */
#define STILLFRAME_KIND_NUMBER 3

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

/**
 * Where an exception comes from, told without reading any value. What identifies the site is the first of these that is set: `path` and
 * `origin`; `frames`; the names.
 */
typedef struct stillframe_site {
    /** sizeof(stillframe_site), set by the caller. */
    size_t struct_size;
    /** STILLFRAME_SITE_*. */
    uint32_t flags;
    /** Line of the raising frame, 0 if it is not known. */
    uint32_t line;
    /** Full name of the exception's type. Names are for rules and requests; what is not UTF-8 in them fits none. */
    struct stillframe_text type_name;
    /** Module, class or file of the raising frame. */
    struct stillframe_text module;
    /** Own name of its function. */
    struct stillframe_text function;
    /** Hash of the caller's own over type and all frames. */
    uint64_t path;
    /** Hash of the caller's own over type and raising frame. */
    uint64_t origin;
    /**
     * A number for each frame that stands for its place in the code as long as the process runs, as a return address; raising frame
     * first.
     */
    const uint64_t *frames;
    /** How many. */
    size_t frames_len;
} stillframe_site;

/** How much of the program one snapshot may show. The walker keeps to it, and puts it into the tape's header. */
typedef struct stillframe_limits {
    /** Exceptions of a chain, the raised one included. */
    uint32_t exceptions;
    /** Frames of an exception. */
    uint32_t frames;
    /** References followed from a variable. */
    uint32_t depth;
    /** Fields of an object. */
    uint32_t fields;
    /** Items of a collection. */
    uint32_t items;
    /** Characters of a string. */
    uint32_t string;
    /** Values of a snapshot. */
    uint32_t values;
    /** Bytes of a tape. */
    uint32_t tape_bytes;
    /** Microseconds after which nothing further is opened. */
    uint32_t soft_time_us;
    /** Microseconds after which the walk ends wherever it is. */
    uint32_t hard_time_us;
} stillframe_limits;

/**
 * The right to capture one exception. Filled by stillframe_capture_admit(), ended by stillframe_capture_submit() or
 * stillframe_capture_cancel(). The capture should happen on the thread that asked; submission may come from another one.
 */
typedef struct stillframe_permit {
    /** sizeof(stillframe_permit), set by the caller. */
    size_t struct_size;
    /** The library's; 0 once the permit was used. */
    uint64_t token;
    /** The site's hash over all frames; the library's. */
    uint64_t path;
    /** The site's hash over type and raising frame; the library's. */
    uint64_t origin;
    /** When admission was given, in ns since 1970: the snapshot's time. */
    uint64_t timestamp_ns;
    /** The snapshot's id, a UUID in network order, for a log line or a span. */
    uint8_t id[16];
    /** The limits in force for this capture. */
    struct stillframe_limits limits;
    /** STILLFRAME_PERMIT_*. */
    uint32_t flags;
    /** How long it holds its thread if it is lost, in milliseconds. */
    uint32_t lease_ms;
} stillframe_permit;

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

/** An attribute of the request, the user or the program. */
typedef struct stillframe_attribute {
    /** Its name. */
    struct stillframe_text name;
    /** STILLFRAME_ATTRIBUTE_*. */
    uint32_t kind;
    /** 0. */
    uint32_t reserved;
    /** The value of a text. */
    struct stillframe_text text;
    /** The value of an integer or a truth value. */
    int64_t integer;
    /** The value of another number. */
    double number;
} stillframe_attribute;

/** A session of the user in another system, where the same moment can be watched. */
typedef struct stillframe_session_link {
    /** Name of the attribute that it came by. */
    struct stillframe_text name;
    /** Id of the session there. */
    struct stillframe_text id;
    /** Address of its page, if that is known. */
    struct stillframe_text url;
} stillframe_session_link;

/** A captured exception: its tape, and what stands beside it. What is beside the tape is redacted and bounded like values. */
typedef struct stillframe_capture {
    /** sizeof(stillframe_capture), set by the caller. */
    size_t struct_size;
    /** The tape. */
    const uint8_t *tape;
    /** Its bytes. */
    size_t tape_len;
    /** STILLFRAME_CAPTURE_*. */
    uint32_t flags;
    /** 0. */
    uint32_t reserved;
    /** By which way the exception was met: "terminate", "http". */
    struct stillframe_text mechanism;
    /** The thread that raised, as the host counts threads. Not said: the calling thread, as the system counts. */
    uint64_t thread_id;
    /** Its name. */
    struct stillframe_text thread_name;
    /** Trace that was active, in network order; all zero: none. */
    uint8_t trace_id[16];
    /** Span that was active; 0: none. */
    uint64_t span_id;
    /** Attributes of the request, tags of the program. A snapshot keeps 64, of 1 KiB each. */
    const struct stillframe_attribute *attributes;
    /** How many. */
    size_t attributes_len;
    /** Whom it happened to: "id", "name", "email". */
    const struct stillframe_attribute *user;
    /** How many. */
    size_t user_len;
    /** Sessions of that user elsewhere. */
    const struct stillframe_session_link *session_links;
    /** How many. */
    size_t session_links_len;
    /** Grouping asked for by the program; parts may hold "{{ default }}". None: by type and place. */
    const struct stillframe_text *fingerprint;
    /** How many parts. */
    size_t fingerprint_len;
    /** Id of the snapshot; all zero: that of the permit, or a new one. */
    uint8_t id[16];
    /** When it was captured, in ns since 1970; 0: when it was admitted, or now. */
    uint64_t timestamp_ns;
} stillframe_capture;

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

/** How a capture is encoded. Members but `format` are for Datadog's form, and all zero gives Datadog's own bounds. */
typedef struct stillframe_encoding {
    /** sizeof(stillframe_encoding), set by the caller. */
    size_t struct_size;
    /** STILLFRAME_FORMAT_*. */
    uint32_t format;
    /** STILLFRAME_DIALECT_*; 0: that of the tape's language. */
    uint32_t dialect;
    /** STILLFRAME_ENCODING_*. */
    uint32_t flags;
    /** Characters shown of one value; 0: 255. */
    uint32_t characters;
    /** Most frames; 0: 100. */
    uint32_t frames;
    /** Largest object of one frame, in bytes; 0: 1,048,574. */
    uint32_t max_bytes;
    /** The frame that the body begins with. */
    uint32_t first;
    /** Written: the frame that the next body begins with, 0 after the last body. A body has at most 5 MiB. */
    uint32_t next;
    /** Name of the service, if it is not the engine's. */
    struct stillframe_text service;
    /** The tracer's tags of the process, as "entrypoint.name:shop". */
    struct stillframe_text process_tags;
    /** Hash that groups exceptions, if the tracer makes one. */
    struct stillframe_text exception_hash;
    /** Where the file of the one frame lies, if the tracer found it elsewhere than its code says. */
    struct stillframe_text source_file;
} stillframe_encoding;

/** Bytes that the library allocated for the caller, who gives them back with stillframe_bytes_free(). All zero is no bytes. */
typedef struct stillframe_bytes {
    /** First byte; NULL for none. */
    uint8_t *ptr;
    /** Bytes. */
    size_t len;
    /** What was allocated; the library's business. */
    size_t cap;
} stillframe_bytes;

/**
 * What an engine did so far. Every exception that asked for admission ends as one of the first members, which have the words of
 * statuses, of `stillframe stats` and of all other languages.
 */
typedef struct stillframe_stats {
    /** sizeof(stillframe_stats), set by the caller. */
    size_t struct_size;
    /** Captured and handed to the sink. */
    uint64_t captured;
    /** Capturing is switched off. */
    uint64_t refused_disabled;
    /** The gate was closed: no capture was possible at that time, whatever the exception. */
    uint64_t refused_closed;
    /** This site was captured often or recently enough. */
    uint64_t refused_site;
    /** The captures of this second were used up. */
    uint64_t refused_rate;
    /** An exclusion rule matched. */
    uint64_t refused_rule;
    /** A capture was running on the same thread. */
    uint64_t refused_reentrant;
    /** Captured, but as many snapshots as may wait were waiting. */
    uint64_t dropped_queue;
    /** Captured, but the waiting snapshots held as many bytes as they may. */
    uint64_t dropped_memory;
    /** The tape was not valid. */
    uint64_t dropped_tape;
    /** Redaction could not be done in full, so nothing was kept. */
    uint64_t dropped_redaction;
    /** The sink could not take it. */
    uint64_t dropped_sink;
    /** It was still waiting when the process had to end, or came after the engine had. */
    uint64_t dropped_deadline;
    /** An error inside the engine. */
    uint64_t dropped_error;
    /** The host gave the capture up, or never came back with it. */
    uint64_t dropped_cancelled;
    /** Permits given by the gate. */
    uint64_t admitted;
    /** Permits given to sites that the gate did not know. */
    uint64_t admitted_novel;
    /** Permits given with raised limits, because somebody asked for that. */
    uint64_t admitted_deeper;
    /** Permits given to explicit calls, which are not rate limited. */
    uint64_t admitted_explicit;
    /** Values captured. */
    uint64_t values;
    /** Bytes of tape captured. */
    uint64_t tape_bytes;
    /** Records written to the spool. */
    uint64_t spool_written;
    /** Bytes written to the spool. */
    uint64_t spool_bytes;
    /** Records that could not be written to the spool. */
    uint64_t spool_failed;
    /** Records removed from the spool to keep its size. */
    uint64_t spool_removed;
    /** Exceptions read through the host's public API, because its own layout is not known. */
    uint64_t fallback;
    /** Errors inside the engine. */
    uint64_t internal_errors;
    /** Panics inside the engine. The first one switches it off. */
    uint64_t internal_panics;
    /** Snapshots that a callback of the program took. */
    uint64_t callback_sent;
    /** Snapshots that a callback of the program failed to take. */
    uint64_t callback_failed;
    /** Snapshots that were not handed to a callback, because as many waited for it as may, or because the process ended first. */
    uint64_t callback_dropped;
    /** Walks whose time was told. */
    uint64_t walk_count;
    /** Half of them took at most this long. */
    uint64_t walk_p50_ns;
    /** 99 of 100 took at most this long. */
    uint64_t walk_p99_ns;
    /** The longest. */
    uint64_t walk_max_ns;
} stillframe_stats;

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

/** There is none. */
#define STILLFRAME_NONE 42

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

/** The operating system refused; the message says what. */
#define STILLFRAME_ERROR_SYSTEM -403

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

/**
 * May this exception be captured now? STILLFRAME_OK: yes, and `permit` is filled; walk within its limits, then submit or cancel. A
 * refusal (positive) is an outcome: counted, and nothing is written. Costs nanoseconds when it refuses, and allocates nothing.
 */
stillframe_status stillframe_capture_admit(const struct stillframe_engine *engine,
                                           const struct stillframe_site *site,
                                           struct stillframe_permit *permit,
                                           struct stillframe_error *error);

/**
 * Ends the permit and hands the capture to the background, which validates, redacts, groups, encodes and stores it. Copies what it
 * needs; wakes nobody. STILLFRAME_DROPPED_* (positive): too much waits already; the capture is counted and gone. The permit is used up
 * whatever comes out, unless the status is STILLFRAME_ERROR_PERMIT or an error about the handle.
 */
stillframe_status stillframe_capture_submit(const struct stillframe_engine *engine,
                                            struct stillframe_permit *permit,
                                            const struct stillframe_capture *capture,
                                            struct stillframe_error *error);

/** Ends the permit without a capture; it is counted as dropped_cancelled. */
stillframe_status stillframe_capture_cancel(const struct stillframe_engine *engine,
                                            struct stillframe_permit *permit,
                                            struct stillframe_error *error);

/** Fills a configuration with what holds if nothing is said. `size` is sizeof(stillframe_config). */
stillframe_status stillframe_config_init(struct stillframe_config *config, size_t size);

/**
 * Validates, redacts, groups and encodes a capture on this thread. Nothing is stored, and no permit is needed; for the snapshot of a
 * permit set `capture.id` and `capture.timestamp_ns` to the permit's. On STILLFRAME_OK `out` has bytes for stillframe_bytes_free(),
 * and `encoding.next` is set. STILLFRAME_ERROR_TAPE: the tape is not valid, and where.
 */
stillframe_status stillframe_capture_encode(const struct stillframe_engine *engine,
                                            const struct stillframe_capture *capture,
                                            struct stillframe_encoding *encoding,
                                            struct stillframe_bytes *out,
                                            struct stillframe_error *error);

/** The key of the issue that a capture belongs to: 16 bytes at `key`, as snapshots show it in hex. */
stillframe_status stillframe_fingerprint(const struct stillframe_engine *engine,
                                         const struct stillframe_capture *capture,
                                         uint8_t *key,
                                         struct stillframe_error *error);

/**
 * The id of one frame of a snapshot in Datadog's form, which has a snapshot for each frame: 16 bytes at `out`, always the same for the
 * same `id` (16 bytes) and `frame`, its index in the order of the tape. For the tags of a span.
 */
stillframe_status stillframe_frame_id(const uint8_t *id, uint32_t frame, uint8_t *out, struct stillframe_error *error);

/**
 * Makes an engine. `config` may be NULL for what is configured outside the program, `rules` for none; both are only read, and may be
 * freed afterwards. Reads the environment and stillframe.toml; starts no thread and writes no file before the first capture, but
 * where a dead process left something to be sent, that is sent. A mistake in the configuration is told and skipped, not an error.
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
 * To be called in the child after fork(), before any other function with this engine: the child gets an engine of its own behind the
 * same handle, with nothing waiting. What the parent captured stays the parent's business. Does nothing in the process that made it.
 */
stillframe_status stillframe_engine_after_fork(const struct stillframe_engine *engine, struct stillframe_error *error);

/**
 * Stops capturing, stores what waits within `timeout_ms`, and frees the engine; its handle is an error from then on. NULL does
 * nothing. No other call with this engine may run or begin. STILLFRAME_INCOMPLETE: something was lost, or a function of the program
 * (log, snapshot) still runs and keeps its data.
 */
stillframe_status stillframe_engine_free(const struct stillframe_engine *engine, uint32_t timeout_ms, struct stillframe_error *error);

/**
 * Must a value of this kind (STILLFRAME_KIND_*) be hidden under this name? STILLFRAME_OK: no. STILLFRAME_REDACTED: yes; do not read
 * it, write REDACTED with the rule's name, which is put into `rule` (NULL: not wanted) and lives as long as the engine. Any bytes may
 * be asked about.
 */
stillframe_status stillframe_name_is_redacted(const struct stillframe_engine *engine,
                                              struct stillframe_text name,
                                              uint32_t kind,
                                              struct stillframe_text *rule,
                                              struct stillframe_error *error);

/** The same for a type by its full name, module or package included. */
stillframe_status stillframe_type_is_redacted(const struct stillframe_engine *engine,
                                              struct stillframe_text type_name,
                                              struct stillframe_text *rule,
                                              struct stillframe_error *error);

/**
 * Plans a shape once, so that its values need not be asked about one by one: sets bit n % 64 of hidden[n / 64] if a value of this kind
 * must be hidden under names[n], and clears it otherwise; `hidden` has (names_len + 63) / 64 words. STILLFRAME_REDACTED: the type
 * itself is hidden, and so are all bits set.
 */
stillframe_status stillframe_shape_plan(const struct stillframe_engine *engine,
                                        struct stillframe_text type_name,
                                        const struct stillframe_text *names,
                                        size_t names_len,
                                        uint32_t kind,
                                        uint64_t *hidden,
                                        struct stillframe_error *error);

/**
 * The keyed hash that stands for a text which a name hid, for the tape's ALIAS: the same text elsewhere in the snapshot is then
 * hidden, too. STILLFRAME_NONE: that is switched off; write REDACTED.
 */
stillframe_status stillframe_text_alias(const struct stillframe_engine *engine,
                                        struct stillframe_text text,
                                        uint64_t *hash,
                                        struct stillframe_error *error);

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

/** Reads the counters. Those in motion at the time may be off by one. */
stillframe_status stillframe_stats_read(const struct stillframe_engine *engine,
                                        struct stillframe_stats *stats,
                                        struct stillframe_error *error);

/** The counters as a JSON object, with what was hidden and cut by reason, and the lines for people that were told so far. */
stillframe_status stillframe_stats_json(const struct stillframe_engine *engine,
                                        struct stillframe_bytes *out,
                                        struct stillframe_error *error);

/** Gives bytes back and makes them all zero, so that a second call does nothing. NULL does nothing. */
void stillframe_bytes_free(struct stillframe_bytes *bytes);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/**
 * `stillframe_site site = STILLFRAME_INIT(stillframe_site);` All zero, but for its size.
 */
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

/**
 * A view of a string that ends with a zero; NULL gives the empty view.
 */
static inline stillframe_text stillframe_text_of(const char *string) {
    stillframe_text view;
    view.ptr = string;
    view.len = string == NULL ? 0 : strlen(string);
    return view;
}

#endif  /* STILLFRAME_H */

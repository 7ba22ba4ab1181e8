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

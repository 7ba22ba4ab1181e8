//! What a call came to, as one number: 0 done, positive an outcome, negative an error.
//!
//! Numbers are for ever: new ones are added, none gets another meaning. Ranges: refusals from 1, drops from 20, other outcomes from 40;
//! misuse from -1, configuration from -100, tape from -200, limits from -300, internal from -400.

use std::ffi::CStr;

use stillframe_core::gate::Refusal;

/// What a call came to. Zero: done. Positive: an outcome that is no error, such as a refusal; it is counted, and nothing is left to do.
/// Negative: an error.
pub type stillframe_status = i32;

/// Done.
pub const STILLFRAME_OK: stillframe_status = 0;

/// Capturing is switched off.
pub const STILLFRAME_REFUSED_DISABLED: stillframe_status = 1;
/// The gate is closed: nothing can be captured at this time, whatever it is.
pub const STILLFRAME_REFUSED_CLOSED: stillframe_status = 2;
/// This site was captured often or recently enough.
pub const STILLFRAME_REFUSED_SITE: stillframe_status = 3;
/// The captures of this second are used up.
pub const STILLFRAME_REFUSED_RATE: stillframe_status = 4;
/// An exclusion rule matches.
pub const STILLFRAME_REFUSED_RULE: stillframe_status = 5;
/// A capture runs on this thread.
pub const STILLFRAME_REFUSED_REENTRANT: stillframe_status = 6;
/// As many snapshots as may wait are waiting.
pub const STILLFRAME_DROPPED_QUEUE: stillframe_status = 20;
/// The snapshots that wait hold as many bytes as they may.
pub const STILLFRAME_DROPPED_MEMORY: stillframe_status = 21;
/// The time was not enough, or a sink could not take everything.
pub const STILLFRAME_INCOMPLETE: stillframe_status = 40;
/// The name or type must be hidden.
pub const STILLFRAME_REDACTED: stillframe_status = 41;
/// There is none.
pub const STILLFRAME_NONE: stillframe_status = 42;

/// A pointer is NULL that may not be.
pub const STILLFRAME_ERROR_NULL: stillframe_status = -1;
/// The handle was freed, or never was one.
pub const STILLFRAME_ERROR_HANDLE: stillframe_status = -2;
/// A struct_size is smaller than the first version of its struct, or far larger than any.
pub const STILLFRAME_ERROR_STRUCT_SIZE: stillframe_status = -3;
/// A text is not UTF-8; the error's detail is where.
pub const STILLFRAME_ERROR_UTF8: stillframe_status = -4;
/// A length is larger than an object in memory can be.
pub const STILLFRAME_ERROR_LENGTH: stillframe_status = -5;
/// A number is none of those that are defined for its place.
pub const STILLFRAME_ERROR_VALUE: stillframe_status = -6;
/// The permit was used before, or was not given by stillframe_capture_admit().
pub const STILLFRAME_ERROR_PERMIT: stillframe_status = -7;
/// The engine is that of the parent process: stillframe_engine_after_fork() was not called.
pub const STILLFRAME_ERROR_FORKED: stillframe_status = -8;
/// A struct holds something that this version does not know, so it cannot be honoured: the header is newer than the library.
pub const STILLFRAME_ERROR_NEWER: stillframe_status = -100;
/// A rule cannot be used; the message says why, the detail at which character, from 1.
pub const STILLFRAME_ERROR_RULE: stillframe_status = -101;
/// The tape is not valid; the error's detail is the byte at which that was found.
pub const STILLFRAME_ERROR_TAPE: stillframe_status = -200;
/// The snapshot could not be redacted, so it is not shown.
pub const STILLFRAME_ERROR_REDACTION: stillframe_status = -201;
/// There is no such frame on the tape.
pub const STILLFRAME_ERROR_FRAME: stillframe_status = -202;
/// More elements or bytes than a call takes.
pub const STILLFRAME_ERROR_TOO_MUCH: stillframe_status = -300;
/// A bug of ours, caught. The engine has switched itself off; please report it.
pub const STILLFRAME_ERROR_PANIC: stillframe_status = -400;
/// The engine has switched itself off after a bug of ours.
pub const STILLFRAME_ERROR_DISABLED: stillframe_status = -401;
/// This library was built without that.
pub const STILLFRAME_ERROR_UNSUPPORTED: stillframe_status = -402;
/// The operating system refused; the message says what.
pub const STILLFRAME_ERROR_SYSTEM: stillframe_status = -403;

/// All of them with their names. A test compares it with the constants above.
pub(crate) const ALL: &[(stillframe_status, &CStr)] = &[
    (STILLFRAME_OK, c"STILLFRAME_OK"),
    (STILLFRAME_REFUSED_DISABLED, c"STILLFRAME_REFUSED_DISABLED"),
    (STILLFRAME_REFUSED_CLOSED, c"STILLFRAME_REFUSED_CLOSED"),
    (STILLFRAME_REFUSED_SITE, c"STILLFRAME_REFUSED_SITE"),
    (STILLFRAME_REFUSED_RATE, c"STILLFRAME_REFUSED_RATE"),
    (STILLFRAME_REFUSED_RULE, c"STILLFRAME_REFUSED_RULE"),
    (
        STILLFRAME_REFUSED_REENTRANT,
        c"STILLFRAME_REFUSED_REENTRANT",
    ),
    (STILLFRAME_DROPPED_QUEUE, c"STILLFRAME_DROPPED_QUEUE"),
    (STILLFRAME_DROPPED_MEMORY, c"STILLFRAME_DROPPED_MEMORY"),
    (STILLFRAME_INCOMPLETE, c"STILLFRAME_INCOMPLETE"),
    (STILLFRAME_REDACTED, c"STILLFRAME_REDACTED"),
    (STILLFRAME_NONE, c"STILLFRAME_NONE"),
    (STILLFRAME_ERROR_NULL, c"STILLFRAME_ERROR_NULL"),
    (STILLFRAME_ERROR_HANDLE, c"STILLFRAME_ERROR_HANDLE"),
    (
        STILLFRAME_ERROR_STRUCT_SIZE,
        c"STILLFRAME_ERROR_STRUCT_SIZE",
    ),
    (STILLFRAME_ERROR_UTF8, c"STILLFRAME_ERROR_UTF8"),
    (STILLFRAME_ERROR_LENGTH, c"STILLFRAME_ERROR_LENGTH"),
    (STILLFRAME_ERROR_VALUE, c"STILLFRAME_ERROR_VALUE"),
    (STILLFRAME_ERROR_PERMIT, c"STILLFRAME_ERROR_PERMIT"),
    (STILLFRAME_ERROR_FORKED, c"STILLFRAME_ERROR_FORKED"),
    (STILLFRAME_ERROR_NEWER, c"STILLFRAME_ERROR_NEWER"),
    (STILLFRAME_ERROR_RULE, c"STILLFRAME_ERROR_RULE"),
    (STILLFRAME_ERROR_TAPE, c"STILLFRAME_ERROR_TAPE"),
    (STILLFRAME_ERROR_REDACTION, c"STILLFRAME_ERROR_REDACTION"),
    (STILLFRAME_ERROR_FRAME, c"STILLFRAME_ERROR_FRAME"),
    (STILLFRAME_ERROR_TOO_MUCH, c"STILLFRAME_ERROR_TOO_MUCH"),
    (STILLFRAME_ERROR_PANIC, c"STILLFRAME_ERROR_PANIC"),
    (STILLFRAME_ERROR_DISABLED, c"STILLFRAME_ERROR_DISABLED"),
    (
        STILLFRAME_ERROR_UNSUPPORTED,
        c"STILLFRAME_ERROR_UNSUPPORTED",
    ),
    (STILLFRAME_ERROR_SYSTEM, c"STILLFRAME_ERROR_SYSTEM"),
];

/// The name of a status, empty for a number that this version does not know.
pub(crate) fn name(status: stillframe_status) -> &'static CStr {
    ALL.iter()
        .find(|(code, _)| *code == status)
        .map_or(c"", |(_, name)| name)
}

pub(crate) const fn of_refusal(refusal: Refusal) -> stillframe_status {
    match refusal {
        Refusal::Disabled => STILLFRAME_REFUSED_DISABLED,
        Refusal::Closed => STILLFRAME_REFUSED_CLOSED,
        Refusal::Site => STILLFRAME_REFUSED_SITE,
        Refusal::Rate => STILLFRAME_REFUSED_RATE,
        Refusal::Rule(_) => STILLFRAME_REFUSED_RULE,
        Refusal::Reentrant => STILLFRAME_REFUSED_REENTRANT,
    }
}

//! One report: from the gate to the queue.

use std::borrow::Cow;
use std::ffi::{CStr, c_char};
use std::ptr::null_mut;
use std::time::Duration;

use stillframe_core::engine::{Engine, Submission, now_ns};
use stillframe_core::gate::{Admission, Raised, SiteFacts, SiteHash, SiteHasher};
use stillframe_core::limits::Limits;
use stillframe_core::native::type_name;
use stillframe_core::queue::Full;
use stillframe_core::snapshot::{Meta, SnapshotId, Thread};
use stillframe_core::stats::Outcome;
use stillframe_core::tape::Message;

use super::layout::{
    FAILURE_FLAGS, FAILURE_FLUSH, FAILURE_MANGLED, FAILURE_UNHANDLED, OPEN_SCOPES, Place,
    stillframe_failure, stillframe_thread,
};
use super::stack::Registers;
use super::start::{self, Using};
use super::walk::{Order, record};
use super::{Errno, images, signal, thread, thrown};
use crate::error::Failure;
use crate::guard::{guard, inside};
use crate::sized;
use crate::status::{
    STILLFRAME_DROPPED_QUEUE, STILLFRAME_ERROR_NULL, STILLFRAME_OK, STILLFRAME_REFUSED_DISABLED,
    of_refusal, stillframe_status,
};

/// How long a program that ends waits until its last capture is stored.
const LAST_FLUSH: Duration = Duration::from_secs(2);
/// Scopes that tell one path to a failure from another.
const SITE_SCOPES: u64 = 8;
/// Bytes of a type's name that are read.
pub(crate) const MAX_TYPE: usize = 1024;
/// Bytes of a message that are read.
const MAX_MESSAGE: usize = 64 << 10;

/// Captures.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_capture_failure(
    failure: *const stillframe_failure,
) -> stillframe_status {
    guard!(null_mut(), using = start::using(), {
        let _errno = Errno::keep();
        let Some(using) = &using else {
            return Ok(STILLFRAME_REFUSED_DISABLED);
        };
        inside(|| {
            // SAFETY: the contract: a struct of the size that it says.
            let failure = unsafe { sized::read::<stillframe_failure>(failure) }?;
            let Some(engine) = using.engine() else {
                return Ok(STILLFRAME_REFUSED_DISABLED);
            };
            // SAFETY: the contract: its texts end with a zero, and its pointers are NULL or valid.
            let result = unsafe { report(using, engine, &failure) }?;
            let is_stored = failure.flags & FAILURE_FLUSH == 0 || engine.flush(LAST_FLUSH);
            if failure.flags & FAILURE_UNHANDLED != 0 && result == STILLFRAME_OK && is_stored {
                // The abort that follows is no news. What still waits ends with the process: then its record is all that is left.
                signal::handler::told();
            }
            Ok(result)
        })
    })
}

/// # Safety
///
/// The texts end with a zero; the pointers are NULL or valid.
unsafe fn report(
    using: &Using,
    engine: &Engine,
    failure: &stillframe_failure,
) -> Result<stillframe_status, Failure> {
    if failure.type_name.is_null() {
        return Err(Failure::of(STILLFRAME_ERROR_NULL, "type", "NULL"));
    }
    let known = failure.flags & FAILURE_FLAGS;
    // SAFETY: passed on to the caller.
    let given = unsafe { text(failure.type_name, MAX_TYPE) };
    let name = match known & FAILURE_MANGLED {
        0 => given,
        _ => Cow::Owned(type_name(&given)),
    };
    let record_of_thread = thread::current();
    // What was captured where it was thrown shows more than what is left here.
    let kept = thrown::take(failure.exception.addr(), &name);
    let site = match &kept {
        Some(kept) => kept.site,
        None => site(&name, failure.caller.addr(), record_of_thread),
    };
    // SAFETY: the contract: NULL, or a place in the program's constant data.
    let function = unsafe { function_of(failure.place) };
    let facts = SiteFacts {
        type_name: &name,
        module: "",
        function: &function,
    };
    let permit = match engine.admit(site, || facts) {
        Admission::Admitted(permit) => permit,
        Admission::Refused(refusal) => return Ok(of_refusal(refusal)),
    };
    // SAFETY: passed on to the caller.
    let message = (!failure.message.is_null())
        .then(|| unsafe { beginning(failure.message, MAX_MESSAGE, failure.message_more as usize) });
    let message = message
        .as_ref()
        .map(|(text, more)| Message { text, more: *more });
    let (tape, deeper) = match kept {
        Some(kept) => (kept.finish(message), false),
        None => {
            let order = Now {
                name: &name,
                message,
                caller: failure.caller.addr() as u64,
                skip_system: known & FAILURE_UNHANDLED != 0 || failure.caller.is_null(),
                thread: record_of_thread,
            };
            let limits = match permit.deeper() {
                Some(depth) => depth.raise(&engine.config().limits),
                None => engine.config().limits,
            };
            let deeper = permit.deeper().is_some();
            (capture(using, engine, &limits, &order), deeper)
        }
    };
    let Some(tape) = tape else {
        engine.count_dropped(Outcome::DroppedTape);
        return Ok(STILLFRAME_DROPPED_QUEUE);
    };
    // SAFETY: passed on to the caller.
    let mechanism = (!failure.mechanism.is_null()).then(|| unsafe { text(failure.mechanism, 64) });
    let timestamp_ns = now_ns();
    let submission = Submission {
        tape: tape.into(),
        meta: Meta {
            id: SnapshotId::generate(timestamp_ns),
            timestamp_ns,
            process: engine.process().clone(),
            thread: Some(this_thread()),
            handled: known & FAILURE_UNHANDLED == 0,
            mechanism: mechanism.map(Cow::into_owned),
            ..Meta::default()
        },
        site: Some(site),
        deeper,
    };
    Ok(match engine.submit(submission) {
        Ok(()) => STILLFRAME_OK,
        // It was stopped meanwhile.
        Err(Full::Closed) => STILLFRAME_REFUSED_DISABLED,
        Err(_) => STILLFRAME_DROPPED_QUEUE,
    })
}

/// A capture of this thread as it is.
pub(crate) struct Now<'n> {
    pub(crate) name: &'n str,
    pub(crate) message: Option<Message<'n>>,
    pub(crate) caller: u64,
    pub(crate) skip_system: bool,
    pub(crate) thread: *const stillframe_thread,
}

/// Captures the calling thread.
#[inline(never)]
pub(crate) fn capture(
    using: &Using,
    engine: &Engine,
    limits: &Limits,
    now: &Now<'_>,
) -> Option<Vec<u8>> {
    #[cfg(feature = "test-hooks")]
    panic_if_asked(now.name);
    let is_current = images::refresh();
    let loaded = images::using()?;
    let mut recorder = using.pool.take(limits);
    let order = Order {
        type_name: now.name,
        message: now.message,
        registers: Registers::here(),
        live: true,
        is_current,
        caller: now.caller,
        skip_system: now.skip_system,
        thread: now.thread,
        limits,
        redactor: engine.redactor(),
        alias_key: engine.alias_key(),
        hides_copies: false,
    };
    let taken = record(&mut recorder, &loaded, &order);
    let tape = taken.map(|(tape, duration)| (tape.to_vec(), duration));
    let values = recorder.tools.writer.values();
    using.pool.give_back(recorder, limits);
    let (tape, duration) = tape?;
    engine.count_walk(duration, values, tape.len(), false);
    Some(tape)
}

/// For tests of what a panic does.
#[cfg(feature = "test-hooks")]
#[expect(clippy::panic, reason = "what it is for")]
fn panic_if_asked(name: &str) {
    if name == "StillframeTestPanic" {
        panic!("asked for");
    }
}

/// The identity of a failure's place: who reports, and through which scopes.
pub(crate) fn site(name: &str, caller: usize, thread: *const stillframe_thread) -> SiteHash {
    let mut hasher = SiteHasher::new(SiteHasher::text(name));
    hasher.frame(caller as u64, 0, 0);
    // SAFETY: this thread's own record.
    let depth = unsafe { (&raw const (*thread).depth).read_volatile() };
    for number in depth.saturating_sub(SITE_SCOPES)..depth {
        // SAFETY: as above. Only where the frame lies is taken, which is the same for the same path: nothing is followed.
        let open =
            unsafe { (&raw const (*thread).open[number as usize % OPEN_SCOPES]).read_volatile() };
        let size = thread_top(thread, number).wrapping_sub(open.cfa);
        hasher.frame(size as u64, 1, 0);
    }
    hasher.finish(Raised::First)
}

/// The frame of the scope outside of number `number`, or its own.
fn thread_top(thread: *const stillframe_thread, number: u64) -> usize {
    let outer = number.saturating_sub(1) as usize % OPEN_SCOPES;
    // SAFETY: this thread's own record.
    unsafe { (&raw const (*thread).open[outer]).read_volatile() }.cfa
}

/// The calling thread as snapshots name it.
pub(crate) fn this_thread() -> Thread {
    let mut name = [0_u8; 16];
    // SAFETY: the buffer has the size that the call asks for.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    let end = name
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(name.len());
    let text = String::from_utf8_lossy(&name[..end]).into_owned();
    Thread {
        id: u64::try_from(thread::tid()).unwrap_or(0),
        name: (!text.is_empty()).then_some(text),
    }
}

/// # Safety
///
/// NULL, or a place whose function is NULL or a text that ends with a zero.
unsafe fn function_of<'p>(place: *const Place) -> Cow<'p, str> {
    // SAFETY: passed on to the caller.
    match unsafe { place.as_ref() } {
        // SAFETY: as above.
        Some(place) if place.function != 0 => unsafe {
            text(place.function as *const c_char, MAX_TYPE)
        },
        _ => Cow::Borrowed(""),
    }
}

/// # Safety
///
/// A text that ends with a zero.
pub(crate) unsafe fn text<'t>(at: *const c_char, most: usize) -> Cow<'t, str> {
    // SAFETY: passed on to the caller.
    unsafe { beginning(at, most, 0) }.0
}

/// At most the first `most` bytes of a text, and how many it has beyond them: `more` do not stand there, which may cut a character in two.
///
/// # Safety
///
/// As of [`text`].
unsafe fn beginning<'t>(at: *const c_char, most: usize, more: usize) -> (Cow<'t, str>, usize) {
    // SAFETY: passed on to the caller.
    let whole = unsafe { CStr::from_ptr(at) }.to_bytes();
    let more = more + whole.len().saturating_sub(most);
    let bytes = &whole[..whole.len().min(most)];
    let text = match std::str::from_utf8(bytes) {
        Err(error) if more > 0 && error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    };
    (String::from_utf8_lossy(text), more)
}

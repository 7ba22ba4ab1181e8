//! Captures: a tape and what stands beside it, on its way to the background.

use std::sync::Arc;

use stillframe_core::engine::{Engine, Submission, now_ns};
use stillframe_core::gate::SiteHash;
use stillframe_core::queue::Full;
use stillframe_core::snapshot::{AttributeValue, Meta, SessionLink, SnapshotId, Thread};
use stillframe_core::stats::Outcome;
use stillframe_core::tape::{Header, TapeError};

use crate::error::{Failure, stillframe_error};
use crate::guard::{done, guard, inside};
use crate::handle::stillframe_engine;
use crate::permit::{self, STILLFRAME_PERMIT_DEEPER, stillframe_permit};
use crate::sized::{self, sized};
use crate::status::{
    STILLFRAME_DROPPED_MEMORY, STILLFRAME_DROPPED_QUEUE, STILLFRAME_ERROR_TAPE,
    STILLFRAME_ERROR_TOO_MUCH, STILLFRAME_ERROR_VALUE, stillframe_status,
};
use crate::text::{slice, stillframe_text};

/// The program handled the exception and goes on.
pub const STILLFRAME_CAPTURE_HANDLED: u32 = 1;
/// `span_id` counts although it is 0.
pub const STILLFRAME_CAPTURE_HAS_SPAN: u32 = 2;
/// `thread_id` counts although it is 0.
pub const STILLFRAME_CAPTURE_HAS_THREAD: u32 = 4;

/// A text, in `text`.
pub const STILLFRAME_ATTRIBUTE_TEXT: u32 = 1;
/// An integer, in `integer`.
pub const STILLFRAME_ATTRIBUTE_INTEGER: u32 = 2;
/// A number, in `number`.
pub const STILLFRAME_ATTRIBUTE_NUMBER: u32 = 3;
/// A truth value, in `integer`.
pub const STILLFRAME_ATTRIBUTE_BOOL: u32 = 4;

/// Elements of one list.
const MOST: usize = 4096;
/// Attributes looked at; a snapshot keeps 64, and tells how many it does not.
const ATTRIBUTES: usize = 256;
/// Bytes of a text beside the tape that are copied; a snapshot keeps 1024, and what makes out secrets that go on behind them.
const TEXT: usize = 2048;
/// Bytes of a name.
const NAME: usize = 256;
/// Session links and parts of a fingerprint.
const FEW: usize = 32;

/// An attribute of the request, the user or the program.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct stillframe_attribute {
    /// Its name.
    pub name: stillframe_text,
    /// STILLFRAME_ATTRIBUTE_*.
    pub kind: u32,
    /// 0.
    pub reserved: u32,
    /// The value of a text.
    pub text: stillframe_text,
    /// The value of an integer or a truth value.
    pub integer: i64,
    /// The value of another number.
    pub number: f64,
}

/// A session of the user in another system, where the same moment can be watched.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct stillframe_session_link {
    /// Name of the attribute that it came by.
    pub name: stillframe_text,
    /// Id of the session there.
    pub id: stillframe_text,
    /// Address of its page, if that is known.
    pub url: stillframe_text,
}

/// A captured exception: its tape, and what stands beside it. What is beside the tape is redacted and bounded like values.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct stillframe_capture {
    /// sizeof(stillframe_capture), set by the caller.
    pub struct_size: usize,
    /// The tape.
    pub tape: *const u8,
    /// Its bytes.
    pub tape_len: usize,
    /// STILLFRAME_CAPTURE_*.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
    /// By which way the exception was met: "terminate", "http".
    pub mechanism: stillframe_text,
    /// The thread that raised, as the host counts threads. Not said: the calling thread, as the system counts.
    pub thread_id: u64,
    /// Its name.
    pub thread_name: stillframe_text,
    /// Trace that was active, in network order; all zero: none.
    pub trace_id: [u8; 16],
    /// Span that was active; 0: none.
    pub span_id: u64,
    /// Attributes of the request, tags of the program. A snapshot keeps 64, of 1 KiB each.
    pub attributes: *const stillframe_attribute,
    /// How many.
    pub attributes_len: usize,
    /// Whom it happened to: "id", "name", "email".
    pub user: *const stillframe_attribute,
    /// How many.
    pub user_len: usize,
    /// Sessions of that user elsewhere.
    pub session_links: *const stillframe_session_link,
    /// How many.
    pub session_links_len: usize,
    /// Grouping asked for by the program; parts may hold "{{ default }}". None: by type and place.
    pub fingerprint: *const stillframe_text,
    /// How many parts.
    pub fingerprint_len: usize,
    /// Id of the snapshot; all zero: that of the permit, or a new one.
    pub id: [u8; 16],
    /// When it was captured, in ns since 1970; 0: when it was admitted, or now.
    pub timestamp_ns: u64,
}

sized!(stillframe_capture, least = timestamp_ns: u64);

impl stillframe_capture {
    /// The tape, its header checked.
    ///
    /// # Safety
    ///
    /// `tape` is NULL or points to `tape_len` bytes that nobody writes during `'t`.
    unsafe fn tape<'t>(&self) -> Result<(&'t [u8], Header), Failure> {
        // SAFETY: passed on to the caller.
        let tape = unsafe { slice(self.tape, self.tape_len, "tape") }?;
        let header = Header::decode(tape).map_err(|error| refused(&error))?;
        Ok((tape, header))
    }

    /// What stands beside the tape, copied.
    ///
    /// # Safety
    ///
    /// All views and pointers are valid for this call.
    unsafe fn meta(
        &self,
        engine: &Engine,
        id: [u8; 16],
        timestamp_ns: u64,
    ) -> Result<Meta, Failure> {
        // SAFETY: passed on to the caller, for every view.
        unsafe {
            let has = |flag| self.flags & flag != 0;
            let own = self.thread_id == 0 && !has(STILLFRAME_CAPTURE_HAS_THREAD);
            let links = list(self.session_links, self.session_links_len, "session_links")?;
            let links = links.iter().take(FEW).map(|link| link.read());
            let parts = list(self.fingerprint, self.fingerprint_len, "fingerprint")?;
            let parts = parts
                .iter()
                .take(FEW)
                .map(|part| copy(*part, "fingerprint", TEXT));
            Ok(Meta {
                id: SnapshotId(id),
                timestamp_ns,
                process: Arc::clone(engine.process()),
                thread: Some(Thread {
                    id: if own { thread_id() } else { self.thread_id },
                    name: copied(self.thread_name, "thread_name", NAME)?,
                }),
                handled: has(STILLFRAME_CAPTURE_HANDLED),
                mechanism: copied(self.mechanism, "mechanism", NAME)?,
                trace_id: (self.trace_id != [0; 16]).then(|| u128::from_be_bytes(self.trace_id)),
                span_id: (self.span_id != 0 || has(STILLFRAME_CAPTURE_HAS_SPAN))
                    .then_some(self.span_id),
                attributes: attributes(self.attributes, self.attributes_len, "attributes")?,
                user: attributes(self.user, self.user_len, "user")?,
                session_links: links.collect::<Result<_, _>>()?,
                fingerprint: match self.fingerprint_len {
                    0 => None,
                    _ => Some(parts.collect::<Result<_, _>>()?),
                },
            })
        }
    }

    /// The capture for the engine, without a site. The one copy of the tape.
    ///
    /// # Safety
    ///
    /// As [`stillframe_capture::meta`].
    pub(crate) unsafe fn submission(&self, engine: &Engine) -> Result<Submission, Failure> {
        let timestamp_ns = match self.timestamp_ns {
            0 => now_ns(),
            told => told,
        };
        let id = match self.id {
            id if id == [0; 16] => SnapshotId::generate(timestamp_ns).0,
            told => told,
        };
        // SAFETY: passed on to the caller.
        let (tape, meta) = unsafe { (self.tape()?.0, self.meta(engine, id, timestamp_ns)?) };
        Ok(Submission {
            tape: tape.into(),
            meta,
            site: None,
            deeper: false,
        })
    }
}

/// What a refused tape is to a caller.
pub(crate) fn refused(error: &TapeError) -> Failure {
    Failure::made(STILLFRAME_ERROR_TAPE, error.to_string()).with_detail(error.offset())
}

/// The elements of a list of the caller's, if they are not too many.
///
/// # Safety
///
/// As [`slice`].
unsafe fn list<'t, T>(ptr: *const T, len: usize, name: &'static str) -> Result<&'t [T], Failure> {
    if len > MOST {
        return Err(Failure::of(
            STILLFRAME_ERROR_TOO_MUCH,
            name,
            "more than 4096",
        ));
    }
    // SAFETY: passed on to the caller.
    unsafe { slice(ptr, len, name) }
}

/// The beginning of a text, copied; the whole text is checked to be one only as far as it is copied.
///
/// # Safety
///
/// The view is valid for this call.
unsafe fn copy(text: stillframe_text, name: &'static str, most: usize) -> Result<String, Failure> {
    // SAFETY: passed on to the caller.
    let text = unsafe { text.read(name) }?;
    Ok(text[..text.floor_char_boundary(most)].to_owned())
}

/// The same for a text that may be empty.
///
/// # Safety
///
/// As [`copy`].
unsafe fn copied(
    text: stillframe_text,
    name: &'static str,
    most: usize,
) -> Result<Option<String>, Failure> {
    // SAFETY: passed on to the caller.
    let text = unsafe { copy(text, name, most) }?;
    Ok((!text.is_empty()).then_some(text))
}

/// # Safety
///
/// As [`slice`], and the views of the elements are valid for this call.
unsafe fn attributes(
    ptr: *const stillframe_attribute,
    len: usize,
    name: &'static str,
) -> Result<Vec<(String, AttributeValue)>, Failure> {
    // SAFETY: passed on to the caller.
    let attributes = unsafe { list(ptr, len, name) }?;
    let read = |attribute: &stillframe_attribute| {
        let value = match attribute.kind {
            STILLFRAME_ATTRIBUTE_TEXT => {
                // SAFETY: passed on to the caller.
                let text = unsafe { copy(attribute.text, name, TEXT) }?;
                AttributeValue::Text(text)
            }
            STILLFRAME_ATTRIBUTE_INTEGER => AttributeValue::Int(attribute.integer),
            STILLFRAME_ATTRIBUTE_NUMBER => AttributeValue::Float(attribute.number),
            STILLFRAME_ATTRIBUTE_BOOL => AttributeValue::Bool(attribute.integer != 0),
            _ => {
                return Err(Failure::of(
                    STILLFRAME_ERROR_VALUE,
                    name,
                    "no such kind of attribute",
                ));
            }
        };
        // SAFETY: passed on to the caller.
        Ok((unsafe { copy(attribute.name, name, NAME) }?, value))
    };
    attributes.iter().take(ATTRIBUTES).map(read).collect()
}

impl stillframe_session_link {
    /// # Safety
    ///
    /// The views are valid for this call.
    unsafe fn read(&self) -> Result<SessionLink, Failure> {
        // SAFETY: passed on to the caller.
        unsafe {
            Ok(SessionLink {
                name: copy(self.name, "session_links", NAME)?,
                id: copy(self.id, "session_links", TEXT)?,
                url: copied(self.url, "session_links", TEXT)?,
            })
        }
    }
}

/// The calling thread, as the system counts.
#[cfg(target_os = "linux")]
fn thread_id() -> u64 {
    // SAFETY: the call takes nothing and cannot fail. Not `gettid`, which is newer than the oldest C library that we load with.
    let id = unsafe { libc::syscall(libc::SYS_gettid) };
    u64::try_from(id).unwrap_or(0)
}

/// The calling thread, as the C library counts.
#[cfg(not(target_os = "linux"))]
fn thread_id() -> u64 {
    // SAFETY: the call takes nothing and cannot fail.
    unsafe { libc::pthread_self() as u64 }
}

/// Ends the permit and hands the capture to the background, which validates, redacts, groups, encodes and stores it. Copies what it
/// needs; wakes nobody. STILLFRAME_DROPPED_* (positive): too much waits already; the capture is counted and gone. The permit is used up
/// whatever comes out, unless the status is STILLFRAME_ERROR_PERMIT or an error about the handle.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_capture_submit(
    engine: *const stillframe_engine,
    permit: *mut stillframe_permit,
    capture: *const stillframe_capture,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, engine, {
        inside(|| {
            let inner = stillframe_engine::get(engine)?;
            // SAFETY: the contract: NULL or a permit of the size that it says, the caller's own.
            let given = unsafe { take(permit) }?;
            stillframe_engine::working(engine)?;
            // SAFETY: the contract: what the capture points to is valid for this call.
            let submission = unsafe { read(&inner.engine, &given, capture) };
            match submission {
                Ok(submission) => match inner.engine.submit(submission) {
                    Ok(()) => done(),
                    Err(Full::Items | Full::Closed) => Ok(STILLFRAME_DROPPED_QUEUE),
                    Err(Full::Bytes) => Ok(STILLFRAME_DROPPED_MEMORY),
                },
                Err(failure) => {
                    let outcome = match failure.status {
                        STILLFRAME_ERROR_TAPE => Outcome::DroppedTape,
                        _ => Outcome::DroppedCancelled,
                    };
                    inner.engine.count_dropped(outcome);
                    Err(failure)
                }
            }
        })
    })
}

/// Ends the permit without a capture; it is counted as dropped_cancelled.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_capture_cancel(
    engine: *const stillframe_engine,
    permit: *mut stillframe_permit,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, engine, {
        inside(|| {
            let inner = stillframe_engine::get(engine)?;
            // SAFETY: the contract: NULL or a permit of the size that it says, the caller's own.
            unsafe { take(permit) }?;
            inner.engine.count_dropped(Outcome::DroppedCancelled);
            done()
        })
    })
}

/// Ends a permit, here and in the caller's struct.
///
/// # Safety
///
/// `permit` is NULL or a permit of the caller's, writable.
unsafe fn take(permit: *mut stillframe_permit) -> Result<stillframe_permit, Failure> {
    // SAFETY: passed on to the caller.
    let given = unsafe { sized::read::<stillframe_permit>(permit) }?;
    permit::end(given.token)?;
    // SAFETY: it was read just now.
    unsafe { (&raw mut (*permit).token).write(0) };
    Ok(given)
}

/// # Safety
///
/// `capture` is NULL or a capture of the size that it says, and what it points to is valid for this call.
unsafe fn read(
    engine: &Engine,
    permit: &stillframe_permit,
    capture: *const stillframe_capture,
) -> Result<Submission, Failure> {
    // SAFETY: passed on to the caller.
    let mut capture = unsafe { sized::read::<stillframe_capture>(capture) }?;
    if capture.id == [0; 16] {
        capture.id = permit.id;
    }
    if capture.timestamp_ns == 0 {
        capture.timestamp_ns = permit.timestamp_ns;
    }
    // SAFETY: passed on to the caller.
    let submission = unsafe { capture.submission(engine) }?;
    // SAFETY: as above.
    let (tape, header) = unsafe { capture.tape() }?;
    engine.count_walk(header.duration, header.values, tape.len(), false);
    Ok(Submission {
        site: Some(SiteHash::from_parts(permit.path, permit.origin)),
        deeper: permit.flags & STILLFRAME_PERMIT_DEEPER != 0,
        ..submission
    })
}

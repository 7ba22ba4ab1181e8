//! Why a call failed: a number, a detail, a message; in the caller's memory.

use std::ffi::c_char;
use std::fmt::{self, Write as _};
use std::mem::offset_of;

use crate::status::stillframe_status;

/// Bytes of a message, its terminating zero included.
pub const STILLFRAME_MESSAGE_BYTES: usize = 232;

/// Why a call failed. The caller sets `struct_size` to sizeof(stillframe_error) and passes its address as the last argument, or NULL. It
/// is written when the status is negative, and left alone otherwise.
#[repr(C)]
pub struct stillframe_error {
    /// sizeof(stillframe_error), set by the caller.
    pub struct_size: usize,
    /// The status that the call returned.
    pub status: stillframe_status,
    /// A number that belongs to the status, as its comment says; else 0.
    pub detail: u32,
    /// One line for people: UTF-8, terminated, cut if it is longer. Holds no value of the program and no secret.
    pub message: [c_char; STILLFRAME_MESSAGE_BYTES],
}

/// What an export returns inside: the status and what to say about it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: stillframe_status,
    pub(crate) detail: u32,
    pub(crate) message: Message,
}

/// A message without a heap: a fixed text, or one that is made when somebody wants it.
#[derive(Debug)]
pub(crate) enum Message {
    Fixed(&'static str),
    Argument(&'static str, &'static str),
    Made(String),
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(text) => f.write_str(text),
            Self::Argument(name, what) => write!(f, "{name}: {what}"),
            Self::Made(text) => f.write_str(text),
        }
    }
}

impl Failure {
    pub(crate) const fn new(status: stillframe_status, message: &'static str) -> Self {
        Self {
            status,
            detail: 0,
            message: Message::Fixed(message),
        }
    }

    /// About the argument or member of this name.
    pub(crate) const fn of(
        status: stillframe_status,
        name: &'static str,
        what: &'static str,
    ) -> Self {
        Self {
            status,
            detail: 0,
            message: Message::Argument(name, what),
        }
    }

    pub(crate) fn made(status: stillframe_status, message: String) -> Self {
        Self {
            status,
            detail: 0,
            message: Message::Made(message),
        }
    }

    pub(crate) fn with_detail(mut self, detail: usize) -> Self {
        self.detail = u32::try_from(detail).unwrap_or(u32::MAX);
        self
    }
}

/// Writes to a fixed buffer and drops what does not fit, whole characters only.
struct Fit<'b> {
    buffer: &'b mut [u8],
    used: usize,
    full: bool,
}

impl fmt::Write for Fit<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            let end = self.used + character.len_utf8();
            if self.full || end > self.buffer.len() {
                self.full = true;
                return Ok(());
            }
            // A message is one line, whatever it quotes.
            let shown = if character.is_control() {
                ' '
            } else {
                character
            };
            shown.encode_utf8(&mut self.buffer[self.used..end]);
            self.used += shown.len_utf8();
        }
        Ok(())
    }
}

/// Tells the caller, if it wants to know. Never panics: `failure`'s text is ours or was made before.
///
/// # Safety
///
/// `error` is NULL or points to a writable `struct_size` and as many bytes as that says.
pub(crate) unsafe fn tell(error: *mut stillframe_error, failure: &Failure) {
    if error.is_null() || !error.is_aligned() {
        return;
    }
    // SAFETY: not NULL and aligned, so by the caller's promise `struct_size` can be read.
    let size = unsafe { (*error).struct_size }.min(size_of::<stillframe_error>());
    let start = offset_of!(stillframe_error, message);
    if size <= start {
        return;
    }
    let mut buffer = [0_u8; STILLFRAME_MESSAGE_BYTES];
    let room = (size - start).min(buffer.len());
    let mut fit = Fit {
        buffer: &mut buffer[..room - 1],
        used: 0,
        full: false,
    };
    let _ = write!(fit, "{}", failure.message);
    // SAFETY: `struct_size` says that status, detail and `room` bytes of the message are the caller's memory, and writable.
    unsafe {
        (&raw mut (*error).status).write(failure.status);
        (&raw mut (*error).detail).write(failure.detail);
        let message = (&raw mut (*error).message).cast::<u8>();
        message.copy_from_nonoverlapping(buffer.as_ptr(), room);
    }
}

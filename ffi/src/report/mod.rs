//! Errors of programs in C and C++, with the values of the variables that they registered.
//!
//! ```text
//! program ── stillframe_report.h: scopes and variables, on its own stack
//!                 │ stillframe_capture_failure, a throw, a fatal signal
//!                 ▼
//! gate ── stack (addresses only) ── walk (safe reads, breadth-first) ── tape ──▶ engine: names of the frames, redact, ...
//! ```
//!
//! | file | idea |
//! |---|---|
//! | [`layout`] | what the header's structs look like from here |
//! | [`thread`] | each thread's open scopes |
//! | [`memory`] | reads that cannot crash |
//! | [`images`], [`stack`] | addresses of the callers |
//! | [`scopes`] | which frame a scope belongs to, and whether it still runs |
//! | [`value`], [`text`], [`walk`] | values onto a tape |
//! | [`copies`] | what a name hides, elsewhere |
//! | [`recorder`] | the memory of all that, made before it is needed |
//! | [`start`] | the process's engine |
//! | [`failure`] | one report |
//! | [`thrown`] | what was captured at a throw, until somebody reports it |
//! | [`signal`] | fatal signals |
//!
//! Nothing on the capturing path up to the finished tape allocates, locks or calls code of the program, so that the same path serves in a
//! signal handler. Its header, `stillframe_report.h`, is written by hand: most of it are macros.

pub mod copies;
pub mod failure;
pub mod images;
pub mod layout;
pub mod memory;
pub mod recorder;
pub mod scopes;
pub mod signal;
pub mod stack;
pub mod start;
pub mod text;
pub mod thread;
pub mod thrown;
pub mod value;
pub mod walk;

/// Keeps the caller's `errno` over a call of ours.
pub(crate) struct Errno(i32);

impl Errno {
    pub(crate) fn keep() -> Self {
        // SAFETY: the location is this thread's, and valid while it lives.
        Self(unsafe { *libc::__errno_location() })
    }
}

impl Drop for Errno {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { *libc::__errno_location() = self.0 };
    }
}

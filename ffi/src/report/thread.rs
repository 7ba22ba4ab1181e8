//! Each thread's open scopes, and where a signal handler finds them.
//!
//! The record lies in the library's thread-local memory: it has the thread's lifetime, nothing to free, and is there for what runs late
//! at the thread's end. A signal handler must not be the first to touch such memory (in a library loaded at run time that allocates), so
//! threads also put themselves into a table by their number.

use std::cell::UnsafeCell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};

use super::Errno;
use super::layout::{OPEN_SCOPES, Open, stillframe_thread};
use crate::guard::guard;

/// Threads whose scopes a signal handler can find at one time.
const SEATS: usize = 4096;

struct Seat {
    tid: AtomicI32,
    record: AtomicPtr<stillframe_thread>,
}

static TABLE: [Seat; SEATS] = [const {
    Seat {
        tid: AtomicI32::new(0),
        record: AtomicPtr::new(null_mut()),
    }
}; SEATS];

thread_local! {
    static RECORD: UnsafeCell<stillframe_thread> = const {
        UnsafeCell::new(stillframe_thread {
            depth: 0,
            open: [Open { cfa: 0, caller: 0, scope: 0 }; OPEN_SCOPES],
        })
    };
    static PRESENT: Present = Present::sit();
}

/// A thread's seat in the table, until it ends.
struct Present(Option<&'static Seat>);

impl Present {
    fn sit() -> Self {
        // What the header's `stillframe_scope_open` looks at where no scope is open. Until the seat is taken, that is all: it is a shortcut.
        // SAFETY: this thread's own record, which it is about to get for the first time.
        unsafe { (&raw mut (*record()).open[OPEN_SCOPES - 1].cfa).write(usize::MAX) };
        let tid = tid();
        let first = usize::try_from(tid).unwrap_or(0);
        let mut seats = (0..SEATS).map(|step| &TABLE[(first + step) % SEATS]);
        let seat = seats.find(|seat| {
            seat.tid
                .compare_exchange(0, -1, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        });
        if let Some(seat) = seat {
            seat.record.store(record(), Ordering::Release);
            seat.tid.store(tid, Ordering::Release);
        }
        Self(seat)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        if let Some(seat) = self.0 {
            seat.record.store(null_mut(), Ordering::Release);
            seat.tid.store(0, Ordering::Release);
        }
    }
}

fn record() -> *mut stillframe_thread {
    RECORD.with(UnsafeCell::get)
}

/// This thread's record, for a capture on it.
pub(crate) fn current() -> *const stillframe_thread {
    record()
}

/// The record of a thread, for a signal handler; null if it never opened a scope.
pub(crate) fn of(tid: i32) -> *const stillframe_thread {
    let first = usize::try_from(tid).unwrap_or(0);
    for step in 0..SEATS {
        let seat = &TABLE[(first + step) % SEATS];
        if seat.tid.load(Ordering::Acquire) == tid {
            return seat.record.load(Ordering::Acquire);
        }
    }
    null_mut()
}

/// The number of the calling thread.
pub(crate) fn tid() -> i32 {
    // SAFETY: a system call without arguments that cannot fail. Not `gettid`, which is newer than the oldest C library that we load with.
    let tid = unsafe { libc::syscall(libc::SYS_gettid) };
    i32::try_from(tid).unwrap_or(0)
}

/// The calling thread's scopes; the address stays the same while the thread lives.
#[unsafe(no_mangle)]
pub extern "C" fn stillframe_thread_current() -> *mut stillframe_thread {
    guard!(else record(), {
        let _errno = Errno::keep();
        let _ = PRESENT.try_with(|_| ());
        record()
    })
}

//! Each thread's open scopes, and where a signal handler finds them.
//!
//! The record lies in the library's thread-local memory: it has the thread's lifetime, nothing to free, and is there for what runs late
//! at the thread's end. A signal handler must not be the first to touch such memory (in a library loaded at run time that allocates), so
//! threads also put themselves into a table, by what the C library calls them: a forked child has another number, but not another name.

use std::cell::UnsafeCell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicUsize, Ordering};

use super::Errno;
use super::layout::{OPEN_SCOPES, Open, stillframe_thread};
use crate::guard::guard;

/// Threads whose scopes a signal handler can find at one time.
const SEATS: usize = 4096;
/// A seat that somebody is just taking.
const TAKEN: usize = 1;

struct Seat {
    /// Its thread, see [`key`]; 0: free.
    key: AtomicUsize,
    /// The process that the thread was in.
    pid: AtomicI32,
    record: AtomicPtr<stillframe_thread>,
}

static TABLE: [Seat; SEATS] = [const {
    Seat {
        key: AtomicUsize::new(0),
        pid: AtomicI32::new(0),
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
        let key = key();
        let mut seats = seats(key);
        let seat = seats.find(|seat| {
            // What a thread of the parent process left, which was called the same.
            seat.key.load(Ordering::Relaxed) == key
                || seat
                    .key
                    .compare_exchange(0, TAKEN, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok()
        });
        if let Some(seat) = seat {
            seat.record.store(record(), Ordering::Release);
            seat.pid.store(pid(), Ordering::Release);
            seat.key.store(key, Ordering::Release);
        }
        Self(seat)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        if let Some(seat) = self.0 {
            seat.record.store(null_mut(), Ordering::Release);
            seat.key.store(0, Ordering::Release);
        }
    }
}

/// All seats, in the order in which a thread looks for its own.
fn seats(key: usize) -> impl Iterator<Item = &'static Seat> {
    let first = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52;
    (0..SEATS).map(move |step| &TABLE[(first + step) % SEATS])
}

/// The calling thread, as the C library calls it: the same before and after `fork`.
fn key() -> usize {
    // SAFETY: the call takes nothing and cannot fail.
    unsafe { libc::pthread_self() as usize }
}

fn pid() -> i32 {
    // SAFETY: a system call without arguments that cannot fail.
    unsafe { libc::getpid() }
}

fn record() -> *mut stillframe_thread {
    RECORD.with(UnsafeCell::get)
}

/// This thread's record, for a capture on it.
pub(crate) fn current() -> *const stillframe_thread {
    record()
}

/// The calling thread's record, for a signal handler; null if it never opened a scope.
pub(crate) fn known() -> *const stillframe_thread {
    let (key, pid) = (key(), pid());
    let mut before = null_mut();
    for seat in seats(key) {
        if seat.key.load(Ordering::Acquire) == key {
            let record = seat.record.load(Ordering::Acquire);
            if seat.pid.load(Ordering::Acquire) == pid {
                return record;
            }
            before = record;
        }
    }
    // The thread that called `fork` is the child's first one, with the scopes it had. Other threads of the parent are not here: a thread
    // that is called like one of them has nothing to do with its seat.
    if tid() == pid { before } else { null_mut() }
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

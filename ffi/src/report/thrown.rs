//! What was captured at a throw, until somebody reports the exception.
//!
//! At the `catch` the variables of the frames in between are gone. So a throw is captured on suspicion: its tape waits, under the address of
//! the exception object, for a report; the next throw of the same site, age and number end the wait. Most exceptions are never reported, so
//! a site that throws often without being reported is captured more and more seldom.

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_void};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use stillframe_core::gate::SiteHash;
use stillframe_core::lock::Mutex;
use stillframe_core::native::type_name;
use stillframe_core::tape::{Edit, Message, Tape, edit};

use super::failure::{MAX_TYPE, Now, capture, site, text};
use super::start::{self, Using};
use super::{Errno, thread};
use crate::guard::{counted, guard, inside};

/// Captures that wait, in each of the shelves.
const WAITING: usize = 8;
const SHELVES: usize = 8;
/// How long they wait.
const MAX_AGE_MS: u64 = 60_000;
/// Captures on suspicion in one second, all sites together.
const PER_SECOND: u64 = 20;
/// Sites that are remembered.
const SITES: usize = 1024;
/// Captures of a site before it has to wait.
const FREE: u64 = 3;
/// The first wait, doubled every time up to the longest.
const FIRST_WAIT_MS: u64 = 125;
const LONGEST_WAIT_MS: u64 = 16_000;
/// What is thrown when memory is used up, `std::bad_alloc` and its like: a capture needs some, and has no way to go on without.
const OUT_OF_MEMORY: [&[u8]; 2] = [b"St9bad_alloc", b"St20bad_array_new_length"];

/// A capture that waits.
pub(crate) struct Kept {
    exception: usize,
    type_name: String,
    pub(crate) site: SiteHash,
    tape: Vec<u8>,
    at: u64,
    turn: u64,
    seat: usize,
}

impl Kept {
    /// Its tape with the message, which nobody asked the exception for when it was thrown.
    pub(crate) fn finish(self, message: Option<Message<'_>>) -> Option<Vec<u8>> {
        let tape = Tape::parse(&self.tape).ok()?;
        edit(
            &tape,
            Edit {
                message,
                frames: &mut |_| None,
            },
        )
    }
}

static SHELF: [Mutex<Vec<Kept>>; SHELVES] = [const { Mutex::new(Vec::new()) }; SHELVES];
static WAITS: AtomicUsize = AtomicUsize::new(0);
/// Moves on when an old capture could not be thrown away; those of an earlier turn are not used.
static TURN: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// This thread captures a throw, until it is dropped.
struct Busy(());

impl Busy {
    fn begin() -> Option<Self> {
        let was = BUSY.try_with(|busy| busy.replace(true)).unwrap_or(true);
        (!was).then_some(Self(()))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = BUSY.try_with(|busy| busy.set(false));
    }
}

fn shelf(exception: usize) -> Option<std::sync::MutexGuard<'static, Vec<Kept>>> {
    let shelf = &SHELF[(exception >> 5) % SHELVES];
    // It is held for some loads and stores; whoever is stopped while holding it must not stop others.
    (0..100).find_map(|_| {
        std::hint::spin_loop();
        shelf.try_lock()
    })
}

/// Throws away what was captured of an earlier object at this address.
fn forget(exception: usize) {
    match shelf(exception) {
        Some(mut shelf) => shelf.retain(|kept| {
            let keep = kept.exception != exception;
            WAITS.fetch_sub(usize::from(!keep), Relaxed);
            keep
        }),
        None => {
            TURN.fetch_add(1, Relaxed);
        }
    }
}

/// The capture of this exception, if there is one. An object that was not thrown, but made by `std::make_exception_ptr`, may lie where
/// another one lay that was captured. That capture is forgotten when the memory is allocated, as the object that intercepts throws tells; if
/// something allocates without its knowledge, a capture of another type is not taken for this one's, at least.
pub(crate) fn take(exception: usize, type_name: &str) -> Option<Kept> {
    if exception == 0 || WAITS.load(Relaxed) == 0 {
        return None;
    }
    let mut shelf = shelf(exception)?;
    let at = shelf.iter().position(|kept| kept.exception == exception)?;
    let kept = shelf.swap_remove(at);
    drop(shelf);
    WAITS.fetch_sub(1, Relaxed);
    let fresh = kept.turn == TURN.load(Relaxed)
        && now_ms().wrapping_sub(kept.at) < MAX_AGE_MS
        && kept.type_name == type_name;
    if fresh {
        Seat::reported(kept.seat);
    }
    fresh.then_some(kept)
}

/// (C++) Called by the object that intercepts throws; with a type of NULL where memory for an exception is allocated, which only ends what
/// was captured of an earlier one there.
///
/// # Safety
///
/// The header's contract: `type_name` is NULL or ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_thrown(
    exception: *const c_void,
    mangled: *const c_char,
    caller: *const c_void,
) {
    guard!(else (), {
        if start::is_started() {
            // SAFETY: passed on to the caller.
            unsafe { thrown(exception.addr(), mangled, caller.addr()) };
        }
    })
}

/// # Safety
///
/// As [`stillframe_thrown`].
unsafe fn thrown(exception: usize, mangled: *const c_char, caller: usize) {
    if WAITS.load(Relaxed) > 0 {
        forget(exception);
    }
    let key = caller ^ mangled.addr().rotate_left(24);
    let seat = Seat::of(key);
    if mangled.is_null() || !Seat::admits(seat, key) {
        return;
    }
    // Nothing before this asks for memory.
    // SAFETY: the contract: a text that ends with a zero.
    let name = unsafe { CStr::from_ptr(mangled) }.to_bytes();
    if OUT_OF_MEMORY.contains(&name) {
        return;
    }
    let _errno = Errno::keep();
    inside(|| {
        // Else it is a throw of our own, or of a signal handler during a capture.
        let Some(_busy) = Busy::begin() else {
            return;
        };
        // SAFETY: the contract: a text that ends with a zero.
        let mangled = unsafe { text(mangled, MAX_TYPE) };
        if let Some(using) = start::using() {
            let kept = || keep(&using, exception, &mangled, caller, seat);
            counted(using.handle(), kept);
        }
    });
}

#[cold]
#[inline(never)]
fn keep(using: &Using, exception: usize, mangled: &str, caller: usize, seat: usize) {
    let Some(engine) = using.engine().filter(|engine| !engine.gate().is_closed()) else {
        return;
    };
    let name = type_name(mangled);
    let now = Now {
        name: &name,
        message: None,
        caller: caller as u64,
        skip_system: false,
        thread: thread::current(),
    };
    let Some(tape) = capture(using, engine, &engine.config().limits, &now) else {
        return;
    };
    let kept = Kept {
        exception,
        site: site(&name, caller, now.thread),
        type_name: name,
        tape,
        at: now_ms(),
        turn: TURN.load(Relaxed),
        seat,
    };
    let Some(mut shelf) = shelf(exception) else {
        return;
    };
    let oldest = kept.at.saturating_sub(MAX_AGE_MS);
    let before = shelf.len();
    shelf.retain(|kept| kept.at >= oldest);
    if shelf.len() >= WAITING {
        shelf.remove(0);
    }
    shelf.push(kept);
    let after = shelf.len();
    drop(shelf);
    WAITS.fetch_add(after, Relaxed);
    WAITS.fetch_sub(before, Relaxed);
}

/// Milliseconds of a clock that costs next to nothing.
fn now_ms() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the struct is this call's own.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) };
    time.tv_sec as u64 * 1000 + time.tv_nsec as u64 / 1_000_000
}

/// When a site may be captured again: its hash's upper 20 bits, how often it was captured (8 bits), and from when on (36 bits of ms).
struct Seat;

static SEATS: [AtomicU64; SITES] = [const { AtomicU64::new(0) }; SITES];
/// The second, and how many captures it has seen.
static SECOND: AtomicU64 = AtomicU64::new(0);

impl Seat {
    fn hash(key: usize) -> u64 {
        (key as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1
    }

    fn of(key: usize) -> usize {
        (Self::hash(key) >> 20) as usize % SITES
    }

    /// Whether this throw is captured. Some nanoseconds where it is not.
    #[inline]
    fn admits(seat: usize, key: usize) -> bool {
        let tag = Self::hash(key) >> 44;
        let word = SEATS[seat].load(Relaxed);
        let now = now_ms() & ((1 << 36) - 1);
        let (known, times, from) = (word >> 44, word >> 36 & 0xff, word & ((1 << 36) - 1));
        let times = match known == tag {
            true if now < from => return false,
            true => times,
            false => 0,
        };
        let doubled = times.saturating_sub(FREE);
        let wait = match times < FREE {
            true => 0,
            false => (FIRST_WAIT_MS << doubled.min(7)).min(LONGEST_WAIT_MS),
        };
        let next = tag << 44 | (times + 1).min(0xff) << 36 | (now + wait) & ((1 << 36) - 1);
        let mine = SEATS[seat]
            .compare_exchange(word, next, Relaxed, Relaxed)
            .is_ok();
        mine && Self::second(now / 1000)
    }

    /// Whether this second has captures left.
    fn second(second: u64) -> bool {
        let update = SECOND.fetch_update(Relaxed, Relaxed, |word| {
            let used = if word >> 16 == second {
                word & 0xffff
            } else {
                0
            };
            (used < PER_SECOND).then_some(second << 16 | (used + 1))
        });
        update.is_ok()
    }

    /// Somebody wanted this one.
    fn reported(seat: usize) {
        let _ = SEATS[seat].fetch_update(Relaxed, Relaxed, |word| {
            let times = (word >> 36 & 0xff).min(FREE);
            Some(word & !(0xff << 36) | times << 36)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{FREE, Seat};

    #[test]
    fn a_site_that_nobody_reports_waits() {
        let key = 0x1234_5678;
        let seat = Seat::of(key);
        let admitted = (0..1000).filter(|_| Seat::admits(seat, key)).count() as u64;
        // The one that begins the wait is captured as well.
        assert!((FREE..=FREE + 1).contains(&admitted), "{admitted}");
    }
}

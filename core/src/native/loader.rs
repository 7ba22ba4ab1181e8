//! The dynamic loader's list of images, asked so that a `fork` finds the loader's lock free.
//!
//! The loader holds a lock while it lists its images. A child of `fork` has that lock as it was, and glibc does not make this one anew: if
//! another thread held it, nobody in the child can list images or load a library any more, neither we nor the program. We list them far more
//! often than others do. So a fork waits for threads that do it by this module, and they wait for the fork.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

/// How often one waits for the other, and how long each time: together much longer than a list or a fork takes. It must end where a thread
/// would wait for itself: a report by a handler of `fork`, or a fork by a signal handler.
const TURNS: u32 = 2000;
const TURN: Duration = Duration::from_micros(50);

/// Threads that list images.
static LISTING: AtomicU32 = AtomicU32::new(0);
/// Forks under way.
static FORKING: AtomicU32 = AtomicU32::new(0);
/// This process was forked without waiting to the end: the loader's lock may be held for ever.
static STUCK: AtomicBool = AtomicBool::new(false);
static HAS_HANDLERS: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// This thread forks without having waited to the end.
    static LATE: Cell<bool> = const { Cell::new(false) };
}

/// What [`list`] calls for each image: not 0 ends the list.
pub type EachImage =
    unsafe extern "C" fn(info: *mut libc::dl_phdr_info, size: usize, data: *mut c_void) -> c_int;

/// As `dl_iterate_phdr`. Not for signal handlers. Returns whether the images were listed: not where that could wait for ever.
///
/// # Safety
///
/// `data` is what `each` takes.
pub unsafe fn list(each: EachImage, data: *mut c_void) -> bool {
    if !HAS_HANDLERS.load(Ordering::Relaxed) && !HAS_HANDLERS.swap(true, Ordering::Relaxed) {
        // SAFETY: the functions stay: what is unloaded takes its handlers with it. Without memory for them, forks do not wait.
        unsafe { libc::pthread_atfork(Some(before_fork), Some(in_parent), Some(in_child)) };
    }
    let Some(_listing) = Listing::begin() else {
        return false;
    };
    // SAFETY: passed on to the caller.
    unsafe { libc::dl_iterate_phdr(Some(each), data) };
    true
}

/// This thread lists images, until it is dropped.
struct Listing(());

impl Listing {
    fn begin() -> Option<Self> {
        for turn in 0..TURNS {
            if turn > 0 {
                sleep(TURN);
            }
            if STUCK.load(Ordering::Relaxed) {
                return None;
            }
            if FORKING.load(Ordering::Relaxed) != 0 {
                continue;
            }
            LISTING.fetch_add(1, Ordering::SeqCst);
            let listing = Self(());
            // Either this sees the fork, or the fork sees this.
            if FORKING.load(Ordering::SeqCst) == 0 {
                return Some(listing);
            }
        }
        None
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        // Nothing is left of it in a child that a signal handler forked meanwhile.
        let less = |count: u32| count.checked_sub(1);
        let _ = LISTING.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
    }
}

unsafe extern "C" fn before_fork() {
    FORKING.fetch_add(1, Ordering::SeqCst);
    let mut is_late = false;
    for turn in 0..=TURNS {
        if LISTING.load(Ordering::SeqCst) == 0 {
            break;
        }
        is_late = turn == TURNS;
        sleep(TURN);
    }
    let _ = LATE.try_with(|late| late.set(is_late));
}

unsafe extern "C" fn in_parent() {
    FORKING.fetch_sub(1, Ordering::SeqCst);
}

unsafe extern "C" fn in_child() {
    if LATE.try_with(Cell::get).unwrap_or(true) {
        STUCK.store(true, Ordering::Relaxed);
    }
    // Those of the parent's threads are not here.
    LISTING.store(0, Ordering::SeqCst);
    FORKING.store(0, Ordering::SeqCst);
}

#[cfg(test)]
mod tests {
    use std::ffi::{c_int, c_void};
    use std::ptr::null_mut;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::list;

    static ENTERED: AtomicBool = AtomicBool::new(false);

    unsafe extern "C" fn slow(_: *mut libc::dl_phdr_info, _: usize, _: *mut c_void) -> c_int {
        ENTERED.store(true, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        1
    }

    unsafe extern "C" fn first(_: *mut libc::dl_phdr_info, _: usize, _: *mut c_void) -> c_int {
        1
    }

    #[test]
    fn a_child_can_list_images_whatever_the_parents_threads_did() {
        let other = std::thread::spawn(|| {
            // SAFETY: the function takes no data.
            assert!(unsafe { list(slow, null_mut()) });
        });
        while !ENTERED.load(Ordering::SeqCst) && !other.is_finished() {
            std::thread::yield_now();
        }
        // SAFETY: the child calls only what is safe in one: system calls, and what is tested.
        let child = unsafe { libc::fork() };
        assert!(child >= 0);
        if child == 0 {
            // SAFETY: as above; the function takes no data. The alarm ends it if it waits for a lock that nobody unlocks.
            unsafe {
                libc::alarm(60);
                libc::dl_iterate_phdr(Some(first), null_mut());
                libc::_exit(if list(first, null_mut()) { 55 } else { 56 });
            }
        }
        let mut status = 0;
        // SAFETY: its own child, and a place of its own for the status.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert!(libc::WIFEXITED(status), "ended by signal {status}");
        // 56: the machine stalled, and the fork did not wait to the end.
        assert!([55, 56].contains(&libc::WEXITSTATUS(status)));
        other.join().expect("it has not failed");
    }
}

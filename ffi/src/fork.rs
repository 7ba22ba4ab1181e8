//! Which process this is, for the price of one load.
//!
//! A child of `fork` has a copy of the engine but not its thread, and perhaps locks that nobody will unlock. It must be told before any of
//! that is touched. The word that tells it lies in a page that the kernel zeroes in children (`MADV_WIPEONFORK`, Linux 4.14); where there is
//! none, the process id is asked for, which costs a system call with a glibc from 2.25 on. No handler is installed for that.

use std::ptr::null_mut;
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use stillframe_core::lock::Mutex;

/// The page; null until an engine is made, and for ever where the kernel has no such pages.
static PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(null_mut());
/// The last epoch that was given to a process of this family.
static LAST: AtomicU64 = AtomicU64::new(0);

/// The epoch of this process: another number than that of its parent. 0 in a child that [`begin`] was not called in.
#[inline]
pub(crate) fn epoch() -> u64 {
    // SAFETY: null, or the page of `page`, which is never unmapped; its first word is only ever used as an `AtomicU64`.
    match unsafe { PAGE.load(Ordering::Acquire).as_ref() } {
        Some(word) => word.load(Ordering::Relaxed),
        None => u64::from(std::process::id()),
    }
}

/// The same, and never 0.
#[inline]
pub(crate) fn own() -> u64 {
    match epoch() {
        0 => begin(),
        epoch => epoch,
    }
}

/// Gives this process an epoch if it has none yet, and returns it.
pub(crate) fn begin() -> u64 {
    if PAGE.load(Ordering::Acquire).is_null() {
        make_page();
    }
    // SAFETY: as in `epoch`.
    let Some(word) = (unsafe { PAGE.load(Ordering::Acquire).as_ref() }) else {
        return epoch();
    };
    let given = word.load(Ordering::Relaxed);
    if given != 0 {
        return given;
    }
    let next = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    match word.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => next,
        Err(epoch) => epoch,
    }
}

/// A lock that every process has for itself. A child has no thread that would unlock what another thread of its parent held when it was
/// forked; it begins with a lock and a value of its own, and its parent's stay untouched.
pub(crate) struct OwnMutex<T: 'static>(AtomicPtr<Own<T>>);

/// The lock of one process. It stays for ever.
struct Own<T: 'static> {
    epoch: u64,
    lock: Mutex<T>,
    /// Kept so that it does not look lost.
    _parents: *const Self,
}

impl<T: Default + Send> OwnMutex<T> {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(null_mut()))
    }

    /// This process's.
    fn own(&self) -> &'static Mutex<T> {
        // Not what `own` says: that is another number as soon as there is a page, and another number is another lock.
        let epoch = begin();
        let mut last = self.0.load(Ordering::Acquire);
        loop {
            // SAFETY: null, or a box that is never freed.
            if let Some(found) = unsafe { last.as_ref() }
                && found.epoch == epoch
            {
                return &found.lock;
            }
            let made = Box::into_raw(Box::new(Own {
                epoch,
                lock: Mutex::default(),
                _parents: last,
            }));
            let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
            match self.0.compare_exchange(last, made, success, failure) {
                // SAFETY: from `Box::into_raw`, and never freed.
                Ok(_) => return unsafe { &(*made).lock },
                Err(other) => {
                    // SAFETY: from `Box::into_raw`, and nobody saw it.
                    drop(unsafe { Box::from_raw(made) });
                    last = other;
                }
            }
        }
    }

    /// Locks it, when no other thread of this process has it any more.
    pub(crate) fn lock(&self) -> MutexGuard<'static, T> {
        self.own().lock()
    }

    /// Locks it if no other thread of this process has it.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'static, T>> {
        self.own().try_lock()
    }
}

/// Maps a page that is zero in every child, if the kernel has such. Each thread that finds none maps one, and the first is everybody's: a
/// child that was forked while another thread was at it must not wait for that.
#[cfg(target_os = "linux")]
fn make_page() {
    // SAFETY: a new anonymous mapping at an address of the kernel's choice, of a size it accepts; it is given back only if nobody saw it.
    unsafe {
        let size = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).unwrap_or(4096);
        let (access, kind) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
        );
        let page = libc::mmap(null_mut(), size, access, kind, -1, 0);
        if page == libc::MAP_FAILED {
            return;
        }
        let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        if libc::madvise(page, size, libc::MADV_WIPEONFORK) != 0
            || PAGE
                .compare_exchange(null_mut(), page.cast(), success, failure)
                .is_err()
        {
            libc::munmap(page, size);
        }
    }
}

/// Other kernels have no such page.
#[cfg(not(target_os = "linux"))]
fn make_page() {}

#[cfg(test)]
mod tests {
    use std::ptr::null_mut;
    use std::sync::atomic::Ordering;

    use super::{OwnMutex, PAGE, begin};

    #[test]
    fn a_lock_that_is_held_when_the_first_engine_is_made_stays_locked() {
        static LOCK: OwnMutex<()> = OwnMutex::new();
        // SAFETY: the child allocates with glibc's allocator, which survives a fork, and ends by `_exit`.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // As before the first engine.
            PAGE.store(null_mut(), Ordering::Release);
            let held = LOCK.lock();
            let first = begin();
            let is_locked = LOCK.try_lock().is_none();
            drop(held);
            let good = is_locked && LOCK.try_lock().is_some() && begin() == first;
            // SAFETY: ends the child without running anything of the test harness.
            unsafe { libc::_exit(i32::from(!good)) };
        }
        let mut status = 0;
        // SAFETY: `status` is writable; `child` is a child of this process.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0);
    }
}

//! Locks that a forked child can use, whatever the parent's other threads did with them.
//!
//! Those of the standard library: each is a word of its own that the kernel waits on. `parking_lot` keeps all waiting threads in one
//! table of the process, and a child's copy of it names threads that are gone (`docs/decisions/locks-and-fork.md`).
//!
//! A panic while a lock is held switches the engine off by other means, so no lock is ever poisoned.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{MutexGuard, PoisonError, TryLockError};
use std::time::Instant;

/// A mutex without poisoning.
#[derive(Debug, Default)]
pub struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// An unlocked one.
    pub const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    /// Locks it, when nobody else has it any more.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks it if nobody else has it.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// A condition to wait for under a [`Mutex`].
#[derive(Debug, Default)]
pub struct Condvar(std::sync::Condvar);

impl Condvar {
    /// Waits to be notified; it may return without that.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.0.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, until `deadline`. Also returns whether that has come.
    pub fn wait_until<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Instant,
    ) -> (MutexGuard<'a, T>, bool) {
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self.0.wait_timeout(guard, left);
        let (guard, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        (guard, waited.timed_out())
    }

    /// Wakes one that waits.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes all that wait.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// A value of the process that is made when it is first wanted, without any lock.
///
/// Those of the standard library let a thread wait for the one that makes the value, and in a child that was forked meanwhile there is no such
/// thread: it waits for ever. Here each thread that finds none makes one, and the first one that is done is everybody's.
#[derive(Debug)]
pub struct Lazy<T: 'static> {
    value: AtomicPtr<T>,
    make: fn() -> T,
}

impl<T: Send + Sync> Lazy<T> {
    /// One that `make` makes. It may run several times.
    pub const fn new(make: fn() -> T) -> Self {
        Self {
            value: AtomicPtr::new(null_mut()),
            make,
        }
    }

    /// The value, which stays for ever.
    #[inline]
    pub fn get(&'static self) -> &'static T {
        // SAFETY: null, or from `Box::into_raw` below and never freed; its bytes were written before it was stored there.
        match unsafe { self.value.load(Ordering::Acquire).as_ref() } {
            Some(value) => value,
            None => self.make(),
        }
    }

    #[cold]
    fn make(&'static self) -> &'static T {
        let made = Box::into_raw(Box::new((self.make)()));
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        let first = match self
            .value
            .compare_exchange(null_mut(), made, success, failure)
        {
            Ok(_) => made,
            Err(first) => {
                // SAFETY: from `Box::into_raw`, and nobody saw it.
                drop(unsafe { Box::from_raw(made) });
                first
            }
        };
        // SAFETY: as in `get`, and not null: it is what was stored there.
        unsafe { &*first }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

    use super::Lazy;

    #[test]
    fn a_value_is_one_for_all_threads() {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        static VALUE: Lazy<String> = Lazy::new(|| {
            let number = MADE.fetch_add(1, SeqCst);
            // All of them are at it before the first one is done.
            while MADE.load(SeqCst) < 4 {
                std::thread::yield_now();
            }
            format!("the value of {number}")
        });
        let seen: Vec<&'static String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| VALUE.get())).collect();
            threads.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(seen.iter().all(|one| std::ptr::eq(*one, seen[0])));
        assert!(std::ptr::eq(VALUE.get(), seen[0]) && MADE.load(SeqCst) == 4);
    }

    #[test]
    fn a_child_that_is_forked_while_it_is_made_has_one() {
        static BEGUN: AtomicBool = AtomicBool::new(false);
        static GO_ON: AtomicBool = AtomicBool::new(false);
        static VALUE: Lazy<u32> = Lazy::new(|| {
            BEGUN.store(true, SeqCst);
            while !GO_ON.load(SeqCst) {
                std::thread::yield_now();
            }
            std::process::id()
        });
        let maker = std::thread::spawn(|| *VALUE.get());
        while !BEGUN.load(SeqCst) {
            std::thread::yield_now();
        }
        // SAFETY: the child uses atomics and a glibc allocator that survives a fork, and ends by `_exit`, or by the alarm if it hangs.
        let child = unsafe { libc::fork() };
        if child == 0 {
            GO_ON.store(true, SeqCst);
            // SAFETY: plain system calls; the last one ends the process.
            unsafe {
                libc::alarm(60);
                libc::_exit(i32::from(*VALUE.get() != std::process::id()));
            }
        }
        let mut status = 0;
        // SAFETY: `status` is writable; `child` is a child of this process.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0);
        GO_ON.store(true, SeqCst);
        assert_eq!(maker.join().unwrap(), std::process::id());
    }
}

//! The permit: proof that this thread may capture now, and the guard against doing it twice at once.
//!
//! The guard is a flag of the thread, not of the gate: an exception that our own code raises during a capture (or one from a
//! signal handler that interrupts it) is refused whatever engine it reaches, and captures on other threads go on.

use std::cell::Cell;
use std::marker::PhantomData;

use super::Depth;

thread_local! {
    static CAPTURING: Cell<bool> = const { Cell::new(false) };
}

/// Whether a capture runs on this thread.
#[must_use]
pub fn is_capturing() -> bool {
    // A thread that is so far gone that its flags are, too, must not begin a capture.
    CAPTURING.try_with(Cell::get).unwrap_or(true)
}

/// The right to capture one exception on this thread, until it is dropped (by a panic, too).
#[derive(Debug)]
#[must_use = "the capture must happen while the permit lives"]
pub struct Permit {
    deeper: Option<Depth>,
    novel: bool,
    /// The flag to clear is this thread's, so the permit must stay on it.
    _stays: PhantomData<*const ()>,
}

impl Permit {
    /// A permit, unless one lives on this thread.
    pub(super) fn begin() -> Option<Self> {
        let free = CAPTURING.try_with(|flag| !flag.replace(true));
        // Not `then_some`: a permit that is made and thrown away would end the capture that runs.
        free.unwrap_or(false).then(|| Self {
            deeper: None,
            novel: false,
            _stays: PhantomData,
        })
    }

    pub(super) fn novel(mut self) -> Self {
        self.novel = true;
        self
    }

    pub(super) fn deeper_by(mut self, depth: Depth) -> Self {
        self.deeper = Some(depth);
        self
    }

    /// By how much the limits are raised for this capture.
    #[must_use]
    pub fn deeper(&self) -> Option<Depth> {
        self.deeper
    }

    /// Whether the gate does not remember a capture of this site.
    #[must_use]
    pub fn is_novel(&self) -> bool {
        self.novel
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let _ = CAPTURING.try_with(|flag| flag.set(false));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Permit, is_capturing};

    #[test]
    fn one_permit_per_thread() {
        let permit = Permit::begin().expect("the first");
        assert!(is_capturing());
        assert!(Permit::begin().is_none());
        assert!(is_capturing(), "a refused attempt does not end the capture");
        std::thread::scope(|scope| {
            scope
                .spawn(|| assert!(Permit::begin().is_some(), "another thread"))
                .join()
                .expect("thread");
        });
        drop(permit);
        assert!(!is_capturing());
        assert!(Permit::begin().is_some());
    }

    #[test]
    fn a_panic_ends_the_capture() {
        let caught = std::panic::catch_unwind(|| {
            let _permit = Permit::begin().expect("free");
            panic!("in the middle of a capture");
        });
        assert!(caught.is_err());
        assert!(!is_capturing());
    }

    #[test]
    fn the_gate_is_shared_between_threads_and_the_permit_is_not() {
        fn shared<T: Send + Sync>() {}
        shared::<crate::gate::Gate>();
        static_assertions_not_send();
    }

    /// `Permit` must not be `Send`: the flag that it clears is its thread's. Fails to compile if both impls apply.
    fn static_assertions_not_send() {
        trait Ambiguous<A> {
            fn check() {}
        }
        impl<T: ?Sized> Ambiguous<()> for T {}
        impl<T: ?Sized + Send> Ambiguous<u8> for T {}
        <Permit as Ambiguous<_>>::check();
    }
}

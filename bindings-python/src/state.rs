//! What this process has: one engine, one walker, one tape writer.
//!
//! All of it is touched with the GIL held only, which is what [`GilCell`] says; the engine itself may be used without it. Replacing
//! the engine (a new configuration, a forked child) leaks the old one: other threads may be inside it.

use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::prelude::*;
use stillframe_core::engine::Engine;
use stillframe_core::tape::TapeWriter;

use crate::walk::Walker;

/// A value that only holders of the GIL reach, one at a time.
///
/// In a box, so that taking it out and putting it back moves a pointer.
pub(crate) struct GilCell<T>(UnsafeCell<Option<Box<T>>>);

// SAFETY: `with` hands the value out only to a holder of the GIL, of which there is one at a time (free-threaded builds are refused
// when the module is imported), and never twice at once (it takes the value out for the time of the call).
unsafe impl<T> Sync for GilCell<T> {}

impl<T> GilCell<T> {
    const fn new() -> Self {
        Self(UnsafeCell::new(None))
    }

    /// Puts a value in, and drops the one that was there.
    pub(crate) fn set(&self, _py: Python<'_>, value: T) {
        // SAFETY: the GIL is held (`_py`); no reference into the cell exists while `with` does not run, and `with` leaves it empty.
        let old = unsafe { (*self.0.get()).replace(Box::new(value)) };
        drop(old);
    }

    /// Runs `work` with the value. `None` when there is none, or when this call is inside another one on the same cell (a signal
    /// handler, a finalizer).
    pub(crate) fn with<R>(&self, _py: Python<'_>, work: impl FnOnce(&mut T) -> R) -> Option<R> {
        // SAFETY: as in `set`.
        let mut value = unsafe { (*self.0.get()).take() }?;
        let result = work(&mut value);
        // SAFETY: as in `set`. If `work` panicked, the value is gone and the cell stays empty, which switches capturing off.
        unsafe { *self.0.get() = Some(value) };
        Some(result)
    }
}

/// What a capture needs besides the engine.
pub(crate) struct Tools {
    pub(crate) walker: Walker,
    pub(crate) writer: TapeWriter,
}

pub(crate) static TOOLS: GilCell<Tools> = GilCell::new();

static ENGINE: AtomicPtr<Engine> = AtomicPtr::new(std::ptr::null_mut());

/// The engine, if one was started.
#[inline]
pub(crate) fn engine() -> Option<&'static Engine> {
    // SAFETY: the pointer is null or comes from `Box::leak` in `set_engine`, so it is valid for ever.
    unsafe { ENGINE.load(Ordering::Acquire).as_ref() }
}

/// Makes `engine` the one of this process; the one before stays where it is.
pub(crate) fn set_engine(engine: Engine) {
    ENGINE.store(Box::leak(Box::new(engine)), Ordering::Release);
}

/// Shared bytes of a tape.
pub(crate) type TapeBytes = Arc<[u8]>;

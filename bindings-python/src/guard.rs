//! The border to the program: no panic of ours passes it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use stillframe_core::engine::Engine;

/// Runs work of ours. A panic in it is counted and switches capturing off; the program sees nothing of it.
pub(crate) fn guarded<T>(engine: &Engine, work: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        // Dropping what it carries could panic again.
        std::mem::forget(payload);
        engine.count_panic();
        None
    })
}

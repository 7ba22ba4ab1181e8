//! Atomics of the lock-free parts: the standard library's, or loom's when a model checks them.
//!
//! Only `gate` and `queue` take their atomics from here, and only the tests in `tests/loom_gate.rs` build with `--cfg loom`.

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

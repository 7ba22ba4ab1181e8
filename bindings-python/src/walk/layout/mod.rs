//! Where CPython keeps what the walker reads: byte offsets into its objects, one page per minor version.
//!
//! The numbers come from the interpreters' own headers (a test compiles them against the headers that are installed) and are
//! never trusted blindly: on 3.13 and newer they are compared with those that the running interpreter publishes, and on every
//! version the [self-test](super::selftest) reads known objects through them before the first capture. If anything differs, the
//! [fallback](super::fallback) walks instead.
//!
//! Layouts hold for 64-bit builds with the GIL only; others never use them.

mod common;
#[cfg(all(Py_3_10, not(Py_3_11)))]
mod v3_10;
#[cfg(all(Py_3_11, not(Py_3_12)))]
mod v3_11;
#[cfg(all(Py_3_12, not(Py_3_13)))]
mod v3_12;
#[cfg(all(Py_3_13, not(Py_3_14)))]
mod v3_13;
#[cfg(all(Py_3_14, not(Py_3_15)))]
mod v3_14;
#[cfg(Py_3_15)]
mod v3_15;
#[cfg(not(Py_3_10))]
mod v3_9;

pub(super) use common::*;
#[cfg(not(Py_3_10))]
pub(super) use v3_9::*;
#[cfg(all(Py_3_10, not(Py_3_11)))]
pub(super) use v3_10::*;
#[cfg(all(Py_3_11, not(Py_3_12)))]
pub(super) use v3_11::*;
#[cfg(all(Py_3_12, not(Py_3_13)))]
pub(super) use v3_12::*;
#[cfg(all(Py_3_13, not(Py_3_14)))]
pub(super) use v3_13::*;
#[cfg(all(Py_3_14, not(Py_3_15)))]
pub(super) use v3_14::*;
#[cfg(Py_3_15)]
pub(super) use v3_15::*;

/// The minor version that this build's layouts describe.
pub(super) const MINOR: u32 = if cfg!(Py_3_15) {
    15
} else if cfg!(Py_3_14) {
    14
} else if cfg!(Py_3_13) {
    13
} else if cfg!(Py_3_12) {
    12
} else if cfg!(Py_3_11) {
    11
} else if cfg!(Py_3_10) {
    10
} else {
    9
};

/// Whether layouts can describe this build at all.
pub(super) const SUPPORTED: bool = cfg!(all(
    target_pointer_width = "64",
    target_endian = "little",
    not(Py_GIL_DISABLED),
    not(py_sys_config = "Py_TRACE_REFS")
));

//! Shared by the tests of this folder: any valid tape at random, and what a snapshot of it must be.
//!
//! Nothing here uses the writer or the encoders of the crate: [`build`] puts a tape together byte by byte from its
//! specification, [`oracle`] reads it through [`Tape`](stillframe_core::tape::Tape) and fills the serde model in the plainest way.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::expect_used, reason = "a helper of tests may fail them")]

pub(crate) mod build;
pub(crate) mod cases;
pub(crate) mod oracle;
pub(crate) mod random;
pub(crate) mod vector;

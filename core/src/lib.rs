//! The engine of Stillframe: gate, tape, redact, fingerprint, encode, sink. No FFI, no knowledge of any host.

pub mod background;
pub mod config;
pub mod encode;
pub mod engine;
pub mod fingerprint;
pub mod gate;
mod glob;
pub mod language;
pub mod limits;
pub mod lock;
#[cfg(feature = "native")]
pub mod native;
pub mod panics;
pub mod queue;
pub mod reason;
pub mod redact;
pub mod sink;
pub mod snapshot;
pub mod source;
pub mod stats;
mod sync;
pub mod tape;

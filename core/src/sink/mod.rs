//! Sinks: where a finished snapshot goes.
//!
//! A sink runs on the background thread only, so it may take its time, but it must never raise into the program: what it
//! cannot deliver it drops, counts, and says once. [`spool`] is the default; it needs no account, no server and no network.

use std::fmt;
use std::time::Instant;

pub mod callback;
#[cfg(feature = "datadog")]
pub mod datadog;
mod destination;
pub mod fatal;
#[cfg(any(feature = "otlp", feature = "sentry"))]
mod gzip;
pub mod http;
mod identity;
#[cfg(feature = "otlp")]
pub mod otlp;
#[cfg(feature = "http")]
pub mod outbox;
#[cfg(feature = "http")]
mod said;
#[cfg(feature = "http")]
mod secrets;
#[cfg(feature = "http")]
pub mod sender;
#[cfg(feature = "sentry")]
pub mod sentry;
pub mod spool;
pub mod wire;

pub use destination::{Destination, MakeDestination, destinations};
pub use identity::Identity;

/// What a record holds. The numbers are those of the [spool format](spool#kinds).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordKind {
    /// One snapshot, format 1.
    Snapshot,
    /// Occurrences that were counted but not captured, as [`spool::EventCounts`].
    EventCounts,
    /// What the process is and what it did so far, as [`spool::ProcessRecord`].
    Process,
    /// An exception that was captured as handled was not, after all, as [`spool::Uncaught`]. Its id is that of the snapshot.
    Uncaught,
    /// What is to be delivered to one destination, in its form; only in an outbox. Its id is that of the snapshot.
    Item,
}

impl RecordKind {
    /// The number of this kind in a stored record.
    pub const fn code(self) -> u8 {
        match self {
            Self::Snapshot => 1,
            Self::EventCounts => 2,
            Self::Process => 3,
            Self::Uncaught => 4,
            Self::Item => 5,
        }
    }

    /// The kind of a stored record, `None` for one that this version does not know.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Snapshot),
            2 => Some(Self::EventCounts),
            3 => Some(Self::Process),
            4 => Some(Self::Uncaught),
            5 => Some(Self::Item),
            _ => None,
        }
    }
}

/// One record on its way out: encoded and redacted, with what a sink needs to route it without decoding it.
#[derive(Debug, Clone, Copy)]
pub struct SinkRecord<'a> {
    /// What `payload` is. A sink ignores kinds that it has no use for.
    pub kind: RecordKind,
    /// MessagePack; for a snapshot, format 1.
    pub payload: &'a [u8],
    /// UUIDv7 of the record, in network byte order; of the snapshot, if the record is about one.
    pub id: [u8; 16],
    /// Fingerprint of the issue that a snapshot belongs to; zero for other kinds.
    pub fingerprint: [u8; 16],
    /// When it happened, in nanoseconds since the Unix epoch.
    pub timestamp_ns: u64,
}

/// A destination of records.
pub trait Sink: Send {
    /// Takes one record. The sink may buffer it until [`Sink::flush`].
    ///
    /// # Errors
    ///
    /// The record was dropped. The sink has counted it and told the log once; the caller has nothing to do but count.
    fn write(&mut self, record: &SinkRecord<'_>) -> Result<(), SinkError>;

    /// Hands over what is buffered. Called often while the program runs, so it respects the sink's own back-off.
    ///
    /// # Errors
    ///
    /// Something is still buffered: the sink could not deliver it, or `deadline` has passed.
    fn flush(&mut self, deadline: Instant) -> Result<(), SinkError>;

    /// Hands over what is buffered for the last time: the program ends, so a sink that waits to retry tries now.
    ///
    /// # Errors
    ///
    /// As [`Sink::flush`]; what is still buffered is lost.
    fn close(&mut self, deadline: Instant) -> Result<(), SinkError> {
        self.flush(deadline)
    }

    /// Called in a child after `fork`: forget what the parent will deliver, and share no file or connection with it.
    fn after_fork(&mut self) {}
}

/// Why a sink did not take or deliver a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkError {
    kind: SinkErrorKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum SinkErrorKind {
    TooLarge { bytes: usize, limit: usize },
    Unavailable { why: String },
    Deadline,
}

impl SinkError {
    /// A record larger than the sink can ever take.
    pub fn too_large(bytes: usize, limit: usize) -> Self {
        Self {
            kind: SinkErrorKind::TooLarge { bytes, limit },
        }
    }

    /// The destination does not work now; `why` is one clause for a person.
    pub fn unavailable(why: impl Into<String>) -> Self {
        Self {
            kind: SinkErrorKind::Unavailable { why: why.into() },
        }
    }

    /// The deadline passed first.
    pub fn deadline() -> Self {
        Self {
            kind: SinkErrorKind::Deadline,
        }
    }

    /// Whether the destination does not work now: a full disk, a missing directory, an agent that is down.
    pub fn is_unavailable(&self) -> bool {
        matches!(self.kind, SinkErrorKind::Unavailable { .. })
    }

    /// Whether the record can never be taken, however often it is tried.
    pub fn is_too_large(&self) -> bool {
        matches!(self.kind, SinkErrorKind::TooLarge { .. })
    }

    /// Whether the deadline passed before everything was handed over.
    pub fn is_deadline(&self) -> bool {
        matches!(self.kind, SinkErrorKind::Deadline)
    }
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            SinkErrorKind::TooLarge { bytes, limit } => {
                write!(f, "a record of {bytes} bytes is above the limit of {limit}")
            }
            SinkErrorKind::Unavailable { why } => f.write_str(why),
            SinkErrorKind::Deadline => f.write_str("the deadline passed before all was written"),
        }
    }
}

impl std::error::Error for SinkError {}

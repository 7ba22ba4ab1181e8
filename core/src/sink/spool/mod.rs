//! The spool: a store of snapshots in local files.
//!
//! Writing is for a program that may be killed at any time on a machine whose disk may be full; reading is for a person who
//! wants to know why. So every record proves itself, nothing is ever changed in place, and no two processes write to one file.
//!
//! # Data flow
//!
//! [`Spool`] (one per process, on the background thread) compresses each record into a buffer and appends the buffer to its
//! segment. When the segment is full, or the process ends, the segment is sealed. `retention` keeps the directory within its
//! bounds; it touches sealed segments only. [`SpoolReader`] lists segments and records of a store that others are writing.
//!
//! # Directory
//!
//! `STILLFRAME_DIR`, else `$XDG_STATE_HOME/stillframe/<service>`, else `~/.local/state/stillframe/<service>`. What the spool
//! makes is for the owner only: directories 0700, files 0600. A directory that exists is used as it is, if it belongs to the
//! user and is not writable by everybody.
//!
//! | file | what |
//! |---|---|
//! | `<created>-<pid>-<random>.sfs` | a segment: 13 digits of milliseconds since the epoch, process, 16 hex digits |
//! | `<segment>.tmp` | a segment that retention is writing; left over if it was killed, removed by the next |
//! | `token.key` | 16 random bytes, if equality tokens were asked for |
//! | `retention.lock` | locked (`flock`) by the process that removes or replaces segments |
//!
//! A segment is locked (`flock`, exclusive) by the process that appends to it, for as long as that lives or until it is sealed.
//! A file that somebody else owns, and a symbolic link, is no segment.
//!
//! # Format 1.0
//!
//! A segment is records, one after the other, and nothing else. Integers are little-endian.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | magic: F5 53 46 52 |
//! | 4 | 1 | major version: 1 |
//! | 5 | 1 | minor version: 0 |
//! | 6 | 2 | length of the header: 72 |
//! | 8 | 4 | length of the payload as stored, at most 4 MiB |
//! | 12 | 4 | CRC-32 of the header without these four bytes |
//! | 16 | 1 | [kind](#kinds) |
//! | 17 | 1 | flags: bit 0 = the payload is a zstd frame; the others are 0 |
//! | 18 | 2 | 0 |
//! | 20 | 4 | length of the payload decompressed, at most 4 MiB |
//! | 24 | 4 | CRC-32 of the payload as stored |
//! | 28 | 4 | 0 |
//! | 32 | 16 | id: UUIDv7, network byte order; of kind 4, that of the snapshot |
//! | 48 | 16 | fingerprint of the issue; 0 where there is none |
//! | 64 | 8 | timestamp, nanoseconds since the Unix epoch |
//! | 72 | | payload |
//!
//! CRC-32 is that of zlib and PNG (reflected 0xEDB88320).
//!
//! # Kinds
//!
//! | kind | payload (MessagePack) |
//! |---|---|
//! | 1 | a snapshot, format 1 |
//! | 2 | [`EventCounts`]: occurrences that were counted but not captured |
//! | 3 | [`ProcessRecord`]: what a process is and did so far; written at its start, now and then, and at its end |
//! | 4 | [`Uncaught`]: the exception of the snapshot with the same id was handled by nobody, whatever the snapshot says |
//! | 5 | an item of an outbox, which is no MessagePack: length of the route (2 bytes), route, item ([`outbox`](super::outbox)) |
//!
//! # Reading what is damaged
//!
//! A record is intact if its magic, lengths and both checksums are right. Where no intact record is, a reader goes on at
//! the next place where one is, even within the payload that a damaged header promises: a write that was cut short puts it there.
//! What a file ends with and is not a complete record is its tail: torn, or not yet written.
//!
//! # Versions
//!
//! The first 16 bytes mean the same in all versions. A minor version may append to the header, add kinds and add flags; a
//! reader skips records whose kind or flags it does not know. Another major version is told as an error.
//!
//! | version | change |
//! |---|---|
//! | 1.0 | first |

mod append;
mod counters;
mod dir;
mod error;
mod key;
mod pack;
mod payload;
mod reader;
mod record;
mod retention;
mod scan;
mod segment;
mod writer;

use std::time::Duration;

use super::RecordKind;

pub use self::counters::{SpoolCounters, SpoolStats};
pub use self::dir::{SegmentName, service_dir, state_root};
pub use self::error::SpoolError;
pub use self::key::store_key;
pub use self::payload::{
    EventCount, EventCounts, ProcessPhase, ProcessRecord, Uncaught, decode_payload, encode_payload,
};
pub use self::reader::{Records, SegmentInfo, SpoolReader};
pub use self::record::MAX_PAYLOAD;
pub use self::scan::{Decompressor, ScanStats, SegmentScan};
pub use self::writer::{Spool, SpoolNotify};
#[cfg(feature = "http")]
pub(in crate::sink) use self::{
    append::Appender, dir::SpoolDir, pack::Packer, segment::record_len,
};

/// How a store is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolConfig {
    /// Whether snapshots are stored at all.
    pub enabled: bool,
    /// Bytes that all segments of the directory may have together. Each process that appends may exceed it by one segment.
    pub max_bytes: u64,
    /// Bytes at which a segment is sealed and the next begun; at most a 32nd of `max_bytes` is used.
    pub segment_bytes: u64,
    /// Pause after the first failure to write; it doubles with each further one.
    pub retry_first: Duration,
    /// Longest pause after a failure to write.
    pub retry_most: Duration,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            max_bytes: 256 << 20,
            segment_bytes: 8 << 20,
            retry_first: Duration::from_secs(1),
            retry_most: Duration::from_secs(300),
        }
    }
}

impl SpoolConfig {
    /// Smallest bound that is of use.
    pub const LEAST_BYTES: u64 = 1 << 20;

    /// Smallest size of a segment that is of use.
    pub const LEAST_SEGMENT: u64 = 16 << 10;

    /// Size at which a segment is sealed.
    fn rotate_at(&self) -> u64 {
        self.segment_bytes
            .min(self.max_bytes / 32)
            .max(Self::LEAST_SEGMENT)
    }
}

/// Where a record is, and what can be known of it without its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordRef {
    /// The segment.
    pub segment: SegmentName,
    /// Where in it the record begins.
    pub offset: u64,
    /// What the payload is.
    pub kind: RecordKind,
    /// UUIDv7 of the record.
    pub id: [u8; 16],
    /// Fingerprint of the issue; zero for other kinds than snapshots.
    pub fingerprint: [u8; 16],
    /// When it happened, in nanoseconds since the Unix epoch.
    pub timestamp_ns: u64,
}

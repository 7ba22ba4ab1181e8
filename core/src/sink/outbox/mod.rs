//! The outbox: what waits to be delivered to a destination beyond this machine.
//!
//! ```text
//! background thread of every process           sender thread of one process at a time
//! Writer ── segments of records ──▶ <store>/outbox/<destination>/ ──▶ Reader ── batch ──▶ destination
//!        └─ or, where nothing can be stored, memory of this process ─┘
//! ```
//!
//! # Directory
//!
//! `<store>/outbox/<destination>/`, for the owner only, as the store. It is named after the wire and, where not every address of the wire
//! is as good as another, its [`Identity`](super::Identity), so that nobody delivers what others wrote to an address of its own:
//!
//! | file | what |
//! |---|---|
//! | `<created>-<pid>-<random>.sfs` | a segment of records of kind 5, in the [spool's format](super::spool#format-10) |
//! | `<segment>.at` | how far the segment is delivered: offset (8 bytes, little-endian), CRC-32 of the segment's name and these bytes (4) |
//! | `delivery.lock` | locked (`flock`) by the process that delivers |
//!
//! The payload of a record is the length of its route (2 bytes, little-endian), the route, and the item.
//!
//! # What is promised
//!
//! - An item is in a file before the background thread goes on to something else for long, so it survives the process; it is gone from
//!   there only when the destination has taken or refused it. A process that is killed in between sends at most one batch again.
//! - All processes of a service write, each to a segment of its own; one at a time delivers, whoever gets the lock. What a dead process
//!   left is delivered by the next.
//! - Bounds hold: the oldest segment that nobody uses goes first, and what was in it is counted as dropped.
//! - What is damaged, torn or foreign is skipped and counted, and never stops what is behind it.
//!
//! Short-lived files rarely reach the disk: a segment is removed as soon as it is delivered.

mod bound;
mod cursor;
mod hold;
mod item;
mod lock;
mod look;
mod memory;
mod read;
mod write;

use std::path::PathBuf;
use std::sync::Arc;

use crate::lock::Mutex;

pub use self::look::{Waiting, waiting};
pub(crate) use self::read::{Batched, Reader};
pub(crate) use self::write::{Origin, Writer, WriterConfig};

use self::lock::LockCell;
use self::memory::Memory;
use super::spool::SpoolDir;
use crate::stats::DestinationCounters;

/// Folder of all outboxes in a store.
pub const FOLDER: &str = "outbox";

/// Told a line for people.
pub(crate) type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// What the two ends of an outbox share within a process.
pub(crate) struct Outbox {
    /// The folder; `None` if nothing may be stored.
    pub(crate) path: Option<PathBuf>,
    pub(crate) counters: Arc<DestinationCounters>,
    pub(crate) tell: Tell,
    memory: Mutex<Memory>,
    lock: LockCell,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Outbox {
    pub(crate) fn new(
        path: Option<PathBuf>,
        memory_bytes: u64,
        counters: Arc<DestinationCounters>,
        tell: Tell,
    ) -> Arc<Self> {
        Arc::new(Self {
            path,
            counters,
            tell,
            memory: Mutex::new(Memory::new(memory_bytes)),
            lock: LockCell::default(),
        })
    }

    /// Whether something waits in memory only.
    pub(crate) fn memory_waits(&self) -> bool {
        self.memory.lock().len() > 0
    }

    /// Whether its folder holds segments.
    pub(crate) fn is_in_use(&self) -> bool {
        let dir = self
            .path
            .as_ref()
            .and_then(|path| SpoolDir::open(path).ok());
        dir.is_some_and(|dir| dir.segments().is_ok_and(|segments| !segments.is_empty()))
    }

    /// Gives up what waits in memory: the process ends. Returns how many items that were.
    pub(crate) fn give_up_memory(&self) -> u64 {
        let lost = self.memory.lock().close();
        crate::stats::count_down(&self.counters.waiting, lost);
        crate::stats::count(&self.counters.dropped, lost);
        lost
    }

    /// In a forked child: closes its copy of the lock, which would otherwise outlive the parent. Neither waits nor unlocks.
    pub(crate) fn leave_to_parent(&self) {
        self.lock.close_copy();
    }
}

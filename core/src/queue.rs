//! The queue: how a captured exception leaves the raising thread.
//!
//! ```text
//! raising thread ── push ──▶ bounded, lock-free ring ──▶ poll ── background thread
//!                    │ full: dropped and counted            sleeps by a Pace in between
//! ```
//!
//! A push never blocks, never allocates and never wakes a thread: waking one that sleeps costs 1 to 11 µs on the raising thread, so the
//! consumer polls instead, every 20 ms while there is work and every 200 ms when there is none ([`Pace`]).
//!
//! The queue is bounded twice, by items and by bytes, so that it holds neither many small snapshots nor a few huge ones beyond its
//! bound. What does not fit is dropped and counted as `dropped_queue` or `dropped_memory`: what waits was captured first
//! and is nearer to being written.
//!
//! At its end it is closed, and abandoned when nobody takes from it any more: what came too late for that is dropped and counted as
//! `dropped_deadline`, whoever adds it at the same time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_queue::ArrayQueue;

use crate::stats::{Outcome, Stats};
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};

/// Whether a queue takes items: yes, no more, and no more with nobody left who would take them out.
const OPEN: u32 = 0;
const CLOSED: u32 = 1;
const ABANDONED: u32 = 2;

/// Bounds of a [`Queue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueConfig {
    /// Items that may wait. At least 1.
    pub items: usize,
    /// Bytes that the waiting items may hold together.
    pub bytes: u64,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            items: 256,
            bytes: 16 << 20,
        }
    }
}

/// Why an item was not queued. It was counted in the queue's [`Stats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// As many items wait as may.
    Items,
    /// The waiting items hold too many bytes for this one.
    Bytes,
    /// It was closed.
    Closed,
}

/// A bounded, lock-free queue from many producers to one consumer or more, first in, first out.
///
/// ```
/// use std::sync::Arc;
/// use stillframe_core::queue::{Full, Queue, QueueConfig};
/// use stillframe_core::stats::Stats;
///
/// let stats = Arc::new(Stats::new());
/// let queue = Queue::new(QueueConfig { items: 2, bytes: 100 }, Arc::clone(&stats));
/// assert_eq!(queue.push("a", 60), Ok(()));
/// assert_eq!(queue.push("b", 60), Err(Full::Bytes));
/// assert_eq!(queue.poll(), Some("a"));
/// assert_eq!(stats.snapshot().outcomes.dropped_memory, 1);
/// ```
pub struct Queue<T> {
    ring: ArrayQueue<(T, u64)>,
    bytes: ByteBudget,
    stats: Arc<Stats>,
    state: AtomicU32,
    /// Items that were added and not taken out.
    lost: AtomicU64,
}

impl<T> Queue<T> {
    /// An empty queue. Allocates its ring at once.
    #[must_use]
    pub fn new(config: QueueConfig, stats: Arc<Stats>) -> Self {
        Self {
            ring: ArrayQueue::new(config.items.max(1)),
            bytes: ByteBudget::new(config.bytes),
            stats,
            state: AtomicU32::new(OPEN),
            lost: AtomicU64::new(0),
        }
    }

    /// Adds an item that holds `bytes` bytes of memory.
    ///
    /// # Errors
    ///
    /// The item did not fit; it was dropped, and the drop was counted.
    pub fn push(&self, item: T, bytes: u64) -> Result<(), Full> {
        if self.state.load(Ordering::Relaxed) != OPEN {
            return self.refuse();
        }
        if !self.bytes.reserve(bytes) {
            self.stats.outcome(Outcome::DroppedMemory);
            return Err(Full::Bytes);
        }
        if self.ring.push((item, bytes)).is_err() {
            self.bytes.release(bytes);
            self.stats.outcome(Outcome::DroppedQueue);
            return Err(Full::Items);
        }
        // Either this is seen here, or what was added is seen by who abandons it: the ring takes its place in the order of all such operations.
        if self.state.load(Ordering::SeqCst) == ABANDONED {
            return self.come_too_late();
        }
        Ok(())
    }

    #[cold]
    fn refuse(&self) -> Result<(), Full> {
        self.stats.outcome(Outcome::DroppedDeadline);
        Err(Full::Closed)
    }

    #[cold]
    fn come_too_late(&self) -> Result<(), Full> {
        self.drop_rest();
        Err(Full::Closed)
    }

    /// Takes no more items. Those that wait can still be taken out.
    pub fn close(&self) {
        self.state.fetch_max(CLOSED, Ordering::SeqCst);
    }

    /// Closes it when nobody takes items out any more: those that wait are dropped and counted.
    pub fn abandon(&self) {
        self.state.store(ABANDONED, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        self.drop_rest();
    }

    fn drop_rest(&self) {
        while self.poll().is_some() {
            self.lost.fetch_add(1, Ordering::Relaxed);
            self.stats.outcome(Outcome::DroppedDeadline);
        }
    }

    /// How many items were dropped that had been added.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Takes the oldest item, if there is one. Never waits.
    pub fn poll(&self) -> Option<T> {
        let (item, bytes) = self.ring.pop()?;
        self.bytes.release(bytes);
        Some(item)
    }

    /// Items that wait now.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether nothing waits now.
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Bytes that the waiting items hold now.
    pub fn bytes(&self) -> u64 {
        self.bytes.used()
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("items", &self.len())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

/// A number of bytes that is never exceeded, whoever reserves at the same time.
#[derive(Debug)]
pub struct ByteBudget {
    used: AtomicU64,
    most: u64,
}

impl ByteBudget {
    /// Nothing used yet.
    #[must_use]
    pub fn new(most: u64) -> Self {
        Self {
            used: AtomicU64::new(0),
            most,
        }
    }

    /// Reserves some bytes if they are there.
    pub fn reserve(&self, bytes: u64) -> bool {
        let mut used = self.used.load(Ordering::Relaxed);
        loop {
            let Some(more) = used.checked_add(bytes).filter(|more| *more <= self.most) else {
                return false;
            };
            match self
                .used
                .compare_exchange_weak(used, more, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(seen) => used = seen,
            }
        }
    }

    /// Gives back bytes that were reserved.
    pub fn release(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes reserved now.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

/// How long the consumer sleeps before it polls again: a short time after work, up to a longer one when there is none.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    busy: Duration,
    idle: Duration,
    next: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self::new(Duration::from_millis(20), Duration::from_millis(200))
    }
}

impl Pace {
    /// Sleeps for `busy` after work, twice as long after each poll that found none, and never longer than `idle`.
    #[must_use]
    pub fn new(busy: Duration, idle: Duration) -> Self {
        Self {
            busy,
            idle: idle.max(busy),
            next: busy,
        }
    }

    /// How long to sleep now, after a poll that did or did not find work.
    pub fn sleep_after(&mut self, worked: bool) -> Duration {
        self.next = if worked {
            self.busy
        } else {
            self.next.saturating_mul(2).min(self.idle)
        };
        self.next
    }
}

//! Writing to a store: compress, batch, rotate, and survive a disk that does not work.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::append::Appender;
use super::counters::SpoolCounters;
use super::pack::Packer;
use super::record::MAX_PAYLOAD;
use super::{SpoolConfig, SpoolError, retention};
use crate::sink::{Sink, SinkError, SinkRecord};

/// Buffered bytes that are worth a system call.
const BATCH: usize = 256 << 10;
/// Bytes kept in memory while the store does not work. A single larger record is kept alone.
const OUTAGE_BUFFER: usize = 1 << 20;
/// How long retention rests after a run that could not reach the bound.
const RETENTION_REST: Duration = Duration::from_secs(60);

/// Time for retention when nobody waits.
const RETENTION_TIME: Duration = Duration::from_secs(2);
/// Called with one line for a person when the store stops working, once per cause.
pub type SpoolNotify = Box<dyn Fn(&str) + Send>;

/// The writing end of a store; one per process, on the background thread.
///
/// Nothing is opened before the first record is written, and no failure is more than a count, one line through
/// [`SpoolNotify`] and a later retry: records wait in memory, up to 1 MiB, while the store does not work.
pub struct Spool {
    appender: Appender,
    config: SpoolConfig,
    notify: SpoolNotify,
    counters: Arc<SpoolCounters>,
    packer: Packer,
    /// Encoded records in `..used`.
    buffer: Vec<u8>,
    used: usize,
    outage: Option<Outage>,
    /// Messages that were given to `notify`, without what differs from one time to the next.
    told: Vec<io::ErrorKind>,
    retention_due: bool,
    retention_after: Instant,
    pid: u32,
}

/// The store does not work.
#[derive(Debug, Clone, Copy)]
struct Outage {
    retry_at: Instant,
    pause: Duration,
}

impl Spool {
    /// A store in `dir`. Nothing is touched yet.
    pub fn new(dir: impl Into<PathBuf>, config: SpoolConfig, notify: SpoolNotify) -> Self {
        Self {
            appender: Appender::new(dir.into()),
            config,
            notify,
            counters: Arc::default(),
            packer: Packer::default(),
            buffer: Vec::new(),
            used: 0,
            outage: None,
            told: Vec::new(),
            retention_due: false,
            retention_after: Instant::now(),
            pid: std::process::id(),
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.appender.path()
    }

    /// The counters, for other threads.
    pub fn counters(&self) -> Arc<SpoolCounters> {
        Arc::clone(&self.counters)
    }

    /// Makes room for `needed` more bytes; `false` if that would be too much while the store does not work.
    fn reserve(&mut self, needed: usize) -> bool {
        if self.used > 0 && self.used + needed > BATCH {
            // What remains after a failure waits in the buffer.
            let _ = self.write_out(false, soon());
        }
        let end = self.used + needed;
        if self.used > 0 && end > OUTAGE_BUFFER.max(BATCH) {
            return false;
        }
        if self.buffer.len() < end {
            self.buffer.resize(end.max(BATCH), 0);
        }
        true
    }

    /// Writes the buffer to the store, unless it is known not to work (`insist` tries nevertheless). Only retention, which
    /// may take longer than that, looks at the deadline.
    fn write_out(&mut self, insist: bool, deadline: Instant) -> Result<(), SinkError> {
        if self.used == 0 {
            return Ok(());
        }
        if let Some(outage) = self.outage
            && !insist
            && Instant::now() < outage.retry_at
        {
            return Err(SinkError::unavailable(
                "the store does not work; it is retried later",
            ));
        }
        match self.try_write_out() {
            Ok(()) => {
                self.outage = None;
                self.counters.unavailable.store(false, Ordering::Relaxed);
                if self.buffer.len() > BATCH {
                    self.buffer = vec![0; BATCH];
                }
                self.retain(deadline);
                Ok(())
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn try_write_out(&mut self) -> Result<(), SpoolError> {
        let rotate_at = self.config.rotate_at();
        let done = self.appender.append(&self.buffer[..self.used], rotate_at);
        SpoolCounters::count(&self.counters.written, done.records);
        SpoolCounters::count(&self.counters.written_bytes, done.bytes);
        SpoolCounters::count(&self.counters.dropped, done.dropped);
        SpoolCounters::count(&self.counters.segments, done.segments);
        self.retention_due |= done.segments > 0;
        self.buffer.copy_within(done.consumed..self.used, 0);
        self.used -= done.consumed;
        done.error.map_or(Ok(()), Err)
    }

    /// Notes a failure: counts it, tells it if it is news, and sets the time of the next attempt.
    fn failed(&mut self, error: &SpoolError) -> SinkError {
        let pause = self.outage.map_or(self.config.retry_first, |outage| {
            outage.pause.saturating_mul(2).min(self.config.retry_most)
        });
        let now = Instant::now();
        self.outage = Some(Outage {
            retry_at: now.checked_add(pause).unwrap_or(now),
            pause,
        });
        let message = error.to_string();
        SpoolCounters::count(&self.counters.errors, 1);
        self.counters.unavailable.store(true, Ordering::Relaxed);
        *self.counters.last_error.lock() = Some(message.clone());
        let cause = error
            .io_error()
            .map_or(io::ErrorKind::Other, io::Error::kind);
        if !self.told.contains(&cause) {
            self.told.push(cause);
            (self.notify)(&format!(
                "{message}; captured errors wait in memory, retrying later"
            ));
        }
        SinkError::unavailable(message)
    }

    /// Keeps the store within its bounds, when a segment was begun since the last time.
    fn retain(&mut self, deadline: Instant) {
        let Some(dir) = self.appender.dir() else {
            return;
        };
        if !self.retention_due || Instant::now() < self.retention_after {
            return;
        }
        self.retention_due = false;
        match retention::run(dir, &self.config, deadline) {
            Ok(outcome) => {
                outcome.count(&self.counters);
                if outcome.over_bound {
                    // Give up what only this process can.
                    if self
                        .appender
                        .segment()
                        .is_some_and(|(len, _)| len >= self.config.rotate_at() / 8)
                    {
                        self.appender.seal();
                    }
                    let now = Instant::now();
                    self.retention_due = true;
                    self.retention_after = now.checked_add(RETENTION_REST).unwrap_or(now);
                }
            }
            Err(error) => {
                let message = format!(
                    "cannot remove old records from {}: {error}",
                    self.path().display()
                );
                SpoolCounters::count(&self.counters.errors, 1);
                *self.counters.last_error.lock() = Some(message);
            }
        }
    }

    /// Whether this is the process that made the buffer and the segment.
    fn is_own_process(&self) -> bool {
        self.pid == std::process::id()
    }
}

impl Sink for Spool {
    fn write(&mut self, record: &SinkRecord<'_>) -> Result<(), SinkError> {
        if !self.is_own_process() {
            self.after_fork();
        }
        if record.payload.len() > MAX_PAYLOAD {
            SpoolCounters::count(&self.counters.dropped, 1);
            return Err(SinkError::too_large(record.payload.len(), MAX_PAYLOAD));
        }
        let needed = Packer::room(record.payload.len());
        if !self.reserve(needed) {
            SpoolCounters::count(&self.counters.dropped, 1);
            return Err(SinkError::unavailable(
                "the store does not work, its buffer is full",
            ));
        }
        self.used += self.packer.pack(record, &mut self.buffer[self.used..]);
        Ok(())
    }

    fn flush(&mut self, deadline: Instant) -> Result<(), SinkError> {
        if !self.is_own_process() {
            self.after_fork();
        }
        self.write_out(false, deadline)
    }

    fn close(&mut self, deadline: Instant) -> Result<(), SinkError> {
        if !self.is_own_process() {
            self.after_fork();
        }
        let result = self.write_out(true, deadline);
        self.appender.seal();
        result
    }

    fn after_fork(&mut self) {
        self.pid = std::process::id();
        // The parent writes what was in the buffer, and goes on with the segment.
        self.used = 0;
        self.appender.forget();
        self.counters = Arc::default();
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if self.is_own_process() {
            let _ = self.write_out(true, soon());
            self.appender.seal();
        }
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool")
            .field("appender", &self.appender)
            .field("config", &self.config)
            .field("buffered", &self.used)
            .field("outage", &self.outage)
            .finish_non_exhaustive()
    }
}

fn soon() -> Instant {
    let now = Instant::now();
    now.checked_add(RETENTION_TIME).unwrap_or(now)
}

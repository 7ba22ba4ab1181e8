//! Writing to a store: compress, batch, rotate, and survive a disk that does not work.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};

use super::counters::SpoolCounters;
use super::dir::SpoolDir;
use super::record::{FLAG_ZSTD, HEADER_LEN, Header, MAX_PAYLOAD};
use super::segment::{ActiveSegment, complete_prefix, record_len};
use super::{SpoolConfig, SpoolError, retention};
use crate::sink::{Sink, SinkError, SinkRecord};

/// Fastest of zstd's ordinary levels; snapshots are small and repetitive.
const LEVEL: i32 = 1;
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
    path: PathBuf,
    config: SpoolConfig,
    notify: SpoolNotify,
    counters: Arc<SpoolCounters>,
    compressor: Option<zstd::bulk::Compressor<'static>>,
    /// Encoded records in `..used`.
    buffer: Vec<u8>,
    used: usize,
    dir: Option<SpoolDir>,
    segment: Option<ActiveSegment>,
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
            path: dir.into(),
            config,
            notify,
            counters: Arc::default(),
            compressor: None,
            buffer: Vec::new(),
            used: 0,
            dir: None,
            segment: None,
            outage: None,
            told: Vec::new(),
            retention_due: false,
            retention_after: Instant::now(),
            pid: std::process::id(),
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The counters, for other threads.
    pub fn counters(&self) -> Arc<SpoolCounters> {
        Arc::clone(&self.counters)
    }

    /// Appends `record` to the buffer, which has room for it.
    fn encode(&mut self, record: &SinkRecord<'_>) {
        let payload_at = self.used + HEADER_LEN;
        let compressed = self.compressor.as_mut().and_then(|compressor| {
            let room = &mut self.buffer[payload_at..];
            compressor.compress_to_buffer(record.payload, room).ok()
        });
        let (len, flags) = match compressed {
            Some(len) if len < record.payload.len() => (len, FLAG_ZSTD),
            _ => {
                let len = record.payload.len();
                self.buffer[payload_at..payload_at + len].copy_from_slice(record.payload);
                (len, 0)
            }
        };
        let stored = &self.buffer[payload_at..payload_at + len];
        let header = Header::of(record, stored, flags).encode();
        self.buffer[self.used..payload_at].copy_from_slice(&header);
        self.used = payload_at + len;
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
        while self.used > 0 {
            // Above this size a write does not fail, it kills the process by SIGXFSZ.
            let file_limit = getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX);
            if file_limit < SpoolConfig::LEAST_SEGMENT {
                let error = io::Error::from(io::ErrorKind::FileTooLarge);
                return Err(SpoolError::io(&self.path, "write to", error));
            }
            let limit = self.config.rotate_at().min(file_limit);
            let segment = self.segment()?;
            let fresh = segment.len() == 0;
            let room = usize::try_from(limit.saturating_sub(segment.len())).unwrap_or(usize::MAX);
            let fits = complete_prefix(&self.buffer[..self.used], room);
            if fits > 0 {
                self.append(fits)?;
            } else if !fresh {
                self.seal();
            } else {
                // A record that is larger than a segment has one of its own.
                let len = record_len(&self.buffer[..self.used]).unwrap_or(self.used);
                if len as u64 <= file_limit {
                    self.append(len)?;
                } else {
                    self.buffer.copy_within(len..self.used, 0);
                    self.used -= len;
                    SpoolCounters::count(&self.counters.dropped, 1);
                }
            }
        }
        Ok(())
    }

    /// Moves the first `len` bytes of the buffer, which are complete records, to the segment.
    fn append(&mut self, len: usize) -> Result<(), SpoolError> {
        let Some(segment) = &mut self.segment else {
            return Ok(());
        };
        let result = segment.append(&self.buffer[..len]);
        let kept = result.as_ref().err().map_or(len, |error| error.kept);
        let records = count_records(&self.buffer[..kept]);
        SpoolCounters::count(&self.counters.written, records);
        SpoolCounters::count(&self.counters.written_bytes, kept as u64);
        self.buffer.copy_within(kept..self.used, 0);
        self.used -= kept;
        result.map_err(|error| {
            if !error.usable {
                self.seal();
            }
            SpoolError::io(&self.path, "write to", error.error)
        })
    }

    /// The segment to append to, opened if there is none.
    fn segment(&mut self) -> Result<&mut ActiveSegment, SpoolError> {
        if self
            .segment
            .as_ref()
            .is_some_and(|segment| !segment.is_linked())
        {
            // Somebody removed the store: begin a new one. If the program closed our descriptors, the folder's number may be one of
            // its own by now, which is not ours to close.
            let lost = self
                .segment
                .as_ref()
                .is_some_and(|segment| !segment.is_ours());
            self.seal();
            match self.dir.take() {
                Some(dir) if lost => std::mem::forget(dir),
                dir => drop(dir),
            }
        }
        let segment = match self.segment.take() {
            Some(segment) => segment,
            None => self.begin_segment()?,
        };
        Ok(self.segment.insert(segment))
    }

    fn begin_segment(&mut self) -> Result<ActiveSegment, SpoolError> {
        let make = |dir: &SpoolDir| {
            ActiveSegment::create(dir)
                .map_err(|error| SpoolError::io(dir.path(), "write to", error))
        };
        let made = match &self.dir {
            Some(dir) => match make(dir) {
                // An open directory that was removed says "not found"; the path may be made again.
                Err(error) if error.is_not_found() => None,
                made => Some(made?),
            },
            None => None,
        };
        let segment = match made {
            Some(segment) => segment,
            None => {
                let dir = SpoolDir::create(&self.path)?;
                let segment = make(&dir)?;
                self.dir = Some(dir);
                segment
            }
        };
        SpoolCounters::count(&self.counters.segments, 1);
        self.retention_due = true;
        Ok(segment)
    }

    fn seal(&mut self) {
        if let Some(segment) = self.segment.take() {
            segment.seal();
        }
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
        let Some(dir) = &self.dir else { return };
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
                        .segment
                        .as_ref()
                        .is_some_and(|segment| segment.len() >= self.config.rotate_at() / 8)
                    {
                        self.seal();
                    }
                    let now = Instant::now();
                    self.retention_due = true;
                    self.retention_after = now.checked_add(RETENTION_REST).unwrap_or(now);
                }
            }
            Err(error) => {
                let message = format!(
                    "cannot remove old records from {}: {error}",
                    self.path.display()
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
        if self.compressor.is_none() {
            self.compressor = zstd::bulk::Compressor::new(LEVEL).ok();
        }
        let needed = HEADER_LEN + zstd::zstd_safe::compress_bound(record.payload.len());
        if !self.reserve(needed) {
            SpoolCounters::count(&self.counters.dropped, 1);
            return Err(SinkError::unavailable(
                "the store does not work, its buffer is full",
            ));
        }
        self.encode(record);
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
        self.seal();
        result
    }

    fn after_fork(&mut self) {
        self.pid = std::process::id();
        // The parent writes what was in the buffer, and goes on with the segment.
        self.used = 0;
        if let Some(segment) = self.segment.take() {
            segment.forget();
        }
        self.counters = Arc::default();
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if self.is_own_process() {
            let _ = self.write_out(true, soon());
            self.seal();
        }
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool")
            .field("path", &self.path)
            .field("config", &self.config)
            .field("segment", &self.segment)
            .field("buffered", &self.used)
            .field("outage", &self.outage)
            .finish_non_exhaustive()
    }
}

fn count_records(records: &[u8]) -> u64 {
    let (mut at, mut count) = (0, 0);
    while let Some(len) = record_len(&records[at..]) {
        at += len;
        count += 1;
    }
    count
}

fn soon() -> Instant {
    let now = Instant::now();
    now.checked_add(RETENTION_TIME).unwrap_or(now)
}

//! The writing end: on the background thread.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Outbox, bound, item};
use crate::sink::spool::{Appender, MAX_PAYLOAD, Packer, SpoolConfig, SpoolError};
use crate::sink::{RecordKind, SinkRecord};
use crate::stats::{count, count_down};

/// Encoded bytes that are worth a system call.
const BATCH: usize = 256 << 10;
/// A segment is ended at this age, so that what is delivered leaves the disk soon.
const OLDEST_SEGMENT: Duration = Duration::from_secs(5);
/// Pauses after a failure to write.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MOST: Duration = Duration::from_secs(60);

/// Bounds of an outbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WriterConfig {
    /// Bytes of all segments together.
    pub(crate) max_bytes: u64,
}

impl WriterConfig {
    fn rotate_at(self) -> u64 {
        (self.max_bytes / 32).clamp(SpoolConfig::LEAST_SEGMENT, 1 << 20)
    }
}

/// Writes items to the outbox. Makes no file before the first.
pub(crate) struct Writer {
    outbox: Arc<Outbox>,
    config: WriterConfig,
    appender: Option<Appender>,
    packer: Packer,
    payload: Vec<u8>,
    /// Encoded records in `..used`.
    buffer: Vec<u8>,
    used: usize,
    outage: Option<(Instant, Duration)>,
    told: Vec<io::ErrorKind>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("outbox", &self.outbox)
            .field("buffered", &self.used)
            .field("outage", &self.outage)
            .finish_non_exhaustive()
    }
}

/// Of what an item is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// Id of the snapshot.
    pub(crate) id: [u8; 16],
    /// Its issue.
    pub(crate) fingerprint: [u8; 16],
    /// Nanoseconds since the Unix epoch.
    pub(crate) timestamp_ns: u64,
}

impl Writer {
    pub(crate) fn new(outbox: Arc<Outbox>, config: WriterConfig) -> Self {
        Self {
            appender: outbox.path.clone().map(Appender::new),
            outbox,
            config,
            packer: Packer::default(),
            payload: Vec::new(),
            buffer: Vec::new(),
            used: 0,
            outage: None,
            told: Vec::new(),
        }
    }

    /// Takes an item; [`Writer::flush`] puts it where it waits.
    pub(crate) fn push(&mut self, route: &str, bytes: &[u8], origin: &Origin) {
        self.payload.clear();
        item::write(route, bytes, &mut self.payload);
        if self.payload.len() > MAX_PAYLOAD {
            count(&self.outbox.counters.dropped, 1);
            (self.outbox.tell)(&format!(
                "a snapshot is larger than {} MiB in the form of a destination, and is not sent",
                MAX_PAYLOAD >> 20
            ));
            return;
        }
        let room = Packer::room(self.payload.len());
        if self.used > 0 && self.used + room > BATCH {
            self.flush();
        }
        if self.buffer.len() < self.used + room {
            self.buffer.resize((self.used + room).max(BATCH), 0);
        }
        let record = SinkRecord {
            kind: RecordKind::Item,
            payload: &self.payload,
            id: origin.id,
            fingerprint: origin.fingerprint,
            timestamp_ns: origin.timestamp_ns,
        };
        self.used += self.packer.pack(&record, &mut self.buffer[self.used..]);
    }

    /// Puts what was taken into a file, or into memory if that is not possible. Whether there was anything.
    pub(crate) fn flush(&mut self) -> bool {
        // Also where nothing more is written: from then on, what is delivered can be removed.
        if let Some(appender) = &mut self.appender
            && let Some((len, age)) = appender.segment()
            && len > 0
            && age > OLDEST_SEGMENT
        {
            appender.seal();
        }
        let any = self.used > 0;
        if any || (self.appender.is_some() && self.outbox.memory_waits()) {
            self.write_out(false);
        }
        any
    }

    /// The same for the last time: what waits in memory goes to a file if there is one to be had now.
    pub(crate) fn close(&mut self) {
        self.write_out(true);
        if let Some(appender) = &mut self.appender {
            appender.seal();
        }
    }

    fn write_out(&mut self, insist: bool) {
        let resting = self
            .outage
            .is_some_and(|(until, _)| !insist && Instant::now() < until);
        if !resting
            && self.appender.is_some()
            && let Err(error) = self.store()
        {
            self.failed(&error);
        }
        self.keep_in_memory();
        // One very large item does not hold its memory for ever.
        if self.buffer.len() > 2 * BATCH {
            self.buffer = Vec::new();
        }
        self.payload.shrink_to(BATCH);
    }

    /// Writes the buffer, then what waits in memory, to segments.
    fn store(&mut self) -> Result<(), SpoolError> {
        let records = &self.buffer[..self.used];
        let done = append(&mut self.appender, records, self.config, &self.outbox);
        self.buffer.copy_within(done.0..self.used, 0);
        self.used -= done.0;
        done.1?;
        loop {
            // The lock is not held while writing: the sender is free to take what is left.
            let Some(record) = self.outbox.memory.lock().take() else {
                break;
            };
            let (written, result) = append(&mut self.appender, &record, self.config, &self.outbox);
            let mut memory = self.outbox.memory.lock();
            if written == 0 {
                memory.put_back(std::iter::once(record));
            } else {
                memory.forget(&record);
                drop(memory);
                // It waits on the disk from now on, where the reader counts it.
                count_down(&self.outbox.counters.waiting, 1);
            }
            result?;
        }
        if self.outage.take().is_some() {
            (self.outbox.tell)("what waited in memory for a destination is stored again");
        }
        Ok(())
    }

    /// Moves what is in the buffer to memory.
    fn keep_in_memory(&mut self) {
        let records = &self.buffer[..self.used];
        let (mut at, mut added, mut dropped) = (0, 0, 0);
        let mut memory = self.outbox.memory.lock();
        while let Some(len) = crate::sink::spool::record_len(&records[at..]) {
            dropped += memory.push(records[at..at + len].into());
            added += 1;
            at += len;
        }
        drop(memory);
        self.used = 0;
        count(&self.outbox.counters.waiting, added);
        count_down(&self.outbox.counters.waiting, dropped);
        count(&self.outbox.counters.dropped, dropped);
    }

    /// Notes that nothing can be stored: when that is tried again, and for people if it is news.
    fn failed(&mut self, error: &SpoolError) {
        let pause = self
            .outage
            .map_or(RETRY_FIRST, |(_, pause)| (pause * 2).min(RETRY_MOST));
        let now = Instant::now();
        self.outage = Some((now.checked_add(pause).unwrap_or(now), pause));
        let cause = error
            .io_error()
            .map_or(io::ErrorKind::Other, io::Error::kind);
        if !self.told.contains(&cause) {
            self.told.push(cause);
            (self.outbox.tell)(&format!(
                "{error}; what is to be sent waits in memory, and is lost if the program ends before"
            ));
        }
    }
}

/// Appends records to the segments and keeps the folder within its bound. Returns the bytes that are done with.
fn append(
    appender: &mut Option<Appender>,
    records: &[u8],
    config: WriterConfig,
    outbox: &Outbox,
) -> (usize, Result<(), SpoolError>) {
    let Some(appender) = appender else {
        return (0, Ok(()));
    };
    let done = appender.append(records, config.rotate_at());
    count(&outbox.counters.dropped, done.dropped);
    if done.segments > 0
        && let Some(dir) = appender.dir()
        // What cannot be listed or removed now is looked at again with the next segment.
        && let Ok(lost) = bound::keep(dir, config.max_bytes)
        && lost > 0
    {
        count(&outbox.counters.dropped, lost);
        (outbox.tell)(&format!(
            "more waits for a destination than upload.max_bytes allows ({} MiB): the oldest is dropped",
            config.max_bytes >> 20
        ));
    }
    (done.consumed, done.error.map_or(Ok(()), Err))
}

//! The work behind the queue: takes submissions through the pipeline, feeds the sink, ticks the gate.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::destinations::Destinations;
use super::{
    Finished, Pipeline, PipelineError, RECENT, RECENT_BYTES, Recent, Shared, Submission, now_ns,
};
use crate::encode::Encoder;
use crate::gate::SiteHash;
use crate::sink::callback::Taken;
use crate::sink::spool::{
    EventCount, EventCounts, ProcessPhase, ProcessRecord, Uncaught, encode_payload,
};
use crate::sink::{RecordKind, Sink, SinkRecord};
use crate::snapshot::SnapshotId;
use crate::stats::{Counter, Outcome, StatsSnapshot};

/// How often the sink is flushed while there is something to flush.
const FLUSH_EVERY: Duration = Duration::from_millis(200);
/// The same while there is a queue to work off.
const FLUSH_BUSY: Duration = Duration::from_millis(100);
/// How often occurrences and the state of the process are written.
const REPORT_EVERY: Duration = Duration::from_secs(30);
/// Time for one ordinary flush.
const FLUSH_TIME: Duration = Duration::from_secs(5);
/// Sites whose issue is remembered.
const MAX_SITES: usize = 16_384;

/// Its state. One thread at a time has it.
pub(super) struct Work {
    shared: Arc<Shared>,
    sink: Option<Box<dyn Sink>>,
    destinations: Destinations,
    pipeline: Pipeline,
    encoder: Encoder,
    payload: Vec<u8>,
    /// What callbacks are handed, where that is another form.
    called_with: Vec<u8>,
    /// Issues by site, for occurrences that are only counted.
    issues: HashMap<u64, [u8; 16]>,
    /// Where each issue was captured last, for those that somebody wants deeper.
    sites: HashMap<[u8; 16], SiteHash>,
    counted_since: u64,
    /// What the last report said.
    reported: StatsSnapshot,
    /// When it was made; `None` before the first.
    reported_at: Option<Instant>,
    flushed_at: Instant,
    whole: bool,
}

impl Work {
    pub(super) fn new(
        shared: Arc<Shared>,
        sink: Option<Box<dyn Sink>>,
        destinations: Destinations,
    ) -> Self {
        Self {
            pipeline: Pipeline::new(&shared),
            shared,
            sink,
            destinations,
            encoder: Encoder::new(),
            payload: Vec::new(),
            called_with: Vec::new(),
            issues: HashMap::new(),
            sites: HashMap::new(),
            counted_since: now_ns(),
            reported: StatsSnapshot::default(),
            reported_at: None,
            flushed_at: Instant::now(),
            whole: true,
        }
    }

    /// What is to be done now, and then; gives up early when `somebody_waits`. Whether there was anything.
    pub(super) fn turn(&mut self, somebody_waits: impl Fn() -> bool) -> bool {
        if self.reported_at.is_none() {
            self.reported_at = Some(Instant::now());
            self.report(ProcessPhase::Start);
        }
        self.take_sources();
        let worked = self.drain(false, somebody_waits);
        let _ = self.shared.gate.tick();
        let mut requests = self.shared.deeper.lock();
        requests.look(&self.shared.gate, &self.sites);
        drop(requests);
        let now = Instant::now();
        let reported = self.reported_at.unwrap_or(now);
        if now.duration_since(reported) >= REPORT_EVERY {
            self.reported_at = Some(now);
            self.count_occurrences();
            self.report(ProcessPhase::Running);
        }
        if now.duration_since(self.flushed_at) >= FLUSH_EVERY || worked {
            self.flush(now + FLUSH_TIME);
        }
        worked
    }

    /// Stores everything submitted so far. Whether that was done by `deadline`.
    pub(super) fn settle(&mut self, deadline: Instant) -> bool {
        self.take_sources();
        self.drain(true, || Instant::now() >= deadline);
        let in_time = Instant::now() < deadline;
        self.count_occurrences();
        // Hosts flush when the program ends, and what it did must be in the store then.
        if self.shared.stats.snapshot() != self.reported {
            self.report(ProcessPhase::Running);
        }
        self.flush(deadline);
        self.whole && in_time
    }

    /// Does all that is left, and nothing more comes. Whether everything was handed over.
    pub(super) fn finish(&mut self, deadline: Instant) -> bool {
        self.take_sources();
        self.shared.queue.close();
        self.drain(false, || Instant::now() >= deadline);
        self.shared.queue.abandon();
        self.take_uncaught();
        self.count_occurrences();
        // Sending may take all of the time: what is stored is stored before. Whether that worked is asked again at the end.
        let whole = self.whole;
        self.flush(deadline);
        self.whole = whole;
        self.whole &= self.destinations.close(deadline);
        self.report(ProcessPhase::Exit);
        if let Some(sink) = &mut self.sink {
            self.whole &= sink.close(deadline).is_ok();
        }
        self.whole
    }

    /// Stores that capturing has ended.
    pub(super) fn give_up(&mut self) {
        self.shared.queue.abandon();
        self.report(ProcessPhase::Running);
        self.flush(Instant::now() + FLUSH_TIME);
    }

    /// Works off the queue, or what is `due` by now, until told to `stop`. Whether there was anything.
    fn drain(&mut self, due: bool, stop: impl Fn() -> bool) -> bool {
        // What these are about was submitted before, so it is in the queue or done.
        let uncaught = std::mem::take(&mut *self.shared.uncaught.lock());
        let mut worked = !uncaught.is_empty();
        let most = match due {
            true => self.shared.queue.len(),
            false => usize::MAX,
        };
        let mut stopped = false;
        for _ in 0..most {
            stopped = stop();
            if stopped {
                break;
            }
            let Some(submission) = self.shared.queue.poll() else {
                break;
            };
            worked = true;
            self.process(&submission);
            // The process may end before all of a long queue is done: what is done must not be lost with the rest.
            if self.flushed_at.elapsed() >= FLUSH_BUSY {
                self.flush(Instant::now() + FLUSH_TIME);
            }
        }
        match stopped {
            true => drop(self.shared.uncaught.lock().splice(..0, uncaught)),
            false => self.mark_all_uncaught(uncaught),
        }
        worked
    }

    fn take_uncaught(&mut self) {
        let uncaught = std::mem::take(&mut *self.shared.uncaught.lock());
        self.mark_all_uncaught(uncaught);
    }

    fn mark_all_uncaught(&mut self, all: Vec<(SnapshotId, String)>) {
        for (id, mechanism) in all {
            self.mark_uncaught(id, mechanism);
        }
    }

    fn process(&mut self, submission: &Submission) {
        let stats = Arc::clone(&self.shared.stats);
        let finished = match self.pipeline.run(&self.shared, submission) {
            Ok(finished) => finished,
            Err(PipelineError::Tape(_)) => return stats.outcome(Outcome::DroppedTape),
            Err(PipelineError::Redaction) => return stats.outcome(Outcome::DroppedRedaction),
        };
        for (reason, count) in finished.counts().iter() {
            stats.reason(reason, count.into());
        }
        self.payload.clear();
        if finished
            .msgpack(&mut self.encoder, &mut self.payload)
            .is_err()
        {
            return stats.outcome(Outcome::DroppedTape);
        }
        if let Some(site) = submission.site {
            if self.issues.len() >= MAX_SITES {
                self.issues.clear();
                self.sites.clear();
            }
            self.issues.insert(site.path(), finished.key());
            self.sites.insert(finished.key(), site);
        }
        self.call_back(submission, &finished);
        let (site, deeper) = (submission.site, submission.deeper);
        let mut requests = self.shared.deeper.lock();
        requests.captured(finished.key(), site, deeper, &self.shared.gate);
        drop(requests);
        let written = match &mut self.sink {
            Some(sink) => sink.write(&SinkRecord {
                kind: RecordKind::Snapshot,
                payload: &self.payload,
                id: submission.meta.id.0,
                fingerprint: finished.key(),
                timestamp_ns: submission.meta.timestamp_ns,
            }),
            None => Ok(()),
        };
        match written {
            Ok(()) => stats.outcome(Outcome::Captured),
            Err(_) => stats.outcome(Outcome::DroppedSink),
        }
        self.destinations.take(&finished);
        self.remember(submission.meta.id);
        // One very large snapshot does not hold its memory for ever.
        self.payload.shrink_to(1 << 20);
    }

    /// Hands a snapshot to the program's own functions.
    fn call_back(&mut self, submission: &Submission, finished: &Finished) {
        for callback in &self.shared.setup.host.callbacks {
            let (encoder, buffer) = (&mut self.encoder, &mut self.called_with);
            let stats = &self.shared.stats;
            match callback.deliver(submission, finished, &self.payload, encoder, buffer) {
                Ok(Taken::Yes) => stats.add(Counter::CallbackSent, 1),
                Ok(Taken::Later | Taken::Unwanted) => {}
                Ok(Taken::No) | Err(_) => {
                    stats.add(Counter::CallbackFailed, 1);
                    self.shared
                        .notice("a snapshot callback failed: what it did not take is only stored");
                }
            }
        }
        self.called_with.shrink_to(1 << 20);
    }

    fn remember(&self, id: SnapshotId) {
        self.shared.finished.fetch_add(1, Ordering::Relaxed);
        if self.payload.len() > RECENT_BYTES {
            return;
        }
        let mut recent = self.shared.recent.lock();
        if recent.len() >= RECENT {
            recent.pop_front();
        }
        recent.push_back(Recent {
            payload: self.payload.as_slice().into(),
            id,
            uncaught: None,
        });
    }

    fn mark_uncaught(&mut self, id: SnapshotId, mechanism: String) {
        if let Ok(payload) = encode_payload(&Uncaught {
            mechanism: mechanism.clone(),
        }) {
            self.write(RecordKind::Uncaught, id, &payload);
        }
        let mut recent = self.shared.recent.lock();
        if let Some(recent) = recent.iter_mut().find(|recent| recent.id == id) {
            recent.uncaught = Some(mechanism);
        }
    }

    fn take_sources(&mut self) {
        for (file, text) in self.shared.sources.lock().drain(..) {
            self.pipeline.note_source(&file, &text);
        }
    }

    fn flush(&mut self, deadline: Instant) {
        self.flushed_at = Instant::now();
        if let Some(sink) = &mut self.sink {
            self.whole = sink.flush(deadline).is_ok();
        }
        self.destinations.flush();
    }

    /// Writes how often known issues occurred without being captured.
    fn count_occurrences(&mut self) {
        let until_ns = now_ns();
        let counts: Vec<_> = self
            .shared
            .occurrences
            .take()
            .into_iter()
            .map(|(site, count)| EventCount {
                fingerprint: self.issues.get(&site).copied().unwrap_or_default(),
                site,
                count,
                last_ns: until_ns,
            })
            .collect();
        let since_ns = std::mem::replace(&mut self.counted_since, until_ns);
        if !counts.is_empty()
            && let Ok(payload) = encode_payload(&EventCounts {
                since_ns,
                until_ns,
                counts,
            })
        {
            self.write_new(RecordKind::EventCounts, &payload);
        }
    }

    /// Writes what the process is and what it did.
    fn report(&mut self, phase: ProcessPhase) {
        let setup = &self.shared.setup;
        let process = &self.shared.process;
        let started = setup
            .started
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let mut problems = setup.host.problems.clone();
        problems.extend(self.shared.notices.lock().iter().cloned());
        let record = ProcessRecord {
            phase,
            pid: process.pid,
            started_ns: u64::try_from(started.as_nanos()).unwrap_or(u64::MAX),
            service: Some(process.service.clone()),
            env: process.env.clone(),
            version: process.version.clone(),
            host: process.host.clone(),
            language: process.language.as_str().to_owned(),
            runtime: setup.host.runtime.clone(),
            walker: setup.host.walker.clone(),
            library: env!("CARGO_PKG_VERSION").to_owned(),
            enabled_by: setup.host.enabled_by.clone(),
            problems,
            stats: self.shared.stats.snapshot(),
        };
        self.reported.clone_from(&record.stats);
        if let Ok(payload) = encode_payload(&record) {
            self.write_new(RecordKind::Process, &payload);
        }
    }

    fn write_new(&mut self, kind: RecordKind, payload: &[u8]) {
        self.write(kind, SnapshotId::generate(now_ns()), payload);
    }

    fn write(&mut self, kind: RecordKind, id: SnapshotId, payload: &[u8]) {
        if let Some(sink) = &mut self.sink {
            // The sink counts what it cannot take.
            let _ = sink.write(&SinkRecord {
                kind,
                payload,
                id: id.0,
                fingerprint: [0; 16],
                timestamp_ns: now_ns(),
            });
        }
    }
}

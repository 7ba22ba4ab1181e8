//! The background thread: polls the queue, runs the pipeline, feeds the sink, ticks the gate.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::destinations::{self, Destinations, Senders};
use super::{
    Finished, Pipeline, PipelineError, RECENT, RECENT_BYTES, Recent, Shared, Submission, now_ns,
};
use crate::background;
use crate::encode::Encoder;
use crate::gate::SiteHash;
use crate::queue::Pace;
use crate::sink::spool::{
    EventCount, EventCounts, ProcessPhase, ProcessRecord, Spool, SpoolCounters, Uncaught,
    encode_payload,
};
use crate::sink::{RecordKind, Sink, SinkRecord};
use crate::snapshot::SnapshotId;
use crate::stats::{Counter, Outcome, Outcomes, Stats, StatsSnapshot};

/// How often the sink is flushed while there is something to flush.
const FLUSH_EVERY: Duration = Duration::from_millis(200);
/// The same while there is a queue to work off.
const FLUSH_BUSY: Duration = Duration::from_millis(100);
/// How often occurrences and the state of the process are written.
const REPORT_EVERY: Duration = Duration::from_secs(30);
/// Time for one ordinary flush.
const FLUSH_TIME: Duration = Duration::from_secs(5);
/// Time for what a thread of the program stores because there is no other.
const LAST_TIME: Duration = Duration::from_millis(500);
/// Sites whose issue is remembered.
const MAX_SITES: usize = 16_384;
/// Bytes of the thread's stack. Reading compressed debug information takes some, and the C library puts the program's thread-local
/// variables there, too. What is not used costs address space only.
const STACK: usize = 2 << 20;

/// The handle of the background thread.
pub(super) struct Worker {
    shared: Arc<Shared>,
    control: Arc<Control>,
    started: AtomicBool,
    sink: Mutex<Option<Box<dyn Sink>>>,
    /// Until the thread starts.
    destinations: Mutex<Option<Destinations>>,
    senders: Senders,
    spool: Mutex<Option<Arc<SpoolCounters>>>,
}

/// What others ask of the thread.
struct Control {
    asked: Mutex<Asked>,
    answered: Condvar,
    thread: Mutex<Option<Thread>>,
}

#[derive(Default)]
struct Asked {
    /// Flushes asked for, and those done.
    flushes: u64,
    flushed: u64,
    /// Whether the last flush handed over everything.
    whole: bool,
    stop_by: Option<Instant>,
    stopped: bool,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("started", &self.started)
            .finish_non_exhaustive()
    }
}

impl Worker {
    pub(super) fn new(
        shared: Arc<Shared>,
        sink: Option<Box<dyn Sink>>,
        destinations: Destinations,
    ) -> Self {
        let control = Control {
            asked: Mutex::default(),
            answered: Condvar::new(),
            thread: Mutex::default(),
        };
        Self {
            shared,
            control: Arc::new(control),
            started: AtomicBool::new(false),
            sink: Mutex::new(sink),
            senders: destinations.senders(),
            destinations: Mutex::new(Some(destinations)),
            spool: Mutex::default(),
        }
    }

    /// Starts the thread if it does not run. One load when it does.
    #[inline]
    pub(super) fn ensure_started(&self) {
        if !self.started.load(Ordering::Acquire) && !self.started.swap(true, Ordering::AcqRel) {
            self.start();
        }
    }

    #[cold]
    fn start(&self) {
        let sink = self.sink.lock().take().or_else(|| self.spool());
        let destinations = self.destinations.lock().take().unwrap_or_default();
        let (shared, control) = (Arc::clone(&self.shared), Arc::clone(&self.control));
        let work = Loop::new(shared, control, sink, destinations);
        let work = Arc::new(Mutex::new(Some(work)));
        let theirs = Arc::clone(&work);
        let started = background::spawn("stillframe", STACK, move || {
            let work = theirs.lock().take();
            if let Some(work) = work {
                work.run();
            }
        });
        match started {
            Ok(handle) => *self.control.thread.lock() = Some(handle.thread().clone()),
            Err(error) => {
                self.shared.notice(&format!(
                    "cannot start the background thread ({error}): nothing more is captured"
                ));
                self.shared.gate.set_enabled(false);
                // What has come so far, and why nothing comes after it, is stored by this thread, once.
                let work = work.lock().take();
                let whole = work.is_some_and(|mut work| {
                    work.finish(Instant::now() + LAST_TIME);
                    work.whole
                });
                let mut asked = self.control.asked.lock();
                asked.stopped = true;
                asked.whole = whole;
            }
        }
    }

    /// The configured store, if there is one.
    fn spool(&self) -> Option<Box<dyn Sink>> {
        let config = &self.shared.setup.config;
        if !config.spool.enabled {
            return None;
        }
        let dir = match config.store_dir() {
            Ok(dir) => dir,
            Err(error) => {
                self.shared.notice(&error.to_string());
                return None;
            }
        };
        let notify = Arc::downgrade(&self.shared);
        let notify = Box::new(move |line: &str| {
            if let Some(shared) = notify.upgrade() {
                shared.notice(line);
            }
        });
        let spool = Spool::new(dir, config.spool.clone(), notify);
        *self.spool.lock() = Some(spool.counters());
        Some(Box::new(spool))
    }

    /// Brings the sink's own counters into the engine's.
    pub(super) fn count_sink(&self, stats: &Stats) {
        if let Some(counters) = &*self.spool.lock() {
            let spool = counters.stats();
            stats.set(Counter::SpoolWritten, spool.written);
            stats.set(Counter::SpoolBytes, spool.written_bytes);
            stats.set(Counter::SpoolFailed, spool.dropped);
            stats.set(Counter::SpoolRemoved, spool.removed);
        }
    }

    /// Has what dead processes left sent.
    pub(super) fn deliver_left_over(&self) {
        destinations::deliver_left_over(&self.senders);
    }

    /// In a forked child: gives up what only the parent may use.
    pub(super) fn leave_to_parent(&self) {
        destinations::leave_to_parent(&self.senders);
    }

    /// Whether this is the background thread, as in a callback: it must not wait for itself.
    fn is_own_thread(&self) -> bool {
        let thread = self.control.thread.lock();
        thread
            .as_ref()
            .is_some_and(|thread| thread.id() == std::thread::current().id())
    }

    pub(super) fn flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let stored = self.store_by(deadline);
        destinations::settle_by(&self.senders, deadline) && stored
    }

    /// Waits until everything submitted so far is stored.
    fn store_by(&self, deadline: Instant) -> bool {
        if !self.started.load(Ordering::Acquire) {
            return true;
        }
        if self.is_own_thread() {
            return false;
        }
        let mut asked = self.control.asked.lock();
        asked.flushes += 1;
        let mine = asked.flushes;
        self.wake();
        while asked.flushed < mine && !asked.stopped {
            if self
                .control
                .answered
                .wait_until(&mut asked, deadline)
                .timed_out()
            {
                break;
            }
        }
        asked.flushed >= mine && asked.whole
    }

    pub(super) fn shutdown(&self, timeout: Duration) -> bool {
        if !self.started.load(Ordering::Acquire) {
            // Something was refused and nothing captured: `doctor` has to know of it all the same.
            if self.shared.stats.snapshot().outcomes == Outcomes::default() {
                destinations::stop(&self.senders, Instant::now() + timeout);
                return true;
            }
            self.ensure_started();
        }
        let own_thread = self.is_own_thread();
        let deadline = Instant::now() + timeout;
        let mut asked = self.control.asked.lock();
        asked.stop_by = Some(asked.stop_by.map_or(deadline, |by| by.min(deadline)));
        self.wake();
        while !asked.stopped && !own_thread {
            if self
                .control
                .answered
                .wait_until(&mut asked, deadline)
                .timed_out()
            {
                break;
            }
        }
        let mut lost = 0_u64;
        if !asked.stopped && !own_thread {
            while self.shared.queue.poll().is_some() {
                self.shared.stats.outcome(Outcome::DroppedDeadline);
                lost += 1;
            }
        }
        asked.stopped && asked.whole && lost == 0
    }

    fn wake(&self) {
        if let Some(thread) = &*self.control.thread.lock() {
            thread.unpark();
        }
    }
}

/// The thread's own state.
struct Loop {
    shared: Arc<Shared>,
    control: Arc<Control>,
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
    whole: bool,
}

impl Loop {
    fn new(
        shared: Arc<Shared>,
        control: Arc<Control>,
        sink: Option<Box<dyn Sink>>,
        destinations: Destinations,
    ) -> Self {
        Self {
            pipeline: Pipeline::new(&shared),
            shared,
            control,
            sink,
            destinations,
            encoder: Encoder::new(),
            payload: Vec::new(),
            called_with: Vec::new(),
            issues: HashMap::new(),
            sites: HashMap::new(),
            counted_since: now_ns(),
            reported: StatsSnapshot::default(),
            whole: true,
        }
    }

    fn run(mut self) {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.poll_until_stopped()));
        if outcome.is_err() {
            self.shared.count_panic();
            // The last thing that is stored says so, if the sink still works.
            let _ = catch_unwind(AssertUnwindSafe(|| {
                self.report(ProcessPhase::Running);
                self.flush(Instant::now() + FLUSH_TIME);
            }));
            self.whole = false;
        }
        let mut asked = self.control.asked.lock();
        asked.stopped = true;
        asked.whole = self.whole;
        self.control.answered.notify_all();
    }

    fn poll_until_stopped(&mut self) {
        let mut pace = Pace::default();
        let mut flushed = Instant::now();
        let mut reported = flushed;
        self.report(ProcessPhase::Start);
        loop {
            self.take_sources();
            let worked = self.drain(None);
            let _ = self.shared.gate.tick();
            let mut requests = self.shared.deeper.lock();
            requests.look(&self.shared.gate, &self.sites);
            drop(requests);
            let now = Instant::now();
            if now.duration_since(reported) >= REPORT_EVERY {
                reported = now;
                self.count_occurrences();
                self.report(ProcessPhase::Running);
            }
            if now.duration_since(flushed) >= FLUSH_EVERY || worked {
                flushed = now;
                self.flush(now + FLUSH_TIME);
            }
            let (flushes, stop_by) = {
                let asked = self.control.asked.lock();
                (asked.flushes.max(asked.flushed), asked.stop_by)
            };
            if let Some(deadline) = stop_by {
                return self.finish(deadline);
            }
            if self.answer(flushes) {
                std::thread::park_timeout(pace.sleep_after(worked));
            }
        }
    }

    /// Answers those who wait for a flush up to number `flushes`. `true`: nobody waited.
    fn answer(&mut self, flushes: u64) -> bool {
        if self.control.asked.lock().flushed >= flushes {
            return true;
        }
        self.drain(None);
        self.count_occurrences();
        // Hosts flush when the program ends, and what it did must be in the store then.
        if self.shared.stats.snapshot() != self.reported {
            self.report(ProcessPhase::Running);
        }
        self.flush(Instant::now() + FLUSH_TIME);
        let mut asked = self.control.asked.lock();
        asked.flushed = flushes;
        asked.whole = self.whole;
        self.control.answered.notify_all();
        false
    }

    fn finish(&mut self, deadline: Instant) {
        self.drain(Some(deadline));
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
    }

    /// Works off the queue. Whether there was anything.
    fn drain(&mut self, deadline: Option<Instant>) -> bool {
        // What they are about was submitted before, so it is in the queue or done.
        let uncaught = std::mem::take(&mut *self.shared.uncaught.lock());
        let mut worked = !uncaught.is_empty();
        let mut flushed = Instant::now();
        while deadline.is_none_or(|deadline| Instant::now() < deadline) {
            let Some(submission) = self.shared.queue.poll() else {
                break;
            };
            worked = true;
            self.process(&submission);
            // The process may end before all of a long queue is done: what is done must not be lost with the rest.
            if flushed.elapsed() >= FLUSH_BUSY {
                self.flush(Instant::now() + FLUSH_TIME);
                flushed = Instant::now();
            }
        }
        for (id, mechanism) in uncaught {
            self.mark_uncaught(id, mechanism);
        }
        worked
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
        self.call_back(&finished);
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
    fn call_back(&mut self, finished: &Finished) {
        for callback in &self.shared.setup.host.callbacks {
            let (encoder, buffer) = (&mut self.encoder, &mut self.called_with);
            let stats = &self.shared.stats;
            match callback.deliver(finished, &self.payload, encoder, buffer) {
                Ok(true) => stats.add(Counter::CallbackSent, 1),
                Ok(false) | Err(_) => {
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

//! The engine: one per process, from the gate on the raising thread to the sink in the background.
//!
//! ```text
//! raising thread                                background thread ("stillframe")
//! admit ── host walks, writes a tape ── submit ──queue──▶ Pipeline: validate, redact, source lines, fingerprint, encode ──▶ sink
//!                                                                                   each destination: encode ──▶ outbox ──▶ sender
//! ```
//!
//! The background thread is started by the first submission, runs at a low priority with all signals blocked, and polls: the raising
//! thread never wakes it. [`Engine::shutdown`] drains the queue within a deadline. A panic in the background switches the
//! engine off, is counted, and reaches nobody.
//!
//! After a fork the child has no background thread and perhaps locked locks; [`Engine::after_fork`] makes a new engine from
//! what never changes and leaves the old one untouched.

pub mod deeper;
#[cfg(feature = "http")]
mod destinations;
#[cfg(not(feature = "http"))]
#[path = "no_destinations.rs"]
mod destinations;
mod finished;
mod occurrences;
mod pipeline;
mod work;
mod worker;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::ThreadId;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::lock::Mutex;

pub use finished::{Finished, PipelineError};
pub use pipeline::Pipeline;

use crate::config::Config;
use crate::gate::{Admission, CoarseClock, Gate, Refusal, SiteFacts, SiteHash};
use crate::language::Language;
use crate::panics;
use crate::queue::{Full, Queue, QueueConfig};
use crate::redact::{AliasKey, Redactor};
use crate::sink::callback::Callback;
use crate::sink::{Destination, Sink};
use crate::snapshot::{Meta, Process, SnapshotId};
use crate::stats::{Counter, Outcome, Stats, StatsSnapshot};
use destinations::Destinations;
use occurrences::Occurrences;
use worker::Worker;

/// Snapshots kept in memory for the host's exit summary.
const RECENT: usize = 5;
/// A larger snapshot is not kept in memory.
const RECENT_BYTES: usize = 256 << 10;
/// Snapshots that wait to be marked as uncaught. Each stands for a thread or task that ended.
const UNCAUGHT: usize = 1024;
/// Lines kept for people in [`Engine::notices`].
const NOTICES: usize = 16;
/// Lines about one destination.
#[cfg(feature = "http")]
const NOTICES_ABOUT: usize = 4;

/// What the engine must know of the runtime that it is embedded in.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// Its language.
    pub language: Language,
    /// Version of its runtime, as `3.11.7`.
    pub runtime_version: String,
    /// Name and version of its runtime, as `CPython 3.11.7`.
    pub runtime: String,
    /// How values are read: `fast`, or why not.
    pub walker: String,
    /// What switched capture on.
    pub enabled_by: Option<String>,
    /// Directory against which relative source files are resolved.
    pub directory: Option<PathBuf>,
    /// Configuration problems, one line each, to be told by `doctor`.
    pub problems: Vec<String>,
    /// Gets each line of [`Engine::notices`] as it is told.
    pub log: Option<Log>,
    /// Functions of the program that take snapshots, beside the store.
    pub callbacks: Vec<Callback>,
}

/// A function that takes lines for people, on whatever thread something stopped working. No lock is held while it runs.
#[derive(Clone)]
pub struct Log(Arc<dyn Fn(&str) + Send + Sync>);

impl Log {
    /// Has `call` told every line.
    pub fn new(call: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(call))
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}

/// One captured exception on its way to the background.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The raw tape.
    pub tape: Arc<[u8]>,
    /// What stands beside it. Not redacted yet.
    pub meta: Meta,
    /// Where it was raised.
    pub site: Option<SiteHash>,
    /// Whether its limits were raised because somebody asked for that.
    pub deeper: bool,
}

impl Submission {
    /// Memory that it holds while it waits, roughly.
    fn bytes(&self) -> u64 {
        (self.tape.len() + 512 + 128 * (self.meta.attributes.len() + self.meta.user.len())) as u64
    }
}

/// A snapshot that this process finished lately.
#[derive(Clone, Debug)]
pub struct Recent {
    /// MessagePack, format 1.
    pub payload: Arc<[u8]>,
    /// Its id.
    pub id: SnapshotId,
    /// How it was met when it turned out that nobody handled it, if it was captured as handled.
    pub uncaught: Option<String>,
}

/// What never changes while an engine lives, shared with its successor in a forked child.
#[derive(Clone, Debug)]
struct Setup {
    config: Arc<Config>,
    host: Arc<Host>,
    redactor: Arc<Redactor>,
    /// `None` when aliasing is off.
    alias_key: Option<AliasKey>,
    started: SystemTime,
}

/// What the raising threads and the background share.
#[derive(Debug)]
struct Shared {
    setup: Setup,
    process: Arc<Process>,
    stats: Arc<Stats>,
    gate: Gate<CoarseClock>,
    queue: Queue<Submission>,
    occurrences: Occurrences,
    recent: Mutex<VecDeque<Recent>>,
    /// Snapshots finished so far.
    finished: AtomicU64,
    notices: Mutex<Vec<String>>,
    /// Calls of the host's log function.
    telling: Mutex<Telling>,
    /// Snapshots whose exception nobody handled after all, and how it was met then, until the background takes them.
    uncaught: Mutex<Vec<(SnapshotId, String)>>,
    /// Source text for code that is in no file, until the background takes it.
    sources: Mutex<Vec<(String, String)>>,
    /// What somebody asked to be captured deeper.
    deeper: Mutex<deeper::Requests>,
}

/// Which threads call the host's log function now, and whether none may any more.
#[derive(Debug, Default)]
struct Telling {
    over: bool,
    threads: Vec<ThreadId>,
}

/// A call of the host's log function, by this thread.
struct Call<'s>(&'s Mutex<Telling>);

impl<'s> Call<'s> {
    /// `None`: none may begin any more.
    fn begin(telling: &'s Mutex<Telling>) -> Option<Self> {
        let mut now = telling.lock();
        if now.over {
            return None;
        }
        now.threads.push(std::thread::current().id());
        drop(now);
        Some(Self(telling))
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let this = std::thread::current().id();
        let mut now = self.0.lock();
        if let Some(at) = now.threads.iter().position(|thread| *thread == this) {
            now.threads.swap_remove(at);
        }
    }
}

impl Shared {
    fn notice(&self, line: &str) {
        let mut notices = self.notices.lock();
        if notices.len() >= NOTICES || notices.iter().any(|known| known == line) {
            return;
        }
        notices.push(line.to_owned());
        drop(notices);
        self.log(line);
    }

    fn log(&self, line: &str) {
        if let Some(Log(log)) = &self.setup.host.log
            && let Some(_call) = Call::begin(&self.telling)
        {
            // The program's own function; what becomes of the line is not our business.
            let _outside = panics::outside();
            let _ = catch_unwind(AssertUnwindSafe(|| log(line))).map_err(std::mem::forget);
        }
    }

    /// The same about one thing of which little is to be told: of the lines that begin with `about`, or are told with it, the oldest go.
    #[cfg(feature = "http")]
    fn notice_about(&self, about: &str, line: &str) {
        let line = match line.starts_with(about) {
            true => line.to_owned(),
            false => format!("{about}{line}"),
        };
        let mut notices = self.notices.lock();
        if notices.contains(&line) {
            return;
        }
        let of_it: Vec<usize> = (0..notices.len())
            .filter(|&at| notices[at].starts_with(about))
            .collect();
        if of_it.len() >= NOTICES_ABOUT {
            notices.remove(of_it[0]);
        }
        notices.push(line.clone());
        drop(notices);
        self.log(&line);
    }

    fn count_panic(&self) {
        self.stats.add(Counter::InternalPanics, 1);
        self.gate.set_enabled(false);
        self.notice(&panics::notice());
    }
}

/// The engine of one process. All methods may be called from any thread.
#[derive(Debug)]
pub struct Engine {
    shared: Arc<Shared>,
    worker: Worker,
    /// For work on the caller's thread ([`Engine::finish`]).
    pipeline: Mutex<Pipeline>,
}

impl Engine {
    /// An engine that stores what it captures, and sends it, as `config` says. Looks for requests in the store; writes no file yet, and
    /// starts no thread unless a dead process left something that is to be sent.
    #[must_use]
    pub fn new(config: Arc<Config>, host: Host) -> Self {
        let engine = Self::start(Self::set_up(config, host), None, None);
        engine.worker.deliver_left_over();
        engine
    }

    fn set_up(config: Arc<Config>, host: Host) -> Setup {
        let (redactor, errors) = Redactor::new(&config.redact);
        let mut host = host;
        host.problems.extend(errors.iter().map(ToString::to_string));
        Setup {
            host: Arc::new(host),
            redactor: Arc::new(redactor),
            alias_key: config.redact.aliasing.then(AliasKey::random),
            config,
            started: SystemTime::now(),
        }
    }

    /// An engine that hands what it captures to `sink`.
    #[must_use]
    pub fn with_sink(config: Arc<Config>, host: Host, sink: Box<dyn Sink>) -> Self {
        Self::start(Self::set_up(config, host), Some(sink), None)
    }

    /// An engine that stores what it captures as `config` says, and sends it to `destinations` rather than to those that `config` names.
    #[must_use]
    pub fn with_destinations(
        config: Arc<Config>,
        host: Host,
        destinations: Vec<Destination>,
    ) -> Self {
        let engine = Self::start(Self::set_up(config, host), None, Some(destinations));
        engine.worker.deliver_left_over();
        engine
    }

    fn start(
        setup: Setup,
        sink: Option<Box<dyn Sink>>,
        destinations: Option<Vec<Destination>>,
    ) -> Self {
        let stats = Arc::new(Stats::new());
        let config = &setup.config;
        let process = Process {
            service: config.service.clone().unwrap_or_default(),
            env: config.env.clone(),
            version: config.version.clone(),
            host: host_name(),
            pid: std::process::id(),
            language: setup.host.language,
            runtime_version: Some(setup.host.runtime_version.clone())
                .filter(|version| !version.is_empty()),
        };
        let shared = Arc::new(Shared {
            gate: Gate::with(&config.gate, CoarseClock::new(), Arc::clone(&stats)),
            queue: Queue::new(QueueConfig::default(), Arc::clone(&stats)),
            occurrences: Occurrences::new(),
            recent: Mutex::default(),
            finished: AtomicU64::new(0),
            notices: Mutex::default(),
            telling: Mutex::default(),
            uncaught: Mutex::default(),
            sources: Mutex::default(),
            deeper: Mutex::new(deeper::Requests::new(config)),
            process: Arc::new(process),
            stats,
            setup,
        });
        // The first exception of a process may be the one that somebody waits for.
        shared.deeper.lock().look(&shared.gate, &HashMap::new());
        let destinations = destinations.unwrap_or_else(|| destinations::configured(&shared));
        let destinations = Destinations::new(&shared, destinations);
        Self {
            pipeline: Mutex::new(Pipeline::new(&shared)),
            worker: Worker::new(Arc::clone(&shared), sink, destinations),
            shared,
        }
    }

    /// The engine for a child after a fork, to be called there before anything else; the parent's engine must be leaked, not dropped.
    #[must_use]
    pub fn after_fork(&self) -> Self {
        self.worker.leave_to_parent();
        let engine = Self::start(self.shared.setup.clone(), None, None);
        engine
            .shared
            .gate
            .set_enabled(self.shared.gate.is_enabled());
        engine
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.shared.setup.config
    }

    /// The rules that the host's walker must ask before it reads a value.
    #[must_use]
    pub fn redactor(&self) -> &Arc<Redactor> {
        &self.shared.setup.redactor
    }

    /// The key for the hashes of hidden text, if aliasing is on.
    #[must_use]
    pub fn alias_key(&self) -> Option<&AliasKey> {
        self.shared.setup.alias_key.as_ref()
    }

    /// The process as snapshots name it.
    #[must_use]
    pub fn process(&self) -> &Arc<Process> {
        &self.shared.process
    }

    /// Refuses in one relaxed load when the gate is closed or switched off; to be asked before a site is hashed.
    #[inline]
    #[must_use]
    pub fn refuse_early(&self) -> Option<Refusal> {
        self.shared.gate.refuse_early()
    }

    /// May this exception be captured now? A refused occurrence is counted for its issue.
    #[inline]
    pub fn admit<'f>(&self, site: SiteHash, facts: impl FnOnce() -> SiteFacts<'f>) -> Admission {
        let admission = self.shared.gate.admit_with(site, facts);
        if let Admission::Refused(Refusal::Site | Refusal::Rate) = admission {
            self.shared.occurrences.add(site.path());
        }
        admission
    }

    /// May this exception be captured now that somebody asks for it? Not rate limited.
    pub fn admit_explicit(&self, site: SiteHash, facts: &SiteFacts<'_>) -> Admission {
        self.shared.gate.admit_explicit(site, facts)
    }

    /// The gate, for its settings.
    #[must_use]
    pub fn gate(&self) -> &Gate<CoarseClock> {
        &self.shared.gate
    }

    /// Hands a capture to the background.
    ///
    /// # Errors
    ///
    /// The queue is full, or the engine has ended; the capture was dropped and counted.
    pub fn submit(&self, submission: Submission) -> Result<(), Full> {
        let bytes = submission.bytes();
        self.shared.queue.push(submission, bytes)?;
        self.worker.ensure_started();
        Ok(())
    }

    /// Says that the exception of a snapshot, captured as handled, was handled by nobody; `mechanism` is how it was met at last.
    pub fn mark_uncaught(&self, id: SnapshotId, mechanism: &str) {
        let mut uncaught = self.shared.uncaught.lock();
        if uncaught.len() < UNCAUGHT {
            uncaught.push((id, mechanism.to_owned()));
            drop(uncaught);
            self.worker.ensure_started();
        }
    }

    /// Does on this thread what the background would do, for a caller who wants the snapshot itself. Nothing is stored.
    ///
    /// # Errors
    ///
    /// The tape is not valid, or could not be redacted.
    pub fn finish(&self, submission: &Submission) -> Result<Finished, PipelineError> {
        self.pipeline.lock().run(&self.shared, submission)
    }

    /// Validates and redacts on this thread, for a form that has no source lines and no issue. Nothing is stored.
    ///
    /// # Errors
    ///
    /// As [`Engine::finish`].
    pub fn redact(&self, submission: &Submission) -> Result<Finished, PipelineError> {
        self.pipeline.lock().run_bare(&self.shared, submission)
    }

    /// Tells a line to people: what stopped working ([`Engine::notices`], `doctor`).
    pub fn notice(&self, line: &str) {
        self.shared.notice(line);
    }

    /// Keeps the source text of code that is in no file, under the name that its frames give.
    pub fn note_source(&self, file: &str, text: &str) {
        self.pipeline.lock().note_source(file, text);
        self.shared
            .sources
            .lock()
            .push((file.to_owned(), text.to_owned()));
    }

    /// Counters and times up to now.
    #[must_use]
    pub fn stats(&self) -> StatsSnapshot {
        self.worker.count_sink(&self.shared.stats);
        self.shared.stats.snapshot()
    }

    /// Counts what the host does on the engine's behalf: snapshots that it hands to the program itself.
    pub fn count(&self, counter: Counter, by: u64) {
        self.shared.stats.add(counter, by);
    }

    /// Counts an error of the host's own code, which reached nobody.
    pub fn count_internal_error(&self) {
        self.shared.stats.add(Counter::InternalErrors, 1);
    }

    /// Counts a panic in the host's native code and switches the engine off.
    pub fn count_panic(&self) {
        self.shared.count_panic();
    }

    /// Whether a panic, here or in the background, has switched the engine off.
    #[must_use]
    pub fn has_panicked(&self) -> bool {
        self.shared.stats.get(Counter::InternalPanics) > 0
    }

    /// Counts what a walk took and kept.
    pub fn count_walk(&self, duration: Duration, values: u32, bytes: usize, fallback: bool) {
        let stats = &self.shared.stats;
        stats.walk(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        stats.add(Counter::Values, values.into());
        stats.add(Counter::TapeBytes, bytes as u64);
        stats.add(Counter::Fallback, fallback.into());
    }

    /// Counts a capture that came to nothing inside the host.
    pub fn count_dropped(&self, outcome: Outcome) {
        self.shared.stats.outcome(outcome);
    }

    /// Lines for people: what stopped working, each once.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        self.shared.notices.lock().clone()
    }

    /// The last few snapshots of this process, oldest first, and how many there were.
    #[must_use]
    pub fn recent(&self) -> (Vec<Recent>, u64) {
        let recent = self.shared.recent.lock().iter().cloned().collect();
        (recent, self.shared.finished.load(Relaxed))
    }

    /// Whether this process captured anything yet, so that something may wait to be stored or sent.
    pub fn has_captured(&self) -> bool {
        self.worker.has_started()
    }

    /// Waits until everything submitted so far is stored, and sent where destinations answer: what one that does not work is to get is
    /// not waited for. `false` if that took longer than `timeout`, or something is neither stored nor sent.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.worker.flush(timeout)
    }

    /// Stops capturing, drains the queue, stores everything and sends what can be sent, within `timeout`; what is not sent by then waits
    /// in files for the next process. `false` if something was lost.
    pub fn shutdown(&self, timeout: Duration) -> bool {
        self.shared.gate.set_enabled(false);
        self.worker.shutdown(timeout)
    }

    /// Begins no more calls of the host's log function: lines are only kept from here on.
    pub fn silence(&self) {
        self.shared.telling.lock().over = true;
    }

    /// Whether no function of the host runs, its log function among them, nor anything that calls its callbacks: before the first capture,
    /// and after [`Engine::shutdown`] once what it could not wait for has ended, too. After [`Engine::silence`] it stays so.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.worker.is_at_rest() && self.shared.telling.lock().threads.is_empty()
    }

    /// Whether this thread is in a function of the host that the engine called.
    #[must_use]
    pub fn is_in_callback(&self) -> bool {
        let this = std::thread::current().id();
        self.worker.is_held_here() || self.shared.telling.lock().threads.contains(&this)
    }
}

/// Nanoseconds since 1970.
#[must_use]
pub fn now_ns() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn host_name() -> Option<String> {
    let mut buffer = [0_u8; 256];
    // SAFETY: the buffer is writable for the length that is passed, which leaves its last byte 0.
    let status = unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len() - 1) };
    let name = buffer.split(|&byte| byte == 0).next().unwrap_or_default();
    (status == 0 && !name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
}

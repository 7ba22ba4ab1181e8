//! Who does the work behind the queue: the background thread, and whoever waits for it.
//!
//! The background thread gets only the time that the program leaves, which may be none. So where a thread of the program waits, to flush or
//! at its end, another thread that has the priority of the waiting one takes over the work, and the wait is bounded whatever that meets.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{Thread, ThreadId};
use std::time::{Duration, Instant};

use super::Shared;
use super::destinations::{self, Destinations, Senders};
use super::work::Work;
use crate::lock::{Condvar, Mutex};
use crate::queue::Pace;
use crate::sink::Sink;
use crate::sink::spool::{Spool, SpoolCounters};
use crate::stats::{Counter, Outcomes, Stats};
use crate::{background, panics};

/// Time for a note of what became of the sending, after a flush that took all of its time.
const NOTE_TIME: Duration = Duration::from_millis(50);
/// Time to tell how it went, for what ends at its deadline.
const TELL_TIME: Duration = Duration::from_millis(50);
/// Time for what a thread of the program stores because there is no other.
const LAST_TIME: Duration = Duration::from_millis(500);
/// No wait is longer. A caller's timeout may be more than clocks count.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// When a timeout of a caller's is over.
fn after(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(LONGEST)
}

/// The handle of the background thread.
pub(super) struct Worker {
    shared: Arc<Shared>,
    desk: Arc<Desk>,
    started: AtomicBool,
    sink: Mutex<Option<Box<dyn Sink>>>,
    /// Until the thread starts.
    destinations: Mutex<Option<Destinations>>,
    senders: Senders,
    spool: Mutex<Option<Arc<SpoolCounters>>>,
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
        Self {
            shared,
            desk: Arc::default(),
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
        if !self.started.load(Ordering::Acquire) {
            self.start();
        }
    }

    #[cold]
    fn start(&self) {
        // From here on others wait for the work, and find it.
        if !self.desk.begin(&self.started) {
            return;
        }
        let sink = self.sink.lock().take().or_else(|| self.spool());
        let destinations = self.destinations.lock().take().unwrap_or_default();
        let work = Work::new(Arc::clone(&self.shared), sink, destinations);
        *self.desk.place.lock() = Place::Free(Box::new(work));
        self.desk.changed.notify_all();
        let (desk, shared) = (Arc::clone(&self.desk), Arc::clone(&self.shared));
        let started =
            background::spawn("stillframe", background::STACK, move || desk.poll(&shared));
        if let Err(error) = started {
            self.shared.notice(&format!(
                "cannot start the background thread ({error}): nothing more is captured"
            ));
            self.shared.gate.set_enabled(false);
            // What has come so far, and why nothing comes after it, is stored by this thread, once.
            let deadline = Instant::now() + LAST_TIME;
            self.desk.stop_by(deadline);
            let _ = self.desk.turn(&self.shared, Some(deadline), |_| ());
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

    /// Whether there was anything to do yet.
    pub(super) fn has_started(&self) -> bool {
        self.started.load(Ordering::Acquire)
    }

    pub(super) fn flush(&self, timeout: Duration) -> bool {
        let deadline = after(timeout);
        let stored = match self.has_started() {
            true => self.store_by(deadline),
            false => self.shared.queue.lost() == 0,
        };
        if self.senders.is_empty() {
            return stored;
        }
        let settled = destinations::settle_by(&self.senders, deadline);
        // The process may end behind this: what became of the sending is stored, too.
        if self.has_started() {
            self.store_by(deadline.max(Instant::now() + NOTE_TIME));
        }
        settled && stored
    }

    /// Stores everything submitted so far.
    fn store_by(&self, deadline: Instant) -> bool {
        match self.take_over(deadline, move |work| work.settle(deadline)) {
            Ok(whole) => whole,
            Err(NoTurn::Ended) => self.is_whole(),
            Err(NoTurn::Late | NoTurn::Own) => false,
        }
    }

    /// Has a thread of this one's priority do something with the work, and waits for it until `deadline`.
    fn take_over<T: Send + 'static>(
        &self,
        deadline: Instant,
        turn: impl FnOnce(&mut Work) -> T + Send + 'static,
    ) -> Result<T, NoTurn> {
        if self.desk.is_held_here() {
            return Err(NoTurn::Own);
        }
        let (desk, shared) = (Arc::clone(&self.desk), Arc::clone(&self.shared));
        let (tell, told) = mpsc::sync_channel(1);
        let turn = Arc::new(Mutex::new(Some(turn)));
        let theirs = Arc::clone(&turn);
        let started = background::spawn_urgent("stillframe", background::STACK, move || {
            let turn = theirs.lock().take();
            if let Some(turn) = turn {
                // Nobody may wait any more.
                let _ = tell.send(desk.turn(&shared, Some(deadline), turn));
            }
        });
        if let Ok(thread) = started {
            let left = (deadline + TELL_TIME).saturating_duration_since(Instant::now());
            let Ok(outcome) = told.recv_timeout(left) else {
                return Err(NoTurn::Late);
            };
            // It has nothing left to do: whoever counts threads afterwards counts the program's.
            thread.join();
            return outcome;
        }
        // No thread can be had: this one has to do it.
        let turn = turn.lock().take().ok_or(NoTurn::Ended)?;
        self.desk.turn(&self.shared, Some(deadline), turn)
    }

    pub(super) fn shutdown(&self, timeout: Duration) -> bool {
        let deadline = after(timeout);
        if !self.started.load(Ordering::Acquire) {
            // Something was refused and nothing captured: `doctor` has to know of it all the same.
            if self.shared.stats.snapshot().outcomes == Outcomes::default()
                && self.desk.end_before_it_began(&self.shared)
            {
                destinations::stop(&self.senders);
                return self.is_whole();
            }
            self.ensure_started();
        }
        let desk = Arc::clone(&self.desk);
        // Asked for in the turn itself, so that it is not the background thread that has to finish.
        match self.take_over(deadline, move |_| desk.stop_by(deadline)) {
            Ok(()) | Err(NoTurn::Ended) => self.is_whole(),
            // A callback that ends the engine: it ends after that.
            Err(NoTurn::Own) => {
                self.desk.stop_by(deadline);
                false
            }
            Err(NoTurn::Late) => {
                self.desk.stop_by(deadline);
                self.shared.queue.abandon();
                false
            }
        }
    }

    /// Whether all that was captured was handed over, when nothing more is.
    fn is_whole(&self) -> bool {
        self.desk.whole.load(Ordering::Acquire) && self.shared.queue.lost() == 0
    }

    pub(super) fn is_at_rest(&self) -> bool {
        let place = self.desk.place.lock();
        matches!(*place, Place::Before | Place::Finished)
    }

    pub(super) fn is_held_here(&self) -> bool {
        self.desk.is_held_here()
    }
}

/// What the background thread and those who wait for it share.
#[derive(Default)]
struct Desk {
    place: Mutex<Place>,
    /// The work came back, is finished, or somebody waits no more.
    changed: Condvar,
    /// How many threads wait for a turn. The background thread gives way to them.
    waiting: AtomicU32,
    /// When the work has to be finished, once that was asked for.
    stop_by: Mutex<Option<Instant>>,
    /// Whether everything was handed over in the end.
    whole: AtomicBool,
    thread: Mutex<Option<Thread>>,
}

/// Where the work is.
#[derive(Default)]
enum Place {
    /// Nothing was to be done yet.
    #[default]
    Before,
    Free(Box<Work>),
    /// Somebody makes it, or has it for one turn.
    With(ThreadId),
    Finished,
}

/// Why a thread could not take over the work.
#[derive(Debug)]
enum NoTurn {
    /// It is finished.
    Ended,
    /// Not in time.
    Late,
    /// This thread has it already: it is in a callback.
    Own,
}

impl Desk {
    /// Has this thread make the work. `false`: another one did, or does.
    fn begin(&self, started: &AtomicBool) -> bool {
        let mut place = self.place.lock();
        let begins = matches!(*place, Place::Before);
        if begins {
            *place = Place::With(std::thread::current().id());
            started.store(true, Ordering::Release);
        }
        begins
    }

    /// Ends it if there was nothing to do. `false`: there was.
    fn end_before_it_began(&self, shared: &Shared) -> bool {
        let mut place = self.place.lock();
        if matches!(*place, Place::Before) {
            shared.queue.close();
            if !shared.queue.is_empty() {
                return false;
            }
            *place = Place::Finished;
            self.whole.store(true, Ordering::Release);
            // What somebody adds at this moment.
            shared.queue.abandon();
        }
        matches!(*place, Place::Finished)
    }

    /// The background thread.
    fn poll(&self, shared: &Shared) {
        *self.thread.lock() = Some(std::thread::current());
        let mut pace = Pace::default();
        let turn = |work: &mut Work| work.turn(|| self.waiting.load(Ordering::Relaxed) > 0);
        while let Ok(worked) = self.turn(shared, None, turn) {
            std::thread::park_timeout(pace.sleep_after(worked));
        }
    }

    /// Does something with the work as soon as nobody else does, by `deadline` at the latest. Finishes it afterwards if that was asked for,
    /// or if something in it panicked.
    fn turn<T>(
        &self,
        shared: &Shared,
        deadline: Option<Instant>,
        turn: impl FnOnce(&mut Work) -> T,
    ) -> Result<T, NoTurn> {
        let mut work = self.take(deadline)?;
        let _inside = panics::inside();
        let mut outcome = catch_unwind(AssertUnwindSafe(|| turn(&mut work)));
        let stop_by = *self.stop_by.lock();
        if let (Some(deadline), Ok(_)) = (stop_by, &outcome) {
            let finished = catch_unwind(AssertUnwindSafe(|| work.finish(deadline)));
            match finished {
                Ok(whole) => self.whole.store(whole, Ordering::Release),
                Err(panic) => outcome = Err(panic),
            }
        }
        if outcome.is_err() {
            shared.count_panic();
            // The last thing that is stored says so, if the sink still works.
            let _ = catch_unwind(AssertUnwindSafe(|| work.give_up()));
        }
        let over = outcome.is_err() || stop_by.is_some();
        let place = match over {
            true => {
                // It closes its files before anybody is told.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(work)));
                Place::Finished
            }
            false => Place::Free(work),
        };
        *self.place.lock() = place;
        self.changed.notify_all();
        if over {
            self.wake();
        }
        outcome.map_err(|_| NoTurn::Ended)
    }

    /// Waits for the work; without a deadline, also for everybody who has one.
    fn take(&self, deadline: Option<Instant>) -> Result<Box<Work>, NoTurn> {
        let mut place = self.place.lock();
        let Some(deadline) = deadline else {
            while matches!(*place, Place::With(_)) || self.waiting.load(Ordering::Relaxed) > 0 {
                place = self.changed.wait(place);
            }
            return place.take().ok_or(NoTurn::Ended);
        };
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let mut late = false;
        while !late && matches!(*place, Place::With(_)) {
            (place, late) = self.changed.wait_until(place, deadline);
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        let taken = match *place {
            Place::With(_) => Err(NoTurn::Late),
            _ => place.take().ok_or(NoTurn::Ended),
        };
        drop(place);
        self.changed.notify_all();
        taken
    }

    /// Whether this thread has a turn: it is in a callback.
    fn is_held_here(&self) -> bool {
        matches!(*self.place.lock(), Place::With(thread) if thread == std::thread::current().id())
    }

    /// Has the work finished after the next turn.
    fn stop_by(&self, deadline: Instant) {
        let mut stop_by = self.stop_by.lock();
        *stop_by = Some(stop_by.map_or(deadline, |by| by.min(deadline)));
    }

    fn wake(&self) {
        if let Some(thread) = &*self.thread.lock() {
            thread.unpark();
        }
    }
}

impl Place {
    /// Takes the work for a turn of this thread, if it is there.
    fn take(&mut self) -> Option<Box<Work>> {
        match std::mem::take(self) {
            Place::Free(work) => {
                *self = Place::With(std::thread::current().id());
                Some(work)
            }
            other => {
                *self = other;
                None
            }
        }
    }
}

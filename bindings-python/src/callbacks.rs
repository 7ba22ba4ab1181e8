//! Snapshots for functions of the program (`stillframe.on_snapshot`).
//!
//! ```text
//! background thread ── deliver ──▶ MAILBOX (bounded) ──▶ _native.Deliveries.take ── a thread of Python's own ──▶ the program's functions
//! ```
//!
//! The background thread never takes the GIL: at the end of the process nobody could have it any more, and whoever waits for it then is
//! ended in the middle of its stack. So it only puts what it has finished into a box; a thread that Python started waits on the box
//! without the GIL, and is told to end before the interpreter does.
//!
//! A snapshot of an exception that was captured on that very thread is not handed over: it is what a function did with another snapshot,
//! and would go round for ever.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};
use std::time::Instant;

use pyo3::prelude::*;
use stillframe_core::engine::Submission;
use stillframe_core::lock::{Condvar, Mutex};
use stillframe_core::sink::callback::{Callback, Delivery, Format, Taken};
use stillframe_core::stats::Counter;

use crate::capture::thread_id;
use crate::module::seconds;
use crate::snapshot::{Done, Home, Snapshot};
use crate::state::engine;

/// Snapshots that may wait for the functions, and the bytes that they may hold together.
const MOST: usize = 256;
const MOST_BYTES: usize = 8 << 20;

/// One snapshot on its way.
struct Waiting {
    submission: Submission,
    done: Done,
    bytes: usize,
}

#[derive(Default)]
struct Inside {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Whether the thread is busy with one that it took.
    in_hand: bool,
    /// Whether there is a thread that takes, or is about to be one.
    claimed: bool,
    /// Nothing comes any more: the thread is to end, and what comes all the same is dropped.
    closed: bool,
}

/// What waits, of one process: a forked child has another one.
#[derive(Default)]
struct Mailbox {
    inside: Mutex<Inside>,
    /// Something was put in or taken out, or the box was closed.
    changed: Condvar,
    /// Whether there are functions.
    wanted: AtomicBool,
    /// Ident of the thread that takes; 0 when there is none.
    thread: AtomicU64,
}

static MAILBOX: AtomicPtr<Mailbox> = AtomicPtr::new(std::ptr::null_mut());

/// The box, once there was a function.
fn mailbox() -> Option<&'static Mailbox> {
    // SAFETY: the pointer is null or comes from `Box::leak` below, so it is valid for ever.
    unsafe { MAILBOX.load(Ordering::Acquire).as_ref() }
}

fn set_mailbox(mailbox: Mailbox) -> &'static Mailbox {
    let mailbox = Box::leak(Box::new(mailbox));
    MAILBOX.store(mailbox, Ordering::Release);
    mailbox
}

/// What the engine of the process is given.
pub(crate) fn callback() -> Callback {
    Callback::new(Format::MessagePack, |delivery| {
        mailbox().map_or(Taken::Unwanted, |mailbox| mailbox.put(delivery))
    })
}

impl Mailbox {
    /// Runs on the background thread.
    fn put(&self, delivery: &Delivery<'_>) -> Taken {
        if !self.wanted.load(Ordering::Acquire) {
            return Taken::Unwanted;
        }
        let (submission, thread) = (delivery.submission, self.thread.load(Ordering::Acquire));
        if thread != 0 && submission.meta.thread.as_ref().map(|it| it.id) == Some(thread) {
            return Taken::Unwanted;
        }
        let bytes = submission.tape.len() + delivery.bytes.len();
        let next = Waiting {
            submission: submission.clone(),
            done: Done {
                key: delivery.fingerprint,
                payload: Arc::from(delivery.bytes),
            },
            bytes,
        };
        let mut inside = self.inside.lock();
        let full = inside.waiting.len() >= MOST || inside.bytes + bytes > MOST_BYTES;
        if inside.closed || (full && !inside.waiting.is_empty()) {
            drop(inside);
            count(Counter::CallbackDropped, 1);
            return Taken::Later;
        }
        inside.bytes += bytes;
        inside.waiting.push_back(next);
        drop(inside);
        self.changed.notify_all();
        Taken::Later
    }

    /// The next snapshot; `None` when there is none or, if it is to wait, when the box was closed.
    fn take(&self, wait: bool) -> Option<Waiting> {
        let mut inside = self.inside.lock();
        if inside.in_hand {
            inside.in_hand = false;
            self.changed.notify_all();
        }
        loop {
            if inside.closed {
                return None;
            }
            if let Some(next) = inside.waiting.pop_front() {
                inside.bytes -= next.bytes;
                inside.in_hand = true;
                return Some(next);
            }
            if !wait {
                return None;
            }
            inside = self.changed.wait(inside);
        }
    }

    /// Gives up the place of the thread that takes.
    fn leave(&self) {
        self.thread.store(0, Ordering::Release);
        let mut inside = self.inside.lock();
        (inside.claimed, inside.in_hand) = (false, false);
        drop(inside);
        self.changed.notify_all();
    }

    /// Waits until `over`, at most until `deadline`. Whether it came to that.
    fn wait_until(&self, deadline: Instant, over: impl Fn(&Inside) -> bool) -> bool {
        let mut inside = self.inside.lock();
        while !over(&inside) {
            let late;
            (inside, late) = self.changed.wait_until(inside, deadline);
            if late {
                return over(&inside);
            }
        }
        true
    }

    /// Has the thread end, and drops what waits. How many were dropped.
    fn close(&self, deadline: Instant) -> u64 {
        let mut inside = self.inside.lock();
        inside.closed = true;
        let dropped = inside.waiting.len() as u64;
        inside.waiting.clear();
        inside.bytes = 0;
        drop(inside);
        self.changed.notify_all();
        let own = self.thread.load(Ordering::Acquire) == thread_id();
        if !own {
            self.wait_until(deadline, |inside| !inside.claimed);
        }
        dropped
    }
}

fn count(counter: Counter, by: u64) {
    if let Some(engine) = engine() {
        engine.count(counter, by);
    }
}

/// What the one thread that hands snapshots to functions holds.
#[pyclass(frozen, module = "stillframe._native")]
pub(crate) struct Deliveries {
    mailbox: &'static Mailbox,
}

#[pymethods]
impl Deliveries {
    /// The next snapshot, which has to be done with when the next one is asked for. `None` when there is none; if it is to `wait`, only
    /// when this thread is to end.
    #[pyo3(signature = (wait=true))]
    fn take(&self, py: Python<'_>, wait: bool) -> Option<Snapshot> {
        let mailbox = self.mailbox;
        if MAILBOX.load(Ordering::Acquire) != std::ptr::from_ref(mailbox).cast_mut() {
            return None; // a forked child, which must not touch what its parent may have locked
        }
        mailbox.thread.store(thread_id(), Ordering::Release);
        let next = py.detach(|| mailbox.take(wait))?;
        Some(Snapshot::finished(
            next.submission,
            Home::Process,
            next.done,
        ))
    }

    /// Gives up the place, for another thread to take.
    fn leave(&self) {
        if MAILBOX.load(Ordering::Acquire) == std::ptr::from_ref(self.mailbox).cast_mut() {
            self.mailbox.leave();
        }
    }
}

/// Whether there are functions that want snapshots.
#[pyfunction]
fn listen(wanted: bool) {
    let mailbox = match mailbox() {
        Some(mailbox) => mailbox,
        None if wanted => set_mailbox(Mailbox::default()),
        None => return,
    };
    mailbox.wanted.store(wanted, Ordering::Release);
    if wanted {
        mailbox.inside.lock().closed = false;
    }
}

/// The place of the one thread that hands snapshots over; `None` if there is such a thread already, or nothing to hand over any more.
#[pyfunction]
fn claim_deliveries() -> Option<Deliveries> {
    let mailbox = mailbox()?;
    let mut inside = mailbox.inside.lock();
    if inside.claimed || inside.closed {
        return None;
    }
    inside.claimed = true;
    drop(inside);
    Some(Deliveries { mailbox })
}

/// Waits until the functions are done with all that was handed over, at most `timeout` seconds. `False` if they are not. The thread that
/// hands over does not wait for itself.
#[pyfunction]
fn drain_deliveries(py: Python<'_>, timeout: f64) -> bool {
    let Some(mailbox) = mailbox() else {
        return true;
    };
    if mailbox.thread.load(Ordering::Acquire) == thread_id() {
        return true;
    }
    let deadline = Instant::now() + seconds(timeout);
    py.detach(|| {
        mailbox.wait_until(deadline, |inside| {
            inside.waiting.is_empty() && !inside.in_hand
        })
    })
}

/// Ends the thread that hands over, once it is done with what it has in hand, waiting for it at most `timeout` seconds. What waits is
/// dropped and counted, and so is all that comes later.
#[pyfunction]
fn close_deliveries(py: Python<'_>, timeout: f64) {
    if let Some(mailbox) = mailbox() {
        let deadline = Instant::now() + seconds(timeout);
        let dropped = py.detach(|| mailbox.close(deadline));
        count(Counter::CallbackDropped, dropped);
    }
}

/// Counts a call of one function.
#[pyfunction]
fn count_callback(taken: bool) {
    count(
        if taken {
            Counter::CallbackSent
        } else {
            Counter::CallbackFailed
        },
        1,
    );
}

/// For a forked child: it has no thread, and what waits is its parent's. The parent's box may be locked, and is left where it is.
pub(crate) fn after_fork() {
    if let Some(old) = mailbox() {
        let wanted = old.wanted.load(Ordering::Acquire);
        set_mailbox(Mailbox {
            wanted: AtomicBool::new(wanted),
            ..Mailbox::default()
        });
    }
}

/// For a new engine: what was closed is open again.
pub(crate) fn reopen() {
    if let Some(mailbox) = mailbox() {
        mailbox.inside.lock().closed = false;
    }
}

pub(crate) fn fill(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Deliveries>()?;
    module.add_function(wrap_pyfunction!(listen, module)?)?;
    module.add_function(wrap_pyfunction!(claim_deliveries, module)?)?;
    module.add_function(wrap_pyfunction!(drain_deliveries, module)?)?;
    module.add_function(wrap_pyfunction!(close_deliveries, module)?)?;
    module.add_function(wrap_pyfunction!(count_callback, module)?)?;
    Ok(())
}

//! Permits: the core's belongs to a thread and ends when it is dropped; C's is a struct that may be copied, carried to another thread, or lost
//! in a longjmp.
//!
//! So the core's stays with its thread here, under a number that C carries ([`stillframe_permit::token`]). Who comes back with the number on
//! the same thread ends it. On another thread it is noted in a small table, where the owner looks when it asks for admission again. And a
//! permit whose lease is over is given up at that time, so that a thread that lost one captures again.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU64, Ordering};

use stillframe_core::engine::Engine;
use stillframe_core::gate::{Clock, CoarseClock, Permit};
use stillframe_core::limits::Limits;
use stillframe_core::stats::Outcome;

use crate::error::Failure;
use crate::sized::sized;
use crate::status::STILLFRAME_ERROR_PERMIT;

/// No exception of this site was captured before.
pub const STILLFRAME_PERMIT_NOVEL: u32 = 1;
/// Somebody asked for more of this one: the limits are raised.
pub const STILLFRAME_PERMIT_DEEPER: u32 = 2;

/// How much of the program one snapshot may show. The walker keeps to it, and puts it into the tape's header.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct stillframe_limits {
    /// Exceptions of a chain, the raised one included.
    pub exceptions: u32,
    /// Frames of an exception.
    pub frames: u32,
    /// References followed from a variable.
    pub depth: u32,
    /// Fields of an object.
    pub fields: u32,
    /// Items of a collection.
    pub items: u32,
    /// Characters of a string.
    pub string: u32,
    /// Values of a snapshot.
    pub values: u32,
    /// Bytes of a tape.
    pub tape_bytes: u32,
    /// Microseconds after which nothing further is opened.
    pub soft_time_us: u32,
    /// Microseconds after which the walk ends wherever it is.
    pub hard_time_us: u32,
}

impl From<&Limits> for stillframe_limits {
    fn from(limits: &Limits) -> Self {
        let micros =
            |time: std::time::Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        Self {
            exceptions: limits.exceptions,
            frames: limits.frames,
            depth: limits.depth,
            fields: limits.fields,
            items: limits.items,
            string: limits.string,
            values: limits.values,
            tape_bytes: limits.tape_bytes,
            soft_time_us: micros(limits.soft_time),
            hard_time_us: micros(limits.hard_time),
        }
    }
}

/// The right to capture one exception. Filled by stillframe_capture_admit(), ended by stillframe_capture_submit() or
/// stillframe_capture_cancel(). The capture should happen on the thread that asked; submission may come from another one.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct stillframe_permit {
    /// sizeof(stillframe_permit), set by the caller.
    pub struct_size: usize,
    /// The library's; 0 once the permit was used.
    pub token: u64,
    /// The site's hash over all frames; the library's.
    pub path: u64,
    /// The site's hash over type and raising frame; the library's.
    pub origin: u64,
    /// When admission was given, in ns since 1970: the snapshot's time.
    pub timestamp_ns: u64,
    /// The snapshot's id, a UUID in network order, for a log line or a span.
    pub id: [u8; 16],
    /// The limits in force for this capture.
    pub limits: stillframe_limits,
    /// STILLFRAME_PERMIT_*.
    pub flags: u32,
    /// How long it holds its thread if it is lost, in milliseconds.
    pub lease_ms: u32,
}

sized!(stillframe_permit, least = lease_ms: u32);

/// Shortest lease.
const LEAST_LEASE_MS: u32 = 1000;
/// Permits that were used on another thread and are remembered.
const REMEMBERED: usize = 256;

static ISSUED: AtomicU64 = AtomicU64::new(0);
static USED: [AtomicU64; REMEMBERED] = [const { AtomicU64::new(0) }; REMEMBERED];

/// The permit that a thread holds.
struct Held {
    /// Without a destructor: a thread that ends takes its flag with it.
    permit: ManuallyDrop<Permit>,
    token: u64,
    until: u64,
}

thread_local! {
    static HELD: Cell<Option<Held>> = const { Cell::new(None) };
}

fn used(token: u64) -> &'static AtomicU64 {
    #[expect(clippy::cast_possible_truncation, reason = "an index")]
    let index = token as usize % REMEMBERED;
    &USED[index]
}

/// How long a permit for these limits holds its thread if it is lost.
pub(crate) fn lease_ms(limits: &stillframe_limits) -> u32 {
    (limits.hard_time_us / 1000)
        .saturating_mul(4)
        .max(LEAST_LEASE_MS)
}

/// Keeps the thread's permit and returns its number.
pub(crate) fn hold(permit: Permit, lease_ms: u32) -> u64 {
    let token = ISSUED.fetch_add(1, Ordering::Relaxed) + 1;
    let held = Held {
        permit: ManuallyDrop::new(permit),
        token,
        until: CoarseClock::new().now() + u64::from(lease_ms) * 1_000_000,
    };
    HELD.set(Some(held));
    token
}

/// Frees this thread from a permit that was used elsewhere, or whose lease is over.
pub(crate) fn reclaim(engine: &Engine) {
    let Some(held) = HELD.take() else {
        return;
    };
    if used(held.token).load(Ordering::Relaxed) != held.token {
        if CoarseClock::new().now() < held.until {
            HELD.set(Some(held));
            return;
        }
        used(held.token).store(held.token, Ordering::Relaxed);
        engine.count_dropped(Outcome::DroppedCancelled);
    }
    drop(ManuallyDrop::into_inner(held.permit));
}

/// Ends the permit of this number, which may be of any thread.
pub(crate) fn end(token: u64) -> Result<(), Failure> {
    let refuse = |what| Err(Failure::of(STILLFRAME_ERROR_PERMIT, "permit", what));
    if token == 0 || token > ISSUED.load(Ordering::Relaxed) {
        return refuse("used before, or not given by stillframe_capture_admit()");
    }
    if used(token).swap(token, Ordering::Relaxed) == token {
        return refuse("used before, or given up when its lease was over");
    }
    match HELD.take() {
        Some(held) if held.token == token => drop(ManuallyDrop::into_inner(held.permit)),
        other => HELD.set(other),
    }
    Ok(())
}

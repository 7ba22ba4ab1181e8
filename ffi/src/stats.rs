//! Counters of an engine.

use stillframe_core::stats::StatsSnapshot;

use crate::error::{Failure, stillframe_error};
use crate::guard::{done, guard, inside};
use crate::handle::stillframe_engine;
use crate::sized::{self, sized};
use crate::status::{STILLFRAME_ERROR_NULL, stillframe_status};
use crate::text::stillframe_bytes;

/// What an engine did so far. Every exception that asked for admission ends as one of the first members, which have the words of
/// statuses, of `stillframe stats` and of all other languages.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct stillframe_stats {
    /// sizeof(stillframe_stats), set by the caller.
    pub struct_size: usize,
    /// Captured and handed to the sink.
    pub captured: u64,
    /// Capturing is switched off.
    pub refused_disabled: u64,
    /// The gate was closed: no capture was possible at that time, whatever the exception.
    pub refused_closed: u64,
    /// This site was captured often or recently enough.
    pub refused_site: u64,
    /// The captures of this second were used up.
    pub refused_rate: u64,
    /// An exclusion rule matched.
    pub refused_rule: u64,
    /// A capture was running on the same thread.
    pub refused_reentrant: u64,
    /// Captured, but as many snapshots as may wait were waiting.
    pub dropped_queue: u64,
    /// Captured, but the waiting snapshots held as many bytes as they may.
    pub dropped_memory: u64,
    /// The tape was not valid.
    pub dropped_tape: u64,
    /// Redaction could not be done in full, so nothing was kept.
    pub dropped_redaction: u64,
    /// The sink could not take it.
    pub dropped_sink: u64,
    /// It was still waiting when the process had to end, or came after the engine had.
    pub dropped_deadline: u64,
    /// An error inside the engine.
    pub dropped_error: u64,
    /// The host gave the capture up, or never came back with it.
    pub dropped_cancelled: u64,
    /// Permits given by the gate.
    pub admitted: u64,
    /// Permits given to sites that the gate did not know.
    pub admitted_novel: u64,
    /// Permits given with raised limits, because somebody asked for that.
    pub admitted_deeper: u64,
    /// Permits given to explicit calls, which are not rate limited.
    pub admitted_explicit: u64,
    /// Values captured.
    pub values: u64,
    /// Bytes of tape captured.
    pub tape_bytes: u64,
    /// Records written to the spool.
    pub spool_written: u64,
    /// Bytes written to the spool.
    pub spool_bytes: u64,
    /// Records that could not be written to the spool.
    pub spool_failed: u64,
    /// Records removed from the spool to keep its size.
    pub spool_removed: u64,
    /// Exceptions read through the host's public API, because its own layout is not known.
    pub fallback: u64,
    /// Errors inside the engine.
    pub internal_errors: u64,
    /// Panics inside the engine. The first one switches it off.
    pub internal_panics: u64,
    /// Snapshots that a callback of the program took.
    pub callback_sent: u64,
    /// Snapshots that a callback of the program failed to take.
    pub callback_failed: u64,
    /// Snapshots that were not handed to a callback, because as many waited for it as may, or because the process ended first.
    pub callback_dropped: u64,
    /// Walks whose time was told.
    pub walk_count: u64,
    /// Half of them took at most this long.
    pub walk_p50_ns: u64,
    /// 99 of 100 took at most this long.
    pub walk_p99_ns: u64,
    /// The longest.
    pub walk_max_ns: u64,
}

sized!(stillframe_stats, least = walk_max_ns: u64);

impl From<&StatsSnapshot> for stillframe_stats {
    fn from(stats: &StatsSnapshot) -> Self {
        let (outcomes, counters, walk) = (&stats.outcomes, &stats.counters, &stats.walk);
        Self {
            struct_size: size_of::<Self>(),
            captured: outcomes.captured,
            refused_disabled: outcomes.refused_disabled,
            refused_closed: outcomes.refused_closed,
            refused_site: outcomes.refused_site,
            refused_rate: outcomes.refused_rate,
            refused_rule: outcomes.refused_rule,
            refused_reentrant: outcomes.refused_reentrant,
            dropped_queue: outcomes.dropped_queue,
            dropped_memory: outcomes.dropped_memory,
            dropped_tape: outcomes.dropped_tape,
            dropped_redaction: outcomes.dropped_redaction,
            dropped_sink: outcomes.dropped_sink,
            dropped_deadline: outcomes.dropped_deadline,
            dropped_error: outcomes.dropped_error,
            dropped_cancelled: outcomes.dropped_cancelled,
            admitted: counters.admitted,
            admitted_novel: counters.admitted_novel,
            admitted_deeper: counters.admitted_deeper,
            admitted_explicit: counters.admitted_explicit,
            values: counters.values,
            tape_bytes: counters.tape_bytes,
            spool_written: counters.spool_written,
            spool_bytes: counters.spool_bytes,
            spool_failed: counters.spool_failed,
            spool_removed: counters.spool_removed,
            fallback: counters.fallback,
            internal_errors: counters.internal_errors,
            internal_panics: counters.internal_panics,
            callback_sent: counters.callback_sent,
            callback_failed: counters.callback_failed,
            callback_dropped: counters.callback_dropped,
            walk_count: walk.count,
            walk_p50_ns: walk.p50_ns,
            walk_p99_ns: walk.p99_ns,
            walk_max_ns: walk.max_ns,
        }
    }
}

/// Reads the counters. Those in motion at the time may be off by one.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_stats_read(
    engine: *const stillframe_engine,
    stats: *mut stillframe_stats,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, engine, {
        inside(|| {
            let inner = stillframe_engine::get(engine)?;
            // SAFETY: the contract: a struct of the size that it says, the caller's own.
            unsafe { sized::write(stats, &(&inner.engine.stats()).into()) }?;
            done()
        })
    })
}

/// The counters as a JSON object, with what was hidden and cut by reason, and the lines for people that were told so far.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_stats_json(
    engine: *const stillframe_engine,
    out: *mut stillframe_bytes,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, engine, {
        inside(|| {
            let inner = stillframe_engine::get(engine)?;
            if out.is_null() {
                return Err(Failure::of(STILLFRAME_ERROR_NULL, "out", "NULL"));
            }
            let mut stats = serde_json::to_value(inner.engine.stats()).unwrap_or_default();
            stats["notices"] = inner.engine.notices().into();
            let text = serde_json::to_vec(&stats).unwrap_or_default();
            // SAFETY: not NULL, and the caller's own by the contract.
            unsafe { out.write(stillframe_bytes::of(text)) };
            done()
        })
    })
}

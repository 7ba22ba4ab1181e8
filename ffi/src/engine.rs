//! An engine's life.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stillframe_core::engine::Engine;
use stillframe_core::panics;

use crate::config::stillframe_config;
use crate::error::{Failure, stillframe_error};
use crate::guard::{done, guard, inside};
use crate::handle::{stillframe_engine, stillframe_rules};
use crate::sized;
use crate::status::{
    STILLFRAME_ERROR_NULL, STILLFRAME_INCOMPLETE, STILLFRAME_OK, stillframe_status,
};

/// Makes an engine. `config` may be NULL for what is configured outside the program, `rules` for none; both are only read, and may be
/// freed afterwards. Reads the environment and stillframe.toml; starts no thread and writes no file before the first capture, but
/// where a dead process left something to be sent, that is sent. A mistake in the configuration is told and skipped, not an error.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_engine_new(
    config: *const stillframe_config,
    rules: *const stillframe_rules,
    out: *mut *const stillframe_engine,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, {
        panics::silence_inside();
        inside(|| {
            if out.is_null() {
                return Err(Failure::of(STILLFRAME_ERROR_NULL, "out", "NULL"));
            }
            let config = if config.is_null() {
                sized::zeroed()
            } else {
                // SAFETY: the contract: it points to a configuration of the size that it says.
                unsafe { sized::read::<stillframe_config>(config) }?
            };
            // SAFETY: the contract: what it points to is valid for this call, its functions until the engine is freed.
            let mut made = unsafe { config.make() }?;
            if !rules.is_null() {
                // SAFETY: the contract: nobody else uses the handle during this call.
                unsafe { stillframe_rules::get(rules) }?.apply(&mut made.config);
            }
            // Whoever makes an engine wants it to capture, unless somebody who configures it says otherwise.
            made.config.gate.enabled = made.config.enabled != Some(false);
            let engine = stillframe_engine::new(Engine::new(Arc::new(made.config), made.host));
            // SAFETY: not NULL, and the caller's own by the contract.
            unsafe { out.write(engine) };
            done()
        })
    })
}

/// Waits until everything submitted so far is stored and handed to the snapshot callback, at most `timeout_ms`. STILLFRAME_INCOMPLETE: it
/// took longer, or could not be done, or was asked for in a callback.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_engine_flush(
    engine: *const stillframe_engine,
    timeout_ms: u32,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, engine, {
        inside(|| {
            let inner = stillframe_engine::get(engine)?;
            Ok(whole(inner.engine.flush(milliseconds(timeout_ms))))
        })
    })
}

/// To be called in the child after fork(), before any other function with this engine: the child gets an engine of its own behind the
/// same handle, with nothing waiting. What the parent captured stays the parent's business. Does nothing in the process that made it.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_engine_after_fork(
    engine: *const stillframe_engine,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, engine, {
        inside(|| {
            stillframe_engine::after_fork(engine)?;
            done()
        })
    })
}

/// Stops capturing, stores what waits within `timeout_ms`, and frees the engine; its handle is an error from then on. NULL does
/// nothing. No other call with this engine may run or begin. STILLFRAME_INCOMPLETE: something was lost, or a function of the program
/// (log, snapshot) still runs and keeps its data.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_engine_free(
    engine: *const stillframe_engine,
    timeout_ms: u32,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, {
        inside(|| {
            if engine.is_null() {
                return done();
            }
            let Some(inner) = stillframe_engine::take(engine)? else {
                return done();
            };
            let timeout = milliseconds(timeout_ms);
            let until = Instant::now() + timeout;
            let stored = inner.engine.shutdown(timeout);
            // A thread that sends may be telling something at this moment.
            inner.engine.silence();
            let until = match inner.engine.is_in_callback() {
                true => Instant::now(),
                false => until,
            };
            let is_over = wait(until, || inner.engine.is_at_rest());
            drop(inner);
            Ok(whole(stored && is_over))
        })
    })
}

pub(crate) const fn whole(whole: bool) -> stillframe_status {
    if whole {
        STILLFRAME_OK
    } else {
        STILLFRAME_INCOMPLETE
    }
}

/// Waits until something is so; `false`: it was not by then.
pub(crate) fn wait(until: Instant, is_so: impl Fn() -> bool) -> bool {
    while !is_so() {
        if Instant::now() >= until {
            return false;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    true
}

fn milliseconds(timeout: u32) -> Duration {
    Duration::from_millis(timeout.into())
}

/// Panics inside the guard, as a bug of ours would, for tests of what happens then. Only with the feature `test-hooks`.
///
/// # Safety
///
/// The header's contract.
#[cfg(feature = "test-hooks")]
#[unsafe(no_mangle)]
#[expect(clippy::panic, reason = "what it is for")]
pub unsafe extern "C" fn stillframe_test_panic(
    engine: *const stillframe_engine,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, engine, {
        inside(|| {
            stillframe_engine::get(engine)?;
            panic!("asked for");
        })
    })
}

//! The border: no panic of ours passes it.
//!
//! Every export is [`guard!`] and nothing else; a test reads the sources and compares. A panic is caught, counted, told, and switches the
//! engine off; the caller gets a status as for any other failure.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use stillframe_core::panics;

use crate::error::{Failure, stillframe_error, tell};
use crate::handle::stillframe_engine;
use crate::status::{STILLFRAME_ERROR_PANIC, STILLFRAME_OK, stillframe_status};

/// The body of an export.
///
/// * `guard!(error, { ... })`: the block is a `Result<stillframe_status, Failure>`.
/// * `guard!(error, engine, { ... })`: the same; `engine` is switched off by a panic.
/// * `guard!(error, using = start::using(), { ... })`: the same with the process's engine, if there is one; it is kept until all is done.
/// * `guard!(else neutral, { ... })`: the block's own value, or `neutral` after a panic.
macro_rules! guard {
    (else $neutral:expr, $body:block) => {
        $crate::guard::neutral($neutral, || $body)
    };
    ($error:expr, $using:ident = $started:expr, $body:block) => {{
        let $using = $started;
        let engine = $using
            .as_ref()
            .map_or(std::ptr::null(), $crate::report::start::Using::handle);
        $crate::guard::run($error, engine, || $body)
    }};
    ($error:expr, $body:block) => {
        $crate::guard::run($error, std::ptr::null(), || $body)
    };
    ($error:expr, $engine:expr, $body:block) => {
        $crate::guard::run($error, $engine, || $body)
    };
}
pub(crate) use guard;

/// Runs the body of an export that has a status.
#[inline]
pub(crate) fn run(
    error: *mut stillframe_error,
    engine: *const stillframe_engine,
    body: impl FnOnce() -> Result<stillframe_status, Failure>,
) -> stillframe_status {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(status)) => status,
        Ok(Err(failure)) => failed(error, &failure),
        Err(payload) => panicked(error, engine, payload),
    }
}

/// Runs the body of an export that has a value instead.
pub(crate) fn neutral<T>(neutral: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        // Dropping what it carries could panic again.
        std::mem::forget(payload);
        neutral
    })
}

/// Runs a part of an export's body that works with an engine which only the part's caller knows, and keeps for so long. After a panic there
/// is nothing to be had from it, and the engine is switched off.
pub(crate) fn counted(engine: *const stillframe_engine, body: impl FnOnce()) {
    let body = || {
        body();
        done()
    };
    run(std::ptr::null_mut(), engine, body);
}

#[cold]
fn failed(error: *mut stillframe_error, failure: &Failure) -> stillframe_status {
    // SAFETY: the export's contract: `error` is NULL or a `stillframe_error` of the caller.
    unsafe { tell(error, failure) };
    failure.status
}

#[cold]
fn panicked(
    error: *mut stillframe_error,
    engine: *const stillframe_engine,
    payload: Box<dyn Any + Send>,
) -> stillframe_status {
    // Dropping what it carries could panic again.
    std::mem::forget(payload);
    // What is left to do must not fail in turn: a second guard, and nothing to be done if that is needed.
    let second = catch_unwind(AssertUnwindSafe(|| {
        let _inside = panics::inside();
        crate::handle::count_panic(engine);
        let what = "an internal error of Stillframe was caught, and the engine has switched itself off; please report it";
        failed(error, &Failure::new(STILLFRAME_ERROR_PANIC, what))
    }));
    if let Err(payload) = second {
        std::mem::forget(payload);
    }
    STILLFRAME_ERROR_PANIC
}

/// Runs work of ours within a guard, so that a panic in it is known to be ours and stays silent.
#[inline]
pub(crate) fn inside<T>(work: impl FnOnce() -> T) -> T {
    let _inside = panics::inside();
    work()
}

/// A body without a failure is done.
pub(crate) const fn done() -> Result<stillframe_status, Failure> {
    Ok(STILLFRAME_OK)
}

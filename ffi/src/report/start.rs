//! The process's engine: started once, used by every report, found again in a forked child.

use std::ptr::null;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use stillframe_core::engine::Engine;
use stillframe_core::lock::Mutex;

use super::recorder::Pool;
use super::{Errno, images, signal};
use crate::config::stillframe_config;
use crate::engine::{stillframe_engine_flush, stillframe_engine_free, stillframe_engine_new};
use crate::error::{Failure, stillframe_error};
use crate::guard::{done, guard, inside};
use crate::handle::stillframe_rules;
use crate::handle::{Inner, stillframe_engine};
use crate::status::{
    STILLFRAME_ERROR_FORKED, STILLFRAME_ERROR_HANDLE, STILLFRAME_INCOMPLETE, STILLFRAME_OK,
    stillframe_status,
};

/// What a started process has.
pub(crate) struct Started {
    handle: *const stillframe_engine,
    pub(crate) pool: Pool,
}

// SAFETY: the handle is a shared one.
unsafe impl Send for Started {}
// SAFETY: as above; the pool is a lock-free queue.
unsafe impl Sync for Started {}

static STARTED: AtomicPtr<Started> = AtomicPtr::new(std::ptr::null_mut());
/// Threads that use what `STARTED` names.
static USERS: AtomicUsize = AtomicUsize::new(0);
/// Held while a process starts or stops.
static CHANGING: Mutex<()> = Mutex::new(());

/// The right to use the process's engine: it is not freed meanwhile.
pub(crate) struct Using(&'static Started);

impl Using {
    /// The engine, and what captures with it need; the engine is made anew in a forked child.
    pub(crate) fn engine(&self) -> Option<&Engine> {
        match stillframe_engine::working(self.0.handle) {
            Ok(Inner { engine, .. }) => Some(engine),
            Err(failure) if failure.status == STILLFRAME_ERROR_FORKED => {
                stillframe_engine::after_fork(self.0.handle).ok()?;
                let inner = stillframe_engine::working(self.0.handle).ok()?;
                Some(&inner.engine)
            }
            Err(_) => None,
        }
    }
}

impl std::ops::Deref for Using {
    type Target = Started;
    fn deref(&self) -> &Started {
        self.0
    }
}

impl Drop for Using {
    fn drop(&mut self) {
        USERS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether there is an engine: one load.
#[inline]
pub(crate) fn is_started() -> bool {
    !STARTED.load(Ordering::Relaxed).is_null()
}

/// The process's engine, if it was started.
pub(crate) fn using() -> Option<Using> {
    USERS.fetch_add(1, Ordering::SeqCst);
    // SAFETY: null or from a box that `stop` frees only after it was taken out of `STARTED` and nobody uses it any more.
    match unsafe { STARTED.load(Ordering::SeqCst).as_ref() } {
        Some(started) => Some(Using(started)),
        None => {
            USERS.fetch_sub(1, Ordering::SeqCst);
            None
        }
    }
}

/// Starts capturing for this process.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_start(
    config: *const stillframe_config,
    rules: *const stillframe_rules,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, {
        let _errno = Errno::keep();
        inside(|| {
            let _changing = CHANGING.lock();
            if is_started() {
                let what = "already started; call stillframe_stop() first";
                return Err(Failure::new(STILLFRAME_ERROR_HANDLE, what));
            }
            let mut handle = null();
            // SAFETY: passed on to the caller; `handle` is this call's own.
            let status = unsafe { stillframe_engine_new(config, rules, &raw mut handle, error) };
            if status != STILLFRAME_OK {
                return Ok(status);
            }
            let limits = stillframe_engine::get(handle)?.engine.config().limits;
            images::refresh();
            let started = Box::new(Started {
                handle,
                pool: Pool::new(&limits),
            });
            STARTED.store(Box::into_raw(started), Ordering::SeqCst);
            if let Some(engine) = using().as_ref().and_then(Using::engine) {
                signal::import::take_over(engine);
            }
            done()
        })
    })
}

/// Stores what waits and stops capturing.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_stop(
    timeout_ms: u32,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, {
        let _errno = Errno::keep();
        inside(|| {
            let until = Instant::now() + Duration::from_millis(timeout_ms.into());
            let _changing = CHANGING.lock();
            signal::handler::uninstall();
            let started = STARTED.swap(std::ptr::null_mut(), Ordering::SeqCst);
            if started.is_null() {
                return done();
            }
            // A capture takes a few milliseconds at most.
            while USERS.load(Ordering::SeqCst) > 0 && Instant::now() < until {
                std::thread::sleep(Duration::from_micros(200));
            }
            if USERS.load(Ordering::SeqCst) > 0 {
                // Somebody still uses it, so it stays.
                return Ok(STILLFRAME_INCOMPLETE);
            }
            // SAFETY: from `Box::into_raw` in `stillframe_start`; nobody can get at it any more, and nobody has it.
            let started = unsafe { Box::from_raw(started) };
            let left = until.saturating_duration_since(Instant::now());
            let left = u32::try_from(left.as_millis()).unwrap_or(u32::MAX);
            // SAFETY: the handle is ours, and no other call uses it.
            Ok(unsafe { stillframe_engine_free(started.handle, left, error) })
        })
    })
}

/// Waits until everything captured so far is stored.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_flush(
    timeout_ms: u32,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, {
        let _errno = Errno::keep();
        inside(|| match using() {
            // SAFETY: the handle lives while it is used; the rest is passed on to the caller.
            Some(using) => Ok(unsafe { stillframe_engine_flush(using.handle, timeout_ms, error) }),
            None => done(),
        })
    })
}

/// The engine that stillframe_start made, for the functions of stillframe.h; NULL before that. stillframe_stop frees it.
#[unsafe(no_mangle)]
pub extern "C" fn stillframe_started_engine() -> *const stillframe_engine {
    guard!(else null(), {
        using().map_or(null(), |using| using.handle)
    })
}

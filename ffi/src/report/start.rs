//! The process's engine: started once, used by every report, found again in a forked child.

use std::ptr::{NonNull, null, null_mut};
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use stillframe_core::engine::Engine;

use super::recorder::Pool;
use super::{Errno, images, signal};
use crate::config::stillframe_config;
use crate::engine::{stillframe_engine_flush, stillframe_engine_new, wait, whole};
use crate::error::{Failure, stillframe_error};
use crate::fork::{self, OwnMutex};
use crate::guard::{counted, done, guard, inside};
use crate::handle::stillframe_rules;
use crate::handle::{Inner, stillframe_engine};
use crate::status::{
    STILLFRAME_ERROR_FORKED, STILLFRAME_ERROR_HANDLE, STILLFRAME_INCOMPLETE, STILLFRAME_OK,
    stillframe_status,
};

/// How long stopping waits for captures that are under way before it ends the engine; each takes a few milliseconds at most.
const CAPTURES: Duration = Duration::from_millis(100);

/// What a started process has.
pub(crate) struct Started {
    handle: *const stillframe_engine,
    pub(crate) pool: Pool,
}

// SAFETY: the handle is a shared one.
unsafe impl Send for Started {}
// SAFETY: as above; the pool is made of atomic pointers to boxes that any thread may use.
unsafe impl Sync for Started {}

impl Started {
    /// Whether nobody uses it any more: no thread of ours, and no function of the program runs for it.
    fn is_at_rest(&self) -> bool {
        let engine = stillframe_engine::get(self.handle).map(|inner| &inner.engine);
        // The parent's engine does nothing in a child.
        users() == 0 && engine.map_or(true, Engine::is_at_rest)
    }
}

/// What a stop took out of `STARTED` and has to free.
struct Stopped(NonNull<Started>);

// SAFETY: it is used under a lock, and what it points to by any thread.
unsafe impl Send for Stopped {}

impl Stopped {
    fn get(&self) -> &Started {
        // SAFETY: from `Box::into_raw` in `stillframe_start`; only `free` ends it.
        unsafe { self.0.as_ref() }
    }

    /// Frees it, at rest.
    fn free(self) {
        // The parent's engine stays as it is, and so does what the parent's threads were working on when this one was forked.
        if let Ok(Some(inner)) = stillframe_engine::take(self.get().handle) {
            drop(inner);
            // SAFETY: as in `get`; nobody can get at it any more, and nobody uses it.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }
}

static STARTED: AtomicPtr<Started> = AtomicPtr::new(null_mut());
/// Threads that use what `STARTED` names: the process's epoch (32 bits), how many (32 bits). A child of `fork` has none of its parent's
/// threads: a number of another epoch counts as 0.
static USERS: AtomicU64 = AtomicU64::new(0);
/// Held while a process starts or stops. What a stop could not finish, for the next one.
static CHANGING: OwnMutex<Option<Stopped>> = OwnMutex::new();

/// The right to use the process's engine: it is not freed meanwhile.
pub(crate) struct Using {
    started: &'static Started,
    epoch: u64,
}

impl Using {
    /// The engine, and what captures with it need; the engine is made anew in a forked child.
    pub(crate) fn engine(&self) -> Option<&Engine> {
        match stillframe_engine::working(self.handle()) {
            Ok(Inner { engine, .. }) => Some(engine),
            Err(failure) if failure.status == STILLFRAME_ERROR_FORKED => {
                stillframe_engine::after_fork(self.handle()).ok()?;
                let inner = stillframe_engine::working(self.handle()).ok()?;
                Some(&inner.engine)
            }
            Err(_) => None,
        }
    }

    pub(crate) fn handle(&self) -> *const stillframe_engine {
        self.started.handle
    }
}

impl std::ops::Deref for Using {
    type Target = Started;
    fn deref(&self) -> &Started {
        self.started
    }
}

impl Drop for Using {
    fn drop(&mut self) {
        leave(self.epoch);
    }
}

/// One user less, if this is still the process that it was counted in.
fn leave(epoch: u64) {
    let left = |word: u64| (word >> 32 == epoch).then(|| word - 1);
    let _ = USERS.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left);
}

/// Of this process, as `USERS` has it.
fn epoch() -> u64 {
    fork::own() & 0xffff_ffff
}

fn users() -> u64 {
    let word = USERS.load(Ordering::SeqCst);
    match word >> 32 == epoch() {
        true => word & 0xffff_ffff,
        false => 0,
    }
}

/// Whether there is an engine: one load.
#[inline]
pub(crate) fn is_started() -> bool {
    !STARTED.load(Ordering::Relaxed).is_null()
}

/// The process's engine, if it was started.
pub(crate) fn using() -> Option<Using> {
    if !is_started() {
        return None;
    }
    let epoch = epoch();
    let entered = |word: u64| match word >> 32 == epoch {
        true => Some(word + 1),
        false => Some(epoch << 32 | 1),
    };
    let _ = USERS.fetch_update(Ordering::SeqCst, Ordering::SeqCst, entered);
    // SAFETY: null or from a box that is freed only after it was taken out of `STARTED` and nobody uses it any more.
    let started = unsafe { STARTED.load(Ordering::SeqCst).as_ref() };
    match started {
        Some(started) => Some(Using { started, epoch }),
        None => {
            leave(epoch);
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
            let mut changing = CHANGING.lock();
            if is_started() {
                let what = "already started; call stillframe_stop() first";
                return Err(Failure::new(STILLFRAME_ERROR_HANDLE, what));
            }
            if changing
                .as_ref()
                .is_some_and(|kept| !kept.get().is_at_rest())
            {
                let what = "the engine before is still in use; call stillframe_stop() again";
                return Err(Failure::new(STILLFRAME_ERROR_HANDLE, what));
            }
            if let Some(kept) = changing.take() {
                kept.free();
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
            let left = || until.saturating_duration_since(Instant::now());
            let mut changing = CHANGING.try_lock();
            while changing.is_none() && !left().is_zero() {
                std::thread::sleep(Duration::from_micros(200));
                changing = CHANGING.try_lock();
            }
            let Some(mut changing) = changing else {
                return Ok(STILLFRAME_INCOMPLETE);
            };
            signal::handler::uninstall();
            let started = STARTED.swap(null_mut(), Ordering::SeqCst);
            // There is never one of each: a start finishes what a stop left.
            let taken = NonNull::new(started).map(Stopped).or(changing.take());
            let Some(stopped) = taken else {
                return done();
            };
            wait(until.min(Instant::now() + CAPTURES), || users() == 0);
            // Who still uses it waits for the engine's work, and no longer than that.
            let (stored, until) = match stillframe_engine::get(stopped.get().handle) {
                Ok(inner) => {
                    let stored = inner.engine.shutdown(left());
                    // Threads that send may go on; what they tell is for nobody.
                    inner.engine.silence();
                    // It ends after this callback, and not before.
                    let is_late = inner.engine.is_in_callback();
                    (stored, if is_late { Instant::now() } else { until })
                }
                Err(_) => (true, until),
            };
            if wait(until, || stopped.get().is_at_rest()) {
                stopped.free();
                return Ok(whole(stored));
            }
            *changing = Some(stopped);
            Ok(STILLFRAME_INCOMPLETE)
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
    guard!(error, using = using(), {
        let _errno = Errno::keep();
        inside(|| match &using {
            Some(using) => {
                // A child that has captured nothing yet has nothing to wait for, and an engine all the same.
                let _ = using.engine();
                // SAFETY: the handle lives while it is used; the rest is passed on to the caller.
                Ok(unsafe { stillframe_engine_flush(using.handle(), timeout_ms, error) })
            }
            None => done(),
        })
    })
}

/// The engine that stillframe_start made, for the functions of stillframe.h; NULL before that. stillframe_stop frees it.
#[unsafe(no_mangle)]
pub extern "C" fn stillframe_started_engine() -> *const stillframe_engine {
    guard!(else null(), {
           inside(|| {
               let using = using();
               // Of this process, where it was forked.
               if let Some(using) = &using {
                   counted(using.handle(), || {
    let _ = using.engine();
    });
               }
               using.map_or(null(), |using| using.handle())
           })
       })
}

//! Handles: which pointers are ours, and what may still be done with them.
//!
//! * `stillframe_engine` is *shared*: `const`, any thread, at the same time.
//! * `stillframe_rules` is *exclusive*: not `const`, one thread at a time.
//!
//! The struct that a caller points to is a few words and stays for ever; what it points to is freed. So a use after the free is an error
//! status, not a crash, and costs one load.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use stillframe_core::engine::Engine;

use crate::error::Failure;
use crate::fork;
use crate::rules::Rules;
use crate::status::{
    STILLFRAME_ERROR_DISABLED, STILLFRAME_ERROR_FORKED, STILLFRAME_ERROR_HANDLE,
    STILLFRAME_ERROR_NULL,
};

/// How long a thread of a forked child waits for the engine that another one makes.
const MAKING: Duration = Duration::from_secs(1);
/// Tells an engine's handle from other memory.
const MAGIC: u64 = 0x5354_494c_4c46_524d;
/// The same for rules.
const MAGIC_RULES: u64 = 0x5354_494c_4c52_554c;

/// An engine: shared, so every function that takes one may be called from any thread at any time until it is freed.
pub struct stillframe_engine {
    magic: u64,
    /// What is behind the handle; null once it was freed.
    inner: AtomicPtr<Inner>,
    /// The forked process in which a thread makes an engine to put behind it; 0: none does.
    making: AtomicU64,
    /// The handle that was given before this one.
    next: AtomicPtr<stillframe_engine>,
}

/// What is behind an engine's handle.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) engine: Engine,
    /// The process that it belongs to. Beside the engine, so that one load tells both.
    epoch: u64,
    /// Those of the processes that this one was forked from. Never touched; kept so that they do not look lost.
    _parents: Option<&'static Inner>,
}

static LAST_ENGINE: AtomicPtr<stillframe_engine> = AtomicPtr::new(null_mut());

const fn shared<T: Send + Sync>() {}
const _: () = {
    shared::<stillframe_engine>();
    shared::<Inner>();
};

impl stillframe_engine {
    /// A handle for an engine of this process.
    pub(crate) fn new(engine: Engine) -> *const Self {
        let inner = Box::new(Inner {
            engine,
            epoch: fork::begin(),
            _parents: None,
        });
        let handle = Box::into_raw(Box::new(Self {
            magic: MAGIC,
            inner: AtomicPtr::new(Box::into_raw(inner)),
            making: AtomicU64::new(0),
            next: AtomicPtr::new(null_mut()),
        }));
        // SAFETY: made just now, and never freed.
        keep(&LAST_ENGINE, handle, unsafe { &(*handle).next });
        handle
    }

    /// The handle at this address.
    fn at(pointer: *const Self) -> Result<&'static Self, Failure> {
        if pointer.is_null() {
            return Err(Failure::of(STILLFRAME_ERROR_NULL, "engine", "NULL"));
        }
        if !pointer.is_aligned() {
            return Err(Failure::of(
                STILLFRAME_ERROR_HANDLE,
                "engine",
                "not a handle",
            ));
        }
        // SAFETY: by the contract it is a handle of ours, and those stay for ever.
        let handle = unsafe { &*pointer };
        if handle.magic != MAGIC {
            return Err(Failure::of(
                STILLFRAME_ERROR_HANDLE,
                "engine",
                "not a handle",
            ));
        }
        Ok(handle)
    }

    /// The engine, if it lives and is this process's.
    #[inline]
    pub(crate) fn get<'e>(pointer: *const Self) -> Result<&'e Inner, Failure> {
        let handle = Self::at(pointer)?;
        // SAFETY: null or from a box that only `free` takes away, which by the contract nobody calls during another call.
        let Some(inner) = (unsafe { handle.inner.load(Ordering::Acquire).as_ref() }) else {
            return Err(Failure::of(STILLFRAME_ERROR_HANDLE, "engine", "was freed"));
        };
        if inner.epoch != fork::epoch() {
            return Err(forked());
        }
        Ok(inner)
    }

    /// The engine, if it also still works.
    pub(crate) fn working<'e>(pointer: *const Self) -> Result<&'e Inner, Failure> {
        let inner = Self::get(pointer)?;
        if inner.engine.has_panicked() {
            let what = "the engine has switched itself off after an internal error";
            return Err(Failure::new(STILLFRAME_ERROR_DISABLED, what));
        }
        Ok(inner)
    }

    /// Takes the engine from its handle. `None` if that was done before, or if it is another process's, which must stay as it is.
    pub(crate) fn take(pointer: *const Self) -> Result<Option<Box<Inner>>, Failure> {
        let handle = Self::at(pointer)?;
        let inner = handle.inner.swap(null_mut(), Ordering::AcqRel);
        // SAFETY: null or from `Box::into_raw`, and the swap gives it to one caller only.
        let Some(epoch) = (unsafe { inner.as_ref() }).map(|inner| inner.epoch) else {
            return Err(Failure::of(STILLFRAME_ERROR_HANDLE, "engine", "was freed"));
        };
        if epoch != fork::epoch() {
            return Ok(None);
        }
        // SAFETY: as above.
        Ok(Some(unsafe { Box::from_raw(inner) }))
    }

    /// Puts a new engine behind the handle of one that belongs to the parent process. Does nothing in the process it belongs to. Where
    /// several threads of a child want one, one makes it and the others wait.
    pub(crate) fn after_fork(pointer: *const Self) -> Result<(), Failure> {
        let handle = Self::at(pointer)?;
        let epoch = fork::begin();
        let before = handle.inner.load(Ordering::Acquire);
        // SAFETY: null or from a box that was not taken; the parent's engine is never freed in a child.
        let Some(parents) = (unsafe { before.as_ref() }) else {
            return Err(Failure::of(STILLFRAME_ERROR_HANDLE, "engine", "was freed"));
        };
        if parents.epoch == epoch {
            return Ok(());
        }
        // One at a time: what the parent's engine has open here is closed on the way.
        if handle.making.swap(epoch, Ordering::AcqRel) == epoch {
            return Self::made(pointer);
        }
        let _making = Making(&handle.making);
        let inner = Box::into_raw(Box::new(Inner {
            engine: parents.engine.after_fork(),
            epoch,
            _parents: Some(parents),
        }));
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        let published = handle
            .inner
            .compare_exchange(before, inner, success, failure);
        if published.is_err() {
            // SAFETY: from `Box::into_raw`, and nobody saw it.
            drop(unsafe { Box::from_raw(inner) });
            // Made by another thread meanwhile, or freed.
            return Self::get(pointer).map(drop);
        }
        Ok(())
    }

    /// Waits for the engine that another thread of this child makes.
    fn made(pointer: *const Self) -> Result<(), Failure> {
        let until = Instant::now() + MAKING;
        loop {
            match Self::get(pointer) {
                // This thread may be the one that makes it, in a callback.
                Err(failure)
                    if failure.status == STILLFRAME_ERROR_FORKED && Instant::now() < until =>
                {
                    std::thread::sleep(Duration::from_micros(200));
                }
                other => return other.map(drop),
            }
        }
    }
}

/// This thread makes an engine, until it is dropped.
struct Making<'h>(&'h AtomicU64);

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

fn forked() -> Failure {
    let what =
        "the process was forked, and stillframe_engine_after_fork() was not called in the child";
    Failure::of(STILLFRAME_ERROR_FORKED, "engine", what)
}

/// Counts a panic and switches the engine off, if there is one.
pub(crate) fn count_panic(engine: *const stillframe_engine) {
    if engine.is_null() {
        return;
    }
    if let Ok(inner) = stillframe_engine::get(engine) {
        inner.engine.count_panic();
    }
}

/// Rules for an engine that is going to be made: exclusive, so one thread at a time.
pub struct stillframe_rules {
    magic: u64,
    /// What is behind the handle; null once it was freed.
    inner: AtomicPtr<Rules>,
    /// The handle that was given before this one.
    next: AtomicPtr<stillframe_rules>,
}

static LAST_RULES: AtomicPtr<stillframe_rules> = AtomicPtr::new(null_mut());

const fn sent<T: Send>() {}
const _: () = {
    sent::<stillframe_rules>();
    sent::<Rules>();
};

impl stillframe_rules {
    /// A handle for rules.
    pub(crate) fn new(rules: Rules) -> *mut Self {
        let handle = Box::into_raw(Box::new(Self {
            magic: MAGIC_RULES,
            inner: AtomicPtr::new(Box::into_raw(Box::new(rules))),
            next: AtomicPtr::new(null_mut()),
        }));
        // SAFETY: made just now, and never freed.
        keep(&LAST_RULES, handle, unsafe { &(*handle).next });
        handle
    }

    fn at(pointer: *const Self) -> Result<&'static Self, Failure> {
        if pointer.is_null() {
            return Err(Failure::of(STILLFRAME_ERROR_NULL, "rules", "NULL"));
        }
        // SAFETY: by the contract it is a handle of ours, and those stay for ever.
        let handle = pointer.is_aligned().then(|| unsafe { &*pointer });
        match handle {
            Some(handle) if handle.magic == MAGIC_RULES => Ok(handle),
            _ => Err(Failure::of(
                STILLFRAME_ERROR_HANDLE,
                "rules",
                "not a handle",
            )),
        }
    }

    /// The rules, if they live.
    ///
    /// # Safety
    ///
    /// The contract of an exclusive handle: nobody else uses it during `'r`.
    pub(crate) unsafe fn get<'r>(pointer: *const Self) -> Result<&'r mut Rules, Failure> {
        let inner = Self::at(pointer)?.inner.load(Ordering::Acquire);
        // SAFETY: null or from a box that only `take` takes away; nobody else uses it by the caller's promise.
        let rules = unsafe { inner.as_mut() };
        rules.ok_or(Failure::of(STILLFRAME_ERROR_HANDLE, "rules", "were freed"))
    }

    /// Takes the rules from their handle. `None` if that was done before.
    pub(crate) fn take(pointer: *const Self) -> Option<Box<Rules>> {
        let inner = Self::at(pointer)
            .ok()?
            .inner
            .swap(null_mut(), Ordering::AcqRel);
        // SAFETY: it came from `Box::into_raw`, and the swap gives it to one caller only.
        (!inner.is_null()).then(|| unsafe { Box::from_raw(inner) })
    }
}

/// Puts a handle into the list of those that were ever given. Nobody reads the list: it keeps them from looking lost to those who search for
/// leaks. No lock, which a thread might hold while another one forks.
fn keep<T>(last: &AtomicPtr<T>, handle: *mut T, next: &AtomicPtr<T>) {
    let mut before = last.load(Ordering::Relaxed);
    loop {
        next.store(before, Ordering::Relaxed);
        match last.compare_exchange_weak(before, handle, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => before = now,
        }
    }
}

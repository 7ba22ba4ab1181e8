//! Handles: which pointers are ours, and what may still be done with them.
//!
//! * `stillframe_engine` is *shared*: `const`, any thread, at the same time. The struct that a caller points to is small and stays for
//!   ever; what it points to is freed. So a use after the free is an error status, not a crash.
//! * `stillframe_rules` is *exclusive*: not `const`, one thread at a time. It is looked up in a list of those that live, which costs a lock
//!   and nothing that matters.

use std::collections::HashSet;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use parking_lot::Mutex;
use stillframe_core::engine::Engine;

use crate::error::Failure;
use crate::fork;
use crate::rules::stillframe_rules;
use crate::status::{
    STILLFRAME_ERROR_DISABLED, STILLFRAME_ERROR_FORKED, STILLFRAME_ERROR_HANDLE,
    STILLFRAME_ERROR_NULL,
};

/// Tells a handle from other memory.
const MAGIC: u64 = 0x5354_494c_4c46_524d;

/// An engine: shared, so every function that takes one may be called from any thread at any time until it is freed.
pub struct stillframe_engine {
    magic: u64,
    /// What is behind the handle; null once it was freed.
    inner: AtomicPtr<Inner>,
    /// The process that it belongs to.
    epoch: AtomicU64,
}

/// What is behind an engine's handle.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) engine: Engine,
    /// Those of the processes that this one was forked from. Never touched; kept so that they do not look lost.
    _parents: Option<&'static Inner>,
}

/// Handles never move or go away, so this only keeps them from looking lost.
static HANDLES: Mutex<Vec<&'static stillframe_engine>> = Mutex::new(Vec::new());

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
            _parents: None,
        });
        let handle: &'static Self = Box::leak(Box::new(Self {
            magic: MAGIC,
            inner: AtomicPtr::new(Box::into_raw(inner)),
            epoch: AtomicU64::new(fork::begin()),
        }));
        HANDLES.lock().push(handle);
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
        if handle.epoch.load(Ordering::Relaxed) != fork::epoch() {
            let what = "the process was forked, and stillframe_engine_after_fork() was not called in the child";
            return Err(Failure::of(STILLFRAME_ERROR_FORKED, "engine", what));
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
        let ours = handle.epoch.load(Ordering::Relaxed) == fork::epoch();
        let inner = handle.inner.swap(null_mut(), Ordering::AcqRel);
        if inner.is_null() {
            return Err(Failure::of(STILLFRAME_ERROR_HANDLE, "engine", "was freed"));
        }
        if !ours {
            return Ok(None);
        }
        // SAFETY: it came from `Box::into_raw`, and the swap gives it to one caller only.
        Ok(Some(unsafe { Box::from_raw(inner) }))
    }

    /// Puts a new engine behind the handle of one that belongs to the parent process. Does nothing in the process it belongs to.
    pub(crate) fn after_fork(pointer: *const Self) -> Result<(), Failure> {
        let handle = Self::at(pointer)?;
        let epoch = fork::begin();
        if handle.epoch.load(Ordering::Relaxed) == epoch {
            return Self::get(pointer).map(drop);
        }
        // SAFETY: null or from a box that was not taken; the parent's engine is never freed in a child.
        let Some(parents) = (unsafe { handle.inner.load(Ordering::Acquire).as_ref() }) else {
            return Err(Failure::of(STILLFRAME_ERROR_HANDLE, "engine", "was freed"));
        };
        let inner = Box::new(Inner {
            engine: parents.engine.after_fork(),
            _parents: Some(parents),
        });
        handle.inner.store(Box::into_raw(inner), Ordering::Release);
        handle.epoch.store(epoch, Ordering::Relaxed);
        Ok(())
    }
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

/// Rules that live, by address.
static RULES: Mutex<Option<HashSet<usize>>> = Mutex::new(None);

/// Hands rules over to the caller.
pub(crate) fn give(rules: stillframe_rules) -> *mut stillframe_rules {
    let pointer = Box::into_raw(Box::new(rules));
    let mut living = RULES.lock();
    living.get_or_insert_default().insert(pointer.addr());
    pointer
}

/// Whether this is the handle of rules that live.
pub(crate) fn check(rules: *const stillframe_rules) -> Result<(), Failure> {
    if rules.is_null() {
        return Err(Failure::of(STILLFRAME_ERROR_NULL, "rules", "NULL"));
    }
    match &*RULES.lock() {
        Some(living) if living.contains(&rules.addr()) => Ok(()),
        _ => Err(Failure::of(
            STILLFRAME_ERROR_HANDLE,
            "rules",
            "freed, or not a handle",
        )),
    }
}

/// Takes rules back. `None` if they were taken before.
pub(crate) fn take_back(rules: *mut stillframe_rules) -> Option<Box<stillframe_rules>> {
    let mut living = RULES.lock();
    let lived = living
        .as_mut()
        .is_some_and(|living| living.remove(&rules.addr()));
    // SAFETY: it was in the list, so it came from `give`, and it is taken out of the list here only.
    lived.then(|| unsafe { Box::from_raw(rules) })
}

//! Memory when the program has used up its own: an allocation of ours that fails must not end the program, which may be about to get over it.
//!
//! Rust ends the process when an allocation fails. So address space is kept in reserve, never touched, and given back when an
//! allocation fails or memory is known to be short; without a reserve there is no capture. It is mapped rather than allocated: the C
//! library takes a large block that is freed as a sign that such blocks come and go, and keeps more of the program's memory from then on.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

use pyo3::ffi;
use stillframe_core::engine::Engine;
use stillframe_core::stats::Outcome;

/// Bytes of the reserve: a tape, its copy, and the background thread's stack and buffers.
const RESERVE_BYTES: usize = 16 << 20;
/// Bytes that a first capture takes: that stack, a tape and its copy.
const SPARE_BYTES: usize = 4 << 20;
/// How often and how long a thread waits for memory without the GIL, so that the program can give some back.
const WAITS: u32 = 200;
const WAIT: Duration = Duration::from_millis(10);

/// Null while it is given away.
static RESERVE: AtomicPtr<libc::c_void> = AtomicPtr::new(null_mut());

fn map(bytes: usize) -> Option<*mut libc::c_void> {
    // SAFETY: a new private mapping, where the system has room for it.
    let mapped = unsafe {
        libc::mmap(
            null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    (mapped != libc::MAP_FAILED).then_some(mapped)
}

/// # Safety
///
/// [`map`] gave `mapped` for as many bytes, and nobody else has it.
unsafe fn unmap(mapped: *mut libc::c_void, bytes: usize) {
    // SAFETY: the caller's promise. If the system refuses, the address space stays taken.
    unsafe { libc::munmap(mapped, bytes) };
}

/// Sees to it that there is a reserve. `false` if there is no memory for one.
pub(crate) fn keep() -> bool {
    if !RESERVE.load(Ordering::Acquire).is_null() {
        return true;
    }
    let Some(made) = map(RESERVE_BYTES) else {
        return false;
    };
    let place = RESERVE.compare_exchange(null_mut(), made, Ordering::AcqRel, Ordering::Acquire);
    if place.is_err() {
        // SAFETY: mapped above, and another thread's is kept instead.
        unsafe { unmap(made, RESERVE_BYTES) };
    }
    true
}

/// Gives the reserve back to the process. `false` if there was none.
fn give() -> bool {
    let kept = RESERVE.swap(null_mut(), Ordering::AcqRel);
    if kept.is_null() {
        return false;
    }
    // SAFETY: `keep` put it there, and the swap has it for this thread alone.
    unsafe { unmap(kept, RESERVE_BYTES) };
    true
}

/// Whether there is not even room for a first capture.
fn is_short() -> bool {
    let Some(mapped) = map(SPARE_BYTES) else {
        return true;
    };
    // SAFETY: mapped above.
    unsafe { unmap(mapped, SPARE_BYTES) };
    false
}

/// Whether a capture of the exception, already admitted, may begin; counts it if there is no memory for it.
///
/// # Safety
///
/// The GIL is held, and `exception` is a live object.
pub(crate) unsafe fn is_ready(engine: &Engine, exception: *mut ffi::PyObject) -> bool {
    if !keep() && is_short() {
        engine.count_dropped(Outcome::DroppedMemory);
        return false;
    }
    // SAFETY: a live object has a type; the comparison walks C structures only.
    let out_of_memory = unsafe {
        let class = ffi::Py_TYPE(exception);
        ffi::PyType_IsSubtype(class, ffi::PyExc_MemoryError.cast()) != 0
    };
    // The background thread, which the first capture starts, gets its stack from the C library: no allocation of ours fails there.
    if out_of_memory || !engine.has_captured() && is_short() {
        give();
    }
    true
}

/// The system's allocator, and the reserve where that has nothing left.
struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

// SAFETY: every call is passed on to the system's allocator as it is; one that failed changed nothing and is made again.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on to the caller.
        or_again(layout.size(), || unsafe { System.alloc(layout) })
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on to the caller.
        or_again(layout.size(), || unsafe { System.alloc_zeroed(layout) })
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: passed on to the caller.
        or_again(size, || unsafe { System.realloc(block, layout, size) })
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: passed on to the caller.
        unsafe { System.dealloc(block, layout) };
    }
}

#[inline]
fn or_again(size: usize, attempt: impl Fn() -> *mut u8) -> *mut u8 {
    let block = attempt();
    if block.is_null() {
        again(size, &attempt)
    } else {
        block
    }
}

#[cold]
#[inline(never)]
fn again(size: usize, attempt: &dyn Fn() -> *mut u8) -> *mut u8 {
    if size > RESERVE_BYTES {
        return null_mut();
    }
    if give() {
        let block = attempt();
        if !block.is_null() {
            return block;
        }
    }
    // SAFETY: any thread may ask at any time, also one that the interpreter does not know.
    let holds_gil = unsafe { ffi::PyGILState_Check() } != 0;
    if !holds_gil {
        for _ in 0..WAITS {
            std::thread::sleep(WAIT);
            let block = attempt();
            if !block.is_null() {
                return block;
            }
        }
    }
    null_mut()
}

//! The system's allocator, with a counter of what each thread asks for: Rust's allocations and those of C alike.
//!
//! The program's own `malloc` takes precedence over the C library's in everything that is loaded into it.

use std::cell::Cell;
use std::ffi::c_void;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: the C library's own functions, under the names by which it offers them to allocators in front of it.
unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(pointer: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
}

fn count() {
    // A thread that is ending has no counter any more, and nobody reads it.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    count();
    // SAFETY: the caller's promise.
    unsafe { __libc_malloc(size) }
}

/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn calloc(items: usize, size: usize) -> *mut c_void {
    count();
    // SAFETY: the caller's promise.
    unsafe { __libc_calloc(items, size) }
}

/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(pointer: *mut c_void, size: usize) -> *mut c_void {
    count();
    // SAFETY: the caller's promise.
    unsafe { __libc_realloc(pointer, size) }
}

/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn posix_memalign(
    out: *mut *mut c_void,
    alignment: usize,
    size: usize,
) -> std::ffi::c_int {
    count();
    // SAFETY: the caller's promise.
    let pointer = unsafe { __libc_memalign(alignment, size) };
    if pointer.is_null() {
        return libc::ENOMEM;
    }
    // SAFETY: the caller's promise.
    unsafe { out.write(pointer) };
    0
}

/// Allocations (and reallocations) of this thread during `work`.
pub(crate) fn of(work: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

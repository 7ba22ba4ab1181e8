//! Views that a caller lends us, and buffers that we lend a caller.

use std::ffi::c_char;
use std::mem::ManuallyDrop;
use std::ptr::null_mut;

use crate::error::Failure;
use crate::guard::guard;
use crate::status::{STILLFRAME_ERROR_LENGTH, STILLFRAME_ERROR_NULL, STILLFRAME_ERROR_UTF8};

/// A view of text: UTF-8, not terminated, borrowed. `ptr` may be NULL only if `len` is 0, and all zero is the empty text.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct stillframe_text {
    /// First byte.
    pub ptr: *const c_char,
    /// Bytes.
    pub len: usize,
}

impl stillframe_text {
    /// A view of text of ours, which must outlive it.
    pub(crate) const fn lent(text: &str) -> Self {
        Self {
            ptr: text.as_ptr().cast(),
            len: text.len(),
        }
    }

    /// The bytes.
    ///
    /// # Safety
    ///
    /// `ptr` is NULL or points to `len` bytes that nobody writes during `'t`.
    pub(crate) unsafe fn bytes<'t>(self, name: &'static str) -> Result<&'t [u8], Failure> {
        // SAFETY: the caller's promise, for bytes.
        unsafe { slice(self.ptr.cast::<u8>(), self.len, name) }
    }

    /// The text, if it is one.
    ///
    /// # Safety
    ///
    /// As [`stillframe_text::bytes`].
    pub(crate) unsafe fn read<'t>(self, name: &'static str) -> Result<&'t str, Failure> {
        // SAFETY: passed on to the caller.
        let bytes = unsafe { self.bytes(name) }?;
        std::str::from_utf8(bytes).map_err(|error| {
            Failure::of(STILLFRAME_ERROR_UTF8, name, "not UTF-8").with_detail(error.valid_up_to())
        })
    }

    /// The text, or `None` for the empty one.
    ///
    /// # Safety
    ///
    /// As [`stillframe_text::bytes`].
    pub(crate) unsafe fn some<'t>(self, name: &'static str) -> Result<Option<&'t str>, Failure> {
        // SAFETY: passed on to the caller.
        let text = unsafe { self.read(name) }?;
        Ok((!text.is_empty()).then_some(text))
    }
}

/// `len` elements at `ptr`, which may be NULL only if there are none.
///
/// # Safety
///
/// `ptr` is NULL or points to `len` initialised elements that nobody writes during `'t`.
pub(crate) unsafe fn slice<'t, T>(
    ptr: *const T,
    len: usize,
    name: &'static str,
) -> Result<&'t [T], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    if ptr.is_null() {
        return Err(Failure::of(
            STILLFRAME_ERROR_NULL,
            name,
            "NULL with a length",
        ));
    }
    let fits = len
        .checked_mul(size_of::<T>())
        .is_some_and(|bytes| isize::try_from(bytes).is_ok());
    if !fits || !ptr.is_aligned() {
        let what = "a length or an alignment that no object has";
        return Err(Failure::of(STILLFRAME_ERROR_LENGTH, name, what));
    }
    // SAFETY: not NULL, aligned, no larger than an object can be; the elements are there by the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(ptr, len) })
}

/// Bytes that the library allocated for the caller, who gives them back with stillframe_bytes_free(). All zero is no bytes.
#[repr(C)]
#[derive(Debug)]
pub struct stillframe_bytes {
    /// First byte; NULL for none.
    pub ptr: *mut u8,
    /// Bytes.
    pub len: usize,
    /// What was allocated; the library's business.
    pub cap: usize,
}

impl stillframe_bytes {
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        if bytes.capacity() == 0 {
            return Self {
                ptr: null_mut(),
                len: 0,
                cap: 0,
            };
        }
        let mut bytes = ManuallyDrop::new(bytes);
        Self {
            ptr: bytes.as_mut_ptr(),
            len: bytes.len(),
            cap: bytes.capacity(),
        }
    }
}

/// Gives bytes back and makes them all zero, so that a second call does nothing. NULL does nothing.
///
/// # Safety
///
/// `bytes` is NULL or holds what a function of this library put there, or all zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_bytes_free(bytes: *mut stillframe_bytes) {
    guard!(else (), {
        if bytes.is_null() || !bytes.is_aligned() {
            return;
        }
        // SAFETY: not NULL, and the caller's own by the contract.
        let given = unsafe { bytes.replace(stillframe_bytes::of(Vec::new())) };
        if !given.ptr.is_null() && given.len <= given.cap {
            // SAFETY: the three are what `stillframe_bytes::of` took a vector apart into, and they are gone from the caller's struct.
            drop(unsafe { Vec::from_raw_parts(given.ptr, given.len, given.cap) });
        }
    });
}

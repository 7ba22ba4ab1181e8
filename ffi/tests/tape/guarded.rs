//! Memory that ends where the process has none: a byte read or written beyond it ends the test.

use std::ptr;

/// Pages between two that may not be touched.
pub(crate) struct Guarded {
    first: *mut u8,
    size: usize,
}

const PAGE: usize = 4096;

impl Guarded {
    pub(crate) fn new(bytes: usize) -> Self {
        let size = bytes.div_ceil(PAGE).max(1) * PAGE;
        // SAFETY: a new private mapping, wherever the system likes, whose inner pages are then made accessible.
        let first = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let all = libc::mmap(
                ptr::null_mut(),
                size + 2 * PAGE,
                libc::PROT_NONE,
                flags,
                -1,
                0,
            );
            assert_ne!(all, libc::MAP_FAILED);
            let first = all.cast::<u8>().add(PAGE);
            let access = libc::PROT_READ | libc::PROT_WRITE;
            assert_eq!(libc::mprotect(first.cast(), size, access), 0);
            first
        };
        Self { first, size }
    }

    /// No memory at all.
    pub(crate) fn none() -> Self {
        Self {
            first: ptr::null_mut(),
            size: 0,
        }
    }

    /// The last `bytes` bytes.
    pub(crate) fn last(&self, bytes: usize) -> *mut u8 {
        assert!(bytes <= self.size);
        // SAFETY: inside of the mapping, or at its end.
        unsafe { self.first.add(self.size - bytes) }
    }

    /// Copies `source` to the very end.
    pub(crate) fn hold(&mut self, source: &[u8]) -> *const u8 {
        let at = self.last(source.len());
        // SAFETY: `last` gave as many accessible bytes, and `source` lies elsewhere.
        unsafe { ptr::copy_nonoverlapping(source.as_ptr(), at, source.len()) };
        at
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if self.first.is_null() {
            return;
        }
        // SAFETY: exactly what `new` mapped.
        unsafe { libc::munmap(self.first.sub(PAGE).cast(), self.size + 2 * PAGE) };
    }
}

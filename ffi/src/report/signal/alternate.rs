//! A stack of its own for a thread's signal handlers: without one, running out of stack cannot be reported.

use std::cell::Cell;
use std::ptr::null_mut;

use crate::error::Failure;
use crate::status::STILLFRAME_ERROR_SYSTEM;

/// Enough for a capture and for handlers behind ours.
const BYTES: usize = 256 << 10;
const GUARD: usize = 4096;

thread_local! {
    static OWN: Own = const { Own(Cell::new(null_mut())) };
}

/// The stack that this thread got from us, until it ends.
struct Own(Cell<*mut libc::c_void>);

impl Drop for Own {
    fn drop(&mut self) {
        let at = self.0.get();
        if at.is_null() {
            return;
        }
        // SAFETY: the mapping is ours and is taken out of use before it is given back; if somebody else put another stack in its place
        // since, that one stays.
        unsafe {
            let mut now: libc::stack_t = std::mem::zeroed();
            libc::sigaltstack(std::ptr::null(), &raw mut now);
            if now.ss_sp == at.byte_add(GUARD) {
                now.ss_flags = libc::SS_DISABLE;
                libc::sigaltstack(&raw const now, null_mut());
            }
            libc::munmap(at, BYTES + GUARD);
        }
    }
}

/// Gives the calling thread one, unless it has one that is large enough.
pub(crate) fn provide() -> Result<(), Failure> {
    let failed = || Failure::new(STILLFRAME_ERROR_SYSTEM, "no memory for a signal stack");
    // SAFETY: plain data of the right type; the mapping is new, and its first page becomes a guard.
    unsafe {
        let mut before: libc::stack_t = std::mem::zeroed();
        libc::sigaltstack(std::ptr::null(), &raw mut before);
        let usable = before.ss_flags & libc::SS_DISABLE == 0 && before.ss_size >= BYTES / 2;
        if usable || before.ss_flags & libc::SS_ONSTACK != 0 {
            return Ok(());
        }
        let at = libc::mmap(
            null_mut(),
            BYTES + GUARD,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK | libc::MAP_NORESERVE,
            -1,
            0,
        );
        if at == libc::MAP_FAILED {
            return Err(failed());
        }
        libc::mprotect(at, GUARD, libc::PROT_NONE);
        let stack = libc::stack_t {
            ss_sp: at.byte_add(GUARD),
            ss_flags: 0,
            ss_size: BYTES,
        };
        let remembered = OWN.try_with(|own| own.0.replace(at));
        match remembered {
            Ok(old) if old.is_null() => {}
            Ok(old) => {
                libc::munmap(old, BYTES + GUARD);
            }
            Err(_) => {
                libc::munmap(at, BYTES + GUARD);
                return Ok(());
            }
        }
        match libc::sigaltstack(&raw const stack, null_mut()) {
            0 => Ok(()),
            _ => Err(failed()),
        }
    }
}

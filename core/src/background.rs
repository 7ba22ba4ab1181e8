//! Threads of our own inside somebody else's program: quiet ones.

use std::io;
use std::thread::JoinHandle;

use crate::panics;

/// Niceness of such a thread: it gets what the program leaves.
const NICENESS: libc::c_int = 10;

/// Bytes of such a thread's stack. Reading compressed debug information takes some, and the C library puts the program's thread-local
/// variables there, too. What is not used costs address space only.
pub const STACK: usize = 2 << 20;

/// Starts a thread that takes no signal from the program and gets only the time that the program leaves.
///
/// # Errors
///
/// The system's, if it has no thread left.
pub fn spawn(
    name: &str,
    stack_bytes: usize,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    spawn_urgent(name, stack_bytes, move || {
        #[cfg(target_os = "linux")]
        // SAFETY: no pointers; on Linux the 0 means the calling thread, and a failure changes nothing.
        unsafe {
            libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS);
        }
        work();
    })
}

/// The same with the priority of the calling thread, which waits for it.
pub(crate) fn spawn_urgent(
    name: &str,
    stack_bytes: usize,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    with_signals_blocked(|| {
        std::thread::Builder::new()
            .name(name.to_owned())
            .stack_size(stack_bytes)
            .spawn(move || {
                let _inside = panics::inside();
                work();
            })
    })
}

/// Runs `spawn` with every signal blocked, so that a thread made by it never takes a signal from the program.
fn with_signals_blocked<T>(spawn: impl FnOnce() -> T) -> T {
    // SAFETY: both sets are plain data of the right type on this stack; `sigfillset` and `pthread_sigmask` only read and write them.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        let blocked = libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let result = spawn();
        if blocked == 0 {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
        }
        result
    }
}

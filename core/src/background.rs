//! Threads of our own inside somebody else's program: quiet ones.

use std::ffi::{CString, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;

use crate::panics;

/// Niceness of such a thread: it gets what the program leaves.
const NICENESS: libc::c_int = 10;

/// Bytes of such a thread's stack. Reading compressed debug information takes some, and the C library puts the program's thread-local
/// variables there, too. What is not used costs address space only.
pub const STACK: usize = 2 << 20;

/// A thread that was started. It goes on when this is dropped.
#[derive(Debug)]
pub struct Started(libc::pthread_t);

impl Started {
    /// Waits until it has ended.
    pub(crate) fn join(self) {
        // SAFETY: it can be joined, and this is all that knows it.
        unsafe { libc::pthread_join(self.0, null_mut()) };
        std::mem::forget(self);
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { libc::pthread_detach(self.0) };
    }
}

/// Starts a thread that takes no signal from the program and gets only the time that the program leaves.
///
/// # Errors
///
/// The system's, if it has no thread left.
pub fn spawn(
    name: &str,
    stack_bytes: usize,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<Started> {
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
///
/// Not a thread of the standard library's: each of those locks something of that library's while it ends, and in a child that was forked at
/// that instant it is locked for ever, so that no such thread ends there and whoever joins one hangs.
pub(crate) fn spawn_urgent(
    name: &str,
    stack_bytes: usize,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<Started> {
    let name = CString::new(name)?;
    let work: Work = Box::new(move || {
        #[cfg(target_os = "linux")]
        // SAFETY: a text that ends with a zero; the kernel takes what it has room for.
        unsafe {
            libc::prctl(libc::PR_SET_NAME, name.as_ptr());
        }
        let _inside = panics::inside();
        work();
    });
    let work = Box::into_raw(Box::new(work));
    let created = with_signals_blocked(|| {
        create(Some(stack_bytes), work).or_else(|error| match error.raw_os_error() {
            // More thread-local variables than fit there.
            Some(libc::EINVAL) => create(None, work),
            _ => Err(error),
        })
    });
    if created.is_err() {
        // SAFETY: from `Box::into_raw`, and no thread was made that would take it.
        drop(unsafe { Box::from_raw(work) });
    }
    created
}

type Work = Box<dyn FnOnce() + Send>;

/// Makes the thread that does and frees `work`; with the system's size of a stack if none is given.
fn create(stack_bytes: Option<usize>, work: *mut Work) -> io::Result<Started> {
    let mut attributes = MaybeUninit::uninit();
    let mut thread = MaybeUninit::uninit();
    // SAFETY: the attributes are initialised before they are used and destroyed afterwards; `run` takes what `work` points to.
    unsafe {
        if libc::pthread_attr_init(attributes.as_mut_ptr()) != 0 {
            return Err(io::Error::from_raw_os_error(libc::ENOMEM));
        }
        if let Some(bytes) = stack_bytes {
            libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), bytes);
        }
        let code = libc::pthread_create(
            thread.as_mut_ptr(),
            attributes.as_ptr(),
            run,
            work.cast::<c_void>(),
        );
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        match code {
            0 => Ok(Started(thread.assume_init())),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }
}

extern "C" fn run(work: *mut c_void) -> *mut c_void {
    // SAFETY: from `Box::into_raw` in `spawn_urgent`, which leaves it to the thread that this is.
    let work = unsafe { Box::from_raw(work.cast::<Work>()) };
    // Panics are counted where they are caught further inside; here they only must not leave.
    let _ = catch_unwind(AssertUnwindSafe(work));
    null_mut()
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

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    use super::{STACK, spawn_urgent};

    #[test]
    fn threads_end_in_children_that_were_forked_while_others_ended() {
        let go_on = Arc::new(AtomicBool::new(true));
        let makers: Vec<_> = (0..3)
            .map(|_| {
                let go_on = Arc::clone(&go_on);
                std::thread::spawn(move || {
                    while go_on.load(SeqCst) {
                        spawn_urgent("made", STACK, || ()).unwrap().join();
                    }
                })
            })
            .collect();
        for _ in 0..1000 {
            // SAFETY: the child starts a thread, with glibc's allocator, which survives a fork, and ends by `_exit`, or by the alarm.
            unsafe {
                let child = libc::fork();
                if child == 0 {
                    libc::alarm(60);
                    let done = Arc::new(AtomicBool::new(false));
                    let theirs = Arc::clone(&done);
                    spawn_urgent("a child's", STACK, move || theirs.store(true, SeqCst))
                        .unwrap()
                        .join();
                    libc::_exit(i32::from(!done.load(SeqCst)));
                }
                let mut status = 0;
                assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
                assert_eq!(status, 0);
            }
        }
        go_on.store(false, SeqCst);
        for maker in makers {
            maker.join().unwrap();
        }
    }

    #[test]
    fn a_panic_ends_its_thread_only() {
        spawn_urgent("panics", STACK, || panic!("expected"))
            .unwrap()
            .join();
    }
}

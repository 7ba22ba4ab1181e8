//! Panics: bugs of ours. Each is caught where our code was entered, counted, told by `doctor`, and silent for the program.
//!
//! A panic runs the panic hook first, which by default prints on standard error, and that belongs to the program. [`silence`] sets one
//! that prints nothing, [`silence_inside`] one that leaves panics of others to the hook that was there. A message may hold values of the
//! program, so nothing of it is kept but the place in the sources.

use std::cell::Cell;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::lock::Mutex;

/// Where the last panic was. The hook only tries to lock it: it must not wait for a thread that panics as well.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Makes panics silent, in everything that shares this copy of the standard library.
///
/// For a host whose extension module or shared library has the standard library linked into it, as Rust does by default: then the
/// hook is its own, other libraries written in Rust in the same process have theirs, and neither sees the other's panics. A
/// program written in Rust has its own hook and must not call this.
pub fn silence() {
    std::panic::set_hook(Box::new(note));
}

thread_local! {
    /// How many [`Inside`] live on this thread.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Says that what runs on this thread is ours, until it is dropped.
#[derive(Debug)]
pub struct Inside(());

/// Marks what follows on this thread as ours, for [`silence_inside`]. Two thread-local additions.
#[inline]
#[must_use]
pub fn inside() -> Inside {
    let _ = DEPTH.try_with(|depth| depth.set(depth.get() + 1));
    Inside(())
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        let _ = DEPTH.try_with(|depth| depth.set(depth.get() - 1));
    }
}

/// Says that what runs on this thread is the program's again (a callback), until it is dropped.
#[derive(Debug)]
pub struct Outside(u32);

/// Marks what follows on this thread as the program's.
#[must_use]
pub fn outside() -> Outside {
    Outside(DEPTH.try_with(|depth| depth.replace(0)).unwrap_or(0))
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = DEPTH.try_with(|depth| depth.set(self.0));
    }
}

/// Makes panics silent that happen while [`inside`] says that our code runs; all others go to the hook that was there. Once per process.
///
/// For a library that does not know with whom it shares its copy of the standard library: a program in C has no hook, one in Rust
/// keeps its own.
pub fn silence_inside() {
    // Nobody waits for the one who does it: a child that was forked meanwhile has no such thread.
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.swap(true, Ordering::Relaxed) {
        return;
    }
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // A thread whose flags are gone is about to end, and it ends in our code if it panics in it.
        if DEPTH.try_with(Cell::get).unwrap_or(1) > 0 {
            note(panic);
        } else {
            before(panic);
        }
    }));
}

fn note(panic: &PanicHookInfo<'_>) {
    if let (Some(location), Some(mut place)) = (panic.location(), PLACE.try_lock()) {
        *place = Some(format!("{}:{}", location.file(), location.line()));
    }
}

/// The notice of a panic, with its place if [`silence`] or [`silence_inside`] is in force.
pub(crate) fn notice() -> String {
    notice_of("capturing")
}

/// The same of a part that was switched off.
pub(crate) fn notice_of(part: &str) -> String {
    let what =
        format!("an internal error switched {part} off; please report it (docs/security.md)");
    match PLACE.try_lock().and_then(|mut place| place.take()) {
        Some(place) => format!("{what}: it was at {place}"),
        None => what,
    }
}

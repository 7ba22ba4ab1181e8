//! Panics: bugs of ours. Each is caught where our code was entered, counted, told by `doctor`, and silent for the program.
//!
//! A panic runs the panic hook first, which by default prints on standard error, and that belongs to the program. [`silence`] sets one
//! that prints nothing. A message may hold values of the program, so nothing of it is kept but the place in the sources.

use parking_lot::Mutex;

/// Where the last panic was. The hook only tries to lock it: it must not wait for a thread that panics as well.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Makes panics silent, in everything that shares this copy of the standard library.
///
/// For a host whose extension module or shared library has the standard library linked into it, as Rust does by default: then the
/// hook is its own, other libraries written in Rust in the same process have theirs, and neither sees the other's panics. A
/// program written in Rust has its own hook and must not call this.
pub fn silence() {
    std::panic::set_hook(Box::new(|panic| {
        if let (Some(location), Some(mut place)) = (panic.location(), PLACE.try_lock()) {
            *place = Some(format!("{}:{}", location.file(), location.line()));
        }
    }));
}

/// The notice of a panic, with its place if [`silence`] is in force.
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

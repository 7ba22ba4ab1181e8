//! Names for the frames of native code (C, C++, Rust), found in the background.
//!
//! Who captures a native stack has addresses only. It writes such a frame with an empty module and, as its function, the address to
//! look up as `0x55d0c0de1234`, with or without the name that the program itself gives to the function behind a space
//! (`0x55d0c0de1234 convert`, together with its file and line). Before anything else reads the tape, [`Natives`] replaces each of them
//! by what its address stands for: the function, its file and line, and the functions that the compiler put into it. A frame
//! `0x55d0c0de1234 ^total` is in the same frame of the machine as the one before it: a function into which that was put.
//!
//! A module says that a frame is finished. What no image holds keeps its address and gets [`NO_IMAGE`].

mod demangle;
mod images;
pub mod loader;
mod symbols;

use std::fmt;

pub use demangle::{demangle, type_name};
pub use images::{Image, Images};
pub use symbols::{Place, Symbols, section_of};

use crate::tape::{Edit, EditedFrame, Frame, FrameFlags, Location, Tape, edit};

/// The module of a frame whose address is in no image: code made at run time.
pub const NO_IMAGE: &str = "[no image]";

/// Frames of one tape that are looked up.
const MAX_LOOKUPS: usize = 512;

/// An unfinished frame's function, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unfinished<'a> {
    address: u64,
    /// The program's own name for the function; empty: none.
    name: &'a str,
    /// It is in the same frame of the machine as the one before.
    same: bool,
}

impl<'a> Unfinished<'a> {
    fn of(frame: &'a Frame<'_>) -> Option<Self> {
        if !frame.module.text.is_empty() {
            return None;
        }
        let rest = frame.function.text.strip_prefix("0x")?;
        let (digits, name) = rest.split_once(' ').unwrap_or((rest, ""));
        let address = u64::from_str_radix(digits, 16).ok()?;
        let (same, name) = match name.strip_prefix('^') {
            Some(name) => (true, name),
            None => (false, name),
        };
        Some(Self {
            address,
            name,
            same,
        })
    }
}

/// Finishes the native frames of tapes, with a memory of the images it read.
#[derive(Default)]
pub struct Natives {
    symbols: Symbols,
}

impl fmt::Debug for Natives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Natives").finish_non_exhaustive()
    }
}

impl Natives {
    /// The tape with its frames finished by the images of this process; `None` if there is nothing to finish.
    pub fn finish(&mut self, tape: &Tape<'_>) -> Option<Vec<u8>> {
        if !has_unfinished(tape) {
            return None;
        }
        self.finish_with(tape, &Images::of_this_process())
    }

    /// The same by the images of another process.
    pub fn finish_with(&mut self, tape: &Tape<'_>, images: &Images) -> Option<Vec<u8>> {
        // The functions at the address of the frame before that no frame has yet: the frames behind it may be theirs.
        let mut left: Vec<Place> = Vec::new();
        let mut lookups = 0;
        let frames = flat_frames(tape);
        let mut position = 0;
        let mut finish = |frame: &Frame<'_>| {
            let next = frames.get(position + 1).copied();
            position += 1;
            let unfinished = Unfinished::of(frame)?;
            lookups += 1;
            let image = images.find(unfinished.address);
            if !unfinished.same {
                left = match image {
                    Some(image) if lookups <= MAX_LOOKUPS => {
                        self.symbols.places(image, unfinished.address)
                    }
                    _ => Vec::new(),
                };
            }
            let last = next.is_none_or(|next| !next.same);
            Some(frames_of(frame, unfinished, image, &mut left, last))
        };
        edit(
            tape,
            Edit {
                message: None,
                frames: &mut finish,
            },
        )
    }
}

/// What the frames of a tape say about themselves, in the order in which they are met.
#[derive(Clone, Copy)]
struct Flat {
    same: bool,
}

fn flat_frames(tape: &Tape<'_>) -> Vec<Flat> {
    let mut flat = Vec::new();
    for exception in tape.exceptions() {
        flat.extend(tape.frames(exception.id).map(|frame| Flat {
            same: Unfinished::of(&frame).is_some_and(|unfinished| unfinished.same),
        }));
    }
    flat
}

fn has_unfinished(tape: &Tape<'_>) -> bool {
    tape.exceptions().any(|exception| {
        tape.frames(exception.id)
            .any(|frame| Unfinished::of(&frame).is_some())
    })
}

/// What stands for one unfinished frame. `left` are the functions at its address that are not shown yet, the innermost first; `last`:
/// no other frame will show them.
fn frames_of(
    frame: &Frame<'_>,
    unfinished: Unfinished<'_>,
    image: Option<&Image>,
    left: &mut Vec<Place>,
    last: bool,
) -> Vec<EditedFrame> {
    let module = image.map_or(NO_IMAGE, |image| image.path.as_str());
    let in_app = match image.is_some_and(|image| image.is_system) {
        true => FrameFlags(frame.flags.0 & !FrameFlags::IN_APP.0),
        false => frame.flags,
    };
    let made = |place: Place, keeps: bool| EditedFrame {
        flags: match is_foreign(&place) {
            true => FrameFlags(in_app.0 & !FrameFlags::IN_APP.0),
            false => in_app,
        },
        location: Location {
            line: place.line,
            column: place.column,
            ..Location::default()
        },
        function: place.function,
        module: module.to_owned(),
        file: place.file,
        keeps,
    };
    if unfinished.name.is_empty() {
        let mut places = std::mem::take(left);
        if places.is_empty() {
            places.push(unknown(image, unfinished.address));
        }
        // The variables are those of the function that was really called.
        let keeper = places.len() - 1;
        let made = |(at, place)| made(place, at == keeper);
        return places.into_iter().enumerate().map(made).collect();
    }
    let found = left
        .iter()
        .position(|place| base_name(&place.function) == base_name(unfinished.name));
    let mut result = Vec::new();
    let Some(found) = found else {
        // No symbols, or the compiler knows the function under another name: what the program says.
        let line = frame.line;
        result.push(EditedFrame {
            flags: in_app,
            location: Location {
                line,
                ..Location::default()
            },
            function: unfinished.name.to_owned(),
            module: module.to_owned(),
            file: frame.file.text.to_owned(),
            keeps: true,
        });
        return result;
    };
    for (at, mut place) in left.drain(..=found).enumerate() {
        if at == found && place.line == 0 {
            place.line = frame.line;
            place.file = frame.file.text.to_owned();
        }
        result.push(made(place, at == found));
    }
    if last {
        result.extend(left.drain(..).map(|place| made(place, false)));
    }
    result
}

/// Code that is in the program's image but is not the program's: what starts it, and what headers of the system bring along.
fn is_foreign(place: &Place) -> bool {
    place.function == "_start" || place.file.starts_with("/usr/include/")
}

/// Where no symbol is at hand: the image and the place in it, which a debugger can look up elsewhere.
fn unknown(image: Option<&Image>, address: u64) -> Place {
    let function = match image {
        Some(image) => format!("{}+{:#x}", image.name(), address - image.bias),
        None => format!("{address:#x}"),
    };
    Place {
        function,
        ..Place::default()
    }
}

/// `total` of `shop::Cart<int>::total`: what C and C++ say in `__func__`.
fn base_name(name: &str) -> &str {
    let name = match name.find("operator") {
        Some(at) if name[..at].is_empty() || name[..at].ends_with("::") => return &name[at..],
        _ => name,
    };
    let mut depth = 0_usize;
    let mut start = 0;
    let mut end = name.len();
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'<' | b'(' | b'{' | b'[' => {
                if depth == 0 && at > start {
                    end = end.min(at);
                }
                depth += 1;
            }
            b'>' | b')' | b'}' | b']' => depth = depth.saturating_sub(1),
            b':' | b' ' if depth == 0 => {
                start = at + 1;
                end = name.len();
            }
            _ => {}
        }
    }
    let base = &name[start..end];
    base.split('.').next().unwrap_or(base)
}

#[cfg(all(test, not(loom)))]
mod tests;

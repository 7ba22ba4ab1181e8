//! Open files: their name, mode and whether they are closed.

use super::super::capture::Walk;
use super::super::object::Obj;
use super::Shown;

/// `_io.TextIOWrapper`: the buffer under it. The same in all versions.
const TEXT_BUFFER: usize = 32;
/// `_io.BufferedReader` and its like: the raw file under it.
const BUFFER_RAW: usize = 16;
/// `_io.FileIO`: the descriptor, negative once it is closed.
const FILE_DESCRIPTOR: usize = 16;

impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    pub(super) fn file(&mut self, object: Obj<'g>, depth: u32) {
        let raw = raw_file(object);
        let mut open = true;
        if let Some(name) = raw.and_then(|raw| self.attribute(raw, b"name")) {
            open = self.part("name", Shown::Object(name), depth);
        }
        if let Some(mode) = self.attribute(object, b"mode").filter(|_| open) {
            open = self.part("mode", Shown::Object(mode), depth);
        }
        if let Some(raw) = raw.filter(|_| open) {
            // SAFETY: a raw file made in C begins so.
            let descriptor = unsafe { raw.read::<i32>(FILE_DESCRIPTOR) };
            let state = if descriptor < 0 { "closed" } else { "open" };
            open = self.part("state", Shown::Text(state.into()), depth);
        }
        if !open {
            self.cut(None);
        }
    }
}

/// The raw file under a file object, if it is one of `_io`'s; a detached one has none.
fn raw_file(object: Obj<'_>) -> Option<Obj<'_>> {
    let mut object = object;
    for _ in 0..3 {
        let class = object.class();
        let name = class
            .line()
            .find_map(|class| class.c_name().strip_prefix(b"_io."))?;
        let below = match name {
            b"FileIO" => return Some(object),
            b"TextIOWrapper" => TEXT_BUFFER,
            b"BufferedReader" | b"BufferedWriter" | b"BufferedRandom" => BUFFER_RAW,
            _ => return None,
        };
        // SAFETY: these types made in C have an object pointer there, null before they are initialised or when detached.
        object = unsafe { object.slot(below) }?;
    }
    None
}

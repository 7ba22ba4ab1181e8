//! Function, file and line of an address, from an image's file or its debug file.

use std::path::{Path, PathBuf};

use addr2line::{Loader, fallible_iterator::FallibleIterator};
use object::{Object, ObjectSegment};

use super::demangle::demangle;
use super::images::Image;

/// Images whose symbols are kept in memory.
const MAX_FILES: usize = 24;
/// Larger files are not read: their symbols would cost the program too much memory.
const MAX_FILE_BYTES: u64 = 2 << 30;
/// Functions put into one another that are told.
const MAX_INLINED: usize = 16;

/// Where a piece of code was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The function's name, without parameters.
    pub function: String,
    /// Source file; empty: unknown.
    pub file: String,
    /// Line from 1; 0 unknown.
    pub line: u32,
    /// Column from 1; 0 unknown.
    pub column: u32,
}

/// A file's symbols.
struct File {
    path: String,
    build_id: Vec<u8>,
    /// The image's own file, then its debug file.
    loaders: Vec<Loader>,
    /// The address of the file at which its first loaded byte lies.
    first: u64,
    used: u64,
}

/// Symbols of images, read when they are needed and remembered.
#[derive(Default)]
pub struct Symbols {
    files: Vec<File>,
    uses: u64,
}

impl Symbols {
    /// The function at an address in memory with those that it was put into, the innermost first. Empty where nothing is known.
    pub fn places(&mut self, image: &Image, address: u64) -> Vec<Place> {
        let Some(file) = self.file(image) else {
            return Vec::new();
        };
        // What `maps` tells does not say whether a program lies where its file wants it.
        let bias = match image.build_id.is_empty() && image.start >= file.first {
            true => image.start - file.first,
            false => image.bias,
        };
        let probe = address.wrapping_sub(bias);
        file.loaders
            .iter()
            .rev()
            .map(|loader| places(loader, probe))
            .find(|places| !places.is_empty())
            .unwrap_or_default()
    }

    fn file(&mut self, image: &Image) -> Option<&File> {
        self.uses += 1;
        let uses = self.uses;
        let same = |file: &File| file.path == image.path && file.build_id == image.build_id;
        let known = self.files.iter().position(same);
        let at = match known {
            Some(at) => at,
            None => {
                if self.files.len() >= MAX_FILES {
                    let oldest = self
                        .files
                        .iter()
                        .enumerate()
                        .min_by_key(|(_, file)| file.used);
                    let oldest = oldest.map(|(at, _)| at)?;
                    self.files.swap_remove(oldest);
                }
                self.files.push(load(image));
                self.files.len() - 1
            }
        };
        let file = self.files.get_mut(at)?;
        file.used = uses;
        Some(file)
    }
}

fn load(image: &Image) -> File {
    let mut file = File {
        path: image.path.clone(),
        build_id: image.build_id.clone(),
        loaders: Vec::new(),
        first: 0,
        used: 0,
    };
    let path = Path::new(&image.path);
    let Some((first, build_id)) = facts(path) else {
        return file;
    };
    // A file that was replaced while the program ran has other symbols.
    if !image.build_id.is_empty() && image.build_id != build_id {
        return file;
    }
    file.first = first;
    file.loaders.extend(Loader::new(path).ok());
    if let Some(debug) = debug_file(&build_id) {
        file.loaders.extend(Loader::new(debug).ok());
    }
    file
}

/// Where the file's first loaded byte wants to lie, and its build id.
fn facts(path: &Path) -> Option<(u64, Vec<u8>)> {
    let meta = path.metadata().ok()?;
    if !meta.is_file() || meta.len() > MAX_FILE_BYTES {
        return None;
    }
    let cache = object::ReadCache::new(std::fs::File::open(path).ok()?);
    let file = object::File::parse(&cache).ok()?;
    let first = file.segments().map(|segment| segment.address()).min()?;
    let build_id = file.build_id().ok().flatten().unwrap_or_default();
    Some((first & !0xfff, build_id.to_vec()))
}

/// Where distributions put the symbols that they took out of a file.
fn debug_file(build_id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = build_id.split_first()?;
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let path = format!("/usr/lib/debug/.build-id/{first:02x}/{}.debug", hex(rest));
    let path = PathBuf::from(path);
    let meta = path.metadata().ok()?;
    (meta.is_file() && meta.len() <= MAX_FILE_BYTES).then_some(path)
}

fn places(loader: &Loader, probe: u64) -> Vec<Place> {
    let symbol = loader.find_symbol(probe).unwrap_or("");
    let mut places = Vec::new();
    if let Ok(frames) = loader.find_frames(probe) {
        let mut frames = frames.take(MAX_INLINED);
        while let Ok(Some(frame)) = frames.next() {
            let name = frame
                .function
                .as_ref()
                .and_then(|name| name.raw_name().ok());
            let location = frame.location.as_ref();
            places.push(Place {
                function: demangle(name.as_deref().unwrap_or("")),
                file: location
                    .and_then(|place| place.file)
                    .unwrap_or("")
                    .to_owned(),
                line: location.and_then(|place| place.line).unwrap_or(0),
                column: location.and_then(|place| place.column).unwrap_or(0),
            });
        }
    }
    if let Some(outer) = places.last_mut().filter(|outer| outer.function.is_empty()) {
        outer.function = demangle(symbol);
    } else if places.is_empty() && !symbol.is_empty() {
        places.push(Place {
            function: demangle(symbol),
            ..Place::default()
        });
    }
    places.retain(|place| !place.function.is_empty());
    places
}

//! Which file the code at an address comes from: the program and the libraries that it loaded.

use std::ffi::{CStr, c_int, c_void};
use std::path::Path;

use super::loader;

/// A program or a library in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Where it lies in memory: the first address and the one behind the last.
    pub start: u64,
    /// The address behind its last.
    pub end: u64,
    /// What is added to an address of the file to get one in memory.
    pub bias: u64,
    /// The file.
    pub path: String,
    /// The linker's fingerprint of the file (`.note.gnu.build-id`); empty if it has none.
    pub build_id: Vec<u8>,
    /// Whether it belongs to the system rather than to the program.
    pub is_system: bool,
}

impl Image {
    /// The file's name without its folder.
    #[must_use]
    pub fn name(&self) -> &str {
        let name = Path::new(&self.path).file_name();
        name.and_then(|name| name.to_str()).unwrap_or(&self.path)
    }
}

/// The images of a process, by their addresses.
#[derive(Clone, Debug, Default)]
pub struct Images {
    images: Vec<Image>,
}

impl Images {
    /// Those of this process, now. Takes the dynamic loader's lock, so not for signal handlers; without build ids in a
    /// forked child where that lock may never be free again ([`loader`]).
    #[must_use]
    pub fn of_this_process() -> Self {
        let mut images: Vec<Image> = Vec::new();
        // SAFETY: the callback takes this vector, and is done with it when the call returns.
        if unsafe { loader::list(add_image, (&raw mut images).cast()) } {
            return Self::new(images);
        }
        std::fs::read_to_string("/proc/self/maps")
            .map(|maps| Self::from_maps(&maps))
            .unwrap_or_default()
    }

    /// From a list of them.
    #[must_use]
    pub fn new(mut images: Vec<Image>) -> Self {
        images.sort_by_key(|image| image.start);
        Self { images }
    }

    /// From the text of `/proc/PID/maps`, of any process. Their build ids are not known.
    #[must_use]
    pub fn from_maps(maps: &str) -> Self {
        let mut images: Vec<Image> = Vec::new();
        for line in maps.lines() {
            let Some((start, end, offset, path)) = maps_line(line) else {
                continue;
            };
            match images.last_mut().filter(|last| last.path == path) {
                Some(last) => last.end = end,
                None => images.push(Image {
                    start,
                    end,
                    // Where the file's first byte would lie; a program at fixed addresses is put right when its file is read.
                    bias: start.wrapping_sub(offset),
                    path: path.to_owned(),
                    build_id: Vec::new(),
                    is_system: is_system(path),
                }),
            }
        }
        Self::new(images)
    }

    /// The image that an address lies in.
    #[must_use]
    pub fn find(&self, address: u64) -> Option<&Image> {
        let after = self.images.partition_point(|image| image.start <= address);
        let image = self.images.get(after.checked_sub(1)?)?;
        (address < image.end).then_some(image)
    }

    /// All of them, by their addresses.
    pub fn iter(&self) -> impl Iterator<Item = &Image> {
        self.images.iter()
    }
}

/// `55d0c0de1000-55d0c0de2000 r-xp 00001000 08:01 4711    /opt/shop/bin/shopd`
fn maps_line(line: &str) -> Option<(u64, u64, u64, &str)> {
    let path = &line[line.find('/')?..];
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let offset = words.nth(1)?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    Some((hex(start)?, hex(end)?, hex(offset)?, path))
}

/// Whether a file is part of the system: what packages of the distribution put into its library folders.
fn is_system(path: &str) -> bool {
    const FOLDERS: [&str; 5] = ["/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/", "/lib32/"];
    FOLDERS.iter().any(|folder| path.starts_with(folder)) || path.starts_with("linux-vdso")
}

unsafe extern "C" fn add_image(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    images: *mut c_void,
) -> c_int {
    // SAFETY: the loader hands out its own valid record, and `images` is what `of_this_process` passed.
    let (info, images) = unsafe { (&*info, &mut *images.cast::<Vec<Image>>()) };
    if info.dlpi_phdr.is_null() {
        return 0;
    }
    // SAFETY: as many headers stand there as the record says.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let loaded = headers
        .iter()
        .filter(|header| header.p_type == libc::PT_LOAD);
    let (mut start, mut end) = (u64::MAX, 0);
    for header in loaded {
        start = start.min(header.p_vaddr & !0xfff);
        end = end.max(header.p_vaddr + header.p_memsz);
    }
    if start >= end {
        return 0;
    }
    let name = match info.dlpi_name.is_null() {
        true => "",
        // SAFETY: not null, so it is a terminated text of the loader's.
        false => unsafe { CStr::from_ptr(info.dlpi_name) }
            .to_str()
            .unwrap_or(""),
    };
    let path = match name {
        // The program itself has no name here.
        "" if images.is_empty() => own_path(),
        name => name.to_owned(),
    };
    images.push(Image {
        start: info.dlpi_addr.wrapping_add(start),
        end: info.dlpi_addr.wrapping_add(end),
        bias: info.dlpi_addr,
        is_system: is_system(&path),
        build_id: build_id(info.dlpi_addr, headers),
        path,
    });
    0
}

fn own_path() -> String {
    let path = std::fs::read_link("/proc/self/exe");
    path.map_or_else(
        |_| String::new(),
        |path| path.to_string_lossy().into_owned(),
    )
}

/// What the notes of an image in memory say.
fn build_id(bias: u64, headers: &[libc::Elf64_Phdr]) -> Vec<u8> {
    const GNU_BUILD_ID: u32 = 3;
    for header in headers
        .iter()
        .filter(|header| header.p_type == libc::PT_NOTE)
    {
        let size = usize::try_from(header.p_memsz).unwrap_or(0);
        let at = bias.wrapping_add(header.p_vaddr) as usize as *const u8;
        // SAFETY: the segment is loaded, and stays so while the loader iterates.
        let mut notes = unsafe { std::slice::from_raw_parts(at, size) };
        while notes.len() >= 12 {
            let word = |at: usize| {
                let bytes = [notes[at], notes[at + 1], notes[at + 2], notes[at + 3]];
                u32::from_le_bytes(bytes)
            };
            let (name, content, kind) = (word(0) as usize, word(4) as usize, word(8));
            let begin = 12 + name.next_multiple_of(4);
            let Some(id) = notes.get(begin..begin.saturating_add(content)) else {
                break;
            };
            if kind == GNU_BUILD_ID && notes.get(12..16) == Some(b"GNU\0") {
                return id.to_vec();
            }
            notes = notes
                .get(begin + content.next_multiple_of(4)..)
                .unwrap_or_default();
        }
    }
    Vec::new()
}

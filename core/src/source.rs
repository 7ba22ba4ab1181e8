//! Source lines around a frame's line, read in the background.
//!
//! Lines come from the file that the frame names, or from text that the host handed over for code that is in no file
//! (`-c`, a shell). A file is read once and kept for a while; nothing but regular files is opened, at most
//! [`MAX_FILE_BYTES`] of them are read, and lines are cut at [`MAX_LINE_BYTES`]. What is read is not redacted here: the
//! redact stage gets it together with the tape.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::hash::Hasher;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use siphasher::sip::SipHasher13;

/// Bytes of one file that are read; lines behind them are not shown.
pub const MAX_FILE_BYTES: u64 = 4 << 20;
/// Bytes kept of one line.
pub const MAX_LINE_BYTES: usize = 400;
/// Files remembered, those that could not be read included.
const MAX_FILES: usize = 64;
/// Bytes of all remembered files together.
const MAX_CACHED_BYTES: usize = 2 << 20;
/// Bytes of text kept in memory for code that is in no file.
const MAX_NOTED_BYTES: usize = 1 << 20;

/// A few lines of source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// Number of the first line, from 1.
    pub first_line: u32,
    /// The lines, without their ends.
    pub lines: Vec<String>,
    /// Hash of the whole text, 16 hexadecimal digits.
    pub hash: String,
    /// The file changed after the program started, so these may not be the lines that ran.
    pub stale: bool,
}

#[derive(Debug)]
struct Text {
    text: String,
    /// Byte offset at which each line begins.
    starts: Vec<u32>,
    hash: u64,
    modified: Option<SystemTime>,
    length: u64,
    read_at: u64,
}

/// Reads and remembers source text.
#[derive(Debug)]
pub struct SourceReader {
    directory: Option<PathBuf>,
    started: SystemTime,
    files: HashMap<String, Option<Arc<Text>>>,
    noted: HashMap<String, Arc<Text>>,
    noted_bytes: usize,
    uses: u64,
}

impl SourceReader {
    /// A reader for a program that started at `started` in `directory` (against which relative names are resolved).
    #[must_use]
    pub fn new(started: SystemTime, directory: Option<PathBuf>) -> Self {
        Self {
            directory,
            started,
            files: HashMap::new(),
            noted: HashMap::new(),
            noted_bytes: 0,
            uses: 0,
        }
    }

    /// Keeps the text of code that is in no file, under the name that frames give as their file. Text beyond
    /// 1 MiB in all is not kept.
    pub fn note(&mut self, file: &str, text: &str) {
        if self.noted_bytes + text.len() > MAX_NOTED_BYTES {
            return;
        }
        self.noted_bytes += text.len();
        self.noted.insert(
            file.to_owned(),
            Arc::new(Text::new(text.to_owned(), None, 0)),
        );
    }

    /// Lines `line - around` to `line + around` of a file, as far as they exist; `None` when the file or the line cannot be read.
    pub fn excerpt(&mut self, file: &str, line: u32, around: u32) -> Option<Excerpt> {
        let text = self.text(file)?;
        let count = text.starts.len() as u32;
        if line == 0 || line > count {
            return None;
        }
        let first = line.saturating_sub(around).max(1);
        let last = line.saturating_add(around).min(count);
        let lines = (first..=last)
            .map(|number| text.line(number).to_owned())
            .collect();
        let stale = text
            .modified
            .is_some_and(|modified| modified > self.started);
        Some(Excerpt {
            first_line: first,
            lines,
            hash: format!("{:016x}", text.hash),
            stale,
        })
    }

    fn text(&mut self, file: &str) -> Option<Arc<Text>> {
        if let Some(text) = self.noted.get(file) {
            return Some(Arc::clone(text));
        }
        if file.is_empty() || file.starts_with('<') {
            return None;
        }
        let path = match &self.directory {
            Some(directory) => directory.join(file),
            None => PathBuf::from(file),
        };
        self.uses += 1;
        let uses = self.uses;
        let state = path
            .metadata()
            .ok()
            .map(|meta| (meta.modified().ok(), meta.len()));
        if let Some(known) = self.files.get(file) {
            let same = match (known, state) {
                (Some(text), Some((modified, length))) => {
                    text.modified == modified && text.length == length
                }
                (None, None) => true,
                _ => false,
            };
            if same {
                return known.clone();
            }
        }
        self.files.remove(file);
        let text = read(&path, uses).map(Arc::new);
        let size = text.as_ref().map_or(0, |text| text.text.len());
        while self.files.len() >= MAX_FILES || self.cached() + size > MAX_CACHED_BYTES {
            if !self.forget_oldest() {
                return text;
            }
        }
        self.files.insert(file.to_owned(), text.clone());
        text
    }

    fn cached(&self) -> usize {
        self.files
            .values()
            .flatten()
            .map(|text| text.text.len())
            .sum()
    }

    fn forget_oldest(&mut self) -> bool {
        let age = |text: &Option<Arc<Text>>| text.as_ref().map_or(0, |text| text.read_at);
        let oldest = self.files.iter().min_by_key(|(_, text)| age(text));
        let name = oldest.map(|(name, _)| name.clone());
        name.is_some_and(|name| self.files.remove(&name).is_some())
    }
}

impl Text {
    fn new(text: String, modified: Option<SystemTime>, read_at: u64) -> Self {
        let mut hasher = SipHasher13::new();
        hasher.write(text.as_bytes());
        let ends = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at as u32 + 1);
        let mut starts: Vec<u32> = std::iter::once(0).chain(ends).collect();
        if starts
            .last()
            .is_some_and(|&last| last as usize == text.len())
        {
            starts.pop();
        }
        let length = text.len() as u64;
        Self {
            text,
            starts,
            hash: hasher.finish(),
            modified,
            length,
            read_at,
        }
    }

    fn line(&self, number: u32) -> &str {
        let index = number as usize - 1;
        let start = self.starts[index] as usize;
        let end = self
            .starts
            .get(index + 1)
            .map_or(self.text.len(), |&end| end as usize);
        let line = self.text[start..end].trim_end_matches(['\n', '\r']);
        match line
            .char_indices()
            .find(|(at, char)| at + char.len_utf8() > MAX_LINE_BYTES)
        {
            Some((at, _)) => &line[..at],
            None => line,
        }
    }
}

/// Reads a regular file, never waiting (a FIFO or a device would).
fn read(path: &Path, uses: u64) -> Option<Text> {
    let file: File = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC)
        .open(path)
        .ok()?;
    let meta = file.metadata().ok()?;
    if !meta.is_file() {
        return None;
    }
    let mut bytes = Vec::with_capacity(meta.len().min(MAX_FILE_BYTES) as usize);
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).ok()?;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    };
    let mut text = Text::new(text, meta.modified().ok(), uses);
    text.length = meta.len();
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn reader() -> (tempfile::TempDir, SourceReader) {
        let directory = tempfile::tempdir().unwrap();
        let later = SystemTime::now() + Duration::from_secs(60);
        let reader = SourceReader::new(later, Some(directory.path().to_owned()));
        (directory, reader)
    }

    #[test]
    fn shows_the_lines_around() {
        let (directory, mut reader) = reader();
        std::fs::write(directory.path().join("a.py"), "one\ntwo\r\nthree\nfour").unwrap();
        let excerpt = reader.excerpt("a.py", 2, 1).unwrap();
        assert_eq!((excerpt.first_line, excerpt.stale), (1, false));
        assert_eq!(excerpt.lines, ["one", "two", "three"]);
        assert_eq!(
            reader.excerpt("a.py", 4, 2).unwrap().lines,
            ["two", "three", "four"]
        );
        assert_eq!(reader.excerpt("a.py", 5, 2), None);
        assert_eq!(reader.excerpt("a.py", 0, 2), None);
    }

    #[test]
    fn a_changed_file_is_read_again_and_told_as_stale() {
        let (directory, mut reader) = reader();
        let path = directory.path().join("a.py");
        std::fs::write(&path, "one\n").unwrap();
        let before = reader.excerpt("a.py", 1, 0).unwrap();
        std::fs::write(&path, "other\n").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(120))
            .unwrap();
        let after = reader.excerpt("a.py", 1, 0).unwrap();
        assert_eq!((before.stale, after.stale), (false, true));
        assert_eq!(after.lines, ["other"]);
        assert_ne!(before.hash, after.hash);
    }

    #[test]
    fn opens_nothing_that_is_no_regular_file() {
        let (directory, mut reader) = reader();
        let fifo = directory.path().join("fifo");
        let name = std::ffi::CString::new(fifo.to_str().unwrap()).unwrap();
        // SAFETY: `name` is a terminated string that lives until after the call.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        assert_eq!(reader.excerpt("fifo", 1, 1), None);
        assert_eq!(reader.excerpt("/dev/zero", 1, 1), None);
        assert_eq!(reader.excerpt(".", 1, 1), None);
        assert_eq!(reader.excerpt("missing.py", 1, 1), None);
        assert_eq!(reader.excerpt("<string>", 1, 1), None);
    }

    #[test]
    fn long_lines_and_foreign_bytes_are_bounded() {
        let (directory, mut reader) = reader();
        let mut bytes = "\u{e9}".repeat(10_000).into_bytes();
        bytes.extend(b"\n\xff\xfe\n");
        std::fs::write(directory.path().join("a.py"), bytes).unwrap();
        let excerpt = reader.excerpt("a.py", 1, 1).unwrap();
        assert_eq!(excerpt.lines[0].len(), MAX_LINE_BYTES);
        assert_eq!(excerpt.lines[1], "\u{fffd}\u{fffd}");
    }

    #[test]
    fn noted_text_stands_for_a_file() {
        let (_directory, mut reader) = reader();
        reader.note("<string>", "x = 1\n1/0\n");
        assert_eq!(reader.excerpt("<string>", 2, 0).unwrap().lines, ["1/0"]);
        reader.note("<big>", &"x".repeat(MAX_NOTED_BYTES));
        assert_eq!(reader.excerpt("<big>", 1, 0), None);
    }

    #[test]
    fn keeps_a_bounded_number_of_files() {
        let (directory, mut reader) = reader();
        for number in 0..MAX_FILES + 10 {
            let name = format!("{number}.py");
            std::fs::write(directory.path().join(&name), "line\n").unwrap();
            assert!(reader.excerpt(&name, 1, 0).is_some());
        }
        assert!(reader.files.len() <= MAX_FILES);
        for number in 0..5 {
            let name = format!("big{number}.py");
            std::fs::write(directory.path().join(&name), "line\n".repeat(200_000)).unwrap();
            assert!(reader.excerpt(&name, 1, 0).is_some());
        }
        assert!(reader.cached() <= MAX_CACHED_BYTES);
    }
}

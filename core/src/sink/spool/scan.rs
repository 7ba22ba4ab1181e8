//! Reading one segment from front to back, whatever is in it.
//!
//! The scan checks the checksum of every payload, so what it yields is intact, and where a record is not, it looks for the
//! next one that is. It holds one window of the file: at most one record plus a read's worth, however large the file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;

use memchr::memmem;

use super::dir::SegmentName;
use super::record::{Decoded, FLAG_ZSTD, Header, MAGIC, MAX_PAYLOAD};
use super::{RecordRef, SpoolError};
use crate::sink::RecordKind;

/// Bytes asked of the file at once in a scan.
const READ: usize = 256 << 10;
/// The same when one record is wanted.
const READ_ONE: usize = 8 << 10;

/// Bytes that a scan reads again in search of records within damaged ones. A file made of headers that promise long payloads
/// could otherwise cost its size squared.
const MOST_WASTED: u64 = 64 << 20;

/// What a scan came across.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScanStats {
    /// Intact records of a known kind.
    pub records: u64,
    /// Intact records that only a newer version understands; skipped.
    pub unknown: u64,
    /// Places where something that was not an intact record had to be skipped.
    pub damaged: u64,
    /// Bytes skipped there.
    pub damaged_bytes: u64,
    /// Bytes at the end that are not a complete record: torn, or still being written if the segment is live.
    pub tail_bytes: u64,
}

impl ScanStats {
    /// Adds another scan's findings.
    pub fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.unknown += other.unknown;
        self.damaged += other.damaged;
        self.damaged_bytes += other.damaged_bytes;
        self.tail_bytes += other.tail_bytes;
    }
}

/// Iterator over the intact records of one segment, in the order they were written; made by
/// [`SpoolReader::scan`](super::SpoolReader::scan).
///
/// It ends at the end of the file, or with one error: the file cannot be read, or is of another major version. Where it
/// ended ([`SegmentScan::position`]) is where a later scan of the same segment goes on.
#[derive(Debug)]
pub struct SegmentScan {
    segment: SegmentName,
    path: PathBuf,
    window: Window,
    stats: ScanStats,
    /// The record that `next` yielded last, within the window.
    last: Option<Found>,
    in_damage: bool,
    done: bool,
}

/// An intact record within the window.
#[derive(Debug, Clone, Copy)]
struct Found {
    at: usize,
    header: Header,
}

impl Found {
    fn bytes(&self) -> Range<usize> {
        self.at..self.at + self.header.total_len()
    }

    fn payload(&self) -> Range<usize> {
        self.at + self.header.len..self.at + self.header.total_len()
    }
}

/// Why a scan ends early.
enum Stop {
    Io(io::Error),
    OtherMajor(u8),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What is at one place of the window.
enum Parsed {
    Intact(Header),
    /// The header proves itself, the payload does not.
    DamagedPayload(Header),
    /// The file ends before the record does.
    Incomplete,
    OtherMajor(u8),
    Invalid,
}

impl SegmentScan {
    pub(in crate::sink) fn new(
        segment: SegmentName,
        path: PathBuf,
        file: File,
        offset: u64,
    ) -> Result<Self, SpoolError> {
        let window = Window::new(file, offset, READ)
            .map_err(|error| SpoolError::io(&path, "read", error))?;
        Ok(Self {
            segment,
            path,
            window,
            stats: ScanStats::default(),
            last: None,
            in_damage: false,
            done: false,
        })
    }

    /// Offset behind the last complete record: where to resume.
    pub fn position(&self) -> u64 {
        self.window.position()
    }

    /// What was found so far.
    pub fn stats(&self) -> ScanStats {
        self.stats
    }

    /// Decompresses the payload of the record that `next` yielded last into `out`, which is cleared first.
    ///
    /// # Errors
    ///
    /// There was no such record, or its payload does not decompress to the length its header declares.
    pub fn payload(
        &self,
        decompressor: &mut Decompressor,
        out: &mut Vec<u8>,
    ) -> Result<(), SpoolError> {
        let Some(found) = self.last else {
            return Err(SpoolError::no_record(&self.path, self.position()));
        };
        let stored = &self.window.bytes[found.payload()];
        decompressor
            .unpack(&found.header, stored, out)
            .map_err(|what| {
                SpoolError::damaged(&self.path, self.window.base + found.at as u64, what)
            })
    }

    /// The bytes of the record that `next` or `next_any` found last, as they are in the file.
    pub(super) fn last_bytes(&self) -> &[u8] {
        self.last
            .map_or(&[], |found| &self.window.bytes[found.bytes()])
    }

    /// Offset and header of the next intact record of any kind, also one that this version does not know.
    pub(super) fn next_any(&mut self) -> Option<Result<(u64, Header), SpoolError>> {
        self.last = None;
        if self.done {
            return None;
        }
        match self.advance() {
            Ok(Some(found)) => {
                self.last = Some(found);
                Some(Ok((self.window.base + found.at as u64, found.header)))
            }
            Ok(None) => {
                self.done = true;
                None
            }
            Err(stop) => {
                self.done = true;
                Some(Err(match stop {
                    Stop::Io(error) => SpoolError::io(&self.path, "read", error),
                    Stop::OtherMajor(major) => SpoolError::other_major(&self.path, major),
                }))
            }
        }
    }

    /// Moves behind the next intact record and says where it is.
    fn advance(&mut self) -> Result<Option<Found>, Stop> {
        loop {
            self.window.forget_consumed();
            let at = self.window.at;
            match parse(&mut self.window, at)? {
                Parsed::Intact(header) => {
                    self.window.at += header.total_len();
                    self.in_damage = false;
                    return Ok(Some(Found { at, header }));
                }
                Parsed::OtherMajor(major) => {
                    return Err(Stop::OtherMajor(major));
                }
                Parsed::Incomplete => {
                    // The rest of the file is at most one record long. If an intact record lies in it, this one is torn.
                    match find_intact(&mut self.window, at + 1)? {
                        Some(next) => self.skip(next - at),
                        None => {
                            self.stats.tail_bytes = self.window.unread().len() as u64;
                            return Ok(None);
                        }
                    }
                }
                Parsed::DamagedPayload(header) => {
                    // The next record may be behind it, or, after a write that was cut short, within what should be it.
                    let all = self.window.wasted > MOST_WASTED;
                    self.skip(if all { header.total_len() } else { 1 });
                }
                Parsed::Invalid => {
                    let unread = self.window.unread();
                    if let Some(next) = memmem::find(&unread[1..], &MAGIC) {
                        self.skip(next + 1);
                    } else {
                        // The magic may begin in the last bytes that are here.
                        let keep = magic_begins(&unread[1..]);
                        let len = unread.len() - keep;
                        self.skip(len);
                        if !self.window.read_more()? {
                            self.stats.tail_bytes = self.window.unread().len() as u64;
                            return Ok(None);
                        }
                    }
                }
            }
        }
    }

    fn skip(&mut self, bytes: usize) {
        if !self.in_damage {
            self.stats.damaged += 1;
            self.in_damage = true;
        }
        self.stats.damaged_bytes += bytes as u64;
        self.window.at += bytes;
    }
}

impl Iterator for SegmentScan {
    type Item = Result<RecordRef, SpoolError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (offset, header) = match self.next_any()? {
                Ok(found) => found,
                Err(error) => return Some(Err(error)),
            };
            let Some(kind) = header.known_kind() else {
                self.stats.unknown += 1;
                continue;
            };
            self.stats.records += 1;
            return Some(Ok(RecordRef {
                segment: self.segment.clone(),
                offset,
                kind,
                id: header.id,
                fingerprint: header.fingerprint,
                timestamp_ns: header.timestamp_ns,
            }));
        }
    }
}

/// Looks at the record that should start at `at`, reading as far as it needs.
fn parse(window: &mut Window, at: usize) -> io::Result<Parsed> {
    let header = loop {
        let needed = match Header::decode(window.bytes.get(at..).unwrap_or(&[])) {
            Decoded::Header(header) => break header,
            Decoded::OtherMajor(major) => return Ok(Parsed::OtherMajor(major)),
            Decoded::Invalid => return Ok(Parsed::Invalid),
            Decoded::Short(needed) => needed,
        };
        if !window.fill(at + needed)? {
            return Ok(Parsed::Incomplete);
        }
    };
    if !window.fill(at + header.total_len())? {
        return Ok(Parsed::Incomplete);
    }
    let stored = &window.bytes[at + header.len..at + header.total_len()];
    let stored_len = stored.len();
    if crc32fast::hash(stored) == header.payload_checksum {
        Ok(Parsed::Intact(header))
    } else {
        window.wasted += stored_len as u64;
        Ok(Parsed::DamagedPayload(header))
    }
}

/// The first intact record at or behind `from`, in a file whose rest is in the window.
fn find_intact(window: &mut Window, from: usize) -> io::Result<Option<usize>> {
    let mut from = from;
    while let Some(next) = window
        .bytes
        .get(from..)
        .and_then(|rest| memmem::find(rest, &MAGIC))
        .map(|at| from + at)
    {
        if matches!(parse(window, next)?, Parsed::Intact(_)) {
            return Ok(Some(next));
        }
        from = next + 1;
    }
    Ok(None)
}

/// How many bytes at the end of `bytes` may be the beginning of a record.
fn magic_begins(bytes: &[u8]) -> usize {
    (1..MAGIC.len())
        .rev()
        .find(|&len| bytes.ends_with(&MAGIC[..len]))
        .unwrap_or(0)
}

/// A part of a file, and the place in it up to which it is consumed.
#[derive(Debug)]
struct Window {
    file: File,
    /// Offset in the file of `bytes[0]`.
    base: u64,
    bytes: Vec<u8>,
    at: usize,
    chunk: usize,
    ended: bool,
    /// Bytes of payloads whose checksum was wrong.
    wasted: u64,
}

impl Window {
    fn new(mut file: File, offset: u64, chunk: usize) -> io::Result<Self> {
        // Behind the end there is nothing; far behind it, seeking or reading there would be an error.
        let ended = offset > file.metadata()?.len();
        if !ended {
            file.seek(SeekFrom::Start(offset))?;
        }
        Ok(Self {
            file,
            base: offset,
            bytes: Vec::new(),
            at: 0,
            chunk,
            ended,
            wasted: 0,
        })
    }

    fn position(&self) -> u64 {
        self.base + self.at as u64
    }

    fn unread(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    fn forget_consumed(&mut self) {
        // Moving what is left costs less than what was consumed.
        if self.at >= self.chunk.max(self.bytes.len() - self.at) {
            self.bytes.drain(..self.at);
            self.base += self.at as u64;
            self.at = 0;
        }
    }

    /// Reads until `end` bytes are here; `false` if the file ends before.
    fn fill(&mut self, end: usize) -> io::Result<bool> {
        while self.bytes.len() < end {
            if !self.read_more()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads a chunk; `false` at the end of the file.
    fn read_more(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let len = self.bytes.len();
        self.bytes.resize(len + self.chunk, 0);
        let read = loop {
            match self.file.read(&mut self.bytes[len..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.bytes.truncate(len + *read.as_ref().unwrap_or(&0));
        // The file may grow while it is read. Its end, once seen, stays: what is found ends where a later scan goes on.
        self.ended = read? == 0;
        Ok(!self.ended)
    }
}

/// Reads the one record at `offset`.
pub(super) fn read_one(
    path: &std::path::Path,
    file: File,
    offset: u64,
    decompressor: &mut Decompressor,
    out: &mut Vec<u8>,
) -> Result<Option<RecordKind>, SpoolError> {
    let io = |error| SpoolError::io(path, "read", error);
    let mut window = Window::new(file, offset, READ_ONE).map_err(io)?;
    match parse(&mut window, 0).map_err(io)? {
        Parsed::Intact(header) => {
            let stored = &window.bytes[header.len..header.total_len()];
            decompressor
                .unpack(&header, stored, out)
                .map_err(|what| SpoolError::damaged(path, offset, what))?;
            Ok(header.known_kind())
        }
        Parsed::OtherMajor(major) => Err(SpoolError::other_major(path, major)),
        Parsed::DamagedPayload(_) => Err(SpoolError::damaged(path, offset, "wrong checksum")),
        Parsed::Incomplete => Err(SpoolError::damaged(path, offset, "it is cut short")),
        Parsed::Invalid => Err(SpoolError::no_record(path, offset)),
    }
}

/// A reusable decompression context, with bounds: it never makes more than the record's declared length, and that is at
/// most [`MAX_PAYLOAD`].
#[derive(Default)]
pub struct Decompressor {
    context: zstd::bulk::Decompressor<'static>,
}

impl std::fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decompressor").finish_non_exhaustive()
    }
}

impl Decompressor {
    /// Decompresses the payload of `record`, which [`Packer`](super::pack::Packer) made, into `out`, which is cleared first.
    #[cfg(feature = "http")]
    pub(in crate::sink) fn unpack_record(
        &mut self,
        record: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        let Decoded::Header(header) = Header::decode(record) else {
            return Err("it has no header");
        };
        let stored = record.get(header.len..header.total_len());
        self.unpack(&header, stored.ok_or("it is cut short")?, out)
    }

    fn unpack(
        &mut self,
        header: &Header,
        stored: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        out.clear();
        debug_assert!(header.raw_len <= MAX_PAYLOAD);
        match header.flags {
            0 => out.extend_from_slice(stored),
            FLAG_ZSTD => {
                out.reserve_exact(header.raw_len);
                // zstd's bound is the capacity, which may be larger than was asked for.
                out.resize(header.raw_len, 0);
                let len = self
                    .context
                    .decompress_to_buffer(stored, out.as_mut_slice());
                out.truncate(len.map_err(|_| "its payload does not decompress")?);
            }
            _ => return Err("only a newer version can read its payload"),
        }
        if out.len() == header.raw_len {
            Ok(())
        } else {
            Err("its payload has another length")
        }
    }
}

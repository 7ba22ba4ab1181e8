//! Reading a store that others are writing.

use std::path::Path;
use std::sync::Arc;

use super::dir::{SegmentName, SpoolDir};
use super::scan::{Decompressor, ScanStats, SegmentScan, read_one};
use super::{RecordRef, SpoolError};
use crate::sink::RecordKind;

/// One segment of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its name, which never means another segment.
    pub name: SegmentName,
    /// Its size now.
    pub bytes: u64,
    /// Whether a process still has it open to append to it.
    pub live: bool,
}

/// A store, to be read.
///
/// Nothing is locked: processes go on appending, and retention goes on replacing old segments. A segment's content never
/// changes under its name except by growing, so a reader that keeps (segment, offset) pairs has to expect only that a
/// segment is gone ([`SpoolError::is_not_found`]); the records that were kept are then in another segment, under the same ids.
///
/// ```no_run
/// use stillframe_core::sink::spool::SpoolReader;
///
/// # fn main() -> Result<(), stillframe_core::sink::spool::SpoolError> {
/// let mut reader = SpoolReader::open("/var/lib/shop/stillframe".as_ref())?;
/// for segment in reader.segments()? {
///     let mut scan = reader.scan(&segment.name, 0)?;
///     while let Some(record) = scan.next() {
///         let record = record?;
///         let payload = reader.read(&record.segment, record.offset)?;
///         println!("{}: {} bytes", record.timestamp_ns, payload.len());
///     }
///     // Later, go on with reader.scan(&segment.name, scan.position()).
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SpoolReader {
    dir: SpoolDir,
    decompressor: Decompressor,
}

impl SpoolReader {
    /// Opens the store in `dir`, which must exist.
    ///
    /// # Errors
    ///
    /// The directory is missing or cannot be read.
    pub fn open(dir: &Path) -> Result<Self, SpoolError> {
        Ok(Self {
            dir: SpoolDir::open(dir)?,
            decompressor: Decompressor::default(),
        })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The segments, oldest first.
    ///
    /// # Errors
    ///
    /// The directory cannot be read.
    pub fn segments(&self) -> Result<Vec<SegmentInfo>, SpoolError> {
        let list = |error| SpoolError::io(self.dir.path(), "list", error);
        let segments = self.dir.segments().map_err(list)?;
        let live = |name: &SegmentName| {
            self.dir
                .open_segment(name)
                .is_ok_and(|file| file.try_lock_shared().is_err())
        };
        Ok(segments
            .into_iter()
            .map(|(name, bytes)| SegmentInfo {
                live: live(&name),
                name,
                bytes,
            })
            .collect())
    }

    /// Reads `segment` from `offset` on, which is 0 or the position of an earlier scan.
    ///
    /// # Errors
    ///
    /// The segment is gone or cannot be read.
    pub fn scan(&self, segment: &SegmentName, offset: u64) -> Result<SegmentScan, SpoolError> {
        let file = self.dir.open_segment(segment)?;
        SegmentScan::new(segment.clone(), self.dir.path_of(segment), file, offset)
    }

    /// Every intact record of the store, by time, each id once, and what was found on the way. A segment that cannot be
    /// read as a whole (it is gone, or of another major version) contributes what it can, and an error.
    ///
    /// # Errors
    ///
    /// The directory cannot be read.
    pub fn records(&self) -> Result<Records, SpoolError> {
        let mut found = Records::default();
        for segment in self.segments()? {
            let mut scan = match self.scan(&segment.name, 0) {
                Ok(scan) => scan,
                Err(error) if error.is_not_found() => continue,
                Err(error) => {
                    found.errors.push(error);
                    continue;
                }
            };
            for record in scan.by_ref() {
                match record {
                    Ok(record) => found.records.push(record),
                    Err(error) => found.errors.push(error),
                }
            }
            let mut stats = scan.stats();
            if segment.live {
                stats.tail_bytes = 0;
            }
            found.stats.add(&stats);
        }
        found
            .records
            .sort_unstable_by_key(|record| (record.timestamp_ns, record.id, record.kind.code()));
        found
            .records
            .dedup_by_key(|record| (record.timestamp_ns, record.id, record.kind));
        Ok(found)
    }

    /// The payload of the record at `offset` of `segment`, decompressed.
    ///
    /// # Errors
    ///
    /// The segment is gone; there is no intact record; it is of another major version.
    pub fn read(&mut self, segment: &SegmentName, offset: u64) -> Result<Vec<u8>, SpoolError> {
        let mut payload = Vec::new();
        self.read_into(segment, offset, &mut payload)?;
        Ok(payload)
    }

    /// As [`SpoolReader::read`], into a buffer that is cleared first; tells the record's kind, `None` for an unknown one.
    ///
    /// # Errors
    ///
    /// As [`SpoolReader::read`].
    pub fn read_into(
        &mut self,
        segment: &SegmentName,
        offset: u64,
        payload: &mut Vec<u8>,
    ) -> Result<Option<RecordKind>, SpoolError> {
        let file = self.dir.open_segment(segment)?;
        read_one(
            &self.dir.path_of(segment),
            file,
            offset,
            &mut self.decompressor,
            payload,
        )
    }
}

/// What [`SpoolReader::records`] found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Records {
    /// The records, by time.
    pub records: Vec<RecordRef>,
    /// Counts over all segments; `tail_bytes` only of segments that nobody appends to any more.
    pub stats: ScanStats,
    /// Segments that could not be read as a whole, and why.
    pub errors: Vec<SpoolError>,
}

// A viewer may read in one thread and show in another.
const _: () = {
    const fn send<T: Send>() {}
    send::<SpoolReader>();
    send::<SegmentScan>();
    send::<Arc<RecordRef>>();
};

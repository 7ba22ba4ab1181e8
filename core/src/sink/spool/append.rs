//! Appending records to the segments of one directory: which segment, when the next begins, and what a failure leaves.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};

use super::dir::SpoolDir;
use super::segment::{ActiveSegment, complete_prefix, record_len};
use super::{SpoolConfig, SpoolError};

/// The writing end of a directory of segments. Opens nothing before the first record.
#[derive(Debug)]
pub(in crate::sink) struct Appender {
    path: PathBuf,
    dir: Option<SpoolDir>,
    segment: Option<(ActiveSegment, Instant)>,
}

/// What became of records.
#[derive(Debug, Default)]
pub(in crate::sink) struct Appended {
    /// Bytes that are done with, from the front; they end with a whole record.
    pub(in crate::sink) consumed: usize,
    /// Records written, and their bytes.
    pub(in crate::sink) records: u64,
    pub(in crate::sink) bytes: u64,
    /// Records that are larger than any file may be.
    pub(in crate::sink) dropped: u64,
    /// Segments begun.
    pub(in crate::sink) segments: u64,
    /// Why the rest could not be written.
    pub(in crate::sink) error: Option<SpoolError>,
}

impl Appender {
    pub(in crate::sink) fn new(path: PathBuf) -> Self {
        Self {
            path,
            dir: None,
            segment: None,
        }
    }

    pub(in crate::sink) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory, once something was written.
    pub(in crate::sink) fn dir(&self) -> Option<&SpoolDir> {
        self.dir.as_ref()
    }

    /// Size and age of the segment that is being written.
    pub(in crate::sink) fn segment(&self) -> Option<(u64, Duration)> {
        let (segment, begun) = self.segment.as_ref()?;
        Some((segment.len(), begun.elapsed()))
    }

    /// Writes whole records. A segment is sealed before it would grow beyond `rotate_at` bytes.
    pub(in crate::sink) fn append(&mut self, records: &[u8], rotate_at: u64) -> Appended {
        let mut done = Appended::default();
        if let Err(error) = self.try_append(records, rotate_at, &mut done) {
            done.error = Some(error);
        }
        done
    }

    fn try_append(
        &mut self,
        records: &[u8],
        rotate_at: u64,
        done: &mut Appended,
    ) -> Result<(), SpoolError> {
        while done.consumed < records.len() {
            let rest = &records[done.consumed..];
            // Above this size a write does not fail, it kills the process by SIGXFSZ.
            let file_limit = getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX);
            if file_limit < SpoolConfig::LEAST_SEGMENT {
                let error = io::Error::from(io::ErrorKind::FileTooLarge);
                return Err(SpoolError::io(&self.path, "write to", error));
            }
            let limit = rotate_at.min(file_limit);
            let segment = self.open_segment(&mut done.segments)?;
            let fresh = segment.len() == 0;
            let room = usize::try_from(limit.saturating_sub(segment.len())).unwrap_or(usize::MAX);
            let fits = complete_prefix(rest, room);
            if fits > 0 {
                self.write(&rest[..fits], done)?;
            } else if !fresh {
                self.seal();
            } else {
                // A record that is larger than a segment has one of its own.
                let len = record_len(rest).unwrap_or(rest.len());
                if len as u64 <= file_limit {
                    self.write(&rest[..len], done)?;
                } else {
                    done.consumed += len;
                    done.dropped += 1;
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, records: &[u8], done: &mut Appended) -> Result<(), SpoolError> {
        let Some((segment, _)) = &mut self.segment else {
            return Ok(());
        };
        let result = segment.append(records);
        let kept = result
            .as_ref()
            .err()
            .map_or(records.len(), |error| error.kept);
        done.records += count_records(&records[..kept]);
        done.bytes += kept as u64;
        done.consumed += kept;
        result.map_err(|error| {
            if !error.usable {
                self.seal();
            }
            SpoolError::io(&self.path, "write to", error.error)
        })
    }

    /// The segment to append to, opened if there is none.
    fn open_segment(&mut self, begun: &mut u64) -> Result<&mut ActiveSegment, SpoolError> {
        if self
            .segment
            .as_ref()
            .is_some_and(|(segment, _)| !segment.is_linked())
        {
            // Somebody removed the store: begin a new one. If the program closed our descriptors, the folder's number may be one of
            // its own by now, which is not ours to close.
            let lost = self
                .segment
                .as_ref()
                .is_some_and(|(segment, _)| !segment.is_ours());
            self.seal();
            match self.dir.take() {
                Some(dir) if lost => std::mem::forget(dir),
                dir => drop(dir),
            }
        }
        let segment = match self.segment.take() {
            Some(segment) => segment,
            None => {
                let segment = self.begin_segment()?;
                *begun += 1;
                (segment, Instant::now())
            }
        };
        Ok(&mut self.segment.insert(segment).0)
    }

    fn begin_segment(&mut self) -> Result<ActiveSegment, SpoolError> {
        let make = |dir: &SpoolDir| {
            ActiveSegment::create(dir)
                .map_err(|error| SpoolError::io(dir.path(), "write to", error))
        };
        let made = match &self.dir {
            Some(dir) => match make(dir) {
                // An open directory that was removed says "not found"; the path may be made again.
                Err(error) if error.is_not_found() => None,
                made => Some(made?),
            },
            None => None,
        };
        match made {
            Some(segment) => Ok(segment),
            None => {
                let dir = SpoolDir::create(&self.path)?;
                let segment = make(&dir)?;
                self.dir = Some(dir);
                Ok(segment)
            }
        }
    }

    /// Ends the segment: from now on it belongs to whoever reads it.
    pub(in crate::sink) fn seal(&mut self) {
        if let Some((segment, _)) = self.segment.take() {
            segment.seal();
        }
    }

    /// In a forked child: leaves the segment to the parent.
    pub(in crate::sink) fn forget(&mut self) {
        if let Some((segment, _)) = self.segment.take() {
            segment.forget();
        }
    }
}

fn count_records(records: &[u8]) -> u64 {
    let (mut at, mut count) = (0, 0);
    while let Some(len) = record_len(&records[at..]) {
        at += len;
        count += 1;
    }
    count
}

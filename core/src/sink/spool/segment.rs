//! The segment that this process appends to.
//!
//! Its writer holds an exclusive lock on it for as long as it may grow; retention touches only segments that it can lock
//! itself. The lock goes with the process, however that ends.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::os::unix::fs::MetadataExt;

use super::dir::{SegmentName, SpoolDir, now_ms};
use super::record::{Decoded, Header};

/// An open, locked segment.
#[derive(Debug)]
pub(super) struct ActiveSegment {
    file: ManuallyDrop<File>,
    /// Device and inode, by which the file is known again: a program that becomes a daemon closes every descriptor that it finds, and
    /// its own files then get these numbers.
    identity: (u64, u64),
    len: u64,
}

impl Drop for ActiveSegment {
    fn drop(&mut self) {
        if self.is_ours() {
            // SAFETY: the file is taken out once, here, and not used afterwards.
            drop(unsafe { ManuallyDrop::take(&mut self.file) });
        }
    }
}

/// A write that did not succeed as a whole.
#[derive(Debug)]
pub(super) struct AppendError {
    /// Bytes of complete records that are in the segment.
    pub(super) kept: usize,
    /// Whether the segment ends with a complete record. If not, nothing may be appended to it.
    pub(super) usable: bool,
    pub(super) error: io::Error,
}

impl ActiveSegment {
    pub(super) fn create(dir: &SpoolDir) -> io::Result<Self> {
        for _ in 0..16 {
            let name = SegmentName::new(now_ms());
            let file = dir.create_segment(&name)?;
            match file.try_lock() {
                // Between its making and the lock, retention may have taken the file for an empty left-over.
                Ok(()) if file.metadata()?.nlink() > 0 => {
                    let metadata = file.metadata()?;
                    let identity = (metadata.dev(), metadata.ino());
                    let file = ManuallyDrop::new(file);
                    return Ok(Self {
                        file,
                        identity,
                        len: 0,
                    });
                }
                Ok(()) | Err(TryLockError::WouldBlock) => dir.remove(&name)?,
                Err(TryLockError::Error(error)) => {
                    dir.remove(&name)?;
                    return Err(error);
                }
            }
        }
        Err(io::Error::new(
            io::ErrorKind::WouldBlock,
            "every new segment is locked by others",
        ))
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file can still be found by its name: somebody may have removed the store under us, or closed our descriptor.
    pub(super) fn is_linked(&self) -> bool {
        self.is_ours()
            && self
                .file
                .metadata()
                .is_ok_and(|metadata| metadata.nlink() > 0)
    }

    /// Whether the descriptor still is that of the segment.
    pub(super) fn is_ours(&self) -> bool {
        self.file
            .metadata()
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.identity)
    }

    /// Appends complete records. On failure the segment is cut back to the last complete one.
    pub(super) fn append(&mut self, records: &[u8]) -> Result<(), AppendError> {
        if !self.is_ours() {
            let error = io::Error::new(
                io::ErrorKind::NotFound,
                "the program closed the store's descriptor",
            );
            return Err(AppendError {
                kept: 0,
                usable: false,
                error,
            });
        }
        let mut written = 0;
        let error = loop {
            match self.file.write(&records[written..]) {
                Ok(0) if written < records.len() => break io::ErrorKind::WriteZero.into(),
                Ok(n) => written += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => break error,
            }
            if written == records.len() {
                self.len += written as u64;
                return Ok(());
            }
        };
        let kept = complete_prefix(records, written);
        self.len += kept as u64;
        let usable = kept == written || self.file.set_len(self.len).is_ok();
        Err(AppendError {
            kept,
            usable,
            error,
        })
    }

    /// Ends the segment: from now on it belongs to retention.
    pub(super) fn seal(self) {
        // Said outright: a forked child shares the lock, and closing our end would not release it.
        if self.is_ours() {
            let _ = self.file.unlock();
        }
    }

    /// Forgets the segment without releasing the lock, which a forked child shares with the parent that goes on writing.
    pub(super) fn forget(self) {
        drop(self);
    }
}

/// Length of the complete records at the start of `records` that fit into `room` bytes.
pub(super) fn complete_prefix(records: &[u8], room: usize) -> usize {
    let mut at = 0;
    while let Some(len) = record_len(&records[at..]) {
        if at + len > room {
            break;
        }
        at += len;
    }
    at
}

/// Length of the record at the start of `records`, which this process encoded.
pub(in crate::sink) fn record_len(records: &[u8]) -> Option<usize> {
    match Header::decode(records) {
        Decoded::Header(header) if header.total_len() <= records.len() => Some(header.total_len()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;
    use crate::sink::{RecordKind, SinkRecord};

    fn records(sizes: &[usize]) -> Vec<u8> {
        let mut out = Vec::new();
        for size in sizes {
            let payload = vec![b'x'; *size];
            let (id, fingerprint) = ([1; 16], [2; 16]);
            let kind = RecordKind::Snapshot;
            let record = SinkRecord {
                kind,
                payload: &payload,
                id,
                fingerprint,
                timestamp_ns: 3,
            };
            out.extend(Header::of(&record, &payload, 0).encode());
            out.extend(&payload);
        }
        out
    }

    #[test]
    fn a_prefix_ends_with_a_whole_record() {
        let records = records(&[10, 0, 200]);
        let ends = [82, 82 + 72, 82 + 72 + 272];
        for room in 0..records.len() + 5 {
            let expected = ends
                .iter()
                .rev()
                .find(|end| **end <= room)
                .copied()
                .unwrap_or(0);
            assert_eq!(complete_prefix(&records, room), expected, "{room}");
        }
    }

    /// The kernel's own full disk, for any user.
    #[test]
    fn a_full_device_keeps_nothing_and_says_why() {
        let file = OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("opened");
        let metadata = file.metadata().expect("a device");
        let mut segment = ActiveSegment {
            identity: (metadata.dev(), metadata.ino()),
            file: ManuallyDrop::new(file),
            len: 0,
        };
        let failure = segment.append(&records(&[10, 20])).expect_err("full");
        assert_eq!(failure.error.kind(), io::ErrorKind::StorageFull);
        // Nothing was written, so there is nothing to cut.
        assert!(failure.usable);
        assert_eq!((failure.kept, segment.len()), (0, 0));
    }
}

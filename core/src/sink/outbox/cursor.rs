//! How far a segment is delivered, in a small file beside it.

use std::io::Read;
use std::os::unix::fs::FileExt;

use crate::sink::spool::{SegmentName, SpoolDir};

/// Ending of the file's name, behind that of the segment.
const ENDING: &str = ".at";

fn file_of(segment: &SegmentName) -> String {
    format!("{segment}{ENDING}")
}

fn checksum(segment: &SegmentName, offset: &[u8; 8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(segment.as_str().as_bytes());
    hasher.update(offset);
    hasher.finalize().to_le_bytes()
}

/// Offset up to which `segment` is delivered; 0 if nothing says otherwise, or what does is damaged.
pub(super) fn read(dir: &SpoolDir, segment: &SegmentName) -> u64 {
    let Ok(Some(file)) = dir.open_other(&file_of(segment)) else {
        return 0;
    };
    let mut bytes = Vec::new();
    if file.take(64).read_to_end(&mut bytes).is_err() {
        return 0;
    }
    match bytes.split_first_chunk::<8>() {
        Some((offset, sum)) if sum == checksum(segment, offset) => u64::from_le_bytes(*offset),
        _ => 0,
    }
}

/// Says that `segment` is delivered up to `offset`.
pub(super) fn write(dir: &SpoolDir, segment: &SegmentName, offset: u64) -> std::io::Result<()> {
    let offset = offset.to_le_bytes();
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&offset);
    bytes[8..].copy_from_slice(&checksum(segment, &offset));
    dir.open_or_create(&file_of(segment))?
        .write_all_at(&bytes, 0)
}

/// Removes what [`write`] wrote.
pub(super) fn remove(dir: &SpoolDir, segment: &SegmentName) {
    // Left over, it is removed by the next process that delivers.
    let _ = dir.remove_other(&file_of(segment));
}

/// Removes the files of segments that are gone.
pub(super) fn remove_left_over(dir: &SpoolDir, segments: &[(SegmentName, u64)]) {
    for name in dir.other_names().unwrap_or_default() {
        let of = name.strip_suffix(ENDING).and_then(SegmentName::parse);
        if of.is_some_and(|of| !segments.iter().any(|(known, _)| *known == of)) {
            let _ = dir.remove_other(&name);
        }
    }
}

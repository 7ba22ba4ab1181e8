//! Keeping an outbox within its bound: the oldest segments go, whoever wrote them, unless somebody uses them.

use std::os::unix::fs::MetadataExt;

use super::cursor;
use super::hold::Hold;
use crate::sink::RecordKind;
use crate::sink::spool::{SegmentName, SegmentScan, SpoolDir};

/// Removes the oldest segments until all together are at most `most` bytes. Returns how many items were lost.
pub(super) fn keep(dir: &SpoolDir, most: u64) -> std::io::Result<u64> {
    let segments = dir.segments()?;
    let mut bytes: u64 = segments.iter().map(|(_, bytes)| bytes).sum();
    let mut lost = 0;
    for (name, size) in segments {
        if bytes <= most {
            break;
        }
        if let Some(items) = remove(dir, &name)? {
            lost += items;
            bytes = bytes.saturating_sub(size);
        }
    }
    Ok(lost)
}

/// Removes a segment that nobody appends to or delivers from now. Returns how many items of it were not delivered; `None` if it stays.
fn remove(dir: &SpoolDir, name: &SegmentName) -> std::io::Result<Option<u64>> {
    let Ok(file) = dir.open_segment(name) else {
        return Ok(None);
    };
    let file = Hold::new(file);
    if file.try_lock().is_err() || file.metadata()?.nlink() == 0 {
        return Ok(None);
    }
    let path = dir.path_of(name);
    let from = cursor::read(dir, name);
    let items = match file
        .try_clone()
        .map(|file| SegmentScan::new(name.clone(), path, file, from))
    {
        Ok(Ok(scan)) => scan
            .take_while(Result::is_ok)
            .flatten()
            .filter(|record| record.kind == RecordKind::Item)
            .count() as u64,
        // What it holds cannot be told; it takes part of the bound all the same.
        _ => 0,
    };
    dir.remove(name)?;
    cursor::remove(dir, name);
    Ok(Some(items))
}

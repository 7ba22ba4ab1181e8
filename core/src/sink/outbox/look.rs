//! What waits in a store's outboxes, for people: read without any lock, while others write and deliver.

use std::path::Path;

use super::{FOLDER, cursor};
use crate::sink::RecordKind;
use crate::sink::spool::{SegmentScan, SpoolDir};

/// What waits for one destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Name of the destination.
    pub name: String,
    /// Items.
    pub items: u64,
    /// Their bytes, as stored.
    pub bytes: u64,
    /// When the oldest was captured, in nanoseconds since the Unix epoch.
    pub oldest_ns: Option<u64>,
}

/// What waits in the store at `store`, by the names of destinations; also those that nobody has configured any more.
#[must_use]
pub fn waiting(store: &Path) -> Vec<Waiting> {
    let Ok(folders) = std::fs::read_dir(store.join(FOLDER)) else {
        return Vec::new();
    };
    let mut all: Vec<Waiting> = folders
        .flatten()
        .filter_map(|folder| {
            let name = folder.file_name().into_string().ok()?;
            waiting_in(name, &SpoolDir::open(&folder.path()).ok()?).ok()
        })
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn waiting_in(name: String, dir: &SpoolDir) -> std::io::Result<Waiting> {
    let mut waiting = Waiting {
        name,
        ..Waiting::default()
    };
    for (segment, size) in dir.segments()? {
        let from = cursor::read(dir, &segment);
        // Delivered and removed meanwhile.
        let Ok(file) = dir.open_segment(&segment) else {
            continue;
        };
        let path = dir.path_of(&segment);
        let Ok(scan) = SegmentScan::new(segment, path, file, from) else {
            continue;
        };
        let items = waiting.items;
        for record in scan.take_while(Result::is_ok).flatten() {
            if record.kind == RecordKind::Item {
                waiting.items += 1;
                let oldest = waiting.oldest_ns.get_or_insert(record.timestamp_ns);
                *oldest = record.timestamp_ns.min(*oldest);
            }
        }
        if waiting.items > items {
            waiting.bytes += size.saturating_sub(from);
        }
    }
    Ok(waiting)
}

//! What waits in the files of a store, for whoever looks from outside.

use std::path::Path;

use super::{FOLDER, cursor};
use crate::sink::RecordKind;
use crate::sink::spool::{SegmentScan, SpoolDir};

/// What waits for one destination.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// The destination: `datadog`, `otlp`, `sentry`.
    pub name: String,
    /// Items.
    pub items: u64,
    /// What they take on the disk.
    pub bytes: u64,
    /// When the oldest was captured, in nanoseconds since the Unix epoch.
    pub oldest_ns: u64,
}

/// What waits in the store at `store`, by destination; none for those for which nothing waits. Locks and changes nothing, so it may be
/// out of date by what is delivered meanwhile.
#[must_use]
pub fn waiting(store: &Path) -> Vec<Waiting> {
    let folders = std::fs::read_dir(store.join(FOLDER)).into_iter().flatten();
    let names = folders.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut all: Vec<Waiting> = names
        .filter_map(|name| waiting_for(store, &name))
        .filter(|waiting| waiting.items > 0)
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn waiting_for(store: &Path, name: &str) -> Option<Waiting> {
    let dir = SpoolDir::open(&store.join(FOLDER).join(name)).ok()?;
    let mut waiting = Waiting {
        name: name.to_owned(),
        oldest_ns: u64::MAX,
        ..Waiting::default()
    };
    for (segment, size) in dir.segments().ok()? {
        let settled = cursor::read(&dir, &segment);
        let Ok(file) = dir.open_segment(&segment) else {
            continue;
        };
        let Ok(scan) = SegmentScan::new(segment.clone(), dir.path_of(&segment), file, settled)
        else {
            continue;
        };
        let before = waiting.items;
        for record in scan.take_while(Result::is_ok).flatten() {
            if record.kind == RecordKind::Item {
                waiting.items += 1;
                waiting.oldest_ns = waiting.oldest_ns.min(record.timestamp_ns);
            }
        }
        if waiting.items > before {
            waiting.bytes += size.saturating_sub(settled);
        }
    }
    Some(waiting)
}

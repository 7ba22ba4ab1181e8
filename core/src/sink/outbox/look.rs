//! What waits in a store's outboxes, for people: read without any lock, while others write and deliver.

use std::path::Path;

use super::{FOLDER, cursor};
use crate::sink::spool::{SegmentScan, SpoolDir};
use crate::sink::{Identity, RecordKind};

/// What waits for one destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Name of the destination.
    pub name: String,
    /// Which of that name it is.
    pub identity: Option<Identity>,
    /// Items.
    pub items: u64,
    /// Their bytes, as stored.
    pub bytes: u64,
    /// When the oldest was captured, in nanoseconds since the Unix epoch.
    pub oldest_ns: Option<u64>,
}

impl Waiting {
    /// Name of its folder in the store's [`FOLDER`].
    #[must_use]
    pub fn folder(&self) -> String {
        Identity::folder(&self.name, self.identity.as_ref())
    }
}

/// What waits in the store at `store`, by destination; also those that nobody has configured any more.
#[must_use]
pub fn waiting(store: &Path) -> Vec<Waiting> {
    let Ok(folders) = std::fs::read_dir(store.join(FOLDER)) else {
        return Vec::new();
    };
    let mut all: Vec<Waiting> = folders
        .flatten()
        .filter_map(|folder| {
            let name = folder.file_name().into_string().ok()?;
            waiting_in(&name, &SpoolDir::open(&folder.path()).ok()?).ok()
        })
        .collect();
    all.sort_by(|a, b| (&a.name, &a.identity).cmp(&(&b.name, &b.identity)));
    all
}

fn waiting_in(folder: &str, dir: &SpoolDir) -> std::io::Result<Waiting> {
    let (name, identity) = Identity::of_folder(folder);
    let mut waiting = Waiting {
        name: name.to_owned(),
        identity,
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

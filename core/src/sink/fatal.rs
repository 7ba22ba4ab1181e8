//! Records of fatal signals: a dying process leaves a file in its store, and the next start of a program with that store makes a snapshot of it.
//! What is in them is known to the C library, which writes and reads them.

use std::path::{Path, PathBuf};

/// The folder for records, in a store.
pub const FOLDER: &str = "fatal";
/// The ending of a record's name.
pub const ENDING: &str = ".fatal";

/// Records that wait in the store at `store`, the oldest first. None where the folder cannot be read.
#[must_use]
pub fn waiting(store: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(store.join(FOLDER)) else {
        return Vec::new();
    };
    let mut records: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_str().is_some_and(|path| path.ends_with(ENDING)))
        .collect();
    records.sort();
    records
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{FOLDER, waiting};

    #[test]
    fn only_records_count() {
        let store = tempfile::tempdir().unwrap();
        assert!(waiting(store.path()).is_empty());
        let folder = store.path().join(FOLDER);
        std::fs::create_dir(&folder).unwrap();
        for name in ["12-2.fatal", "12-1.fatal", "12-1.taken-9", "other"] {
            std::fs::write(folder.join(name), b"").unwrap();
        }
        let found = waiting(store.path());
        assert_eq!(
            found,
            [folder.join("12-1.fatal"), folder.join("12-2.fatal")]
        );
    }
}

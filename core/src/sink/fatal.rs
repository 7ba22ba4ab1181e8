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

/// What a record is called while it is read: the name counts. `None` for one that was read twice by processes that died with it.
#[must_use]
pub fn tried(record: &Path) -> Option<PathBuf> {
    let name = record.to_str()?.strip_suffix(ENDING)?;
    let next = match name.strip_suffix(".try1") {
        Some(first) => format!("{first}.try2{ENDING}"),
        None if name.ends_with(".try2") => return None,
        None => format!("{name}.try1{ENDING}"),
    };
    Some(next.into())
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{FOLDER, tried, waiting};

    #[test]
    fn only_records_count() {
        let store = tempfile::tempdir().unwrap();
        assert!(waiting(store.path()).is_empty());
        let folder = store.path().join(FOLDER);
        std::fs::create_dir(&folder).unwrap();
        for name in ["12-2.fatal", "12-1.fatal", "12-1.part", "other"] {
            std::fs::write(folder.join(name), b"").unwrap();
        }
        let found = waiting(store.path());
        assert_eq!(
            found,
            [folder.join("12-1.fatal"), folder.join("12-2.fatal")]
        );
    }

    #[test]
    fn a_record_is_tried_twice() {
        let first = tried(Path::new("/fatal/12-1.fatal"));
        assert_eq!(first, Some(PathBuf::from("/fatal/12-1.try1.fatal")));
        let second = tried(&first.unwrap());
        assert_eq!(second, Some(PathBuf::from("/fatal/12-1.try2.fatal")));
        assert_eq!(tried(&second.unwrap()), None);
    }
}

//! Records of fatal signals: a dying process leaves a file in its store, and the next start of a program with that store makes a snapshot of it.
//! What is in them is known to the C library, which writes and reads them.

use std::path::{Path, PathBuf};

/// The folder for records, in a store.
pub const FOLDER: &str = "fatal";
/// The ending of a record's name, which begins with 20 digits of nanoseconds since 1970: names sort by time.
pub const ENDING: &str = ".fatal";
/// With so many entries in the folder, no further record is written.
pub const MOST: usize = 64;
/// How often a record is taken that processes did not live to store.
pub const TRIES: usize = 3;

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

/// What a record is called while it is read, which of its tries that is, counted from 1, in the name. The process may end before the
/// record is stored, because of it or for reasons of its own; one that lives gives it its name back. `None`: there were enough.
#[must_use]
pub fn tried(record: &Path) -> Option<(usize, PathBuf)> {
    let name = record.to_str()?.strip_suffix(ENDING)?;
    let (name, before) = (1..=TRIES)
        .find_map(|tries| Some((name.strip_suffix(&format!(".try{tries}"))?, tries)))
        .unwrap_or((name, 0));
    let now = before + 1;
    (now <= TRIES).then(|| (now, format!("{name}.try{now}{ENDING}").into()))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{FOLDER, TRIES, tried, waiting};

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
    fn a_record_is_tried_three_times() {
        let mut record = PathBuf::from("/fatal/12-1.fatal");
        for number in 1..=TRIES {
            let (now, next) = tried(&record).unwrap();
            assert_eq!(now, number);
            assert_eq!(
                next,
                PathBuf::from(format!("/fatal/12-1.try{number}.fatal"))
            );
            record = next;
        }
        assert_eq!(tried(&record), None);
        assert_eq!(tried(Path::new("/fatal/12-1.part")), None);
    }
}

//! The random key of a store.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use super::SpoolError;
use super::dir::SpoolDir;

/// File of the key.
const KEY_FILE: &str = "token.key";

/// The key for equality tokens in the store at `dir`: 16 random bytes, made when it is first asked for and never written
/// anywhere else. With it one can tell whether two hidden values are equal; without it their tokens say nothing.
///
/// # Errors
///
/// The store cannot be used, or the key cannot be made or read.
pub fn store_key(dir: &Path) -> Result<[u8; 16], SpoolError> {
    let dir = SpoolDir::create(dir)?;
    let path = dir.path().join(KEY_FILE);
    let failed = |action| {
        let path = path.clone();
        move |error| SpoolError::io(&path, action, error)
    };
    if let Some(file) = dir.open_other(KEY_FILE).map_err(failed("open"))? {
        return read(file, &path);
    }
    let mut key = [0; 16];
    getrandom::fill(&mut key)
        .map_err(|error| failed("make")(std::io::Error::other(error.to_string())))?;
    let wrote = |file: &mut File| file.write_all(&key);
    dir.create_other(KEY_FILE, wrote).map_err(failed("make"))?;
    // Another process may have been faster; what is there counts.
    match dir.open_other(KEY_FILE).map_err(failed("open"))? {
        Some(file) => read(file, &path),
        None => Err(SpoolError::io(
            &path,
            "open",
            std::io::Error::from(std::io::ErrorKind::NotFound),
        )),
    }
}

fn read(mut file: File, path: &Path) -> Result<[u8; 16], SpoolError> {
    let mut key = [0; 16];
    file.read_exact(&mut key)
        .map_err(|error| SpoolError::io(path, "read", error))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_store_has_one_key_whoever_asks_first() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = dir.path().join("store");
        let keys: Vec<[u8; 16]> = std::thread::scope(|scope| {
            let ask = || store_key(&store).expect("a key");
            let asked: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            asked
                .into_iter()
                .map(|asked| asked.join().expect("a key"))
                .collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0] && *key != [0; 16]));
        let file = store.join(KEY_FILE);
        let mode = std::fs::metadata(&file)
            .expect("metadata")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            std::fs::read_dir(&store).expect("a list").count(),
            1,
            "nothing is left over"
        );
        assert_ne!(
            store_key(&dir.path().join("other")).expect("a key"),
            keys[0]
        );
        std::fs::write(&file, b"short").expect("written");
        assert!(store_key(&store).is_err());
    }
}

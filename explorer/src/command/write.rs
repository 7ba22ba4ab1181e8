//! Files that people ask for: readable by their owner only, and there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What may be there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    /// Replaced, once the new text is written. Its permissions stay.
    Replace,
    /// Left alone: [`io::ErrorKind::AlreadyExists`].
    Keep,
}

/// Writes a file. It holds values of a program, so a new one is for its owner only, as the store is.
pub(super) fn write(path: &Path, text: &str, existing: Existing) -> io::Result<()> {
    let old = match existing {
        Existing::Keep if fs::symlink_metadata(path).is_ok() => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "it is there already",
            ));
        }
        Existing::Keep => None,
        Existing::Replace => fs::metadata(path).ok(),
    };
    // A pipe or a device is written to, not replaced.
    if old.as_ref().is_some_and(|old| !old.is_file()) {
        return OpenOptions::new()
            .write(true)
            .open(path)?
            .write_all(text.as_bytes());
    }
    // A link stays one.
    let place = match &old {
        Some(_) => fs::canonicalize(path)?,
        None => path.to_owned(),
    };
    let (beside, mut file) = create_beside(&place)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| {
        if let Some(old) = &old {
            file.set_permissions(old.permissions())?;
        }
        file.sync_all()?;
        match existing {
            Existing::Replace => fs::rename(&beside, &place),
            Existing::Keep => link(&beside, &place),
        }
    });
    if written.is_err() || existing == Existing::Keep {
        // After a rename there is nothing left to remove; a link leaves the other name.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// A new file in the same folder.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let mut number = 0;
    loop {
        let name = format!(".stillframe-{}-{number}", std::process::id());
        let beside = path.with_file_name(name);
        let mut options = OpenOptions::new();
        let created = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside);
        match created {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 100 => {
                number += 1;
            }
            created => return Ok((beside, created?)),
        }
    }
}

/// Gives a file its name, unless there is one of that name.
fn link(beside: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(beside, path) {
        // Some file systems have no links.
        Err(error)
            if error.kind() != io::ErrorKind::AlreadyExists
                && fs::symlink_metadata(path).is_err() =>
        {
            fs::rename(beside, path)
        }
        linked => linked,
    }
}

//! What can be wrong with a store, said so that a person can mend it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::record::MAJOR;

/// A store, or a part of one, that cannot be used.
#[derive(Debug)]
pub struct SpoolError {
    path: PathBuf,
    kind: SpoolErrorKind,
}

#[derive(Debug)]
enum SpoolErrorKind {
    Io {
        action: &'static str,
        error: io::Error,
    },
    NoHome,
    OtherOwner {
        owner: u32,
        user: u32,
    },
    WorldWritable,
    OtherMajor {
        major: u8,
    },
    NoRecord {
        offset: u64,
    },
    Damaged {
        offset: u64,
        what: &'static str,
    },
}

impl SpoolError {
    fn new(path: impl Into<PathBuf>, kind: SpoolErrorKind) -> Self {
        Self {
            path: path.into(),
            kind,
        }
    }

    pub(super) fn io(path: &Path, action: &'static str, error: impl Into<io::Error>) -> Self {
        Self::new(
            path,
            SpoolErrorKind::Io {
                action,
                error: error.into(),
            },
        )
    }

    pub(super) fn no_home() -> Self {
        Self::new("", SpoolErrorKind::NoHome)
    }

    pub(super) fn other_owner(path: &Path, owner: u32, user: u32) -> Self {
        Self::new(path, SpoolErrorKind::OtherOwner { owner, user })
    }

    pub(super) fn world_writable(path: &Path) -> Self {
        Self::new(path, SpoolErrorKind::WorldWritable)
    }

    pub(super) fn other_major(path: &Path, major: u8) -> Self {
        Self::new(path, SpoolErrorKind::OtherMajor { major })
    }

    pub(super) fn no_record(path: &Path, offset: u64) -> Self {
        Self::new(path, SpoolErrorKind::NoRecord { offset })
    }

    pub(super) fn damaged(path: &Path, offset: u64, what: &'static str) -> Self {
        Self::new(path, SpoolErrorKind::Damaged { offset, what })
    }

    /// The directory or segment.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the directory or segment does not exist (any more: retention replaces segments, see
    /// [`SpoolReader`](super::SpoolReader)).
    pub fn is_not_found(&self) -> bool {
        self.io_error()
            .is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
    }

    /// Whether a newer, incompatible version wrote the segment.
    pub fn is_other_major(&self) -> bool {
        matches!(self.kind, SpoolErrorKind::OtherMajor { .. })
    }

    /// Whether there is no intact record at the place that was asked for.
    pub fn is_damaged(&self) -> bool {
        matches!(
            self.kind,
            SpoolErrorKind::NoRecord { .. } | SpoolErrorKind::Damaged { .. }
        )
    }

    /// Whether the directory belongs to somebody else, or is open to everybody.
    pub fn is_refused(&self) -> bool {
        matches!(
            self.kind,
            SpoolErrorKind::OtherOwner { .. } | SpoolErrorKind::WorldWritable
        )
    }

    /// The operating system's error, if it was one.
    pub fn io_error(&self) -> Option<&io::Error> {
        match &self.kind {
            SpoolErrorKind::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.kind {
            SpoolErrorKind::Io { action, error } => write!(f, "cannot {action} {path}: {error}"),
            SpoolErrorKind::NoHome => f.write_str(
                "no place for the store: neither HOME nor XDG_STATE_HOME is an absolute path; \
                 set STILLFRAME_DIR",
            ),
            SpoolErrorKind::OtherOwner { owner, user } => write!(
                f,
                "the store {path} belongs to user {owner}, this process runs as user {user}; \
                 set STILLFRAME_DIR to a directory of its own",
            ),
            SpoolErrorKind::WorldWritable => write!(
                f,
                "the store {path} is writable by every user; `chmod o-w` it, or set \
                 STILLFRAME_DIR to another directory",
            ),
            SpoolErrorKind::OtherMajor { major } => write!(
                f,
                "{path} is of spool format {major}, this version reads format {MAJOR}; \
                 use the `stillframe` command of the version that wrote it",
            ),
            SpoolErrorKind::NoRecord { offset } => {
                write!(f, "{path} has no record at offset {offset}")
            }
            SpoolErrorKind::Damaged { offset, what } => {
                write!(
                    f,
                    "the record at offset {offset} of {path} is damaged: {what}"
                )
            }
        }
    }
}

impl std::error::Error for SpoolError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.io_error().map(|error| error as _)
    }
}

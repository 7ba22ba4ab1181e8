//! A store, as the command reads it: the spool that programs write, and the index over it.
//!
//! ```text
//! locate (which directory) -> SpoolReader -> index (brought up to date, or rebuilt) -> query
//! ```
//!
//! A [`Store`] is up to date when it is open. Programs go on writing, and retention goes on replacing segments: a snapshot that is
//! no longer where the index says is looked up again once.

mod error;
mod head;
mod index;
mod locate;
mod query;

use std::fmt;
use std::path::Path;

use stillframe_core::sink::spool::{SpoolError, SpoolReader};

pub use error::StoreError;
pub use index::{FILE as INDEX_FILE, Health, Progress};
pub use locate::{Choice, Place, locate, services};
pub use query::{Among, Candidate, Filter, Found, Issue, Issues, Located, Process, Resolved, hex};

/// Something that a person should know, though it is no error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// Several stores exist and nobody said which.
    NewestOf {
        /// The one that was taken.
        chosen: String,
        /// The others.
        others: Vec<String>,
    },
    /// The index was damaged, or an older version's, and was made anew.
    IndexRebuilt,
    /// The index is of a newer version, so one in memory was used.
    IndexNewer {
        /// Its version.
        version: i32,
    },
    /// No index can be kept in the store.
    IndexInMemory {
        /// Why not.
        why: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewestOf { chosen, others } => {
                let (what, more) = if others.len() > 5 {
                    (&others[..5], ", ...")
                } else {
                    (&others[..], "")
                };
                write!(
                    f,
                    "showing {chosen}, the newest of {}; --service chooses another: {}{more}",
                    others.len() + 1,
                    what.join(", ")
                )
            }
            Self::IndexRebuilt => {
                f.write_str("the index was damaged or out of date; it was made anew from the spool")
            }
            Self::IndexNewer { version } => write!(
                f,
                "the index is of a newer stillframe (schema {version}); it was left alone, and one was made in memory"
            ),
            Self::IndexInMemory { why } => write!(
                f,
                "no index can be kept in the store ({why}); one was made in memory"
            ),
        }
    }
}

/// An open store.
#[derive(Debug)]
pub struct Store {
    spool: SpoolReader,
    index: index::Index,
    notices: Vec<Notice>,
}

impl Store {
    /// Opens the store in `dir` and brings its index up to date; `None` if there is no store.
    ///
    /// # Errors
    ///
    /// The directory cannot be read, or holds segments of a newer major version only.
    pub fn open(dir: &Path, progress: &mut dyn Progress) -> Result<Option<Self>, StoreError> {
        let spool = match SpoolReader::open(dir) {
            Ok(spool) => spool,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if spool.segments()?.is_empty() {
            return Ok(None);
        }
        let mut notices = Vec::new();
        let index = index::Index::open(&spool, progress, &mut notices)?;
        Ok(Some(Self {
            spool,
            index,
            notices,
        }))
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        self.spool.path()
    }

    /// What a person should know of how it was opened.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// Issues, the newest first.
    ///
    /// # Errors
    ///
    /// The index cannot be read.
    pub fn issues(&self, filter: &Filter) -> Result<Issues, StoreError> {
        self.index.issues(filter)
    }

    /// The newest snapshots.
    ///
    /// # Errors
    ///
    /// The index cannot be read.
    pub fn recent(&self, limit: u32) -> Result<Vec<Candidate>, StoreError> {
        self.index.recent(limit)
    }

    /// Snapshots, the newest first.
    ///
    /// # Errors
    ///
    /// The index cannot be read.
    pub fn snapshots(&self, among: &Among<'_>) -> Result<Vec<Found>, StoreError> {
        self.index.snapshots_among(among)
    }

    /// The issue with this key.
    ///
    /// # Errors
    ///
    /// The index cannot be read.
    pub fn issue(&self, key: &[u8; 16]) -> Result<Option<Issue>, StoreError> {
        self.index.issue(key)
    }

    /// The issue of the snapshot with this id.
    ///
    /// # Errors
    ///
    /// The index cannot be read.
    pub fn issue_of(&self, id: &[u8; 16]) -> Result<Option<Issue>, StoreError> {
        self.index.issue_of(id)
    }

    /// What `reference` means: `latest`, the start of an id as it is shown, of an issue's key, or a whole id.
    ///
    /// # Errors
    ///
    /// The index cannot be read.
    pub fn resolve(&self, reference: &str, service: Option<&str>) -> Result<Resolved, StoreError> {
        self.index.resolve(reference, service)
    }

    /// The stored form of a snapshot. If retention has moved it meanwhile, it is looked up again.
    ///
    /// # Errors
    ///
    /// It is gone, or damaged.
    pub fn payload(&mut self, found: &Located) -> Result<Vec<u8>, StoreError> {
        let gone = |error: &SpoolError| error.is_not_found() || error.is_damaged();
        match self.spool.read(&found.segment, found.offset) {
            Ok(payload) => Ok(payload),
            Err(error) if gone(&error) => {
                self.index.update(&self.spool)?;
                match self.index.resolve(&hex(&found.id), None)? {
                    Resolved::Snapshot(found) => {
                        Ok(self.spool.read(&found.segment, found.offset)?)
                    }
                    _ => Err(StoreError::new(
                        "the snapshot was removed meanwhile, to keep the store within its bound",
                    )),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// As [`Store::payload`], into a buffer that is cleared first.
    ///
    /// # Errors
    ///
    /// As [`Store::payload`].
    pub fn payload_into(
        &mut self,
        found: &Located,
        payload: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        if self
            .spool
            .read_into(&found.segment, found.offset, payload)
            .is_err()
        {
            *payload = self.payload(found)?;
        }
        Ok(())
    }

    /// How the exception of a snapshot that says it was handled was met at last, if nobody handled it.
    ///
    /// # Errors
    ///
    /// The index cannot be read.
    pub fn uncaught(&self, found: &Located) -> Result<Option<String>, StoreError> {
        self.index.uncaught(&found.id)
    }

    /// Processes that used the store, the newest first.
    ///
    /// # Errors
    ///
    /// The index cannot be read.
    pub fn processes(&self, limit: usize) -> Result<Vec<Process>, StoreError> {
        self.index.processes(limit)
    }

    /// What is wrong in the spool.
    ///
    /// # Errors
    ///
    /// The index cannot be read.
    pub fn health(&self) -> Result<Health, StoreError> {
        self.index.health()
    }
}

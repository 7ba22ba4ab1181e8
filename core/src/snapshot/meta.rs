//! What stands beside a tape: from the host, and from the background.

use std::sync::Arc;

use super::SnapshotId;
use crate::language::Language;
use crate::reason::Reason;

/// The process that an exception comes from; one for all of its snapshots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Service name.
    pub service: String,
    /// Deployment environment.
    pub env: Option<String>,
    /// Version of the service.
    pub version: Option<String>,
    /// Host name.
    pub host: Option<String>,
    /// Process id.
    pub pid: u32,
    /// Language of the program.
    pub language: Language,
    /// Version of its runtime, as `3.11.7`.
    pub runtime_version: Option<String>,
}

/// The thread that raised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    /// Its number, as the host counts threads.
    pub id: u64,
    /// Its name.
    pub name: Option<String>,
}

/// Value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeValue {
    /// Text.
    Text(String),
    /// An integer.
    Int(i64),
    /// A number. One that is not finite is written as text (`nan`, `inf`, `-inf`).
    Float(f64),
    /// A boolean.
    Bool(bool),
}

impl From<&str> for AttributeValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A session of the user in another system, where the same moment can be watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionLink {
    /// Name of the attribute that it came by, as `openReplaySessionToken`.
    pub name: String,
    /// The session's id there.
    pub id: String,
    /// Address of its page, if a template for it is configured.
    pub url: Option<String>,
}

/// What a host hands over beside a tape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta {
    /// Id of the snapshot; [`SnapshotId::generate`] makes one.
    pub id: SnapshotId,
    /// When the exception was captured, in ns since 1970.
    pub timestamp_ns: u64,
    /// The process.
    pub process: Arc<Process>,
    /// The thread.
    pub thread: Option<Thread>,
    /// Whether the program handled the exception.
    pub handled: bool,
    /// By which way it was met: `excepthook`, `logging`, `wsgi`, ...
    pub mechanism: Option<String>,
    /// Trace that was active.
    pub trace_id: Option<u128>,
    /// Span that was active.
    pub span_id: Option<u64>,
    /// Attributes of the request, tags of the application.
    pub attributes: Vec<(String, AttributeValue)>,
    /// Whom it happened to: `id`, `name`, `email`, ...
    pub user: Vec<(String, AttributeValue)>,
    /// Sessions of that user elsewhere.
    pub session_links: Vec<SessionLink>,
    /// Grouping asked for by the application; parts may hold templates as `{{ default }}`.
    pub fingerprint: Option<Vec<String>>,
}

/// The issue that a snapshot belongs to, as far as the background knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grouping {
    /// Key of the issue, 32 hex digits.
    pub key: String,
    /// Key of the raise site inside the issue, 32 hex digits.
    pub sub_key: Option<String>,
    /// Version of the algorithm.
    pub version: u32,
    /// Whether the key comes from [`Meta::fingerprint`] or a rule.
    pub overridden: bool,
    /// What the key was made of, in one line.
    pub explanation: Option<String>,
}

/// Source lines around a frame's line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameSource {
    /// Number of the first of the lines, from 1.
    pub first_line: u32,
    /// The lines, redacted.
    pub lines: Vec<String>,
    /// Hash of the whole file.
    pub hash: Option<String>,
    /// The file on disk is not the one that the program runs.
    pub stale: bool,
}

/// An attribute that is missing, hidden or cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeGap {
    /// Its name; `None` for `count` attributes over the limit.
    pub name: Option<String>,
    /// How many.
    pub count: u32,
    /// Why.
    pub reason: Reason,
    /// Rule that hid it.
    pub rule: Option<String>,
}

/// What the background adds to a snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extras {
    /// The issue.
    pub grouping: Option<Grouping>,
    /// Source lines per frame, in the order of the frames on the tape; may be shorter than the frames are many.
    pub sources: Vec<Option<FrameSource>>,
    /// Attributes (or members of the user) that are not shown, or not whole.
    pub attribute_gaps: Vec<AttributeGap>,
    /// What was hidden or cut outside the tape (attributes, source lines), for the receipt. What is on the tape is counted by the
    /// encoder.
    pub counts: ReasonCounts,
}

/// A number of places per reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReasonCounts([u32; Reason::ALL.len()]);

impl ReasonCounts {
    /// Counts one place more.
    #[inline]
    pub fn add(&mut self, reason: Reason) {
        let count = &mut self.0[reason as usize - 1];
        *count = count.saturating_add(1);
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count = count.saturating_add(more);
        }
    }

    /// Places of this reason.
    #[must_use]
    pub const fn get(&self, reason: Reason) -> u32 {
        self.0[reason as usize - 1]
    }

    /// Reasons that occurred, in the order of their codes.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u32)> {
        Reason::ALL
            .into_iter()
            .zip(self.0)
            .filter(|(_, count)| *count > 0)
    }
}

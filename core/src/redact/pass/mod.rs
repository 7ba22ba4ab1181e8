//! The redact stage proper: a raw tape and the texts beside it go in, a clean tape and clean texts come out.
//!
//! ```text
//! raw tape ─ structure ─> what names and pairs hide ─┐
//!          └ collect ──> all text in one arena ─ scan ┴─ rewrite ─> clean tape
//! ```
//!
//! 1. *structure*: names of fields, variables and map keys are checked again (a foreign walker is not trusted), and what only
//!    shows in the tree is found: `["password", x]` pairs, `{"name": "token", "value": x}` records, references to hidden containers.
//! 2. *collect*: every text of the snapshot goes into one arena: values, names, numbers of nine digits and more, bytes, functions, files,
//!    source lines, attributes. What a cut text has behind its cut goes with it.
//! 3. *scan*: detectors and user rules run once over the arena, then the aliases: text that a name hid, wherever else it stands.
//! 4. *rewrite*: a new tape is written without the hidden values and their subtrees, with secrets replaced inside text, all text in
//!    UTF-8, nothing beyond a cut, and no alias.
//!
//! Everything behind this stage takes a [`CleanTape`], which nothing else can make.

mod collect;
mod finding;
mod rewrite;
mod structure;

use super::{AliasKey, Arena, Hit, Mode, Redactor, ScanBudget};
use crate::reason::Reason;
use crate::snapshot::ReasonCounts;
use crate::tape::{Tape, TapeError, TapeWriter};

/// A tape on which nothing is left that a rule hides.
#[derive(Clone, Debug)]
pub struct CleanTape {
    bytes: Vec<u8>,
}

impl CleanTape {
    /// The tape's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The tape for reading.
    ///
    /// # Errors
    ///
    /// Only if the pass wrote a tape that its own reader refuses, which is a bug.
    pub fn read(&self) -> Result<Tape<'_>, TapeError> {
        Tape::parse(&self.bytes)
    }
}

/// A text beside the tape that must not leave unchecked: a source line, an attribute, a tag.
#[derive(Clone, Copy, Debug, Default)]
pub struct SideText<'a> {
    /// The name under which it will be shown, if it has one (an attribute's key, a header).
    pub name: Option<&'a str>,
    /// The text.
    pub text: &'a str,
    /// Whether it is program source.
    pub is_code: bool,
    /// Whether there was more of it: then a secret may be cut at its end.
    pub cut: bool,
    /// Whether it may be a copy of what a name hid: somebody wants it to be shown here.
    pub keeps_copies: bool,
}

/// A [`SideText`] after redaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanText {
    /// What may be shown; empty when all of it is hidden.
    pub text: String,
    /// Why something of it is hidden, and by which rule.
    pub hidden: Option<(Reason, String)>,
}

/// Result of the stage.
#[derive(Clone, Debug)]
pub struct Cleaned {
    /// The clean tape.
    pub tape: CleanTape,
    /// The clean side texts, in the order of the input.
    pub texts: Vec<CleanText>,
    /// What is hidden or cut on the tape.
    pub counts: ReasonCounts,
    /// What is hidden in the side texts.
    pub side_counts: ReasonCounts,
}

/// Runs the stage; keeps its memory between snapshots.
#[derive(Debug, Default)]
pub struct Cleaner {
    arena: Arena,
    hits: Vec<Hit>,
    writer: TapeWriter,
}

impl Cleaner {
    /// A cleaner without memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cleans one snapshot. `aliases` is the key with which the walker hashed hidden text, if it did.
    ///
    /// # Errors
    ///
    /// Only if the result does not fit a tape at all; nothing is shown then.
    pub fn clean(
        &mut self,
        raw: &Tape<'_>,
        sides: &[SideText<'_>],
        redactor: &Redactor,
        aliases: Option<&AliasKey>,
    ) -> Result<Cleaned, CleanError> {
        let structure = structure::find(raw, sides, redactor, aliases);
        self.arena.clear();
        self.hits.clear();
        let mut unscanned = Vec::new();
        if redactor.mode() != Mode::Off {
            collect::collect(raw, &structure, sides, redactor, &mut self.arena);
            let outcome = redactor.scan(&self.arena, &mut ScanBudget::default(), &mut self.hits);
            unscanned.extend(outcome.unscanned());
            if let Some(key) = aliases {
                key.find(&self.arena, &structure.aliases, &mut self.hits);
            }
        }
        let texts = finding::Texts::new(&self.hits, &unscanned);
        rewrite::rewrite(raw, &structure, sides, redactor, texts, &mut self.writer)
    }
}

/// A snapshot that could not be cleaned, and so is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanError;

impl std::fmt::Display for CleanError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the clean tape would be longer than a tape may be")
    }
}

impl std::error::Error for CleanError {}

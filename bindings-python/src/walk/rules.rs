//! What must not be read: the redaction rules as the walk asks them.
//!
//! Names that a program's code fixes (variables, fields) are asked about once and the answer kept beside the code object or type.
//! Names that are data (dict keys) are asked about when they come by; a small memo of harmless ones, found by the hash that the
//! interpreter keeps in each string, makes the usual answer cheap.

use stillframe_core::redact::{AliasKey, NameHit, Redactor, ValueKind};

/// Half as many harmless names as are remembered.
const MEMO_SETS: usize = 1024;

/// Characters of a name that are asked about: more than the redactor's limit, over which it hides a name whatever it is. The tape cuts
/// names by itself.
pub(super) const NAME_MAX: usize = 600;

/// A name under which values are hidden.
#[derive(Clone, Debug)]
pub(super) struct Hidden {
    rule: Box<str>,
    /// One bit per [`ValueKind`].
    kinds: u8,
}

const KINDS: [ValueKind; 4] = [
    ValueKind::Null,
    ValueKind::Bool,
    ValueKind::Number,
    ValueKind::Other,
];

impl Hidden {
    fn new(hit: &NameHit<'_>) -> Self {
        let kinds = KINDS
            .into_iter()
            .filter(|&kind| hit.hides(kind))
            .fold(0, |bits, kind| bits | 1 << kind as u8);
        Self {
            rule: hit.word().into(),
            kinds,
        }
    }

    pub(super) const fn hides(&self, kind: ValueKind) -> bool {
        self.kinds & 1 << kind as u8 != 0
    }

    pub(super) fn rule(&self) -> &str {
        &self.rule
    }
}

/// The rules in force during one capture.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) redactor: &'a Redactor,
    pub(super) alias_key: Option<&'a AliasKey>,
}

impl Rules<'_> {
    pub(super) fn name(&self, name: &[u8]) -> Option<Hidden> {
        self.redactor.name(name).map(|hit| Hidden::new(&hit))
    }

    pub(super) fn type_name(&self, name: &[u8]) -> Option<Box<str>> {
        let name = std::str::from_utf8(name).ok()?;
        self.redactor.type_name(name).map(Into::into)
    }
}

/// Hashes of names that hide nothing: sets of two, the newer one first.
pub(super) struct Memo {
    harmless: Box<[[u64; 2]; MEMO_SETS]>,
}

impl Default for Memo {
    fn default() -> Self {
        Self {
            harmless: Box::new([[0; 2]; MEMO_SETS]),
        }
    }
}

impl Memo {
    #[inline]
    pub(super) fn is_harmless(&self, hash: u64) -> bool {
        let [newer, older] = self.harmless[hash as usize % MEMO_SETS];
        (newer == hash || older == hash) && hash != 0
    }

    pub(super) fn remember(&mut self, hash: u64) {
        let set = &mut self.harmless[hash as usize % MEMO_SETS];
        *set = [hash, set[0]];
    }

    pub(super) fn forget(&mut self) {
        self.harmless.fill([0; 2]);
    }
}

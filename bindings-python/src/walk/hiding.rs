//! Values under names: hidden where a rule says so, before anything of them is read.

use pyo3_ffi as ffi;
use stillframe_core::reason::Reason;
use stillframe_core::redact::ValueKind;

use super::capture::Walk;
use super::container::Key;
use super::known::Shown;
use super::object::{Int, Obj, Str, flags};
use super::rules::{Hidden, NAME_MAX};
use super::text::Text;

/// Longest text whose equals elsewhere are hidden with it.
const ALIAS_MAX: usize = 4096;
const ALIAS_MIN: usize = 6;

impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    /// Whether a key is remembered as a name that hides nothing.
    #[inline]
    pub(super) fn is_harmless(&self, key: Obj<'g>) -> bool {
        match Str::exact(key) {
            Some(name) => name
                .hash::<DIRECT>()
                .is_some_and(|hash| self.state.memo.is_harmless(hash)),
            // A number hides nothing.
            None => Int::exact(key).is_some(),
        }
    }

    /// What is hidden under a key, if it is a name that hides.
    #[inline]
    pub(super) fn hidden_key(&mut self, key: Obj<'g>) -> Option<Hidden> {
        if self.is_harmless(key) {
            return None;
        }
        self.judge_key(key)
    }

    #[inline(never)]
    fn judge_key(&mut self, key: Obj<'g>) -> Option<Hidden> {
        let key = Key::of::<DIRECT>(key, &mut self.state.scratch)?;
        let hash = match &key {
            Key::Text(_, hash) | Key::Bytes(_, hash) => *hash,
        };
        if hash.is_some_and(|hash| self.state.memo.is_harmless(hash)) {
            return None;
        }
        let hidden = match key {
            Key::Text(Text::Ascii(name), _) | Key::Bytes(name, _) => self.rules.name(name),
            Key::Text(text, _) => {
                let mut name = Vec::new();
                text.push_utf8(NAME_MAX, &mut name);
                self.rules.name(&name)
            }
        };
        if let (None, Some(hash)) = (&hidden, hash) {
            self.state.memo.remember(hash);
        }
        hidden
    }

    /// What kind of value rules about names see.
    pub(super) fn kind_of(&self, object: Obj<'g>) -> ValueKind {
        let class = object.class();
        if object.is(self.facts.none) {
            ValueKind::Null
        } else if class.is(&raw const ffi::PyBool_Type) {
            ValueKind::Bool
        } else if class.has(flags::INT) || class.derives(&raw const ffi::PyFloat_Type) {
            ValueKind::Number
        } else {
            ValueKind::Other
        }
    }

    /// A value that is hidden because of its name. Nothing of it is read, except that the hash of a text is taken where equal text
    /// elsewhere is to be hidden too.
    #[cold]
    pub(super) fn redacted(&mut self, object: Obj<'g>, rule: &str) {
        let alias = self.alias(object);
        let type_id = self.type_id(object);
        self.out
            .redacted(Reason::RedactedIdent, type_id, rule, alias);
    }

    fn alias(&mut self, object: Obj<'g>) -> Option<(u32, u64)> {
        let key = self.rules.alias_key?;
        let text = Str::of(object)?;
        let mut scratch = std::mem::take(&mut self.state.scratch.utf8);
        scratch.clear();
        let text = text.text::<DIRECT>(&mut self.state.scratch);
        let whole = text.length() <= ALIAS_MAX;
        let lossy = whole && text.push_utf8(ALIAS_MAX, &mut scratch);
        let alias = (whole && !lossy && scratch.len() >= ALIAS_MIN)
            .then(|| (scratch.len() as u32, key.hash(&scratch)));
        self.state.scratch.utf8 = scratch;
        alias
    }

    /// A named value in a group with names. `false` once the budget is spent.
    #[inline]
    pub(super) fn named(
        &mut self,
        name: &[u8],
        hidden: Option<&Hidden>,
        value: Obj<'g>,
        depth: u32,
    ) -> bool {
        if !self.out.name(name) {
            return false;
        }
        match hidden {
            Some(hidden) if hidden.hides(self.kind_of(value)) => {
                self.tick();
                self.redacted(value, hidden.rule());
            }
            _ => self.value(value, depth),
        }
        true
    }

    /// Like [`Walk::named`], for a name that is data.
    pub(super) fn entry(&mut self, key: Obj<'g>, value: Obj<'g>, depth: u32) -> bool {
        let hidden = self.hidden_key(key);
        let mut name = std::mem::take(&mut self.state.scratch.utf8);
        name.clear();
        match Str::of(key) {
            Some(key) => {
                key.text::<DIRECT>(&mut self.state.scratch)
                    .push_utf8(NAME_MAX, &mut name);
            }
            None => name.extend_from_slice(b"<key that is no str>"),
        }
        let written = self.named(&name, hidden.as_ref(), value, depth);
        name.clear();
        self.state.scratch.utf8 = name;
        written
    }

    /// A named part that has been made ready: `shown` writes the value.
    pub(super) fn part(&mut self, name: &str, shown: Shown<'g>, depth: u32) -> bool {
        if !self.out.name(name.as_bytes()) {
            return false;
        }
        self.show(shown, depth);
        true
    }
}

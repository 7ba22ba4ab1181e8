//! Copies of a text that a name hides: what finds them elsewhere in the snapshot.
//!
//! A report only says what to look for, by a length and a keyed hash: the redact stage finds the copies, in the message too. The record of a
//! fatal signal is stored before that stage runs, by a process whose key ends with it. So there the walk is made twice, the second time
//! without the copies of what the first one hid, and the record has neither them nor a hash.

use stillframe_core::reason::Reason;
use stillframe_core::redact::{AliasKey, MARKER, MIN_WHOLE, Mode};
use stillframe_core::tape::{TapeWriter, TypeId};

use super::layout::{KIND_CHAR, KIND_STRING, KIND_TO, KIND_VIEW};
use super::text::Ends;
use super::value::{Given, MAX_FOLLOWED};
use super::walk::Walk;

/// Longest text, in bytes, whose copies are looked for.
pub(crate) const ALIAS_MAX: usize = 4096;
/// The rule that hides them, as the redact stage calls it.
const RULE: &str = "alias";

/// What is looked for while a tape is written: nothing, where somebody else does it later.
#[derive(Clone, Copy)]
pub(crate) struct Copies<'c>(Option<(&'c AliasKey, &'c [(u32, u64)])>);

impl<'c> Copies<'c> {
    pub(crate) fn of(key: Option<&'c AliasKey>, aliases: &'c [(u32, u64)]) -> Self {
        Self(
            key.filter(|_| !aliases.is_empty())
                .map(|key| (key, aliases)),
        )
    }

    /// Replaces each copy in a text by a mark; `true`: all of the text is one. `is_whole`: nothing of it comes behind.
    pub(crate) fn hide_in(self, text: &mut Vec<u8>, is_whole: bool) -> bool {
        let Some((key, aliases)) = self.0 else {
            return false;
        };
        let mut at = 0;
        while let Some(copy) = key.first_copy(text, at, aliases) {
            if is_whole && copy == (0..text.len()) {
                return true;
            }
            // In its own place, without memory for more: where there is none for the mark, as much of it as fits.
            let tail = text.len() - copy.end;
            let is_room = copy.start + MARKER.len() + tail <= text.capacity();
            let length = if is_room { MARKER.len() } else { copy.len() };
            let mark = MARKER.as_bytes().iter().chain(std::iter::repeat(&b'*'));
            let to = copy.start + length;
            text.resize((to + tail).max(text.len()), 0);
            text.copy_within(copy.end..copy.end + tail, to);
            text.truncate(to + tail);
            for (byte, of_mark) in text[copy.start..to].iter_mut().zip(mark) {
                *byte = *of_mark;
            }
            at = to;
        }
        false
    }

    /// Whether binary data has a copy in it.
    pub(crate) fn are_in(self, bytes: &[u8]) -> bool {
        self.0
            .is_some_and(|(key, aliases)| key.first_copy(bytes, 0, aliases).is_some())
    }

    /// Writes what stands for a value that is a copy.
    pub(crate) fn instead(self, writer: &mut TapeWriter, type_id: TypeId) {
        writer.redacted(Reason::RedactedValue, type_id, RULE, None);
    }
}

impl Walk<'_> {
    /// The length and the hash of a text that a name hides, to be written in its place; `None`: it is no text, or none that is looked for.
    pub(crate) fn alias(&mut self, given: &Given) -> Option<(u32, u64)> {
        let key = self.alias_key?;
        // No text is shown, or every one.
        if self.redactor.mode() != Mode::Normal {
            return None;
        }
        let (at, ends) = self.text_of(given)?;
        let tools = &mut *self.tools;
        let text = tools.text.whole(&mut tools.memory, at, ends, ALIAS_MAX)?;
        if text.len() < MIN_WHOLE as usize {
            return None;
        }
        let alias = (text.len() as u32, key.hash(text));
        if !self.hides_copies {
            return Some(alias);
        }
        let known = &mut tools.aliases;
        if known.len() < known.capacity() && !known.contains(&alias) {
            known.push(alias);
        }
        None
    }

    /// Where the text of a variable or member lies, if it is one, whatever points to it.
    fn text_of(&mut self, given: &Given) -> Option<(usize, Ends)> {
        let mut known = self.known(given.kind)?;
        let one = known.layout.size as usize;
        if known.layout.kind == KIND_CHAR && given.size != one {
            let count = if given.size == 0 {
                given.count
            } else {
                given.size
            };
            return Some((given.address, Ends::ZeroWithin(count)));
        }
        let mut address = (given.size == one).then_some(given.address)?;
        for _ in 0..MAX_FOLLOWED {
            match known.layout.kind {
                KIND_STRING | KIND_TO => {
                    let target = self.tools.memory.get::<usize>(address)?;
                    if target == 0 {
                        return None;
                    }
                    if known.layout.kind == KIND_STRING {
                        return Some((target, Ends::Zero));
                    }
                    known = self.known(known.layout.item)?;
                    address = target;
                }
                KIND_VIEW => {
                    let view = self.look(known, address).ok()?;
                    known = self.known(view.item)?;
                    let is_text = known.layout.kind == KIND_CHAR && known.layout.size == 1;
                    if view.single == 0 {
                        return is_text.then_some((view.items, Ends::After(view.count)));
                    }
                    address = (view.count > 0).then_some(view.items)?;
                }
                _ => return None,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use stillframe_core::redact::AliasKey;

    use super::Copies;

    fn hidden(text: &str, secrets: &[&str], room: usize) -> Option<String> {
        let key = AliasKey::from_seed(5);
        let alias = |secret: &&str| (secret.len() as u32, key.hash(secret.as_bytes()));
        let aliases: Vec<_> = secrets.iter().map(alias).collect();
        let mut bytes = Vec::with_capacity(room);
        bytes.extend_from_slice(text.as_bytes());
        let capacity = bytes.capacity();
        let all = Copies::of(Some(&key), &aliases).hide_in(&mut bytes, true);
        assert_eq!(bytes.capacity(), capacity, "nothing is allocated");
        (!all).then(|| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn copies_are_replaced_where_they_stand() {
        let secrets = ["hunter22", "correct-horse-battery"];
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(hidden("hunter22", &secrets, 64), None);
        assert_eq!(hidden("hunter223", &secrets, 64), text("hunter223"));
        assert_eq!(
            hidden("a=hunter22, b=correct-horse-battery.", &secrets, 64),
            text("a=[redacted], b=[redacted].")
        );
        assert_eq!(
            hidden("hunter22 hunter22", &secrets, 64),
            text("[redacted] [redacted]")
        );
    }

    #[test]
    fn without_room_the_mark_is_cut() {
        for (room, shown) in [
            (17, "[redacte [redacte"),
            (19, "[redacted] [redacte"),
            (21, "[redacted] [redacted]"),
        ] {
            let hidden = hidden("hunter22 hunter22", &["hunter22"], room);
            assert_eq!(hidden.as_deref(), Some(shown));
        }
        let long = "correct-horse-battery";
        let hidden = hidden(&format!("a {long}"), &[long], 0);
        assert_eq!(hidden.as_deref(), Some("a [redacted]"));
    }
}

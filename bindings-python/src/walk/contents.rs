//! The contents of built-in collections: items, entries, pairs, records.
//!
//! Keys are names: a value under a sensitive key is not read, nor is the second of a pair like `("authorization", "...")`, nor the value of
//! a record like `{"name": "password", "value": ...}`.

use stillframe_core::reason::Reason;
use stillframe_core::tape::TypeId;

use super::capture::Walk;
use super::container::Sequence;
use super::instance::{Attributes, attributes};
use super::object::{Dict, Obj, Set, Str};
use super::rules::Hidden;

/// Keys under which a record keeps a name.
const RECORD_NAMES: [&[u8]; 3] = [b"name", b"key", b"header"];
/// Entries of a record at most.
const RECORD_MAX: usize = 8;

impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    /// Items of a list or tuple.
    pub(super) fn sequence(&mut self, items: Sequence<'g>, depth: u32) {
        let shown = items.length.min(self.limits.items as usize);
        if items.length == 2 && shown == 2 && self.pair(items, depth) {
            return;
        }
        for index in 0..shown {
            if self.halted() {
                return self.cut(Some(items.length - index));
            }
            match items.get(index) {
                Some(item) => self.value(item, depth),
                None => self.unset(),
            }
        }
        self.gap(Reason::CollectionSize, Some(items.length - shown));
    }

    /// A pair like `("authorization", "...")`: its first item is a name for the second.
    pub(super) fn pair(&mut self, items: Sequence<'g>, depth: u32) -> bool {
        let (Some(name), Some(value)) = (items.get(0), items.get(1)) else {
            return false;
        };
        let Some(hidden) = self.hidden_key(name) else {
            return false;
        };
        if !hidden.hides(self.kind_of(value)) {
            return false;
        }
        self.value(name, depth);
        self.redacted(value, hidden.rule());
        true
    }

    pub(super) fn unset(&mut self) {
        self.out.skipped(Reason::Unbound, TypeId::default(), None);
    }

    /// Entries of a dict.
    pub(super) fn entries(&mut self, dict: Dict<'g>, depth: u32) {
        let size = dict.length::<DIRECT>();
        let limit = self.limits.items as usize;
        let mut entries = dict.entries::<DIRECT>();
        let mut shown = 0;
        while shown < limit {
            let Some((key, value)) = entries.next() else {
                break;
            };
            if self.halted() {
                return self.cut(Some(size.saturating_sub(shown)));
            }
            if self.is_harmless(key) && (size > RECORD_MAX || !self.is_record_value(key)) {
                self.value(key, depth);
                self.value(value, depth);
            } else {
                self.doubtful_entry(dict, key, value, depth);
            }
            shown += 1;
        }
        self.rest(entries.gave_up(), size.saturating_sub(shown));
    }

    /// An entry whose key may be a name that hides.
    #[inline(never)]
    fn doubtful_entry(&mut self, dict: Dict<'g>, key: Obj<'g>, value: Obj<'g>, depth: u32) {
        let mut hidden = self.hidden_key(key);
        if hidden.is_none() && self.is_record_value(key) {
            hidden = self.hidden_record(dict);
        }
        self.value(key, depth);
        match hidden {
            Some(hidden) if hidden.hides(self.kind_of(value)) => {
                self.redacted(value, hidden.rule());
            }
            _ => self.value(value, depth),
        }
    }

    /// What is hidden in a record like `{"name": "password", "value": ...}`.
    #[cold]
    fn hidden_record(&mut self, dict: Dict<'g>) -> Option<Hidden> {
        RECORD_NAMES
            .iter()
            .find_map(|name| self.hidden_key(dict.find::<DIRECT>(name)?))
    }

    #[inline]
    fn is_record_value(&self, key: Obj<'g>) -> bool {
        Str::of(key).is_some_and(|key| key.is_ascii::<DIRECT>(b"value"))
    }

    /// Items of a set.
    pub(super) fn members(&mut self, set: Set<'g>, depth: u32) {
        let size = set.length::<DIRECT>();
        let mut members = set.members::<DIRECT>();
        let mut shown = 0;
        while shown < self.limits.items as usize {
            let Some(item) = members.next() else { break };
            if self.halted() {
                return self.cut(Some(size.saturating_sub(shown)));
            }
            self.value(item, depth);
            shown += 1;
        }
        self.rest(members.gave_up(), size.saturating_sub(shown));
    }

    /// What a collection has besides what was shown: more than may be, or what was not found among the holes of its table.
    pub(super) fn rest(&mut self, gave_up: bool, missing: usize) {
        let reason = if gave_up {
            Reason::Unreadable
        } else {
            Reason::CollectionSize
        };
        self.gap(reason, Some(missing));
    }

    /// Says that an object shown as a collection has attributes, too, if it has: the tape has no place for them there.
    pub(super) fn attributes_beside(&mut self, object: Obj<'g>) {
        let class = object.class();
        if !class.is_heap() || self.halted() {
            return;
        }
        let plan = self.plan(object);
        let has_some = match attributes::<DIRECT>(object, &plan) {
            Attributes::None => false,
            Attributes::Dict(dict) => dict.length::<DIRECT>() > 0,
            Attributes::Values(values) => values.count > 0,
        };
        let facts = self.facts;
        let in_slots = || {
            let of_python = class.line().filter(|class| facts.is_python_class(*class));
            of_python
                .flat_map(|class| class.members().filter(|member| member.is_object()))
                // SAFETY: the class says that its instances have an object pointer there.
                .any(|member| unsafe { object.slot(member.offset) }.is_some())
        };
        if has_some || in_slots() {
            self.gap(Reason::Unreadable, None);
        }
    }
}

//! Objects of object-relational mappers: what was loaded, without the mapper's bookkeeping.
//!
//! What is not loaded is not in the instance's storage and so is not there; nothing is ever fetched. SQLAlchemy's class knows what it
//! maps, so there the names of the missing are told, and whether the session has taken their values back (a commit or a rollback does).
//! A query that was not run is told as such.

use stillframe_core::reason::Reason;

use super::super::capture::Walk;
use super::super::instance::{Attributes, attributes};
use super::super::object::{Class, Dict, Obj, Set, Str};
use super::super::plan::Plan;
use super::super::rules::NAME_MAX;
use super::Shown;

/// Attributes that are the mapper's own.
const OWN: [&[u8]; 3] = [b"_sa_instance_state", b"_state", b"__weakref__"];

/// Expired names that are looked at.
const EXPIRED_MAX: usize = 512;

/// Whether SQLAlchemy maps the class: it says so in the class's namespace.
pub(super) fn is_mapped<const DIRECT: bool>(class: Class<'_>) -> bool {
    class.namespace().is_some_and(|namespace| {
        namespace.find::<DIRECT>(b"_sa_class_manager").is_some()
            || namespace.find::<DIRECT>(b"__mapper__").is_some()
    })
}

impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    pub(super) fn model(&mut self, object: Obj<'g>, plan: &Plan, depth: u32) {
        let mut left = self.limits.fields as usize;
        let mut held = Vec::new();
        match attributes::<DIRECT>(object, plan) {
            Attributes::None => {}
            Attributes::Values(values) => {
                for (index, value) in values.each() {
                    let Some(field) = plan.shared.get(index) else {
                        continue;
                    };
                    let name = plan.names.get(field);
                    if OWN.contains(&name) {
                        continue;
                    }
                    if left == 0 {
                        return self.gap(Reason::FieldCount, None);
                    }
                    left -= 1;
                    held.push(name.to_vec());
                    if self.halted() || !self.named(name, field.hidden.as_deref(), value, depth) {
                        return self.cut(None);
                    }
                }
            }
            Attributes::Dict(dict) => {
                let mut entries = dict.entries::<DIRECT>();
                while let Some((key, value)) = entries.next() {
                    let own = Str::of(key)
                        .is_some_and(|key| OWN.iter().any(|own| key.is_ascii::<DIRECT>(own)));
                    if own {
                        continue;
                    }
                    if left == 0 {
                        return self.gap(Reason::FieldCount, None);
                    }
                    left -= 1;
                    held.extend(Str::of(key).map(|key| key.to_utf8::<DIRECT>(NAME_MAX)));
                    if self.halted() || !self.entry(key, value, depth) {
                        return self.cut(None);
                    }
                }
            }
        }
        self.not_loaded(object, &held, depth, left);
    }

    /// What SQLAlchemy maps and the instance does not hold. Asking the program's way would run a query.
    fn not_loaded(&mut self, object: Obj<'g>, held: &[Vec<u8>], depth: u32, mut left: usize) {
        let manager = object
            .class()
            .namespace()
            .and_then(|namespace| namespace.find::<DIRECT>(b"_sa_class_manager"))
            .and_then(Dict::of);
        let (Some(manager), Some(state)) = (manager, self.attribute(object, b"_sa_instance_state"))
        else {
            return;
        };
        let expired = self.expired(state);
        let mut entries = manager.entries::<DIRECT>();
        while let Some((key, attribute)) = entries.next() {
            let Some(name) = Str::of(key).map(|key| key.to_utf8::<DIRECT>(NAME_MAX)) else {
                continue;
            };
            // What stands for others has nothing of its own: a synonym, a composite.
            let proxy = self.attribute(attribute, b"original_property").is_some();
            if proxy || held.contains(&name) {
                continue;
            }
            if left == 0 {
                return self.gap(Reason::FieldCount, None);
            }
            left -= 1;
            let why = if expired.contains(&name) {
                "expired"
            } else {
                "not loaded"
            };
            if self.halted() || !self.out.name(&name) {
                return self.cut(None);
            }
            self.show(Shown::Text(why.into()), depth);
        }
    }

    /// Names of the attributes whose values the session has taken back.
    fn expired(&mut self, state: Obj<'g>) -> Vec<Vec<u8>> {
        let Some(names) = self
            .attribute(state, b"expired_attributes")
            .and_then(Set::of)
        else {
            return Vec::new();
        };
        let mut members = names.members::<DIRECT>();
        std::iter::from_fn(|| members.next())
            .take(EXPIRED_MAX)
            .filter_map(|name| Some(Str::of(name)?.to_utf8::<DIRECT>(NAME_MAX)))
            .collect()
    }

    /// A query of Django: its model, and its results if it was run.
    pub(super) fn query_set(&mut self, object: Obj<'g>, depth: u32) {
        if let Some(model) = self.attribute(object, b"model")
            && !self.part("model", Shown::Object(model), depth)
        {
            return self.cut(None);
        }
        let results = self.attribute(object, b"_result_cache");
        let shown = match results.filter(|results| !results.is(self.facts.none)) {
            Some(results) => Shown::Object(results),
            None => Shown::Text("not evaluated".into()),
        };
        if !self.part("results", shown, depth) {
            self.cut(None);
        }
    }
}

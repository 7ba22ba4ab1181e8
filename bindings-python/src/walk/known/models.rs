//! Objects of object-relational mappers: what was loaded, without the mapper's bookkeeping.
//!
//! What is not loaded is not in the instance's storage and so is not there; nothing is ever fetched. A query that was not run is
//! told as such.

use stillframe_core::reason::Reason;

use super::super::capture::Walk;
use super::super::instance::{Attributes, attributes};
use super::super::object::{Class, Obj, Str};
use super::super::plan::Plan;
use super::Shown;

/// Attributes that are the mapper's own.
const OWN: [&[u8]; 3] = [b"_sa_instance_state", b"_state", b"__weakref__"];

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
                    if self.halted() || !self.entry(key, value, depth) {
                        return self.cut(None);
                    }
                }
            }
        }
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

//! Enum members, by name: `<Color.RED: 1>`.

use super::super::capture::Walk;
use super::super::object::{Class, Obj, Str};
use super::super::plan::Plan;
use super::super::render::Render;

/// Longest value that is shown beside the name.
const VALUE_MAX: usize = 200;

/// Whether a class was made by the metaclass of enums.
pub(super) fn is_enum(class: Class<'_>) -> bool {
    class
        .object()
        .class()
        .line()
        .any(|meta| matches!(meta.c_name(), b"EnumType" | b"EnumMeta") && meta.is_heap())
}

impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    pub(super) fn enum_member(&mut self, object: Obj<'g>, plan: &Plan) {
        let Some(value) = self.attribute(object, b"_value_") else {
            return self.unexpected(plan);
        };
        let name = self
            .attribute(object, b"_name_")
            .and_then(Str::of)
            .map(|name| name.to_utf8::<DIRECT>(256));
        let mut render = Render::new(VALUE_MAX, self.facts, self.rules);
        render.repr::<DIRECT>(value, 0);
        let class = String::from_utf8_lossy(object.class().c_name());
        let value = String::from_utf8_lossy(&render.text);
        let text = match name {
            Some(name) => format!("<{class}.{}: {value}>", String::from_utf8_lossy(&name)),
            // A combination of flags has no name of its own.
            None => format!("<{class}: {value}>"),
        };
        self.rendered(plan, &text);
    }
}

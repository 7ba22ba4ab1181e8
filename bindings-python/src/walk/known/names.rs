//! Values that are best shown as their text: complex numbers, fractions, UUIDs, paths, patterns, addresses, ranges.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::capture::Walk;
use super::super::layout;
use super::super::number::{Integer, float_repr};
use super::super::object::{Int, List, Obj, Str};
use super::super::render::Render;

/// Longest text of a path or a pattern, in bytes.
const TEXT_MAX: usize = 4096;
/// Parts of a path that are joined.
const MAX_PARTS: usize = 256;

impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    pub(super) fn complex(&self, object: Obj<'g>) -> Option<String> {
        // SAFETY: a complex number has two doubles there.
        let [real, imaginary] = unsafe { object.read::<[f64; 2]>(layout::COMPLEX_VALUE) };
        let short = |value| {
            let text = float_repr(value);
            text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
        };
        if real == 0.0 && real.is_sign_positive() {
            return Some(format!("{}j", short(imaginary)));
        }
        let sign = if imaginary.is_sign_negative() {
            ""
        } else {
            "+"
        };
        Some(format!("({}{sign}{}j)", short(real), short(imaginary)))
    }

    fn integer(&mut self, object: Obj<'g>, name: &[u8]) -> Option<Integer> {
        let value = self.attribute(object, name)?;
        Some(Int::of(value)?.value::<DIRECT>())
    }

    fn integer_text(&mut self, object: Obj<'g>, name: &[u8]) -> Option<String> {
        let value = self.attribute(object, name)?;
        Int::of(value)?;
        let mut render = Render::new(TEXT_MAX, self.facts, self.rules);
        render.str::<DIRECT>(value);
        String::from_utf8(render.text).ok()
    }

    pub(super) fn fraction(&mut self, object: Obj<'g>) -> Option<String> {
        let numerator = self.integer_text(object, b"_numerator")?;
        let denominator = self.integer_text(object, b"_denominator")?;
        Some(if denominator == "1" {
            numerator
        } else {
            format!("{numerator}/{denominator}")
        })
    }

    pub(super) fn uuid(&mut self, object: Obj<'g>) -> Option<String> {
        let number = unsigned(self.integer(object, b"int")?)?;
        let hex = format!("{number:032x}");
        Some(format!(
            "{}-{}-{}-{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..]
        ))
    }

    pub(super) fn address(&mut self, object: Obj<'g>) -> Option<String> {
        let number = unsigned(self.integer(object, b"_ip")?)?;
        let six = object
            .class()
            .line()
            .any(|class| class.c_name() == b"IPv6Address");
        if !six {
            return Some(Ipv4Addr::from(u32::try_from(number).ok()?).to_string());
        }
        let mut text = Ipv6Addr::from(number).to_string();
        if let Some(scope) = self.text_attribute(object, b"_scope_id") {
            text = format!("{text}%{scope}");
        }
        Some(text)
    }

    pub(super) fn text_attribute(&mut self, object: Obj<'g>, name: &[u8]) -> Option<String> {
        let text = self.attribute(object, name).and_then(Str::of)?;
        Some(self.text_of(text))
    }

    pub(super) fn text_of(&self, text: Str<'g>) -> String {
        String::from_utf8_lossy(&text.to_utf8::<DIRECT>(TEXT_MAX)).into_owned()
    }

    /// A path as it was joined before, else from its parts.
    pub(super) fn path(&mut self, object: Obj<'g>) -> Option<String> {
        if let Some(text) = self.text_attribute(object, b"_str") {
            return Some(text);
        }
        // 3.12 and newer keep what the path was made from.
        if let Some(raw) = self.attribute(object, b"_raw_paths").and_then(List::of) {
            let parts = self.texts(raw);
            let mut path = String::new();
            for part in parts.iter().filter(|part| !part.is_empty()) {
                if part.starts_with('/') {
                    path.clear();
                } else if !path.is_empty() && !path.ends_with('/') {
                    path.push('/');
                }
                path += part;
            }
            return Some(if path.is_empty() { ".".into() } else { path });
        }
        let parts = self.attribute(object, b"_parts").and_then(List::of)?;
        let mut parts = self.texts(parts);
        let drive = self.text_attribute(object, b"_drv").unwrap_or_default();
        let root = self.text_attribute(object, b"_root").unwrap_or_default();
        let anchor = drive + &root;
        if !anchor.is_empty() && !parts.is_empty() {
            parts.remove(0);
        }
        let path = anchor + &parts.join("/");
        Some(if path.is_empty() { ".".into() } else { path })
    }

    fn texts(&self, list: List<'g>) -> Vec<String> {
        let items = list.items::<DIRECT>();
        (0..items.length.min(MAX_PARTS))
            .filter_map(|index| Some(self.text_of(Str::of(items.get(index)?)?)))
            .collect()
    }

    /// `re.compile('...')`'s pattern, where the type itself says that it is.
    pub(super) fn pattern(&mut self, object: Obj<'g>) -> Option<String> {
        let member = object
            .class()
            .members()
            .find(|member| member.name == b"pattern" && member.is_object())?;
        // SAFETY: the type says that its instances have an object pointer there.
        let pattern = unsafe { object.slot(member.offset) }?;
        let mut render = Render::new(TEXT_MAX, self.facts, self.rules);
        render.str::<DIRECT>(pattern);
        String::from_utf8(render.text).ok()
    }

    pub(super) fn range(&self, object: Obj<'g>) -> Option<String> {
        const START: usize = 16;
        let mut render = Render::new(TEXT_MAX, self.facts, self.rules);
        render.push("range(");
        // SAFETY: a range has three ints there: start, stop, step.
        let [start, stop, step] = unsafe {
            [
                object.slot(START),
                object.slot(START + 8),
                object.slot(START + 16),
            ]
        };
        render.str::<DIRECT>(start?);
        render.push(", ");
        render.str::<DIRECT>(stop?);
        let one = Int::of(step?).is_some_and(|step| step.value::<DIRECT>() == Integer::Small(1));
        if !one {
            render.push(", ");
            render.str::<DIRECT>(step?);
        }
        render.push(")");
        String::from_utf8(render.text).ok()
    }
}

fn unsigned(integer: Integer) -> Option<u128> {
    match integer {
        Integer::Small(value) => u128::try_from(value).ok(),
        Integer::Unsigned(value) => Some(value.into()),
        Integer::Big {
            negative: false,
            bits: ..=128,
            head,
        } => Some(head),
        _ => None,
    }
}

//! A value on one line, within a width.

use stillframe_core::reason::Reason;
use stillframe_core::snapshot::{Node, Scalar};
use unicode_width::UnicodeWidthChar;

use super::{Look, Quotes, Rendered, byte_text};
use crate::render::gap;
use crate::render::line::{Line, Style};
use crate::render::paths::{Owner, Paths};
use crate::render::rank::fields;
use crate::render::terminal::Glyphs;
use crate::render::text;

/// Containers inside containers that are opened on one line.
const MAX_DEPTH: usize = 4;

/// Room for an entry below which its key is whole or not shown.
const LEAST_KEY: usize = 60;

/// Writes values on one line.
#[derive(Clone, Copy)]
pub(crate) struct Inline<'a> {
    /// The language's look.
    pub look: &'static dyn Look,
    /// Where repeated objects were shown.
    pub paths: &'a Paths<'a>,
    /// Drawing characters.
    pub glyphs: &'static Glyphs,
    /// What the values belong to, from which paths are told.
    pub owner: Owner,
    /// Whether a repeated object is written again, where its first place may not be in sight.
    pub repeat: bool,
}

/// A value on one line.
#[derive(Debug, Clone)]
pub(crate) struct Inlined {
    /// At most as wide as was asked for, or an ellipsis where not even that is enough.
    pub line: Line,
    /// Everything that was captured of the value is on it.
    pub whole: bool,
}

impl Inlined {
    /// `line` if it fits, else as much of it as fits, and at least an ellipsis.
    fn within(line: Line, room: usize, ellipsis: &str) -> Self {
        let whole = line.width() <= room;
        Self {
            line: line.fit(room.max(text::width(ellipsis)), ellipsis),
            whole,
        }
    }

    fn whole(style: Style, text: &str) -> Self {
        Self {
            line: Line::of(style, text),
            whole: true,
        }
    }
}

/// What is written of a container, one after the other.
struct Member<'n> {
    name: Option<&'n str>,
    key: Option<&'n Node>,
    value: &'n Node,
}

impl Inline<'_> {
    /// The value within `room` columns.
    pub(crate) fn value(&self, node: &Node, room: usize) -> Inlined {
        let mut written = self.write(node, room, 0);
        if written.line.width() > room {
            written.whole = false;
            written.line = written.line.fit(room, self.glyphs.ellipsis);
        }
        written
    }

    fn write(&self, node: &Node, room: usize, depth: usize) -> Inlined {
        if node.is_null {
            return Inlined::whole(Style::Literal, self.look.null());
        }
        if let Some(id) = node.reference {
            return match self.paths.object(id).filter(|_| self.repeat) {
                Some(object) if depth < MAX_DEPTH => self.write(object, room, depth),
                _ => self.reference(id, room),
            };
        }
        if node.is_container() {
            return self.container(node, room, depth);
        }
        if let Some(value) = &node.value {
            return self.scalar(node, value, room, depth);
        }
        self.unseen(node, room)
    }

    fn reference(&self, id: u32, room: usize) -> Inlined {
        let path = self
            .paths
            .get(id, self.owner)
            .unwrap_or_else(|| "an object shown elsewhere".to_owned());
        let mut line = Line::of(Style::Dim, self.glyphs.arrow);
        line.push(Style::Dim, " ").push(Style::Dim, &path);
        Inlined::within(line, room, self.glyphs.ellipsis)
    }

    /// A value of which nothing is shown but what it is, or why not.
    fn unseen(&self, node: &Node, room: usize) -> Inlined {
        let type_name = node
            .type_name
            .as_deref()
            .map(|name| self.look.short_type(name));
        let line = match (node.reason(), type_name) {
            (Some(Reason::Depth), Some(_)) => {
                let brackets = self.look.brackets(node);
                let mut line = Line::of(Style::Type, &brackets.open);
                line.push(Style::Gap, self.glyphs.ellipsis);
                if let Some(size) = node.size {
                    line.push(Style::Gap, &format!(" {}", text::grouped(size)));
                }
                line.push(Style::Type, brackets.close);
                line
            }
            (None, Some(name)) if node.not_captured_reason.is_none() => {
                Line::of(Style::Type, &format!("<{name}>"))
            }
            _ => gap::chip(node),
        };
        if line.width() > room {
            // A part of a reason would be read as a value.
            return Inlined {
                line: Line::of(Style::Gap, self.glyphs.ellipsis),
                whole: false,
            };
        }
        Inlined { line, whole: true }
    }

    fn scalar(&self, node: &Node, value: &Scalar, room: usize, depth: usize) -> Inlined {
        let type_name = node.type_name.as_deref().unwrap_or("");
        let text = match value {
            Scalar::Bool(value) => {
                return Inlined::whole(Style::Literal, self.look.boolean(*value));
            }
            Scalar::Float(value) => {
                return Inlined::whole(Style::Literal, &self.look.float(*value));
            }
            Scalar::Int(_) | Scalar::Uint(_) => {
                return Inlined::whole(Style::Literal, &value.to_string());
            }
            Scalar::Text(text) => text,
        };
        if let Some(bytes) = byte_text(node) {
            return self.text(node, &bytes, true, room, depth);
        }
        if node.rendered {
            match self.look.rendered(type_name, text) {
                Rendered::Bare(text) => {
                    let line = Line::of(Style::Literal, &text);
                    return Inlined::within(line, room, self.glyphs.ellipsis);
                }
                Rendered::Call => return self.call(node, type_name, text, room, depth),
            }
        }
        if type_name.is_empty() || node.encoding.is_some() || self.look.is_text(type_name) {
            self.text(node, text, false, room, depth)
        } else {
            self.call(node, type_name, text, room, depth)
        }
    }

    /// `Decimal('19.90')`
    fn call(&self, node: &Node, type_name: &str, text: &str, room: usize, depth: usize) -> Inlined {
        let mut line = Line::of(Style::Type, self.look.short_type(type_name));
        line.push(Style::Type, "(");
        let inner = self.text(
            node,
            text,
            false,
            room.saturating_sub(line.width() + 1),
            depth + 1,
        );
        line.extend(&inner.line).push(Style::Type, ")");
        Inlined {
            line,
            whole: inner.whole,
        }
    }

    /// Text in quotes, as much as fits, and its length where it does not.
    fn text(&self, node: &Node, text: &str, bytes: bool, room: usize, depth: usize) -> Inlined {
        // More bytes than this cannot fit, so they need not be looked at.
        let head = text::head(text, room.saturating_mul(4).saturating_add(16));
        let quotes = self.look.quotes(head, bytes);
        let cut_before = node.truncated || head.len() < text.len();
        let frame = quotes.open.len() + quotes.close.len();
        let ellipsis = text::width(self.glyphs.ellipsis);
        let whole_room = room.saturating_sub(frame + if cut_before { ellipsis } else { 0 });
        let (mut shown, mut all) = self.escaped(head, &quotes, whole_room);
        if !all && !cut_before {
            (shown, all) = self.escaped(head, &quotes, room.saturating_sub(frame + ellipsis));
        }
        let mut line = Line::of(Style::Str, quotes.open);
        line.push(Style::Str, &shown).push(Style::Str, quotes.close);
        if all && !cut_before {
            return Inlined { line, whole: true };
        }
        line.push(Style::Gap, self.glyphs.ellipsis);
        let total = node.size.unwrap_or_else(|| text.chars().count() as u64);
        let length = format!(
            " {}",
            text::counted(total, if bytes { "byte" } else { "char" })
        );
        // Inside of something else the length would be read as part of that.
        if depth == 0 && line.width() + length.len() <= room {
            line.push(Style::Gap, &length);
        } else if depth == 0 && line.width() > length.len() + frame + 12 {
            // There is enough text to give some of it for the length.
            let less = room.saturating_sub(frame + ellipsis + length.len());
            let (shown, _) = self.escaped(head, &quotes, less);
            line = Line::of(Style::Str, quotes.open);
            line.push(Style::Str, &shown).push(Style::Str, quotes.close);
            line.push(Style::Gap, self.glyphs.ellipsis)
                .push(Style::Gap, &length);
        }
        Inlined {
            line,
            whole: all && head.len() == text.len(),
        }
    }

    /// The start of `text`, escaped, within `room` columns; whether that is all of it.
    fn escaped(&self, text: &str, quotes: &Quotes, room: usize) -> (String, bool) {
        let mut out = String::new();
        let mut used = 0;
        for c in text.chars() {
            let before = out.len();
            self.look.escape(c, quotes, &mut out);
            used += out[before..]
                .chars()
                .filter_map(UnicodeWidthChar::width)
                .sum::<usize>();
            if used > room {
                out.truncate(before);
                return (out, false);
            }
        }
        (out, true)
    }

    fn container(&self, node: &Node, room: usize, depth: usize) -> Inlined {
        let members = self.members(node);
        let shown = members.len() as u64;
        let total = node.size.unwrap_or(shown).max(shown);
        let brackets = self.look.brackets(node);
        if total == 0 && node.not_captured_reason.is_none() && node.omitted.is_empty() {
            return Inlined::whole(Style::Plain, &brackets.empty);
        }
        let counted = node.fields.is_none();
        let mut line = Line::of(Style::Plain, &brackets.open);
        let (mut whole, mut written) = (true, 0_u64);
        if depth < MAX_DEPTH {
            for member in &members {
                let last = written + 1 == total;
                let more = if last {
                    String::new()
                } else {
                    self.more(total - written, true, counted)
                };
                let taken = line.width() + 2 * usize::from(written > 0) + brackets.close.len();
                let left = room.saturating_sub(taken + text::width(&more));
                let item = self.member(member, left, written + 1 == shown, depth);
                if item.line.width() > left {
                    whole = false;
                    break;
                }
                if written > 0 {
                    line.push(Style::Plain, ", ");
                }
                line.extend(&item.line);
                whole &= item.whole;
                written += 1;
            }
        }
        whole &= written == shown;
        if written < total {
            line.push(
                Style::Gap,
                &self.more(total - written, written > 0, counted),
            );
        } else if written == 1 {
            line.push(Style::Plain, brackets.single);
        }
        line.push(Style::Plain, brackets.close);
        if line.width() > room {
            line = Line::of(Style::Gap, self.glyphs.ellipsis);
            whole = false;
        }
        Inlined { line, whole }
    }

    fn members<'n>(&self, node: &'n Node) -> Vec<Member<'n>> {
        let mut members = Vec::new();
        for (name, value) in fields(node, self.look) {
            members.push(Member {
                name: Some(name),
                key: None,
                value,
            });
        }
        for (key, value) in node.entries.iter().flatten() {
            members.push(Member {
                name: None,
                key: Some(key),
                value,
            });
        }
        for value in node.elements.iter().flatten() {
            members.push(Member {
                name: None,
                key: None,
                value,
            });
        }
        members
    }

    /// `, … 61 more` of a collection, `, …` of an object; `… 61` where nothing is shown.
    fn more(&self, missing: u64, after_some: bool, counted: bool) -> String {
        let (ellipsis, missing) = (self.glyphs.ellipsis, text::grouped(missing));
        match (after_some, counted) {
            (true, true) => format!(", {ellipsis} {missing} more"),
            (true, false) => format!(", {ellipsis}"),
            (false, true) => format!("{ellipsis} {missing}"),
            (false, false) => ellipsis.to_owned(),
        }
    }

    fn member(&self, member: &Member<'_>, room: usize, last: bool, depth: usize) -> Inlined {
        let mut line = Line::default();
        let mut whole = true;
        if let Some(name) = member.name {
            line.push(Style::Name, name)
                .push(Style::Plain, self.look.equals());
        }
        if let Some(key) = member.key {
            let key = self.write(key, (room / 2).max(8), depth + 1);
            if !key.whole && room < LEAST_KEY {
                // A stump of a key says nothing about the entry; the number of entries does.
                return Inlined {
                    line: Line::of(Style::Gap, &" ".repeat(room + 1)),
                    whole: false,
                };
            }
            whole = key.whole;
            line.extend(&key.line).push(Style::Plain, ": ");
        }
        let left = room.saturating_sub(line.width());
        // One long item must not hide all that come after it.
        let fair = if last {
            left
        } else {
            (left * 2 / 3).max(left.min(24))
        };
        let value = self.write(member.value, fair, depth + 1);
        line.extend(&value.line);
        Inlined {
            line,
            whole: whole && value.whole,
        }
    }
}

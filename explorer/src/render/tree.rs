//! Values over several lines: one line where everything fits, else opened, level by level.

use stillframe_core::snapshot::{Node, Omitted, Scalar};

use super::gap;
use super::line::{Line, Page, Style};
use super::paths::positions;
use super::rank::{Variable, fields};
use super::text;
use super::value::Inline;

/// Widest column of names; longer ones push their value to the right.
const NAME_COLUMN: usize = 18;
/// Widest name that is shown whole.
const MAX_NAME: usize = 40;
/// Items of a container shown before the rest is counted, unless all are asked for.
const MAX_ITEMS: usize = 8;
/// Lines of one text shown as a block.
const MAX_BLOCK: usize = 60;

/// How far values are opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Depth {
    /// Levels that are opened where one line is not enough.
    pub levels: usize,
    /// Whether every item is shown, and long text as a block.
    pub all: bool,
}

impl Depth {
    /// For what stands beside the values that matter most.
    #[must_use]
    pub(crate) fn beside(self) -> Self {
        Self {
            levels: if self.all {
                self.levels
            } else {
                self.levels.min(1)
            },
            ..self
        }
    }
}

/// Writes named values one below the other, with their values in a column.
pub(crate) struct Tree<'a> {
    /// Writes what fits on a line.
    pub inline: Inline<'a>,
    /// How far to open.
    pub depth: Depth,
}

impl Tree<'_> {
    /// Variables, indented by `indent`, their names in `style` and a column of `column`.
    pub(crate) fn variables(
        &self,
        page: &mut Page<'_>,
        indent: usize,
        variables: &[Variable<'_>],
        style: Style,
        column: usize,
    ) {
        let name = |variable: &Variable<'_>| {
            Line::of(style, &variable.name).fit(MAX_NAME, self.inline.glyphs.ellipsis)
        };
        for variable in variables {
            self.value(page, indent, name(variable), column, variable.node, 0);
        }
    }

    fn value(
        &self,
        page: &mut Page<'_>,
        indent: usize,
        name: Line,
        column: usize,
        node: &Node,
        level: usize,
    ) {
        let room_for_name = page.terminal().width.saturating_sub(indent + 12).max(8);
        let mut line = Line::default();
        line.space(indent)
            .extend(&name.fit(room_for_name, self.inline.glyphs.ellipsis));
        line.pad_to(indent + column, 2);
        let room = page.terminal().width.saturating_sub(line.width());
        let note = note(node, false);
        let noted = note.as_ref().map_or(0, |note| note.width() + 2);
        let inlined = self
            .inline
            .value(node, room.saturating_sub(noted).max(room.min(12)));
        if let Some(lines) = self.block(node, inlined.whole) {
            return self.text_block(page, line, node, &lines, indent);
        }
        // A list of plain values says more side by side than one below the other.
        let plain = is_plain_list(node);
        if plain && self.depth.all && !inlined.whole {
            return self.wide_list(page, line, node, indent);
        }
        if inlined.whole || level >= self.depth.levels || !node.is_container() || plain {
            line.extend(&inlined.line);
            if let Some(note) = note {
                line.space(2).extend(&note);
            }
            return page.line(line);
        }
        line.extend(&self.summary(node));
        // What is missing between members is told there.
        if let Some(note) = self::note(node, true) {
            line.space(2).extend(&note);
        }
        page.line(line);
        self.members(page, indent + 2, node, level + 1);
    }

    /// A long list of plain values, over as many lines as it takes.
    fn wide_list(&self, page: &mut Page<'_>, mut head: Line, node: &Node, indent: usize) {
        head.extend(&self.summary(node));
        if let Some(note) = note(node, false) {
            head.space(2).extend(&note);
        }
        page.line(head);
        let room = page.terminal().width.saturating_sub(indent + 2);
        for part in self.inline.value(node, MAX_BLOCK * room).line.wrap(room, 1) {
            let mut line = Line::default();
            line.space(indent + 2).extend(&part);
            page.line(line);
        }
    }

    fn members(&self, page: &mut Page<'_>, indent: usize, node: &Node, level: usize) {
        let mut members: Vec<(Line, &Node)> = Vec::new();
        for (name, value) in fields(node, self.inline.look) {
            members.push((
                Line::of(Style::Name, name).fit(MAX_NAME, self.inline.glyphs.ellipsis),
                value,
            ));
        }
        for (key, value) in node.entries.iter().flatten() {
            members.push((self.inline.value(key, MAX_NAME).line, value));
        }
        for (at, value) in positions(node).zip(node.elements.iter().flatten()) {
            members.push((Line::of(Style::Dim, &format!("[{at}]")), value));
        }
        let shown = if self.depth.all {
            members.len()
        } else {
            members.len().min(MAX_ITEMS)
        };
        let hidden = members.len() - shown;
        let shown = if hidden == 1 { members.len() } else { shown };
        let column = column(members[..shown].iter().map(|(name, _)| name.width()));
        for (at, (name, value)) in members.drain(..shown).enumerate() {
            self.gaps(page, indent, &node.omitted, at.checked_sub(1));
            self.value(page, indent, name, column, value, level);
        }
        if hidden > 1 {
            let more = format!(
                "{} {} more kept (-v)",
                self.inline.glyphs.ellipsis,
                text::grouped(hidden as u64)
            );
            let mut line = Line::default();
            line.space(indent).push(Style::Dim, &more);
            page.line(line);
        }
    }

    /// What is missing in the middle of something, behind the item at `after`.
    fn gaps(&self, page: &mut Page<'_>, indent: usize, omitted: &[Omitted], after: Option<usize>) {
        for gap in omitted {
            if gap.after.map(|after| after as usize) == after {
                let mut line = Line::default();
                line.space(indent).extend(&gap::omitted(gap));
                page.line(line);
            }
        }
    }

    /// `dict, 365 entries`
    fn summary(&self, node: &Node) -> Line {
        let type_name = node.type_name.as_deref().unwrap_or("object");
        let mut line = Line::of(Style::Type, text::head(type_name, 80));
        let shown = gap::shown(node);
        let size = node.size.unwrap_or(shown);
        let noun = if node.entries.is_some() {
            "entry"
        } else if node.elements.is_some() {
            "item"
        } else {
            return line;
        };
        line.push(Style::Dim, &format!(", {}", text::counted(size, noun)));
        line
    }

    /// The lines of a text that is worth a block of its own.
    fn block<'n>(&self, node: &'n Node, fits: bool) -> Option<Vec<&'n str>> {
        let Some(Scalar::Text(value)) = &node.value else {
            return None;
        };
        let worth =
            self.depth.all && node.encoding.is_none() && (value.trim_end().contains('\n') || !fits);
        worth.then(|| value.trim_end_matches('\n').split('\n').collect())
    }

    fn text_block(
        &self,
        page: &mut Page<'_>,
        mut head: Line,
        node: &Node,
        lines: &[&str],
        indent: usize,
    ) {
        let total = node.size.unwrap_or_else(|| match &node.value {
            Some(Scalar::Text(value)) => value.chars().count() as u64,
            _ => 0,
        });
        head.push(Style::Type, node.type_name.as_deref().unwrap_or("text"));
        head.push(Style::Dim, &format!(", {}", text::counted(total, "char")));
        if let Some(note) = note(node, false) {
            head.space(2).extend(&note);
        }
        page.line(head);
        let room = page.terminal().width.saturating_sub(indent + 4);
        let mut written = 0;
        for line in lines {
            for part in
                Line::of(Style::Str, &text::expand_tabs(text::head(line, 4096))).wrap(room, 0)
            {
                if written == MAX_BLOCK {
                    let mut line = Line::default();
                    line.space(indent + 2)
                        .push(Style::Gap, self.inline.glyphs.ellipsis);
                    line.push(Style::Gap, " the rest is in --json");
                    return page.line(line);
                }
                written += 1;
                let mut out = Line::default();
                out.space(indent + 2)
                    .push(Style::Dim, self.inline.glyphs.bar)
                    .space(1)
                    .extend(&part);
                page.line(out);
            }
        }
    }
}

/// Width of the column of variables' names.
pub(crate) fn name_column<'v>(variables: impl Iterator<Item = &'v Variable<'v>>) -> usize {
    column(variables.map(|variable| Line::of(Style::Name, text::head(&variable.name, 80)).width()))
}

fn column(names: impl Iterator<Item = usize>) -> usize {
    names.map(|width| width.min(NAME_COLUMN)).max().unwrap_or(0) + 2
}

/// Whether a value is a sequence of scalars.
fn is_plain_list(node: &Node) -> bool {
    let scalar = |item: &Node| !item.is_container() && item.reference.is_none();
    node.omitted.is_empty()
        && node
            .elements
            .as_ref()
            .is_some_and(|items| items.iter().all(scalar))
}

/// Why less is shown of a value that is shown: which limit cut it, which rule changed it.
pub(crate) fn note(node: &Node, opened: bool) -> Option<Line> {
    let shown = node.value.is_some() || node.is_container();
    let mut note = Line::default();
    if node.not_captured_reason.is_some() && shown {
        note = gap::chip(node);
    } else if let Some(gap) = node.omitted.first().filter(|_| !opened) {
        note = gap::omitted(gap);
    }
    if node.lossy {
        note.extend(&Line::of(Style::Gap, "[not valid Unicode]"));
    }
    (!note.is_empty()).then_some(note)
}

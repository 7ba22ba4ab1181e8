//! Values as nested lists that can be opened: a row is a name, a value, a type with its size, and what is missing.

use std::cell::Cell;

use maud::{Markup, html};
use stillframe_core::reason::Reason;
use stillframe_core::snapshot::{Node, Omitted, Scalar};

use super::Writer;
use super::text::{code, line, plain};
use crate::render::line::{Line, Style};
use crate::render::paths::{Owner, children, positions};
use crate::render::rank::{Variable, fields};
use crate::render::text::{clean, counted, expand_tabs, grouped, head};
use crate::render::value::Inline;
use crate::render::{gap, tree};

/// Columns of a value on its row.
const PREVIEW: usize = 76;
/// Columns up to which a container is told on its row alone.
const SHORT: usize = 56;
/// Columns of a value that cannot be opened.
const LEAF: usize = 400;
/// Widest name.
const NAME: usize = 60;
/// Lines of one text.
const TEXT_LINES: usize = 80;

/// Values of one frame or exception, and how many rows they may still take.
pub(super) struct Values<'w> {
    writer: &'w Writer<'w>,
    inline: Inline<'w>,
    rows: Cell<usize>,
}

impl<'w> Values<'w> {
    pub(super) fn new(writer: &'w Writer<'w>, owner: Owner, rows: usize) -> Self {
        Self {
            writer,
            inline: writer.inline(owner),
            rows: Cell::new(rows),
        }
    }

    /// A list of variables.
    pub(super) fn variables(&self, label: &str, variables: &[Variable<'_>]) -> Markup {
        let mut left = 0;
        html! {
            @if !variables.is_empty() {
                ul.tree aria-label=(label) {
                    @for (at, variable) in variables.iter().enumerate() {
                        @if at < self.writer.bounds.items * 2 && self.row() {
                            (self.item(&Line::of(Style::Name, head(&variable.name, 400)), variable.node, 0))
                        } @else {
                            @let () = left += 1;
                        }
                    }
                    @if left > 0 {
                        li { (self.writer.left_out(&counted(left, "variable"), "-v")) }
                    }
                }
            }
        }
    }

    /// Takes one row, if there is one left.
    fn row(&self) -> bool {
        let (own, all) = (self.rows.get(), self.writer.rows.get());
        if own == 0 || all == 0 {
            return false;
        }
        self.rows.set(own - 1);
        self.writer.rows.set(all - 1);
        true
    }

    fn item(&self, name: &Line, node: &Node, level: usize) -> Markup {
        if let Some(id) = node.reference {
            return self.reference(name, node, id);
        }
        let id = node.id.filter(|id| self.writer.paths.object(*id).is_some());
        let id = id.and_then(|id| self.writer.id('o', id));
        let preview = self.inline.value(node, PREVIEW);
        let chip = tree::note(node, false).map(|note| self.note(node, &note));
        let row = |value: Markup| {
            html! {
                (label(name))
                (value)
                @if let Some(chip) = &chip { (chip) }
                (self.kind(node))
            }
        };
        if let Some(text) = long_text(node, preview.whole) {
            return html! {
                li.x id=[id] { details {
                    summary { (row(code(&preview.line))) }
                    (self.text_block(node, text))
                } }
            };
        }
        let small = preview.whole && preview.line.width() <= SHORT;
        let simple = preview
            .line
            .spans()
            .all(|(style, _)| !matches!(style, Style::Gap | Style::Redacted));
        let closed = !node.is_container()
            || gap::shown(node) == 0
            || level >= self.writer.bounds.levels
            || (small && simple && !self.is_linked_inside(node));
        if closed {
            let value = if node.is_container() || preview.whole {
                preview.line
            } else {
                self.inline.value(node, LEAF).line
            };
            return html! { li id=[id] { (row(self.leaf(node, &value))) } };
        }
        html! {
            li.x id=[id] { details {
                summary { (row(code(&preview.line))) }
                ul { (self.members(node, level + 1)) }
            } }
        }
    }

    /// A value that is not opened; one that is missing is a chip.
    fn leaf(&self, node: &Node, value: &Line) -> Markup {
        let mut spans = value.spans();
        let only_gap = matches!(
            (spans.next(), spans.next()),
            (Some((Style::Gap | Style::Redacted, text)), None) if text.starts_with('[')
        );
        match node.reason() {
            reason if only_gap => self.writer.chip(value, reason),
            Some(Reason::Depth) => {
                html! { (code(value)) (self.writer.chip(&gap::chip(node), node.reason())) }
            }
            _ => code(value),
        }
    }

    fn reference(&self, name: &Line, node: &Node, id: u32) -> Markup {
        let target = match self.writer.paths.owner(id) {
            Some(Owner::Frame(at)) => Some(self.writer.link('f', at)),
            Some(Owner::Exception(at)) => Some(self.writer.link('x', at)),
            None => self
                .writer
                .paths
                .object(id)
                .map(|_| self.writer.link('o', id)),
        };
        let shown = self.inline.value(node, LEAF).line.plain();
        html! {
            li {
                (label(name))
                @match target {
                    Some(target) => { a href={ "#" (target) } { (shown) } }
                    None => { (shown) }
                }
                (self.kind(node))
            }
        }
    }

    /// Whether a link leads to something inside of a value, which therefore must be there.
    fn is_linked_inside(&self, node: &Node) -> bool {
        children(node).any(|child| {
            child
                .id
                .is_some_and(|id| self.writer.paths.object(id).is_some())
                || child.reference.is_some()
                || self.is_linked_inside(child)
        })
    }

    fn note(&self, node: &Node, note: &Line) -> Markup {
        let reason = node
            .reason()
            .or_else(|| node.omitted.first().and_then(Omitted::reason));
        self.writer.chip(note, reason)
    }

    /// `dict · 365 entries`; the qualified name is told on hovering.
    fn kind(&self, node: &Node) -> Markup {
        let Some(full) = node.type_name.as_deref().filter(|_| !node.is_null) else {
            return html! {};
        };
        let short = plain(self.look_of(full), 60);
        let title = (short != full).then(|| plain(full, 200));
        let noun = match node {
            _ if node.entries.is_some() => Some("entry"),
            _ if node.elements.is_some() => Some("item"),
            _ if node.encoding.is_some() => Some("byte"),
            _ if matches!(node.value, Some(Scalar::Text(_))) => Some("char"),
            _ => None,
        };
        let shown = gap::shown(node);
        let size = node.size.or((shown > 0).then_some(shown));
        // The length of a short text can be seen.
        let long = long_text(node, false).filter(|text| text.len() > PREVIEW);
        let size = size.or_else(|| long.map(|text| text.chars().count() as u64));
        let size = size.zip(noun).map(|(size, noun)| counted(size, noun));
        html! { i title=[title] { (short) @if let Some(size) = size { " · " (size) } } }
    }

    fn look_of<'t>(&self, type_name: &'t str) -> &'t str {
        self.writer.look.short_type(type_name)
    }

    fn members(&self, node: &Node, level: usize) -> Markup {
        let bounds = &self.writer.bounds;
        let names = fields(node, self.inline.look)
            .into_iter()
            .map(|(name, value)| (Line::of(Style::Name, head(name, 400)), value));
        let keys = node.entries.iter().flatten();
        let keys = keys.map(|(key, value)| (self.inline.value(key, NAME).line, value));
        let places = positions(node).zip(node.elements.iter().flatten());
        let places = places.map(|(at, value)| (Line::of(Style::Dim, &format!("[{at}]")), value));
        let total = gap::shown(node);
        let mut written = 0;
        html! {
            (self.gaps(node, None))
            @for (at, (name, value)) in names.chain(keys).chain(places).take(bounds.items).enumerate() {
                @if written == at as u64 && self.row() {
                    (self.item(&name, value, level))
                    (self.gaps(node, u32::try_from(at).ok()))
                    @let () = written += 1;
                }
            }
            @if written < total {
                li { (self.writer.left_out(&format!("{} more", grouped(total - written)), "-v")) }
            }
        }
    }

    /// What is missing in the middle of something, behind the item at `after`.
    fn gaps(&self, node: &Node, after: Option<u32>) -> Markup {
        html! {
            @for gap in node.omitted.iter().filter(|gap| gap.after == after).take(self.writer.bounds.notes) {
                li { (self.writer.omitted(gap)) }
            }
        }
    }

    /// A long text, its lines as they are.
    fn text_block(&self, node: &Node, text: &str) -> Markup {
        let kept = head(text, self.writer.bounds.text);
        let lines: Vec<&str> = kept.split('\n').take(TEXT_LINES).collect();
        let shown: usize = lines.iter().map(|line| line.len() + 1).sum();
        html! {
            pre.text {
                @for text in &lines { (clean(&expand_tabs(text.strip_suffix('\r').unwrap_or(text)))) "\n" }
            }
            @if shown < text.len() {
                p { (self.writer.left_out("the rest of what was kept is", "--json")) }
            } @else if node.truncated {
                p { (self.writer.chip(&gap::chip(node), node.reason())) }
            }
        }
    }
}

/// The name of a row. What is a name needs no more than that.
fn label(name: &Line) -> Markup {
    let name = name.clone().fit(NAME, "…");
    let mut spans = name.spans();
    match (spans.next(), spans.next()) {
        (Some((Style::Name, text)), None) => html! { b { (text) } },
        _ => html! { b { (line(&name)) } },
    }
}

/// A text that is worth a block of its own.
fn long_text(node: &Node, whole: bool) -> Option<&str> {
    let text = node.value.as_ref().and_then(Scalar::as_str)?;
    let plain = node.encoding.is_none() && !node.rendered;
    (plain && (!whole || text.trim_end().contains('\n'))).then_some(text)
}

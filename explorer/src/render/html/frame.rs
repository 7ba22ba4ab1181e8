//! The exceptions one after the other, each with its frames.

use std::collections::HashSet;

use maud::{Markup, html};
use stillframe_core::reason::Reason;
use stillframe_core::snapshot::{Exception, Frame, Node};

use super::Writer;
use super::text::{line, plain};
use super::tree::Values;
use crate::render::frame::{Open, closed, location, title};
use crate::render::line::{Line, Style};
use crate::render::paths::{Owner, children};
use crate::render::rank::{Ranking, Variable};
use crate::render::show::{View, own_values};
use crate::render::source::failing_line;
use crate::render::stack::{Stack, Step, folded};
use crate::render::text::{counted, grouped, head};

/// Lines of source on each side of the failing one.
const AROUND: u32 = 5;
/// Columns of the values on the row of a frame.
const TELLING: usize = 150;
/// Names on one line.
const NAMES: usize = 40;

impl Writer<'_> {
    /// All exceptions, in the order of telling.
    pub(super) fn exceptions(&self) -> Markup {
        let mut shown = HashSet::new();
        html! {
            @for &index in &self.chain.order {
                @if let Some(exception) = self.snapshot.exceptions.get(index) {
                    section.exception id=[self.id('x', index)] tabindex="-1" {
                        (self.exception_title(index, exception))
                        (self.own(index, exception))
                        (self.stack(index, exception, &mut shown))
                    }
                }
            }
            @if let Some(more) = self.chain.more() { p.note { (self.left_out(&more, "--json")) } }
            (self.gaps(&self.snapshot.omitted))
        }
    }

    fn exception_title(&self, index: usize, exception: &Exception) -> Markup {
        html! {
            @if index == 0 {
                @if self.whole { h2 { "Frames" } }
            } @else {
                @let link = self.chain.link(index).trim();
                @let title = html! {
                    @if !link.is_empty() { small { (link) } " " }
                    (self.message(exception))
                };
                @if self.whole { h2 { (title) } } @else { p.h2 { (title) } }
                (self.message_rest(exception))
                @if let Some(word) = &exception.not_captured_reason {
                    @let limit = exception.limit.as_ref().map(|limit| format!(": {} = {}", limit.name, limit.value));
                    p.note { (self.chip(&Line::of(Style::Gap, &format!("[not captured: {word}{}]", limit.unwrap_or_default())),
                        super::reason(exception.not_captured_reason.as_deref()))) }
                }
            }
        }
    }

    /// What the exception itself carries beyond its message.
    fn own(&self, index: usize, exception: &Exception) -> Markup {
        let own = own_values(exception);
        let values = Values::new(self, Owner::Exception(index), self.bounds.frame_rows);
        html! {
            @if !own.is_empty() {
                div.own {
                    p.group { "the exception itself" }
                    (values.variables("Fields of the exception", &own))
                }
            }
        }
    }

    fn stack(&self, index: usize, exception: &Exception, shown: &mut HashSet<u32>) -> Markup {
        let view = View::default();
        let stack = Stack::of(self.snapshot, &view, index, exception);
        let steps = stack.steps(shown);
        let most = self.room_for(steps.len());
        let left = steps.len() - most;
        let glyphs = self.inline(Owner::Exception(index)).glyphs;
        html! {
            div.frames {
                @for step in steps.into_iter().take(most) {
                    @match step {
                        Step::Open(at, frame, open) => { (self.frame(at, frame, Some(open), stack.is_raising(at))) }
                        Step::Row(at, frame) => { (self.frame(at, frame, None, stack.is_raising(at))) }
                        Step::Folded(frames) => { (self.library(&frames, &folded(&frames, glyphs))) }
                        Step::Repeated(at, frame) => {
                            p.note { "… from here as above: " a href={ "#" (self.link('f', at)) } { (plain(&frame.function, 120)) } }
                        }
                        Step::Gap(gap) => { p.note { (self.omitted(gap)) } }
                    }
                }
                @if left > 0 { p.note { (self.left_out(&counted(left as u64, "frame"), "-a")) } }
            }
        }
    }

    /// How many of these frames are written.
    fn room_for(&self, frames: usize) -> usize {
        let most = frames.min(self.bounds.frames).min(self.room.get());
        self.room.set(self.room.get() - most);
        most
    }

    fn library(&self, frames: &[(usize, &Frame)], title: &str) -> Markup {
        let title = plain(title.trim_start_matches('…').trim_start(), 400);
        if !self.whole {
            return html! { p.note { "… " (title) } };
        }
        let most = self.room_for(frames.len());
        let left = frames.len() - most;
        html! {
            details.fold {
                summary { (title) }
                @for (at, frame) in frames.iter().take(most) { (self.frame(*at, frame, None, false)) }
                @if left > 0 { p.note { (self.left_out(&counted(left as u64, "frame"), "-a")) } }
            }
        }
    }

    fn frame(&self, at: usize, frame: &Frame, open: Option<Open>, raised: bool) -> Markup {
        let class = if frame.in_app { "frame app" } else { "frame" };
        html! {
            details class=(class) id=[self.id('f', at)] open[open.is_some()] {
                summary {
                    span.fn { (line(&title(frame))) }
                    " " span.where { (plain(&location(frame), 200)) }
                    @if raised { " " span.tag { "raised here" } }
                    " " span.lib { (census(frame)) }
                    (self.row(at, frame))
                }
                (self.body(at, frame, open))
            }
        }
    }

    /// What stands on the row of a frame while it is closed.
    fn row(&self, at: usize, frame: &Frame) -> Markup {
        let values = if closed(frame).is_none() {
            self.frames(at).telling(frame, TELLING)
        } else {
            Line::default()
        };
        html! {
            @if let Some(why) = closed(frame) { " " span.chip { (plain(why.trim_matches(['[', ']']), 200)) } }
            @if let Some(source) = failing_line(frame) { code.call { (plain(source, 160)) } }
            @if !values.is_empty() { code.tell { (line(&values)) } }
        }
    }

    fn body(&self, at: usize, frame: &Frame, open: Option<Open>) -> Markup {
        let around = if open == Some(Open::Line) { 1 } else { AROUND };
        let function = plain(&frame.function, 120);
        if let Some(why) = closed(frame) {
            return html! {
                (self.source(frame, around))
                p.note { (self.chip(&Line::of(Style::Gap, &why), super::reason(frame.not_captured_reason.as_deref()))) }
            };
        }
        let ranking = Ranking::of(frame, self.look);
        let rows = if frame.in_app || open.is_some() {
            self.bounds.frame_rows
        } else {
            self.bounds.library_rows
        };
        let values = Values::new(self, Owner::Frame(at), rows);
        let used = values.variables(
            &format!("Values on the failing line of {function}"),
            &ranking.used,
        );
        let rest = values.variables(&format!("Variables of {function}"), &ranking.rest);
        let fold = open == Some(Open::Line) && !ranking.used.is_empty() && !ranking.rest.is_empty();
        html! {
            div.body {
            (self.source(frame, around))
            div.values {
            @if !ranking.used.is_empty() { p.group { "on this line" } (used) }
            @if fold {
                details.rest { summary { (counted(ranking.rest.len() as u64, "other variable")) } (rest) }
            } @else if !ranking.rest.is_empty() {
                @if !ranking.used.is_empty() { p.group { "other variables" } }
                (rest)
            }
            (names("not set yet", &ranking.unset))
            @if ranking.minor.iter().all(|variable| variable.node.value.is_none() && !variable.node.is_container()) {
                (names("also", &ranking.minor.iter().map(|variable| variable.name.as_str()).collect::<Vec<_>>()))
            } @else {
                details.rest {
                    summary { "also " (listed(ranking.minor.iter().map(|variable| variable.name.as_str()))) }
                    (values.variables(&format!("Names of the language in {function}"), &ranking.minor))
                }
            }
            (self.gaps(&frame.omitted))
            @if is_bare(&ranking, frame) { p.note { "no variables" } }
            } }
        }
    }

    /// A variable in a few columns.
    pub(super) fn brief(&self, at: usize, variable: &Variable<'_>, room: usize) -> Markup {
        let value = self.inline(Owner::Frame(at)).value(variable.node, room);
        html! {
            b { (plain(&variable.name, 80)) } " = " (super::text::code(&value.line))
        }
    }
}

/// `library, 12 variables, 2 hidden`
fn census(frame: &Frame) -> String {
    let groups = [&frame.arguments, &frame.locals, &frame.statics];
    let set = |node: &&Node| node.reason() != Some(Reason::Unbound);
    let values = groups.into_iter().flat_map(|group| group.iter());
    let values: Vec<&Node> = values.map(|(_, node)| node).filter(set).collect();
    let hidden: u64 = values.iter().map(|node| hidden(node)).sum();
    let mut parts = Vec::new();
    if !frame.in_app {
        parts.push("library".to_owned());
    }
    if !values.is_empty() {
        parts.push(counted(values.len() as u64, "variable"));
    }
    if hidden > 0 {
        parts.push(format!("{} hidden", grouped(hidden)));
    }
    parts.join(", ")
}

/// Values below this one, and itself, that were hidden.
fn hidden(node: &Node) -> u64 {
    let own = node.reason().is_some_and(Reason::is_redaction);
    u64::from(own) + children(node).map(hidden).sum::<u64>()
}

fn is_bare(ranking: &Ranking<'_>, frame: &Frame) -> bool {
    ranking.telling().next().is_none()
        && ranking.minor.is_empty()
        && ranking.unset.is_empty()
        && frame.omitted.is_empty()
}

/// Names that need no more than being named.
fn names(label: &str, names: &[&str]) -> Markup {
    html! {
        @if !names.is_empty() { p.note { (label) ": " code { (listed(names.iter().copied())) } } }
    }
}

fn listed<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    let more = names.len().saturating_sub(NAMES);
    let mut out: Vec<String> = names
        .take(NAMES)
        .map(|name| plain(head(name, 60), 60))
        .collect();
    if more > 0 {
        out.push(format!("… {more} more"));
    }
    out.join(", ")
}

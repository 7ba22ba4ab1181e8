//! The top of a page: the error, when and where, its failing line with the values on it, and the chain behind it.

use maud::{Markup, html};
use stillframe_core::snapshot::{Exception, Frame, Node, Scalar};

use super::text::{line, plain};
use super::{HtmlView, Writer};
use crate::render::frame::{closed, location};
use crate::render::line::{Line, Style};
use crate::render::rank::Ranking;
use crate::render::show::View;
use crate::render::stack::Stack;
use crate::render::text::{counted, grouped, head};
use crate::render::time::Clock;
use crate::render::{gap, header};

/// Values told at a glance.
const GLANCE: usize = 6;
/// Bytes of a title from which on it is written smaller.
const LONG: usize = 240;
/// Columns of one of them.
const GLANCE_VALUE: usize = 100;

impl Writer<'_> {
    /// `KeyError: 'EUR'`, its first line.
    pub(super) fn message(&self, exception: &Exception) -> Markup {
        let lines = header::message(exception);
        html! { @if let Some(first) = lines.first() { (line(first)) } }
    }

    /// The other lines of a message, and notes that were added.
    pub(super) fn message_rest(&self, exception: &Exception) -> Markup {
        let lines = header::message(exception);
        html! {
            @if lines.len() > 1 {
                pre.message { @for rest in &lines[1..] { (line(rest)) "\n" } }
            }
            @for note in exception.notes.iter().take(self.bounds.notes) { p.added { span.d { "note" } " " (self.note(note)) } }
            (self.rest_of(exception.notes.len(), "note"))
        }
    }

    fn note(&self, note: &Node) -> Markup {
        match &note.value {
            Some(Scalar::Text(text)) => {
                let lines = text.trim_end().split('\n').take(header::MAX_LINES);
                html! { @for text in lines { (plain(text, header::MAX_LINE)) br; } }
            }
            _ => self.chip(&gap::chip(note), note.reason()),
        }
    }

    /// The title of the document, as text.
    pub(super) fn title(&self) -> String {
        let snapshot = self.snapshot;
        let lines = snapshot.captured().map(header::message);
        let first = lines.and_then(|lines| lines.first().map(Line::plain));
        let what = plain(&first.unwrap_or_else(|| "an error".to_owned()), 120);
        let frame = snapshot.captured().and_then(|exception| {
            let frames = exception.frames.iter();
            let mut frames = frames.filter_map(|&at| snapshot.frames.get(at as usize));
            frames.clone().find(|frame| frame.in_app).or(frames.next())
        });
        match frame {
            Some(frame) => format!("{what} in {}", plain(&frame.function, 80)),
            None => what,
        }
    }

    /// The error and the facts about it.
    pub(super) fn header(&self, view: &HtmlView) -> Markup {
        let snapshot = self.snapshot;
        let clock = view.clock.unwrap_or(Clock::utc(0));
        let met = plain(&header::met(snapshot), 120);
        let uncaught = snapshot.captured().and_then(|exception| exception.handled) == Some(false);
        html! {
            header {
                @let title = html! {
                    @match snapshot.captured() {
                        Some(exception) => { (self.message(exception)) }
                        None => { "an error" }
                    }
                };
                @let long = title.0.len() > LONG;
                @if self.whole { h1.long[long] { (title) } } @else { p.h1.long[long] { (title) } }
                @if let Some(exception) = snapshot.captured() { (self.message_rest(exception)) }
                ul.facts {
                    li.met.bad[uncaught] { (met) }
                    @if !snapshot.service.is_empty() {
                        li { "in " b { (plain(&snapshot.service, 80)) }
                            @if let Some(version) = &snapshot.version { " " (plain(version, 60)) } }
                    }
                    @if let Some(env) = &snapshot.env { li { (plain(env, 60)) } }
                    li { time datetime=(instant(snapshot.timestamp)) { (clock.date_time(snapshot.timestamp)) } }
                    li { "snapshot " code.i { (snapshot.id.short()) } }
                    @if let Some(issue) = &view.issue {
                        li { "issue " code.i { (plain(head(&issue.key, 8), 8)) }
                            @match issue.times {
                                0 | 1 => ", the first time",
                                times => {
                                    ", " (counted(times, "time")) " since " (clock.date(issue.first_ns))
                                    @if issue.kept != times { ", values kept for " (grouped(issue.kept)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// The failing line and the values on it.
    pub(super) fn glance(&self) -> Markup {
        let Some(exception) = self.snapshot.captured() else {
            return html! {};
        };
        let view = View::default();
        let stack = Stack::of(self.snapshot, &view, 0, exception);
        let (Some(raising), Some(nearest)) = (stack.raising(), stack.nearest()) else {
            return html! { p.note { "no frame was captured" } };
        };
        html! {
            section.glance aria-labelledby="glance" {
                h2 #glance { "At a glance" }
                (self.glimpse(raising, if raising.0 == nearest.0 { "raised in" } else { "raised by a library in" }))
                @if nearest.0 != raising.0 { (self.glimpse(nearest, "reached from")) }
            }
        }
    }

    fn glimpse(&self, (at, frame): (usize, &Frame), how: &str) -> Markup {
        let ranking = Ranking::of(frame, self.look);
        let telling: Vec<_> = if closed(frame).is_some() {
            Vec::new()
        } else if ranking.used.is_empty() {
            ranking.telling().take(3).collect()
        } else {
            ranking.used.iter().take(GLANCE).collect()
        };
        html! {
            p.place { (how) " " a href={ "#" (self.link('f', at)) } { (plain(&frame.function, 120)) } " " span.where { (plain(&location(frame), 200)) } }
            (self.source(frame, 0))
            @if let Some(why) = closed(frame) { p.note { (self.chip(&Line::of(Style::Gap, &why), super::reason(frame.not_captured_reason.as_deref()))) } }
            @if !telling.is_empty() {
                ul.brief { @for variable in telling { li { (self.brief(at, variable, GLANCE_VALUE)) } } }
            }
        }
    }

    /// The exceptions, one per line, each with what it is to the one before.
    pub(super) fn rail(&self) -> Markup {
        let order = &self.chain.order;
        if order.len() < 2 {
            return html! {};
        }
        let group = self
            .snapshot
            .captured()
            .is_some_and(|exception| !exception.members.is_empty());
        html! {
            nav.rail aria-label="Exceptions" {
                ol {
                    @for &index in order.iter().take(50) {
                        @if let Some(exception) = self.snapshot.exceptions.get(index) {
                            @let link = self.chain.link(index).trim();
                            li.member[link == "member"].below[group && index > 0 && link != "member"] {
                                span.d { (if index == 0 { "captured" } else { link }) } " "
                                a href={ "#" (self.link('x', index)) } { (self.message(exception)) }
                                @if let Some(frame) = exception.frames.first().and_then(|&at| self.snapshot.frames.get(at as usize)) {
                                    " " span.where { (plain(&location(frame), 200)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// An instant as HTML has it.
fn instant(ns: u64) -> String {
    let clock = Clock::utc(0);
    format!("{}T{}Z", clock.date(ns), clock.time(ns))
}

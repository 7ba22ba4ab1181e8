//! Lines of styled text, gaps and source as HTML.

use maud::{Markup, html};
use stillframe_core::reason::Reason;
use stillframe_core::snapshot::{Frame, Omitted};

use super::Writer;
use crate::render::frame::STALE;
use crate::render::line::{Line, Style};
use crate::render::text::counted;
use crate::render::{gap, source};

/// Bytes of a line of source, where nothing in it is marked.
const MAX_SOURCE: usize = 500;

/// The class of a piece of text; none for ordinary text.
fn class(style: Style) -> Option<&'static str> {
    Some(match style {
        Style::Plain | Style::Good | Style::Bad => return None,
        Style::Strong => "b",
        Style::Dim => "d",
        Style::Error => "e",
        Style::Name => "n",
        Style::Str => "s",
        Style::Literal => "l",
        Style::Type => "t",
        Style::Gap => "g",
        Style::Redacted => "r",
        Style::Id => "i",
    })
}

/// The pieces of a line.
pub(super) fn line(line: &Line) -> Markup {
    html! {
        @for (style, text) in line.spans() {
            @match class(style) {
                Some(class) => { span class=(class) { (text) } }
                None => { (text) }
            }
        }
    }
}

/// A line as code; of one piece without an element for that.
pub(super) fn code(written: &Line) -> Markup {
    let mut spans = written.spans();
    match (spans.next(), spans.next()) {
        (Some((style, text)), None) => html! { code class=[class(style)] { (text) } },
        _ => html! { code { (line(written)) } },
    }
}

/// Program text, cleaned, at most `bytes` of it.
pub(super) fn plain(text: &str, bytes: usize) -> String {
    let kept = crate::render::text::head(text, bytes);
    let mut out = crate::render::text::clean(kept).into_owned();
    if kept.len() < text.len() {
        out.push('…');
    }
    out
}

/// A clean line of source, not longer than anybody reads.
fn cut(text: &str) -> Markup {
    let kept = crate::render::text::head(text, MAX_SOURCE);
    html! { (kept) @if kept.len() < text.len() { "…" } }
}

/// A line without the brackets that set it apart in plain text.
fn bare(line: &Line) -> String {
    let text = line.plain();
    let inner = text.trim().strip_prefix('[');
    let inner = inner.and_then(|inner| inner.strip_suffix(']'));
    match inner.filter(|inner| !inner.contains('[')) {
        Some(inner) => inner.to_owned(),
        None => text.trim().to_owned(),
    }
}

impl Writer<'_> {
    /// Why something is not shown, or not whole. On a page it leads to what can be done about it.
    pub(super) fn chip(&self, line: &Line, reason: Option<Reason>) -> Markup {
        self.named(reason);
        let text = bare(line);
        let hidden = reason.is_some_and(Reason::is_redaction);
        let class = if hidden { "chip r" } else { "chip" };
        match reason.filter(|_| self.whole) {
            Some(reason) => {
                html! { a class=(class) href={ "#why-" (reason.as_str()) } { (text) } }
            }
            None => html! { span class=(class) { (text) } },
        }
    }

    /// What is missing in one place.
    pub(super) fn omitted(&self, gap: &Omitted) -> Markup {
        self.chip(&gap::omitted(gap), gap.reason())
    }

    /// What is missing in several places.
    pub(super) fn gaps(&self, gaps: &[Omitted]) -> Markup {
        html! {
            @for gap in gaps.iter().take(self.bounds.notes) { p.note { (self.omitted(gap)) } }
            (self.rest_of(gaps.len(), "gap"))
        }
    }

    /// That there are more than the notes that are written, if so.
    pub(super) fn rest_of(&self, count: usize, what: &str) -> Markup {
        let left = count.saturating_sub(self.bounds.notes) as u64;
        html! { @if left > 0 { p.note { (self.left_out(&counted(left, what), "--json")) } } }
    }

    /// What there is no room for on the page.
    pub(super) fn left_out(&self, what: &str, how: &str) -> Markup {
        let command = format!("{} {how}", self.command());
        html! { span.chip title={ "All of it: " (command) } { (what) " not on this page: " (command) } }
    }

    /// The source lines of a frame around the failing one.
    pub(super) fn source(&self, frame: &Frame, around: u32) -> Markup {
        let lines = source::lines(frame, around);
        let width = lines.last().map_or(1, |line| line.number.to_string().len());
        html! {
            @if !lines.is_empty() {
                pre.src tabindex="0" role="group" aria-label={ "Source of " (plain(&frame.function, 120)) } {
                    @for line in &lines {
                        @let number = format!("{:>width$}", line.number);
                        @if line.failing {
                            span.at data-n=(number) aria-current="true" {
                                @match line.parts() {
                                    Some((before, failing, after)) => { (before) mark { (failing) } (after) }
                                    None => { (cut(&line.text)) }
                                }
                            }
                        } @else {
                            span data-n=(number) { (cut(&line.text)) }
                        }
                        "\n"
                    }
                }
                @if frame.source.as_ref().is_some_and(|source| source.stale) {
                    p.note { span.chip { (bare(&Line::of(Style::Gap, STALE))) } }
                }
            }
        }
    }
}

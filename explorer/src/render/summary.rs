//! What `stillframe run` says when the program has ended: printed to standard error, below the program's own traceback.
//!
//! The error, its failing line and the values on it, what the capture cost, and the command that shows the rest. The Python
//! extension calls this in the process that failed, so it needs no store and no index.

use stillframe_core::snapshot::{Frame, Snapshot};

use super::footer;
use super::frame::{Frames, location};
use super::gap;
use super::header;
use super::line::{Line, Page, Style};
use super::paths::{Owner, Paths};
use super::rank::Ranking;
use super::source;
use super::terminal::Terminal;
use super::text;
use super::tree::Depth;
use super::value::{Inline, look};

/// Errors told at most.
const MOST: usize = 5;

/// What happened in a process.
#[derive(Debug, Clone, Default)]
pub struct SummaryInput {
    /// The snapshots that were captured, oldest first.
    pub snapshots: Vec<Snapshot>,
    /// Snapshots captured before those and no longer at hand.
    pub earlier: u64,
    /// Why the error that ended the program has no values, with the way out, if it has none.
    pub not_captured: Option<String>,
    /// Why nothing could be stored, if so; then there is nothing to show later.
    pub not_stored: Option<String>,
}

/// The summary; empty if nothing happened.
pub fn summary(input: &SummaryInput, terminal: &Terminal) -> String {
    let mut page = Page::new(terminal);
    let Some((last, before)) = input.snapshots.split_last() else {
        if let Some(why) = &input.not_captured {
            rule(&mut page);
            page.wrapped(
                Line::of(Style::Plain, &format!("no values were captured: {why}")),
                2,
            );
        }
        return page.render();
    };
    rule(&mut page);
    let hidden = input.earlier + before.len().saturating_sub(MOST - 1) as u64;
    if hidden > 0 {
        page.line(Line::of(
            Style::Dim,
            &format!(
                "{} before (stillframe list)",
                text::counted(hidden, "error")
            ),
        ));
    }
    for snapshot in before.iter().skip(before.len().saturating_sub(MOST - 1)) {
        page.line(one_line(snapshot));
    }
    if !before.is_empty() {
        page.gap();
    }
    details(&mut page, last);
    if let Some(why) = &input.not_captured {
        page.wrapped(
            Line::of(
                Style::Gap,
                &format!("the error that ended the program has no values: {why}"),
            ),
            2,
        );
    }
    match &input.not_stored {
        Some(why) => page.wrapped(Line::of(Style::Bad, &format!("not stored: {why}")), 2),
        None => page.line(Line::of(
            Style::Id,
            &format!("stillframe show {}", last.id.short()),
        )),
    }
    page.render()
}

/// `-- stillframe -----`
fn rule(page: &mut Page<'_>) {
    let glyph = page.terminal().glyphs().rule;
    let mut line = Line::of(Style::Dim, &glyph.repeat(2));
    line.push(Style::Dim, " stillframe ");
    let rest = page.terminal().width.min(80).saturating_sub(line.width());
    line.push(Style::Dim, &glyph.repeat(rest));
    page.line(line);
}

/// An earlier error: its id, what and where.
fn one_line(snapshot: &Snapshot) -> Line {
    let mut line = Line::of(Style::Id, &snapshot.id.short());
    line.space(2);
    if let Some(exception) = snapshot.captured() {
        let place = exception
            .frames
            .iter()
            .filter_map(|&at| snapshot.frames.get(at as usize));
        let nearest = place
            .clone()
            .find(|frame| frame.in_app)
            .or_else(|| place.clone().next());
        if let Some(frame) = nearest {
            line.push(Style::Dim, &location(frame)).space(2);
        }
        line.extend(
            &header::message(exception)
                .into_iter()
                .next()
                .unwrap_or_default(),
        );
    }
    line
}

/// The error that matters most: the last one.
fn details(page: &mut Page<'_>, snapshot: &Snapshot) {
    let Some(exception) = snapshot.captured() else {
        return;
    };
    let look = look(&snapshot.runtime.language);
    let paths = Paths::of(snapshot, look);
    let frames = || {
        exception
            .frames
            .iter()
            .filter_map(|&at| Some((at as usize, snapshot.frames.get(at as usize)?)))
    };
    let nearest = frames()
        .find(|(_, frame)| frame.in_app)
        .or_else(|| frames().next());
    let mut title = header::message(exception).into_iter();
    let first = title.next().unwrap_or_default();
    match nearest {
        Some((_, frame)) => {
            let place = format!("{} in {}", location(frame), text::head(&frame.function, 60));
            page.spread(first, &Line::of(Style::Plain, &place));
        }
        None => page.wrapped(first, 2),
    }
    if title.next().is_some() {
        page.line(Line::of(
            Style::Dim,
            &format!("  {}", page.terminal().glyphs().ellipsis),
        ));
    }
    let opened = |page: &mut Page<'_>, at: usize, frame: &Frame, around: u32| {
        let glyphs = page.terminal().glyphs();
        for line in source::excerpt(frame, around, page.terminal().width, glyphs) {
            page.line(line);
        }
        let inline = Inline {
            look,
            paths: &paths,
            glyphs,
            owner: Owner::Frame(at),
            repeat: true,
        };
        let depth = Depth {
            levels: 0,
            all: false,
        };
        values(page, &Frames { inline, depth }, frame);
        page.gap();
    };
    if let Some((at, frame)) = nearest {
        page.gap();
        opened(page, at, frame, 1);
        // A library's own line often says what the program's cannot.
        if let Some((raising, frame)) = frames().next().filter(|(raising, _)| *raising != at) {
            let place = format!("{} in {}", location(frame), text::head(&frame.function, 60));
            page.line(Line::of(Style::Dim, &format!("raised at {place}")));
            opened(page, raising, frame, 0);
        }
    }
    page.wrapped(
        Line::of(
            Style::Dim,
            &footer::receipt(&snapshot.receipt, snapshot.frames.len()),
        ),
        2,
    );
    for line in footer::losses(snapshot) {
        page.wrapped(line, 2);
    }
}

/// The values on the failing line, side by side where they fit; else the most telling ones.
fn values(page: &mut Page<'_>, writer: &Frames<'_>, frame: &Frame) {
    const INDENT: usize = 4;
    let room = page.terminal().width - INDENT;
    let ranking = Ranking::of(frame, writer.inline.look);
    let mut line = Line::default();
    if ranking.used.is_empty() {
        let mut telling = Line::default();
        telling.space(INDENT).extend(&writer.telling(frame, room));
        if telling.width() > INDENT {
            page.line(telling);
        }
        return;
    }
    for variable in ranking.used.iter().take(8) {
        let mut item = Line::of(Style::Name, text::head(&variable.name, 40));
        item.push(Style::Plain, " = ");
        let inlined = writer
            .inline
            .value(variable.node, room.saturating_sub(item.width()));
        item.extend(&inlined.line);
        if !line.is_empty() && line.width() + 4 + item.width() > INDENT + room {
            page.line(std::mem::take(&mut line));
        }
        line.space(INDENT).extend(&item);
    }
    page.line(line);
    for gap in &frame.omitted {
        let mut line = Line::default();
        line.space(INDENT).extend(&gap::omitted(gap));
        page.line(line);
    }
}

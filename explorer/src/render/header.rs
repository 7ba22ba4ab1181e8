//! The top of a page: the error, where and when, and how often.

use stillframe_core::snapshot::{Exception, Node, Scalar, Snapshot};

use super::gap;
use super::line::{Line, Page, Style};
use super::show::{IssueFacts, Scene};
use super::text;
use super::time::Clock;

/// Lines of a message that are shown.
pub(super) const MAX_LINES: usize = 12;
/// Bytes of one line of a message that are shown.
pub(super) const MAX_LINE: usize = 600;

/// The header of a page.
pub(super) fn write(
    page: &mut Page<'_>,
    scene: &Scene<'_>,
    issue: Option<&IssueFacts>,
    clock: &Clock,
) {
    let snapshot = scene.snapshot;
    let mut right = Line::of(Style::Id, &snapshot.id.short());
    right.push(Style::Dim, &format!(", {}", clock.ago(snapshot.timestamp)));
    match snapshot.captured() {
        Some(exception) => {
            let mut lines = message(exception).into_iter();
            page.spread(lines.next().unwrap_or_default(), &right);
            lines.for_each(|line| page.wrapped(line, 4));
            notes(page, exception);
        }
        None => page.spread(Line::of(Style::Error, "an error"), &right),
    }
    page.wrapped(facts(snapshot, clock), 2);
    page.wrapped(Line::of(Style::Dim, &process(snapshot)), 2);
    if let Some(issue) = issue {
        page.wrapped(issue_line(issue, clock), 2);
    }
    context(page, snapshot);
    overview(page, scene);
}

/// The title of an exception that is not the captured one: how it is linked, what it is.
pub(super) fn title_of(page: &mut Page<'_>, scene: &Scene<'_>, index: usize) {
    let Some(exception) = scene.snapshot.exceptions.get(index) else {
        return;
    };
    let mut line = Line::of(Style::Dim, scene.chain.link(index));
    let mut lines = message(exception).into_iter();
    line.extend(&lines.next().unwrap_or_default());
    page.wrapped(line, 4);
    lines.for_each(|line| page.wrapped(line, 4));
    notes(page, exception);
    if let Some(reason) = &exception.not_captured_reason {
        let limit = exception
            .limit
            .as_ref()
            .map(|limit| format!(": {} = {}", limit.name, limit.value));
        let text = format!("  [not captured: {reason}{}]", limit.unwrap_or_default());
        page.line(Line::of(Style::Gap, &text));
    }
}

/// `KeyError: 'EUR'`, a multi-line message on several lines.
pub(super) fn message(exception: &Exception) -> Vec<Line> {
    let mut first = Line::of(Style::Error, text::head(&exception.type_name, 200));
    let mut lines = Vec::new();
    let is_empty = |value: &Scalar| matches!(value, Scalar::Text(text) if text.is_empty());
    match exception.message.as_ref() {
        Some(Node {
            value: Some(value),
            truncated,
            ..
        }) if !(exception.message_unknown && is_empty(value)) => {
            let text = value.to_string();
            let mut parts = text.trim_end().split('\n');
            if let Some(part) = parts.next().filter(|part| !part.is_empty()) {
                first
                    .push(Style::Error, ": ")
                    .push(Style::Strong, text::head(part, MAX_LINE));
            }
            lines.push(first);
            let rest: Vec<&str> = parts.collect();
            for part in rest.iter().take(MAX_LINES) {
                let mut line = Line::default();
                line.space(2).push(
                    Style::Strong,
                    &text::expand_tabs(text::head(part, MAX_LINE)),
                );
                lines.push(line);
            }
            if rest.len() > MAX_LINES || *truncated {
                lines.push(Line::of(
                    Style::Gap,
                    "  [the message goes on; all that was kept is in --json]",
                ));
            }
        }
        Some(node) if node.not_captured_reason.is_some() => {
            first.push(Style::Error, ": ").extend(&gap::chip(node));
            lines.push(first);
        }
        _ if exception.message_unknown => {
            first.push(
                Style::Gap,
                "  [its own code makes the message and is not run; the traceback has it]",
            );
            lines.push(first);
        }
        _ => lines.push(first),
    }
    lines
}

fn notes(page: &mut Page<'_>, exception: &Exception) {
    for note in &exception.notes {
        let mut line = Line::of(Style::Dim, "  note  ");
        match &note.value {
            Some(Scalar::Text(text)) => {
                let mut parts = text.trim_end().split('\n').take(MAX_LINES);
                line.push(
                    Style::Plain,
                    text::head(parts.next().unwrap_or(""), MAX_LINE),
                );
                page.wrapped(line, 8);
                for part in parts {
                    let mut line = Line::default();
                    line.space(8).push(Style::Plain, text::head(part, MAX_LINE));
                    page.wrapped(line, 8);
                }
            }
            _ => {
                line.extend(&gap::chip(note));
                page.line(line);
            }
        }
    }
}

/// `uncaught in shop 1.4.2, production, 2026-11-21 12:02:11 UTC`
fn facts(snapshot: &Snapshot, clock: &Clock) -> Line {
    let mut line = Line::default();
    line.push(Style::Plain, &met(snapshot));
    if !snapshot.service.is_empty() {
        line.push(Style::Plain, " in ")
            .push(Style::Strong, text::head(&snapshot.service, 80));
    }
    if let Some(version) = &snapshot.version {
        line.push(Style::Plain, " ")
            .push(Style::Plain, text::head(version, 60));
    }
    if let Some(env) = &snapshot.env {
        line.push(Style::Plain, &format!(", {}", text::head(env, 60)));
    }
    line.push(Style::Plain, ", ")
        .push(Style::Plain, &clock.date_time(snapshot.timestamp));
    line
}

/// How the captured exception was met: `uncaught`, `caught and logged`, `uncaught (wsgi)`.
pub(super) fn met(snapshot: &Snapshot) -> String {
    let exception = snapshot.captured();
    let handled = exception.and_then(|exception| exception.handled);
    let mechanism = exception.and_then(|exception| exception.mechanism.as_deref());
    let how = match (handled, mechanism) {
        (Some(true), Some("logging")) => "caught and logged",
        (Some(true), _) => "caught",
        (Some(false), _) => "uncaught",
        (None, _) => "raised",
    };
    match mechanism.filter(|name| !matches!(*name, "logging" | "excepthook" | "uncaught")) {
        Some(mechanism) => format!("{how} ({})", text::head(mechanism, 60)),
        None => how.to_owned(),
    }
}

/// `python 3.11.7, host web-3, pid 4711, thread MainThread`
fn process(snapshot: &Snapshot) -> String {
    let mut details = Vec::new();
    let runtime = &snapshot.runtime;
    if !runtime.language.is_empty() {
        let version = runtime.version.as_deref().unwrap_or("");
        details.push(
            format!(
                "{} {}",
                text::head(&runtime.language, 20),
                text::head(version, 40)
            )
            .trim_end()
            .to_owned(),
        );
    }
    if let Some(host) = &snapshot.host {
        details.push(format!("host {}", text::head(host, 60)));
    }
    if snapshot.pid != 0 {
        details.push(format!("pid {}", snapshot.pid));
    }
    // A number alone says nothing to a person; `--json` has it.
    if let Some(name) = snapshot
        .thread
        .as_ref()
        .and_then(|thread| thread.name.as_ref())
    {
        details.push(format!("thread {}", text::head(name, 60)));
    }
    details.join(", ")
}

fn issue_line(issue: &IssueFacts, clock: &Clock) -> Line {
    let mut line = Line::of(Style::Plain, "issue ");
    line.push(Style::Id, text::head(&issue.key, 8));
    let times = match issue.times {
        0 | 1 => ": the first time".to_owned(),
        times => {
            let times = text::counted(times, "time");
            let since = clock.since(issue.first_ns);
            if issue.kept == issue.times {
                format!(": {times} {since}")
            } else {
                format!(
                    ": {times} {since}, values kept for {}",
                    text::grouped(issue.kept)
                )
            }
        }
    };
    line.push(Style::Plain, &times);
    line
}

/// Trace, user, attributes of the request.
fn context(page: &mut Page<'_>, snapshot: &Snapshot) {
    const MOST: usize = 12;
    let Some(context) = &snapshot.context else {
        return;
    };
    let mut line = Line::default();
    let mut item = |name: &str, value: &str| {
        if !line.is_empty() {
            line.space(3);
        }
        line.push(Style::Name, text::head(name, 60))
            .push(Style::Plain, "=");
        line.push(Style::Plain, text::head(value, 120));
    };
    for (name, value) in context.user.iter() {
        item(&format!("user.{name}"), &value.to_string());
    }
    for (name, value) in context.attributes.iter().take(MOST) {
        item(name, &value.to_string());
    }
    for (name, id) in [("trace", &context.trace_id), ("span", &context.span_id)] {
        if let Some(id) = id {
            item(name, id);
        }
    }
    for link in &context.session_links {
        item(&link.name, link.url.as_deref().unwrap_or(&link.id));
    }
    if context.attributes.len() > MOST {
        line.push(
            Style::Dim,
            &format!("   ... {} more in --json", context.attributes.len() - MOST),
        );
    }
    if !line.is_empty() {
        page.wrapped(line, 2);
    }
    for gap in &context.omitted {
        page.line(gap::omitted(gap));
    }
}

/// The exceptions behind this one, in one line each; a group as a tree.
fn overview(page: &mut Page<'_>, scene: &Scene<'_>) {
    let snapshot = scene.snapshot;
    let order = &scene.chain.order;
    if order.len() < 2 {
        return;
    }
    let glyphs = page.terminal().glyphs();
    let members = snapshot
        .captured()
        .map_or(&[][..], |exception| &exception.members);
    for &index in order.iter().skip(1) {
        let Some(exception) = snapshot.exceptions.get(index) else {
            continue;
        };
        let at = u32::try_from(index).unwrap_or(u32::MAX);
        let mut line = Line::default();
        match members.iter().position(|&member| member == at) {
            Some(place) => {
                let last = place + 1 == members.len();
                line.push(
                    Style::Dim,
                    if last {
                        glyphs.last_branch
                    } else {
                        glyphs.branch
                    },
                )
                .space(1);
            }
            None => {
                // What led to a member stands below that.
                let indent = if members.is_empty() {
                    0
                } else {
                    glyphs.branch.chars().count() + 1
                };
                line.space(indent).push(Style::Dim, scene.chain.link(index));
            }
        }
        line.extend(&message(exception).into_iter().next().unwrap_or_default());
        if let Some(frame) = exception
            .frames
            .first()
            .and_then(|&at| snapshot.frames.get(at as usize))
        {
            let place = Line::of(Style::Dim, &super::frame::location(frame));
            if line.width() + 2 + place.width() <= page.terminal().width {
                line.space(2).extend(&place);
            }
        }
        page.line(line);
    }
}

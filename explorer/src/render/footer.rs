//! The bottom of a page: what the capture cost, hid and cut, and how to get more.

use stillframe_core::reason::Reason;
use stillframe_core::snapshot::{Receipt, Snapshot};

use super::line::{Line, Page, Style};
use super::show::Scene;
use super::text::{counted, grouped, head};
use super::time;

/// The receipt, and what to type next.
pub(super) fn write(page: &mut Page<'_>, scene: &Scene<'_>) {
    let (snapshot, view) = (scene.snapshot, scene.view);
    page.wrapped(
        Line::of(
            Style::Dim,
            &receipt(&snapshot.receipt, snapshot.frames.len()),
        ),
        2,
    );
    for line in losses(snapshot) {
        page.wrapped(line, 2);
    }
    let mut more = Vec::new();
    if !view.all_frames && snapshot.frames.iter().any(|frame| !frame.in_app) {
        more.push("-a all frames");
    }
    if !view.all_values {
        more.push("-v all values");
    }
    more.extend(["-f NAME one frame", "--json", "--md"]);
    page.wrapped(
        Line::of(Style::Dim, &format!("more: {}", more.join(", "))),
        2,
    );
}

/// `14 frames, 214 values in 0.09 ms on the raising thread, 3.1 kB`
pub(super) fn receipt(receipt: &Receipt, frames: usize) -> String {
    format!(
        "{}, {} in {} on the raising thread, {}",
        counted(frames as u64, "frame"),
        counted(receipt.values.into(), "value"),
        time::duration(receipt.duration),
        time::size(receipt.bytes.into()),
    )
}

/// What was hidden and what was cut, with the limits behind it; nothing where nothing was.
pub(super) fn losses(snapshot: &Snapshot) -> Vec<Line> {
    let receipt = &snapshot.receipt;
    let mut lines = Vec::new();
    let hidden: Vec<String> = receipt
        .redacted
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(word, count)| {
            let by = match reason(word) {
                Some(Reason::RedactedIdent) => "by name",
                Some(Reason::RedactedType) => "by type",
                Some(Reason::RedactedValue) => "by content",
                _ => word,
            };
            format!("{} {by}", grouped((*count).into()))
        })
        .collect();
    if !hidden.is_empty() {
        lines.push(Line::of(
            Style::Redacted,
            &format!("redacted: {}", hidden.join(", ")),
        ));
    }
    let cut: Vec<String> = receipt
        .cut
        .iter()
        .filter(|(word, count)| **count > 0 && reason(word) != Some(Reason::Unbound))
        .map(|(word, count)| cut(word, (*count).into(), receipt))
        .collect();
    if !cut.is_empty() {
        let mut text = format!("cut: {}", cut.join(", "));
        if let Some(setting) = raised(receipt) {
            let key = snapshot.fingerprint.as_ref().map(|issue| &issue.key);
            let more = match key.filter(|key| key.len() >= 8) {
                Some(key) => format!("stillframe deeper {}, always with {setting}", head(key, 8)),
                None => setting,
            };
            text.push_str(&format!("; more next time with {more}"));
        }
        lines.push(Line::of(Style::Gap, &text));
    }
    lines
}

/// `STILLFRAME_LIMITS_DEPTH=8`: the first limit that cut something, twice as high.
fn raised(receipt: &Receipt) -> Option<String> {
    let limits = receipt.cut.iter().filter(|(_, count)| **count > 0);
    let name = limits
        .filter_map(|(word, _)| reason(word)?.limit())
        .next()?;
    let value = receipt.limits.get(name)?.saturating_mul(2);
    Some(format!(
        "STILLFRAME_{}={value}",
        name.replace('.', "_").to_uppercase()
    ))
}

/// `13 deeper than limits.depth = 4`
fn cut(word: &str, count: u64, receipt: &Receipt) -> String {
    let Some(reason) = reason(word) else {
        return format!("{} {word}", grouped(count));
    };
    let limit = |name: &str| match receipt.limits.get(name) {
        Some(value) => format!("{name} = {value}"),
        None => name.to_owned(),
    };
    match reason {
        Reason::Depth => format!("{} deeper than {}", grouped(count), limit("limits.depth")),
        Reason::FieldCount => format!(
            "{} over {}",
            counted(count, "object"),
            limit("limits.fields")
        ),
        Reason::CollectionSize => {
            format!(
                "{} over {}",
                counted(count, "collection"),
                limit("limits.items")
            )
        }
        Reason::Length => format!("{} over {}", counted(count, "text"), limit("limits.string")),
        Reason::Frames => format!(
            "{} over {}",
            counted(count, "frame"),
            limit("limits.frames")
        ),
        Reason::Chain => {
            format!(
                "{} over {}",
                counted(count, "exception"),
                limit("limits.exceptions")
            )
        }
        Reason::Timeout => {
            format!(
                "{} after {} us",
                counted(count, "value"),
                limit("limits.soft_time")
            )
        }
        Reason::Budget => format!(
            "{} over {}",
            counted(count, "value"),
            limit("limits.values")
        ),
        _ => format!("{} {}", grouped(count), reason.said()),
    }
}

fn reason(word: &str) -> Option<Reason> {
    Reason::ALL
        .into_iter()
        .find(|reason| reason.as_str() == word)
}

//! One snapshot as Markdown for a chat, a ticket or a language model, within a budget of tokens.
//!
//! Most telling first, so that a small budget still holds the answer: the error, the failing lines, the values on them; then the
//! other values of that frame, the exceptions behind it, the other frames of the program. The last line says what was left out.

use stillframe_core::snapshot::{Exception, Frame, Snapshot};

use super::chain::Chain;
use super::frame::location;
use super::gap;
use super::layout::arrange;
use super::paths::{Owner, Paths};
use super::rank::Ranking;
use super::terminal::Terminal;
use super::text;
use super::value::{Inline, Look, look};
use super::{footer, header};

/// Characters that a token stands for, about.
const CHARACTERS: usize = 4;
/// Smallest budget in tokens: less could not hold the error itself.
pub const LEAST_TOKENS: usize = 60;
/// Characters kept free for the last line.
const LAST_LINE: usize = 160;
/// Widest value, in columns.
const VALUE: usize = 160;

/// A part of the document, and what to say if there was no room for it.
struct Part {
    text: String,
    name: &'static str,
    count: u64,
}

/// The snapshot in Markdown of at most `tokens` tokens, about four characters each; without a limit if `None`.
pub fn markdown(snapshot: &Snapshot, tokens: Option<usize>) -> String {
    let look = look(&snapshot.runtime.language);
    let chain = &Chain::of(snapshot);
    let snapshot = &arrange(snapshot, &opened(snapshot, chain), 2);
    let paths = Paths::of(snapshot, look);
    let writer = Writer {
        snapshot,
        look,
        paths: &paths,
        chain,
    };
    let budget = tokens.map_or(usize::MAX, |tokens| {
        tokens.max(LEAST_TOKENS).saturating_mul(CHARACTERS)
    });
    let mut out = String::new();
    let title = writer.title();
    // Room for the last line, which always comes.
    let room = budget.saturating_sub(LAST_LINE);
    push_head(&mut out, &title, room);
    let mut used = out.chars().count();
    let mut left_out: Vec<(&'static str, u64)> = Vec::new();
    for part in writer.parts() {
        // What comes after something that was left out would be read as coming next.
        let gap_before = left_out.iter().any(|(name, _)| *name == part.name);
        let length = part.text.chars().count();
        if !gap_before && used + length <= room {
            out.push_str(&part.text);
            used += length;
        } else {
            match left_out.iter_mut().find(|(name, _)| *name == part.name) {
                Some((_, count)) => *count += part.count,
                None => left_out.push((part.name, part.count)),
            }
        }
    }
    let id = snapshot.id.short();
    if left_out.is_empty() {
        out.push_str(&format!("\n_Nothing of this is left out. Library frames, deeper values: `stillframe show {id} --json`_\n"));
    } else {
        let what: Vec<String> = left_out
            .iter()
            .map(|(name, count)| text::counted(*count, name))
            .collect();
        out.push_str(&format!(
            "\n_Left out: {}. All: `stillframe show {id} --json`_\n",
            what.join(", ")
        ));
    }
    out
}

/// The frames whose values are told one by one.
fn opened(snapshot: &Snapshot, chain: &Chain) -> Vec<Owner> {
    let nearest = |index: usize| {
        let exception = snapshot.exceptions.get(index)?;
        let mut frames = exception.frames.iter().map(|&at| at as usize);
        let in_app = |at: &usize| snapshot.frames.get(*at).is_some_and(|frame| frame.in_app);
        let raising = exception.frames.first().map(|&at| at as usize);
        frames.find(in_app).or(raising).map(Owner::Frame)
    };
    let order = chain.order.iter().copied();
    order.filter_map(nearest).collect()
}

/// As much of the title as there is room for, whole lines apart from the first.
fn push_head(out: &mut String, text: &str, room: usize) {
    for line in text.split_inclusive('\n') {
        let used = out.chars().count();
        if used + line.chars().count() > room {
            if used == 0 {
                out.extend(line.chars().take(room.saturating_sub(2)));
                out.push_str("…\n");
            }
            return;
        }
        out.push_str(line);
    }
}

struct Writer<'a> {
    snapshot: &'a Snapshot,
    look: &'static dyn Look,
    paths: &'a Paths<'a>,
    chain: &'a Chain,
}

impl Writer<'_> {
    fn title(&self) -> String {
        let snapshot = self.snapshot;
        let mut out = String::new();
        if let Some(exception) = snapshot.captured() {
            for (at, line) in header::message(exception).iter().enumerate() {
                let line = line.plain();
                out.push_str(&if at == 0 {
                    format!("# {}\n", escape(line.trim()))
                } else {
                    format!("{}\n", escape(&line))
                });
            }
        }
        let mut facts = Vec::new();
        if !snapshot.service.is_empty() {
            let version = text::head(snapshot.version.as_deref().unwrap_or(""), 60);
            facts.push(
                format!("{} {version}", text::head(&snapshot.service, 80))
                    .trim_end()
                    .to_owned(),
            );
        }
        let version = text::head(snapshot.runtime.version.as_deref().unwrap_or(""), 40);
        facts.push(
            format!("{} {version}", text::head(&snapshot.runtime.language, 20))
                .trim_end()
                .to_owned(),
        );
        facts.push(super::time::Clock::utc(0).date_time(snapshot.timestamp));
        facts.push(format!("snapshot {}", snapshot.id.short()));
        out.push_str(&format!("\n{}\n", escape(&facts.join(", "))));
        out
    }

    /// Everything else, the most telling first.
    fn parts(&self) -> Vec<Part> {
        let (mut parts, mut callers) = (Vec::new(), Vec::new());
        for &index in &self.chain.order {
            let Some(exception) = self.snapshot.exceptions.get(index) else {
                continue;
            };
            if index > 0 {
                let line = header::message(exception)
                    .first()
                    .map(|line| line.plain())
                    .unwrap_or_default();
                parts.push(Part {
                    text: format!("\n## Behind it: {}\n", escape(&line)),
                    name: "exception",
                    count: 1,
                });
            }
            self.exception(exception, &mut parts, &mut callers);
        }
        if let Some(more) = self.chain.more() {
            parts.push(Part {
                text: format!("\n## {more}\n"),
                name: "exception",
                count: 0,
            });
        }
        parts.append(&mut callers);
        let losses = footer::losses(self.snapshot);
        let losses: Vec<String> = losses.iter().map(|line| escape(&line.plain())).collect();
        if !losses.is_empty() {
            parts.push(Part {
                text: format!("\nNot shown: {}\n", losses.join("; ")),
                name: "note",
                count: 1,
            });
        }
        parts
    }

    /// The raising frame to `parts`, those above it to `callers`.
    fn exception(&self, exception: &Exception, parts: &mut Vec<Part>, callers: &mut Vec<Part>) {
        let frames: Vec<(usize, &Frame)> = exception
            .frames
            .iter()
            .filter_map(|&at| Some((at as usize, self.snapshot.frames.get(at as usize)?)))
            .collect();
        let Some(&(at, raising)) = frames
            .iter()
            .find(|(_, frame)| frame.in_app)
            .or(frames.first())
        else {
            return;
        };
        let heading = format!(
            "\n## `{}` at {}\n",
            code(&raising.function),
            escape(&location(raising))
        );
        parts.push(Part {
            text: format!("{heading}{}", source_block(raising)),
            name: "excerpt",
            count: 1,
        });
        self.table(at, raising, parts);
        let others: Vec<_> = frames
            .iter()
            .filter(|(other, frame)| *other != at && frame.in_app)
            .collect();
        if !others.is_empty() {
            let of = code(exception.short_type());
            let text = format!(
                "\nCallers of `{}` (`{of}`), nearest first:\n\n",
                code(&raising.function)
            );
            callers.push(Part {
                text,
                name: "frame",
                count: 0,
            });
        }
        for (other, frame) in others {
            callers.push(Part {
                text: self.frame_line(*other, frame),
                name: "frame",
                count: 1,
            });
        }
    }

    /// The ranked variables of a frame, one part per row.
    fn table(&self, at: usize, frame: &Frame, parts: &mut Vec<Part>) {
        let ranking = Ranking::of(frame, self.look);
        let inline = self.inline(at, false);
        let mut first = true;
        for variable in ranking.telling() {
            // Hidden values tell a reader nothing; the line at the end counts them.
            if variable
                .node
                .reason()
                .is_some_and(|reason| reason.is_redaction())
                && variable.node.value.is_none()
            {
                continue;
            }
            let value = inline.value(variable.node, VALUE).line.plain();
            let note =
                if variable.node.not_captured_reason.is_some() && variable.node.value.is_none() {
                    format!(" {}", gap::chip(variable.node).plain())
                } else {
                    String::new()
                };
            let kind = variable.node.type_name.as_deref().unwrap_or("");
            let mut text = if first {
                "\n| variable | type | value |\n|---|---|---|\n".to_owned()
            } else {
                String::new()
            };
            first = false;
            text.push_str(&format!(
                "| `{}` | {} | `{}`{} |\n",
                cell(&code(&variable.name)),
                cell(&escape(text::head(kind, 60))),
                cell(&code(&value)),
                cell(&escape(&note)),
            ));
            parts.push(Part {
                text,
                name: "variable",
                count: 1,
            });
        }
        if !ranking.unset.is_empty() {
            let names: Vec<String> = ranking
                .unset
                .iter()
                .take(20)
                .map(|name| format!("`{}`", code(name)))
                .collect();
            parts.push(Part {
                text: format!("\nNot set yet: {}\n", names.join(", ")),
                name: "note",
                count: 1,
            });
        }
    }

    fn frame_line(&self, at: usize, frame: &Frame) -> String {
        let mut line = format!("- `{}` {}", code(&frame.function), escape(&location(frame)));
        let ranking = Ranking::of(frame, self.look);
        let inline = self.inline(at, true);
        let values: Vec<String> = ranking
            .telling()
            .filter(|variable| {
                variable.node.reference.is_none()
                    && !matches!(variable.name.as_str(), "self" | "cls")
            })
            .filter(|variable| {
                !variable
                    .node
                    .reason()
                    .is_some_and(|reason| reason.is_redaction())
            })
            .take(4)
            .map(|variable| {
                format!(
                    "`{} = {}`",
                    code(&variable.name),
                    code(&inline.value(variable.node, 48).line.plain())
                )
            })
            .collect();
        if !values.is_empty() {
            line.push_str(&format!(": {}", values.join(", ")));
        }
        line.push('\n');
        line
    }

    fn inline(&self, at: usize, repeat: bool) -> Inline<'_> {
        let glyphs = Terminal {
            unicode: true,
            ..Terminal::plain()
        }
        .glyphs();
        Inline {
            look: self.look,
            paths: self.paths,
            glyphs,
            owner: Owner::Frame(at),
            repeat,
        }
    }
}

/// The failing line between its neighbours, in a fenced block.
fn source_block(frame: &Frame) -> String {
    let (Some(source), Some(line)) = (&frame.source, frame.line) else {
        return String::new();
    };
    let line = u64::from(line);
    let end = frame.end_line.map_or(line, u64::from).clamp(line, line + 8);
    let mut out = String::new();
    for (number, text) in (u64::from(source.first_line)..).zip(&source.lines) {
        if number + 2 >= line && number <= end + 2 {
            let mark = if number == line { '>' } else { ' ' };
            let text = text::clean(&text::expand_tabs(text::head(text, 300))).into_owned();
            out.push_str(&format!("{mark} {number}  {text}\n"));
        }
    }
    if out.is_empty() {
        return out;
    }
    // A fence longer than any in the text cannot be closed by it.
    let longest = out.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("\n{fence}\n{out}{fence}\n")
}

/// Text between backticks: what would end it is replaced.
fn code(text: &str) -> String {
    text::clean(text::head(text, 400)).replace('`', "'")
}

/// Text outside of code.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text::clean(text).chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        if c == '|' && before != '\\' {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
    out
}

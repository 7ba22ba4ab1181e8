//! A snapshot as the stack trace that its language prints: what people know how to read, and what other tools look for in a log.
//!
//! It is made of what was captured, so it is redacted, and nothing of the program runs for it. Exceptions and frames that were not captured
//! are said to be missing where they are missing. Text of the program keeps its line ends; nothing else is added to it.
//!
//! ```
//! use stillframe_core::encode::stacktrace;
//! use stillframe_core::snapshot::{Exception, Frame, Node, Scalar, Snapshot};
//!
//! let snapshot = Snapshot {
//!     exceptions: vec![Exception {
//!         type_name: "KeyError".into(),
//!         message: Some(Node { value: Some(Scalar::from("'EUR'")), ..Node::default() }),
//!         frames: vec![0],
//!         ..Exception::default()
//!     }],
//!     frames: vec![Frame { function: "convert".into(), file: Some("shop.py".into()), line: Some(7), ..Frame::default() }],
//!     ..Snapshot::default()
//! };
//! let mut snapshot = snapshot;
//! snapshot.runtime.language = "python".into();
//! let text = stacktrace::text(&snapshot, 1 << 10);
//! assert_eq!(text, "Traceback (most recent call last):\n  File \"shop.py\", line 7, in convert\nKeyError: 'EUR'\n");
//! ```

mod dotnet;
mod java;
mod native;
mod python;

use std::borrow::Cow;

use crate::language::Language;
use crate::snapshot::{Exception, Frame, Omitted, Scalar, Snapshot};

/// What stands at the end of a trace that was cut.
const CUT: &str = "\n[cut]\n";

/// The stack trace of a snapshot, in at most `most` bytes.
#[must_use]
pub fn text(snapshot: &Snapshot, most: usize) -> String {
    let mut trace = Trace {
        snapshot,
        out: String::new(),
        // So that the last thing written shows that it is too much.
        most: most.saturating_add(1),
        seen: vec![false; snapshot.exceptions.len()],
    };
    match Language::from_name(&snapshot.runtime.language).unwrap_or_default() {
        Language::Python => python::write(&mut trace),
        Language::Java => java::write(&mut trace),
        Language::Dotnet => dotnet::write(&mut trace),
        Language::Native | Language::Unknown => native::write(&mut trace),
    }
    let mut out = trace.out;
    if out.len() > most {
        let mut end = most.saturating_sub(CUT.len()).min(out.len());
        while !out.is_char_boundary(end) {
            end -= 1;
        }
        out.truncate(end);
        if most >= CUT.len() {
            out.push_str(CUT);
        }
    }
    out
}

/// The message of an exception as text: what was captured of it, or why it is not there. `None` if it has none.
#[must_use]
pub fn message(exception: &Exception) -> Option<Cow<'_, str>> {
    let node = exception.message.as_ref()?;
    match (&node.value, &node.rule, &node.not_captured_reason) {
        (Some(Scalar::Text(text)), ..) if text.is_empty() && exception.message_unknown => None,
        (Some(Scalar::Text(text)), ..) => Some(Cow::Borrowed(text)),
        (Some(value), ..) => Some(Cow::Owned(value.to_string())),
        (None, Some(rule), Some(_)) => Some(Cow::Owned(format!("[redacted: {rule}]"))),
        (None, _, Some(reason)) => Some(Cow::Owned(format!("[not captured: {reason}]"))),
        (None, ..) => None,
    }
}

/// Function and module of a frame as one name.
#[must_use]
pub fn qualified(frame: &Frame, separator: &str) -> String {
    let function = match frame.function.as_str() {
        "" => "<unknown>",
        function => function,
    };
    match &frame.module {
        Some(module) => format!("{module}{separator}{function}"),
        None => function.to_owned(),
    }
}

/// A trace that is being written.
struct Trace<'s> {
    snapshot: &'s Snapshot,
    out: String,
    most: usize,
    /// Exceptions that are in it. Each stands there once, however a document links them.
    seen: Vec<bool>,
}

impl<'s> Trace<'s> {
    fn push(&mut self, text: &str) {
        let mut room = self.most.saturating_sub(self.out.len()).min(text.len());
        // One character more than fits, if that is where it ends.
        while !text.is_char_boundary(room) {
            room += 1;
        }
        self.out.push_str(&text[..room]);
    }

    /// Lines with something before each of them.
    fn push_lines(&mut self, before: &str, text: &str) {
        for line in text.split('\n') {
            self.push(before);
            self.push(line.trim_end_matches('\r'));
            self.push("\n");
            if self.is_full() {
                break;
            }
        }
    }

    fn is_full(&self) -> bool {
        self.out.len() >= self.most
    }

    /// The exception of this index, the first time that it is asked for.
    fn take(&mut self, index: u32) -> Option<&'s Exception> {
        let seen = self.seen.get_mut(index as usize)?;
        if std::mem::replace(seen, true) || self.is_full() {
            return None;
        }
        self.snapshot.exceptions.get(index as usize)
    }

    fn frames(&self, exception: &'s Exception) -> Vec<Step<'s>> {
        steps(self.snapshot, exception)
    }
}

/// A line of a stack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step<'s> {
    /// A frame, and its index in the snapshot.
    Frame(usize, &'s Frame),
    /// Frames that are missing.
    Gap(&'s Omitted),
}

/// Frames of an exception with the gaps between them, raising frame first.
pub(crate) fn steps<'s>(snapshot: &'s Snapshot, exception: &'s Exception) -> Vec<Step<'s>> {
    let mut gaps: Vec<&Omitted> = exception.omitted.iter().collect();
    gaps.retain(|gap| gap.what == "frames");
    gaps.sort_by_key(|gap| gap.after);
    let mut gaps = gaps.into_iter().peekable();
    let mut steps = Vec::with_capacity(exception.frames.len() + gaps.len());
    for (position, &index) in exception.frames.iter().enumerate() {
        let before = |gap: &&Omitted| gap.after.is_none_or(|after| (after as usize) < position);
        while let Some(gap) = gaps.next_if(before) {
            steps.push(Step::Gap(gap));
        }
        let index = index as usize;
        let frame = snapshot.frames.get(index);
        steps.extend(frame.map(|frame| Step::Frame(index, frame)));
    }
    steps.extend(gaps.map(Step::Gap));
    steps
}

/// How frames that are missing are told.
pub(crate) fn missing(gap: &Omitted) -> String {
    match gap.count {
        Some(1) => "1 frame not captured".to_owned(),
        Some(count) => format!("{count} frames not captured"),
        None => "some frames not captured".to_owned(),
    }
}

/// The line of source that a frame failed in, without its indentation.
fn source_line(frame: &Frame) -> Option<&str> {
    let source = frame.source.as_ref()?;
    let at = frame.line?.checked_sub(source.first_line)?;
    let line = source.lines.get(at as usize)?.trim();
    (!line.is_empty() && !source.stale).then_some(line)
}

//! Captured values as the variables of somebody else's frames: plain JSON in few bytes, for the events of error trackers.
//!
//! ```text
//! Tape + Meta + Extras -> exceptions and frames in order -> per frame: rank -> fit -> text of values -> Vec<u8>
//! ```
//!
//! Sentry, and whoever reads its events, cuts the variables of a frame at 2048 bytes of JSON and below three containers, in the order of
//! the alphabet, so that what matters is lost by its name. What is written here fits: every variable briefly first, then in more and more
//! detail, those that the failing line uses before others. Scalars are text as the program's language writes them, containers are arrays
//! and objects, and what is not shown is a short text that says why.
//!
//! ```json
//! {"issue": "0c66…", "values": 17, "redacted": 1, "cut": 2,
//!  "exceptions": [{"type": "KeyError", "frames": [0], "cause": 1, "omitted": [{"what": "frames", "after": 8}]}],
//!  "frames": [{"function": "convert", "module": "shop", "file": "shop.py", "line": 7,
//!              "variables": {"rates": {"USD": "1.08"}, "token": "[redacted: name \"token\"]", "…": "3 more variables"}}]}
//! ```
//!
//! Members have the meaning that they have in format 1, as far as it takes to find the same frame in another tool's event. A frame of which
//! the variables were not read has no `variables`.
//!
//! Memory: the output, and buffers that are reused; besides, one list of a frame's variables per call. The work for a frame is bounded by
//! [`Options::frame_bytes`], not by its values: a value that cannot fit is given up where it is full.

mod fit;
mod key;
mod rank;
mod scalar;
mod value;

use super::escape::quote;
use super::limit::LimitTable;
use super::{Encoder, Input};
use crate::snapshot::ReasonCounts;
use crate::tape::{Exception, Frame, FrameFlags, Item, Section, Value};
use fit::Fit;
use value::Writer;

/// How much is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Most bytes of JSON for the variables of one frame.
    pub frame_bytes: usize,
    /// Most bytes of JSON for the variables of all frames. They are given to the frames in their order: those of the captured exception
    /// first, the raising frame of each first.
    pub event_bytes: usize,
}

impl Default for Options {
    /// What Sentry keeps of a frame, and a quarter of the largest event that it takes.
    fn default() -> Self {
        Self {
            frame_bytes: 2048,
            event_bytes: 256 << 10,
        }
    }
}

/// Memory that is used from frame to frame and from snapshot to snapshot.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    writer: value::Scratch,
    words: rank::Words,
    /// Variables of the frame at hand, the most telling first.
    order: Vec<u32>,
}

impl Encoder {
    /// Appends the exceptions and frames of the snapshot, with variables that fit, as JSON to `out`. `counts` is what is hidden and cut in
    /// the whole snapshot.
    pub fn variables_into(
        &mut self,
        input: &Input<'_>,
        options: &Options,
        counts: &ReasonCounts,
        out: &mut Vec<u8>,
    ) {
        let tape = input.tape;
        self.chain.fill(tape);
        out.push(b'{');
        if let Some(grouping) = &input.extras.grouping {
            key(out, "issue");
            text(out, &grouping.key);
        }
        let sum = |redaction| {
            let counted = counts.iter();
            let counted = counted.filter(|(reason, _)| reason.is_redaction() == redaction);
            counted.map(|(_, count)| u64::from(count)).sum::<u64>()
        };
        number(out, "values", tape.header().values.into());
        number(out, "redacted", sum(true));
        number(out, "cut", sum(false));
        key(out, "exceptions");
        out.push(b'[');
        let mut frames = 0;
        for (index, exception) in tape.exceptions().enumerate() {
            self.exception_entry(input, &exception, index, &mut frames, out);
        }
        close(out, b']');
        key(out, "frames");
        out.push(b'[');
        let scratch = &mut self.vars;
        scratch.writer.begin(tape.containers());
        let mut fit = Fit {
            writer: Writer::new(tape, LimitTable::of(tape.header()), &mut scratch.writer),
            words: &mut scratch.words,
            order: &mut scratch.order,
            variables: Vec::new(),
        };
        let (mut left, mut index) = (options.event_bytes, 0);
        // Every frame can say that it has variables.
        let mut reserved = fit::LEAST.saturating_mul(frames as usize);
        for exception in tape.exceptions() {
            for frame in tape.frames(exception.id) {
                place(&frame, out);
                reserved = reserved.saturating_sub(fit::LEAST);
                if !frame.flags.has(FrameFlags::NO_VARIABLES) {
                    key(out, "variables");
                    let source = input.extras.sources.get(index).and_then(Option::as_ref);
                    let before = out.len();
                    let budget = left.saturating_sub(reserved).max(left.min(fit::LEAST));
                    fit.frame(&frame, source, options.frame_bytes.min(budget), out);
                    left = left.saturating_sub(out.len() - before);
                    out.push(b',');
                }
                close(out, b'}');
                index += 1;
            }
        }
        close(out, b']');
        close(out, b'}');
        out.pop();
    }

    /// Writes an exception's type, the numbers of its frames, and what it leads to.
    fn exception_entry(
        &self,
        input: &Input<'_>,
        exception: &Exception<'_>,
        index: usize,
        frames: &mut u64,
        out: &mut Vec<u8>,
    ) {
        out.push(b'{');
        if let Some(name) = &exception.type_name {
            key(out, "type");
            text(out, name.text);
        }
        let links = self.chain.get(index);
        if let Some((cause, _)) = links.cause() {
            number(out, "cause", cause.into());
        }
        list(out, "members", self.chain.members(&links).map(u64::from));
        let first = *frames;
        let mut gap_after = None;
        let mut in_frames = false;
        for item in input.tape.group(exception.id) {
            match item {
                Item::Section(section) => in_frames = section == Section::Frames,
                Item::Value {
                    value: Value::Frame(_),
                    ..
                } => *frames += 1,
                Item::Gap { .. } if in_frames => {
                    gap_after.get_or_insert(*frames - first);
                }
                _ => {}
            }
        }
        list(out, "frames", first..*frames);
        if let Some(shown) = gap_after {
            key(out, "omitted");
            out.extend_from_slice(b"[{\"what\":\"frames\",");
            if let Some(after) = shown.checked_sub(1) {
                number(out, "after", after);
            }
            close(out, b'}');
            close(out, b']');
        }
        close(out, b'}');
    }
}

/// Opens a frame's object with where it is.
fn place(frame: &Frame<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (name, value) in [
        ("function", &frame.function),
        ("module", &frame.module),
        ("file", &frame.file),
    ] {
        if !value.text.is_empty() {
            key(out, name);
            text(out, value.text);
        }
    }
    if frame.line > 0 {
        number(out, "line", frame.line.into());
    }
}

fn key(out: &mut Vec<u8>, name: &str) {
    quote(out, name, b"\":");
}

fn text(out: &mut Vec<u8>, text: &str) {
    quote(out, text, b"\",");
}

fn number(out: &mut Vec<u8>, name: &str, number: u64) {
    key(out, name);
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    out.push(b',');
}

/// A member with an array of numbers, if there are any.
fn list(out: &mut Vec<u8>, name: &str, numbers: impl Iterator<Item = u64>) {
    let mut numbers = numbers.peekable();
    if numbers.peek().is_none() {
        return;
    }
    key(out, name);
    out.push(b'[');
    for number in numbers {
        out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        out.push(b',');
    }
    close(out, b']');
}

/// Turns the comma behind the last value into the bracket.
fn close(out: &mut Vec<u8>, bracket: u8) {
    match out.last_mut() {
        Some(last @ b',') => *last = bracket,
        _ => out.push(bracket),
    }
    out.push(b',');
}

//! Snapshots as Datadog's backend, agent and tests know them: JSON arrays with one object per frame.
//!
//! ```text
//! Tape + Meta -> per frame: envelope + values -> (too large: once more with ranges -> prune) -> Vec<u8>, one request body
//! ```
//!
//! The three tracers agree on the structure and differ in words, names and number formats: [`Dialect`]. What is better here than
//! there stays valid there: the frame of an inner exception carries *that* exception, a text tells its true length, what is missing of
//! a frame is told in `evaluationErrors`, and nothing of ours is among the program's values.
//!
//! Frames are those whose variables were read; if there are none, the raising one. The exceptions that led to others come first,
//! the raising frame of each first. One object is at most [`Options::max_bytes`] long: what is too much is pruned from the deepest
//! values.
//!
//! A compatibility form, not the stored one: a value costs a few times what it costs in [`Encoder::json_into`], and the stack stands
//! in every object, as it does in Datadog's. Memory: the output (at most [`BATCH_BYTES`] and one object), and buffers that are
//! reused; a frame that has to be pruned takes eight times its largest size while that is done, however large the tape. Nothing is
//! allocated per value, or per snapshot once the buffers have grown.

mod dialect;
mod envelope;
mod exception;
mod number;
mod place;
mod prune;
pub(super) mod repr;
pub(super) mod scalar;
mod value;

use crate::snapshot::SnapshotId;
use crate::tape::{ContainerId, FrameFlags, Tape, Value};

use super::{Encoder, Input};
pub use dialect::Dialect;
use envelope::Piece;

/// Largest snapshot of one frame that Datadog's intake takes, in bytes.
pub const MAX_BYTES: usize = 1_048_574;
/// Largest request body, in bytes.
pub const BATCH_BYTES: usize = 5 << 20;
/// Most frames that one snapshot is written as.
pub const MAX_FRAMES: usize = 100;

/// How Datadog's form is written.
#[derive(Clone, Copy)]
pub struct Options<'o> {
    /// Whose form.
    pub dialect: Dialect,
    /// Characters of one value that are shown, quotes included.
    pub characters: usize,
    /// Frames that are written, in the order of the form; never more than [`MAX_FRAMES`].
    pub frames: usize,
    /// Largest object of one frame. Values make room for what describes them, which takes at most half a megabyte.
    pub max_bytes: usize,
    /// Hash that groups exceptions, if the tracer makes one (Java, .NET).
    pub exception_hash: Option<&'o str>,
    /// The tracer's tags of the process, as `entrypoint.name:shop`.
    pub process_tags: Option<&'o str>,
    /// Name of the service, if the tracer has another one than [`Process::service`](crate::snapshot::Process::service).
    pub service: Option<&'o str>,
    /// Where the file of the frame that is written lies, if the tracer has found it elsewhere than its code says (Python).
    pub source_file: Option<&'o str>,
    /// What called the outermost frame of the captured exception's traceback, nearest first; written behind the stack of its frames.
    pub callers: &'o [Caller],
    /// Further entries of frames that a traceback has before, by their index in the order of the tape, ascending: an error that was raised
    /// again where it was caught. The stack has each frame once.
    pub again: &'o [u32],
    /// Id of the snapshot of a frame, by the frame's index in the order of the tape; span tags carry the same.
    pub frame_id: &'o dyn Fn(u32) -> SnapshotId,
}

/// A place on the stack below the frames of the exception.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The file as its code names it.
    pub file: String,
    /// The function without what it is inside of.
    pub function: String,
    /// The line that runs.
    pub line: u32,
}

impl<'o> Options<'o> {
    /// Datadog's own bounds.
    #[must_use]
    pub fn new(dialect: Dialect, frame_id: &'o dyn Fn(u32) -> SnapshotId) -> Self {
        Self {
            dialect,
            characters: 255,
            frames: MAX_FRAMES,
            max_bytes: MAX_BYTES,
            exception_hash: None,
            process_tags: None,
            service: None,
            source_file: None,
            callers: &[],
            again: &[],
            frame_id,
        }
    }
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("dialect", &self.dialect)
            .field("characters", &self.characters)
            .field("frames", &self.frames)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

/// A frame that is written.
#[derive(Clone, Copy, Debug)]
struct Chosen {
    exception: ContainerId,
    frame: ContainerId,
    /// In the order of the tape.
    index: u32,
    /// Among the frames of its exception.
    place: u32,
}

/// Memory that is used from frame to frame and from snapshot to snapshot.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    chosen: Vec<Chosen>,
    /// The frames of the exception at hand.
    frames: Vec<ContainerId>,
    /// Containers around the value at hand.
    path: Vec<ContainerId>,
    texts: scalar::Texts,
    ranges: prune::Ranges,
    /// One frame, written again with its ranges noted.
    frame: Vec<u8>,
}

impl Encoder {
    /// Appends one request body with the frames from the `first`th on: a JSON array of as many as fit into [`BATCH_BYTES`], at least
    /// one. Returns with which frame the next body begins; `None` after the last.
    ///
    /// ```
    /// # use stillframe_core::{encode::{Encoder, Input, datadog}, snapshot::{Extras, Meta, SnapshotId}, tape::Tape};
    /// # fn example(tape: &Tape<'_>, meta: &Meta, extras: &Extras, send: impl Fn(&[u8])) {
    /// let frame_id = |frame: u32| SnapshotId::from_parts(meta.timestamp_ns, frame.into());
    /// let options = datadog::Options::new(datadog::Dialect::Python, &frame_id);
    /// let (mut encoder, mut body, mut next) = (Encoder::new(), Vec::new(), Some(0));
    /// while let Some(first) = next {
    ///     body.clear();
    ///     next = encoder.datadog_into(&Input { tape, meta, extras }, &options, first, &mut body);
    ///     send(&body);
    /// }
    /// # }
    /// ```
    pub fn datadog_into(
        &mut self,
        input: &Input<'_>,
        options: &Options<'_>,
        first: usize,
        out: &mut Vec<u8>,
    ) -> Option<usize> {
        self.chain.fill(input.tape);
        self.datadog
            .choose(input.tape, options.frames.min(MAX_FRAMES));
        let body = out.len();
        out.push(b'[');
        let mut next = first;
        while let Some(&chosen) = self.datadog.chosen.get(next) {
            let before = out.len();
            self.frame(input, options, chosen, out);
            if out.len() + 1 - body > BATCH_BYTES && next > first {
                out.truncate(before);
                break;
            }
            out.push(b',');
            next += 1;
        }
        if out.last() == Some(&b',') {
            out.pop();
        }
        out.push(b']');
        (next < self.datadog.chosen.len()).then_some(next)
    }

    /// The frames that [`Encoder::datadog_into`] writes, at most `most`, by their index in the order of the tape: for
    /// [`Encoder::datadog_frame_into`].
    pub fn datadog_frames(&mut self, tape: &Tape<'_>, most: usize) -> Vec<u32> {
        self.datadog.choose(tape, most.min(MAX_FRAMES));
        self.datadog.chosen.iter().map(|one| one.index).collect()
    }

    /// Appends the object of one frame, whether its variables were read or not. `frame` is its index in the order of the tape; `false` if
    /// there is none.
    pub fn datadog_frame_into(
        &mut self,
        input: &Input<'_>,
        options: &Options<'_>,
        frame: u32,
        out: &mut Vec<u8>,
    ) -> bool {
        self.chain.fill(input.tape);
        let Some(chosen) = find(input.tape, frame) else {
            return false;
        };
        self.frame(input, options, chosen, out);
        true
    }

    /// Appends the object of one frame.
    fn frame(
        &mut self,
        input: &Input<'_>,
        options: &Options<'_>,
        chosen: Chosen,
        out: &mut Vec<u8>,
    ) {
        let tape = input.tape;
        let scratch = &mut self.datadog;
        let (Some(Value::Exception(exception)), Some(Value::Frame(frame))) = (
            tape.container(chosen.exception),
            tape.container(chosen.frame),
        ) else {
            return;
        };
        scratch.frames.clear();
        let frames = tape.frames(chosen.exception);
        scratch.frames.extend(frames.map(|frame| frame.id));
        let piece = Piece {
            input,
            options,
            chain: &self.chain,
            frames: &scratch.frames,
            exception,
            frame,
            chosen,
        };
        let (start, max) = (out.len(), options.max_bytes);
        piece.write(out, max, None, &mut scratch.path, &mut scratch.texts);
        if out.len() - start <= max {
            return;
        }
        out.truncate(start);
        scratch.frame.clear();
        scratch.ranges.clear();
        let (whole, ranges) = (&mut scratch.frame, &mut scratch.ranges);
        let bound = max.saturating_mul(8);
        piece.write(
            whole,
            bound,
            Some(ranges),
            &mut scratch.path,
            &mut scratch.texts,
        );
        ranges.prune(whole.len().saturating_sub(max));
        ranges.copy(whole, out);
    }
}

/// A frame by its index in the order of the tape.
fn find(tape: &Tape<'_>, index: u32) -> Option<Chosen> {
    let mut before = 0;
    for exception in tape.exceptions() {
        for (place, frame) in tape.frames(exception.id).enumerate() {
            if before == index {
                return Some(Chosen {
                    exception: exception.id,
                    frame: frame.id,
                    index,
                    place: place as u32,
                });
            }
            before += 1;
        }
    }
    None
}

impl Scratch {
    /// Finds the frames that are written.
    fn choose(&mut self, tape: &Tape<'_>, most: usize) {
        self.chosen.clear();
        // An exception stands behind those that led to it, the captured one last; on the tape it is the first.
        let frames_of = |exception| tape.frames(exception).count() as u32;
        let mut after: u32 = tape.exceptions().map(|one| frames_of(one.id)).sum();
        // Group 0 holds exceptions only, so they are the first containers.
        let exceptions = tape.exceptions().count() as u32;
        for exception in (1..=exceptions).rev().map(ContainerId) {
            after -= frames_of(exception);
            for (place, frame) in tape.frames(exception).enumerate() {
                let read = tape.is_captured(frame.id) && !frame.flags.has(FrameFlags::NO_VARIABLES);
                if read && self.chosen.len() < most {
                    self.chosen.push(Chosen {
                        exception,
                        frame: frame.id,
                        index: after + place as u32,
                        place: place as u32,
                    });
                }
            }
        }
        let raising = tape.exceptions().next();
        let raising = raising.and_then(|one| Some((one.id, tape.frames(one.id).next()?.id)));
        if let (true, Some((exception, frame))) = (self.chosen.is_empty() && most > 0, raising) {
            self.chosen.push(Chosen {
                exception,
                frame,
                index: 0,
                place: 0,
            });
        }
    }
}

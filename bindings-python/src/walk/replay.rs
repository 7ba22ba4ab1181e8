//! Frames that somebody else chose: a tracer that decides itself which frames of an exception are captured.
//!
//! Every frame gets a row, so that the whole traceback can be told; variables have only those that were asked for. A frame that is in
//! more than one traceback of the chain belongs to the innermost cause that passed through it, at its last entry there, which is where
//! ddtrace meets it first. Beside their variables such frames have the globals that their code names.

use pyo3_ffi as ffi;
use smallvec::SmallVec;
use stillframe_core::tape;

use super::chain::Link;
use super::frames::Window;
use super::object::Frame;

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameRow {
    /// Its index in the order of the tape.
    pub(crate) index: u32,
    /// How many causes lead from the captured exception to the one that it belongs to.
    pub(crate) cause: u32,
}

/// Where a frame is captured.
#[derive(Clone, Copy)]
struct Place {
    exception: u32,
    /// From the raise.
    position: usize,
    /// Which of the frames.
    which: usize,
    cause: u32,
}

/// What was asked for, and what became of it.
pub(super) struct Chosen<'w> {
    frames: &'w [*mut ffi::PyObject],
    places: SmallVec<[Place; 8]>,
    rows: &'w mut [Option<FrameRow>],
    again: &'w mut Vec<u32>,
    /// The frames of the exception at hand.
    seen: SmallVec<[*mut ffi::PyObject; 32]>,
}

impl<'w> Chosen<'w> {
    /// When the walk is over, `rows`, which is as long as `frames`, tells of each, and `again` has the indexes of rows whose frame has one
    /// before.
    pub(super) fn new(
        frames: &'w [*mut ffi::PyObject],
        rows: &'w mut [Option<FrameRow>],
        again: &'w mut Vec<u32>,
    ) -> Self {
        again.clear();
        rows.fill(None);
        Self {
            frames,
            places: SmallVec::new(),
            rows,
            again,
            seen: SmallVec::new(),
        }
    }

    /// Finds out where each frame is captured.
    pub(super) fn place(&mut self, links: &[Link<'_>]) {
        self.places.clear();
        let mut line: SmallVec<[u32; 4]> = SmallVec::new();
        line.push(0);
        let mut last = 0;
        while let Some(next) = (last + 1..links.len() as u32).find(|&next| {
            let link = &links[next as usize];
            link.parent == last && matches!(link.kind, tape::Link::Cause | tape::Link::Context)
        }) {
            line.push(next);
            last = next;
        }
        for (cause, &exception) in line.iter().enumerate().rev() {
            let Some(link) = links.get(exception as usize) else {
                continue;
            };
            let window = Window::of(link.traceback);
            for (position, entry) in window.entries.iter().enumerate() {
                let wanted = entry.frame.0.pointer();
                let found = self.frames.iter().position(|&frame| frame == wanted);
                if let Some(which) = found
                    && !self.places.iter().any(|place| place.which == which)
                {
                    self.places.push(Place {
                        exception,
                        position,
                        which,
                        cause: cause as u32,
                    });
                }
            }
        }
    }

    /// Whether the frame at a position of an exception is captured.
    pub(super) fn has(&self, exception: u32, position: usize) -> bool {
        self.at(exception, position).is_some()
    }

    fn at(&self, exception: u32, position: usize) -> Option<Place> {
        let is_there = |place: &&Place| place.exception == exception && place.position == position;
        self.places.iter().find(is_there).copied()
    }

    /// The frame at a position of an exception, the next of its frames, stands on the tape.
    pub(super) fn written(
        &mut self,
        exception: u32,
        position: usize,
        frame: Frame<'_>,
        index: u32,
    ) {
        if position == 0 {
            self.seen.clear();
        }
        let frame = frame.0.pointer();
        if self.seen.contains(&frame) {
            self.again.push(index);
        } else {
            self.seen.push(frame);
        }
        if let Some(Place { which, cause, .. }) = self.at(exception, position)
            && let Some(row) = self.rows.get_mut(which)
        {
            *row = Some(FrameRow { index, cause });
        }
    }
}

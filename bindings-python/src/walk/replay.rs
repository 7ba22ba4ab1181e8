//! Frames that somebody else chose: a tracer that decides itself which frames of an exception are captured.
//!
//! Every frame gets a row, so that the whole traceback can be told; variables have only those that were asked for. A frame that is in
//! more than one traceback of the chain belongs to the innermost cause that passed through it, at its last entry there, which is where
//! ddtrace meets it first. Beside their variables such frames have the globals that their code names.

use pyo3_ffi as ffi;
use smallvec::SmallVec;
use stillframe_core::tape::{self, Section};

use super::capture::Walk;
use super::chain::Link;
use super::code::{CodePlan, Owned};
use super::frames::Window;
use super::object::{Class, Code, Dict, Frame, Obj, Str, Tuple, flags};
use super::plan::{Field, Names};
use super::rules::Rules;

/// Globals of one frame that are shown.
const MAX_GLOBALS: usize = 256;
/// Entries of a module's namespace that are looked at.
const NAMESPACE_MAX: usize = 8192;
const NAME_MAX: usize = 256;
/// Objects of the tracer itself tell nothing of the program.
const TRACER: &[u8] = b"ddtrace.";

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

/// The names that a code object looks up as globals or attributes.
#[derive(Debug, Default)]
pub(super) struct Globals {
    names: Names,
    fields: Vec<(u64, Field)>,
    /// One bit for six bits of each name's hash.
    bits: u64,
}

impl Globals {
    /// Asked once per code object: a plain member, read in C.
    pub(super) fn of<const DIRECT: bool>(code: Code<'_>, rules: &Rules<'_>) -> Self {
        let mut globals = Self::default();
        let Some(names) = Owned::attribute(code.0, c"co_names") else {
            return globals;
        };
        let Some(names) = Tuple::of(names.get()).map(|names| names.items::<DIRECT>()) else {
            return globals;
        };
        for index in 0..names.length.min(MAX_GLOBALS) {
            let Some(name) = names.get(index).and_then(Str::of) else {
                continue;
            };
            // Unknown where it was never asked for: then no namespace has the name.
            let hash = name.hash::<DIRECT>().unwrap_or(0);
            let name = name.to_utf8::<DIRECT>(NAME_MAX);
            let field = globals.names.field(&name, index, rules);
            globals.fields.push((hash, field));
            globals.bits |= bit(hash);
        }
        globals
    }

    /// The values that a namespace has under these names, in the order of the code object.
    fn find<'g, const DIRECT: bool>(
        &self,
        namespace: Dict<'g>,
    ) -> SmallVec<[(usize, Obj<'g>); 16]> {
        let mut found: SmallVec<[(usize, Obj<'g>); 16]> = SmallVec::new();
        if self.fields.is_empty() {
            return found;
        }
        let mut entries = namespace.entries::<DIRECT>();
        for _ in 0..NAMESPACE_MAX {
            let Some((key, value)) = entries.next() else {
                break;
            };
            let Some(key) = Str::of(key) else { continue };
            let hash = key.hash::<DIRECT>();
            if hash.is_some_and(|hash| self.bits & bit(hash) == 0) {
                continue;
            }
            let at = self.fields.iter().position(|(known, field)| {
                hash.is_none_or(|hash| hash == *known)
                    && key.to_utf8::<DIRECT>(NAME_MAX) == self.names.get(field)
            });
            if let Some(at) = at {
                found.push((at, value));
            }
        }
        found.sort_unstable_by_key(|(at, _)| *at);
        found
    }
}

const fn bit(hash: u64) -> u64 {
    1 << (hash >> 3 & 63)
}

impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    /// Whether a namespace is that of a module, which is told as the globals that its code names.
    pub(super) fn is_module(&self, frame: Frame<'g>, namespace: Obj<'g>) -> bool {
        let globals = frame.globals::<DIRECT>();
        self.chosen.is_some() && globals.is_some_and(|globals| globals.0 == namespace)
    }

    /// The globals that a frame's code names: data, neither modules nor classes nor functions.
    pub(super) fn globals(&mut self, frame: Frame<'g>, plan: &'g CodePlan) {
        if self.chosen.is_none() || self.halted() {
            return;
        }
        let (Some(code), Some(namespace)) = (frame.code::<DIRECT>(), frame.globals::<DIRECT>())
        else {
            return;
        };
        let globals = plan
            .globals
            .get_or_init(|| Globals::of::<DIRECT>(code, &self.rules));
        let mut begun = false;
        for (at, value) in globals.find::<DIRECT>(namespace) {
            if is_definition(value.class()) || self.plan(value).name.starts_with(TRACER) {
                continue;
            }
            if self.halted() {
                return self.cut(None);
            }
            if !begun {
                begun = true;
                self.out.section(Section::Statics);
            }
            let Some((_, field)) = globals.fields.get(at) else {
                continue;
            };
            let name = globals.names.get(field);
            if !self.named(name, field.hidden.as_deref(), value, 0) {
                return self.cut(None);
            }
        }
    }
}

fn is_definition(class: Class<'_>) -> bool {
    class.has(flags::TYPE)
        || class.is(&raw const ffi::PyFunction_Type)
        || class.derives(&raw const ffi::PyModule_Type)
}

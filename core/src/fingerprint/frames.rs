//! Which frames of an exception are used, and under which names.

use std::borrow::Cow;

use crate::language::Language;

use super::explanation::{FramePart, Verdict, Why};
use super::in_app::InApp;
use super::input::{ExceptionInput, FrameInput};
use super::normalise::{self, Name};

/// Frames used when none is in-app.
pub const FALLBACK_FRAMES: usize = 8;
/// In-app frames used of the innermost exception beside its raising one.
pub const FURTHER_FRAMES: usize = 12;
/// The longest cycle of frames that is recognised as recursion.
pub const MAX_CYCLE: usize = 8;
/// Frames of one exception that are looked at.
pub const MAX_FRAMES: usize = 4096;

/// How much of an exception's frames is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The raising one and further ones: the innermost exception.
    Path,
    /// The raising one only: an exception with a cause.
    Raising,
}

/// Decides about every frame.
pub(super) fn choose<'a>(
    language: Language,
    exception: &ExceptionInput<'a>,
    in_app: &InApp,
    wanted: Wanted,
) -> Vec<FramePart<'a>> {
    let most = match wanted {
        Wanted::Path => 1 + FURTHER_FRAMES,
        Wanted::Raising => 1,
    };
    let frames = &exception.frames[..exception.frames.len().min(MAX_FRAMES)];
    let mut choice = Choice::new(language, frames, most, wanted);
    for (position, frame) in frames.iter().enumerate() {
        // A cycle that ends late makes room for the frames behind it, so a path is followed until none can any more.
        let enough = match wanted {
            Wanted::Path => most + MAX_CYCLE,
            Wanted::Raising => 1,
        };
        if choice.used.len() >= enough {
            break;
        }
        let (is_in_app, rule) = in_app.decide_frame(language, frame);
        choice.parts[position].rule = rule;
        if is_in_app {
            choice.consider(position, Why::InApp);
        } else {
            choice.parts[position].verdict = Verdict::ignored(Why::NotInApp);
        }
    }
    if choice.used.is_empty() {
        for position in 0..frames.len().min(FALLBACK_FRAMES) {
            choice.consider(position, Why::Nearest);
        }
    }
    choice.finish()
}

struct Choice<'f, 'a> {
    language: Language,
    frames: &'f [FrameInput<'a>],
    most: usize,
    parts: Vec<FramePart<'a>>,
    /// Positions of the frames in use, cycles taken out.
    used: Vec<usize>,
}

impl<'f, 'a> Choice<'f, 'a> {
    fn new(language: Language, frames: &'f [FrameInput<'a>], most: usize, wanted: Wanted) -> Self {
        let rest = match wanted {
            Wanted::Path => Why::Limit,
            Wanted::Raising => Why::Effect,
        };
        let part = |frame: &FrameInput<'a>| FramePart {
            module: Cow::Borrowed(if frame.module.is_empty() {
                frame.file
            } else {
                frame.module
            }),
            function: Cow::Borrowed(frame.function),
            verdict: Verdict::ignored(rest),
            rule: Cow::Borrowed(""),
        };
        Self {
            language,
            frames,
            most,
            parts: frames.iter().map(part).collect(),
            used: Vec::with_capacity(most + 1),
        }
    }

    /// Takes a frame under its normalised name, unless it has none or only repeats the frames before.
    fn consider(&mut self, position: usize, why: Why) {
        let part = &mut self.parts[position];
        match normalise::frame(self.language, &self.frames[position]) {
            Name::Frame { module, function } => {
                part.module = module;
                part.function = function;
                part.verdict = Verdict::used(why);
                self.used.push(position);
                self.collapse();
            }
            Name::Generated => part.verdict = Verdict::ignored(Why::Generated),
            Name::Unnamed => part.verdict = Verdict::ignored(Why::Unnamed),
        }
    }

    /// Takes the last frames out again if they repeat those before them. A cycle of different functions comes to the same
    /// frames however often it is repeated; one in which a function occurs twice may keep a rest that depends on the depth.
    fn collapse(&mut self) {
        let same = |a: usize, b: usize| {
            let (a, b) = (&self.parts[a], &self.parts[b]);
            a.function == b.function && a.module == b.module
        };
        let length = self.used.len();
        let cycle = (1..=MAX_CYCLE.min(length / 2)).find(|period| {
            let (before, last) = self.used[length - 2 * period..].split_at(*period);
            before.iter().zip(last).all(|(a, b)| same(*a, *b))
        });
        if let Some(period) = cycle {
            for position in self.used.drain(length - period..) {
                self.parts[position].verdict = Verdict::ignored(Why::Recursion);
            }
        }
    }

    fn finish(mut self) -> Vec<FramePart<'a>> {
        for position in self.used.iter().skip(self.most) {
            self.parts[*position].verdict = Verdict::ignored(Why::Limit);
        }
        if let Some(raising) = self.used.first().map(|position| &mut self.parts[*position])
            && raising.verdict.why == Why::InApp
        {
            raising.verdict = Verdict::used(Why::Raising);
        }
        self.parts
    }
}

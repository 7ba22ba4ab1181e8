//! In which order the frames of an exception are told: which are opened, which are rows, which are folded.

use std::collections::{HashMap, HashSet};

use stillframe_core::snapshot::{Exception, Frame, Omitted, Snapshot};

use super::frame::Open;
use super::show::View;
use super::terminal::Glyphs;
use super::text;

/// Frames shown as rows above the raising one where none is the program's own.
const LIBRARY_ROWS: usize = 4;

/// The frames of an exception, in the order of telling.
pub(super) struct Stack<'s> {
    exception: &'s Exception,
    /// Each with its index in the snapshot, the raising one first.
    frames: Vec<(usize, &'s Frame)>,
    /// Position of the nearest frame of the program, or of the raising one.
    nearest: usize,
    /// Frames from the raising one on that are rows although they are a library's.
    library_rows: usize,
    first: bool,
    all_frames: bool,
    all_values: bool,
}

/// What is told of a stack, one after the other; frames by their index in the snapshot.
pub(super) enum Step<'s> {
    /// A frame with its source and values.
    Open(usize, &'s Frame, Open),
    /// A frame by its most telling values.
    Row(usize, &'s Frame),
    /// Library frames as one.
    Folded(Vec<(usize, &'s Frame)>),
    /// From this frame on everything was told with an earlier exception.
    Repeated(usize, &'s Frame),
    /// Frames that were not captured.
    Gap(&'s Omitted),
}

impl<'s> Stack<'s> {
    /// The frames of the exception at `index`.
    pub(super) fn of(
        snapshot: &'s Snapshot,
        view: &View,
        index: usize,
        exception: &'s Exception,
    ) -> Self {
        let frames: Vec<(usize, &Frame)> = exception
            .frames
            .iter()
            .filter_map(|&at| Some((at as usize, snapshot.frames.get(at as usize)?)))
            .collect();
        let in_app = frames.iter().position(|(_, frame)| frame.in_app);
        let first = index == 0;
        Self {
            exception,
            nearest: in_app.unwrap_or(0),
            // Of an error that no frame of the program is part of, the nearest ones stand for it.
            library_rows: if first && in_app.is_none() {
                LIBRARY_ROWS + 1
            } else {
                0
            },
            frames,
            first,
            all_frames: view.all_frames,
            all_values: view.all_values,
        }
    }

    fn is_row(&self, at: usize, frame: &Frame) -> bool {
        frame.in_app || self.all_frames || at < self.library_rows
    }

    /// The frames that are told one by one.
    pub(super) fn rows(&self) -> impl Iterator<Item = &'s Frame> {
        let rows = self.frames.iter().enumerate();
        rows.filter(|(at, (_, frame))| self.is_row(*at, frame))
            .map(|(_, (_, frame))| *frame)
    }

    /// Whether this frame is where the exception was raised.
    pub(super) fn is_raising(&self, number: usize) -> bool {
        self.frames
            .first()
            .is_some_and(|(first, _)| *first == number)
    }

    /// The nearest frame of the program, or the raising one.
    pub(super) fn nearest(&self) -> Option<(usize, &'s Frame)> {
        self.frames.get(self.nearest).copied()
    }

    /// The frame where the exception was raised.
    pub(super) fn raising(&self) -> Option<(usize, &'s Frame)> {
        self.frames.first().copied()
    }

    /// What to tell. Frames of `shown` were told with an earlier exception; those of this one are added.
    pub(super) fn steps(&self, shown: &mut HashSet<u32>) -> Vec<Step<'s>> {
        let mut steps = Vec::new();
        let mut folded = Vec::new();
        fn fold<'s>(steps: &mut Vec<Step<'s>>, folded: &mut Vec<(usize, &'s Frame)>) {
            if !folded.is_empty() {
                steps.push(Step::Folded(std::mem::take(folded)));
            }
        }
        let mut gaps = self.gaps();
        steps.extend(gaps.remove(&None).unwrap_or_default());
        for (at, &(number, frame)) in self.frames.iter().enumerate() {
            let repeated = !shown.insert(u32::try_from(number).unwrap_or(u32::MAX));
            let whole = self.all_values && frame.in_app;
            let open = match (at == self.nearest, at == 0, whole) {
                (_, _, true) => Some(Open::Whole),
                (true, _, _) if self.first => Some(Open::Whole),
                (true, _, _) | (_, true, _) => Some(Open::Line),
                _ => None,
            };
            if repeated {
                fold(&mut steps, &mut folded);
                steps.push(Step::Repeated(number, frame));
                break;
            }
            if let Some(open) = open {
                fold(&mut steps, &mut folded);
                steps.push(Step::Open(number, frame, open));
            } else if self.is_row(at, frame) {
                fold(&mut steps, &mut folded);
                steps.push(Step::Row(number, frame));
            } else {
                folded.push((number, frame));
            }
            if let Some(gaps) = gaps.remove(&u32::try_from(at).ok()) {
                fold(&mut steps, &mut folded);
                steps.extend(gaps);
            }
        }
        fold(&mut steps, &mut folded);
        steps
    }

    /// Frames that were not captured, by the position of the frame before them.
    fn gaps(&self) -> HashMap<Option<u32>, Vec<Step<'s>>> {
        let mut gaps: HashMap<_, Vec<_>> = HashMap::new();
        let frames = self.exception.omitted.iter();
        for gap in frames.filter(|gap| gap.what == "frames") {
            gaps.entry(gap.after).or_default().push(Step::Gap(gap));
        }
        gaps
    }
}

/// Library frames in a few words: how many, of which packages.
pub(super) fn folded(folded: &[(usize, &Frame)], glyphs: &Glyphs) -> String {
    const MOST: usize = 4;
    let mut packages: Vec<&str> = Vec::new();
    for (_, frame) in folded {
        let package = package(frame);
        if !package.is_empty() && !packages.contains(&package) {
            packages.push(package);
        }
        if packages.len() > MOST {
            break;
        }
    }
    let count = text::counted(folded.len() as u64, "frame");
    let mut text = format!("{} {count}", glyphs.ellipsis);
    if !packages.is_empty() {
        let more = if packages.len() > MOST { ", ..." } else { "" };
        packages.truncate(MOST);
        text.push_str(&format!(" of {}{more}", packages.join(", ")));
    }
    text
}

fn package(frame: &Frame) -> &str {
    let module = frame.module.as_deref().unwrap_or("");
    text::head(module.split('.').next().unwrap_or(module), 40)
}

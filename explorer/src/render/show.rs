//! One snapshot for a person: `stillframe show`.
//!
//! In this order: the error, where and when; the raising frame with its failing line and the values on it; the frames above it,
//! the program's own ones by their most telling values, others folded; the exceptions that led to it; the receipt.

use std::collections::HashSet;

use stillframe_core::snapshot::{Exception, Frame, Node, Snapshot};

use super::chain::Chain;
use super::footer;
use super::frame::{Columns, Frames, INDENT, Open, location};
use super::gap;
use super::header;
use super::layout::arrange;
use super::line::{Line, Page, Style};
use super::paths::{Owner, Paths};
use super::rank::Variable;
use super::stack::{Stack, Step, folded};
use super::terminal::Terminal;
use super::time::Clock;
use super::tree::{Depth, Tree, name_column};
use super::value::{Inline, Look, look};

/// What to show of a snapshot.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Show only the frames of this function, opened: `-f`.
    pub function: Option<String>,
    /// Show library frames as rows: `-a`.
    pub all_frames: bool,
    /// Open every frame of the program, with all values: `-v`.
    pub all_values: bool,
    /// Levels of containers that are opened; two if not said.
    pub depth: Option<usize>,
}

impl View {
    fn depth(&self) -> Depth {
        let levels = self
            .depth
            .unwrap_or(if self.all_values { usize::MAX } else { 2 });
        Depth {
            levels,
            all: self.all_values,
        }
    }

    /// What the page opens, in the order in which its values matter.
    pub(super) fn opened(&self, snapshot: &Snapshot, chain: &Chain) -> Vec<Owner> {
        if let Some(name) = &self.function {
            let frames = snapshot.frames.iter().enumerate();
            return frames
                .filter(|(_, frame)| is_called(frame, name))
                .map(|(at, _)| Owner::Frame(at))
                .collect();
        }
        let mut opened = Vec::new();
        for &index in &chain.order {
            let Some(exception) = snapshot.exceptions.get(index) else {
                continue;
            };
            let frames = || exception.frames.iter().map(|&at| at as usize);
            let in_app = |at: &usize| snapshot.frames.get(*at).is_some_and(|frame| frame.in_app);
            let shown = frames().filter(in_app);
            let shown = shown.take(if self.all_values { usize::MAX } else { 1 });
            opened.extend(shown.chain(frames().take(1)).map(Owner::Frame));
            opened.push(Owner::Exception(index));
        }
        opened
    }
}

/// Whether `name` means this frame: its function, or its place.
fn is_called(frame: &Frame, name: &str) -> bool {
    let place = location(frame);
    frame.function == name
        || frame.function.rsplit('.').next() == Some(name)
        || place == name
        || place.rsplit('/').next() == Some(name)
}

/// What the store knows about the issue of a snapshot.
#[derive(Debug, Clone, Default)]
pub struct IssueFacts {
    /// Its key, 32 hex digits.
    pub key: String,
    /// Occurrences, captured or counted.
    pub times: u64,
    /// Snapshots that can be shown.
    pub kept: u64,
    /// First occurrence, in nanoseconds since the Unix epoch.
    pub first_ns: u64,
}

/// No frame of the name that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchFrame {
    /// The functions that there are, the raising one first.
    pub functions: Vec<String>,
}

/// Everything that the parts of a page share.
pub(super) struct Scene<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) view: &'a View,
    pub(super) look: &'static dyn Look,
    pub(super) paths: &'a Paths<'a>,
    pub(super) chain: &'a Chain,
}

impl Scene<'_> {
    pub(super) fn inline(&self, terminal: &Terminal, owner: Owner) -> Inline<'_> {
        Inline {
            look: self.look,
            paths: self.paths,
            glyphs: terminal.glyphs(),
            owner,
            repeat: false,
        }
    }
}

/// Shows a snapshot.
///
/// # Errors
///
/// [`View::function`] names none of its frames.
pub fn show(
    snapshot: &Snapshot,
    issue: Option<&IssueFacts>,
    view: &View,
    terminal: &Terminal,
    clock: &Clock,
) -> Result<String, NoSuchFrame> {
    let look = look(&snapshot.runtime.language);
    let chain = &Chain::of(snapshot);
    let snapshot = &arrange(snapshot, &view.opened(snapshot, chain), view.depth().levels);
    let paths = Paths::of(snapshot, look);
    let scene = Scene {
        snapshot,
        view,
        look,
        paths: &paths,
        chain,
    };
    let mut page = Page::new(terminal);
    header::write(&mut page, &scene, issue, clock);
    if let Some(name) = &view.function {
        scene.only(&mut page, name)?;
        return Ok(page.render());
    }
    let mut shown = HashSet::new();
    for &index in &chain.order {
        if let Some(exception) = snapshot.exceptions.get(index) {
            page.gap();
            if index > 0 {
                header::title_of(&mut page, &scene, index);
            }
            scene.own_values(&mut page, index, exception);
            scene.frames(&mut page, index, exception, &mut shown);
        }
    }
    if let Some(more) = chain.more() {
        page.gap();
        page.line(Line::of(Style::Gap, &format!("[{more} in --json]")));
    }
    for gap in &snapshot.omitted {
        page.gap();
        page.line(gap::omitted(gap));
    }
    page.gap();
    footer::write(&mut page, &scene);
    Ok(page.render())
}

/// What an exception itself carries beyond its message.
pub(super) fn own_values(exception: &Exception) -> Vec<Variable<'_>> {
    let mut values: Vec<Variable<'_>> = Vec::new();
    // Arguments that are plain text or numbers are in the message.
    if exception.args.iter().any(Node::is_container) {
        let args = exception.args.iter().enumerate();
        values.extend(args.map(|(at, node)| Variable {
            name: format!("args[{at}]"),
            node,
        }));
    }
    let attributes = exception.attributes.iter();
    values.extend(attributes.map(|(name, node)| Variable {
        name: format!(".{name}"),
        node,
    }));
    values
}

impl Scene<'_> {
    fn writer(&self, terminal: &Terminal, owner: Owner, depth: Depth) -> Frames<'_> {
        Frames {
            inline: self.inline(terminal, owner),
            depth,
        }
    }

    /// What the exception itself carries beyond its message.
    fn own_values(&self, page: &mut Page<'_>, index: usize, exception: &Exception) {
        let values = own_values(exception);
        let depth = Depth {
            levels: self.view.depth.unwrap_or(1),
            ..self.view.depth()
        };
        let tree = Tree {
            inline: self.inline(page.terminal(), Owner::Exception(index)),
            depth,
        };
        tree.variables(
            page,
            INDENT,
            &values,
            Style::Name,
            name_column(values.iter()),
        );
    }

    /// The frames of one exception. Those of `shown` were shown with an earlier one.
    fn frames(
        &self,
        page: &mut Page<'_>,
        index: usize,
        exception: &Exception,
        shown: &mut HashSet<u32>,
    ) {
        let terminal = page.terminal();
        let stack = Stack::of(self.snapshot, self.view, index, exception);
        let columns = Columns::of(stack.rows());
        for step in stack.steps(shown) {
            match step {
                Step::Open(number, frame, open) => {
                    let writer = self.writer(terminal, Owner::Frame(number), self.view.depth());
                    let raised = stack.is_raising(number);
                    writer.open(page, frame, open, if raised { "raised here" } else { "" });
                }
                Step::Row(number, frame) => {
                    let writer = self.writer(terminal, Owner::Frame(number), self.view.depth());
                    writer.row(page, frame, columns);
                }
                Step::Folded(frames) => page.line(dim(&folded(&frames, terminal.glyphs()))),
                Step::Repeated(_, frame) => {
                    let ellipsis = terminal.glyphs().ellipsis;
                    let (function, place) = (&frame.function, location(frame));
                    page.line(dim(&format!(
                        "{ellipsis} from here as above: {function} {place}"
                    )));
                }
                Step::Gap(gap) => {
                    let mut line = Line::default();
                    line.space(2).extend(&gap::omitted(gap));
                    page.line(line);
                }
            }
        }
    }

    /// Only the frames of one function.
    fn only(&self, page: &mut Page<'_>, name: &str) -> Result<(), NoSuchFrame> {
        let depth = Depth {
            levels: self.view.depth.unwrap_or(3),
            all: true,
        };
        let mut found = false;
        for (at, frame) in self
            .snapshot
            .frames
            .iter()
            .enumerate()
            .filter(|(_, frame)| is_called(frame, name))
        {
            page.gap();
            let writer = self.writer(page.terminal(), Owner::Frame(at), depth);
            writer.open(page, frame, Open::Whole, "");
            found = true;
        }
        if found {
            return Ok(());
        }
        let mut seen = HashSet::new();
        let functions = self.snapshot.frames.iter().map(|frame| &frame.function);
        let functions = functions.filter(|function| seen.insert(*function));
        let functions = functions.cloned().collect();
        Err(NoSuchFrame { functions })
    }
}

fn dim(text: &str) -> Line {
    let mut line = Line::default();
    line.space(2).push(Style::Dim, text);
    line
}

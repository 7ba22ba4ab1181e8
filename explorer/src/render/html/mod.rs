//! A snapshot as HTML: one page that opens offline ([`html()`]), or a part of one for a notebook ([`html_fragment()`]).
//!
//! ```text
//! Snapshot -> layout, paths, rank, stack (as for text) -> head, frame, tree, panel, foot -> page | fragment
//! ```
//!
//! Both are read without a script: what can be opened is a `<details>`. The page has one script, for keys and search, which turns
//! lists of values into trees as ARIA has them. The page asks nothing of any other place, and its policy forbids it.
//!
//! Text of a program enters through [`Line`](super::line::Line), which makes control characters visible, and through `maud`, which
//! escapes. What is written is bounded by [`Bounds`], whatever the snapshot holds, and what is left out is said where it is.

mod foot;
mod frame;
mod head;
mod page;
mod panel;
mod text;
mod tree;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashSet};

use maud::{Markup, PreEscaped};
use stillframe_core::reason::Reason;
use stillframe_core::snapshot::Snapshot;

use super::chain::Chain;
use super::frame::Frames;
use super::layout::arrange;
use super::paths::{Owner, Paths};
use super::show::{IssueFacts, View};
use super::terminal::Terminal;
use super::time::Clock;
use super::tree::Depth;
use super::value::{Inline, Look, look};

/// Levels of the opened frames at which objects stand rather than elsewhere; those of `stillframe show`.
const LEVELS: usize = 2;

/// What stands on a page besides the snapshot itself.
#[derive(Debug, Clone, Default)]
pub struct HtmlView {
    /// What the store knows of the issue.
    pub issue: Option<IssueFacts>,
    /// When the page is made, and the time zone of its times; UTC and no date if not said.
    pub clock: Option<Clock>,
    /// Sentences for the reader about how the page was made: what else was hidden, and by which command.
    pub remarks: Vec<String>,
}

/// A page of its own: complete, in one file, about 20 kB and what the values take.
///
/// Never longer than a few megabytes, whatever the snapshot holds; a typical one takes less than 150 kB.
pub fn html(snapshot: &Snapshot, view: &HtmlView) -> String {
    with_writer(snapshot, Bounds::PAGE, None, |writer| {
        page::page(writer, view)
    })
}

/// A part of a page: the error, its frames and values, with a style of its own and without a script.
///
/// One element, `<div class="stillframe">`, that may stand several times in one document. Shorter than the page: library frames are
/// named only, and long lists are cut sooner.
pub fn html_fragment(snapshot: &Snapshot) -> String {
    let prefix = format!("sf-{}-", snapshot.id.short());
    with_writer(snapshot, Bounds::FRAGMENT, Some(prefix), page::fragment)
}

fn with_writer(
    snapshot: &Snapshot,
    bounds: Bounds,
    prefix: Option<String>,
    write: impl FnOnce(&Writer<'_>) -> Markup,
) -> String {
    let look = look(&snapshot.runtime.language);
    let view = View::default();
    let chain = &Chain::of(snapshot);
    let snapshot = &arrange(snapshot, &view.opened(snapshot, chain), LEVELS);
    let paths = Paths::of(snapshot, look);
    let writer = Writer {
        snapshot,
        look,
        paths: &paths,
        chain,
        bounds,
        whole: prefix.is_none(),
        prefix: prefix.unwrap_or_default(),
        rows: Cell::new(bounds.rows),
        room: Cell::new(bounds.all_frames),
        reasons: RefCell::default(),
        targets: RefCell::default(),
    };
    let PreEscaped(text) = write(&writer);
    writer.without_dead_links(&text)
}

/// How much is written.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Rows of values on the whole page.
    rows: usize,
    /// Rows of one frame of the program.
    frame_rows: usize,
    /// Rows of one library frame.
    library_rows: usize,
    /// Items of one container.
    items: usize,
    /// Levels below a variable.
    levels: usize,
    /// Bytes of one text.
    text: usize,
    /// Frames of one exception.
    frames: usize,
    /// Frames on the whole page.
    all_frames: usize,
    /// Notes of one exception, gaps at one place.
    notes: usize,
}

impl Bounds {
    const PAGE: Self = Self {
        rows: 3000,
        frame_rows: 600,
        library_rows: 40,
        items: 100,
        levels: 12,
        text: 4096,
        frames: 200,
        all_frames: 1000,
        notes: 50,
    };
    const FRAGMENT: Self = Self {
        rows: 300,
        frame_rows: 120,
        library_rows: 0,
        items: 30,
        levels: 4,
        text: 1024,
        frames: 30,
        all_frames: 100,
        notes: 10,
    };
}

/// Everything that the parts of a page share.
struct Writer<'a> {
    snapshot: &'a Snapshot,
    look: &'static dyn Look,
    paths: &'a Paths<'a>,
    chain: &'a Chain,
    bounds: Bounds,
    /// A whole page, rather than a part of one.
    whole: bool,
    /// Before every id, so that several parts can stand in one document.
    prefix: String,
    /// Rows that may still be written.
    rows: Cell<usize>,
    /// Frames that may still be written.
    room: Cell<usize>,
    /// Reasons that were named, to be explained at the end.
    reasons: RefCell<BTreeSet<u8>>,
    /// Ids that were given out.
    targets: RefCell<HashSet<String>>,
}

impl Writer<'_> {
    fn inline(&self, owner: Owner) -> Inline<'_> {
        Inline {
            look: self.look,
            paths: self.paths,
            glyphs: Terminal {
                unicode: true,
                ..Terminal::plain()
            }
            .glyphs(),
            owner,
            repeat: false,
        }
    }

    fn frames(&self, number: usize) -> Frames<'_> {
        Frames {
            inline: self.inline(Owner::Frame(number)),
            depth: Depth {
                levels: LEVELS,
                all: false,
            },
        }
    }

    /// The id of an object (`o`), a frame (`f`) or an exception (`x`), as a link names it.
    fn link(&self, kind: char, number: impl std::fmt::Display) -> String {
        format!("{}{kind}{number}", self.prefix)
    }

    /// The same as a place has it: each is given once, whatever a snapshot says twice.
    fn id(&self, kind: char, number: impl std::fmt::Display) -> Option<String> {
        let id = self.link(kind, number);
        self.targets.borrow_mut().insert(id.clone()).then_some(id)
    }

    /// Remembers that a reason is named, for the explanations at the end.
    fn named(&self, reason: Option<Reason>) {
        self.reasons
            .borrow_mut()
            .extend(reason.map(|reason| reason as u8));
    }

    /// What a reader types to see everything.
    fn command(&self) -> String {
        format!("stillframe show {}", self.snapshot.id.short())
    }

    /// Takes the address out of links to what there was no room for.
    fn without_dead_links(&self, text: &str) -> String {
        let targets = self.targets.borrow();
        // Text of a program is escaped: it cannot hold this.
        const BEGIN: &str = "<a href=\"#";
        let mut parts = text.split(BEGIN);
        let mut out = String::with_capacity(text.len());
        out.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let id = part.split('"').next().unwrap_or_default();
            if targets.contains(id) {
                out.push_str(BEGIN);
                out.push_str(part);
            } else {
                out.push_str("<a");
                out.push_str(part.get(id.len() + 1..).unwrap_or_default());
            }
        }
        out
    }
}

/// The reason that a word of a snapshot means, if it is known here.
fn reason(word: Option<&str>) -> Option<Reason> {
    Reason::ALL
        .into_iter()
        .find(|reason| Some(reason.as_str()) == word)
}

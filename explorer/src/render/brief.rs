//! A snapshot in few lines, below a traceback that somebody else has printed: a failing test, a failed cell of a notebook.
//!
//! The frame that raised comes first, then those above it up to the outermost one of the program, which is the test's or the
//! cell's own. What is told of each grows as long as there are lines left, the most telling first: the failing line with the
//! values on it, the other variables, the lines around it.

use std::borrow::Cow;
use std::collections::HashSet;

use stillframe_core::fingerprint::InApp;
use stillframe_core::language::Language;
use stillframe_core::snapshot::{Exception, Frame, Node, Scalar, Snapshot};

use super::chain::Chain;
use super::frame::{Columns, Frames, INDENT, closed, location, title};
use super::gap;
use super::header;
use super::layout::arrange;
use super::line::{Line, Page, Style};
use super::paths::{Owner, Paths};
use super::rank::{Ranking, Variable};
use super::show::{Scene, View, own_values};
use super::source;
use super::stack::{Stack, Step, folded};
use super::terminal::Terminal;
use super::text;
use super::tree::{Depth, Tree, name_column};
use super::value::look;

/// Lines below which nothing can be told.
const LEAST_LINES: usize = 8;
/// Values of a frame that are shown before there is room for all.
const FIRST_VALUES: usize = 6;
/// Variables beside those of the failing line.
const REST_VALUES: usize = 12;
/// From so many lines on, what the traceback above has said already is told as well.
const PLENTY: usize = 40;

/// How to tell a snapshot in few lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brief {
    /// Lines at most; a little more where even the least that can be said takes more.
    pub lines: usize,
    /// Whether the error itself is told; several ones are told apart in any case.
    pub title: bool,
}

/// How much is told of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Detail {
    /// Nothing: it is counted.
    Counted,
    /// Its place and its most telling values.
    Row,
    /// The failing line and the first values on it.
    Line,
    /// All values on the failing line, opened where one line is not enough.
    Used,
    /// The other variables as well.
    All,
    /// The lines around the failing one as well.
    Whole,
}

/// Something that can be told in more or fewer lines.
enum Part<'s> {
    /// The same in any case.
    Fixed(Vec<Line>),
    /// What an exception carries beside its message: not told, or told.
    Own(Vec<Line>, bool),
    Frame(Told<'s>),
}

/// A frame.
struct Told<'s> {
    number: usize,
    frame: &'s Frame,
    /// Whether the exception was raised in it.
    raised: bool,
    /// How much is told of it.
    detail: Detail,
    /// The lines that tell so much.
    lines: Vec<Line>,
}

/// Tells a snapshot in few lines.
pub fn brief(snapshot: &Snapshot, brief: Brief, terminal: &Terminal) -> String {
    let view = View {
        depth: Some(1),
        ..View::default()
    };
    let chain = &Chain::of(snapshot);
    let mut opened = view.opened(snapshot, chain);
    let outermost = snapshot
        .captured()
        .and_then(|exception| outermost(snapshot, &exception.frames));
    if let Some(at) = outermost.filter(|at| !opened.contains(&Owner::Frame(*at))) {
        opened.insert(opened.len().min(2), Owner::Frame(at));
    }
    let look = look(&snapshot.runtime.language);
    let snapshot = &arrange(snapshot, &opened, 2);
    let paths = Paths::of(snapshot, look);
    let scene = Scene {
        snapshot,
        view: &view,
        look,
        paths: &paths,
        chain,
    };
    let mut writer = Writer {
        scene: &scene,
        terminal,
        parts: Vec::new(),
        wishes: Vec::new(),
        columns: Columns::default(),
    };
    writer.collect(brief.title, outermost);
    if brief.lines < PLENTY {
        writer.wishes.retain(|(.., detail)| *detail < Detail::Whole);
    }
    writer.grow(brief.lines.max(LEAST_LINES));
    writer.text()
}

/// The outermost frame of the program among these, which begin with the raising one.
fn outermost(snapshot: &Snapshot, frames: &[u32]) -> Option<usize> {
    let mut outwards = frames.iter().rev().map(|&at| at as usize);
    outwards.find(|&at| snapshot.frames.get(at).is_some_and(|frame| frame.in_app))
}

impl Part<'_> {
    /// Sets how much is told, and the lines of a frame that do; how much it was.
    fn tell(&mut self, detail: Detail, lines: Vec<Line>) -> (Detail, Vec<Line>) {
        match self {
            Self::Frame(told) => (
                std::mem::replace(&mut told.detail, detail),
                std::mem::replace(&mut told.lines, lines),
            ),
            Self::Own(_, shown) => {
                *shown = detail > Detail::Counted;
                (Detail::Counted, Vec::new())
            }
            Self::Fixed(_) => (detail, Vec::new()),
        }
    }
}

struct Writer<'a, 's> {
    scene: &'a Scene<'s>,
    terminal: &'a Terminal,
    parts: Vec<Part<'a>>,
    /// What would be told next, the most telling first: a part, and how much of it.
    wishes: Vec<(Wish, usize, Detail)>,
    columns: Columns,
}

/// How much it matters that something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    RaisingLine,
    OutermostLine,
    Cause,
    Raising,
    Outermost,
    Between,
    Own,
    RaisingWhole,
    Rest,
    BetweenWhole,
}

impl<'a> Writer<'a, '_> {
    /// What there is to tell, each with the least that is told of it.
    fn collect(&mut self, titled: bool, outermost: Option<usize>) {
        let scene: &'a Scene<'_> = self.scene;
        let order = &scene.chain.order;
        let several = order.len() > 1;
        let mut shown = HashSet::new();
        for (position, &index) in order.iter().enumerate() {
            let Some(exception) = scene.snapshot.exceptions.get(index) else {
                continue;
            };
            if several || titled {
                self.title(index, position > 0);
            }
            let own = telling(exception);
            if !own.is_empty() {
                let column = name_column(own.iter());
                let lines = self.column(&own, Style::Name, 0, Owner::Exception(index), column);
                self.wish(Wish::Own, Detail::Row);
                self.parts.push(Part::Own(lines, false));
            }
            let stack = Stack::of(scene.snapshot, scene.view, index, exception);
            if position == 0 {
                self.columns = Columns::of(stack.rows());
            }
            let nearest = stack.nearest().map(|(number, _)| number);
            let mut before: Option<&Frame> = None;
            for step in stack.steps(&mut shown) {
                match step {
                    Step::Open(number, frame, _) | Step::Row(number, frame) => {
                        let raised = stack.is_raising(number);
                        // A group is raised by a library; what it is made of matters.
                        let group = !exception.members.is_empty() && !frame.in_app;
                        let main = !group && (raised || Some(number) == nearest);
                        let detail = match (position, main || Some(number) == outermost) {
                            (0, true) => Detail::Line,
                            _ => Detail::Counted,
                        };
                        // Of a recursion, the first frame stands for those that are at the same place.
                        let again = before.is_some_and(|before| {
                            (&before.function, before.line) == (&frame.function, frame.line)
                        });
                        before = Some(frame);
                        match (position, main) {
                            (0, true) => {
                                self.wish(Wish::RaisingLine, Detail::Used);
                                self.wish(Wish::Raising, Detail::All);
                                self.wish(Wish::RaisingWhole, Detail::Whole);
                            }
                            (0, false) if Some(number) == outermost => {
                                self.wish(Wish::OutermostLine, Detail::Used);
                                self.wish(Wish::Outermost, Detail::All);
                                self.wish(Wish::Rest, Detail::Whole);
                            }
                            (_, false) if again => {}
                            (0, false) => {
                                self.wish(Wish::Between, Detail::Row);
                                self.wish(Wish::BetweenWhole, Detail::Whole);
                            }
                            (_, true) => {
                                self.wish(Wish::Cause, Detail::Line);
                                self.wish(Wish::Rest, Detail::Used);
                            }
                            (_, false) => self.wish(Wish::Rest, Detail::Row),
                        }
                        let mut told = Told {
                            number,
                            frame,
                            raised,
                            detail,
                            lines: Vec::new(),
                        };
                        told.lines = self.frame(&told, detail);
                        self.parts.push(Part::Frame(told));
                    }
                    Step::Folded(frames) => {
                        let text = folded(&frames, self.terminal.glyphs());
                        self.parts.push(Part::Fixed(vec![dim(&text)]));
                    }
                    Step::Repeated(..) => {}
                    Step::Gap(gap) => {
                        let mut line = Line::default();
                        line.space(2).extend(&gap::omitted(gap));
                        self.parts.push(Part::Fixed(vec![line]));
                    }
                }
            }
        }
        if let Some(more) = scene.chain.more() {
            self.parts.push(Part::Fixed(vec![Line::of(
                Style::Gap,
                &format!("[{more}]"),
            )]));
        }
        self.wishes.sort_by_key(|(wish, ..)| *wish);
    }

    /// Wishes for more of the part that comes next.
    fn wish(&mut self, wish: Wish, detail: Detail) {
        self.wishes.push((wish, self.parts.len(), detail));
    }

    /// Tells more while there are lines left.
    fn grow(&mut self, room: usize) {
        let mut taken = self.lines().len();
        for (_, at, detail) in std::mem::take(&mut self.wishes) {
            let more = match self.parts.get(at) {
                Some(Part::Frame(told)) => self.frame(told, detail),
                _ => Vec::new(),
            };
            let Some(part) = self.parts.get_mut(at) else {
                continue;
            };
            let before = part.tell(detail, more);
            let now = self.lines().len();
            if now <= room {
                taken = now;
            } else if let (true, Some(part)) = (now > taken, self.parts.get_mut(at)) {
                part.tell(before.0, before.1);
            }
        }
    }

    fn text(&self) -> String {
        let mut page = Page::new(self.terminal);
        for line in self.lines() {
            page.line(line.into_owned());
        }
        page.render()
    }

    fn lines(&self) -> Vec<Cow<'_, Line>> {
        let mut lines = Vec::new();
        let mut counted = 0;
        for part in &self.parts {
            let own = match part {
                Part::Frame(told) if told.detail == Detail::Counted => {
                    counted += 1;
                    continue;
                }
                Part::Frame(told) => &told.lines,
                Part::Fixed(fixed) | Part::Own(fixed, true) => fixed,
                Part::Own(_, false) => continue,
            };
            self.count(&mut lines, &mut counted);
            lines.extend(own.iter().map(Cow::Borrowed));
        }
        self.count(&mut lines, &mut counted);
        lines
    }

    /// Says how many frames are not told.
    fn count(&self, lines: &mut Vec<Cow<'_, Line>>, counted: &mut u64) {
        if *counted > 0 {
            let ellipsis = self.terminal.glyphs().ellipsis;
            let text = format!("{ellipsis} {}", text::counted(*counted, "frame"));
            lines.push(Cow::Owned(dim(&text)));
            *counted = 0;
        }
    }

    fn title(&mut self, index: usize, linked: bool) {
        let mut page = Page::new(self.terminal);
        let Some(exception) = self.scene.snapshot.exceptions.get(index) else {
            return;
        };
        let mut line = Line::default();
        if linked {
            line.push(Style::Dim, self.scene.chain.link(index));
        }
        let message = header::message(exception).into_iter().next();
        line.extend(&message.unwrap_or_default());
        page.line(line);
        self.parts.push(Part::Fixed(page.into_lines()));
    }

    fn frame(&self, told: &Told<'_>, detail: Detail) -> Vec<Line> {
        let Told {
            number,
            frame,
            raised,
            ..
        } = *told;
        let mut page = Page::new(self.terminal);
        if detail == Detail::Counted {
            return page.into_lines();
        }
        let owner = Owner::Frame(number);
        let mut inline = self.scene.inline(self.terminal, owner);
        inline.repeat = true;
        if detail == Detail::Row {
            let depth = Depth {
                levels: 0,
                all: false,
            };
            Frames { inline, depth }.row(&mut page, frame, self.columns);
            return page.into_lines();
        }
        let glyphs = self.terminal.glyphs();
        let mut left = Line::of(Style::Error, glyphs.pointer);
        left.space(1).extend(&title(frame));
        let place = Line::of(Style::Plain, &location(frame));
        let remark = Line::of(Style::Dim, "  raised here");
        if raised && left.width() + remark.width() + 2 + place.width() <= self.terminal.width {
            left.extend(&remark);
        }
        page.spread(left, &place);
        let around = if detail == Detail::Whole { 2 } else { 0 };
        for line in source::excerpt(frame, around, self.terminal.width - 2, glyphs) {
            let mut indented = Line::default();
            indented.space(2).extend(&line);
            page.line(indented);
        }
        if let Some(why) = closed(frame) {
            let mut line = Line::default();
            line.space(INDENT).push(Style::Gap, &why);
            page.line(line);
            return page.into_lines();
        }
        let mut ranking = Ranking::of(frame, self.scene.look);
        // The object that a test is a method of mostly holds nothing.
        ranking.rest.retain(|variable| {
            !matches!(variable.name.as_str(), "self" | "cls") || !is_empty(variable.node)
        });
        let all = detail >= Detail::All;
        let used = match detail {
            Detail::Line => ranking.used.len().min(FIRST_VALUES),
            _ => ranking.used.len(),
        };
        // Where the line uses nothing, its frame still has something to say.
        let rest = match (all, used) {
            (true, _) => ranking.rest.len().min(REST_VALUES),
            (false, 0) => ranking.rest.len().min(FIRST_VALUES / 2),
            (false, _) => 0,
        };
        let (used, not_used) = ranking.used.split_at(used);
        let (rest, not_rest) = ranking.rest.split_at(rest);
        let column = name_column(used.iter().chain(rest));
        let levels = usize::from(detail >= Detail::Used);
        let used = self.opened(used, levels, owner, column);
        let rest = self.column(rest, Style::Name, 0, owner, column);
        used.into_iter()
            .chain(rest)
            .for_each(|line| page.line(line));
        let names = not_used.iter().chain(not_rest);
        let names: Vec<&str> = names.map(|variable| variable.name.as_str()).collect();
        let depth = Depth { levels, all: false };
        let frames = Frames { inline, depth };
        if detail == Detail::Whole {
            frames.names(&mut page, "not set yet", &ranking.unset);
        }
        frames.names(&mut page, "also", &names);
        for gap in &frame.omitted {
            let mut line = Line::default();
            line.space(INDENT).extend(&gap::omitted(gap));
            page.line(line);
        }
        page.into_lines()
    }

    /// The values on the failing line, opened where one line is not enough. Of an object of the language's own library one line
    /// is: what is in it is no concern of the program.
    fn opened(
        &self,
        variables: &[Variable<'_>],
        levels: usize,
        owner: Owner,
        column: usize,
    ) -> Vec<Line> {
        let language = &self.scene.snapshot.runtime.language;
        let foreign = |variable: &Variable<'_>| {
            let type_name = variable.node.type_name.as_deref().unwrap_or("");
            let module = type_name.rsplit_once('.').map(|(module, _)| module);
            variable.node.fields.is_some()
                && language == "python"
                && module.is_some_and(is_standard)
        };
        let lines = variables.iter().flat_map(|variable| {
            let levels = if foreign(variable) { 0 } else { levels };
            let one = std::slice::from_ref(variable);
            self.column(one, Style::Strong, levels, owner, column)
        });
        lines.collect()
    }

    fn column(
        &self,
        variables: &[Variable<'_>],
        style: Style,
        levels: usize,
        owner: Owner,
        column: usize,
    ) -> Vec<Line> {
        let mut page = Page::new(self.terminal);
        let mut inline = self.scene.inline(self.terminal, owner);
        inline.repeat = true;
        let depth = Depth { levels, all: false };
        Tree { inline, depth }.variables(&mut page, INDENT, variables, style, column);
        page.into_lines()
    }
}

/// What an exception carries that its message does not say.
fn telling(exception: &Exception) -> Vec<Variable<'_>> {
    let text = |node: &Node| node.value.as_ref().map(ToString::to_string);
    let message = exception.message.as_ref().and_then(text);
    let said = |variable: &Variable<'_>| match (&message, &variable.node.value) {
        (Some(message), Some(Scalar::Text(value))) => message.contains(value.as_str()),
        // What a group is made of is told below.
        _ => !exception.members.is_empty() && variable.name.starts_with("args["),
    };
    let mut own = own_values(exception);
    own.retain(|variable| !said(variable));
    // Flags alone are for the code that handles the exception.
    let flag = |variable: &Variable<'_>| matches!(variable.node.value, Some(Scalar::Bool(_)));
    if own.iter().all(flag) {
        own.clear();
    }
    own
}

/// Whether an object is known to hold nothing.
fn is_empty(node: &Node) -> bool {
    node.fields.as_ref().is_some_and(|fields| fields.is_empty())
        && node.omitted.is_empty()
        && node.not_captured_reason.is_none()
        && node.value.is_none()
}

/// Whether a module is one of the language's own.
fn is_standard(module: &str) -> bool {
    !InApp::default().decide(Language::Python, "", module).0
}

fn dim(text: &str) -> Line {
    let mut line = Line::default();
    line.space(2).push(Style::Dim, text);
    line
}

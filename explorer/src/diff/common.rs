//! What the occurrences of one issue have in common: per place in each frame, how often it had which value.

use std::collections::{HashMap, HashSet};

use stillframe_core::reason::Reason;
use stillframe_core::snapshot::{Frame, Node, Scalar, Snapshot};

use super::pair::{Names, facts, is_hidden};
use crate::find::{Values, members};
use crate::render::{OneLine, Terminal, telling_names};

/// Distinct values of one place that are told apart.
const MAX_DISTINCT: usize = 200;
/// Places of one frame.
const MAX_PLACES: usize = 2_000;
/// Frames that are told apart.
const MAX_FRAMES: usize = 400;
/// Items of one container that are looked into.
const MAX_ITEMS: usize = 64;
/// Columns of a value, by which values are told apart.
const MAX_TEXT: usize = 120;

/// What occurrences have in common.
#[derive(Debug, Default)]
pub struct Common {
    /// Occurrences that were compared.
    pub occurrences: u64,
    /// What stands beside the frames: message, version, tags.
    pub facts: Vec<Tally>,
    /// Frames in the order of the newest occurrence, the raising one first.
    pub frames: Vec<CommonFrame>,
    unicode: bool,
    index: HashMap<FrameKey, usize>,
    fact_index: HashMap<String, usize>,
}

/// Exception, function, module, and which of several such frames it is.
type FrameKey = (usize, String, Option<String>, usize);

/// A frame that occurrences have.
#[derive(Debug, Default)]
pub struct CommonFrame {
    /// Function.
    pub function: String,
    /// Module.
    pub module: Option<String>,
    /// File.
    pub file: Option<String>,
    /// Line, in the newest occurrence.
    pub line: Option<u32>,
    /// The program's own code.
    pub in_app: bool,
    /// Occurrences that have it.
    pub occurrences: u64,
    /// Places in it, the most telling first.
    pub places: Vec<Tally>,
    index: HashMap<String, usize>,
    telling: Vec<String>,
}

/// How often a place had which value.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// The path of the place.
    pub path: String,
    /// Occurrences in which it was there.
    pub there: u64,
    /// Of those, in which it was null.
    pub null: u64,
    /// In which it was hidden.
    pub hidden: u64,
    /// In which its variable had no value.
    pub unset: u64,
    /// Values and how often each, the most frequent first.
    pub values: Vec<Seen>,
    /// There were more values than are told apart.
    pub many: bool,
    /// The smallest and the largest, if all were numbers.
    pub range: Option<(f64, f64)>,
    index: HashMap<String, usize>,
    not_number: bool,
}

/// A value, as it is written, and how often it was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The value on one line.
    pub value: String,
    /// Occurrences.
    pub times: u64,
}

impl Common {
    /// Nothing yet. `unicode` tells whether values may be written with drawing characters.
    pub fn new(unicode: bool) -> Self {
        Self {
            unicode,
            ..Self::default()
        }
    }

    /// Adds one occurrence; the newest comes first. `depth` is how many levels into values it goes.
    pub fn add(&mut self, snapshot: &Snapshot, depth: usize) {
        self.occurrences += 1;
        for (name, value) in facts(snapshot) {
            let at = place(&mut self.facts, &mut self.fact_index, &name);
            if let Some(tally) = at {
                tally.there += 1;
                tally.count(value, None);
            }
        }
        let plain = Terminal {
            unicode: self.unicode,
            ..Terminal::plain()
        };
        let writer = OneLine::of(snapshot, &plain);
        let values = Values::of(snapshot);
        let mut met: HashMap<(usize, &str, Option<&str>), usize> = HashMap::new();
        for (exception, error) in snapshot.exceptions.iter().enumerate() {
            for &at in &error.frames {
                let Some(frame) = snapshot.frames.get(at as usize) else {
                    continue;
                };
                let number = met
                    .entry((exception, &frame.function, frame.module.as_deref()))
                    .or_default();
                let key = (
                    exception,
                    frame.function.clone(),
                    frame.module.clone(),
                    *number,
                );
                *number += 1;
                let next = self.frames.len();
                let index = match self.index.get(&key) {
                    Some(&index) => index,
                    None if next == MAX_FRAMES => continue,
                    None => {
                        self.index.insert(key, next);
                        self.frames
                            .push(CommonFrame::of(frame, &snapshot.runtime.language));
                        next
                    }
                };
                let mut visit = Visit {
                    frame: &mut self.frames[index],
                    values: &values,
                    writer: &writer,
                    at: at as usize,
                    open: Vec::new(),
                    places: Names::default(),
                };
                visit.frame.occurrences += 1;
                visit.all(frame, depth);
            }
        }
    }

    /// Puts values and places in order.
    pub fn finish(&mut self) {
        let tallies = self.facts.iter_mut();
        let frames = self.frames.iter_mut();
        frames
            .flat_map(|frame| &mut frame.places)
            .chain(tallies)
            .for_each(Tally::finish);
        for frame in &mut self.frames {
            let telling = &frame.telling;
            let rank = |path: &str| {
                let begins = |name: &String| {
                    path.strip_prefix(name.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
                };
                telling.iter().position(begins).unwrap_or(telling.len())
            };
            frame.places.sort_by_cached_key(|tally| rank(&tally.path));
        }
    }
}

impl CommonFrame {
    fn of(frame: &Frame, language: &str) -> Self {
        Self {
            function: frame.function.clone(),
            module: frame.module.clone(),
            file: frame.file.clone(),
            line: frame.line,
            in_app: frame.in_app,
            telling: telling_names(frame, language),
            ..Self::default()
        }
    }
}

impl Tally {
    fn count(&mut self, value: String, number: Option<f64>) {
        match number {
            Some(number) => {
                let (low, high) = self.range.unwrap_or((number, number));
                self.range = Some((low.min(number), high.max(number)));
            }
            None => self.not_number = true,
        }
        let next = self.values.len();
        match self.index.get(&value) {
            Some(&at) => self.values[at].times += 1,
            None if next == MAX_DISTINCT => self.many = true,
            None => {
                self.index.insert(value.clone(), next);
                self.values.push(Seen { value, times: 1 });
            }
        }
    }

    fn finish(&mut self) {
        self.values
            .sort_by_key(|seen| std::cmp::Reverse(seen.times));
        if self.not_number {
            self.range = None;
        }
        self.index = HashMap::new();
    }
}

/// The tally of a path; `None` if there are too many.
fn place<'t>(
    tallies: &'t mut Vec<Tally>,
    index: &mut HashMap<String, usize>,
    path: &str,
) -> Option<&'t mut Tally> {
    let next = tallies.len();
    let at = match index.get(path) {
        Some(&at) => at,
        None if next == MAX_PLACES => return None,
        None => {
            index.insert(path.to_owned(), next);
            tallies.push(Tally {
                path: path.to_owned(),
                ..Tally::default()
            });
            next
        }
    };
    tallies.get_mut(at)
}

/// One frame of one occurrence.
struct Visit<'v, 's> {
    frame: &'v mut CommonFrame,
    values: &'v Values<'s>,
    writer: &'v OneLine<'s>,
    at: usize,
    open: Vec<*const Node>,
    /// Places that were counted: none is counted twice.
    places: Names,
}

impl<'s> Visit<'_, 's> {
    fn all(&mut self, frame: &'s Frame, depth: usize) {
        let mut seen = HashSet::new();
        for (name, node) in [&frame.arguments, &frame.locals, &frame.statics]
            .into_iter()
            .flatten()
        {
            if seen.insert(name) {
                self.value(&mut name.clone(), node, depth);
            }
        }
    }

    fn value(&mut self, path: &mut String, node: &'s Node, depth: usize) {
        let node = self.values.resolved(node);
        let inside =
            depth > 1 && node.is_container() && !self.open.contains(&std::ptr::from_ref(node));
        if inside {
            let members = members(node);
            if !members.is_empty() {
                self.open.push(node);
                // Keys that are no scalars, or long, are written alike.
                let mut labels = Names::default();
                for member in members.into_iter().take(MAX_ITEMS) {
                    let before = path.len();
                    member.label.push_to(path);
                    let label = labels.unique(&path[before..], "");
                    path.truncate(before);
                    path.push_str(&label);
                    self.value(path, member.node, depth - 1);
                    path.truncate(before);
                }
                self.open.pop();
                return;
            }
        }
        let text = self.writer.value(node, self.at, MAX_TEXT).plain();
        let frame = &self.frame;
        if frame.places.len() == MAX_PLACES && !frame.index.contains_key(path) {
            return;
        }
        let path = self.places.unique(path, "");
        let Some(tally) = place(&mut self.frame.places, &mut self.frame.index, &path) else {
            return;
        };
        if node.reason() == Some(Reason::Unbound) {
            tally.unset += 1;
            return;
        }
        tally.there += 1;
        tally.null += u64::from(node.is_null);
        tally.hidden += u64::from(is_hidden(node));
        tally.count(text, number(node));
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a range is told, not computed with"
)]
fn number(node: &Node) -> Option<f64> {
    match node.value.as_ref()? {
        Scalar::Int(value) => Some(*value as f64),
        Scalar::Uint(value) => Some(*value as f64),
        Scalar::Float(value) => Some(*value),
        Scalar::Text(text) if node.rendered => {
            text.parse().ok().filter(|value: &f64| value.is_finite())
        }
        _ => None,
    }
}

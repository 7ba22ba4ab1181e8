//! The variables of one frame in so many bytes: all of them briefly first, then each in more detail while there is room.

use std::ops::Range;

use super::rank::Words;
use super::value::{BRIEF, DETAILS, MORE, Writer};
use super::{close, key, text};
use crate::snapshot::FrameSource;
use crate::tape::{Frame, Item, Name, Value};

/// Variables of a frame that are looked at; the others count as not shown. Many times what could fit.
const CONSIDERED: usize = 4096;
/// Bytes that it takes at least to say how many variables a frame has.
pub(super) const LEAST: usize = 32;
/// Bytes of the shortest variable, `"a":{},`.
const SHORTEST: usize = 7;

/// A variable on its way into a frame.
#[derive(Debug)]
pub(super) struct Variable<'a> {
    name: Name<'a>,
    as_type: Option<Name<'a>>,
    value: Value<'a>,
    rank: u8,
    /// Where its member stands, with the comma behind it; empty if it is not shown.
    member: Range<usize>,
    /// Nothing would be added by more detail.
    whole: bool,
    /// There is no room for more detail.
    full: bool,
}

/// What fits a snapshot's frames, one after the other.
pub(super) struct Fit<'s, 't> {
    pub(super) writer: Writer<'s, 't>,
    pub(super) words: &'s mut Words,
    pub(super) order: &'s mut Vec<u32>,
    pub(super) variables: Vec<Variable<'t>>,
}

impl Fit<'_, '_> {
    /// Appends the object of a frame's variables, in at most `budget` bytes; an empty one may be longer.
    pub(super) fn frame(
        &mut self,
        frame: &Frame<'_>,
        source: Option<&FrameSource>,
        budget: usize,
        out: &mut Vec<u8>,
    ) {
        let tape = self.writer.tape;
        out.push(b'{');
        if !tape.is_captured(frame.id) {
            let why = self.writer.why(tape.stop());
            if more_bytes(why) <= budget {
                key(out, MORE);
                text(out, why);
            }
            close(out, b'}');
            out.pop();
            return;
        }
        self.words
            .read(source, &(frame.line..=frame.line.max(frame.end_line)));
        let missing = self.collect(frame);
        let mut told = String::new();
        more_variables(&mut told, missing);
        let Some(room) = budget.checked_sub(more_bytes(&told)) else {
            close(out, b'}');
            out.pop();
            return;
        };
        let used = self.variables.iter().filter(|one| one.rank == 0).count();
        let order = std::mem::take(self.order);
        let left = self.fill(&order[..used], room / 2) + room - room / 2;
        let left = self.fill(&order[used..], left);
        self.fill(&order, left);
        *self.order = order;
        let mut shown = 0;
        for variable in self.variables.iter().filter(|one| one.is_shown()) {
            out.extend_from_slice(&self.writer.scratch.out[variable.member.clone()]);
            shown += 1;
        }
        if missing > shown {
            more_variables(&mut told, missing - shown);
            key(out, MORE);
            text(out, &told);
        }
        close(out, b'}');
        out.pop();
    }

    /// Reads the variables of a frame and puts them in order. Returns how many there are, those that were not captured included.
    fn collect(&mut self, frame: &Frame<'_>) -> u64 {
        self.variables.clear();
        self.writer.scratch.out.clear();
        let (mut section, mut count) = (None, 0);
        for item in self.writer.tape.group(frame.id) {
            match item {
                Item::Section(next) => section = Some(next),
                Item::Gap { count: gap, .. } => count += u64::from(gap.unwrap_or(1)),
                Item::Value {
                    name: Some(name),
                    as_type,
                    value,
                } => {
                    count += 1;
                    if self.variables.len() < CONSIDERED {
                        self.variables.push(Variable {
                            name,
                            as_type,
                            value,
                            rank: self.words.rank(name.text, section, &value),
                            member: 0..0,
                            whole: false,
                            full: false,
                        });
                    }
                }
                Item::Value { .. } => {}
            }
        }
        self.order.clear();
        self.order.extend(0..self.variables.len() as u32);
        let variables = &self.variables;
        self.order
            .sort_by_key(|&index| variables[index as usize].rank);
        count
    }

    /// Shows variables in so many bytes, all of them briefly first. Returns the bytes that are left.
    fn fill(&mut self, order: &[u32], mut left: usize) -> usize {
        // What had no room may have some now.
        for &index in order {
            self.variables[index as usize].full = false;
        }
        for &index in order {
            if left < SHORTEST {
                break;
            }
            if !self.variables[index as usize].is_shown() {
                self.show(index, BRIEF, &mut left);
                self.hide_second(index, &mut left);
            }
        }
        for level in BRIEF + 1..DETAILS.len() {
            let mut growing = false;
            for &index in order {
                let variable = &self.variables[index as usize];
                if variable.is_shown() && !variable.whole && !variable.full {
                    self.show(index, level, &mut left);
                    let variable = &self.variables[index as usize];
                    growing |= !variable.whole && !variable.full;
                }
            }
            if !growing {
                break;
            }
        }
        left
    }

    /// Writes a variable in this detail, in place of what is shown of it, if there is room.
    fn show(&mut self, index: u32, level: usize, left: &mut usize) {
        let variable = &mut self.variables[index as usize];
        let before = variable.member.len();
        let start = self.writer.scratch.out.len();
        self.writer.scratch.names.clear();
        self.writer.field(&variable.name, 0);
        self.writer.end = start + *left + before;
        let written = self
            .writer
            .variable(variable.as_type.as_ref(), &variable.value, level);
        let size = self.writer.scratch.out.len() - start;
        // One that has no room for this detail has none for more.
        let Ok(whole) = written else {
            variable.full = true;
            return self.writer.scratch.out.truncate(start);
        };
        variable.whole = whole;
        // It may also be shorter: a text that is not cut need not say so.
        *left = *left + before - size;
        variable.member = start..start + size;
    }

    /// Hides a variable again if another of the same name is shown: an object has one of each.
    fn hide_second(&mut self, index: u32, left: &mut usize) {
        let variable = &self.variables[index as usize];
        if !variable.is_shown() {
            return;
        }
        let same = |other: &&Variable<'_>| other.is_shown() && other.name == variable.name;
        if self.variables.iter().filter(same).count() > 1 {
            *left += variable.member.len();
            self.variables[index as usize].member = 0..0;
        }
    }
}

impl Variable<'_> {
    fn is_shown(&self) -> bool {
        !self.member.is_empty()
    }
}

fn more_variables(out: &mut String, count: u64) {
    out.clear();
    out.push_str(itoa::Buffer::new().format(count));
    out.push_str(" more variable");
    if count != 1 {
        out.push('s');
    }
}

/// Bytes of an object with this text alone. It needs no escapes.
fn more_bytes(text: &str) -> usize {
    "{\"\":\"\"}".len() + MORE.len() + text.len()
}

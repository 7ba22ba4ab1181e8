//! Writing a tape again with what was not known when it was written: names of native frames, functions that the compiler put into
//! others, the message of an exception.
//!
//! All other bytes are copied as they stand. A frame that becomes several moves the numbers of the containers behind it, so
//! references are written anew.

use super::decode::{Decoder, GroupKind, Opened, Step, Tables};
use super::entry::{Frame, FrameFlags, Item, Section, Value};
use super::header::HEADER_BYTES;
use super::message::Message;
use super::op;
use super::reader::Tape;
use super::writer::Location;

/// Bytes of a name, and of a file's name, that are kept.
const NAME_MAX: usize = 255;
const FILE_MAX: usize = 1024;

/// A frame as it shall stand on the tape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EditedFrame {
    /// Its properties.
    pub flags: FrameFlags,
    /// Where it is.
    pub location: Location,
    /// Function, qualified inside its module.
    pub function: String,
    /// Module, or the image that holds the code.
    pub module: String,
    /// Source file.
    pub file: String,
    /// Whether the variables of the frame that stood here are this one's. At most one of the frames of one place has them.
    pub keeps: bool,
}

/// What shall be different.
pub struct Edit<'e> {
    /// The message of the captured exception, if it has none yet.
    pub message: Option<Message<'e>>,
    /// What stands for a frame, the raising one first; `None`: the frame stays as it is.
    pub frames: &'e mut dyn FnMut(&Frame<'_>) -> Option<Vec<EditedFrame>>,
}

/// Writes `tape` again.
#[must_use]
pub fn edit(tape: &Tape<'_>, edit: Edit<'_>) -> Option<Vec<u8>> {
    let mut editor = Editor {
        edit,
        out: Vec::with_capacity(tape.bytes().len() + 4096),
        plan: vec![Group::Old(GroupKind::Root)],
        numbers: vec![0],
        values: 0,
        string_limit: tape.header().limits.string as usize,
    };
    editor.out.extend_from_slice(&tape.bytes()[..HEADER_BYTES]);
    editor.run(tape)?;
    let Editor {
        mut out,
        plan,
        values,
        ..
    } = editor;
    if out.len() > op::MAX_TAPE_BYTES {
        return None;
    }
    let counts = [out.len() as u32, values, plan.len() as u32 - 1];
    for (count, at) in counts.into_iter().zip([8, 12, 16]) {
        out[at..at + 4].copy_from_slice(&count.to_le_bytes());
    }
    Some(out)
}

/// What the group of a container of the new tape is made of.
#[derive(Clone, Copy)]
enum Group {
    Old(GroupKind),
    Empty,
}

struct Editor<'e> {
    edit: Edit<'e>,
    out: Vec<u8>,
    /// By number on the new tape.
    plan: Vec<Group>,
    /// The new number of a container of the old tape.
    numbers: Vec<u32>,
    values: u32,
    string_limit: usize,
}

impl Editor<'_> {
    fn run(&mut self, tape: &Tape<'_>) -> Option<()> {
        let bytes = tape.bytes();
        let mut tables = Tables::default();
        let mut at = HEADER_BYTES;
        let mut next = 0;
        while let Some(group) = self.plan.get(next).copied() {
            match group {
                Group::Empty => self.out.push(op::END),
                Group::Old(_) if at >= bytes.len() => break,
                Group::Old(kind) => at = self.group(bytes, at, next, kind, &mut tables)?,
            }
            next += 1;
        }
        (at == bytes.len()).then_some(())
    }

    /// Writes the group that begins at `at`; returns where the next one does.
    fn group<'a>(
        &mut self,
        bytes: &'a [u8],
        at: usize,
        number: usize,
        kind: GroupKind,
        tables: &mut Tables<'a>,
    ) -> Option<usize> {
        let mut decoder = Decoder::new(bytes, at, kind, self.numbers.len() as u32);
        let mut item = Item::NONE;
        if number == 1 {
            self.message();
        }
        loop {
            let start = decoder.offset();
            let step = decoder.step::<false>(tables, &mut item).ok()?;
            let same = &bytes[start..decoder.offset()];
            match step {
                Step::Type(name) => {
                    tables.define_type(name, start).ok()?;
                    self.out.extend_from_slice(same);
                }
                Step::Shape { type_id, names } => {
                    tables.define_shape(type_id, names, start).ok()?;
                    self.out.extend_from_slice(same);
                }
                Step::Item { opens } => self.item(&item, opens, same)?,
                Step::End => {
                    self.out.push(op::END);
                    return Some(decoder.offset());
                }
            }
        }
    }

    fn item(&mut self, item: &Item<'_>, opens: Option<Opened>, same: &[u8]) -> Option<()> {
        let Item::Value { value, .. } = item else {
            self.out.extend_from_slice(same);
            return Some(());
        };
        if let Value::Frame(frame) = value
            && let Some(frames) = (self.edit.frames)(frame)
        {
            self.frames(&frames);
            return Some(());
        }
        self.values += 1;
        self.out.extend_from_slice(same);
        match value {
            Value::Ref(target) => {
                let new = self.numbers.get(target.0 as usize)?;
                let end = self.out.len();
                self.out[end - 4..].copy_from_slice(&new.to_le_bytes());
            }
            Value::Exception(exception) if exception.id.0 == 1 && self.edit.message.is_some() => {
                // Its flags are the last byte.
                *self.out.last_mut()? &= !1;
            }
            _ => {}
        }
        if let Some(Opened { kind, .. }) = opens {
            self.numbers.push(self.plan.len() as u32);
            self.plan.push(Group::Old(kind));
        }
        Some(())
    }

    fn frames(&mut self, frames: &[EditedFrame]) {
        let keeper = frames.iter().position(|frame| frame.keeps).unwrap_or(0);
        for (position, frame) in frames.iter().enumerate() {
            let group = match position == keeper {
                true => Group::Old(GroupKind::Frame),
                false => Group::Empty,
            };
            if position == keeper {
                self.numbers.push(self.plan.len() as u32);
            }
            self.plan.push(group);
            self.values += 1;
            let place = frame.location;
            self.out.extend([op::FRAME, frame.flags.0]);
            for number in [place.line, place.end_line, place.column, place.end_column] {
                self.out.extend(number.to_le_bytes());
            }
            self.name(&frame.function, NAME_MAX);
            self.name(&frame.module, NAME_MAX);
            self.name(&frame.file, FILE_MAX);
        }
    }

    fn name(&mut self, name: &str, max: usize) {
        let kept = cut(name, max);
        if kept.len() == name.len() && kept.len() <= op::SHORT_NAME_MAX {
            self.out.push(op::NAME + kept.len() as u8);
        } else {
            self.out.push(op::LONG_NAME);
            self.out.extend((kept.len() as u16).to_le_bytes());
            let total = u32::try_from(name.len()).unwrap_or(op::UNKNOWN_COUNT - 1);
            self.out.extend(total.to_le_bytes());
        }
        self.out.extend_from_slice(kept.as_bytes());
    }

    fn message(&mut self) {
        let Some(message) = self.edit.message else {
            return;
        };
        let (bytes, ahead, total) = message.cut(self.string_limit);
        let total = u32::try_from(total).unwrap_or(op::UNKNOWN_COUNT - 1);
        self.out.extend([op::SECTION, Section::Message as u8]);
        self.out.extend([op::STR, 0]);
        self.out
            .extend(((bytes.len() - ahead) as u32).to_le_bytes());
        self.out.extend((ahead as u16).to_le_bytes());
        self.out.extend(total.to_le_bytes());
        self.out.extend_from_slice(bytes);
        self.values += 1;
    }
}

/// At most `max` bytes, cut between characters.
fn cut(name: &str, max: usize) -> &str {
    let mut end = name.len().min(max);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

//! Writing the clean tape: what the structure hides is left out, and what the scanner found is replaced.

use std::borrow::Cow;
use std::collections::HashMap;

use super::collect::{ascii_view, frame_names, name_is_scanned, number_text};
use super::finding::{Finding, Shown, Texts, floor};
use super::structure::{Rule, Structure};
use super::{CleanError, CleanTape, CleanText, Cleaned, SideText};
use crate::reason::Reason;
use crate::redact::{Mode, Redactor, STRICT};
use crate::snapshot::ReasonCounts;
use crate::tape::{
    ContainerId, ContainerKind, Exception, Frame, Item, Location, Name, Tape, TapeWriter, Text,
    TypeId, Value, own_type,
};

/// Longest rule name that is told.
const RULE_BYTES: usize = 126;

pub(super) fn rewrite<'t>(
    raw: &'t Tape<'_>,
    structure: &'t Structure,
    sides: &[SideText<'_>],
    redactor: &'t Redactor,
    texts: Texts<'t>,
    writer: &'t mut TapeWriter,
) -> Result<Cleaned, CleanError> {
    let mut rewriter = Rewriter {
        raw,
        structure,
        redactor,
        mode: redactor.mode(),
        texts,
        writer,
        types: HashMap::new(),
        numbers: HashMap::new(),
        counts: ReasonCounts::default(),
        number: String::new(),
    };
    rewriter.tape()?;
    let counts = std::mem::take(&mut rewriter.counts);
    let texts = sides
        .iter()
        .enumerate()
        .map(|(index, side)| rewriter.side(index, side))
        .collect();
    let side_counts = rewriter.counts;
    let header = raw.header();
    let bytes = rewriter
        .writer
        .finish(header.stop, header.duration)
        .ok_or(CleanError)?
        .to_vec();
    Ok(Cleaned {
        tape: CleanTape { bytes },
        texts,
        counts,
        side_counts,
    })
}

struct Rewriter<'t, 'a> {
    raw: &'t Tape<'a>,
    structure: &'t Structure,
    redactor: &'t Redactor,
    mode: Mode,
    texts: Texts<'t>,
    writer: &'t mut TapeWriter,
    /// By the address of the type's name on the raw tape.
    types: HashMap<usize, TypeId>,
    /// Numbers of containers on the clean tape, by those on the raw one.
    numbers: HashMap<u32, ContainerId>,
    counts: ReasonCounts,
    number: String,
}

impl<'t, 'a> Rewriter<'t, 'a> {
    fn tape(&mut self) -> Result<(), CleanError> {
        let header = self.raw.header();
        self.writer
            .begin_clean(header.language, &header.limits, self.raw.bytes().len());
        for group in 0..=self.raw.containers() {
            let id = ContainerId(group);
            if self.structure.container(id).is_some() {
                continue;
            }
            if group != 0 && !self.raw.is_captured(id) {
                self.counts.add(self.raw.stop());
                continue;
            }
            self.group(id);
            if self.writer.is_full() {
                return Err(CleanError);
            }
        }
        Ok(())
    }

    fn group(&mut self, id: ContainerId) {
        let items = if id.0 == 0 {
            self.raw.root()
        } else {
            self.raw.group(id)
        };
        let is_map = self.raw.kind(id) == Some(ContainerKind::Map);
        let mut index = self.structure.first_item(id.0);
        let mut position = 0;
        for item in items {
            match item {
                Item::Section(section) => self.writer.section(section),
                Item::Gap { reason, count } => {
                    self.counts.add(reason);
                    self.writer.gap(reason, count);
                }
                Item::Value {
                    name,
                    as_type,
                    value,
                } => {
                    let rule = self.structure.item(index);
                    index += 1;
                    position += 1;
                    let is_key = is_map && position % 2 == 1;
                    self.item(name, as_type, value, rule, is_key);
                }
            }
        }
        self.writer.end_group();
    }

    fn item(
        &mut self,
        name: Option<Name<'a>>,
        as_type: Option<Name<'a>>,
        value: Value<'a>,
        rule: Option<&Rule>,
        is_key: bool,
    ) {
        if let Some(name) = name {
            let shown = self.name(name, name_is_scanned(name));
            if matches!(value, Value::Absent) {
                return;
            }
            if !self.writer.name(shown.as_bytes()) {
                return;
            }
        }
        if let Some(rule) = rule {
            let type_id = self.value_type(as_type, &value);
            return self.redacted(rule.reason, type_id, &rule.name);
        }
        self.value(as_type, value, is_key);
    }

    /// A name, with what was found in it replaced.
    fn name(&mut self, name: Name<'a>, scanned: bool) -> Cow<'a, str> {
        if self.mode == Mode::Off || !scanned {
            return Cow::Borrowed(name.text);
        }
        let finding = self.texts.next();
        match finding.apply(Cow::Borrowed(name.text), name.text.len(), self.redactor) {
            Shown::Whole(_) => Cow::Borrowed(name.text),
            Shown::Replaced { text, .. } => Cow::Owned(text),
            Shown::Hidden { rule } => Cow::Owned(format!("[redacted:{rule}]")),
        }
    }

    fn value(&mut self, as_type: Option<Name<'a>>, value: Value<'a>, is_key: bool) {
        match value {
            Value::Text(text) => self.text(as_type, text, is_key),
            Value::Bytes { kept, total } => self.binary(as_type, kept, total),
            Value::Cleaned {
                text,
                rule,
                rendered,
                lossy,
            } => {
                let shown = match self.finding() {
                    Some(finding) => finding.apply(Cow::Borrowed(text), text.len(), self.redactor),
                    None => Shown::Whole(Cow::Borrowed(text)),
                };
                let type_id = self.value_type(as_type, &value);
                match shown {
                    Shown::Hidden { rule } => self.redacted(Reason::RedactedValue, type_id, rule),
                    Shown::Whole(text) => {
                        self.as_type(as_type);
                        self.writer.cleaned(&text, rule.text, rendered, lossy);
                    }
                    Shown::Replaced { text, .. } => {
                        self.as_type(as_type);
                        self.writer.cleaned(&text, rule.text, rendered, lossy);
                    }
                }
            }
            Value::Null => {
                self.as_type(as_type);
                self.writer.null();
            }
            Value::Bool(value) => {
                self.as_type(as_type);
                self.writer.bool(value);
            }
            Value::Int(_) | Value::Uint(_) | Value::Big(_) | Value::Float(_) => {
                self.number(as_type, value);
            }
            Value::Time(time) => {
                self.as_type(as_type);
                self.writer.time(time);
            }
            Value::List {
                id,
                type_name,
                size,
            } => {
                let type_id = self.type_id(type_name);
                let new = self.writer.list_of(type_id, size);
                self.open(id, new);
            }
            Value::Map {
                id,
                type_name,
                size,
            } => {
                let type_id = self.type_id(type_name);
                let new = self.writer.map_of(type_id, size);
                self.open(id, new);
            }
            Value::Object { id, type_name } => {
                let type_id = self.type_id(type_name);
                let new = self.writer.object(type_id);
                self.open(id, new);
            }
            Value::Exception(Exception {
                id,
                type_name,
                link,
                parent,
                message_unknown,
            }) => {
                let type_id = self.type_id(type_name);
                let new = self
                    .writer
                    .exception(type_id, link, parent, message_unknown);
                self.open(id, new);
            }
            Value::Frame(frame) => self.frame(&frame),
            Value::Ref(target) => match self.numbers.get(&target.0) {
                Some(&new) => self.writer.reference(new),
                None => self.writer.skipped(Reason::Pruned, TypeId::default(), None),
            },
            Value::Opaque { type_name } => {
                let type_id = self.type_id(type_name);
                self.writer.opaque(type_id);
            }
            Value::Redacted {
                reason,
                type_name,
                rule,
                ..
            } => {
                let type_id = self.type_id(type_name);
                self.redacted(reason, type_id, rule.text);
            }
            Value::Skipped {
                reason,
                type_name,
                size,
            } => {
                let type_id = self.type_id(type_name);
                self.counts.add(reason);
                self.writer
                    .skipped(reason, type_id, size.map(|size| size as usize));
            }
            Value::Failed { type_name, cause } => {
                let type_id = self.type_id(type_name);
                let cause = self.name(cause, true);
                self.counts.add(Reason::Error);
                self.writer.failed(type_id, &cause);
            }
            Value::Absent => {}
        }
    }

    fn text(&mut self, as_type: Option<Name<'a>>, text: Text<'a>, is_key: bool) {
        let type_id = self.value_type(as_type, &Value::Text(text));
        if self.mode == Mode::Strict {
            let _ = self.finding();
            return self.redacted(Reason::RedactedValue, type_id, STRICT);
        }
        let whole = text.with_lookahead();
        let boundary = if text.has_lookahead() {
            // A host may have cut between the halves of a UTF-16 pair: then the whole character is beyond.
            floor(&whole, text.shown().len())
        } else {
            whole.len()
        };
        let lossy = text.flagged_lossy()
            || (!text.is_utf8() && whole[..boundary].contains(char::REPLACEMENT_CHARACTER));
        let shown = match self.finding() {
            Some(finding) => finding.apply(whole, boundary, self.redactor),
            None => Finding {
                hits: &[],
                unscanned: false,
            }
            .apply(whole, boundary, self.redactor),
        };
        match shown {
            Shown::Whole(shown) => {
                // Of the short form there is no more.
                let total = (!text.is_whole_form()).then(|| text.total());
                let more = total.filter(|&total| shown.chars().count() < total as usize);
                if more.is_some() {
                    self.counts.add(Reason::Length);
                }
                self.as_type(as_type);
                self.writer.clean_text(&shown, more, text.rendered(), lossy);
            }
            Shown::Replaced { text: shown, rule } => {
                self.counts.add(Reason::RedactedValue);
                self.as_type(as_type);
                self.writer.cleaned(&shown, rule, text.rendered(), lossy);
            }
            Shown::Hidden { rule } if is_key => {
                self.counts.add(Reason::RedactedValue);
                self.writer
                    .cleaned(&format!("[redacted:{rule}]"), rule, text.rendered(), lossy);
            }
            Shown::Hidden { rule } => self.redacted(Reason::RedactedValue, type_id, rule),
        }
    }

    fn binary(&mut self, as_type: Option<Name<'a>>, kept: &'a [u8], total: u32) {
        let type_id = self.value_type(as_type, &Value::Bytes { kept, total });
        if self.mode == Mode::Strict {
            let _ = self.finding();
            return self.redacted(Reason::RedactedValue, type_id, STRICT);
        }
        // Bytes are hidden as a whole: what stands around a secret in them is seldom readable.
        let rule = self.finding().and_then(|finding| {
            let view = ascii_view(kept);
            match finding.apply(String::from_utf8_lossy(&view), kept.len(), self.redactor) {
                Shown::Whole(_) => None,
                Shown::Replaced { rule, .. } | Shown::Hidden { rule } => Some(rule),
            }
        });
        if let Some(rule) = rule {
            return self.redacted(Reason::RedactedValue, type_id, rule);
        }
        if (kept.len() as u64) < u64::from(total) {
            self.counts.add(Reason::Length);
        }
        self.as_type(as_type);
        self.writer.clean_binary(kept, total);
    }

    fn number(&mut self, as_type: Option<Name<'a>>, value: Value<'a>) {
        let mut number = std::mem::take(&mut self.number);
        let scanned = number_text(&value, &mut number) && self.mode != Mode::Off;
        let length = number.len();
        let found = scanned.then(|| self.texts.next()).and_then(|finding| {
            match finding.apply(Cow::Borrowed(&number), length, self.redactor) {
                Shown::Whole(_) => None,
                Shown::Replaced { rule, .. } | Shown::Hidden { rule } => Some(rule.to_owned()),
            }
        });
        self.number = number;
        if let Some(rule) = found {
            let type_id = self.value_type(as_type, &value);
            return self.redacted(Reason::RedactedValue, type_id, &rule);
        }
        self.as_type(as_type);
        match value {
            Value::Int(value) => self.writer.int(value),
            Value::Uint(value) => self.writer.uint(value),
            Value::Float(value) => self.writer.float(value),
            Value::Big(big) => self.writer.big_int(
                big.negative,
                big.bits,
                big.head
                    .iter()
                    .fold(0, |head, &byte| (head << 8) | u128::from(byte)),
            ),
            _ => {}
        }
    }

    fn frame(&mut self, frame: &Frame<'a>) {
        let [function, module, file] = frame_names(frame).map(|name| self.name(name, true));
        let location = Location {
            line: frame.line,
            end_line: frame.end_line,
            column: frame.column,
            end_column: frame.end_column,
        };
        let new = self.writer.frame(
            frame.flags,
            location,
            function.as_bytes(),
            module.as_bytes(),
            file.as_bytes(),
        );
        self.open(frame.id, new);
    }

    fn open(&mut self, raw: ContainerId, new: Option<ContainerId>) {
        if let Some(new) = new {
            self.numbers.insert(raw.0, new);
        }
    }

    fn finding(&mut self) -> Option<Finding<'t>> {
        (self.mode != Mode::Off).then(|| self.texts.next())
    }

    fn redacted(&mut self, reason: Reason, type_id: TypeId, rule: &str) {
        self.counts.add(reason);
        self.writer.redacted(
            reason,
            type_id,
            &rule[..floor(rule, rule.len().min(RULE_BYTES))],
            None,
        );
    }

    fn as_type(&mut self, as_type: Option<Name<'a>>) {
        if as_type.is_some() {
            let type_id = self.type_id(as_type);
            self.writer.as_type(type_id);
        }
    }

    fn type_id(&mut self, name: Option<Name<'_>>) -> TypeId {
        let Some(name) = name else {
            return TypeId::default();
        };
        let writer = &mut *self.writer;
        *self
            .types
            .entry(name.text.as_ptr() as usize)
            .or_insert_with(|| writer.define_type(name.text.as_bytes()))
    }

    /// The type of a value that is replaced by something that does not tell it.
    fn value_type(&mut self, as_type: Option<Name<'a>>, value: &Value<'a>) -> TypeId {
        let told = as_type.or(match value {
            Value::List { type_name, .. }
            | Value::Map { type_name, .. }
            | Value::Object { type_name, .. }
            | Value::Opaque { type_name }
            | Value::Redacted { type_name, .. }
            | Value::Skipped { type_name, .. }
            | Value::Failed { type_name, .. } => *type_name,
            _ => None,
        });
        if told.is_some() {
            return self.type_id(told);
        }
        match own_type(self.raw.header().language, value) {
            Some(name) => self.type_id(Some(Name {
                text: name,
                total: name.len() as u32,
            })),
            None => TypeId::default(),
        }
    }

    fn side(&mut self, index: usize, side: &SideText<'_>) -> CleanText {
        let hidden = |reason, rule: &str| CleanText {
            text: String::new(),
            hidden: Some((reason, rule.to_owned())),
        };
        if let Some(rule) = self.structure.side(index) {
            self.counts.add(rule.reason);
            return hidden(rule.reason, &rule.name);
        }
        let found = self.finding().map(|finding| {
            match finding.apply(Cow::Borrowed(side.text), side.text.len(), self.redactor) {
                Shown::Whole(_) => CleanText {
                    text: side.text.to_owned(),
                    hidden: None,
                },
                Shown::Replaced { text, rule } => CleanText {
                    text,
                    hidden: Some((Reason::RedactedValue, rule.to_owned())),
                },
                Shown::Hidden { rule } => hidden(Reason::RedactedValue, rule),
            }
        });
        match found {
            None => CleanText {
                text: side.text.to_owned(),
                hidden: None,
            },
            Some(_) if self.mode == Mode::Strict => hidden(Reason::RedactedValue, STRICT),
            Some(found) => {
                if found.hidden.is_some() {
                    self.counts.add(Reason::RedactedValue);
                }
                found
            }
        }
    }
}

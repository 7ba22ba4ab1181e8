//! Tapes from a description, byte by byte, after the specification in `stillframe_core::tape`.

/// A name and how long it was before it was cut.
pub(crate) type Name = String;

/// One value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Big {
        negative: bool,
        bits: u32,
        head: Vec<u8>,
    },
    Time {
        kind: u8,
        seconds: i64,
        nanos: u32,
        offset: i32,
    },
    Str8(String),
    Text {
        code: u8,
        flags: u8,
        kept: Vec<u8>,
        ahead: Vec<u8>,
        total: u32,
    },
    Bytes {
        kept: Vec<u8>,
        more: u32,
    },
    Cleaned {
        rule: Name,
        flags: u8,
        text: String,
    },
    As(Name, Box<Value>),
    List {
        type_name: Option<Name>,
        size: u32,
        items: Vec<Item>,
    },
    Map {
        type_name: Option<Name>,
        size: u32,
        items: Vec<Item>,
    },
    Object {
        type_name: Option<Name>,
        items: Vec<(Name, Item)>,
    },
    Shaped {
        type_name: Option<Name>,
        items: Vec<(Name, Option<Item>)>,
    },
    /// Any container before; which one is this number modulo how many there are.
    Ref(u32),
    Opaque {
        type_name: Option<Name>,
    },
    Redacted {
        reason: u8,
        type_name: Option<Name>,
        rule: Name,
        alias: Option<(u32, u64)>,
    },
    Skipped {
        reason: u8,
        type_name: Option<Name>,
        size: u32,
    },
    Failed {
        type_name: Option<Name>,
        cause: Name,
    },
}

/// A value, or a gap.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Gap { reason: u8, count: u32 },
    Value(Value),
}

/// Items of one section; names are not used where the section has none.
pub(crate) type Section = (u8, Vec<(Name, Item)>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    pub(crate) flags: u8,
    pub(crate) location: [u32; 4],
    pub(crate) function: Name,
    pub(crate) module: Name,
    pub(crate) file: Name,
    pub(crate) sections: Vec<Section>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Exception {
    pub(crate) type_name: Option<Name>,
    pub(crate) link: u8,
    /// Which exception before it, modulo how many there are.
    pub(crate) parent: u32,
    pub(crate) message_unknown: bool,
    /// Message, notes, args, attributes.
    pub(crate) sections: Vec<Section>,
    pub(crate) frames: Vec<FrameItem>,
}

#[derive(Clone, Debug)]
pub(crate) enum FrameItem {
    Gap { reason: u8, count: u32 },
    Frame(Frame),
}

#[derive(Clone, Debug)]
pub(crate) enum ExceptionItem {
    Gap { reason: u8, count: u32 },
    Exception(Exception),
}

/// A whole tape.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spec {
    pub(crate) language: u8,
    /// Groups that are written, and the reason why not all; `None`: all.
    pub(crate) stop: Option<(u32, u8)>,
    pub(crate) duration_ns: u32,
    pub(crate) chain: Vec<ExceptionItem>,
}

/// The contents of a container that is still to be written.
enum Pending {
    Items(Vec<Item>),
    Named(Vec<(Name, Item)>),
    Shaped(Vec<Option<Item>>),
    Exception(Vec<Section>, Vec<FrameItem>),
    Frame(Vec<Section>),
}

struct Builder {
    out: Vec<u8>,
    types: Vec<Name>,
    shapes: u16,
    values: u32,
    containers: u32,
    pending: std::collections::VecDeque<Pending>,
}

/// Bytes of the tape that a specification describes.
pub(crate) fn build(spec: &Spec) -> Vec<u8> {
    let mut builder = Builder {
        out: vec![0; 64],
        types: Vec::new(),
        shapes: 0,
        values: 0,
        containers: 0,
        pending: std::collections::VecDeque::new(),
    };
    let mut exceptions = 0;
    for item in &spec.chain {
        match item {
            ExceptionItem::Gap { reason, count } => builder.gap(*reason, *count),
            ExceptionItem::Exception(exception) => {
                builder.exception(exception, exceptions);
                exceptions += 1;
            }
        }
    }
    builder.out.push(0x01);
    let mut groups = 1;
    let mut stop = 0;
    while let Some(pending) = builder.pending.pop_front() {
        if let Some((limit, reason)) = spec.stop
            && groups >= limit
        {
            stop = reason;
            break;
        }
        builder.group(pending);
        groups += 1;
    }
    builder.finish(spec, stop)
}

impl Builder {
    fn finish(mut self, spec: &Spec, stop: u8) -> Vec<u8> {
        let length = self.out.len() as u32;
        let mut header = b"\x93SFT\x01\x00".to_vec();
        header.push(spec.language);
        header.push(stop);
        for number in [length, self.values, self.containers, spec.duration_ns] {
            header.extend(number.to_le_bytes());
        }
        for limit in [16u16, 17, 4, 32] {
            header.extend(limit.to_le_bytes());
        }
        for limit in [64u32, 1024, 4096, 131_072, 2000, 10_000, 0, 0] {
            header.extend(limit.to_le_bytes());
        }
        self.out[..64].copy_from_slice(&header);
        self.out
    }

    fn u16(&mut self, number: u16) {
        self.out.extend(number.to_le_bytes());
    }

    fn u32(&mut self, number: u32) {
        self.out.extend(number.to_le_bytes());
    }

    fn u64(&mut self, number: u64) {
        self.out.extend(number.to_le_bytes());
    }

    /// A name of more than 60 bytes is cut to 40 or so, so that both forms occur.
    fn name(&mut self, name: &str) {
        if name.len() > 60 {
            let mut end = 40;
            while !name.is_char_boundary(end) {
                end += 1;
            }
            self.out.push(0xff);
            self.u16(end as u16);
            self.u32(name.len() as u32);
            self.out.extend(&name.as_bytes()[..end]);
        } else {
            self.out.push(0x80 + name.len() as u8);
            self.out.extend(name.as_bytes());
        }
    }

    fn type_id(&mut self, name: Option<&Name>) -> u16 {
        let Some(name) = name else { return 0 };
        if let Some(index) = self.types.iter().position(|known| known == name) {
            return index as u16 + 1;
        }
        self.out.push(0x04);
        self.name(name);
        self.types.push(name.clone());
        self.types.len() as u16
    }

    fn gap(&mut self, reason: u8, count: u32) {
        self.out.extend([0x02, reason]);
        self.u32(count);
    }

    fn exception(&mut self, exception: &Exception, before: u32) {
        let type_id = self.type_id(exception.type_name.as_ref());
        let (link, parent) = match before {
            0 => (0, 0),
            _ => (1 + exception.link % 3, exception.parent % before),
        };
        self.values += 1;
        self.containers += 1;
        self.out.push(0x34);
        self.u16(type_id);
        self.out.push(link);
        self.u32(parent);
        self.out.push(exception.message_unknown.into());
        self.pending.push_back(Pending::Exception(
            exception.sections.clone(),
            exception.frames.clone(),
        ));
    }

    fn group(&mut self, pending: Pending) {
        match pending {
            Pending::Items(items) => items.into_iter().for_each(|item| self.item(None, item)),
            Pending::Named(items) => {
                for (name, item) in items {
                    self.item(Some(&name), item);
                }
            }
            Pending::Shaped(items) => {
                for item in items {
                    match item {
                        Some(item) => self.item(None, item),
                        None => {
                            self.values += 1;
                            self.out.push(0x46);
                        }
                    }
                }
            }
            Pending::Exception(sections, frames) => {
                self.sections(sections);
                if !frames.is_empty() {
                    self.out.extend([0x03, 8]);
                }
                frames.into_iter().for_each(|item| self.frame(item));
            }
            Pending::Frame(sections) => self.sections(sections),
        }
        self.out.push(0x01);
    }

    fn sections(&mut self, sections: Vec<Section>) {
        for (code, items) in sections {
            self.out.extend([0x03, code]);
            let named = code <= 3 || code == 7;
            for (name, item) in items {
                self.item(named.then_some(&name), item);
            }
        }
    }

    fn frame(&mut self, item: FrameItem) {
        match item {
            FrameItem::Gap { reason, count } => self.gap(reason, count),
            FrameItem::Frame(frame) => {
                self.values += 1;
                self.containers += 1;
                self.out.extend([0x35, frame.flags]);
                frame
                    .location
                    .into_iter()
                    .for_each(|number| self.u32(number));
                for name in [&frame.function, &frame.module, &frame.file] {
                    self.name(name);
                }
                self.pending.push_back(Pending::Frame(frame.sections));
            }
        }
    }

    fn item(&mut self, name: Option<&Name>, item: Item) {
        match item {
            Item::Gap { reason, count } => self.gap(reason, count),
            Item::Value(value) => {
                let value = self.define(value);
                if let Some(name) = name {
                    self.name(name);
                }
                self.value(value);
            }
        }
    }

    /// Definitions stand before the name of the value that needs them; here all of them, so that numbers exist.
    fn define(&mut self, value: Value) -> Value {
        match &value {
            Value::As(type_name, _) => {
                self.type_id(Some(type_name));
            }
            Value::List { type_name, .. }
            | Value::Map { type_name, .. }
            | Value::Object { type_name, .. }
            | Value::Opaque { type_name }
            | Value::Redacted { type_name, .. }
            | Value::Skipped { type_name, .. }
            | Value::Failed { type_name, .. } => {
                self.type_id(type_name.as_ref());
            }
            Value::Shaped { type_name, items } => {
                let type_id = self.type_id(type_name.as_ref());
                self.out.push(0x05);
                self.u16(type_id);
                self.out.push(items.len() as u8);
                for (name, _) in items {
                    self.name(name);
                }
                self.shapes += 1;
            }
            _ => {}
        }
        value
    }

    fn open(&mut self, pending: Pending) {
        self.containers += 1;
        self.pending.push_back(pending);
    }

    fn value(&mut self, value: Value) {
        if !matches!(value, Value::As(..)) {
            self.values += 1;
        }
        match value {
            Value::Null => self.out.push(0x10),
            Value::Bool(truth) => self.out.push(0x11 + u8::from(truth)),
            Value::Int(number) => self.int(number),
            Value::Uint(number) => {
                self.out.push(0x16);
                self.u64(number);
            }
            Value::Float(number) => {
                self.out.push(0x17);
                self.u64(number.to_bits());
            }
            Value::Big {
                negative,
                bits,
                head,
            } => {
                self.out.extend([0x18, negative.into()]);
                self.u32(bits);
                self.out.push(head.len() as u8);
                self.out.extend(head);
            }
            Value::Time {
                kind,
                seconds,
                nanos,
                offset,
            } => {
                self.out.extend([0x19, kind]);
                self.u64(seconds as u64);
                self.u32(nanos);
                self.u32(offset as u32);
            }
            Value::Str8(text) => {
                self.out.extend([0x20, text.len() as u8]);
                self.out.extend(text.as_bytes());
            }
            Value::Text {
                code,
                flags,
                kept,
                ahead,
                total,
            } => {
                self.out.extend([code, flags]);
                self.u32(kept.len() as u32);
                self.u16(ahead.len() as u16);
                self.u32(total);
                self.out.extend(kept);
                self.out.extend(ahead);
            }
            Value::Bytes { kept, more } => {
                self.out.push(0x25);
                self.u32(kept.len() as u32);
                self.u32(kept.len() as u32 + more);
                self.out.extend(kept);
            }
            Value::Cleaned { rule, flags, text } => {
                self.out.push(0x26);
                self.name(&rule);
                self.out.push(flags);
                self.u32(text.len() as u32);
                self.out.extend(text.as_bytes());
            }
            Value::As(type_name, value) => {
                let type_id = self.type_id(Some(&type_name));
                self.out.push(0x06);
                self.u16(type_id);
                self.value(*value);
            }
            Value::Ref(number) => {
                self.out.push(0x40);
                let target = number % self.containers + 1;
                self.u32(target);
            }
            other => self.sparse(other),
        }
    }

    fn sparse(&mut self, value: Value) {
        match value {
            Value::List {
                type_name,
                size,
                items,
            } => {
                let type_id = self.type_id(type_name.as_ref());
                self.out.push(0x30);
                self.u16(type_id);
                self.u32(size);
                self.open(Pending::Items(items));
            }
            Value::Map {
                type_name,
                size,
                items,
            } => {
                let type_id = self.type_id(type_name.as_ref());
                self.out.push(0x31);
                self.u16(type_id);
                self.u32(size);
                self.open(Pending::Items(items));
            }
            Value::Object { type_name, items } => {
                let type_id = self.type_id(type_name.as_ref());
                self.out.push(0x32);
                self.u16(type_id);
                self.open(Pending::Named(items));
            }
            Value::Shaped { items, .. } => {
                self.out.push(0x33);
                self.u16(self.shapes - 1);
                let items = items.into_iter().map(|(_, item)| item).collect();
                self.open(Pending::Shaped(items));
            }
            Value::Opaque { type_name } => {
                let type_id = self.type_id(type_name.as_ref());
                self.out.push(0x41);
                self.u16(type_id);
            }
            Value::Redacted {
                reason,
                type_name,
                rule,
                alias,
            } => {
                let type_id = self.type_id(type_name.as_ref());
                self.out
                    .extend([if alias.is_some() { 0x43 } else { 0x42 }, reason]);
                self.u16(type_id);
                self.name(&rule);
                if let Some((length, hash)) = alias {
                    self.u32(length);
                    self.u64(hash);
                }
            }
            Value::Skipped {
                reason,
                type_name,
                size,
            } => {
                let type_id = self.type_id(type_name.as_ref());
                self.out.extend([0x44, reason]);
                self.u16(type_id);
                self.u32(size);
            }
            Value::Failed { type_name, cause } => {
                let type_id = self.type_id(type_name.as_ref());
                self.out.push(0x45);
                self.u16(type_id);
                self.name(&cause);
            }
            _ => unreachable!("written by `value`"),
        }
    }

    fn int(&mut self, number: i64) {
        if let Ok(short) = i8::try_from(number) {
            self.out.extend([0x13, short as u8]);
        } else if let Ok(short) = i32::try_from(number) {
            self.out.push(0x14);
            self.u32(short as u32);
        } else {
            self.out.push(0x15);
            self.u64(number as u64);
        }
    }
}

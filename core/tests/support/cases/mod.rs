//! Snapshots that together hold everything that a tape can say: what the conformance vectors are made of.

mod beside;
mod containers;
mod missing;
mod values;

use std::sync::Arc;

use stillframe_core::reason::Reason;
use stillframe_core::snapshot::{Extras, Meta, Process, SnapshotId, Thread};

use super::build::{Exception, ExceptionItem, Frame, FrameItem, Item, Section, Spec, Value};

/// One case: what is on the tape and what stands beside it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) spec: Spec,
    pub(crate) meta: Meta,
    pub(crate) extras: Extras,
}

const PYTHON: u8 = 1;
const JAVA: u8 = 2;
const DOTNET: u8 = 3;
const NATIVE: u8 = 4;

const UNKNOWN: u32 = u32::MAX;

fn process() -> Process {
    Process {
        service: "shop".into(),
        env: Some("prod".into()),
        version: Some("1.4.2".into()),
        host: Some("web-3".into()),
        pid: 4711,
        runtime_version: Some("3.11.7".into()),
        ..Process::default()
    }
}

fn meta() -> Meta {
    Meta {
        id: SnapshotId::from_parts(1_795_225_363_042_000_000, 0x1234_5678_9abc_def0),
        timestamp_ns: 1_795_225_363_042_000_000,
        process: Arc::new(process()),
        thread: Some(Thread {
            id: 140_525,
            name: Some("MainThread".into()),
        }),
        mechanism: Some("excepthook".into()),
        ..Meta::default()
    }
}

fn text(text: &str) -> Value {
    Value::Str8(text.into())
}

fn named(values: Vec<(&str, Value)>) -> Vec<(String, Item)> {
    let one = |(name, value): (&str, Value)| (name.to_owned(), Item::Value(value));
    values.into_iter().map(one).collect()
}

fn items(values: Vec<Value>) -> Vec<Item> {
    values.into_iter().map(Item::Value).collect()
}

const fn gap(reason: Reason, count: u32) -> Item {
    Item::Gap {
        reason: reason as u8,
        count,
    }
}

fn frame(function: &str, line: u32, sections: Vec<Section>) -> Frame {
    Frame {
        flags: 1,
        location: [line, 0, 0, 0],
        function: function.into(),
        module: "shop.cart".into(),
        file: "/srv/shop/cart.py".into(),
        sections,
    }
}

fn error(type_name: &str, message: &str, frames: Vec<Frame>) -> Exception {
    Exception {
        type_name: Some(type_name.into()),
        sections: vec![(4, vec![(String::new(), Item::Value(text(message)))])],
        frames: frames.into_iter().map(FrameItem::Frame).collect(),
        ..Exception::default()
    }
}

fn spec(language: u8, exceptions: Vec<Exception>) -> Spec {
    Spec {
        language,
        duration_ns: 90_000,
        chain: exceptions
            .into_iter()
            .map(ExceptionItem::Exception)
            .collect(),
        ..Spec::default()
    }
}

/// One error, one frame, these locals.
fn locals(language: u8, values: Vec<(&str, Value)>) -> Spec {
    let sections = vec![(2, named(values))];
    let raising = frame("Cart.total", 42, sections);
    spec(
        language,
        vec![error(
            "shop.errors.OutOfStock",
            "nothing left",
            vec![raising],
        )],
    )
}

fn list(type_name: Option<&str>, size: u32, items: Vec<Item>) -> Value {
    Value::List {
        type_name: type_name.map(str::to_owned),
        size,
        items,
    }
}

fn object(type_name: &str, fields: Vec<(&str, Value)>) -> Value {
    Value::Object {
        type_name: Some(type_name.into()),
        items: named(fields),
    }
}

fn skipped(reason: Reason, type_name: Option<&str>, size: u32) -> Value {
    Value::Skipped {
        reason: reason as u8,
        type_name: type_name.map(str::to_owned),
        size,
    }
}

fn long(code: u8, flags: u8, kept: &[u8], ahead: &[u8], total: u32) -> Value {
    Value::Text {
        code,
        flags,
        kept: kept.to_vec(),
        ahead: ahead.to_vec(),
        total,
    }
}

fn time(kind: u8, seconds: i64, nanos: u32, offset: Option<i32>) -> Value {
    Value::Time {
        kind,
        seconds,
        nanos,
        offset: offset.unwrap_or(i32::MIN),
    }
}

/// All cases, in the order of the tape's opcode tables.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = values::all();
    cases.extend(containers::all());
    cases.extend(missing::values());
    cases.extend(missing::structure());
    cases.extend(beside::languages());
    let case = |(name, about, spec)| Case {
        name,
        about,
        spec,
        meta: meta(),
        extras: Extras::default(),
    };
    let mut all: Vec<Case> = cases.into_iter().map(case).collect();
    all.extend(beside::all());
    all
}

type Named = (&'static str, &'static str, Spec);

//! Variables for other tools' events, of any snapshot: they parse, they fit, what says most comes first, and a hostile tape costs no more.
//! (What values look like is in `conformance/snapshots`.)

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value as Json;
use stillframe_core::encode::vars::Options;
use stillframe_core::encode::{Encoder, Input};
use stillframe_core::snapshot::{Extras, FrameSource, Grouping, Meta, ReasonCounts};
use stillframe_core::tape::{FrameFlags, Tape};
use support::build::{Exception, ExceptionItem, Frame, FrameItem, Item, Value};
use support::{build, cases, random, vector};

/// Containers inside one another that Sentry keeps of a variable.
const DEPTH: usize = 3;

fn write(tape: &[u8], extras: &Extras, options: &Options) -> String {
    let tape = Tape::parse(tape).expect("valid");
    let meta = Meta::default();
    let input = Input {
        tape: &tape,
        meta: &meta,
        extras,
    };
    let mut out = Vec::new();
    Encoder::new().variables_into(&input, options, &ReasonCounts::default(), &mut out);
    String::from_utf8(out).expect("UTF-8")
}

fn parsed(tape: &[u8], extras: &Extras, options: &Options) -> Json {
    serde_json::from_str(&write(tape, extras, options)).expect("JSON")
}

/// A tape with one exception and one frame with these locals.
fn locals(variables: Vec<(&str, Value)>) -> Vec<u8> {
    of_frames(vec![frame(
        variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )])
}

fn frame(variables: Vec<(String, Value)>) -> Frame {
    let variables = variables.into_iter();
    Frame {
        location: [10, 0, 0, 0],
        function: "f".into(),
        sections: vec![(
            2,
            variables
                .map(|(name, value)| (name, Item::Value(value)))
                .collect(),
        )],
        ..Frame::default()
    }
}

fn of_frames(frames: Vec<Frame>) -> Vec<u8> {
    let mut spec = cases::all().remove(0).spec;
    spec.chain = vec![ExceptionItem::Exception(Exception {
        type_name: Some("KeyError".into()),
        frames: frames.into_iter().map(FrameItem::Frame).collect(),
        ..Exception::default()
    })];
    build::build(&spec)
}

fn text(text: &str) -> Value {
    Value::Str8(text.into())
}

fn list(items: Vec<Value>) -> Value {
    Value::List {
        type_name: None,
        size: items.len() as u32,
        items: items.into_iter().map(Item::Value).collect(),
    }
}

fn map(entries: Vec<(Value, Value)>) -> Value {
    let size = entries.len() as u32;
    let items = entries.into_iter().flat_map(|(key, value)| [key, value]);
    Value::Map {
        type_name: None,
        size,
        items: items.map(Item::Value).collect(),
    }
}

/// The variables of the only frame.
fn shown(tape: &[u8], extras: &Extras, budget: usize) -> Json {
    let options = Options {
        frame_bytes: budget,
        ..Options::default()
    };
    parsed(tape, extras, &options)["frames"][0]["variables"].clone()
}

fn depth(value: &Json) -> usize {
    match value {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Json::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Whether it is JSON that fits.
fn check(json: &str, options: &Options) {
    let parsed: Json = serde_json::from_str(json).expect("JSON");
    // A parser would forget a name that occurs twice in an object.
    assert_eq!(parsed.to_string(), json);
    let mut all = 0;
    for frame in parsed["frames"].as_array().expect("frames") {
        let Some(variables) = frame.get("variables") else {
            continue;
        };
        let size = variables.to_string().len();
        assert!(size <= options.frame_bytes.max(2), "{size}: {variables}");
        assert!(depth(variables) <= 1 + DEPTH, "{variables}");
        all += size.max(2) - 2;
    }
    assert!(all <= options.event_bytes, "{all}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_tape_fits_any_budget(
        spec in random::spec(),
        extras in random::extras(),
        frame_bytes in 0_usize..3000,
        event_bytes in 0_usize..20_000,
    ) {
        let tape = build::build(&spec);
        let options = Options { frame_bytes, event_bytes };
        let json = write(&tape, &extras, &options);
        prop_assert_eq!(&json, &write(&tape, &extras, &options));
        check(&json, &options);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_exception_and_frame_is_there_as_in_the_snapshot(spec in random::spec()) {
        let tape = build::build(&spec);
        let extras = Extras::default();
        let ours = parsed(&tape, &extras, &Options::default());
        let tape = Tape::parse(&tape).expect("valid");
        let whole = vector::write_json(&tape, &Meta::default(), &extras);
        // A random tape nests deeper than the parser goes: the model reads it.
        let whole = stillframe_core::snapshot::Snapshot::from_json(whole.as_bytes()).expect("reads");
        let frames = ours["frames"].as_array().expect("frames");
        prop_assert_eq!(frames.len(), whole.frames.len());
        for (ours, whole) in frames.iter().zip(&whole.frames) {
            prop_assert_eq!(ours["line"].as_u64(), whole.line.map(u64::from));
            prop_assert_eq!(ours.get("variables").is_none(), whole.no_variables);
        }
        let exceptions = ours["exceptions"].as_array().expect("exceptions");
        prop_assert_eq!(exceptions.len(), whole.exceptions.len());
        for (ours, whole) in exceptions.iter().zip(&whole.exceptions) {
            let numbers = |name: &str| -> Vec<u32> {
                let numbers = ours[name].as_array().into_iter().flatten();
                numbers.map(|number| number.as_u64().expect("a number") as u32).collect()
            };
            prop_assert_eq!(numbers("frames"), whole.frames.clone());
            prop_assert_eq!(numbers("members"), whole.members.clone());
            prop_assert_eq!(ours["cause"].as_u64(), whole.cause.map(u64::from));
            let gap = whole.omitted.iter().find(|gap| gap.what == "frames");
            prop_assert_eq!(ours["omitted"][0]["what"].as_str(), gap.map(|_| "frames"));
            prop_assert_eq!(ours["omitted"][0]["after"].as_u64(), gap.and_then(|gap| gap.after).map(u64::from));
        }
    }
}

fn source(first_line: u32, lines: &[&str]) -> Extras {
    Extras {
        sources: vec![Some(FrameSource {
            first_line,
            lines: lines.iter().map(|&line| line.to_owned()).collect(),
            ..FrameSource::default()
        })],
        ..Extras::default()
    }
}

#[test]
fn what_does_not_fit_is_told_and_the_failing_line_comes_first() {
    let names: Vec<String> = (0..100).map(|number| format!("other_{number}")).collect();
    let mut variables: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), text(&"z".repeat(60))))
        .collect();
    variables.push(("wanted_one", text(&"w".repeat(60))));
    let tape = locals(variables);
    let extras = source(9, &["first", "    return wanted_one[17]"]);
    let found = shown(&tape, &extras, 600);
    let found = found.as_object().expect("an object");
    assert_eq!(found["wanted_one"], format!("'{}'", "w".repeat(60)));
    let missing = 101 - (found.len() - 1);
    assert_eq!(found["…"], format!("{missing} more variables"));
    // Without the line, it is one of many, and does not fit.
    let without = shown(&tape, &Extras::default(), 600);
    assert_eq!(without.get("wanted_one"), None);
}

#[test]
fn more_room_shows_more_and_a_whole_value_is_shown_whole() {
    let tape = locals(vec![
        ("one", list(vec![Value::Int(5)])),
        ("text", text(&"a".repeat(45))),
        ("keyed", map(vec![(text("a"), list(vec![text("b")]))])),
    ]);
    let whole = shown(&tape, &Extras::default(), 2048);
    assert_eq!(whole["one"][0], "5");
    assert_eq!(whole["text"], format!("'{}'", "a".repeat(45)));
    assert_eq!(whole["keyed"]["a"][0], "'b'");
    assert_eq!(whole.get("…"), None);
    let mut before = 0;
    for budget in 0..300 {
        let shown = shown(&tape, &Extras::default(), budget);
        let names = shown.as_object().expect("an object");
        let count = names.keys().filter(|name| *name != "…").count();
        assert!(count >= before, "{budget}: {shown}");
        before = count;
    }
    assert_eq!(before, 3);
}

#[test]
fn keys_that_would_be_one_stay_two() {
    let tape = locals(vec![(
        "it",
        map(vec![
            (Value::Int(1), text("a")),
            (text("1"), text("b")),
            (text("__class__"), text("c")),
            (text("…"), text("d")),
            (Value::Int(1), text("e")),
        ]),
    )]);
    let found = shown(&tape, &Extras::default(), 2048);
    let names: BTreeSet<_> = found["it"].as_object().expect("an object").keys().collect();
    assert_eq!(found["it"]["1"], "'a'");
    assert_eq!(found["it"]["1 (str)"], "'b'");
    assert_eq!(found["it"]["1 (int)"], "'e'");
    assert_eq!(names.len(), 5);
}

#[test]
fn references_are_followed_as_deep_as_everything_else() {
    // Containers: the exception, the frame, the object.
    let node = Value::Object {
        type_name: Some("shop.Node".into()),
        items: vec![
            ("itself".into(), Item::Value(Value::Ref(2))),
            ("n".into(), Item::Value(Value::Int(1))),
        ],
    };
    let tape = locals(vec![
        ("it", node),
        ("again", Value::Ref(2)),
        ("error", Value::Ref(0)),
    ]);
    let found = shown(&tape, &Extras::default(), 2048);
    assert_eq!(found["again"], found["it"]);
    assert_eq!(found["it"]["__class__"], "shop.Node");
    assert_eq!(found["it"]["itself"]["itself"]["itself"], "<shop.Node>");
    assert_eq!(found["error"], "<KeyError>");
}

#[test]
fn a_frame_says_what_it_has_even_when_the_event_is_full() {
    let variables = || vec![("text".to_owned(), text(&"a".repeat(200)))];
    let mut frames: Vec<_> = (0..40).map(|_| frame(variables())).collect();
    frames[1].flags = FrameFlags::NO_VARIABLES.0;
    let tape = of_frames(frames);
    let extras = Extras {
        grouping: Some(Grouping {
            key: "17".into(),
            ..Grouping::default()
        }),
        ..Extras::default()
    };
    let options = Options {
        event_bytes: 2000,
        ..Options::default()
    };
    check(&write(&tape, &extras, &options), &options);
    let found = parsed(&tape, &extras, &options);
    assert_eq!(found["issue"], "17");
    assert_eq!(
        found["frames"][0]["variables"]["text"],
        format!("'{}'", "a".repeat(200))
    );
    assert_eq!(found["frames"][1].get("variables"), None);
    assert_eq!(found["frames"][39]["variables"]["…"], "1 more variable");
}

/// Values that are hard on a writer, in as many frames as a tape may have them.
fn hostile(kind: &str) -> Vec<u8> {
    let deep = || (0..60).fold(Value::Ref(1), |inner, _| list(vec![inner, Value::Ref(3)]));
    let value = |number: usize| match kind {
        "deep" => deep(),
        "cyclic" => list((0..40).map(Value::Ref).collect()),
        "wide" if number == 0 => list((0..200_000).map(|_| Value::Null).collect()),
        "fields" if number == 0 => Value::Object {
            type_name: None,
            items: (0..20_000)
                .map(|number| (format!("f{number}"), Item::Value(Value::Null)))
                .chain([(
                    String::new(),
                    Item::Gap {
                        reason: 2,
                        count: 7,
                    },
                )])
                .collect(),
        },
        "wide" | "fields" => list((0..60).map(|_| Value::Ref(2)).collect()),
        "keys" => {
            let key = (0..4).fold(Value::Int(1), |inner, _| {
                list(vec![inner.clone(), inner.clone(), inner.clone(), inner])
            });
            map((0..40).map(|_| (key.clone(), Value::Null)).collect())
        }
        "texts" => list((0..20).map(|_| text(&"\u{1}\"'\\é".repeat(40))).collect()),
        _ => text("x"),
    };
    let count = match kind {
        "names" => 60_000,
        "keys" => 1,
        _ => 20,
    };
    let frames = if kind == "names" { 2 } else { 12 };
    let variables = |_| {
        frame(
            (0..count)
                .map(|number| (format!("v{number}"), value(number)))
                .collect(),
        )
    };
    let first = (0..1).map(variables);
    let later = (1..frames).map(|frame_number| {
        frame(
            (0..count)
                .map(|number| {
                    let value = match kind {
                        // What is large is there once, and referred to from everywhere.
                        "wide" | "fields" => value(1),
                        _ => value(number),
                    };
                    (format!("v{frame_number}_{number}"), value)
                })
                .collect(),
        )
    });
    of_frames(first.chain(later).collect())
}

#[test]
fn hostile_tapes_cost_what_fits() {
    for kind in ["deep", "cyclic", "wide", "fields", "keys", "texts", "names"] {
        let tape = hostile(kind);
        let options = Options::default();
        let json = write(&tape, &source(10, &["v1 v2 v3"]), &options);
        check(&json, &options);
        assert!(json.contains("\"v0\":"), "{kind}");
    }
}

#[test]
fn a_tape_of_a_megabyte_and_more_is_read_in_part() {
    for kind in ["wide", "names"] {
        assert!(hostile(kind).len() > 200_000, "{kind}");
    }
    let long = Value::Text {
        code: 0x21,
        flags: 0,
        kept: "ü'\n".repeat(400_000).into_bytes(),
        ahead: Vec::new(),
        total: 1_200_000,
    };
    let tape = locals(vec![("long", long), ("after", Value::Int(1))]);
    assert!(tape.len() > 1 << 20);
    let found = shown(&tape, &source(10, &["long"]), 2048);
    let text = found["long"].as_str().expect("text");
    assert!(text.ends_with("… (1200000 characters)"), "{text}");
    assert_eq!(found["after"], "1");
}

#[test]
fn a_tape_that_ends_early_says_so() {
    let mut early = cases::all().into_iter();
    let case = early
        .find(|case| case.name == "stopped-budget")
        .expect("there");
    let json = write(&build::build(&case.spec), &case.extras, &Options::default());
    assert!(json.contains("[snapshot full: limits."), "{json}");
}

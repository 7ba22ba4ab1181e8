//! Datadog's form of any snapshot: it parses, it is bounded, each value is there or says why not, and nothing is in it that the
//! tape does not show. (What it looks like is in `conformance/snapshots`.)

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value as Json;
use stillframe_core::encode::datadog::{
    BATCH_BYTES, Caller, Dialect, MAX_BYTES, MAX_FRAMES, Options,
};
use stillframe_core::encode::{Encoder, Input};
use stillframe_core::snapshot::{Extras, Meta, SnapshotId};
use stillframe_core::tape::Tape;
use support::build::{Exception, ExceptionItem, Frame, FrameItem, Item, Spec, Value};
use support::{build, random, vector};

fn frame_id(frame: u32) -> SnapshotId {
    vector::frame_id(SnapshotId::default(), frame)
}

/// All bodies of a tape.
fn bodies(tape: &Tape<'_>, meta: &Meta, options: &Options<'_>) -> Vec<Vec<u8>> {
    let extras = Extras::default();
    let input = Input {
        tape,
        meta,
        extras: &extras,
    };
    let (mut encoder, mut bodies, mut next) = (Encoder::new(), Vec::new(), Some(0));
    while let Some(first) = next {
        let mut body = Vec::new();
        next = encoder.datadog_into(&input, options, first, &mut body);
        bodies.push(body);
    }
    bodies
}

/// The objects of all frames, each with its length.
fn objects(bodies: &[Vec<u8>]) -> Vec<(Json, usize)> {
    let texts = bodies.iter().flat_map(|body| {
        let text = std::str::from_utf8(body).expect("UTF-8");
        vector::items_of(text).expect("a JSON array")
    });
    let parse = |text: &str| serde_json::from_str(text).expect("JSON");
    texts.map(|text| (parse(text), text.len())).collect()
}

/// The values by section.
fn captures(object: &Json) -> &Json {
    let captures = &object["debugger"]["snapshot"]["captures"];
    match captures.get("return") {
        Some(captures) => captures,
        None => captures["lines"]
            .as_object()
            .expect("a map")
            .values()
            .next()
            .expect("one line"),
    }
}

/// Checks that a value is shown in one way, or says why it is not; returns how many values there are.
fn check(node: &Json, dialect: Dialect) -> Result<usize, TestCaseError> {
    let members = node.as_object().expect("a node is an object");
    if members.contains_key("pruned") {
        prop_assert_eq!(members.len(), 1);
        return Ok(1);
    }
    prop_assert!(members["type"].is_string());
    let shown: Vec<_> = ["value", "isNull", "fields", "elements", "entries"]
        .into_iter()
        .filter(|member| members.contains_key(*member))
        .collect();
    prop_assert!(shown.len() <= 1, "{}", node);
    prop_assert!(
        !shown.is_empty() || members.contains_key("notCapturedReason"),
        "{}",
        node
    );
    for (name, value) in members {
        let expected = match name.as_str() {
            "type" | "value" | "notCapturedReason" => value.is_string(),
            "isNull" if dialect == Dialect::Dotnet => value == "true",
            "isNull" | "truncated" => *value == true,
            "size" if dialect == Dialect::Java => value.is_string(),
            "size" => value.is_u64(),
            "fields" => value.is_object(),
            "elements" | "entries" => value.is_array(),
            _ => false,
        };
        prop_assert!(expected, "{} in {}", name, node);
    }
    if let (Dialect::Python, Some(reason)) = (dialect, members.get("notCapturedReason")) {
        let known = [
            "depth",
            "fieldCount",
            "collectionSize",
            "timeout",
            "redactedIdent",
            "redactedType",
        ];
        prop_assert!(known.iter().any(|word| reason == word), "{}", reason);
    }
    let mut values = 1;
    let fields = members.get("fields").and_then(Json::as_object);
    for child in fields.into_iter().flat_map(|fields| fields.values()) {
        values += check(child, dialect)?;
    }
    for child in members
        .get("elements")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
    {
        values += check(child, dialect)?;
    }
    for entry in members
        .get("entries")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
    {
        let [key, value] = &entry.as_array().expect("an array")[..] else {
            return Err(TestCaseError::fail("an entry is a pair"));
        };
        values += check(key, dialect)? + check(value, dialect)?;
    }
    Ok(values)
}

/// Checks one frame's object; returns how many values it has.
fn check_object(object: &Json, dialect: Dialect) -> Result<usize, TestCaseError> {
    let captures = captures(object);
    let mut values = 0;
    for section in ["arguments", "locals", "staticFields"] {
        for node in captures[section].as_object().expect("a map").values() {
            values += check(node, dialect)?;
        }
    }
    let throwable = captures["throwable"].as_object().expect("a map");
    prop_assert!(throwable["message"].is_string() && throwable["type"].is_string());
    Ok(values)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_tape_is_written_in_every_dialect(
        spec in random::spec(),
        meta in random::meta(),
        max_bytes in prop_oneof![Just(MAX_BYTES), 4000usize..20_000],
    ) {
        let bytes = build::build(&spec);
        let tape = Tape::parse(&bytes).expect("the generator makes valid tapes");
        for dialect in Dialect::ALL {
            let options = Options { max_bytes, ..Options::new(dialect, &frame_id) };
            let bodies = bodies(&tape, &meta, &options);
            let whole = objects(&self::bodies(&tape, &meta, &Options::new(dialect, &frame_id)));
            let objects = objects(&bodies);
            prop_assert_eq!(objects.len(), whole.len());
            for ((object, length), (whole, _)) in objects.iter().zip(&whole) {
                let values = check_object(object, dialect)?;
                // Names of a random tape are too long for the smallest bounds; values are not what makes the object longer.
                prop_assert!(*length <= max_bytes || values <= 4, "{length} of {max_bytes}");
                prop_assert!(values <= check_object(whole, dialect)?);
            }
        }
    }

    #[test]
    fn the_same_tape_gives_the_same_bytes(spec in random::spec(), meta in random::meta()) {
        let bytes = build::build(&spec);
        let tape = Tape::parse(&bytes).expect("valid");
        let extras = Extras::default();
        let input = Input { tape: &tape, meta: &meta, extras: &extras };
        let mut used = Encoder::new();
        for dialect in Dialect::ALL {
            let options = Options { max_bytes: 6000, ..Options::new(dialect, &frame_id) };
            let mut out = b"before".to_vec();
            used.datadog_into(&input, &options, 0, &mut out);
            prop_assert_eq!(&out[6..], &bodies(&tape, &meta, &options)[0][..]);
        }
    }
}

/// One error with one frame that has these locals.
fn with_locals(locals: Vec<(String, Value)>) -> Spec {
    let locals = locals
        .into_iter()
        .map(|(name, value)| (name, Item::Value(value)));
    let frame = Frame {
        flags: 1,
        function: "main".into(),
        sections: vec![(2, locals.collect())],
        ..Frame::default()
    };
    with_frames(vec![frame])
}

fn with_frames(frames: Vec<Frame>) -> Spec {
    let exception = Exception {
        type_name: Some("KeyError".into()),
        frames: frames.into_iter().map(FrameItem::Frame).collect(),
        ..Exception::default()
    };
    Spec {
        language: 1,
        chain: vec![ExceptionItem::Exception(exception)],
        ..Spec::default()
    }
}

fn text(length: usize) -> Value {
    Value::Str8("x".repeat(length))
}

fn list(items: Vec<Value>) -> Value {
    Value::List {
        type_name: None,
        size: items.len() as u32,
        items: items.into_iter().map(Item::Value).collect(),
    }
}

/// The single object of a tape with its length.
fn only(spec: &Spec, dialect: Dialect) -> (Json, usize) {
    let bytes = build::build(spec);
    let tape = Tape::parse(&bytes).expect("valid");
    let options = Options::new(dialect, &frame_id);
    let mut objects = objects(&bodies(&tape, &Meta::default(), &options));
    assert_eq!(objects.len(), 1);
    objects.remove(0)
}

#[test]
fn too_much_is_pruned_from_the_deepest_and_no_more_than_needed() {
    let rows = |count| {
        list(
            (0..count)
                .map(|_| list(vec![text(200), text(200)]))
                .collect(),
        )
    };
    let locals = vec![
        ("flat".to_owned(), text(250)),
        ("rows".to_owned(), rows(6000)),
        ("last".to_owned(), Value::Int(7)),
    ];
    for dialect in Dialect::ALL {
        let (object, length) = only(&with_locals(locals.clone()), dialect);
        assert!(length <= MAX_BYTES, "{length}");
        assert!(
            length > MAX_BYTES - 400,
            "{length}: more was pruned than needed"
        );
        let locals = &captures(&object)["locals"];
        assert!(locals["flat"]["value"].is_string());
        assert!(locals["last"]["value"].is_string());
        let rows = locals["rows"]["elements"].as_array().expect("elements");
        assert_eq!(
            rows.len(),
            6000,
            "rows are leaves only after what they hold"
        );
        let mut kinds = BTreeMap::new();
        for cell in rows
            .iter()
            .flat_map(|row| row["elements"].as_array().into_iter().flatten())
        {
            *kinds
                .entry(cell == &serde_json::json!({"pruned": true}))
                .or_insert(0) += 1;
        }
        assert!(kinds[&true] > 0 && kinds[&false] > 0, "{kinds:?}");
    }
}

#[test]
fn references_do_not_multiply() {
    // Each list refers to the one before twice: shown in full, 2^40 values.
    let mut locals = vec![("x0".to_owned(), list(vec![Value::Int(1)]))];
    for index in 1..40u32 {
        // Containers: 1 the exception, 2 the frame, 3 the first list, and so on; all lists stand before the contents of any.
        locals.push((
            format!("x{index}"),
            list(vec![Value::Ref(index + 1), Value::Ref(index + 1)]),
        ));
    }
    for dialect in Dialect::ALL {
        let (object, length) = only(&with_locals(locals.clone()), dialect);
        assert!(length < MAX_BYTES);
        assert!(check_object(&object, dialect).expect("well-formed") < 5000);
    }
}

#[test]
fn a_tape_of_many_small_values_is_cut_off() {
    let nothing = list((0..3_000_000).map(|_| Value::Null).collect());
    let locals = vec![
        ("nothing".to_owned(), nothing),
        ("after".to_owned(), Value::Int(1)),
    ];
    let (object, length) = only(&with_locals(locals), Dialect::Python);
    assert!(length <= MAX_BYTES, "{length}");
    check_object(&object, Dialect::Python).expect("well-formed");
    assert_eq!(
        captures(&object)["locals"]["@pruned"],
        serde_json::json!({"pruned": true}),
        "what comes after is told"
    );
}

#[test]
fn a_flood_of_frames_is_cut_into_bodies() {
    let frame = |_| Frame {
        sections: vec![(
            2,
            vec![("rows".into(), Item::Value(list(vec![text(250); 4000])))],
        )],
        ..Frame::default()
    };
    let bytes = build::build(&with_frames((0..12).map(frame).collect()));
    let tape = Tape::parse(&bytes).expect("valid");
    let options = Options::new(Dialect::Java, &frame_id);
    let bodies = bodies(&tape, &Meta::default(), &options);
    assert!(bodies.len() > 1);
    assert!(bodies.iter().all(|body| body.len() <= BATCH_BYTES));
    let ids: Vec<_> = objects(&bodies)
        .iter()
        .map(|(object, _)| object["debugger"]["snapshot"]["id"].clone())
        .collect();
    let expected: Vec<_> = (0..12)
        .map(|frame| Json::from(frame_id(frame).to_string()))
        .collect();
    assert_eq!(ids, expected);

    let bytes = build::build(&with_frames(vec![Frame::default(); 3000]));
    let tape = Tape::parse(&bytes).expect("valid");
    let all = objects(&self::bodies(&tape, &Meta::default(), &options));
    assert_eq!(all.len(), MAX_FRAMES);
    let two = Options {
        frames: 2,
        ..options
    };
    assert_eq!(
        objects(&self::bodies(&tape, &Meta::default(), &two)).len(),
        2
    );
    assert_eq!(
        self::bodies(&tape, &Meta::default(), &Options { frames: 0, ..two }),
        [b"[]"]
    );
}

/// One frame, by its index in the order of the tape.
fn frame_of(spec: &Spec, options: &Options<'_>, frame: u32) -> Option<Json> {
    let bytes = build::build(spec);
    let tape = Tape::parse(&bytes).expect("valid");
    let (meta, extras) = (Meta::default(), Extras::default());
    let input = Input {
        tape: &tape,
        meta: &meta,
        extras: &extras,
    };
    let mut out = b"before".to_vec();
    let there = Encoder::new().datadog_frame_into(&input, options, frame, &mut out);
    assert_eq!(&out[..6], b"before");
    assert_eq!(there, out.len() > 6);
    there.then(|| serde_json::from_slice(&out[6..]).expect("JSON"))
}

/// A tracer asks for a frame that it chose: with its service, where it found the file, and what called the outermost frame.
#[test]
fn one_frame_as_a_tracer_asks_for_it() {
    // The first has no variables, so an array would leave it out.
    let frames = [(16, "inner"), (1, "Outer.method")];
    let frames = frames.map(|(flags, function)| Frame {
        flags,
        function: function.into(),
        file: "app.py".into(),
        location: [7, 0, 0, 0],
        ..Frame::default()
    });
    let spec = with_frames(frames.to_vec());
    let callers = [Caller {
        file: "main.py".into(),
        function: "main".into(),
        line: 3,
    }];
    let plain = Options::new(Dialect::Python, &frame_id);
    let asked = Options {
        service: Some("till"),
        source_file: Some("/srv/app.py"),
        callers: &callers,
        ..plain
    };
    let inner = frame_of(&spec, &asked, 0).expect("there");
    let outer = frame_of(&spec, &asked, 1).expect("there");
    assert_eq!(frame_of(&spec, &asked, 2), None);
    for (object, functions) in [
        (&inner, &["inner", "method", "main"][..]),
        (&outer, &["method", "main"][..]),
    ] {
        let snapshot = &object["debugger"]["snapshot"];
        assert_eq!(object["service"], "till");
        assert_eq!(object["logger"]["name"], "app.py");
        assert_eq!(snapshot["probe"]["location"]["file"], "/srv/app.py");
        assert_eq!(snapshot["duration"], Json::Null);
        let stack = snapshot["stack"].as_array().expect("an array");
        let shown: Vec<_> = stack.iter().map(|place| &place["function"]).collect();
        assert_eq!(shown, functions);
        assert_eq!(stack.last().expect("a caller")["lineNumber"], 3);
        // The traceback is that of the exception alone.
        let throwable = &captures(object)["throwable"];
        let traceback = throwable["stacktrace"].as_array().expect("an array");
        assert_eq!(traceback.len(), 2);
    }
    // The second is a further entry of the first frame: an error that it raised again.
    let again = Options {
        again: &[1],
        ..asked
    };
    let once = frame_of(&spec, &again, 0).expect("there");
    let stack = &once["debugger"]["snapshot"]["stack"];
    assert_eq!(stack.as_array().map(Vec::len), Some(2));
    assert_eq!(stack[0]["function"], "inner");
    let id = |object: &Json| object["debugger"]["snapshot"]["id"].clone();
    assert_eq!(id(&outer), frame_id(1).to_string());
    let without = frame_of(&spec, &plain, 1).expect("there");
    assert_eq!(without["service"], "");
    assert_eq!(
        without["debugger"]["snapshot"]["probe"]["location"]["file"],
        "app.py"
    );
}

#[test]
fn an_exception_is_told_with_what_it_was_made_with() {
    let exception = |message: &str, unknown, attributes: Vec<(String, Item)>| {
        let message: Vec<(String, Item)> =
            vec![(String::new(), Item::Value(Value::Str8(message.into())))];
        Spec {
            language: 1,
            chain: vec![ExceptionItem::Exception(Exception {
                type_name: Some("ValueError".into()),
                message_unknown: unknown,
                sections: vec![(4, message), (7, attributes)],
                frames: vec![FrameItem::Frame(Frame::default())],
                ..Exception::default()
            })],
            ..Spec::default()
        }
    };
    let shown = |spec: &Spec| {
        let options = Options::new(Dialect::Python, &frame_id);
        let object = frame_of(spec, &options, 0).expect("there");
        let captures = captures(&object);
        (
            captures["locals"]["@exception"]["fields"].clone(),
            captures["throwable"]["message"].clone(),
        )
    };
    // A tape does not say the message twice: it is the only argument.
    let (fields, message) = shown(&exception("it's gone", false, vec![]));
    assert_eq!(
        fields["args"],
        serde_json::json!({"type": "tuple", "elements": [{"type": "str", "value": "\"it's gone\""}], "size": 1})
    );
    assert_eq!(message, "\"it's gone\"");
    // Without a message there was none, and one that is unknown is not what it was made with.
    for (text, unknown) in [("", false), ("<Declined>", true)] {
        let (fields, message) = shown(&exception(text, unknown, vec![]));
        assert_eq!(fields["args"]["elements"], serde_json::json!([]));
        assert_eq!(message, text);
    }
    // What ddtrace keeps in exceptions is not the program's.
    let attributes = ["_dd_exc_id", "code"].map(|name| (name.into(), Item::Value(Value::Int(1))));
    let (fields, _) = shown(&exception("x", false, attributes.to_vec()));
    assert!(fields.get("_dd_exc_id").is_none() && fields.get("code").is_some());
}

#[test]
fn a_trace_id_of_64_bits_is_decimal_in_python() {
    let spec = with_frames(vec![Frame::default()]);
    let bytes = build::build(&spec);
    let tape = Tape::parse(&bytes).expect("valid");
    let trace_id = |id: u128, dialect, path: [&str; 2]| {
        let meta = Meta {
            trace_id: Some(id),
            ..Meta::default()
        };
        let bodies = bodies(&tape, &meta, &Options::new(dialect, &frame_id));
        let (object, _) = objects(&bodies).remove(0);
        let mut value = &object;
        for name in path.into_iter().filter(|name| !name.is_empty()) {
            value = &value[name];
        }
        value.clone()
    };
    let python = |id| trace_id(id, Dialect::Python, ["dd", "trace_id"]);
    assert_eq!(python(u64::MAX.into()), "18446744073709551615");
    assert_eq!(python(1 << 64), "00000000000000010000000000000000");
    let java = trace_id(5, Dialect::Java, ["dd.trace_id", ""]);
    assert_eq!(java, "00000000000000000000000000000005");
}

/// What a tape holds beyond what it shows: text after a cut, lengths and hashes of hidden text.
#[test]
fn what_the_tape_does_not_show_is_not_written() {
    let cut = Value::Text {
        code: 0x21,
        flags: 0,
        kept: b"user=ann ".to_vec(),
        ahead: b"hunter2".to_vec(),
        total: 9000,
    };
    let hidden = Value::Redacted {
        reason: 7,
        type_name: Some("str".into()),
        rule: "token".into(),
        alias: Some((987_654, 0x1122_3344_5566_7788)),
    };
    let spec = with_locals(vec![("cut".into(), cut), ("token".into(), hidden)]);
    let bytes = build::build(&spec);
    let tape = Tape::parse(&bytes).expect("valid");
    for dialect in Dialect::ALL {
        let body = bodies(&tape, &Meta::default(), &Options::new(dialect, &frame_id)).concat();
        let body = String::from_utf8(body).expect("UTF-8");
        assert!(body.contains("user=ann") && body.contains("redactedIdent"));
        for secret in [
            "hunter2",
            "987654",
            "1234605616436508552",
            "1122334455667788",
        ] {
            assert!(!body.contains(secret), "{secret}");
        }
    }
}

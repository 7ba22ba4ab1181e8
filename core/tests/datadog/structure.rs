//! What goes to Datadog, item by item: the structure that Datadog's own tracers send, for programs of every language.
//!
//! `conformance/datadog-wire` has a JSON Schema for each language, made from what the tracers were seen to send, with such items as examples.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use stillframe_core::config::Config;
use stillframe_core::encode::datadog::{BATCH_BYTES, Dialect, MAX_BYTES, MAX_FRAMES, Options};
use stillframe_core::encode::{Encoder, Input};
use stillframe_core::engine::{Engine, Finished, Host, Submission};
use stillframe_core::limits::Limits;
use stillframe_core::sink::datadog::DatadogEncoder;
use stillframe_core::sink::wire::{Items, WireEncoder};
use stillframe_core::snapshot::{Extras, Meta, SnapshotId};
use stillframe_core::tape::Tape;

use crate::support::build::{self, Item, Value};
use crate::support::{cases, random};

fn schema(dialect: Dialect) -> Json {
    let name = match dialect {
        Dialect::Python => "python.json",
        Dialect::Java => "java.json",
        Dialect::Dotnet => "dotnet.json",
        Dialect::Native => "native.json",
    };
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../conformance/datadog-wire");
    let text = std::fs::read_to_string(folder.join(name)).expect("the schemas are checked in");
    serde_json::from_str(&text).expect("JSON")
}

fn validator(dialect: Dialect) -> Validator {
    jsonschema::draft202012::new(&schema(dialect)).expect("a schema")
}

/// What is wrong with an item, with the place of it.
fn problems(validator: &Validator, item: &Json) -> Vec<String> {
    let one =
        |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
    validator.iter_errors(item).map(one).collect()
}

/// The items of a tape in a dialect.
fn items(tape: &[u8], meta: &Meta, dialect: Dialect, max_bytes: usize) -> Vec<Json> {
    let tape = Tape::parse(tape).expect("a valid tape");
    let extras = Extras::default();
    let input = Input {
        tape: &tape,
        meta,
        extras: &extras,
    };
    let frame_id = |frame| meta.id.of_frame(frame);
    let options = Options {
        exception_hash: Some("ceabd299"),
        max_bytes,
        ..Options::new(dialect, &frame_id)
    };
    let mut encoder = Encoder::new();
    let frames = encoder.datadog_frames(&tape, MAX_FRAMES);
    let one = |frame| {
        let mut out = Vec::new();
        assert!(encoder.datadog_frame_into(&input, &options, frame, &mut out));
        serde_json::from_slice(&out).expect("JSON")
    };
    frames.into_iter().map(one).collect()
}

#[test]
fn what_the_tracers_send_has_the_structure() {
    for dialect in Dialect::ALL {
        let schema = schema(dialect);
        let validator = validator(dialect);
        let examples = schema["examples"].as_array().expect("examples");
        assert!(!examples.is_empty());
        for example in examples {
            assert_eq!(problems(&validator, example), [""; 0], "{dialect:?}");
        }
    }
}

/// A schema that accepts anything would prove nothing.
#[test]
fn what_they_do_not_send_is_refused() {
    for dialect in Dialect::ALL {
        let validator = validator(dialect);
        let example = &schema(dialect)["examples"][0];
        let captures = match dialect {
            Dialect::Python | Dialect::Native => "/debugger/snapshot/captures/lines/10",
            Dialect::Java | Dialect::Dotnet => "/debugger/snapshot/captures/return",
        };
        let locals = format!("{captures}/locals");
        for (at, member, value) in [
            ("", "more", json!(1)),
            ("", "service", Json::Null),
            ("", "timestamp", json!("1795275213982")),
            ("/debugger/snapshot", "id", json!("7")),
            ("/debugger/snapshot", "language", json!("cobol")),
            ("/debugger/snapshot/probe", "version", json!("0")),
            ("/debugger/snapshot/stack", "0", json!({"function": "f"})),
            (captures, "more", json!({})),
            (captures, "throwable", json!({"type": "E"})),
            (&locals, "x", json!({"type": "int"})),
            (&locals, "x", json!({"type": "int", "value": 3})),
            (
                &locals,
                "x",
                json!({"type": "int", "value": "3", "isNull": true}),
            ),
            (&locals, "x", json!({"type": "int", "isNull": 1})),
            (&locals, "x", json!({"value": "3"})),
            (
                &locals,
                "x",
                json!({"type": "list", "elements": [1], "size": 1.5}),
            ),
            (
                &locals,
                "x",
                json!({"type": "dict", "entries": [[{"type": "int", "value": "3"}]]}),
            ),
            (&locals, "x", json!({"pruned": true, "type": "int"})),
        ] {
            let mut item = example.clone();
            let target = item
                .pointer_mut(at)
                .unwrap_or_else(|| panic!("{dialect:?} {at}"));
            match target {
                Json::Array(places) => places.push(value),
                Json::Object(members) => drop(members.insert(member.into(), value)),
                _ => panic!("{at}"),
            }
            let accepted = problems(&validator, &item).is_empty();
            assert!(!accepted, "{dialect:?} accepts {member} at {at:?}");
        }
        for member in example.as_object().expect("an object").keys() {
            let optional = ["dd", "dd.trace_id", "dd.span_id", "process_tags"];
            let mut item = example.clone();
            item.as_object_mut()
                .expect("an object")
                .shift_remove(member);
            let accepted = problems(&validator, &item).is_empty();
            assert_eq!(
                accepted,
                optional.contains(&member.as_str()),
                "{dialect:?} {member}"
            );
        }
    }
}

#[test]
fn every_vector_is_written_in_the_structure_of_every_tracer() {
    for dialect in Dialect::ALL {
        let validator = validator(dialect);
        for case in cases::all() {
            let tape = build::build(&case.spec);
            for max_bytes in [MAX_BYTES, 3000] {
                for mut item in items(&tape, &case.meta, dialect, max_bytes) {
                    plain_language(&mut item, dialect);
                    assert_eq!(
                        problems(&validator, &item),
                        [""; 0],
                        "{} {dialect:?}",
                        case.name
                    );
                }
            }
        }
    }
}

/// Python's form also serves other languages here, whose names it would tell.
fn plain_language(item: &mut Json, dialect: Dialect) {
    if dialect == Dialect::Python {
        item["debugger"]["snapshot"]["language"] = json!("python");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn any_tape_is_written_in_the_structure_of_every_tracer(
        spec in random::spec(),
        meta in random::meta(),
        max_bytes in prop_oneof![Just(MAX_BYTES), 4000usize..20_000],
    ) {
        let tape = build::build(&spec);
        for dialect in Dialect::ALL {
            let validator = validator(dialect);
            for mut item in items(&tape, &meta, dialect, max_bytes) {
                plain_language(&mut item, dialect);
                let problems = problems(&validator, &item);
                prop_assert!(problems.is_empty(), "{dialect:?} {problems:#?} in {item}");
            }
        }
    }
}

/// Items and their routes.
type Sent = Vec<(String, Vec<u8>)>;

/// One error through the whole engine: what is sent of it, and what is known beside it.
fn sent(spec: &build::Spec, config: Config, attributes: &[(&str, &str)]) -> (Finished, Sent) {
    let config = Arc::new(Config {
        service: Some("shop".into()),
        env: Some("prod".into()),
        version: Some("1.2.3".into()),
        ..config
    });
    let engine = Engine::new(Arc::clone(&config), Host::default());
    let timestamp_ns = 1_795_225_363_042_000_000;
    let attributes = attributes.iter();
    let meta = Meta {
        id: SnapshotId::generate(timestamp_ns),
        timestamp_ns,
        process: Arc::clone(engine.process()),
        attributes: attributes
            .map(|(name, text)| ((*name).to_owned(), (*text).into()))
            .collect(),
        ..Meta::default()
    };
    let submission = Submission {
        tape: build::build(spec).into(),
        meta,
        site: None,
        deeper: false,
    };
    let finished = engine.finish(&submission).expect("a valid tape");
    let mut items = Items::default();
    let mut encoder = DatadogEncoder::new(&config);
    encoder
        .encode(&finished, &mut items)
        .expect("a redacted tape");
    let sent = items
        .iter()
        .map(|(route, item)| (route.to_owned(), item.to_vec()))
        .collect();
    (finished, sent)
}

fn spec(name: &str) -> build::Spec {
    cases::all()
        .into_iter()
        .find(|case| case.name == name)
        .expect("a case")
        .spec
}

#[test]
fn programs_of_every_language_are_sent_as_their_tracers_send_them() {
    for (case, dialect) in [
        ("documented", Dialect::Python),
        ("chain", Dialect::Python),
        ("java", Dialect::Java),
        ("dotnet", Dialect::Dotnet),
        ("native", Dialect::Native),
    ] {
        let validator = validator(dialect);
        let (finished, sent) = sent(&spec(case), Config::default(), &[]);
        assert!(!sent.is_empty());
        let (mut ids, mut own) = (BTreeSet::new(), BTreeSet::new());
        for (_, item) in &sent {
            let item: Json = serde_json::from_slice(item).expect("JSON");
            assert_eq!(problems(&validator, &item), [""; 0], "{case}");
            assert_eq!(item["service"], "shop");
            let snapshot = &item["debugger"]["snapshot"];
            assert_eq!(snapshot["exceptionId"], finished.meta().id.to_string());
            let key = u128::from_be_bytes(finished.key());
            let hash = snapshot["exceptionHash"]
                .as_str()
                .map(|hash| hash.replace('-', ""));
            let has_hash = matches!(dialect, Dialect::Java | Dialect::Dotnet);
            assert_eq!(hash, has_hash.then(|| format!("{key:032x}")), "{case}");
            ids.insert(snapshot["id"].as_str().expect("an id").to_owned());
        }
        own.extend((0..100).map(|frame| finished.meta().id.of_frame(frame).to_string()));
        assert_eq!(ids.len(), sent.len(), "each frame has its own id");
        assert!(ids.is_subset(&own), "which a span can name");
    }
}

#[test]
fn the_tags_are_the_configured_ones_and_redacted() {
    let tags = [
        ("team", "payments"),
        ("password", "hunter2"),
        ("git.commit.sha", "4f1c5f8d0c3e2b1a99887766554433221100ffee"),
    ];
    let tags = tags.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let mut config = Config {
        tags: tags.into(),
        ..Config::default()
    };
    config.datadog.git_repository_url = Some("https://ann:hunter2@git.example/shop.git".into());
    let (_, sent) = sent(
        &spec("native"),
        config,
        &[("path", "/cart"), ("team", "of the request")],
    );
    let (route, _) = &sent[0];
    let query = route.split(' ').next().expect("a query");
    let tags: Vec<&str> = query
        .strip_prefix("ddtags=")
        .expect("tags")
        .split(',')
        .collect();
    assert!(tags[0].starts_with("debugger_version:"));
    for tag in [
        "env:prod",
        "version:1.2.3",
        "git.repository_url:https://git.example/shop.git",
        "git.commit.sha:4f1c5f8d0c3e2b1a99887766554433221100ffee",
        "team:of%20the%20request",
    ] {
        assert!(tags.contains(&tag), "{tag} in {tags:?}");
    }
    assert!(tags.iter().any(|tag| tag.starts_with("host:")));
    assert!(
        !route.contains("hunter2") && !route.contains("cart"),
        "{route}"
    );
}

/// One error with frames that have these numbers of texts, a kilobyte each.
fn frames(texts: &[usize]) -> build::Spec {
    let frame = |texts: &usize| {
        let local = |number| {
            (
                format!("local{number}"),
                Item::Value(Value::Str8("x".repeat(200))),
            )
        };
        build::FrameItem::Frame(build::Frame {
            flags: 1,
            function: "main".into(),
            file: "/app/main.py".into(),
            sections: vec![(1, (0..*texts).map(local).collect())],
            ..build::Frame::default()
        })
    };
    let exception = build::Exception {
        type_name: Some("ValueError".into()),
        frames: texts.iter().map(frame).collect(),
        ..build::Exception::default()
    };
    build::Spec {
        language: 1,
        chain: vec![build::ExceptionItem::Exception(exception)],
        ..build::Spec::default()
    }
}

#[test]
fn all_frames_of_a_snapshot_fit_into_one_request() {
    let huge = Config {
        limits: Limits {
            values: 1 << 16,
            tape_bytes: 8 << 20,
            string: 1024,
            ..Limits::default()
        },
        ..Config::default()
    };
    for (texts, whole) in [(vec![3; 100], 100), (vec![4000; 7], 5)] {
        let (_, sent) = sent(&frames(&texts), huge.clone(), &[]);
        assert_eq!(sent.len(), texts.len(), "every frame is there");
        let bytes: usize = sent.iter().map(|(_, item)| item.len() + 1).sum();
        assert!(bytes <= BATCH_BYTES, "{bytes}");
        assert!(sent.iter().all(|(_, item)| item.len() <= MAX_BYTES));
        let pruned = |item: &[u8]| String::from_utf8_lossy(item).contains("\"pruned\":true");
        assert_eq!(sent.iter().filter(|(_, item)| !pruned(item)).count(), whole);
        for (_, item) in &sent {
            let item: Json = serde_json::from_slice(item).expect("JSON");
            assert_eq!(problems(&validator(Dialect::Python), &item), [""; 0]);
        }
    }
}

//! What our wires write, read by the parsers of those who defined the formats: `wires_readers.py`.
//!
//! `.ci/wires` installs the parsers, and runs this.
#![cfg(all(feature = "otlp", feature = "sentry"))]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use stillframe_core::config::{Config, Secret};
use stillframe_core::encode::vars::Options;
use stillframe_core::encode::{Encoder, Input};
use stillframe_core::sink::http::{Answer, Http, HttpError, HttpErrorKind, Request};
use stillframe_core::sink::otlp::{self, LogsService};
use stillframe_core::sink::sentry::{self, Project};
use stillframe_core::sink::wire::{Batch, Protocol};
use stillframe_core::snapshot::{Extras, Meta, ReasonCounts, Snapshot};
use stillframe_core::tape::Tape;
use support::build::{Exception, ExceptionItem, Frame, FrameItem, Item, Spec, Value};
use support::{build, cases, random};

struct NoNetwork;

impl Http for NoNetwork {
    fn send(&self, _: &Request) -> Result<Answer, HttpError> {
        Err(HttpError {
            kind: HttpErrorKind::Connect,
            why: "a test has no network".into(),
        })
    }
}

fn body(protocol: &mut dyn Protocol, item: &[u8]) -> Vec<u8> {
    let batch = Batch {
        route: "",
        items: &[item],
    };
    protocol
        .request(&batch, &NoNetwork)
        .expect("a request")
        .body
}

/// Writes a snapshot in our form and in those of the wires.
fn write(folder: &Path, name: &str, spec: &Spec, meta: &Meta, extras: &Extras) {
    let mut config = Config::default();
    config.sentry.dsn = Some(Secret::new("https://0123abcd@sentry.example/1"));
    let tape = build::build(spec);
    let tape = Tape::parse(&tape).expect("valid");
    let input = Input {
        tape: &tape,
        meta,
        extras,
    };
    let mut encoder = Encoder::new();
    let (mut json, mut variables, mut request) = (Vec::new(), Vec::new(), Vec::new());
    encoder.json_into(&input, &mut json);
    let counts = ReasonCounts::default();
    encoder.variables_into(&input, &Options::default(), &counts, &mut variables);
    let snapshot = Snapshot::from_json(&json).expect("a snapshot");
    let event = sentry::event_of(&snapshot, &variables).expect("variables");
    otlp::request_into(snapshot, &BTreeMap::new(), &mut request);
    let mut logs = LogsService::new(&config).expect("an address");
    let mut project = Project::new(&config).expect("a project");
    let path = folder.join(name);
    std::fs::write(path.with_extension("json"), json).expect("a folder");
    std::fs::write(path.with_extension("otlp"), body(&mut logs, &request)).expect("a folder");
    std::fs::write(path.with_extension("envelope"), body(&mut project, &event)).expect("a folder");
}

/// Many values, deep ones, and texts that are none.
fn hostile() -> Spec {
    let deep = (0..60).fold(Value::Int(7), |inner, _| Value::Object {
        type_name: Some("Node".into()),
        items: vec![("next".into(), Item::Value(inner))],
    });
    let wide = |number: usize| Value::List {
        type_name: None,
        size: 64,
        items: (0..64)
            .map(|_| Item::Value(Value::Str8(format!("\0\u{2028}\"\\ü{number}"))))
            .collect(),
    };
    let locals = (0..60).map(|number| (format!("v{number}"), Item::Value(wide(number))));
    let odd = [
        ("deep".to_owned(), Item::Value(deep)),
        ("\0".to_owned(), Item::Value(Value::Float(f64::NAN))),
        (
            "inf".to_owned(),
            Item::Value(Value::Float(f64::NEG_INFINITY)),
        ),
        ("big".to_owned(), Item::Value(Value::Uint(u64::MAX))),
    ];
    let mut spec = cases::all().remove(0).spec;
    spec.chain = vec![ExceptionItem::Exception(Exception {
        type_name: Some("KeyError".into()),
        sections: vec![(
            4,
            vec![(
                String::new(),
                Item::Value(Value::Str8("\u{1}\u{feff}'EUR'".into())),
            )],
        )],
        frames: vec![FrameItem::Frame(Frame {
            location: [10, 0, 0, 0],
            function: "f".into(),
            sections: vec![(2, odd.into_iter().chain(locals).collect())],
            ..Frame::default()
        })],
        ..Exception::default()
    })];
    spec
}

#[test]
#[ignore = "needs other people's parsers: .ci/wires"]
fn other_peoples_parsers_read_what_was_captured() {
    let python = std::env::var("STILLFRAME_WIRES_PYTHON").expect("set by .ci/wires");
    let folder = tempfile::tempdir().expect("a folder");
    for case in cases::all() {
        write(
            folder.path(),
            case.name,
            &case.spec,
            &case.meta,
            &case.extras,
        );
    }
    let case = cases::all()
        .into_iter()
        .find(|case| case.name == "context")
        .expect("a case");
    write(
        folder.path(),
        "hostile",
        &hostile(),
        &case.meta,
        &case.extras,
    );
    let mut runner = TestRunner::deterministic();
    for number in 0..200 {
        let spec = random::spec().new_tree(&mut runner).unwrap().current();
        let name = format!("random-{number:03}");
        write(folder.path(), &name, &spec, &case.meta, &Extras::default());
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wires_readers.py");
    let status = Command::new(python).arg(script).arg(folder.path()).status();
    assert!(status.expect("Python").success());
}

//! The JSON Schema of format 1 against what the encoder writes, and against what it must not accept.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::path::PathBuf;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use stillframe_core::limits::LimitKnob;
use stillframe_core::reason::Reason;
use stillframe_core::tape::Tape;
use support::{build, cases, random, vector};

fn schema() -> Json {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/snapshot.schema.json");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn validator() -> Validator {
    let schema = schema();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    jsonschema::draft202012::new(&schema).expect("a schema")
}

fn problems(validator: &Validator, snapshot: &Json) -> Vec<String> {
    let one =
        |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
    validator.iter_errors(snapshot).map(one).collect()
}

/// The snapshot of a conformance case.
fn snapshot(name: &str) -> Json {
    let case = cases::all().into_iter().find(|case| case.name == name);
    vector::Vector::of(&case.expect("a case")).json
}

#[test]
fn every_vector_is_valid() {
    let validator = validator();
    for case in cases::all() {
        let snapshot = vector::Vector::of(&case).json;
        assert_eq!(problems(&validator, &snapshot), [""; 0], "{}", case.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_snapshot_is_valid(
        spec in random::spec(),
        meta in random::meta(),
        extras in random::extras(),
    ) {
        let validator = validator();
        let bytes = build::build(&spec);
        let tape = Tape::parse(&bytes).expect("the generator makes valid tapes");
        let written = vector::write_json(&tape, &meta, &extras);
        let snapshot = serde_json::from_str(&written).expect("JSON");
        let problems = problems(&validator, &snapshot);
        prop_assert!(problems.is_empty(), "{problems:#?} in {written}");
    }
}

/// Every object of the schema refuses members that it does not name, so a misspelt one cannot pass.
#[test]
fn what_is_not_of_the_format_is_refused() {
    let validator = validator();
    let refused = |name: &str, pointer: &str, member: &str, value: Json| {
        let mut snapshot = snapshot(name);
        let target = snapshot.pointer_mut(pointer);
        let target = target.and_then(Json::as_object_mut);
        target.expect("an object").insert(member.into(), value);
        assert!(
            !validator.is_valid(&snapshot),
            "{member} in {pointer} of {name} was accepted"
        );
    };
    for (name, pointer) in [
        ("context", ""),
        ("context", "/runtime"),
        ("context", "/thread"),
        ("context", "/exceptions/0"),
        ("context", "/exceptions/0/message"),
        ("context", "/frames/0"),
        ("context", "/context"),
        ("context", "/context/sessionLinks/0"),
        ("context", "/context/omitted/0"),
        ("context", "/receipt"),
        ("context", "/receipt/cut"),
        ("context", "/receipt/limits"),
        ("grouping", "/fingerprint"),
        ("grouping", "/frames/0/source"),
        ("lists", "/frames/0/locals/cut"),
        ("lists", "/frames/0/locals/cut/limit"),
        ("gaps", "/omitted/0"),
    ] {
        refused(name, pointer, "colour", json!("blue"));
    }
    let node = "/frames/0/locals/cut";
    refused("lists", node, "notCapturedReason", json!("tired"));
    refused("lists", node, "size", json!("900"));
    refused("lists", node, "truncated", json!(true));
    refused("lists", node, "fields", json!({}));
    refused(
        "lists",
        "/frames/0/locals/empty",
        "limit",
        json!({"name": "limits.items", "value": 1}),
    );
    refused(
        "numbers",
        "/frames/0/locals/nothing",
        "isNull",
        json!(false),
    );
    refused("numbers", "/frames/0/locals/nothing", "value", json!(1));
    refused("numbers", "/frames/0/locals/zero", "value", json!(null));
    refused("references", "/frames/0/locals/here", "type", json!("str"));
    refused("numbers", "", "format", json!(2));
    refused("numbers", "", "id", json!("17"));
    refused("numbers", "", "exceptions", json!([]));
    refused("chain", "/exceptions/0", "causeKind", json!("because"));
    refused("chain", "/exceptions/0", "frames", json!([-1]));
    refused("frames", "/frames/0", "line", json!(0));

    for member in [
        "format",
        "id",
        "timestamp",
        "service",
        "pid",
        "runtime",
        "exceptions",
        "frames",
        "receipt",
    ] {
        let mut snapshot = snapshot("numbers");
        snapshot.as_object_mut().expect("an object").remove(member);
        assert!(!validator.is_valid(&snapshot), "{member} is required");
    }
}

#[test]
fn the_schema_knows_the_words_of_the_code() {
    let schema = schema();
    let reasons: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(schema["$defs"]["reason"]["enum"], json!(reasons));
    let names = jsonschema::draft202012::new(&schema["$defs"]["limitName"]).expect("a schema");
    for knob in LimitKnob::ALL {
        assert!(names.is_valid(&json!(knob.key())));
    }
}

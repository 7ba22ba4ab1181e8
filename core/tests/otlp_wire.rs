//! Snapshots as OpenTelemetry's log records: what a receiver reads, whatever the tape; requests and answers.
#![cfg(feature = "otlp")]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use proptest::prelude::*;
use prost::Message;
use serde_json::{Value as Json, json};
use stillframe_core::config::{Address, Compression, Config, Secret};
use stillframe_core::encode::stacktrace;
use stillframe_core::sink::http::{Answer, Http, HttpError, HttpErrorKind, Method, Request};
use stillframe_core::sink::otlp::{self, BODY_BYTES, LogsService, STACKTRACE_BYTES};
use stillframe_core::sink::wire::{Batch, Protocol, Verdict};
use stillframe_core::snapshot::{Extras, Meta, Snapshot};
use stillframe_core::tape::Tape;
use support::build::{Exception, ExceptionItem, Frame, FrameItem, Item, Spec, Value};
use support::{build, cases, oracle, random};

fn snapshot(spec: &Spec, meta: &Meta, extras: &Extras) -> Snapshot {
    let tape = build::build(spec);
    oracle::snapshot(&Tape::parse(&tape).expect("valid"), meta, extras)
}

fn encode(snapshot: &Snapshot) -> Vec<u8> {
    let mut out = Vec::new();
    otlp::request_into(snapshot.clone(), &BTreeMap::new(), &mut out);
    out
}

/// The only record of a request, its resource's attributes and its scope's name.
fn record(bytes: &[u8]) -> (LogRecord, Vec<KeyValue>, String) {
    let request = ExportLogsServiceRequest::decode(bytes).expect("protobuf");
    let [resource_logs] = request.resource_logs.try_into().expect("one resource");
    let [scope_logs] = resource_logs.scope_logs.try_into().expect("one scope");
    let [record] = scope_logs.log_records.try_into().expect("one record");
    let resource = resource_logs.resource.expect("a resource");
    (
        record,
        resource.attributes,
        scope_logs.scope.expect("a scope").name,
    )
}

fn json_of(value: &AnyValue) -> Json {
    match value.value.as_ref().expect("no value is empty") {
        Any::StringValue(text) => json!(text),
        Any::BoolValue(truth) => json!(truth),
        Any::IntValue(number) => json!(number),
        Any::DoubleValue(number) => json!(number),
        Any::ArrayValue(array) => array.values.iter().map(json_of).collect(),
        Any::KvlistValue(list) => pairs(&list.values),
        other => unreachable!("{other:?} is not in format 1"),
    }
}

fn pairs(list: &[KeyValue]) -> Json {
    let pair = |pair: &KeyValue| {
        (
            pair.key.clone(),
            json_of(pair.value.as_ref().expect("a value")),
        )
    };
    Json::Object(list.iter().map(pair).collect())
}

/// What format 1 is where no number has more than 64 bits with a sign.
fn with_long_as_text(value: Json) -> Json {
    match value {
        Json::Array(items) => items.into_iter().map(with_long_as_text).collect(),
        Json::Object(members) => {
            let mut out = serde_json::Map::new();
            for (name, value) in members {
                match value {
                    Json::Number(number) if number.as_u64() > Some(i64::MAX as u64) => {
                        out.insert(name.clone(), json!(number.to_string()));
                        if name == "value" {
                            out.insert("rendered".into(), json!(true));
                        }
                    }
                    other => {
                        out.insert(name, with_long_as_text(other));
                    }
                }
            }
            Json::Object(out)
        }
        other => other,
    }
}

/// Whether no name stands twice in a map: receivers may do anything with those that do.
fn names_are_unique(value: &AnyValue) -> bool {
    match value.value.as_ref() {
        Some(Any::ArrayValue(array)) => array.values.iter().all(names_are_unique),
        Some(Any::KvlistValue(list)) => {
            let names: std::collections::BTreeSet<_> =
                list.values.iter().map(|pair| &pair.key).collect();
            names.len() == list.values.len()
                && list
                    .values
                    .iter()
                    .all(|pair| pair.value.as_ref().is_none_or(names_are_unique))
        }
        _ => true,
    }
}

/// Names in the order of the alphabet, so that what was added may stand anywhere.
fn sorted(value: &Json) -> Json {
    match value {
        Json::Array(items) => items.iter().map(sorted).collect(),
        Json::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| name.as_str());
            let members = members.into_iter();
            Json::Object(
                members
                    .map(|(name, value)| (name.clone(), sorted(value)))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}

fn attribute<'a>(record: &'a LogRecord, name: &str) -> Option<&'a Any> {
    let attribute = record.attributes.iter().find(|known| known.key == name)?;
    attribute.value.as_ref()?.value.as_ref()
}

fn text<'a>(record: &'a LogRecord, name: &str) -> Option<&'a str> {
    match attribute(record, name)? {
        Any::StringValue(text) => Some(text),
        _ => None,
    }
}

#[test]
fn the_body_is_the_snapshot() {
    for case in cases::all() {
        let snapshot = snapshot(&case.spec, &case.meta, &case.extras);
        let bytes = encode(&snapshot);
        let (record, ..) = record(&bytes);
        let body = json_of(record.body.as_ref().expect("a body"));
        let expected = with_long_as_text(serde_json::to_value(&snapshot).expect("JSON"));
        assert_eq!(sorted(&body), sorted(&expected), "{}", case.name);
        assert_eq!(encode(&snapshot), bytes, "{}", case.name);
    }
}

fn case(name: &str) -> (Snapshot, LogRecord, Vec<KeyValue>) {
    let case = cases::all()
        .into_iter()
        .find(|case| case.name == name)
        .expect("a case");
    let snapshot = snapshot(&case.spec, &case.meta, &case.extras);
    let (record, resource, scope) = record(&encode(&snapshot));
    assert_eq!(scope, "stillframe");
    (snapshot, record, resource)
}

#[test]
fn the_record_is_that_of_the_conventions() {
    let (snapshot, record, resource) = case("context");
    assert_eq!(record.event_name, "exception");
    assert_eq!(
        (record.severity_number, record.severity_text.as_str()),
        (17, "ERROR")
    );
    assert_eq!(record.time_unix_nano, snapshot.timestamp);
    assert_eq!(record.observed_time_unix_nano, snapshot.timestamp);
    assert_eq!(
        record.trace_id,
        0x6b00_f713_0000_0000_e343_cf3a_e0f7_cc0f_u128.to_be_bytes()
    );
    assert_eq!(record.span_id, 4_226_996_404_535_825_260_u64.to_be_bytes());
    assert_eq!(
        pairs(&record.attributes),
        json!({
            "exception.type": "KeyError",
            "exception.message": "'EUR'",
            "exception.stacktrace": stacktrace::text(&snapshot, STACKTRACE_BYTES),
            "code.function.name": "shop.cart.total",
            "code.file.path": "/srv/shop/cart.py",
            "code.line.number": 7,
            "thread.id": 140_525,
            "thread.name": "MainThread",
            "stillframe.snapshot.id": snapshot.id.to_string(),
            "stillframe.handled": true,
            "stillframe.mechanism": "wsgi",
            "user.id": "u-17",
            "openReplaySessionToken": "9f2",
            "openReplaySessionToken.url": "https://replay.test/9f2",
            "other": "1",
            "http.route": "/cart/{id}",
            "retries": -1,
            "load": 0.5,
            "ratio": "nan",
            "beta": true,
        })
    );
    assert_eq!(
        pairs(&resource),
        json!({
            "service.name": "shop",
            "service.version": "1.4.2",
            "deployment.environment.name": "prod",
            "host.name": "web-3",
            "process.runtime.name": "cpython",
            "process.runtime.version": "3.11.7",
            "telemetry.sdk.name": "stillframe",
            "telemetry.sdk.language": "python",
            "telemetry.sdk.version": env!("CARGO_PKG_VERSION"),
            "process.pid": 4711,
        })
    );
    let (snapshot, record, _) = case("grouping");
    let key = &snapshot.fingerprint.as_ref().unwrap().key;
    assert_eq!(text(&record, "stillframe.fingerprint"), Some(key.as_str()));
    let (_, record, _) = case("native");
    assert_eq!(text(&record, "code.function.name"), Some("total"));
}

#[test]
fn the_page_names_every_attribute() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/opentelemetry.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let mut case = cases::all()
        .into_iter()
        .find(|case| case.name == "frames")
        .expect("a case");
    case.meta.attributes.clear();
    case.meta.session_links.clear();
    let (record, resource, _) = record(&encode(&snapshot(&case.spec, &case.meta, &case.extras)));
    for attribute in record.attributes.iter().chain(&resource) {
        let name = format!("`{}`", attribute.key);
        assert!(
            page.contains(&name),
            "{name} is not in docs/opentelemetry.md"
        );
    }
    for (what, bytes) in [("128 KiB", BODY_BYTES), ("32 KiB", STACKTRACE_BYTES)] {
        assert!(page.contains(what) && what == format!("{} KiB", bytes >> 10));
    }
}

#[test]
fn the_resource_has_what_is_configured_where_nothing_is_known() {
    let (snapshot, ..) = case("context");
    let more = [("service.name", "other"), ("k8s.pod.name", "shop-7")];
    let more = more.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut out = Vec::new();
    otlp::request_into(snapshot, &more.into(), &mut out);
    let (_, resource, _) = record(&out);
    assert_eq!(pairs(&resource)["k8s.pod.name"], "shop-7");
    assert_eq!(
        resource
            .iter()
            .filter(|known| known.key == "service.name")
            .count(),
        1
    );
    assert_eq!(pairs(&resource)["service.name"], "shop");
}

#[test]
fn what_the_application_says_does_not_replace_what_we_say() {
    let mut meta = Meta::default();
    meta.attributes
        .push(("exception.type".into(), "Mine".into()));
    meta.attributes
        .push(("stillframe.snapshot.id".into(), "mine".into()));
    meta.attributes.push(("twice".into(), "first".into()));
    meta.attributes.push(("twice".into(), "second".into()));
    let snapshot = snapshot(&cases::all().remove(0).spec, &meta, &Extras::default());
    let (record, resource, _) = record(&encode(&snapshot));
    assert_ne!(text(&record, "exception.type"), Some("Mine"));
    assert_ne!(text(&record, "stillframe.snapshot.id"), Some("mine"));
    let twice = record
        .attributes
        .iter()
        .filter(|known| known.key == "twice");
    assert_eq!(twice.count(), 1);
    // A service without a name has one that the specification gives.
    assert_eq!(pairs(&resource)["service.name"], "unknown_service");
    assert_eq!((record.trace_id.len(), record.span_id.len()), (0, 0));
}

/// A tape with one exception, and these frames.
fn of_frames(frames: Vec<Frame>) -> Spec {
    let mut spec = cases::all().remove(0).spec;
    spec.chain = vec![ExceptionItem::Exception(Exception {
        type_name: Some("KeyError".into()),
        frames: frames.into_iter().map(FrameItem::Frame).collect(),
        ..Exception::default()
    })];
    spec
}

fn frame(function: &str, locals: Vec<(String, Value)>) -> Frame {
    let locals = locals.into_iter();
    Frame {
        location: [10, 0, 0, 0],
        function: function.into(),
        sections: vec![(
            2,
            locals
                .map(|(name, value)| (name, Item::Value(value)))
                .collect(),
        )],
        ..Frame::default()
    }
}

fn list(items: Vec<Value>) -> Value {
    Value::List {
        type_name: None,
        size: items.len() as u32,
        items: items.into_iter().map(Item::Value).collect(),
    }
}

fn nested(depth: u32) -> Value {
    let key = |inner| Value::Map {
        type_name: None,
        size: 1,
        items: vec![Item::Value(Value::Int(1)), Item::Value(inner)],
    };
    (0..depth).fold(Value::Int(7), |inner, _| key(inner))
}

fn frames_of(body: &Json) -> &[Json] {
    body["frames"].as_array().expect("frames")
}

#[test]
fn a_large_snapshot_is_pruned_where_it_is_deepest_and_farthest() {
    let rows = |frame: u32| -> Vec<(String, Value)> {
        let row = |row: u32| {
            list(
                (0..16)
                    .map(|n| Value::Int(i64::from(frame + row + n)))
                    .collect(),
            )
        };
        let names = (0..32).map(|name| format!("name_{name}"));
        names
            .map(|name| (name, list(vec![row(1), row(2)])))
            .collect()
    };
    let frames = (0..8)
        .map(|number| frame(&format!("f{number}"), rows(number)))
        .collect();
    let snapshot = snapshot(&of_frames(frames), &Meta::default(), &Extras::default());
    let (record, ..) = record(&encode(&snapshot));
    let body = record.body.expect("a body");
    let size = body.encoded_len();
    assert!(size <= BODY_BYTES, "{size}");
    assert!(size > BODY_BYTES - 4096, "more than needed is gone: {size}");
    let body = json_of(&body);
    let pruned = |frame: &Json| frame.to_string().matches("pruned").count();
    let frames = frames_of(&body);
    assert_eq!(pruned(&frames[0]), 0, "the raising frame is whole");
    assert!(pruned(&frames[7]) >= 32);
    let closed = &frames[7]["locals"]["name_3"]["elements"][0];
    assert_eq!(
        (&closed["size"], &closed["notCapturedReason"]),
        (&json!(16), &json!("pruned"))
    );
    for frame in frames {
        assert_eq!(frame["locals"].as_object().expect("locals").len(), 32);
    }
    assert_eq!(body["receipt"]["values"], json!(snapshot.receipt.values));
}

#[test]
fn texts_and_variables_go_when_nothing_else_helps() {
    let long = |number: u32| Value::Str8("é".repeat(100 + number as usize % 20));
    let locals = |_| {
        (0..60)
            .map(|name| (format!("v{name}"), long(name)))
            .collect()
    };
    let frames = (0..120)
        .map(|number| frame(&format!("f{number}"), locals(number)))
        .collect();
    let snapshot = snapshot(&of_frames(frames), &Meta::default(), &Extras::default());
    let (record, ..) = record(&encode(&snapshot));
    let body = record.body.expect("a body");
    assert!(body.encoded_len() <= BODY_BYTES, "{}", body.encoded_len());
    let body = json_of(&body);
    let frames = frames_of(&body);
    assert_eq!(frames.len(), 120);
    let cut = &frames[0]["locals"]["v5"];
    assert_eq!(
        (&cut["size"], &cut["truncated"]),
        (&json!(105), &json!(true))
    );
    assert_eq!(cut["value"].as_str().map(str::len), Some(128));
    assert!(frames[119].get("locals").is_none());
    assert_eq!(frames[119]["omitted"][0]["notCapturedReason"], "pruned");
}

#[test]
fn no_names_are_too_many_for_a_record() {
    let deep = "long::".repeat(700);
    let frames = (0..40)
        .map(|number| frame(&format!("{deep}{number}"), vec![]))
        .collect();
    let mut snapshot = snapshot(&of_frames(frames), &Meta::default(), &Extras::default());
    snapshot.exceptions[0].type_name = "T".repeat(1 << 20);
    snapshot.exceptions[0].module = Some("m".repeat(1 << 20));
    let bytes = encode(&snapshot);
    assert!(bytes.len() < 256 << 10, "{}", bytes.len());
    let (record, ..) = record(&bytes);
    let body = json_of(record.body.as_ref().expect("a body"));
    assert_eq!(body["id"], json!(snapshot.id.to_string()));
    assert_eq!(body["exceptions"][0]["omitted"][0]["count"], json!(40));
}

#[test]
fn variables_of_one_name_are_told_apart() {
    let names = ["x", "x (2)", "x", "y", "x"];
    let locals = names
        .iter()
        .zip(1..)
        .map(|(name, value)| ((*name).to_owned(), Value::Int(value)));
    let spec = of_frames(vec![frame("f", locals.collect())]);
    let snapshot = snapshot(&spec, &Meta::default(), &Extras::default());
    let (record, ..) = record(&encode(&snapshot));
    let body = json_of(record.body.as_ref().expect("a body"));
    let shown: Vec<_> = body["frames"][0]["locals"]
        .as_object()
        .expect("locals")
        .iter()
        .map(|(name, node)| format!("{name}={}", node["value"]))
        .collect();
    assert_eq!(shown, ["x=1", "x (2)=2", "x (3)=3", "y=4", "x (4)=5"]);
}

#[test]
fn decoders_follow_however_deep_a_tape_nests() {
    let locals = vec![
        ("deep".to_owned(), nested(60)),
        ("other".to_owned(), Value::Int(1)),
    ];
    let spec = of_frames(vec![frame("f", locals)]);
    let snapshot = snapshot(&spec, &Meta::default(), &Extras::default());
    // `decode` gives up at a hundred messages inside one another.
    let (record, ..) = record(&encode(&snapshot));
    let body = json_of(record.body.as_ref().expect("a body"));
    let locals = &body["frames"][0]["locals"];
    assert_eq!(locals["other"]["value"], 1);
    let mut node = &locals["deep"];
    let mut depth = 0;
    while let Some(entries) = node.get("entries") {
        node = &entries[0][1];
        depth += 1;
    }
    assert_eq!((depth, &node["notCapturedReason"]), (8, &json!("pruned")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_tape_is_a_record(spec in random::spec(), meta in random::meta(), extras in random::extras()) {
        let snapshot = snapshot(&spec, &meta, &extras);
        let bytes = encode(&snapshot);
        let (record, ..) = record(&bytes);
        let body = record.body.as_ref().expect("a body");
        prop_assert!(body.encoded_len() <= BODY_BYTES);
        prop_assert!(names_are_unique(body));
        let body = json_of(body);
        let id = snapshot.id.to_string();
        prop_assert_eq!(&body["id"], &json!(id));
        prop_assert_eq!(text(&record, "stillframe.snapshot.id"), Some(id.as_str()));
        prop_assert!(text(&record, "exception.stacktrace").is_some());
        prop_assert_eq!(encode(&snapshot), bytes);
    }
}

// Requests and answers.

struct NoNetwork;

impl Http for NoNetwork {
    fn send(&self, _: &Request) -> Result<Answer, HttpError> {
        Err(HttpError {
            kind: HttpErrorKind::Connect,
            why: "a test has no network".into(),
        })
    }
}

fn config() -> Config {
    let mut config = Config::default();
    config.otlp.enabled = true;
    config.otlp.endpoint = Address::new("https://user:hunter2@otel.example:4318/x/v1/logs?a=1");
    config
        .otlp
        .headers
        .insert("Api-Key".into(), Secret::new("hunter2"));
    config
        .otlp
        .headers
        .insert("Content-Type".into(), Secret::new("text/plain"));
    config
}

fn send(service: &mut LogsService, items: &[&[u8]]) -> Request {
    service
        .request(&Batch { route: "", items }, &NoNetwork)
        .expect("a request")
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(bytes)
        .read_to_end(&mut out)
        .expect("gzip");
    out
}

#[test]
fn a_request_holds_all_items_of_a_batch() {
    let all: Vec<Vec<u8>> = cases::all()
        .iter()
        .map(|case| encode(&snapshot(&case.spec, &case.meta, &case.extras)))
        .collect();
    let items: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
    let mut config = config();
    let mut service = LogsService::new(&config).expect("an address");
    let request = send(&mut service, &items);
    assert_eq!(request.method, Method::Post);
    assert_eq!(request.url, "https://user:hunter2@otel.example:4318");
    assert_eq!(request.path, "/x/v1/logs?a=1");
    assert_eq!(request.timeout, Duration::from_secs(10));
    let headers: Vec<_> = request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    assert_eq!(
        headers,
        [
            "content-type: application/x-protobuf",
            "content-encoding: gzip",
            "api-key: hunter2",
            concat!("user-agent: stillframe/", env!("CARGO_PKG_VERSION")),
        ]
    );
    let body = unpacked(&request.body);
    assert_eq!(body, all.concat());
    let decoded = ExportLogsServiceRequest::decode(body.as_slice()).expect("protobuf");
    assert_eq!(decoded.resource_logs.len(), all.len());
    assert_eq!(send(&mut service, &items), request);
    let shown = format!("{request:?} {service:?} {}", service.endpoint());
    assert!(!shown.contains("hunter2"), "{shown}");

    config.otlp.compression = Compression::None;
    config.otlp.timeout = Some(Duration::from_millis(250));
    let mut service = LogsService::new(&config).expect("an address");
    let request = send(&mut service, &items);
    assert_eq!(request.body, all.concat());
    assert_eq!(request.timeout, Duration::from_millis(250));
    assert!(
        !request
            .headers
            .iter()
            .any(|(name, _)| name == "content-encoding")
    );
}

#[test]
fn a_configuration_makes_the_destination() {
    assert!(otlp::destination(&Config::default()).is_none());
    let made = otlp::destination(&config())
        .expect("asked for")
        .expect("an address");
    assert_eq!(made.address, "https://...@otel.example:4318/x/v1/logs");
    assert_eq!(made.protocol.name(), "otlp");
    let mut wrong = config();
    wrong.otlp.endpoint = Address::new("http://:4318/v1/logs");
    let why = otlp::destination(&wrong)
        .expect("asked for")
        .expect_err("no host");
    assert!(why.starts_with("otlp.endpoint: "), "{why}");
}

fn answer(status: u16, kind: &str, body: &[u8]) -> Answer {
    Answer {
        status,
        retry_after: None,
        headers: vec![("content-type".into(), kind.into())],
        body: body.to_vec(),
    }
}

fn judge(answer: &Answer) -> Verdict {
    let mut service = LogsService::new(&config()).expect("an address");
    send(&mut service, &[b"", b"", b""]);
    service.judge(answer)
}

const PROTOBUF: &str = "application/x-protobuf";

fn partly(rejected: i64, message: &str) -> Vec<u8> {
    let response = ExportLogsServiceResponse {
        partial_success: Some(ExportLogsPartialSuccess {
            rejected_log_records: rejected,
            error_message: message.into(),
        }),
    };
    response.encode_to_vec()
}

#[test]
fn what_was_accepted_is_delivered_and_what_was_not_is_told() {
    for (kind, body) in [
        (PROTOBUF, Vec::new()),
        (PROTOBUF, partly(0, "be careful")),
        (PROTOBUF, partly(-5, "")),
        (PROTOBUF, b"\xff\xff\xff garbage".to_vec()),
        ("application/json", b"{}".to_vec()),
        ("application/json", br#"{"partialSuccess":{}}"#.to_vec()),
        ("application/json", b"[[[".to_vec()),
        ("", b"OK".to_vec()),
    ] {
        assert_eq!(
            judge(&answer(200, kind, &body)),
            Verdict::Delivered,
            "{kind} {body:?}"
        );
        assert_eq!(judge(&answer(202, kind, &body)), Verdict::Delivered);
    }
    let two = Verdict::Partly {
        rejected: 2,
        why: "too old".into(),
    };
    assert_eq!(judge(&answer(200, PROTOBUF, &partly(2, "too\nold"))), two);
    for rejected in ["2", "\"2\""] {
        let body = format!(
            r#"{{"partialSuccess":{{"rejectedLogRecords":{rejected},"errorMessage":"too old"}}}}"#
        );
        assert_eq!(
            judge(&answer(200, "application/json", body.as_bytes())),
            two
        );
    }
    // Nobody rejects more than there was.
    let Verdict::Partly { rejected: 3, .. } = judge(&answer(200, PROTOBUF, &partly(i64::MAX, "")))
    else {
        unreachable!("three were sent");
    };
    let Verdict::Wrong { why } = judge(&answer(200, "text/html", b"<html>")) else {
        unreachable!("a page is no receiver");
    };
    assert!(why.contains("otlp.endpoint"), "{why}");
}

#[test]
fn what_can_be_tried_again_is() {
    for status in [408, 429, 500, 501, 502, 503, 504] {
        assert_eq!(
            judge(&answer(status, "", b"")),
            Verdict::Retry { after: None }
        );
        let mut limited = answer(status, "", b"");
        limited.retry_after = Some(Duration::from_secs(17));
        let after = limited.retry_after;
        assert_eq!(judge(&limited), Verdict::Retry { after });
    }
    // What stands in front of a receiver, and does not speak its language.
    for (kind, body) in [
        ("text/html", "<html>"),
        ("text/plain", "oops"),
        (PROTOBUF, ""),
    ] {
        let verdict = judge(&answer(500, kind, body.as_bytes()));
        assert_eq!(verdict, Verdict::Retry { after: None }, "{kind}");
    }
    assert_eq!(judge(&answer(413, "text/html", b"<html>")), Verdict::Split);
    // A collector that reads more than it wants to.
    let stopped = b"\x08\x03\x12\x1chttp: request body too large";
    assert_eq!(judge(&answer(400, PROTOBUF, stopped)), Verdict::Split);
}

#[test]
fn what_was_refused_is_told_in_its_words() {
    let status = b"\x08\x03\x12\x07no body";
    for (answer, said) in [
        (answer(400, PROTOBUF, status), "400 (bad request): no body"),
        (
            answer(
                400,
                "application/json",
                br#"{"code":3,"message":"no body"}"#,
            ),
            "400 (bad request): no body",
        ),
        (
            answer(400, "text/plain", b"no body\n"),
            "400 (bad request): no body",
        ),
        // A collector whose exporter is told that it never will.
        (answer(500, PROTOBUF, status), "500: no body"),
        (answer(415, "", b""), "415 (unknown content type)"),
        (
            answer(400, PROTOBUF, b"\xff\xff\xff\xff"),
            "400 (bad request): ",
        ),
    ] {
        let Verdict::Refused { why } = judge(&answer) else {
            unreachable!("{said}");
        };
        assert!(why.starts_with(said), "{why:?} is not {said:?}");
    }
}

#[test]
fn a_wrong_address_or_key_is_no_refusal() {
    for (answer, said) in [
        (
            answer(401, "", b"who?"),
            "it answers 401 (not authorised): who?: see otlp.headers",
        ),
        (
            answer(403, "", b""),
            "it answers 403 (forbidden): see otlp.headers",
        ),
        (
            answer(404, "text/html", b"<html>"),
            "it answers 404 (not found): a web page: see otlp.endpoint",
        ),
        (
            answer(405, "", b""),
            "it answers 405 (no such method): see otlp.endpoint",
        ),
        (
            answer(307, "", b""),
            "it answers 307 (redirected): see otlp.endpoint",
        ),
        (
            answer(407, "", b""),
            "it answers 407 (the proxy asks for a password): see upload.proxy",
        ),
        // Plain HTTP to a port for TLS.
        (
            answer(400, "text/html", b"<html>"),
            "it answers 400 (bad request): a web page: see otlp.endpoint",
        ),
    ] {
        let why = said.to_owned();
        assert_eq!(judge(&answer), Verdict::Wrong { why });
    }
}

#[test]
fn an_answer_that_unpacks_to_more_than_anybody_wants_is_cut() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::copy(&mut std::io::repeat(b'x').take(64 << 20), &mut encoder).expect("memory");
    let bomb = encoder.finish().expect("memory");
    assert!(bomb.len() < 128 << 10);
    let mut answer = answer(400, "text/plain", &bomb);
    answer
        .headers
        .push(("content-encoding".into(), "gzip".into()));
    let Verdict::Refused { why } = judge(&answer) else {
        unreachable!("it is a refusal");
    };
    assert!(
        why.starts_with("400 (bad request): xxx") && why.len() < 400,
        "{why}"
    );
    // Protobuf that announces more than there is.
    let lengths = b"\x0a\xff\xff\xff\xff\x0f\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f";
    assert_eq!(
        judge(&self::answer(200, PROTOBUF, lengths)),
        Verdict::Delivered
    );
}

#[test]
fn keys_that_a_receiver_repeats_are_not_told() {
    let json = "application/json";
    for (answer, said) in [
        (
            answer(400, json, br#"{"code":3,"message":"hunter2?"}"#),
            "400 (bad request): ...?",
        ),
        (
            // user:hunter2
            answer(422, "", b"Basic dXNlcjpodW50ZXIy"),
            "422: Basic ...",
        ),
    ] {
        let why = said.to_owned();
        assert_eq!(judge(&answer), Verdict::Refused { why });
    }
    let repeated = answer(401, "text/plain", b"invalid api-key: hunter2");
    let why = "it answers 401 (not authorised): invalid api-key: ...: see otlp.headers".to_owned();
    assert_eq!(judge(&repeated), Verdict::Wrong { why });
    let partly = answer(200, PROTOBUF, &partly(2, "hunter2 may send one"));
    let why = "... may send one".to_owned();
    assert_eq!(judge(&partly), Verdict::Partly { rejected: 2, why });
}

#[test]
fn receivers_are_told_apart_by_address_user_and_headers() {
    let of = |endpoint: &str, headers: &[(&str, &str)]| {
        let mut config = Config::default();
        config.otlp.enabled = true;
        config.otlp.endpoint = Address::new(endpoint);
        for (name, value) in headers {
            let value = Secret::new(*value);
            config.otlp.headers.insert((*name).to_owned(), value);
        }
        let made = otlp::destination(&config).expect("asked for");
        made.expect("an address").folder()
    };
    let headers = [("Api-Key", "hunter2"), ("b", "c")];
    let one = of("https://user:secret@host/v1/logs", &headers);
    let digits = one.strip_prefix("otlp-").expect("the name of the wire");
    assert_eq!(digits.len(), 16);
    let same = of(
        "HTTPS://user:secret@Host:443/v1/logs",
        &[("api-key", "hunter2"), ("B", "c")],
    );
    assert_eq!(one, same);
    for other in [
        of("https://user:secret@host/v1/log", &headers),
        of("https://user:secret@host:4318/v1/logs", &headers),
        of("http://user:secret@host/v1/logs", &headers),
        of("https://user:other@host/v1/logs", &headers),
        of("https://host/v1/logs", &headers),
        of("https://user:secret@host/v1/logs", &[]),
        of(
            "https://user:secret@host/v1/logs",
            &[("api-key", "hunter3"), ("b", "c")],
        ),
    ] {
        assert_ne!(one, other);
    }
}

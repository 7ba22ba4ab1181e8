//! Snapshots as Sentry's events: what stands where, whatever the tape; envelopes and answers.
#![cfg(feature = "sentry")]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::io::Read;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use stillframe_core::config::{Config, Secret};
use stillframe_core::encode::vars::Options;
use stillframe_core::encode::{Encoder, Input};
use stillframe_core::sink::http::{Answer, Http, HttpError, HttpErrorKind, Method, Request};
use stillframe_core::sink::sentry::{self, EVENT_BYTES, Project};
use stillframe_core::sink::wire::{Batch, Protocol, Verdict};
use stillframe_core::snapshot::{AttributeValue, Extras, Meta, Process, ReasonCounts, Snapshot};
use stillframe_core::tape::Tape;
use support::build::{Exception, ExceptionItem, Frame, FrameItem, Item, Spec, Value};
use support::{build, cases, random};

/// The event of a tape, and its text.
fn event_of(spec: &Spec, meta: &Meta, extras: &Extras) -> (Json, Vec<u8>) {
    let tape = build::build(spec);
    let tape = Tape::parse(&tape).expect("valid");
    let input = Input {
        tape: &tape,
        meta,
        extras,
    };
    let mut encoder = Encoder::new();
    let (mut msgpack, mut variables) = (Vec::new(), Vec::new());
    encoder.msgpack_into(&input, &mut msgpack);
    let counts = ReasonCounts::default();
    encoder.variables_into(&input, &Options::default(), &counts, &mut variables);
    let snapshot = Snapshot::from_msgpack(&msgpack).expect("a snapshot");
    let bytes = sentry::event_of(&snapshot, &variables).expect("variables");
    (serde_json::from_slice(&bytes).expect("JSON"), bytes)
}

fn event(name: &str) -> Json {
    let case = cases::all()
        .into_iter()
        .find(|case| case.name == name)
        .expect("a case");
    event_of(&case.spec, &case.meta, &case.extras).0
}

fn values(event: &Json) -> &[Json] {
    event["exception"]["values"].as_array().expect("values")
}

fn frames(value: &Json) -> &[Json] {
    value["stacktrace"]["frames"]
        .as_array()
        .map_or(&[], Vec::as_slice)
}

#[test]
fn an_event_has_what_is_beside_the_exception() {
    let mut event = event("context");
    let exception = event.as_object_mut().unwrap().remove("exception").unwrap();
    assert_eq!(
        event,
        json!({
            "event_id": "01a1fbc522627000923456789abcdef0",
            "timestamp": serde_json::from_str::<Json>("1795225363.042000").unwrap(),
            "platform": "python",
            "level": "error",
            "logger": "stillframe",
            "server_name": "web-3",
            "release": "shop@1.4.2",
            "environment": "prod",
            "tags": {
                "service": "shop",
                "openReplaySessionToken": "9f2",
                "other": "1",
                "retries": "-1",
                "load": "0.5",
                "ratio": "nan",
                "beta": "true",
                "http.route": "/cart/{id}",
            },
            "extra": {"openReplaySessionToken.url": "https://replay.test/9f2"},
            "user": {"id": "u-17"},
            "contexts": {
                "trace": {"type": "trace", "trace_id": "6b00f71300000000e343cf3ae0f7cc0f", "span_id": format!("{:016x}", 4_226_996_404_535_825_260_u64)},
                "runtime": {"type": "runtime", "name": "CPython", "version": "3.11.7"},
                "stillframe": {
                    "snapshot": "01a1fbc5-2262-7000-9234-56789abcdef0",
                    "show": "stillframe show 9abcdef0",
                    "pid": 4711,
                    "values": event["contexts"]["stillframe"]["values"],
                    "redacted": 0,
                    "cut": 0,
                },
            },
            "threads": {"values": [{"id": 140_525, "name": "MainThread", "crashed": false, "current": true}]},
            "sdk": {"name": "stillframe", "version": env!("CARGO_PKG_VERSION")},
        })
    );
    let [value] = values(&json!({ "exception": exception }))
        .to_vec()
        .try_into()
        .unwrap();
    assert_eq!(value["type"], "KeyError");
    assert_eq!(value["value"], "'EUR'");
    assert_eq!(value["thread_id"], 140_525);
    assert_eq!(
        value["mechanism"],
        json!({"type": "wsgi", "handled": true, "exception_id": 0})
    );
    // The outermost frame first, the raising one last.
    let names: Vec<_> = frames(&value)
        .iter()
        .map(|frame| frame["function"].clone())
        .collect();
    assert_eq!(names, ["main", "total"]);
}

#[test]
fn the_issue_and_the_source_are_there() {
    let event = self::event("grouping");
    let key = &event["contexts"]["stillframe"]["issue"];
    assert_eq!(key.as_str().map(str::len), Some(32));
    assert_eq!(event["fingerprint"], json!([key]));
    let with_source = cases::all()
        .into_iter()
        .filter(|case| !case.extras.sources.is_empty());
    let mut seen = 0;
    for case in with_source {
        let (event, _) = event_of(&case.spec, &case.meta, &case.extras);
        for frame in values(&event).iter().flat_map(frames) {
            if frame["lineno"] == 7 && frame.get("context_line").is_some() {
                assert_eq!(frame["context_line"], "    return \"x\"");
                assert_eq!(frame["pre_context"], json!(["def total(self):"]));
                assert!(frame.get("post_context").is_none());
                seen += 1;
            }
        }
    }
    assert!(seen > 0);
}

fn links(event: &Json) -> Vec<String> {
    let link = |value: &Json| {
        let mechanism = &value["mechanism"];
        let part = |name: &str| match &mechanism[name] {
            Json::Null => "-".to_owned(),
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        let parts = [
            "exception_id",
            "parent_id",
            "type",
            "source",
            "is_exception_group",
        ];
        format!(
            "{} {}",
            value["type"].as_str().unwrap(),
            parts.map(part).join(" ")
        )
    };
    values(event).iter().map(link).collect()
}

#[test]
fn a_chain_is_told_oldest_first() {
    assert_eq!(
        links(&event("chain")),
        [
            "OSError 2 1 chained __context__ -",
            "KeyError 1 0 chained __cause__ -",
            "LookupFailed 0 - excepthook - -",
        ]
    );
    let event = event("chain");
    assert_eq!(values(&event)[2]["module"], "shop.errors");
    assert_eq!(values(&event)[0]["value"], "no such file");
    assert!(values(&event)[0].get("thread_id").is_none());
}

#[test]
fn a_group_is_told_as_a_tree() {
    assert_eq!(
        links(&event("group")),
        [
            "TypeError 2 0 chained exceptions[1] -",
            "ValueError 1 0 chained exceptions[0] -",
            "ExceptionGroup 0 - excepthook - true",
        ]
    );
    for (language, expected) in [
        (
            2,
            [
                "TypeError 2 0 suppressed suppressed[1] -",
                "ExceptionGroup 0 - excepthook - -",
            ],
        ),
        (
            3,
            [
                "TypeError 2 0 chained InnerExceptions[1] -",
                "ExceptionGroup 0 - excepthook - true",
            ],
        ),
        (
            4,
            [
                "TypeError 2 0 chained exceptions[1] -",
                "ExceptionGroup 0 - excepthook - true",
            ],
        ),
    ] {
        let case = cases::all()
            .into_iter()
            .find(|case| case.name == "group")
            .expect("a case");
        let spec = Spec {
            language,
            ..case.spec
        };
        let links = links(&event_of(&spec, &case.meta, &case.extras).0);
        assert_eq!([links[0].as_str(), links[2].as_str()], expected);
    }
}

#[test]
fn each_language_has_its_platform_and_its_paths() {
    for (name, platform, frame) in [
        (
            "java",
            "java",
            json!({"function": "total", "module": "shop.Cart", "filename": "Cart.java", "abs_path": "Cart.java", "lineno": 42, "in_app": true}),
        ),
        (
            "dotnet",
            "csharp",
            json!({"function": "total", "module": "Shop.Cart", "filename": "Cart.cs", "abs_path": "C:\\src\\Cart.cs", "lineno": 42, "in_app": true}),
        ),
        (
            "native",
            "native",
            json!({"function": "total", "package": "shop", "filename": "cart.cc", "abs_path": "/src/cart.cc", "lineno": 42, "in_app": true}),
        ),
        ("unknown", "other", Json::Null),
    ] {
        let event = event(name);
        assert_eq!(event["platform"], platform);
        if let Some(expected) = frame.as_object() {
            let mut shown = frames(&values(&event)[0])[0].clone();
            let vars = shown
                .as_object_mut()
                .unwrap()
                .remove("vars")
                .expect("variables");
            assert_eq!(&shown, &Json::Object(expected.clone()));
            assert!(vars["number"] == "7", "{vars}");
        }
    }
}

#[test]
fn frames_that_are_missing_are_told_where_they_are() {
    let mut spec = cases::all().remove(0).spec;
    let frame = |function: &str| {
        FrameItem::Frame(Frame {
            function: function.into(),
            ..Frame::default()
        })
    };
    let gap = FrameItem::Gap {
        reason: stillframe_core::reason::Reason::Frames as u8,
        count: 12,
    };
    spec.chain = vec![ExceptionItem::Exception(Exception {
        frames: vec![frame("raising"), gap, frame("main")],
        ..Exception::default()
    })];
    let (event, _) = event_of(&spec, &Meta::default(), &Extras::default());
    let names: Vec<_> = frames(&values(&event)[0])
        .iter()
        .map(|frame| frame["function"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        ["main", "[12 frames not captured: limits.frames]", "raising"]
    );
    assert_eq!(values(&event)[0]["type"], "<unknown>");
}

fn with_process(process: Process) -> Json {
    let meta = Meta {
        process: process.into(),
        ..Meta::default()
    };
    event_of(&cases::all().remove(0).spec, &meta, &Extras::default()).0
}

#[test]
fn releases_and_environments_are_such_as_sentry_takes() {
    for (service, version, env, release, environment) in [
        (
            "shop",
            Some("1.4.2"),
            Some("prod"),
            json!("shop@1.4.2"),
            json!("prod"),
        ),
        (
            "shop",
            Some("other@2"),
            Some("a/b c"),
            json!("other@2"),
            json!("a-b-c"),
        ),
        ("", Some("1.4.2"), Some("None"), json!("1.4.2"), Json::Null),
        ("", Some("latest"), None, Json::Null, Json::Null),
        (
            "team/shop",
            Some("1\t2\n"),
            Some(""),
            json!("team-shop@1-2"),
            Json::Null,
        ),
        ("shop", None, None, Json::Null, Json::Null),
    ] {
        let event = with_process(Process {
            service: service.into(),
            version: version.map(Into::into),
            env: env.map(Into::into),
            ..Process::default()
        });
        assert_eq!(
            (&event["release"], &event["environment"]),
            (&release, &environment)
        );
    }
    let event = with_process(Process {
        service: "é".repeat(300),
        version: Some("v".repeat(300)),
        env: Some("ü".repeat(300)),
        ..Process::default()
    });
    assert_eq!(event["release"].as_str().map(str::len), Some(200));
    assert_eq!(event["environment"].as_str().map(str::len), Some(64));
}

#[test]
fn what_is_no_tag_is_additional_data() {
    let long = "x".repeat(201);
    let meta = Meta {
        attributes: vec![
            ("good".into(), "text".into()),
            ("not good".into(), "text".into()),
            ("long".into(), AttributeValue::Text(long.clone())),
            ("lines".into(), "a\nb".into()),
            ("empty".into(), "".into()),
        ],
        trace_id: Some(7),
        ..Meta::default()
    };
    let (event, _) = event_of(&cases::all().remove(0).spec, &meta, &Extras::default());
    assert_eq!(event["tags"], json!({"good": "text"}));
    assert_eq!(
        event["extra"],
        json!({"not good": "text", "long": long, "lines": "a\nb", "empty": ""})
    );
    // A trace without a span has no context there.
    assert!(event["contexts"].get("trace").is_none());
    assert_eq!(
        event["contexts"]["stillframe"]["trace_id"],
        format!("{:032x}", 7)
    );
}

fn large(frames: usize, name: usize, message: &str) -> Spec {
    let frame = |number: usize| {
        let many = if frames > 100 { 1 } else { 20 };
        let locals = (0..many).map(|local| {
            (
                format!("v{local}"),
                Item::Value(Value::Str8("\u{1}".repeat(60))),
            )
        });
        FrameItem::Frame(Frame {
            function: format!("{number}{}", "f".repeat(name)),
            file: "/".repeat(name),
            location: [10, 0, 0, 0],
            sections: vec![(2, locals.collect())],
            ..Frame::default()
        })
    };
    let mut spec = cases::all().remove(0).spec;
    spec.chain = vec![ExceptionItem::Exception(Exception {
        type_name: Some("KeyError".into()),
        sections: vec![(
            4,
            vec![(String::new(), Item::Value(Value::Str8(message.into())))],
        )],
        frames: (0..frames).map(frame).collect(),
        ..Exception::default()
    })];
    spec
}

#[test]
fn an_event_is_never_too_large() {
    let extras = |frames: usize| {
        let source = stillframe_core::snapshot::FrameSource {
            first_line: 8,
            lines: vec!["\u{1}".repeat(5000); 5],
            ..Default::default()
        };
        Extras {
            sources: vec![Some(source); frames],
            ..Extras::default()
        }
    };
    for (count, name, source, vars, shown) in [
        (17, 10, true, true, 17),
        (140, 10, false, true, 140),
        (3400, 60, false, false, 3400),
        (5000, 60, false, false, 0),
    ] {
        let (event, bytes) = event_of(
            &large(count, name, "sorry"),
            &Meta::default(),
            &extras(count),
        );
        assert!(
            bytes.len() <= EVENT_BYTES,
            "{count} frames: {}",
            bytes.len()
        );
        let value = &values(&event)[0];
        assert_eq!(
            (&value["type"], &value["value"]),
            (&json!("KeyError"), &json!("sorry"))
        );
        assert_eq!(frames(value).len(), shown, "{count}");
        let has = |member: &str| {
            frames(value)
                .iter()
                .any(|frame| frame.get(member).is_some())
        };
        assert_eq!(
            (has("context_line"), has("vars")),
            (source, vars),
            "{count} frames: {} bytes",
            bytes.len()
        );
    }
}

/// Whether an event is one that Sentry can read.
fn check(event: &Json, bytes: &[u8]) {
    assert!(bytes.len() <= EVENT_BYTES);
    let all = values(event);
    let mut ids = BTreeSet::new();
    for value in all.iter().rev() {
        let mechanism = &value["mechanism"];
        let id = mechanism["exception_id"].as_u64().expect("a number");
        if let Some(parent) = mechanism["parent_id"].as_u64() {
            assert!(ids.contains(&parent), "{mechanism}");
        } else {
            assert_eq!(id, 0);
        }
        assert!(ids.insert(id));
        assert!(!value["type"].as_str().expect("text").is_empty());
        for frame in frames(value) {
            assert!(!frame["function"].as_str().expect("text").is_empty());
            let vars = frame.get("vars").map_or(0, |vars| vars.to_string().len());
            assert!(vars <= 2048, "{vars}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_tape_is_an_event(spec in random::spec(), meta in random::meta(), extras in random::extras()) {
        let (event, bytes) = event_of(&spec, &meta, &extras);
        check(&event, &bytes);
        prop_assert_eq!(event_of(&spec, &meta, &extras).1, bytes);
    }
}

// Envelopes and answers.

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
    config.sentry.enabled = true;
    config.sentry.dsn = Some(Secret::new(
        "https://0123abcd:hunter2@o1.ingest.example/7/42",
    ));
    config
}

#[test]
fn an_envelope_holds_an_event() {
    let mut project = Project::new(&config()).expect("a project");
    assert_eq!(project.bounds().items, 1);
    let case = cases::all().remove(0);
    let (_, event) = event_of(&case.spec, &case.meta, &case.extras);
    let batch = Batch {
        route: "",
        items: &[&event],
    };
    let request = project.request(&batch, &NoNetwork).expect("a request");
    assert_eq!(request.method, Method::Post);
    assert_eq!(request.url, "https://o1.ingest.example");
    assert_eq!(request.path, "/7/api/42/envelope/");
    let header = |name: &str| {
        let found = request.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    let version = env!("CARGO_PKG_VERSION");
    let auth =
        format!("Sentry sentry_version=7, sentry_client=stillframe/{version}, sentry_key=0123abcd");
    assert_eq!(header("x-sentry-auth"), Some(auth.as_str()));
    assert_eq!(
        header("content-type"),
        Some("application/x-sentry-envelope")
    );
    assert_eq!(header("content-encoding"), Some("gzip"));
    let mut body = Vec::new();
    let mut unpacked = flate2::read::GzDecoder::new(request.body.as_slice());
    unpacked.read_to_end(&mut body).expect("gzip");
    let mut lines = body.splitn(3, |byte| *byte == b'\n');
    let mut next = || lines.next().expect("a line");
    let head: Json = serde_json::from_slice(next()).expect("JSON");
    assert_eq!(
        head,
        json!({"event_id": "01a1fbc522627000923456789abcdef0"})
    );
    let item: Json = serde_json::from_slice(next()).expect("JSON");
    assert_eq!(
        (&item["type"], &item["length"]),
        (&json!("event"), &json!(event.len()))
    );
    assert_eq!(next(), [event.as_slice(), b"\n"].concat());
    let shown = format!("{request:?} {project:?} {}", project.dsn());
    assert!(
        !shown.contains("0123abcd") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn a_configuration_makes_the_destination() {
    assert!(sentry::destination(&Config::default()).is_none());
    let made = sentry::destination(&config())
        .expect("asked for")
        .expect("a project");
    assert_eq!(made.address, "https://o1.ingest.example/7/api/42/envelope/");
    assert_eq!(made.protocol.name(), "sentry");
    for dsn in [None, Some("https://0123abcd@host"), Some("https://host/1")] {
        let mut config = config();
        config.sentry.dsn = dsn.map(Secret::new);
        let why = sentry::destination(&config)
            .expect("asked for")
            .expect_err("no project");
        assert!(
            why.starts_with("sentry.dsn: ") && !why.contains("0123abcd"),
            "{why}"
        );
    }
}

fn judge(status: u16, headers: &[(&str, &str)], body: &str) -> Verdict {
    let headers = headers.iter();
    let mut project = Project::new(&config()).expect("a project");
    project.judge(&Answer {
        status,
        retry_after: None,
        headers: headers
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
        body: body.into(),
    })
}

#[test]
fn limits_of_rate_are_kept() {
    for (limits, seconds) in [
        ("60:error:organization:reason", 60),
        (
            "10:transaction:key, 2700:default;error:organization, 5:error",
            2700,
        ),
        ("30::organization", 30),
        ("45", 45),
        ("60:transaction", 60),
        ("x:error", 60),
        ("", 60),
        ("1e300:error", 60),
        ("inf:error", 60),
        ("-5:error", 60),
        ("1000000:error", 24 * 3600),
    ] {
        let after = Some(Duration::from_secs(seconds));
        let verdict = judge(429, &[("x-sentry-rate-limits", limits)], "");
        assert_eq!(verdict, Verdict::Retry { after }, "{limits:?}");
    }
    let mut project = Project::new(&config()).expect("a project");
    let after = Some(Duration::from_secs(7));
    let verdict = project.judge(&Answer {
        status: 429,
        retry_after: after,
        headers: Vec::new(),
        body: Vec::new(),
    });
    assert_eq!(verdict, Verdict::Retry { after });
}

#[test]
fn answers_are_understood() {
    assert_eq!(judge(200, &[], r#"{"id":"01a1"}"#), Verdict::Delivered);
    assert_eq!(judge(413, &[], ""), Verdict::Split);
    for status in [408, 500, 502, 503, 504, 521] {
        assert_eq!(judge(status, &[], ""), Verdict::Retry { after: None });
    }
    let kind = ("content-type", "application/json");
    for (status, headers, body, said) in [
        (
            400,
            vec![kind],
            r#"{"detail":"invalid event envelope","causes":["missing newline"]}"#,
            "400 (bad request): invalid event envelope: missing newline",
        ),
        (
            400,
            vec![("x-sentry-error", "bad")],
            "",
            "400 (bad request): bad",
        ),
        (400, vec![kind], "[[[", "400 (bad request): [[["),
    ] {
        let why = said.to_owned();
        assert_eq!(judge(status, &headers, body), Verdict::Refused { why });
    }
}

#[test]
fn a_wrong_address_or_key_is_no_refusal() {
    let (json, html) = ("application/json", "text/html");
    for (status, kind, body, said) in [
        (
            403,
            json,
            r#"{"detail":"event submission rejected with_reason: ProjectId"}"#,
            "it answers 403 (forbidden): event submission rejected with_reason: ProjectId: see sentry.dsn",
        ),
        (
            404,
            html,
            "<html>",
            "it answers 404 (not found): a web page: see sentry.dsn",
        ),
        (
            405,
            "",
            "",
            "it answers 405 (no such method): see sentry.dsn",
        ),
        (302, "", "", "it answers 302 (redirected): see sentry.dsn"),
        (
            407,
            "",
            "",
            "it answers 407 (the proxy asks for a password): see upload.proxy",
        ),
        (
            400,
            html,
            "<html>",
            "it answers 400 (bad request): a web page: see sentry.dsn",
        ),
        (
            200,
            html,
            "<html>",
            "it answers with a web page, so it is not Sentry: see sentry.dsn",
        ),
    ] {
        let why = said.to_owned();
        let verdict = judge(status, &[("content-type", kind)], body);
        assert_eq!(verdict, Verdict::Wrong { why });
    }
}

#[test]
fn a_key_that_is_repeated_is_not_told() {
    let json = ("content-type", "application/json");
    let body = r#"{"detail":"unknown key","causes":["sentry_key=0123abcd"]}"#;
    let why =
        "it answers 401 (not authorised): unknown key: sentry_key=...: see sentry.dsn".to_owned();
    assert_eq!(judge(401, &[json], body), Verdict::Wrong { why });
    let why = "400 (bad request): ... is unknown".to_owned();
    let header = ("x-sentry-error", "0123abcd is unknown");
    assert_eq!(judge(400, &[header], ""), Verdict::Refused { why });
}

#[test]
fn projects_are_told_apart_by_address_and_number_but_not_by_key() {
    let of = |dsn: &str| {
        let mut config = config();
        config.sentry.dsn = Some(Secret::new(dsn));
        let made = sentry::destination(&config).expect("asked for");
        made.expect("a project").folder()
    };
    let one = of("https://0123abcd@host/behind/42");
    assert!(one.starts_with("sentry-"), "{one}");
    assert_eq!(one, of("https://deadbeef:old@Host:443/behind/42/"));
    for other in [
        "https://0123abcd@host/behind/43",
        "https://0123abcd@host/42",
        "https://0123abcd@other/behind/42",
        "https://0123abcd@host:8443/behind/42",
        "http://0123abcd@host/behind/42",
    ] {
        assert_ne!(one, of(other), "{other}");
    }
}

//! The shared vectors through the C interface: every tape of `conformance/` is encoded as its vector says, or refused as it says.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};

use serde_json::Value;
use stillframe::capture::{
    STILLFRAME_ATTRIBUTE_BOOL, STILLFRAME_ATTRIBUTE_INTEGER, STILLFRAME_ATTRIBUTE_NUMBER,
    STILLFRAME_ATTRIBUTE_TEXT, STILLFRAME_CAPTURE_HANDLED, STILLFRAME_CAPTURE_HAS_SPAN,
    STILLFRAME_CAPTURE_HAS_THREAD, stillframe_attribute, stillframe_capture,
    stillframe_session_link,
};
use stillframe::config::{
    STILLFRAME_FORMAT_DATADOG, STILLFRAME_FORMAT_JSON, STILLFRAME_FORMAT_MSGPACK,
    stillframe_config, stillframe_config_init, stillframe_setting,
};
use stillframe::encode::{stillframe_capture_encode, stillframe_encoding};
use stillframe::engine::{stillframe_engine_free, stillframe_engine_new};
use stillframe::error::stillframe_error;
use stillframe::handle::stillframe_engine;
use stillframe::status::{STILLFRAME_ERROR_TAPE, STILLFRAME_OK, stillframe_status};
use stillframe::text::{stillframe_bytes, stillframe_bytes_free, stillframe_text};
use support::{sized, unhex, view};

fn conformance() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance")
}

/// The text of a member, empty if there is none.
fn member(value: &Value, name: &str) -> stillframe_text {
    view(value[name].as_str().unwrap_or_default())
}

fn engine(language: u32, meta: &Value) -> *const stillframe_engine {
    let setting = |key, value| stillframe_setting {
        key: view(key),
        value: view(value),
    };
    // Nothing is hidden that the vector shows, and nothing is read or stored.
    let settings = [
        setting("redact.mode", "off"),
        setting("redact.aliasing", "false"),
        setting(
            "redact.disable_name_redaction_i_know_what_i_am_doing",
            "true",
        ),
        setting("source.enabled", "false"),
        setting("spool.enabled", "false"),
    ];
    let mut config: stillframe_config = sized();
    let mut engine = null();
    // SAFETY: all pointers are to values on this stack, which live for the calls.
    unsafe {
        assert_eq!(
            stillframe_config_init(&raw mut config, size_of_val(&config)),
            STILLFRAME_OK
        );
        config.language = language;
        config.service = member(meta, "service");
        config.env = member(meta, "env");
        config.version = member(meta, "version");
        config.runtime_version = member(meta, "runtime_version");
        config.settings = settings.as_ptr();
        config.settings_len = settings.len();
        let made = stillframe_engine_new(&raw const config, null(), &raw mut engine, null_mut());
        assert_eq!(made, STILLFRAME_OK);
    }
    engine
}

fn free(engine: *const stillframe_engine) {
    // SAFETY: a handle of `engine`, used no more.
    let freed = unsafe { stillframe_engine_free(engine, 10_000, null_mut()) };
    assert_eq!(freed, STILLFRAME_OK);
}

/// Encodes; the bytes, or the error.
fn encode(
    engine: *const stillframe_engine,
    capture: &stillframe_capture,
    format: u32,
) -> Result<Vec<u8>, (stillframe_status, u32, String)> {
    let mut encoding: stillframe_encoding = sized();
    encoding.format = format;
    let mut error: stillframe_error = sized();
    let mut out: stillframe_bytes = stillframe_bytes {
        ptr: null_mut(),
        len: 0,
        cap: 0,
    };
    // SAFETY: all pointers are to values that live for the call; what comes back is what the contract says.
    unsafe {
        let status = stillframe_capture_encode(
            engine,
            capture,
            &raw mut encoding,
            &raw mut out,
            &raw mut error,
        );
        if status != STILLFRAME_OK {
            assert!(out.ptr.is_null() && error.status == status);
            let message = std::ffi::CStr::from_ptr(error.message.as_ptr());
            return Err((status, error.detail, message.to_string_lossy().into_owned()));
        }
        let bytes = std::slice::from_raw_parts(out.ptr, out.len).to_vec();
        stillframe_bytes_free(&raw mut out);
        Ok(bytes)
    }
}

/// The members of a vector's `attributes` or `user`.
fn attributes(list: &Value) -> Vec<stillframe_attribute> {
    let read = |pair: &Value| {
        let (value, nothing) = (&pair[1], view(""));
        let mut attribute = stillframe_attribute {
            name: view(pair[0].as_str().expect("a name")),
            kind: STILLFRAME_ATTRIBUTE_TEXT,
            reserved: 0,
            text: nothing,
            integer: 0,
            number: 0.0,
        };
        match value {
            Value::String(text) => attribute.text = view(text),
            Value::Bool(truth) => {
                attribute.kind = STILLFRAME_ATTRIBUTE_BOOL;
                attribute.integer = (*truth).into();
            }
            number => match number.as_i64() {
                Some(integer) => {
                    attribute.kind = STILLFRAME_ATTRIBUTE_INTEGER;
                    attribute.integer = integer;
                }
                None => {
                    attribute.kind = STILLFRAME_ATTRIBUTE_NUMBER;
                    // {"float": "nan"} has no number.
                    attribute.number = number.as_f64().unwrap_or(f64::NAN);
                }
            },
        }
        attribute
    };
    list.as_array().into_iter().flatten().map(read).collect()
}

/// What the engine adds by itself, and what it can only say of the machine that it runs on.
fn comparable(mut snapshot: Value) -> Value {
    let members = snapshot.as_object_mut().expect("an object");
    for name in ["fingerprint", "host", "pid"] {
        members.remove(name);
    }
    // The redact stage writes some tapes anew: a few bytes longer or shorter, and fields that an object does not have count no more.
    if let Some(receipt) = snapshot.get_mut("receipt").and_then(Value::as_object_mut) {
        receipt.remove("bytes");
        receipt.remove("values");
    }
    for frame in snapshot["frames"].as_array_mut().into_iter().flatten() {
        frame.as_object_mut().expect("an object").remove("source");
    }
    snapshot
}

#[test]
fn every_snapshot_vector_is_encoded_alike() {
    let mut done = 0;
    for entry in std::fs::read_dir(conformance().join("snapshots")).expect("vectors") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("readable");
        let vector: Value = serde_json::from_str(&text).expect("JSON");
        let (meta, tape) = (
            &vector["meta"],
            unhex(vector["tape"].as_str().expect("hex")),
        );
        let engine = engine(u32::from(tape[6]), meta);
        let (attributes, user) = (attributes(&meta["attributes"]), attributes(&meta["user"]));
        let links: Vec<_> = meta["session_links"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|link| stillframe_session_link {
                name: view(link[0].as_str().expect("a name")),
                id: view(link[1].as_str().expect("an id")),
                url: view(link[2].as_str().unwrap_or_default()),
            })
            .collect();
        let mut capture: stillframe_capture = sized();
        capture.tape = tape.as_ptr();
        capture.tape_len = tape.len();
        capture.mechanism = member(meta, "mechanism");
        capture.timestamp_ns = meta["timestamp_ns"].as_u64().expect("a time");
        let id = meta["id"].as_str().expect("an id").replace('-', "");
        capture.id.copy_from_slice(&unhex(&id));
        if let Some(thread) = meta["thread"].as_array() {
            capture.flags |= STILLFRAME_CAPTURE_HAS_THREAD;
            capture.thread_id = thread[0].as_u64().expect("a thread");
            capture.thread_name = view(thread[1].as_str().unwrap_or_default());
        }
        if meta["handled"] == true {
            capture.flags |= STILLFRAME_CAPTURE_HANDLED;
        }
        if let Some(trace) = meta["trace_id"].as_str() {
            capture.trace_id.copy_from_slice(&unhex(trace));
        }
        if let Some(span) = meta["span_id"].as_str() {
            capture.flags |= STILLFRAME_CAPTURE_HAS_SPAN;
            capture.span_id = u64::from_str_radix(span, 16).expect("a span");
        }
        (capture.attributes, capture.attributes_len) = (attributes.as_ptr(), attributes.len());
        (capture.user, capture.user_len) = (user.as_ptr(), user.len());
        (capture.session_links, capture.session_links_len) = (links.as_ptr(), links.len());

        let json = encode(engine, &capture, STILLFRAME_FORMAT_JSON).expect("encoded");
        let mut written = comparable(serde_json::from_slice(&json).expect("JSON"));
        let mut expected = comparable(vector["json"].clone());
        if expected.get("thread").is_none() {
            // A C caller is always on some thread.
            assert!(written["thread"]["id"].as_u64().is_some_and(|id| id > 0));
            written.as_object_mut().expect("an object").remove("thread");
        }
        if capture.timestamp_ns == 0 {
            // What is not said is filled in.
            for name in ["id", "timestamp", "service"] {
                assert!(
                    written
                        .get(name)
                        .is_some_and(|value| *value != expected[name])
                );
                written.as_object_mut().expect("an object").remove(name);
                expected.as_object_mut().expect("an object").remove(name);
            }
        }
        let extras = &vector["extras"];
        if extras["attribute_gaps"] != serde_json::json!([])
            || extras["counts"] != serde_json::json!([])
        {
            // What the background is said to have hidden there is not in the attributes that a caller can hand over.
            for one in [&mut written, &mut expected] {
                one.as_object_mut().expect("an object").remove("receipt");
                let context = one.get_mut("context").and_then(Value::as_object_mut);
                context.map(|context| context.remove("omitted"));
            }
        }
        if path.ends_with("names.json") {
            // A tape that is written anew keeps a cut name, but not that it was cut.
            let text = expected.to_string().replace('\u{2026}', "");
            expected = serde_json::from_str(&text).expect("JSON");
        }
        assert_eq!(written, expected, "{}", path.display());

        let read = stillframe_core::snapshot::Snapshot::from_json(&json).expect("reads");
        (capture.id, capture.timestamp_ns) = (read.id.0, read.timestamp);
        let msgpack = encode(engine, &capture, STILLFRAME_FORMAT_MSGPACK).expect("encoded");
        let from_msgpack = stillframe_core::snapshot::Snapshot::from_msgpack(&msgpack);
        assert_eq!(from_msgpack.as_ref(), Ok(&read), "{}", path.display());
        let datadog = encode(engine, &capture, STILLFRAME_FORMAT_DATADOG).expect("encoded");
        assert!(datadog.starts_with(b"[") && datadog.ends_with(b"]"));
        free(engine);
        done += 1;
    }
    assert!(done >= 30, "{done} vectors");
}

fn tapes(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(conformance().join("tapes").join(name)).expect("vectors");
    serde_json::from_str::<Vec<Value>>(&text).expect("a list")
}

fn capture_of(tape: &[u8]) -> stillframe_capture {
    let mut capture: stillframe_capture = sized();
    (capture.tape, capture.tape_len) = (tape.as_ptr(), tape.len());
    capture
}

#[test]
fn tapes_that_are_read_are_encoded() {
    let engine = engine(0, &Value::Null);
    for vector in tapes("read.json") {
        let tape = unhex(vector["tape"].as_str().expect("hex"));
        let json = encode(engine, &capture_of(&tape), STILLFRAME_FORMAT_JSON);
        let json = json.unwrap_or_else(|error| panic!("{}: {error:?}", vector["name"]));
        let snapshot: Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!(snapshot["format"], 1, "{}", vector["name"]);
    }
    free(engine);
}

#[test]
fn tapes_that_are_refused_say_why_and_where() {
    let engine = engine(0, &Value::Null);
    for vector in tapes("refused.json") {
        let tape = unhex(vector["tape"].as_str().expect("hex"));
        for format in [STILLFRAME_FORMAT_JSON, STILLFRAME_FORMAT_DATADOG] {
            let refused = encode(engine, &capture_of(&tape), format).expect_err("refused");
            let offset =
                u32::try_from(vector["offset"].as_u64().expect("an offset")).expect("small");
            let message = vector["error"].as_str().expect("a message").to_owned();
            assert_eq!(
                refused,
                (STILLFRAME_ERROR_TAPE, offset, message),
                "{}",
                vector["name"]
            );
        }
    }
    free(engine);
}

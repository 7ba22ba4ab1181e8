//! The fingerprint's promises: the shared vectors, invariance, splitting, and survival of any input.
//!
//! `STILLFRAME_BLESS=1 cargo test -p stillframe-core --test fingerprint` writes what the vectors should say into them; the
//! difference is then for a person to read.
#![cfg(not(loom))]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stillframe_core::fingerprint::normalise::{self, Name};
use stillframe_core::fingerprint::{
    ErrorInput, ExceptionInput, Explanation, Fingerprint, FingerprintConfig, FrameInput, InApp,
    MAX_EXCEPTIONS, VERSION, Why, fingerprint, in_app, parameterise,
};
use stillframe_core::language::Language;

// The vectors' format (conformance/README.md).

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VectorFile {
    about: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    keys: Vec<KeyVector>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    same: Vec<SetVector>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    different: Vec<SetVector>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    messages: Vec<MessageVector>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    frames: Vec<FrameVector>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    in_app: Vec<InAppVector>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyVector {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<FingerprintConfig>,
    input: Error,
    #[serde(default)]
    key: String,
    #[serde(default)]
    sub_key: String,
    #[serde(default)]
    overridden: bool,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    explanation: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetVector {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<FingerprintConfig>,
    inputs: Vec<Error>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageVector {
    message: String,
    #[serde(default)]
    text: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FrameVector {
    language: String,
    frame: Frame,
    #[serde(default)]
    name: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InAppVector {
    language: String,
    #[serde(default)]
    file: String,
    #[serde(default)]
    module: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<FingerprintConfig>,
    #[serde(default)]
    in_app: bool,
    #[serde(default)]
    why: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Error {
    language: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    service: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    overrides: Vec<Cow<'static, str>>,
    exceptions: Vec<Exception>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Exception {
    #[serde(rename = "type")]
    type_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    module: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    members: Vec<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    frames: Vec<Frame>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Frame {
    function: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    module: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_app: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<String>,
}

fn language(name: &str) -> Language {
    Language::from_name(name).unwrap_or_else(|| panic!("no language {name}"))
}

impl Frame {
    fn input(&self) -> FrameInput<'_> {
        FrameInput {
            function: &self.function,
            module: &self.module,
            file: &self.file,
            in_app: self.in_app,
            raising_line: self.line.as_deref(),
        }
    }
}

impl Error {
    fn input(&self) -> ErrorInput<'_> {
        ErrorInput {
            language: language(&self.language),
            exceptions: self.exceptions.iter().map(Exception::input).collect(),
            overrides: &self.overrides,
            service: &self.service,
        }
    }

    fn fingerprint(&self, config: Option<&FingerprintConfig>) -> Fingerprint {
        let default = FingerprintConfig::default();
        fingerprint(&self.input(), config.unwrap_or(&default))
    }
}

impl Exception {
    fn input(&self) -> ExceptionInput<'_> {
        ExceptionInput {
            type_name: &self.type_name,
            module: &self.module,
            message: &self.message,
            cause: self.cause,
            members: self.members.clone(),
            frames: self.frames.iter().map(Frame::input).collect(),
        }
    }
}

fn vector_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/fingerprints");
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("readable").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    files
}

/// What the implementation says, in place of what the file says.
fn computed(file: &VectorFile) -> VectorFile {
    let keys = file.keys.iter().map(|vector| {
        let found = vector.input.fingerprint(vector.config.as_ref());
        KeyVector {
            name: vector.name.clone(),
            config: vector.config.clone(),
            input: vector.input.clone(),
            key: found.hex(),
            sub_key: found.sub_hex(),
            overridden: found.overridden,
            summary: found.explanation.summary(),
            explanation: serde_json::to_value(&found.explanation).expect("plain data"),
        }
    });
    let set = |vector: &SetVector| SetVector {
        name: vector.name.clone(),
        config: vector.config.clone(),
        inputs: vector.inputs.clone(),
    };
    let messages = file.messages.iter().map(|vector| MessageVector {
        message: vector.message.clone(),
        text: parameterise(&vector.message).into_owned(),
    });
    let frames = file.frames.iter().map(|vector| FrameVector {
        language: vector.language.clone(),
        frame: vector.frame.clone(),
        name: match normalise::frame(language(&vector.language), &vector.frame.input()) {
            Name::Frame { module, function } => {
                serde_json::json!({ "module": module, "function": function })
            }
            Name::Generated => "generated".into(),
            Name::Unnamed => "unnamed".into(),
        },
    });
    let in_app = file.in_app.iter().map(|vector| {
        let config = vector.config.clone().unwrap_or_default();
        let language = language(&vector.language);
        let (verdict, why) = in_app(language, &vector.file, &vector.module, &config);
        InAppVector {
            language: vector.language.clone(),
            file: vector.file.clone(),
            module: vector.module.clone(),
            config: vector.config.clone(),
            in_app: verdict,
            why,
        }
    });
    VectorFile {
        about: file.about.clone(),
        keys: keys.collect(),
        same: file.same.iter().map(set).collect(),
        different: file.different.iter().map(set).collect(),
        messages: messages.collect(),
        frames: frames.collect(),
        in_app: in_app.collect(),
    }
}

#[test]
fn the_shared_vectors() {
    let (mut vectors, bless) = (0, std::env::var_os("STILLFRAME_BLESS").is_some());
    for path in vector_files() {
        let text = fs::read_to_string(&path).expect("readable");
        let file: VectorFile =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let computed = computed(&file);
        if bless {
            let text = serde_json::to_string_pretty(&computed).expect("plain data") + "\n";
            fs::write(&path, text).expect("writable");
        } else {
            let values = [&file, &computed].map(|f| serde_json::to_value(f).expect("plain data"));
            pretty_assert(&path, &values[0], &values[1]);
        }
        for vector in &file.same {
            let keys: HashSet<_> = keys(vector).into_iter().collect();
            assert_eq!(keys.len(), 1, "{}: not the same", vector.name);
            assert!(vector.inputs.len() > 1, "{}", vector.name);
        }
        for vector in &file.different {
            let keys: HashSet<_> = keys(vector).into_iter().collect();
            assert_eq!(keys.len(), vector.inputs.len(), "{}: the same", vector.name);
            assert!(vector.inputs.len() > 1, "{}", vector.name);
        }
        vectors += file.keys.len() + file.same.len() + file.different.len();
        vectors += file.messages.len() + file.frames.len() + file.in_app.len();
    }
    assert!(vectors > 150, "only {vectors} vectors found");
}

fn keys(vector: &SetVector) -> Vec<[u8; 16]> {
    let key = |input: &Error| input.fingerprint(vector.config.as_ref()).key;
    vector.inputs.iter().map(key).collect()
}

/// The first difference, where it is, instead of two whole files.
fn pretty_assert(path: &Path, expected: &Value, found: &Value) {
    fn differ(at: &str, expected: &Value, found: &Value) {
        match (expected, found) {
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                for (index, (a, b)) in a.iter().zip(b).enumerate() {
                    let name = a["name"]
                        .as_str()
                        .map_or(String::new(), |n| format!(" ({n})"));
                    differ(&format!("{at}[{index}]{name}"), a, b);
                }
            }
            (Value::Object(a), Value::Object(b)) => {
                let names: HashSet<_> = a.keys().chain(b.keys()).collect();
                for name in names {
                    let null = Value::Null;
                    let (a, b) = (a.get(name).unwrap_or(&null), b.get(name).unwrap_or(&null));
                    differ(&format!("{at}.{name}"), a, b);
                }
            }
            _ => assert_eq!(expected, found, "{at}"),
        }
    }
    differ(&path.display().to_string(), expected, found);
}

/// The explanation alone gives the key: read back from a file, it hashes to the same.
#[test]
fn keys_are_computed_from_explanations() {
    let mut checked = 0;
    for path in vector_files() {
        let text = fs::read_to_string(&path).expect("readable");
        let file: VectorFile = serde_json::from_str(&text).expect("valid");
        for vector in &file.keys {
            let explanation: Explanation<'static> =
                serde_json::from_value(vector.explanation.clone()).expect("an explanation");
            let found = vector.input.fingerprint(vector.config.as_ref());
            assert_eq!(explanation, found.explanation, "{}", vector.name);
            assert_eq!(
                explanation.keys(),
                (found.key, found.sub_key),
                "{}",
                vector.name
            );
            checked += 1;
        }
    }
    assert!(checked > 20);
}

// Small errors made by hand.

fn frame(function: &str) -> Frame {
    Frame {
        function: function.to_owned(),
        module: "shop".to_owned(),
        file: "/srv/shop.py".to_owned(),
        ..Frame::default()
    }
}

fn exception(type_name: &str, functions: &[&str]) -> Exception {
    Exception {
        type_name: type_name.to_owned(),
        frames: functions.iter().map(|function| frame(function)).collect(),
        ..Exception::default()
    }
}

fn error(exceptions: Vec<Exception>) -> Error {
    Error {
        language: "python".to_owned(),
        service: String::new(),
        overrides: Vec::new(),
        exceptions,
    }
}

fn key(error: &Error) -> [u8; 16] {
    error.fingerprint(None).key
}

fn path(functions: &[&str]) -> [u8; 16] {
    key(&error(vec![exception("E", functions)]))
}

#[test]
fn a_key_is_32_hex_digits_and_a_short_id_8() {
    let found = error(vec![exception("E", &["f"])]).fingerprint(None);
    let is_hex = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    assert!(found.hex().len() == 32 && is_hex(&found.hex()));
    assert_eq!(found.short_id(), found.hex()[..8]);
    assert_ne!(found.hex(), found.sub_hex());
    assert_eq!(found.version, VERSION);
}

#[test]
fn the_thirteenth_further_frame_does_not_count() {
    let functions: Vec<String> = (0..20).map(|n| format!("f{n}")).collect();
    let names = |count: usize| {
        functions[..count]
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
    };
    assert_ne!(path(&names(12)), path(&names(13)));
    assert_eq!(path(&names(13)), path(&names(14)));
    assert_eq!(path(&names(13)), path(&names(20)));
}

#[test]
fn a_late_recursion_makes_room_for_the_frames_behind_it() {
    let cycle = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let rest = ["i", "j", "k", "l", "m", "n"];
    let deep = |depth: usize| {
        let mut functions = cycle.repeat(depth);
        functions.extend(rest);
        path(&functions)
    };
    assert_eq!(deep(1), deep(2));
    assert_eq!(deep(1), deep(40));
}

#[test]
fn the_line_is_in_the_sub_key_only() {
    let with_line = |line: &str| {
        let mut error = error(vec![exception("E", &["f", "g"])]);
        error.exceptions[0].frames[0].line = Some(line.to_owned());
        error.exceptions[0].frames[1].line = Some("g()".to_owned());
        error.fingerprint(None)
    };
    let (one, other) = (with_line("  raise E(1)  # x"), with_line("raise E(2)"));
    assert_eq!(one.key, other.key);
    assert_ne!(one.sub_key, other.sub_key);
    assert_eq!(one.sub_key, with_line("raise  E(1)").sub_key);
}

#[test]
fn services_are_kept_apart_whatever_the_key() {
    let mut one = error(vec![exception("E", &["f"])]);
    let mut other = one.clone();
    other.service = "web".to_owned();
    assert_ne!(key(&one), key(&other));
    for error in [&mut one, &mut other] {
        error.overrides = vec!["mine".into()];
    }
    assert_ne!(key(&one), key(&other));
}

#[test]
fn an_override_decides_alone() {
    let with = |overrides: &[&str], exceptions| {
        let mut error = error(exceptions);
        error.overrides = overrides
            .iter()
            .map(|text| Cow::Owned((*text).to_owned()))
            .collect();
        error
    };
    let (one, other) = (vec![exception("E", &["f"])], vec![exception("X", &["g"])]);
    let mine = with(&["mine"], one.clone());
    assert_eq!(key(&mine), key(&with(&["mine"], other.clone())));
    assert!(mine.fingerprint(None).overridden);
    assert_ne!(key(&mine), key(&with(&["mi", "ne"], one.clone())));
    // With the default in it, it splits as the default does.
    let split = ["{{ default }}", "tenant"];
    assert_ne!(
        key(&with(&split, one.clone())),
        key(&with(&split, other.clone()))
    );
    assert_ne!(
        key(&with(&split, one.clone())),
        key(&with(&[], one.clone()))
    );
    // Nothing asked for is no override.
    for nothing in [&[][..], &[""][..], &[" ", ""][..]] {
        let found = with(nothing, one.clone()).fingerprint(None);
        assert!(!found.overridden);
        assert_eq!(found.key, key(&error(one.clone())));
    }
}

#[test]
fn messages_count_only_where_nothing_else_does_or_they_are_asked_for() {
    let with_message = |message: &str, functions: &[&str]| {
        let mut error = error(vec![exception("E", functions)]);
        error.exceptions[0].message = message.to_owned();
        error
    };
    assert_eq!(
        key(&with_message("a", &["f"])),
        key(&with_message("b", &["f"]))
    );
    assert_ne!(key(&with_message("a", &[])), key(&with_message("b", &[])));
    assert_eq!(
        key(&with_message("id 1", &[])),
        key(&with_message("id 2", &[]))
    );
    let by_message = FingerprintConfig {
        by_message: true,
        ..FingerprintConfig::default()
    };
    let key = |message, functions: &[&str]| {
        with_message(message, functions)
            .fingerprint(Some(&by_message))
            .key
    };
    assert_ne!(key("a", &["f"]), key("b", &["f"]));
    assert_eq!(key("id 1", &["f"]), key("id 2", &["f"]));
    assert_ne!(key("a", &["f"]), key("a", &["g"]));
}

#[test]
fn a_group_is_the_set_of_its_members() {
    let group = |members: &[&str]| {
        let mut exceptions = vec![exception("ExceptionGroup", &["run"])];
        for member in members {
            let index = exceptions.len();
            exceptions[0].members.push(index);
            exceptions.push(exception(member, &["task"]));
        }
        key(&error(exceptions))
    };
    assert_eq!(group(&["A", "B"]), group(&["B", "A", "B", "B"]));
    assert_ne!(group(&["A", "B"]), group(&["A", "C"]));
    // One kind of member: as if there were no group.
    let alone = key(&error(vec![exception("A", &["task"])]));
    assert_eq!(group(&["A"]), alone);
    assert_eq!(group(&["A", "A", "A"]), alone);
}

#[test]
fn cycles_and_links_to_nowhere_end() {
    let linked = |cause: Option<usize>, members: Vec<usize>| {
        let mut exceptions = vec![exception("A", &["f"]), exception("B", &["g"])];
        exceptions[0].cause = Some(1);
        exceptions[1].cause = cause;
        exceptions[1].members = members;
        error(exceptions)
    };
    let plain = key(&linked(None, vec![]));
    for broken in [
        linked(Some(0), vec![]),
        linked(Some(1), vec![]),
        linked(Some(99), vec![]),
        linked(Some(usize::MAX), vec![0, 1, 99]),
    ] {
        assert_eq!(key(&broken), plain);
    }
    assert_eq!(key(&error(vec![])), key(&error(vec![])));
    assert_ne!(key(&error(vec![])), plain);
}

#[test]
fn a_long_chain_and_deep_groups_are_bounded() {
    let mut exceptions: Vec<_> = (0..10_000)
        .map(|n| exception(&format!("E{n}"), &["f"]))
        .collect();
    for (index, exception) in exceptions.iter_mut().enumerate() {
        exception.cause = Some(index + 1);
    }
    let found = error(exceptions.clone()).fingerprint(None);
    assert_eq!(found.explanation.chain.len(), MAX_EXCEPTIONS);
    for (index, exception) in exceptions.iter_mut().enumerate() {
        exception.cause = None;
        exception.members = vec![index + 1, index + 2];
    }
    let found = error(exceptions).fingerprint(None);
    assert!(!found.explanation.chain.is_empty());
}

#[test]
fn every_frame_is_explained() {
    let mut error = error(vec![exception("E", &["f", "f", "g", "<listcomp>", ""])]);
    error.exceptions[0].frames[4].module = String::new();
    error.exceptions[0].frames[4].file = String::new();
    error.exceptions[0].frames.push(Frame {
        file: "/usr/lib/python3.11/runpy.py".to_owned(),
        ..frame("run_path")
    });
    error.exceptions.push(exception("C", &["h", "i"]));
    error.exceptions[0].cause = Some(1);
    let found = error.fingerprint(None).explanation;
    let whys = |index: usize| -> Vec<_> {
        found.chain[index]
            .frames
            .iter()
            .map(|frame| frame.verdict.why)
            .collect()
    };
    assert_eq!(whys(0), [Why::Raising, Why::InApp]);
    let effect = [
        Why::Raising,
        Why::Effect,
        Why::Effect,
        Why::Effect,
        Why::Effect,
        Why::Effect,
    ];
    assert_eq!(whys(1), effect);
    assert_eq!(
        found.summary(),
        "E in shop.f, caused by C in shop.h < shop.i"
    );

    error.exceptions[0].cause = None;
    let found = error.fingerprint(None).explanation;
    let whys: Vec<_> = found.chain[0]
        .frames
        .iter()
        .map(|frame| frame.verdict.why)
        .collect();
    let expected = [
        Why::Raising,
        Why::Recursion,
        Why::InApp,
        Why::Generated,
        Why::Unnamed,
        Why::NotInApp,
    ];
    assert_eq!(whys, expected);
}

#[test]
fn in_app_rules_are_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<InApp>();
    shared::<Fingerprint>();
}

// Any input.

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-zA-Z_.<>$`:(){}\\[\\]/\\\\ 0-9'\"+|#@-]{0,40}",
        Just("outer.<locals>.<listcomp>".to_owned()),
        Just("Foo$$Lambda$14/0x0000000800c03000".to_owned()),
        Just("<>c__DisplayClass5_0.<Run>b__3".to_owned()),
        Just("<shop::Cart<T> as core::fmt::Display>::fmt".to_owned()),
    ]
}

fn any_frame() -> impl Strategy<Value = Frame> {
    (
        any_text(),
        any_text(),
        any_text(),
        any::<Option<bool>>(),
        proptest::option::of(any_text()),
    )
        .prop_map(|(function, module, file, in_app, line)| Frame {
            function,
            module,
            file,
            in_app,
            line,
        })
}

fn any_error() -> impl Strategy<Value = Error> {
    let exception = (
        any_text(),
        any_text(),
        proptest::option::of(0usize..6),
        proptest::collection::vec(0usize..6, 0..4),
        proptest::collection::vec(any_frame(), 0..20),
    )
        .prop_map(|(type_name, message, cause, members, frames)| Exception {
            type_name,
            message,
            cause,
            members,
            frames,
            ..Exception::default()
        });
    (
        prop_oneof![
            Just("unknown"),
            Just("python"),
            Just("java"),
            Just("dotnet"),
            Just("native")
        ],
        any_text(),
        proptest::collection::vec(any_text().prop_map(Cow::Owned), 0..3),
        proptest::collection::vec(exception, 0..6),
    )
        .prop_map(|(language, service, overrides, exceptions)| Error {
            language: language.to_owned(),
            service,
            overrides,
            exceptions,
        })
}

proptest! {
    #[test]
    fn any_error_has_a_key_and_an_explanation_that_gives_it(error in any_error(), by_message: bool) {
        let config = FingerprintConfig { by_message, ..FingerprintConfig::default() };
        let found = error.fingerprint(Some(&config));
        prop_assert_eq!(&found, &error.fingerprint(Some(&config)));
        prop_assert_eq!(found.explanation.keys(), (found.key, found.sub_key));
        let json = serde_json::to_string(&found.explanation).expect("plain data");
        let back: Explanation<'static> = serde_json::from_str(&json).expect("the same data");
        prop_assert_eq!(back.keys(), (found.key, found.sub_key));
        prop_assert!(error.exceptions.is_empty() || !found.explanation.summary().is_empty() || found.explanation.chain.iter().all(|part| part.type_name.is_empty()));
    }

    /// However deep a recursion of up to 8 functions goes, wherever in the cycle it ends, with whatever around it.
    #[test]
    fn recursion_of_any_depth_is_the_same(
        before in proptest::collection::vec(10u8..15, 0..5),
        after in proptest::collection::vec(10u8..15, 0..5),
        length in 1u8..=8,
        begun in any::<prop::sample::Index>(),
        depths in (1usize..8, 1usize..8),
    ) {
        let cycle: Vec<u8> = (0..length).collect();
        let begun = &cycle[begun.index(cycle.len())..];
        let at_depth = |depth: usize| {
            let whole = cycle.repeat(depth);
            let names = before.iter().chain(begun).chain(&whole).chain(&after);
            let names: Vec<String> = names.map(|n| format!("f{n}")).collect();
            path(&names.iter().map(String::as_str).collect::<Vec<_>>())
        };
        prop_assert_eq!(at_depth(depths.0), at_depth(depths.1));
    }

    /// Lines, folders and framework frames are no part of a key.
    #[test]
    fn moved_and_framed_errors_are_the_same(
        functions in proptest::collection::vec(0u8..30, 1..12),
        folder in "[a-z]{1,8}",
        at in any::<prop::sample::Index>(),
    ) {
        let names: Vec<String> = functions.iter().map(|n| format!("f{n}")).collect();
        let mut one = error(vec![exception("E", &names.iter().map(String::as_str).collect::<Vec<_>>())]);
        for frame in &mut one.exceptions[0].frames {
            frame.module = String::new();
        }
        let mut other = one.clone();
        for frame in &mut other.exceptions[0].frames {
            frame.file = format!("/{folder}/deep/shop.py");
            frame.line = Some("moved".to_owned());
        }
        let position = at.index(names.len() + 1);
        other.exceptions[0].frames.insert(position, Frame {
            file: "/v/lib/python3.11/site-packages/framework/core.py".to_owned(),
            ..frame("dispatch")
        });
        prop_assert_eq!(key(&one), key(&other));
    }

    /// The raising function, its module and the type split.
    #[test]
    fn what_matters_splits(a in "[a-z]{1,6}", b in "[a-z]{1,6}") {
        prop_assume!(a != b);
        prop_assert_ne!(path(&[&a, "caller"]), path(&[&b, "caller"]));
        let of_type = |name: &str| key(&error(vec![exception(name, &["f"])]));
        prop_assert_ne!(of_type(&a), of_type(&b));
        let in_module = |module: &str| {
            let mut error = error(vec![exception("E", &["f"])]);
            error.exceptions[0].frames[0].module = module.to_owned();
            key(&error)
        };
        prop_assert_ne!(in_module(&a), in_module(&b));
        let caused_by = |name: &str| {
            let mut exceptions = vec![exception("E", &["f"]), exception(name, &["g"])];
            exceptions[0].cause = Some(1);
            key(&error(exceptions))
        };
        prop_assert_ne!(caused_by(&a), caused_by(&b));
    }
}

//! Every key of the table, from every source, right and wrong.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};
use stillframe_core::config::{Config, KEYS, Key, Kind, Origin, Sources, document, load};

use crate::{arguments, file, lines, shown, variables};

/// A value for `key`, as JSON; never its default.
fn value_of(kind: Kind, seed: u64) -> Value {
    let between = |min: u64, max: u64| min + seed % (max - min + 1);
    match kind {
        Kind::Flag => json!(seed.is_multiple_of(2)),
        Kind::Count { min, max } | Kind::Bytes { min, max } => json!(between(min, max)),
        Kind::Time { min, max } => {
            json!(format!(
                "{} us",
                between(min.as_micros() as u64, max.as_micros() as u64)
            ))
        }
        Kind::Rate { min, max } => json!(min + (max - min) * ((seed % 1000) as f64 / 1000.0)),
        Kind::Text | Kind::Secret => json!(format!("text {seed}")),
        Kind::Address(schemes) => {
            json!(format!("{}://host{seed}:{}/path", schemes[0], seed % 65535))
        }
        Kind::Headers => json!({"api-key": format!("k{seed}"), "tenant": "1"}),
        Kind::Path => json!(format!("/path/{seed}")),
        Kind::Choice(words) => json!(words[seed as usize % words.len()]),
        Kind::List => json!([format!("name{seed}"), "other.*"]),
        Kind::Tags => json!({"team": format!("t{seed}"), "tier": "1"}),
        Kind::Excludes => json!([{"type": format!("E{seed}"), "env": "dev"}, {"module": "m"}]),
        Kind::Rules => json!([
            {"name": format!("rule {seed}"), "pattern": "ORD-[0-9]{8}", "checksum": "luhn",
             "action": "mask", "scope": ["order.*"]},
            {"name": "second", "pattern": "x{9}"},
        ]),
    }
}

/// A value that no key of this kind accepts.
fn wrong_value_of(kind: Kind) -> Value {
    match kind {
        Kind::Flag => json!("maybe"),
        Kind::Count { max, .. } => json!(max + 1),
        Kind::Bytes { .. } => json!("many"),
        Kind::Time { .. } => json!("2 parsecs"),
        Kind::Rate { .. } => json!(-1.5),
        Kind::Text | Kind::Secret | Kind::Path | Kind::List => json!("two\nlines"),
        Kind::Address(_) => json!("gopher://host"),
        Kind::Headers => json!(7.5),
        Kind::Choice(_) => json!("another"),
        Kind::Excludes => json!("[no JSON"),
        Kind::Tags => json!(7.5),
        Kind::Rules => json!("no JSON"),
    }
}

/// `value` as an environment variable has it.
fn as_variable(kind: Kind, value: &Value) -> String {
    match (kind, value) {
        (Kind::Excludes | Kind::Rules, Value::Array(_)) => value.to_string(),
        (_, Value::String(text)) => text.clone(),
        (_, Value::Array(values)) => values
            .iter()
            .map(|value| value.as_str().expect("a text"))
            .collect::<Vec<_>>()
            .join(","),
        (kind, Value::Object(members)) => members
            .iter()
            .map(|(key, value)| (key, value, if kind == Kind::Headers { '=' } else { ':' }))
            .map(|(key, value, separator)| {
                format!("{key}{separator}{}", value.as_str().expect("a text"))
            })
            .collect::<Vec<_>>()
            .join(","),
        _ => value.to_string(),
    }
}

fn as_toml(value: &Value) -> String {
    match value {
        Value::Array(values) => {
            format!(
                "[{}]",
                values.iter().map(as_toml).collect::<Vec<_>>().join(", ")
            )
        }
        Value::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .map(|(key, value)| format!("{key} = {}", as_toml(value)))
                .collect();
            format!("{{ {} }}", members.join(", "))
        }
        _ => value.to_string(),
    }
}

/// The same setting from each source that has it: name of the source, and the source.
fn every_source(key: &Key, value: &Value) -> Vec<(String, Sources, Option<tempfile::TempDir>)> {
    let text = as_variable(key.kind(), value);
    let mut all = Vec::new();
    let dotted = format!("{} = {}\n", key.name(), as_toml(value));
    let (sources, dir) = file(&dotted);
    all.push(("a file".to_owned(), sources, Some(dir)));
    if let Some((section, name)) = key.name().split_once('.') {
        let (sources, dir) = file(&format!("[{section}]\n{name} = {}\n", as_toml(value)));
        all.push(("a table of a file".to_owned(), sources, Some(dir)));
        let nested = arguments(json!({section: {name: value}}));
        all.push(("a nested argument".to_owned(), nested, None));
    }
    all.push((key.variable(), variables(&[(&key.variable(), &text)]), None));
    for name in key.datadog_variables() {
        all.push(((*name).to_owned(), variables(&[(name, &text)]), None));
    }
    for variable in key.foreign_variables() {
        if variable.read(&text) == text {
            // Others' variables count only for what is on.
            let section = key
                .name()
                .split_once('.')
                .map_or("otlp", |(section, _)| section);
            let on = format!("STILLFRAME_{}_ENABLED", section.to_uppercase());
            let sources = variables(&[(variable.name(), &text), (&on, "1")]);
            all.push((variable.name().to_owned(), sources, None));
        }
    }
    all.push((
        "an argument".to_owned(),
        arguments(json!({key.name(): value})),
        None,
    ));
    all.push((
        "a keyword".to_owned(),
        arguments(json!({key.keyword(): value})),
        None,
    ));
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_key_can_be_set_from_every_source(seed in 0_u64..1 << 40) {
        for key in KEYS {
            if key.name() == "redact.equality_tokens" {
                continue; // makes a file; has its own test
            }
            let value = if key.name().ends_with("_detectors") { json!(["email", "ip"]) } else { value_of(key.kind(), seed) };
            let mut expected = None;
            for (source, sources, _dir) in every_source(key, &value) {
                let (config, problems) = load(&sources);
                let lone = key.name().ends_with("_time");
                if !lone {
                    prop_assert!(problems.is_empty(), "{} from {source}: {:?}", key.name(), lines(&problems));
                }
                if problems.is_empty() {
                    prop_assert!(config.origin(key.name()).is_some(), "{} from {source}", key.name());
                    let now = shown(&config, key);
                    prop_assert!(now.is_some(), "{} from {source}", key.name());
                    let first = expected.get_or_insert_with(|| now.clone());
                    prop_assert_eq!(&*first, &now, "{} from {}", key.name(), source);
                }
            }
        }
    }

    #[test]
    fn any_file_and_any_variables_give_a_configuration(
        text in "(?s).{0,200}",
        names in proptest::collection::vec(0..KEYS.len(), 0..6),
        values in proptest::collection::vec(any::<Vec<u8>>(), 6),
    ) {
        let (mut sources, _dir) = file(&text);
        for (name, value) in names.iter().zip(values) {
            let key = &KEYS[*name];
            if key.name() != "redact.equality_tokens" && key.name() != "dir" {
                sources.variables.insert(key.variable().into(), OsString::from_vec(value));
            }
        }
        let (config, problems) = load(&sources);
        prop_assert_eq!(config.limits.validate(), Ok(()));
        for problem in lines(&problems) {
            prop_assert!(!problem.contains(|c: char| c.is_control()), "{problem:?}");
        }
    }
}

#[test]
fn every_wrong_value_is_told_and_the_default_stays() {
    let defaults = Config::default();
    for key in KEYS {
        let value = wrong_value_of(key.kind());
        for (source, sources, dir) in every_source(key, &value) {
            let (config, problems) = load(&sources);
            assert_eq!(
                shown(&config, key),
                shown(&defaults, key),
                "{} from {source}",
                key.name()
            );
            assert_eq!(
                problems.len(),
                1,
                "{} from {source}: {:?}",
                key.name(),
                lines(&problems)
            );
            let problem = &problems[0];
            assert!(problem.key().starts_with(key.name()), "{problem}");
            assert!(problem.what().starts_with("not "), "{problem}");
            match problem.origin().expect("a place") {
                Origin::Variable(name) => assert_eq!(*name, source, "{problem}"),
                Origin::File { path, line, column } => {
                    let dir = dir.as_ref().expect("a folder").path();
                    assert_eq!(*path, dir.join("stillframe.toml"));
                    assert_eq!(
                        (*line, *column),
                        (
                            if source == "a file" { 1 } else { 2 },
                            if source == "a file" {
                                column_of(key)
                            } else {
                                1
                            }
                        ),
                        "{problem}"
                    );
                }
                Origin::Call(_) => assert!(source.contains("argument") || source == "a keyword"),
                other => panic!("{other:?}"),
            }
            match problem.kept() {
                Some(kept) => {
                    let default = shown(&defaults, key).unwrap_or_else(|| "no value".to_owned());
                    assert_eq!(kept, default, "{problem}");
                }
                // A part of a list was wrong, the rest of it counts.
                None => assert!(
                    matches!(key.kind(), Kind::List | Kind::Tags | Kind::Headers),
                    "{problem}"
                ),
            }
        }
    }
}

/// Column of the last part of a dotted key at the beginning of a line.
fn column_of(key: &Key) -> usize {
    key.name().rfind('.').map_or(1, |dot| dot + 2)
}

#[test]
fn the_document_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let made = document();
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &made).expect("written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == made,
        "docs/configuration.md is out of date: run with BLESS=1"
    );
    for key in KEYS {
        assert!(
            made.contains(&format!("| `{}` |", key.name())),
            "{}",
            key.name()
        );
    }
}

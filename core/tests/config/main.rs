//! Every key from every source, every mistake told, nothing ever refused.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod files;
mod problems;
mod sources;
mod table;

use std::fs;

use serde_json::Value;
use stillframe_core::config::{Config, ConfigProblem, Key, Sources};

/// Sources that say nothing.
fn nothing() -> Sources {
    Sources::default()
}

fn variables(pairs: &[(&str, &str)]) -> Sources {
    let variables = pairs
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    Sources {
        variables,
        ..nothing()
    }
}

fn arguments(value: Value) -> Sources {
    let Value::Object(members) = value else {
        panic!("not an object: {value}")
    };
    Sources {
        arguments: members.into_iter().collect(),
        ..nothing()
    }
}

/// A folder with a `stillframe.toml` of this text; the folder goes with the returned guard.
fn file(text: &str) -> (Sources, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("stillframe.toml"), text).expect("written");
    (
        Sources {
            folder: Some(dir.path().to_owned()),
            ..nothing()
        },
        dir,
    )
}

fn lines(problems: &[ConfigProblem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn shown(config: &Config, key: &Key) -> Option<String> {
    let settings = config.settings();
    let (_, value) = settings
        .iter()
        .find(|(found, _)| found.name() == key.name())
        .expect("listed");
    value.clone()
}

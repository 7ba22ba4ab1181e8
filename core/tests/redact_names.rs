//! Runs the name vectors of `conformance/names`.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, where a panic is the report"
)]

use std::path::PathBuf;

use serde_json::Value as Json;
use stillframe_core::redact::{Profile, RedactConfig, Redactor, ValueKind};

#[test]
fn every_name_vector_holds() {
    let mut ran = 0;
    let mut wrong = Vec::new();
    for (file, vectors) in vector_files() {
        let build = |own: &Json| {
            let (redactor, errors) = Redactor::new(&config(&vectors, own));
            assert!(errors.is_empty(), "{file}: {errors:?}");
            redactor
        };
        let common = build(&Json::Null);
        for case in vectors["cases"].as_array().unwrap() {
            ran += 1;
            let own = case.get("config").map(build);
            if let Err(problem) = check(own.as_ref().unwrap_or(&common), case) {
                wrong.push(format!("{file}: {case}: {problem}"));
            }
        }
    }
    assert!(ran >= 300, "only {ran} vectors");
    assert!(
        wrong.is_empty(),
        "{} of {ran} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn check(redactor: &Redactor, case: &Json) -> Result<(), String> {
    let name = name_of(case);
    let hit = redactor.name(&name);
    if let Some(word) = case.get("word") {
        let found = hit.map(|h| h.word());
        if found != word.as_str() {
            return Err(format!("found {found:?}"));
        }
    }
    for (kind, expected) in case["hides"].as_object().into_iter().flatten() {
        let value = match kind.as_str() {
            "null" => ValueKind::Null,
            "bool" => ValueKind::Bool,
            "number" => ValueKind::Number,
            _ => ValueKind::Other,
        };
        let hides = hit.is_some_and(|h| h.hides(value));
        if Some(hides) != expected.as_bool() {
            return Err(format!("hides {kind}: {hides}"));
        }
    }
    Ok(())
}

fn name_of(case: &Json) -> Vec<u8> {
    if let Some(name) = case["name"].as_str() {
        return name.into();
    }
    let hex = case["hex"].as_str().unwrap();
    (0..hex.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
        .collect()
}

fn config(vectors: &Json, config: &Json) -> RedactConfig {
    let list = |key: &str| {
        let entries = config[key].as_array().into_iter().flatten();
        entries.map(|e| e.as_str().unwrap().to_owned()).collect()
    };
    RedactConfig {
        profile: match vectors["profile"].as_str() {
            Some("datadog") => Profile::Datadog,
            _ => Profile::Stillframe,
        },
        names: list("names"),
        excluded_names: list("excluded_names"),
        enabled_detectors: list("enabled_detectors"),
        ..RedactConfig::default()
    }
}

fn vector_files() -> Vec<(String, Json)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../conformance/names");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    files.sort();
    let read = |path: &PathBuf| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    files
        .iter()
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                read(path),
            )
        })
        .collect()
}

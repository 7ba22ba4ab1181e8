//! Runs the value vectors of `conformance/values`: text in, redacted text out.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, where a panic is the report"
)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value as Json;
use stillframe_core::redact::{
    Arena, Checksum, Hit, RedactConfig, Redactor, ScanBudget, TextFlags, UserRule, detector_names,
};

/// What a scan made of a text.
#[derive(Debug, PartialEq)]
struct Outcome {
    text: String,
    rules: Vec<String>,
}

#[test]
fn every_value_vector_holds() {
    let mut ran = 0;
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (file, vectors) in vector_files() {
        let common = redactor(&Json::Null);
        for case in vectors["cases"].as_array().unwrap() {
            ran += 1;
            let own = case.get("config").map(redactor);
            let redactor = own.as_ref().unwrap_or(&common);
            let expected = expected(case);
            seen.extend(expected.rules.iter().cloned());
            let found = redact(redactor, case);
            if found != expected {
                let (text, rules) = (&found.text, &found.rules);
                wrong.push(format!(
                    "{file}: {}\n     got {text:?} by {rules:?}",
                    case["text"]
                ));
            }
        }
    }
    assert!(ran >= 600, "only {ran} vectors");
    assert!(
        wrong.is_empty(),
        "{} of {ran} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    for (detector, _) in detector_names().filter(|d| d.0 != "remote_addr") {
        assert!(seen.contains(detector), "no vector for {detector}");
    }
}

/// All texts of all files in one arena, between other texts: neighbours change nothing, nor does leaving out SIMD.
#[test]
fn an_arena_of_all_texts_gives_the_same_as_each_alone() {
    let (redactor, portable) = (redactor(&Json::Null), redactor(&Json::Null).portable());
    let files = vector_files();
    let cases: Vec<&Json> = files
        .iter()
        .flat_map(|f| f.1["cases"].as_array().unwrap())
        .collect();
    let mut arena = Arena::new();
    for (i, case) in cases.iter().enumerate() {
        arena.push(text(case).as_bytes(), flags(case));
        arena.push("-".repeat(i % 67).as_bytes(), TextFlags::default());
    }
    for redactor in [&redactor, &portable] {
        let mut hits = Vec::new();
        let outcome = redactor.scan(&arena, &mut ScanBudget::default(), &mut hits);
        assert!(outcome.is_complete());
        for (i, case) in cases.iter().enumerate() {
            let own: Vec<Hit> = hits
                .iter()
                .filter(|h| h.span == 2 * i as u32)
                .copied()
                .collect();
            let together = render(redactor, text(case), &own);
            let mut alone = case.as_object().unwrap().clone();
            alone.remove("path");
            assert_eq!(together, redact(redactor, &alone.into()), "{case}");
        }
    }
}

fn redact(redactor: &Redactor, case: &Json) -> Outcome {
    let mut arena = Arena::new();
    match case["path"].as_str() {
        Some(path) => arena.push_scoped(text(case).as_bytes(), flags(case), redactor.scopes(path)),
        None => arena.push(text(case).as_bytes(), flags(case)),
    };
    let mut hits = Vec::new();
    let outcome = redactor.scan(&arena, &mut ScanBudget::default(), &mut hits);
    assert!(outcome.is_complete());
    render(redactor, text(case), &hits)
}

fn render(redactor: &Redactor, text: &str, hits: &[Hit]) -> Outcome {
    let (mut out, mut rules, mut at) = (String::new(), Vec::new(), 0);
    for hit in hits {
        let (start, end) = (hit.start as usize, hit.end as usize);
        out.push_str(&text[at..start]);
        redactor.replace(hit, &text.as_bytes()[start..end], &mut out);
        rules.push(redactor.rule_name(hit.rule).to_owned());
        at = end;
    }
    out.push_str(&text[at..]);
    rules.dedup();
    Outcome { text: out, rules }
}

fn expected(case: &Json) -> Outcome {
    let rules = case["rules"].as_array().into_iter().flatten();
    Outcome {
        text: case["expect"].as_str().unwrap().to_owned(),
        rules: rules.map(|r| r.as_str().unwrap().to_owned()).collect(),
    }
}

fn text(case: &Json) -> &str {
    case["text"].as_str().unwrap()
}

fn flags(case: &Json) -> TextFlags {
    let is = |key: &str| case[key].as_bool().unwrap_or(false);
    TextFlags {
        cut: is("cut"),
        is_code: is("code"),
        ..TextFlags::default()
    }
}

fn redactor(config: &Json) -> Redactor {
    let list = |of: &Json, key: &str| {
        let entries = of[key].as_array().into_iter().flatten();
        entries
            .map(|e| e.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let rule = |rule: &Json| UserRule {
        name: rule["name"].as_str().unwrap().to_owned(),
        pattern: rule["pattern"].as_str().unwrap().to_owned(),
        checksum: match rule["checksum"].as_str() {
            Some("luhn") => Some(Checksum::Luhn),
            Some("mod97") => Some(Checksum::Mod97),
            Some("verhoeff") => Some(Checksum::Verhoeff),
            _ => None,
        },
        scope: list(rule, "scope"),
        ..UserRule::default()
    };
    let (redactor, errors) = Redactor::new(&RedactConfig {
        names: list(config, "names"),
        excluded_names: list(config, "excluded_names"),
        enabled_detectors: list(config, "enabled_detectors"),
        disabled_detectors: list(config, "disabled_detectors"),
        rules: config["rules"]
            .as_array()
            .into_iter()
            .flatten()
            .map(rule)
            .collect(),
        ..RedactConfig::default()
    });
    assert!(errors.is_empty(), "{errors:?}");
    redactor
}

fn vector_files() -> Vec<(String, Json)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../conformance/values");
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

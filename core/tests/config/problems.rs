//! Mistakes: each told, with its place, on one line, without secrets.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use stillframe_core::config::load;

use crate::{arguments, file, lines, variables};

#[test]
fn mistakes_in_a_file_are_told_with_their_place() {
    let (sources, dir) = file(
        "servise = \"shop\"\n\
         limits = 3\n\
         [gate]\n\
         rate_per_second = -1\n\
         exclude = [{ type = \"A\" }, { typ = \"B\" }, 7, {}]\n\
         [[redact.values]]\n\
         name = \"good\"\n\
         pattern = \"ORD-[0-9]{8}\"\n\
         [[redact.values]]\n\
         name = \"bad\"\n\
         pattern = \"(unclosed\"\n\
         [[redact.values]]\n\
         name = \"odd\"\n\
         pattern = \"x{9}\"\n\
         checksum = \"sha1\"\n\
         [nonsense]\n\
         a = 1\n",
    );
    let (config, problems) = load(&sources);
    let path = dir.path().join("stillframe.toml");
    let place = |line: usize, column: usize| format!(" ({}:{line}:{column})", path.display());
    let told = lines(&problems);
    for expected in [
        format!("servise: no such key; did you mean service?{}", place(1, 1)),
        format!("limits: a number, where a table belongs{}", place(2, 1)),
        format!(
            "gate.rate_per_second = -1: not a number between 0 and 10000; 1 stays in force{}",
            place(4, 1)
        ),
        format!(
            "gate.exclude.2.typ: unknown member; a rule has type, module, service, env{}",
            place(5, 30)
        ),
        format!("gate.exclude.3 = 7: not a table{}", place(5, 43)),
        format!(
            "gate.exclude.4 = a table: no condition: it would exclude nothing{}",
            place(5, 46)
        ),
        format!(
            "redact.values.3.checksum = \"sha1\": not \"luhn\", \"mod97\" or \"verhoeff\"{}",
            place(15, 1)
        ),
        format!("nonsense: no such key{}", place(16, 2)),
    ] {
        assert!(
            told.contains(&expected),
            "{expected}\nnot in\n{}",
            told.join("\n")
        );
    }
    let bad: Vec<_> = told
        .iter()
        .filter(|line| line.starts_with("redact.values.bad: ignored: "))
        .collect();
    assert_eq!(bad.len(), 1, "{told:#?}");
    assert!(
        bad[0].contains("unclosed group") && bad[0].ends_with(&place(9, 1)),
        "{}",
        bad[0]
    );
    assert_eq!(told.len(), 9, "{told:#?}");
    assert_eq!(config.gate.exclude.len(), 1);
    let names: Vec<_> = config
        .redact
        .rules
        .iter()
        .map(|rule| rule.name.as_str())
        .collect();
    assert_eq!(names, ["good"]);
}

#[test]
fn a_file_that_is_not_toml_is_understood_as_far_as_it_goes() {
    let (sources, _dir) = file("service = \"shop\"\nversion = = 3\n[limits]\ndepth = 6\n");
    let (config, problems) = load(&sources);
    assert!(
        problems
            .iter()
            .any(|problem| problem.what().starts_with("not TOML")),
        "{problems:?}"
    );
    assert!(
        problems[0].to_string().contains("stillframe.toml:2:"),
        "{}",
        problems[0]
    );
    assert_eq!(config.service.as_deref(), Some("shop"));
    assert_eq!(config.limits.depth, 6);
}

#[test]
fn unknown_names_get_a_suggestion_where_one_is_near() {
    let mut sources = variables(&[
        ("STILLFRAME_LIMITS_DEPHT", "3"),
        ("STILLFRAME_XYZZY", "3"),
        ("STILLFRAME_CONFIG", ""),
        ("STILLFRAME_RUN", "17"),
        ("STILLFRAME_FALLBACK", "1"),
        ("STILLFRAMEWORK", "other"),
    ]);
    sources.arguments = BTreeMap::from([
        ("limit_depth".to_owned(), json!(3)),
        ("depth".to_owned(), json!(3)),
    ]);
    let (_, problems) = load(&sources);
    assert_eq!(
        lines(&problems),
        [
            "STILLFRAME_LIMITS_DEPHT: no such variable; did you mean STILLFRAME_LIMITS_DEPTH?",
            "STILLFRAME_XYZZY: no such variable",
            "depth: no such key; did you mean limits.depth? (install())",
            "limit_depth: no such key; did you mean limits.depth? (install())",
        ]
    );
}

#[test]
fn odd_names_do_not_reach_a_terminal() {
    let odd = "a\u{1b}[31m\n\u{202e}b";
    let mut sources = arguments(json!({
        odd: 1,
        "gate_exclude": [{odd: 1}],
        "tags": {odd: []},
        "redact_values": [{"name": odd, "pattern": "a"}],
        "y".repeat(10_000): 1,
    }));
    sources
        .variables
        .insert(format!("STILLFRAME_{odd}").into(), "1".into());
    let (_, problems) = load(&sources);
    assert!(problems.len() >= 6, "{:?}", lines(&problems));
    for line in lines(&problems) {
        assert!(
            !line.contains(['\u{1b}', '\n', '\u{202e}']) && line.len() < 400,
            "{line:?}"
        );
    }
}

#[test]
fn secrets_in_the_wrong_place_are_not_repeated() {
    let secret = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
    let sources = variables(&[
        ("STILLFRAME_LIMITS_DEPTH", secret),
        ("DD_EXCEPTION_REPLAY_ENABLED", secret),
    ]);
    let (_, problems) = load(&sources);
    assert_eq!(problems.len(), 2);
    for line in lines(&problems) {
        assert!(!line.contains("ghp_") && line.contains("[hidden"), "{line}");
    }
}

#[test]
fn the_two_times_fit_each_other_or_both_are_default() {
    let (config, problems) = load(&arguments(json!({"limits_soft_time": "20 ms"})));
    assert_eq!(
        (config.limits.soft_time, config.limits.hard_time),
        (Duration::from_millis(2), Duration::from_millis(10))
    );
    assert_eq!(
        lines(&problems),
        [
            "limits.soft_time = \"20 ms\": above limits.hard_time, 10 ms; \"2 ms\" stays in force (install())"
        ]
    );
    let both = arguments(json!({"limits": {"soft_time": "20 ms", "hard_time": "50 ms"}}));
    let (config, problems) = load(&both);
    assert_eq!(lines(&problems), [""; 0]);
    assert_eq!(config.limits.hard_time, Duration::from_millis(50));
}

//! Every key from every source, every mistake told, nothing ever refused.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use stillframe_core::config::{
    Config, ConfigProblem, KEYS, Key, Kind, Origin, Sources, document, load,
};
use stillframe_core::limits::Limits;
use stillframe_core::redact::{Action, Checksum, Profile};

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
        Kind::Text => json!(format!("text {seed}")),
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
        Kind::Text | Kind::Path | Kind::List => json!("two\nlines"),
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
        (_, Value::Object(members)) => members
            .iter()
            .map(|(key, value)| format!("{key}:{}", value.as_str().expect("a text")))
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
                Origin::Call => assert!(source.contains("argument") || source == "a keyword"),
                other => panic!("{other:?}"),
            }
            match problem.kept() {
                Some(kept) => {
                    let default = shown(&defaults, key).unwrap_or_else(|| "no value".to_owned());
                    assert_eq!(kept, default, "{problem}");
                }
                // A part of a list was wrong, the rest of it counts.
                None => assert!(matches!(key.kind(), Kind::List | Kind::Tags), "{problem}"),
            }
        }
    }
}

/// Column of the last part of a dotted key at the beginning of a line.
fn column_of(key: &Key) -> usize {
    key.name().rfind('.').map_or(1, |dot| dot + 2)
}

#[test]
fn a_stronger_source_wins_whichever_it_is() {
    let (mut sources, _dir) = file("service = \"file\"\n[limits]\ndepth = 2\n");
    let service = |sources: &Sources| {
        let (config, problems) = load(sources);
        assert!(problems.is_empty(), "{:?}", lines(&problems));
        let origin = config
            .origin("service")
            .map(ToString::to_string)
            .unwrap_or_default();
        (config.service.unwrap_or_default(), origin)
    };
    assert_eq!(service(&nothing()), (String::new(), String::new()));
    let (name, origin) = service(&sources);
    assert_eq!(name, "file");
    assert!(origin.ends_with("stillframe.toml:1:1"), "{origin}");
    sources
        .variables
        .insert("DD_TAGS".into(), "team:a,service:tags".into());
    assert_eq!(service(&sources), ("tags".to_owned(), "DD_TAGS".to_owned()));
    sources
        .variables
        .insert("DD_SERVICE".into(), "datadog".into());
    assert_eq!(
        service(&sources),
        ("datadog".to_owned(), "DD_SERVICE".to_owned())
    );
    sources
        .variables
        .insert("STILLFRAME_SERVICE".into(), "ours".into());
    assert_eq!(
        service(&sources),
        ("ours".to_owned(), "STILLFRAME_SERVICE".to_owned())
    );
    sources.arguments.insert("service".into(), json!("call"));
    assert_eq!(
        service(&sources),
        ("call".to_owned(), "install()".to_owned())
    );
    // A wrong value of a stronger source leaves that of the weaker one.
    sources.arguments.insert("service".into(), json!(["call"]));
    let (config, problems) = load(&sources);
    assert_eq!(config.service.as_deref(), Some("ours"));
    assert_eq!(problems[0].kept(), Some("\"ours\""));
    assert_eq!(config.gate.service, "ours");
    // Nothing is as good as absent.
    sources.arguments.insert("service".into(), Value::Null);
    sources
        .variables
        .insert("STILLFRAME_SERVICE".into(), "".into());
    assert_eq!(service(&sources).0, "datadog");
    assert_eq!(load(&sources).0.limits.depth, 2);
}

#[test]
fn datadogs_variables_mean_what_they_mean_there() {
    let (config, problems) = load(&variables(&[
        ("DD_EXCEPTION_DEBUGGING_ENABLED", "true"),
        ("DD_SERVICE", "shop"),
        ("DD_ENV", "prod"),
        ("DD_VERSION", "1.4.2"),
        ("DD_TAGS", "team:web env:other"),
        ("DD_EXCEPTION_REPLAY_CAPTURE_MAX_FRAMES", "8"),
        (
            "DD_DYNAMIC_INSTRUMENTATION_REDACTED_IDENTIFIERS",
            "_2fa, order_no",
        ),
        (
            "DD_DYNAMIC_INSTRUMENTATION_REDACTED_TYPES",
            "shop.Secret,shop.keys.*",
        ),
        (
            "DD_DYNAMIC_INSTRUMENTATION_REDACTED_EXCLUDED_IDENTIFIERS",
            "session",
        ),
        ("DD_THIRD_PARTY_DETECTION_INCLUDES", "vendored"),
        ("DD_THIRD_PARTY_DETECTION_EXCLUDES", "shoplib"),
        ("DD_API_KEY", "not ours to read"),
        ("DD_TRACE_ENABLED", "false"),
    ]));
    assert_eq!(lines(&problems), [""; 0]);
    assert_eq!(config.enabled, Some(true));
    assert_eq!(
        config.origin("enabled"),
        Some(&Origin::Variable("DD_EXCEPTION_DEBUGGING_ENABLED".into()))
    );
    assert_eq!(
        (config.env.as_deref(), config.version.as_deref()),
        (Some("prod"), Some("1.4.2"))
    );
    assert_eq!(config.tags.get("team").map(String::as_str), Some("web"));
    assert_eq!(config.limits.frames, 8);
    assert_eq!(config.redact.names, ["_2fa", "order_no"]);
    assert_eq!(config.redact.types, ["shop.Secret", "shop.keys.*"]);
    assert_eq!(config.redact.excluded_names, ["session"]);
    assert_eq!(config.fingerprint.in_app_exclude, ["vendored"]);
    assert_eq!(config.fingerprint.in_app_include, ["shoplib"]);
    // Ours win, also when they say no.
    let (config, _) = load(&variables(&[
        ("DD_EXCEPTION_REPLAY_ENABLED", "true"),
        ("STILLFRAME_ENABLED", "0"),
    ]));
    assert_eq!(config.enabled, Some(false));
}

#[test]
fn what_hides_something_is_put_together_from_all_sources() {
    let (mut sources, _dir) = file(
        "[redact]\nnames = [\"a\"]\ntypes = [\"T\"]\nexcluded_names = [\"x\"]\n\
         [[redact.values]]\nname = \"one\"\npattern = \"1{9}\"\n[[redact.values]]\nname = \"two\"\npattern = \"2{9}\"\n",
    );
    sources.variables.insert(
        "DD_DYNAMIC_INSTRUMENTATION_REDACTED_IDENTIFIERS".into(),
        "b,a".into(),
    );
    sources
        .variables
        .insert("STILLFRAME_REDACT_EXCLUDED_NAMES".into(), "y".into());
    sources.arguments.insert(
        "redact".into(),
        json!({"names": ["c"], "values": [{"name": "two", "pattern": "3{9}", "action": "hash"}]}),
    );
    let (config, problems) = load(&sources);
    assert_eq!(lines(&problems), [""; 0]);
    assert_eq!(config.redact.names, ["a", "b", "c"]);
    assert_eq!(config.redact.types, ["T"]);
    assert_eq!(
        config.redact.excluded_names,
        ["y"],
        "what shows something is not"
    );
    let rules: Vec<_> = config
        .redact
        .rules
        .iter()
        .map(|rule| (rule.name.as_str(), rule.action))
        .collect();
    assert_eq!(rules, [("one", Action::Redact), ("two", Action::Hash)]);
}

#[test]
fn a_profile_sets_defaults_whatever_source_names_it() {
    let (mut sources, _dir) = file("[limits]\ndepth = 7\n");
    sources.arguments.insert("profile".into(), json!("datadog"));
    let (config, problems) = load(&sources);
    assert_eq!(lines(&problems), [""; 0]);
    assert_eq!(
        config.limits,
        Limits {
            depth: 7,
            ..Limits::datadog()
        }
    );
    assert_eq!(config.redact.profile, Profile::Datadog);
    assert_eq!((config.limits.items, config.limits.string), (100, 255));
}

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

fn found_from(folder: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let mut sources = Sources {
        folder: Some(folder.to_owned()),
        ..nothing()
    };
    if let Some(home) = home {
        sources.variables.insert("HOME".into(), home.into());
    }
    let (config, problems) = load(&sources);
    assert_eq!(lines(&problems), [""; 0]);
    config.file
}

#[test]
fn the_file_is_looked_for_up_to_the_root_of_the_project_or_the_home_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    let (top, project) = (dir.path().to_owned(), dir.path().join("project"));
    let deep = project.join("src/deep");
    fs::create_dir_all(&deep).expect("made");
    let put = |folder: &Path| {
        let path = folder.join("stillframe.toml");
        fs::write(&path, "debug = true\n").expect("written");
        path
    };
    let at_top = put(&top);
    assert_eq!(found_from(&deep, None), Some(at_top.clone()));
    assert_eq!(
        found_from(&deep, Some(&top)),
        Some(at_top),
        "the home folder itself counts"
    );
    assert_eq!(
        found_from(&deep, Some(&project)),
        None,
        "what is above it does not"
    );
    fs::create_dir(project.join(".git")).expect("made");
    assert_eq!(
        found_from(&deep, None),
        None,
        "nor what is above the project"
    );
    let in_project = put(&project);
    assert_eq!(found_from(&deep, None), Some(in_project));
    let near = put(&deep);
    assert_eq!(found_from(&deep, None), Some(near));
}

#[test]
fn a_named_file_is_used_and_one_that_cannot_be_is_told() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("other.toml");
    fs::write(&path, "service = \"named\"\n").expect("written");
    let named = |name: &Path| {
        let mut sources = variables(&[]);
        sources.folder = Some(dir.path().to_owned());
        sources
            .variables
            .insert("STILLFRAME_CONFIG".into(), name.into());
        load(&sources)
    };
    for name in [path.as_path(), Path::new("other.toml")] {
        let (config, problems) = named(name);
        assert_eq!(lines(&problems), [""; 0]);
        assert_eq!(
            (config.service.as_deref(), config.file.as_deref()),
            (Some("named"), Some(&*path))
        );
    }
    let (_, problems) = named(Path::new("missing.toml"));
    let missing = dir.path().join("missing.toml");
    assert_eq!(
        lines(&problems),
        [format!(
            "{}: there is no such file (STILLFRAME_CONFIG)",
            missing.display()
        )]
    );
    let (_, problems) = named(dir.path());
    assert!(lines(&problems)[0].contains("not a file"), "{problems:?}");
    fs::write(&path, [b'a', b' ', 0xFF, b'\n']).expect("written");
    let (_, problems) = named(&path);
    assert!(
        lines(&problems)[0].contains("not UTF-8 at byte 2"),
        "{problems:?}"
    );
    fs::write(&path, "# ".to_owned() + &"x".repeat(1 << 20)).expect("written");
    let (_, problems) = named(&path);
    assert!(
        lines(&problems)[0].contains("larger than 1048576 bytes"),
        "{problems:?}"
    );
}

#[test]
fn a_file_of_another_user_is_not_followed_by_itself() {
    if !rustix::process::geteuid().is_root() {
        // Only root can give a file away.
        assert!(
            load(&file("debug = true\n").0).0.debug,
            "one's own file is used"
        );
        return;
    }
    let (mut sources, dir) = file("service = \"planted\"\n");
    let path = dir.path().join("stillframe.toml");
    std::os::unix::fs::chown(&path, Some(65_534), None).expect("given away");
    let (config, problems) = load(&sources);
    assert_eq!((config.service, config.file), (None, None));
    assert!(
        lines(&problems)[0].contains("belongs to user 65534"),
        "{problems:?}"
    );
    sources
        .variables
        .insert("STILLFRAME_CONFIG".into(), path.into());
    assert_eq!(load(&sources).0.service.as_deref(), Some("planted"));
}

#[test]
fn paths_are_absolute_and_relative_to_where_they_were_written() {
    let (mut sources, dir) = file("dir = \"store\"\n");
    sources.variables.insert("HOME".into(), "/home/u".into());
    assert_eq!(load(&sources).0.dir, Some(dir.path().join("store")));
    let of = |value: &str| {
        let mut sources = variables(&[("HOME", "/home/u"), ("STILLFRAME_DIR", value)]);
        sources.folder = Some("/work".into());
        load(&sources).0.store_dir().expect("a folder")
    };
    assert_eq!(of("/var/x"), Path::new("/var/x"));
    assert_eq!(of("x/y"), Path::new("/work/x/y"));
    assert_eq!(of("~/x"), Path::new("/home/u/x"));
}

#[test]
fn the_store_is_named_after_the_service() {
    let of = |pairs: &[(&str, &str)]| load(&variables(pairs)).0.store_dir();
    let home = ("HOME", "/home/u");
    let dir = of(&[home, ("DD_SERVICE", "shop")]).expect("a folder");
    assert_eq!(dir, Path::new("/home/u/.local/state/stillframe/shop"));
    let dir = of(&[home, ("XDG_STATE_HOME", "/state")]).expect("a folder");
    assert_eq!(dir, Path::new("/state/stillframe/unnamed"));
    let error = of(&[("DD_SERVICE", "shop")]).expect_err("no home");
    assert!(error.to_string().contains("STILLFRAME_DIR"), "{error}");
    let (mut config, _) = load(&variables(&[home]));
    config.set_default_service("found");
    assert_eq!(
        config
            .store_dir()
            .expect("a folder")
            .file_name()
            .expect("a name"),
        "found"
    );
    assert_eq!(config.gate.service, "found");
    config.set_default_service("too late");
    assert_eq!(config.service.as_deref(), Some("found"));
}

#[test]
fn rules_can_be_given_as_json_in_a_variable() {
    let (config, problems) = load(&variables(&[
        ("STILLFRAME_GATE_EXCLUDE", "Http404, KeyboardInterrupt"),
        (
            "STILLFRAME_REDACT_VALUES",
            r#"[{"name": "card", "pattern": "[0-9]{16}", "checksum": "LUHN", "action": "mask", "scope": "a.*,b"}]"#,
        ),
    ]));
    assert_eq!(lines(&problems), [""; 0]);
    let types: Vec<_> = config
        .gate
        .exclude
        .iter()
        .filter_map(|rule| rule.type_name.as_deref())
        .collect();
    assert_eq!(types, ["Http404", "KeyboardInterrupt"]);
    let rule = &config.redact.rules[0];
    assert_eq!(
        (rule.checksum, rule.action),
        (Some(Checksum::Luhn), Action::Mask)
    );
    assert_eq!(rule.scope, ["a.*", "b"]);
    let (_, problems) = load(&variables(&[("STILLFRAME_GATE_EXCLUDE", "[{\"type\": }]")]));
    assert_eq!(problems.len(), 1);
    assert!(problems[0].what().contains("as JSON"), "{}", problems[0]);
}

#[test]
fn equality_tokens_get_the_key_of_their_store() {
    let dir = tempfile::tempdir().expect("a folder");
    let sources =
        arguments(json!({"redact_equality_tokens": true, "dir": dir.path().join("store")}));
    let (config, problems) = load(&sources);
    assert_eq!(lines(&problems), [""; 0]);
    assert!(config.redact.equality_tokens.is_some());
    assert_eq!(
        load(&sources).0.redact.equality_tokens,
        config.redact.equality_tokens
    );
    // Without a store there is no key, and that is told; nothing is hidden less.
    fs::write(dir.path().join("file"), "").expect("written");
    let sources =
        arguments(json!({"redact_equality_tokens": true, "dir": dir.path().join("file/store")}));
    let (config, problems) = load(&sources);
    assert_eq!(config.redact.equality_tokens, None);
    assert!(
        lines(&problems)[0].contains("carry no token"),
        "{problems:?}"
    );
}

#[test]
fn an_unknown_detector_is_told_and_left_out() {
    let sources = variables(&[("STILLFRAME_REDACT_ENABLED_DETECTORS", "email,no_such_thing")]);
    let (config, problems) = load(&sources);
    assert_eq!(config.redact.enabled_detectors, ["email"]);
    assert_eq!(problems.len(), 1, "{:?}", lines(&problems));
    assert_eq!(problems[0].key(), "redact.enabled_detectors.no_such_thing");
    let place = Origin::Variable("STILLFRAME_REDACT_ENABLED_DETECTORS".into());
    assert_eq!(problems[0].origin(), Some(&place));
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

//! Which source counts, and what Datadog's variables mean.

use std::fs;

use serde_json::{Value, json};
use stillframe_core::config::{Origin, Sources, load};
use stillframe_core::limits::Limits;
use stillframe_core::redact::{Action, Checksum, Profile};

use crate::{arguments, file, lines, nothing, variables};

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
fn opentelemetrys_resource_names_the_program_where_datadogs_variables_do_not() {
    let attributes = "service.name=b,service.version=1.4.2,deployment.environment.name=prod,k8s.pod.name=a%20b,bad";
    let sources = variables(&[("OTEL_RESOURCE_ATTRIBUTES", attributes)]);
    let (config, problems) = load(&sources);
    assert!(problems.is_empty(), "{:?}", lines(&problems));
    assert_eq!(config.service.as_deref(), Some("b"));
    assert_eq!(config.version.as_deref(), Some("1.4.2"));
    assert_eq!(config.env.as_deref(), Some("prod"));
    let resource: Vec<_> = config.otlp.resource.iter().collect();
    assert_eq!(resource, [(&"k8s.pod.name".to_owned(), &"a b".to_owned())]);

    let named = [
        ("OTEL_RESOURCE_ATTRIBUTES", attributes),
        ("OTEL_SERVICE_NAME", "a"),
    ];
    assert_eq!(load(&variables(&named)).0.service.as_deref(), Some("a"));
    let both = [
        ("OTEL_SERVICE_NAME", "a"),
        ("DD_SERVICE", "datadog"),
        ("OTEL_RESOURCE_ATTRIBUTES", attributes),
    ];
    let (config, _) = load(&variables(&both));
    assert_eq!(config.service.as_deref(), Some("datadog"));
    assert_eq!(config.version.as_deref(), Some("1.4.2"));
    // A variable that says nothing of a key is no source of it.
    let other = variables(&[("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=x")]);
    let (config, problems) = load(&other);
    assert!(problems.is_empty() && config.origin("service").is_none());
}

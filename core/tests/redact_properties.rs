//! Properties of the scanner that hold for any text: SIMD finds what the portable code finds, hits are sound, budgets fail closed.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, where a panic is the report"
)]

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Instant;

use proptest::prelude::*;
use stillframe_core::redact::{
    Action, Arena, Checksum, Hit, Mode, RedactConfig, Redactor, ScanBudget, ScanOutcome, TextFlags,
    UserRule,
};

fn rule(name: &str, pattern: &str, checksum: Option<Checksum>) -> UserRule {
    UserRule {
        name: name.into(),
        pattern: pattern.into(),
        checksum,
        ..UserRule::default()
    }
}

/// Every detector on, and a rule of each kind.
fn redactor() -> Redactor {
    let config = RedactConfig {
        enabled_detectors: ["email", "ip", "remote_addr"].map(str::to_owned).into(),
        rules: vec![
            rule("literal", "(?i)acme-[0-9a-f]+", None),
            rule("inner", "[a-z]{2,4}_live_.*x", None),
            rule("digits", r"\b[0-9]{6,12}\b", Some(Checksum::Luhn)),
            rule("slow", "z{2}[^z]", None),
        ],
        ..RedactConfig::default()
    };
    let (redactor, errors) = Redactor::new(&config);
    assert!(errors.is_empty(), "{errors:?}");
    redactor
}

static SIMD: LazyLock<Redactor> = LazyLock::new(redactor);
static PORTABLE: LazyLock<Redactor> = LazyLock::new(|| redactor().portable());

/// The texts of all vectors.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../conformance/values");
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let json: serde_json::Value =
            serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap();
        let cases = json["cases"].as_array().unwrap();
        texts.extend(cases.iter().map(|c| c["text"].as_str().unwrap().to_owned()));
    }
    texts.sort();
    assert!(texts.len() > 600);
    texts
});

fn scan(redactor: &Redactor, arena: &Arena, mut budget: ScanBudget) -> (Vec<Hit>, ScanOutcome) {
    let mut hits = Vec::new();
    let outcome = redactor.scan(arena, &mut budget, &mut hits);
    (hits, outcome)
}

fn check(arena: &Arena) -> Result<(), TestCaseError> {
    let (hits, outcome) = scan(&SIMD, arena, ScanBudget::default());
    prop_assert!(outcome.is_complete());
    let (portable, _) = scan(&PORTABLE, arena, ScanBudget::default());
    prop_assert_eq!(&hits, &portable);
    let mut last = (0, 0);
    for hit in &hits {
        let text = arena.text(hit.span).unwrap();
        prop_assert!(hit.start < hit.end && hit.end as usize <= text.len());
        prop_assert!((hit.span, hit.start) >= last);
        last = (hit.span, hit.end);
        if let Ok(text) = std::str::from_utf8(text) {
            prop_assert!(text.is_char_boundary(hit.start as usize));
            prop_assert!(text.is_char_boundary(hit.end as usize));
        }
        prop_assert_ne!(SIMD.rule_name(hit.rule), "unknown");
    }
    Ok(())
}

fn flags() -> impl Strategy<Value = TextFlags> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(cut, is_key, is_code)| TextFlags {
        cut,
        is_key,
        is_code,
        ..TextFlags::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn simd_and_portable_agree_on_mutated_secrets(
        picks in prop::collection::vec((any::<prop::sample::Index>(), flags()), 1..24),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 0..24),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..6),
    ) {
        let mut texts: Vec<(Vec<u8>, TextFlags)> = picks
            .iter()
            .map(|(at, flags)| (at.get(&TEXTS).clone().into_bytes(), *flags))
            .collect();
        for (which, place, byte) in &edits {
            let text = &mut texts[which.index(picks.len())].0;
            if !text.is_empty() {
                let at = place.index(text.len());
                text[at] = *byte;
            }
        }
        for (which, place) in &cuts {
            let text = &mut texts[which.index(picks.len())].0;
            let keep = place.index(text.len() + 1);
            text.truncate(keep);
        }
        let mut arena = Arena::new();
        for (text, flags) in &texts {
            arena.push(text, *flags);
        }
        check(&arena)?;
    }

    #[test]
    fn simd_and_portable_agree_on_anything(
        texts in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), flags()), 0..12),
    ) {
        let mut arena = Arena::new();
        for (text, flags) in &texts {
            arena.push(text, *flags);
        }
        check(&arena)?;
    }

    #[test]
    fn simd_and_portable_agree_on_what_triggers_are_made_of(
        texts in prop::collection::vec(("[-0-9:=/@.,'\"<>% \\\\a-fT{}\\[\\]]{0,200}|(4111|GB82|=|: |password|token|://|--|'|\"|eyJ|\\.){0,30}", flags()), 0..12),
    ) {
        let mut arena = Arena::new();
        for (text, flags) in &texts {
            arena.push(text.as_bytes(), *flags);
        }
        check(&arena)?;
    }

    #[test]
    fn what_is_called_scanned_under_a_small_budget_is_scanned(
        picks in prop::collection::vec(any::<prop::sample::Index>(), 1..60),
        work in 0u64..20_000,
        slow in 0u64..4_000,
    ) {
        let mut arena = Arena::new();
        for at in &picks {
            arena.push(at.get(&TEXTS).as_bytes(), TextFlags::default());
        }
        let (all, _) = scan(&SIMD, &arena, ScanBudget::default());
        let (some, outcome) = scan(&SIMD, &arena, ScanBudget::new(work, slow));
        let expected: Vec<Hit> = all.iter().filter(|h| outcome.is_scanned(h.span)).copied().collect();
        prop_assert_eq!(some, expected);
    }

    #[test]
    fn a_secret_is_found_wherever_it_lies_in_the_arena(before in 0usize..5000, between in 0usize..200) {
        let mut arena = Arena::new();
        arena.push(&vec![b'.'; before], TextFlags::default());
        let secret = format!("{}password=hunter2 4111111111111111", " ".repeat(between));
        arena.push(secret.as_bytes(), TextFlags::default());
        let (hits, _) = scan(&SIMD, &arena, ScanBudget::default());
        let found: Vec<_> = hits.iter().map(|h| &secret[h.start as usize..h.end as usize]).collect();
        prop_assert_eq!(found, ["hunter2", "4111111111111111"]);
    }
}

/// Text made to be expensive ends with the budget, and what was not looked at is said to be so.
#[test]
fn hostile_text_is_bounded_by_the_budget() {
    let hostile = [
        "{\"password\":".repeat(20_000),
        "password=(".repeat(20_000),
        "x://".repeat(40_000),
        "a:b://".repeat(30_000),
        "-----END PRIVATE KEY-----".repeat(6_000),
        "-----BEGIN PRIVATE KEY".repeat(6_000),
        "4111 ".repeat(30_000),
        "eyJa.".repeat(30_000),
        "token ".repeat(30_000),
        "\"a\",".repeat(40_000),
        "<a'>".repeat(40_000),
        "%3D".repeat(50_000),
        "GB82 ".repeat(30_000),
        "ab_live_".repeat(20_000),
        "name=\"password\" ".repeat(10_000),
        "\\".repeat(100_000) + "\"" + &"\\".repeat(100_000),
        "=\"".repeat(60_000),
        "password='".repeat(20_000),
        "Authorization: ".repeat(10_000),
        "1".repeat(200_000),
        "1 ".repeat(100_000),
    ];
    for text in &hostile {
        let mut arena = Arena::new();
        arena.push(b"password=first", TextFlags::default());
        arena.push(text.as_bytes(), TextFlags::default());
        arena.push(b"password=last", TextFlags::default());
        let start = &text[..20];
        for (work, slow) in [(400_000, 400_000), (16 << 20, 16 << 20)] {
            let (hits, outcome) = scan(&SIMD, &arena, ScanBudget::new(work, slow));
            assert!(outcome.is_scanned(0), "{start}");
            assert!(hits.iter().any(|h| h.span == 0), "{start}");
            let last = hits.iter().any(|h| h.span == 2);
            assert_eq!(last, outcome.is_scanned(2), "{start}");
        }
    }
}

#[test]
fn a_deadline_in_the_past_leaves_everything_unscanned() {
    let mut arena = Arena::new();
    arena.push(b"password=x", TextFlags::default());
    let mut hits = vec![];
    let mut budget = ScanBudget::default().with_deadline(Instant::now());
    let outcome = SIMD.scan(&arena, &mut budget, &mut hits);
    assert_eq!(outcome.unscanned(), 0..1);
    assert!(hits.is_empty());
}

#[test]
fn mode_off_scans_nothing_and_names_still_count() {
    let config = RedactConfig {
        mode: Mode::Off,
        ..RedactConfig::default()
    };
    let redactor = Redactor::new(&config).0;
    let mut arena = Arena::new();
    arena.push(b"password=hunter2", TextFlags::default());
    let (hits, outcome) = scan(&redactor, &arena, ScanBudget::default());
    assert!(hits.is_empty() && outcome.is_complete());
    assert!(redactor.name(b"password").is_some());
    let config = RedactConfig {
        disable_name_redaction_i_know_what_i_am_doing: true,
        ..RedactConfig::default()
    };
    let redactor = Redactor::new(&config).0;
    assert!(redactor.name(b"password").is_none());
    assert!(redactor.type_name("System.Security.SecureString").is_none());
    let (hits, _) = scan(&redactor, &arena, ScanBudget::default());
    assert_eq!(hits.len(), 1, "contents are scanned all the same");
}

#[test]
fn every_rule_has_the_name_it_is_reported_by() {
    let config = RedactConfig {
        names: vec!["badge".into()],
        types: vec!["shop.Wallet".into()],
        rules: vec![UserRule {
            action: Action::Mask,
            ..rule("order", "ORD-[0-9]{12}", None)
        }],
        ..RedactConfig::default()
    };
    let (redactor, errors) = Redactor::new(&config);
    assert!(errors.is_empty());
    let name = redactor.name(b"user_badge").unwrap();
    assert_eq!(redactor.rule_name(name.rule()), "badge");
    let (rule, pattern) = redactor.type_rule("shop.Wallet").unwrap();
    assert_eq!(
        (redactor.rule_name(rule), pattern),
        ("shop.Wallet", "shop.Wallet")
    );
    let mut arena = Arena::new();
    let text = b"my ORD-123456789012";
    arena.push(text, TextFlags::default());
    let (hits, _) = scan(&redactor, &arena, ScanBudget::default());
    assert_eq!(hits.len(), 1);
    assert_eq!(redactor.rule_name(hits[0].rule), "order");
    let mut out = String::new();
    redactor.replace(&hits[0], &text[3..], &mut out);
    assert_eq!(out, "****9012");
    assert!(!redactor.hides_all(&hits[0]));
}

#[test]
fn what_configuration_gets_wrong_is_reported_and_the_rest_stands() {
    let config = RedactConfig {
        rules: vec![rule("bad", "(", None), rule("good", "good_[0-9]", None)],
        disabled_detectors: vec!["cards".into(), "alias".into(), " ".into()],
        enabled_detectors: vec!["email".into()],
        ..RedactConfig::default()
    };
    let (redactor, errors) = Redactor::new(&config);
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "rule `cards`: there is no such detector",
            "rule `alias`: there is no such detector",
            "rule `bad`: unclosed group at character 1",
        ]
    );
    let mut arena = Arena::new();
    arena.push(b"password=x good_1 a@b.io", TextFlags::default());
    let (hits, _) = scan(&redactor, &arena, ScanBudget::default());
    let names: Vec<&str> = hits.iter().map(|h| redactor.rule_name(h.rule)).collect();
    assert_eq!(names, ["key_value", "good", "email"]);
}

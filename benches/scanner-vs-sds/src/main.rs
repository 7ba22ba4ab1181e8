//! One table: nanoseconds per value for Datadog's scanner library and ours, with 1, 10, 50 and 100 rules.
//!
//! The same 20,000 made-up values, the same kinds of rules: for each of our built-in detectors the library gets a regular
//! expression for the same thing (with its own Luhn and IBAN checks), and both get the same expressions to fill up to 100. Ours does more: key/value
//! pairs by the whole name table, cuts, replacement spans. Both only detect. Rounds are interleaved, the best of each is shown,
//! so that a busy machine changes the times and not the ratios.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use dd_sds::{
    MatchAction, RegexRuleConfig, RootRuleConfig, RuleConfig, Scanner, SecondaryValidator,
    SimpleEvent,
};
use stillframe_core::redact::{
    Arena, RedactConfig, Redactor, ScanBudget, TextFlags, UserRule, detector_names,
};

#[expect(dead_code, reason = "the log text is for another bench")]
mod values;

/// Values per snapshot, and per event of the other library.
const PER_SNAPSHOT: usize = 500;
const ROUNDS: usize = 7;
const TARGET: f64 = 50.0;

/// What the built-in detectors look for, as regular expressions, in the order of the detectors.
const PATTERNS: &[(&str, &str)] = &[
    (
        "key_value",
        r#"(?i)(?:password|passwd|secret|token|api[_-]?key|auth)["']?\s{0,3}[:=]\s{0,3}["']?[^\s"',;&]{1,200}"#,
    ),
    (
        "url_userinfo",
        r"[a-z]{2,10}://[^/\s:@]{1,64}:[^/\s@]{1,64}@",
    ),
    (
        "url_parameter",
        r"[?&](?:sig|signature|access_token|code)=[^&\s]{1,200}",
    ),
    (
        "authorization",
        r"(?i)(?:bearer|basic|digest)\s[A-Za-z0-9._~+/=-]{6,300}",
    ),
    ("cookie", r"(?i)(?:set-)?cookie:\s?[^\r\n]{1,300}"),
    (
        "jwt",
        r"eyJ[A-Za-z0-9_-]{10,300}\.[A-Za-z0-9_-]{4,1000}\.[A-Za-z0-9_-]{0,300}",
    ),
    ("private_key", r"-----BEGIN [A-Z ]{0,24}PRIVATE KEY"),
    (
        "high_entropy",
        r"(?i)(?:token|secret|password)\s[A-Za-z0-9+/_-]{20,100}",
    ),
    (
        "aws_secret_key",
        r"AKIA[0-9A-Z]{16}.{1,40}[0-9A-Za-z+/]{40}",
    ),
    ("payment_card", r"\b(?:[0-9][ -]?){12,18}[0-9]\b"),
    ("iban", r"\b[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}\b"),
    ("us_ssn", r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b"),
];

/// Tokens with a prefix, for the vendors' detectors.
const TOKENS: &[(&str, &str)] = &[
    ("p8e-", "[0-9a-zA-Z]{32}"),
    ("AGE-SECRET-KEY-1", "[0-9A-Z]{20,60}"),
    ("LTAI", "[0-9a-zA-Z]{17,22}"),
    ("sk-ant-", "[0-9a-zA-Z_-]{20,120}"),
    ("ATATT3", "[0-9a-zA-Z_=-]{60,200}"),
    ("(?:AKIA|ASIA|ABIA|ACCA)", "[0-9A-Z]{16}"),
    ("ABSK", "[0-9a-zA-Z+/=]{100,150}"),
    ("xkeysib-", "[0-9a-f]{64}"),
    ("v1\\.0-", "[0-9a-f-]{140,180}"),
    ("CFPAT-", "[0-9a-zA-Z_-]{40,50}"),
    ("dapi", "[0-9a-f]{32}"),
    ("do[por]_v1_", "[0-9a-f]{40,64}"),
    (
        "discord(?:app)?\\.com/api/webhooks/",
        "[0-9a-zA-Z_/-]{40,100}",
    ),
    ("dckr_[po]at_", "[0-9a-zA-Z_-]{20,40}"),
    ("dp\\.[psc]t\\.", "[0-9a-zA-Z]{40,50}"),
    ("dt0c01\\.", "[0-9A-Z.]{80,100}"),
    ("EZAK", "[0-9a-zA-Z]{54}"),
    ("figd_", "[0-9a-zA-Z_-]{36,50}"),
    ("FlyV1 fm", "[0-9a-zA-Z_+/=,]{60,200}"),
    ("gh[pousr]_", "[0-9a-zA-Z]{30,40}"),
    ("glpat-", "[0-9a-zA-Z_-]{18,30}"),
    ("AIza", "[0-9a-zA-Z_-]{35}"),
    ("ya29\\.", "[0-9a-zA-Z_-]{20,150}"),
    ("glsa_", "[0-9a-zA-Z_]{36,50}"),
    ("gsk_", "[0-9a-zA-Z]{48,60}"),
    ("hvs\\.", "[0-9a-zA-Z_-]{24,120}"),
    ("[0-9A-Za-z]{14}\\.atlasv1\\.", "[0-9a-zA-Z_-]{50,80}"),
    ("hf_", "[0-9a-zA-Z]{30,40}"),
    ("lin_api_", "[0-9a-zA-Z]{32,48}"),
    ("[0-9a-f]{32}-us", "[0-9]{1,2}"),
    ("key-", "[0-9a-f]{32}"),
    ("NRAK-", "[0-9A-Z]{20,30}"),
    ("ntn_", "[0-9a-zA-Z]{40,50}"),
    ("npm_", "[0-9a-zA-Z]{36}"),
    ("ops_eyJ", "[0-9a-zA-Z+/=]{100,300}"),
    ("sk-proj-", "[0-9a-zA-Z_-]{20,160}"),
    ("sk-or-v1-", "[0-9a-f]{40,64}"),
    ("pscale_", "[0-9a-zA-Z_.-]{32,64}"),
    ("PMAK-", "[0-9a-f-]{50,60}"),
    ("pypi-AgE", "[0-9a-zA-Z_-]{50,200}"),
    ("rubygems_", "[0-9a-f]{40,48}"),
    ("SG\\.", "[0-9a-zA-Z_.-]{60,70}"),
    ("sntrys_", "[0-9a-zA-Z_+/=]{40,200}"),
    ("shp(?:at|ss)_", "[0-9a-f]{32}"),
    ("xox[bpe][-.]", "[0-9a-zA-Z-]{20,80}"),
    ("hooks\\.slack\\.com/", "[0-9a-zA-Z_/-]{40,90}"),
    ("sq0[ac][ts]p-", "[0-9a-zA-Z_-]{22,50}"),
    ("[sr]k_(?:live|test)_", "[0-9a-zA-Z]{16,40}"),
    ("sb_secret_", "[0-9a-zA-Z_-]{20,40}"),
    ("tskey-", "[0-9a-zA-Z_-]{20,60}"),
    ("[0-9]{8,10}:AA", "[0-9a-zA-Z_-]{32,34}"),
];

/// One thing that is measured.
struct Row {
    name: &'static str,
    run: Box<dyn FnMut() -> usize>,
    best: f64,
    hits: usize,
}

fn main() {
    let mut random = values::Random::new(0x9E37_79B9_7F4A_7C15);
    let all: &'static [String] = (0..20_000)
        .map(|_| values::value(&mut random))
        .collect::<Vec<_>>()
        .leak();
    println!(
        "{:<44}{:>12}{:>12}{:>10}",
        "", "ns/value", "x of sds", "hits"
    );
    for count in [1, 10, 50, 100] {
        println!("{count} rules");
        let mut rows = [
            Row::new("dd-sds, one value per scan", sds_per_value(all, count)),
            Row::new("dd-sds, 500 values per event", sds_per_event(all, count)),
            Row::new("stillframe, 500 values per scan", ours(all, count)),
        ];
        for _ in 0..ROUNDS {
            for row in &mut rows {
                let start = Instant::now();
                row.hits = black_box((row.run)());
                row.best = row
                    .best
                    .min(start.elapsed().as_secs_f64() * 1e9 / all.len() as f64);
            }
        }
        let base = rows[0].best;
        for row in &rows {
            println!(
                "  {:<42}{:>12.1}{:>12.1}{:>10}",
                row.name,
                row.best,
                base / row.best,
                row.hits
            );
        }
        if count == 100 {
            let ratio = base / rows[2].best;
            let verdict = if ratio >= TARGET { "met" } else { "missed" };
            println!(
                "target: at least {TARGET} times dd-sds with 100 rules: {ratio:.0}, {verdict}"
            );
        }
    }
}

impl Row {
    fn new(name: &'static str, run: impl FnMut() -> usize + 'static) -> Row {
        Row {
            name,
            run: Box::new(run),
            best: f64::MAX,
            hits: 0,
        }
    }
}

/// So many regular expressions: for the built-in detectors, then the user's.
fn patterns(count: usize) -> Vec<(String, String)> {
    let built_in = PATTERNS.iter().map(|p| (p.0.to_owned(), p.1.to_owned()));
    let tokens = TOKENS
        .iter()
        .map(|t| (t.0.to_owned(), format!("{}{}", t.0, t.1)));
    built_in
        .chain(tokens)
        .chain(values::user_rules(100))
        .take(count)
        .collect()
}

fn sds(count: usize) -> Scanner {
    let rules: Vec<RootRuleConfig<Arc<dyn RuleConfig>>> = patterns(count)
        .iter()
        .map(|(name, pattern)| {
            let validator = match name.as_str() {
                "payment_card" => Some(SecondaryValidator::LuhnChecksum),
                "iban" => Some(SecondaryValidator::IbanChecker),
                _ => None,
            };
            let rule = RegexRuleConfig::new(pattern).with_validator(validator);
            RootRuleConfig::new_dyn(rule).match_action(MatchAction::None)
        })
        .collect();
    Scanner::builder(&rules)
        .build()
        .expect("the patterns are valid")
}

fn sds_per_value(all: &[String], count: usize) -> impl FnMut() -> usize + 'static {
    let scanner = sds(count);
    let mut all = all.to_vec();
    move || {
        all.iter_mut()
            .map(|value| scanner.scan(value).expect("scanned").len())
            .sum()
    }
}

fn sds_per_event(all: &[String], count: usize) -> impl FnMut() -> usize + 'static {
    let scanner = sds(count);
    let event = |chunk: &[String]| {
        SimpleEvent::List(
            chunk
                .iter()
                .map(|value| SimpleEvent::String(value.clone()))
                .collect(),
        )
    };
    let mut events: Vec<SimpleEvent> = all.chunks(PER_SNAPSHOT).map(event).collect();
    move || {
        events
            .iter_mut()
            .map(|event| scanner.scan(event).expect("scanned").len())
            .sum()
    }
}

/// Ours, the filling of the arena included.
fn ours(all: &'static [String], count: usize) -> impl FnMut() -> usize + 'static {
    let built_in: Vec<&str> = detector_names().filter(|d| d.1).map(|d| d.0).collect();
    let own = values::user_rules(count.saturating_sub(built_in.len()));
    let rules = own.map(|(name, pattern)| UserRule {
        name,
        pattern,
        ..UserRule::default()
    });
    let (redactor, errors) = Redactor::new(&RedactConfig {
        disabled_detectors: built_in.iter().skip(count).map(|&d| d.to_owned()).collect(),
        rules: rules.collect(),
        ..RedactConfig::default()
    });
    assert!(errors.is_empty(), "{errors:?}");
    let (mut arena, mut hits) = (Arena::new(), Vec::new());
    move || {
        let mut found = 0;
        for chunk in all.chunks(PER_SNAPSHOT) {
            arena.clear();
            for value in chunk {
                arena.push(value.as_bytes(), TextFlags::default());
            }
            let outcome = redactor.scan(&arena, &mut ScanBudget::default(), &mut hits);
            assert!(outcome.is_complete());
            found += hits.len();
        }
        found
    }
}

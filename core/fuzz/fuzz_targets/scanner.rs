//! Any texts: nothing panics, hits are sound, and SIMD finds what the portable code finds.
//!
//! The input is texts separated by newlines; the first byte of each chooses its flags.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use stillframe_core::redact::{
    AliasKey, Arena, Checksum, Hit, RedactConfig, Redactor, ScanBudget, TextFlags, UserRule,
};

static SIMD: LazyLock<Redactor> = LazyLock::new(redactor);
static PORTABLE: LazyLock<Redactor> = LazyLock::new(|| redactor().portable());

fn redactor() -> Redactor {
    let rule = |name: &str, pattern: &str| UserRule {
        name: name.into(),
        pattern: pattern.into(),
        ..UserRule::default()
    };
    let luhn = |rule| UserRule {
        checksum: Some(Checksum::Luhn),
        ..rule
    };
    let config = RedactConfig {
        enabled_detectors: ["email", "ip", "remote_addr"].map(str::to_owned).into(),
        rules: vec![
            rule("literal", "(?i)acme-[0-9a-f]+"),
            rule("inner", "[a-z]{2,4}_live_.*x"),
            luhn(rule("digits", r"\b[0-9]{6,12}\b")),
            rule("slow", "z{2}[^z]"),
        ],
        ..RedactConfig::default()
    };
    let (redactor, errors) = Redactor::new(&config);
    assert!(errors.is_empty());
    redactor
}

fn scan(redactor: &Redactor, arena: &Arena, work: u64) -> (Vec<Hit>, u32) {
    let mut hits = Vec::new();
    let outcome = redactor.scan(arena, &mut ScanBudget::new(work, work), &mut hits);
    (hits, outcome.unscanned().start)
}

fuzz_target!(|input: &[u8]| {
    let mut arena = Arena::new();
    for line in input.split(|&b| b == b'\n') {
        let Some((&flags, text)) = line.split_first() else {
            continue;
        };
        let flags = TextFlags {
            cut: flags & 1 != 0,
            is_code: flags & 2 != 0,
            is_key: flags & 4 != 0,
            ..TextFlags::default()
        };
        arena.push(text, flags);
    }
    let (hits, scanned) = scan(&SIMD, &arena, 1 << 24);
    assert_eq!(
        (&hits, scanned),
        (&scan(&PORTABLE, &arena, 1 << 24).0, scanned)
    );
    let mut last = (0, 0);
    for hit in &hits {
        let text = arena.text(hit.span).expect("a hit is in a text");
        assert!(hit.start < hit.end && hit.end as usize <= text.len());
        assert!((hit.span, hit.start) >= last, "sorted and apart");
        last = (hit.span, hit.end);
        if let Ok(text) = std::str::from_utf8(text) {
            assert!(
                text.is_char_boundary(hit.start as usize)
                    && text.is_char_boundary(hit.end as usize)
            );
        }
        assert_ne!(SIMD.rule_name(hit.rule), "unknown");
    }
    // With less to spend, what is called scanned is scanned as well as ever.
    let (fewer, reached) = scan(&SIMD, &arena, input.len() as u64);
    let expected: Vec<Hit> = hits.iter().filter(|h| h.span < reached).copied().collect();
    assert_eq!(fewer, expected);
    let key = AliasKey::from_seed(1);
    let alias = input.get(1..9).map(|s| (8, key.hash(s)));
    let mut all = hits.clone();
    key.find(&arena, alias.as_slice(), &mut all);
    assert!(all.is_sorted_by_key(|h| (h.span, h.start)));
});

//! Any bytes as a name: nothing panics, and what must not change the verdict does not.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use stillframe_core::redact::{Profile, RedactConfig, Redactor, ValueKind};

static WORD_RUNS: LazyLock<Redactor> = LazyLock::new(|| {
    let names = vec!["shoe_size".to_owned(), "x".to_owned()];
    let excluded_names = vec!["csrf_token".to_owned()];
    Redactor::new(&RedactConfig {
        names,
        excluded_names,
        ..RedactConfig::default()
    })
    .0
});

static EXACT: LazyLock<Redactor> = LazyLock::new(|| {
    Redactor::new(&RedactConfig {
        profile: Profile::Datadog,
        ..RedactConfig::default()
    })
    .0
});

fuzz_target!(|name: &[u8]| {
    let found = WORD_RUNS.name(name);
    let _ = EXACT.name(name);
    if name.len() > 512 {
        assert!(found.is_some(), "long names fail closed");
        return;
    }
    if let Some(hit) = found {
        assert!(hit.hides(ValueKind::Other));
        assert_eq!(WORD_RUNS.rule_name(hit.rule()), hit.word());
    }
    // Separators at the ends and invalid or invisible bytes decide nothing.
    for (before, after) in [
        (&b"_"[..], &b"__"[..]),
        (b"\xff", b""),
        (b"", "\u{200b}".as_bytes()),
    ] {
        let dressed = [before, name, after].concat();
        // A byte put before the first may complete what was invalid, and 512 is a limit.
        if dressed.len() <= 512 && std::str::from_utf8(name).is_ok() {
            let again = WORD_RUNS.name(&dressed);
            assert_eq!(again.map(|h| h.word()), found.map(|h| h.word()));
        }
    }
});

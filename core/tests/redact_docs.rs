//! What the documentation promises is what there is.

use stillframe_core::redact::{RedactConfig, Redactor, detector_names};

const PAGE: &str = include_str!("../../docs/redaction.md");

/// Everything between back quotes.
fn quoted() -> Vec<&'static str> {
    PAGE.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_detector_is_documented() {
    let documented = quoted();
    for (name, _) in detector_names() {
        assert!(
            documented.contains(&name),
            "docs/redaction.md does not name {name}"
        );
    }
}

#[test]
fn every_documented_word_is_in_the_table() {
    let redactor = Redactor::new(&RedactConfig::default()).0;
    let words: Vec<&str> = PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("    words: "))
        .flat_map(str::split_whitespace)
        .collect();
    assert!(words.len() >= 140, "{}", words.len());
    for word in &words {
        assert_eq!(
            redactor.name(word.as_bytes()).map(|h| h.word()),
            Some(*word)
        );
    }
    let (names, _, _) = redactor.counts();
    assert_eq!(words.len(), names, "a word of the table is not documented");
}

//! A redactor with a given number of rules, for benches. Whoever includes this has `values` beside it.

use stillframe_core::redact::{RedactConfig, Redactor, UserRule, detector_names};

use crate::values::user_rules;

/// So many rules: the built-in ones first, then made-up ones with a literal each.
pub(crate) fn redactor(rules: usize) -> Redactor {
    let built_in: Vec<&str> = detector_names().filter(|d| d.1).map(|d| d.0).collect();
    let disabled = built_in.iter().skip(rules).map(|&d| d.to_owned()).collect();
    let own = user_rules(rules.saturating_sub(built_in.len())).map(|(name, pattern)| UserRule {
        name,
        pattern,
        ..UserRule::default()
    });
    let config = RedactConfig {
        disabled_detectors: disabled,
        rules: own.collect(),
        ..RedactConfig::default()
    };
    let (redactor, errors) = Redactor::new(&config);
    assert!(errors.is_empty(), "{errors:?}");
    redactor
}

//! Rules that a caller adds to the configured ones: what is hidden, what is shown, what is never captured.

use stillframe_core::config::Config;
use stillframe_core::gate::ExcludeRule;
use stillframe_core::redact::{RedactConfig, Redactor, UserRule};

use crate::error::{Failure, stillframe_error};
use crate::guard::{done, guard, inside};
use crate::handle::stillframe_rules;
use crate::status::{
    STILLFRAME_ERROR_RULE, STILLFRAME_ERROR_TOO_MUCH, STILLFRAME_ERROR_VALUE, stillframe_status,
};
use crate::text::stillframe_text;

/// Hides the values of variables, fields, keys and headers of this name: redact.names.
pub const STILLFRAME_RULE_NAME: u32 = 1;
/// Hides values of this type, a full name or a prefix and `*`: redact.types.
pub const STILLFRAME_RULE_TYPE: u32 = 2;
/// Hides what a regular expression finds in any text: redact.values.
pub const STILLFRAME_RULE_PATTERN: u32 = 3;
/// Shows the values under this name whatever else is said: redact.excluded_names.
pub const STILLFRAME_RULE_SHOWN_NAME: u32 = 4;
/// Never captures exceptions of this type, in which `*` is any text: gate.exclude.
pub const STILLFRAME_RULE_EXCLUSION: u32 = 5;

/// Rules of one kind.
const MOST: usize = 4096;
/// Bytes of one rule.
const LONGEST: usize = 16 << 10;

/// What is behind a handle of rules.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    names: Vec<String>,
    types: Vec<String>,
    patterns: Vec<UserRule>,
    shown_names: Vec<String>,
    exclusions: Vec<ExcludeRule>,
}

impl Rules {
    fn add(&mut self, kind: u32, text: &str, label: &str) -> Result<(), Failure> {
        let text_of = text.trim();
        if text_of.is_empty() {
            return Err(Failure::of(STILLFRAME_ERROR_RULE, "text", "empty"));
        }
        if text.len() > LONGEST || label.len() > LONGEST || self.most() >= MOST {
            let what = "more than 4096 rules of a kind, or more than 16 KiB in one";
            return Err(Failure::new(STILLFRAME_ERROR_TOO_MUCH, what));
        }
        match kind {
            STILLFRAME_RULE_NAME => self.names.push(text_of.to_owned()),
            STILLFRAME_RULE_TYPE => {
                judge(RedactConfig {
                    types: vec![text_of.to_owned()],
                    ..RedactConfig::default()
                })?;
                self.types.push(text_of.to_owned());
            }
            STILLFRAME_RULE_SHOWN_NAME => self.shown_names.push(text_of.to_owned()),
            STILLFRAME_RULE_EXCLUSION => self.exclusions.push(ExcludeRule {
                type_name: Some(text_of.to_owned()),
                ..ExcludeRule::default()
            }),
            STILLFRAME_RULE_PATTERN => {
                if label.trim().is_empty() {
                    let what =
                        "a pattern needs a name, which snapshots tell where it hid something";
                    return Err(Failure::of(STILLFRAME_ERROR_RULE, "label", what));
                }
                let rule = UserRule {
                    name: label.trim().to_owned(),
                    pattern: text.to_owned(),
                    ..UserRule::default()
                };
                judge(RedactConfig {
                    rules: vec![rule.clone()],
                    ..RedactConfig::default()
                })?;
                // A later rule replaces one of the same name, as in the configuration.
                self.patterns.retain(|known| known.name != rule.name);
                self.patterns.push(rule);
            }
            _ => {
                return Err(Failure::of(
                    STILLFRAME_ERROR_VALUE,
                    "kind",
                    "no such kind of rule",
                ));
            }
        }
        Ok(())
    }

    fn most(&self) -> usize {
        let lists = [
            self.names.len(),
            self.types.len(),
            self.patterns.len(),
            self.shown_names.len(),
            self.exclusions.len(),
        ];
        lists.into_iter().max().unwrap_or(0)
    }

    /// Adds them to what is configured.
    pub(crate) fn apply(&self, config: &mut Config) {
        let redact = &mut config.redact;
        redact.names.extend_from_slice(&self.names);
        redact.types.extend_from_slice(&self.types);
        redact.excluded_names.extend_from_slice(&self.shown_names);
        redact
            .rules
            .retain(|known| !self.patterns.iter().any(|rule| rule.name == known.name));
        redact.rules.extend_from_slice(&self.patterns);
        config.gate.exclude.extend_from_slice(&self.exclusions);
    }
}

/// Has the redactor say what it thinks of a rule.
fn judge(config: RedactConfig) -> Result<(), Failure> {
    let (_, errors) = Redactor::new(&config);
    match errors.first() {
        None => Ok(()),
        Some(error) => {
            let failure = Failure::made(STILLFRAME_ERROR_RULE, error.to_string());
            Err(failure.with_detail(error.position().unwrap_or(0)))
        }
    }
}

/// Rules, none yet. Freed with stillframe_rules_free(). Never NULL, but after an internal error.
#[unsafe(no_mangle)]
pub extern "C" fn stillframe_rules_new() -> *mut stillframe_rules {
    guard!(else std::ptr::null_mut(), { inside(|| stillframe_rules::new(Rules::default())) })
}

/// Adds a rule. `kind` is a STILLFRAME_RULE_*; `label` is the name of a pattern, which snapshots tell where it hid something, and is not
/// looked at for other kinds. STILLFRAME_ERROR_RULE: the rule cannot be used, and the message says why.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_rules_add(
    rules: *mut stillframe_rules,
    kind: u32,
    text: stillframe_text,
    label: stillframe_text,
    error: *mut stillframe_error,
) -> stillframe_status {
    guard!(error, {
        inside(|| {
            // SAFETY: the contract: nobody else uses the handle now, and both views are valid for this call.
            unsafe {
                let rules = stillframe_rules::get(rules)?;
                rules.add(kind, text.read("text")?, label.read("label")?)?;
            }
            done()
        })
    })
}

/// Frees rules; engines that were made with them keep what they need. NULL and rules that were freed do nothing.
///
/// # Safety
///
/// The header's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stillframe_rules_free(rules: *mut stillframe_rules) {
    guard!(else (), {
        if !rules.is_null() {
            inside(|| drop(stillframe_rules::take(rules)));
        }
    });
}

//! What the redactor can be told. Plain data: parsing lives in [`crate::config`], meaning in [`super::Redactor::new`].

use std::fmt;

/// How much of a snapshot's content may be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Names, types and values are checked; what none of them hides is shown.
    #[default]
    Normal,
    /// Only numbers, booleans, sizes and types survive; names, types and numbers are still checked.
    Strict,
    /// Values are not scanned (development only). Names and types are checked as ever.
    Off,
}

/// Whose rules for names apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Word runs: `user_password`, `AWS_SECRET_ACCESS_KEY` and `X-Api-Key` are found, `author` and `max_tokens` are not.
    #[default]
    Stillframe,
    /// Datadog's: the 85 words, exactly, after dropping `_ - $ @ .` and case.
    Datadog,
}

/// What takes the place of a match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Action {
    /// A fixed marker.
    #[default]
    Redact,
    /// Asterisks, and the last four characters where the match has sixteen or more.
    Mask,
    /// A keyed hash: the same text gives the same token under one key, and nothing else can be learned from it.
    Hash,
}

/// A check that a match of a user rule must also pass. Characters that are no digits (or letters, for
/// [`Checksum::Mod97`]) are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Payment cards, IMEI, Canadian SIN.
    Luhn,
    /// ISO 7064 mod 97-10, as in IBAN: the first four characters are moved to the end.
    Mod97,
    /// Dihedral check digit, as in Aadhaar.
    Verhoeff,
}

/// A rule of the user's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserRule {
    /// What the reader of a snapshot is told as the rule that hid a value. Not empty, unique.
    pub name: String,
    /// A regular expression in the syntax of crate `regex` with Unicode off, matched against bytes.
    pub pattern: String,
    /// Rejects a match whose check digit is wrong; the search restarts at the next group of digits.
    pub checksum: Option<Checksum>,
    /// What takes the place of a match.
    pub action: Action,
    /// Where the rule applies: globs over the path of names (`order.*`). Empty: everywhere.
    pub scope: Vec<String>,
}

/// Everything the redactor is built from.
#[derive(Clone, Debug, PartialEq)]
pub struct RedactConfig {
    /// How much may be shown.
    pub mode: Mode,
    /// Whose name rules apply.
    pub profile: Profile,
    /// Names to hide besides the built-in ones. Blank entries are ignored.
    pub names: Vec<String>,
    /// Names that are shown whatever else is said. An exclusion wins. Blank entries are ignored.
    pub excluded_names: Vec<String>,
    /// Types to hide besides the built-in ones: a qualified name, a bare class name, or a prefix ending in `*`.
    pub types: Vec<String>,
    /// Rules of the user's own.
    pub rules: Vec<UserRule>,
    /// Built-in detectors to switch off, by name ([`super::detector_names`]).
    pub disabled_detectors: Vec<String>,
    /// Detectors to switch on that are off by default: `email`, `ip`, `remote_addr`.
    pub enabled_detectors: Vec<String>,
    /// Hide strings equal to one that a name rule hid, elsewhere in the same snapshot.
    pub aliasing: bool,
    /// Key of the equality tokens; `None` writes none.
    pub equality_tokens: Option<[u8; 16]>,
    /// Shows values under sensitive names and of sensitive types. Nobody should want this in production.
    pub disable_name_redaction_i_know_what_i_am_doing: bool,
}

impl Default for RedactConfig {
    fn default() -> Self {
        RedactConfig {
            mode: Mode::Normal,
            profile: Profile::Stillframe,
            names: Vec::new(),
            excluded_names: Vec::new(),
            types: Vec::new(),
            rules: Vec::new(),
            disabled_detectors: Vec::new(),
            enabled_detectors: Vec::new(),
            aliasing: true,
            equality_tokens: None,
            disable_name_redaction_i_know_what_i_am_doing: false,
        }
    }
}

/// A part of the configuration that was ignored, and why. All other rules are in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    rule: String,
    message: String,
    position: Option<usize>,
}

impl RuleError {
    pub(super) fn new(rule: &str, message: impl Into<String>, position: Option<usize>) -> Self {
        RuleError {
            rule: rule.to_owned(),
            message: message.into(),
            position,
        }
    }

    /// The user rule's name, or the detector or type entry that was not understood.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// What is wrong, without the rule's name.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where in the pattern, as a character number from 1.
    pub fn position(&self) -> Option<usize> {
        self.position
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule `{}`: {}", self.rule, self.message)?;
        match self.position {
            Some(position) => write!(f, " at character {position}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RuleError {}

//! What a key is: name, variables, kind, default, meaning, and the place in [`Config`] that it sets. [`KEYS`] is the table of all.
//!
//! Everything else about keys follows from this table: reading every source, messages, and `docs/configuration.md`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::Config;
use super::kind::{Kind, Setting};
pub use super::table::KEYS;
use super::wires::{Address, Compression, Secret};
use crate::gate::ExcludeRule;
use crate::limits::LimitKnob;
use crate::redact::{Mode, Profile, UserRule};

/// One key.
#[derive(Debug)]
pub struct Key {
    name: &'static str,
    datadog: &'static [&'static str],
    foreign: &'static [Foreign],
    slot: Slot,
    joins: bool,
    doc: &'static str,
}

/// A variable of somebody else that sets a key.
#[derive(Debug)]
pub struct Foreign {
    name: &'static str,
    /// Its value as the key has it.
    read: fn(&str) -> String,
}

impl Foreign {
    /// A variable whose value means the same.
    pub(super) const fn same(name: &'static str) -> Self {
        Self {
            name,
            read: str::to_owned,
        }
    }

    /// A variable whose value means what `read` makes of it.
    pub(super) const fn as_if(name: &'static str, read: fn(&str) -> String) -> Self {
        Self { name, read }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What `value` means for the key.
    pub fn read(&self, value: &str) -> String {
        (self.read)(value)
    }
}

/// The place in [`Config`] that a key sets; with it, the kind of value.
#[derive(Debug)]
pub(super) enum Slot {
    Flag(fn(&mut Config) -> &mut bool),
    MaybeFlag(fn(&mut Config) -> &mut Option<bool>),
    Knob(LimitKnob),
    Count(fn(&mut Config) -> &mut u32, u32, u32),
    Size(fn(&mut Config) -> &mut usize, usize, usize),
    Bytes(fn(&mut Config) -> &mut u64, u64, u64),
    Time(fn(&mut Config) -> &mut Duration, Duration, Duration),
    Rate(fn(&mut Config) -> &mut f64, f64, f64),
    MaybeText(fn(&mut Config) -> &mut Option<String>),
    Text(fn(&mut Config) -> &mut String),
    MaybeTime(fn(&mut Config) -> &mut Option<Duration>, Duration, Duration),
    MaybeSecret(fn(&mut Config) -> &mut Option<Secret>),
    Address(fn(&mut Config) -> &mut Address, &'static [&'static str]),
    MaybeAddress(
        fn(&mut Config) -> &mut Option<Address>,
        &'static [&'static str],
    ),
    Headers(fn(&mut Config) -> &mut BTreeMap<String, Secret>),
    Compression(fn(&mut Config) -> &mut Compression),
    MaybePath(fn(&mut Config) -> &mut Option<PathBuf>),
    List(fn(&mut Config) -> &mut Vec<String>),
    Tags(fn(&mut Config) -> &mut BTreeMap<String, String>),
    Excludes(fn(&mut Config) -> &mut Vec<ExcludeRule>),
    Rules(fn(&mut Config) -> &mut Vec<UserRule>),
    Profile(fn(&mut Config) -> &mut Profile),
    Mode,
}

const PROFILES: &[&str] = &["stillframe", "datadog"];
const MODES: &[&str] = &["normal", "strict", "off"];
const COMPRESSIONS: &[&str] = &["gzip", "none"];

impl Key {
    pub(super) const fn new(name: &'static str, slot: Slot, doc: &'static str) -> Self {
        Self {
            name,
            datadog: &[],
            foreign: &[],
            slot,
            joins: false,
            doc,
        }
    }

    pub(super) const fn datadog(mut self, variables: &'static [&'static str]) -> Self {
        self.datadog = variables;
        self
    }

    /// Variables of others that set it.
    pub(super) const fn known_as(mut self, variables: &'static [Foreign]) -> Self {
        self.foreign = variables;
        self
    }

    /// What several sources say is put together; otherwise the strongest source says all.
    pub(super) const fn joining(mut self) -> Self {
        self.joins = true;
        self
    }

    /// The name in a `stillframe.toml`: `limits.depth`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The name as a keyword of a call: `limits_depth`.
    pub fn keyword(&self) -> String {
        self.name.replace('.', "_")
    }

    /// Our environment variable: `STILLFRAME_LIMITS_DEPTH`.
    pub fn variable(&self) -> String {
        format!("STILLFRAME_{}", self.keyword().to_ascii_uppercase())
    }

    /// Datadog's environment variables with this meaning; the first that is set counts.
    pub fn datadog_variables(&self) -> &'static [&'static str] {
        self.datadog
    }

    /// Further variables of Datadog, OpenTelemetry and Sentry that set it; the first that is set counts. What is wrong with one is told
    /// only where the destination that it is for is on.
    pub fn foreign_variables(&self) -> &'static [Foreign] {
        self.foreign
    }

    /// Whether its value is never shown.
    pub fn is_secret(&self) -> bool {
        matches!(self.slot, Slot::MaybeSecret(_) | Slot::Headers(_))
    }

    /// What it means, in one line.
    pub fn doc(&self) -> &'static str {
        self.doc
    }

    /// Whether what several sources say is put together, rather than the strongest source counting alone.
    pub fn joins(&self) -> bool {
        self.joins
    }

    /// What it accepts.
    pub fn kind(&self) -> Kind {
        match self.slot {
            Slot::Flag(_) | Slot::MaybeFlag(_) => Kind::Flag,
            Slot::Knob(knob) => {
                let (min, max) = (*knob.range().start(), *knob.range().end());
                match knob {
                    LimitKnob::TapeBytes => Kind::Bytes { min, max },
                    LimitKnob::SoftTime | LimitKnob::HardTime => Kind::Time {
                        min: Duration::from_micros(min),
                        max: Duration::from_micros(max),
                    },
                    _ => Kind::Count { min, max },
                }
            }
            Slot::Count(_, min, max) => Kind::Count {
                min: min.into(),
                max: max.into(),
            },
            Slot::Size(_, min, max) => Kind::Count {
                min: min as u64,
                max: max as u64,
            },
            Slot::Bytes(_, min, max) => Kind::Bytes { min, max },
            Slot::Time(_, min, max) => Kind::Time { min, max },
            Slot::Rate(_, min, max) => Kind::Rate { min, max },
            Slot::MaybeText(_) | Slot::Text(_) => Kind::Text,
            Slot::MaybeTime(_, min, max) => Kind::Time { min, max },
            Slot::MaybeSecret(_) => Kind::Secret,
            Slot::Address(_, schemes) | Slot::MaybeAddress(_, schemes) => Kind::Address(schemes),
            Slot::Headers(_) => Kind::Headers,
            Slot::Compression(_) => Kind::Choice(COMPRESSIONS),
            Slot::MaybePath(_) => Kind::Path,
            Slot::List(_) => Kind::List,
            Slot::Tags(_) => Kind::Tags,
            Slot::Excludes(_) => Kind::Excludes,
            Slot::Rules(_) => Kind::Rules,
            Slot::Profile(_) => Kind::Choice(PROFILES),
            Slot::Mode => Kind::Choice(MODES),
        }
    }

    /// The value in `config`; `None` where nothing is set and nothing is the default.
    pub(super) fn get(&self, config: &mut Config) -> Option<Setting> {
        Some(match self.slot {
            Slot::Flag(at) => Setting::Flag(*at(config)),
            Slot::MaybeFlag(at) => Setting::Flag((*at(config))?),
            Slot::Knob(knob) if knob.is_time() => {
                Setting::Time(Duration::from_micros(knob.get(&config.limits)))
            }
            Slot::Knob(knob) => Setting::Count(knob.get(&config.limits)),
            Slot::Count(at, ..) => Setting::Count((*at(config)).into()),
            Slot::Size(at, ..) => Setting::Count(*at(config) as u64),
            Slot::Bytes(at, ..) => Setting::Count(*at(config)),
            Slot::Time(at, ..) => Setting::Time(*at(config)),
            Slot::Rate(at, ..) => Setting::Rate(*at(config)),
            Slot::MaybeText(at) => Setting::Text(at(config).clone()?),
            Slot::Text(at) => Setting::Text(at(config).clone()),
            Slot::MaybeTime(at, ..) => Setting::Time((*at(config))?),
            Slot::MaybeSecret(at) => Setting::Secret(at(config).clone()?),
            Slot::Address(at, _) => Setting::Address(at(config).clone()),
            Slot::MaybeAddress(at, _) => Setting::Address(at(config).clone()?),
            Slot::Headers(at) => Setting::Headers(at(config).clone()),
            Slot::Compression(at) => Setting::Choice(match at(config) {
                Compression::Gzip => COMPRESSIONS[0],
                Compression::None => COMPRESSIONS[1],
            }),
            Slot::MaybePath(at) => Setting::Path(at(config).clone()?),
            Slot::List(at) => Setting::List(at(config).clone()),
            Slot::Tags(at) => Setting::Tags(at(config).clone()),
            Slot::Excludes(at) => Setting::Excludes(at(config).clone()),
            Slot::Rules(at) => Setting::Rules(at(config).clone()),
            Slot::Profile(at) => Setting::Choice(match at(config) {
                Profile::Stillframe => PROFILES[0],
                Profile::Datadog => PROFILES[1],
            }),
            Slot::Mode => Setting::Choice(match config.redact.mode {
                Mode::Normal => MODES[0],
                Mode::Strict => MODES[1],
                Mode::Off => MODES[2],
            }),
        })
    }

    /// Puts `setting`, which [`Kind::parse`] of this key's kind made, into `config`.
    pub(super) fn set(&self, config: &mut Config, setting: Setting) {
        match (&self.slot, setting) {
            (Slot::Flag(at), Setting::Flag(value)) => *at(config) = value,
            (Slot::MaybeFlag(at), Setting::Flag(value)) => *at(config) = Some(value),
            (Slot::Knob(knob), Setting::Count(value)) => knob.set(&mut config.limits, value),
            (Slot::Knob(knob), Setting::Time(value)) => {
                knob.set(
                    &mut config.limits,
                    u64::try_from(value.as_micros()).unwrap_or(u64::MAX),
                );
            }
            (Slot::Count(at, ..), Setting::Count(value)) => {
                *at(config) = u32::try_from(value).unwrap_or(u32::MAX);
            }
            (Slot::Size(at, ..), Setting::Count(value)) => {
                *at(config) = usize::try_from(value).unwrap_or(usize::MAX);
            }
            (Slot::Bytes(at, ..), Setting::Count(value)) => *at(config) = value,
            (Slot::Time(at, ..), Setting::Time(value)) => *at(config) = value,
            (Slot::Rate(at, ..), Setting::Rate(value)) => *at(config) = value,
            (Slot::MaybeText(at), Setting::Text(value)) => *at(config) = Some(value),
            (Slot::Text(at), Setting::Text(value)) => *at(config) = value,
            (Slot::MaybeTime(at, ..), Setting::Time(value)) => *at(config) = Some(value),
            (Slot::MaybeSecret(at), Setting::Secret(value)) => *at(config) = Some(value),
            (Slot::Address(at, _), Setting::Address(value)) => *at(config) = value,
            (Slot::MaybeAddress(at, _), Setting::Address(value)) => *at(config) = Some(value),
            (Slot::Headers(at), Setting::Headers(values)) => *at(config) = values,
            (Slot::Compression(at), Setting::Choice(word)) => {
                *at(config) = if word == COMPRESSIONS[1] {
                    Compression::None
                } else {
                    Compression::Gzip
                };
            }
            (Slot::MaybePath(at), Setting::Path(value)) => *at(config) = Some(value),
            (Slot::List(at), Setting::List(values)) => join(at(config), values, self.joins),
            (Slot::Tags(at), Setting::Tags(values)) if self.joins => at(config).extend(values),
            (Slot::Tags(at), Setting::Tags(values)) => *at(config) = values,
            (Slot::Excludes(at), Setting::Excludes(values)) => join(at(config), values, self.joins),
            (Slot::Rules(at), Setting::Rules(values)) => {
                // A stronger source may replace a rule by its name, and can only add to the others.
                at(config).retain(|rule| !values.iter().any(|new| new.name == rule.name));
                at(config).extend(values);
            }
            (Slot::Profile(at), Setting::Choice(word)) => {
                *at(config) = if word == PROFILES[1] {
                    Profile::Datadog
                } else {
                    Profile::Stillframe
                };
            }
            (Slot::Mode, Setting::Choice(word)) => {
                config.redact.mode = match word {
                    "strict" => Mode::Strict,
                    "off" => Mode::Off,
                    _ => Mode::Normal,
                };
            }
            (slot, setting) => debug_assert!(false, "{slot:?} is not set by {setting:?}"),
        }
    }
}

fn join<T: PartialEq>(all: &mut Vec<T>, new: Vec<T>, joins: bool) {
    if !joins {
        all.clear();
    }
    for value in new {
        if !all.contains(&value) {
            all.push(value);
        }
    }
}

/// The key named `name`, in any of the forms that a source may use.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    let same = |key: &&Key| {
        key.name.len() == name.len()
            && key
                .name
                .bytes()
                .zip(name.bytes())
                .all(|(a, b)| a == b || (a == b'.' && b == b'_'))
    };
    KEYS.iter().find(same)
}

/// Whether keys begin with `name` and a dot (or, as a keyword, an underscore).
pub(super) fn is_section(name: &str) -> bool {
    KEYS.iter().any(|key| {
        key.name
            .split_once('.')
            .is_some_and(|(section, _)| section == name)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_and_variable_is_unique() {
        let mut names = BTreeSet::new();
        for key in KEYS {
            assert!(names.insert(key.keyword()), "{}", key.name());
            assert!(names.insert(key.variable()), "{}", key.name());
            for variable in key.datadog_variables() {
                assert!(names.insert((*variable).to_owned()), "{variable}");
                assert!(variable.starts_with("DD_"), "{variable}");
            }
        }
        // One of theirs may say several things, each for a key of its own.
        for key in KEYS {
            let mut theirs = BTreeSet::new();
            for variable in key.foreign_variables() {
                assert!(theirs.insert(variable.name()), "{variable:?}");
                assert!(!names.contains(variable.name()), "{variable:?}");
            }
        }
    }

    #[test]
    fn every_key_is_found_by_its_names_and_has_a_place_of_its_own() {
        for key in KEYS {
            for name in [key.name().to_owned(), key.keyword()] {
                assert_eq!(find(&name).map(Key::name), Some(key.name()));
            }
            assert!(
                key.doc().ends_with('.') && !key.doc().contains('\n'),
                "{}",
                key.name()
            );
        }
        assert!(find("limits").is_none() && find("limits.").is_none() && find("").is_none());
        assert!(is_section("limits") && !is_section("limits.depth") && !is_section("tags"));
    }

    #[test]
    fn every_default_is_accepted_by_its_own_kind() {
        let mut config = Config::default();
        for key in KEYS {
            let Some(setting) = key.get(&mut config) else {
                continue;
            };
            let mut copy = Config::default();
            key.set(&mut copy, setting.clone());
            assert_eq!(key.get(&mut copy), Some(setting), "{}", key.name());
        }
    }
}

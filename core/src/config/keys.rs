//! The table of all keys: name, variables, kind, default, meaning, and the place in [`Config`] that each sets.
//!
//! Everything else about keys follows from this table: reading every source, messages, and `docs/configuration.md`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::Config;
use super::kind::{Kind, Setting};
use crate::gate::ExcludeRule;
use crate::limits::LimitKnob;
use crate::redact::{Mode, Profile, UserRule};
use crate::sink::spool::SpoolConfig;

/// One key.
#[derive(Debug)]
pub struct Key {
    name: &'static str,
    datadog: &'static [&'static str],
    slot: Slot,
    joins: bool,
    doc: &'static str,
}

/// The place in [`Config`] that a key sets; with it, the kind of value.
#[derive(Debug)]
enum Slot {
    Flag(fn(&mut Config) -> &mut bool),
    MaybeFlag(fn(&mut Config) -> &mut Option<bool>),
    Knob(LimitKnob),
    Count(fn(&mut Config) -> &mut u32, u32, u32),
    Size(fn(&mut Config) -> &mut usize, usize, usize),
    Bytes(fn(&mut Config) -> &mut u64, u64, u64),
    Time(fn(&mut Config) -> &mut Duration, Duration, Duration),
    Rate(fn(&mut Config) -> &mut f64, f64, f64),
    MaybeText(fn(&mut Config) -> &mut Option<String>),
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

impl Key {
    const fn new(name: &'static str, slot: Slot, doc: &'static str) -> Self {
        Self {
            name,
            datadog: &[],
            slot,
            joins: false,
            doc,
        }
    }

    const fn datadog(mut self, variables: &'static [&'static str]) -> Self {
        self.datadog = variables;
        self
    }

    /// What several sources say is put together; otherwise the strongest source says all.
    const fn joining(mut self) -> Self {
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
            Slot::MaybeText(_) => Kind::Text,
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

const fn knob(knob: LimitKnob, doc: &'static str) -> Key {
    Key::new(knob.key(), Slot::Knob(knob), doc)
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const DAY: Duration = seconds(86_400);

/// All keys, in the order of the document.
pub static KEYS: &[Key] = &[
    Key::new(
        "enabled",
        Slot::MaybeFlag(|c| &mut c.enabled),
        "Whether exceptions are captured. Not set: as the host decides; for Python, only if it is asked to.",
    )
    .datadog(&["DD_EXCEPTION_REPLAY_ENABLED", "DD_EXCEPTION_DEBUGGING_ENABLED"]),
    Key::new(
        "service",
        Slot::MaybeText(|c| &mut c.service),
        "Name of the program; its store is named after it. Not set: the host finds one.",
    )
    .datadog(&["DD_SERVICE"]),
    Key::new("env", Slot::MaybeText(|c| &mut c.env), "Deployment environment: `prod`, `staging`.")
        .datadog(&["DD_ENV"]),
    Key::new("version", Slot::MaybeText(|c| &mut c.version), "Version of the program.")
        .datadog(&["DD_VERSION"]),
    Key::new(
        "tags",
        Slot::Tags(|c| &mut c.tags),
        "Attributes of every snapshot. In `DD_TAGS`, `service`, `env` and `version` set those keys.",
    )
    .datadog(&["DD_TAGS"])
    .joining(),
    Key::new(
        "profile",
        Slot::Profile(|c| &mut c.profile),
        "`datadog`: exactly Datadog's depth, fields, items and characters, and its name rules; single keys still count.",
    ),
    Key::new(
        "dir",
        Slot::MaybePath(|c| &mut c.dir),
        "Directory of the store. Not set: `$XDG_STATE_HOME/stillframe/<service>`, else `~/.local/state/stillframe/<service>`.",
    ),
    Key::new(
        "summary",
        Slot::Flag(|c| &mut c.summary),
        "Whether a short summary is printed at the end of a program that failed; `stillframe run` always does.",
    ),
    Key::new(
        "debug",
        Slot::Flag(|c| &mut c.debug),
        "Whether failures of our own are told on standard error, rather than only counted.",
    ),
    Key::new(
        "hooks.excepthook",
        Slot::Flag(|c| &mut c.hooks.excepthook),
        "Capture what ends the program.",
    ),
    Key::new("hooks.threading", Slot::Flag(|c| &mut c.hooks.threading), "Capture what ends a thread."),
    Key::new(
        "hooks.unraisable",
        Slot::Flag(|c| &mut c.hooks.unraisable),
        "Capture what the runtime can only report, such as failing finalizers.",
    ),
    Key::new(
        "hooks.asyncio",
        Slot::Flag(|c| &mut c.hooks.asyncio),
        "Capture what an event loop reports.",
    ),
    Key::new(
        "hooks.logging",
        Slot::Flag(|c| &mut c.hooks.logging),
        "Capture exceptions that the program logs.",
    ),
    Key::new(
        "hooks.workers",
        Slot::Flag(|c| &mut c.hooks.workers),
        "Capture what fails in processes and threads of a pool.",
    ),
    Key::new(
        "hooks.frameworks",
        Slot::Flag(|c| &mut c.hooks.frameworks),
        "Capture what web frameworks, task queues and command line libraries turn into a response or a message.",
    ),
    Key::new(
        "hooks.ddtrace",
        Slot::Flag(|c| &mut c.hooks.ddtrace),
        "Do the capture and encoding of ddtrace's exception replay, where that is on.",
    ),
    Key::new(
        "hooks.opentelemetry",
        Slot::Flag(|c| &mut c.hooks.opentelemetry),
        "Capture what is recorded on an OpenTelemetry span, and hand the snapshot to the program's own log exporter.",
    ),
    Key::new(
        "hooks.sentry",
        Slot::Flag(|c| &mut c.hooks.sentry),
        "Put the captured values into the events of the Sentry SDK, in place of its own.",
    ),
    Key::new(
        "request.headers",
        Slot::Tags(|c| &mut c.request_headers),
        "Headers of a request that link to a session elsewhere, each with the name of that link.",
    ),
    knob(LimitKnob::Exceptions, "Exceptions of a chain, the raised one included."),
    knob(
        LimitKnob::Frames,
        "Frames of an exception: all but one nearest the raise, and the outermost. The raising frame is always captured.",
    )
    .datadog(&["DD_EXCEPTION_REPLAY_CAPTURE_MAX_FRAMES"]),
    knob(LimitKnob::Depth, "References followed from a variable."),
    knob(LimitKnob::Fields, "Fields of an object."),
    knob(LimitKnob::Items, "Items of a collection."),
    knob(LimitKnob::String, "Characters kept of a string; its length is always told."),
    knob(LimitKnob::Values, "Values of a snapshot."),
    knob(LimitKnob::TapeBytes, "Memory of a snapshot before it is encoded."),
    knob(LimitKnob::SoftTime, "Time on the raising thread after which nothing further is opened."),
    knob(LimitKnob::HardTime, "Time on the raising thread after which the capture ends where it is."),
    Key::new(
        "gate.rate_per_second",
        Slot::Rate(|c| &mut c.gate.rate_per_second, 0.0, 10_000.0),
        "Captures per second and process.",
    ),
    Key::new(
        "gate.burst",
        Slot::Count(|c| &mut c.gate.burst, 1, 10_000),
        "Captures at once, after a quiet time.",
    ),
    Key::new(
        "gate.novelty_burst",
        Slot::Count(|c| &mut c.gate.novelty_burst, 0, 10_000),
        "Further captures at once, of errors from where there were none before.",
    ),
    Key::new(
        "gate.novelty_per_second",
        Slot::Rate(|c| &mut c.gate.novelty_per_second, 0.0, 10_000.0),
        "How fast that reserve fills again.",
    ),
    Key::new(
        "gate.site_first",
        Slot::Count(|c| &mut c.gate.site_first, 1, 4088),
        "Captures of one site before the intervals begin.",
    ),
    Key::new(
        "gate.site_interval",
        Slot::Time(|c| &mut c.gate.site_interval, Duration::ZERO, DAY),
        "Interval of the next six captures of a site.",
    ),
    Key::new(
        "gate.site_later_interval",
        Slot::Time(|c| &mut c.gate.site_later_interval, Duration::ZERO, DAY),
        "Interval of all later ones.",
    ),
    Key::new(
        "gate.sites",
        Slot::Size(|c| &mut c.gate.sites, 64, 1 << 20),
        "Sites remembered.",
    ),
    Key::new(
        "gate.exclude",
        Slot::Excludes(|c| &mut c.gate.exclude),
        "What is never captured: rules with `type`, `module`, `service`, `env`, in which `*` is any text.",
    )
    .joining(),
    Key::new(
        "redact.mode",
        Slot::Mode,
        "`strict`: only numbers, booleans, sizes and types are shown. `off`: contents are not searched; for development only.",
    ),
    Key::new(
        "redact.profile",
        Slot::Profile(|c| &mut c.redact.profile),
        "Whose rules for names apply. `datadog`: its 85 words, exactly.",
    ),
    Key::new(
        "redact.names",
        Slot::List(|c| &mut c.redact.names),
        "Names whose values are hidden, besides the built-in ones.",
    )
    .datadog(&["DD_DYNAMIC_INSTRUMENTATION_REDACTED_IDENTIFIERS"])
    .joining(),
    Key::new(
        "redact.excluded_names",
        Slot::List(|c| &mut c.redact.excluded_names),
        "Names whose values are shown, whatever else is said.",
    )
    .datadog(&[
        "DD_DYNAMIC_INSTRUMENTATION_REDACTION_EXCLUDED_IDENTIFIERS",
        "DD_DYNAMIC_INSTRUMENTATION_REDACTED_EXCLUDED_IDENTIFIERS",
    ]),
    Key::new(
        "redact.types",
        Slot::List(|c| &mut c.redact.types),
        "Types whose values are hidden: a full name, or a prefix and `*`.",
    )
    .datadog(&["DD_DYNAMIC_INSTRUMENTATION_REDACTED_TYPES"])
    .joining(),
    Key::new(
        "redact.values",
        Slot::Rules(|c| &mut c.redact.rules),
        "Contents that are hidden: rules with `name`, `pattern`, `checksum`, `action`, `scope`.",
    )
    .joining(),
    Key::new(
        "redact.disabled_detectors",
        Slot::List(|c| &mut c.redact.disabled_detectors),
        "Built-in detectors that are switched off.",
    ),
    Key::new(
        "redact.enabled_detectors",
        Slot::List(|c| &mut c.redact.enabled_detectors),
        "Detectors that are switched on although they are off by default: `email`, `ip`, `remote_addr`.",
    ),
    Key::new(
        "redact.aliasing",
        Slot::Flag(|c| &mut c.redact.aliasing),
        "Whether a text that was hidden by its name is hidden wherever it occurs in the snapshot.",
    ),
    Key::new(
        "redact.equality_tokens",
        Slot::Flag(|c| &mut c.equality_tokens),
        "Whether hidden values carry a keyed hash that tells equal ones. The key is made at random for each store.",
    ),
    Key::new(
        "redact.disable_name_redaction_i_know_what_i_am_doing",
        Slot::Flag(|c| &mut c.redact.disable_name_redaction_i_know_what_i_am_doing),
        "Shows values whatever their names and types. Never in production.",
    ),
    Key::new(
        "in_app.include",
        Slot::List(|c| &mut c.fingerprint.in_app_include),
        "Modules, packages and paths that are the program's own, as globs; they count before `in_app.exclude`.",
    )
    .datadog(&["DD_THIRD_PARTY_DETECTION_EXCLUDES"]),
    Key::new(
        "in_app.exclude",
        Slot::List(|c| &mut c.fingerprint.in_app_exclude),
        "Modules, packages and paths that are not the program's own, as globs.",
    )
    .datadog(&["DD_THIRD_PARTY_DETECTION_INCLUDES"]),
    Key::new(
        "fingerprint.by_message",
        Slot::Flag(|c| &mut c.fingerprint.by_message),
        "Whether errors of one type and place but of different messages are different issues.",
    ),
    Key::new("source.enabled", Slot::Flag(|c| &mut c.source), "Whether source lines are stored."),
    Key::new(
        "spool.enabled",
        Slot::Flag(|c| &mut c.spool.enabled),
        "Whether snapshots are stored at all.",
    ),
    Key::new(
        "spool.max_bytes",
        Slot::Bytes(|c| &mut c.spool.max_bytes, SpoolConfig::LEAST_BYTES, 1 << 40),
        "Size of the store. The oldest go first; the first and last of each issue stay.",
    ),
    Key::new(
        "spool.segment_bytes",
        Slot::Bytes(|c| &mut c.spool.segment_bytes, SpoolConfig::LEAST_SEGMENT, 1 << 30),
        "Size of one file of the store; at most a 32nd of the whole is used.",
    ),
];

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

//! Configuration: one table of keys, read from every source, never refused.
//!
//! # Sources
//!
//! Each overrides the ones before it:
//!
//! 1. the defaults;
//! 2. `stillframe.toml`: the file that `STILLFRAME_CONFIG` names, else the first that is found from the working directory
//!    upwards, up to the first folder that is the root of a project (`.git`, `.hg`, `.svn`, `pyproject.toml`) or the home folder;
//! 3. environment variables of Datadog, OpenTelemetry and Sentry, where they have a meaning here;
//! 4. our environment variables, `STILLFRAME_` and the key;
//! 5. the arguments of the call that starts capture.
//!
//! Lists that hide something are put together from all sources: a stronger source can add to them, not take away.
//!
//! # Errors
//!
//! [`load`] cannot fail: it runs in somebody else's program. What is wrong is a [`ConfigProblem`] that names the key, the value,
//! what is accepted, and the place; what was in force without it stays in force.
//!
//! The table ([`KEYS`]) also makes `docs/configuration.md`.

mod document;
mod file;
mod headers;
mod keys;
mod kind;
mod node;
mod problem;
mod resource;
mod rules;
mod sources;
mod suggest;
mod table;
mod units;
mod wires;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::document::document;
pub use self::keys::{Foreign, KEYS, Key};
pub use self::kind::Kind;
pub use self::problem::{ConfigProblem, Origin};
pub use self::sources::Sources;
pub use self::wires::{
    Address, Compression, DatadogConfig, Environment, OtlpConfig, Secret, SentryConfig,
    UploadConfig,
};

use self::kind::{Fault, Setting};
use self::sources::{Entry, Place};
use crate::fingerprint::FingerprintConfig;
use crate::gate::GateConfig;
use crate::limits::{LimitKnob, Limits};
use crate::redact::{Profile, RedactConfig, Redactor};
use crate::sink::spool::{SpoolConfig, SpoolError, service_dir, state_root, store_key};

/// Name of the store of a program whose service nobody knows.
const UNNAMED: &str = "unnamed";

/// Everything that can be configured, understood and checked. `Default` is what holds when no source says anything.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Whether to capture; `None` if nobody said.
    pub enabled: Option<bool>,
    /// Name of the program.
    pub service: Option<String>,
    /// Deployment environment.
    pub env: Option<String>,
    /// Version of the program.
    pub version: Option<String>,
    /// Attributes of every snapshot.
    pub tags: BTreeMap<String, String>,
    /// The profile that the defaults of other keys come from.
    pub profile: Profile,
    /// Directory of the store, absolute; `None`: see [`Config::store_dir`].
    pub dir: Option<PathBuf>,
    /// Folder of all stores, if there is one.
    pub state_root: Option<PathBuf>,
    /// Whether a summary is printed at the end of a program that was not started by `stillframe run`.
    pub summary: bool,
    /// Whether our own failures are told on standard error.
    pub debug: bool,
    /// Where a host meets exceptions by itself.
    pub hooks: Hooks,
    /// Names of session links by the header of a request that has the session's id; a header is found in any case.
    pub request_headers: BTreeMap<String, String>,
    /// Bounds of a snapshot.
    pub limits: Limits,
    /// What is admitted.
    pub gate: GateConfig,
    /// What is hidden.
    pub redact: RedactConfig,
    /// Whether `redact.equality_tokens` was asked for; its key is then in `redact`.
    pub equality_tokens: bool,
    /// How errors are grouped.
    pub fingerprint: FingerprintConfig,
    /// Whether source lines are read.
    pub source: bool,
    /// How the store is kept.
    pub spool: SpoolConfig,
    /// A Datadog Agent, or Datadog itself.
    pub datadog: DatadogConfig,
    /// A receiver of OpenTelemetry logs.
    pub otlp: OtlpConfig,
    /// A Sentry project.
    pub sentry: SentryConfig,
    /// How these are sent to.
    pub upload: UploadConfig,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// Which source set a key that does not have its default.
    pub origins: BTreeMap<&'static str, Origin>,
}

/// Where a host meets exceptions without being called. A host ignores what it does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hooks {
    /// What ends the program.
    pub excepthook: bool,
    /// What ends a thread.
    pub threading: bool,
    /// What the runtime can only report.
    pub unraisable: bool,
    /// What an event loop reports.
    pub asyncio: bool,
    /// What is logged.
    pub logging: bool,
    /// What fails in the workers of pools.
    pub workers: bool,
    /// What frameworks turn into a response or a message.
    pub frameworks: bool,
    /// What ddtrace's exception replay captures.
    pub ddtrace: bool,
    /// What is recorded on an OpenTelemetry span.
    pub opentelemetry: bool,
    /// What the Sentry SDK reports.
    pub sentry: bool,
}

impl Default for Hooks {
    fn default() -> Self {
        Self {
            excepthook: true,
            threading: true,
            unraisable: true,
            asyncio: true,
            logging: true,
            workers: true,
            frameworks: true,
            ddtrace: false,
            opentelemetry: false,
            sentry: false,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: None,
            service: None,
            env: None,
            version: None,
            tags: BTreeMap::new(),
            profile: Profile::Stillframe,
            dir: None,
            state_root: None,
            summary: false,
            debug: false,
            hooks: Hooks::default(),
            request_headers: BTreeMap::from([(
                "X-OpenReplay-SessionToken".to_owned(),
                "openReplaySessionToken".to_owned(),
            )]),
            limits: Limits::default(),
            gate: GateConfig::default(),
            redact: RedactConfig::default(),
            equality_tokens: false,
            fingerprint: FingerprintConfig::default(),
            source: true,
            spool: SpoolConfig::default(),
            datadog: DatadogConfig::default(),
            otlp: OtlpConfig::default(),
            sentry: SentryConfig::default(),
            upload: UploadConfig::default(),
            file: None,
            origins: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Names the program, if no source did: a host calls this with what it finds out itself.
    pub fn set_default_service(&mut self, service: &str) {
        if self.service.is_none() && !service.is_empty() {
            self.service = Some(service.to_owned());
            self.gate.service = service.to_owned();
        }
    }

    /// The directory of the store: `dir`, else the service's own in the user's state folder.
    ///
    /// # Errors
    ///
    /// Neither is set, and there is no home folder.
    pub fn store_dir(&self) -> Result<PathBuf, SpoolError> {
        if let Some(dir) = &self.dir {
            return Ok(dir.clone());
        }
        let root = match &self.state_root {
            Some(root) => root.clone(),
            None => state_root(|_| None)?,
        };
        Ok(service_dir(
            &root,
            self.service.as_deref().unwrap_or(UNNAMED),
        ))
    }

    /// Which source set `key`; `None` for the default.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.origins.get(key)
    }

    /// Each key and the value in force, as a file would have it; `None` where nothing is set. For people to read.
    pub fn settings(&self) -> Vec<(&'static Key, Option<String>)> {
        let mut config = self.clone();
        let shown = |key: &'static Key| {
            let setting = key.get(&mut config);
            (key, setting.map(|setting| setting.shown(key.kind())))
        };
        KEYS.iter().map(shown).collect()
    }
}

/// Reads every source. What is wrong is told, and the rest is in force.
///
/// ```
/// use std::collections::BTreeMap;
/// use stillframe_core::config::{Sources, load};
///
/// let sources = Sources {
///     variables: BTreeMap::from([("DD_SERVICE".into(), "shop".into())]),
///     arguments: BTreeMap::from([("limits_depth".to_owned(), 99.into())]),
///     ..Sources::default()
/// };
/// let (config, problems) = load(&sources);
/// assert_eq!(config.service.as_deref(), Some("shop"));
/// assert_eq!(
///     problems[0].to_string(),
///     "limits.depth = 99: not a whole number between 0 and 32; 4 stays in force (install())"
/// );
/// ```
pub fn load(sources: &Sources) -> (Config, Vec<ConfigProblem>) {
    let mut problems = Vec::new();
    let file = sources::find_file(sources, &mut problems);
    let entries = sources::entries(sources, file.as_ref(), &mut problems);

    let mut loader = Loader {
        sources,
        config: profile_base(&entries),
        problems,
        rules: Vec::new(),
    };
    loader.config.file = file.as_ref().map(|file| file.path.clone());
    for entry in &entries {
        loader.apply(entry);
    }
    loader.finish()
}

/// The defaults of the profile that the strongest source names.
fn profile_base(entries: &[Entry<'_>]) -> Config {
    let mut config = Config::default();
    for entry in entries.iter().filter(|entry| entry.key.name() == "profile") {
        if let Some(setting) = entry.key.kind().parse(&entry.node).setting {
            entry.key.set(&mut config, setting);
        }
    }
    if config.profile == Profile::Datadog {
        config.limits = Limits::datadog();
        config.redact.profile = Profile::Datadog;
    }
    config
}

struct Loader<'a> {
    sources: &'a Sources,
    config: Config,
    problems: Vec<ConfigProblem>,
    /// Name and place of what only the redactor can judge.
    rules: Vec<(&'static str, String, Origin)>,
}

impl Loader<'_> {
    fn apply(&mut self, entry: &Entry<'_>) {
        let parsed = entry.key.kind().parse(&entry.node);
        let whole = parsed.setting.is_none();
        for fault in parsed.faults {
            self.fault(entry, fault, whole);
        }
        let Some(setting) = parsed.setting else {
            return;
        };
        self.note_rules(entry, &setting);
        let origin = entry.place.origin(entry.node.at);
        let setting = match setting {
            Setting::Path(path) => Setting::Path(self.absolute(path, &entry.place)),
            other => other,
        };
        entry.key.set(&mut self.config, setting);
        self.config.origins.insert(entry.key.name(), origin);
    }

    fn fault(&mut self, entry: &Entry<'_>, fault: Fault, whole: bool) {
        let at = if fault.at == 0 {
            entry.node.at
        } else {
            fault.at
        };
        self.problems.push(ConfigProblem {
            key: format!("{}{}", entry.key.name(), fault.part),
            value: fault.value,
            what: fault.what,
            // Filled in when it is known what stays; for a part of a list, the other parts do.
            kept: whole.then(String::new),
            origin: Some(entry.place.origin(at)),
        });
    }

    /// Remembers where the entries were made that the redactor will judge.
    fn note_rules(&mut self, entry: &Entry<'_>, setting: &Setting) {
        let names: Vec<&String> = match setting {
            Setting::Rules(rules) => rules.iter().map(|rule| &rule.name).collect(),
            Setting::List(names) if entry.key.name().ends_with("_detectors") => {
                names.iter().collect()
            }
            _ => return,
        };
        for name in names {
            let at = node_of(&entry.node, name).unwrap_or(entry.node.at);
            self.rules
                .push((entry.key.name(), name.clone(), entry.place.origin(at)));
        }
    }

    /// A path as it holds wherever the program goes.
    fn absolute(&self, path: PathBuf, place: &Place<'_>) -> PathBuf {
        if let (Ok(rest), Some(home)) = (path.strip_prefix("~"), self.sources.home()) {
            return home.join(rest);
        }
        let base = match place {
            Place::File(file) => file.path.parent(),
            Place::Variable(_) | Place::Call(_) => None,
        };
        let folder = self.sources.folder.as_deref().unwrap_or(Path::new(""));
        folder.join(base.unwrap_or(Path::new(""))).join(path)
    }

    /// What concerns several keys at once.
    fn finish(mut self) -> (Config, Vec<ConfigProblem>) {
        self.config.state_root = state_root(|name| self.sources.variable(name).cloned()).ok();
        self.config.upload.environment = Environment::read(|name| self.sources.variable(name));
        self.forgive_foreign();
        self.config.gate.service = self.config.service.clone().unwrap_or_default();
        self.config.gate.env = self.config.env.clone().unwrap_or_default();
        self.check_times();
        self.make_equality_key();
        self.check_redaction();
        for problem in &mut self.problems {
            if let Some(kept) = &mut problem.kept {
                let key = keys::find(&problem.key);
                let shown = key.and_then(|key| Some(key.get(&mut self.config)?.shown(key.kind())));
                *kept = shown.unwrap_or_else(|| "no value".to_owned());
            }
            problem.make_plain();
        }
        (self.config, self.problems)
    }

    /// What others' variables say wrongly of a destination matters only if it is on.
    fn forgive_foreign(&mut self) {
        let config = &self.config;
        self.problems.retain(|problem| {
            let section = problem.key.split_once('.').map(|(section, _)| section);
            let off = match section {
                Some("datadog") => !config.datadog.enabled,
                Some("otlp") => !config.otlp.enabled,
                Some("sentry") => !config.sentry.enabled,
                _ => false,
            };
            let ours = |name: &String| name.starts_with(sources::PREFIX);
            !(off && matches!(&problem.origin, Some(Origin::Variable(name)) if !ours(name)))
        });
    }

    /// A hard limit below the soft one makes no sense; neither then counts.
    fn check_times(&mut self) {
        if self.config.limits.validate().is_ok() {
            return;
        }
        let (soft, hard) = (LimitKnob::SoftTime, LimitKnob::HardTime);
        let wrong = self.config.limits;
        for knob in [soft, hard] {
            knob.set(&mut self.config.limits, knob.get(&Limits::DEFAULT));
        }
        let shown = |knob: LimitKnob| units::show_time(Duration::from_micros(knob.get(&wrong)));
        for (knob, relation, other) in [(soft, "above", hard), (hard, "below", soft)] {
            if let Some(origin) = self.config.origins.remove(knob.key()) {
                self.problems.push(ConfigProblem {
                    key: knob.key().to_owned(),
                    value: Some(format!("{:?}", shown(knob))),
                    what: format!("{relation} {}, {}", other.key(), shown(other)),
                    kept: Some(String::new()),
                    origin: Some(origin),
                });
            }
        }
    }

    fn make_equality_key(&mut self) {
        if !self.config.equality_tokens {
            return;
        }
        match self.config.store_dir().and_then(|dir| store_key(&dir)) {
            Ok(key) => self.config.redact.equality_tokens = Some(key),
            Err(error) => self.problems.push(ConfigProblem {
                key: "redact.equality_tokens".to_owned(),
                value: None,
                what: format!("{error}; hidden values carry no token"),
                kept: None,
                origin: self.config.origin("redact.equality_tokens").cloned(),
            }),
        }
    }

    /// Has the redactor judge patterns and names of detectors, and takes out what it does not accept. Making one takes a
    /// while, so only if there is something to judge.
    fn check_redaction(&mut self) {
        if self.rules.is_empty() {
            return;
        }
        let (_, errors) = Redactor::new(&self.config.redact);
        for error in errors {
            let place = self
                .rules
                .iter()
                .rposition(|(_, name, _)| name == error.rule());
            let (key, origin) = match place {
                Some(at) => (self.rules[at].0, Some(self.rules[at].2.clone())),
                None => ("redact", None),
            };
            let at = error
                .position()
                .map(|at| format!(" at character {at}"))
                .unwrap_or_default();
            self.problems.push(ConfigProblem {
                key: format!("{key}.{}", error.rule()),
                value: None,
                what: format!("ignored: {}{at}", error.message()),
                kept: None,
                origin,
            });
            let redact = &mut self.config.redact;
            redact.rules.retain(|rule| rule.name != error.rule());
            for list in [
                &mut redact.disabled_detectors,
                &mut redact.enabled_detectors,
            ] {
                list.retain(|name| name != error.rule());
            }
        }
    }
}

/// Where in `node` something is called `name`: the rule that has this name, or the entry itself.
fn node_of(node: &node::Node, name: &str) -> Option<usize> {
    let node::Form::List(nodes) = &node.form else {
        return None;
    };
    let is_name =
        |node: &node::Node| matches!(&node.form, node::Form::Text(text) if text.trim() == name);
    let found = nodes.iter().find(|node| match &node.form {
        node::Form::Table(members) => members
            .iter()
            .any(|(key, node)| key == "name" && is_name(node)),
        _ => is_name(node),
    })?;
    Some(found.at)
}

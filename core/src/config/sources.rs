//! Where settings come from, and in which order they count.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use serde_json::Value;

use super::file::{self, ConfigFile};
use super::keys::{self, KEYS, Key};
use super::node::{Form, Node};
use super::problem::{ConfigProblem, Origin};
use super::suggest::did_you_mean;

/// Variable that names the file.
const CONFIG_VARIABLE: &str = "STILLFRAME_CONFIG";
pub(super) const PREFIX: &str = "STILLFRAME_";
/// Variables with our prefix that are no keys: `stillframe run` sets one, the Python package knows another.
const OTHER_VARIABLES: &[&str] = &[CONFIG_VARIABLE, "STILLFRAME_RUN", "STILLFRAME_FALLBACK"];
/// Deepest nesting of tables that is followed.
const DEEPEST: usize = 8;

/// Everything that a configuration is read from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The environment.
    pub variables: BTreeMap<OsString, OsString>,
    /// Arguments of the call that starts capture, named as in a file (`limits.depth`), as keywords (`limits_depth`), or as
    /// tables within one another. `null` is as good as nothing.
    pub arguments: BTreeMap<String, Value>,
    /// Where the search for a file begins, and what relative paths are relative to. `None`: no file is looked for.
    pub folder: Option<PathBuf>,
    /// What people call the call whose arguments these are; `install()` if nothing is said.
    pub call: Option<&'static str>,
}

impl Sources {
    /// The environment and working directory of this process, and `arguments`.
    pub fn of_process(arguments: BTreeMap<String, Value>) -> Self {
        Self {
            variables: std::env::vars_os().collect(),
            arguments,
            folder: std::env::current_dir().ok(),
            call: None,
        }
    }

    pub(super) fn variable(&self, name: &str) -> Option<&OsString> {
        self.variables
            .get(std::ffi::OsStr::new(name))
            .filter(|value| !value.is_empty())
    }

    pub(super) fn home(&self) -> Option<PathBuf> {
        self.variable("HOME")
            .map(PathBuf::from)
            .filter(|home| home.is_absolute())
    }
}

/// One setting, not yet understood.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) key: &'static Key,
    pub(super) node: Node,
    pub(super) place: Place<'a>,
}

/// Where an entry was made. A file's places become lines and columns only when somebody asks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    Variable(&'a str),
    File(&'a ConfigFile),
    Call(&'static str),
}

impl Place<'_> {
    pub(super) fn origin(&self, at: usize) -> Origin {
        match self {
            Self::Variable(name) => Origin::Variable((*name).to_owned()),
            Self::File(file) => file.origin(at),
            Self::Call(name) => Origin::Call(name),
        }
    }
}

/// The file in force, if there is one.
pub(super) fn find_file(
    sources: &Sources,
    problems: &mut Vec<ConfigProblem>,
) -> Option<ConfigFile> {
    let (path, found, origin) = if let Some(path) = sources.variable(CONFIG_VARIABLE) {
        let path = sources.folder.clone().unwrap_or_default().join(path);
        let found = file::named(&path);
        (
            path,
            found,
            Some(Origin::Variable(CONFIG_VARIABLE.to_owned())),
        )
    } else {
        let (path, found) = file::search(sources.folder.as_ref()?, sources.home().as_deref())?;
        (path, found, None)
    };
    match found {
        Ok(file) => Some(file),
        Err(what) => {
            let key = path.display().to_string();
            problems.push(ConfigProblem {
                key,
                value: None,
                what,
                kept: None,
                origin,
            });
            None
        }
    }
}

/// All settings of all sources, the weakest first.
pub(super) fn entries<'a>(
    sources: &'a Sources,
    file: Option<&'a ConfigFile>,
    problems: &mut Vec<ConfigProblem>,
) -> Vec<Entry<'a>> {
    let mut entries = Vec::new();
    if let Some(file) = file {
        let place = Place::File(file);
        flatten("", file.members(problems), place, 0, &mut entries, problems);
    }
    foreign(sources, &mut entries, problems);
    ours(sources, &mut entries, problems);
    let arguments = sources
        .arguments
        .iter()
        .map(|(name, value)| (name.clone(), Node::json(value)))
        .collect();
    let place = Place::Call(sources.call.unwrap_or("install()"));
    flatten("", arguments, place, 0, &mut entries, problems);
    entries
}

/// Finds the keys in tables within one another.
fn flatten<'a>(
    prefix: &str,
    members: Vec<(String, Node)>,
    place: Place<'a>,
    depth: usize,
    entries: &mut Vec<Entry<'a>>,
    problems: &mut Vec<ConfigProblem>,
) {
    for (name, node) in members {
        let name = if prefix.is_empty() {
            name
        } else {
            format!("{prefix}.{name}")
        };
        if let Some(key) = keys::find(&name) {
            if node.form != Form::Null {
                entries.push(Entry { key, node, place });
            }
            continue;
        }
        match node.form {
            Form::Table(members) if keys::is_section(&name) && depth < DEEPEST => {
                flatten(&name, members, place, depth + 1, entries, problems);
            }
            Form::Null => {}
            _ => {
                let what = if keys::is_section(&name) {
                    format!("{}, where a table belongs", node.is())
                } else {
                    format!(
                        "no such key{}",
                        did_you_mean("", &name, KEYS.iter().map(Key::name))
                    )
                };
                let origin = Some(place.origin(node.at));
                let key = name;
                problems.push(ConfigProblem {
                    key,
                    value: None,
                    what,
                    kept: None,
                    origin,
                });
            }
        }
    }
}

/// Variables of others.
fn foreign<'a>(
    sources: &'a Sources,
    entries: &mut Vec<Entry<'a>>,
    problems: &mut Vec<ConfigProblem>,
) {
    // What DD_TAGS says of these three counts less than their own variables.
    if let Some(tags) = text("DD_TAGS", sources, problems) {
        for name in ["service", "env", "version"] {
            let value = tags
                .split([',', ' '])
                .filter_map(|tag| tag.trim().split_once(':'))
                .find_map(|(key, value)| (key == name && !value.is_empty()).then_some(value));
            if let (Some(value), Some(key)) = (value, keys::find(name)) {
                let place = Place::Variable("DD_TAGS");
                entries.push(Entry {
                    key,
                    node: Node::text(value),
                    place,
                });
            }
        }
    }
    for key in KEYS {
        // A variable may hold something for several keys, and nothing for this one.
        let known = key.foreign_variables().iter();
        let mut known = known.filter(|variable| sources.variable(variable.name()).is_some());
        if let Some((name, value)) = known.find_map(|variable| {
            let value = variable.read(text(variable.name(), sources, problems)?);
            (!value.is_empty()).then(|| (variable.name(), value))
        }) {
            entries.push(Entry {
                key,
                node: Node::text(&value),
                place: Place::Variable(name),
            });
        }
        // Datadog's count more: that is how its tracers have it.
        let variable = key.datadog_variables().iter().copied();
        if let Some(name) = variable
            .into_iter()
            .find(|name| sources.variable(name).is_some())
            && let Some(value) = text(name, sources, problems)
        {
            entries.push(Entry {
                key,
                node: Node::text(value),
                place: Place::Variable(name),
            });
        }
    }
}

/// Our variables; those that name no key are told.
fn ours<'a>(sources: &'a Sources, entries: &mut Vec<Entry<'a>>, problems: &mut Vec<ConfigProblem>) {
    for name in sources.variables.keys() {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
            continue;
        };
        if OTHER_VARIABLES.contains(&name) {
            continue;
        }
        let Some(key) = KEYS.iter().find(|key| key.variable() == name) else {
            let variables: Vec<String> = KEYS.iter().map(Key::variable).collect();
            let known = variables
                .iter()
                .map(String::as_str)
                .chain([CONFIG_VARIABLE]);
            let what = format!("no such variable{}", did_you_mean(PREFIX, name, known));
            let key = name.to_owned();
            problems.push(ConfigProblem {
                key,
                value: None,
                what,
                kept: None,
                origin: None,
            });
            continue;
        };
        if let Some(value) = text(name, sources, problems) {
            entries.push(Entry {
                key,
                node: Node::text(value),
                place: Place::Variable(name),
            });
        }
    }
}

/// The text of a variable; an empty one is as good as none.
fn text<'a>(
    name: &str,
    sources: &'a Sources,
    problems: &mut Vec<ConfigProblem>,
) -> Option<&'a str> {
    let value = sources.variable(name)?;
    let text = value.to_str();
    if text.is_none() {
        let origin = Some(Origin::Variable(name.to_owned()));
        let (key, what) = (name.to_owned(), "not UTF-8".to_owned());
        problems.push(ConfigProblem {
            key,
            value: None,
            what,
            kept: None,
            origin,
        });
    }
    text
}

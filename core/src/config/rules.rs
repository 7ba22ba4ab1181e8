//! Settings that are lists of rules: what is not captured, and what is hidden.
//!
//! In a file they are arrays of tables, in a call lists of dictionaries; in an environment variable the same as JSON.

use super::kind::{Fault, Kind, entries, one_of, text};
use super::node::{Form, Node};
use crate::gate::ExcludeRule;
use crate::redact::{Action, Checksum, UserRule};

/// Most rules of either kind.
const MOST_RULES: usize = 1000;

/// `gate.exclude`. A text that is no JSON is a list of types.
pub(super) fn excludes(node: &Node, faults: &mut Vec<Fault>) -> Option<Vec<ExcludeRule>> {
    let Some(nodes) = rules(node, Kind::Excludes, faults) else {
        let types = match &node.form {
            Form::Text(text) if !text.trim_start().starts_with('[') => entries(node, faults)?,
            _ => return None,
        };
        let of_type = |name| ExcludeRule {
            type_name: Some(name),
            ..ExcludeRule::default()
        };
        return Some(types.into_iter().map(of_type).collect());
    };
    Some(each(&nodes, faults, |node, members| {
        let mut rule = ExcludeRule::default();
        for (key, node) in members {
            let place = match key.as_str() {
                "type" => &mut rule.type_name,
                "module" => &mut rule.module,
                "service" => &mut rule.service,
                "env" => &mut rule.env,
                _ => return Err(unknown(key, node, &["type", "module", "service", "env"])),
            };
            *place = Some(word(node).map_err(|fault| fault.within(key))?);
        }
        if rule == ExcludeRule::default() {
            return Err(Fault::of(node, "no condition: it would exclude nothing"));
        }
        Ok(rule)
    }))
}

/// `redact.values`.
pub(super) fn values(node: &Node, faults: &mut Vec<Fault>) -> Option<Vec<UserRule>> {
    let nodes = rules(node, Kind::Rules, faults)?;
    let mut names: Vec<String> = Vec::new();
    Some(each(&nodes, faults, |node, members| {
        let mut rule = UserRule::default();
        for (key, node) in members {
            let named = |fault: Fault| fault.within(key);
            match key.as_str() {
                "name" => rule.name = word(node).map_err(named)?,
                "pattern" => rule.pattern = pattern(node).map_err(named)?,
                "checksum" => rule.checksum = Some(choice(node, CHECKSUMS).map_err(named)?),
                "action" => rule.action = choice(node, ACTIONS).map_err(named)?,
                "scope" => {
                    let mut wrong = Vec::new();
                    rule.scope = entries(node, &mut wrong).unwrap_or_default();
                    if let Some(fault) = wrong.into_iter().next() {
                        // Without its scope a rule would hide more than was asked for, with a part of it less.
                        return Err(named(fault));
                    }
                }
                _ => {
                    let known = ["name", "pattern", "checksum", "action", "scope"];
                    return Err(unknown(key, node, &known));
                }
            }
        }
        if rule.name.is_empty() || rule.pattern.is_empty() {
            return Err(Fault::of(node, "a rule needs a name and a pattern"));
        }
        if names.contains(&rule.name) {
            return Err(Fault::of(
                node,
                format!("a second rule with the name {:?}", rule.name),
            ));
        }
        names.push(rule.name.clone());
        Ok(rule)
    }))
}

const CHECKSUMS: &[(&str, Checksum)] = &[
    ("luhn", Checksum::Luhn),
    ("mod97", Checksum::Mod97),
    ("verhoeff", Checksum::Verhoeff),
];
const ACTIONS: &[(&str, Action)] = &[
    ("redact", Action::Redact),
    ("mask", Action::Mask),
    ("hash", Action::Hash),
];

/// The rules of a list, or of a text that is a list in JSON. A text that is none is left to the caller.
fn rules(node: &Node, kind: Kind, faults: &mut Vec<Fault>) -> Option<Vec<Node>> {
    match &node.form {
        Form::List(nodes) => Some(nodes.clone()),
        Form::Text(text) if text.trim().is_empty() => Some(Vec::new()),
        Form::Text(text) if kind == Kind::Rules || text.trim_start().starts_with('[') => {
            match serde_json::from_str(text) {
                Ok(serde_json::Value::Array(values)) => {
                    Some(values.iter().map(Node::json).collect())
                }
                Ok(_) => {
                    faults.push(Fault::of(node, format!("not {}", kind.accepts())));
                    None
                }
                Err(error) => {
                    let what = format!("not {} as JSON: {error}", kind.accepts());
                    faults.push(Fault {
                        value: None,
                        ..Fault::of(node, what)
                    });
                    None
                }
            }
        }
        Form::Text(_) => None,
        _ => {
            faults.push(Fault::of(node, format!("not {}", kind.accepts())));
            None
        }
    }
}

/// Reads each rule; one that is wrong is left out, the others stay.
fn each<T>(
    nodes: &[Node],
    faults: &mut Vec<Fault>,
    mut read: impl FnMut(&Node, &[(String, Node)]) -> Result<T, Fault>,
) -> Vec<T> {
    let mut found = Vec::new();
    for (index, node) in nodes.iter().take(MOST_RULES).enumerate() {
        let rule = match &node.form {
            Form::Table(members) => read(node, members),
            _ => Err(Fault::of(node, "not a table")),
        };
        match rule {
            Ok(rule) => found.push(rule),
            Err(fault) => faults.push(fault.within(&(index + 1).to_string())),
        }
    }
    if let Some(node) = nodes.get(MOST_RULES) {
        faults.push(Fault::of(
            node,
            format!("only the first {MOST_RULES} rules are used"),
        ));
    }
    found
}

fn word(node: &Node) -> Result<String, Fault> {
    text(node).ok_or_else(|| Fault::of(node, format!("not {}", Kind::Text.accepts())))
}

/// A pattern is taken as it is written: blanks at its ends are part of it.
fn pattern(node: &Node) -> Result<String, Fault> {
    match &node.form {
        Form::Text(text) if !text.is_empty() => Ok(text.clone()),
        _ => Err(Fault::of(node, "not a regular expression")),
    }
}

fn choice<T: Copy>(node: &Node, choices: &[(&str, T)]) -> Result<T, Fault> {
    let found = match &node.form {
        Form::Text(text) => choices
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text.trim())),
        _ => None,
    };
    let words = || choices.iter().map(|(word, _)| *word).collect::<Vec<_>>();
    found
        .map(|(_, value)| *value)
        .ok_or_else(|| Fault::of(node, format!("not {}", one_of(&words()))))
}

fn unknown(key: &str, node: &Node, known: &[&str]) -> Fault {
    let what = format!("unknown member; a rule has {}", known.join(", "));
    Fault {
        value: None,
        ..Fault::of(node, what)
    }
    .within(key)
}

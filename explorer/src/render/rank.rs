//! Which variables of a frame to show first.
//!
//! A reader wants what the failing line used, then what the function was given, then what its neighbouring lines use, then the
//! rest. An object of which the line touches one member (`self.rates[day]`) is represented by that member.

use std::collections::HashSet;

use stillframe_core::reason::Reason;
use stillframe_core::snapshot::{Frame, Node, Scalar};

use super::uses::{Use, uses};
use super::value::Look;

/// Lines of one failing expression that are looked at.
const MAX_LINES: u32 = 12;

/// A variable, or a member of one, with its place in the order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Variable<'s> {
    /// Its name: `day`, `self.rates`.
    pub name: String,
    /// Its value.
    pub node: &'s Node,
}

/// The variables of a frame, the most telling first.
#[derive(Debug, Default)]
pub(crate) struct Ranking<'s> {
    /// What the failing line uses.
    pub used: Vec<Variable<'s>>,
    /// Everything else that says something.
    pub rest: Vec<Variable<'s>>,
    /// Names that the language itself defines (`__name__`), and values that are only a type (functions, modules).
    pub minor: Vec<Variable<'s>>,
    /// Names without a value.
    pub unset: Vec<&'s str>,
}

impl<'s> Ranking<'s> {
    /// Ranks the variables of a frame.
    pub(crate) fn of(frame: &'s Frame, look: &'static dyn Look) -> Self {
        let mut ranking = Self::default();
        let mut seen: HashSet<String> = HashSet::new();
        let on_line = uses_on_line(frame);
        for found in &on_line {
            let Some(node) = lookup(frame, found.name) else {
                continue;
            };
            let (node, depth) = follow(node, &found.path, look);
            if is_unset(node) || is_minor(found.name, node, look) {
                continue;
            }
            let called_on_self = depth == 0 && !found.path.is_empty() && is_self(found.name);
            let name = describe(found, depth);
            if !called_on_self && seen.insert(name.clone()) {
                ranking.used.push(Variable { name, node });
            }
        }
        let nearby: HashSet<&str> = frame
            .source
            .iter()
            .flat_map(|source| &source.lines)
            .flat_map(|line| uses(line))
            .map(|found| found.name)
            .collect();
        let groups = [
            (&frame.arguments, true),
            (&frame.locals, true),
            (&frame.locals, false),
            (&frame.statics, true),
            (&frame.statics, false),
        ];
        for (at, (group, wanted_nearby)) in groups.into_iter().enumerate() {
            for (name, node) in group {
                let is_argument = at == 0;
                if !is_argument && nearby.contains(name.as_str()) != wanted_nearby {
                    continue;
                }
                if is_unset(node) {
                    ranking.unset.push(name);
                } else if seen.insert(name.clone()) {
                    let variable = Variable {
                        name: name.clone(),
                        node,
                    };
                    if is_minor(name, node, look) {
                        ranking.minor.push(variable);
                    } else {
                        ranking.rest.push(variable);
                    }
                }
            }
        }
        ranking
    }

    /// Used ones, then the rest.
    pub(crate) fn telling(&self) -> impl Iterator<Item = &Variable<'s>> {
        self.used.iter().chain(&self.rest)
    }
}

/// The uses on the failing lines; those inside the failing expression first.
fn uses_on_line(frame: &Frame) -> Vec<Use<'_>> {
    let (Some(source), Some(line)) = (&frame.source, frame.line) else {
        return Vec::new();
    };
    let last = frame
        .end_line
        .unwrap_or(line)
        .clamp(line, line.saturating_add(MAX_LINES));
    let text = |number: u32| {
        let at = number.checked_sub(source.first_line)?;
        source.lines.get(at as usize).map(String::as_str)
    };
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for number in line..=last {
        for found in text(number).map(uses).unwrap_or_default() {
            let start = found.range.start + 1;
            let after_begin =
                number > line || frame.column.is_none_or(|column| start >= column as usize);
            let before_end =
                number < last || frame.end_column.is_none_or(|end| start < end as usize);
            if after_begin && before_end {
                inside.push(found)
            } else {
                outside.push(found)
            }
        }
    }
    inside.append(&mut outside);
    inside
}

fn lookup<'s>(frame: &'s Frame, name: &str) -> Option<&'s Node> {
    [&frame.arguments, &frame.locals, &frame.statics]
        .into_iter()
        .find_map(|group| group.get(name))
}

/// Follows a path into a value as far as it is captured; the value there and the number of steps.
fn follow<'s>(node: &'s Node, path: &[&str], look: &'static dyn Look) -> (&'s Node, usize) {
    let mut at = node;
    for (depth, step) in path.iter().enumerate() {
        match member(at, step) {
            // A method is not what a reader asks for, but what it is called on.
            Some(next) if !is_minor(step, next, look) => at = next,
            _ => return (at, depth),
        }
    }
    (at, path.len())
}

fn member<'s>(node: &'s Node, step: &str) -> Option<&'s Node> {
    if let Some(fields) = &node.fields {
        return fields.get(step);
    }
    if let Some(entries) = &node.entries {
        let is_key = |key: &Node| {
            key.value.as_ref().is_some_and(|value| match value {
                Scalar::Text(text) => text == step,
                other => other.to_string() == step,
            })
        };
        return entries
            .iter()
            .find(|(key, _)| is_key(key))
            .map(|(_, value)| value);
    }
    // What is left out in front would shift the positions.
    let elements = node.elements.as_ref().filter(|_| node.omitted.is_empty())?;
    elements.get(step.parse::<usize>().ok()?)
}

fn describe(found: &Use<'_>, depth: usize) -> String {
    let mut name = found.name.to_owned();
    for step in &found.path[..depth] {
        if step.bytes().all(|byte| byte.is_ascii_digit()) {
            name.push_str(&format!("[{step}]"));
        } else {
            name.push('.');
            name.push_str(step);
        }
    }
    name
}

fn is_self(name: &str) -> bool {
    matches!(name, "self" | "cls" | "this")
}

/// The fields of an object: private ones after the others, classes and functions last.
pub(crate) fn fields<'n>(node: &'n Node, look: &'static dyn Look) -> Vec<(&'n str, &'n Node)> {
    let mut fields: Vec<_> = node
        .fields
        .iter()
        .flat_map(|fields| fields.iter())
        .collect();
    fields.sort_by_key(|(name, value)| (is_minor(name, value, look), name.starts_with('_')));
    fields
}

fn is_unset(node: &Node) -> bool {
    node.reason() == Some(Reason::Unbound)
}

/// Whether a value says nothing by itself: a function, a module, a class, a name of the language.
fn is_minor(name: &str, node: &Node, look: &'static dyn Look) -> bool {
    let only_type = !node.is_null
        && node.value.is_none()
        && node.reference.is_none()
        && node.not_captured_reason.is_none()
        && !node.is_container();
    let type_name = node.type_name.as_deref().unwrap_or("");
    look.is_noise(name) || only_type || (node.rendered && look.is_named(type_name))
}

#[cfg(test)]
mod tests {
    use stillframe_core::snapshot::{Ordered, Source};

    use super::*;
    use crate::render::value::look;

    fn text(value: &str) -> Node {
        Node {
            type_name: Some("str".into()),
            value: Some(value.into()),
            ..Node::default()
        }
    }

    fn object(fields: &[(&str, Node)]) -> Node {
        let fields = fields
            .iter()
            .map(|(name, node)| ((*name).to_owned(), node.clone()))
            .collect();
        Node {
            type_name: Some("shop.Thing".into()),
            fields: Some(fields),
            ..Node::default()
        }
    }

    fn named(pairs: &[(&str, Node)]) -> Ordered<Node> {
        pairs
            .iter()
            .map(|(name, node)| ((*name).to_owned(), node.clone()))
            .collect()
    }

    fn frame(line: &str) -> Frame {
        Frame {
            line: Some(7),
            source: Some(Source {
                first_line: 6,
                lines: vec!["total = 0".into(), line.into()],
                ..Source::default()
            }),
            ..Frame::default()
        }
    }

    fn names(variables: &[Variable<'_>]) -> Vec<String> {
        variables
            .iter()
            .map(|variable| variable.name.clone())
            .collect()
    }

    #[test]
    fn the_failing_line_first_then_arguments_then_neighbours_then_the_rest() {
        let frame = Frame {
            arguments: named(&[
                ("self", object(&[("rates", text("r"))])),
                ("day", text("d")),
            ]),
            locals: named(&[
                ("far", text("f")),
                ("total", text("t")),
                ("rate", text("x")),
            ]),
            ..frame("rate = self.rates[day]")
        };
        let ranking = Ranking::of(&frame, look("python"));
        assert_eq!(names(&ranking.used), ["rate", "self.rates", "day"]);
        assert_eq!(names(&ranking.rest), ["self", "total", "far"]);
    }

    #[test]
    fn the_failing_expression_comes_before_the_rest_of_its_line() {
        let line = "rate = table[currency]";
        let frame = Frame {
            column: Some(8),
            end_column: Some(23),
            locals: named(&[
                ("rate", text("r")),
                ("table", text("t")),
                ("currency", text("c")),
            ]),
            ..frame(line)
        };
        let ranking = Ranking::of(&frame, look("python"));
        assert_eq!(names(&ranking.used), ["table", "currency", "rate"]);
    }

    #[test]
    fn functions_names_of_the_language_and_unset_names_step_back() {
        let function = Node {
            type_name: Some("function".into()),
            ..Node::default()
        };
        let unset = Node {
            not_captured_reason: Some("unbound".into()),
            ..Node::default()
        };
        let frame = Frame {
            locals: named(&[
                ("__name__", text("app")),
                ("convert", function),
                ("rate", unset),
                ("price", text("p")),
            ]),
            ..frame("rate = convert(price)")
        };
        let ranking = Ranking::of(&frame, look("python"));
        assert_eq!(names(&ranking.used), ["price"]);
        assert_eq!(names(&ranking.minor), ["convert", "__name__"]);
        assert_eq!(ranking.unset, ["rate"]);
    }

    #[test]
    fn functions_are_the_last_fields() {
        let function = Node {
            type_name: Some("function".into()),
            ..Node::default()
        };
        let node = object(&[
            ("run", function.clone()),
            ("a", text("1")),
            ("stop", function),
            ("b", text("2")),
        ]);
        let order: Vec<&str> = fields(&node, look("python"))
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(order, ["a", "b", "run", "stop"]);
    }

    #[test]
    fn a_method_is_represented_by_what_it_is_called_on() {
        let frame = Frame {
            arguments: named(&[
                ("self", object(&[])),
                ("items", object(&[("n", text("1"))])),
            ]),
            ..frame("self.check(items.copy())")
        };
        assert_eq!(names(&Ranking::of(&frame, look("python")).used), ["items"]);
    }
}

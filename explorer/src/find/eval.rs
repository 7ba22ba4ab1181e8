//! Whether a snapshot is what a query wants, and the values by which it is.

use stillframe_core::reason::Reason;
use stillframe_core::snapshot::{Exception, Frame, Node, Ordered, Scalar, Snapshot};

use super::path::Path;
use super::syntax::{Field, Operator, Query, Test, Value};
use super::value;
use super::walk::Values;
use crate::render::{Clock, byte_text, short_file, shown};

/// Values that are told of one occurrence.
const MAX_HITS: usize = 32;

/// A value by which an occurrence matches.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit<'s> {
    /// What it is: `user.plan`, `tag http.route`, `raised`.
    pub what: String,
    /// The frame that it belongs to, by its index.
    pub frame: Option<usize>,
    /// The value.
    pub shown: Shown<'s>,
}

/// How a value of a hit is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown<'s> {
    /// A captured value.
    Node(&'s Node),
    /// A scalar that stands beside the frames: an attribute.
    Scalar(&'s Scalar),
    /// Text of ours: a place.
    Text(String),
}

impl Query {
    /// Whether the snapshot matches, and by which values; `None` if it does not.
    pub fn find<'s>(&self, snapshot: &'s Snapshot, moment: &Clock) -> Option<Vec<Hit<'s>>> {
        let mut search = Search {
            snapshot,
            moment,
            values: Values::of(snapshot),
            hits: Vec::new(),
        };
        search.query(self, true).then_some(search.hits)
    }
}

struct Search<'s, 'm> {
    snapshot: &'s Snapshot,
    moment: &'m Clock,
    values: Values<'s>,
    hits: Vec<Hit<'s>>,
}

impl<'s> Search<'s, '_> {
    /// `told`: whether a match is one that a reader wants to see; what a `not` excludes is none.
    fn query(&mut self, query: &Query, told: bool) -> bool {
        match query {
            Query::All(parts) => {
                let before = self.hits.len();
                let all = parts.iter().all(|part| self.query(part, told));
                if !all {
                    self.hits.truncate(before);
                }
                all
            }
            Query::Any(parts) => {
                let mut any = false;
                for part in parts {
                    // The others too: a reader wants every value by which it matches.
                    any |= self.query(part, told);
                }
                any
            }
            Query::Not(inner) => !self.query(inner, false),
            Query::Test(test) => {
                let before = self.hits.len();
                let holds = self.test(test);
                if !told || !holds {
                    self.hits.truncate(before);
                }
                holds
            }
        }
    }

    fn hit(&mut self, what: impl FnOnce() -> String, frame: Option<usize>, shown: Shown<'s>) {
        if self.hits.len() < MAX_HITS {
            self.hits.push(Hit {
                what: what(),
                frame,
                shown,
            });
        }
    }

    fn test(&mut self, test: &Test) -> bool {
        let compared = test.comparison.as_ref();
        match &test.field {
            Field::Word => compared.is_some_and(|(operator, value)| {
                let head = self.snapshot.captured();
                head.is_some_and(|error| {
                    value::text(&error.type_name, *operator, value, value::whole)
                        || message(error).is_some_and(|message| {
                            value::text(message, *operator, value, value::whole)
                        })
                })
            }),
            Field::Plain(name) => match compared {
                Some((operator, value)) => self.plain(name, *operator, value),
                None => self.plain(name, Operator::Equal, &Value::Word("true".to_owned())),
            },
            Field::Tag(name) => {
                let context = self.snapshot.context.as_ref();
                self.attribute(
                    context.map(|context| &context.attributes),
                    name,
                    "tag",
                    compared,
                )
            }
            Field::User(name) => {
                let context = self.snapshot.context.as_ref();
                self.attribute(context.map(|context| &context.user), name, "user", compared)
            }
            Field::Var(path) => self.variables(path, false, |node| is_so(node, compared)),
            Field::Arg(path) => self.variables(path, true, |node| is_so(node, compared)),
            Field::Size(path) => self.variables(path, false, |node| {
                size(node).is_some_and(|size| {
                    compared.is_none_or(|(operator, value)| count(size, *operator, value))
                })
            }),
        }
    }

    fn attribute(
        &mut self,
        among: Option<&'s Ordered<Scalar>>,
        name: &str,
        kind: &str,
        compared: Option<&(Operator, Value)>,
    ) -> bool {
        let mut any = false;
        for (found, scalar) in among.into_iter().flat_map(Ordered::iter) {
            if !value::glob(name, found) {
                continue;
            }
            let holds = compared.is_none_or(|(operator, value)| {
                value::scalar(scalar, false, *operator, value).unwrap_or(false)
            });
            if holds {
                any = true;
                self.hit(|| format!("{kind} {found}"), None, Shown::Scalar(scalar));
            }
        }
        any
    }

    fn plain(&mut self, name: &str, operator: Operator, wanted: &Value) -> bool {
        let snapshot = self.snapshot;
        let text = |found: &str| value::text(found, operator, wanted, value::whole);
        let some = |found: Option<&String>| found.is_some_and(|found| text(found));
        let error = snapshot.captured();
        match name {
            "type" => error.is_some_and(|error| {
                value::text(
                    &error.type_name,
                    operator,
                    wanted,
                    value::ending(&['.', ':']),
                )
            }),
            "message" => error.and_then(message).is_some_and(text),
            "mechanism" => error.is_some_and(|error| some(error.mechanism.as_ref())),
            "handled" => {
                let handled = error
                    .and_then(|error| error.handled)
                    .map(|handled| Scalar::Bool(handled).to_string());
                handled.is_some_and(|handled| {
                    (handled == wanted.text().to_ascii_lowercase()) == (operator == Operator::Equal)
                })
            }
            "cause" => self.cause(operator, wanted),
            "service" => text(&snapshot.service),
            "env" => some(snapshot.env.as_ref()),
            "version" => some(snapshot.version.as_ref()),
            "host" => some(snapshot.host.as_ref()),
            "pid" => count(snapshot.pid.into(), operator, wanted),
            "thread" => snapshot
                .thread
                .as_ref()
                .is_some_and(|thread| some(thread.name.as_ref())),
            "issue" => {
                let key = snapshot
                    .fingerprint
                    .as_ref()
                    .map(|fingerprint| fingerprint.key.as_str());
                id(key, operator, wanted)
            }
            "trace" => {
                let trace = snapshot
                    .context
                    .as_ref()
                    .and_then(|context| context.trace_id.as_deref());
                id(trace, operator, wanted)
            }
            "time" => value::time(wanted.text()).is_some_and(|span| {
                let (from, to) = span.bounds(self.moment);
                let at = snapshot.timestamp;
                match operator {
                    Operator::Equal => (from..to).contains(&at),
                    Operator::NotEqual => !(from..to).contains(&at),
                    Operator::Less => at < from,
                    Operator::LessOrEqual => at < to,
                    Operator::Greater => at >= to,
                    _ => at >= from,
                }
            }),
            "age" => value::age(wanted.text()).is_some_and(|age| {
                let found = self.moment.now_ns.saturating_sub(snapshot.timestamp);
                operator.holds(found.cmp(&age))
            }),
            _ => self.frames(name, operator, wanted),
        }
    }

    /// Tests of frames: `frame`, `raised`, `function`, `module`, `file`, `line`.
    fn frames(&mut self, name: &str, operator: Operator, wanted: &Value) -> bool {
        let snapshot = self.snapshot;
        let raising = snapshot
            .captured()
            .and_then(|error| error.frames.first().copied());
        let mut any = false;
        for (index, frame) in snapshot.frames.iter().enumerate() {
            if name == "raised" && Some(index) != raising.map(|raising| raising as usize) {
                continue;
            }
            let holds = match name {
                "function" => function(frame, operator, wanted),
                "module" => frame
                    .module
                    .as_deref()
                    .is_some_and(|found| value::text(found, operator, wanted, package)),
                "file" => file(frame, operator, wanted),
                "line" => frame
                    .line
                    .is_some_and(|line| count(line.into(), operator, wanted)),
                _ => whole_frame(frame, operator, wanted),
            };
            if holds {
                any = true;
                let what = if name == "raised" { "raised" } else { "frame" };
                self.hit(|| what.to_owned(), Some(index), Shown::Text(place(frame)));
            }
        }
        any
    }

    /// The errors behind the captured one, or in it.
    fn cause(&mut self, operator: Operator, wanted: &Value) -> bool {
        let mut any = false;
        for error in self.snapshot.exceptions.iter().skip(1) {
            let by_type = value::text(
                &error.type_name,
                operator,
                wanted,
                value::ending(&['.', ':']),
            );
            let by_message = message(error)
                .is_some_and(|message| value::text(message, operator, wanted, value::whole));
            // Unlike something: in its type and in its message.
            let holds = match operator {
                Operator::NotEqual | Operator::ContainsNot => {
                    by_type && (by_message || message(error).is_none())
                }
                _ => by_type || by_message,
            };
            if holds {
                any = true;
                let told = message(error).map_or_else(
                    || error.type_name.clone(),
                    |message| format!("{}: {message}", error.type_name),
                );
                self.hit(|| "cause".to_owned(), None, Shown::Text(told));
            }
        }
        any
    }

    /// Every value at the path that is as wanted, in every frame.
    fn variables(
        &mut self,
        path: &Path,
        arguments_only: bool,
        wanted: impl Fn(&'s Node) -> bool,
    ) -> bool {
        let mut found = Vec::new();
        let mut any = false;
        self.values
            .at(path.steps(), arguments_only, &mut |frame, path, node| {
                if is_unset(node) || !wanted(node) {
                    return;
                }
                any = true;
                if found.len() < MAX_HITS {
                    found.push((frame, path.to_owned(), node));
                }
            });
        for (frame, path, node) in found {
            self.hit(|| path, Some(frame), Shown::Node(node));
        }
        any
    }
}

fn message(error: &Exception) -> Option<&str> {
    error.message.as_ref()?.value.as_ref()?.as_str()
}

fn is_unset(node: &Node) -> bool {
    node.reason() == Some(Reason::Unbound)
}

/// Whether a value is as asked for; without a comparison it has to be there, captured or not.
fn is_so(node: &Node, compared: Option<&(Operator, Value)>) -> bool {
    compared.is_none_or(|(operator, value)| value::node(node, *operator, value).unwrap_or(false))
}

/// Items, entries, fields, characters or bytes of a value, as many as it had.
fn size(node: &Node) -> Option<u64> {
    let text = node.value.as_ref().and_then(Scalar::as_str);
    node.size
        .filter(|_| !(node.rendered && text.is_some()))
        .or_else(|| {
            if node.is_container() {
                Some(shown(node))
            } else if node.encoding.is_some() {
                Some(byte_text(node)?.chars().count() as u64)
            } else {
                let text = text.filter(|_| !node.rendered)?;
                Some(text.chars().count() as u64)
            }
        })
}

fn count(found: u64, operator: Operator, wanted: &Value) -> bool {
    let found = Scalar::Uint(found);
    let wanted = Value::Word(wanted.text().to_owned());
    value::scalar(&found, false, operator, &wanted).unwrap_or(false)
}

/// Whether an id begins so.
fn id(found: Option<&str>, operator: Operator, wanted: &Value) -> bool {
    let Some(found) = found else { return false };
    let digits: String = wanted
        .text()
        .chars()
        .filter(|&c| c != '-')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let begins = found.starts_with(&digits);
    match operator {
        Operator::NotEqual | Operator::ContainsNot => !begins,
        _ => begins,
    }
}

fn function(frame: &Frame, operator: Operator, wanted: &Value) -> bool {
    value::text(&frame.function, operator, wanted, value::ending(&['.']))
}

fn file(frame: &Frame, operator: Operator, wanted: &Value) -> bool {
    frame
        .file
        .as_deref()
        .is_some_and(|found| value::text(found, operator, wanted, value::ending(&['/', '\\'])))
}

/// The package itself, or one in it.
fn package(found: &str, wanted: &Value) -> bool {
    let inside = found
        .strip_prefix(wanted.text())
        .is_some_and(|rest| rest.starts_with('.'));
    inside || value::whole(found, wanted)
}

/// A function, a place (`pricing.py:42`), a file or a module.
fn whole_frame(frame: &Frame, operator: Operator, wanted: &Value) -> bool {
    let by_place = frame.file.as_deref().is_some_and(|name| {
        let place = format!("{name}:{}", frame.line.unwrap_or(0));
        value::text(&place, operator, wanted, value::ending(&['/', '\\']))
    });
    let others = || {
        [
            function(frame, operator, wanted),
            file(frame, operator, wanted),
            frame
                .module
                .as_deref()
                .is_some_and(|found| value::text(found, operator, wanted, package)),
        ]
    };
    match operator {
        // Unlike something: in everything that it could be.
        Operator::NotEqual | Operator::ContainsNot => {
            let unlike = |found: Option<&String>, by: bool| found.is_none() || by;
            let [function, file, module] = others();
            function
                && unlike(frame.file.as_ref(), file && by_place)
                && unlike(frame.module.as_ref(), module)
        }
        _ => by_place || others().contains(&true),
    }
}

/// `Pricing.convert shop/pricing.py:42`
fn place(frame: &Frame) -> String {
    let file = short_file(frame.file.as_deref().unwrap_or(""), frame.module.as_deref());
    let line = frame.line.map_or(String::new(), |line| format!(":{line}"));
    format!("{} {file}{line}", frame.function)
}

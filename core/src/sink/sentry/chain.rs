//! The exceptions of an event: oldest first, each with how it is linked to the one that it led to.

use serde::Serialize;

use super::frame::Stacktrace;
use crate::snapshot::{Exception, Snapshot};

/// One exception.
#[derive(Debug, Serialize)]
pub(super) struct Value<'s> {
    #[serde(rename = "type")]
    type_name: &'s str,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_id: Option<u64>,
    pub(super) mechanism: Mechanism<'s>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stacktrace: Option<Stacktrace<'s>>,
}

/// How an exception was met, or came to be in the event.
#[derive(Debug, Serialize)]
pub(super) struct Mechanism<'s> {
    #[serde(rename = "type")]
    kind: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    handled: Option<bool>,
    exception_id: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_exception_group: bool,
}

/// An exception of the snapshot and its place in the tree.
#[derive(Debug)]
pub(super) struct Place<'s> {
    pub(super) exception: &'s Exception,
    parent: Option<usize>,
    link: Link,
}

#[derive(Clone, Copy, Debug)]
enum Link {
    Captured,
    Cause { is_context: bool },
    Member(usize),
}

/// The exceptions in the order of their numbers: each before its cause, that before its members. Each stands there once.
pub(super) fn places(snapshot: &Snapshot) -> Vec<Place<'_>> {
    let mut places = Vec::new();
    let mut seen = vec![false; snapshot.exceptions.len()];
    let mut waiting = vec![(0, None, Link::Captured)];
    while let Some((index, parent, link)) = waiting.pop() {
        let index = index as usize;
        let Some(exception) = snapshot.exceptions.get(index) else {
            continue;
        };
        if std::mem::replace(&mut seen[index], true) {
            continue;
        }
        let own = Some(places.len());
        places.push(Place {
            exception,
            parent,
            link,
        });
        let members = exception.members.iter().enumerate().rev();
        waiting.extend(members.map(|(number, &member)| (member, own, Link::Member(number))));
        let is_context = exception.cause_kind.as_deref() == Some("context");
        let cause = exception.cause;
        waiting.extend(cause.map(|cause| (cause, own, Link::Cause { is_context })));
    }
    places
}

impl<'s> Place<'s> {
    /// The exception as it stands in the event, without its frames. `number` is that of its place.
    pub(super) fn value(
        &self,
        number: usize,
        snapshot: &'s Snapshot,
        message: String,
    ) -> Value<'s> {
        let exception = self.exception;
        let language = snapshot.runtime.language.as_str();
        let is_java = language == "java";
        let kind = match self.link {
            Link::Captured => exception.mechanism.as_deref().unwrap_or("generic"),
            Link::Member(_) if is_java => "suppressed",
            _ => "chained",
        };
        let source = match (self.link, language) {
            (Link::Captured, _) => None,
            (Link::Cause { is_context: true }, _) => Some("__context__".to_owned()),
            (Link::Cause { .. }, "python") => Some("__cause__".to_owned()),
            (Link::Cause { .. }, "dotnet") => Some("InnerException".to_owned()),
            (Link::Cause { .. }, _) => Some("cause".to_owned()),
            (Link::Member(number), "dotnet") => Some(format!("InnerExceptions[{number}]")),
            (Link::Member(number), "java") => Some(format!("suppressed[{number}]")),
            (Link::Member(number), _) => Some(format!("exceptions[{number}]")),
        };
        Value {
            type_name: match exception.short_type() {
                "" => "<unknown>",
                name => name,
            },
            value: message,
            module: exception.module.as_deref(),
            thread_id: match self.link {
                Link::Captured => snapshot.thread.as_ref().map(|thread| thread.id),
                _ => None,
            },
            mechanism: Mechanism {
                kind,
                handled: exception.handled,
                exception_id: number,
                parent_id: self.parent,
                source,
                // What an exception suppressed is no part of it; as a group it would be grouped by that.
                is_exception_group: !exception.members.is_empty() && !is_java,
            },
            stacktrace: None,
        }
    }
}

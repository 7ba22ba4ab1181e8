//! Snapshots as events.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use super::chain::{self, Value};
use super::context::{self, Contexts, Counts};
use super::frame;
use crate::encode::vars::Options;
use crate::encode::{Encoder, stacktrace};
use crate::engine::{Finished, PipelineError};
use crate::sink::wire::{Items, WireEncoder};
use crate::snapshot::Snapshot;

/// Most bytes of an event. Sentry takes 1 MiB.
pub const EVENT_BYTES: usize = 1_000_000;
/// Most bytes of an exception's message; Sentry cuts there.
const MESSAGE_BYTES: usize = 8192;
/// Bytes of a message in an event that would be too large otherwise.
const SHORT_MESSAGE: usize = 256;
/// Memory that is kept from snapshot to snapshot.
const KEPT: usize = 256 << 10;

/// Writes snapshots as events.
#[derive(Debug, Default)]
pub struct Events {
    encoder: Encoder,
    msgpack: Vec<u8>,
    variables: Vec<u8>,
}

impl WireEncoder for Events {
    fn encode(&mut self, finished: &Finished, items: &mut Items) -> Result<(), PipelineError> {
        for buffer in [&mut self.msgpack, &mut self.variables] {
            buffer.clear();
            buffer.shrink_to(KEPT);
        }
        finished.msgpack(&mut self.encoder, &mut self.msgpack)?;
        finished.variables(&mut self.encoder, &Options::default(), &mut self.variables)?;
        // Our own writing: both can be read.
        let snapshot = Snapshot::from_msgpack(&self.msgpack);
        let event = snapshot
            .ok()
            .and_then(|snapshot| event_of(&snapshot, &self.variables));
        let event = event.ok_or(PipelineError::Redaction)?;
        items.push("", |out| out.extend_from_slice(&event));
        Ok(())
    }
}

/// The event of one snapshot in JSON, in at most [`EVENT_BYTES`]: without what is least missed, as far as that takes. `variables` are those
/// of its frames ([`Encoder::variables_into`]); `None` if they are not.
#[must_use]
pub fn event_of(snapshot: &Snapshot, variables: &[u8]) -> Option<Vec<u8>> {
    let variables: Variables<'_> = serde_json::from_slice(variables).ok()?;
    let timestamp: Box<RawValue> = RawValue::from_string(seconds(snapshot.timestamp)).ok()?;
    let mut out = Vec::new();
    for detail in [
        Detail::All,
        Detail::NoSource,
        Detail::NoVariables,
        Detail::Captured,
        Detail::Bare,
    ] {
        out.clear();
        let event = event(snapshot, &variables, &timestamp, detail);
        serde_json::to_writer(&mut out, &event).ok()?;
        if out.len() <= EVENT_BYTES {
            break;
        }
    }
    Some(out)
}

/// What is used of the variables for other tools' events: they stay the text that they are.
#[derive(Deserialize)]
struct Variables<'v> {
    #[serde(borrow)]
    values: &'v RawValue,
    #[serde(borrow)]
    redacted: &'v RawValue,
    #[serde(borrow)]
    cut: &'v RawValue,
    #[serde(borrow)]
    frames: Vec<FrameVariables<'v>>,
}

#[derive(Deserialize)]
struct FrameVariables<'v> {
    #[serde(borrow)]
    variables: Option<&'v RawValue>,
}

/// An event, in the order that Sentry's documentation has.
#[derive(Debug, Serialize)]
struct Event<'s> {
    event_id: String,
    timestamp: &'s RawValue,
    platform: &'static str,
    level: &'static str,
    logger: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    tags: Map<String, Json>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    extra: Map<String, Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Map<String, Json>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<[&'s str; 1]>,
    contexts: Contexts<'s>,
    exception: Values<'s>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threads: Option<Values<'s, Thread<'s>>>,
    sdk: Sdk,
}

#[derive(Debug, Serialize)]
struct Values<'s, T = Value<'s>> {
    values: Vec<T>,
    #[serde(skip)]
    of: std::marker::PhantomData<&'s ()>,
}

#[derive(Debug, Serialize)]
struct Thread<'s> {
    id: u64,
    name: &'s str,
    crashed: bool,
    current: bool,
}

#[derive(Debug, Serialize)]
struct Sdk {
    name: &'static str,
    version: &'static str,
}

/// How much is in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Detail {
    /// Only the captured exception, without frames.
    Bare,
    /// Only the captured exception.
    Captured,
    NoVariables,
    NoSource,
    All,
}

fn event<'s>(
    snapshot: &'s Snapshot,
    variables: &Variables<'s>,
    timestamp: &'s RawValue,
    detail: Detail,
) -> Event<'s> {
    let bare = detail <= Detail::Bare;
    let (tags, extra) = context::tags_and_extra(snapshot);
    let thread = snapshot.thread.as_ref();
    let counts = Counts {
        values: variables.values,
        redacted: variables.redacted,
        cut: variables.cut,
    };
    Event {
        event_id: snapshot.id.to_string().replace('-', ""),
        timestamp,
        platform: match snapshot.runtime.language.as_str() {
            "python" => "python",
            "java" => "java",
            "dotnet" => "csharp",
            "native" => "native",
            _ => "other",
        },
        level: "error",
        logger: "stillframe",
        server_name: snapshot.host.as_deref().filter(|_| !bare),
        release: context::release(snapshot),
        environment: context::environment(snapshot),
        tags: if bare { Map::new() } else { tags },
        extra: if detail <= Detail::Captured {
            Map::new()
        } else {
            extra
        },
        user: context::user(snapshot).filter(|_| !bare),
        fingerprint: snapshot
            .fingerprint
            .as_ref()
            .map(|issue| [issue.key.as_str()]),
        contexts: context::contexts(snapshot, counts),
        exception: values(exceptions(snapshot, variables, detail)),
        threads: thread.filter(|_| !bare).map(|thread| {
            values(vec![Thread {
                id: thread.id,
                name: thread.name.as_deref().unwrap_or_default(),
                crashed: snapshot.captured().and_then(|head| head.handled) == Some(false),
                current: true,
            }])
        }),
        sdk: Sdk {
            name: "stillframe",
            version: env!("CARGO_PKG_VERSION"),
        },
    }
}

const fn values<'s, T>(values: Vec<T>) -> Values<'s, T> {
    Values {
        values,
        of: std::marker::PhantomData,
    }
}

fn exceptions<'s>(
    snapshot: &'s Snapshot,
    variables: &Variables<'s>,
    detail: Detail,
) -> Vec<Value<'s>> {
    let vars: Vec<_> = match detail {
        Detail::All | Detail::NoSource => variables
            .frames
            .iter()
            .map(|frame| frame.variables)
            .collect(),
        _ => Vec::new(),
    };
    let most = if detail <= Detail::Captured {
        SHORT_MESSAGE
    } else {
        MESSAGE_BYTES
    };
    let mut places = chain::places(snapshot);
    if detail <= Detail::Captured {
        places.truncate(1);
    }
    let value = |(number, place): (usize, &chain::Place<'s>)| {
        let message = stacktrace::message(place.exception).unwrap_or_default();
        let message = message[..message.floor_char_boundary(most)].to_owned();
        let mut value = place.value(number, snapshot, message);
        if detail > Detail::Bare {
            value.stacktrace = frame::of(snapshot, place.exception, &vars);
        }
        if detail < Detail::All {
            for frame in value
                .stacktrace
                .iter_mut()
                .flat_map(|trace| &mut trace.frames)
            {
                frame.pre_context = Vec::new();
                frame.context_line = None;
                frame.post_context = Vec::new();
            }
        }
        value
    };
    places.iter().enumerate().rev().map(value).collect()
}

/// Seconds since 1970, as a number with microseconds.
fn seconds(ns: u64) -> String {
    format!("{}.{:06}", ns / 1_000_000_000, ns / 1_000 % 1_000_000)
}

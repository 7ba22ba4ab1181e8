//! Snapshots as log records.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use prost::Message;

use super::body::{self, BODY_BYTES};
use super::value::{int, pair, text};
use super::{resource, value};
use crate::encode::{Encoder, stacktrace};
use crate::engine::{Finished, PipelineError};
use crate::reason::Reason;
use crate::sink::wire::{Items, WireEncoder};
use crate::snapshot::{Context, Frame, Snapshot};

/// Most bytes of `exception.stacktrace`.
pub const STACKTRACE_BYTES: usize = 32 << 10;
/// Most bytes of any other attribute.
const ATTRIBUTE_BYTES: usize = 4096;
/// Memory that is kept from snapshot to snapshot.
const KEPT: usize = 256 << 10;

/// Writes snapshots as log records, each a whole request.
#[derive(Debug, Default)]
pub struct Records {
    resource: BTreeMap<String, String>,
    encoder: Encoder,
    msgpack: Vec<u8>,
}

impl Records {
    /// With `resource` as attributes of the resource besides those that a snapshot has.
    #[must_use]
    pub fn new(resource: BTreeMap<String, String>) -> Self {
        Self {
            resource,
            ..Self::default()
        }
    }
}

impl WireEncoder for Records {
    fn encode(&mut self, finished: &Finished, items: &mut Items) -> Result<(), PipelineError> {
        self.msgpack.clear();
        self.msgpack.shrink_to(KEPT);
        finished.msgpack(&mut self.encoder, &mut self.msgpack)?;
        // Our own writing: it can be read.
        let Ok(snapshot) = Snapshot::from_msgpack(&self.msgpack) else {
            return Err(PipelineError::Redaction);
        };
        items.push("", |out| request_into(snapshot, &self.resource, out));
        Ok(())
    }
}

/// Appends the request that delivers one snapshot to `out`: an `ExportLogsServiceRequest` in protobuf. `more`
/// are attributes that its resource has besides those that the snapshot knows.
pub fn request_into(mut snapshot: Snapshot, more: &BTreeMap<String, String>, out: &mut Vec<u8>) {
    let resource = resource::of(&snapshot, more);
    let record = record(&mut snapshot);
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource),
            scope_logs: vec![ScopeLogs {
                scope: Some(resource::scope()),
                log_records: vec![record],
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    };
    out.extend_from_slice(&request.encode_to_vec());
}

fn record(snapshot: &mut Snapshot) -> LogRecord {
    let (attributes, dropped) = attributes(snapshot);
    let context = snapshot.context.as_ref();
    let id = |text: Option<&String>| text.map(|text| bytes(text)).unwrap_or_default();
    LogRecord {
        time_unix_nano: snapshot.timestamp,
        // When it was captured is when it was observed.
        observed_time_unix_nano: snapshot.timestamp,
        severity_number: SeverityNumber::Error.into(),
        severity_text: "ERROR".to_owned(),
        event_name: "exception".to_owned(),
        trace_id: id(context.and_then(|context| context.trace_id.as_ref())),
        span_id: id(context.and_then(|context| context.span_id.as_ref())),
        dropped_attributes_count: dropped,
        attributes,
        body: Some(body::bounded(snapshot, BODY_BYTES)),
        ..LogRecord::default()
    }
}

/// The attributes and how many there would be more.
fn attributes(snapshot: &Snapshot) -> (Vec<KeyValue>, u32) {
    let mut attributes = Attributes(Vec::new());
    let head = snapshot.captured();
    let of_head = |pick: fn(&crate::snapshot::Exception) -> Option<String>| head.and_then(pick);
    attributes.text(
        "exception.type",
        of_head(|head| Some(head.type_name.clone())),
    );
    let message = of_head(|head| stacktrace::message(head).map(|message| message.into_owned()));
    attributes.text("exception.message", message);
    let trace = stacktrace::text(snapshot, STACKTRACE_BYTES);
    attributes.whole("exception.stacktrace", value::text(trace));
    let raising = head.and_then(|head| snapshot.frames.get(*head.frames.first()? as usize));
    if let Some(frame) = raising {
        attributes.text("code.function.name", Some(function(snapshot, frame)));
        attributes.text("code.file.path", frame.file.clone());
        attributes.int("code.line.number", frame.line.map(u64::from));
        attributes.int("code.column.number", frame.column.map(u64::from));
    }
    let thread = snapshot.thread.as_ref();
    attributes.int("thread.id", thread.map(|thread| thread.id));
    attributes.text("thread.name", thread.and_then(|thread| thread.name.clone()));
    attributes.text("stillframe.snapshot.id", Some(snapshot.id.to_string()));
    let issue = snapshot.fingerprint.as_ref();
    attributes.text(
        "stillframe.fingerprint",
        issue.map(|issue| issue.key.clone()),
    );
    if let Some(handled) = head.and_then(|head| head.handled) {
        attributes.whole("stillframe.handled", value::of(&handled));
    }
    attributes.text(
        "stillframe.mechanism",
        of_head(|head| head.mechanism.clone()),
    );
    let dropped = snapshot
        .context
        .as_ref()
        .map_or(0, |context| attributes.context(context));
    (attributes.0, dropped)
}

struct Attributes(Vec<KeyValue>);

impl Attributes {
    /// Adds an attribute, if there is none of that name yet.
    fn whole(&mut self, name: &str, value: AnyValue) {
        if !self.0.iter().any(|known| known.key == name) {
            self.0.push(pair(name, value));
        }
    }

    fn text(&mut self, name: &str, value: Option<String>) {
        if let Some(mut value) = value.filter(|value| !value.is_empty()) {
            value.truncate(value.floor_char_boundary(ATTRIBUTE_BYTES));
            self.whole(name, text(value));
        }
    }

    fn int(&mut self, name: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.whole(name, int(value));
        }
    }

    /// What the application said about the moment. Returns how much of that was left out for want of room.
    fn context(&mut self, context: &Context) -> u32 {
        for (name, value) in context.user.iter() {
            self.whole(&format!("user.{name}"), value::of(value));
        }
        for link in &context.session_links {
            self.text(&link.name, Some(link.id.clone()));
            self.text(&format!("{}.url", link.name), link.url.clone());
        }
        for (name, value) in context
            .attributes
            .iter()
            .filter(|(name, _)| !name.is_empty())
        {
            self.whole(name, value::of(value));
        }
        let missing = context
            .omitted
            .iter()
            .filter(|gap| gap.name.is_none() && gap.reason() == Some(Reason::FieldCount));
        missing
            .map(|gap| gap.count.unwrap_or(1))
            .fold(0, u32::saturating_add)
    }
}

/// The name of a function as `code.function.name` has it: qualified.
fn function(snapshot: &Snapshot, frame: &Frame) -> String {
    match snapshot.runtime.language.as_str() {
        // The module of native code is the file that it was linked into.
        "native" => frame.function.clone(),
        _ => stacktrace::qualified(frame, "."),
    }
}

/// The bytes of an id in hex.
fn bytes(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| match *pair {
        [high, low] => Some((digit(high)? << 4 | digit(low)?) as u8),
        _ => None,
    };
    pairs.map(byte).collect::<Option<_>>().unwrap_or_default()
}

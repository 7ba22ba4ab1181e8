//! A conformance vector of the snapshot's forms as a file: `conformance/README.md` describes the members.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use stillframe_core::encode::datadog::{Dialect, Options};
use stillframe_core::encode::{Encoder, Input, vars};
use stillframe_core::reason::Reason;
use stillframe_core::snapshot::{
    AttributeGap, AttributeValue, Extras, FrameSource, Grouping, Meta, Process, ReasonCounts,
    SessionLink, SnapshotId, Thread,
};
use stillframe_core::tape::Tape;

use super::build;
use super::cases::Case;

/// One file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vector {
    pub(crate) about: String,
    /// Hex.
    pub(crate) tape: String,
    meta: MetaFile,
    extras: ExtrasFile,
    pub(crate) json: Json,
    /// Hex.
    pub(crate) msgpack: String,
    pub(crate) datadog: Datadog,
    pub(crate) variables: Json,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Datadog {
    pub(crate) python: Json,
    pub(crate) java: Json,
    pub(crate) dotnet: Json,
    pub(crate) native: Json,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MetaFile {
    id: String,
    timestamp_ns: u64,
    service: String,
    env: Option<String>,
    version: Option<String>,
    host: Option<String>,
    pid: u32,
    runtime_version: Option<String>,
    thread: Option<(u64, Option<String>)>,
    handled: bool,
    mechanism: Option<String>,
    trace_id: Option<String>,
    span_id: Option<String>,
    attributes: Vec<(String, Json)>,
    user: Vec<(String, Json)>,
    session_links: Vec<(String, String, Option<String>)>,
    fingerprint: Option<Vec<String>>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ExtrasFile {
    grouping: Option<GroupingFile>,
    sources: Vec<Option<SourceFile>>,
    attribute_gaps: Vec<GapFile>,
    counts: Vec<(String, u32)>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct GroupingFile {
    key: String,
    sub_key: Option<String>,
    version: u32,
    overridden: bool,
    explanation: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct SourceFile {
    first_line: u32,
    lines: Vec<String>,
    hash: Option<String>,
    stale: bool,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct GapFile {
    name: Option<String>,
    count: u32,
    reason: String,
    rule: Option<String>,
}

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../conformance/snapshots")
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16);
    let bytes: Result<_, _> = (0..text.len() / 2).map(byte).collect();
    bytes.expect("hex digits")
}

/// The texts of the items of a JSON array; `None` if brackets do not close in the order in which they opened. (serde_json stops at
/// 128 levels, and forgets a member whose name occurs twice.)
pub(crate) fn items_of(array: &str) -> Option<Vec<&str>> {
    let (mut open, mut quoted, mut escaped) = (Vec::new(), false, false);
    let (mut items, mut start) = (Vec::new(), 1);
    for (at, byte) in array.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            b'}' | b']' => {
                if open.pop() != Some(byte) {
                    return None;
                }
                if open.is_empty() && at > start {
                    items.push(&array[start..at]);
                }
            }
            b',' if open.len() == 1 => {
                items.push(&array[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    (open.is_empty() && !quoted).then_some(items)
}

/// Everything that is written of one snapshot.
pub(crate) struct Written {
    pub(crate) json: String,
    pub(crate) msgpack: Vec<u8>,
    pub(crate) datadog: [String; 4],
    pub(crate) variables: String,
}

/// Most bytes for the variables of one frame: few, so that something has to give way.
pub(crate) const VARIABLES_BYTES: usize = 1024;

/// The id of a frame's Datadog snapshot: the snapshot's own with the frame's index in its last four bytes.
pub(crate) fn frame_id(snapshot: SnapshotId, frame: u32) -> SnapshotId {
    let mut id = snapshot;
    id.0[12..].copy_from_slice(&frame.to_be_bytes());
    id
}

/// The JSON of one snapshot.
pub(crate) fn write_json(tape: &Tape<'_>, meta: &Meta, extras: &Extras) -> String {
    let mut json = Vec::new();
    Encoder::new().json_into(&Input { tape, meta, extras }, &mut json);
    String::from_utf8(json).expect("JSON is UTF-8")
}

/// Every form of one snapshot.
pub(crate) fn write(tape: &Tape<'_>, meta: &Meta, extras: &Extras) -> Written {
    let input = Input { tape, meta, extras };
    let mut encoder = Encoder::new();
    let mut msgpack = Vec::new();
    encoder.msgpack_into(&input, &mut msgpack);
    let frame_id = |frame| frame_id(meta.id, frame);
    let datadog = Dialect::ALL.map(|dialect| {
        let options = Options {
            exception_hash: Some("17"),
            process_tags: Some("entrypoint.name:shop"),
            ..Options::new(dialect, &frame_id)
        };
        let mut body = Vec::new();
        let next = encoder.datadog_into(&input, &options, 0, &mut body);
        assert_eq!(next, None, "the cases are small");
        String::from_utf8(body).expect("JSON is UTF-8")
    });
    let mut variables = Vec::new();
    let options = vars::Options {
        frame_bytes: VARIABLES_BYTES,
        ..vars::Options::default()
    };
    encoder.variables_into(&input, &options, &extras.counts, &mut variables);
    Written {
        json: write_json(tape, meta, extras),
        msgpack,
        datadog,
        variables: String::from_utf8(variables).expect("JSON is UTF-8"),
    }
}

impl Vector {
    /// The vector of a case, as the encoders write it now.
    pub(crate) fn of(case: &Case) -> Self {
        let tape = build::build(&case.spec);
        let parsed = Tape::parse(&tape).expect("the cases are valid");
        let written = write(&parsed, &case.meta, &case.extras);
        let parse = |text: &str| serde_json::from_str(text).expect("JSON");
        let [python, java, dotnet, native] = written.datadog.each_ref().map(|text| parse(text));
        Self {
            about: case.about.into(),
            tape: hex(&tape),
            meta: MetaFile::of(&case.meta),
            extras: ExtrasFile::of(&case.extras),
            json: parse(&written.json),
            msgpack: hex(&written.msgpack),
            datadog: Datadog {
                python,
                java,
                dotnet,
                native,
            },
            variables: parse(&written.variables),
        }
    }

    pub(crate) fn meta(&self) -> Meta {
        self.meta.read()
    }

    pub(crate) fn extras(&self) -> Extras {
        self.extras.read()
    }
}

fn attributes_file(attributes: &[(String, AttributeValue)]) -> Vec<(String, Json)> {
    let value = |value: &AttributeValue| match value {
        AttributeValue::Text(text) => json!(text),
        AttributeValue::Int(number) => json!(number),
        AttributeValue::Bool(truth) => json!(truth),
        AttributeValue::Float(number) if number.is_finite() => json!(number),
        AttributeValue::Float(_) => json!({"float": "nan"}),
    };
    let one = |(name, shown): &(String, AttributeValue)| (name.clone(), value(shown));
    attributes.iter().map(one).collect()
}

fn read_attributes(file: &[(String, Json)]) -> Vec<(String, AttributeValue)> {
    let value = |value: &Json| match value {
        Json::String(text) => AttributeValue::Text(text.clone()),
        Json::Bool(truth) => AttributeValue::Bool(*truth),
        Json::Number(number) => number.as_i64().map_or_else(
            || AttributeValue::Float(number.as_f64().expect("a number")),
            AttributeValue::Int,
        ),
        _ => AttributeValue::Float(f64::NAN),
    };
    let one = |(name, shown): &(String, Json)| (name.clone(), value(shown));
    file.iter().map(one).collect()
}

impl MetaFile {
    fn of(meta: &Meta) -> Self {
        let process = (*meta.process).clone();
        let thread = meta.thread.clone();
        let link = |link: &SessionLink| (link.name.clone(), link.id.clone(), link.url.clone());
        Self {
            id: meta.id.to_string(),
            timestamp_ns: meta.timestamp_ns,
            service: process.service,
            env: process.env,
            version: process.version,
            host: process.host,
            pid: process.pid,
            runtime_version: process.runtime_version,
            thread: thread.map(|thread| (thread.id, thread.name)),
            handled: meta.handled,
            mechanism: meta.mechanism.clone(),
            trace_id: meta.trace_id.map(|id| format!("{id:032x}")),
            span_id: meta.span_id.map(|id| format!("{id:016x}")),
            attributes: attributes_file(&meta.attributes),
            user: attributes_file(&meta.user),
            session_links: meta.session_links.iter().map(link).collect(),
            fingerprint: meta.fingerprint.clone(),
        }
    }

    fn read(&self) -> Meta {
        let process = Process {
            service: self.service.clone(),
            env: self.env.clone(),
            version: self.version.clone(),
            host: self.host.clone(),
            pid: self.pid,
            runtime_version: self.runtime_version.clone(),
            ..Process::default()
        };
        let trace_id = self.trace_id.as_deref();
        let span_id = self.span_id.as_deref();
        let thread = self.thread.clone();
        let link =
            |(name, id, url): (String, String, Option<String>)| SessionLink { name, id, url };
        Meta {
            id: self.id.parse().expect("an id"),
            timestamp_ns: self.timestamp_ns,
            process: Arc::new(process),
            thread: thread.map(|(id, name)| Thread { id, name }),
            handled: self.handled,
            mechanism: self.mechanism.clone(),
            trace_id: trace_id.map(|id| u128::from_str_radix(id, 16).expect("hex")),
            span_id: span_id.map(|id| u64::from_str_radix(id, 16).expect("hex")),
            attributes: read_attributes(&self.attributes),
            user: read_attributes(&self.user),
            session_links: self.session_links.iter().cloned().map(link).collect(),
            fingerprint: self.fingerprint.clone(),
        }
    }
}

fn reason(word: &str) -> Reason {
    let mut all = Reason::ALL.into_iter();
    all.find(|reason| reason.as_str() == word)
        .expect("a reason")
}

impl ExtrasFile {
    fn of(extras: &Extras) -> Self {
        let grouping = extras.grouping.clone().map(|grouping| GroupingFile {
            key: grouping.key,
            sub_key: grouping.sub_key,
            version: grouping.version,
            overridden: grouping.overridden,
            explanation: grouping.explanation,
        });
        let source = |source: FrameSource| SourceFile {
            first_line: source.first_line,
            lines: source.lines,
            hash: source.hash,
            stale: source.stale,
        };
        let gap = |gap: AttributeGap| GapFile {
            name: gap.name,
            count: gap.count,
            reason: gap.reason.as_str().into(),
            rule: gap.rule,
        };
        let counts = extras.counts.iter();
        Self {
            grouping,
            sources: extras
                .sources
                .iter()
                .cloned()
                .map(|one| one.map(source))
                .collect(),
            attribute_gaps: extras.attribute_gaps.iter().cloned().map(gap).collect(),
            counts: counts
                .map(|(reason, count)| (reason.as_str().into(), count))
                .collect(),
        }
    }

    fn read(&self) -> Extras {
        let mut counts = ReasonCounts::default();
        for (word, count) in &self.counts {
            (0..*count).for_each(|_| counts.add(reason(word)));
        }
        Extras {
            grouping: self.grouping.as_ref().map(|grouping| Grouping {
                key: grouping.key.clone(),
                sub_key: grouping.sub_key.clone(),
                version: grouping.version,
                overridden: grouping.overridden,
                explanation: grouping.explanation.clone(),
            }),
            sources: self
                .sources
                .iter()
                .map(|source| {
                    source.as_ref().map(|source| FrameSource {
                        first_line: source.first_line,
                        lines: source.lines.clone(),
                        hash: source.hash.clone(),
                        stale: source.stale,
                    })
                })
                .collect(),
            attribute_gaps: self
                .attribute_gaps
                .iter()
                .map(|gap| AttributeGap {
                    name: gap.name.clone(),
                    count: gap.count,
                    reason: reason(&gap.reason),
                    rule: gap.rule.clone(),
                })
                .collect(),
            counts,
        }
    }
}

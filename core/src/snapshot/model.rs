//! Format 1, member by member; `docs/snapshot-format.md` has the same for other languages.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::SnapshotId;
use super::ordered::Ordered;
use super::scalar::Scalar;
use crate::reason::Reason;

/// The format that this crate writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// Deepest nesting of maps and arrays that a reader follows: a tape of the deepest nesting and its envelope.
const MAX_DEPTH: usize = 256;

/// One exception event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Snapshot {
    /// Number of the format; [`FORMAT`].
    pub format: u32,
    /// Its id.
    pub id: SnapshotId,
    /// When it was captured, in ns since 1970.
    pub timestamp: u64,
    /// Service name.
    pub service: String,
    /// Deployment environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// Version of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Process id.
    pub pid: u32,
    /// Language and version of the program's runtime.
    pub runtime: Runtime,
    /// The thread that raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<ThreadInfo>,
    /// The exceptions; the captured one is the first.
    pub exceptions: Vec<Exception>,
    /// The frames of all exceptions; each exception has the indexes of its own.
    pub frames: Vec<Frame>,
    /// Exceptions that are missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub omitted: Vec<Omitted>,
    /// Trace, attributes, user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Context>,
    /// The issue that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// What the capture cost, hid and cut.
    pub receipt: Receipt,
}

/// Language and version of the program's runtime.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Runtime {
    /// `python`, `java`, `dotnet`, `native` or `unknown`.
    pub language: String,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// The thread that raised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ThreadInfo {
    /// Its number, as the host counts threads.
    pub id: u64,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One exception of the chain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Exception {
    /// Its type, qualified as on every node; empty if unknown.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub type_name: String,
    /// What stands before the last part of its type, if anything: the module, package or namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Id that nodes elsewhere refer to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// Its message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Node>,
    /// Its message could not be known without running the program's code; `message`, if there, is the nearest to it.
    #[serde(skip_serializing_if = "is_false")]
    pub message_unknown: bool,
    /// Notes that were added to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Node>,
    /// Whether the program handled it (captured exception only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handled: Option<bool>,
    /// By which way it was met (captured exception only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<String>,
    /// Index of the exception that led to this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<u32>,
    /// `cause` (set by the program) or `context` (this one was raised while that one was handled).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause_kind: Option<String>,
    /// Indexes of its members, if it is a group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<u32>,
    /// Arguments that it was made with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Node>,
    /// Its own fields.
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub attributes: Ordered<Node>,
    /// Indexes of its frames, raising frame first.
    pub frames: Vec<u32>,
    /// What is missing of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub omitted: Vec<Omitted>,
    /// Why nothing but its type is here, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_captured_reason: Option<String>,
    /// The limit behind that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<LimitInForce>,
}

/// One stack frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Frame {
    /// Function, qualified inside its module.
    pub function: String,
    /// Module, package or class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Source file, as the program knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Last line of the failing expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u32>,
    /// First column of the failing expression, from 1, in bytes of the UTF-8 line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// Column after the failing expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_column: Option<u32>,
    /// Whether it is the program's own code.
    pub in_app: bool,
    /// `generator` or `coroutine`; absent for an ordinary function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// It is a coroutine that the frame before waits for.
    #[serde(skip_serializing_if = "is_false")]
    pub awaited: bool,
    /// Its variables were not read.
    #[serde(skip_serializing_if = "is_false")]
    pub no_variables: bool,
    /// Id that nodes elsewhere refer to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// Arguments.
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub arguments: Ordered<Node>,
    /// Other locals.
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub locals: Ordered<Node>,
    /// Static or global variables that it uses.
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub statics: Ordered<Node>,
    /// What is missing of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub omitted: Vec<Omitted>,
    /// Why it has no variables, if it was not reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_captured_reason: Option<String>,
    /// The limit behind that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<LimitInForce>,
    /// Its source lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// Source lines around a frame's line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Source {
    /// Number of the first line here, from 1.
    pub first_line: u32,
    /// The lines.
    pub lines: Vec<String>,
    /// Hash of the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// The file on disk is not the one that the program runs.
    #[serde(skip_serializing_if = "is_false")]
    pub stale: bool,
}

/// One value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Node {
    /// Its exact type, qualified; absent where it is not known.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// Id that nodes elsewhere refer to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// Id of the container that this is the same object as. It may stand later in the document.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<u32>,
    /// It is null.
    #[serde(skip_serializing_if = "is_false")]
    pub is_null: bool,
    /// A scalar's value. A text is the program's own text unless `rendered` or `encoding` says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Scalar>,
    /// The text in `value` stands for something that is not text: a big integer, `nan`, a time, a decimal, a path.
    #[serde(skip_serializing_if = "is_false")]
    pub rendered: bool,
    /// How the bytes of a binary value are written in `value`: `base64` or `escaped`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The text was not valid Unicode; U+FFFD stands for what was not.
    #[serde(skip_serializing_if = "is_false")]
    pub lossy: bool,
    /// Items of a sequence or a set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elements: Option<Vec<Node>>,
    /// Keys and values of a map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<(Node, Node)>>,
    /// Fields of an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Ordered<Node>>,
    /// Its true size: characters of a text, bytes, items, entries, fields. On text and bytes only where less is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The text or the bytes are cut.
    #[serde(skip_serializing_if = "is_false")]
    pub truncated: bool,
    /// Where items are missing, if not only at the end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub omitted: Vec<Omitted>,
    /// Why it is not shown, or not whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_captured_reason: Option<String>,
    /// The redaction rule that hid it or a part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The limit that cut it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<LimitInForce>,
    /// What happened when it was read, in a few words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A place where something is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Omitted {
    /// Of what: `exceptions`, `message`, `notes`, `args`, `attributes`, `frames`, `arguments`, `locals`, `statics`, `elements`,
    /// `entries`, `fields`; `details` of an exception or `variables` of a frame of which no part was reached.
    pub what: String,
    /// Name of the one that is missing or cut, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How many, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Why.
    pub not_captured_reason: String,
    /// The redaction rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<LimitInForce>,
    /// Index of the last one shown before the gap; absent when the gap is in front.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
}

/// A limit, by its configuration key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LimitInForce {
    /// Its configuration key, as `limits.items`.
    pub name: String,
    /// Its value: a count, bytes, or microseconds.
    pub value: u64,
}

/// Trace, attributes, user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Context {
    /// Trace id, 32 hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Span id, 16 hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span_id: Option<String>,
    /// Attributes.
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub attributes: Ordered<Scalar>,
    /// Whom it happened to.
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub user: Ordered<Scalar>,
    /// Sessions of that user elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub session_links: Vec<SessionLinkInfo>,
    /// Attributes that are missing, hidden or cut.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub omitted: Vec<Omitted>,
}

/// A session of the user in another system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionLinkInfo {
    /// Name of the attribute that it came by.
    pub name: String,
    /// The session's id there.
    pub id: String,
    /// Address of its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The issue that a snapshot belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Fingerprint {
    /// Key of the issue, 32 hex digits.
    pub key: String,
    /// Key of the raise site inside the issue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_key: Option<String>,
    /// Version of the algorithm.
    pub version: u32,
    /// The key was set by the application or a rule.
    #[serde(skip_serializing_if = "is_false")]
    pub overridden: bool,
    /// What the application asked for.
    #[serde(rename = "override", skip_serializing_if = "Vec::is_empty")]
    pub override_parts: Vec<String>,
    /// What the key was made of, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
}

/// What the capture cost, hid and cut.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Receipt {
    /// Values captured.
    pub values: u32,
    /// Bytes of the tape.
    pub bytes: u32,
    /// Time on the raising thread in ns.
    pub duration: u64,
    /// Places hidden, by reason.
    pub redacted: Ordered<u32>,
    /// Places cut or missing, by reason.
    pub cut: Ordered<u32>,
    /// Limits in force, by configuration key: counts, bytes, microseconds.
    pub limits: Ordered<u64>,
}

impl Node {
    /// Why it is not shown, or not whole, if this crate knows the word.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        reason(self.not_captured_reason.as_deref())
    }

    /// Whether it can have contents: elements, entries or fields.
    #[must_use]
    pub fn is_container(&self) -> bool {
        self.elements.is_some() || self.entries.is_some() || self.fields.is_some()
    }
}

impl Omitted {
    /// Why, if this crate knows the word.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        reason(Some(&self.not_captured_reason))
    }
}

impl Exception {
    /// The last part of its type: `LookupFailed` of `shop.rates.LookupFailed`.
    #[must_use]
    pub fn short_type(&self) -> &str {
        let module = self.module.as_ref().map_or(0, String::len);
        let rest = self.type_name.get(module..).unwrap_or(&self.type_name);
        rest.trim_start_matches(['.', ':'])
    }
}

fn reason(word: Option<&str>) -> Option<Reason> {
    Reason::ALL
        .into_iter()
        .find(|reason| Some(reason.as_str()) == word)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Snapshot {
    /// Reads the JSON form.
    ///
    /// # Errors
    ///
    /// Text that is no JSON, lacks the structure of format 1, nests deeper than a tape can, or is of a newer format.
    pub fn from_json(json: &[u8]) -> Result<Self, SnapshotError> {
        if depth(json) > MAX_DEPTH {
            return Err(SnapshotError::new("nests deeper than a tape can"));
        }
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        deserializer.disable_recursion_limit();
        let snapshot = Self::deserialize(&mut deserializer).map_err(SnapshotError::new)?;
        deserializer.end().map_err(SnapshotError::new)?;
        Self::checked(snapshot)
    }

    /// Reads the MessagePack form.
    ///
    /// # Errors
    ///
    /// Bytes that are no MessagePack, lack the structure of format 1, nest deeper than a tape can, have something behind them, or
    /// are of a newer format.
    pub fn from_msgpack(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut deserializer = rmp_serde::Deserializer::new(bytes);
        deserializer.set_max_depth(MAX_DEPTH);
        let snapshot = Self::deserialize(&mut deserializer).map_err(SnapshotError::new)?;
        let behind = deserializer.get_ref().len();
        if behind > 0 {
            return Err(SnapshotError::new(format_args!(
                "{behind} bytes behind its end"
            )));
        }
        Self::checked(snapshot)
    }

    fn checked(snapshot: Self) -> Result<Self, SnapshotError> {
        if snapshot.format == 0 || snapshot.format > FORMAT {
            return Err(SnapshotError::new(format_args!(
                "format {} is not known here (newest known: {FORMAT})",
                snapshot.format
            )));
        }
        Ok(snapshot)
    }

    /// The captured exception.
    #[must_use]
    pub fn captured(&self) -> Option<&Exception> {
        self.exceptions.first()
    }

    /// Says that nobody handled the captured exception, whatever was said when it was captured.
    pub fn set_uncaught(&mut self, mechanism: &str) {
        if let Some(exception) = self.exceptions.first_mut() {
            exception.handled = Some(false);
            exception.mechanism = Some(mechanism.to_owned());
        }
    }
}

/// A document that is no snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotError(String);

impl SnapshotError {
    fn new(what: impl fmt::Display) -> Self {
        Self(what.to_string())
    }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a snapshot: {}", self.0)
    }
}

impl std::error::Error for SnapshotError {}

/// How deep objects and arrays of a JSON text nest (serde_json's own limit is below what the deepest tape needs).
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0usize, 0, false, false);
    for &byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

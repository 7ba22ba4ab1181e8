//! What an event says besides its exceptions: release, tags, user, contexts.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};

use crate::snapshot::{Scalar, Snapshot};

/// Most bytes of a tag's name and of its value; Sentry drops longer ones.
const TAG_BYTES: usize = 200;
/// Tags of an event.
const TAGS: usize = 50;
/// Most bytes of a release's name.
const RELEASE_BYTES: usize = 200;
/// Most bytes of an environment's name.
const ENVIRONMENT_BYTES: usize = 64;

/// What Sentry groups releases by: `service@version`, as it has them for all projects of an organisation. Characters that it does not
/// take are replaced.
pub(super) fn release(snapshot: &Snapshot) -> Option<String> {
    let version = snapshot
        .version
        .as_deref()
        .filter(|version| !version.is_empty())?;
    let release = match snapshot.service.as_str() {
        service if !service.is_empty() && !version.contains('@') => format!("{service}@{version}"),
        _ => version.to_owned(),
    };
    Some(plain(&release, RELEASE_BYTES)).filter(|release| {
        !matches!(release.as_str(), "." | "..") && !release.eq_ignore_ascii_case("latest")
    })
}

/// The name of the environment.
pub(super) fn environment(snapshot: &Snapshot) -> Option<String> {
    let name = snapshot.env.as_deref().filter(|name| !name.is_empty())?;
    Some(plain(name, ENVIRONMENT_BYTES)).filter(|name| !name.eq_ignore_ascii_case("none"))
}

/// Text of so many bytes without slashes and spaces.
fn plain(text: &str, most: usize) -> String {
    let replaced = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '/' | '\\');
    let text = text.trim();
    let text = &text[..text.floor_char_boundary(most)];
    text.replace(replaced, "-")
}

/// Attributes that Sentry can search for, and the others.
pub(super) fn tags_and_extra(snapshot: &Snapshot) -> (Map<String, Json>, Map<String, Json>) {
    let (mut tags, mut extra) = (Map::new(), Map::new());
    if !snapshot.service.is_empty() {
        put(
            &mut tags,
            &mut extra,
            "service",
            &Scalar::from(snapshot.service.as_str()),
        );
    }
    let context = snapshot.context.as_ref();
    let links = context.map_or(&[][..], |context| &context.session_links);
    for link in links {
        let id = Scalar::from(link.id.as_str());
        put(&mut tags, &mut extra, &link.name, &id);
        if let Some(url) = &link.url {
            extra.insert(format!("{}.url", link.name), json!(url));
        }
    }
    for (name, value) in context.iter().flat_map(|context| context.attributes.iter()) {
        put(&mut tags, &mut extra, name, value);
    }
    (tags, extra)
}

fn put(tags: &mut Map<String, Json>, extra: &mut Map<String, Json>, name: &str, value: &Scalar) {
    let text = value.to_string();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    let is_tag = !name.is_empty()
        && name.len() <= TAG_BYTES
        && name.bytes().all(fits)
        && !text.is_empty()
        && text.len() <= TAG_BYTES
        && !text.contains(['\n', '\r']);
    if is_tag && tags.len() < TAGS {
        tags.insert(name.to_owned(), Json::String(text));
    } else {
        extra.insert(name.to_owned(), json!(value));
    }
}

/// Whom it happened to.
pub(super) fn user(snapshot: &Snapshot) -> Option<Map<String, Json>> {
    let user = &snapshot.context.as_ref()?.user;
    let members = user.iter().map(|(name, value)| {
        // Identifiers are text there.
        let value = match (name, value) {
            ("id" | "name" | "username" | "email" | "ip_address", value) => {
                Json::String(value.to_string())
            }
            (_, value) => json!(value),
        };
        (name.to_owned(), value)
    });
    let members: Map<_, _> = members.collect();
    (!members.is_empty()).then_some(members)
}

/// The contexts of an event.
#[derive(Debug, Serialize)]
pub(super) struct Contexts<'s> {
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<Trace<'s>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime: Option<Runtime<'s>>,
    stillframe: Stillframe<'s>,
}

#[derive(Debug, Serialize)]
struct Trace<'s> {
    #[serde(rename = "type")]
    kind: &'static str,
    trace_id: &'s str,
    span_id: &'s str,
}

#[derive(Debug, Serialize)]
struct Runtime<'s> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'s str>,
}

/// What else is known, and where.
#[derive(Debug, Serialize)]
struct Stillframe<'s> {
    snapshot: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    issue: Option<&'s str>,
    show: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'s str>,
    pid: u32,
    values: &'s RawValue,
    redacted: &'s RawValue,
    cut: &'s RawValue,
}

/// Numbers of values, of those that were hidden, and of places that were cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts<'s> {
    pub(super) values: &'s RawValue,
    pub(super) redacted: &'s RawValue,
    pub(super) cut: &'s RawValue,
}

/// The contexts of an event.
pub(super) fn contexts<'s>(snapshot: &'s Snapshot, counts: Counts<'s>) -> Contexts<'s> {
    let context = snapshot.context.as_ref();
    let trace_id = context.and_then(|context| context.trace_id.as_deref());
    let span_id = context.and_then(|context| context.span_id.as_deref());
    let runtime = match snapshot.runtime.language.as_str() {
        "python" => Some("CPython"),
        "java" => Some("Java"),
        "dotnet" => Some(".NET"),
        _ => None,
    };
    Contexts {
        // Sentry takes none without both.
        trace: trace_id.zip(span_id).map(|(trace_id, span_id)| Trace {
            kind: "trace",
            trace_id,
            span_id,
        }),
        runtime: runtime.map(|name| Runtime {
            kind: "runtime",
            name,
            version: snapshot.runtime.version.as_deref(),
        }),
        stillframe: Stillframe {
            snapshot: snapshot.id.to_string(),
            issue: snapshot
                .fingerprint
                .as_ref()
                .map(|issue| issue.key.as_str()),
            show: format!("stillframe show {}", snapshot.id.short()),
            trace_id: trace_id.filter(|_| span_id.is_none()),
            pid: snapshot.pid,
            values: counts.values,
            redacted: counts.redacted,
            cut: counts.cut,
        },
    }
}

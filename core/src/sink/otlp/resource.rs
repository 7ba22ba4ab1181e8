//! The process, as a resource of OpenTelemetry.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::value::{int, pair, text};
use crate::snapshot::Snapshot;

/// Who captured it.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "stillframe".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}

/// The process that a snapshot comes from. `more` are attributes that it has besides.
pub(super) fn of(snapshot: &Snapshot, more: &BTreeMap<String, String>) -> Resource {
    let runtime = &snapshot.runtime;
    // What OpenTelemetry calls the languages, and the runtimes of which there is one.
    let (language, name) = match runtime.language.as_str() {
        "python" => (Some("python"), Some("cpython")),
        "java" => (Some("java"), None),
        "dotnet" => (Some("dotnet"), Some(".NET")),
        "native" => (Some("cpp"), None),
        _ => (None, None),
    };
    let service = match snapshot.service.as_str() {
        "" => "unknown_service",
        service => service,
    };
    let mut attributes = vec![pair("service.name", text(service))];
    let mut add = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            attributes.push(pair(name, text(value)));
        }
    };
    add("service.version", snapshot.version.as_deref());
    add("deployment.environment.name", snapshot.env.as_deref());
    add("host.name", snapshot.host.as_deref());
    add("process.runtime.name", name);
    add("process.runtime.version", runtime.version.as_deref());
    add("telemetry.sdk.name", Some("stillframe"));
    add("telemetry.sdk.language", language);
    add("telemetry.sdk.version", Some(env!("CARGO_PKG_VERSION")));
    let mut attributes: Vec<KeyValue> = attributes;
    if snapshot.pid > 0 {
        attributes.push(pair("process.pid", int(snapshot.pid.into())));
    }
    for (name, value) in more {
        if !attributes.iter().any(|known| known.key == *name) {
            attributes.push(pair(name, text(value)));
        }
    }
    Resource {
        attributes,
        ..Resource::default()
    }
}

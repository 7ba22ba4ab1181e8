//! OpenTelemetry: each snapshot as a log record, sent by OTLP over HTTP in protobuf.
//!
//! ```text
//! Finished ── Records ──▶ one ExportLogsServiceRequest per snapshot ──▶ outbox ──▶ in a row ── LogsService ──▶ POST /v1/logs
//! ```
//!
//! Two encoded requests one after the other are one request: that is what protobuf makes of repeated members. So an item is a whole request,
//! and a batch is its items in a row.
//!
//! The record is that of the semantic conventions for exceptions: event name `exception`, `exception.*`, `code.*`, the ids of trace
//! and span. Its body is the snapshot in format 1, as structured data, bounded by [`BODY_BYTES`].

mod body;
mod endpoint;
mod protocol;
mod record;
mod resource;
mod value;

use crate::config::Config;
use crate::sink::Destination;

pub use body::BODY_BYTES;
pub use endpoint::{Endpoint, EndpointError};
pub use protocol::LogsService;
pub use record::{Records, STACKTRACE_BYTES, request_into};

/// The receiver of logs that `config` asks for.
#[must_use]
pub fn destination(config: &Config) -> Option<Result<Destination, String>> {
    config.otlp.enabled.then(|| {
        let protocol =
            LogsService::new(config).map_err(|error| format!("otlp.endpoint: {error}"))?;
        Ok(Destination {
            address: protocol.endpoint().to_string(),
            identity: Some(protocol.identity()),
            encoder: Box::new(Records::new(config.otlp.resource.clone())),
            protocol: Box::new(protocol),
        })
    })
}

//! OpenTelemetry: each snapshot as a log record, sent by OTLP over HTTP in protobuf.
//!
//! ```text
//! Finished ── Records ──▶ one ExportLogsServiceRequest per snapshot ──▶ outbox ──▶ concatenated ── LogsService ──▶ POST /v1/logs
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

pub use body::BODY_BYTES;
pub use endpoint::{Endpoint, EndpointError, of_base, parse_headers};
pub use protocol::LogsService;
pub use record::Records;

use std::time::Duration;

/// Where an OpenTelemetry Collector listens if nobody says otherwise.
pub const DEFAULT_ENDPOINT: &str = "http://localhost:4318/v1/logs";

/// How log records are sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where to.
    pub endpoint: Endpoint,
    /// Names and values that go with each request, as a key. Never shown.
    pub headers: Vec<(String, String)>,
    /// Whether bodies are packed (gzip).
    pub compression: bool,
    /// For a whole exchange.
    pub timeout: Duration,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("endpoint", &self.endpoint)
            .field("headers", &self.headers.len())
            .field("compression", &self.compression)
            .field("timeout", &self.timeout)
            .finish()
    }
}

//! Sentry: each snapshot as an event, sent in an envelope of its own.
//!
//! ```text
//! Finished ── Events ──▶ one event in JSON per snapshot ──▶ outbox ──▶ in an envelope ── Project ──▶ POST /api/ID/envelope/
//! ```
//!
//! The event's id is the snapshot's: one that arrives twice is counted once. Its fingerprint is the key of our issue, so Sentry groups as
//! we do. Variables are written so that Sentry cuts nothing of them ([`vars`](crate::encode::vars)).

mod chain;
mod context;
mod dsn;
mod event;
mod frame;
mod protocol;

use crate::config::Config;
use crate::sink::Destination;

pub use dsn::{Dsn, DsnError};
pub use event::{EVENT_BYTES, Events, event_of};
pub use protocol::Project;

/// The project that `config` asks for.
#[must_use]
pub fn destination(config: &Config) -> Option<Result<Destination, String>> {
    config.sentry.enabled.then(|| {
        let protocol = Project::new(config).map_err(|error| format!("sentry.dsn: {error}"))?;
        Ok(Destination {
            address: protocol.dsn().to_string(),
            identity: Some(protocol.identity()),
            encoder: Box::new(Events::default()),
            protocol: Box::new(protocol),
        })
    })
}

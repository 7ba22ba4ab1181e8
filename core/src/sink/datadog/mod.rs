//! Datadog: snapshots for an Agent, or straight for Datadog's intake, as its own tracers send them.
//!
//! ```text
//! background thread: Finished ── DatadogEncoder ──▶ one item per frame; the route is the query with the tags
//! sender thread:     [item,item,...] ── DatadogProtocol ──▶ POST /debugger/v2/input?ddtags=...
//! ```
//!
//! The Agent says at `GET /info` what it takes: `/debugger/v2/input`, or, where it is older, only `/debugger/v1/diagnostics`; both take the same
//! JSON array. It is asked before the first request, again whenever something went wrong, and every five minutes, in case it was
//! replaced. Without an Agent (`datadog.agentless`), the same array goes to `/api/v2/debugger` of the site.
//!
//! The form of the items is [`encode::datadog`](crate::encode::datadog), in the dialect of the program's language. The id of a frame's
//! snapshot is [`SnapshotId::of_frame`](crate::snapshot::SnapshotId::of_frame), `exceptionId` is the id of the snapshot: whoever has
//! these ids can put them on a span.

mod container;
mod encoder;
mod info;
mod protocol;
mod tags;
mod target;

pub use encoder::DatadogEncoder;
pub use protocol::DatadogProtocol;

use super::destination::Destination;
use crate::config::Config;
use target::Target;

/// The destination, if `config` asks for it.
pub(super) fn destination(config: &Config) -> Option<Result<Destination, String>> {
    config.datadog.enabled.then(|| {
        let target = Target::of(config)?;
        Ok(Destination {
            address: target.shown(),
            identity: target.identity(),
            encoder: Box::new(DatadogEncoder::new(config)),
            protocol: Box::new(DatadogProtocol::new(target, config.upload.timeout)),
        })
    })
}

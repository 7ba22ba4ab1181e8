//! The snapshot: one exception event, as readers see it (format 1).
//!
//! Three things make a snapshot. The tape has the exceptions, their frames and the values; [`Meta`] is what the host hands over
//! beside it (ids, the thread, the trace, attributes); [`Extras`] is what the background adds (grouping key, source lines).
//! [`encode`](crate::encode) joins them in one pass into JSON or MessagePack of one structure, and [`Snapshot`] is that structure
//! for whoever reads it: the explorer, tests, exporters.
//!
//! ```text
//! tape + Meta + Extras -> encode::json | encode::msgpack -> Snapshot::from_json | Snapshot::from_msgpack
//! ```
//!
//! `docs/snapshot-format.md` describes the structure for readers in other languages, `docs/snapshot.schema.json` is its JSON Schema;
//! tests keep both true.
//!
//! A reader ignores members that it does not know and takes unknown words (a reason, an encoding) as text, so a newer writer of
//! the same format number does no harm.

mod id;
mod meta;
mod model;
mod ordered;
mod scalar;

pub use id::{ParseIdError, SnapshotId};
pub use meta::{
    AttributeGap, AttributeValue, Extras, FrameSource, Grouping, Meta, Process, ReasonCounts,
    SessionLink, Thread,
};
pub use model::{
    Context, Exception, FORMAT, Fingerprint, Frame, LimitInForce, Node, Omitted, Receipt, Runtime,
    SessionLinkInfo, Snapshot, SnapshotError, Source, ThreadInfo,
};
pub use ordered::Ordered;
pub use scalar::Scalar;

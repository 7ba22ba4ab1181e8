//! What a destination beyond this machine needs: how a snapshot is written for it, and what its requests and answers look like.
//!
//! ```text
//! background thread                         sender thread, one per destination
//! Finished ── WireEncoder ──▶ Items ──▶ outbox ──▶ Batch ── Protocol::request ──▶ HTTP ── Protocol::judge ──▶ Verdict
//! ```
//!
//! A wire is two halves, because encoding and sending happen on two threads. Neither half retries, waits or stores: the outbox keeps
//! what waits, the sender asks again, and both are the same for every wire.

use std::time::Duration;

use super::http::{Answer, Http, HttpError, Request};
use crate::engine::{Finished, PipelineError};

/// Writes snapshots as a destination wants them. Runs on the background thread.
pub trait WireEncoder: Send {
    /// Appends what is to be delivered of one snapshot: none, one or several items.
    ///
    /// # Errors
    ///
    /// The snapshot cannot be read ([`Finished::msgpack`]); it is dropped and counted.
    fn encode(&mut self, snapshot: &Finished, items: &mut Items) -> Result<(), PipelineError>;
}

/// What is to be delivered, item after item. Reused from snapshot to snapshot.
#[derive(Debug, Default)]
pub struct Items {
    bytes: Vec<u8>,
    /// End of each item in `bytes`, and its route.
    ends: Vec<(usize, String)>,
}

impl Items {
    /// Adds an item that `write` appends to the buffer. Items of one route may stand in one request; the route is what else tells
    /// requests apart, such as the query of the address.
    pub fn push(&mut self, route: &str, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push((self.bytes.len(), route.to_owned()));
    }

    /// Routes and items in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut from = 0;
        self.ends.iter().map(move |(end, route)| {
            let item = &self.bytes[from..*end];
            from = *end;
            (route.as_str(), item)
        })
    }

    /// Forgets all, and what of its memory is more than `keep` bytes.
    pub fn clear(&mut self, keep: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(keep);
        self.ends.clear();
    }
}

/// How requests to a destination are made and what its answers mean. Runs on the sender thread.
pub trait Protocol: Send {
    /// One word, as in the configuration: `datadog`, `otlp`, `sentry`.
    fn name(&self) -> &'static str;

    /// How much one request may hold.
    fn bounds(&self) -> Bounds;

    /// The request that delivers `batch`. It may ask the destination something first.
    ///
    /// # Errors
    ///
    /// Nothing can be sent now: the destination did not answer, or has no place for snapshots.
    fn request(&mut self, batch: &Batch<'_>, http: &dyn Http) -> Result<Request, Trouble>;

    /// What the answer to the last request means. A failure to get any answer is not asked about: it is retried.
    fn judge(&mut self, answer: &Answer) -> Verdict;
}

/// How much one request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Items.
    pub items: usize,
    /// Bytes of all items together. A single item may be larger.
    pub bytes: usize,
}

/// Items of one route that go into one request, in their order.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'b> {
    /// Their route.
    pub route: &'b str,
    /// At least one.
    pub items: &'b [&'b [u8]],
}

/// Why nothing can be sent now. What waits stays in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No answer to what had to be asked first.
    Http(HttpError),
    /// The destination does not take snapshots; one sentence that says what to do about it. Asked again after the longest back-off.
    Unsupported(String),
}

/// What becomes of a batch after an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Taken.
    Delivered,
    /// Taken but for `rejected` items, which will never be; `why` in the destination's own words.
    Partly {
        /// Items that are lost.
        rejected: u64,
        /// In the destination's words.
        why: String,
    },
    /// Try the same again, after this long if it said so, else after a growing pause.
    Retry {
        /// What the destination asked for.
        after: Option<Duration>,
    },
    /// Make the request again at once: where it goes has changed. Counts as a retry after the second time.
    Elsewhere,
    /// Not the batch is wrong, but where it goes or what it is let in by: nothing is lost. A single item is tried after the longest
    /// back-off. One sentence that says what to do about it.
    Wrong {
        /// What it said, and what to do.
        why: String,
    },
    /// More than it takes at once: halve the batch; a single item is lost.
    Split,
    /// Never taken: the batch is lost. The status and the beginning of the body, for people.
    Refused {
        /// What it said.
        why: String,
    },
}

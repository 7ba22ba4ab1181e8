//! The callback sink: hands each finished snapshot to the program itself, redacted, beside whatever else takes it.
//!
//! A host registers a [`Callback`] with [`Host::callbacks`](crate::engine::Host::callbacks). The engine calls it on its background thread,
//! one snapshot after the other, before the spool is written to. The raising threads do not wait for it, but snapshots queue behind a
//! slow one, and a full queue drops and counts. What it does with the bytes is its own business: they are only borrowed.
//!
//! A callback that panics, or that says it did not take a snapshot, is counted (`callback_failed`) and told once; the engine goes on, and so
//! do the other sinks. One that only queues what it is handed says [`Taken::Later`], and counts itself ([`Engine::count`](crate::engine::Engine::count)). A forked child has the callbacks of its parent, once [`Engine::after_fork`](crate::engine::Engine::after_fork) was called.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::encode::Encoder;
use crate::encode::datadog::{Dialect, Options};
use crate::engine::{Finished, PipelineError, Submission};
use crate::panics;
use crate::snapshot::SnapshotId;

/// In which form a snapshot is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Format 1 as JSON.
    Json,
    /// Format 1 as MessagePack.
    MessagePack,
    /// Datadog's form in the dialect of the tape's language: one call for each request body.
    Datadog,
    /// OpenTelemetry's: an `ExportLogsServiceRequest` in protobuf.
    #[cfg(feature = "otlp")]
    Otlp,
    /// Sentry's: an event in JSON, as the item of an envelope.
    #[cfg(feature = "sentry")]
    Sentry,
}

/// Writes a snapshot as a wire does that has one item for each.
#[cfg(any(feature = "otlp", feature = "sentry"))]
fn as_wire(
    mut wire: impl crate::sink::wire::WireEncoder,
    snapshot: &Finished,
    out: &mut Vec<u8>,
) -> Result<(), PipelineError> {
    let mut items = crate::sink::wire::Items::default();
    wire.encode(snapshot, &mut items)?;
    for (_, item) in items.iter() {
        out.extend_from_slice(item);
    }
    Ok(())
}

impl Finished {
    /// Writes the snapshot as an `ExportLogsServiceRequest` of OpenTelemetry in protobuf behind what `out` holds.
    ///
    /// # Errors
    ///
    /// As [`Finished::msgpack`].
    #[cfg(feature = "otlp")]
    pub fn otlp(&self, out: &mut Vec<u8>) -> Result<(), PipelineError> {
        as_wire(crate::sink::otlp::Records::default(), self, out)
    }

    /// Writes the snapshot as an event of Sentry in JSON behind what `out` holds.
    ///
    /// # Errors
    ///
    /// As [`Finished::msgpack`].
    #[cfg(feature = "sentry")]
    pub fn sentry(&self, out: &mut Vec<u8>) -> Result<(), PipelineError> {
        as_wire(crate::sink::sentry::Events::default(), self, out)
    }
}

/// One snapshot, or one request body of it.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'d> {
    /// What `bytes` are.
    pub format: Format,
    /// The snapshot, redacted. Borrowed for the call.
    pub bytes: &'d [u8],
    /// What it was made of, for [`Engine::finish`](crate::engine::Engine::finish). Not redacted.
    pub submission: &'d Submission,
    /// Counts the bodies of one snapshot, from 0.
    pub part: u32,
    /// Whether it is the last body of its snapshot.
    pub last: bool,
    /// Id of the snapshot.
    pub id: SnapshotId,
    /// Key of the issue that it belongs to.
    pub fingerprint: [u8; 16],
    /// When the exception was captured, in ns since 1970.
    pub timestamp_ns: u64,
}

/// What became of what a callback was handed. `true` is [`Taken::Yes`], `false` [`Taken::No`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The program took it.
    Yes,
    /// The program could not take it.
    No,
    /// It waits for the program, which counts it when it is done.
    Later,
    /// Nobody wants it: nothing is counted.
    Unwanted,
}

impl From<bool> for Taken {
    fn from(taken: bool) -> Self {
        if taken { Self::Yes } else { Self::No }
    }
}

impl Taken {
    /// What became of a snapshot of which a part became `other`.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Later, _) | (_, Self::Later) => Self::Later,
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Unwanted, Self::Unwanted) => Self::Unwanted,
        }
    }
}

/// What a callback is in Rust.
type Call = dyn Fn(&Delivery<'_>) -> Taken + Send + Sync;

/// A function of the program that takes snapshots.
///
/// ```
/// use std::sync::{Arc, mpsc};
/// use stillframe_core::config::Config;
/// use stillframe_core::engine::{Engine, Host};
/// use stillframe_core::sink::callback::{Callback, Format};
///
/// let (sender, receiver) = mpsc::sync_channel(16);
/// let callback = Callback::new(Format::Json, move |delivery| sender.try_send(delivery.bytes.to_vec()).is_ok());
/// let host = Host { callbacks: vec![callback], ..Host::default() };
/// let engine = Engine::new(Arc::new(Config::default()), host);
/// # assert!(receiver.try_recv().is_err() && engine.stats().counters.callback_sent == 0);
/// ```
#[derive(Clone)]
pub struct Callback {
    format: Format,
    call: Arc<Call>,
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

impl Callback {
    /// A callback that gets snapshots in this form.
    pub fn new<T: Into<Taken>>(
        format: Format,
        call: impl Fn(&Delivery<'_>) -> T + Send + Sync + 'static,
    ) -> Self {
        Self {
            format,
            call: Arc::new(move |delivery| call(delivery).into()),
        }
    }

    /// Hands `snapshot` over. `msgpack` is its stored form, `buffer` memory to reuse.
    pub(crate) fn deliver(
        &self,
        submission: &Submission,
        snapshot: &Finished,
        msgpack: &[u8],
        encoder: &mut Encoder,
        buffer: &mut Vec<u8>,
    ) -> Result<Taken, PipelineError> {
        let meta = snapshot.meta();
        let whole = Delivery {
            format: self.format,
            bytes: &[],
            submission,
            part: 0,
            last: true,
            id: meta.id,
            fingerprint: snapshot.key(),
            timestamp_ns: meta.timestamp_ns,
        };
        buffer.clear();
        match self.format {
            Format::MessagePack => Ok(self.hand_over(msgpack, whole)),
            Format::Json => {
                snapshot.json(encoder, buffer)?;
                Ok(self.hand_over(buffer, whole))
            }
            #[cfg(feature = "otlp")]
            Format::Otlp => {
                snapshot.otlp(buffer)?;
                Ok(self.hand_over(buffer, whole))
            }
            #[cfg(feature = "sentry")]
            Format::Sentry => {
                snapshot.sentry(buffer)?;
                Ok(self.hand_over(buffer, whole))
            }
            Format::Datadog => {
                let frame_id = |frame| meta.id.of_frame(frame);
                let options = Options::new(Dialect::of(snapshot.language()?), &frame_id);
                let (mut next, mut part, mut taken) = (Some(0), 0, Taken::Unwanted);
                while let Some(first) = next {
                    buffer.clear();
                    next = snapshot.datadog(encoder, &options, first, buffer)?;
                    let last = next.is_none();
                    taken = taken.and(self.hand_over(
                        buffer,
                        Delivery {
                            part,
                            last,
                            ..whole
                        },
                    ));
                    part += 1;
                }
                Ok(taken)
            }
        }
    }

    fn hand_over(&self, bytes: &[u8], delivery: Delivery<'_>) -> Taken {
        let delivery = Delivery { bytes, ..delivery };
        let _outside = panics::outside();
        catch_unwind(AssertUnwindSafe(|| (self.call)(&delivery))).unwrap_or_else(|payload| {
            // Dropping what it carries could panic again.
            std::mem::forget(payload);
            Taken::No
        })
    }
}

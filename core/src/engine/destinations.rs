//! Destinations beyond this machine, on the background thread: every finished snapshot is written in the form of each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Finished, Shared};
use crate::sink::http::Client;
use crate::sink::outbox::{FOLDER, Origin, Outbox, Writer, WriterConfig};
use crate::sink::sender::Sender;
use crate::sink::wire::{Items, WireEncoder};
use crate::sink::{Destination, destinations};
use crate::stats::{Counter, DestinationCounters, count};

/// Memory kept from one snapshot to the next.
const KEEP: usize = 256 << 10;
/// What is left of the time for the end of the process when the senders have had theirs.
const LAST_SHARE: u32 = 5;
const LAST_MOST: Duration = Duration::from_millis(500);

/// The handles of all senders; used from any thread.
pub(super) type Senders = Arc<[Arc<Sender>]>;

/// All destinations of an engine.
#[derive(Debug, Default)]
pub(super) struct Destinations {
    outlets: Vec<Outlet>,
}

struct Outlet {
    encoder: Box<dyn WireEncoder>,
    items: Items,
    writer: Writer,
    sender: Arc<Sender>,
    counters: Arc<DestinationCounters>,
}

impl std::fmt::Debug for Outlet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outlet")
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}

/// Those that the configuration asks for. What is wrong with others is told.
pub(super) fn configured(shared: &Shared) -> Vec<Destination> {
    let (made, problems) = destinations(&shared.setup.config);
    for problem in problems {
        shared.notice(&problem);
    }
    made
}

impl Destinations {
    /// Prepares each; opens no file and starts no thread.
    pub(super) fn new(shared: &Arc<Shared>, all: Vec<Destination>) -> Self {
        let config = &shared.setup.config;
        let store = config.spool.enabled.then(|| config.store_dir().ok());
        let store = store.flatten().map(|dir| dir.join(FOLDER));
        let outlets = all.into_iter().map(|destination| {
            let name = destination.protocol.name();
            let folder = destination.folder();
            let counters = Arc::new(DestinationCounters::new(&destination.address));
            shared.stats.add_destination(name, Arc::clone(&counters));
            let weak = Arc::downgrade(shared);
            let about = format!("{name}, ");
            let tell = move |line: &str| {
                if let Some(shared) = weak.upgrade() {
                    shared.notice_about(&about, line);
                }
            };
            let outbox = Outbox::new(
                store.as_ref().map(|store| store.join(folder)),
                config.upload.memory_bytes,
                Arc::clone(&counters),
                Arc::new(tell),
            );
            let weak = Arc::downgrade(shared);
            let panicked = move || {
                if let Some(shared) = weak.upgrade() {
                    shared.stats.add(Counter::InternalPanics, 1);
                    shared.notice(&crate::panics::notice_of("sending"));
                }
            };
            let writer = WriterConfig {
                max_bytes: config.upload.max_bytes,
            };
            Outlet {
                encoder: destination.encoder,
                items: Items::default(),
                writer: Writer::new(Arc::clone(&outbox), writer),
                sender: Arc::new(Sender::new(
                    destination.protocol,
                    Client::new(&config.upload),
                    outbox,
                    Arc::new(panicked),
                )),
                counters,
            }
        });
        Self {
            outlets: outlets.collect(),
        }
    }

    /// The handles of their senders.
    pub(super) fn senders(&self) -> Senders {
        let sender = |outlet: &Outlet| Arc::clone(&outlet.sender);
        self.outlets.iter().map(sender).collect()
    }

    /// Writes a snapshot for each.
    pub(super) fn take(&mut self, snapshot: &Finished) {
        let origin = Origin {
            id: snapshot.meta().id.0,
            fingerprint: snapshot.key(),
            timestamp_ns: snapshot.meta().timestamp_ns,
        };
        for outlet in &mut self.outlets {
            if outlet.encoder.encode(snapshot, &mut outlet.items).is_err() {
                count(&outlet.counters.dropped, 1);
            } else {
                for (route, item) in outlet.items.iter() {
                    outlet.writer.push(route, item, &origin);
                }
            }
            outlet.items.clear(KEEP);
        }
    }

    /// Puts what was written where it waits, and tells the senders.
    pub(super) fn flush(&mut self) {
        for outlet in &mut self.outlets {
            if outlet.writer.flush() {
                outlet.sender.wake();
            }
        }
    }

    /// The same for the last time: senders get until shortly before `deadline`. Whether nothing is lost; what was not sent waits in
    /// files.
    pub(super) fn close(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let by = deadline - (left / LAST_SHARE).min(LAST_MOST);
        for outlet in &mut self.outlets {
            outlet.writer.close();
            outlet.sender.stop(by);
        }
        let ended = self
            .outlets
            .iter()
            .map(|outlet| outlet.sender.wait_until_ended(by));
        ended.fold(true, |all, whole| all & whole)
    }
}

/// Has the senders deliver what dead processes left.
pub(super) fn deliver_left_over(senders: &Senders) {
    for sender in senders.iter().filter(|sender| sender.has_left_over()) {
        sender.wake();
    }
}

/// Has the senders deliver what waits; see [`Sender::settle_by`].
pub(super) fn settle_by(senders: &Senders, deadline: Instant) -> bool {
    let settled = senders.iter().map(|sender| sender.settle_by(deadline));
    settled.fold(true, |all, whole| all & whole)
}

/// Ends senders that nothing was written for. A request under way with what others left is not cut short, which could send that twice, and
/// nobody waits for it.
pub(super) fn stop(senders: &Senders) {
    for sender in senders.iter() {
        sender.stop(Instant::now());
    }
}

/// In a forked child: gives up what only the parent may use.
pub(super) fn leave_to_parent(senders: &Senders) {
    for sender in senders.iter() {
        sender.leave_to_parent();
    }
}

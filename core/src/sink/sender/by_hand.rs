//! Delivering because a person asks: what dead processes left, without a program that runs.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::lock::Mutex;

use super::Sender;
use crate::config::Config;
use crate::sink::http::Client;
use crate::sink::outbox::{FOLDER, Outbox, waiting};
use crate::sink::{Destination, Identity, destinations};
use crate::stats::{DestinationCounters, DestinationStats};

/// What came of delivering to one destination.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// Its name.
    pub name: &'static str,
    /// Which of that name it is.
    pub identity: Option<Identity>,
    /// What was done; `waiting` is what still waits, whoever wrote it.
    pub stats: DestinationStats,
    /// What a person should know, one line each.
    pub told: Vec<String>,
    /// Something waits, and it is another process that delivers it now.
    pub by_another: bool,
}

/// Delivers what waits in the store at `store` to the destinations of `config`, for at most `limit`; with `moved`, also what waits for
/// others of their names, which these take the place of. Also returns what is wrong with destinations that cannot be made.
#[must_use]
pub fn send_waiting(
    config: &Config,
    store: &Path,
    limit: Duration,
    moved: bool,
) -> (Vec<Delivery>, Vec<String>) {
    let deadline = Instant::now() + limit;
    let (made, problems) = destinations(config);
    let deliver = |destination: Destination, identity: Option<Identity>| {
        let name = destination.protocol.name();
        let folder = Identity::folder(name, identity.as_ref());
        let counters = Arc::new(DestinationCounters::new(&destination.address));
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let panicked = Arc::new(AtomicBool::new(false));
        let outbox = {
            let told = Arc::clone(&told);
            Outbox::new(
                Some(store.join(FOLDER).join(folder)),
                config.upload.memory_bytes,
                Arc::clone(&counters),
                Arc::new(move |line: &str| told.lock().push(line.to_owned())),
            )
        };
        let ended = Arc::clone(&panicked);
        let sender = Sender::new(
            destination.protocol,
            Client::new(&config.upload),
            outbox,
            Arc::new(move || ended.store(true, Ordering::Relaxed)),
        );
        if sender.has_left_over() {
            sender.wake();
            sender.settle_by(deadline);
            sender.stop(deadline);
            sender.wait_until_ended(deadline);
        }
        if panicked.load(Ordering::Relaxed) {
            told.lock().push(crate::panics::notice_of("sending"));
        }
        let mut stats = counters.stats();
        stats.waiting = waiting(store)
            .into_iter()
            .find(|waiting| waiting.name == name && waiting.identity == identity)
            .map_or(0, |waiting| waiting.items);
        let told = told.lock().clone();
        Delivery {
            name,
            identity,
            by_another: stats.waiting > 0 && stats.retries == 0 && Instant::now() < deadline,
            stats,
            told,
        }
    };
    let deliver_own = |mut destination: Destination| {
        let identity = destination.identity.take();
        deliver(destination, identity)
    };
    let mut done: Vec<Delivery> = made.into_iter().map(deliver_own).collect();
    if moved {
        for left in waiting(store).into_iter().filter(|left| left.items > 0) {
            let is_done = |one: &Delivery| one.name == left.name && one.identity == left.identity;
            let again = destinations(config).0;
            let mut again = again.into_iter();
            if !done.iter().any(is_done)
                && let Some(new) = again.find(|new| new.protocol.name() == left.name)
            {
                done.push(deliver(new, left.identity));
            }
        }
    }
    (done, problems)
}

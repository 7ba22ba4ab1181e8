//! What became of snapshots on the way to destinations beyond this machine, in words: for `doctor`, `stats` and `send`.

use stillframe_core::config::Config;
use stillframe_core::sink::destinations;
use stillframe_core::sink::outbox::{FOLDER, Waiting};
use stillframe_core::stats::{DestinationStats, StatsSnapshot};

use crate::render::{Clock, counted, grouped, size};

/// One destination.
pub(super) struct Found {
    pub(super) what: String,
    /// Something is to be mended.
    pub(super) bad: bool,
    pub(super) advice: Option<&'static str>,
}

/// All destinations that programs have used, that are configured here, or that something waits for.
pub(super) fn all(
    config: &Config,
    stats: &StatsSnapshot,
    waiting: &[Waiting],
    clock: &Clock,
) -> Vec<Found> {
    let (configured, problems) = destinations(config);
    let mut names: Vec<&str> = stats.destinations.keys().map(String::as_str).collect();
    names.extend(configured.iter().map(|made| made.protocol.name()));
    names.extend(
        waiting
            .iter()
            .filter(|waiting| waiting.items > 0)
            .map(|waiting| waiting.name.as_str()),
    );
    names.sort_unstable();
    names.dedup();
    let mut found = Vec::new();
    for name in names {
        let made = configured.iter().find(|made| made.protocol.name() == name);
        let of_name = waiting.iter().filter(|waiting| waiting.name == name);
        let (own, others): (Vec<&Waiting>, Vec<&Waiting>) =
            of_name.partition(|waiting| made.is_none_or(|made| made.identity == waiting.identity));
        let none = DestinationStats::default();
        let counts = stats.destinations.get(name).unwrap_or(&none);
        let address = match (&*counts.address, made) {
            ("", Some(made)) => &made.address,
            (address, _) => address,
        };
        let waits = together(&own);
        found.push(one(name, address, counts, &waits, made.is_some(), clock));
        if let Some(what) = of_others(name, &others, made.is_some(), clock) {
            found.push(Found {
                what,
                bad: false,
                advice: Some(
                    "programs with that address and key send it, and so does stillframe send with their settings; remove the folder if nobody is to get it",
                ),
            });
        }
    }
    found.extend(problems.into_iter().map(|what| Found {
        what,
        bad: true,
        advice: None,
    }));
    found
}

fn one(
    name: &str,
    address: &str,
    counts: &DestinationStats,
    waits: &Waiting,
    configured: bool,
    clock: &Clock,
) -> Found {
    let mut parts = Vec::new();
    match counts.sent {
        0 => parts.push("nothing sent yet".to_owned()),
        sent => parts.push(format!(
            "{} sent, the last {}",
            grouped(sent),
            clock.ago(counts.last_sent_ns)
        )),
    }
    if waits.items > 0 {
        parts.push(format!(
            "{} in the outbox ({})",
            counted(waits.items, "item"),
            amount(waits, clock)
        ));
    }
    for (count, word) in [(counts.rejected, "rejected"), (counts.dropped, "dropped")] {
        if count > 0 {
            parts.push(format!("{} {word}", grouped(count)));
        }
    }
    // Failed after it worked, so it does not work now.
    let fails = counts.last_error_ns > counts.last_sent_ns;
    if let Some(error) = &counts.last_error {
        parts.push(format!(
            "last failure {}: {error}",
            clock.ago(counts.last_error_ns)
        ));
    }
    let address = match address {
        "" => String::new(),
        address => format!(", {address}"),
    };
    let advice = match (fails, waits.items > 0) {
        (true, true) => Some(
            "when it is mended, running programs send what waits by themselves; or stillframe send",
        ),
        (false, true) if !configured => Some(
            "nothing here is configured to send it; programs that are do, and so does stillframe send with their settings",
        ),
        _ => None,
    };
    Found {
        what: format!("{name}{address}: {}", parts.join("; ")),
        bad: fails || counts.dropped > 0,
        advice,
    }
}

/// What waits for destinations of the wire `name` that are not the configured one: services may share a store, and addresses change.
/// `None` if nothing does.
pub(super) fn of_others(
    name: &str,
    waiting: &[&Waiting],
    configured: bool,
    clock: &Clock,
) -> Option<String> {
    let waiting = waiting.iter().filter(|waiting| waiting.items > 0);
    let waiting: Vec<&Waiting> = waiting.copied().collect();
    let items = together(&waiting).items;
    let folder =
        |waiting: &&Waiting| format!("{FOLDER}/{} ({})", waiting.folder(), amount(waiting, clock));
    let folders: Vec<String> = waiting.iter().map(folder).collect();
    let why = match configured {
        true => " for another address or key than the configured one",
        false => ", and no destination of this name is configured here",
    };
    (items > 0).then(|| format!("{name}: {}{why}: {}", wait(items), folders.join(", ")))
}

/// `1 item waits`.
pub(super) fn wait(items: u64) -> String {
    match items {
        1 => "1 item waits".to_owned(),
        _ => format!("{} wait", counted(items, "item")),
    }
}

/// Several outboxes as one.
fn together(all: &[&Waiting]) -> Waiting {
    Waiting {
        items: all.iter().map(|one| one.items).sum(),
        bytes: all.iter().map(|one| one.bytes).sum(),
        oldest_ns: all.iter().filter_map(|one| one.oldest_ns).min(),
        ..Waiting::default()
    }
}

fn amount(waiting: &Waiting, clock: &Clock) -> String {
    let oldest = waiting.oldest_ns.map_or_else(String::new, |ns| {
        format!(", the oldest captured {}", clock.ago(ns))
    });
    format!("{}{oldest}", size(waiting.bytes))
}

/// The same in a few columns, for `stats`: word and count.
pub(super) fn counts(counts: &DestinationStats) -> [(&'static str, u64); 5] {
    [
        ("sent", counts.sent),
        ("waiting", counts.waiting),
        ("rejected", counts.rejected),
        ("dropped", counts.dropped),
        ("retries", counts.retries),
    ]
}

//! What became of snapshots on the way to destinations beyond this machine, in words: for `doctor`, `stats` and `send`.

use stillframe_core::config::Config;
use stillframe_core::sink::destinations;
use stillframe_core::sink::outbox::Waiting;
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
    let mut found: Vec<Found> = names
        .into_iter()
        .map(|name| {
            let made = configured.iter().find(|made| made.protocol.name() == name);
            let waits = waiting.iter().find(|waiting| waiting.name == name);
            let none = DestinationStats::default();
            let counts = stats.destinations.get(name).unwrap_or(&none);
            let address = match (&*counts.address, made) {
                ("", Some(made)) => &made.address,
                (address, _) => address,
            };
            one(name, address, counts, waits, made.is_some(), clock)
        })
        .collect();
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
    waits: Option<&Waiting>,
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
    let waits = waits.filter(|waiting| waiting.items > 0);
    if let Some(waiting) = waits {
        let oldest = waiting.oldest_ns.map_or_else(String::new, |ns| {
            format!(", the oldest captured {}", clock.ago(ns))
        });
        parts.push(format!(
            "{} in the outbox ({}{oldest})",
            counted(waiting.items, "item"),
            size(waiting.bytes)
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
    let advice = match (fails, waits.is_some()) {
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

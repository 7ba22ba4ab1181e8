//! What `doctor` and `stats` say of snapshots that leave this machine, and of functions of the program that are handed them.

use std::collections::BTreeMap;

use stillframe_core::config::Config;
use stillframe_core::sink::outbox::Waiting;
use stillframe_core::stats::{DestinationStats, StatsSnapshot};

use super::doctor::{Finding, Verdict};
use crate::render::{Clock, counted, size};

const SENDING: &str = "sending";
const CALLBACKS: &str = "on_snapshot";

/// One finding or more for each destination that is configured here, was sent to lately, or has something waiting.
pub(super) fn destinations(
    config: &Config,
    stats: &StatsSnapshot,
    waiting: &[Waiting],
    clock: &Clock,
) -> Vec<Finding> {
    let enabled = [
        ("datadog", config.datadog.enabled),
        ("otlp", config.otlp.enabled),
        ("sentry", config.sentry.enabled),
    ];
    let enabled = enabled.into_iter().filter(|(_, enabled)| *enabled);
    let mut all: BTreeMap<&str, (Option<&DestinationStats>, Option<&Waiting>)> =
        enabled.map(|(name, _)| (name, (None, None))).collect();
    for (name, stats) in &stats.destinations {
        all.entry(name).or_default().0 = Some(stats);
    }
    for waiting in waiting {
        all.entry(&waiting.name).or_default().1 = Some(waiting);
    }
    all.into_iter()
        .flat_map(|(name, (stats, waiting))| destination(name, stats, waiting, clock))
        .collect()
}

fn destination(
    name: &str,
    stats: Option<&DestinationStats>,
    waiting: Option<&Waiting>,
    clock: &Clock,
) -> Vec<Finding> {
    let waits = waiting.map(|waiting| {
        let since = clock.ago(waiting.oldest_ns);
        let waits = if waiting.items == 1 { "waits" } else { "wait" };
        format!(
            "{} {waits} in the outbox ({}, the oldest from {since})",
            counted(waiting.items, "item"),
            size(waiting.bytes)
        )
    });
    let Some(stats) = stats else {
        return vec![match waits {
            Some(waits) => note(format!("{name}: {waits}"), NEXT_PROGRAM),
            None => note(
                format!("{name}: switched on here, and nothing was sent yet"),
                "the next error of a program with this configuration goes there",
            ),
        }];
    };
    let place = format!("{name}, {}", stats.address);
    let sent = match stats.sent {
        0 => "nothing was sent so far".to_owned(),
        sent => format!(
            "{} sent, the last {}",
            counted(sent, "item"),
            clock.ago(stats.last_sent_ns)
        ),
    };
    let tail = waits
        .as_ref()
        .map_or_else(String::new, |waits| format!("; {waits}"));
    let fails = stats.last_error_ns > stats.last_sent_ns;
    let mut found = Vec::new();
    match &stats.last_error {
        Some(why) if fails => found.push(mend(
            format!(
                "{place}: {why} ({}); {sent}{tail}",
                clock.ago(stats.last_error_ns)
            ),
            advice(name, why, waits.is_some()),
        )),
        _ if waits.is_some() => found.push(note(format!("{place}: {sent}{tail}"), NEXT_PROGRAM)),
        _ => found.push(fine(SENDING, format!("{place}: {sent}"))),
    }
    if stats.rejected > 0 {
        let why = match &stats.last_error {
            Some(why) if !fails => format!(": {why}"),
            _ => String::new(),
        };
        let what = format!(
            "{place}: {} refused, which will not be sent again{why}",
            counted(stats.rejected, "item")
        );
        found.push(mend(
            what,
            "they are in the store: stillframe list shows them".to_owned(),
        ));
    }
    if stats.dropped > 0 {
        let what = format!("{place}: {} given up here", counted(stats.dropped, "item"));
        let advice = "more waited than may (upload.max_bytes), or the process ended and could not store them; the store has what it could keep";
        found.push(mend(what, advice.to_owned()));
    }
    found
}

const NEXT_PROGRAM: &str = "the next program of this service sends what waits";

/// What to do about a failure that does not say it itself.
fn advice(name: &str, why: &str, waits: bool) -> String {
    let key = match name {
        "datadog" => "datadog.agent_url (DD_TRACE_AGENT_URL)",
        "otlp" => "otlp.endpoint (OTEL_EXPORTER_OTLP_ENDPOINT)",
        "sentry" => "sentry.dsn (SENTRY_DSN)",
        _ => "its address",
    };
    let says_it = ["check ", "set ", "see ", "update it"]
        .iter()
        .any(|word| why.contains(word));
    let what = if says_it {
        "as it says".to_owned()
    } else {
        format!("start it if it is down, else check {key}")
    };
    if waits {
        format!(
            "{what}; what waits is sent when it answers, by the next program if this one has ended"
        )
    } else {
        what
    }
}

/// Whether a line that a process told is about a destination or a function, and is said here better.
pub(super) fn is_said(line: &str, stats: &StatsSnapshot) -> bool {
    let about = |(name, of): (&String, &DestinationStats)| {
        line.strip_prefix(name.as_str())
            .and_then(|rest| rest.strip_prefix(", "))
            .is_some_and(|rest| rest.starts_with(&of.address))
    };
    stats.destinations.iter().any(about) || line.contains(CALLED)
}

/// What the language's library calls it when a function fails.
const CALLED: &str = ", given to stillframe.on_snapshot, failed: ";

/// Functions of the program that are handed snapshots. `told`: what the last process told.
pub(super) fn callbacks(stats: &StatsSnapshot, told: &[String]) -> Vec<Finding> {
    let counters = &stats.counters;
    let (sent, failed, dropped) = (
        counters.callback_sent,
        counters.callback_failed,
        counters.callback_dropped,
    );
    let mut found = Vec::new();
    if failed > 0 {
        let which: Vec<&str> = told
            .iter()
            .filter(|line| line.contains(CALLED))
            .map(String::as_str)
            .collect();
        let what = match which.as_slice() {
            [] => format!("{} failed", counted(failed, "call")),
            _ => format!("{} failed: {}", counted(failed, "call"), which.join("; ")),
        };
        found.push(Finding::new(
            CALLBACKS,
            Verdict::Mend,
            what,
            Some("the program was not disturbed; each failure was captured, with its values"),
        ));
    }
    if dropped > 0 {
        found.push(Finding::new(
            CALLBACKS,
            Verdict::Mend,
            format!("{} not handed over", counted(dropped, "snapshot")),
            Some("functions that take long: have them put the snapshot elsewhere and return; the store has it"),
        ));
    }
    if sent > 0 && found.is_empty() {
        found.push(fine(
            CALLBACKS,
            format!(
                "{} taken by functions of the program",
                counted(sent, "snapshot")
            ),
        ));
    }
    found
}

fn fine(about: &'static str, what: String) -> Finding {
    Finding::new(about, Verdict::Fine, what, None)
}

fn note(what: String, advice: &str) -> Finding {
    Finding::new(SENDING, Verdict::Note, what, Some(advice))
}

fn mend(what: String, advice: String) -> Finding {
    Finding::new(SENDING, Verdict::Mend, what, Some(&advice))
}

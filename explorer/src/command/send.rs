//! `stillframe send`: delivers what programs that are gone have left in their outboxes.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use stillframe_core::sink::outbox::{Waiting, waiting};
use stillframe_core::sink::sender::{Delivery, send_waiting};
use stillframe_core::stats::DestinationStats;

use super::failure::Failure;
use super::open::{configuration, tilde};
use super::output::Output;
use super::sending::{of_others, wait};
use super::{DisplayArgs, StoreArgs, clock};
use crate::render::{Line, Page, Style, counted};
use crate::store::{Choice, locate};

const EXAMPLES: &str = "\
Examples:
  stillframe send                     from the newest store
  stillframe send --service shop      from this service's
  stillframe send --timeout 300
  stillframe send --moved             also what waits for a former address or key

Where to is configured as for the programs themselves: STILLFRAME_DATADOG_ENABLED=1, stillframe.toml.
Exit status: 0 if nothing waits any more, 1 if something does.";

/// Arguments of `send`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SendArgs {
    /// Seconds for all of it
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// Also sends what waits for another address or key of the same kind: it has moved to the configured one
    #[arg(long)]
    moved: bool,
    #[command(flatten)]
    display: DisplayArgs,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    store: String,
    destinations: Vec<JsonDelivery<'a>>,
    /// What waits for others than these.
    others: Vec<JsonWaiting>,
    problems: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonDelivery<'a> {
    name: &'a str,
    told: &'a [String],
    by_another: bool,
    #[serde(flatten)]
    stats: &'a DestinationStats,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonWaiting {
    name: String,
    folder: String,
    items: u64,
    bytes: u64,
    oldest_ns: Option<u64>,
}

pub(super) fn send(args: &SendArgs, output: &Output) -> Result<ExitCode, Failure> {
    let (config, _) = configuration();
    let mut notices = Vec::new();
    let choice = Choice {
        dir: args.store.dir.clone(),
        service: args.store.service.clone(),
    };
    let place = locate(&choice, &config, &mut notices)?;
    for notice in &notices {
        output.remark(&notice.to_string());
    }
    let limit = Duration::from_secs(args.timeout);
    let (done, problems) = send_waiting(&config, &place.dir, limit, args.moved);
    let waiting = waiting(&place.dir);
    let left: u64 = waiting.iter().map(|waiting| waiting.items).sum();
    let is_own = |waiting: &Waiting| {
        let mut done = done.iter();
        done.any(|one| (one.name, &one.identity) == (&*waiting.name, &waiting.identity))
    };
    let others: Vec<&Waiting> = waiting
        .iter()
        .filter(|waiting| waiting.items > 0 && !is_own(waiting))
        .collect();
    if args.display.json {
        let destinations = done.iter().map(|delivery| JsonDelivery {
            name: delivery.name,
            told: &delivery.told,
            by_another: delivery.by_another,
            stats: &delivery.stats,
        });
        output.json(&Json {
            store: place.dir.display().to_string(),
            destinations: destinations.collect(),
            others: others
                .iter()
                .map(|waiting| JsonWaiting {
                    name: waiting.name.clone(),
                    folder: waiting.folder(),
                    items: waiting.items,
                    bytes: waiting.bytes,
                    oldest_ns: waiting.oldest_ns,
                })
                .collect(),
            problems: &problems,
        })?;
    } else {
        let terminal = output.terminal(args.display.width);
        let mut page = Page::new(&terminal);
        for delivery in &done {
            page.wrapped(Line::of(Style::Plain, &said(delivery)), 2);
            for line in &delivery.told {
                page.wrapped(Line::of(Style::Dim, &format!("  {line}")), 4);
            }
        }
        if !(done.is_empty() && problems.is_empty()) {
            for of_name in others.chunk_by(|a, b| a.name == b.name) {
                let name = &of_name[0].name;
                let configured = done.iter().any(|delivery| delivery.name == name);
                if let Some(what) = of_others(name, of_name, configured, &clock::clock()) {
                    page.wrapped(Line::of(Style::Plain, &what), 2);
                }
            }
        }
        for problem in &problems {
            page.wrapped(Line::of(Style::Plain, problem), 2);
        }
        if done.is_empty() && problems.is_empty() {
            let what = match left {
                0 => "no destination is configured here, and nothing waits".to_owned(),
                _ => format!(
                    "no destination is configured here, and {} in {}: set STILLFRAME_DATADOG_ENABLED=1, STILLFRAME_OTLP_ENABLED=1 or STILLFRAME_SENTRY_ENABLED=1",
                    wait(left),
                    tilde(&place.dir)
                ),
            };
            page.wrapped(Line::of(Style::Plain, &what), 2);
        }
        output.print(&page.render())?;
    }
    Ok(match left {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(1),
    })
}

fn said(delivery: &Delivery) -> String {
    let stats = &delivery.stats;
    let mut parts = vec![format!("{} sent", counted(stats.sent, "item"))];
    if stats.rejected > 0 {
        parts.push(format!("{} rejected", stats.rejected));
    }
    if stats.dropped > 0 {
        parts.push(format!("{} damaged", stats.dropped));
    }
    match stats.waiting {
        0 => parts.push("nothing waits".to_owned()),
        items if delivery.by_another => {
            parts.push(format!("{}, which a running program delivers", wait(items)));
        }
        items => parts.push(wait(items)),
    }
    format!("{}, {}: {}", delivery.name, stats.address, parts.join(", "))
}

//! `stillframe stats`: counters by stage and reason.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use stillframe_core::stats::{Counter, Outcome, StatsSnapshot};

use super::failure::Failure;
use super::open::{configuration, nothing_yet, open};
use super::output::Output;
use super::{DisplayArgs, StoreArgs, clock, outcome, sending};
use crate::render::{Clock, Line, Page, Style, Terminal, counted, duration, grouped, size};
use crate::store::{Health, Process};

/// Processes that are summed.
const MOST: usize = 1000;

const EXAMPLES: &str = "\
Examples:
  stillframe stats
  stillframe stats --pid 4711
  stillframe stats --json | jq .total.captured";

/// Arguments of `stats`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct StatsArgs {
    /// Only this process [default: all that the store remembers]
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    #[command(flatten)]
    display: DisplayArgs,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    store: String,
    total: StatsSnapshot,
    spool: Health,
    processes: Vec<JsonProcess<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonProcess<'a> {
    /// Nanoseconds since the Unix epoch, as `startedNs` inside.
    updated_ns: u64,
    #[serde(flatten)]
    process: &'a stillframe_core::sink::spool::ProcessRecord<StatsSnapshot>,
}

pub(super) fn stats(args: &StatsArgs, output: &Output) -> Result<ExitCode, Failure> {
    let (config, _) = configuration();
    let opened = open(&args.store, &config, output)?;
    let terminal = output.terminal(args.display.width);
    let (mut processes, health) = match &opened.store {
        Some(store) => (store.processes(MOST)?, store.health()?),
        None if args.display.json => (Vec::new(), Health::default()),
        None => {
            output.print(&nothing_yet(&opened.place, &terminal))?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    if let Some(service) = &opened.service {
        processes.retain(|process| process.record.service.as_ref() == Some(service));
    }
    if let Some(pid) = args.pid {
        processes.retain(|process| process.record.pid == pid);
        if processes.is_empty() {
            return Err(Failure::new(format!(
                "no process {pid} has used this store"
            )));
        }
    }
    let total = total(&processes);
    if args.display.json {
        let each = processes.iter().map(|process| JsonProcess {
            updated_ns: process.time_ns,
            process: &process.record,
        });
        let store = opened.place.dir.display().to_string();
        return output.json(&Json {
            store,
            total,
            spool: health,
            processes: each.collect(),
        });
    }
    output.print(&text(
        &processes,
        &total,
        &health,
        &terminal,
        &clock::clock(),
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// What all processes counted together.
pub(super) fn total(processes: &[Process]) -> StatsSnapshot {
    let mut sum = StatsSnapshot::default();
    for process in processes {
        outcome::merge(&mut sum, &process.record.stats);
    }
    sum
}

fn text(
    processes: &[Process],
    total: &StatsSnapshot,
    health: &Health,
    terminal: &Terminal,
    clock: &Clock,
) -> String {
    let mut page = Page::new(terminal);
    let since = processes
        .iter()
        .map(|process| process.record.started_ns)
        .min();
    let since = since.map_or_else(String::new, |since| format!(", {}", clock.since(since)));
    page.wrapped(
        Line::of(
            Style::Dim,
            &format!("{}{since}", counted_processes(processes.len())),
        ),
        0,
    );
    section(&mut page, "gate");
    for which in Outcome::ALL {
        row(
            &mut page,
            which.as_str(),
            total.outcomes.get(which),
            outcome::said(which).unwrap_or("values kept"),
        );
    }
    section(&mut page, "capture");
    for which in Counter::ALL {
        row(&mut page, which.as_str(), total.counters.get(which), "");
    }
    if total.walk.count > 0 {
        let walk = &total.walk;
        let text = format!(
            "p50 {}, p99 {}, most {}",
            duration(walk.p50_ns),
            duration(walk.p99_ns),
            duration(walk.max_ns)
        );
        label(&mut page, "walk", &text);
    }
    for (name, counts) in [("redacted", &total.redacted), ("cut", &total.cut)] {
        if counts.values().any(|&count| count > 0) {
            section(&mut page, name);
            counts
                .iter()
                .for_each(|(reason, &count)| row(&mut page, reason, count, ""));
        }
    }
    for (name, counts) in &total.destinations {
        section(&mut page, &format!("{name}, {}", counts.address));
        for (word, count) in sending::counts(counts) {
            row(&mut page, word, count, "");
        }
    }
    section(&mut page, "store");
    label(
        &mut page,
        "size",
        &format!(
            "{} in {}",
            size(health.bytes),
            counted(health.segments, "segment")
        ),
    );
    for (name, count) in [
        ("damaged", health.damaged),
        ("torn", health.torn),
        ("undecodable", health.undecodable),
        ("unknown", health.unknown),
    ] {
        row(&mut page, name, count, "");
    }
    page.render()
}

fn counted_processes(count: usize) -> String {
    if count == 1 {
        "1 process".to_owned()
    } else {
        format!("{} processes", grouped(count as u64))
    }
}

fn section(page: &mut Page<'_>, name: &str) {
    page.gap();
    page.line(Line::of(Style::Strong, name));
}

/// A counter; nothing where nothing was counted.
fn row(page: &mut Page<'_>, name: &str, count: u64, said: &str) {
    if count == 0 {
        return;
    }
    let mut line = Line::default();
    line.space(2).push(Style::Name, name).pad_to(22, 1);
    let digits = grouped(count);
    line.space(12_usize.saturating_sub(digits.len()))
        .push(Style::Literal, &digits);
    line.space(2).push(Style::Dim, said);
    page.line(line);
}

fn label(page: &mut Page<'_>, name: &str, text: &str) {
    let mut line = Line::default();
    line.space(2)
        .push(Style::Name, name)
        .pad_to(22, 1)
        .push(Style::Plain, text);
    page.wrapped(line, 22);
}

//! `stillframe doctor`: is everything as it should be, and why does an error have no values?

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use stillframe_core::config::{Config, ConfigProblem};
use stillframe_core::redact::{Mode, Redactor};
use stillframe_core::sink::fatal;
use stillframe_core::sink::outbox::waiting;
use stillframe_core::sink::spool::ProcessPhase;
use stillframe_core::stats::StatsSnapshot;

use super::failure::Failure;
use super::list::error_of;
use super::open::{Opened, configuration, open, tilde};
use super::output::Output;
use super::stats::total;
use super::{DisplayArgs, StoreArgs, clock, outcome, sending};
use crate::render::{Clock, Line, Page, SECOND, Style, Terminal, counted, duration, grouped, size};
use crate::store::{Among, Filter, Health, Process, Store};

/// Processes of the last day are looked at together.
const DAY: u64 = 86_400 * SECOND;
/// Processes looked at.
const MOST: usize = 1000;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stillframe doctor                  of the newest store
  stillframe doctor --service shop   of this service
  stillframe doctor --json

Exit status: 0 if all is as it should be, 1 if something is to be mended.")]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    display: DisplayArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// How a line of the report is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// As it should be.
    Fine,
    /// Worth knowing; nothing is wrong.
    Note,
    /// To be mended.
    Mend,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    about: &'static str,
    verdict: Verdict,
    what: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

#[derive(Serialize)]
struct Json {
    fine: bool,
    findings: Vec<Finding>,
}

pub(super) fn doctor(args: &DoctorArgs, output: &Output) -> Result<ExitCode, Failure> {
    let (config, problems) = configuration();
    let opened = open(&args.store, &config, output)?;
    let clock = clock::clock();
    let findings = examine(&opened, &config, &problems, &clock)?;
    let fine = findings
        .iter()
        .all(|finding| finding.verdict != Verdict::Mend);
    if args.display.json {
        output.json(&Json { fine, findings })?;
    } else {
        output.print(&text(&findings, &output.terminal(args.display.width)))?;
    }
    Ok(if fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

fn examine(
    opened: &Opened,
    config: &Config,
    problems: &[ConfigProblem],
    clock: &Clock,
) -> Result<Vec<Finding>, Failure> {
    let mut report = Report {
        findings: Vec::new(),
        clock,
    };
    let mut processes = match &opened.store {
        Some(store) => store.processes(MOST)?,
        None => Vec::new(),
    };
    if let Some(service) = &opened.service {
        processes.retain(|process| process.record.service.as_ref() == Some(service));
    }
    let recent: Vec<Process> = {
        let since = clock.now_ns.saturating_sub(DAY);
        let count = processes
            .iter()
            .filter(|process| process.time_ns >= since)
            .count()
            .max(1);
        processes.iter().take(count).cloned().collect()
    };
    let stats = total(&recent);
    let last = processes.first();
    report.capture(config, last);
    report.faults(&stats);
    if let Some(store) = &opened.store {
        report.last_error(store, opened.service.clone(), &stats)?;
    }
    report.refused(&stats, recent.len());
    report.store(opened, config, &stats)?;
    report.fatal(opened);
    report.sending(opened, config, &stats);
    report.callbacks(&stats, last);
    report.configuration(config, problems, last);
    report.redaction(config, &stats);
    report.overhead(&recent, &stats);
    Ok(report.findings)
}

/// Whether a line is of a function that was handed a snapshot and failed.
fn is_of_callback(line: &str) -> bool {
    line.contains(", given to stillframe.on_snapshot, failed: ")
}

/// Whether a line is of a destination, of which more is told in another place.
fn is_of_destination(line: &str, process: Option<&Process>) -> bool {
    let mut names = process
        .iter()
        .flat_map(|process| process.record.stats.destinations.keys());
    names.any(|name| {
        line.strip_prefix(name.as_str())
            .is_some_and(|rest| rest.starts_with(", "))
    })
}

struct Report<'a> {
    findings: Vec<Finding>,
    clock: &'a Clock,
}

impl Report<'_> {
    fn add(
        &mut self,
        about: &'static str,
        verdict: Verdict,
        what: impl Into<String>,
        advice: Option<&str>,
    ) {
        self.findings.push(Finding {
            about,
            verdict,
            what: what.into(),
            advice: advice.map(str::to_owned),
        });
    }

    fn capture(&mut self, config: &Config, last: Option<&Process>) {
        if config.enabled == Some(false) {
            let place = config
                .origin("enabled")
                .map_or_else(String::new, |origin| format!(" ({origin})"));
            self.add(
                "capture",
                Verdict::Mend,
                format!("switched off here{place}"),
                Some("set STILLFRAME_ENABLED=1"),
            );
        }
        let Some(Process { time_ns, record }) = last else {
            let what = "no program has used this store yet";
            return self.add("capture", Verdict::Note, what, Some("stillframe run app.py, or STILLFRAME_ENABLED=1 in the environment of a service"));
        };
        let by = record
            .enabled_by
            .as_ref()
            .map_or_else(String::new, |by| format!(" ({by})"));
        let when = match record.phase {
            ProcessPhase::Exit => format!(
                "was on until the program ended, {}",
                self.clock.ago(*time_ns)
            ),
            _ => format!("on {}", self.clock.since(record.started_ns)),
        };
        let fast = record.walker.is_empty() || record.walker.starts_with("fast");
        let walker = match record.walker.as_str() {
            "" => String::new(),
            "fast" => ": fast walker".to_owned(),
            other => format!(": {other}"),
        };
        let what = format!("{when}{by}, pid {}, {}{walker}", record.pid, record.runtime);
        let verdict = if fast { Verdict::Fine } else { Verdict::Note };
        let slow = "values are read by a slower way, and just as safely; a newer stillframe may know this runtime";
        self.add("capture", verdict, what, (!fast).then_some(slow));
        let library = env!("CARGO_PKG_VERSION");
        if !record.library.is_empty() && record.library != library {
            let what = format!(
                "the program used stillframe {}, this command is {library}",
                record.library
            );
            self.add("versions", Verdict::Note, what, None);
        }
    }

    /// Errors of our own.
    fn faults(&mut self, stats: &StatsSnapshot) {
        let report = Some("please report it, with the output of stillframe stats --json");
        if stats.counters.internal_panics > 0 {
            self.add(
                "capture",
                Verdict::Mend,
                "an error inside stillframe switched it off",
                report,
            );
        } else if stats.counters.internal_errors > 0 {
            let what = format!(
                "{} inside stillframe; the programs were not disturbed",
                counted(stats.counters.internal_errors, "error")
            );
            self.add("capture", Verdict::Note, what, report);
        }
    }

    fn last_error(
        &mut self,
        store: &Store,
        service: Option<String>,
        stats: &StatsSnapshot,
    ) -> Result<(), Failure> {
        let newest = store.issues(&Filter {
            service,
            limit: Some(1),
            ..Filter::default()
        })?;
        let missing = outcome::without_values(&stats.outcomes);
        match newest.issues.first() {
            Some(issue) => {
                // Of this issue: others, of other services perhaps, may have been captured later.
                let kept = store.snapshots(&Among {
                    issue: Some(&issue.key),
                    limit: Some(1),
                    ..Among::default()
                })?;
                let what = format!(
                    "{}, {}",
                    error_of(issue).fit(60, "...").plain(),
                    self.clock.ago(issue.last_ns)
                );
                let shown = kept.first().is_some_and(|one| issue.last_ns <= one.time_ns);
                if shown {
                    self.add(
                        "last error",
                        Verdict::Fine,
                        format!("{what}: captured"),
                        None,
                    );
                } else {
                    let why = missing
                        .first()
                        .and_then(|&(outcome, _)| outcome::said(outcome))
                        .unwrap_or("counted only");
                    let advice = missing
                        .first()
                        .and_then(|&(outcome, _)| outcome::advice(outcome));
                    self.add(
                        "last error",
                        Verdict::Note,
                        format!("{what}: no values ({why})"),
                        advice,
                    );
                }
            }
            None => match missing.first() {
                Some(&(outcome, _)) => {
                    let why = outcome::said(outcome).unwrap_or("counted only");
                    self.add(
                        "last error",
                        Verdict::Mend,
                        format!("no values: {why}"),
                        outcome::advice(outcome),
                    );
                }
                None => self.add("last error", Verdict::Note, "none so far", None),
            },
        }
        Ok(())
    }

    fn refused(&mut self, stats: &StatsSnapshot, processes: usize) {
        let missing = outcome::without_values(&stats.outcomes);
        if missing.is_empty() {
            return;
        }
        let total: u64 = missing.iter().map(|(_, count)| count).sum();
        let reasons: Vec<String> = missing
            .iter()
            .map(|&(outcome, count)| {
                format!(
                    "{} {}",
                    grouped(count),
                    outcome::said(outcome).unwrap_or_default()
                )
            })
            .collect();
        let of = if processes > 1 {
            " in the last 24 h"
        } else {
            ""
        };
        let fault = missing
            .iter()
            .find(|(outcome, _)| outcome::is_fault(*outcome));
        let verdict = if fault.is_some() {
            Verdict::Mend
        } else {
            Verdict::Note
        };
        let advice = fault
            .or(missing.first())
            .and_then(|&(outcome, _)| outcome::advice(outcome));
        self.add(
            "no values",
            verdict,
            format!("{}{of}: {}", counted(total, "error"), reasons.join(", ")),
            advice,
        );
    }

    /// Programs that died of a signal.
    fn fatal(&mut self, opened: &Opened) {
        let count = fatal::waiting(&opened.place.dir).len();
        if count > 0 {
            let what = format!(
                "{} waiting; programs that died of a signal left them",
                counted(count as u64, "record")
            );
            let advice = "start the program again: stillframe_start makes snapshots of them";
            self.add("signals", Verdict::Note, what, Some(advice));
        }
    }

    fn store(
        &mut self,
        opened: &Opened,
        config: &Config,
        stats: &StatsSnapshot,
    ) -> Result<(), Failure> {
        let dir = tilde(&opened.place.dir);
        let Some(store) = &opened.store else {
            if !config.spool.enabled {
                self.add(
                    "store",
                    Verdict::Mend,
                    "switched off (spool.enabled)",
                    Some("set STILLFRAME_SPOOL_ENABLED=1"),
                );
            } else if opened.place.dir.exists() {
                self.add("store", Verdict::Note, format!("{dir}, empty"), None);
            } else {
                self.add("store", Verdict::Note, format!("{dir}, not made yet"), None);
            }
            return Ok(());
        };
        let health = store.health()?;
        let most = config.spool.max_bytes;
        let text = format!(
            "{dir}, {} of {}, {}",
            size(health.bytes),
            size(most),
            counted(health.segments, "segment")
        );
        let damage = damage(&health);
        let verdict = if damage.is_empty() {
            Verdict::Fine
        } else {
            Verdict::Note
        };
        let what = if damage.is_empty() {
            format!("{text}, nothing torn")
        } else {
            format!("{text}; {}", damage.join(", "))
        };
        let advice = (!damage.is_empty())
            .then_some("what was lost there cannot be mended; all else is read");
        self.add("store", verdict, what, advice);
        for error in &health.errors {
            self.add(
                "store",
                Verdict::Mend,
                error.clone(),
                Some("move the file away if it is not needed"),
            );
        }
        if stats.counters.spool_failed > 0 {
            let what = format!(
                "{} could not be written",
                counted(stats.counters.spool_failed, "record")
            );
            self.add(
                "store",
                Verdict::Mend,
                what,
                Some("look for a full disk, or a directory that the program may not write to"),
            );
        }
        Ok(())
    }

    /// Destinations beyond this machine.
    fn sending(&mut self, opened: &Opened, config: &Config, stats: &StatsSnapshot) {
        let waiting = waiting(&opened.place.dir);
        for found in sending::all(config, stats, &waiting, self.clock) {
            let verdict = if found.bad {
                Verdict::Mend
            } else {
                Verdict::Fine
            };
            self.add("sending", verdict, found.what, found.advice);
        }
    }

    /// Functions of the program that are handed snapshots.
    fn callbacks(&mut self, stats: &StatsSnapshot, last: Option<&Process>) {
        let counters = &stats.counters;
        let (sent, failed) = (counters.callback_sent, counters.callback_failed);
        if failed > 0 {
            let told = last.iter().flat_map(|process| &process.record.problems);
            let which: Vec<&str> = told
                .filter(|line| is_of_callback(line))
                .map(String::as_str)
                .collect();
            let which = match which.as_slice() {
                [] => String::new(),
                lines => format!(": {}", lines.join("; ")),
            };
            self.add(
                "callbacks",
                Verdict::Mend,
                format!("{} failed{which}", counted(failed, "call")),
                Some("the program was not disturbed, and the store has what they were handed"),
            );
        }
        if counters.callback_dropped > 0 {
            self.add(
                "callbacks",
                Verdict::Mend,
                format!(
                    "{} not handed over",
                    counted(counters.callback_dropped, "snapshot")
                ),
                Some("functions that take long lose some: have them pass the snapshot on and return; the store has it"),
            );
        }
        if sent > 0 && failed == 0 && counters.callback_dropped == 0 {
            let what = format!("{} of functions of the program", counted(sent, "call"));
            self.add("callbacks", Verdict::Fine, what, None);
        }
    }

    fn configuration(
        &mut self,
        config: &Config,
        problems: &[ConfigProblem],
        last: Option<&Process>,
    ) {
        let here: Vec<String> = problems.iter().map(ConfigProblem::to_string).collect();
        for problem in &here {
            self.add("settings", Verdict::Mend, problem.clone(), None);
        }
        for problem in last
            .iter()
            .flat_map(|process| &process.record.problems)
            .filter(|line| {
                !here.contains(line) && !is_of_destination(line, last) && !is_of_callback(line)
            })
        {
            self.add(
                "settings",
                Verdict::Mend,
                format!("in the last program: {problem}"),
                None,
            );
        }
        let file = match &config.file {
            Some(path) => tilde(path),
            None => "no stillframe.toml".to_owned(),
        };
        if here.is_empty() {
            let set = config.origins.len();
            let what = if set == 0 {
                format!("{file}, all as by default")
            } else {
                format!("{file}, {} set", counted(set as u64, "key"))
            };
            self.add("settings", Verdict::Fine, what, None);
        }
    }

    fn redaction(&mut self, config: &Config, stats: &StatsSnapshot) {
        let (redactor, _) = Redactor::new(&config.redact);
        let (names, detectors, rules) = redactor.counts();
        let mut what = format!(
            "{}, {}",
            counted(names as u64, "name"),
            counted(detectors as u64, "detector")
        );
        if rules > 0 {
            what.push_str(&format!(", {} of your own", counted(rules as u64, "rule")));
        }
        let hidden: u64 = stats.redacted.values().sum();
        what.push_str(&format!("; {} hidden", counted(hidden, "value")));
        match config.redact.mode {
            Mode::Off => self.add(
                "redaction",
                Verdict::Note,
                format!("values are not scanned (redact.mode = off); {what}"),
                Some("set redact.mode = \"normal\" outside of development"),
            ),
            _ => self.add("redaction", Verdict::Fine, what, None),
        }
    }

    fn overhead(&mut self, recent: &[Process], stats: &StatsSnapshot) {
        let walk = &stats.walk;
        if walk.count == 0 {
            return;
        }
        let run: u64 = recent
            .iter()
            .map(|process| process.time_ns.saturating_sub(process.record.started_ns))
            .sum();
        #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
        let share = (walk.count as f64 * walk.p50_ns as f64) * 100.0 / (run.max(1) as f64);
        let share = if share < 0.0001 {
            "less than 0.0001".to_owned()
        } else {
            // Two digits that say something, whatever the magnitude.
            let decimals = (1.0 - share.log10().floor()).clamp(0.0, 5.0) as usize;
            format!("about {share:.decimals$}")
        };
        let what = format!(
            "{}, p50 {}, p99 {}, {share} % of run time",
            counted(walk.count, "capture"),
            duration(walk.p50_ns),
            duration(walk.p99_ns)
        );
        self.add("overhead", Verdict::Fine, what, None);
    }
}

fn damage(health: &Health) -> Vec<String> {
    let mut found = Vec::new();
    if health.torn > 0 {
        found.push(format!(
            "{} with a torn end",
            counted(health.torn, "segment")
        ));
    }
    if health.damaged > 0 {
        found.push(format!(
            "{} damaged ({})",
            counted(health.damaged, "place"),
            size(health.damaged_bytes)
        ));
    }
    if health.undecodable > 0 {
        found.push(format!(
            "{} not readable",
            counted(health.undecodable, "record")
        ));
    }
    if health.unknown > 0 {
        found.push(format!(
            "{} of a newer stillframe",
            counted(health.unknown, "record")
        ));
    }
    found
}

fn text(findings: &[Finding], terminal: &Terminal) -> String {
    const COLUMN: usize = 14;
    let mut page = Page::new(terminal);
    let mut about = "";
    for finding in findings {
        let (mark, style) = match finding.verdict {
            Verdict::Fine => ("  ", Style::Plain),
            Verdict::Note => ("  ", Style::Plain),
            Verdict::Mend => ("! ", Style::Bad),
        };
        let mut line = Line::of(Style::Bad, mark);
        line.push(
            Style::Strong,
            if finding.about == about {
                ""
            } else {
                finding.about
            },
        );
        about = finding.about;
        line.pad_to(COLUMN, 1).push(style, &finding.what);
        page.wrapped(line, COLUMN);
        if let Some(advice) = &finding.advice {
            let mut line = Line::default();
            line.space(COLUMN)
                .push(Style::Dim, page.terminal().glyphs().arrow)
                .space(1)
                .push(Style::Plain, advice);
            page.wrapped(line, COLUMN + 2);
        }
    }
    page.gap();
    let mend = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Mend)
        .count();
    page.line(match mend {
        0 => Line::of(Style::Good, "all is as it should be"),
        1 => Line::of(Style::Bad, "1 thing to mend"),
        _ => Line::of(Style::Bad, &format!("{mend} things to mend")),
    });
    page.render()
}

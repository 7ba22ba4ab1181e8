//! `stillframe list`: issues, the newest first.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::failure::Failure;
use super::open::{Opened, configuration, nothing_yet, open};
use super::output::Output;
use super::{DisplayArgs, StoreArgs, clock, since};
use crate::render::{Clock, Line, Page, Style, Terminal, counted, grouped, short_file};
use crate::store::{Filter, Issue, Issues, hex};

/// Issues shown unless all are asked for.
const LIMIT: u64 = 25;
/// Narrowest column of errors.
const LEAST_ERROR: usize = 20;

const EXAMPLES: &str = "\
Examples:
  stillframe list
  stillframe list --since 2h --type KeyError
  stillframe list --all --json | jq '.issues[].type'";

/// Arguments of `list`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ListArgs {
    /// Only errors of this type: KeyError, shop.rates.LookupFailed, *Error
    #[arg(long = "type", value_name = "TYPE")]
    error_type: Option<String>,
    /// Only what occurred since: 30m, 2h, 3d, 2026-11-20
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = LIMIT, conflicts_with = "all")]
    limit: u64,
    /// All of them
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    display: DisplayArgs,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    store: String,
    issues: Vec<JsonIssue<'a>>,
    /// Issues that match, shown or not.
    total: u64,
    /// Occurrences of those.
    times: u64,
    /// Occurrences of which nothing was captured, so that nobody knows their issue.
    unknown_times: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonIssue<'a> {
    issue: String,
    service: &'a str,
    r#type: &'a str,
    message: &'a str,
    function: &'a str,
    module: &'a str,
    file: &'a str,
    line: u32,
    /// Nanoseconds since the Unix epoch.
    first_seen: u64,
    last_seen: u64,
    times: u64,
    kept: u64,
}

pub(super) fn list(args: &ListArgs, output: &Output) -> Result<ExitCode, Failure> {
    let clock = clock::clock();
    let since_ns = args
        .since
        .as_ref()
        .map(|text| since::parse(text, &clock))
        .transpose()
        .map_err(Failure::new)?;
    let (config, _) = configuration();
    let opened = open(&args.store, &config, output)?;
    let terminal = output.terminal(args.display.width);
    let limit = (!args.all).then_some(args.limit);
    let issues = match &opened.store {
        Some(store) => {
            let error_type = args.error_type.clone();
            store.issues(&Filter {
                service: opened.service.clone(),
                error_type,
                since_ns,
                limit,
            })?
        }
        None if args.display.json => Issues::default(),
        None => {
            output.print(&nothing_yet(&opened.place, &terminal))?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    if args.display.json {
        return output.json(&json(&opened, &issues));
    }
    let filtered = args.error_type.is_some() || since_ns.is_some();
    output.print(&text(&opened, &issues, filtered, &terminal, &clock))?;
    Ok(ExitCode::SUCCESS)
}

fn json<'a>(opened: &Opened, issues: &'a Issues) -> Json<'a> {
    let issue = |issue: &'a Issue| JsonIssue {
        issue: hex(&issue.key),
        service: &issue.service,
        r#type: &issue.error_type,
        message: &issue.message,
        function: &issue.function,
        module: &issue.module,
        file: &issue.file,
        line: issue.line,
        first_seen: issue.first_ns,
        last_seen: issue.last_ns,
        times: issue.times,
        kept: issue.kept,
    };
    Json {
        store: opened.place.dir.display().to_string(),
        issues: issues.issues.iter().map(issue).collect(),
        total: issues.total,
        times: issues.times,
        unknown_times: issues.unknown,
    }
}

/// `KeyError: 'EUR'`, with the last part of the type.
pub(super) fn error_of(issue: &Issue) -> Line {
    let short = issue
        .error_type
        .rsplit(['.', ':'])
        .next()
        .unwrap_or(&issue.error_type);
    let mut line = Line::of(
        Style::Strong,
        if short.is_empty() {
            &issue.error_type
        } else {
            short
        },
    );
    if !issue.message.is_empty() {
        line.push(Style::Plain, ": ")
            .push(Style::Plain, &issue.message);
    }
    line
}

/// `shop/pricing.py convert`
pub(super) fn where_of(issue: &Issue) -> Line {
    let module = (!issue.module.is_empty()).then_some(issue.module.as_str());
    let mut line = Line::of(Style::Plain, short_file(&issue.file, module));
    let function = issue.function.rsplit('.').next().unwrap_or("");
    if !function.is_empty() {
        line.push(Style::Plain, " ").push(Style::Dim, function);
    }
    line
}

struct RowOf {
    id: Line,
    last: Line,
    times: String,
    values: String,
    service: Line,
    error: Line,
    place: Line,
}

fn text(
    opened: &Opened,
    issues: &Issues,
    filtered: bool,
    terminal: &Terminal,
    clock: &Clock,
) -> String {
    let mut page = Page::new(terminal);
    let many_services = issues
        .issues
        .iter()
        .any(|issue| issue.service != issues.issues[0].service);
    let rows: Vec<RowOf> = issues
        .issues
        .iter()
        .map(|issue| RowOf {
            id: Line::of(Style::Id, &hex(&issue.key[..4])),
            last: Line::of(Style::Plain, &clock.ago(issue.last_ns)),
            times: grouped(issue.times),
            values: grouped(issue.kept),
            service: Line::of(
                Style::Plain,
                if many_services { &issue.service } else { "" },
            )
            .fit(16, terminal.glyphs().ellipsis),
            error: error_of(issue),
            place: where_of(issue),
        })
        .collect();
    if !rows.is_empty() {
        table(&mut page, &rows, many_services);
    }
    page.wrapped(footer(opened, issues, filtered), 2);
    page.render()
}

fn table(page: &mut Page<'_>, rows: &[RowOf], many_services: bool) {
    let ellipsis = page.terminal().glyphs().ellipsis;
    let widest = |width: fn(&RowOf) -> usize, header: usize| {
        rows.iter().map(width).max().unwrap_or(0).max(header)
    };
    let last = widest(|row| row.last.width(), 4);
    let times = widest(|row| row.times.len(), 5);
    let values = widest(|row| row.values.len(), 6);
    let service = if many_services {
        widest(|row| row.service.width(), 7) + 2
    } else {
        0
    };
    let fixed = 8 + 2 + last + 2 + times + 2 + values + 2 + service;
    let room = page.terminal().width.saturating_sub(fixed);
    let (error, place) = (
        widest(|row| row.error.width(), 5),
        widest(|row| row.place.width(), 5),
    );
    // Where both do not fit, the place gives way first, down to a third; below that the error does.
    let place = if error + 2 + place <= room {
        place
    } else {
        place.min((room / 3).max(room.saturating_sub(error + 2)))
    };
    let error = error
        .min(room.saturating_sub(place + 2))
        .max(LEAST_ERROR.min(room));
    let row = |page: &mut Page<'_>,
               cells: [&Line; 3],
               numbers: [&str; 2],
               service_cell: &Line,
               id: &Line| {
        let [last_cell, error_cell, place_cell] = cells;
        let mut line = id.clone();
        line.pad_to(10, 2).extend(last_cell).pad_to(12 + last, 2);
        for (number, width) in [(numbers[0], times), (numbers[1], values)] {
            line.space(width.saturating_sub(number.len()))
                .push(Style::Plain, number)
                .space(2);
        }
        if many_services {
            line.extend(service_cell).pad_to(fixed, 2);
        }
        line.extend(&error_cell.clone().fit(error, ellipsis));
        line.pad_to(fixed + error + 2, 2);
        let left = page.terminal().width.saturating_sub(line.width());
        line.extend(&place_cell.clone().fit(left, ellipsis));
        page.line(line);
    };
    let header = |text| Line::of(Style::Dim, text);
    row(
        page,
        [&header("last"), &header("error"), &header("where")],
        ["times", "values"],
        &header("service"),
        &header("issue"),
    );
    for one in rows {
        row(
            page,
            [&one.last, &one.error, &one.place],
            [&one.times, &one.values],
            &one.service,
            &one.id,
        );
    }
}

fn footer(opened: &Opened, issues: &Issues, filtered: bool) -> Line {
    let shown = issues.issues.len() as u64;
    let label = opened.label();
    let mut text = if issues.total == 0 {
        format!(
            "no issues{} in {label}",
            if filtered { " of that kind" } else { "" }
        )
    } else if shown < issues.total {
        format!(
            "{} of {}, {} in {label} (--all for all",
            grouped(shown),
            counted(issues.total, "issue"),
            counted(issues.times, "error")
        )
    } else {
        format!(
            "{}, {} in {label} (",
            counted(shown, "issue"),
            counted(issues.times, "error")
        )
    };
    let mut hints = Vec::new();
    if !opened.place.others.is_empty() {
        hints.push("--service to see others");
    }
    if issues.total > 0 {
        hints.push("--json for machines");
        if !text.ends_with('(') && !hints.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&hints.join(", "));
        text.push(')');
    }
    let mut line = Line::of(Style::Dim, &text);
    if issues.unknown > 0 && !filtered {
        let more = format!(
            "; {} of which nothing was captured (stillframe doctor says why)",
            counted(issues.unknown, "more error")
        );
        line.push(Style::Gap, &more);
    }
    line
}

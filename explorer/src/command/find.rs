//! `stillframe find`: occurrences, by a query.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;
use stillframe_core::snapshot::{Frame, Node, Scalar, Snapshot};

use super::failure::Failure;
use super::open::{Opened, configuration, nothing_yet, open};
use super::output::Output;
use super::reference::one_issue;
use super::{DisplayArgs, StoreArgs, clock, complete, since};
use crate::find::{self, FIELDS, Hit, Need, Query, Shown, SyntaxError};
use crate::render::{Clock, Line, OneLine, Page, Style, counted, grouped, short_file};
use crate::store::{Among, Found, Progress as _, Store, hex};

/// Occurrences shown unless more are asked for.
const LIMIT: u64 = 20;
/// Values shown of one occurrence.
const MAX_SHOWN: usize = 6;
/// Snapshots read before the first are tested: what was asked for is often among the newest.
const FIRST_BATCH: usize = 32;
const LARGEST_BATCH: usize = 1024;
/// Threads that test snapshots.
const MAX_THREADS: usize = 8;
/// Snapshots for which a thread is worth it.
const LEAST_SHARE: usize = 16;
/// Columns of the query that are shown around a mistake.
const EXCERPT: usize = 60;

/// Arguments of `find`.
#[derive(Debug, Args)]
#[command(after_help = help(), override_usage = "stillframe find [OPTIONS] QUERY...")]
pub(super) struct FindArgs {
    /// What to look for, in quotes so that the shell leaves it alone
    #[arg(value_name = "QUERY", required = true)]
    query: Vec<String>,
    /// Only in this issue
    #[arg(long, value_name = "ID", add = ArgValueCompleter::new(complete::ids))]
    issue: Option<String>,
    /// Only what occurred since: 30m, 2h, 3d, 2026-11-20
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// At most so many, the newest
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

fn help() -> String {
    let mut text = "\
Examples:
  stillframe find KeyError                            in the type or the message
  stillframe find 'var(user.plan) = \"free\"'           a variable, in any frame
  stillframe find 'KeyError and var(user.plan) = \"free\"'
  stillframe find 'arg(amount) < 0 or arg(amount) > 1000'
  stillframe find 'var(**.plan) = free'               at any depth
  stillframe find 'var(rates[\"EUR\"]) = None'          an entry; items[0], items[*]
  stillframe find 'size(items) > 100'                 how many items, characters, ...
  stillframe find 'frame = pricing.py:42 and not handled'
  stillframe find 'tag(http.route) = /checkout and age < 2h'

Comparisons:
  = !=         equal; without quotes * is any text, and 42, None, true are themselves
  ~ !~         contains, whatever the case
  =~           matches a regular expression, in quotes
  < <= > >=    numbers, times, text
  and or not ( )   words beside each other must all be found

Fields:
  var(PATH)    a value, in any frame; by itself: there is one
  arg(PATH)    the same, in arguments only
  size(PATH)   items, entries, fields or characters of a value
  tag(NAME)    an attribute of the request or of the program
  user(NAME)   of the user: user(id)
"
    .to_owned();
    for (name, what) in FIELDS {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name:12} {what}");
    }
    text.truncate(text.trim_end().len());
    text
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json {
    store: String,
    /// The query as it was understood.
    query: String,
    /// Snapshots that were looked at.
    searched: u64,
    /// More match than were asked for.
    more: bool,
    occurrences: Vec<JsonOccurrence>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonOccurrence {
    id: String,
    issue: String,
    /// Nanoseconds since the Unix epoch.
    time: u64,
    service: String,
    r#type: String,
    message: Option<String>,
    handled: Option<bool>,
    function: String,
    module: Option<String>,
    file: Option<String>,
    line: Option<u32>,
    matches: Vec<JsonMatch>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonMatch {
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<String>,
    value: JsonValue,
}

#[derive(Serialize)]
#[serde(untagged)]
enum JsonValue {
    Node(Box<Node>),
    Scalar(Scalar),
}

/// An occurrence that matches.
struct Match {
    found: Found,
    snapshot: Snapshot,
}

/// What a search came to.
struct Matches {
    matches: Vec<Match>,
    searched: u64,
    more: bool,
    /// Snapshots that could not be read.
    unreadable: u64,
}

pub(super) fn find(args: &FindArgs, output: &Output) -> Result<ExitCode, Failure> {
    let text = args.query.join(" ");
    let query = find::parse(&text).map_err(|error| misread(&text, &error))?;
    let clock = clock::clock();
    let since_ns = args.since.as_ref().map(|text| since::parse(text, &clock));
    let since_ns = since_ns.transpose().map_err(Failure::new)?.unwrap_or(0);
    let (config, _) = configuration();
    let mut opened = open(&args.store, &config, output)?;
    let terminal = output.terminal(args.display.width);
    let service = opened.service.clone();
    let began = Instant::now();
    let matches = match &mut opened.store {
        Some(store) => {
            let issue = args.issue.as_deref();
            let issue = issue
                .map(|reference| one_issue(store, reference, service.as_deref(), &clock))
                .transpose()?;
            let (from_ns, before_ns) = query.period(&clock);
            let among = Among {
                issue: issue.as_ref().map(|issue| &issue.key),
                from_ns: from_ns.max(since_ns),
                before_ns,
                limit: None,
            };
            let limit = (!args.all).then_some(args.limit);
            let wanted = Wanted {
                query: &query,
                service: service.as_deref(),
                limit,
                clock: &clock,
            };
            wanted.search(store, &among, output)?
        }
        None if args.display.json => Matches::none(),
        None => {
            output.print(&nothing_yet(&opened.place, &terminal))?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    if matches.unreadable > 0 {
        output.remark(&format!(
            "{} could not be read; stillframe doctor says more",
            counted(matches.unreadable, "snapshot")
        ));
    }
    if args.display.json {
        return output.json(&json(&opened, &query, &matches, &clock));
    }
    let mut page = Page::new(&terminal);
    for one in &matches.matches {
        occurrence(&mut page, one, &query, &clock);
    }
    page.gap();
    page.wrapped(footer(&opened, &matches, began), 2);
    output.print(&page.render())?;
    Ok(ExitCode::SUCCESS)
}

/// Shows the place of a mistake under the query.
fn misread(text: &str, error: &SyntaxError) -> Failure {
    let start = text.floor_char_boundary(error.place.start.min(text.len()));
    let end = text
        .ceil_char_boundary(error.place.end.min(text.len()))
        .max(start);
    let before = Line::of(Style::Plain, &text[..start]).plain();
    let marked = Line::of(Style::Plain, &text[start..end]).plain();
    let after = Line::of(Style::Plain, &text[end..]).plain();
    // The end of what comes before it, and the beginning of what comes after.
    let skipped = before.chars().count().saturating_sub(EXCERPT / 2);
    let mut line: String = before.chars().skip(skipped).collect();
    if skipped > 0 {
        line.insert_str(0, "...");
    }
    let column = Line::of(Style::Plain, &line).width();
    let width = Line::of(Style::Plain, &marked)
        .width()
        .clamp(1, EXCERPT / 2);
    line.extend(
        marked
            .chars()
            .take(EXCERPT / 2)
            .chain(after.chars().take(EXCERPT / 2)),
    );
    let line = Line::of(Style::Plain, &line)
        .fit(EXCERPT + 8, "...")
        .plain();
    Failure::new(format!("the query cannot be read: {}", error.what))
        .quote(line)
        .quote(format!("{}{}", " ".repeat(column), "^".repeat(width)))
        .advise("stillframe find --help has examples")
}

/// What is looked for.
struct Wanted<'a> {
    query: &'a Query,
    service: Option<&'a str>,
    limit: Option<u64>,
    clock: &'a Clock,
}

impl Matches {
    fn none() -> Self {
        Self {
            matches: Vec::new(),
            searched: 0,
            more: false,
            unreadable: 0,
        }
    }
}

impl Wanted<'_> {
    fn search(
        &self,
        store: &mut Store,
        among: &Among<'_>,
        output: &Output,
    ) -> Result<Matches, Failure> {
        let candidates = store.snapshots(among)?;
        let need = Need::of(self.query);
        let mut watch = output.watch("searching");
        let mut result = Matches::none();
        let mut payload = Vec::new();
        let total = candidates.len() as u64;
        let mut batch = Vec::new();
        let mut candidates = candidates.into_iter();
        let mut size = FIRST_BATCH;
        while !result.more && candidates.len() > 0 {
            for found in candidates.by_ref().take(size) {
                watch.read(result.searched, total);
                result.searched += 1;
                if store.payload_into(&found.located, &mut payload).is_err() {
                    result.unreadable += 1;
                } else if found.uncaught.is_some() || need.is_in(&payload) {
                    // What was learned later is not in the bytes.
                    batch.push((found, std::mem::take(&mut payload)));
                }
            }
            size = LARGEST_BATCH.min(size * 2);
            for outcome in self.look_at(std::mem::take(&mut batch)) {
                match outcome {
                    Outcome::Unreadable => result.unreadable += 1,
                    Outcome::No => {}
                    Outcome::Match(_) if self.limit == Some(result.matches.len() as u64) => {
                        result.more = true;
                        break;
                    }
                    Outcome::Match(found) => result.matches.push(*found),
                }
            }
        }
        Ok(result)
    }

    /// Decodes snapshots and tests them, on as many threads as there are processors; the outcomes in the same order.
    fn look_at(&self, batch: Vec<(Found, Vec<u8>)>) -> Vec<Outcome> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = batch
            .len()
            .div_ceil(threads.min(MAX_THREADS))
            .max(LEAST_SHARE);
        let mut shares = Vec::new();
        let mut rest = batch;
        while rest.len() > share {
            let tail = rest.split_off(share);
            shares.push(std::mem::replace(&mut rest, tail));
        }
        let each = |share: Vec<(Found, Vec<u8>)>| -> Vec<Outcome> {
            let outcomes = share.into_iter();
            outcomes
                .map(|(found, payload)| self.outcome(found, &payload))
                .collect()
        };
        std::thread::scope(|scope| {
            let others: Vec<_> = shares
                .into_iter()
                .map(|share| scope.spawn(move || each(share)))
                .collect();
            let last = each(rest);
            let mut outcomes = Vec::new();
            for other in others {
                // A thread that panicked would have been a bug; it is told as an unreadable snapshot.
                outcomes.extend(other.join().unwrap_or_else(|_| vec![Outcome::Unreadable]));
            }
            outcomes.extend(last);
            outcomes
        })
    }

    fn outcome(&self, found: Found, payload: &[u8]) -> Outcome {
        let Ok(mut snapshot) = Snapshot::from_msgpack(payload) else {
            return Outcome::Unreadable;
        };
        if let Some(mechanism) = &found.uncaught {
            snapshot.set_uncaught(mechanism);
        }
        let other_service = self
            .service
            .is_some_and(|service| service != snapshot.service);
        if other_service || self.query.find(&snapshot, self.clock).is_none() {
            return Outcome::No;
        }
        Outcome::Match(Box::new(Match { found, snapshot }))
    }
}

/// What a snapshot turned out to be.
enum Outcome {
    Match(Box<Match>),
    No,
    Unreadable,
}

/// The nearest frame of the program, else the raising one.
fn nearest(snapshot: &Snapshot) -> Option<&Frame> {
    let error = snapshot.captured()?;
    let frames = error
        .frames
        .iter()
        .filter_map(|&at| snapshot.frames.get(at as usize));
    let in_app = frames.clone().find(|frame| frame.in_app);
    in_app.or_else(|| frames.clone().next())
}

/// `KeyError: 'EUR'`
fn error_of(snapshot: &Snapshot) -> Line {
    let Some(error) = snapshot.captured() else {
        return Line::default();
    };
    let mut line = Line::of(Style::Strong, error.short_type());
    let message = error.message.as_ref().and_then(|node| node.value.as_ref());
    let message = message.map(Scalar::to_string).unwrap_or_default();
    if let Some(first) = message.lines().find(|line| !line.trim().is_empty()) {
        line.push(Style::Plain, ": ").push(Style::Plain, first);
    }
    line
}

/// `shop/pricing.py:42 convert`
fn place_of(snapshot: &Snapshot) -> Line {
    let Some(frame) = nearest(snapshot) else {
        return Line::default();
    };
    let file = frame.file.as_deref().unwrap_or("");
    let mut line = Line::of(Style::Plain, short_file(file, frame.module.as_deref()));
    if let Some(number) = frame.line {
        line.push(Style::Plain, &format!(":{number}"));
    }
    let function = frame.function.rsplit('.').next().unwrap_or("");
    line.push(Style::Plain, " ").push(Style::Dim, function);
    line
}

fn occurrence(page: &mut Page<'_>, one: &Match, query: &Query, clock: &Clock) {
    let ellipsis = page.terminal().glyphs().ellipsis;
    let width = page.terminal().width;
    let mut line = Line::of(Style::Id, &hex(&one.found.located.id[12..]));
    line.pad_to(10, 2)
        .push(Style::Plain, &clock.ago(one.found.time_ns))
        .pad_to(22, 2);
    let (error, place) = (error_of(&one.snapshot), place_of(&one.snapshot));
    let room = width.saturating_sub(line.width() + 2);
    let for_place = place
        .width()
        .min(room / 2)
        .max(room.saturating_sub(error.width()).min(place.width()));
    line.extend(&error.fit(room.saturating_sub(for_place), ellipsis));
    line.pad_to(width.saturating_sub(for_place), 2)
        .extend(&place.fit(for_place, ellipsis));
    page.line(line);
    let hits = query.find(&one.snapshot, clock).unwrap_or_default();
    let writer = OneLine::of(&one.snapshot, page.terminal());
    let lines = hit_lines(&hits, &one.snapshot, &writer, width.saturating_sub(10));
    let hidden = lines.len().saturating_sub(MAX_SHOWN);
    for hit in lines.into_iter().take(MAX_SHOWN) {
        let mut line = Line::default();
        line.space(10).extend(&hit);
        page.line(line);
    }
    if hidden > 0 {
        let mut line = Line::default();
        let more = format!(
            "{ellipsis} {} more (--json has them)",
            grouped(hidden as u64)
        );
        line.space(10).push(Style::Dim, &more);
        page.line(line);
    }
}

/// `user.plan = 'free'  in checkout, total`, each value once with the functions that have it.
fn hit_lines(
    hits: &[Hit<'_>],
    snapshot: &Snapshot,
    writer: &OneLine<'_>,
    room: usize,
) -> Vec<Line> {
    let mut told: Vec<(Line, Vec<&str>)> = Vec::new();
    for hit in hits {
        let frame = hit.frame.and_then(|at| snapshot.frames.get(at));
        let mut line = Line::default();
        let mut functions = Vec::new();
        match &hit.shown {
            Shown::Text(text) => {
                line.push(Style::Name, &hit.what)
                    .space(1)
                    .push(Style::Plain, text);
            }
            Shown::Scalar(scalar) => {
                let name = hit.what.split_once(' ');
                line.push(
                    Style::Name,
                    name.map_or(hit.what.as_str(), |(_, name)| name),
                );
                line.push(Style::Plain, " = ")
                    .push(Style::Str, &scalar.to_string());
                functions.extend(name.map(|(kind, _)| kind));
            }
            Shown::Node(node) => {
                line.push(Style::Name, &hit.what).push(Style::Plain, " = ");
                let left = room.saturating_sub(line.width()).max(room / 3);
                line.extend(&writer.value(node, hit.frame.unwrap_or(0), left));
                functions.extend(frame.map(|frame| frame.function.as_str()));
            }
        }
        match told.iter_mut().find(|(other, _)| *other == line) {
            Some((_, others)) if others.len() < 4 => others.extend(functions),
            Some(_) => {}
            None => told.push((line, functions)),
        }
    }
    let with_place = |(mut line, functions): (Line, Vec<&str>)| {
        let mut named: Vec<&str> = functions
            .iter()
            .map(|name| name.rsplit('.').next().unwrap_or(name))
            .collect();
        named.dedup();
        let place = match named[..] {
            [] => return line,
            ["tag" | "user"] => format!("({})", named[0]),
            _ => format!("in {}", named.join(", ")),
        };
        if line.width() + 2 + place.len() <= room {
            line.space(2).push(Style::Dim, &place);
        }
        line
    };
    told.into_iter().map(with_place).collect()
}

fn footer(opened: &Opened, matches: &Matches, began: Instant) -> Line {
    let shown = matches.matches.len() as u64;
    let label = opened.label();
    let text = if shown == 0 {
        format!("nothing like that in {label}")
    } else if matches.more {
        format!(
            "the newest {} of more in {label} (--all for all)",
            grouped(shown)
        )
    } else {
        format!("{} in {label}", counted(shown, "occurrence"))
    };
    let mut line = Line::of(Style::Dim, &text);
    let searched = format!(
        "; {} searched in {:.2} s",
        grouped(matches.searched),
        began.elapsed().as_secs_f64()
    );
    line.push(Style::Dim, &searched);
    line
}

fn json(opened: &Opened, query: &Query, matches: &Matches, clock: &Clock) -> Json {
    let occurrence = |one: &Match| {
        let snapshot = &one.snapshot;
        let error = snapshot.captured();
        let frame = nearest(snapshot);
        let hits = query.find(snapshot, clock).unwrap_or_default();
        let matched = |hit: &Hit<'_>| JsonMatch {
            what: hit.what.clone(),
            frame: hit.frame,
            function: hit
                .frame
                .and_then(|at| Some(snapshot.frames.get(at)?.function.clone())),
            value: match &hit.shown {
                Shown::Node(node) => JsonValue::Node(Box::new((*node).clone())),
                Shown::Scalar(scalar) => JsonValue::Scalar((*scalar).clone()),
                Shown::Text(text) => JsonValue::Scalar(Scalar::Text(text.clone())),
            },
        };
        JsonOccurrence {
            id: snapshot.id.to_string(),
            issue: hex(&one.found.issue),
            time: one.found.time_ns,
            service: snapshot.service.clone(),
            r#type: error
                .map(|error| error.type_name.clone())
                .unwrap_or_default(),
            message: error
                .and_then(|error| error.message.as_ref()?.value.as_ref())
                .map(Scalar::to_string),
            handled: error.and_then(|error| error.handled),
            function: frame
                .map(|frame| frame.function.clone())
                .unwrap_or_default(),
            module: frame.and_then(|frame| frame.module.clone()),
            file: frame.and_then(|frame| frame.file.clone()),
            line: frame.and_then(|frame| frame.line),
            matches: hits.iter().map(matched).collect(),
        }
    };
    Json {
        store: opened.place.dir.display().to_string(),
        query: query.to_string(),
        searched: matches.searched,
        more: matches.more,
        occurrences: matches.matches.iter().map(occurrence).collect(),
    }
}

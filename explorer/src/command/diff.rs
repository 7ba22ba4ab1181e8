//! `stillframe diff`: two occurrences side by side, or what all of an issue have in common.

use std::collections::HashMap;
use std::process::ExitCode;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use stillframe_core::snapshot::{Node, Snapshot};

use super::diff_json::{JsonCommon, JsonPair};
use super::failure::Failure;
use super::list::{error_of, where_of};
use super::open::{configuration, nothing_yet, open};
use super::output::Output;
use super::reference::{gone, one_issue, one_snapshot};
use super::{DisplayArgs, StoreArgs, clock, complete};
use crate::diff::{Common, CommonFrame, Difference, FramePair, Pair, Presence, Tally, pair};
use crate::render::{Clock, Line, OneLine, Page, Style, counted, grouped, short_file};
use crate::store::{Among, Found, Issue, Located, Progress as _, Store, hex};

/// Occurrences compared unless more are asked for.
const LIMIT: u64 = 200;
/// Levels that values are looked into.
const DEPTH: usize = 4;
/// Places shown of one frame unless all are asked for.
const MAX_PLACES: usize = 14;
/// Places shown of one variable before all others have been.
const MAX_OF_VARIABLE: usize = 4;
/// Values shown of one place.
const MAX_VALUES: usize = 4;

const EXAMPLES: &str = "\
Examples:
  stillframe diff 3f2a91c0 77b1c0de   two occurrences: what differs, frame by frame
  stillframe diff 9be1c2d3            an issue: what its occurrences have in common
  stillframe diff 9be1 --limit 1000 --depth 4
  stillframe diff 9be1 --json | jq '.frames[0].places[] | select(.null > 0)'";

/// Arguments of `diff`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, override_usage = "stillframe diff [OPTIONS] A B\n       stillframe diff [OPTIONS] ISSUE")]
pub(super) struct DiffArgs {
    /// A snapshot; or, alone, an issue
    #[arg(value_name = "A", add = ArgValueCompleter::new(complete::ids))]
    a: String,
    /// The snapshot to compare it with
    #[arg(value_name = "B", add = ArgValueCompleter::new(complete::ids))]
    b: Option<String>,
    /// Of an issue: compare so many occurrences, the newest
    #[arg(long, value_name = "N", default_value_t = LIMIT, conflicts_with = "b")]
    limit: u64,
    /// Of an issue: look so many levels into values
    #[arg(long, value_name = "N", default_value_t = DEPTH, conflicts_with = "b")]
    depth: usize,
    /// Library frames too, and every value
    #[arg(short, long)]
    all: bool,
    #[command(flatten)]
    display: DisplayArgs,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn diff(args: &DiffArgs, output: &Output) -> Result<ExitCode, Failure> {
    let (config, _) = configuration();
    let opened = open(&args.store, &config, output)?;
    let terminal = output.terminal(args.display.width);
    let clock = clock::clock();
    let Some(mut store) = opened.store else {
        return Err(Failure::of_page(&nothing_yet(&opened.place, &terminal)));
    };
    let service = opened.service.as_deref();
    let Some(b) = &args.b else {
        let issue = one_issue(&store, &args.a, service, &clock)?;
        return issue_in_common(&mut store, &issue, args, output, &clock);
    };
    let (found_a, found_b) = (
        one_snapshot(&store, &args.a, service, &clock)?,
        one_snapshot(&store, b, service, &clock)?,
    );
    if found_a.id == found_b.id {
        return Err(
            Failure::new(format!("both are {}", hex(&found_a.id[12..]))).advise(
                "an issue alone shows what its occurrences have in common: stillframe diff ISSUE",
            ),
        );
    }
    let one = read(&mut store, &found_a)?;
    let other = read(&mut store, &found_b)?;
    let compared = pair(&one, &other);
    if args.display.json {
        return output.json(&JsonPair::of(&compared, &one, &other));
    }
    let mut page = Page::new(&terminal);
    let shown = Sides {
        a: &one,
        b: &other,
        write_a: OneLine::of(&one, &terminal),
        write_b: OneLine::of(&other, &terminal),
        all: args.all,
    };
    shown.write(&mut page, &compared, &clock);
    output.print(&page.render())?;
    Ok(ExitCode::SUCCESS)
}

fn read(store: &mut Store, found: &Located) -> Result<Snapshot, Failure> {
    let payload = store.payload(found)?;
    let mut snapshot = Snapshot::from_msgpack(&payload)
        .map_err(|error| Failure::new(format!("{}: {error}", hex(&found.id[12..]))))?;
    if let Some(mechanism) = store.uncaught(found)? {
        snapshot.set_uncaught(&mechanism);
    }
    Ok(snapshot)
}

/// Two snapshots, and how their values are written.
struct Sides<'s> {
    a: &'s Snapshot,
    b: &'s Snapshot,
    write_a: OneLine<'s>,
    write_b: OneLine<'s>,
    all: bool,
}

impl Sides<'_> {
    fn write(&self, page: &mut Page<'_>, pair: &Pair<'_>, clock: &Clock) {
        for (sign, snapshot) in [("A", self.a), ("B", self.b)] {
            let mut line = Line::of(Style::Strong, sign);
            line.space(2).push(Style::Id, &snapshot.id.short()).space(2);
            line.push(Style::Plain, &clock.ago(snapshot.timestamp))
                .pad_to(26, 2);
            let error = snapshot.captured();
            line.push(Style::Plain, error.map_or("", |error| error.short_type()));
            page.line(line);
        }
        let column = self.name_column(page, pair);
        if !pair.facts.is_empty() {
            page.gap();
            for fact in &pair.facts {
                let value = |side: &Option<String>| match side {
                    Some(text) => Line::of(Style::Plain, text),
                    None => Line::of(Style::Dim, "-"),
                };
                row(
                    page,
                    2,
                    &fact.name,
                    column,
                    &[value(&fact.a), value(&fact.b)],
                );
            }
        }
        let any_own = pair.frames.iter().any(|frame| frame.frame.in_app);
        let mut folded = 0;
        for frame in &pair.frames {
            let same = frame.differences.is_empty() && frame.presence == Presence::Both;
            if !self.all && (same || (any_own && !frame.frame.in_app)) {
                folded += 1;
                continue;
            }
            page.gap();
            self.frame(page, frame, column);
        }
        page.gap();
        let differ: usize = pair
            .frames
            .iter()
            .map(|frame| frame.differences.len())
            .sum();
        let mut text = format!(
            "{} in {}",
            counted_things(differ, "difference"),
            counted(pair.frames.len() as u64, "frame")
        );
        if folded > 0 {
            text.push_str(&format!(
                "; {} not shown, library's or without a difference (-a)",
                counted(folded, "frame")
            ));
        }
        page.wrapped(Line::of(Style::Dim, &text), 2);
    }

    fn name_column(&self, page: &Page<'_>, pair: &Pair<'_>) -> usize {
        let shown = pair
            .frames
            .iter()
            .filter(|frame| self.all || frame.frame.in_app);
        let paths = shown
            .flat_map(|frame| &frame.differences)
            .map(|one| one.path.len() + 4);
        let facts = pair.facts.iter().map(|fact| fact.name.len() + 2);
        let widest = paths.chain(facts).max().unwrap_or(0);
        widest.clamp(12, page.terminal().width / 3) + 2
    }

    fn frame(&self, page: &mut Page<'_>, pair: &FramePair<'_>, column: usize) {
        let frame = pair.frame;
        let mut line = Line::of(Style::Strong, &frame.function);
        line.space(2).push(
            Style::Plain,
            short_file(frame.file.as_deref().unwrap_or(""), frame.module.as_deref()),
        );
        if let Some(number) = frame.line {
            line.push(Style::Plain, &format!(":{number}"));
        }
        if let Some(number) = pair.other_line {
            line.push(Style::Plain, &format!(" (line {number} in B)"));
        }
        match pair.presence {
            Presence::Both => {}
            Presence::OnlyA => drop(line.push(Style::Gap, "  only in A")),
            Presence::OnlyB => drop(line.push(Style::Gap, "  only in B")),
        }
        page.line(line);
        let limit = if self.all { usize::MAX } else { MAX_PLACES };
        for one in pair.differences.iter().take(limit) {
            self.difference(page, one, pair, column);
        }
        let hidden = pair.differences.len().saturating_sub(limit);
        if hidden > 0 || pair.more {
            let more = if hidden > 0 {
                format!("{} (-a)", counted_things(hidden, "more difference"))
            } else {
                "more differs than was compared".to_owned()
            };
            note(page, &more);
        }
        let mut same = Vec::new();
        if !pair.equal.is_empty() {
            same.push(format!("same: {}", pair.equal.join(", ")));
        }
        if !pair.unknown.is_empty() {
            same.push(format!("not known: {}", pair.unknown.join(", ")));
        }
        if !pair.hidden.is_empty() {
            same.push(format!("hidden in both: {}", pair.hidden.join(", ")));
        }
        for text in same {
            note(page, &text);
        }
    }

    fn difference(
        &self,
        page: &mut Page<'_>,
        one: &Difference<'_>,
        pair: &FramePair<'_>,
        column: usize,
    ) {
        let room = cell_room(page, column);
        let value = |node: Option<&Node>, writer: &OneLine<'_>, at: Option<usize>| match node {
            Some(node) => writer.value(node, at.unwrap_or(0), room),
            None => Line::of(Style::Dim, "-"),
        };
        let cells = [
            value(one.a, &self.write_a, pair.a),
            value(one.b, &self.write_b, pair.b),
        ];
        row(page, 4, &one.path, column, &cells);
    }
}

fn note(page: &mut Page<'_>, text: &str) {
    let mut line = Line::default();
    line.space(4).push(Style::Dim, text);
    page.line(line);
}

fn counted_things(count: usize, noun: &str) -> String {
    if count == 0 {
        format!("no {noun}s")
    } else {
        counted(count as u64, noun)
    }
}

/// Columns of each of the two values beside a column of names.
fn cell_room(page: &Page<'_>, column: usize) -> usize {
    page.terminal().width.saturating_sub(column + 2) / 2
}

/// A name and two values beside each other; below each other where the name needs the room.
fn row(page: &mut Page<'_>, indent: usize, name: &str, column: usize, cells: &[Line; 2]) {
    let ellipsis = page.terminal().glyphs().ellipsis;
    let room = cell_room(page, column);
    let mut line = Line::default();
    line.space(indent).push(Style::Name, name);
    if line.width() + 2 > column {
        page.line(line);
        line = Line::default();
    }
    line.pad_to(column, 0)
        .extend(&cells[0].clone().fit(room, ellipsis));
    line.pad_to(column + room + 2, 0)
        .extend(&cells[1].clone().fit(room, ellipsis));
    page.line(line);
}

fn issue_in_common(
    store: &mut Store,
    issue: &Issue,
    args: &DiffArgs,
    output: &Output,
    clock: &Clock,
) -> Result<ExitCode, Failure> {
    let among = Among {
        issue: Some(&issue.key),
        limit: Some(args.limit),
        ..Among::default()
    };
    let found = store.snapshots(&among)?;
    let unicode = args.display.json || output.terminal(args.display.width).unicode;
    let mut common = Common::new(unicode);
    let mut watch = output.watch("comparing");
    for (at, one) in found.iter().enumerate() {
        watch.read(at as u64, found.len() as u64);
        if let Some(snapshot) = decoded(store, one) {
            common.add(&snapshot, args.depth.max(1));
        }
    }
    drop(watch);
    common.finish();
    if common.occurrences == 0 {
        return Err(gone(issue));
    }
    if args.display.json {
        return output.json(&JsonCommon::of(&common, issue));
    }
    let terminal = output.terminal(args.display.width);
    let mut page = Page::new(&terminal);
    let place = where_of(issue);
    let room = terminal
        .width
        .saturating_sub(place.width() + 2)
        .max(terminal.width / 2);
    page.spread(
        error_of(issue).fit(room, terminal.glyphs().ellipsis),
        &place,
    );
    let mut line = Line::of(Style::Plain, "issue ");
    line.push(Style::Id, &hex(&issue.key[..4]));
    line.push(
        Style::Plain,
        &format!(
            ": {} {}, values kept for {}, {} compared",
            counted(issue.times, "time"),
            clock.since(issue.first_ns),
            grouped(issue.kept),
            grouped(common.occurrences)
        ),
    );
    page.wrapped(line, 2);
    if common.occurrences == 1 {
        page.wrapped(
            Line::of(
                Style::Dim,
                "With one occurrence there is nothing to compare; stillframe show has its values.",
            ),
            2,
        );
        output.print(&page.render())?;
        return Ok(ExitCode::SUCCESS);
    }
    let frames = common
        .frames
        .iter()
        .filter(|frame| args.all || frame.in_app);
    let mut frames: Vec<&CommonFrame> = frames.collect();
    if frames.is_empty() {
        frames.extend(common.frames.first());
    }
    page.gap();
    let always =
        |tally: &&Tally| matches!(&tally.values[..], [only] if only.times == common.occurrences);
    let (same, vary): (Vec<&Tally>, Vec<&Tally>) = common.facts.iter().partition(always);
    tallies(&mut page, 2, &vary, common.occurrences, usize::MAX);
    if !same.is_empty() {
        let said = |tally: &&Tally| {
            let value = tally
                .values
                .first()
                .map(|seen| Line::of(Style::Plain, &seen.value));
            let value = value
                .unwrap_or_default()
                .fit(30, terminal.glyphs().ellipsis);
            format!("{} {}", tally.path, value.plain())
        };
        let said: Vec<String> = same.iter().map(said).collect();
        let mut line = Line::default();
        line.space(2)
            .push(Style::Dim, &format!("always: {}", said.join(", ")));
        page.wrapped(line, 4);
    }
    for frame in &frames {
        page.gap();
        common_frame(&mut page, frame, common.occurrences, args.all);
    }
    let folded = common.frames.len() - frames.len();
    if folded > 0 {
        page.gap();
        let text = format!(
            "{} of libraries not shown (-a)",
            counted(folded as u64, "frame")
        );
        page.wrapped(Line::of(Style::Dim, &text), 2);
    }
    output.print(&page.render())?;
    Ok(ExitCode::SUCCESS)
}

fn decoded(store: &mut Store, found: &Found) -> Option<Snapshot> {
    let payload = store.payload(&found.located).ok()?;
    let mut snapshot = Snapshot::from_msgpack(&payload).ok()?;
    if let Some(mechanism) = &found.uncaught {
        snapshot.set_uncaught(mechanism);
    }
    Some(snapshot)
}

fn common_frame(page: &mut Page<'_>, frame: &CommonFrame, total: u64, all: bool) {
    let mut line = Line::of(Style::Strong, &frame.function);
    line.space(2).push(
        Style::Plain,
        short_file(frame.file.as_deref().unwrap_or(""), frame.module.as_deref()),
    );
    if let Some(number) = frame.line {
        line.push(Style::Plain, &format!(":{number}"));
    }
    if frame.occurrences < total {
        let in_some = format!("  in {} of {}", grouped(frame.occurrences), grouped(total));
        line.push(Style::Gap, &in_some);
    }
    page.line(line);
    let places = frame
        .places
        .iter()
        .filter(|tally| all || !is_name_only(tally));
    let mut of_variable: HashMap<&str, usize> = HashMap::new();
    // A large value must not hide the others: its first places come first, the rest after everything else.
    let (mut shown, rest): (Vec<&Tally>, Vec<&Tally>) = places.partition(|tally| {
        let end = tally.path.find(['.', '[']).unwrap_or(tally.path.len());
        let count = of_variable.entry(&tally.path[..end]).or_default();
        *count += 1;
        all || *count <= MAX_OF_VARIABLE
    });
    let limit = if all { usize::MAX } else { MAX_PLACES };
    shown.extend(rest);
    tallies(page, 4, &shown, frame.occurrences, limit);
}

/// Whether a place always held the same module, function or class, which says nothing about a failure.
fn is_name_only(tally: &Tally) -> bool {
    const NAMED: [&str; 4] = ["<module ", "<function ", "<class ", "<built-in "];
    matches!(&tally.values[..], [only] if NAMED.iter().any(|name| only.value.starts_with(name)))
}

/// One place per line: what it always was, or how often it was what.
fn tallies(page: &mut Page<'_>, indent: usize, tallies: &[&Tally], total: u64, limit: usize) {
    let shown = &tallies[..tallies.len().min(limit)];
    let widest = shown
        .iter()
        .map(|tally| tally.path.len())
        .max()
        .unwrap_or(0);
    let column = indent + widest.min(page.terminal().width / 3) + 2;
    for tally in shown {
        let mut line = Line::default();
        line.space(indent).push(Style::Name, &tally.path);
        if line.width() + 2 > column {
            page.line(line);
            line = Line::default();
        }
        line.pad_to(column, 0);
        let room = page.terminal().width.saturating_sub(column);
        line.extend(&said(tally, total, room));
        page.line(line);
    }
    if tallies.len() > shown.len() {
        let more = format!(
            "{} (-a)",
            counted((tallies.len() - shown.len()) as u64, "more place")
        );
        let mut line = Line::default();
        page.line(line.space(indent).push(Style::Dim, &more).clone());
    }
}

/// `'EUR'  always`, `'free' 37, 'pro' 4`, `38 values from 1 to 99: 5 (3 times), ...`
fn said(tally: &Tally, total: u64, room: usize) -> Line {
    let missing = total.saturating_sub(tally.there + tally.unset);
    let mut tail = Vec::new();
    if tally.unset > 0 {
        tail.push(format!("not set in {}", grouped(tally.unset)));
    }
    if missing > 0 {
        tail.push(format!("not there in {}", grouped(missing)));
    }
    let tail = tail.join(", ");
    let mut line = Line::default();
    match &tally.values[..] {
        [] => {
            let text = if tally.unset == total {
                "never set"
            } else {
                &tail
            };
            line.push(Style::Dim, text);
            return line;
        }
        [only] if !tally.many => {
            let often = if only.times == total {
                "always".to_owned()
            } else {
                format!("{} of {}", grouped(only.times), grouped(total))
            };
            let left = room.saturating_sub(often.len() + 2);
            line.extend(&Line::of(Style::Str, &only.value).fit(left, "..."));
            line.space(2).push(Style::Dim, &often);
        }
        values => {
            let all_differ = values.iter().all(|seen| seen.times == 1);
            if values.len() > MAX_VALUES {
                let plus = if tally.many { "+" } else { "" };
                line.push(Style::Dim, &format!("{}{plus} values", values.len()));
                if let Some((low, high)) = tally.range {
                    line.push(Style::Dim, &format!(" from {low} to {high}"));
                }
                line.push(Style::Dim, if all_differ { ", each once: " } else { ": " });
            }
            let share = (room / values.len().min(MAX_VALUES))
                .saturating_sub(8)
                .max(12);
            for (at, seen) in values.iter().take(MAX_VALUES).enumerate() {
                if at > 0 {
                    line.push(Style::Plain, ", ");
                }
                line.extend(&Line::of(Style::Str, &seen.value).fit(share, "..."));
                if !all_differ {
                    line.push(Style::Dim, &format!(" x{}", grouped(seen.times)));
                }
            }
            if values.len() > MAX_VALUES {
                line.push(Style::Dim, ", ...");
            }
        }
    }
    if !tail.is_empty() {
        line.push(Style::Gap, &format!("; {tail}"));
    }
    line
}

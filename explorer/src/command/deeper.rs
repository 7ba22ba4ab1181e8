//! `stillframe deeper`: asks for one capture of an issue with raised limits.
//!
//! A request is a file in the store, `deeper/<key of the issue>`; programs that use the store look there. It is written beside and
//! renamed, so nobody reads half of one, and removed by the program that served it.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;
use stillframe_core::engine::deeper::{
    EXPIRES, FOLDER, FORMAT, Frame, LONGEST, Request, file_name,
};
use stillframe_core::snapshot::{self, Snapshot};

use super::failure::Failure;
use super::list::{error_of, where_of};
use super::open::{configuration, nothing_yet, open};
use super::output::Output;
use super::reference::one_issue;
use super::{DisplayArgs, StoreArgs, clock, complete};
use crate::render::{Clock, Line, Page, Style, Terminal, counted};
use crate::store::{Among, Issue, Store, hex};

/// Frames that a request names: enough to recognise where the error comes from.
const FRAMES: usize = 3;
/// Requests that are listed.
const MOST: usize = 1000;
const EXAMPLES: &str = "\
Examples:
  stillframe deeper 9be1c2d3             keep more the next time this issue occurs
  stillframe deeper 9be1c2d3 --times 3   raise the limits three times over
  stillframe deeper                      what is waiting to occur
  stillframe deeper 9be1c2d3 --cancel

The limits (how deep, how many items, how much text, how long a capture may take) are raised for one occurrence; then the usual ones
are back. Running programs see the request within about a second, others when they start; after a day it is forgotten.";

/// Arguments of `deeper`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DeeperArgs {
    /// The issue, or one of its snapshots [default: list the requests]
    #[arg(value_name = "ISSUE", add = ArgValueCompleter::new(complete::ids))]
    issue: Option<String>,
    /// How many times to raise the limits
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=7), requires = "issue")]
    times: u8,
    /// Take the request back
    #[arg(long, requires = "issue", conflicts_with = "times")]
    cancel: bool,
    #[command(flatten)]
    display: DisplayArgs,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json {
    store: String,
    requests: Vec<JsonRequest>,
}

#[derive(Serialize)]
struct JsonRequest {
    issue: String,
    #[serde(flatten)]
    request: Request,
}

pub(super) fn deeper(args: &DeeperArgs, output: &Output) -> Result<ExitCode, Failure> {
    let (config, _) = configuration();
    let opened = open(&args.store, &config, output)?;
    let terminal = output.terminal(args.display.width);
    let clock = clock::clock();
    let dir = opened.place.dir.clone();
    let Some(reference) = &args.issue else {
        return list(&dir, opened.store.as_ref(), args, output, &clock);
    };
    let Some(mut store) = opened.store else {
        return Err(Failure::of_page(&nothing_yet(&opened.place, &terminal)));
    };
    let issue = one_issue(&store, reference, opened.service.as_deref(), &clock)?;
    let file = dir.join(FOLDER).join(file_name(issue.key));
    if args.cancel {
        let removed = match fs::remove_file(&file) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(cannot("remove", &file, &error)),
        };
        if args.display.json {
            return output
                .json(&serde_json::json!({"issue": hex(&issue.key), "cancelled": removed}));
        }
        let mut line = Line::of(
            Style::Plain,
            if removed {
                "Cancelled: "
            } else {
                "Nothing was asked for, or it has occurred already: "
            },
        );
        line.extend(&error_of(&issue));
        return print(output, &terminal, &[line]);
    }
    let request = request_for(&mut store, &issue, args.times, clock.now_ns)?;
    write(&dir.join(FOLDER), &file, &request)?;
    if args.display.json {
        let issue = hex(&issue.key);
        return output.json(&JsonRequest { issue, request });
    }
    let mut first = Line::of(Style::Plain, "The next ");
    first
        .extend(&error_of(&issue))
        .push(Style::Plain, " in ")
        .extend(&where_of(&issue));
    let times = match args.times {
        1 => "is kept with raised limits.".to_owned(),
        times => format!("is kept with limits raised {times} times."),
    };
    first.push(Style::Plain, " ").push(Style::Plain, &times);
    let hint = "Running programs see this within about a second, others when they start.";
    let mut cancel = Line::of(Style::Dim, "Taken back by: ");
    cancel.push(
        Style::Id,
        &format!("stillframe deeper {} --cancel", hex(&issue.key[..4])),
    );
    print(
        output,
        &terminal,
        &[first, Line::of(Style::Dim, hint), cancel],
    )
}

fn print(output: &Output, terminal: &Terminal, lines: &[Line]) -> Result<ExitCode, Failure> {
    let mut page = Page::new(terminal);
    for line in lines {
        page.wrapped(line.clone(), 2);
    }
    output.print(&page.render())?;
    Ok(ExitCode::SUCCESS)
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot {what} {}: {error}", path.display()))
        .advise("requests lie in the store, which has to belong to you")
}

/// What tells programs which error is meant, from its newest snapshot.
fn request_for(
    store: &mut Store,
    issue: &Issue,
    steps: u8,
    now_ns: u64,
) -> Result<Request, Failure> {
    let newest = Among {
        issue: Some(&issue.key),
        limit: Some(1),
        ..Among::default()
    };
    let Some(found) = store.snapshots(&newest)?.into_iter().next() else {
        return Err(super::reference::gone(issue));
    };
    let payload = store.payload(&found.located)?;
    let snapshot = Snapshot::from_msgpack(&payload)
        .map_err(|error| Failure::new(format!("{}: {error}", hex(&found.located.id[12..]))))?;
    let error = snapshot.captured();
    let frames = error
        .iter()
        .flat_map(|error| &error.frames)
        .filter_map(|&at| snapshot.frames.get(at as usize));
    let place = |frame: &snapshot::Frame| Frame {
        function: frame.function.clone(),
        module: frame.module.clone(),
        file: frame.file.clone(),
    };
    Ok(Request {
        format: FORMAT,
        requested: now_ns,
        steps,
        type_name: error
            .map(|error| error.type_name.clone())
            .unwrap_or_default(),
        frames: frames.take(FRAMES).map(place).collect(),
    })
}

/// Writes the request beside its place and moves it there, readable by nobody else.
fn write(folder: &Path, file: &Path, request: &Request) -> Result<(), Failure> {
    let made = fs::DirBuilder::new().mode(0o700).create(folder);
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(cannot("make", folder, &error));
        }
        _ => {}
    }
    let kind = folder
        .symlink_metadata()
        .map_err(|error| cannot("read", folder, &error))?;
    if !kind.is_dir() {
        return Err(Failure::new(format!("{} is no folder", folder.display())));
    }
    let text = serde_json::to_vec(request)
        .map_err(|error| Failure::new(format!("the request cannot be written: {error}")))?;
    let beside = folder.join(format!(".{}.{}", std::process::id(), request.requested));
    let put = |mut into: File| {
        into.set_permissions(Permissions::from_mode(0o600))?;
        into.write_all(&text)?;
        into.sync_all()?;
        fs::rename(&beside, file)
    };
    let written = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .and_then(put);
    written.map_err(|error| {
        // It may not be there, which is as well.
        let _ = fs::remove_file(&beside);
        cannot("write", file, &error)
    })
}

/// The requests that wait, the newest first. A file that is none is passed over.
fn waiting(dir: &Path) -> Vec<([u8; 16], Request)> {
    let files = fs::read_dir(dir.join(FOLDER))
        .into_iter()
        .flatten()
        .flatten();
    let mut requests: Vec<_> = files
        .take(MOST)
        .filter_map(|file| {
            let name = file.file_name().into_string().ok()?;
            let key = u128::from_str_radix(&name, 16).ok()?.to_be_bytes();
            let request = (name.len() == 32).then(|| read(&file.path()))??;
            Some((key, request))
        })
        .collect();
    requests.sort_by_key(|(_, request): &([u8; 16], Request)| std::cmp::Reverse(request.requested));
    requests
}

/// The request in a file, if it is one.
fn read(file: &Path) -> Option<Request> {
    // Not a pipe or a device, which could wait for ever.
    let found = file.symlink_metadata().ok()?;
    if !found.is_file() || found.len() > LONGEST {
        return None;
    }
    let text = fs::read(file).ok()?;
    let request: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&text).ok()?;
    let request: Request = serde_json::from_value(request.into()).ok()?;
    (request.format == FORMAT).then_some(request)
}

/// Whether nobody serves a request any more.
fn is_expired(request: &Request, clock: &Clock) -> bool {
    u128::from(clock.now_ns.saturating_sub(request.requested)) > EXPIRES.as_nanos()
}

/// Whether a request for this issue waits. One that has expired lies there still, and nobody serves it.
pub(super) fn waits(dir: &Path, key: &[u8; 16], clock: &Clock) -> bool {
    let request = read(&dir.join(FOLDER).join(file_name(*key)));
    request.is_some_and(|request| !is_expired(&request, clock))
}

fn list(
    dir: &Path,
    store: Option<&Store>,
    args: &DeeperArgs,
    output: &Output,
    clock: &Clock,
) -> Result<ExitCode, Failure> {
    let requests = waiting(dir);
    if args.display.json {
        let requests = requests.into_iter().map(|(key, request)| JsonRequest {
            issue: hex(&key),
            request,
        });
        return output.json(&Json {
            store: dir.display().to_string(),
            requests: requests.collect(),
        });
    }
    let terminal = output.terminal(args.display.width);
    let mut page = Page::new(&terminal);
    for (key, request) in &requests {
        let mut line = Line::of(Style::Id, &hex(&key[..4]));
        line.pad_to(10, 2)
            .push(Style::Plain, &clock.ago(request.requested))
            .pad_to(24, 2);
        let issue = store.map(|store| store.issue(key)).transpose()?.flatten();
        match issue {
            Some(issue) => {
                line.extend(&error_of(&issue))
                    .space(2)
                    .extend(&where_of(&issue));
            }
            None => {
                line.push(Style::Strong, &request.type_name);
            }
        }
        if is_expired(request, clock) {
            line.push(Style::Gap, "  expired");
        }
        if request.steps > 1 {
            line.push(Style::Dim, &format!("  (--times {})", request.steps));
        }
        page.line(line);
    }
    let text = if requests.is_empty() {
        "no request waits; stillframe deeper ISSUE makes one".to_owned()
    } else {
        let waiting = requests
            .iter()
            .filter(|(_, request)| !is_expired(request, clock));
        let count = waiting.count() as u64;
        let verb = if count == 1 { "waits" } else { "wait" };
        format!(
            "{} {verb} for the next occurrence, at most a day",
            counted(count, "request")
        )
    };
    page.wrapped(Line::of(Style::Dim, &text), 2);
    output.print(&page.render())?;
    Ok(ExitCode::SUCCESS)
}

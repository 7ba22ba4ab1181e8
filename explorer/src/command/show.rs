//! `stillframe show`: one snapshot.

use std::process::ExitCode;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde::{Deserialize as _, Serialize as _};
use stillframe_core::snapshot::Snapshot;

use super::failure::Failure;
use super::open::{configuration, nothing_yet, open};
use super::output::Output;
use super::reference::one_snapshot;
use super::{DisplayArgs, StoreArgs, clock, complete, deeper};
use crate::render::{self, IssueFacts, LEAST_TOKENS, Terminal, View, markdown};
use crate::store::{Located, Store, hex};

const EXAMPLES: &str = "\
Examples:
  stillframe show                         the newest error
  stillframe show 3f2a91c0                a snapshot, or the newest of an issue; 3f2a will do
  stillframe show 3f2a -f convert         one frame with everything in it
  stillframe show 3f2a --md --budget 800  for a ticket, or for an assistant";

/// Arguments of `show`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ShowArgs {
    /// `latest`, the id of a snapshot or of an issue, or the beginning of one
    #[arg(default_value = "latest", add = ArgValueCompleter::new(complete::ids))]
    id: String,
    /// Only the frames of this function (convert) or place (pricing.py:42), with all their values
    #[arg(
        short,
        long = "frame",
        value_name = "NAME",
        help_heading = "What to show"
    )]
    frame: Option<String>,
    /// Library frames too
    #[arg(short, long, help_heading = "What to show")]
    all: bool,
    /// All values of all frames of the program
    #[arg(short, long, help_heading = "What to show")]
    values: bool,
    /// Open values so many levels deep
    #[arg(long, value_name = "N", help_heading = "What to show")]
    depth: Option<usize>,
    /// Print Markdown
    #[arg(long, help_heading = "Output", conflicts_with_all = ["json", "all", "values", "depth", "frame"])]
    md: bool,
    /// Markdown of at most so many tokens (about 4 characters each), the most telling first
    #[arg(long, value_name = "TOKENS", help_heading = "Output", requires = "md")]
    budget: Option<usize>,
    #[command(flatten)]
    display: DisplayArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// The store that holds what was asked for, and where in it.
fn locate(
    id: &str,
    store: &StoreArgs,
    terminal: &Terminal,
    output: &Output,
) -> Result<(Store, Located), Failure> {
    let (config, _) = configuration();
    let opened = open(store, &config, output)?;
    let Some(store) = opened.store else {
        return Err(Failure::of_page(&nothing_yet(&opened.place, terminal)));
    };
    let found = one_snapshot(&store, id, opened.service.as_deref(), &clock::clock())?;
    Ok((store, found))
}

/// A snapshot, and what the store knows of its issue.
pub(super) struct Loaded {
    pub(super) snapshot: Snapshot,
    pub(super) issue: Option<IssueFacts>,
}

/// Reads the snapshot that `id` means.
pub(super) fn load(id: &str, store: &StoreArgs, output: &Output) -> Result<Loaded, Failure> {
    let (mut store, found) = locate(id, store, &output.terminal(None), output)?;
    let payload = store.payload(&found)?;
    let uncaught = store.uncaught(&found)?;
    let snapshot = decode(&payload, &found, uncaught.as_deref())?;
    let issue = facts(&store, &snapshot)?;
    Ok(Loaded { snapshot, issue })
}

fn decode(payload: &[u8], found: &Located, uncaught: Option<&str>) -> Result<Snapshot, Failure> {
    let mut snapshot = Snapshot::from_msgpack(payload)
        .map_err(|error| Failure::new(format!("{}: {error}", hex(&found.id[12..]))))?;
    if let Some(mechanism) = uncaught {
        snapshot.set_uncaught(mechanism);
    }
    Ok(snapshot)
}

pub(super) fn show(args: &ShowArgs, output: &Output) -> Result<ExitCode, Failure> {
    let terminal = output.terminal(args.display.width);
    let clock = clock::clock();
    let (mut store, found) = locate(&args.id, &args.store, &terminal, output)?;
    let payload = store.payload(&found)?;
    let uncaught = store.uncaught(&found)?;
    if args.display.json {
        output.print(&json(&payload, uncaught.as_deref())?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let snapshot = decode(&payload, &found, uncaught.as_deref())?;
    if args.md {
        if let Some(budget) = args.budget.filter(|&budget| budget < LEAST_TOKENS) {
            return Err(Failure::new(format!(
                "--budget {budget}: at least {LEAST_TOKENS} tokens are needed to name an error"
            )));
        }
        output.print(&markdown(&snapshot, args.budget))?;
        return Ok(ExitCode::SUCCESS);
    }
    let view = View {
        function: args.frame.clone(),
        all_frames: args.all,
        all_values: args.values,
        depth: args.depth,
    };
    let facts = facts(&store, &snapshot)?;
    let text =
        render::show(&snapshot, facts.as_ref(), &view, &terminal, &clock).map_err(|missing| {
            let name = args.frame.as_deref().unwrap_or_default();
            Failure::new(format!("no frame is called {name:?}"))
                .advise(format!("there are: {}", missing.functions.join(", ")))
        })?;
    output.print(&text)?;
    let key = snapshot
        .fingerprint
        .as_ref()
        .and_then(|issue| key(&issue.key));
    if key.is_some_and(|key| deeper::waits(store.dir(), &key, &clock)) {
        output.remark("the next occurrence is kept with raised limits, as stillframe deeper asked");
    }
    Ok(ExitCode::SUCCESS)
}

/// The stored form as it is, in JSON, but for what was learned after it was stored.
fn json(payload: &[u8], uncaught: Option<&str>) -> Result<String, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(format!("the snapshot cannot be written as JSON: {error}"))
    };
    let mut out = Vec::with_capacity(payload.len() * 3);
    let mut reader = rmp_serde::Deserializer::from_read_ref(payload);
    let mut writer = serde_json::Serializer::pretty(&mut out);
    if let Some(mechanism) = uncaught {
        let mut snapshot =
            serde_json::Value::deserialize(&mut reader).map_err(|error| failed(&error))?;
        let exception = snapshot.pointer_mut("/exceptions/0");
        if let Some(exception) = exception.and_then(serde_json::Value::as_object_mut) {
            exception.insert("handled".to_owned(), false.into());
            exception.insert("mechanism".to_owned(), mechanism.into());
        }
        snapshot
            .serialize(&mut writer)
            .map_err(|error| failed(&error))?;
    } else {
        serde_transcode::transcode(&mut reader, &mut writer).map_err(|error| failed(&error))?;
    }
    out.push(b'\n');
    String::from_utf8(out).map_err(|error| failed(&error))
}

fn facts(store: &Store, snapshot: &Snapshot) -> Result<Option<IssueFacts>, Failure> {
    let Some(key) = snapshot
        .fingerprint
        .as_ref()
        .and_then(|fingerprint| key(&fingerprint.key))
    else {
        return Ok(None);
    };
    let issue = store.issue(&key)?;
    Ok(issue.map(|issue| IssueFacts {
        key: hex(&key),
        times: issue.times,
        kept: issue.kept,
        first_ns: issue.first_ns,
    }))
}

fn key(digits: &str) -> Option<[u8; 16]> {
    u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
}

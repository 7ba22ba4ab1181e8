//! `stillframe export`: one snapshot to hand on, as a page, Markdown or JSON.

mod share;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use stillframe_core::snapshot::Snapshot;

use super::failure::Failure;
use super::open::configuration;
use super::output::Output;
use super::show::load;
use super::write::{Existing, write};
use super::{StoreArgs, clock, complete};
use crate::render::{HtmlView, html, markdown, size};

const EXAMPLES: &str = "\
Examples:
  stillframe export                       the newest error as a page, into stillframe-3f2a91c0.html
  stillframe export 3f2a -o error.html    into a file of that name
  stillframe export 3f2a --md > error.md  for a ticket
  stillframe export 3f2a --json -o -      the snapshot itself, to standard output
  stillframe export 3f2a --no-strict      for yourself: with all that the store holds

What is exported leaves this machine, so more is hidden than in the store: mail and IP
addresses, what is called after a person or where they live, home folders, the user's
attributes, session links, the host's name.";

/// Arguments of `export`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ExportArgs {
    /// `latest`, the id of a snapshot or of an issue, or the beginning of one
    #[arg(default_value = "latest", add = ArgValueCompleter::new(complete::ids))]
    id: String,
    /// One HTML page that needs nothing else and opens offline [default]
    #[arg(long, help_heading = "Output", conflicts_with_all = ["md", "json"])]
    html: bool,
    /// Markdown
    #[arg(long, help_heading = "Output", conflicts_with = "json")]
    md: bool,
    /// The snapshot as JSON (format 1)
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Where to write; `-` is standard output [default: standard output, or stillframe-ID.html if that is a terminal]
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Hide no more than the store does
    #[arg(long, help_heading = "What to hide")]
    no_strict: bool,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn export(args: &ExportArgs, output: &Output) -> Result<ExitCode, Failure> {
    let loaded = load(&args.id, &args.store, output)?;
    let (mut snapshot, issue) = (loaded.snapshot, loaded.issue);
    let remarks = if args.no_strict {
        vec![
            "As it was stored: nothing was hidden beyond what the store hides (--no-strict)."
                .to_owned(),
        ]
    } else {
        let (config, _) = configuration();
        share::share(&mut snapshot, &config.redact).remarks()
    };
    let (text, ending) = if args.md {
        (markdown(&snapshot, None), "md")
    } else if args.json {
        (json(&snapshot)?, "json")
    } else {
        let view = HtmlView {
            issue,
            clock: Some(clock::clock()),
            remarks: remarks.clone(),
        };
        (html(&snapshot, &view), "html")
    };
    let file = match &args.output {
        Some(path) if path == Path::new("-") => None,
        Some(path) => Some(path.clone()),
        // A page is not for a terminal; text is.
        None if ending == "html" && std::io::stdout().is_terminal() => Some(PathBuf::from(
            format!("stillframe-{}.{ending}", snapshot.id.short()),
        )),
        None => None,
    };
    match file {
        None => output.print(&text)?,
        Some(file) => {
            write(&file, &text, Existing::Replace).map_err(|error| {
                Failure::new(format!("cannot write {}: {error}", file.display()))
            })?;
            output.remark(&format!(
                "wrote {} ({})",
                file.display(),
                size(text.len() as u64)
            ));
        }
    }
    remarks.iter().for_each(|remark| output.remark(remark));
    Ok(ExitCode::SUCCESS)
}

fn json(snapshot: &Snapshot) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(snapshot)
        .map_err(|error| Failure::new(format!("cannot write the snapshot as JSON: {error}")))?;
    text.push('\n');
    Ok(text)
}

//! `stillframe repro`: a failing test from a snapshot.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;
use stillframe_core::snapshot::Snapshot;

use super::failure::Failure;
use super::open::{configuration, nothing_yet, open};
use super::output::Output;
use super::reference::one_snapshot;
use super::write::{Existing, write};
use super::{DisplayArgs, StoreArgs, clock, complete};
use crate::render::{Line, Page, Style, counted, head};
use crate::repro::{Repro, Unable, repro as test_of};
use crate::store::hex;

const EXAMPLES: &str = "\
Examples:
  stillframe repro                            a test of the newest error
  stillframe repro 3f2a91c0 --frame checkout  call this function instead of the one that raised
  stillframe repro 3f2a -o tests/test_rates.py
  stillframe repro 3f2a -o - | less

The test imports the function, builds its arguments again and calls it: with all that it does, so read it first. It fails with the
same error until that is mended. What was not captured is a stub with its name, and the test says why.";

/// Arguments of `repro`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReproArgs {
    /// `latest`, the id of a snapshot or of an issue, or the beginning of one
    #[arg(default_value = "latest", add = ArgValueCompleter::new(complete::ids))]
    id: String,
    /// The function to call: convert, Pricing.convert, pricing.py:42 [default: the one that raised, or the nearest to it]
    #[arg(short, long, value_name = "NAME")]
    frame: Option<String>,
    /// Where to write the test; - for standard output [default: test_repro_ID.py]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    display: DisplayArgs,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    id: String,
    /// The file that was written; absent for standard output.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    test: &'a str,
    function: &'a str,
    passed_over: &'a [String],
    missing: Vec<JsonMissing<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

#[derive(Serialize)]
struct JsonMissing<'a> {
    path: &'a str,
    why: &'a str,
    stub: bool,
}

pub(super) fn repro(args: &ReproArgs, output: &Output) -> Result<ExitCode, Failure> {
    let (config, _) = configuration();
    let opened = open(&args.store, &config, output)?;
    let terminal = output.terminal(args.display.width);
    let clock = clock::clock();
    let Some(mut store) = opened.store else {
        return Err(Failure::of_page(&nothing_yet(&opened.place, &terminal)));
    };
    let found = one_snapshot(&store, &args.id, opened.service.as_deref(), &clock)?;
    let payload = store.payload(&found)?;
    let id = hex(&found.id[12..]);
    let snapshot =
        Snapshot::from_msgpack(&payload).map_err(|error| Failure::new(format!("{id}: {error}")))?;
    let made = test_of(&snapshot, args.frame.as_deref()).map_err(|unable| refusal(&unable, &id))?;
    let to_stdout = args
        .output
        .as_deref()
        .is_some_and(|path| path.as_os_str() == "-");
    let path = args
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("test_repro_{id}.py")));
    if !to_stdout {
        write_test(&path, &made.text, args.force)?;
    }
    let function = snapshot
        .frames
        .get(made.frame)
        .map(|frame| frame.function.as_str())
        .unwrap_or_default();
    if args.display.json {
        return output.json(&Json {
            id: snapshot.id.to_string(),
            file: (!to_stdout).then(|| path.display().to_string()),
            test: &made.test,
            function,
            passed_over: &made.passed_over,
            missing: made
                .missing
                .iter()
                .map(|one| JsonMissing {
                    path: &one.path,
                    why: &one.why,
                    stub: one.stub,
                })
                .collect(),
            text: to_stdout.then_some(made.text.as_str()),
        });
    }
    for why in &made.passed_over {
        output.remark(&format!("{why}; {function} is called instead"));
    }
    if to_stdout {
        output.print(&made.text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut page = Page::new(&terminal);
    let mut line = Line::of(Style::Plain, &path.display().to_string());
    line.push(Style::Plain, " calls ")
        .push(Style::Strong, head(&made.called, 200));
    line.push(Style::Plain, &said_of(&made));
    page.wrapped(line, 2);
    for one in made.missing.iter().filter(|one| one.stub).take(5) {
        let mut line = Line::default();
        line.space(2)
            .push(Style::Name, &one.path)
            .space(2)
            .push(Style::Gap, &one.why);
        page.line(line);
    }
    page.line(Line::of(
        Style::Id,
        &format!("python -m pytest {}", path.display()),
    ));
    output.print(&page.render())?;
    Ok(ExitCode::SUCCESS)
}

fn said_of(made: &Repro) -> String {
    let stubs = made.missing.iter().filter(|one| one.stub).count() as u64;
    let cut = made.missing.len() as u64 - stubs;
    match (stubs, cut) {
        (0, 0) => " with everything that it was called with".to_owned(),
        (0, cut) => format!("; {} not whole", counted(cut, "value")),
        (stubs, 0) => format!("; {}:", counted(stubs, "stub")),
        (stubs, cut) => format!(
            "; {} not whole, {}:",
            counted(cut, "value"),
            counted(stubs, "stub")
        ),
    }
}

fn write_test(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let existing = if force {
        Existing::Replace
    } else {
        Existing::Keep
    };
    write(path, text, existing).map_err(|error| {
        let failure = Failure::new(format!("cannot write {}: {error}", path.display()));
        if error.kind() == io::ErrorKind::AlreadyExists {
            failure.advise("--force replaces it, -o FILE writes another")
        } else {
            failure
        }
    })
}

fn refusal(unable: &Unable, id: &str) -> Failure {
    match unable {
        Unable::Language(language) => Failure::new(format!(
            "{id} comes from a {language} program; tests are written for Python"
        )),
        Unable::NoFrame(passed_over) => {
            let failure = Failure::new(format!("no function of {id} can be called again"));
            passed_over
                .iter()
                .take(10)
                .fold(failure, |failure, why| failure.advise(why.clone()))
        }
        Unable::Frame(why) => Failure::new(why.clone())
            .advise("without --frame the nearest function that can be called is taken"),
        Unable::Unknown(functions) => {
            let failure = Failure::new("no frame is called so");
            if functions.is_empty() {
                failure.advise("and none of the others can be called")
            } else {
                failure.advise(format!("there are: {}", functions.join(", ")))
            }
        }
    }
}

//! `stillframe demo`: a program that fails, and what was captured of it.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output as Ended};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use memchr::memmem;

use super::failure::Failure;
use super::open::tilde;
use super::output::Output;
use super::run;
use crate::render::{Line, Page, Style, Terminal, counted};
use crate::store::{Among, Progress, Store};

const EXAMPLES: &str = "\
Examples:
  stillframe demo
  stillframe demo --keep /tmp/demo    keep the program and the store, to try more";

/// The program.
const PROGRAM: &str = include_str!("demo.py");
/// Its name.
const NAME: &str = "demo_shop.py";
/// What must not be in the store.
const SECRETS: [&str; 4] = [
    "hunter2-planted",
    "4111 1111 1111 1111",
    "tok-planted-8f2c1d",
    "c2lnbmF0dXJlLXBsYW50ZWQtMTIz",
];
/// Lines of a program's traceback that are shown.
const MAX_LINES: usize = 12;

/// Arguments of `demo`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DemoArgs {
    /// Keep the program and its store in this folder [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// The interpreter [default: the one beside this command, else of VIRTUAL_ENV, else of PATH]
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// Print JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

struct Silent;

impl Progress for Silent {
    fn read(&mut self, _done: u64, _total: u64) {}
}

/// A folder that goes when the demonstration ends, unless it is to stay.
struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            // What cannot be removed lies in the folder for temporary files.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

impl Folder {
    fn make(keep: Option<&PathBuf>) -> Result<Self, Failure> {
        let cannot = |path: &Path, error: std::io::Error| {
            Failure::new(format!("cannot make {}: {error}", path.display()))
        };
        if let Some(path) = keep {
            fs::create_dir_all(path).map_err(|error| cannot(path, error))?;
            let path = std::path::absolute(path).map_err(|error| cannot(path, error))?;
            return Ok(Self { path, keep: true });
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let name = format!("stillframe-demo-{}-{}", std::process::id(), now.as_nanos());
        let path = std::env::temp_dir().join(name);
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| cannot(&path, error))?;
        Ok(Self { path, keep: false })
    }
}

pub(super) fn demo(args: &DemoArgs, output: &Output) -> Result<ExitCode, Failure> {
    let python = match &args.python {
        Some(path) => run::find(path)?,
        None => run::default_python()?,
    };
    let folder = Folder::make(args.keep.as_ref())?;
    let program = folder.path.join(NAME);
    fs::write(&program, PROGRAM)
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", program.display())))?;
    let store = folder.path.join("store");
    let itself = run::itself().ok_or_else(|| Failure::new("cannot find this command again"))?;
    let command = || {
        let mut command = Command::new(&itself);
        // With the settings that everybody begins with.
        let settings = std::env::vars_os().map(|(name, _)| name);
        for name in settings.filter(|name| name.as_encoded_bytes().starts_with(b"STILLFRAME_")) {
            command.env_remove(name);
        }
        command
            .current_dir(&folder.path)
            .env("STILLFRAME_DIR", &store);
        command
    };
    let cannot =
        |error: std::io::Error| Failure::new(format!("cannot run {}: {error}", itself.display()));
    let ended = command()
        .args(["run", "--service", "demo", "--python"])
        .arg(&python)
        .arg(NAME)
        .output()
        .map_err(cannot)?;
    let (captured, leaked) = looked_through(&store)?;
    if captured == 0 {
        let said = String::from_utf8_lossy(&ended.stderr);
        let failure = Failure::new("nothing was captured of the example");
        return Err(said
            .lines()
            .filter(|line| line.contains("stillframe") || line.starts_with("  "))
            .take(6)
            .fold(failure, |failure, line| failure.advise(line.trim())));
    }
    if args.json {
        let list = command()
            .args(["list", "--json"])
            .output()
            .map_err(cannot)?;
        let list: serde_json::Value = serde_json::from_slice(&list.stdout)
            .map_err(|error| Failure::new(format!("the list cannot be read: {error}")))?;
        let place = |path: &Path| folder.keep.then(|| path.display().to_string());
        output.json(&serde_json::json!({
            "program": place(&program),
            "store": place(&store),
            "captured": captured,
            "secretsPlanted": SECRETS.len(),
            "secretsStored": leaked,
            "issues": list["issues"],
        }))?;
        return Ok(verdict(leaked));
    }
    let terminal = output.terminal(None);
    let said = ended_text(&ended);
    step(
        output,
        &terminal,
        "A program that fails, with secrets in its variables:",
        &format!("stillframe run {NAME}"),
    )?;
    output.print(&said)?;
    for (what, arguments) in [
        ("What failed:", &["list"][..]),
        ("Why, with the values of that instant:", &["show", "latest"]),
        (
            "Where else a value occurred:",
            &["find", "var(item.name) = teapot"],
        ),
    ] {
        let shown: Vec<String> = arguments
            .iter()
            .map(|word| {
                if word.contains(' ') {
                    format!("'{word}'")
                } else {
                    (*word).to_owned()
                }
            })
            .collect();
        step(
            output,
            &terminal,
            what,
            &format!("stillframe {}", shown.join(" ")),
        )?;
        command().args(arguments).status().map_err(cannot)?;
    }
    let mut page = Page::new(&terminal);
    page.gap();
    let planted = counted(SECRETS.len() as u64, "secret");
    page.wrapped(
        if leaked == 0 {
            Line::of(Style::Good, &format!("{planted} were planted in the program's variables; none is in the store."))
        } else {
            Line::of(Style::Bad, &format!("{planted} were planted in the program's variables; {leaked} of them are in the store."))
        },
        2,
    );
    let more = if folder.keep {
        format!("Try more with: export STILLFRAME_DIR={}", tilde(&store))
    } else {
        "stillframe demo --keep DIR keeps the program and its store; stillframe run app.py does the same with yours.".to_owned()
    };
    page.wrapped(Line::of(Style::Dim, &more), 2);
    output.print(&format!("\n{}", page.render()))?;
    Ok(verdict(leaked))
}

fn verdict(leaked: usize) -> ExitCode {
    ExitCode::from(u8::from(leaked > 0))
}

/// Snapshots in the store, and how many of the secrets are in them.
fn looked_through(dir: &Path) -> Result<(usize, usize), Failure> {
    let Some(mut store) = Store::open(dir, &mut Silent)? else {
        return Ok((0, 0));
    };
    let found = store.snapshots(&Among::default())?;
    let mut payloads = Vec::new();
    for one in &found {
        payloads.push(store.payload(&one.located)?);
    }
    let is_there = |secret: &&&str| {
        payloads
            .iter()
            .any(|payload| memmem::find(payload, secret.as_bytes()).is_some())
    };
    Ok((found.len(), SECRETS.iter().filter(is_there).count()))
}

fn step(output: &Output, terminal: &Terminal, what: &str, command: &str) -> Result<(), Failure> {
    let mut page = Page::new(terminal);
    page.wrapped(Line::of(Style::Strong, what), 0);
    let mut line = Line::of(Style::Dim, "$ ");
    line.push(Style::Id, command);
    page.line(line);
    output.print(&format!("\n{}\n", page.render()))
}

/// The end of what the program said: its traceback, and our summary below it.
fn ended_text(ended: &Ended) -> String {
    let said = String::from_utf8_lossy(&ended.stderr);
    let lines: Vec<&str> = said.lines().collect();
    let summary = lines
        .iter()
        .position(|line| line.contains(" stillframe --") || line.contains(" stillframe ─"));
    let summary = summary.unwrap_or(lines.len());
    let begin = summary.saturating_sub(MAX_LINES);
    let mut out = String::new();
    if begin > 0 {
        out.push_str("...\n");
    }
    for line in &lines[begin..] {
        out.push_str(line);
        out.push('\n');
    }
    out
}

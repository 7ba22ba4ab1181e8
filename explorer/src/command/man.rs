//! `stillframe man` and `stillframe completions`: what other programs want to know of the command line.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::env::Shells;
use clap_mangen::Man;

use super::failure::Failure;
use super::output::Output;

const MAN_EXAMPLES: &str = "\
Examples:
  stillframe man | man -l -                       read it
  stillframe man find | man -l -                  one command
  stillframe man --dir ~/.local/share/man/man1    install all pages";

const COMPLETION_EXAMPLES: &str = "\
Examples:
  source <(stillframe completions bash)        bash: now; in ~/.bashrc: always
  source <(stillframe completions zsh)         zsh, in ~/.zshrc
  stillframe completions fish | source         fish, in ~/.config/fish/config.fish

Ids of snapshots and names of services complete as well.";

/// Arguments of `man`.
#[derive(Debug, Args)]
#[command(after_help = MAN_EXAMPLES)]
pub(super) struct ManArgs {
    /// The page of this command [default: the page of stillframe]
    command: Option<String>,
    /// Write all pages into this folder instead
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    dir: Option<PathBuf>,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = COMPLETION_EXAMPLES)]
pub(super) struct CompletionArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_parser = shells())]
    shell: String,
}

fn shells() -> clap::builder::PossibleValuesParser {
    let names: Vec<&'static str> = Shells::builtins().names().collect();
    clap::builder::PossibleValuesParser::new(names)
}

pub(super) fn completions(
    args: &CompletionArgs,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let shells = Shells::builtins();
    let mut script = Vec::new();
    let failed = |error: io::Error| Failure::new(format!("cannot write the script: {error}"));
    if let Some(shell) = shells.completer(&args.shell) {
        shell
            .write_registration("COMPLETE", "stillframe", "stillframe", "stillframe", &mut script)
            .map_err(failed)?;
    }
    output.print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn man(args: &ManArgs, command: Command, output: &Output) -> Result<ExitCode, Failure> {
    let pages = pages(command)?;
    if let Some(dir) = &args.dir {
        let failed = |error: io::Error| {
            Failure::new(format!("cannot write into {}: {error}", dir.display()))
        };
        fs::create_dir_all(dir).map_err(failed)?;
        for (name, page) in &pages {
            fs::write(dir.join(format!("{name}.1")), page).map_err(failed)?;
        }
        output.remark(&format!("{} pages in {}", pages.len(), dir.display()));
        return Ok(ExitCode::SUCCESS);
    }
    let wanted = match &args.command {
        Some(command) => format!("stillframe-{command}"),
        None => "stillframe".to_owned(),
    };
    match pages.iter().find(|(name, _)| *name == wanted) {
        Some((_, page)) => {
            output.print(page)?;
            Ok(ExitCode::SUCCESS)
        }
        None => Err(Failure::new(format!(
            "no command is called {}",
            args.command.as_deref().unwrap_or_default()
        ))
        .advise("stillframe --help lists them")),
    }
}

/// Every page, by its name.
fn pages(command: Command) -> Result<Vec<(String, String)>, Failure> {
    let mut command = command.disable_help_flag(true);
    command.build();
    let commands = command.get_subcommands().filter(|one| !one.is_hide_set());
    let each = commands.map(|one| {
        let name = format!("stillframe-{}", one.get_name());
        (name, one.clone().disable_version_flag(true))
    });
    std::iter::once(("stillframe".to_owned(), command.clone()))
        .chain(each)
        .map(|(name, command)| Ok((name, page(command)?)))
        .collect()
}

fn page(command: Command) -> Result<String, Failure> {
    let mut out = Vec::new();
    let failed = |error: io::Error| Failure::new(format!("cannot write the page: {error}"));
    Man::new(command).render(&mut out).map_err(failed)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

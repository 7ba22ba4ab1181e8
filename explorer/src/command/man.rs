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

pub(super) fn completions(args: &CompletionArgs, output: &Output) -> Result<ExitCode, Failure> {
    let shells = Shells::builtins();
    let mut script = Vec::new();
    let failed = |error: io::Error| Failure::new(format!("cannot write the script: {error}"));
    if let Some(shell) = shells.completer(&args.shell) {
        shell
            .write_registration(
                "COMPLETE",
                "stillframe",
                "stillframe",
                "stillframe",
                &mut script,
            )
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
    let help = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let has_commands = command.has_subcommands();
    let man = Man::new(command);
    let mut out = Vec::new();
    let mut rendered = || {
        man.render_title(&mut out)?;
        man.render_name_section(&mut out)?;
        man.render_synopsis_section(&mut out)?;
        man.render_description_section(&mut out)?;
        man.render_options_section(&mut out)?;
        if has_commands {
            man.render_subcommands_section(&mut out)?;
        }
        Ok(())
    };
    rendered()
        .map_err(|error: io::Error| Failure::new(format!("cannot write the page: {error}")))?;
    let mut page = String::from_utf8_lossy(&out).into_owned();
    page.push_str(&sections(&help));
    Ok(page)
}

/// The text below a command's options: each heading a section, what is indented as it stands, the rest filled.
fn sections(help: &str) -> String {
    let mut out = String::new();
    let mut as_it_stands = false;
    for line in help.lines() {
        let indented = line.starts_with(' ');
        if indented != as_it_stands && !line.is_empty() {
            out.push_str(if indented { ".nf\n" } else { ".fi\n" });
            as_it_stands = indented;
        }
        let heading = line.strip_suffix(':').filter(|_| !indented);
        match heading {
            Some(heading) => out.push_str(&format!(".SH {}\n", escape(&heading.to_uppercase()))),
            None if line.is_empty() => out.push_str(".PP\n"),
            None => {
                out.push_str(&escape(line));
                out.push('\n');
            }
        }
    }
    if as_it_stands {
        out.push_str(".fi\n");
    }
    out
}

/// Text as roff reads it: no line is a request, no backslash an escape, no quote or hyphen a typographic one.
fn escape(line: &str) -> String {
    let text = line
        .replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('\'', "\\(aq")
        .replace('`', "\\(ga")
        .replace('~', "\\(ti")
        .replace('^', "\\(ha");
    format!("\\&{text}")
}

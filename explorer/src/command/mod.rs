//! The `stillframe` command.
//!
//! Each subcommand reads its arguments, asks the [store](crate::store), and gives one text to print; `run` becomes another program.
//! Results go to standard output, everything about them to standard error. Exit status: 0 fine, 1 `doctor` found something to
//! mend, 2 the command could not do what it was asked. A reader that goes away (`| head`) ends it silently.

mod clock;
mod complete;
mod deeper;
mod demo;
mod diff;
mod diff_json;
mod doctor;
mod export;
mod failure;
mod find;
mod list;
mod man;
mod open;
mod outcome;
mod output;
mod prove;
mod reference;
mod repro;
mod run;
mod send;
mod sending;
mod show;
mod since;
mod stats;
mod write;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::CompleteEnv;
use clap_complete::engine::ArgValueCompleter;

use output::Output;

const EXAMPLES: &str = "\
Examples:
  stillframe run app.py --port 8000     run a program; what fails is captured
  stillframe show latest                why the last error happened
  stillframe list --since 2h            what failed in the last two hours
  stillframe find 'var(user.plan)=free'  errors by the values of their variables
  stillframe doctor                     why there are no values";

/// What the command line says.
#[derive(Debug, Parser)]
#[command(
    name = "stillframe",
    version,
    about = "Shows why a program failed: the values of every stack frame at the instant of the exception.",
    after_help = EXAMPLES,
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a Python program and capture its errors
    Run(run::RunArgs),
    /// List what failed, the newest first
    List(list::ListArgs),
    /// Show one error: its frames, source lines and values
    Show(show::ShowArgs),
    /// Write one error as a page that opens offline, to hand on
    Export(export::ExportArgs),
    /// Find errors by type, message, frame, tag or the value of a variable
    Find(find::FindArgs),
    /// Compare two occurrences, or all of an issue
    Diff(diff::DiffArgs),
    /// Write a failing test from what was captured
    Repro(repro::ReproArgs),
    /// Keep more of an issue the next time it occurs
    Deeper(deeper::DeeperArgs),
    /// Check the set-up; say why values are missing
    Doctor(doctor::DoctorArgs),
    /// Count what was captured, refused, hidden and cut
    Stats(stats::StatsArgs),
    /// Deliver what programs that are gone have left to be sent
    Send(send::SendArgs),
    /// See it work: a program that fails, and what was captured
    Demo(demo::DemoArgs),
    /// Prove that a capture runs none of a program's code, with your own classes
    Prove(prove::ProveArgs),
    /// Print the script that completes commands and ids in a shell
    Completions(man::CompletionArgs),
    /// Print the manual page
    Man(man::ManArgs),
}

/// Which store.
#[derive(Debug, Clone, Args)]
struct StoreArgs {
    /// The store's directory [default: STILLFRAME_DIR, else the newest below the state folder]
    #[arg(long, value_name = "DIR", help_heading = "Store")]
    dir: Option<PathBuf>,
    /// Only this service
    #[arg(long, value_name = "NAME", help_heading = "Store", add = ArgValueCompleter::new(complete::services))]
    service: Option<String>,
}

/// How to print.
#[derive(Debug, Clone, Args)]
struct DisplayArgs {
    /// Columns to use [default: those of the terminal, else 80]
    #[arg(long, value_name = "COLUMNS", help_heading = "Output")]
    width: Option<usize>,
    /// Print JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Runs the command with the arguments of the process.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // A shell that asks for completions is answered, and the process ends here.
    CompleteEnv::with_factory(Cli::command).complete();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // What cannot be printed has no reader.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let output = Output::of_process();
    let done = match &cli.command {
        Command::Run(args) => run::run(args),
        Command::List(args) => list::list(args, &output),
        Command::Show(args) => show::show(args, &output),
        Command::Export(args) => export::export(args, &output),
        Command::Find(args) => find::find(args, &output),
        Command::Diff(args) => diff::diff(args, &output),
        Command::Repro(args) => repro::repro(args, &output),
        Command::Deeper(args) => deeper::deeper(args, &output),
        Command::Doctor(args) => doctor::doctor(args, &output),
        Command::Stats(args) => stats::stats(args, &output),
        Command::Send(args) => send::send(args, &output),
        Command::Demo(args) => demo::demo(args, &output),
        Command::Prove(args) => prove::prove(args),
        Command::Completions(args) => man::completions(args, &output),
        Command::Man(args) => man::man(args, Cli::command(), &output),
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            output.error(&failure);
            failure.code()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_fit_together() {
        super::Cli::command().debug_assert();
    }
}

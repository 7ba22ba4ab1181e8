//! `stillframe prove`: the package's booby-trap kit, in the right interpreter.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::Args;

use super::failure::Failure;
use super::run;

const EXAMPLES: &str = "\
Examples:
  stillframe prove                          every kind of object, full of traps
  stillframe prove shop.models:Order        your own class: itself, its objects, a subclass full of traps
  stillframe prove tests.factories:order    what a function makes
  stillframe prove shop.models:Order --json

Exit status: 0 nothing ran; 1 a capture ran something; 2 nothing could be proved.";

/// What Python runs.
const BOOTSTRAP: &str = "\
import sys
try:
    from stillframe.prove import main
except ModuleNotFoundError as error:
    if error.name not in ('stillframe', 'stillframe.prove'): raise
    sys.stderr.write('stillframe: the package is not installed for ' + sys.executable + '\\n'
        '  install it there: ' + sys.executable + ' -m pip install stillframe\\n'
        '  or choose another interpreter: stillframe prove --python PATH ...\\n')
    sys.exit(2)
sys.exit(main(sys.argv[1:]))
";

/// Arguments of `prove`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ProveArgs {
    /// A class, a factory or an object of a program [default: the kit's own kinds of objects]
    #[arg(value_name = "MODULE:CLASS")]
    targets: Vec<String>,
    /// The interpreter [default: the one beside this command, else of VIRTUAL_ENV, else of PATH]
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// Print JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

pub(super) fn prove(args: &ProveArgs) -> Result<ExitCode, Failure> {
    let python = match &args.python {
        Some(path) => run::find(path)?,
        None => run::default_python()?,
    };
    let mut command = Command::new(&python);
    command.arg("-c").arg(BOOTSTRAP);
    if args.json {
        command.arg("--json");
    }
    let error = command.arg("--").args(&args.targets).exec();
    Err(Failure::new(format!(
        "cannot run {}: {error}",
        python.display()
    )))
}

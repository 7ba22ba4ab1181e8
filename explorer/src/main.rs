//! The `stillframe` command; see [`stillframe_explorer::command`].

use std::process::ExitCode;

fn main() -> ExitCode {
    stillframe_explorer::command::main(std::env::args_os())
}

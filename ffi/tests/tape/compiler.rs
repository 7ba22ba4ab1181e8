//! The C and C++ compilers of this machine (`CC`, `CXX` choose others), strict.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Every warning is an error, also those of conversions.
const STRICT: [&str; 7] = [
    "-Wall",
    "-Wextra",
    "-Werror",
    "-pedantic",
    "-Wconversion",
    "-Wsign-conversion",
    "-Wshadow",
];

/// A language as the header promises to be clean in it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Standard {
    C99,
    C17,
    Cpp17,
    Cpp20,
}

impl Standard {
    fn command(self) -> Command {
        let (variable, default, flags): (_, _, &[&str]) = match self {
            Self::C99 => ("CC", "cc", &["-std=c99"]),
            Self::C17 => ("CC", "cc", &["-std=c17"]),
            Self::Cpp17 => ("CXX", "c++", &["-std=c++17", "-x", "c++"]),
            Self::Cpp20 => ("CXX", "c++", &["-std=c++20", "-x", "c++"]),
        };
        let program = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
        let mut command = Command::new(program);
        command.args(flags);
        command
    }
}

/// A folder of the crate.
pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compiles one source and returns what came of it. Fails with the compiler's own words.
pub(crate) fn compile(source: &Path, standard: Standard, name: &str, flags: &[&str]) -> PathBuf {
    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut command = standard.command();
    command
        .args(STRICT)
        .arg("-I")
        .arg(folder("include"))
        .args(flags);
    command.arg(source).arg("-o").arg(&output);
    let done = command.output();
    let done = done.unwrap_or_else(|error| {
        panic!(
            "{command:?} does not start ({error}): install a C and C++ compiler (apt install g++)"
        )
    });
    let words = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}\n{words}");
    output
}

/// Runs a program and returns what it printed. Fails with what it said.
pub(crate) fn run(program: &Path, arguments: &[&str]) -> Vec<u8> {
    let done = Command::new(program)
        .args(arguments)
        .output()
        .expect("it starts");
    let words = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success(),
        "{program:?} {arguments:?}: {}\n{words}",
        done.status
    );
    done.stdout
}

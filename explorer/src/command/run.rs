//! `stillframe run`: becomes Python, which becomes the program.
//!
//! The command line is that of `python` itself. This process is replaced (`exec`), twice: by the interpreter with the package's
//! `stillframe._run`, and by that with the program. So the program's process id, terminal, signals and exit status are its own.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Args;

use super::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  stillframe run app.py --port 8000
  stillframe run -m shop.worker
  stillframe run -c 'import json; json.loads(\"{\")'
  stillframe run pytest -x                 a command that pip installed
  stillframe run python3.12 app.py         with this interpreter
  stillframe run --service shop app.py     options come before the program
  stillframe run -X dev app.py             options of the interpreter work as well

What fails is captured; a summary follows the program's own traceback. The program's output, exit status and signals
stay as they are.";

/// What Python runs first: the package's own start, and a clear word if the package is not there.
const BOOTSTRAP: &str = "\
import sys
if sys.path and sys.path[0] == '': del sys.path[0]
try:
    from stillframe._run import main
except ModuleNotFoundError as error:
    if error.name not in ('stillframe', 'stillframe._run'): raise
    sys.stderr.write('stillframe: the package is not installed for ' + sys.executable + '\\n'
        '  install it there: ' + sys.executable + ' -m pip install stillframe\\n'
        '  or choose another interpreter: stillframe run --python PATH ...\\n')
    sys.exit(2)
main()
";

/// Arguments of `run`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, override_usage = "stillframe run [OPTIONS] {FILE | -m MODULE | -c CODE | COMMAND} [ARGUMENTS]...")]
pub(super) struct RunArgs {
    /// The interpreter [default: the one beside this command, else of VIRTUAL_ENV, else of PATH]
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// Where to store what is captured
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The program's name in the store
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// The program and its arguments, as for python
    #[arg(
        value_name = "PROGRAM",
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required = true,
        value_hint = clap::ValueHint::AnyPath
    )]
    program: Vec<OsString>,
}

/// What is to be run.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    File(OsString),
    Module(OsString),
    Code(OsString),
    /// A command that an installer made for Python, by its path.
    Script(PathBuf),
}

impl Target {
    fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Module(_) => "module",
            Self::Code(_) => "code",
            Self::Script(_) => "script",
        }
    }

    fn value(&self) -> &OsStr {
        match self {
            Self::File(value) | Self::Module(value) | Self::Code(value) => value,
            Self::Script(path) => path.as_os_str(),
        }
    }
}

/// A command line of Python, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct CommandLine {
    /// For the interpreter.
    options: Vec<OsString>,
    /// `m` or `c` and its value, or the file's name.
    letter: Option<char>,
    target: OsString,
    arguments: Vec<OsString>,
}

pub(super) fn run(args: &RunArgs) -> Result<ExitCode, Failure> {
    let mut line = split(&args.program)?;
    let mut chosen = args.python.as_ref().map(|path| find(path)).transpose()?;
    if line.letter.is_none()
        && let Some(python) = interpreter(&line.target)?
    {
        let before = std::mem::take(&mut line.options);
        line = split(&line.arguments)?;
        line.options.splice(..0, before);
        chosen.get_or_insert(python);
    }
    let target = match line.letter {
        Some('m') => Target::Module(line.target),
        Some(_) => Target::Code(line.target),
        None => file_or_command(&line.target)?,
    };
    let python = match (&target, chosen) {
        (_, Some(python)) => python,
        // Its first line says which interpreter it was installed for.
        (Target::Script(script), None) => match interpreter_of(script)? {
            Some(python) => python,
            None => default_python()?,
        },
        (_, None) => default_python()?,
    };
    let mut command = Command::new(&python);
    command
        .args(&line.options)
        .arg("-c")
        .arg(BOOTSTRAP)
        .arg(target.kind())
        .arg(target.value())
        .args(&line.arguments);
    if let Some(dir) = &args.dir {
        command.env(
            "STILLFRAME_DIR",
            std::path::absolute(dir).unwrap_or_else(|_| dir.clone()),
        );
    }
    if let Some(service) = &args.service {
        command.env("STILLFRAME_SERVICE", service);
    }
    let error = command.exec();
    Err(
        Failure::new(format!("cannot run {}: {error}", python.display()))
            .advise("stillframe run --python PATH chooses another interpreter"),
    )
}

/// Splits as the interpreter does: `-c` and `-m` are its last option, also at the end of a bundle (`-Im`).
fn split(program: &[OsString]) -> Result<CommandLine, Failure> {
    let missing =
        |what: &str| Failure::new(what.to_owned()).advise("stillframe run --help has examples");
    let mut options = Vec::new();
    let mut rest = program.iter();
    while let Some(argument) = rest.next() {
        let bytes = argument.as_bytes();
        if bytes == b"--" {
            let Some(target) = rest.next() else { break };
            return Ok(CommandLine {
                options,
                letter: None,
                target: target.clone(),
                arguments: rest.cloned().collect(),
            });
        }
        if bytes == b"-" {
            return Err(missing(
                "a program from standard input cannot be run; give its file",
            ));
        }
        if bytes.first() != Some(&b'-') {
            return Ok(CommandLine {
                options,
                letter: None,
                target: argument.clone(),
                arguments: rest.cloned().collect(),
            });
        }
        if bytes.starts_with(b"--") {
            options.push(argument.clone());
            if bytes == b"--check-hash-based-pycs" {
                options.extend(rest.next().cloned());
            }
            continue;
        }
        let Some(at) = bytes
            .iter()
            .skip(1)
            .position(|byte| b"cmWX".contains(byte))
            .map(|at| at + 1)
        else {
            options.push(argument.clone());
            continue;
        };
        let letter = char::from(bytes[at]);
        let glued = &bytes[at + 1..];
        if letter == 'W' || letter == 'X' {
            options.push(argument.clone());
            if glued.is_empty() {
                options.extend(rest.next().cloned());
            }
            continue;
        }
        if at > 1 {
            options.push(OsString::from_vec(bytes[..at].to_vec()));
        }
        let target = if glued.is_empty() {
            rest.next().cloned()
        } else {
            Some(OsStr::from_bytes(glued).to_owned())
        };
        let what = if letter == 'm' {
            "-m needs the name of a module"
        } else {
            "-c needs code"
        };
        let target = target.ok_or_else(|| missing(what))?;
        return Ok(CommandLine {
            options,
            letter: Some(letter),
            target,
            arguments: rest.cloned().collect(),
        });
    }
    Err(missing("no program was given"))
}

/// The interpreter that `name` is, as in `stillframe run python app.py`: `python`, `python3.12` or the path of one.
fn interpreter(name: &OsStr) -> Result<Option<PathBuf>, Failure> {
    let path = Path::new(name);
    let file = path.file_name().unwrap_or_default().as_bytes();
    let is_name = file
        .strip_prefix(b"python")
        .is_some_and(|version| version.iter().all(|byte| b"0123456789.".contains(byte)));
    let is_path = name.as_bytes().contains(&b'/');
    if !is_name || (!is_path && path.exists()) {
        return Ok(None);
    }
    let found = if is_path {
        Some(path.to_owned()).filter(|path| is_executable(path))
    } else {
        on_path(name)
    };
    match found {
        // A program in Python that is called so is none.
        Some(python) if interpreter_of(&python)?.is_none() => Ok(Some(python)),
        _ => Ok(None),
    }
}

/// A file of that name, or a command of that name on the path.
fn file_or_command(name: &OsStr) -> Result<Target, Failure> {
    let path = Path::new(name);
    let is_path = name.as_bytes().contains(&b'/');
    if path.exists() {
        if !path.is_dir() && is_foreign(path)? {
            return Err(not_python(path));
        }
        let has_main = |dir: &Path| dir.join("__main__.py").exists();
        if path.is_dir() && !has_main(path) {
            return Err(Failure::new(format!(
                "{} is a folder without __main__.py",
                path.display()
            )));
        }
        return Ok(Target::File(name.to_owned()));
    }
    let found = if is_path {
        None
    } else {
        command_paths()
            .map(|dir| dir.join(path))
            .find(|path| is_executable(path))
    };
    match found {
        Some(command) if is_foreign(&command)? || interpreter_of(&command)?.is_none() => {
            Err(not_python(&command))
        }
        Some(command) => Ok(Target::Script(command)),
        None => {
            let failure = Failure::new(format!(
                "there is no file {}{}",
                path.display(),
                if is_path {
                    ""
                } else {
                    ", and no command of that name"
                }
            ));
            let module = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            let is_module = !is_path
                && !module.is_empty()
                && module
                    .chars()
                    .all(|c| c.is_alphanumeric() || "._".contains(c))
                && !module.ends_with(".py");
            Err(if is_module {
                failure.advise(format!("to run a module: stillframe run -m {module}"))
            } else {
                failure
            })
        }
    }
}

fn not_python(path: &Path) -> Failure {
    Failure::new(format!("{} is no Python program", path.display()))
        .advise("stillframe run starts Python programs: a file, -m module, -c code, or a command that pip installed")
        .advise("what such a program starts captures as well with STILLFRAME_ENABLED=1 in its environment")
}

/// Folders of commands: beside this one, then those of PATH.
fn command_paths() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = std::env::split_paths(&path)
        .filter(|dir| !dir.as_os_str().is_empty())
        .collect();
    own_folder().into_iter().chain(dirs)
}

fn own_folder() -> Option<PathBuf> {
    // Without /proc, what was typed tells, if it is a path.
    let typed = || {
        Some(PathBuf::from(std::env::args_os().next()?))
            .filter(|path| path.components().count() > 1)
    };
    let own = std::env::current_exe().ok().or_else(typed)?;
    own.parent().map(Path::to_owned)
}

fn is_executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The first bytes of a file.
fn beginning(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed =
        |error: std::io::Error| Failure::new(format!("cannot read {}: {error}", path.display()));
    let mut bytes = Vec::new();
    if path.metadata().map_err(failed)?.is_file() {
        File::open(path)
            .map_err(failed)?
            .take(1024)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
    }
    Ok(bytes)
}

/// Whether a file is for something else than Python: a binary program, a script of another interpreter.
fn is_foreign(path: &Path) -> Result<bool, Failure> {
    let bytes = beginning(path)?;
    if bytes.starts_with(b"\x7fELF") || bytes.starts_with(b"\xcf\xfa\xed\xfe") {
        return Ok(true);
    }
    Ok(shebang(&bytes).is_some_and(|words| !words.iter().any(|word| mentions_python(word))))
}

/// The words of `#!/usr/bin/env python3`.
fn shebang(bytes: &[u8]) -> Option<Vec<&OsStr>> {
    let line = bytes
        .strip_prefix(b"#!")?
        .split(|&byte| byte == b'\n')
        .next()?;
    let words: Vec<&OsStr> = line
        .split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty())
        .map(OsStr::from_bytes)
        .collect();
    (!words.is_empty()).then_some(words)
}

fn mentions_python(word: &OsStr) -> bool {
    let name = Path::new(word).file_name().unwrap_or(word).as_bytes();
    name.starts_with(b"python") || name.starts_with(b"pypy")
}

/// The Python that a script's first lines name; `None` if they name none.
fn interpreter_of(script: &Path) -> Result<Option<PathBuf>, Failure> {
    let bytes = beginning(script)?;
    let Some(words) = shebang(&bytes) else {
        return Ok(None);
    };
    let python = words.iter().find(|word| mentions_python(word));
    let Some(python) = python.map(|word| PathBuf::from(*word)) else {
        return Ok(None);
    };
    if python.components().count() > 1 {
        return Ok(is_executable(&python).then_some(python));
    }
    Ok(on_path(python.as_os_str()))
}

fn on_path(name: &OsStr) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|path| is_executable(path))
}

/// An interpreter by its path or name.
fn find(python: &Path) -> Result<PathBuf, Failure> {
    let found = if python.components().count() > 1 {
        is_executable(python).then(|| python.to_owned())
    } else {
        on_path(python.as_os_str())
    };
    found.ok_or_else(|| Failure::new(format!("--python {}: no such program", python.display())))
}

/// The interpreter that this command belongs to.
fn default_python() -> Result<PathBuf, Failure> {
    let virtual_env = std::env::var_os("VIRTUAL_ENV").map(|dir| PathBuf::from(dir).join("bin"));
    let beside = own_folder().into_iter().chain(virtual_env);
    let names = ["python3", "python"];
    beside
        .flat_map(|dir| names.map(|name| dir.join(name)))
        .find(|path| is_executable(path))
        .or_else(|| names.iter().find_map(|name| on_path(OsStr::new(name))))
        .ok_or_else(|| {
            Failure::new("no Python was found").advise("stillframe run --python PATH ...")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str]) -> Result<CommandLine, Failure> {
        split(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    fn parts(words: &[&str]) -> (Vec<OsString>, Option<char>, OsString, Vec<OsString>) {
        let line = line(words).expect("a command line");
        (line.options, line.letter, line.target, line.arguments)
    }

    fn strings(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn a_command_line_is_split_as_python_does() {
        assert_eq!(
            parts(&["app.py", "-x", "-m"]),
            (vec![], None, "app.py".into(), strings(&["-x", "-m"]))
        );
        assert_eq!(
            parts(&["-m", "pkg", "--help"]),
            (vec![], Some('m'), "pkg".into(), strings(&["--help"]))
        );
        assert_eq!(parts(&["-mpkg"]), (vec![], Some('m'), "pkg".into(), vec![]));
        assert_eq!(
            parts(&["-Im", "pkg"]),
            (strings(&["-I"]), Some('m'), "pkg".into(), vec![])
        );
        assert_eq!(
            parts(&["-c", "1/0", "a"]),
            (vec![], Some('c'), "1/0".into(), strings(&["a"]))
        );
        assert_eq!(
            parts(&["-X", "dev", "-Werror", "-O", "app.py"]),
            (
                strings(&["-X", "dev", "-Werror", "-O"]),
                None,
                "app.py".into(),
                vec![]
            )
        );
        assert_eq!(
            parts(&["--check-hash-based-pycs", "always", "app.py"]),
            (
                strings(&["--check-hash-based-pycs", "always"]),
                None,
                "app.py".into(),
                vec![]
            )
        );
        assert_eq!(
            parts(&["--", "-odd.py"]),
            (vec![], None, "-odd.py".into(), vec![])
        );
    }

    #[test]
    fn what_cannot_be_run_is_said() {
        for words in [&[][..], &["-m"], &["-c"], &["-O"], &["-"], &["--"]] {
            assert!(line(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn a_first_line_names_its_interpreter() {
        let words = |text: &'static [u8]| shebang(text).unwrap_or_default();
        assert_eq!(
            words(b"#!/usr/bin/env python3\nx"),
            ["/usr/bin/env", "python3"]
        );
        assert_eq!(
            words(b"#! /opt/venv/bin/python -I\n"),
            ["/opt/venv/bin/python", "-I"]
        );
        assert!(words(b"import os").is_empty());
        assert!(mentions_python(OsStr::new("/opt/venv/bin/python3.11")));
        assert!(!mentions_python(OsStr::new("/bin/sh")));
    }
}

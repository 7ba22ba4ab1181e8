//! Which frame of a snapshot can be called again.

use stillframe_core::snapshot::{Frame, Snapshot};

use super::python;

/// Where the function of a frame is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Home {
    /// A module that can be imported.
    Module(String),
    /// A file that was run, or that no import finds.
    File {
        path: String,
        /// Line at the file's top level where it failed, and its text.
        stop: Option<(u32, String)>,
    },
}

/// Why the function of a frame cannot be called; `None` if it can.
pub(super) fn obstacle(frame: &Frame) -> Option<String> {
    let last = frame.function.rsplit('.').next().unwrap_or_default();
    let why = match last {
        "<module>" => "is no function but the file itself",
        "<lambda>" => "is a lambda, which has no name",
        "<genexpr>" | "<listcomp>" | "<setcomp>" | "<dictcomp>" => "is a part of an expression",
        _ if frame.function.contains("<locals>") => "is defined inside of another function",
        _ if !python::is_dotted(&frame.function) => "has no name that can be imported",
        _ if frame.no_variables || frame.not_captured_reason.is_some() => "has no captured values",
        _ => return home_problem(frame),
    };
    Some(why.to_owned())
}

fn home_problem(frame: &Frame) -> Option<String> {
    let file = frame.file.as_deref().unwrap_or("");
    // By its file the test knows the function again: else any of that name would be called.
    let is_file = file.ends_with(".py") && !file.contains(['\0', '\n']);
    (!is_file).then(|| "comes from no Python file".to_owned())
}

/// The end of a function's file that is the same wherever the program stands: as many parts as its module has.
pub(super) fn own_path(frame: &Frame) -> &str {
    let file = frame.file.as_deref().unwrap_or("");
    let module = frame.module.as_deref().unwrap_or("");
    let path = module.replace('.', "/");
    let ends = [format!("{path}.py"), format!("{path}/__init__.py")];
    let own = ends.iter().find_map(|end| {
        let before = file.strip_suffix(end.as_str())?;
        (before.is_empty() || before.ends_with('/')).then(|| &file[before.len()..])
    });
    own.unwrap_or_else(|| file.rsplit('/').next().unwrap_or(file))
}

/// Where to get the function of a frame from.
pub(super) fn home(snapshot: &Snapshot, frame: &Frame) -> Home {
    let module = frame.module.as_deref().unwrap_or("");
    if module != "__main__" && python::is_dotted(module) && !is_loaded_otherwise(frame, module) {
        return Home::Module(module.to_owned());
    }
    let path = frame.file.clone().unwrap_or_default();
    let top = snapshot
        .frames
        .iter()
        .find(|other| other.function == "<module>" && other.file.as_ref() == Some(&path));
    Home::File {
        stop: top.and_then(|top| Some((top.line?, text_of(top)))),
        path,
    }
}

/// Whether a module cannot have been imported by its name, as its file is called otherwise: something else loads it.
fn is_loaded_otherwise(frame: &Frame, module: &str) -> bool {
    let file = frame.file.as_deref().unwrap_or("");
    let Some(path) = file.strip_suffix(".py") else {
        return false;
    };
    let path = path.strip_suffix("/__init__").unwrap_or(path);
    let last = module.rsplit('.').next().unwrap_or(module);
    frame.in_app && path.rsplit('/').next() != Some(last)
}

/// The line that a frame stands at; empty where it is not known.
fn text_of(frame: &Frame) -> String {
    let find = || {
        let source = frame.source.as_ref().filter(|source| !source.stale)?;
        let at = frame.line?.checked_sub(source.first_line)?;
        source.lines.get(at as usize)
    };
    find()
        .map(|line| line.trim().to_owned())
        .unwrap_or_default()
}

/// The folder that a module was imported from, if its file says so and it is no installed one.
pub(super) fn import_folder(frame: &Frame) -> Option<&str> {
    let (module, file) = (frame.module.as_deref()?, frame.file.as_deref()?);
    if !file.starts_with('/')
        || file.contains("/site-packages/")
        || file.contains("/dist-packages/")
    {
        return None;
    }
    let mut rest = file.strip_suffix(".py")?;
    rest = rest.strip_suffix("/__init__").unwrap_or(rest);
    for part in module.rsplit('.') {
        rest = rest.strip_suffix(part)?.strip_suffix('/')?;
    }
    Some(if rest.is_empty() { "/" } else { rest })
}

/// A frame to call, and why none of those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    /// Its index in the snapshot.
    pub(super) frame: usize,
    /// `f.<locals>.g is defined inside of another function`
    pub(super) passed_over: Vec<String>,
}

/// The raising frame if it can be called, else the nearest that can: of the program's own if there is one.
pub(super) fn choose(snapshot: &Snapshot) -> Result<Choice, Vec<String>> {
    let frames: Vec<usize> = snapshot
        .captured()
        .into_iter()
        .flat_map(|error| &error.frames)
        .map(|&at| at as usize)
        .filter(|&at| at < snapshot.frames.len())
        .collect();
    let mut passed_over = Vec::new();
    let mut library = None;
    for &at in &frames {
        let frame = &snapshot.frames[at];
        match obstacle(frame) {
            Some(why) => passed_over.push(format!("{} {why}", frame.function)),
            None if frame.in_app => {
                return Ok(Choice {
                    frame: at,
                    passed_over,
                });
            }
            None => {
                let why = format!("{} is a library's", frame.function);
                library.get_or_insert((at, passed_over.clone()));
                passed_over.push(why);
            }
        }
    }
    match library {
        Some((frame, passed_over)) => Ok(Choice { frame, passed_over }),
        None => Err(passed_over),
    }
}

/// Whether the frames of a program say which class a method is of: Python does since 3.11.
pub(super) fn is_qualified(snapshot: &Snapshot) -> bool {
    let version = snapshot.runtime.version.as_deref().unwrap_or("");
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let major_minor = (parts.next().flatten(), parts.next().flatten());
    !matches!(major_minor, (Some(3), Some(..=10)))
}

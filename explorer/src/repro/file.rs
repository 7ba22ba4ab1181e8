//! The file of a failing test.

use std::collections::HashSet;
use std::fmt::Write as _;

use stillframe_core::snapshot::{Frame, Node, Scalar, Snapshot};

use super::frame::{self, Choice, Home};
use super::layout::Doc;
use super::names::BUILTIN_CLASSES;
use super::python;
use super::values::{Helper, Note, Writer};
use crate::render::{Clock, head};

const CALL: &str = include_str!("python/call.py");
const NAMED: &str = include_str!("python/named.py");
const MAKE: &str = include_str!("python/make.py");
const STUB: &str = include_str!("python/stub.py");
const LOAD: &str = include_str!("python/load.py");
const FLAG: &str = include_str!("python/flag.py");

/// Gaps that the docstring names; the others are counted.
const MAX_NOTES: usize = 30;
/// Names that the file uses itself, besides [`BUILTIN_CLASSES`].
const OWN_NAMES: [&str; 27] = [
    "call_named",
    "import_module",
    "Stub",
    "ast",
    "asyncio",
    "call",
    "collections",
    "datetime",
    "decimal",
    "enum",
    "exhaust",
    "fill",
    "flag",
    "fractions",
    "inspect",
    "ipaddress",
    "load",
    "make",
    "os",
    "pathlib",
    "program",
    "pytest",
    "re",
    "resolve_name",
    "sys",
    "types",
    "uuid",
];

/// A value that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Where: `self.api_token`.
    pub path: String,
    /// Why, and which setting is behind it.
    pub why: String,
    /// Whether nothing of it is there; else it is there in part.
    pub stub: bool,
}

/// A test, written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repro {
    /// The file.
    pub text: String,
    /// Name of the test in it.
    pub test: String,
    /// The frame that it calls, by its index in the snapshot.
    pub frame: usize,
    /// The function of that frame, with the module or the file that it is taken from.
    pub called: String,
    /// Frames nearer to the error, and why each cannot be called.
    pub passed_over: Vec<String>,
    /// What is not as it was.
    pub missing: Vec<Missing>,
}

/// Why there is no test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unable {
    /// The program is not written in Python.
    Language(String),
    /// No frame can be called; why each cannot.
    NoFrame(Vec<String>),
    /// The frame that was asked for cannot be called, and why.
    Frame(String),
    /// No frame is called like that; what there is.
    Unknown(Vec<String>),
}

/// Writes a test that fails as the program did.
///
/// # Errors
///
/// Nothing in it can be called.
pub fn repro(snapshot: &Snapshot, name: Option<&str>) -> Result<Repro, Unable> {
    if snapshot.runtime.language != "python" {
        return Err(Unable::Language(snapshot.runtime.language.clone()));
    }
    let choice = match name {
        Some(name) => by_name(snapshot, name)?,
        None => frame::choose(snapshot).map_err(Unable::NoFrame)?,
    };
    Ok(File::new(snapshot, choice).write())
}

/// The first frame of that function or place that can be called.
fn by_name(snapshot: &Snapshot, name: &str) -> Result<Choice, Unable> {
    let fits = |frame: &&(usize, &Frame)| {
        let frame = frame.1;
        let ends = |whole: &str, sign: char| {
            whole == name
                || whole
                    .strip_suffix(name)
                    .is_some_and(|rest| rest.ends_with(sign))
        };
        let place = format!(
            "{}:{}",
            frame.file.as_deref().unwrap_or(""),
            frame.line.unwrap_or(0)
        );
        ends(&frame.function, '.') || ends(&place, '/')
    };
    let frames: Vec<(usize, &Frame)> = snapshot.frames.iter().enumerate().collect();
    let found: Vec<&(usize, &Frame)> = frames.iter().filter(fits).collect();
    let callable = found
        .iter()
        .find(|(_, frame)| frame::obstacle(frame).is_none());
    match (callable, found.first()) {
        (Some((at, _)), _) => Ok(Choice {
            frame: *at,
            passed_over: Vec::new(),
        }),
        (None, Some((_, frame))) => {
            let why = frame::obstacle(frame).unwrap_or_default();
            Err(Unable::Frame(format!("{} {why}", frame.function)))
        }
        (None, None) => {
            let callable = frames
                .iter()
                .filter(|(_, frame)| frame::obstacle(frame).is_none());
            Err(Unable::Unknown(
                callable.map(|(_, frame)| frame.function.clone()).collect(),
            ))
        }
    }
}

struct File<'s> {
    snapshot: &'s Snapshot,
    choice: Choice,
    frame: &'s Frame,
    home: Home,
    /// Name of the module that a file is loaded as.
    main: String,
    /// Whether it is known which class the function is of.
    qualified: bool,
    /// The function, or the class that it is of, as its module has it.
    root: &'s str,
    /// What that is called in the test.
    imported: String,
}

impl<'s> File<'s> {
    fn new(snapshot: &'s Snapshot, choice: Choice) -> Self {
        let frame = &snapshot.frames[choice.frame];
        let home = frame::home(snapshot, frame);
        let mains = snapshot
            .frames
            .iter()
            .filter(|one| one.module.as_deref() == Some("__main__"));
        let path = mains.filter_map(|one| one.file.as_deref()).next();
        let stem = path.and_then(|path| path.rsplit('/').next()?.strip_suffix(".py"));
        let stem: String = stem
            .unwrap_or("program")
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        let root = frame.function.split('.').next().unwrap_or_default();
        let is_own = OWN_NAMES.contains(&root) || BUILTIN_CLASSES.contains(&root);
        Self {
            snapshot,
            choice,
            frame,
            home,
            root,
            imported: if is_own {
                format!("the_{root}")
            } else {
                root.to_owned()
            },
            main: format!("main_of_{stem}"),
            qualified: frame::is_qualified(snapshot),
        }
    }

    fn write(self) -> Repro {
        let frame = self.frame;
        let arguments: Vec<(&str, &Node)> = frame.arguments.iter().collect();
        let taken = OWN_NAMES
            .into_iter()
            .chain(BUILTIN_CLASSES)
            .chain([self.imported.as_str()])
            .map(str::to_owned)
            .collect::<HashSet<_>>();
        let mut writer = Writer::new(self.snapshot, &arguments, &self.main, taken);
        let mut items = Vec::new();
        let mut odd = Vec::new();
        for (name, node) in &arguments {
            if python::is_keyword_argument(name) {
                items.push(writer.item(format!("{name}="), node, name));
            } else {
                odd.push(writer.item(format!("{}: ", python::text(name)), node, name));
            }
        }
        if !odd.is_empty() {
            items.push(super::layout::Item::of(Doc::group("**{", odd, "}")));
        }
        for gap in frame.omitted.iter().filter(|gap| gap.what == "arguments") {
            writer.notes.push(Note {
                path: gap.name.clone().unwrap_or_else(|| "arguments".to_owned()),
                why: format!("not captured: {}", head(&gap.not_captured_reason, 60)),
                stub: true,
            });
        }
        let last = frame.function.rsplit('.').next().unwrap_or_default();
        let test = format!("test_{}", last.trim_matches('_').to_lowercase());
        let body = self.body(&test, &writer, items);
        let missing: Vec<Missing> = writer
            .notes
            .iter()
            .map(|note| Missing {
                path: note.path.clone(),
                why: note.why.clone(),
                stub: note.stub,
            })
            .collect();
        let helpers = helpers(&body, &writer);
        let called = match &self.home {
            Home::Module(module) => format!("{module}.{}", frame.function),
            Home::File { path, .. } => format!("{} of {path}", frame.function),
        };
        let text = format!(
            "{}{}\n\n{body}{helpers}",
            self.docstring(&missing),
            imports(&body, &helpers, &writer),
        );
        Repro {
            text,
            test,
            frame: self.choice.frame,
            called,
            passed_over: self.choice.passed_over,
            missing,
        }
    }

    /// The test itself.
    fn body(&self, test: &str, writer: &Writer<'_>, items: Vec<super::layout::Item>) -> String {
        let mut out = format!("def {test}():\n");
        let mut line = |text: &str| {
            out.push_str("    ");
            out.push_str(text);
            out.push('\n');
        };
        let mains = self
            .snapshot
            .frames
            .iter()
            .find(|one| one.module.as_deref() == Some("__main__"));
        // Types of the program's own file need it, wherever the function is.
        let uses_main = writer_uses(writer, &items, &self.main);
        match &self.home {
            Home::Module(module) => {
                let own = frame::import_folder(self.frame).filter(|_| self.frame.in_app);
                if let Some(folder) = own {
                    line(&format!("sys.path.insert(0, {})", python::text(folder)));
                }
                if self.qualified && self.imported == self.root {
                    line(&format!("from {module} import {}", self.root));
                } else if self.qualified {
                    let (root, name) = (self.root, &self.imported);
                    line(&format!("from {module} import {root} as {name}"));
                }
                line("");
                if uses_main && let Some(main) = mains {
                    let home = frame::home(self.snapshot, main);
                    if let Home::File { path, stop } = home {
                        line(&self.load(&path, stop.as_ref()));
                    }
                }
            }
            Home::File { path, stop } => {
                line(&format!("program = {}", self.load(path, stop.as_ref())));
            }
        }
        for (prefix, doc) in &writer.statements {
            let mut text = prefix.clone();
            doc.write(&mut text, 4, 4 + prefix.chars().count());
            line(&text);
        }
        let function = match &self.home {
            Home::Module(module) if !self.qualified => {
                format!(
                    "import_module({}), {}",
                    python::text(module),
                    python::text(self.root)
                )
            }
            Home::File { .. } if !self.qualified => format!("program, {}", python::text(self.root)),
            Home::Module(_) => {
                let function = mangled(&self.frame.function);
                let rest = function.strip_prefix(self.root).unwrap_or_default();
                format!("{}{rest}", self.imported)
            }
            Home::File { .. } => format!("program.{}", mangled(&self.frame.function)),
        };
        let callee = if self.qualified {
            "call("
        } else {
            "call_named("
        };
        let file = python::text(frame::own_path(self.frame));
        let mut all = vec![super::layout::Item::of(Doc::text(format!(
            "{function}, {file}"
        )))];
        all.extend(items);
        let mut text = String::new();
        Doc::group(callee, all, ")").write(&mut text, 4, 4);
        line(&text);
        // Lines without text have no spaces.
        out.replace("\n    \n", "\n")
    }

    fn load(&self, path: &str, stop: Option<&(u32, String)>) -> String {
        let stop = stop.map_or(String::new(), |(line, text)| {
            format!(", stop={line}, text={}", python::text(head(text, 200)))
        });
        format!(
            "load({}, {}{stop})",
            python::text(path),
            python::text(&self.main)
        )
    }

    fn docstring(&self, missing: &[Missing]) -> String {
        let snapshot = self.snapshot;
        let error = snapshot.captured();
        let kind = error.map_or("an error", |error| error.short_type());
        let message = error
            .and_then(|error| error.message.as_ref()?.value.as_ref())
            .map(Scalar::to_string)
            .unwrap_or_default();
        let message = message.lines().next().unwrap_or_default();
        let mut first = format!("{kind}: {}", head(message, 70));
        if message.is_empty() {
            first.truncate(kind.len());
        }
        let clock = Clock::utc(snapshot.timestamp);
        let mut facts = format!(
            "Made by stillframe from snapshot {}, {}",
            snapshot.id,
            clock.date_time(snapshot.timestamp)
        );
        if !snapshot.service.is_empty() {
            let _ = write!(facts, ", {}", head(&snapshot.service, 60));
        }
        if let Some(version) = &snapshot.version {
            let _ = write!(facts, " {}", head(version, 40));
        }
        if let Some(version) = &snapshot.runtime.version {
            let _ = write!(facts, ", Python {}", head(version, 40));
        }
        let file = self.frame.file.as_deref().unwrap_or("");
        let mut lines = vec![
            first,
            String::new(),
            facts + ".",
            format!(
                "Calls {} ({}), with all that it does, and fails as the program did until that is mended.",
                head(&self.frame.function, 100),
                head(file, 200),
            ),
            "Values are those at the moment of the error, which the function may have changed since it was called.".to_owned(),
        ];
        if !self.choice.passed_over.is_empty() {
            lines.push(String::new());
            lines.push("Nearer to the error, but not to be called:".to_owned());
            lines.extend(
                self.choice
                    .passed_over
                    .iter()
                    .take(MAX_NOTES)
                    .map(|why| format!("    {}", head(why, 150))),
            );
        }
        if !missing.is_empty() {
            lines.push(String::new());
            lines.push("Not as it was:".to_owned());
            for one in missing.iter().take(MAX_NOTES) {
                let kind = if one.stub { "a stub, " } else { "" };
                lines.push(format!("    {}: {kind}{}", head(&one.path, 80), one.why));
            }
            if missing.len() > MAX_NOTES {
                lines.push(format!("    and {} more", missing.len() - MAX_NOTES));
            }
            let key = snapshot
                .fingerprint
                .as_ref()
                .map(|fingerprint| &fingerprint.key);
            if let Some(key) = key.filter(|_| missing.iter().any(|one| one.why.contains("limits.")))
            {
                lines.push(format!(
                    "More is kept the next time after: stillframe deeper {}",
                    head(key, 8)
                ));
            }
        }
        let mut out = String::from("\"\"\"");
        for (at, line) in lines.iter().enumerate() {
            if at > 0 {
                out.push('\n');
            }
            out.push_str(&python::in_docstring(line));
        }
        out.push_str("\n\"\"\"\n\n");
        out
    }
}

/// `Cart._Cart__total` for `Cart.__total`: the name that a class gives to what is private to it.
fn mangled(function: &str) -> String {
    let mut parts: Vec<String> = function.split('.').map(str::to_owned).collect();
    for at in 1..parts.len() {
        let private = parts[at].starts_with("__") && !parts[at].ends_with("__");
        let owner = parts[at - 1].trim_start_matches('_').to_owned();
        if private && !owner.is_empty() {
            parts[at] = format!("_{owner}{}", parts[at]);
        }
    }
    parts.join(".")
}

/// Whether any expression names something of the program's own file.
fn writer_uses(writer: &Writer<'_>, items: &[super::layout::Item], main: &str) -> bool {
    fn mentions(doc: &Doc, main: &str) -> bool {
        match doc {
            Doc::Text(text) => text.contains(main),
            Doc::Group { open, items, .. } => {
                open.contains(main)
                    || items
                        .iter()
                        .any(|item| item.prefix.contains(main) || mentions(&item.doc, main))
            }
        }
    }
    writer.statements.iter().any(|(_, doc)| mentions(doc, main))
        || items
            .iter()
            .any(|item| item.prefix.contains(main) || mentions(&item.doc, main))
}

/// What cannot be made again becomes a stub while the test runs.
fn needs_stub(writer: &Writer<'_>) -> bool {
    writer.helpers.contains(&Helper::Stub) || writer.helpers.contains(&Helper::Make)
}

fn helpers(body: &str, writer: &Writer<'_>) -> String {
    let mut out = String::new();
    let wanted = [
        (true, CALL),
        (body.contains("    call_named("), NAMED),
        (body.contains("load("), LOAD),
        (writer.helpers.contains(&Helper::Make), MAKE),
        (writer.helpers.contains(&Helper::Flag), FLAG),
        (needs_stub(writer), STUB),
    ];
    for (_, text) in wanted.iter().filter(|(wanted, _)| *wanted) {
        out.push_str("\n\n");
        out.push_str(text);
    }
    out
}

fn imports(body: &str, helpers: &str, writer: &Writer<'_>) -> String {
    let mut modules: Vec<&str> = writer.imports.iter().copied().collect();
    for (module, sign) in [
        ("ast", "ast.parse("),
        ("asyncio", "asyncio."),
        ("enum", "enum.Flag"),
        ("inspect", "inspect."),
        ("os", "os.path."),
        ("sys", "sys."),
        ("types", "types."),
    ] {
        if helpers.contains(sign) || (module == "sys" && body.contains("    sys.path.insert(")) {
            modules.push(module);
        }
    }
    modules.sort_unstable();
    let mut out = String::new();
    for module in modules {
        let _ = writeln!(out, "import {module}");
    }
    if body.contains("import_module(") {
        out.push_str("from importlib import import_module\n");
    }
    let resolving = [Helper::ResolveName, Helper::Make, Helper::Flag];
    if resolving
        .iter()
        .any(|helper| writer.helpers.contains(helper))
    {
        out.push_str("from pkgutil import resolve_name\n");
    }
    if needs_stub(writer) {
        out.push_str("\nimport pytest\n");
    }
    out
}

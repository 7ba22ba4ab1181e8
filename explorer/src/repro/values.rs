//! Captured values as Python expressions that make them again.
//!
//! An object that is met twice becomes a variable, so that it is one object again; one that holds itself is made empty and then
//! filled. What cannot be made again becomes a stub with its name, and a note that says why.

use std::collections::{BTreeSet, HashMap, HashSet};

use stillframe_core::snapshot::{Node, Scalar, Snapshot};

use super::layout::{Doc, Item};
use super::names::{BUILTIN_CLASSES, clean, float, instant, is_class, is_metaclass, range, why};
use super::python;
use crate::find::{Label, Values, members};
use crate::render::{byte_text, head, python_repr};

/// Levels of values, references included.
const MAX_LEVELS: usize = 100;
/// Values that are looked at to find out whether one holds itself; beyond, it is taken to do so.
const MAX_LOOKS: usize = 20_000;

/// A value that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    /// `self.api_token`
    pub(super) path: String,
    /// `redacted: name "token"`
    pub(super) why: String,
    /// Whether nothing of it is there.
    pub(super) stub: bool,
}

/// What the file has to define for the expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Helper {
    Make,
    Stub,
    ResolveName,
    Flag,
}

/// Writes the values of one frame.
pub(super) struct Writer<'s> {
    values: Values<'s>,
    /// What stands for `__main__` in the names of types.
    main: String,
    shared: HashSet<u32>,
    names: HashMap<u32, String>,
    in_progress: HashSet<u32>,
    taken: HashSet<String>,
    /// How often a name was wanted for a variable.
    numbers: HashMap<String, usize>,
    level: usize,
    /// Statements that come before the call.
    pub(super) statements: Vec<(String, Doc)>,
    pub(super) notes: Vec<Note>,
    /// Modules of the standard library that the expressions use.
    pub(super) imports: BTreeSet<&'static str>,
    pub(super) helpers: BTreeSet<Helper>,
}

impl<'s> Writer<'s> {
    /// For these values of a snapshot. `taken` are names that variables must not have.
    pub(super) fn new(
        snapshot: &'s Snapshot,
        roots: &[(&'s str, &'s Node)],
        main: &str,
        taken: HashSet<String>,
    ) -> Self {
        let values = Values::of(snapshot);
        let (mut shared, mut seen) = (HashSet::new(), HashSet::new());
        let mut open: Vec<&Node> = roots.iter().map(|(_, node)| *node).collect();
        while let Some(node) = open.pop() {
            let target = values.resolved(node);
            if let Some(id) = target.id.filter(|id| !seen.insert(*id)) {
                shared.insert(id);
                continue;
            }
            open.extend(members(target).iter().map(|member| member.node));
            open.extend(target.entries.iter().flatten().map(|(key, _)| key));
        }
        Self {
            values,
            main: main.to_owned(),
            shared,
            names: HashMap::new(),
            in_progress: HashSet::new(),
            taken,
            numbers: HashMap::new(),
            level: 0,
            statements: Vec::new(),
            notes: Vec::new(),
            imports: BTreeSet::new(),
            helpers: BTreeSet::new(),
        }
    }

    /// A value as the item of something, with what is to be said of it.
    pub(super) fn item(&mut self, prefix: String, node: &'s Node, path: &str) -> Item {
        let before = self.notes.len();
        let doc = self.expression(node, path);
        let own = self.notes[before..].iter().find(|note| note.path == path);
        let comment = own.map(|note| {
            let kind = if note.stub { "stub: " } else { "" };
            format!("{kind}{}", note.why)
        });
        Item {
            prefix,
            doc,
            comment,
        }
    }

    fn expression(&mut self, node: &'s Node, path: &str) -> Doc {
        let target = self.values.resolved(node);
        if target.reference.is_some() {
            return self.stub(path, "a frame or an exception", None);
        }
        if self.level == MAX_LEVELS {
            return self.stub(path, "nested too deeply to be written", None);
        }
        self.level += 1;
        let doc = match target.id.filter(|id| self.shared.contains(id)) {
            Some(id) => self.variable(id, target, path),
            None => self.build(target, path),
        };
        self.level -= 1;
        doc
    }

    /// An object that occurs more than once: a variable.
    fn variable(&mut self, id: u32, node: &'s Node, path: &str) -> Doc {
        if let Some(name) = self.names.get(&id) {
            return Doc::text(name.clone());
        }
        if self.in_progress.contains(&id) {
            return self.stub(
                path,
                "a value that cannot be changed and holds itself",
                None,
            );
        }
        let name = self.fresh(path);
        if let Some((empty, fill)) = self.in_two_steps(id, node) {
            self.statements.push((format!("{name} = "), empty));
            self.names.insert(id, name.clone());
            let contents = self.contents(node, path);
            self.cut(node, path);
            if !contents.is_empty() {
                let doc = match fill {
                    Fill::Method(method, open, close) => {
                        let inner = Doc::group(open, contents, close);
                        Doc::group(format!("{name}.{method}("), vec![Item::of(inner)], ")")
                    }
                    Fill::Fields => {
                        let mut items = vec![Item::of(Doc::text(name.clone()))];
                        items.extend(contents);
                        Doc::group("fill(", items, ")")
                    }
                };
                self.statements.push((String::new(), doc));
            }
            return Doc::text(name);
        }
        self.in_progress.insert(id);
        let doc = self.build(node, path);
        self.in_progress.remove(&id);
        self.statements.push((format!("{name} = "), doc));
        self.names.insert(id, name.clone());
        Doc::text(name)
    }

    /// How to make an object that holds itself.
    fn in_two_steps(&mut self, id: u32, node: &'s Node) -> Option<(Doc, Fill)> {
        let fill = match node.type_name.as_deref()? {
            "list" => (Doc::text("[]"), Fill::Method("extend", "[", "]")),
            "dict" => (Doc::text("{}"), Fill::Method("update", "{", "}")),
            "set" => (Doc::text("set()"), Fill::Method("update", "[", "]")),
            name if node.fields.is_some() && is_class(name) => {
                let kind = python::text(&self.class(name));
                (Doc::text(format!("make({kind})")), Fill::Fields)
            }
            _ => return None,
        };
        if !self.holds_itself(id, node) {
            return None;
        }
        if matches!(fill.1, Fill::Fields) {
            self.helpers.insert(Helper::Make);
        }
        Some(fill)
    }

    fn holds_itself(&self, id: u32, node: &'s Node) -> bool {
        let mut seen = HashSet::new();
        let mut open: Vec<&Node> = vec![node];
        let mut looks = 0;
        while let Some(node) = open.pop() {
            looks += 1;
            if looks > MAX_LOOKS {
                return true;
            }
            for member in members(node) {
                let target = self.values.resolved(member.node);
                if target.id == Some(id) {
                    return true;
                }
                if target.id.is_none_or(|id| seen.insert(id)) {
                    open.push(target);
                }
            }
        }
        false
    }

    /// A name for a variable, after the last name in a path.
    fn fresh(&mut self, path: &str) -> String {
        let last = path
            .rsplit(|c: char| c != '_' && !c.is_alphanumeric())
            .find(|part| python::is_keyword_argument(part) && part.len() <= 40);
        let base = last.unwrap_or("value");
        let number = self.numbers.entry(base.to_owned()).or_insert(0);
        loop {
            *number += 1;
            let name = match *number {
                1 => base.to_owned(),
                number => format!("{base}_{number}"),
            };
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }

    /// The name of a class, by which it can be imported here.
    fn class(&self, type_name: &str) -> String {
        match type_name.strip_prefix("__main__.") {
            Some(rest) => format!("{}.{rest}", self.main),
            None => type_name.to_owned(),
        }
    }

    fn build(&mut self, node: &'s Node, path: &str) -> Doc {
        let type_name = node.type_name.as_deref().unwrap_or("");
        if node.is_null {
            return Doc::text("None");
        }
        if node.is_container() {
            return self.container(node, type_name, path);
        }
        match &node.value {
            Some(value) => self.scalar(node, value, type_name, path),
            None if node.not_captured_reason.is_some() => {
                let why = why(node);
                self.stub(path, &why, Some(node))
            }
            None => match type_name {
                "object" => Doc::text("object()"),
                "NotImplementedType" => Doc::text("NotImplemented"),
                "" => self.stub(path, "nothing is known of it", None),
                name => self.stub(path, &format!("only its type is known: {name}"), None),
            },
        }
    }

    fn container(&mut self, node: &'s Node, type_name: &str, path: &str) -> Doc {
        self.cut(node, path);
        if node.fields.is_some() {
            return self.object(node, type_name, path);
        }
        let items = self.contents(node, path);
        let is_empty = items.is_empty();
        let list = |items| Doc::group("[", items, "]");
        let wrapped = |open: &str, inner: Doc| Doc::group(open, vec![Item::of(inner)], ")");
        match type_name {
            "list" => list(items),
            "tuple" => Doc::Group {
                open: "(".to_owned(),
                items,
                close: ")",
                comma: true,
            },
            "set" if is_empty => Doc::text("set()"),
            "set" => Doc::group("{", items, "}"),
            "frozenset" => wrapped("frozenset(", list(items)),
            "dict" => Doc::group("{", items, "}"),
            "collections.OrderedDict" | "collections.Counter" => {
                self.imports.insert("collections");
                wrapped(&format!("{type_name}("), Doc::group("{", items, "}"))
            }
            "collections.defaultdict" => {
                self.imports.insert("collections");
                self.note(path, "what it makes of missing keys is not known");
                let inner = Doc::group("{", items, "}");
                Doc::group("collections.defaultdict(None, ", vec![Item::of(inner)], ")")
            }
            "collections.deque" => {
                self.imports.insert("collections");
                wrapped("collections.deque(", list(items))
            }
            "dict_keys" | "dict_values" | "dict_items" | "mappingproxy" => {
                self.note(path, &format!("it was a {type_name}"));
                if node.entries.is_some() {
                    Doc::group("{", items, "}")
                } else {
                    list(items)
                }
            }
            name if is_class(name) => {
                self.helpers.insert(Helper::Make);
                let inner = if node.entries.is_some() {
                    Doc::group("{", items, "}")
                } else {
                    list(items)
                };
                let kind = python::text(&self.class(name));
                Doc::group(
                    "make(",
                    vec![Item::of(Doc::text(kind)), Item::of(inner)],
                    ")",
                )
            }
            name => self.stub(path, &format!("a {name} cannot be made again"), None),
        }
    }

    fn object(&mut self, node: &'s Node, type_name: &str, path: &str) -> Doc {
        if type_name == "slice" {
            let items = self.positional(node, path);
            return Doc::group("slice(", items, ")");
        }
        if !is_class(type_name) {
            return self.stub(path, &format!("a {type_name} cannot be made again"), None);
        }
        self.helpers.insert(Helper::Make);
        let kind = python::text(&self.class(type_name));
        let mut items = vec![Item::of(Doc::text(kind))];
        items.extend(self.contents(node, path));
        Doc::group("make(", items, ")")
    }

    fn positional(&mut self, node: &'s Node, path: &str) -> Vec<Item> {
        let fields = node.fields.iter().flat_map(|fields| fields.iter());
        fields
            .map(|(name, node)| self.item(String::new(), node, &format!("{path}.{name}")))
            .collect()
    }

    /// What a container holds, as the items of an expression.
    fn contents(&mut self, node: &'s Node, path: &str) -> Vec<Item> {
        let mut items = Vec::new();
        let mut odd = Vec::new();
        let mut fields = HashSet::new();
        for member in members(node) {
            let mut inner = path.to_owned();
            member.label.push_to(&mut inner);
            match member.label {
                Label::Name(name) if !fields.insert(name) => {
                    self.note(path, &format!("another field is called {}", head(name, 60)));
                }
                Label::Name(name) if python::is_keyword_argument(name) => {
                    items.push(self.item(format!("{name}="), member.node, &inner));
                }
                Label::Name(name) => {
                    odd.push(self.item(format!("{}: ", python::text(name)), member.node, &inner));
                }
                Label::Key(key) => {
                    let key = self.expression(key, &format!("key {inner}"));
                    let prefix = key.flat().unwrap_or_else(|| {
                        let mut text = String::new();
                        key.write(&mut text, 0, usize::MAX / 2);
                        text
                    });
                    items.push(self.item(format!("{prefix}: "), member.node, &inner));
                }
                Label::Position(_) => items.push(self.item(String::new(), member.node, &inner)),
            }
        }
        if !odd.is_empty() {
            items.push(Item::of(Doc::group("**{", odd, "}")));
        }
        items
    }

    fn scalar(&mut self, node: &'s Node, value: &Scalar, type_name: &str, path: &str) -> Doc {
        if node.rendered && node.truncated {
            return self.stub(path, &format!("{}; {type_name} {value}", why(node)), None);
        }
        if node.not_captured_reason.is_some() || node.lossy {
            let why = if node.lossy {
                "it was not valid Unicode".to_owned()
            } else {
                why(node)
            };
            self.note(path, &why);
        }
        let literal = match value {
            Scalar::Bool(true) => "True".to_owned(),
            Scalar::Bool(false) => "False".to_owned(),
            Scalar::Int(value) => value.to_string(),
            Scalar::Uint(value) => value.to_string(),
            Scalar::Float(value) => float(*value),
            Scalar::Text(text) if node.rendered => return self.rendered(text, type_name, path),
            Scalar::Text(text) => match byte_text(node) {
                Some(bytes) => python::bytes(&bytes),
                None => python::text(text),
            },
        };
        match type_name {
            "" | "str" | "bytes" | "bool" | "int" | "float" => Doc::text(literal),
            "bytearray" => Doc::text(format!("bytearray({literal})")),
            "memoryview" => Doc::text(format!("memoryview({literal})")),
            name if is_class(name) => {
                self.helpers.insert(Helper::Make);
                let kind = python::text(&self.class(name));
                Doc::text(format!("make({kind}, {literal})"))
            }
            _ => Doc::text(literal),
        }
    }

    /// A value that a text stands for.
    fn rendered(&mut self, text: &str, type_name: &str, path: &str) -> Doc {
        let quoted = python::text(text);
        let made = match type_name {
            "int" if python::is_integer(text) => Some(text.to_owned()),
            "float" => Some(format!("float({quoted})")),
            "complex" => Some(format!("complex({quoted})")),
            "ellipsis" => Some("...".to_owned()),
            "range" => range(text),
            "decimal.Decimal" | "fractions.Fraction" | "uuid.UUID" => {
                self.standard(type_name, &quoted)
            }
            // 3.13 has them in a module of their own.
            "pathlib.PosixPath" | "pathlib.WindowsPath" | "pathlib._local.PosixPath" => {
                self.standard("pathlib.Path", &quoted)
            }
            "pathlib.PurePosixPath"
            | "pathlib.PureWindowsPath"
            | "pathlib._local.PurePosixPath" => self.standard(type_name, &quoted),
            "re.Pattern" => {
                self.note(path, "the flags of the pattern are not known");
                self.standard("re.compile", &quoted)
            }
            "datetime.datetime" | "datetime.time" => instant(text).and_then(|text| {
                self.standard(&format!("{type_name}.fromisoformat"), &python::text(&text))
            }),
            "datetime.date" | "datetime.timedelta" => {
                let expression = python_repr(type_name, text);
                self.imports.insert("datetime");
                expression
            }
            "datetime.timezone" if text == "UTC" => {
                self.imports.insert("datetime");
                Some("datetime.timezone.utc".to_owned())
            }
            "module" | "function" | "type" => self.named(text),
            "builtin_function_or_method" if python::is_name(text) => Some(text.to_owned()),
            "ipaddress.IPv4Address"
            | "ipaddress.IPv4Interface"
            | "ipaddress.IPv4Network"
            | "ipaddress.IPv6Address"
            | "ipaddress.IPv6Interface"
            | "ipaddress.IPv6Network" => self.standard(type_name, &quoted),
            name => self
                .member(text, name)
                .or_else(|| is_metaclass(name).then(|| self.named(text)).flatten()),
        };
        match made {
            Some(made) => Doc::text(made),
            None => {
                let what = if text.len() <= 60 {
                    format!("{type_name} {text}")
                } else {
                    type_name.to_owned()
                };
                self.stub(path, &format!("cannot be made again: {what}"), None)
            }
        }
    }

    /// A call of something in a module of the standard library.
    fn standard(&mut self, callee: &str, argument: &str) -> Option<String> {
        const MODULES: [&str; 8] = [
            "collections",
            "datetime",
            "decimal",
            "fractions",
            "ipaddress",
            "pathlib",
            "re",
            "uuid",
        ];
        let module = callee.split('.').next()?;
        let module = MODULES.into_iter().find(|known| *known == module)?;
        self.imports.insert(module);
        Some(format!("{callee}({argument})"))
    }

    /// A class, a function or a module, by its name.
    fn named(&mut self, name: &str) -> Option<String> {
        if !python::is_dotted(name) {
            return None; // `f.<locals>.g` has no name outside of it
        }
        if !name.contains('.') && BUILTIN_CLASSES.contains(&name) {
            return Some(name.to_owned());
        }
        let name = if name == "__main__" {
            self.main.clone()
        } else {
            self.class(name)
        };
        self.helpers.insert(Helper::ResolveName);
        Some(format!("resolve_name({})", python::text(&name)))
    }

    /// `<Color.RED: 1>`, `<Perm.R|W: 3>`
    fn member(&mut self, text: &str, type_name: &str) -> Option<String> {
        let inner = text.strip_prefix('<')?.strip_suffix('>')?;
        let (label, value) = inner.split_once(": ")?;
        if is_class(type_name) && !label.contains('.') && python::is_integer(value) {
            // A combination of flags that has no name.
            self.helpers.insert(Helper::Flag);
            let kind = python::text(&self.class(type_name));
            return Some(format!("flag({kind}, {value})"));
        }
        let (_, names) = label.split_once('.')?;
        let names: Vec<&str> = names.split('|').collect();
        if !is_class(type_name) || !names.iter().all(|name| python::is_name(name)) {
            return None;
        }
        let class = self.named(type_name)?;
        let members: Vec<String> = names.iter().map(|name| format!("{class}.{name}")).collect();
        Some(members.join(" | "))
    }

    fn note(&mut self, path: &str, why: &str) {
        self.notes.push(Note {
            path: path.to_owned(),
            why: clean(why),
            stub: false,
        });
    }

    /// Says what a container that shows less than it had lacks.
    fn cut(&mut self, node: &Node, path: &str) {
        if node.not_captured_reason.is_some() {
            let why = why(node);
            self.note(path, &why);
        } else if !node.omitted.is_empty() {
            self.note(path, "some of it was not captured");
        }
    }

    fn stub(&mut self, path: &str, why: &str, node: Option<&Node>) -> Doc {
        let why = clean(why);
        self.notes.push(Note {
            path: path.to_owned(),
            why: why.clone(),
            stub: true,
        });
        // Text that stands for text goes where text goes.
        if node.and_then(|node| node.type_name.as_deref()) == Some("str") {
            return Doc::text(python::text(&format!("<stub of {path}>")));
        }
        self.helpers.insert(Helper::Stub);
        Doc::text(format!(
            "Stub({}, {})",
            python::text(path),
            python::text(&why)
        ))
    }
}

enum Fill {
    /// By a method, with what it holds in brackets.
    Method(&'static str, &'static str, &'static str),
    Fields,
}

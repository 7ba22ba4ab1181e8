//! Hides more of a snapshot than the store does, before it leaves the machine.
//!
//! The store hides secrets. Who reads it may see the program's data, who reads an export may not: so names are compared with a longer
//! list, every text is searched again with every detector, and what tells whom it happened to is taken away. Rules of the
//! configuration that came after the capture hold as well.
//!
//! ```text
//! snapshot -> whole parts (user, sessions, host) -> names and types -> all texts into one arena -> scan -> what was found is replaced
//! ```

use stillframe_core::reason::Reason;
use stillframe_core::redact::{
    AliasKey, Arena, Hit, MARKER, MAX_ALIASES, MIN_WHOLE, Mode, Profile, RedactConfig, Redactor,
    ScanBudget, ScanOutcome, TextFlags, UserRule, ValueKind, detector_names,
};
use stillframe_core::snapshot::{Node, Ordered, Scalar, Snapshot};

use crate::render::{byte_text, short_file};

/// What persons and places are called by, besides what every store hides.
const PERSONAL: [&str; 33] = [
    "email",
    "e_mail",
    "mail_address",
    "phone",
    "phone_number",
    "telephone",
    "first_name",
    "last_name",
    "full_name",
    "given_name",
    "family_name",
    "middle_name",
    "maiden_name",
    "surname",
    "birthday",
    "birthdate",
    "birth_date",
    "date_of_birth",
    "dob",
    "street",
    "postal_address",
    "home_address",
    "billing_address",
    "shipping_address",
    "postal_code",
    "postcode",
    "zip_code",
    "passport",
    "passport_number",
    "tax_id",
    "national_id",
    "latitude",
    "longitude",
];
/// Folders that are called after their owner.
const HOME: &str = r"(?:/home/|/Users/|\\Users\\)[^/\\:'\x22\s]+";
/// Numbers below are no card number, account or token.
const MIN_NUMBER: u64 = 100_000_000;
/// Budget of a scan, in bytes looked at: far beyond the largest snapshot.
const WORK: u64 = 1 << 30;
/// Rule of what strict mode hides.
const STRICT: &str = "strict mode";

/// What was hidden.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Shared {
    names: u64,
    contents: u64,
    user: usize,
    sessions: usize,
    strict: bool,
}

impl Shared {
    /// What was done, for the reader of the export.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut hidden = vec![
            format!("{} by name", self.names),
            format!("{} by content", self.contents),
        ];
        if self.user > 0 {
            hidden.push(format!("{} of the user", self.user));
        }
        if self.sessions > 0 {
            hidden.push(format!("{} session links", self.sessions));
        }
        let mut remarks = vec![
            "Stricter than the store: mail and IP addresses, what is called after a person or where they live, home folders, the user's \
             attributes, session links and the host's name are hidden."
                .to_owned(),
            format!(
                "Hidden for this export: {}. As it was stored: --no-strict.",
                hidden.join(", ")
            ),
        ];
        if self.strict {
            remarks.push("redact.mode is strict here: no text is shown.".to_owned());
        }
        remarks
    }
}

/// Hides what the configuration hides, and more.
pub(super) fn share(snapshot: &mut Snapshot, config: &RedactConfig) -> Shared {
    let (redactor, _) = Redactor::new(&stricter(config));
    let mut shared = Shared {
        strict: redactor.mode() == Mode::Strict,
        ..Shared::default()
    };
    whole_parts(snapshot, &mut shared);
    let mut names = Names {
        redactor: &redactor,
        key: AliasKey::random(),
        aliases: Vec::new(),
        hidden: 0,
    };
    names.snapshot(snapshot);
    shared.names = names.hidden;
    let mut arena = Arena::new();
    each_text(snapshot, &mut |spot, path| {
        spot.collect(&redactor, path, &mut arena)
    });
    let mut hits = Vec::new();
    let mut budget = ScanBudget::new(WORK, WORK);
    let outcome = redactor.scan(&arena, &mut budget, &mut hits);
    names.key.find(&arena, &names.aliases, &mut hits);
    let mut apply = Apply {
        redactor: &redactor,
        hits: &hits,
        outcome,
        index: 0,
        found: 0,
        strict: shared.strict,
    };
    each_text(snapshot, &mut |spot, _| apply.spot(spot));
    shared.contents = apply.found;
    shared
}

/// The configuration's own rules, every detector, and names of persons.
fn stricter(config: &RedactConfig) -> RedactConfig {
    let off_by_default = detector_names().filter(|(_, on)| !on);
    let mut names = config.names.clone();
    names.extend(PERSONAL.map(str::to_owned));
    let mut rules = config.rules.clone();
    rules.push(UserRule {
        name: "home folder".to_owned(),
        pattern: HOME.to_owned(),
        ..UserRule::default()
    });
    RedactConfig {
        mode: if config.mode == Mode::Strict {
            Mode::Strict
        } else {
            Mode::Normal
        },
        profile: Profile::Stillframe,
        names,
        rules,
        enabled_detectors: off_by_default.map(|(name, _)| name.to_owned()).collect(),
        disabled_detectors: Vec::new(),
        aliasing: true,
        equality_tokens: None,
        disable_name_redaction_i_know_what_i_am_doing: false,
        ..config.clone()
    }
}

/// What tells whom it happened to, and where.
fn whole_parts(snapshot: &mut Snapshot, shared: &mut Shared) {
    snapshot.host = None;
    for frame in &mut snapshot.frames {
        if let Some(file) = &mut frame.file {
            *file = short_file(file, frame.module.as_deref()).to_owned();
        }
    }
    let Some(context) = &mut snapshot.context else {
        return;
    };
    for (_, value) in &mut context.user.0 {
        *value = Scalar::Text(MARKER.to_owned());
        shared.user += 1;
    }
    for link in &mut context.session_links {
        MARKER.clone_into(&mut link.id);
        link.url = None;
        shared.sessions += 1;
    }
}

/// Hides values by their names and types.
struct Names<'r> {
    redactor: &'r Redactor,
    key: AliasKey,
    /// Length and hash of hidden texts, whose copies are hidden too.
    aliases: Vec<(u32, u64)>,
    hidden: u64,
}

impl Names<'_> {
    fn snapshot(&mut self, snapshot: &mut Snapshot) {
        for frame in &mut snapshot.frames {
            for group in [&mut frame.arguments, &mut frame.locals, &mut frame.statics] {
                self.named(group);
            }
        }
        for exception in &mut snapshot.exceptions {
            self.named(&mut exception.attributes);
            exception.args.iter_mut().for_each(|node| self.inside(node));
        }
        let Some(context) = &mut snapshot.context else {
            return;
        };
        for (name, value) in &mut context.attributes.0 {
            let kind = match value {
                Scalar::Bool(_) => ValueKind::Bool,
                Scalar::Text(_) => ValueKind::Other,
                _ => ValueKind::Number,
            };
            let found = self.redactor.name(name.as_bytes());
            if found.is_some_and(|found| found.hides(kind)) {
                if let Scalar::Text(text) = value {
                    self.alias(text);
                }
                *value = Scalar::Text(MARKER.to_owned());
                self.hidden += 1;
            }
        }
    }

    fn named(&mut self, group: &mut Ordered<Node>) {
        for (name, node) in &mut group.0 {
            self.value(Some(name), node);
        }
    }

    fn value(&mut self, name: Option<&str>, node: &mut Node) {
        if is_hidden(node) {
            return;
        }
        let found = name.and_then(|name| self.redactor.name(name.as_bytes()));
        if let Some(found) = found.filter(|found| found.hides(kind(node))) {
            let rule = found.word().to_owned();
            return self.hide(node, Reason::RedactedIdent, &rule);
        }
        let by_type = node.type_name.as_deref();
        if let Some(rule) = by_type.and_then(|name| self.redactor.type_name(name)) {
            let rule = rule.to_owned();
            return self.hide(node, Reason::RedactedType, &rule);
        }
        self.inside(node);
    }

    fn inside(&mut self, node: &mut Node) {
        if let Some(fields) = &mut node.fields {
            self.named(fields);
        }
        for (key, value) in node.entries.iter_mut().flatten() {
            let name = key.value.as_ref().and_then(Scalar::as_str);
            self.value(name, value);
            self.inside(key);
        }
        for element in node.elements.iter_mut().flatten() {
            self.value(None, element);
        }
    }

    fn hide(&mut self, node: &mut Node, reason: Reason, rule: &str) {
        self.aliases_of(node);
        hide(node, reason, rule);
        self.hidden += 1;
    }

    fn aliases_of(&mut self, node: &Node) {
        if let Some(Scalar::Text(text)) = &node.value {
            self.alias(text);
        }
        for (_, value) in node.fields.iter().flatten() {
            self.aliases_of(value);
        }
        for (_, value) in node.entries.iter().flatten() {
            self.aliases_of(value);
        }
        for element in node.elements.iter().flatten() {
            self.aliases_of(element);
        }
    }

    fn alias(&mut self, text: &str) {
        let length = u32::try_from(text.len()).unwrap_or(0);
        if length >= MIN_WHOLE && self.aliases.len() < MAX_ALIASES {
            self.aliases.push((length, self.key.hash(text.as_bytes())));
        }
    }
}

fn kind(node: &Node) -> ValueKind {
    match &node.value {
        _ if node.is_null => ValueKind::Null,
        Some(Scalar::Bool(_)) => ValueKind::Bool,
        Some(Scalar::Int(_) | Scalar::Uint(_) | Scalar::Float(_)) => ValueKind::Number,
        _ => ValueKind::Other,
    }
}

/// Whether nothing is there to hide.
fn is_hidden(node: &Node) -> bool {
    node.value.is_none()
        && !node.is_container()
        && node.reference.is_none()
        && !node.is_null
        && node.not_captured_reason.is_some()
}

fn hide(node: &mut Node, reason: Reason, rule: &str) {
    *node = Node {
        type_name: node
            .type_name
            .take()
            .filter(|_| reason == Reason::RedactedType),
        not_captured_reason: Some(reason.as_str().to_owned()),
        rule: (!rule.is_empty()).then(|| rule.to_owned()),
        ..Node::default()
    };
}

/// A text of a snapshot.
enum Spot<'t> {
    /// Of a name, a line of source, an attribute.
    Text(&'t mut String, TextFlags),
    /// Of a value.
    Node(&'t mut Node, TextFlags),
}

impl Spot<'_> {
    /// What the scanner sees of it; `None` if there is nothing to see.
    fn seen(&self) -> Option<(std::borrow::Cow<'_, str>, TextFlags)> {
        let (node, flags) = match self {
            Self::Text(text, flags) => return Some((text.as_str().into(), *flags)),
            Self::Node(node, flags) => (node, *flags),
        };
        let flags = TextFlags {
            cut: node.truncated,
            ..flags
        };
        let text = match node.value.as_ref()? {
            Scalar::Text(_) if node.encoding.is_some() => {
                let text = byte_text(node)?;
                let view = text.chars().map(|c| if c.is_ascii() { c } else { '.' });
                view.collect::<String>().into()
            }
            Scalar::Text(text) => text.as_str().into(),
            Scalar::Int(number) if number.unsigned_abs() >= MIN_NUMBER => number.to_string().into(),
            Scalar::Uint(number) => number.to_string().into(),
            _ => return None,
        };
        Some((text, flags))
    }

    fn collect(self, redactor: &Redactor, path: &[&str], arena: &mut Arena) {
        if let Some((text, flags)) = self.seen() {
            if redactor.has_scopes() {
                arena.push_scoped(text.as_bytes(), flags, redactor.scopes(&path.join(".")));
            } else {
                arena.push(text.as_bytes(), flags);
            }
        }
    }
}

/// Replaces what was found.
struct Apply<'r> {
    redactor: &'r Redactor,
    hits: &'r [Hit],
    outcome: ScanOutcome,
    index: u32,
    found: u64,
    strict: bool,
}

impl Apply<'_> {
    fn spot(&mut self, spot: Spot<'_>) {
        if spot.seen().is_none() {
            return;
        }
        let index = self.index;
        self.index += 1;
        let from = self.hits.partition_point(|hit| hit.span < index);
        let hits = &self.hits[from..];
        let hits = &hits[..hits.partition_point(|hit| hit.span == index)];
        let scanned = self.outcome.is_scanned(index);
        match spot {
            Spot::Text(text, _) => {
                if !scanned {
                    MARKER.clone_into(text);
                } else if !hits.is_empty() {
                    *text = self.replaced(text, hits);
                }
            }
            Spot::Node(node, flags) => self.node(node, flags.is_key, hits, scanned),
        }
        self.found += u64::from(!hits.is_empty() || !scanned);
    }

    fn node(&self, node: &mut Node, is_key: bool, hits: &[Hit], scanned: bool) {
        let plain = node.encoding.is_none();
        let is_text = matches!(node.value, Some(Scalar::Text(_)));
        if !scanned {
            return hide(node, Reason::Budget, "");
        }
        if self.strict && is_text && !is_key {
            return hide(node, Reason::RedactedValue, STRICT);
        }
        let Some(first) = hits.first() else { return };
        let rule = self.redactor.rule_name(first.rule).to_owned();
        match &mut node.value {
            Some(Scalar::Text(text)) if plain && !is_whole(text, first) => {
                *text = self.replaced(text, hits);
                node.size = None;
                node.not_captured_reason = Some(Reason::RedactedValue.as_str().to_owned());
                node.rule = Some(rule);
                node.limit = None;
            }
            _ => hide(node, Reason::RedactedValue, &rule),
        }
    }

    fn replaced(&self, text: &str, hits: &[Hit]) -> String {
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for hit in hits {
            let start = text.floor_char_boundary(hit.start as usize).max(from);
            let end = text.ceil_char_boundary(hit.end as usize).max(start);
            out.push_str(&text[from..start]);
            self.redactor
                .replace(hit, &text.as_bytes()[start..end], &mut out);
            from = end;
        }
        out.push_str(&text[from..]);
        out
    }
}

fn is_whole(text: &str, hit: &Hit) -> bool {
    hit.start == 0 && hit.end as usize >= text.len()
}

type Visit<'v> = dyn FnMut(Spot<'_>, &[&str]) + 'v;

/// Every text, in one order, with the names that lead to it.
fn each_text(snapshot: &mut Snapshot, visit: &mut Visit<'_>) {
    let plain = TextFlags::default();
    let code = TextFlags {
        is_code: true,
        ..plain
    };
    let optional = [
        snapshot.env.as_mut(),
        snapshot.version.as_mut(),
        snapshot
            .thread
            .as_mut()
            .and_then(|thread| thread.name.as_mut()),
        snapshot
            .fingerprint
            .as_mut()
            .and_then(|fingerprint| fingerprint.explanation.as_mut()),
    ];
    for text in optional.into_iter().flatten() {
        visit(Spot::Text(text, plain), &[]);
    }
    visit(Spot::Text(&mut snapshot.service, plain), &[]);
    for part in snapshot
        .fingerprint
        .iter_mut()
        .flat_map(|fingerprint| &mut fingerprint.override_parts)
    {
        visit(Spot::Text(part, plain), &[]);
    }
    for exception in &mut snapshot.exceptions {
        let values = exception.message.iter_mut();
        for node in values
            .chain(&mut exception.notes)
            .chain(&mut exception.args)
        {
            each_in(node, false, &mut Vec::new(), visit);
        }
        each_named(&mut exception.attributes, &mut Vec::new(), visit);
    }
    for frame in &mut snapshot.frames {
        let names = [frame.file.as_mut(), frame.module.as_mut()];
        for text in names.into_iter().flatten() {
            visit(Spot::Text(text, plain), &[]);
        }
        visit(Spot::Text(&mut frame.function, plain), &[]);
        for line in frame.source.iter_mut().flat_map(|source| &mut source.lines) {
            visit(Spot::Text(line, code), &[]);
        }
        for group in [&mut frame.arguments, &mut frame.locals, &mut frame.statics] {
            each_named(group, &mut Vec::new(), visit);
        }
    }
    for (name, value) in snapshot
        .context
        .iter_mut()
        .flat_map(|context| &mut context.attributes.0)
    {
        if let Scalar::Text(text) = value {
            visit(Spot::Text(text, plain), &[name]);
        }
    }
}

fn each_named(group: &mut Ordered<Node>, path: &mut Vec<String>, visit: &mut Visit<'_>) {
    for (name, node) in &mut group.0 {
        path.push(name.clone());
        each_in(node, false, path, visit);
        path.pop();
        visit(
            Spot::Text(
                name,
                TextFlags {
                    is_key: true,
                    ..TextFlags::default()
                },
            ),
            &[],
        );
    }
}

fn each_in(node: &mut Node, is_key: bool, path: &mut Vec<String>, visit: &mut Visit<'_>) {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let flags = TextFlags {
        is_key,
        ..TextFlags::default()
    };
    visit(Spot::Node(node, flags), &names);
    if let Some(fields) = &mut node.fields {
        each_named(fields, path, visit);
    }
    for (key, value) in node.entries.iter_mut().flatten() {
        let name = key.value.as_ref().map(Scalar::to_string);
        path.push(name.unwrap_or_default());
        each_in(value, false, path, visit);
        path.pop();
        each_in(key, true, path, visit);
    }
    for element in node.elements.iter_mut().flatten() {
        each_in(element, is_key, path, visit);
    }
}

//! Hides more of a snapshot than the store does, before it leaves the machine.
//!
//! The store hides secrets. Who reads it may see the program's data, who reads an export may not: so names are compared with a longer
//! list, every text is searched again with every detector, and what tells whom it happened to is taken away. Rules of the
//! configuration that came after the capture hold as well.
//!
//! ```text
//! snapshot -> whole parts (user, sessions, host) -> names and types -> all texts into one arena -> scan -> what was found is replaced
//! ```

mod linked;
mod names;
mod texts;

use stillframe_core::reason::Reason;
use stillframe_core::redact::{
    Arena, Hit, MARKER, Mode, Profile, RedactConfig, Redactor, ScanBudget, ScanOutcome, UserRule,
    detector_names,
};
use stillframe_core::snapshot::{Node, Scalar, Snapshot};

use self::names::Names;
use self::texts::{Spot, each_text};
use crate::render::short_file;

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
    /// There was more to hide than copies can be looked for.
    crowded: bool,
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
        } else if self.crowded {
            remarks.push(
                "More was hidden by name than copies can be looked for: no text is shown."
                    .to_owned(),
            );
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
    let mut names = Names::new(&redactor);
    names.snapshot(snapshot);
    shared.names = names.hidden();
    shared.crowded = !names.knows_copies();
    let mut arena = Arena::new();
    each_text(snapshot, &mut |spot, path| {
        spot.collect(&redactor, path, &mut arena)
    });
    let mut hits = Vec::new();
    let mut budget = ScanBudget::new(WORK, WORK);
    let outcome = redactor.scan(&arena, &mut budget, &mut hits);
    if !shared.crowded {
        names.copies(&arena, &mut hits);
    }
    let mut apply = Apply {
        redactor: &redactor,
        hits: &hits,
        outcome,
        index: 0,
        found: 0,
        strict: shared.strict || shared.crowded,
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
            Spot::Name(text, _) => self.text(text, hits, !scanned),
            Spot::Text(text, _) => self.text(text, hits, !scanned || self.strict),
            Spot::Node(node, _) => self.node(node, hits, scanned),
        }
        self.found += u64::from(!hits.is_empty() || !scanned);
    }

    fn text(&self, text: &mut String, hits: &[Hit], whole: bool) {
        if whole {
            MARKER.clone_into(text);
        } else if !hits.is_empty() {
            *text = self.replaced(text, hits);
        }
    }

    fn node(&self, node: &mut Node, hits: &[Hit], scanned: bool) {
        let plain = node.encoding.is_none();
        let is_text = matches!(node.value, Some(Scalar::Text(_)));
        if !scanned {
            return hide(node, Reason::Budget, "");
        }
        if self.strict && is_text {
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

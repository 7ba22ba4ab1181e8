//! What must not leave the process: names, types, values.
//!
//! ```text
//! on the raising thread            in the background, on the tape
//!   name(key)      -> hide?          texts -> Arena -> scan -> hits -> aliases -> the tape pass replaces
//!   type_name(cls) -> hide?
//! ```
//!
//! Two kinds of evidence hide a value. Its **name or type** is looked at before it is read ([`Redactor::name`],
//! [`Redactor::type_name`]); its **content** is looked at on the tape, before anything leaves the process
//! ([`Redactor::scan`]). One immutable [`Redactor`] serves all threads and hosts; it is built once, and a mistake in the
//! configuration never takes a built-in rule away.
//!
//! Which type do I want?
//!
//! - [`Redactor`]: all rules, shared by `Arc`.
//! - [`Arena`]: the texts of one snapshot, reused from snapshot to snapshot.
//! - [`ScanBudget`], [`ScanOutcome`]: how much a scan may cost and how far it came. **Texts that were not scanned must be
//!   dropped**; the scanner fails closed in everything else itself.
//! - [`AliasKey`]: hides copies of what a name rule hid.
//!
//! # Costs
//!
//! A name costs 15 to 40 ns and nothing where the host keeps a verdict per shape. A scan costs tens of nanoseconds per
//! short value, nearly independent of the number of rules, and allocates nothing once warm.
//!
//! # Errors
//!
//! [`Redactor::new`] returns what it could not use ([`RuleError`]). Nothing else fails: any bytes can be asked about.

mod alias;
mod arena;
mod buckets;
mod budget;
mod config;
mod detect;
mod hit;
mod literals;
mod names;
mod output;
mod pass;
mod required;
mod scan;
mod scope;
mod simd;
mod targets;
mod triggers;
mod types;
mod user;

pub use alias::{AliasKey, MAX_ALIASES, MIN_INSIDE, MIN_WHOLE};
pub use arena::{Arena, TextFlags};
pub use budget::{ScanBudget, ScanOutcome};
pub use config::{Action, Checksum, Mode, Profile, RedactConfig, RuleError, UserRule};
pub use hit::{Hit, RuleId};
pub use names::ValueKind;
pub use output::{MARKER, STRICT};
pub use pass::{CleanError, CleanTape, CleanText, Cleaned, Cleaner, SideText};

pub use scope::ScopeSet;

use detect::{Detector, Enabled};
use literals::LiteralSet;
use names::{Hides, NameTable};
use required::Anchor;
use simd::Engine;
use targets::Target;
use triggers::Wanted;
use types::TypeTable;
use user::CompiledRule;

/// A name that hides its value.
#[derive(Clone, Copy, Debug)]
pub struct NameHit<'r> {
    word: &'r str,
    rule: RuleId,
    hides: Hides,
}

impl<'r> NameHit<'r> {
    /// The word of the table that the name holds: `token` for `githubToken`.
    pub fn word(&self) -> &'r str {
        self.word
    }

    /// The rule, for a tape.
    pub fn rule(&self) -> RuleId {
        self.rule
    }

    /// Whether a value of this kind is hidden. Booleans tell nothing, nor do numbers of tokens; a name that the user
    /// listed hides everything.
    pub fn hides(&self, kind: ValueKind) -> bool {
        self.hides.hides(kind)
    }
}

/// The rules in the form that the scan wants.
struct Rules {
    names: NameTable,
    enabled: Enabled,
    /// The rule of each row of the vendors' table.
    vendor_ids: Vec<RuleId>,
    aws_access_key: RuleId,
    user: Vec<CompiledRule>,
    literals: LiteralSet,
    targets: Vec<Target>,
    wanted: Wanted,
}

impl Rules {
    fn digit_rules(&self) -> impl Iterator<Item = &CompiledRule> {
        self.user
            .iter()
            .filter(|r| matches!(r.anchor, Some(Anchor::Digits { .. })))
    }
}

/// All rules of redaction, built once.
pub struct Redactor {
    rules: Rules,
    types: TypeTable,
    engine: Engine,
    mode: Mode,
    aliasing: bool,
    names_off: bool,
    equality_key: Option<[u8; 16]>,
    /// For [`Action::Hash`] where there is no equality key.
    hash_key: Option<[u8; 16]>,
    first_user: u16,
    first_name: u16,
    first_type: u16,
}

impl Redactor {
    /// Builds the rules. What could not be used is reported and left out; everything else is in force.
    pub fn new(config: &RedactConfig) -> (Redactor, Vec<RuleError>) {
        let mut errors = Vec::new();
        let enabled = enabled(config, &mut errors);
        let built_in: Vec<&str> = detect::built_in().map(|b| b.0).collect();
        let id_of = |name: &str| built_in.iter().position(|n| *n == name).unwrap_or(0) as u16;
        let vendor_ids = detect::vendor::VENDORS
            .iter()
            .map(|v| RuleId::from_raw(id_of(v.rule)));
        let first_user = built_in.len() as u16;
        let user = user::compile(&config.rules, first_user, &mut errors);
        let first_name = first_user + user.len() as u16;
        let names = NameTable::new(config, enabled.has(Detector::RemoteAddr), &mut errors);
        let first_type = first_name + names.len() as u16;
        let mut rules = Rules {
            names,
            enabled,
            vendor_ids: vendor_ids.collect(),
            aws_access_key: RuleId::from_raw(id_of("aws_access_key")),
            user,
            literals: LiteralSet::default(),
            targets: Vec::new(),
            wanted: Wanted::default(),
        };
        (rules.literals, rules.targets) = targets::literals(&rules);
        rules.wanted = Wanted::new(&rules);
        let wants_hash = config.rules.iter().any(|r| r.action == Action::Hash);
        let redactor = Redactor {
            rules,
            types: TypeTable::new(&config.types, &mut errors),
            engine: Engine::detect(),
            mode: config.mode,
            aliasing: config.aliasing,
            names_off: config.disable_name_redaction_i_know_what_i_am_doing,
            equality_key: config.equality_tokens,
            hash_key: if wants_hash { random_key() } else { None },
            first_user,
            first_name,
            first_type,
        };
        (redactor, errors)
    }

    /// The same rules without SIMD. Results are identical; for tests and benches.
    #[doc(hidden)]
    #[must_use]
    pub fn portable(mut self) -> Redactor {
        self.engine = Engine::Portable;
        self
    }

    /// Whether a variable, field, key or header of this name may be shown: `None` if it may.
    ///
    /// The bytes are UTF-8 or nearly so; what is not is ignored. Nothing is allocated.
    #[inline]
    pub fn name(&self, name: &[u8]) -> Option<NameHit<'_>> {
        let found = self.rules.names.find(name)?;
        if self.names_off {
            return None;
        }
        Some(NameHit {
            word: self.rules.names.word(found.word),
            rule: RuleId::from_raw(self.first_name + found.word),
            hides: found.hides,
        })
    }

    /// The rule that forbids to read values of this type. `qualified` is the name with its module or package.
    pub fn type_name(&self, qualified: &str) -> Option<&str> {
        self.type_rule(qualified).map(|(_, rule)| rule)
    }

    /// As [`Redactor::type_name`], with the rule's id for a tape.
    pub fn type_rule(&self, qualified: &str) -> Option<(RuleId, &str)> {
        if self.names_off {
            return None;
        }
        let index = self.types.find(qualified)?;
        Some((
            RuleId::from_raw(self.first_type + index),
            self.types.rule(index),
        ))
    }

    /// Finds everything in the arena that must not be shown. `hits` is emptied first and comes back sorted and merged.
    ///
    /// Texts that the outcome calls unscanned must be dropped whole: `hits` says nothing about them. In [`Mode::Off`] nothing is
    /// scanned and all is called scanned.
    pub fn scan(&self, text: &Arena, budget: &mut ScanBudget, hits: &mut Vec<Hit>) -> ScanOutcome {
        if self.mode == Mode::Off {
            hits.clear();
            return ScanOutcome::complete(text.len());
        }
        scan::scan(&self.rules, self.engine, text, budget, hits)
    }

    /// Which rules with a scope apply to a value at `path` (names joined by dots), for [`Arena::push_scoped`].
    pub fn scopes(&self, path: &str) -> ScopeSet {
        user::scopes_at(&self.rules.user, path)
    }

    /// Whether any rule has a scope, so that paths are worth making.
    pub fn has_scopes(&self) -> bool {
        self.rules.user.iter().any(CompiledRule::has_scope)
    }

    /// The mode this was built with.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether copies of hidden strings are to be hidden.
    pub fn aliasing(&self) -> bool {
        self.aliasing && !self.names_off
    }

    /// What a rule is called: a detector, a user rule, a word of the name table, a type rule.
    pub fn rule_name(&self, rule: RuleId) -> &str {
        let raw = rule.raw();
        if raw >= self.first_type {
            return non_empty(self.types.rule(raw - self.first_type));
        }
        if raw >= self.first_name {
            return non_empty(self.rules.names.word(raw - self.first_name));
        }
        if raw >= self.first_user {
            let rule = self.rules.user.get((raw - self.first_user) as usize);
            return rule.map_or("unknown", |r| &r.name);
        }
        detect::built_in()
            .nth(raw as usize)
            .map_or("unknown", |b| b.0)
    }

    /// Appends to `out` what takes the place of `secret`, the text of `hit`.
    pub fn replace(&self, hit: &Hit, secret: &[u8], out: &mut String) {
        let keys = output::Keys {
            equality: self.equality_key.as_ref(),
            hash: self.hash_key.as_ref(),
        };
        output::replace(hit.action, secret, keys, out);
    }

    /// Whether what takes the place of `hit` says nothing at all about the secret.
    pub fn hides_all(&self, hit: &Hit) -> bool {
        hit.action == Action::Redact && self.equality_key.is_none()
    }

    /// A token that equal secrets share, if the configuration asks for tokens.
    pub fn equality_token(&self, secret: &[u8]) -> Option<u64> {
        self.equality_key
            .as_ref()
            .map(|key| output::token(key, secret))
    }

    /// How many names, built-in detectors and user rules are in force.
    pub fn counts(&self) -> (usize, usize, usize) {
        let detectors = detect::built_in().enumerate();
        let on = detectors.filter(|(i, b)| self.rules.enabled.has_id(*i as u16) && b.0 != "alias");
        (
            self.rules.names.len() - 1,
            on.count(),
            self.rules.user.len(),
        )
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (names, detectors, rules) = self.counts();
        f.debug_struct("Redactor")
            .field("mode", &self.mode)
            .field("names", &names)
            .field("detectors", &detectors)
            .field("rules", &rules)
            .finish_non_exhaustive()
    }
}

/// The built-in detectors: name, and whether it is on by default.
pub fn detector_names() -> impl Iterator<Item = (&'static str, bool)> {
    detect::built_in().filter(|b| b.0 != "alias")
}

/// Applies the configuration's switches to the defaults.
fn enabled(config: &RedactConfig, errors: &mut Vec<RuleError>) -> Enabled {
    let mut enabled = Enabled::defaults();
    for (list, on) in [
        (&config.enabled_detectors, true),
        (&config.disabled_detectors, false),
    ] {
        for name in list.iter().map(|n| n.trim()).filter(|n| !n.is_empty()) {
            let known = detector_names().any(|d| d.0 == name);
            match detect::built_in().position(|b| b.0 == name) {
                Some(id) if known => enabled.set(id as u16, on),
                _ => errors.push(RuleError::new(name, "there is no such detector", None)),
            }
        }
    }
    enabled
}

fn random_key() -> Option<[u8; 16]> {
    let mut key = [0; 16];
    getrandom::fill(&mut key).ok().map(|()| key)
}

fn non_empty(name: &str) -> &str {
    if name.is_empty() { "unknown" } else { name }
}

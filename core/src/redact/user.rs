//! Rules of the user's own, compiled.

use regex_automata::meta::{BuildError, Regex};
use regex_automata::{Anchored, Input};

use super::arena::Span;
use super::config::{Action, Checksum, RuleError, UserRule};
use super::detect::{Sink, Text, numbers};
use super::hit::RuleId;
use super::required::{Anchor, anchor};
use super::scope::{self, ScopeSet};

/// The most memory one compiled pattern may take, in bytes.
const SIZE_LIMIT: usize = 1 << 20;

/// How many rules there can be.
const MOST_RULES: usize = 1000;

/// The longest pattern, in bytes.
const LONGEST_PATTERN: usize = 4096;

/// A compiled rule.
pub(super) struct CompiledRule {
    pub(super) name: Box<str>,
    regex: Regex,
    checksum: Option<Checksum>,
    action: Action,
    /// Which bit of a text's [`ScopeSet`] must be set; `None`: everywhere.
    scope: Option<u8>,
    globs: Vec<Box<str>>,
    longest: usize,
    pub(super) anchor: Option<Anchor>,
    id: RuleId,
}

/// Compiles what can be compiled and reports the rest.
pub(super) fn compile(
    rules: &[UserRule],
    first_id: u16,
    errors: &mut Vec<RuleError>,
) -> Vec<CompiledRule> {
    let mut compiled: Vec<CompiledRule> = Vec::new();
    let mut scopes = 0;
    for rule in rules {
        let taken = compiled.iter().any(|c| *c.name == *rule.name);
        let problem = if rule.name.trim().is_empty() {
            Some("a rule needs a name".to_owned())
        } else if taken {
            Some("another rule has this name".to_owned())
        } else if compiled.len() >= MOST_RULES {
            Some(format!("more than {MOST_RULES} rules"))
        } else if !rule.scope.is_empty() && scopes >= ScopeSet::CAPACITY {
            Some(format!(
                "more than {} rules with a scope",
                ScopeSet::CAPACITY
            ))
        } else {
            None
        };
        if let Some(problem) = problem {
            errors.push(RuleError::new(&rule.name, problem, None));
            continue;
        }
        let id = RuleId::from_raw(first_id + compiled.len() as u16);
        match compile_one(rule, id) {
            Ok(mut done) => {
                if !rule.scope.is_empty() {
                    done.scope = Some(scopes as u8);
                    scopes += 1;
                }
                compiled.push(done);
            }
            Err(error) => errors.push(error),
        }
    }
    compiled
}

fn compile_one(rule: &UserRule, id: RuleId) -> Result<CompiledRule, RuleError> {
    let error = |message: String, position| RuleError::new(&rule.name, message, position);
    if rule.pattern.len() > LONGEST_PATTERN {
        return Err(error(
            format!("the pattern has more than {LONGEST_PATTERN} bytes"),
            None,
        ));
    }
    let mut parser = regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .build();
    let hir = parser.parse(&rule.pattern).map_err(|e| {
        let (message, offset) = match &e {
            regex_syntax::Error::Parse(e) => (e.kind().to_string(), e.span().start.offset),
            regex_syntax::Error::Translate(e) => (e.kind().to_string(), e.span().start.offset),
            other => return error(other.to_string(), None),
        };
        let before = rule.pattern.get(..offset).unwrap_or(&rule.pattern);
        error(message, Some(before.chars().count() + 1))
    })?;
    match hir.properties().minimum_len() {
        None => return Err(error("the pattern can never match".to_owned(), None)),
        Some(0) => {
            return Err(error(
                "the pattern matches the empty string".to_owned(),
                None,
            ));
        }
        Some(_) => {}
    }
    let config = Regex::config()
        .nfa_size_limit(Some(SIZE_LIMIT))
        .hybrid_cache_capacity(SIZE_LIMIT)
        .utf8_empty(false);
    let regex = Regex::builder()
        .configure(config)
        .build_from_hir(&hir)
        .map_err(|e: BuildError| {
            let message = match e.size_limit() {
                Some(_) => "the compiled pattern is larger than 1 MiB".to_owned(),
                None => e.to_string(),
            };
            error(message, None)
        })?;
    Ok(CompiledRule {
        name: rule.name.as_str().into(),
        regex,
        checksum: rule.checksum,
        action: rule.action,
        scope: None,
        globs: rule.scope.iter().map(|g| g.as_str().into()).collect(),
        longest: hir.properties().maximum_len().unwrap_or(usize::MAX),
        anchor: anchor(&hir),
        id,
    })
}

/// Which of the rules with a scope apply at `path`.
pub(super) fn scopes_at(rules: &[CompiledRule], path: &str) -> ScopeSet {
    let mut set = ScopeSet::NONE;
    for rule in rules {
        if let Some(bit) = rule.scope
            && rule.globs.iter().any(|glob| scope::matches(glob, path))
        {
            set.insert(bit);
        }
    }
    set
}

impl CompiledRule {
    /// Whether the rule looks at this text.
    pub(super) fn applies(&self, span: &Span) -> bool {
        self.scope.is_none_or(|bit| span.scopes.contains(bit))
    }

    /// Whether the rule applies only at some paths.
    pub(super) fn has_scope(&self) -> bool {
        self.scope.is_some()
    }

    /// Whether the rule needs the slow lane.
    pub(super) fn is_slow(&self) -> bool {
        self.anchor.is_none()
    }

    /// Reports every match that begins at most as far before `at` as the anchor allows, and not behind `last`.
    pub(super) fn matches_near(
        &self,
        text: &Text<'_>,
        at: usize,
        last: usize,
        sink: &mut Sink<'_>,
    ) {
        let (Some(Anchor::Literals { before, .. }) | Some(Anchor::Digits { before })) =
            &self.anchor
        else {
            return;
        };
        let first = at.saturating_sub(*before);
        let end = text.bytes.len().min(last.saturating_add(self.longest));
        let anchored = if first == last {
            Anchored::Yes
        } else {
            Anchored::No
        };
        self.search(text, first, last, end, anchored, sink);
    }

    /// Reports every match in the text.
    pub(super) fn matches_in(&self, text: &Text<'_>, sink: &mut Sink<'_>) {
        let end = text.bytes.len();
        self.search(text, 0, end, end, Anchored::No, sink);
    }

    fn search(
        &self,
        text: &Text<'_>,
        first: usize,
        last: usize,
        end: usize,
        anchored: Anchored,
        sink: &mut Sink<'_>,
    ) {
        let mut from = first;
        // The haystack is the whole text, so that `^`, `$` and `\b` see what stands around the range.
        while from <= last && from < end && sink.work > 0 {
            let input = Input::new(text.bytes).range(from..end).anchored(anchored);
            let found = self.regex.search(&input);
            sink.charge(found.map_or(end, |m| m.end()) - from);
            let Some(found) = found else { return };
            if found.start() > last {
                return;
            }
            if self.passes(&text.bytes[found.range()]) {
                sink.emit_as(text, found.start(), found.end(), self.id, self.action);
                from = found.end().max(found.start() + 1);
            } else {
                from = next_digit_group(text.bytes, found.start());
            }
            if anchored == Anchored::Yes {
                return;
            }
        }
    }

    fn passes(&self, found: &[u8]) -> bool {
        match self.checksum {
            None => true,
            Some(Checksum::Luhn) => numbers::luhn(found),
            Some(Checksum::Mod97) => numbers::mod97(found),
            Some(Checksum::Verhoeff) => numbers::verhoeff(found),
        }
    }
}

/// Where the next group of digits begins behind `at`, so that a rejected number does not hide one that begins inside
/// it.
fn next_digit_group(t: &[u8], at: usize) -> usize {
    let begins = |i: &usize| t[*i].is_ascii_digit() && !t[i - 1].is_ascii_digit();
    (at + 1..t.len()).find(begins).unwrap_or(t.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, pattern: &str) -> UserRule {
        UserRule {
            name: name.into(),
            pattern: pattern.into(),
            ..UserRule::default()
        }
    }

    fn errors(rules: &[UserRule]) -> Vec<String> {
        let mut errors = Vec::new();
        compile(rules, 100, &mut errors);
        errors.iter().map(RuleError::to_string).collect()
    }

    #[test]
    fn a_bad_pattern_is_named_with_its_place() {
        assert_eq!(
            errors(&[rule("card", "[0-9]{6}é(x")]),
            ["rule `card`: unclosed group at character 10"]
        );
        assert_eq!(
            errors(&[rule("letters", r"ab\p{L}")]),
            ["rule `letters`: Unicode not allowed here at character 3"]
        );
        assert_eq!(
            errors(&[rule("all", "x*")]),
            ["rule `all`: the pattern matches the empty string"]
        );
        assert_eq!(errors(&[rule("", "x")]), ["rule ``: a rule needs a name"]);
        assert_eq!(
            errors(&[rule("a", "xxxx"), rule("a", "yyyy")]),
            ["rule `a`: another rule has this name"]
        );
        let huge = rule("huge", "(?:[a-z]{900}){900}");
        assert_eq!(
            errors(&[huge]),
            ["rule `huge`: the compiled pattern is larger than 1 MiB"]
        );
        let long = rule("long", &"x".repeat(5000));
        assert_eq!(
            errors(&[long]),
            ["rule `long`: the pattern has more than 4096 bytes"]
        );
    }

    #[test]
    fn good_rules_beside_bad_ones_stand() {
        let rules = [
            rule("bad", "("),
            rule("good", "acme_[0-9]+"),
            rule("bad too", "["),
        ];
        let mut errors = Vec::new();
        let compiled = compile(&rules, 100, &mut errors);
        assert_eq!(errors.len(), 2);
        assert_eq!(compiled.len(), 1);
        assert_eq!(compiled[0].id, RuleId::from_raw(100));
    }

    #[test]
    fn too_many_scopes_are_reported() {
        let scoped = |i: usize| UserRule {
            scope: vec!["a".into()],
            ..rule(&format!("r{i}"), "abcd")
        };
        let rules: Vec<_> = (0..66).map(scoped).collect();
        assert_eq!(errors(&rules).len(), 2);
    }
}

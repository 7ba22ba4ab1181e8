//! Wildcard patterns over names and paths: `*` is any text, `?` any one character, everything else is itself.

use regex_automata::{Anchored, Input, meta, util::syntax};

/// From this many patterns on one automaton is faster than trying them one by one.
const AUTOMATON_FROM: usize = 8;

/// What a pattern is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The whole text.
    Text,
    /// A dotted name: the whole of it, or one of the packages it is in (`shop` matches `shop.cart`).
    Name,
    /// A path with either separator: the whole of it, or, unless the pattern begins with a separator or a wildcard, what follows
    /// any separator (`vendor/*` matches `/srv/app/vendor/x.py`).
    Path,
}

/// One pattern, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob {
    kind: Kind,
    shape: Shape,
}

/// The common shapes need no search.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    Exact(String),
    /// Text and a `*` behind it.
    Head(String),
    /// Text and a `*` before it.
    Tail(String),
    General(String),
}

impl Glob {
    pub(crate) fn new(kind: Kind, pattern: &str) -> Self {
        let is_plain = |text: &str| !text.contains(['*', '?']);
        let shape = match (kind, pattern.strip_suffix('*'), pattern.strip_prefix('*')) {
            (Kind::Path, ..) => Shape::General(pattern.to_owned()),
            _ if is_plain(pattern) => Shape::Exact(pattern.to_owned()),
            (_, Some(head), _) if is_plain(head) => Shape::Head(head.to_owned()),
            (Kind::Text, _, Some(tail)) if is_plain(tail) => Shape::Tail(tail.to_owned()),
            _ => Shape::General(pattern.to_owned()),
        };
        Self { kind, shape }
    }

    /// The whole text that the pattern matches, if it is just one.
    pub(crate) fn exact(&self) -> Option<&str> {
        match (&self.kind, &self.shape) {
            (Kind::Text, Shape::Exact(text)) => Some(text),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn matches(&self, text: &str) -> bool {
        match &self.shape {
            Shape::Exact(exact) => match self.kind {
                Kind::Name => text
                    .strip_prefix(exact.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(BOUNDARIES)),
                _ => text == exact,
            },
            Shape::Head(head) => text.starts_with(head.as_str()),
            Shape::Tail(tail) => text.ends_with(tail.as_str()),
            Shape::General(pattern) => matches_any_part(self.kind, pattern, text),
        }
    }
}

/// What separates the packages of a name.
const BOUNDARIES: [char; 3] = ['.', ':', '/'];

fn matches_any_part(kind: Kind, pattern: &str, text: &str) -> bool {
    let ends = || text.match_indices(BOUNDARIES).map(|(at, _)| &text[..at]);
    let starts = || {
        text.match_indices(SEPARATORS)
            .map(|(at, _)| &text[at + 1..])
    };
    match kind {
        Kind::Text => whole(pattern, text),
        Kind::Name => whole(pattern, text) || ends().any(|part| whole(pattern, part)),
        Kind::Path => {
            let any_folder = !is_rooted(pattern);
            path(pattern, text) || (any_folder && starts().any(|part| path(pattern, part)))
        }
    }
}

const SEPARATORS: [char; 2] = ['/', '\\'];

fn is_rooted(pattern: &str) -> bool {
    pattern.starts_with(['*', '/', '\\'])
}

fn whole(pattern: &str, text: &str) -> bool {
    wildcard(pattern, text, |p, t| p == t)
}

fn path(pattern: &str, text: &str) -> bool {
    wildcard(pattern, text, |p, t| {
        p == t || (SEPARATORS.contains(&p) && SEPARATORS.contains(&t))
    })
}

/// Linear in the text times the pattern at worst: a mismatch goes back to the last `*` only.
fn wildcard(pattern: &str, text: &str, same: impl Fn(char, char) -> bool) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // The pattern behind the last `*`, and the text from which it was tried last.
    let mut retry = None;
    loop {
        let rest = text.clone();
        match (pattern.next(), text.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                text = rest;
                retry = Some((pattern.clone(), text.clone()));
            }
            (Some('?'), Some(_)) => {}
            (Some(p), Some(t)) if same(p, t) => {}
            _ => {
                let Some((behind_star, from)) = &mut retry else {
                    return false;
                };
                if from.next().is_none() {
                    return false;
                }
                pattern = behind_star.clone();
                text = from.clone();
            }
        }
    }
}

/// Many patterns at once. The cost of a look-up does not depend on their number.
#[derive(Debug, Clone)]
pub(crate) struct GlobSet {
    patterns: Vec<String>,
    globs: Vec<Glob>,
    automaton: Option<meta::Regex>,
}

impl GlobSet {
    pub(crate) fn new(kind: Kind, patterns: &[String]) -> Self {
        let automaton = (patterns.len() >= AUTOMATON_FROM)
            .then(|| compile(kind, patterns))
            .flatten();
        Self {
            patterns: patterns.to_vec(),
            globs: patterns.iter().map(|p| Glob::new(kind, p)).collect(),
            automaton,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The first pattern that matches.
    pub(crate) fn find(&self, text: &str) -> Option<&str> {
        let found = match &self.automaton {
            Some(automaton) => {
                let input = Input::new(text).anchored(Anchored::Yes);
                automaton
                    .find(input)
                    .map(|found| found.pattern().as_usize())
            }
            None => self.globs.iter().position(|glob| glob.matches(text)),
        };
        found
            .and_then(|index| self.patterns.get(index))
            .map(String::as_str)
    }
}

/// Sets too large for an automaton (gigabytes) are tried one by one instead.
fn compile(kind: Kind, patterns: &[String]) -> Option<meta::Regex> {
    let expressions: Vec<String> = patterns
        .iter()
        .map(|pattern| expression(kind, pattern))
        .collect();
    meta::Builder::new()
        .configure(meta::Config::new().nfa_size_limit(Some(64 << 20)))
        .syntax(syntax::Config::new().dot_matches_new_line(true))
        .build_many(&expressions)
        .ok()
}

fn expression(kind: Kind, pattern: &str) -> String {
    let mut expression = String::with_capacity(pattern.len() * 2 + 16);
    if kind == Kind::Path && !is_rooted(pattern) {
        expression.push_str(r"(?:.*[/\\])?");
    }
    for character in pattern.chars() {
        match character {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '/' | '\\' if kind == Kind::Path => expression.push_str(r"[/\\]"),
            _ => expression.push_str(&regex_syntax::escape(character.encode_utf8(&mut [0; 4]))),
        }
    }
    expression.push_str(match kind {
        Kind::Name => r"(?:[.:/]|\z)",
        Kind::Text | Kind::Path => r"\z",
    });
    expression
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{AUTOMATON_FROM, Glob, GlobSet, Kind, matches_any_part};
    use proptest::prelude::*;

    fn matches(kind: Kind, pattern: &str, text: &str) -> bool {
        let matches = Glob::new(kind, pattern).matches(text);
        assert_eq!(
            matches,
            matches_any_part(kind, pattern, text),
            "{pattern} {text}"
        );
        matches
    }

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*c", "abc", true),
            ("a*c", "abcd", false),
            ("*Error", "ValueError", true),
            ("*Error", "ErrorValue", false),
            ("a*b*c", "aXbYbZc", true),
            ("?x", "éx", true),
            ("?", "", false),
            ("a.c", "abc", false),
            ("**", "anything", true),
            ("*ab", "aab", true),
        ] {
            assert_eq!(
                matches(Kind::Text, pattern, text),
                expected,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn a_name_matches_by_its_packages() {
        assert!(matches(Kind::Name, "shop", "shop.cart.items"));
        assert!(matches(Kind::Name, "shop.c*", "shop.cart.items"));
        assert!(matches(Kind::Name, "acme::net", "acme::net::tcp"));
        assert!(!matches(Kind::Name, "shop", "shopping.cart"));
        assert!(!matches(Kind::Name, "cart", "shop.cart"));
    }

    #[test]
    fn a_path_matches_from_any_folder_and_with_either_separator() {
        assert!(matches(Kind::Path, "vendor/*", "/srv/app/vendor/x.py"));
        assert!(matches(Kind::Path, "vendor/*", r"C:\app\vendor\x.py"));
        assert!(matches(Kind::Path, "/srv/*.py", "/srv/app/x.py"));
        assert!(!matches(Kind::Path, "/srv/*", "/mnt/srv/x.py"));
        assert!(!matches(Kind::Path, "vendor/*", "/srv/app/myvendor/x.py"));
    }

    proptest! {
        /// The automaton and the one-by-one comparison agree on every text.
        #[test]
        fn many_patterns_are_like_one_after_the_other(
            patterns in proptest::collection::vec(r"[ab/.:\\*?é]{0,6}", AUTOMATON_FROM..AUTOMATON_FROM + 8),
            text in r"[ab/.:\\é\n]{0,10}",
            kind in prop_oneof![Just(Kind::Text), Just(Kind::Name), Just(Kind::Path)],
        ) {
            let set = GlobSet::new(kind, &patterns);
            prop_assert!(set.automaton.is_some());
            // `matches` also checks each shape against the general comparison.
            let first = patterns.iter().find(|pattern| matches(kind, pattern, &text));
            prop_assert_eq!(set.find(&text), first.map(String::as_str));
        }
    }
}

//! What a pattern cannot match without.
//!
//! A user rule costs nothing where its literal (or, failing that, a run of digits) does not occur. This finds the best
//! such anchor in a parsed pattern, and how far before it a match may begin.

use regex_syntax::hir::{Class, Hir, HirKind};

/// The shortest literal that is an anchor.
const LEAST_LITERAL: usize = 4;

/// The shortest run of digits that is one.
const LEAST_DIGITS: usize = 5;

/// How many alternative literals one rule may have.
const MOST_LITERALS: usize = 64;

/// Longer literals are anchored by their beginning.
const LONGEST: usize = 64;

/// Where to look for matches of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// At any of these strings (the flag: in any case). A match begins at most `before` bytes earlier.
    Literals {
        literals: Vec<(Vec<u8>, bool)>,
        before: usize,
    },
    /// At a run of five digits or more.
    Digits { before: usize },
}

/// The best anchor of a pattern, if it has one.
pub(super) fn anchor(hir: &Hir) -> Option<Anchor> {
    let best = literals(hir);
    if best.is_some() {
        return best;
    }
    digits(hir)
}

/// The longest `before` there is: from the beginning of the text.
const UNBOUNDED: usize = usize::MAX;

fn longest(hir: &Hir) -> usize {
    hir.properties().maximum_len().unwrap_or(UNBOUNDED)
}

/// The byte that a node stands for, and whether in both cases.
fn unit(hir: &Hir) -> Option<(u8, bool)> {
    let HirKind::Class(Class::Bytes(class)) = hir.kind() else {
        return None;
    };
    let single = |i: usize| {
        let range = class.ranges().get(i)?;
        (range.start() == range.end()).then(|| range.start())
    };
    match class.ranges().len() {
        1 => Some((single(0)?, false)),
        2 => {
            let (upper, lower) = (single(0)?, single(1)?);
            (upper.is_ascii_uppercase() && upper.to_ascii_lowercase() == lower)
                .then_some((lower, true))
        }
        _ => None,
    }
}

fn literals(hir: &Hir) -> Option<Anchor> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => None,
        HirKind::Literal(_) | HirKind::Class(_) => in_sequence(std::slice::from_ref(hir)),
        HirKind::Concat(nodes) => in_sequence(nodes),
        HirKind::Capture(capture) => literals(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min >= 1 => literals(&repetition.sub),
        HirKind::Repetition(_) => None,
        HirKind::Alternation(branches) => {
            let mut all = Vec::new();
            let mut most = 0;
            for branch in branches {
                let Some(Anchor::Literals { literals, before }) = literals(branch) else {
                    return None;
                };
                all.extend(literals);
                most = most.max(before);
            }
            (all.len() <= MOST_LITERALS).then_some(Anchor::Literals {
                literals: all,
                before: most,
            })
        }
    }
}

/// The best literal among nodes that follow one another: runs of fixed bytes, or what a node requires inside.
fn in_sequence(nodes: &[Hir]) -> Option<Anchor> {
    let mut best: Option<Anchor> = None;
    let mut consider = |candidate: Anchor| {
        if best.as_ref().is_none_or(|b| score(&candidate) > score(b)) {
            best = Some(candidate);
        }
    };
    let mut before = 0usize;
    let mut run: (Vec<u8>, bool, usize) = (Vec::new(), false, 0);
    for node in nodes {
        let fixed: Option<(Vec<u8>, bool)> = match node.kind() {
            HirKind::Literal(literal) => Some((literal.0.to_vec(), false)),
            HirKind::Look(_) | HirKind::Empty => continue,
            _ => unit(node).map(|(byte, both)| (vec![byte], both)),
        };
        match fixed {
            Some((bytes, both_cases)) => {
                if run.0.is_empty() {
                    run.2 = before;
                }
                run.0.extend(bytes);
                run.1 |= both_cases;
            }
            None => {
                finish(&mut run, &mut consider);
                // A class is no sequence; asking for its literals would ask for this again.
                if !matches!(node.kind(), HirKind::Class(_))
                    && let Some(Anchor::Literals {
                        literals,
                        before: inner,
                    }) = literals(node)
                {
                    consider(Anchor::Literals {
                        literals,
                        before: before.saturating_add(inner),
                    });
                }
            }
        }
        before = before.saturating_add(longest(node));
    }
    finish(&mut run, &mut consider);
    best
}

/// Ends a run of fixed bytes. A separator byte inside would never be found, since texts hold none.
fn finish(run: &mut (Vec<u8>, bool, usize), consider: &mut impl FnMut(Anchor)) {
    let (mut bytes, both_cases, before) = std::mem::take(run);
    bytes.truncate(LONGEST);
    if bytes.len() >= LEAST_LITERAL && !bytes.contains(&super::arena::SEPARATOR) {
        consider(Anchor::Literals {
            literals: vec![(bytes, both_cases)],
            before,
        });
    }
}

/// Longer is better, nearer to the beginning is better.
fn score(anchor: &Anchor) -> (bool, usize, usize) {
    match anchor {
        Anchor::Literals { literals, before } => {
            let shortest = literals.iter().map(|l| l.0.len()).min().unwrap_or(0);
            (*before < 256, shortest.min(8), UNBOUNDED - before)
        }
        Anchor::Digits { .. } => (false, 0, 0),
    }
}

/// A run of digits that a pattern requires, with a bounded part before it.
fn digits(hir: &Hir) -> Option<Anchor> {
    let nodes = match hir.kind() {
        HirKind::Capture(capture) => return digits(&capture.sub),
        HirKind::Concat(nodes) => nodes.as_slice(),
        _ => std::slice::from_ref(hir),
    };
    let (mut before, mut count, mut start) = (0usize, 0usize, 0usize);
    for node in nodes {
        let here = digit_count(node);
        if here == 0 {
            count = 0;
        } else if count == 0 {
            start = before;
        }
        count += here;
        if count >= LEAST_DIGITS && start < 256 {
            return Some(Anchor::Digits { before: start });
        }
        before = before.saturating_add(longest(node));
        if is_open_ended(node) {
            count = 0;
        }
    }
    None
}

/// How many digits in a row a node begins with, at least.
fn digit_count(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Literal(literal) if literal.0.iter().all(u8::is_ascii_digit) => literal.0.len(),
        HirKind::Class(Class::Bytes(class)) => {
            let ranges = class.ranges();
            let digits =
                |r: &regex_syntax::hir::ClassBytesRange| r.start() >= b'0' && r.end() <= b'9';
            usize::from(!ranges.is_empty() && ranges.iter().all(digits))
        }
        HirKind::Repetition(r) => digit_count(&r.sub) * r.min as usize,
        HirKind::Capture(capture) => digit_count(&capture.sub),
        _ => 0,
    }
}

/// Whether something other than digits may follow inside the node.
fn is_open_ended(hir: &Hir) -> bool {
    matches!(hir.kind(), HirKind::Alternation(_) | HirKind::Concat(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str) -> Option<Anchor> {
        let mut parser = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .build();
        anchor(&parser.parse(pattern).unwrap())
    }

    fn literal(pattern: &str) -> (String, bool, usize) {
        match of(pattern) {
            Some(Anchor::Literals { literals, before }) => {
                let all: Vec<_> = literals
                    .iter()
                    .map(|l| String::from_utf8_lossy(&l.0))
                    .collect();
                (all.join("|"), literals[0].1, before)
            }
            other => panic!("{pattern}: {other:?}"),
        }
    }

    #[test]
    fn anchors_are_what_every_match_holds() {
        assert_eq!(literal("acme_[0-9a-f]{32}"), ("acme_".into(), false, 0));
        assert_eq!(literal("(?i)acme_[0-9a-f]{32}"), ("acme_".into(), true, 0));
        assert_eq!(
            literal(r"\bORD-[0-9]{6}-secret"),
            ("-secret".into(), false, 10)
        );
        assert_eq!(
            literal("(foobar|bazqux)x+"),
            ("foobar|bazqux".into(), false, 0)
        );
        assert_eq!(literal("(?:tokn_)+z"), ("tokn_".into(), false, 0));
        assert_eq!(literal("[a-z]{2,5}_live_"), ("_live_".into(), false, 5));
        assert_eq!(of(r"\b[0-9]{6}\b"), Some(Anchor::Digits { before: 0 }));
        assert_eq!(
            of("[A-Z]{2}[0-9]{3}[0-9][0-9]"),
            Some(Anchor::Digits { before: 2 })
        );
    }

    #[test]
    fn some_patterns_have_none() {
        for pattern in [
            "[a-z]+",
            "abc",
            "abcd|x",
            "(?:abcd)?x",
            "[0-9]{4}",
            "[0-9a-f]{32}",
            r"\bx",
        ] {
            assert_eq!(of(pattern), None, "{pattern}");
        }
    }
}

//! What the scanner said of one text, and the text with that left out.

use std::borrow::Cow;

use crate::redact::{Hit, Redactor};

/// Rule of what the scanner had no budget left for.
const UNSCANNED: &str = "not scanned in time";

/// The scanner's findings, text by text in the order of collecting.
pub(super) struct Texts<'h> {
    hits: &'h [Hit],
    unscanned: &'h [u32],
    next: u32,
}

/// What the scanner said of one text.
pub(super) struct Finding<'h> {
    pub(super) hits: &'h [Hit],
    pub(super) unscanned: bool,
}

impl<'h> Texts<'h> {
    pub(super) fn new(hits: &'h [Hit], unscanned: &'h [u32]) -> Self {
        Self {
            hits,
            unscanned,
            next: 0,
        }
    }

    pub(super) fn next(&mut self) -> Finding<'h> {
        let index = self.next;
        self.next += 1;
        let count = self.hits.partition_point(|hit| hit.span <= index);
        let (mine, rest) = self.hits.split_at(count);
        self.hits = rest;
        Finding {
            hits: mine,
            unscanned: self.unscanned.binary_search(&index).is_ok(),
        }
    }
}

/// A text as it may be shown.
pub(super) enum Shown<'a, 'r> {
    Whole(Cow<'a, str>),
    Replaced { text: String, rule: &'r str },
    Hidden { rule: &'r str },
}

impl Finding<'_> {
    /// Replaces what was found in `text[..shown]`.
    pub(super) fn apply<'a, 'r>(
        &self,
        text: Cow<'a, str>,
        shown: usize,
        redactor: &'r Redactor,
    ) -> Shown<'a, 'r> {
        if self.unscanned {
            return Shown::Hidden { rule: UNSCANNED };
        }
        let first = self.hits.iter().find(|hit| (hit.start as usize) < shown);
        let Some(first) = first else {
            return Shown::Whole(match text {
                Cow::Borrowed(text) => Cow::Borrowed(&text[..shown]),
                Cow::Owned(mut text) => {
                    text.truncate(shown);
                    Cow::Owned(text)
                }
            });
        };
        let rule = redactor.rule_name(first.rule);
        let mut out = String::with_capacity(shown);
        let mut at = 0;
        let mut kept = false;
        for hit in self.hits {
            let (start, end) = (hit.start as usize, hit.end as usize);
            if start >= shown {
                break;
            }
            let start = floor(&text, start.max(at));
            out.push_str(&text[at..start]);
            kept |= !text[at..start].trim().is_empty();
            let end = ceil(&text, end);
            redactor.replace(hit, text[start..end].as_bytes(), &mut out);
            at = end;
        }
        if at < shown {
            out.push_str(&text[at..shown]);
            kept |= !text[at..shown].trim().is_empty();
        }
        let tells = kept || self.hits.iter().any(|hit| !redactor.hides_all(hit));
        if tells {
            Shown::Replaced { text: out, rule }
        } else {
            Shown::Hidden { rule }
        }
    }
}

/// The last place between characters that is not behind `at`.
pub(super) fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The first place between characters that is not before `at`.
fn ceil(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

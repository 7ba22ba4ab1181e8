//! Which variables of a frame say most: those that the failing line uses, arguments, those on the lines around it.

use std::hash::BuildHasher;
use std::ops::RangeInclusive;

use foldhash::fast::FixedState;

use crate::reason::Reason;
use crate::snapshot::FrameSource;
use crate::tape::{Section, Value};

/// The names in the source lines of a frame.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// Hash of each, and whether the failing line has it. Two words of one hash would only change an order.
    known: Vec<(u64, bool)>,
}

/// Words kept of one frame's lines: a line may be long.
const MOST: usize = 1024;

impl Words {
    /// Forgets the frame before and reads the lines of this one.
    pub(super) fn read(&mut self, source: Option<&FrameSource>, failing: &RangeInclusive<u32>) {
        self.known.clear();
        let Some(source) = source else { return };
        for (number, line) in (source.first_line..).zip(&source.lines) {
            let used = failing.contains(&number);
            let words = line.split(|character: char| !is_word(character));
            for word in words.map(|word| word.trim_start_matches(char::is_numeric)) {
                if !word.is_empty() && self.known.len() < MOST {
                    self.known.push((hash(word), used));
                }
            }
        }
        // Of the same word, the one on the failing line comes first.
        self.known
            .sort_unstable_by_key(|&(hash, used)| (hash, !used));
        self.known.dedup_by_key(|(hash, _)| *hash);
    }

    /// Whether a name is there, and whether it is on the failing line.
    fn find(&self, name: &str) -> Option<bool> {
        if self.known.is_empty() {
            return None;
        }
        let hash = hash(name);
        let at = self.known.binary_search_by_key(&hash, |(hash, _)| *hash);
        at.ok().map(|at| self.known[at].1)
    }

    /// The rank of a variable: 0 for those that the failing line uses, then the more the later.
    pub(super) fn rank(&self, name: &str, section: Option<Section>, value: &Value<'_>) -> u8 {
        match value {
            Value::Skipped {
                reason: Reason::Unbound,
                ..
            } => return 5,
            _ if name.starts_with("__") && name.ends_with("__") => return 5,
            Value::Opaque { .. } => return 4,
            _ => {}
        }
        match self.find(name) {
            Some(true) => 0,
            _ if section == Some(Section::Arguments) => 1,
            Some(false) => 2,
            None => 3,
        }
    }
}

fn is_word(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

fn hash(word: &str) -> u64 {
    FixedState::default().hash_one(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(lines: &[&str], failing: RangeInclusive<u32>) -> Words {
        let source = FrameSource {
            first_line: 10,
            lines: lines.iter().map(|&line| line.to_owned()).collect(),
            ..FrameSource::default()
        };
        let mut words = Words::default();
        words.read(Some(&source), &failing);
        words
    }

    #[test]
    fn names_are_found_as_words_of_the_failing_lines_and_of_others() {
        let found = words(
            &[
                "rates = größe + total",
                "    return rates[currency]",
                "x1 = 2y",
            ],
            11..=11,
        );
        assert_eq!(found.find("rates"), Some(true));
        assert_eq!(found.find("currency"), Some(true));
        assert_eq!(found.find("größe"), Some(false));
        assert_eq!(found.find("y"), Some(false));
        assert_eq!(found.find("x1"), Some(false));
        for missing in ["rate", "curr", "2", "2y", ""] {
            assert_eq!(found.find(missing), None, "{missing}");
        }
    }

    #[test]
    fn ranks_say_what_comes_first() {
        let found = words(&["around", "used"], 11..=11);
        let rank = |name, section| found.rank(name, Some(section), &Value::Int(1));
        assert_eq!(rank("used", Section::Locals), 0);
        assert_eq!(rank("used", Section::Arguments), 0);
        assert_eq!(rank("around", Section::Arguments), 1);
        assert_eq!(rank("around", Section::Locals), 2);
        assert_eq!(rank("other", Section::Statics), 3);
        assert_eq!(rank("__file__", Section::Locals), 5);
        let opaque = Value::Opaque { type_name: None };
        assert_eq!(found.rank("used", None, &opaque), 4);
        let unbound = Value::Skipped {
            reason: Reason::Unbound,
            type_name: None,
            size: None,
        };
        assert_eq!(found.rank("used", None, &unbound), 5);
    }

    #[test]
    fn a_long_line_is_read_in_part() {
        let line: String = (0..10_000).map(|number| format!("w{number} ")).collect();
        assert!(words(&[&line], 10..=10).known.len() <= MOST);
    }
}

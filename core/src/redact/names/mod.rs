//! Which names are sensitive.
//!
//! A name is split into words ([`split`]); it is sensitive when a run of one to five of them, joined, is in the table, as
//! it stands or without trailing digits or a plural ending, or when one word ends in something that only secrets are
//! called (`dbpassword`). A last word that speaks *about* a secret (`password_count`) vetoes that, an exclusion of the
//! user's vetoes everything.
//!
//! Cost: one branch-free pass over the bytes, then one bit test per word. Only names whose word begins like a table word
//! pay a lookup, so that an ordinary dynamic key costs 15 to 40 ns and nothing is allocated.

mod fold;
mod heads;
mod list;
mod short;
mod split;

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;

use super::config::{Profile, RedactConfig, RuleError};
use heads::Heads;
use short::{SHORT, ShortBuffer, split_ascii};
use split::{LongBuffer, Starts, Words, split_unicode};

/// The longest run of words that is looked up.
const MAX_RUN: usize = 5;

/// Names longer than this are not looked at as a whole.
const MAX_NAME: usize = 512;

/// How much of each end of a longer name is looked at.
const WINDOW: usize = 256;

/// What stands for the rule where a name is hidden for its length alone.
pub(super) const TOO_LONG: &str = "name over 512 bytes";

/// Leaves room for all other rules in a 16-bit id.
const MAX_USER_NAMES: usize = 50_000;

type Map<V> = HashMap<Box<[u8]>, V, FixedState>;
type Set = HashSet<Box<[u8]>, FixedState>;

/// What kind of value lies under a name, for names whose numbers or booleans tell nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// Null, None, nil.
    Null,
    /// True or false.
    Bool,
    /// An integer or a float.
    Number,
    /// Text, bytes, anything else.
    Other,
}

/// How far a sensitive name's veto goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hides {
    /// The user listed it, or the profile has no vetoes.
    Everything,
    /// All but booleans and null, which tell only whether there is a secret; that it is missing is often why a program failed.
    NoBool,
    /// `*_tokens`: numbers are shown as well.
    NoBoolNoNumber,
}

impl Hides {
    pub(super) fn hides(self, kind: ValueKind) -> bool {
        match kind {
            ValueKind::Null | ValueKind::Bool => self == Hides::Everything,
            ValueKind::Number => self != Hides::NoBoolNoNumber,
            ValueKind::Other => true,
        }
    }
}

/// A table word found in a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Index of the word.
    pub(super) word: u16,
    pub(super) hides: Hides,
}

struct Entry {
    text: Box<str>,
    listed_by_user: bool,
}

/// The table, built once.
pub(super) struct NameTable {
    profile: Profile,
    entries: Vec<Entry>,
    words: Map<u16>,
    /// Which three-byte beginnings table words have: one bit per hash.
    heads: Heads,
    /// Which last three bytes they have, plural and digits left out.
    ends: Heads,
    /// Endings that count inside a longer word, with the table word to report.
    suffixes: Vec<(&'static str, u16)>,
    /// Which last three bytes those have.
    tails: Heads,
    /// Runs of words that are never sensitive, nor is a run inside them. The flag: said by the user.
    benign: Map<bool>,
    benign_tails: Set,
    longest: usize,
    too_long: u16,
    has_user_words: bool,
}

impl NameTable {
    /// Builds the table. Names beyond its capacity are reported, never dropped in silence.
    pub(super) fn new(
        config: &RedactConfig,
        with_remote_addr: bool,
        errors: &mut Vec<RuleError>,
    ) -> NameTable {
        let mut table = NameTable {
            profile: config.profile,
            entries: Vec::new(),
            words: Map::default(),
            heads: Heads::default(),
            ends: Heads::default(),
            suffixes: Vec::new(),
            tails: Heads::default(),
            benign: Map::default(),
            benign_tails: Set::default(),
            longest: 0,
            too_long: 0,
            has_user_words: false,
        };
        let excluded: Set = config
            .excluded_names
            .iter()
            .map(|name| table.normal_form(name))
            .filter(|name| !name.is_empty())
            .collect();
        for name in &config.names {
            let form = table.normal_form(name);
            if table.entries.len() >= MAX_USER_NAMES {
                errors.push(RuleError::new(name, "too many names", None));
                break;
            }
            table.add(form, true, &excluded);
        }
        table.has_user_words = !table.entries.is_empty();
        let built_in: Vec<&str> = match config.profile {
            Profile::Datadog => list::DATADOG.to_vec(),
            Profile::Stillframe => {
                let mut all = [&list::DATADOG[..], &list::SENTRY, list::FURTHER].concat();
                all.extend(with_remote_addr.then_some(list::REMOTE_ADDR));
                all
            }
        };
        for word in built_in {
            table.add(word.as_bytes().into(), false, &excluded);
        }
        if config.profile == Profile::Stillframe {
            table.add_shape_rules(&excluded);
        }
        for name in excluded {
            table.benign.insert(name, true);
        }
        table.too_long = table.entries.len() as u16;
        table.entries.push(Entry {
            text: TOO_LONG.into(),
            listed_by_user: false,
        });
        table
    }

    /// Suffixes and vetoes: what only the profile of our own has.
    fn add_shape_rules(&mut self, excluded: &Set) {
        for suffix in list::SUFFIXES {
            let bytes = suffix.as_bytes();
            let singular = bytes.strip_suffix(b"s").unwrap_or(bytes);
            let word = self.words.get(bytes).or_else(|| self.words.get(singular));
            if let Some(&word) = word
                && !excluded.contains(bytes)
            {
                self.suffixes.push((suffix, word));
                self.tails.insert(&bytes[bytes.len() - 3..]);
            }
        }
        for name in list::BENIGN {
            self.benign.insert(name.as_bytes().into(), false);
        }
        self.benign_tails = list::BENIGN_TAILS
            .iter()
            .map(|w| w.as_bytes().into())
            .collect();
    }

    fn add(&mut self, form: Box<[u8]>, listed_by_user: bool, excluded: &Set) {
        if form.is_empty() || excluded.contains(&form) || self.words.contains_key(&form) {
            return;
        }
        let index = self.entries.len() as u16;
        self.heads.insert(&form);
        self.ends.insert_end(&form);
        self.longest = self.longest.max(form.len());
        let text = String::from_utf8_lossy(&form).into();
        self.entries.push(Entry {
            text,
            listed_by_user,
        });
        self.words.insert(form, index);
    }

    /// The words of a configured name, joined; empty for a blank one.
    fn normal_form(&self, name: &str) -> Box<[u8]> {
        match self.profile {
            Profile::Datadog => {
                let dropped = |c: &char| !matches!(c, '_' | '-' | '$' | '@' | '.');
                let form: String = name.trim().to_lowercase().chars().filter(dropped).collect();
                form.into_bytes().into()
            }
            Profile::Stillframe => {
                let mut buffer = LongBuffer::new();
                let words = split_unicode(name.as_bytes(), &mut buffer);
                words.map(|w| w.run(0, w.count).into()).unwrap_or_default()
            }
        }
    }

    /// All reportable words, in the order of their indexes.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The table word with this index.
    pub(super) fn word(&self, index: u16) -> &str {
        self.entries.get(index as usize).map_or("", |e| &e.text)
    }

    /// The sensitive word in `name`, if there is one.
    #[inline]
    pub(super) fn find(&self, name: &[u8]) -> Option<Found> {
        if self.profile == Profile::Datadog {
            return self.find_exact(name);
        }
        if name.len() <= SHORT {
            let mut buffer = ShortBuffer::new();
            if let Some(words) = split_ascii(name, &mut buffer) {
                return self.find_short(&words);
            }
        }
        self.find_slowly(name)
    }

    #[cold]
    fn find_slowly(&self, name: &[u8]) -> Option<Found> {
        let mut buffer = LongBuffer::new();
        let too_long = Found {
            word: self.too_long,
            hides: Hides::Everything,
        };
        if name.len() <= MAX_NAME {
            return match split_unicode(name, &mut buffer) {
                Some(words) => self.find_in(&words),
                None => Some(too_long),
            };
        }
        // Nobody can say that the middle holds nothing, so the name is hidden in any case; the ends tell the better reason.
        for end in [&name[..WINDOW], &name[name.len() - WINDOW..]] {
            if let Some(words) = split_unicode(end, &mut buffer)
                && let Some(found) = self.find_in(&words)
            {
                return Some(Found {
                    hides: Hides::Everything,
                    ..found
                });
            }
        }
        Some(too_long)
    }

    fn find_exact(&self, name: &[u8]) -> Option<Found> {
        let mut form = [0; MAX_NAME + 4];
        let mut len = 0;
        for chunk in name.utf8_chunks() {
            for c in chunk.valid().chars().flat_map(char::to_lowercase) {
                if matches!(c, '_' | '-' | '$' | '@' | '.') {
                    continue;
                }
                // Longer than every word: no match, however the name goes on.
                if len >= self.longest.min(MAX_NAME) {
                    return None;
                }
                len += c.encode_utf8(&mut form[len..len + 4]).len();
            }
        }
        let word = *self.words.get(&form[..len])?;
        Some(Found {
            word,
            hides: Hides::Everything,
        })
    }

    /// The common way to say no: no word begins like a table word, none ends like a secret.
    #[inline(always)]
    fn find_short(&self, words: &Words<'_>) -> Option<Found> {
        let Starts::Short(mut starts) = words.starts else {
            return self.find_in(words);
        };
        let mut suspicious = false;
        while starts != 0 {
            let start = starts.trailing_zeros() as usize;
            starts &= starts - 1;
            let end = if starts == 0 {
                words.len
            } else {
                starts.trailing_zeros() as usize
            };
            suspicious |= self.heads.contains(&words.text[start..start + 4]);
            suspicious |= end - start > 3 && self.ends_like_a_secret(&words.text[start..end]);
        }
        if suspicious {
            self.find_in(words)
        } else {
            None
        }
    }

    #[cold]
    fn find_in(&self, words: &Words<'_>) -> Option<Found> {
        let mut found: Option<Found> = None;
        for from in 0..words.count {
            let start = words.start(from);
            let end = words.start(from + 1);
            let mut here = None;
            if self.heads.contains(&words.text[start..start + 4]) {
                here = self.find_run(words, from);
            }
            let may_end = end - start > 3 && self.ends_like_a_secret(&words.text[start..end]);
            if here.is_none() && may_end {
                here = self.find_suffix(words, from);
            }
            if let Some(hit) = here {
                // What the user listed hides more than what we know of ourselves.
                if !self.has_user_words || hit.hides == Hides::Everything {
                    return here;
                }
                found = found.or(here);
            }
        }
        found
    }

    /// Whether a word that ends a phrase could end a name of several words: the cheap test before
    /// [`NameTable::find_at_end`].
    #[inline]
    pub(super) fn may_end_a_name(&self, word: &[u8]) -> bool {
        let plain = word
            .iter()
            .rposition(|b| !b.is_ascii_digit() && !matches!(b, b's' | b'S'));
        let Some(&[a, b, c]) = plain.and_then(|last| word[..=last].last_chunk()) else {
            return true;
        };
        self.ends.contains(&[a | 0x20, b | 0x20, c | 0x20, 0])
    }

    /// Whether the last words of a phrase make a sensitive name: `your API key`, but not `bad token value`.
    pub(super) fn find_at_end(&self, phrase: &[u8]) -> Option<Found> {
        if self.profile == Profile::Datadog || phrase.len() > SHORT {
            return None;
        }
        let mut buffer = ShortBuffer::new();
        let words = split_ascii(phrase, &mut buffer)?;
        let first = words.count.saturating_sub(MAX_RUN);
        (first..words.count).find_map(|from| {
            let (word, plural) = self.look_up(words.run(from, words.count))?;
            self.judge(&words, from, words.count, word, plural)
        })
    }

    /// Looks up the runs that begin at word `from`, the longest first, so that the report says `accesstoken` rather
    /// than `token` where both begin.
    #[cold]
    fn find_run(&self, words: &Words<'_>, from: usize) -> Option<Found> {
        let last = (from + MAX_RUN).min(words.count);
        for to in (from + 1..=last).rev() {
            let run = words.run(from, to);
            if run.len() > self.longest + 12 {
                continue;
            }
            if let Some((word, plural)) = self.look_up(run)
                && let Some(found) = self.judge(words, from, to, word, plural)
            {
                return Some(found);
            }
        }
        None
    }

    /// The word as it stands, without trailing digits, without a plural ending. Says whether it was a plural.
    fn look_up(&self, run: &[u8]) -> Option<(u16, bool)> {
        if let Some(&word) = self.words.get(run) {
            return Some((word, false));
        }
        let digits = run.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        let bare = &run[..run.len() - digits];
        if digits > 0
            && let Some(&word) = self.words.get(bare)
        {
            return Some((word, false));
        }
        for ending in [&b"s"[..], b"es"] {
            if let Some(singular) = bare.strip_suffix(ending)
                && let Some(&word) = self.words.get(singular)
            {
                return Some((word, true));
            }
        }
        None
    }

    /// Whether a word of four bytes or more may end in one of the suffixes. Digits and a plural ending hide the end.
    #[inline(always)]
    fn ends_like_a_secret(&self, word: &[u8]) -> bool {
        let end = word.len();
        match word[end - 1] {
            b'0'..=b'9' => true,
            b's' => self.tails.contains(&word[end - 4..]) || self.tails.contains(&word[end - 3..]),
            _ => self.tails.contains(&word[end - 3..]),
        }
    }

    #[cold]
    fn find_suffix(&self, words: &Words<'_>, at: usize) -> Option<Found> {
        let whole = words.run(at, at + 1);
        let digits = whole
            .iter()
            .rev()
            .take_while(|b| b.is_ascii_digit())
            .count();
        let bare = &whole[..whole.len() - digits];
        for (text, plural) in [(Some(bare), false), (bare.strip_suffix(b"s"), true)] {
            let Some(text) = text else { continue };
            if text.len() < 3 || !self.tails.contains(&text[text.len() - 3..]) {
                continue;
            }
            for &(suffix, word) in &self.suffixes {
                if text.len() > suffix.len()
                    && text.ends_with(suffix.as_bytes())
                    && let Some(found) = self.judge(words, at, at + 1, word, plural)
                {
                    return Some(found);
                }
            }
        }
        None
    }

    /// Applies exclusions and vetoes to a match of words `from..to`.
    fn judge(
        &self,
        words: &Words<'_>,
        from: usize,
        to: usize,
        word: u16,
        plural: bool,
    ) -> Option<Found> {
        let by_user = self
            .entries
            .get(word as usize)
            .is_some_and(|e| e.listed_by_user);
        if self.is_excluded(words, from, to, by_user) {
            return None;
        }
        let at_end = to == words.count;
        if by_user {
            return Some(Found {
                word,
                hides: Hides::Everything,
            });
        }
        if !at_end
            && self
                .benign_tails
                .contains(words.run(words.count - 1, words.count))
        {
            return None;
        }
        let tokens = plural && at_end && self.word(word).ends_with("token");
        if tokens && from > 0 && self.counts_tokens(words, from) {
            return None;
        }
        let hides = if tokens {
            Hides::NoBoolNoNumber
        } else {
            Hides::NoBool
        };
        Some(Found { word, hides })
    }

    /// `max_tokens`, `max_new_tokens`: one of the words before says that it is a count.
    fn counts_tokens(&self, words: &Words<'_>, before: usize) -> bool {
        (0..before).any(|i| {
            let word = words.run(i, i + 1);
            list::TOKEN_COUNTERS.iter().any(|c| c.as_bytes() == word)
        })
    }

    /// Whether a benign run covers words `from..to`.
    fn is_excluded(&self, words: &Words<'_>, from: usize, to: usize, by_user: bool) -> bool {
        if self.benign.is_empty() {
            return false;
        }
        let whole = words.run(0, words.count);
        let applies = |run: &[u8]| self.benign.get(run).is_some_and(|&said| said || !by_user);
        if applies(whole) {
            return true;
        }
        let first = to.saturating_sub(MAX_RUN);
        (first..=from).any(|a| {
            let last = (a + MAX_RUN).min(words.count);
            (to..=last).any(|b| applies(words.run(a, b)))
        })
    }
}

#[cfg(test)]
mod tests;

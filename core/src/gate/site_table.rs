//! What the gate remembers about sites: a fixed-size, lock-free, 4-way set-associative table.
//!
//! A hash chooses a set; a set has four ways; the keys and states of a set share one cache line, so a look-up costs one miss
//! at most. A full set evicts the site that was seen least recently. Memory is fixed when the table is made: 128 bytes for every
//! four sites.
//!
//! # Protocol
//!
//! A way is *claimed* by changing its key from the old one to [`CLAIMED`], then its state is written, then the new key is
//! published. A reader takes key, state and key again, and believes the state only if both keys are the one it looks for: so
//! nobody sees the state of one site under the name of another. Two threads that insert the same site at once may use two ways;
//! each looks again after publishing, and the higher way is freed.
//!
//! State changes are one compare-and-swap. If the way was evicted and refilled with an identical state in
//! between, the wrong site is advanced by one capture; that is accepted.

use crate::sync::{AtomicU64, Ordering, fence};

use super::schedule::TICK_SHIFT;

const WAYS: usize = 4;
const EMPTY: u64 = 0;
const CLAIMED: u64 = u64::MAX;
/// How often an insertion that loses a race starts again before it gives up; the site is then new the next time, too.
const ATTEMPTS: usize = 8;

/// Fixed-size memory of sites. Times are nanoseconds of one [`Clock`](super::Clock).
#[derive(Debug)]
pub struct SiteTable {
    sets: Box<[Set]>,
    history: Box<[History]>,
    mask: usize,
}

#[derive(Debug)]
#[repr(C, align(64))]
struct Set {
    keys: [AtomicU64; WAYS],
    states: [AtomicU64; WAYS],
}

/// Written when a capture is admitted, read by people.
#[derive(Debug)]
struct History {
    first: AtomicU64,
    last: AtomicU64,
}

/// A site's word: `due << 24 | captured << 12 | seen`.
///
/// `due`: tick from which on it may be captured again (40 bits, 36 years), or the number of the rule that excludes it.
/// `captured`: captures so far, saturating at [`State::MOST`], or [`State::EXCLUDED`]. `seen`: when it was last seen, in units
/// of 2^17 ticks (137 s; it wraps after six days, after which eviction may choose badly once).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State(u64);

impl State {
    const EXCLUDED: u64 = 0xfff;
    /// The most captures that a state can count.
    pub const MOST: u32 = 0xffe;
    const DUE_BITS: u64 = (1 << 40) - 1;
    const SEEN_BITS: u64 = (1 << 12) - 1;
    const SEEN_SHIFT: u32 = TICK_SHIFT + 17;

    /// A site that has been captured `captured` times and may be again after `wait` ticks of 2^20 ns.
    #[must_use]
    pub fn captured(captured: u32, wait: u64, now: u64) -> Self {
        let due = (now >> TICK_SHIFT).saturating_add(wait).min(Self::DUE_BITS);
        Self(due << 24 | u64::from(captured.min(Self::MOST)) << 12).seen(now)
    }

    /// A site that a rule excludes.
    #[must_use]
    pub fn excluded(rule: u32, now: u64) -> Self {
        Self(u64::from(rule) << 24 | Self::EXCLUDED << 12).seen(now)
    }

    /// The rule that excludes the site, if one does.
    #[inline]
    #[must_use]
    pub fn rule(self) -> Option<u32> {
        #[expect(clippy::cast_possible_truncation, reason = "rule numbers are u32")]
        let rule = (self.0 >> 24) as u32;
        (self.count() == Self::EXCLUDED).then_some(rule)
    }

    /// Captures so far.
    #[must_use]
    pub fn captures(self) -> u32 {
        match self.count() {
            Self::EXCLUDED => 0,
            #[expect(clippy::cast_possible_truncation, reason = "12 bits")]
            count => count as u32,
        }
    }

    /// From when on the site may be captured again.
    #[must_use]
    pub fn due_at(self) -> u64 {
        (self.0 >> 24) << TICK_SHIFT
    }

    /// Whether that time has come.
    #[inline]
    #[must_use]
    pub fn is_due(self, now: u64) -> bool {
        now >> TICK_SHIFT >= self.0 >> 24
    }

    fn count(self) -> u64 {
        self.0 >> 12 & 0xfff
    }

    fn seen(self, now: u64) -> Self {
        Self(self.0 & !Self::SEEN_BITS | now >> Self::SEEN_SHIFT & Self::SEEN_BITS)
    }

    /// How long ago the site was last seen, in units of `seen`.
    fn age(self, now: u64) -> u64 {
        (now >> Self::SEEN_SHIFT).wrapping_sub(self.0) & Self::SEEN_BITS
    }
}

/// A site found in the table.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    set: usize,
    way: usize,
    /// Its state when it was looked up.
    pub state: State,
}

/// What [`SiteTable::insert`] did.
#[derive(Debug)]
pub enum Inserted {
    /// The site is in the table now.
    New,
    /// Another thread had just inserted it.
    Exists(Found),
    /// Other threads kept changing the set; the site is not in the table.
    GaveUp,
}

/// The history of one site, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SiteInfo {
    /// When it was first captured (or excluded).
    pub first_captured: u64,
    /// When it was last captured (or excluded).
    pub last_captured: u64,
    /// Captures so far, at most [`State::MOST`].
    pub captures: u32,
    /// From when on it may be captured again.
    pub due_at: u64,
    /// The rule that excludes it.
    pub rule: Option<u32>,
}

impl SiteTable {
    /// A table for at least `sites` sites (rounded up to a power of two, 4 to 2^24).
    #[must_use]
    pub fn new(sites: usize) -> Self {
        let sets = sites.clamp(WAYS, 1 << 24).next_power_of_two() / WAYS;
        let words = || std::array::from_fn(|_| AtomicU64::new(EMPTY));
        Self {
            sets: (0..sets)
                .map(|_| Set {
                    keys: words(),
                    states: words(),
                })
                .collect(),
            history: (0..sets * WAYS)
                .map(|_| History {
                    first: AtomicU64::new(0),
                    last: AtomicU64::new(0),
                })
                .collect(),
            mask: sets - 1,
        }
    }

    /// How many sites it can remember.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.sets.len() * WAYS
    }

    /// Finds a site. Loads only.
    #[inline]
    pub fn find(&self, key: u64) -> Option<Found> {
        let key = usable(key);
        let set = self.set_of(key);
        let words = &self.sets[set];
        for way in 0..WAYS {
            if words.keys[way].load(Ordering::Acquire) == key {
                let state = State(words.states[way].load(Ordering::Relaxed));
                // Pairs with the fence of `insert`: if the state is a later site's, the key below is no longer ours.
                fence(Ordering::Acquire);
                if words.keys[way].load(Ordering::Relaxed) == key {
                    return Some(Found { set, way, state });
                }
            }
        }
        None
    }

    /// Remembers a new site, if need be in the place of the one seen least recently.
    pub fn insert(&self, key: u64, state: State, now: u64) -> Inserted {
        let key = usable(key);
        let set = self.set_of(key);
        let words = &self.sets[set];
        for _ in 0..ATTEMPTS {
            if let Some(found) = self.find(key) {
                return Inserted::Exists(found);
            }
            let Some((way, old)) = words.victim(now) else {
                continue;
            };
            if words.keys[way]
                .compare_exchange(old, CLAIMED, Ordering::AcqRel, Ordering::Relaxed)
                .is_err()
            {
                continue;
            }
            fence(Ordering::Release);
            words.states[way].store(state.0, Ordering::Relaxed);
            let history = &self.history[set * WAYS + way];
            history.first.store(now, Ordering::Relaxed);
            history.last.store(now, Ordering::Relaxed);
            words.keys[way].store(key, Ordering::Release);
            words.free_duplicate(key, way);
            return Inserted::New;
        }
        Inserted::GaveUp
    }

    /// Replaces the state that was found. False if another thread was faster.
    pub fn advance(&self, found: &Found, state: State, now: u64) -> bool {
        let swapped = self.sets[found.set].states[found.way]
            .compare_exchange(found.state.0, state.0, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
        if swapped {
            self.history[found.set * WAYS + found.way]
                .last
                .store(now, Ordering::Relaxed);
        }
        swapped
    }

    /// Tells that a site was seen again and not captured, so that it is not evicted. Writes at most once in two
    /// minutes and site: threads that are refused at the same site do not fight for its cache line.
    #[inline]
    pub fn touch(&self, found: &Found, now: u64) {
        if found.state.age(now) != 0 {
            let _ = self.advance_quietly(found, found.state.seen(now));
        }
    }

    /// The history of a site, if the table has it. Its fields are read one by one: a capture at the same time may show
    /// in some of them only.
    pub fn info(&self, key: u64) -> Option<SiteInfo> {
        let found = self.find(key)?;
        let history = &self.history[found.set * WAYS + found.way];
        Some(SiteInfo {
            first_captured: history.first.load(Ordering::Relaxed),
            last_captured: history.last.load(Ordering::Relaxed),
            captures: found.state.captures(),
            due_at: found.state.due_at(),
            rule: found.state.rule(),
        })
    }

    /// Frees the ways that another thread had claimed when this process was forked, and that nobody will publish.
    pub fn after_fork(&self) {
        for set in &self.sets {
            for key in &set.keys {
                let _ = key.compare_exchange(CLAIMED, EMPTY, Ordering::Relaxed, Ordering::Relaxed);
            }
        }
    }

    #[cold]
    fn advance_quietly(&self, found: &Found, state: State) -> bool {
        self.sets[found.set].states[found.way]
            .compare_exchange(found.state.0, state.0, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the mask keeps the low bits only"
    )]
    fn set_of(&self, key: u64) -> usize {
        (key as usize) & self.mask
    }
}

impl Set {
    /// The way to fill, with its key: an empty one, else the one seen least recently. `None` if all are claimed.
    fn victim(&self, now: u64) -> Option<(usize, u64)> {
        let mut oldest = None;
        for way in 0..WAYS {
            let key = self.keys[way].load(Ordering::Acquire);
            match key {
                EMPTY => return Some((way, key)),
                CLAIMED => continue,
                _ => {}
            }
            let age = State(self.states[way].load(Ordering::Relaxed)).age(now);
            if oldest.is_none_or(|(_, _, most)| age > most) {
                oldest = Some((way, key, age));
            }
        }
        oldest.map(|(way, key, _)| (way, key))
    }

    /// After `key` was published in `mine`: if another thread published it in another way, frees the higher of the two.
    fn free_duplicate(&self, key: u64, mine: usize) {
        // Both threads publish, fence, look: at least one of them sees the other.
        fence(Ordering::SeqCst);
        for way in 0..WAYS {
            if way != mine && self.keys[way].load(Ordering::Relaxed) == key {
                let _ = self.keys[way.max(mine)].compare_exchange(
                    key,
                    EMPTY,
                    Ordering::AcqRel,
                    Ordering::Relaxed,
                );
            }
        }
    }
}

/// Keys that mean something else are replaced by their neighbours.
#[inline]
fn usable(key: u64) -> u64 {
    match key {
        EMPTY => EMPTY + 1,
        CLAIMED => CLAIMED - 1,
        key => key,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Inserted, SiteTable, State};
    use proptest::prelude::*;

    const MINUTE: u64 = 60_000_000_000;

    #[test]
    fn a_state_keeps_what_it_was_made_of() {
        let now = 90 * MINUTE;
        let state = State::captured(5, 1000, now);
        assert_eq!((state.captures(), state.rule()), (5, None));
        assert!(!state.is_due(now) && !state.is_due(state.due_at() - 1));
        assert!(state.is_due(state.due_at()) && state.is_due(u64::MAX));
        assert!(State::captured(1, 0, now).is_due(now));
        assert_eq!(State::captured(10_000, 0, now).captures(), State::MOST);
        assert!(!State::captured(1, u64::MAX, now).is_due(now));
        assert_eq!(State::excluded(u32::MAX, now).rule(), Some(u32::MAX));
        assert_eq!(State::excluded(7, now).captures(), 0);
        assert_eq!(state.seen(now + 100 * MINUTE).due_at(), state.due_at());
    }

    #[test]
    fn remembers_and_advances() {
        let table = SiteTable::new(64);
        assert!(table.find(9).is_none());
        assert!(matches!(
            table.insert(9, State::captured(1, 0, 5), 5),
            Inserted::New
        ));
        assert!(matches!(
            table.insert(9, State::captured(9, 0, 5), 5),
            Inserted::Exists(_)
        ));
        let found = table.find(9).expect("inserted");
        assert!(table.advance(&found, State::captured(2, 50, MINUTE), MINUTE));
        assert!(
            !table.advance(&found, State::captured(3, 50, MINUTE), MINUTE),
            "an old view"
        );
        let info = table.info(9).expect("inserted");
        assert_eq!(
            (info.first_captured, info.last_captured, info.captures),
            (5, MINUTE, 2)
        );
        assert!(table.info(10).is_none());
    }

    #[test]
    fn a_full_set_forgets_the_site_seen_least_recently() {
        let table = SiteTable::new(4);
        assert_eq!(table.capacity(), 4);
        for key in 1..=4 {
            let now = key * 5 * MINUTE;
            table.insert(key, State::captured(1, 0, now), now);
        }
        let found = table.find(1).expect("inserted");
        table.touch(&found, 25 * MINUTE);
        table.insert(5, State::captured(1, 0, 30 * MINUTE), 30 * MINUTE);
        let known: Vec<u64> = (1..8).filter(|&key| table.find(key).is_some()).collect();
        assert_eq!(known, [1, 3, 4, 5]);
    }

    #[test]
    fn special_keys_are_ordinary_sites() {
        let table = SiteTable::new(4);
        for key in [0, u64::MAX] {
            assert!(table.find(key).is_none());
            table.insert(key, State::captured(1, 0, 0), 0);
            assert!(table.find(key).is_some());
        }
        table.after_fork();
        assert!(table.find(0).is_some() && table.find(u64::MAX).is_some());
    }

    #[test]
    fn sizes_are_bounded() {
        assert_eq!(SiteTable::new(0).capacity(), 4);
        assert_eq!(SiteTable::new(4097).capacity(), 8192);
    }

    proptest! {
        /// Against a map that never forgets: what the table knows is right, and the latest sites are known.
        #[test]
        fn agrees_with_a_map(keys in proptest::collection::vec(1u64..200, 1..300)) {
            let table = SiteTable::new(32);
            let mut model = std::collections::HashMap::new();
            for (step, key) in keys.into_iter().enumerate() {
                let now = step as u64 * MINUTE;
                let count = match table.find(key) {
                    Some(found) => {
                        prop_assert_eq!(found.state.captures(), model[&key]);
                        let count = (found.state.captures() + 1).min(State::MOST);
                        prop_assert!(table.advance(&found, State::captured(count, 0, now), now));
                        count
                    }
                    None => {
                        prop_assert!(matches!(table.insert(key, State::captured(1, 0, now), now), Inserted::New));
                        1
                    }
                };
                model.insert(key, count);
                prop_assert_eq!(table.find(key).map(|found| found.state.captures()), Some(count));
            }
        }
    }
}

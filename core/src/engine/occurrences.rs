//! Counting what is not captured: occurrences per site, so that an issue knows how often it happened.
//!
//! A fixed table of sites and counts, four places to look per site, relaxed atomics only: the raising thread adds one, the
//! background takes the counts away now and then. A site that finds no place is counted together with the others that did not.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const WAYS: usize = 4;
const SITES: usize = 4096;

/// Occurrences per site since they were last taken.
#[derive(Debug)]
pub(super) struct Occurrences {
    slots: Box<[Slot]>,
    elsewhere: AtomicU64,
}

#[derive(Debug, Default)]
struct Slot {
    /// The site, 0 while the slot is free. Never changes afterwards.
    site: AtomicU64,
    count: AtomicU64,
}

impl Occurrences {
    pub(super) fn new() -> Self {
        let slots = (0..SITES).map(|_| Slot::default()).collect();
        Self {
            slots,
            elsewhere: AtomicU64::new(0),
        }
    }

    /// Counts one occurrence at a site.
    #[inline]
    pub(super) fn add(&self, site: u64) {
        let site = site.max(1);
        let first = (site as usize).wrapping_mul(WAYS) % SITES;
        for slot in &self.slots[first..first + WAYS] {
            let owner = match slot.site.load(Relaxed) {
                0 => slot
                    .site
                    .compare_exchange(0, site, Relaxed, Relaxed)
                    .map_or_else(|now| now, |_| site),
                owner => owner,
            };
            if owner == site {
                slot.count.fetch_add(1, Relaxed);
                return;
            }
        }
        self.elsewhere.fetch_add(1, Relaxed);
    }

    /// Takes the counts away: sites with their occurrences, and the occurrences at sites that found no place (as site 0).
    pub(super) fn take(&self) -> Vec<(u64, u64)> {
        let counted = self.slots.iter().map(|slot| {
            let count = if slot.count.load(Relaxed) == 0 {
                0
            } else {
                slot.count.swap(0, Relaxed)
            };
            (slot.site.load(Relaxed), count)
        });
        let elsewhere = std::iter::once((0, self.elsewhere.swap(0, Relaxed)));
        counted
            .chain(elsewhere)
            .filter(|&(_, count)| count > 0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_site() {
        let occurrences = Occurrences::new();
        for site in [7, 7, 9, 7, 0] {
            occurrences.add(site);
        }
        let mut taken = occurrences.take();
        taken.sort_unstable();
        assert_eq!(taken, [(1, 1), (7, 3), (9, 1)]);
        assert_eq!(occurrences.take(), []);
        occurrences.add(9);
        assert_eq!(occurrences.take(), [(9, 1)]);
    }

    #[test]
    fn loses_nothing_when_it_is_full_and_shared() {
        let occurrences = Occurrences::new();
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let occurrences = &occurrences;
                scope.spawn(move || {
                    for number in 0..20_000_u64 {
                        occurrences.add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (thread & 1));
                    }
                });
            }
        });
        let taken = occurrences.take();
        assert!(taken.len() <= SITES + 1);
        assert_eq!(taken.iter().map(|(_, count)| count).sum::<u64>(), 80_000);
    }
}

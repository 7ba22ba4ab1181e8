//! "Deeper next time": requests that the next exception of an origin be captured with raised limits.

use std::num::NonZeroU8;

use crate::limits::Limits;
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};

/// Requests that can wait at the same time.
const SLOTS: usize = 16;
const EMPTY: u64 = 0;
/// The low bits of a slot hold the depth, the others are the origin's: a wrong match has a chance of 2^-57.
const DEPTH_BITS: u64 = 7;

/// How often [`Limits::deeper`] is applied to the one capture: 1 to 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Depth(NonZeroU8);

impl Depth {
    /// The limits raised once.
    pub const ONCE: Self = Self(NonZeroU8::MIN);

    /// Raised `steps` times, 1 to 7; values outside count as the nearest.
    #[must_use]
    pub fn new(steps: u8) -> Self {
        Self(NonZeroU8::new(steps.min(7)).unwrap_or(NonZeroU8::MIN))
    }

    /// How often.
    #[must_use]
    pub fn steps(self) -> u8 {
        self.0.get()
    }

    /// The limits for the capture.
    #[must_use]
    pub fn raise(self, limits: &Limits) -> Limits {
        (0..self.steps()).fold(*limits, |limits, _| limits.deeper())
    }
}

/// The waiting requests. Each is one word, so taking one is one compare-and-swap.
#[derive(Debug)]
pub(super) struct Requests {
    waiting: AtomicU32,
    slots: [AtomicU64; SLOTS],
}

impl Requests {
    pub(super) fn new() -> Self {
        Self {
            waiting: AtomicU32::new(0),
            slots: std::array::from_fn(|_| AtomicU64::new(EMPTY)),
        }
    }

    /// Whether any request waits.
    #[inline]
    pub(super) fn any(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) != 0
    }

    /// Adds a request, or replaces the one for the same origin. False if too many wait.
    pub(super) fn add(&self, origin: u64, depth: Depth) -> bool {
        let word = origin & !DEPTH_BITS | u64::from(depth.steps());
        for slot in &self.slots {
            let old = slot.load(Ordering::Relaxed);
            if same_origin(old, origin) && swap(slot, old, word) {
                return true;
            }
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        if self.slots.iter().any(|slot| swap(slot, EMPTY, word)) {
            // Whoever closes the gate looks for requests after it closed it; see `Gate::close`.
            fence(Ordering::SeqCst);
            return true;
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        false
    }

    /// Takes the request for an origin. One request is taken once.
    #[cold]
    pub(super) fn take(&self, origin: u64) -> Option<Depth> {
        for slot in &self.slots {
            let word = slot.load(Ordering::Relaxed);
            if same_origin(word, origin) && swap(slot, word, EMPTY) {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                return Some(Depth::new((word & DEPTH_BITS) as u8));
            }
        }
        None
    }
}

fn same_origin(word: u64, origin: u64) -> bool {
    word != EMPTY && (word ^ origin) & !DEPTH_BITS == 0
}

fn swap(slot: &AtomicU64, from: u64, to: u64) -> bool {
    slot.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed)
        .is_ok()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Depth, Requests, SLOTS};
    use crate::limits::Limits;

    #[test]
    fn a_request_is_taken_once_by_its_origin() {
        let requests = Requests::new();
        assert!(!requests.any());
        assert!(requests.add(800, Depth::ONCE));
        assert!(requests.add(800, Depth::new(3)), "replaces the first one");
        assert_eq!(requests.take(1600), None);
        assert_eq!(requests.take(800), Some(Depth::new(3)));
        assert_eq!(requests.take(800), None);
        assert!(!requests.any());
    }

    #[test]
    fn the_number_that_waits_is_bounded() {
        let requests = Requests::new();
        let added = (1..100)
            .filter(|n| requests.add(n * 8, Depth::ONCE))
            .count();
        assert_eq!(added, SLOTS);
        assert!(requests.take(8).is_some());
        assert!(requests.add(8000, Depth::ONCE));
    }

    #[test]
    fn depth_raises_limits_step_by_step() {
        let limits = Limits::default();
        assert_eq!(Depth::ONCE.raise(&limits), limits.deeper());
        assert_eq!(Depth::new(2).raise(&limits), limits.deeper().deeper());
        assert_eq!((Depth::new(0).steps(), Depth::new(255).steps()), (1, 7));
    }
}

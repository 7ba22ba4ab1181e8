//! "Deeper next time": requests that the next exception of an origin be captured with raised limits.

use std::num::NonZeroU8;

use crate::lock::Mutex;

use super::SiteFacts;
use crate::limits::Limits;
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};

/// Requests that can wait at the same time, of each kind.
const SLOTS: usize = 16;
/// Origins remembered that fit no request by name.
const OTHERS: usize = 64;
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

/// An origin by its names, for a process that has not met it yet: hashes of origins are good within one process only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedOrigin {
    /// The full name of the exception's type.
    pub type_name: String,
    /// The module (or class) of the raising frame.
    pub module: String,
    /// The raising function's own name, without what it is defined in.
    pub function: String,
}

impl NamedOrigin {
    fn fits(&self, facts: &SiteFacts<'_>) -> bool {
        self.type_name == facts.type_name
            && self.module == facts.module
            && self.function == facts.function
    }
}

/// The waiting requests. One for an origin that this process knows is one word, so taking it is one compare-and-swap. One by name
/// costs an origin that it does not fit the facts once, and then one load.
#[derive(Debug)]
pub(super) struct Requests {
    waiting: AtomicU32,
    slots: [AtomicU64; SLOTS],
    /// How many of those that wait are by name.
    named_waiting: AtomicU32,
    named: Mutex<Vec<(NamedOrigin, Depth)>>,
    others: [AtomicU64; OTHERS],
}

impl Requests {
    pub(super) fn new() -> Self {
        Self {
            waiting: AtomicU32::new(0),
            slots: std::array::from_fn(|_| AtomicU64::new(EMPTY)),
            named_waiting: AtomicU32::new(0),
            named: Mutex::default(),
            others: std::array::from_fn(|_| AtomicU64::new(EMPTY)),
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

    /// Adds a request by name, or replaces the one for the same names. False if too many wait.
    pub(super) fn add_named(&self, origin: NamedOrigin, depth: Depth) -> bool {
        let mut named = self.named.lock();
        if let Some(same) = named.iter_mut().find(|(known, _)| *known == origin) {
            same.1 = depth;
            return true;
        }
        if named.len() >= SLOTS {
            return false;
        }
        named.push((origin, depth));
        for other in &self.others {
            other.store(EMPTY, Ordering::Relaxed);
        }
        self.named_waiting.fetch_add(1, Ordering::Relaxed);
        self.waiting.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        true
    }

    /// Takes a request by name, if one fits.
    #[cold]
    pub(super) fn take_named<'f>(
        &self,
        origin: u64,
        facts: impl FnOnce() -> SiteFacts<'f>,
    ) -> Option<Depth> {
        if self.named_waiting.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let other = &self.others[(origin >> DEPTH_BITS.count_ones()) as usize % OTHERS];
        if other.load(Ordering::Relaxed) == origin {
            return None;
        }
        let facts = facts();
        // Nobody waits here: a capture that meets another thread at the list is captured as ever.
        let mut named = self.named.try_lock()?;
        let Some(index) = named.iter().position(|(name, _)| name.fits(&facts)) else {
            other.store(origin, Ordering::Relaxed);
            return None;
        };
        let (_, depth) = named.swap_remove(index);
        self.named_left();
        Some(depth)
    }

    /// Takes a request by name back. Whether it was there.
    pub(super) fn cancel_named(&self, origin: &NamedOrigin) -> bool {
        let mut named = self.named.lock();
        let before = named.len();
        named.retain(|(name, _)| name != origin);
        let there = named.len() < before;
        if there {
            self.named_left();
        }
        there
    }

    fn named_left(&self) {
        self.named_waiting.fetch_sub(1, Ordering::Relaxed);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
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
    use super::{Depth, NamedOrigin, Requests, SLOTS};
    use crate::gate::SiteFacts;
    use crate::limits::Limits;

    const FACTS: SiteFacts<'static> = SiteFacts {
        type_name: "KeyError",
        module: "shop.pricing",
        function: "convert",
    };

    fn named(function: &str) -> NamedOrigin {
        NamedOrigin {
            type_name: FACTS.type_name.to_owned(),
            module: FACTS.module.to_owned(),
            function: function.to_owned(),
        }
    }

    #[test]
    fn a_request_by_name_is_taken_once_by_what_it_fits() {
        let requests = Requests::new();
        assert_eq!(requests.take_named(800, || FACTS), None);
        assert!(requests.add_named(named("load"), Depth::ONCE));
        assert!(requests.any());
        assert_eq!(requests.take_named(800, || FACTS), None, "another function");
        let not_again = || -> SiteFacts<'static> { panic!("asked twice for the same origin") };
        assert_eq!(requests.take_named(800, not_again), None);
        assert!(requests.add_named(named("convert"), Depth::ONCE));
        assert!(
            requests.add_named(named("convert"), Depth::new(2)),
            "replaces the first one"
        );
        assert_eq!(requests.take_named(800, || FACTS), Some(Depth::new(2)));
        assert_eq!(requests.take_named(800, || FACTS), None);
        assert!(requests.any(), "the other one waits");
        assert!(requests.cancel_named(&named("load")));
        assert!(!requests.cancel_named(&named("load")));
        assert!(!requests.any());
    }

    #[test]
    fn the_number_that_waits_by_name_is_bounded() {
        let requests = Requests::new();
        let added = (1..100)
            .filter(|n| requests.add_named(named(&n.to_string()), Depth::ONCE))
            .count();
        assert_eq!(added, SLOTS);
    }

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

//! The closed-gate flag: one word that tells, in one relaxed load, that nothing can be admitted now.
//!
//! The word is the time at which the gate reopens, so that whoever reads the clock anyway can reopen it; the fast path only
//! asks whether it is zero. [`ClosedFlag::tick`], called by the background thread, does the reopening
//! (`docs/decisions/closed-gate.md`).

use crate::sync::{AtomicU64, Ordering};

const OPEN: u64 = 0;
const DISABLED: u64 = u64::MAX;

/// Open, closed until a time, or disabled. On a cache line of its own: it is read by every raising thread and written rarely.
#[derive(Debug)]
#[repr(align(128))]
pub struct ClosedFlag(AtomicU64);

/// What the flag says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagState {
    /// Captures may be admitted.
    Open,
    /// Nothing can be admitted before this time.
    ClosedUntil(u64),
    /// Nothing is admitted until somebody enables it.
    Disabled,
}

impl ClosedFlag {
    /// Open or disabled.
    #[must_use]
    pub fn new(enabled: bool) -> Self {
        Self(AtomicU64::new(if enabled { OPEN } else { DISABLED }))
    }

    /// Whether it is closed or disabled: one relaxed load.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed) != OPEN
    }

    /// What it says.
    #[inline]
    pub fn get(&self) -> FlagState {
        match self.0.load(Ordering::Relaxed) {
            OPEN => FlagState::Open,
            DISABLED => FlagState::Disabled,
            until => FlagState::ClosedUntil(until),
        }
    }

    /// Closes it until a time, if it is open.
    pub fn close(&self, until: u64) {
        let until = until.clamp(OPEN + 1, DISABLED - 1);
        let _ = self.swap_if(OPEN, until);
    }

    /// Reopens it if its time has come. Returns the time at which it will, if it stays closed.
    pub fn tick(&self, now: u64) -> Option<u64> {
        match self.get() {
            FlagState::ClosedUntil(until) if now >= until => {
                let _ = self.swap_if(until, OPEN);
                None
            }
            FlagState::ClosedUntil(until) => Some(until),
            FlagState::Open | FlagState::Disabled => None,
        }
    }

    /// Reopens it whatever its time, unless it is disabled.
    pub fn reopen(&self) {
        while let FlagState::ClosedUntil(until) = self.get() {
            if self.swap_if(until, OPEN) {
                return;
            }
        }
    }

    /// Enables or disables. Enabling opens it.
    pub fn set_enabled(&self, enabled: bool) {
        if enabled {
            let _ = self.swap_if(DISABLED, OPEN);
        } else {
            self.0.swap(DISABLED, Ordering::SeqCst);
        }
    }

    fn swap_if(&self, from: u64, to: u64) -> bool {
        self.0
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{ClosedFlag, FlagState};

    #[test]
    fn closes_until_its_time() {
        let flag = ClosedFlag::new(true);
        assert!(!flag.is_set());
        flag.close(100);
        flag.close(500);
        assert_eq!(
            flag.get(),
            FlagState::ClosedUntil(100),
            "the first closing stands"
        );
        assert_eq!(flag.tick(99), Some(100));
        assert!(flag.is_set());
        assert_eq!(flag.tick(100), None);
        assert!(!flag.is_set());
    }

    #[test]
    fn disabled_stays_disabled_until_enabled() {
        let flag = ClosedFlag::new(true);
        flag.close(10);
        flag.set_enabled(false);
        flag.tick(u64::MAX);
        flag.reopen();
        flag.close(20);
        assert_eq!(flag.get(), FlagState::Disabled);
        flag.set_enabled(true);
        assert_eq!(flag.get(), FlagState::Open);
        flag.close(u64::MAX);
        assert_ne!(
            flag.get(),
            FlagState::Disabled,
            "no closing looks like disabling"
        );
        flag.set_enabled(true);
        assert!(flag.is_set(), "enabling an enabled gate changes nothing");
        flag.reopen();
        assert_eq!(flag.get(), FlagState::Open);
    }
}

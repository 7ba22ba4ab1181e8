//! How much a scan may cost, and how far it came.

use std::time::Instant;

/// How much looking one scan may cost.
///
/// The unit is a byte looked at. Ordinary text costs two to four units per byte; only text made to be expensive, or
/// user rules without a literal, cost many.
#[derive(Clone, Copy, Debug)]
pub struct ScanBudget {
    pub(super) work: u64,
    pub(super) slow: u64,
    deadline: Option<Instant>,
}

impl Default for ScanBudget {
    /// Enough for a megabyte of ordinary text: about ten milliseconds at most.
    fn default() -> Self {
        ScanBudget::new(16 << 20, 16 << 20)
    }
}

impl ScanBudget {
    /// A budget of `work` units, and of `slow` more for user rules that have to look at every byte.
    pub fn new(work: u64, slow: u64) -> ScanBudget {
        ScanBudget {
            work,
            slow,
            deadline: None,
        }
    }

    /// The same budget, and an end in time, looked at every 2 KiB.
    pub fn with_deadline(self, deadline: Instant) -> ScanBudget {
        ScanBudget {
            deadline: Some(deadline),
            ..self
        }
    }

    /// Units that are left.
    pub fn work_left(&self) -> u64 {
        self.work
    }

    /// Units that are left for rules without a literal.
    pub fn slow_left(&self) -> u64 {
        self.slow
    }

    pub(super) fn is_over(&self) -> bool {
        self.deadline.is_some_and(|end| Instant::now() >= end)
    }
}

/// How far a scan came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "texts that were not scanned must not be shown"]
pub struct ScanOutcome {
    pub(super) first_unscanned: u32,
    pub(super) texts: u32,
}

impl ScanOutcome {
    pub(super) fn complete(texts: usize) -> ScanOutcome {
        ScanOutcome {
            first_unscanned: texts as u32,
            texts: texts as u32,
        }
    }

    /// Whether every text was scanned by every rule.
    pub fn is_complete(&self) -> bool {
        self.first_unscanned >= self.texts
    }

    /// Whether the text with this index was. What was not must be dropped whole.
    pub fn is_scanned(&self, index: u32) -> bool {
        index < self.first_unscanned
    }

    /// The texts that were not scanned.
    pub fn unscanned(&self) -> std::ops::Range<u32> {
        self.first_unscanned..self.texts
    }
}

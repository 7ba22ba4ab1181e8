//! What is wrong with a tape.

use std::fmt;

/// Why a tape was refused: what, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapeError {
    offset: usize,
    what: &'static str,
}

impl TapeError {
    pub(super) const fn new(offset: usize, what: &'static str) -> Self {
        Self { offset, what }
    }

    /// The byte of the tape at which the fault was found.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for TapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid tape: {} at byte {}", self.what, self.offset)
    }
}

impl std::error::Error for TapeError {}

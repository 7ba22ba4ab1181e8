//! What can be wrong with a store, and what to do about it.

use std::fmt;

/// An error for a person: what happened and where, and what to do.
#[derive(Debug)]
pub struct StoreError {
    what: String,
    advice: Option<String>,
}

impl StoreError {
    /// `what` is a sentence without its full stop.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            advice: None,
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn advise(self, advice: impl Into<String>) -> Self {
        Self {
            advice: Some(advice.into()),
            ..self
        }
    }

    /// What to do, if something can be done.
    pub fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for StoreError {}

impl From<stillframe_core::sink::spool::SpoolError> for StoreError {
    fn from(error: stillframe_core::sink::spool::SpoolError) -> Self {
        Self::new(error.to_string())
    }
}

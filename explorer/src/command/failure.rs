//! Why a command could not do what it was asked, for a person.

use std::process::ExitCode;

use crate::store::StoreError;

/// What happened and where, and what to do.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) what: String,
    /// What it is about, line by line, as it stands.
    pub(super) quoted: Vec<String>,
    /// Lines that help: what to do, what there is.
    pub(super) advice: Vec<String>,
}

impl Failure {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            quoted: Vec::new(),
            advice: Vec::new(),
        }
    }

    pub(super) fn quote(mut self, line: impl Into<String>) -> Self {
        self.quoted.push(line.into());
        self
    }

    pub(super) fn advise(mut self, line: impl Into<String>) -> Self {
        self.advice.push(line.into());
        self
    }

    /// What a page says, as an error: its first line, and the others below.
    pub(super) fn of_page(page: &str) -> Self {
        let mut lines = page.trim_end().lines();
        let failure = Self::new(lines.next().unwrap_or_default());
        lines.fold(failure, |failure, line| failure.advise(line))
    }

    pub(super) fn code(&self) -> ExitCode {
        ExitCode::from(2)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let failure = Self::new(error.to_string());
        match error.advice() {
            Some(advice) => failure.advise(advice),
            None => failure,
        }
    }
}

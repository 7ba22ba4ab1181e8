//! What the pipeline makes of a submission, and why it may come to nothing.

use std::fmt;

use crate::encode::{Encoder, Input, datadog, vars};
use crate::language::Language;
use crate::redact::Cleaned;
use crate::snapshot::{Extras, Meta, ReasonCounts};
use crate::tape::{Tape, TapeError};

/// A snapshot on which nothing is left to do but writing it.
#[derive(Debug)]
pub struct Finished {
    pub(super) cleaned: Cleaned,
    pub(super) meta: Meta,
    pub(super) extras: Extras,
    pub(super) key: [u8; 16],
}

impl Finished {
    /// Key of the issue; zero after [`Engine::redact`](super::Engine::redact).
    #[must_use]
    pub const fn key(&self) -> [u8; 16] {
        self.key
    }

    /// What stands beside the tape, redacted.
    #[must_use]
    pub const fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The language that the tape names.
    ///
    /// # Errors
    ///
    /// As [`Finished::msgpack`].
    pub fn language(&self) -> Result<Language, PipelineError> {
        Ok(self.tape()?.header().language)
    }

    /// What is hidden or cut, by reason.
    #[must_use]
    pub fn counts(&self) -> ReasonCounts {
        let mut counts = self.cleaned.counts;
        counts.merge(&self.cleaned.side_counts);
        counts
    }

    /// Writes format 1 as MessagePack behind what `out` holds.
    ///
    /// # Errors
    ///
    /// Only if the redact stage wrote a tape that cannot be read, which is a bug.
    pub fn msgpack(&self, encoder: &mut Encoder, out: &mut Vec<u8>) -> Result<(), PipelineError> {
        self.with_input(|input| encoder.msgpack_into(input, out))
    }

    /// Writes format 1 as JSON behind what `out` holds.
    ///
    /// # Errors
    ///
    /// As [`Finished::msgpack`].
    pub fn json(&self, encoder: &mut Encoder, out: &mut Vec<u8>) -> Result<(), PipelineError> {
        self.with_input(|input| encoder.json_into(input, out))
    }

    /// Writes Datadog's form behind what `out` holds: one request body with the frames from the `first`th on. Returns with which frame the
    /// next body begins ([`Encoder::datadog_into`]).
    ///
    /// # Errors
    ///
    /// As [`Finished::msgpack`].
    pub fn datadog(
        &self,
        encoder: &mut Encoder,
        options: &datadog::Options<'_>,
        first: usize,
        out: &mut Vec<u8>,
    ) -> Result<Option<usize>, PipelineError> {
        self.with_input(|input| encoder.datadog_into(input, options, first, out))
    }

    /// Writes one frame in Datadog's form behind what `out` holds. `false` if there is no such frame ([`Encoder::datadog_frame_into`]).
    ///
    /// # Errors
    ///
    /// As [`Finished::msgpack`].
    pub fn datadog_frame(
        &self,
        encoder: &mut Encoder,
        options: &datadog::Options<'_>,
        frame: u32,
        out: &mut Vec<u8>,
    ) -> Result<bool, PipelineError> {
        self.with_input(|input| encoder.datadog_frame_into(input, options, frame, out))
    }

    /// Writes the exceptions and frames with variables that fit into another tool's event behind what `out` holds
    /// ([`Encoder::variables_into`]).
    ///
    /// # Errors
    ///
    /// As [`Finished::msgpack`].
    pub fn variables(
        &self,
        encoder: &mut Encoder,
        options: &vars::Options,
        out: &mut Vec<u8>,
    ) -> Result<(), PipelineError> {
        let counts = self.counts();
        self.with_input(|input| encoder.variables_into(input, options, &counts, out))
    }

    /// Gives `write` what an encoder reads, for a form that is written in several pieces.
    pub(crate) fn with_input<R>(
        &self,
        write: impl FnOnce(&Input<'_>) -> R,
    ) -> Result<R, PipelineError> {
        let tape = self.tape()?;
        Ok(write(&Input {
            tape: &tape,
            meta: &self.meta,
            extras: &self.extras,
        }))
    }

    pub(super) fn tape(&self) -> Result<Tape<'_>, PipelineError> {
        self.cleaned.tape.read().map_err(PipelineError::Tape)
    }
}

/// Why a submission came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipelineError {
    /// The tape is not valid.
    Tape(TapeError),
    /// It could not be redacted, so it is not shown.
    Redaction,
}

impl fmt::Display for PipelineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tape(error) => error.fmt(f),
            Self::Redaction => f.write_str("the snapshot could not be redacted and was dropped"),
        }
    }
}

impl std::error::Error for PipelineError {}

//! Encode: a tape and what stands beside it, written as JSON or MessagePack in one pass.
//!
//! ```text
//! Tape + Meta + Extras -> walk (depth first, each value once) -> Form: JSON | MessagePack -> Vec<u8>
//! ```
//!
//! No node is ever built: the walk reads a value off the tape and writes it. The two forms have one structure, because they are
//! two implementations of one small trait under one walk; [`crate::snapshot`] describes that structure and reads it back. Datadog's form has
//! another structure and a walk of its own, [`datadog`], and so has what goes into the events of error trackers, [`vars`].
//!
//! Same tape, same bytes. A valid tape of any origin is encoded without a panic and without an error: there is nothing that could
//! fail. Memory: the output, and buffers inside [`Encoder`] that are reused, so that nothing is allocated per value, and nothing
//! per snapshot once they have grown. Recursion is as deep as a tape nests, at most
//! [`MAX_NESTING`](crate::tape::MAX_NESTING).

mod buffer;
mod chain;
mod context;
pub mod datadog;
mod envelope;
mod escape;
mod exception;
mod form;
mod json;
mod lead;
mod limit;
mod msgpack;
mod node;
pub mod stacktrace;
mod text;
pub mod vars;

use crate::language::Language;
use crate::snapshot::{Extras, Meta, ReasonCounts};
use crate::tape::Tape;

/// What a snapshot is made of.
#[derive(Clone, Copy, Debug)]
pub struct Input<'i> {
    /// Exceptions, frames and values: a clean tape.
    pub tape: &'i Tape<'i>,
    /// What the host handed over beside it.
    pub meta: &'i Meta,
    /// What the background added.
    pub extras: &'i Extras,
}

/// Encodes snapshots, reusing its memory.
///
/// ```
/// use std::time::Duration;
/// use stillframe_core::encode::{Encoder, Input};
/// use stillframe_core::language::Language;
/// use stillframe_core::limits::Limits;
/// use stillframe_core::snapshot::{Extras, Meta, Snapshot};
/// use stillframe_core::tape::{Link, Section, Tape, TapeWriter};
///
/// let mut writer = TapeWriter::new();
/// writer.begin(Language::Python, &Limits::default());
/// let key_error = writer.define_type(b"KeyError");
/// writer.exception(key_error, Link::Root, 0, false);
/// writer.end_group();
/// writer.section(Section::Message);
/// writer.ascii(b"'EUR'");
/// writer.end_group();
/// let bytes = writer.finish(None, Duration::from_micros(90)).unwrap();
///
/// let tape = Tape::parse(bytes).unwrap();
/// let (meta, extras) = (Meta::default(), Extras::default());
/// let mut json = Vec::new();
/// Encoder::new().json_into(&Input { tape: &tape, meta: &meta, extras: &extras }, &mut json);
/// let snapshot = Snapshot::from_json(&json).unwrap();
/// assert_eq!(snapshot.captured().unwrap().type_name, "KeyError");
/// ```
#[derive(Debug)]
pub struct Encoder {
    chain: chain::Chain,
    scratch: node::Scratch,
    leads: lead::Leads,
    datadog: datadog::Scratch,
    vars: vars::Scratch,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// An encoder without memory.
    #[must_use]
    pub fn new() -> Self {
        Self {
            chain: chain::Chain::default(),
            scratch: node::Scratch::default(),
            leads: lead::Leads::of(Language::Unknown),
            datadog: datadog::Scratch::default(),
            vars: vars::Scratch::default(),
        }
    }

    /// Appends the snapshot as JSON (format 1) to `out`.
    pub fn json_into(&mut self, input: &Input<'_>, out: &mut Vec<u8>) {
        let form = self.write(input, json::Json::new(out));
        form.finish();
    }

    /// Appends the snapshot as MessagePack (format 1) to `out`: the stored form.
    pub fn msgpack_into(&mut self, input: &Input<'_>, out: &mut Vec<u8>) {
        self.write(input, msgpack::Msgpack::new(out));
    }

    fn write<F: form::Form>(&mut self, input: &Input<'_>, form: F) -> F {
        let header = input.tape.header();
        self.leads.switch(header.language);
        self.chain.fill(input.tape);
        let mut walk = node::Walk {
            form,
            tape: input.tape,
            chain: &self.chain,
            leads: &self.leads,
            limits: limit::LimitTable::of(header),
            scratch: &mut self.scratch,
            language: header.language,
            counts: ReasonCounts::default(),
        };
        walk.snapshot(input.meta, input.extras);
        walk.form
    }
}

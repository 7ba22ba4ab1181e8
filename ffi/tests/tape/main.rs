//! The writer of `stillframe_tape.h`: it writes what the core's writer writes, and no program can make it do harm.
//!
//! One list of calls runs on both writers ([`call`], [`c_writer`], [`rust_writer`]); [`walker`] makes such calls of the data of
//! random [`programs`].
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod c_writer;
mod call;
mod compiler;
mod docs;
mod guarded;
mod headers;
mod programs;
mod rust_writer;
mod text;
mod vectors;
mod walk;
mod walker;

use proptest::prelude::*;
use stillframe_core::language::Language;
use stillframe_core::limits::Limits;
use stillframe_core::reason::Reason;
use stillframe_core::tape::{ContainerId, Tape};

use crate::c_writer::{BUILDS, CWriter};
use crate::call::Writer;
use crate::rust_writer::RustWriter;
use crate::walker::{Exception, Manners, write};

/// Bytes that the writer keeps back, `STILLFRAME_TAPE_RESERVE`.
const RESERVE: usize = 256;

/// Reads all of a tape, which must be valid.
pub(crate) fn read(tape: &[u8]) -> usize {
    let parsed = Tape::parse(tape).unwrap_or_else(|error| panic!("{error}: {tape:02x?}"));
    let groups = (1..=parsed.containers()).map(ContainerId);
    groups.map(|id| parsed.group(id).count()).sum()
}

/// Memory for a tape within its limits.
fn room(limits: &Limits) -> usize {
    limits.tape_bytes.max(128) as usize + RESERVE
}

fn c_tape(
    limits: &Limits,
    room: usize,
    exceptions: &[Exception],
    manners: Manners,
    calls: usize,
) -> Option<Vec<u8>> {
    let tapes = BUILDS.each_ref().map(|build| {
        let mut writer = CWriter::new(build, Language::Native, limits, room);
        write(&mut writer, exceptions, manners, calls);
        writer.finish(0, 1234)
    });
    for tape in &tapes {
        assert_eq!(*tape, tapes[0], "the builds agree");
    }
    let [tape, ..] = tapes;
    tape
}

const ALL: usize = usize::MAX;

proptest! {
    #[test]
    fn it_writes_what_the_core_writes(limits in programs::limits(), exceptions in programs::exceptions()) {
        let mut theirs = RustWriter::new(Language::Native, &limits);
        let all = write(&mut theirs, &exceptions, Manners::Polite, ALL);
        let stop = if all { 0 } else { Reason::Budget as u8 };
        let expected = theirs.finish(stop, 1234).expect("a polite walker needs no more than the reserve");
        match c_tape(&limits, room(&limits), &exceptions, Manners::Polite, ALL) {
            Some(tape) => {
                prop_assert_eq!(&tape, &expected);
                read(&tape);
            }
            None => prop_assert!(Tape::parse(&expected).is_err(), "there was no room for an exception"),
        }
    }

    #[test]
    fn less_memory_is_a_lower_limit(limits in programs::limits(), exceptions in programs::exceptions(), less in 0..3000_usize) {
        let room = (room(&limits).saturating_sub(less)).max(128 + RESERVE);
        let tape_bytes = (limits.tape_bytes as usize).min(room - RESERVE) as u32;
        let lower = Limits { tape_bytes, ..limits };
        let small = c_tape(&limits, room, &exceptions, Manners::Polite, ALL);
        prop_assert_eq!(small, c_tape(&lower, room, &exceptions, Manners::Polite, ALL));
    }

    #[test]
    fn a_walker_without_manners_gets_a_whole_tape(limits in programs::limits(), exceptions in programs::exceptions()) {
        if let Some(tape) = c_tape(&limits, room(&limits), &exceptions, Manners::Rude, ALL) {
            read(&tape);
        }
    }

    #[test]
    fn a_walker_that_stops_anywhere_gets_a_whole_tape(
        limits in programs::limits(),
        exceptions in programs::exceptions(),
        calls in 0..200_usize,
        rude in any::<bool>(),
    ) {
        let manners = if rude { Manners::Rude } else { Manners::Polite };
        if let Some(tape) = c_tape(&limits, room(&limits), &exceptions, manners, calls) {
            read(&tape);
        }
    }

    #[test]
    fn calls_in_any_order_do_no_harm(
        limits in programs::limits(),
        room in prop_oneof![0..600_usize, 600..4000_usize],
        calls in prop::collection::vec(programs::any_call(), 0..120),
    ) {
        for build in BUILDS.iter() {
            let mut writer = CWriter::new(build, Language::Native, &limits, room);
            for call in &calls {
                writer.call(call);
            }
            prop_assert!(writer.containers() <= writer.values());
            if let Some(tape) = writer.finish(0, u64::MAX) {
                // What makes no sense is refused by the reader; it must not be worse than that.
                let _ = Tape::parse(&tape);
            }
        }
    }
}

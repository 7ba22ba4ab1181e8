//! A used encoder allocates nothing, neither per value nor per snapshot, in any form; for the variables of an event a list and a text per
//! snapshot.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use stillframe_core::encode::datadog::{Dialect, MAX_BYTES, Options};
use stillframe_core::encode::{Encoder, Input, vars};
use stillframe_core::snapshot::{Extras, Meta};
use stillframe_core::tape::Tape;
use support::build::{Item, Value};
use support::{build, cases, vector};

struct Counting;

thread_local! {
    /// Allocations of this thread, and the bytes that it holds and held at most; the test harness has threads of its own.
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static HELD: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

fn held(more: i64) {
    HELD.set(HELD.get() + more);
    PEAK.set(PEAK.get().max(HELD.get()));
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        held(layout.size() as i64);
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        held(-(layout.size() as i64));
        // SAFETY: `at` came from the system's allocator with this layout.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Writes one snapshot in every form.
fn write(encoder: &mut Encoder, tape: &Tape<'_>, meta: &Meta, extras: &Extras, out: &mut Vec<u8>) {
    let input = Input { tape, meta, extras };
    let frame_id = |frame| vector::frame_id(meta.id, frame);
    out.clear();
    encoder.json_into(&input, out);
    encoder.msgpack_into(&input, out);
    for dialect in Dialect::ALL {
        encoder.datadog_into(&input, &Options::new(dialect, &frame_id), 0, out);
        let pruned = Options {
            max_bytes: 3000,
            ..Options::new(dialect, &frame_id)
        };
        encoder.datadog_into(&input, &pruned, 0, out);
    }
}

#[test]
fn nothing_is_allocated_once_the_buffers_have_grown() {
    // Text that is not UTF-8 is decoded into memory of its own; the redact stage leaves none on a tape.
    let cases: Vec<_> = cases::all()
        .into_iter()
        .filter(|case| case.name != "texts")
        .collect();
    let tapes: Vec<_> = cases.iter().map(|case| build::build(&case.spec)).collect();
    let parsed: Vec<_> = tapes
        .iter()
        .map(|tape| Tape::parse(tape).expect("valid"))
        .collect();
    let mut encoder = Encoder::new();
    let mut out = Vec::new();
    let mut round = || {
        for (case, tape) in cases.iter().zip(&parsed) {
            write(&mut encoder, tape, &case.meta, &case.extras, &mut out);
        }
    };
    round();
    let before = COUNT.get();
    round();
    round();
    assert_eq!(
        COUNT.get() - before,
        0,
        "allocations in two rounds over {} snapshots",
        cases.len()
    );
}

#[test]
fn the_variables_of_an_event_need_few_allocations() {
    let cases = cases::all();
    let tapes: Vec<_> = cases.iter().map(|case| build::build(&case.spec)).collect();
    let mut encoder = Encoder::new();
    let mut out = Vec::with_capacity(1 << 20);
    for counted in [false, true] {
        for (case, tape) in cases.iter().zip(&tapes) {
            let tape = Tape::parse(tape).expect("valid");
            let input = Input {
                tape: &tape,
                meta: &case.meta,
                extras: &case.extras,
            };
            out.clear();
            let before = COUNT.get();
            encoder.variables_into(
                &input,
                &vars::Options::default(),
                &case.extras.counts,
                &mut out,
            );
            let frames = tape
                .exceptions()
                .map(|exception| tape.frames(exception.id).count() as u64);
            let most = 8 + 2 * frames.sum::<u64>();
            assert!(!counted || COUNT.get() - before <= most, "{}", case.name);
        }
    }
}

/// A local that is a list of many values of one byte: the worst that a tape can say in its bytes.
#[test]
fn memory_is_bounded_however_much_a_tape_says() {
    let nothing = Value::List {
        type_name: None,
        size: 1 << 22,
        items: (0..1 << 22).map(|_| Item::Value(Value::Null)).collect(),
    };
    let mut spec = cases::all().remove(0).spec;
    spec.chain.push(support::build::ExceptionItem::Exception(
        support::build::Exception {
            link: 0,
            frames: vec![support::build::FrameItem::Frame(support::build::Frame {
                sections: vec![(2, vec![("nothing".into(), Item::Value(nothing))])],
                ..support::build::Frame::default()
            })],
            ..support::build::Exception::default()
        },
    ));
    let tape = build::build(&spec);
    drop(spec);
    let parsed = Tape::parse(&tape).expect("valid");
    let (meta, extras) = (Meta::default(), Extras::default());
    let input = Input {
        tape: &parsed,
        meta: &meta,
        extras: &extras,
    };
    let frame_id = |frame| vector::frame_id(meta.id, frame);
    PEAK.set(HELD.get());
    let before = HELD.get();
    let mut out = Vec::new();
    let options = Options::new(Dialect::Python, &frame_id);
    Encoder::new().datadog_into(&input, &options, 0, &mut out);
    let peak = PEAK.get() - before;
    assert!(out.len() <= 2 * MAX_BYTES);
    assert!(peak < 64 << 20, "{peak} bytes");

    PEAK.set(HELD.get());
    let before = HELD.get();
    let mut out = Vec::new();
    Encoder::new().variables_into(&input, &vars::Options::default(), &extras.counts, &mut out);
    let peak = PEAK.get() - before;
    assert!(peak < 64 << 10, "{peak} bytes");
}

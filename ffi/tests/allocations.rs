//! What runs on the raising thread before a capture allocates nothing: refusals, admissions, what a walker asks. A submission makes one copy.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::{null, null_mut};

use stillframe::admit::{STILLFRAME_SITE_EXPLICIT, stillframe_capture_admit, stillframe_site};
use stillframe::capture::{
    stillframe_capture, stillframe_capture_cancel, stillframe_capture_submit,
};
use stillframe::config::{stillframe_config, stillframe_setting};
use stillframe::engine::{stillframe_engine_free, stillframe_engine_new};
use stillframe::handle::stillframe_engine;
use stillframe::permit::stillframe_permit;
use stillframe::redact::{stillframe_name_is_redacted, stillframe_shape_plan};
use stillframe::status::{
    STILLFRAME_OK, STILLFRAME_REDACTED, STILLFRAME_REFUSED_CLOSED, STILLFRAME_REFUSED_DISABLED,
    STILLFRAME_REFUSED_RATE, STILLFRAME_REFUSED_RULE, STILLFRAME_REFUSED_SITE, stillframe_status,
};
use support::{example_tape, sized, view};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; the counter is a plain thread-local without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`; `pointer` came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations<T>(run: impl FnOnce() -> T) -> (T, u64) {
    let before = ALLOCATIONS.with(Cell::get);
    let result = run();
    (result, ALLOCATIONS.with(Cell::get) - before)
}

fn engine(settings: &[(&str, &str)]) -> *const stillframe_engine {
    let settings: Vec<_> = settings
        .iter()
        .chain(&[("spool.enabled", "false")])
        .map(|(key, value)| stillframe_setting {
            key: view(key),
            value: view(value),
        })
        .collect();
    let mut config: stillframe_config = sized();
    (config.settings, config.settings_len) = (settings.as_ptr(), settings.len());
    let mut engine = null();
    // SAFETY: all pointers are to values on this stack, which live for the call.
    let made =
        unsafe { stillframe_engine_new(&raw const config, null(), &raw mut engine, null_mut()) };
    assert_eq!(made, STILLFRAME_OK);
    engine
}

fn free(engine: *const stillframe_engine) {
    // SAFETY: a handle of `engine`, used no more.
    let freed = unsafe { stillframe_engine_free(engine, 10_000, null_mut()) };
    assert_eq!(freed, STILLFRAME_OK);
}

fn site(frames: &[u64]) -> stillframe_site {
    let mut site: stillframe_site = sized();
    site.type_name = view("std::out_of_range");
    site.module = view("shop");
    site.function = view("total");
    (site.frames, site.frames_len) = (frames.as_ptr(), frames.len());
    site
}

fn admit(
    engine: *const stillframe_engine,
    site: &stillframe_site,
    permit: &mut stillframe_permit,
) -> stillframe_status {
    // SAFETY: all pointers are to values of the caller, which live for the call.
    unsafe { stillframe_capture_admit(engine, site, permit, null_mut()) }
}

fn cancel(engine: *const stillframe_engine, permit: &mut stillframe_permit) -> stillframe_status {
    // SAFETY: as above.
    unsafe { stillframe_capture_cancel(engine, permit, null_mut()) }
}

#[test]
fn refusals_and_admissions() {
    let engine = engine(&[
        ("gate.burst", "4"),
        ("gate.novelty_burst", "1"),
        ("gate.exclude", r#"[{"type": "harmless"}]"#),
    ]);
    let frames = [1, 2, 3, 4, 5, 6, 7, 8];
    let here = site(&frames);
    let mut permit: stillframe_permit = sized();
    for _ in 0..3 {
        let (status, count) = allocations(|| admit(engine, &here, &mut permit));
        assert_eq!((status, count), (STILLFRAME_OK, 0));
        let (status, count) = allocations(|| cancel(engine, &mut permit));
        assert_eq!((status, count), (STILLFRAME_OK, 0));
    }
    for _ in 0..2 {
        assert_eq!(
            allocations(|| admit(engine, &here, &mut permit)),
            (STILLFRAME_REFUSED_SITE, 0)
        );
    }
    let mut excluded = site(&frames[1..]);
    excluded.type_name = view("harmless");
    assert_eq!(
        allocations(|| admit(engine, &excluded, &mut permit)),
        (STILLFRAME_REFUSED_RULE, 0)
    );
    // What is left of the tokens goes; then no site finds one.
    for length in 2..8 {
        let (status, count) = allocations(|| admit(engine, &site(&frames[length..]), &mut permit));
        assert_eq!(count, 0);
        if status == STILLFRAME_OK {
            assert_eq!(cancel(engine, &mut permit), STILLFRAME_OK);
        } else {
            assert!(
                matches!(status, STILLFRAME_REFUSED_RATE | STILLFRAME_REFUSED_CLOSED),
                "{status}"
            );
        }
    }
    free(engine);
}

#[test]
fn a_disabled_engine() {
    let engine = engine(&[("enabled", "false")]);
    let mut permit: stillframe_permit = sized();
    let mut here = site(&[]);
    for flags in [0, STILLFRAME_SITE_EXPLICIT] {
        here.flags = flags;
        assert_eq!(
            allocations(|| admit(engine, &here, &mut permit)),
            (STILLFRAME_REFUSED_DISABLED, 0)
        );
    }
    free(engine);
}

#[test]
fn what_a_walker_asks() {
    let engine = engine(&[]);
    let names = [view("api_token"), view("author")];
    let mut hidden = [0_u64];
    // SAFETY: all pointers are to values on this stack, which live for the call.
    let (status, count) = allocations(|| unsafe {
        stillframe_shape_plan(
            engine,
            view("shop.Order"),
            names.as_ptr(),
            2,
            0,
            hidden.as_mut_ptr(),
            null_mut(),
        )
    });
    assert_eq!((status, count, hidden[0]), (STILLFRAME_OK, 0, 1));
    let mut rule = view("");
    // SAFETY: as above.
    let asked = allocations(|| unsafe {
        stillframe_name_is_redacted(engine, names[0], 0, &raw mut rule, null_mut())
    });
    assert_eq!(asked, (STILLFRAME_REDACTED, 0));
    free(engine);
}

#[test]
fn a_submission_without_words_beside_it_is_one_allocation() {
    let engine = engine(&[("gate.burst", "100")]);
    let tape = example_tape();
    let mut capture: stillframe_capture = sized();
    (capture.tape, capture.tape_len) = (tape.as_ptr(), tape.len());
    let mut permit: stillframe_permit = sized();
    let mut here = site(&[]);
    here.flags = STILLFRAME_SITE_EXPLICIT;
    for number in 0..4 {
        assert_eq!(admit(engine, &here, &mut permit), STILLFRAME_OK);
        // SAFETY: all pointers are to values on this stack, which live for the call.
        let (status, count) = allocations(|| unsafe {
            stillframe_capture_submit(engine, &raw mut permit, &raw const capture, null_mut())
        });
        assert_eq!(status, STILLFRAME_OK);
        // The first one starts the background thread.
        assert!(number == 0 || count == 1, "{count}");
    }
    free(engine);
}

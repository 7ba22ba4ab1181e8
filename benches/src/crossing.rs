//! What crossing from C costs: the header's inline writer beside one exported call per value, with and without asking the library about
//! each name; admission and submission; encoding. The C side is `benches/crossing`, the library is the shared one, as it is shipped.
//!
//! Beside each row is what the same bytes cost by `malloc`, `memcpy` and `free` in the same run, and what libdatadog's snapshot builder
//! took for the same data when it was measured (libdatadog of August 2026 at its default optimisation, names redacted, numbers handed over as
//! text; another run on another day, so only the magnitude is comparable).

use std::ffi::{CString, c_char, c_int};
use std::hint::black_box;
use std::path::Path as File;

use crate::path::Path;

// SAFETY: `benches/crossing/crossing.h`, which `build.rs` compiles.
unsafe extern "C" {
    fn crossing_open(stillframe: *const c_char, calls: *const c_char) -> c_int;
    fn crossing_write(set: c_int, way: c_int, times: u32) -> usize;
    fn crossing_copy(set: c_int, times: u32);
    fn crossing_capture(set: c_int, times: u32) -> u32;
    fn crossing_encode(set: c_int, times: u32) -> usize;
}

/// One data set; names are of paths.
struct Set {
    number: c_int,
    values: f64,
    title: &'static str,
    /// In the order of [`WAYS`], then copy, submit, encode.
    names: [&'static str; 7],
    titles: [&'static str; 7],
    /// What libdatadog took: to build, to build and serialize and free.
    recorded: [&'static str; 2],
}

/// Numbers of `crossing.h`.
const WAYS: [c_int; 4] = [0, 1, 2, 3];
const SHAPED: c_int = 4;
const WALKED: c_int = 5;

const SETS: [Set; 3] = [
    Set {
        number: 0,
        values: 800.0,
        title: "A, 100 objects of 8 fields",
        names: [
            "c-inline-a",
            "c-inline-redact-a",
            "c-calls-a",
            "c-calls-redact-a",
            "c-copy-a",
            "c-capture-a",
            "c-encode-a",
        ],
        titles: [
            "C, A: inline writer",
            "C, A: inline writer, each name asked about",
            "C, A: a call per value",
            "C, A: a call per value, each name asked about",
            "malloc, memcpy, free of A",
            "C, A: admitted, written, submitted",
            "C, A: redacted and encoded for Datadog",
        ],
        recorded: [
            "libdatadog, recorded: 297 ns and 1,885 instructions per value to build, 408 allocations per capture",
            "libdatadog, recorded: 138 ns and 971 instructions per value to serialize and free (nothing validated, values not scanned)",
        ],
    },
    Set {
        number: 1,
        values: 80.0,
        title: "B, 8 frames of 10 variables",
        names: [
            "c-inline-b",
            "c-inline-redact-b",
            "c-calls-b",
            "c-calls-redact-b",
            "c-copy-b",
            "c-capture-b",
            "c-encode-b",
        ],
        titles: [
            "C, B: inline writer",
            "C, B: inline writer, each name asked about",
            "C, B: a call per value",
            "C, B: a call per value, each name asked about",
            "malloc, memcpy, free of B",
            "C, B: admitted, written, submitted",
            "C, B: redacted and encoded for Datadog",
        ],
        recorded: [
            "libdatadog, recorded: 212 ns and 1,977 instructions per value to build, 32 allocations per capture",
            "libdatadog, recorded: 163 ns and 1,642 instructions per value to serialize and free (nothing validated, values not scanned)",
        ],
    },
    Set {
        number: 2,
        values: 256.0,
        title: "C, 8 frames of 10 variables, 3 of them containers",
        names: [
            "c-inline-c",
            "c-inline-redact-c",
            "c-calls-c",
            "c-calls-redact-c",
            "c-copy-c",
            "c-capture-c",
            "c-encode-c",
        ],
        titles: [
            "C, C: inline writer",
            "C, C: inline writer, each name asked about",
            "C, C: a call per value",
            "C, C: a call per value, each name asked about",
            "malloc, memcpy, free of C",
            "C, C: admitted, written, submitted",
            "C, C: redacted and encoded for Datadog",
        ],
        recorded: [
            "libdatadog, recorded: 147 ns and 1,266 instructions per value to build, 96 allocations per capture",
            "libdatadog, recorded: 109 ns and 1,091 instructions per value to serialize and free (nothing validated, values not scanned)",
        ],
    },
];

/// Targets of the four ways, in ns per value.
const TARGETS: [Option<f64>; 4] = [Some(12.0), None, None, Some(18.0)];

pub(crate) fn all() -> Vec<Path> {
    open();
    let mut paths: Vec<Path> = SETS.iter().flat_map(of).collect();
    for (name, title, way) in [
        (
            "c-shaped-a",
            "C, A: inline writer, a shape planned once",
            SHAPED,
        ),
        ("c-walked-a", "C, A: inline writer and queue", WALKED),
    ] {
        paths.push(written(&SETS[0], name, title, way));
    }
    paths
}

fn of(set: &'static Set) -> Vec<Path> {
    let mut paths = Vec::new();
    for (index, way) in WAYS.into_iter().enumerate() {
        let mut path = written(set, set.names[index], set.titles[index], way);
        if let Some(most) = TARGETS[index] {
            path = path.at_most(most);
        }
        paths.push(if index == 0 {
            path.note(format!("{}. {}", set.title, set.recorded[0]))
        } else {
            path
        });
    }
    let number = set.number;
    let named = |index: usize, work: Box<dyn FnMut(u32)>| {
        Path::new(set.names[index], "c", set.titles[index], work)
            .per("ns per value", set.values)
            .and_cold()
    };
    // SAFETY: `open` has run.
    let copy = move |n| unsafe { crossing_copy(number, n) };
    let capture = move |n| {
        // SAFETY: `open` has run.
        let taken = unsafe { crossing_capture(number, n) };
        assert_eq!(taken, n, "every capture was taken");
    };
    let encode = move |n| {
        // SAFETY: `open` has run.
        let bytes = unsafe { crossing_encode(number, n) };
        assert!(bytes > n as usize * 1000, "every capture was encoded");
    };
    paths.push(named(4, Box::new(copy)).timed_only());
    paths.push(
        named(5, Box::new(capture))
            .against(set.names[4])
            .timed_only(),
    );
    paths.push(named(6, Box::new(encode)).note(set.recorded[1]));
    paths
}

fn written(set: &'static Set, name: &'static str, title: &'static str, way: c_int) -> Path {
    let number = set.number;
    let write = move |n| {
        // SAFETY: `open` has run.
        let bytes = unsafe { crossing_write(number, way, n) };
        assert!(black_box(bytes) >= n as usize * 1000, "every tape is whole");
    };
    Path::new(name, "c", title, write)
        .per("ns per value", set.values)
        .against(set.names[4])
        .and_cold()
}

/// Loads the libraries. The shared one lies beside this program, where cargo puts both.
fn open() {
    let program = std::env::current_exe().expect("this program has a path");
    let library = program.with_file_name("libstillframe.so");
    assert!(
        library.exists(),
        "{} is not there: cargo build --release -p stillframe-ffi",
        library.display()
    );
    let path = |file: &File| {
        CString::new(file.as_os_str().as_encoded_bytes()).expect("a path holds no zero byte")
    };
    let (library, calls) = (path(&library), path(File::new(env!("CROSSING_CALLS"))));
    // SAFETY: both are terminated paths; called before anything else of the C side, on one thread.
    let status = unsafe { crossing_open(library.as_ptr(), calls.as_ptr()) };
    assert_eq!(status, 0, "the C side cannot be loaded (see crossing.h)");
}

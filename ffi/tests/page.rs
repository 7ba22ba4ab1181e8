//! The programs of docs/abi.md compile without a warning, run, and store what they say.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::process::Command;

use stillframe_core::sink::RecordKind;
use stillframe_core::sink::spool::SpoolReader;

#[test]
fn the_program_of_the_page_stores_its_exception() {
    let page = std::fs::read_to_string(support::folder().join("../docs/abi.md")).expect("the page");
    let programs: Vec<&str> = page
        .split("```c\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert_eq!(programs.len(), 1);
    let folder = support::library(&[]);
    let source = folder.path().join("page.c");
    std::fs::write(&source, programs[0]).expect("written");
    let program = folder.path().join("program");
    let path = folder.path().display().to_string();
    support::compile(
        "gcc",
        "c99",
        &source,
        &program,
        &[
            &format!("-L{path}"),
            "-lstillframe",
            &format!("-Wl,-rpath,{path}"),
        ],
    );
    let store = folder.path().join("store");
    let output = Command::new(&program)
        .env("STILLFRAME_DIR", &store)
        .output()
        .expect("runs");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let reader = SpoolReader::open(&store).expect("a store");
    let records = reader.records().expect("readable").records;
    let snapshots = records
        .iter()
        .filter(|record| record.kind == RecordKind::Snapshot)
        .count();
    assert_eq!(snapshots, 1);
}

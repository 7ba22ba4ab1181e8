//! Compiles the C side of the crossing bench: into the program, and the exports for each value into a shared object of their own.
#![expect(clippy::expect_used, reason = "how a build script fails")]

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=crossing");
    println!("cargo::rerun-if-changed=../ffi/include");
    let mut build = cc::Build::new();
    build
        .include("../ffi/include")
        .include("crossing")
        .opt_level(2)
        .warnings(true)
        .extra_warnings(true)
        .warnings_into_errors(true);
    build
        .clone()
        .std("gnu11")
        .file("crossing/crossing.c")
        .compile("crossing");
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    let calls = Path::new(&out).join("libcrossing_calls.so");
    let mut link = build.std("c99").pic(true).get_compiler().to_command();
    link.args(["-shared", "crossing/calls.c", "-o"]).arg(&calls);
    let status = link.status().expect("the C compiler starts");
    assert!(status.success(), "{link:?}");
    println!("cargo::rustc-env=CROSSING_CALLS={}", calls.display());
}

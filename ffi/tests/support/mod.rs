//! What several tests need: the sources' exports, and a C compiler.
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    reason = "each test uses a part, and fails by panicking"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// The crate's folder.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All source files of the crate.
pub(crate) fn sources() -> Vec<(PathBuf, syn::File)> {
    let mut files = Vec::new();
    collect(&folder().join("src"), &mut files);
    files.sort();
    let parse = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("readable");
        (path, syn::parse_file(&text).expect("Rust"))
    };
    files.into_iter().map(parse).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Names of functions that the headers declare.
pub(crate) fn declared() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder().join("include")).expect("a folder") {
        let path = entry.expect("an entry").path();
        // What is in C++ only has no symbols.
        if path.extension().is_some_and(|extension| extension == "h") {
            names.append(&mut declared_in(
                &std::fs::read_to_string(path).expect("readable"),
            ));
        }
    }
    names
}

fn declared_in(header: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in header.lines() {
        let is_declaration = line.starts_with(|c: char| c.is_ascii_lowercase())
            && !["typedef", "static", "template", "extern"]
                .iter()
                .any(|word| line.starts_with(word));
        if let Some((before, _)) = line.split_once('(')
            && is_declaration
        {
            let name = before.rsplit([' ', '*']).next().unwrap_or_default();
            names.insert(name.to_owned());
        }
    }
    names
}

/// A view of a text.
pub(crate) fn view(text: &str) -> stillframe::text::stillframe_text {
    stillframe::text::stillframe_text {
        ptr: text.as_ptr().cast(),
        len: text.len(),
    }
}

/// A struct as C has it before anything is set.
pub(crate) fn sized<T>() -> T {
    // SAFETY: only used for the interface's structs, which are numbers, pointers and optional functions, and begin with their size.
    unsafe {
        let mut it: T = std::mem::zeroed();
        (&raw mut it).cast::<usize>().write(size_of::<T>());
        it
    }
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16);
    let bytes: Result<_, _> = (0..text.len()).step_by(2).map(byte).collect();
    bytes.expect("hex digits")
}

/// Some tape.
pub(crate) fn example_tape() -> Vec<u8> {
    let path = folder().join("../conformance/snapshots/documented.json");
    let text = std::fs::read_to_string(path).expect("a vector");
    let vector: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    unhex(vector["tape"].as_str().expect("hex"))
}

/// Compiles a program against the crate's headers; what goes wrong is shown.
pub(crate) fn compile(
    compiler: &str,
    standard: &str,
    source: &Path,
    program: &Path,
    more: &[&str],
) {
    let output = Command::new(compiler)
        .arg(format!("-std={standard}"))
        .args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-g", "-I"])
        .arg(folder().join("include"))
        .arg("-I")
        .arg(folder().join("tests/c"))
        .arg("-o")
        .arg(program)
        .arg(source)
        .args(more)
        .output()
        .unwrap_or_else(|error| panic!("{compiler} (apt install g++): {error}"));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Cargo writes both libraries to one place.
static BUILDS: Mutex<()> = Mutex::new(());

/// Builds the shared library and copies it to a folder of its own.
pub(crate) fn library(features: &[&str]) -> tempfile::TempDir {
    let _one = BUILDS.lock();
    let target = std::env::current_exe().expect("a path");
    let target = target
        .ancestors()
        .find(|folder| folder.ends_with("deps"))
        .and_then(Path::parent)
        .and_then(Path::parent)
        .expect("tests are in target/PROFILE/deps");
    let status = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "-p",
            "stillframe-ffi",
            "--lib",
            "--target-dir",
        ])
        .arg(target)
        .args(features)
        .status()
        .expect("cargo");
    assert!(status.success());
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(
        target.join("debug/libstillframe.so"),
        folder.path().join("libstillframe.so"),
    )
    .expect("it was built");
    folder
}

//! What several tests need: the sources' exports, and a C compiler.
#![allow(dead_code, reason = "each test uses a part")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// Names of functions that the header declares.
pub(crate) fn declared(header: &str) -> BTreeSet<String> {
    let path = folder().join("include").join(header);
    let text = std::fs::read_to_string(path).expect("the header is checked in");
    let mut names = BTreeSet::new();
    for line in text.lines() {
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

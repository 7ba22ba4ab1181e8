//! What is exported, declared and guarded is the same; and what a C program sees of a panic.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::{Object as _, ObjectSymbol as _};
use syn::{Item, Stmt};

/// What is only there for tests.
const HOOK: &str = "stillframe_test_panic";

/// Exported functions of the sources: name, whether they are there for tests only, whether all of the body is the guard.
fn exports() -> Vec<(String, bool, bool)> {
    let mut found = Vec::new();
    for (path, file) in support::sources() {
        for item in file.items {
            let Item::Fn(function) = item else {
                continue;
            };
            let attributes = function
                .attrs
                .iter()
                .map(|attribute| match &attribute.meta {
                    syn::Meta::List(list) => (list.path.clone(), list.tokens.to_string()),
                    other => (other.path().clone(), String::new()),
                });
            let attributes: Vec<_> = attributes.collect();
            let exported = attributes.iter().any(|(path, tokens)| {
                path.is_ident("no_mangle")
                    || path.is_ident("unsafe") && tokens.contains("no_mangle")
            });
            let name = function.sig.ident.to_string();
            assert_eq!(
                exported,
                function.sig.abi.is_some() && matches!(function.vis, syn::Visibility::Public(_)),
                "{name} in {}: extern without export, or the reverse",
                path.display()
            );
            if exported {
                let hook = attributes
                    .iter()
                    .any(|(path, tokens)| path.is_ident("cfg") && tokens.contains("test-hooks"));
                found.push((name, hook, is_guard(&function.block.stmts)));
            }
        }
    }
    found
}

fn is_guard(body: &[Stmt]) -> bool {
    match body {
        [Stmt::Macro(statement)] => statement.mac.path.is_ident("guard"),
        [Stmt::Expr(syn::Expr::Macro(expression), _)] => expression.mac.path.is_ident("guard"),
        _ => false,
    }
}

#[test]
fn every_export_is_guarded_and_nothing_else_is_in_it() {
    let exports = exports();
    assert!(exports.len() >= 24, "{} were found", exports.len());
    for (name, _, guarded) in exports {
        assert!(guarded, "{name} is not one guard!");
        assert!(name.starts_with("stillframe_"), "{name}");
    }
}

#[test]
fn the_headers_declare_what_the_sources_export() {
    let exported: BTreeSet<_> = exports()
        .into_iter()
        .filter_map(|(name, hook, _)| (!hook).then_some(name))
        .collect();
    assert_eq!(support::declared(), exported);
}

fn symbols(library: &Path) -> BTreeSet<String> {
    let bytes = std::fs::read(library).expect("readable");
    let file = object::File::parse(&*bytes).expect("an object file");
    let exported = file
        .dynamic_symbols()
        .filter(|symbol| !symbol.is_undefined());
    exported
        .map(|symbol| symbol.name().expect("a name").to_owned())
        .collect()
}

#[test]
fn the_shared_library_exports_what_the_headers_declare() {
    let folder = support::library(&[]);
    let symbols = symbols(&folder.path().join("libstillframe.so"));
    assert_eq!(symbols, support::declared());
}

#[test]
fn a_panic_is_a_status_a_line_in_the_log_and_nothing_on_standard_error() {
    let folder = support::library(&["--features", "test-hooks"]);
    let library = folder.path().join("libstillframe.so");
    assert!(symbols(&library).contains(HOOK));
    for test in ["panic.c", "report.c"] {
        run_silently(folder.path(), test);
    }
}

/// Runs a program of `tests/panic` with the library in this folder.
fn run_silently(folder: &Path, test: &str) {
    let program: PathBuf = folder.join("program");
    let path = folder.display().to_string();
    support::compile(
        "gcc",
        "c99",
        &support::folder().join("tests/panic").join(test),
        &program,
        &[
            &format!("-L{path}"),
            "-lstillframe",
            &format!("-Wl,-rpath,{path}"),
        ],
    );
    let output = Command::new(&program)
        .env("STILLFRAME_DIR", folder.join("store"))
        .output()
        .expect("runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{test}: {error}");
    assert_eq!((&*error, output.stdout.len()), ("", 0));
}

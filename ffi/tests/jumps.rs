//! A jump over the opening of a scope or a variable, which would be closed without having been opened, does not compile.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::Path;
use std::process::Command;

/// Allowed jumps, and one more for each macro.
const PROGRAM: &str = r#"
#include "stillframe_report.h"

int jump(int number) {
#ifdef OVER_A_SCOPE
    if (number == 1) goto out;
#endif
    STILLFRAME_FRAME();
#ifdef OVER_A_VARIABLE
    if (number == 2) goto out;
#endif
    int variable = number;
    STILLFRAME_INT(variable);
again:
    if (number == 3) goto out;
    if (variable-- > 0) goto again;
    while (number > 4) {
        STILLFRAME_FRAME();
        STILLFRAME_INT(number);
        if (number == 7) goto out;
        if (number == 8) continue;
        break;
    }
out:
    return number;
}

int choose(int number) {
    STILLFRAME_FRAME();
    switch (number) {
    case 1: {
        STILLFRAME_FRAME();
        STILLFRAME_INT(number);
        break;
    }
#ifdef OVER_A_CASES_VARIABLE
    case 2:;
        STILLFRAME_INT(number);
        break;
#endif
#ifdef OVER_A_CASES_SCOPE
    case 2:;
        STILLFRAME_FRAME();
        break;
#endif
    default:
        break;
    }
    return number;
}
"#;

const JUMPS: [&str; 4] = [
    "OVER_A_SCOPE",
    "OVER_A_VARIABLE",
    "OVER_A_CASES_VARIABLE",
    "OVER_A_CASES_SCOPE",
];

/// What a compiler says; `None`: it is not here.
fn errors(compiler: &str, flags: &[&str], source: &Path) -> Option<String> {
    let mut command = Command::new(compiler);
    command
        .args(["-Wall", "-Wextra", "-Werror", "-Wvla", "-Wshadow"])
        .args(["-Wconversion", "-pedantic", "-fsyntax-only", "-I"])
        .arg(support::folder().join("include"))
        .args(flags)
        .arg(source);
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.success(), text.is_empty(), "{text}");
    Some(text)
}

#[test]
fn jumps_over_what_is_closed_later_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut tried = 0;
    for (compiler, standard) in [
        ("gcc", "c99"),
        ("gcc", "gnu11"),
        ("g++", "c++17"),
        ("clang", "c99"),
        ("clang++", "c++17"),
    ] {
        let ending = if standard.contains("++") { "cpp" } else { "c" };
        let source = folder.path().join(format!("jumps.{ending}"));
        std::fs::write(&source, PROGRAM).expect("written");
        let standard = format!("-std={standard}");
        let Some(words) = errors(compiler, &[&standard], &source) else {
            continue;
        };
        assert_eq!(words, "", "{compiler} {standard}");
        tried += 1;
        for jump in JUMPS {
            let define = format!("-D{jump}");
            let words = errors(compiler, &[&standard, &define], &source).unwrap_or_default();
            assert!(
                words.contains("jump"),
                "{compiler} {standard} {jump}: {words}"
            );
        }
    }
    assert!(tried >= 3, "gcc and g++ are needed (apt install g++)");
}

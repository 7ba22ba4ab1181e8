//! The headers as their users compile them.

use std::process::Command;

use crate::compiler::{Standard, compile, folder, run};

const STANDARDS: [Standard; 4] = [
    Standard::C99,
    Standard::C17,
    Standard::Cpp17,
    Standard::Cpp20,
];

#[test]
fn they_are_clean_and_define_no_symbol() {
    for standard in STANDARDS {
        for optimised in ["-O0", "-O2", "-O3"] {
            let name = format!("tape-headers-{standard:?}{optimised}.o");
            let object = compile(
                &folder("tests/c/tape_headers.c"),
                standard,
                &name,
                &["-c", optimised],
            );
            let listed = Command::new("nm")
                .args(["--extern-only", "--defined-only", "--format=posix"])
                .arg(&object)
                .output();
            let listed = String::from_utf8(listed.expect("nm, of binutils").stdout).unwrap();
            let names: Vec<_> = listed
                .lines()
                .filter_map(|line| line.split(' ').next())
                .collect();
            assert_eq!(
                names,
                ["stillframe_test_headers"],
                "{standard:?} {optimised}"
            );
        }
    }
}

#[test]
fn random_calls_are_clean_under_sanitizers() {
    let flags = [
        "-O1",
        "-g",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
    ];
    for standard in [Standard::C99, Standard::Cpp17] {
        let program = compile(
            &folder("tests/c/tape_random.c"),
            standard,
            &format!("tape-random-{standard:?}"),
            &flags,
        );
        let said = run(&program, &["5000"]);
        assert!(
            said.starts_with(b"5000 tapes"),
            "{}",
            String::from_utf8_lossy(&said)
        );
    }
}

//! Where the members of structs are: in Rust, in C, in C++, and in the released versions. `tests/layout.txt` has one line for each struct
//! and member; lines are only ever added (`BLESS=1` writes the file).
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![cfg(target_pointer_width = "64")]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::mem::{align_of, offset_of, size_of};
use std::process::Command;

use stillframe::admit::stillframe_site;
use stillframe::capture::{stillframe_attribute, stillframe_capture, stillframe_session_link};
use stillframe::config::{stillframe_config, stillframe_setting, stillframe_snapshot};
use stillframe::encode::stillframe_encoding;
use stillframe::error::stillframe_error;
use stillframe::permit::{stillframe_limits, stillframe_permit};
use stillframe::stats::stillframe_stats;
use stillframe::text::{stillframe_bytes, stillframe_text};

/// Size, alignment and offsets of structs, by `name` and `name.member`.
macro_rules! layouts {
    ($($name:ident { $($member:ident)+ })+) => {{
        let mut lines = Vec::new();
        $(
            lines.push((stringify!($name).to_owned(), size_of::<$name>()));
            assert_eq!(align_of::<$name>() % 4, 0);
            $(lines.push((concat!(stringify!($name), ".", stringify!($member)).to_owned(), offset_of!($name, $member)));)+
        )+
        lines
    }};
}

fn layouts() -> Vec<(String, usize)> {
    layouts! {
        stillframe_text { ptr len }
        stillframe_bytes { ptr len cap }
        stillframe_error { struct_size status detail message }
        stillframe_setting { key value }
        stillframe_snapshot { struct_size format part bytes bytes_len id fingerprint timestamp_ns last reserved }
        stillframe_config {
            struct_size language snapshot_format service env version runtime runtime_version walker directory settings settings_len
            log log_data snapshot snapshot_data
        }
        stillframe_site { struct_size flags line type_name module function path origin frames frames_len }
        stillframe_limits { exceptions frames depth fields items string values tape_bytes soft_time_us hard_time_us }
        stillframe_permit { struct_size token path origin timestamp_ns id limits flags lease_ms }
        stillframe_attribute { name kind reserved text integer number }
        stillframe_session_link { name id url }
        stillframe_capture {
            struct_size tape tape_len flags reserved mechanism thread_id thread_name trace_id span_id attributes attributes_len user user_len
            session_links session_links_len fingerprint fingerprint_len id timestamp_ns
        }
        stillframe_encoding {
            struct_size format dialect flags characters frames max_bytes first next service process_tags exception_hash source_file
        }
        stillframe_stats {
            struct_size captured refused_disabled refused_closed refused_site refused_rate refused_rule refused_reentrant
            dropped_queue dropped_memory dropped_tape dropped_redaction dropped_sink dropped_deadline dropped_error
            dropped_cancelled admitted admitted_novel admitted_deeper admitted_explicit values tape_bytes spool_written
            spool_bytes spool_failed spool_removed fallback internal_errors internal_panics callback_sent callback_failed callback_dropped
            walk_count walk_p50_ns walk_p99_ns walk_max_ns
        }
    }
}

#[test]
fn the_layout_is_that_of_the_released_versions() {
    let text = layouts()
        .iter()
        .fold(String::new(), |mut text, (name, number)| {
            let _ = writeln!(text, "{name} {number}");
            text
        });
    let path = support::folder().join("tests/layout.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).expect("written");
    }
    let stored = std::fs::read_to_string(&path).expect("checked in");
    assert_eq!(
        stored, text,
        "BLESS=1 if members were added at the end of a sized struct"
    );
}

#[test]
fn every_public_struct_and_member_is_in_the_list() {
    let listed: Vec<String> = layouts().into_iter().map(|(name, _)| name).collect();
    let mut found = Vec::new();
    // The structs of another header have tests of their own.
    let reports = support::folder().join("src/report");
    let files = support::sources().into_iter();
    for (_, file) in files.filter(|(path, _)| !path.starts_with(&reports)) {
        for item in file.items {
            let syn::Item::Struct(item) = item else {
                continue;
            };
            let plain = item
                .attrs
                .iter()
                .any(|attribute| attribute.path().is_ident("repr"));
            if plain && matches!(item.vis, syn::Visibility::Public(_)) {
                let name = item.ident.to_string();
                let members = item.fields.iter().filter_map(|field| field.ident.as_ref());
                found.extend(members.map(|member| format!("{name}.{member}")));
                found.push(name);
            }
        }
    }
    found.sort();
    let mut sorted = listed;
    sorted.sort();
    assert_eq!(found, sorted);
}

#[test]
fn c_and_cpp_see_the_same() {
    let mut source = String::from(
        "#include \"stillframe.h\"\n#include <stdio.h>\nint main(void) {\n    int wrong = 0;\n",
    );
    for (name, number) in layouts() {
        let expression = match name.split_once('.') {
            Some((name, member)) => format!("offsetof({name}, {member})"),
            None => format!("sizeof({name})"),
        };
        let _ = writeln!(
            source,
            "    if ({expression} != {number}u) {{ printf(\"{name}: %u\\n\", (unsigned){expression}); wrong = 1; }}"
        );
    }
    source.push_str("    return wrong;\n}\n");
    let folder = tempfile::tempdir().expect("a folder");
    for (compiler, standard, name) in [("gcc", "c99", "layout.c"), ("g++", "c++17", "layout.cpp")] {
        let (file, program) = (folder.path().join(name), folder.path().join("program"));
        std::fs::write(&file, &source).expect("written");
        support::compile(compiler, standard, &file, &program, &[]);
        let output = Command::new(&program).output().expect("runs");
        let wrong = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{compiler}: {wrong}");
    }
}

/// The words of counters are those of the core, whose order may change while the struct's may not.
#[test]
fn every_counter_of_the_core_has_a_member() {
    use stillframe_core::stats::{Counter, Outcome};
    let outcomes = Outcome::ALL.map(Outcome::as_str);
    let counters = Counter::ALL.map(Counter::as_str);
    let known: BTreeMap<String, usize> = layouts().into_iter().collect();
    for word in outcomes.iter().chain(&counters) {
        assert!(
            known.contains_key(&format!("stillframe_stats.{word}")),
            "{word}"
        );
    }
}

//! What it costs to ask whether a name is sensitive.
//!
//! Rows: the word-run rule on identifiers as programs have them (mean 9 characters, about 3 % sensitive), on header names, on
//! names that are sensitive, on names beyond ASCII; Datadog's exact rule; and, for comparison, what tracers do: lower-case copy,
//! separators replaced, a look-up in a standard set. Target: at most 60 ns per dynamic key.

use std::collections::HashSet;
use std::hint::black_box;

use criterion::{Criterion, Throughput};
use stillframe_core::redact::{Profile, RedactConfig, Redactor};

#[path = "support/names.rs"]
mod names;

use names::{HEADERS, SENSITIVE, UNICODE, mixed};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let word_runs = Redactor::new(&RedactConfig::default()).0;
    let exact = RedactConfig {
        profile: Profile::Datadog,
        ..RedactConfig::default()
    };
    let exact = Redactor::new(&exact).0;
    let mixed = mixed();
    let mut group = criterion.benchmark_group("names");
    let sets: [(&str, &[&str]); 4] = [
        ("mixed", &mixed),
        ("headers", HEADERS),
        ("sensitive", SENSITIVE),
        ("unicode", UNICODE),
    ];
    for (set, names) in sets {
        group.throughput(Throughput::Elements(names.len() as u64));
        group.bench_function(format!("{set}/word runs"), |b| {
            b.iter(|| count(names, |name| word_runs.name(name.as_bytes()).is_some()));
        });
        group.bench_function(format!("{set}/datadog exact"), |b| {
            b.iter(|| count(names, |name| exact.name(name.as_bytes()).is_some()));
        });
    }
    let set: HashSet<String> = SENSITIVE.iter().map(|s| as_tracers_do(s)).collect();
    group.throughput(Throughput::Elements(mixed.len() as u64));
    group.bench_function("mixed/lower-case copy and std set", |b| {
        b.iter(|| count(&mixed, |name| set.contains(&as_tracers_do(name))));
    });
    group.finish();
    criterion.final_summary();
}

fn count(names: &[&str], is_sensitive: impl Fn(&str) -> bool) -> usize {
    names
        .iter()
        .filter(|name| is_sensitive(black_box(name)))
        .count()
}

fn as_tracers_do(name: &str) -> String {
    name.to_lowercase().replace(['_', '-', '$', '@', '.'], "")
}

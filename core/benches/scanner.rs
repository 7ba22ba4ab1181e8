//! What it costs to scan values.
//!
//! 20,000 made-up variable values (median 36 bytes, nine tenths below 84, two in a hundred sensitive), scanned in snapshots of 500,
//! with 1, 10, 50 and 100 rules; with SIMD and without; one value per scan for comparison; and blocks of log text. Targets: at most
//! 100 ns per value with 100 rules, and at most 1.5 times the cost of 10.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use stillframe_core::redact::{AliasKey, Arena, RedactConfig, Redactor, ScanBudget, TextFlags};

#[path = "support/rules.rs"]
mod rules;
#[path = "../../benches/scanner-vs-sds/src/values.rs"]
mod values;

use rules::redactor;

/// Values per snapshot.
const PER_SNAPSHOT: usize = 500;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut random = values::Random::new(0x9E37_79B9_7F4A_7C15);
    let all: Vec<String> = (0..20_000).map(|_| values::value(&mut random)).collect();
    let snapshots: Vec<Arena> = all.chunks(PER_SNAPSHOT).map(arena_of).collect();
    let singles: Vec<Arena> = all[..2000]
        .iter()
        .map(std::slice::from_ref)
        .map(arena_of)
        .collect();
    let logs: Vec<String> = (0..64)
        .map(|_| values::log_block(&mut random, 4096))
        .collect();
    let logs = [arena_of(&logs)];

    let mut group = criterion.benchmark_group("scanner");
    for rules in [1, 10, 50, 100] {
        let redactor = redactor(rules);
        group.throughput(Throughput::Elements(all.len() as u64));
        bench(
            &mut group,
            &format!("values/{rules} rules"),
            &redactor,
            &snapshots,
        );
        if rules == 100 {
            let portable = redactor.portable();
            bench(
                &mut group,
                "values/100 rules, portable",
                &portable,
                &snapshots,
            );
        }
    }
    let redactor = redactor(100);
    group.throughput(Throughput::Elements(singles.len() as u64));
    bench(
        &mut group,
        "one value per scan/100 rules",
        &redactor,
        &singles,
    );
    let log_bytes = logs[0].bytes_used() as u64;
    group.throughput(Throughput::Bytes(log_bytes));
    bench(&mut group, "log text/100 rules", &redactor, &logs);

    group.throughput(Throughput::Elements(PER_SNAPSHOT as u64));
    let mut arena = Arena::new();
    group.bench_function("filling the arena", |b| {
        b.iter(|| {
            arena.clear();
            for value in &all[..PER_SNAPSHOT] {
                arena.push(black_box(value.as_bytes()), TextFlags::default());
            }
            arena.bytes_used()
        });
    });
    let key = AliasKey::from_seed(7);
    let aliases: Vec<_> = (0..8)
        .map(|i| format!("a hidden string {}", "x".repeat(i)))
        .map(|s| (s.len() as u32, key.hash(s.as_bytes())))
        .collect();
    group.bench_function("8 aliases of 8 lengths", |b| {
        b.iter_batched_ref(
            Vec::new,
            |hits| key.find(&snapshots[0], &aliases, hits),
            BatchSize::SmallInput,
        );
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("alias hash of 40 bytes", |b| {
        b.iter(|| key.hash(black_box(&[b'x'; 40])))
    });
    group.bench_function("building the default rules", |b| {
        b.iter(|| Redactor::new(&RedactConfig::default()));
    });
    group.finish();
    criterion.final_summary();
}

type Group<'c> = criterion::BenchmarkGroup<'c, criterion::measurement::WallTime>;

fn bench(group: &mut Group<'_>, name: &str, redactor: &Redactor, arenas: &[Arena]) {
    let mut hits = Vec::new();
    group.bench_function(name, |b| {
        b.iter(|| {
            let mut found = 0;
            for arena in arenas {
                let outcome = redactor.scan(arena, &mut ScanBudget::default(), &mut hits);
                assert!(outcome.is_complete());
                found += hits.len();
            }
            found
        });
    });
}

fn arena_of(values: &[String]) -> Arena {
    let mut arena = Arena::new();
    for value in values {
        arena.push(value.as_bytes(), TextFlags::default());
    }
    arena
}

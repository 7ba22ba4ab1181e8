//! Sending under load: 1,000 snapshots a second while a destination works, is down, slow, or answers nonsense; then it is mended.
//!
//! Prints what a submission costs the program's thread with each, beside no destination at all in the same run; memory; and what
//! arrived. `SECONDS=60 cargo bench -p stillframe-core --bench sending` is the load test of a minute; the default is 10 seconds each.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench prints, and shares its parts with the tests"
)]

#[path = "../tests/sending/load.rs"]
mod load;
#[path = "../tests/sending/server.rs"]
mod server;
#[path = "../tests/sending/wire.rs"]
mod wire;

use std::process::Command;
use std::time::Duration;

use load::Fault;

/// The rounds, each with its bound of the outbox in bytes.
const ROUNDS: [(&str, Fault, u64); 9] = [
    ("none", Fault::None, 64 << 20),
    ("works", Fault::Works, 64 << 20),
    ("down", Fault::Down, 64 << 20),
    ("down, bound 8 MiB", Fault::Down, 8 << 20),
    ("slow, 1 s each", Fault::Slow, 64 << 20),
    ("answers 400", Fault::Status(400), 64 << 20),
    ("answers 503", Fault::Status(503), 64 << 20),
    ("answers garbage", Fault::Garbage, 64 << 20),
    ("none", Fault::None, 64 << 20),
];

fn main() {
    let number = |name| std::env::var(name).ok()?.parse::<usize>().ok();
    let seconds = number("SECONDS").unwrap_or(10);
    if let Some(which) = number("ROUND") {
        return round_alone(which, Duration::from_secs(seconds as u64));
    }
    println!("1,000 snapshots a second for {seconds} s each; submit on the program's thread, ns");
    println!(
        "{:<18} {:>5} {:>6} {:>6} {:>6} {:>8} {:>7} {:>8} {:>9} {:>8} {:>6}",
        "destination",
        "p50",
        "p99",
        "x p50",
        "x p99",
        "RSS MiB",
        "taken",
        "arrived",
        "rejected",
        "dropped",
        "twice"
    );
    let mut base = None;
    for (which, (name, ..)) in ROUNDS.iter().enumerate() {
        // A process of its own each, so that memory is its own.
        let bench = std::env::current_exe().expect("this program");
        let mut bench = Command::new(bench);
        let out = bench
            .env("ROUND", which.to_string())
            .output()
            .expect("runs");
        let text = String::from_utf8_lossy(&out.stdout);
        let told: Vec<f64> = text.split_whitespace().flat_map(str::parse).collect();
        let &[p50, p99, rss, taken, arrived, rejected, dropped, twice] = told.as_slice() else {
            panic!("{name}: {}", String::from_utf8_lossy(&out.stderr));
        };
        let (base50, base99) = *base.get_or_insert((p50, p99));
        println!(
            "{name:<18} {p50:>5} {p99:>6} {:>6.2} {:>6.2} {rss:>8.1} {taken:>7} {arrived:>8} {rejected:>9} {dropped:>8} {twice:>6}",
            p50 / base50,
            p99 / base99,
        );
    }
}

/// Prints the figures of one round.
fn round_alone(which: usize, time: Duration) {
    let (_, fault, max_bytes) = ROUNDS[which];
    let run = |fault, time| {
        let dir = tempfile::tempdir().expect("a folder");
        load::round(fault, time, dir.path(), max_bytes)
    };
    // Warms up.
    let _ = run(Fault::None, Duration::from_secs(1));
    let round = run(fault, time);
    assert_eq!(round.foreign, 0);
    let at = |part: f64| round.nanos[((round.nanos.len() - 1) as f64 * part) as usize];
    println!(
        "{} {} {} {} {} {} {} {}",
        at(0.5),
        at(0.99),
        round.resident as f64 / f64::from(1 << 20),
        round.taken,
        round.arrived,
        round.stats.rejected,
        round.stats.dropped,
        round.twice,
    );
}

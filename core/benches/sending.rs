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

use std::time::Duration;

use load::{Fault, round};

fn main() {
    let seconds = std::env::var("SECONDS").ok();
    let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(10);
    let time = Duration::from_secs(seconds);
    println!("1,000 snapshots a second for {seconds} s each; submit on the program's thread, ns");
    println!(
        "{:<26} {:>7} {:>7} {:>6} {:>6} {:>9} {:>8} {:>8} {:>8} {:>8} {:>6}",
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
    // The first warms up, and is not told.
    let _ = run(Fault::None, Duration::from_secs(1), 64 << 20);
    let mut base = (0, 0);
    for (name, fault, max_bytes) in [
        ("none", Fault::None, 64 << 20),
        ("works", Fault::Works, 64 << 20),
        ("down", Fault::Down, 64 << 20),
        ("down, bound 8 MiB", Fault::Down, 8 << 20),
        ("slow, 1 s each", Fault::Slow, 64 << 20),
        ("answers 400", Fault::Status(400), 64 << 20),
        ("answers 503", Fault::Status(503), 64 << 20),
        ("answers garbage", Fault::Garbage, 64 << 20),
        ("none", Fault::None, 64 << 20),
    ] {
        let round = run(fault, time, max_bytes);
        let at = |part: f64| round.nanos[((round.nanos.len() - 1) as f64 * part) as usize];
        let (p50, p99) = (at(0.5), at(0.99));
        if base == (0, 0) {
            base = (p50, p99);
        }
        println!(
            "{name:<26} {p50:>7} {p99:>7} {:>6.2} {:>6.2} {:>9.1} {:>8} {:>8} {:>8} {:>8} {:>6}",
            p50 as f64 / base.0 as f64,
            p99 as f64 / base.1 as f64,
            round.resident as f64 / f64::from(1 << 20),
            round.taken,
            round.arrived,
            round.stats.rejected,
            round.stats.dropped,
            round.twice,
        );
    }
}

fn run(fault: Fault, time: Duration, max_bytes: u64) -> load::Round {
    let dir = tempfile::tempdir().expect("a folder");
    round(fault, time, dir.path(), max_bytes)
}

//! A thousand snapshots a second while destinations do not work: what it costs the program, and what arrives in the end.
//!
//! `core/benches/sending.rs` does the same for longer and prints a table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use stillframe_core::sink::Destination;
use stillframe_core::stats::DestinationStats;

use crate::server::{OK, Reply, Server};
use crate::wire::*;

/// How a destination fails, until it is mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no destination.
    None,
    Works,
    /// It closes every connection.
    Down,
    /// It takes a second for each answer.
    Slow,
    Status(u16),
    Garbage,
}

/// What a round came to.
pub struct Round {
    /// Submissions that were taken.
    pub taken: usize,
    /// Time of each submission on the program's thread, in nanoseconds, sorted.
    pub nanos: Vec<u64>,
    /// Most resident memory, in bytes.
    pub resident: u64,
    pub stats: DestinationStats,
    /// Snapshots that arrived, and those that did more than once.
    pub arrived: usize,
    pub twice: usize,
    /// Snapshots that arrived and were never submitted.
    pub foreign: usize,
}

/// Submits 1,000 snapshots a second for `time` while the destination has `fault`, mends it, and waits until nothing waits.
pub fn round(fault: Fault, time: Duration, dir: &Path, max_bytes: u64) -> Round {
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = Arc::clone(&broken);
    let arrived: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    let arrives = Arc::clone(&arrived);
    let server = Server::new(move |request, _| {
        let fault = match is_broken.load(Ordering::Relaxed) {
            true => fault,
            false => Fault::Works,
        };
        let reply = match fault {
            Fault::None | Fault::Works => OK,
            Fault::Down => Reply::Raw(Vec::new()),
            Fault::Slow => {
                std::thread::sleep(Duration::from_secs(1));
                OK
            }
            Fault::Status(status) => Reply::Status(status, &[], "no"),
            Fault::Garbage => Reply::Raw(b"\x00\xff\x16garbage\r\n\r\n".to_vec()),
        };
        if matches!(reply, Reply::Status(200, ..)) {
            let mut arrived = arrives.lock().unwrap();
            for (id, count) in delivered(std::slice::from_ref(request)) {
                *arrived.entry(id).or_default() += count;
            }
        }
        reply
    })
    .forgetful();
    let encoder = TestEncoder {
        filler: 2000,
        items: 1,
    };
    let destinations: Vec<Destination> = match fault {
        Fault::None => Vec::new(),
        _ => vec![destination(TestProtocol::new(&server.url), encoder)],
    };
    let mut config = config(dir);
    config.upload.max_bytes = max_bytes;
    let engine = start(config, destinations);
    let (mut ids, mut nanos, mut resident) = (BTreeSet::new(), Vec::new(), 0);
    let begun = Instant::now();
    while begun.elapsed() < time {
        let due = begun.elapsed().as_millis() as usize;
        while nanos.len() < due {
            let (id, submission) = submission(&engine);
            let at = Instant::now();
            let taken = engine.submit(submission).is_ok();
            nanos.push(at.elapsed().as_nanos() as u64);
            if taken {
                ids.insert(id);
            }
        }
        if nanos.len().is_multiple_of(100) {
            resident = resident.max(resident_bytes());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(engine.flush(SOON), "stored or sent");
    broken.store(false, Ordering::Relaxed);
    let captured = engine.stats().outcomes.captured;
    assert_eq!(captured as usize, ids.len());
    let settled =
        |stats: &DestinationStats| stats.sent + stats.rejected + stats.dropped >= captured;
    let stats = match fault {
        Fault::None => DestinationStats::default(),
        _ => {
            let done = until(Duration::from_secs(150), || settled(&stats_of(&engine)));
            assert!(done, "{:?}", stats_of(&engine));
            stats_of(&engine)
        }
    };
    assert!(engine.shutdown(SOON));
    nanos.sort_unstable();
    let counts = arrived.lock().unwrap();
    Round {
        taken: ids.len(),
        nanos,
        resident,
        stats,
        arrived: counts.len(),
        twice: counts.values().filter(|&&count| count > 1).count(),
        foreign: counts.keys().filter(|id| !ids.contains(*id)).count(),
    }
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or_default() << 10
}

/// A few seconds of each; the bench takes a minute.
#[cfg(test)]
mod tests {
    use super::*;

    fn check(fault: Fault, max_bytes: u64) -> Round {
        let dir = tempfile::tempdir().unwrap();
        let round = round(fault, Duration::from_secs(2), dir.path(), max_bytes);
        let stats = &round.stats;
        let case = format!(
            "{fault:?}: {} taken, {} arrived, {stats:?}",
            round.taken, round.arrived
        );
        assert_eq!((round.twice, round.foreign), (0, 0), "{case}");
        assert_eq!(round.arrived as u64, stats.sent, "{case}");
        let all = stats.sent + stats.rejected + stats.dropped;
        assert_eq!((all, stats.waiting), (round.taken as u64, 0), "{case}");
        assert!(
            round.taken > 50 && round.nanos.len() >= round.taken,
            "{case}"
        );
        // What waits, and what is on its way: whatever the destination does.
        assert!(
            (1..512 << 20).contains(&round.resident),
            "{} bytes: {case}",
            round.resident
        );
        round
    }

    #[test]
    fn without_a_destination_there_is_nothing_to_wait_for() {
        let dir = tempfile::tempdir().unwrap();
        let round = round(Fault::None, Duration::from_secs(1), dir.path(), 64 << 20);
        assert!(round.taken > 50 && round.arrived == 0);
        assert!(!dir.path().join("outbox").exists());
    }

    #[test]
    fn everything_arrives_once_after_an_outage() {
        for fault in [
            Fault::Works,
            Fault::Down,
            Fault::Slow,
            Fault::Status(503),
            Fault::Garbage,
        ] {
            let round = check(fault, 64 << 20);
            assert_eq!(round.stats.rejected + round.stats.dropped, 0, "{fault:?}");
        }
    }

    #[test]
    fn what_is_refused_or_above_the_bound_is_counted() {
        let refused = check(Fault::Status(400), 64 << 20);
        assert!(refused.stats.rejected > 0);
        check(Fault::Down, 1 << 20);
    }
}

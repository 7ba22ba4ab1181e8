//! The spool: snapshots per second on one core, against the target of 20,000.
//!
//! Times are those of the thread's own processor time, so that what else the machine does does not count.
//!
//! `write` is all that the background thread pays for one snapshot of about 3 KB: compress, checksum, buffer, and its part of the
//! system call. `scan` and `read` are what an index pays to find and unpack them again.
#![expect(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a bench that cannot run should stop, and says so to a person"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use stillframe_core::sink::spool::{Decompressor, Spool, SpoolConfig, SpoolReader};
use stillframe_core::sink::{RecordKind, Sink, SinkRecord};

/// Different snapshots, so that no cache of the compressor helps.
const VARIANTS: usize = 64;

/// A payload as the encoder makes them: names and types that repeat, values that do not. About 3 KB.
fn payload(seed: usize) -> Vec<u8> {
    let names = [
        "currency",
        "rate_table",
        "amount",
        "customer",
        "session_id",
        "items",
        "created_at",
    ];
    let types = [
        "str",
        "dict",
        "decimal.Decimal",
        "shop.models.Customer",
        "list",
        "datetime.datetime",
    ];
    let mut state = seed as u64 * 0x9E37_79B9_7F4A_7C15 + 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let mut out = b"\x8a\xa6format\x01\xa2id\xc4\x10".to_vec();
    while out.len() < 3000 {
        let (name, kind) = (names[next() % names.len()], types[next() % types.len()]);
        out.push(0x83);
        out.extend([0xA0 | name.len() as u8]);
        out.extend(name.bytes());
        out.extend(b"\xa4type");
        out.extend([0xA0 | kind.len() as u8]);
        out.extend(kind.bytes());
        out.extend(b"\xa5value");
        match next() % 3 {
            0 => out.extend((next() as u64).to_be_bytes()),
            1 => out
                .extend(format!("{}-{:x}", names[next() % names.len()], next() % 100_000).bytes()),
            _ => out.push((next() % 128) as u8),
        }
    }
    out
}

fn id(n: u64) -> [u8; 16] {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&n.to_be_bytes());
    id
}

fn write(spool: &mut Spool, payloads: &[Vec<u8>], n: u64) {
    let record = SinkRecord {
        kind: RecordKind::Snapshot,
        payload: &payloads[n as usize % payloads.len()],
        id: id(n),
        fingerprint: id(n % 100),
        timestamp_ns: n,
    };
    spool.write(&record).expect("written");
}

/// Processor time that this thread has used.
fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is valid for a write.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Processor time of `rounds` calls.
fn timed(rounds: u64, mut work: impl FnMut()) -> Duration {
    let start = processor_time();
    (0..rounds).for_each(|_| work());
    processor_time() - start
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let payloads: Vec<Vec<u8>> = (0..VARIANTS).map(payload).collect();

    let mut group = criterion.benchmark_group("spool");
    group.throughput(Throughput::Elements(1));
    let dir = tempfile::tempdir().expect("a directory");
    let mut spool = Spool::new(dir.path(), SpoolConfig::default(), Box::new(|_| {}));
    let mut n = 0;
    group.bench_function("write", |bencher| {
        bencher.iter_custom(|rounds| {
            timed(rounds, || {
                n += 1;
                write(&mut spool, &payloads, n);
            })
        });
    });
    spool.close(far()).expect("closed");
    let stats = spool.counters().stats();
    assert_eq!(stats.dropped, 0);

    // What a program does that fails now and then: one snapshot, then flush.
    group.bench_function("write and flush", |bencher| {
        bencher.iter_custom(|rounds| {
            timed(rounds, || {
                n += 1;
                write(&mut spool, &payloads, n);
                spool.flush(far()).expect("flushed");
            })
        });
    });
    spool.close(far()).expect("closed");
    drop(group);

    let dir = tempfile::tempdir().expect("a directory");
    let mut spool = Spool::new(dir.path(), SpoolConfig::default(), Box::new(|_| {}));
    const STORED: u64 = 4_000;
    (0..STORED).for_each(|n| write(&mut spool, &payloads, n));
    spool.close(far()).expect("closed");
    let reader = SpoolReader::open(dir.path()).expect("a store");
    let segments = reader.segments().expect("a list");

    let mut group = criterion.benchmark_group("spool reader");
    group.throughput(Throughput::Elements(STORED));
    group.bench_function("scan", |bencher| {
        bencher.iter_custom(|rounds| {
            timed(rounds, || {
                let scan = |name| {
                    reader
                        .scan(name, 0)
                        .expect("a scan")
                        .map(Result::ok)
                        .count() as u64
                };
                let found: u64 = segments.iter().map(|segment| scan(&segment.name)).sum();
                assert_eq!(found, STORED);
            })
        });
    });
    group.bench_function("scan and unpack", |bencher| {
        let (mut decompressor, mut payload) = (Decompressor::default(), Vec::new());
        bencher.iter_custom(|rounds| {
            timed(rounds, || {
                for segment in &segments {
                    let mut scan = reader.scan(&segment.name, 0).expect("a scan");
                    while let Some(record) = scan.next() {
                        black_box(record.expect("intact").timestamp_ns);
                        scan.payload(&mut decompressor, &mut payload)
                            .expect("a payload");
                        black_box(&payload);
                    }
                }
            })
        });
    });
    group.finish();
    criterion.final_summary();

    let bytes = stats.written_bytes as f64 / stats.written as f64;
    let mean = payloads.iter().map(Vec::len).sum::<usize>() as f64 / payloads.len() as f64;
    eprintln!("spool: {mean:.0} bytes of MessagePack are {bytes:.0} in the file");
}

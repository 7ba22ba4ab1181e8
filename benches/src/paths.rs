//! The paths, stage by stage in the order of the pipeline. Each has its target of the design beside it.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use stillframe_core::encode::{Encoder, Input};
use stillframe_core::fingerprint::Fingerprinter;
use stillframe_core::gate::{Gate, GateConfig, Raised, SiteFacts, SiteHash, SiteHasher};
use stillframe_core::queue::{Queue, QueueConfig};
use stillframe_core::redact::{
    AliasKey, Arena, Cleaner, RedactConfig, Redactor, ScanBudget, TextFlags,
};
use stillframe_core::sink::spool::{Spool, SpoolConfig};
use stillframe_core::sink::{RecordKind, Sink, SinkRecord};
use stillframe_core::snapshot::{Extras, Meta};
use stillframe_core::stats::Stats;
use stillframe_core::tape::{Tape, TapeWriter};

use crate::crossing;
use crate::inputs::{errors, names, snapshot};
use crate::path::Path;
use crate::store::store;
use crate::{rules::redactor, values};

/// All of them.
pub(crate) fn all() -> Vec<Path> {
    let mut paths = Vec::from(gate());
    paths.extend(tape());
    paths.extend(hand_off());
    paths.extend(redact());
    paths.push(fingerprint());
    paths.extend(encode());
    paths.push(spool());
    paths.extend(store());
    paths.extend(crossing::all());
    paths
}

const FACTS: SiteFacts<'static> = SiteFacts {
    type_name: "shop.errors.PaymentFailed",
    module: "shop.checkout",
    function: "total",
};

/// Where an exception with eight frames is from.
fn site(frames: u32) -> SiteHash {
    let mut hasher = SiteHasher::new(black_box(7));
    for line in 0..frames {
        hasher.frame(black_box(99), line, black_box(20));
    }
    hasher.finish(Raised::Last)
}

fn gate() -> [Path; 3] {
    // No token for anybody: the first exception closes it.
    let closed = Gate::new(&GateConfig {
        rate_per_second: 1e-9,
        novelty_per_second: 1e-9,
        ..GateConfig::default()
    });
    closed.tick();
    (0..10).for_each(|frames| drop(closed.admit(site(frames), &FACTS)));
    assert!(closed.is_closed(), "the gate has closed");
    let closed = Arc::new(closed);
    let flag = Arc::clone(&closed);
    // Tokens for everybody, but the site has had its share.
    let open = Gate::new(&GateConfig {
        rate_per_second: f64::INFINITY,
        burst: u32::MAX,
        site_first: 1,
        ..GateConfig::default()
    });
    drop(open.admit(site(8), &FACTS));
    assert!(
        open.admit(site(8), &FACTS).permit().is_none(),
        "the site is refused"
    );
    [
        Path::new("gate-flag", "gate", "closed gate, its flag", move |n| {
            for _ in 0..n {
                black_box(black_box(&flag).is_closed());
            }
        })
        .at_most(0.5),
        Path::new(
            "gate-closed",
            "gate",
            "closed gate, refused and counted",
            move |n| {
                for _ in 0..n {
                    black_box(black_box(&closed).refuse_early());
                }
            },
        )
        .and_cold(),
        Path::new(
            "gate-refused",
            "gate",
            "refused by its site, 8 frames hashed",
            move |n| {
                for _ in 0..n {
                    black_box(open.admit(site(black_box(8)), &FACTS));
                }
            },
        )
        .at_most(60.0)
        .and_cold(),
    ]
}

fn tape() -> [Path; 1] {
    let mut writer = TapeWriter::new();
    let values = snapshot::write(&mut writer, 0);
    let write = move |n| {
        for seed in 0..n {
            snapshot::write(&mut writer, black_box(seed.into()));
            black_box(writer.finish(None, Duration::ZERO));
        }
    };
    [
        Path::new("tape-write", "tape", "tape, written by value", write)
            .per("ns per value", values.into())
            .at_most(12.0)
            .and_cold(),
    ]
}

fn hand_off() -> [Path; 2] {
    fn queue() -> Queue<Arc<[u8]>> {
        Queue::new(QueueConfig::default(), Arc::new(Stats::new()))
    }
    let tape = snapshot::tape(0);
    let shared: Arc<[u8]> = tape.as_slice().into();
    let ready = queue();
    let push = move |n| {
        for _ in 0..n {
            ready
                .push(Arc::clone(&shared), 3200)
                .expect("there is room");
            black_box(ready.poll());
        }
    };
    let copying = queue();
    let copy = move |n| {
        for _ in 0..n {
            copying
                .push(black_box(&tape).as_slice().into(), 3200)
                .expect("there is room");
            black_box(copying.poll());
        }
    };
    [
        Path::new("hand-off", "queue", "hand-off: push and take", push)
            .at_most(50.0)
            .and_cold(),
        Path::new(
            "hand-off-copy",
            "queue",
            "hand-off with its copy of the tape",
            copy,
        ),
    ]
}

fn redact() -> Vec<Path> {
    let rules = Redactor::new(&RedactConfig::default()).0;
    let names: Vec<&str> = names::mixed().into_iter().take(1000).collect();
    let count = names.len() as f64;
    let dynamic = move |n| {
        for _ in 0..n {
            for name in &names {
                black_box(rules.name(black_box(name).as_bytes()));
            }
        }
    };
    let mut paths = vec![
        Path::new("names", "redact", "names: a dynamic key", dynamic)
            .per("ns per key", count)
            .at_most(60.0),
    ];
    paths.extend([
        scan("scan-10", "values: 10 rules", 10),
        scan("scan-100", "values: 100 rules", 100)
            .at_most(100.0)
            .and_cold(),
    ]);
    let raw = snapshot::tape(0);
    let values = Tape::parse(&raw).expect("valid").header().values;
    let (rules, key) = (
        Redactor::new(&RedactConfig::default()).0,
        AliasKey::from_seed(7),
    );
    let mut cleaner = Cleaner::new();
    let clean = move |n| {
        for _ in 0..n {
            let tape = Tape::parse(black_box(&raw)).expect("valid");
            black_box(cleaner.clean(&tape, &[], &rules, Some(&key))).expect("it can be cleaned");
        }
    };
    paths.push(
        Path::new("redact", "redact", "the whole redact stage", clean)
            .per("ns per value", values.into())
            .and_cold(),
    );
    paths
}

/// One snapshot of 500 short values per operation.
fn scan(name: &'static str, title: &'static str, rules: usize) -> Path {
    const VALUES: u32 = 500;
    let redactor = redactor(rules);
    let mut random = values::Random::new(0x9E37_79B9_7F4A_7C15);
    let mut arena = Arena::new();
    for _ in 0..VALUES {
        arena.push(values::value(&mut random).as_bytes(), TextFlags::default());
    }
    let mut hits = Vec::new();
    let scan = move |n| {
        for _ in 0..n {
            let outcome = redactor.scan(black_box(&arena), &mut ScanBudget::default(), &mut hits);
            assert!(outcome.is_complete(), "all of it was scanned");
        }
    };
    Path::new(name, "redact", title, scan).per("ns per value", VALUES.into())
}

fn fingerprint() -> Path {
    let fingerprinter = Fingerprinter::default();
    let input = errors::python(true);
    let group = move |n| {
        for _ in 0..n {
            black_box(fingerprinter.fingerprint(black_box(&input)));
        }
    };
    Path::new(
        "fingerprint",
        "fingerprint",
        "fingerprint of 30 frames",
        group,
    )
    .per("us", 1.0)
    .at_most(5.0)
    .and_cold()
}

/// A tape as the encoders get it.
fn clean(seed: i64) -> Vec<u8> {
    let rules = Redactor::new(&RedactConfig::default()).0;
    let raw = snapshot::tape(seed);
    let raw = Tape::parse(&raw).expect("valid");
    let cleaned = Cleaner::new().clean(&raw, &[], &rules, None);
    cleaned.expect("it can be cleaned").tape.bytes().to_vec()
}

/// The stored form of a snapshot.
pub(crate) fn stored(seed: i64) -> Vec<u8> {
    let mut out = Vec::new();
    encoding(&clean(seed), |input| {
        Encoder::new().msgpack_into(input, &mut out)
    });
    out
}

fn encoding(tape: &[u8], mut encode: impl FnMut(&Input<'_>)) {
    let tape = Tape::parse(tape).expect("valid");
    let (meta, extras) = (Meta::default(), Extras::default());
    encode(&Input {
        tape: &tape,
        meta: &meta,
        extras: &extras,
    });
}

fn encode() -> [Path; 2] {
    let tape = clean(0);
    let values = Tape::parse(&tape).expect("valid").header().values;
    let (json_tape, mut json, mut text) = (tape.clone(), Encoder::new(), Vec::new());
    let (mut msgpack, mut bytes) = (Encoder::new(), Vec::new());
    let to_json = move |n| {
        encoding(&json_tape, |input| {
            for _ in 0..n {
                text.clear();
                json.json_into(black_box(input), &mut text);
                black_box(&text);
            }
        });
    };
    let to_msgpack = move |n| {
        encoding(&tape, |input| {
            for _ in 0..n {
                bytes.clear();
                msgpack.msgpack_into(black_box(input), &mut bytes);
                black_box(&bytes);
            }
        });
    };
    [
        Path::new(
            "encode-msgpack",
            "encode",
            "tape to MessagePack",
            to_msgpack,
        )
        .per("ns per value", values.into())
        .at_most(12.0)
        .and_cold(),
        Path::new("encode-json", "encode", "tape to JSON", to_json)
            .per("ns per value", values.into())
            .at_most(16.0)
            .and_cold(),
    ]
}

fn spool() -> Path {
    let payloads: Vec<Vec<u8>> = (0..64).map(stored).collect();
    let directory = tempfile::tempdir().expect("a directory");
    let mut spool = Spool::new(directory.path(), SpoolConfig::default(), Box::new(|_| {}));
    let mut number = 0_u64;
    let mut write = move |n| {
        for _ in 0..n {
            number += 1;
            let mut id = [0; 16];
            id[8..].copy_from_slice(&number.to_be_bytes());
            let mut fingerprint = id;
            fingerprint[15] %= 100;
            let record = SinkRecord {
                kind: RecordKind::Snapshot,
                payload: &payloads[number as usize % payloads.len()],
                id,
                fingerprint,
                timestamp_ns: number,
            };
            spool.write(&record).expect("written");
        }
    };
    // The directory goes when the path does.
    let write = move |n| {
        let _ = &directory;
        write(n);
    };
    Path::new("spool", "spool", "spool: compressed and written", write)
        .per("per second", 1.0)
        .at_least(20_000.0)
        .timed_only()
}

//! The engine as a host uses it: admit, submit, flush, shut down, fork; what ends in the sink.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

use stillframe_core::config::Config;
use stillframe_core::encode::Encoder;
use stillframe_core::engine::{Engine, Host, Log, Submission, now_ns};
use stillframe_core::gate::{Admission, SiteFacts, SiteHash};
use stillframe_core::language::Language;
use stillframe_core::limits::Limits;
use stillframe_core::sink::callback::{Callback, Format, Taken};
use stillframe_core::sink::spool::{
    EventCounts, ProcessPhase, ProcessRecord, SpoolReader, Uncaught, decode_payload,
};
use stillframe_core::sink::{RecordKind, Sink, SinkError, SinkRecord};
use stillframe_core::snapshot::{AttributeValue, Meta, SessionLink, Snapshot, SnapshotId};
use stillframe_core::stats::{Counter, StatsSnapshot};
use stillframe_core::tape::{FrameFlags, Link, Location, Section, TapeWriter};

type Stored = Arc<Mutex<Vec<(RecordKind, Vec<u8>, [u8; 16])>>>;

/// Keeps what it gets, or fails.
struct Memory {
    stored: Stored,
    works: bool,
}

impl Sink for Memory {
    fn write(&mut self, record: &SinkRecord<'_>) -> Result<(), SinkError> {
        if !self.works {
            return Err(SinkError::unavailable("a test said so"));
        }
        self.stored.lock().unwrap().push((
            record.kind,
            record.payload.to_vec(),
            record.fingerprint,
        ));
        Ok(())
    }

    fn flush(&mut self, _deadline: Instant) -> Result<(), SinkError> {
        if self.works {
            Ok(())
        } else {
            Err(SinkError::unavailable("a test said so"))
        }
    }
}

fn engine(works: bool) -> (Engine, Stored) {
    let stored = Stored::default();
    let sink = Memory {
        stored: Arc::clone(&stored),
        works,
    };
    let mut config = Config::default();
    config.set_default_service("shop");
    let host = Host {
        language: Language::Python,
        runtime: "CPython 3.11.7".into(),
        ..Host::default()
    };
    (
        Engine::with_sink(Arc::new(config), host, Box::new(sink)),
        stored,
    )
}

fn tape(function: &str, local: &str) -> Arc<[u8]> {
    let mut writer = TapeWriter::new();
    writer.begin(Language::Python, &Limits::default());
    let name = writer.define_type(b"KeyError");
    writer.exception(name, Link::Root, 0, false).unwrap();
    writer.end_group();
    writer.section(Section::Message);
    writer.ascii(b"'EUR'");
    writer.section(Section::Frames);
    let location = Location {
        line: 3,
        ..Location::default()
    };
    writer
        .frame(
            FrameFlags::IN_APP,
            location,
            function.as_bytes(),
            b"shop.pricing",
            b"shop/pricing.py",
        )
        .unwrap();
    writer.end_group();
    writer.section(Section::Locals);
    assert!(writer.name(b"currency"));
    writer.ascii(local.as_bytes());
    assert!(writer.name(b"api_key"));
    writer.ascii(b"pk_live_something_secret");
    writer.end_group();
    writer
        .finish(None, Duration::from_micros(80))
        .unwrap()
        .into()
}

fn submission(engine: &Engine, site: u64, function: &str) -> Submission {
    let timestamp_ns = now_ns();
    let meta = Meta {
        id: SnapshotId::generate(timestamp_ns),
        timestamp_ns,
        process: Arc::clone(engine.process()),
        mechanism: Some("excepthook".into()),
        attributes: vec![
            ("http.route".into(), AttributeValue::from("/cart")),
            (
                "authorization".into(),
                AttributeValue::from("Basic dXNlcjpwYXNz"),
            ),
            (
                "copy".into(),
                AttributeValue::from("pk_live_something_secret"),
            ),
        ],
        ..Meta::default()
    };
    let tape = tape(function, "EUR");
    Submission {
        tape,
        meta,
        site: Some(SiteHash::from_parts(site, site)),
        deeper: false,
    }
}

fn snapshots(stored: &Stored) -> Vec<Snapshot> {
    let stored = stored.lock().unwrap();
    let of_kind = stored
        .iter()
        .filter(|record| record.0 == RecordKind::Snapshot);
    of_kind
        .map(|record| Snapshot::from_msgpack(&record.1).unwrap())
        .collect()
}

#[test]
fn what_is_submitted_is_stored_redacted_and_grouped() {
    let (engine, stored) = engine(true);
    let facts = SiteFacts {
        type_name: "KeyError",
        module: "shop.pricing",
        function: "total",
    };
    let Admission::Admitted(permit) = engine.admit(SiteHash::from_parts(1, 1), || facts) else {
        panic!("the first of a site is refused")
    };
    engine.submit(submission(&engine, 1, "convert")).unwrap();
    drop(permit);
    assert!(engine.flush(Duration::from_secs(20)));
    let shown = &snapshots(&stored)[0];
    let text = serde_json::to_string(shown).unwrap();
    assert!(
        !text.contains("pk_live_something_secret") && !text.contains("dXNlcjpwYXNz"),
        "{text}"
    );
    assert!(text.contains("\"EUR\"") && text.contains("/cart"), "{text}");
    assert_eq!(shown.service, "shop");
    assert_eq!(shown.fingerprint.as_ref().unwrap().key.len(), 32);
    assert_eq!(engine.stats().outcomes.captured, 1);
    assert!(engine.stats().redacted["redactedIdent"] >= 2);
    assert_eq!(engine.recent().1, 1);
    assert!(engine.shutdown(Duration::from_secs(20)));
}

#[test]
fn a_secret_across_the_end_of_a_long_attribute_shows_no_part() {
    let (engine, _) = engine(true);
    let secrets = [
        "4111 1111 1111 1111".to_owned(),
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a".to_owned(),
        format!(
            "eyJhbGciOiJIUzI1NiJ9.{}.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
            "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4ifQ".repeat(20)
        ),
    ];
    for secret in &secrets {
        for before in [1000, 1010, 1015, 1020, 1024, 1100, 1270] {
            let mut long = submission(&engine, 1, "f");
            let filler = "text ".repeat(300);
            let text = format!("{}{secret} end", &filler[..before]);
            long.meta.attributes = vec![("note".into(), AttributeValue::from(text.as_str()))];
            let json = json_of(&engine, &long);
            let first = &secret[..6];
            assert!(
                json.contains("text text") && !json.contains(first),
                "{before}: {json}"
            );
        }
    }
}

fn json_of(engine: &Engine, submission: &Submission) -> String {
    let finished = engine.finish(submission).unwrap();
    let mut out = Vec::new();
    finished.json(&mut Encoder::new(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_long_name_is_judged_whole() {
    let (engine, _) = engine(true);
    for filler in [100, 230, 290, 480, 600] {
        let mut long = submission(&engine, 1, "f");
        let filler = "a".repeat(filler);
        let key = format!("http.request.header.x-{filler}-password");
        let token = format!("x-{filler}-ghp_16C7e42F292c6912E7710c838347Ae178B4a");
        long.meta.attributes = vec![
            (key, AttributeValue::from("opensesame")),
            (token, AttributeValue::from("y")),
        ];
        let json = json_of(&engine, &long);
        assert!(!json.contains("opensesame"), "{json}");
        assert!(
            json.contains("\"omitted\"") && !json.contains("ghp_"),
            "{json}"
        );
    }
}

#[test]
fn links_to_sessions_are_redacted_but_for_those_that_are_configured() {
    let (engine, _) = engine(true);
    let link = |name: &str, id: &str, url: Option<&str>| SessionLink {
        name: name.into(),
        id: id.into(),
        url: url.map(Into::into),
    };
    let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
    let hidden = "pk_live_something_secret";
    let mut linked = submission(&engine, 1, "f");
    linked.meta.session_links = vec![
        link("session", token, Some("https://replay/s?token=opensesame")),
        link(token, "plain-id-1", None),
        link(
            "login",
            hidden,
            Some("https://replay/pk_live_something_secret"),
        ),
        link("long", &"text ".repeat(600), None),
    ];
    let json = json_of(&engine, &linked);
    for secret in [token, hidden, "opensesame"] {
        assert!(!json.contains(secret), "{json}");
    }
    let shown: serde_json::Value = serde_json::from_str(&json).unwrap();
    let links = &shown["context"]["sessionLinks"];
    assert_eq!(links[0]["name"], "session");
    assert_eq!(links[0]["url"], "https://replay/s?token=[redacted]");
    assert_eq!(links[1]["id"], "plain-id-1");
    assert!(links[1].get("url").is_none());
    assert_eq!(links[3]["id"].as_str().unwrap().len(), 1024);
    let told = &shown["context"]["omitted"];
    assert!(told.to_string().contains("\"long\""), "{told}");

    // The header of this one is hidden where it stands among the values.
    linked.meta.session_links = vec![
        link("openReplaySessionToken", hidden, None),
        link("openReplaySessionToken", token, None),
    ];
    let shown: serde_json::Value = serde_json::from_str(&json_of(&engine, &linked)).unwrap();
    let links = &shown["context"]["sessionLinks"];
    assert_eq!(links[0]["id"], hidden);
    assert_ne!(links[1]["id"], token);
}

#[test]
fn an_invalid_tape_is_dropped_and_counted() {
    let (engine, stored) = engine(true);
    let mut bad = submission(&engine, 1, "f");
    bad.tape = Arc::from(&b"\x93SFT and then nonsense"[..]);
    engine.submit(bad.clone()).unwrap();
    engine.submit(submission(&engine, 1, "f")).unwrap();
    assert!(engine.flush(Duration::from_secs(20)));
    assert_eq!(engine.stats().outcomes.dropped_tape, 1);
    assert_eq!(snapshots(&stored).len(), 1);
    assert!(engine.finish(&bad).is_err());
}

#[test]
fn refused_occurrences_are_counted_for_their_issue() {
    let (engine, stored) = engine(true);
    let site = SiteHash::from_parts(9, 9);
    let facts = SiteFacts::default();
    let mut refused = 0;
    for _ in 0..500 {
        match engine.admit(site, || facts) {
            Admission::Admitted(_permit) => engine.submit(submission(&engine, 9, "f")).unwrap(),
            Admission::Refused(_) => refused += 1,
        }
    }
    assert!(refused >= 490);
    assert!(engine.shutdown(Duration::from_secs(20)));
    let stored = stored.lock().unwrap();
    let key = stored
        .iter()
        .find(|record| record.0 == RecordKind::Snapshot)
        .unwrap()
        .2;
    let counted: u64 = stored
        .iter()
        .filter(|record| record.0 == RecordKind::EventCounts)
        .flat_map(|record| decode_payload::<EventCounts>(&record.1).unwrap().counts)
        .map(|count| {
            assert_eq!(count.fingerprint, key);
            count.count
        })
        .sum();
    let closed = engine.stats().outcomes.refused_closed;
    assert_eq!(counted + closed, refused);
    let last = stored
        .iter()
        .rfind(|record| record.0 == RecordKind::Process)
        .unwrap();
    let record: ProcessRecord<StatsSnapshot> = decode_payload(&last.1).unwrap();
    assert_eq!(record.phase, ProcessPhase::Exit);
    assert_eq!(record.runtime, "CPython 3.11.7");
}

#[test]
fn a_sink_that_fails_is_no_more_than_a_count() {
    let (engine, _stored) = engine(false);
    engine.submit(submission(&engine, 1, "f")).unwrap();
    assert!(!engine.flush(Duration::from_secs(20)));
    assert_eq!(engine.stats().outcomes.dropped_sink, 1);
    assert_eq!(engine.recent().0.len(), 1, "the exit summary still has it");
    assert!(!engine.shutdown(Duration::from_secs(20)));
}

#[test]
fn a_full_queue_drops_and_never_waits() {
    let (engine, stored) = engine(true);
    let mut dropped = 0;
    for number in 0..5_000 {
        dropped += u64::from(engine.submit(submission(&engine, number, "f")).is_err());
    }
    assert!(engine.shutdown(Duration::from_secs(60)));
    let stats = engine.stats().outcomes;
    assert_eq!(stats.dropped_queue + stats.dropped_memory, dropped);
    assert_eq!(stats.captured + dropped, 5_000);
    assert_eq!(snapshots(&stored).len() as u64, stats.captured);
}

#[test]
fn what_turns_out_to_be_uncaught_is_said_under_the_same_id() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config {
        dir: Some(directory.path().to_owned()),
        ..Config::default()
    };
    let engine = Engine::new(Arc::new(config), Host::default());
    let first = submission(&engine, 1, "logged");
    let second = submission(&engine, 2, "another");
    let id = first.meta.id;
    for submission in [first, second] {
        engine.submit(submission).unwrap();
    }
    engine.mark_uncaught(id, "excepthook");
    assert!(engine.flush(Duration::from_secs(20)));
    let uncaught: Vec<_> = engine.recent().0.into_iter().map(|r| r.uncaught).collect();
    assert_eq!(uncaught, [Some("excepthook".to_owned()), None]);
    assert!(engine.shutdown(Duration::from_secs(20)));
    let mut reader = SpoolReader::open(directory.path()).unwrap();
    let records = reader.records().unwrap().records;
    let of_kind = |kind| records.iter().filter(move |record| record.kind == kind);
    assert_eq!(of_kind(RecordKind::Snapshot).count(), 2);
    let marks: Vec<_> = of_kind(RecordKind::Uncaught).collect();
    assert_eq!(marks.iter().map(|mark| mark.id).collect::<Vec<_>>(), [id.0]);
    let payload = reader.read(&marks[0].segment, marks[0].offset).unwrap();
    let mark: Uncaught = decode_payload(&payload).unwrap();
    assert_eq!(mark.mechanism, "excepthook");
}

/// Panics at the first snapshot, and works otherwise.
struct Broken(Memory);

impl Sink for Broken {
    fn write(&mut self, record: &SinkRecord<'_>) -> Result<(), SinkError> {
        assert!(record.kind != RecordKind::Snapshot, "a bug in a sink");
        self.0.write(record)
    }

    fn flush(&mut self, deadline: Instant) -> Result<(), SinkError> {
        self.0.flush(deadline)
    }
}

#[test]
fn a_panic_in_the_background_switches_off_and_is_the_last_thing_stored() {
    let stored = Stored::default();
    let memory = Memory {
        stored: Arc::clone(&stored),
        works: true,
    };
    let config = Arc::new(Config::default());
    let engine = Engine::with_sink(config, Host::default(), Box::new(Broken(memory)));
    engine.submit(submission(&engine, 1, "f")).unwrap();
    assert!(!engine.flush(Duration::from_secs(20)));
    assert_eq!(engine.stats().counters.internal_panics, 1);
    assert!(engine.refuse_early().is_some());
    assert_eq!(engine.notices().len(), 1);
    let last = stored.lock().unwrap().pop().unwrap();
    let record: ProcessRecord<StatsSnapshot> = decode_payload(&last.1).unwrap();
    assert_eq!(record.stats.counters.internal_panics, 1);
    assert_eq!(record.problems, engine.notices());
}

#[test]
fn nothing_is_done_before_something_happens() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    let config = Config {
        dir: Some(store.clone()),
        ..Config::default()
    };
    let engine = Engine::new(Arc::new(config), Host::default());
    assert!(engine.flush(Duration::ZERO));
    assert!(engine.shutdown(Duration::from_secs(5)));
    assert!(!store.exists());
}

#[test]
fn who_waits_also_waits_while_another_thread_begins() {
    for ends in [false, true] {
        let entered = Arc::new(Barrier::new(2));
        let log = {
            let entered = Arc::clone(&entered);
            // That there is no place for a store is told while the work is made.
            Log::new(move |_| {
                entered.wait();
                std::thread::sleep(Duration::from_millis(100));
            })
        };
        let host = Host {
            log: Some(log),
            ..Host::default()
        };
        let engine = Engine::new(Arc::new(Config::default()), host);
        std::thread::scope(|scope| {
            scope.spawn(|| engine.submit(submission(&engine, 1, "f")).unwrap());
            entered.wait();
            engine.submit(submission(&engine, 2, "f")).unwrap();
            assert!(match ends {
                true => engine.shutdown(Duration::from_secs(20)),
                false => engine.flush(Duration::from_secs(20)),
            });
            assert_eq!((engine.recent().1, engine.is_at_rest()), (2, ends));
        });
        assert!(engine.shutdown(Duration::from_secs(20)));
    }
}

#[test]
fn what_comes_after_the_end_is_refused_and_counted() {
    for begun in [true, false] {
        let (engine, stored) = engine(true);
        if begun {
            engine.submit(submission(&engine, 1, "f")).unwrap();
        }
        assert!(engine.shutdown(Duration::from_secs(20)));
        assert!(engine.submit(submission(&engine, 2, "late")).is_err());
        engine.mark_uncaught(SnapshotId::generate(now_ns()), "excepthook");
        assert_eq!(engine.stats().outcomes.dropped_deadline, 1);
        assert!(engine.is_at_rest());
        assert_eq!(snapshots(&stored).len(), usize::from(begun));
    }
}

#[test]
fn what_comes_while_the_engine_ends_is_stored_or_counted() {
    for turn in 0..100 {
        let (engine, stored) = engine(true);
        let together = Barrier::new(3);
        let (whole, taken) = std::thread::scope(|scope| {
            let submit = || {
                together.wait();
                let each = (0..50).map(|site| engine.submit(submission(&engine, site, "f")));
                each.filter(Result::is_ok).count()
            };
            let others = [scope.spawn(submit), scope.spawn(submit)];
            together.wait();
            std::thread::sleep(Duration::from_micros(turn * 50));
            let whole = engine.shutdown(Duration::from_secs(20));
            let taken = others.map(|other| other.join().unwrap() as u64);
            (whole, taken[0] + taken[1])
        });
        let (flushed, stats) = (
            engine.flush(Duration::from_secs(20)),
            engine.stats().outcomes,
        );
        assert_eq!(stats.captured + stats.dropped_deadline, 100, "turn {turn}");
        assert_eq!(snapshots(&stored).len() as u64, stats.captured);
        assert!(!flushed || stats.captured >= taken, "turn {turn}, {whole}");
    }
}

#[test]
fn what_a_late_end_drops_is_never_said_to_be_stored() {
    let held = Arc::new(Mutex::new(()));
    let hold = held.lock().unwrap();
    let entered = Arc::new(Barrier::new(2));
    let call = {
        let (held, entered) = (Arc::clone(&held), Arc::clone(&entered));
        Callback::new(Format::Json, move |_| {
            entered.wait();
            drop(held.lock());
            Taken::Yes
        })
    };
    let host = Host {
        callbacks: vec![call],
        ..Host::default()
    };
    let sink = Memory {
        stored: Stored::default(),
        works: true,
    };
    let engine = Engine::with_sink(Arc::new(Config::default()), host, Box::new(sink));
    engine.submit(submission(&engine, 1, "held")).unwrap();
    entered.wait();
    engine.submit(submission(&engine, 2, "waits")).unwrap();
    assert!(!engine.shutdown(Duration::from_millis(50)));
    assert_eq!(engine.stats().outcomes.dropped_deadline, 1);
    drop(hold);
    let until = Instant::now() + Duration::from_secs(20);
    while !engine.is_at_rest() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(engine.is_at_rest() && !engine.flush(Duration::from_secs(20)));
}

#[test]
fn a_timeout_may_be_longer_than_any_clock_counts() {
    let (engine, stored) = engine(true);
    assert!(engine.flush(Duration::MAX));
    engine.submit(submission(&engine, 1, "f")).unwrap();
    assert!(engine.flush(Duration::MAX));
    assert_eq!(snapshots(&stored).len(), 1);
    assert!(engine.shutdown(Duration::MAX));
}

#[test]
fn a_silent_engine_rests_when_the_last_line_is_told() {
    let entered = Arc::new(Barrier::new(2));
    let call = Arc::clone(&entered);
    let log = Log::new(move |_| {
        call.wait();
        call.wait();
    });
    let host = Host {
        log: Some(log),
        ..Host::default()
    };
    let engine = Engine::new(Arc::new(Config::default()), host);
    std::thread::scope(|scope| {
        scope.spawn(|| engine.notice("told"));
        entered.wait();
        engine.silence();
        assert!(!engine.is_at_rest() && !engine.is_in_callback());
        entered.wait();
    });
    engine.notice("kept");
    assert!(engine.is_at_rest());
    assert_eq!(engine.notices(), ["told", "kept"]);
}

#[test]
fn a_forked_child_stores_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config {
        dir: Some(directory.path().to_owned()),
        ..Config::default()
    };
    let engine = Engine::new(Arc::new(config), Host::default());
    engine.submit(submission(&engine, 1, "parent")).unwrap();
    // SAFETY: the child only runs the code below, which allocates; glibc's allocator is made usable in forked children.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let own = std::mem::ManuallyDrop::new(engine.after_fork());
        std::mem::forget(engine);
        let stored = own.submit(submission(&own, 1, "child")).is_ok()
            && own.shutdown(Duration::from_secs(20));
        // SAFETY: ends the child without running anything of the test harness.
        unsafe { libc::_exit(i32::from(!stored)) };
    }
    let mut status = 0;
    // SAFETY: `status` is writable; `child` is a child of this process.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
    assert!(engine.shutdown(Duration::from_secs(20)));
    let mut reader = SpoolReader::open(directory.path()).unwrap();
    let mut functions = Vec::new();
    let records = reader.records().unwrap().records;
    for record in records
        .iter()
        .filter(|record| record.kind == RecordKind::Snapshot)
    {
        let payload = reader.read(&record.segment, record.offset).unwrap();
        let snapshot = Snapshot::from_msgpack(&payload).unwrap();
        functions.push(snapshot.frames[0].function.clone());
    }
    functions.sort();
    assert_eq!(functions, ["child", "parent"]);
}

/// What a callback was handed: form, bytes, and id of the snapshot.
type Seen = (Format, Vec<u8>, SnapshotId);

#[test]
fn callbacks_are_counted_as_they_say() {
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let saying = |format, taken: fn(usize) -> Taken| {
        let seen = Arc::clone(&seen);
        Callback::new(format, move |delivery| {
            let mut seen = seen.lock().unwrap();
            let id = delivery.submission.meta.id;
            assert_eq!(delivery.id, id);
            seen.push((delivery.format, delivery.bytes.to_vec(), id));
            taken(seen.len())
        })
    };
    let host = Host {
        language: Language::Python,
        callbacks: vec![
            saying(Format::MessagePack, |_| Taken::Later),
            saying(Format::MessagePack, |_| Taken::Unwanted),
            saying(Format::Json, |_| Taken::Yes),
            saying(Format::Datadog, |_| Taken::No),
            Callback::new(Format::Json, |_| true),
            Callback::new(Format::Json, |_| -> bool { panic!("the program's own") }),
        ],
        ..Host::default()
    };
    let sink = Memory {
        stored: Stored::default(),
        works: true,
    };
    let engine = Engine::with_sink(Arc::new(Config::default()), host, Box::new(sink));
    let submitted = submission(&engine, 1, "convert");
    let id = submitted.meta.id;
    engine.submit(submitted).unwrap();
    assert!(engine.flush(Duration::from_secs(30)));
    let counters = engine.stats().counters;
    assert_eq!((counters.callback_sent, counters.callback_failed), (2, 2));
    engine.count(Counter::CallbackDropped, 3);
    assert_eq!(engine.stats().counters.callback_dropped, 3);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 4);
    assert!(seen.iter().all(|(_, _, of)| *of == id));
    let snapshot = Snapshot::from_msgpack(&seen[0].1).unwrap();
    assert_eq!(snapshot.id, id);
    assert!(!String::from_utf8_lossy(&seen[2].1).contains("pk_live"));
}

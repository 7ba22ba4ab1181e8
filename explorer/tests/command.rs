//! The command as people use it: what it prints, where, and with which exit status.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test says what it expects"
)]

mod common;

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use common::{SECOND, Writer, golden, now_ns, output_of, pricing, run, stderr, stdout, stillframe};
use stillframe_core::sink::spool::{
    EventCount, EventCounts, ProcessPhase, ProcessRecord, Spool, SpoolConfig,
};
use stillframe_core::sink::{RecordKind, Sink, SinkRecord};
use stillframe_core::stats::{DestinationStats, StatsSnapshot};
use tempfile::TempDir;

/// A store with three errors of two issues, and the process that they come from.
fn store() -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let now = now_ns();
    let mut writer = Writer::new(dir.path());
    let mut timeout = golden("java");
    timeout.service = "shop".into();
    writer.snapshot(&timeout, 0x04aa_71fe << 96, now - 3600 * SECOND, 0x77);
    writer.snapshot(
        &pricing(),
        0x9be1_c2d3 << 96,
        now - 200 * SECOND,
        0x1111_2222,
    );
    writer.snapshot(
        &pricing(),
        0x9be1_c2d3 << 96,
        now - 125 * SECOND,
        0x3f2a_91c0,
    );
    writer.process(&process(now), now - 60 * SECOND);
    writer.close();
    dir
}

fn process(now: u64) -> ProcessRecord<StatsSnapshot> {
    let mut process = ProcessRecord {
        phase: ProcessPhase::Exit,
        pid: 4711,
        started_ns: now - 7200 * SECOND,
        service: Some("shop".into()),
        language: "python".into(),
        runtime: "CPython 3.11.7".into(),
        walker: "fast".into(),
        library: env!("CARGO_PKG_VERSION").into(),
        enabled_by: Some("stillframe run".into()),
        ..ProcessRecord::default()
    };
    let stats: &mut StatsSnapshot = &mut process.stats;
    stats.outcomes.captured = 3;
    stats.outcomes.refused_rate = 11;
    stats.redacted.insert("redactedIdent".into(), 5);
    (stats.walk.count, stats.walk.p50_ns, stats.walk.p99_ns) = (3, 90_000, 310_000);
    process
}

#[test]
fn list_shows_issues_newest_first() {
    let dir = store();
    let text = output_of(dir.path(), &["list", "--width", "100"]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("issue     last       times  values  error"),
        "{text}"
    );
    assert!(
        lines[1].starts_with("9be1c2d3  2 min ago      2       2  KeyError: 'EUR'"),
        "{text}"
    );
    assert!(lines[1].contains("shop/pricing.py convert"), "{text}");
    assert!(
        lines[2].starts_with(
            "04aa71fe  1 h ago        1       1  IllegalStateException: no rate for EUR"
        ),
        "{text}"
    );
    assert!(lines[3].starts_with("2 issues, 3 errors in "), "{text}");
    let place = lines[0].find("where").expect("a column");
    assert!(
        lines[1..3]
            .iter()
            .all(|line| line.as_bytes()[place - 1] == b' ' && line.as_bytes()[place] != b' '),
        "{text}"
    );
}

#[test]
fn list_filters_and_limits() {
    let dir = store();
    let one = output_of(dir.path(), &["list", "--type", "KeyError"]);
    assert!(
        one.contains("9be1c2d3") && !one.contains("04aa71fe"),
        "{one}"
    );
    let recent = output_of(dir.path(), &["list", "--since", "30m"]);
    assert!(
        recent.contains("9be1c2d3") && !recent.contains("04aa71fe"),
        "{recent}"
    );
    let limited = output_of(dir.path(), &["list", "--limit", "1"]);
    assert!(
        limited.contains("1 of 2 issues") && limited.contains("--all"),
        "{limited}"
    );
    let none = output_of(dir.path(), &["list", "--type", "Nothing"]);
    assert!(none.starts_with("no issues of that kind"), "{none}");
    let wrong = run(dir.path(), &["list", "--since", "soon"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("30m"), "{}", stderr(&wrong));
}

#[test]
fn list_as_json_is_exact() {
    let dir = store();
    let json: serde_json::Value =
        serde_json::from_str(&output_of(dir.path(), &["list", "--json"])).expect("JSON");
    assert_eq!(json["total"], 2);
    let issue = &json["issues"][0];
    assert_eq!(issue["issue"], format!("{:032x}", 0x9be1_c2d3_u128 << 96));
    assert_eq!(
        (&issue["type"], &issue["line"], &issue["times"]),
        (&"KeyError".into(), &42.into(), &2.into())
    );
    assert_eq!(
        issue["lastSeen"].as_u64().expect("a time") - issue["firstSeen"].as_u64().expect("a time"),
        75 * SECOND
    );
}

#[test]
fn show_finds_what_is_meant() {
    let dir = store();
    let latest = output_of(dir.path(), &["show"]);
    assert!(latest.starts_with("KeyError: 'EUR'"), "{latest}");
    assert!(
        latest.contains("3f2a91c0, 2 min ago") && latest.contains("issue 9be1c2d3: 2 times"),
        "{latest}"
    );
    for id in ["latest", "3f2a91c0", "3F2", "9be1c2d3", "9be1"] {
        assert_eq!(output_of(dir.path(), &["show", id]), latest, "{id}");
    }
    let other = output_of(dir.path(), &["show", "04aa"]);
    assert!(
        other.starts_with("java.lang.IllegalStateException"),
        "{other}"
    );
    assert!(other.contains("issue 04aa71fe: the first time"), "{other}");
}

#[test]
fn show_says_what_it_did_not_find() {
    let dir = store();
    for (id, said) in [("dead", "begins with"), ("what?", "is no id")] {
        let output = run(dir.path(), &["show", id]);
        assert_eq!(
            (output.status.code(), stdout(&output)),
            (Some(2), String::new())
        );
        assert!(
            stderr(&output).contains(said) && stderr(&output).contains("stillframe list"),
            "{}",
            stderr(&output)
        );
    }
    let frame = run(dir.path(), &["show", "-f", "nowhere"]);
    assert!(
        stderr(&frame).contains("Pricing.convert, Cart.total"),
        "{}",
        stderr(&frame)
    );
    let mut writer = Writer::new(dir.path());
    // Ahead, as the command may come to it late.
    let at = now_ns() + 30 * SECOND;
    writer.snapshot(&pricing(), 0xfe << 120, at, 0x3f00_0000);
    writer.close();
    let ambiguous = run(dir.path(), &["show", "3f"]);
    let said = stderr(&ambiguous);
    assert_eq!(ambiguous.status.code(), Some(2));
    assert!(
        said.contains("3f000000  snapshot, just now")
            && said.contains("3f2a91c0  snapshot, 2 min ago"),
        "{said}"
    );
}

#[test]
fn show_as_json_is_what_was_stored() {
    let dir = store();
    let json: serde_json::Value =
        serde_json::from_str(&output_of(dir.path(), &["show", "--json"])).expect("JSON");
    let expected = serde_json::to_value(pricing()).expect("JSON");
    for member in [
        "exceptions",
        "frames",
        "context",
        "receipt",
        "runtime",
        "thread",
    ] {
        assert_eq!(json[member], expected[member], "{member}");
    }
}

#[test]
fn show_keeps_members_of_a_newer_version_in_json() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut document = serde_json::to_value(pricing()).expect("JSON");
    document["later"] = serde_json::json!({ "added": [1, 2.5, null] });
    let payload = stillframe_core::sink::spool::encode_payload(&document).expect("encodes");
    let mut writer = Writer::new(dir.path());
    writer.write(
        stillframe_core::sink::RecordKind::Snapshot,
        &payload,
        [7; 16],
        [9; 16],
        now_ns(),
    );
    writer.close();
    let json: serde_json::Value =
        serde_json::from_str(&output_of(dir.path(), &["show", "--json"])).expect("JSON");
    assert_eq!(json, document);
}

#[test]
fn show_as_markdown_keeps_to_its_budget() {
    let dir = store();
    let whole = output_of(dir.path(), &["show", "--md"]);
    assert!(whole.starts_with("# KeyError: 'EUR'\n"), "{whole}");
    let short = output_of(dir.path(), &["show", "--md", "--budget", "150"]);
    assert!(
        short.chars().count() <= 600 && short.contains("Left out:"),
        "{short}"
    );
    assert_eq!(
        run(dir.path(), &["show", "--budget", "150"]).status.code(),
        Some(2)
    );
    assert_eq!(
        run(dir.path(), &["show", "--md", "--budget", "3"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn output_is_plain_unless_it_goes_to_a_terminal() {
    let dir = store();
    for arguments in [&["list"][..], &["show"], &["doctor"], &["stats"]] {
        let plain = output_of(dir.path(), arguments);
        assert!(
            plain.is_ascii() && !plain.contains('\x1b'),
            "{arguments:?}: {plain}"
        );
        assert!(
            plain.lines().all(|line| line.len() <= 80),
            "{arguments:?}: {plain}"
        );
        let mut command = stillframe(dir.path());
        command
            .args(arguments)
            .env("CLICOLOR_FORCE", "1")
            .env("LANG", "C.UTF-8")
            .env("COLUMNS", "60");
        let coloured = stdout(&command.output().expect("runs"));
        assert!(coloured.contains("\x1b["), "{arguments:?}");
        command.env("NO_COLOR", "1");
        let drawn = stdout(&command.output().expect("runs"));
        assert!(
            !drawn.contains('\x1b') && drawn.lines().all(|line| line.chars().count() <= 60),
            "{drawn}"
        );
    }
}

#[test]
fn nobody_reads_and_nothing_is_said() {
    let dir = store();
    let mut child = stillframe(dir.path())
        .args(["show", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    drop(child.stdout.take());
    let status = child.wait().expect("ends");
    let mut said = String::new();
    child
        .stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut said)
        .expect("is read");
    assert_eq!((status.code(), said.as_str()), (Some(0), ""));
}

#[test]
fn without_a_store_the_two_commands_to_begin_are_told() {
    let dir = tempfile::tempdir().expect("a folder");
    let missing = dir.path().join("missing");
    for command in ["list", "stats"] {
        let output = stillframe(dir.path())
            .args([command, "--dir"])
            .arg(&missing)
            .output()
            .expect("runs");
        let text = stdout(&output);
        assert_eq!(output.status.code(), Some(0));
        assert!(
            text.contains("stillframe run app.py") && text.contains("stillframe show latest"),
            "{text}"
        );
    }
    let output = stillframe(dir.path())
        .args(["show", "--dir"])
        .arg(&missing)
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("stillframe run app.py"),
        "{}",
        stderr(&output)
    );
    let json = stillframe(dir.path())
        .args(["list", "--json", "--dir"])
        .arg(&missing)
        .output()
        .expect("runs");
    assert!(
        stdout(&json).contains("\"issues\": []"),
        "{}",
        stdout(&json)
    );
    assert!(!missing.exists(), "reading makes nothing");
}

#[test]
fn the_store_of_a_service_is_chosen() {
    let home = tempfile::tempdir().expect("a folder");
    let root = home.path().join("state/stillframe");
    let command = |service: &str, arguments: &[&str]| {
        let mut command = stillframe(home.path());
        command
            .env_remove("STILLFRAME_DIR")
            .env("XDG_STATE_HOME", home.path().join("state"));
        if !service.is_empty() {
            command.env("STILLFRAME_SERVICE", service);
        }
        command.args(arguments).output().expect("runs")
    };
    for (age, service) in [(300, "billing"), (100, "shop")] {
        let mut snapshot = pricing();
        snapshot.service = service.into();
        let mut writer = Writer::new(&root.join(service));
        writer.snapshot(&snapshot, 1 << 96, now_ns() - age * SECOND, age);
        writer.close();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let newest = command("", &["list"]);
    assert!(
        stdout(&newest).contains(" in shop ("),
        "{}",
        stdout(&newest)
    );
    assert!(
        stderr(&newest)
            .contains("showing shop, the newest of 2; --service chooses another: billing"),
        "{}",
        stderr(&newest)
    );
    let chosen = command("", &["list", "--service", "billing"]);
    assert!(
        stdout(&chosen).contains(" in billing ("),
        "{}",
        stdout(&chosen)
    );
    let configured = command("billing", &["list"]);
    assert!(
        stdout(&configured).contains(" in billing ("),
        "{}",
        stdout(&configured)
    );
    assert_eq!(stderr(&configured), "");
    let missing = command("", &["list", "--service", "stock"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        stderr(&missing).contains("there are: "),
        "{}",
        stderr(&missing)
    );
}

#[test]
fn doctor_says_that_all_is_well() {
    let dir = store();
    let text = output_of(dir.path(), &["doctor", "--width", "120"]);
    for line in [
        "capture     was on until the program ended, 1 min ago (stillframe run), pid 4711, CPython 3.11.7: fast walker",
        "last error  KeyError: 'EUR', 2 min ago: captured",
        "no values   11 errors: 11 more than the rate",
        "overhead    3 captures, p50 0.09 ms, p99 0.31 ms",
        "all is as it should be",
    ] {
        assert!(text.contains(line), "{line:?} in {text}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&output_of(dir.path(), &["doctor", "--json"])).expect("JSON");
    assert_eq!(json["fine"], true);
}

#[test]
fn doctor_tells_of_programs_that_died_of_a_signal() {
    let dir = store();
    let folder = dir.path().join("fatal");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("4711-1.fatal"), b"").expect("is written");
    std::fs::write(folder.join("4711-2.fatal"), b"").expect("is written");
    let text = output_of(dir.path(), &["doctor", "--width", "120"]);
    assert!(text.contains("signals     2 records waiting"), "{text}");
    assert!(text.contains("start the program again"), "{text}");
}

#[test]
fn doctor_says_what_to_mend() {
    let dir = store();
    std::fs::write(dir.path().join("stillframe.toml"), "[limits]\ndepth = 99\n")
        .expect("is written");
    let mut process = process(now_ns());
    process.started_ns += 1;
    process.walker = "public API: self-test failed".into();
    process.problems = vec!["redact.values.3: ignored: unclosed group at character 17".into()];
    process.stats.outcomes.dropped_sink = 2;
    process.stats.counters.spool_failed = 2;
    let mut writer = Writer::new(dir.path());
    writer.process(&process, now_ns());
    writer.close();
    let output = stillframe(dir.path())
        .args(["doctor", "--width", "140"])
        .env("STILLFRAME_ENABLED", "0")
        .output()
        .expect("runs");
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in [
        "! capture     switched off here (STILLFRAME_ENABLED)",
        "public API: self-test failed",
        "! no values",
        "2 could not be stored",
        "2 records could not be written",
        "limits.depth = 99: not",
        "stillframe.toml:2:",
        "in the last program: redact.values.3",
        "things to mend",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

#[test]
fn doctor_and_stats_tell_of_destinations() {
    let dir = store();
    let now = now_ns();
    let mut process = process(now);
    process.started_ns += 1;
    let line =
        "datadog, http://localhost:8126: the connection is refused; what is to be sent waits";
    process.problems = vec![line.into()];
    let mut add = |name: &str, sent, error: Option<&str>| {
        let stats = DestinationStats {
            address: "http://localhost:8126".into(),
            sent,
            waiting: 7,
            retries: 3,
            last_sent_ns: now - 720_000_000_000,
            last_error: error.map(str::to_owned),
            last_error_ns: error.map_or(0, |_| now - 300_000_000_000),
            ..DestinationStats::default()
        };
        process.stats.destinations.insert(name.to_owned(), stats);
    };
    add("datadog", 1204, Some("the connection is refused"));
    add("otlp", 12, None);
    let mut writer = Writer::new(dir.path());
    writer.process(&process, now);
    writer.close();
    let output = stillframe(dir.path())
        .args(["doctor", "--width", "160"])
        .output()
        .expect("runs");
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in [
        "! sending     datadog, http://localhost:8126: 1,204 sent, the last 12 min ago; last failure 5 min ago: the connection is refused",
        "otlp, http://localhost:8126: 12 sent, the last 12 min ago",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    assert!(
        !text.contains("what is to be sent waits"),
        "told in one place: {text}"
    );
    let text = output_of(dir.path(), &["stats"]);
    assert!(text.contains("datadog, http://localhost:8126"), "{text}");
    let json = output_of(dir.path(), &["stats", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["total"]["destinations"]["datadog"]["sent"], 1204);
    assert_eq!(json["total"]["destinations"]["datadog"]["retries"], 3);
}

/// Puts an item into an outbox.
fn leave_item(folder: &Path) {
    std::fs::create_dir_all(folder).expect("made");
    let config = SpoolConfig::default();
    let mut spool = Spool::new(folder, config, Box::new(|_| {}));
    let record = SinkRecord {
        kind: RecordKind::Item,
        payload: b"\0\0{}",
        id: [7; 16],
        fingerprint: [0; 16],
        timestamp_ns: now_ns(),
    };
    spool.write(&record).expect("written");
    spool
        .close(std::time::Instant::now() + std::time::Duration::from_secs(9))
        .expect("closed");
}

#[test]
fn send_says_what_is_left_and_where_it_would_go() {
    let dir = store();
    let output = stillframe(dir.path()).arg("send").output().expect("runs");
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("no destination is configured here, and nothing waits"));
    // As a program that is gone left it.
    leave_item(&dir.path().join("outbox/datadog"));
    let output = stillframe(dir.path())
        .args(["send", "--width", "200"])
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    assert!(
        text.contains("1 item waits in ") && text.contains("STILLFRAME_DATADOG_ENABLED=1"),
        "{text}"
    );
    let text = output_of(dir.path(), &["doctor", "--width", "200"]);
    assert!(
        text.contains("datadog: nothing sent yet; 1 item in the outbox"),
        "{text}"
    );
}

#[test]
fn what_waits_for_another_address_is_told_as_such() {
    let dir = store();
    // As programs with another address left it.
    for folder in ["sentry-0123456789abcdef", "otlp-0123456789abcdef"] {
        leave_item(&dir.path().join("outbox").join(folder));
    }
    let with_sentry = |arguments: &[&str]| {
        let output = stillframe(dir.path())
            .args(arguments)
            .env("STILLFRAME_SENTRY_ENABLED", "1")
            .env("STILLFRAME_SENTRY_DSN", "http://key@127.0.0.1:9/42")
            .output()
            .expect("runs");
        (output.status.code(), stdout(&output))
    };
    let other = "sentry: 1 item waits for another address or key than the configured one: outbox/sentry-0123456789abcdef (";
    let (status, text) = with_sentry(&["send", "--width", "250"]);
    assert_eq!(status, Some(1));
    for part in [
        "sentry, http://127.0.0.1:9/api/42/envelope/: 0 items sent, nothing waits",
        other,
        "otlp: 1 item waits, and no destination of this name is configured here: outbox/otlp-0123456789abcdef (",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let (status, text) = with_sentry(&["send", "--moved", "--timeout", "1", "--width", "250"]);
    assert_eq!(status, Some(1));
    assert!(
        text.contains("the connection is refused") && !text.contains(other),
        "tried: {text}"
    );
    let (_, json) = with_sentry(&["send", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["destinations"][0]["waiting"], 0);
    assert_eq!(json["others"][1]["name"], "sentry");
    assert_eq!(json["others"][1]["items"], 1);
    let (_, text) = with_sentry(&["doctor", "--width", "250"]);
    for part in [
        "sentry, http://127.0.0.1:9/api/42/envelope/: nothing sent yet",
        other,
        "otlp: nothing sent yet; 1 item in the outbox",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

#[test]
fn doctor_says_what_became_of_functions_that_are_handed_snapshots() {
    let dir = store();
    let report = |change: fn(&mut ProcessRecord<StatsSnapshot>)| {
        let mut process = process(now_ns());
        process.started_ns += 1;
        change(&mut process);
        let mut writer = Writer::new(dir.path());
        writer.process(&process, now_ns());
        writer.close();
        let arguments = ["doctor", "--width", "140"];
        let output = stillframe(dir.path())
            .args(arguments)
            .output()
            .expect("runs");
        (output.status.code(), stdout(&output))
    };
    let (status, text) = report(|process| process.stats.counters.callback_sent = 3);
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("callbacks   3 calls of functions of the program"),
        "{text}"
    );

    let (status, text) = report(|process| {
        process.stats.counters.callback_failed = 2;
        process.stats.counters.callback_dropped = 7;
        let line = "tell (shop.py:12), given to stillframe.on_snapshot, failed: TypeError (stillframe list shows it)";
        process.problems = vec![line.to_owned()];
    });
    assert_eq!(status, Some(1), "{text}");
    for part in [
        "! callbacks   2 calls failed: tell (shop.py:12), given to stillframe.on_snapshot, failed: TypeError",
        "7 snapshots not handed over",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    assert!(!text.contains("in the last program"), "{text}");
}

#[test]
fn doctor_says_why_the_last_error_has_no_values() {
    let dir = store();
    let now = now_ns();
    let count = EventCount {
        fingerprint: (0x04aa_71fe_u128 << 96).to_be_bytes(),
        count: 5,
        // Ahead, as the command may come to it late.
        last_ns: now + 30 * SECOND,
        ..EventCount::default()
    };
    let mut writer = Writer::new(dir.path());
    writer.counts(
        &EventCounts {
            counts: vec![count],
            ..EventCounts::default()
        },
        now,
    );
    writer.close();
    let text = output_of(dir.path(), &["doctor", "--width", "120"]);
    assert!(text.contains("no values (more than the rate)"), "{text}");
    assert!(text.contains("raise gate.rate_per_second"), "{text}");
    let list = output_of(dir.path(), &["list"]);
    assert!(
        list.lines()
            .nth(1)
            .is_some_and(|line| line.starts_with("04aa71fe  just now       6       1")),
        "{list}"
    );
}

#[test]
fn doctor_asks_whether_the_last_error_itself_was_captured() {
    let dir = tempfile::tempdir().expect("a folder");
    let now = now_ns();
    let mut writer = Writer::new(dir.path());
    let mut of_service = |service: &str, key: u128, at: u64| {
        let mut snapshot = pricing();
        snapshot.service = service.into();
        writer.snapshot(&snapshot, key << 96, at, at);
    };
    of_service("a", 0xaaaa_0001, now - 300 * SECOND);
    of_service("b", 0xbbbb_0001, now - 100 * SECOND);
    let count = EventCount {
        fingerprint: (0xaaaa_0001_u128 << 96).to_be_bytes(),
        count: 1,
        last_ns: now - 200 * SECOND,
        ..EventCount::default()
    };
    writer.counts(
        &EventCounts {
            counts: vec![count],
            ..EventCounts::default()
        },
        now - 200 * SECOND,
    );
    writer.close();
    let last = |service: &str| {
        let text = output_of(dir.path(), &["doctor", "--service", service, "--json"]);
        let told: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let findings = told["findings"].as_array().expect("findings");
        let last = findings.iter().find(|one| one["about"] == "last error");
        last.expect("the last error")["what"].to_string()
    };
    assert!(last("a").contains("no values"), "{}", last("a"));
    assert!(last("b").contains("captured"), "{}", last("b"));
}

#[test]
fn stats_add_up_processes() {
    let dir = store();
    let mut process = process(now_ns());
    (process.pid, process.started_ns) = (4712, process.started_ns + 5);
    let mut writer = Writer::new(dir.path());
    writer.process(&process, now_ns());
    writer.close();
    let text = output_of(dir.path(), &["stats"]);
    assert!(text.starts_with("2 processes"), "{text}");
    assert!(
        text.contains("captured                       6  values kept"),
        "{text}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&output_of(dir.path(), &["stats", "--json"])).expect("JSON");
    assert_eq!(
        (&json["total"]["refused_rate"], &json["processes"][0]["pid"]),
        (&22.into(), &4712.into())
    );
    let one = output_of(dir.path(), &["stats", "--pid", "4711"]);
    assert!(one.starts_with("1 process"), "{one}");
    assert_eq!(
        run(dir.path(), &["stats", "--pid", "1"]).status.code(),
        Some(2)
    );
}

#[test]
fn help_teaches_by_example_and_fits() {
    let dir = tempfile::tempdir().expect("a folder");
    for command in [&[][..], &["run"], &["list"], &["show"], &["stats"]] {
        let text = output_of(dir.path(), &[command, &["--help"]].concat());
        assert!(text.contains("Examples:\n  stillframe"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 100), "{text}");
    }
    assert_eq!(
        output_of(dir.path(), &["--version"]),
        format!("stillframe {}\n", env!("CARGO_PKG_VERSION"))
    );
    let bare = run(dir.path(), &[]);
    assert_eq!(bare.status.code(), Some(2));
    assert!(
        stderr(&bare).contains("Usage: stillframe <COMMAND>"),
        "{}",
        stderr(&bare)
    );
}

/// A Python that prints how it was called, one argument a line.
fn fake_python(dir: &Path) -> std::path::PathBuf {
    script(
        dir,
        "python3",
        "#!/bin/sh\nfor a in \"$@\"; do echo \"[$a]\"; done\necho \"dir=$STILLFRAME_DIR service=$STILLFRAME_SERVICE pid=$$\"\nexit 7\n",
    )
}

fn script(dir: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).expect("is written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("is set");
    path
}

#[test]
fn run_becomes_the_interpreter() {
    let dir = tempfile::tempdir().expect("a folder");
    let python = fake_python(dir.path());
    std::fs::write(dir.path().join("app.py"), "").expect("is written");
    let called = |arguments: &[&str]| {
        let mut command = stillframe(dir.path());
        let child = command
            .arg("run")
            .arg("--python")
            .arg(&python)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("runs");
        let pid = child.id();
        let output = child.wait_with_output().expect("ends");
        assert_eq!(
            output.status.code(),
            Some(7),
            "the program's own exit status"
        );
        let text = stdout(&output);
        assert!(
            text.contains(&format!("pid={pid}\n")),
            "the same process: {text}"
        );
        text
    };
    let text = called(&["app.py", "--port", "8000"]);
    assert!(text.starts_with("[-c]\n[import sys\n"), "{text}");
    assert!(
        text.contains("[file]\n[app.py]\n[--port]\n[8000]\n"),
        "{text}"
    );
    assert!(called(&["-m", "pkg", "-x"]).contains("[module]\n[pkg]\n[-x]\n"));
    assert!(called(&["-c", "1/0"]).contains("[code]\n[1/0]\n"));
    assert!(called(&["-X", "dev", "-O", "app.py"]).starts_with("[-X]\n[dev]\n[-O]\n[-c]\n"));
    let chosen = called(&["--service", "shop", "--dir", "here", "app.py"]);
    let here = dir.path().join("here");
    assert!(
        chosen.contains(&format!("dir={} service=shop", here.display())),
        "{chosen}"
    );
}

#[test]
fn run_finds_commands_and_their_interpreter() {
    let dir = tempfile::tempdir().expect("a folder");
    let python = fake_python(dir.path());
    let tool = script(
        dir.path(),
        "tool",
        &format!("#!{}\nimport tool\n", python.display()),
    );
    let path = format!("{}:/usr/bin:/bin", dir.path().display());
    // Somewhere else, where there is no file of that name.
    let elsewhere = tempfile::tempdir().expect("a folder");
    let output = stillframe(dir.path())
        .current_dir(elsewhere.path())
        .args(["run", "tool", "-x"])
        .env("PATH", path)
        .output()
        .expect("runs");
    assert!(
        stdout(&output).contains(&format!("[script]\n[{}]\n[-x]\n", tool.display())),
        "{}",
        stderr(&output)
    );
}

#[test]
fn run_accepts_an_interpreter_in_front() {
    let dir = tempfile::tempdir().expect("a folder");
    let python = fake_python(dir.path());
    let python = python.to_str().expect("is Unicode");
    std::fs::write(dir.path().join("app.py"), "").expect("is written");
    let renamed = dir.path().join("python3.99");
    std::fs::rename(python, &renamed).expect("is renamed");
    let path = format!("{}:/usr/bin:/bin", dir.path().display());
    for name in ["python3.99", renamed.to_str().expect("is Unicode")] {
        let elsewhere = tempfile::tempdir().expect("a folder");
        let output = stillframe(dir.path())
            .current_dir(elsewhere.path())
            .args(["run", "-O", name, "-X", "dev", "-m", "pkg", "a"])
            .env("PATH", &path)
            .output()
            .expect("runs");
        let text = stdout(&output);
        assert!(text.contains("[-O]\n[-X]\n[dev]\n"), "{text}");
        assert!(text.contains("[module]\n[pkg]\n[a]\n"), "{text}");
    }
}

#[test]
fn run_says_what_it_cannot_run() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(dir.path().join("folder")).expect("is made");
    std::fs::write(dir.path().join("x.sh"), "#!/bin/sh\n").expect("is written");
    for (arguments, said) in [
        (&["missing.py"][..], "there is no file missing.py"),
        (&["nosuchtool"], "stillframe run -m nosuchtool"),
        (&["ls"], "is no Python program"),
        (&["x.sh"], "x.sh is no Python program"),
        (&["folder"], "without __main__.py"),
        (&["-m"], "-m needs the name of a module"),
        (
            &["--python", "/nowhere/python", "-c", "1"],
            "/nowhere/python",
        ),
        (&["-"], "standard input"),
    ] {
        let output = run(dir.path(), &[&["run"], arguments].concat());
        assert_eq!(
            (output.status.code(), stdout(&output)),
            (Some(2), String::new()),
            "{arguments:?}"
        );
        assert!(
            stderr(&output).contains(said),
            "{arguments:?}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn run_says_when_the_package_is_missing() {
    let dir = tempfile::tempdir().expect("a folder");
    let output = stillframe(dir.path())
        .args(["run", "--python", "python3", "-I", "-S", "-c", "pass"])
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("-m pip install stillframe"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn ids_complete_in_the_shell() {
    let dir = store();
    let offered = |words: &[&str]| {
        let mut command = stillframe(dir.path());
        let at = (words.len() - 1).to_string();
        command
            .env("COMPLETE", "fish")
            .env("_CLAP_COMPLETE_INDEX", at)
            .arg("--")
            .args(words);
        stdout(&command.output().expect("runs"))
    };
    let all = offered(&["stillframe", "show", ""]);
    let ids: Vec<&str> = all
        .lines()
        .filter_map(|line| line.split('\t').next())
        .collect();
    assert_eq!(
        ids[..4],
        ["latest", "3f2a91c0", "11112222", "00000077"],
        "{all}"
    );
    assert!(
        all.contains("3f2a91c0\tKeyError: 'EUR', 2 min ago"),
        "{all}"
    );
    assert!(offered(&["stillframe", "show", "3F"]).starts_with("3f2a91c0\t"));
    assert!(offered(&["stillframe", "sh"]).starts_with("show\t"));
}

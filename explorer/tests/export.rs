//! `export` as people use it: what it writes, where, and what it hides.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects"
)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::nodes::{named, text};
use common::{SECOND, Writer, golden_dir, now_ns, pricing, run, stderr, stdout, stillframe};
use stillframe_core::snapshot::{
    Context, Exception, Frame, Node, Scalar, SessionLinkInfo, Snapshot, Source,
};
use tempfile::TempDir;

const MAIL: &str = "ann.example@mail.example";
const PHONE: &str = "+49 170 5551234";

/// What tells whom it happened to, in every place where that can stand.
fn personal() -> Snapshot {
    let entry = (text("contact"), text(&format!("<{MAIL}>")));
    let tuple = Node {
        type_name: Some("tuple".into()),
        elements: Some(vec![text(MAIL)]),
        ..Node::default()
    };
    let customer = Node {
        type_name: Some("shop.Customer".into()),
        fields: Some(named(vec![
            ("phone_number", text(PHONE)),
            ("plan", text("free")),
        ])),
        ..Node::default()
    };
    let frame = Frame {
        function: "notify".into(),
        module: Some("shop.mail".into()),
        file: Some("/home/ann/work/shop/mail.py".into()),
        line: Some(1),
        in_app: true,
        arguments: named(vec![
            ("customer", customer),
            ("note", text(&format!("call {PHONE} today"))),
        ]),
        locals: named(vec![
            (
                "seen",
                Node {
                    type_name: Some("dict".into()),
                    entries: Some(vec![entry, (tuple, text("10.1.2.3"))]),
                    ..Node::default()
                },
            ),
            ("path", text("/home/ann/work/data.csv")),
            (
                "raw",
                Node {
                    type_name: Some("bytes".into()),
                    // From: ann.example@mail.example
                    value: Some("RnJvbTogYW5uLmV4YW1wbGVAbWFpbC5leGFtcGxl".into()),
                    encoding: Some("base64".into()),
                    ..Node::default()
                },
            ),
        ]),
        source: Some(Source {
            first_line: 1,
            lines: vec![format!("send(\"{MAIL}\")")],
            ..Source::default()
        }),
        ..Frame::default()
    };
    Snapshot {
        host: Some("anns-laptop".into()),
        exceptions: vec![Exception {
            type_name: "ValueError".into(),
            message: Some(text(&format!("cannot reach {MAIL}"))),
            notes: vec![text(&format!("from {MAIL}"))],
            args: vec![text(MAIL)],
            frames: vec![0],
            ..Exception::default()
        }],
        frames: vec![frame],
        context: Some(Context {
            user: named(vec![
                ("id", Scalar::Int(170_017)),
                ("plan", "ann-plan".into()),
            ]),
            attributes: named(vec![
                ("http.route", "/mail".into()),
                ("first_name", "Annabel".into()),
                ("query", MAIL.into()),
            ]),
            session_links: vec![SessionLinkInfo {
                name: "openReplaySessionToken".into(),
                id: "session-4711".into(),
                url: Some("https://replay.example/session-4711".into()),
            }],
            ..Context::default()
        }),
        ..pricing()
    }
}

fn store(snapshot: &Snapshot) -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path());
    writer.snapshot(
        snapshot,
        0x9be1_c2d3 << 96,
        now_ns() - 125 * SECOND,
        0x3f2a_91c0,
    );
    writer.close();
    dir
}

/// What an export writes to standard output; standard error tells what was hidden.
fn output_of(dir: &Path, arguments: &[&str]) -> String {
    let output = run(dir, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    // Told in lines of the terminal's width.
    let told = stderr(&output).replace("\n  ", " ");
    let said = if arguments.contains(&"--no-strict") {
        "As it was stored: nothing was hidden"
    } else {
        "Hidden for this export: "
    };
    assert!(told.contains(said), "{arguments:?}: {told}");
    stdout(&output)
}

const PERSONAL: [&str; 11] = [
    MAIL,
    "ann.example",
    "5551234",
    "10.1.2.3",
    "/home/ann",
    "anns-laptop",
    "170017",
    "ann-plan",
    "Annabel",
    "session-4711",
    "RnJvbTogYW5u",
];

#[test]
fn a_page_goes_to_standard_output_where_that_is_no_terminal() {
    let dir = store(&pricing());
    let page = output_of(dir.path(), &["export", "3f2a"]);
    assert!(
        page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"),
        "{page}"
    );
    assert!(page.contains("rate_table") && page.contains("How this page was made"));
    assert!(page.len() < 150_000, "{}", page.len());
    assert_eq!(
        output_of(dir.path(), &["export", "--html", "-o", "-"]).len(),
        page.len()
    );
}

#[test]
fn a_file_is_for_its_owner_and_is_told() {
    let dir = store(&pricing());
    let output = run(dir.path(), &["export", "-o", "error.html"]);
    assert_eq!(
        (output.status.code(), stdout(&output).as_str()),
        (Some(0), "")
    );
    assert!(
        stderr(&output).contains("wrote error.html ("),
        "{}",
        stderr(&output)
    );
    let file = dir.path().join("error.html");
    let mode = std::fs::metadata(&file)
        .expect("is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(
        std::fs::read_to_string(file)
            .expect("is text")
            .contains("KeyError")
    );
}

#[test]
fn what_cannot_be_written_or_found_is_said() {
    let dir = store(&pricing());
    for (arguments, said) in [
        (
            &["export", "-o", "no/such/folder.html"][..],
            "cannot write no/such/folder.html",
        ),
        (&["export", "beef"], "no snapshot and no issue begins with"),
        (&["export", "--md", "--json"], "cannot be used with"),
    ] {
        let output = run(dir.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let text = stderr(&output).replace("\n ", "");
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn persons_are_hidden_in_every_form() {
    let dir = store(&personal());
    for form in ["--html", "--md", "--json"] {
        let text = output_of(dir.path(), &["export", form]);
        for secret in PERSONAL {
            assert!(!text.contains(secret), "{secret} in {form}: {text}");
        }
        for kept in ["notify", "shop/mail.py", "free", "/mail", "cannot reach"] {
            assert!(
                text.contains(kept) || (form == "--md" && kept == "/mail"),
                "{kept} in {form}: {text}"
            );
        }
    }
}

#[test]
fn as_json_it_is_still_a_snapshot_that_says_why() {
    let dir = store(&personal());
    let json = output_of(dir.path(), &["export", "--json"]);
    let snapshot = Snapshot::from_json(json.as_bytes()).expect("a snapshot");
    let customer = snapshot.frames[0]
        .arguments
        .get("customer")
        .expect("is there");
    let phone = customer
        .fields
        .as_ref()
        .and_then(|fields| fields.get("phone_number"));
    let phone = phone.expect("is there");
    assert_eq!(phone.not_captured_reason.as_deref(), Some("redactedIdent"));
    assert_eq!(phone.rule.as_deref(), Some("phonenumber"));
    let note = snapshot.frames[0].arguments.get("note").expect("is there");
    assert_eq!(
        note.value,
        Some("call [redacted] today".into()),
        "a copy of what its name hid"
    );
    let raw = snapshot.frames[0].locals.get("raw").expect("is there");
    assert_eq!(
        (raw.value.clone(), raw.rule.as_deref()),
        (None, Some("email"))
    );
    let path = snapshot.frames[0].locals.get("path").expect("is there");
    assert_eq!(path.value, Some("[redacted]/work/data.csv".into()));
    assert_eq!(path.rule.as_deref(), Some("home folder"));
}

#[test]
fn no_strict_is_what_the_store_has() {
    let dir = store(&personal());
    let exported = output_of(dir.path(), &["export", "--json", "--no-strict"]);
    let shown = stdout(&run(dir.path(), &["show", "--json"]));
    let read = |json: &str| Snapshot::from_json(json.as_bytes()).expect("a snapshot");
    assert_eq!(read(&exported), read(&shown));
    let page = output_of(dir.path(), &["export", "--no-strict"]);
    assert!(page.contains(MAIL) && page.contains("(--no-strict)"));
}

#[test]
fn settings_add_to_what_is_hidden_and_take_nothing_away() {
    let dir = store(&personal());
    let with = |variables: &[(&str, &str)]| {
        let mut command = stillframe(dir.path());
        let command = command
            .args(["export", "--json"])
            .envs(variables.iter().copied());
        stdout(&command.output().expect("runs"))
    };
    let weaker = with(&[
        ("STILLFRAME_REDACT_MODE", "off"),
        ("STILLFRAME_REDACT_PROFILE", "datadog"),
        ("STILLFRAME_REDACT_ALIASING", "false"),
        (
            "STILLFRAME_REDACT_DISABLE_NAME_REDACTION_I_KNOW_WHAT_I_AM_DOING",
            "true",
        ),
    ]);
    for secret in PERSONAL {
        assert!(!weaker.contains(secret), "{secret}: {weaker}");
    }
    let more = with(&[("STILLFRAME_REDACT_NAMES", "plan")]);
    assert!(!more.contains("\"free\""), "{more}");
    let rule = r#"[{"name": "reach", "pattern": "cannot reach"}]"#;
    let more = with(&[("STILLFRAME_REDACT_VALUES", rule)]);
    assert!(!more.contains("cannot reach"), "{more}");
    let strict = with(&[("STILLFRAME_REDACT_MODE", "strict")]);
    assert!(
        !strict.contains("free") && !strict.contains("cannot reach"),
        "{strict}"
    );
}

#[test]
fn strict_mode_shows_no_text() {
    let mut snapshot = personal();
    let frame = &mut snapshot.frames[0];
    frame.source = Some(Source {
        first_line: 1,
        lines: vec!["send(\"teapot\")".into()],
        ..Source::default()
    });
    frame.locals.0.push((
        "by_name".into(),
        Node {
            type_name: Some("dict".into()),
            entries: Some(vec![(text("Annabelle"), text("first"))]),
            ..Node::default()
        },
    ));
    if let Some(context) = &mut snapshot.context {
        context
            .attributes
            .0
            .push(("http.target".into(), "/letter".into()));
    }
    if let Some(thread) = &mut snapshot.thread {
        thread.name = Some("worker-of-ann".into());
    }
    let dir = store(&snapshot);
    for form in ["--html", "--md", "--json"] {
        let mut command = stillframe(dir.path());
        let command = command.args(["export", form]);
        let output = command.env("STILLFRAME_REDACT_MODE", "strict").output();
        let exported = stdout(&output.expect("runs"));
        for hidden in ["teapot", "Annabelle", "/letter", "worker-of-ann", "free"] {
            assert!(!exported.contains(hidden), "{hidden} in {form}: {exported}");
        }
        for kept in ["notify", "by_name", "mail.py"] {
            assert!(exported.contains(kept), "{kept} in {form}: {exported}");
        }
    }
}

fn object(id: u32, fields: Vec<(&str, Node)>) -> Node {
    Node {
        id: Some(id),
        type_name: Some("shop.Thing".into()),
        fields: Some(named(fields)),
        ..Node::default()
    }
}

fn to(id: u32) -> Node {
    Node {
        reference: Some(id),
        ..Node::default()
    }
}

/// A snapshot of two frames, the raising one first.
fn frames(raising: Vec<(&str, Node)>, caller: Vec<(&str, Node)>) -> Snapshot {
    let frame = |function: &str, locals| Frame {
        function: function.into(),
        in_app: true,
        locals: named(locals),
        ..Frame::default()
    };
    Snapshot {
        exceptions: vec![Exception {
            type_name: "ValueError".into(),
            frames: vec![0, 1],
            ..Exception::default()
        }],
        frames: vec![frame("ship", raising), frame("order", caller)],
        ..pricing()
    }
}

#[test]
fn what_a_hidden_name_refers_to_is_hidden_where_it_stands() {
    let city = object(8, vec![("name", text("Springfield"))]);
    let address = object(
        7,
        vec![
            ("line1", text("12 Main")),
            ("city", to(8)),
            ("owner", to(9)),
        ],
    );
    let customer = object(
        9,
        vec![
            ("billing_address", to(7)),
            ("plan", text("free")),
            ("copy", to(7)),
        ],
    );
    let note = text("to Springfield, please");
    let snapshot = frames(
        vec![("address", address), ("note", note)],
        vec![("customer", customer), ("city", city)],
    );
    let dir = store(&snapshot);
    for form in ["--html", "--md", "--json"] {
        let exported = output_of(dir.path(), &["export", form]);
        for hidden in ["12 Main", "Springfield"] {
            assert!(!exported.contains(hidden), "{hidden} in {form}: {exported}");
        }
        // It is a way back to what the address was found in.
        assert!(exported.contains("free"), "{form}: {exported}");
    }
    let json = output_of(dir.path(), &["export", "--json"]);
    let snapshot = Snapshot::from_json(json.as_bytes()).expect("a snapshot");
    let address = snapshot.frames[0].locals.get("address").expect("is there");
    assert_eq!(
        (
            address.not_captured_reason.as_deref(),
            address.rule.as_deref()
        ),
        (Some("redactedIdent"), Some("billingaddress"))
    );
}

#[test]
fn copies_of_every_hidden_text_are_hidden() {
    let people = |count: usize| -> Vec<Node> {
        (0..count)
            .map(|n| {
                let name = text(&format!("Person Number{n:05}"));
                Node {
                    type_name: Some("dict".into()),
                    entries: Some(vec![(text("full_name"), name)]),
                    ..Node::default()
                }
            })
            .collect()
    };
    let list = |elements| Node {
        type_name: Some("list".into()),
        elements: Some(elements),
        ..Node::default()
    };
    let note = || text("no letter to Person Number00039 today");
    let of = |count| {
        frames(
            vec![("people", list(people(count))), ("note", note())],
            vec![],
        )
    };
    let dir = store(&of(64));
    let exported = output_of(dir.path(), &["export", "--json"]);
    assert!(!exported.contains("Number00039"), "{exported}");
    assert!(exported.contains("no letter to"), "{exported}");
    // More than can be looked for.
    let dir = store(&of(5000));
    let page = output_of(dir.path(), &["export"]);
    assert!(!page.contains("no letter to"), "{page}");
    assert!(page.contains("no text is shown"), "{page}");
}

#[test]
fn every_sample_is_exported() {
    for file in std::fs::read_dir(golden_dir()).expect("the samples") {
        let path = file.expect("is read").path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let snapshot =
            Snapshot::from_json(&std::fs::read(&path).expect("is read")).expect("a snapshot");
        let dir = store(&snapshot);
        check(dir.path());
    }
}

fn check(dir: &Path) {
    for form in ["--html", "--md", "--json"] {
        assert!(!output_of(dir, &["export", form]).is_empty());
    }
}

//! Writes pages to look at and to test in a browser: every sample of the golden tests, and some that are made to be hard.
//!
//!     cargo run -p stillframe-explorer --example pages -- FOLDER

#![allow(clippy::print_stderr, reason = "a tool")]

use std::error::Error;
use std::path::{Path, PathBuf};

use stillframe_core::snapshot::{
    Context, Exception, Frame, Node, Ordered, Runtime, Scalar, Snapshot, Source,
};
use stillframe_explorer::render::{Clock, HtmlView, IssueFacts, html, html_fragment};

fn main() -> Result<(), Box<dyn Error>> {
    let folder: PathBuf = std::env::args_os().nth(1).ok_or("pages FOLDER")?.into();
    std::fs::create_dir_all(&folder)?;
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for file in std::fs::read_dir(golden)? {
        let path = file?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            write(
                &folder,
                &name,
                &Snapshot::from_json(&std::fs::read(&path)?)?,
            )?;
        }
    }
    write(&folder, "attack", &attack())?;
    write(&folder, "long", &long())?;
    write(&folder, "many", &many())?;
    write(&folder, "deep", &deep())?;
    Ok(())
}

fn write(folder: &Path, name: &str, snapshot: &Snapshot) -> std::io::Result<()> {
    let now = snapshot.timestamp + 120_000_000_000;
    let view = HtmlView {
        issue: Some(IssueFacts {
            key: "9be1c2d3a4b5c6d7e8f90a1b2c3d4e5f".into(),
            times: 14,
            kept: 3,
            first_ns: now - 86_400_000_000_000,
        }),
        clock: Some(Clock::utc(now)),
        remarks: vec!["A sample.".into()],
    };
    std::fs::write(folder.join(format!("{name}.html")), html(snapshot, &view))?;
    let part = html_fragment(snapshot);
    let document = format!(
        "<!DOCTYPE html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>part</title><body>{part}{part}"
    );
    std::fs::write(folder.join(format!("{name}.part.html")), document)
}

/// What a program could hold to break out of a page.
const ATTACKS: [&str; 12] = [
    "</script><script>window.broken=1</script>",
    "\"><img src=x onerror=window.broken=2>",
    "' onmouseover='window.broken=3",
    "<!--<script>",
    "</style></pre></details><h1>broken</h1>",
    "<svg/onload=window.broken=4>",
    "&lt;b&gt; &amp; &#x3c;",
    "{{ 7*7 }} ${7*7} <% %>",
    "javascript:window.broken=5",
    "\u{202e}desrever\u{202c} \u{2066}x\u{2069}",
    "a\u{0}b\x1b[31m\x07\u{feff}\u{ad}",
    "<a href=\"#o1\">",
];

fn text(value: &str) -> Node {
    Node {
        type_name: Some("str".into()),
        value: Some(value.into()),
        ..Node::default()
    }
}

fn list(elements: Vec<Node>) -> Node {
    Node {
        type_name: Some("list".into()),
        size: Some(elements.len() as u64),
        elements: Some(elements),
        ..Node::default()
    }
}

fn snapshot(exceptions: Vec<Exception>, frames: Vec<Frame>) -> Snapshot {
    Snapshot {
        format: 1,
        timestamp: 1_795_262_531_000_000_000,
        service: "shop".into(),
        runtime: Runtime {
            language: "python".into(),
            version: Some("3.11.7".into()),
        },
        exceptions,
        frames,
        ..Snapshot::default()
    }
}

/// Attacks in every place that holds text of a program.
fn attack() -> Snapshot {
    let named = |kind: &str| -> Ordered<Node> {
        ATTACKS
            .iter()
            .map(|attack| (format!("{attack}{kind}"), text(attack)))
            .collect()
    };
    let frame = |at: usize| Frame {
        function: ATTACKS[at % 12].into(),
        module: Some(ATTACKS[(at + 1) % 12].into()),
        file: Some(format!("/srv/{}/a.py", ATTACKS[(at + 2) % 12])),
        line: Some(2),
        column: Some(3),
        end_column: Some(9),
        in_app: at < 3,
        arguments: named("a"),
        locals: [(
            "holder".to_owned(),
            Node {
                type_name: Some(ATTACKS[at % 12].into()),
                fields: Some(named("f")),
                ..Node::default()
            },
        )]
        .into_iter()
        .chain([(
            "hidden".to_owned(),
            Node {
                not_captured_reason: Some("redactedIdent".into()),
                rule: Some(ATTACKS[at % 12].into()),
                ..Node::default()
            },
        )])
        .collect(),
        source: Some(Source {
            first_line: 1,
            lines: ATTACKS.iter().map(|line| (*line).to_owned()).collect(),
            ..Source::default()
        }),
        ..Frame::default()
    };
    let exception = |at: usize| Exception {
        type_name: ATTACKS[at].into(),
        message: Some(text(&ATTACKS.join("\n"))),
        notes: ATTACKS.iter().map(|note| text(note)).collect(),
        attributes: named("x"),
        mechanism: Some(ATTACKS[at].into()),
        frames: (0..6).map(|n| n + 6 * at as u32).collect(),
        cause: (at == 0).then_some(1),
        ..Exception::default()
    };
    let pairs = || {
        ATTACKS
            .iter()
            .map(|attack| ((*attack).to_owned(), Scalar::from(*attack)))
    };
    let mut snapshot = snapshot(
        vec![exception(0), exception(1)],
        (0..12).map(frame).collect(),
    );
    snapshot.service = ATTACKS[0].into();
    snapshot.host = Some(ATTACKS[1].into());
    snapshot.context = Some(Context {
        attributes: pairs().collect(),
        user: pairs().collect(),
        session_links: ATTACKS
            .iter()
            .map(|attack| stillframe_core::snapshot::SessionLinkInfo {
                name: (*attack).into(),
                id: (*attack).into(),
                url: Some((*attack).into()),
            })
            .collect(),
        trace_id: Some(ATTACKS[3].into()),
        ..Context::default()
    });
    snapshot
}

fn failing(locals: Vec<(&str, Node)>) -> Snapshot {
    let frame = Frame {
        function: "work".into(),
        file: Some("/srv/work.py".into()),
        line: Some(1),
        in_app: true,
        locals: locals
            .into_iter()
            .map(|(name, node)| (name.to_owned(), node))
            .collect(),
        source: Some(Source {
            first_line: 1,
            lines: vec!["use(values)".into()],
            ..Source::default()
        }),
        ..Frame::default()
    };
    let exception = Exception {
        type_name: "ValueError".into(),
        message: Some(text("too much")),
        frames: vec![0],
        ..Exception::default()
    };
    snapshot(vec![exception], vec![frame])
}

/// Texts of a megabyte.
fn long() -> Snapshot {
    let megabyte = "word ".repeat(200_000);
    let mut snapshot = failing(vec![
        ("values", text(&megabyte)),
        ("unbroken", text(&"x".repeat(1 << 20))),
        ("lines", text(&"line\n".repeat(200_000))),
        (&"n".repeat(1 << 16), text("a long name")),
    ]);
    snapshot.exceptions[0].message = Some(text(&megabyte));
    (snapshot.frames[0].column, snapshot.frames[0].end_column) = (Some(1004), Some(1012));
    snapshot.frames[0].source = Some(Source {
        first_line: 1,
        lines: vec![format!("{} + failing(", "y".repeat(1000)) + &"z".repeat(1 << 20)],
        ..Source::default()
    });
    snapshot
}

/// Ten thousand values in one list, and again in ten thousand names.
fn many() -> Snapshot {
    let items = || (0..10_000).map(|n| text(&format!("item {n}"))).collect();
    let rows = || {
        (0..1000)
            .map(|_| {
                list(vec![
                    text(
                        "a long enough text that it needs a row of its own"
                    );
                    10
                ])
            })
            .collect()
    };
    let names: Vec<String> = (0..10_000).map(|n| format!("name_{n}")).collect();
    let mut locals = vec![("values", list(items())), ("rows", list(rows()))];
    locals.extend(names.iter().map(|name| (name.as_str(), text("v"))));
    failing(locals)
}

/// Lists in lists, as deep as a tape can hold.
fn deep() -> Snapshot {
    let mut node = text("the end, which is far below everything else that is here on this page");
    for _ in 0..100 {
        node = list(vec![
            node,
            text("a text that is long enough to make this list one to be opened"),
        ]);
    }
    failing(vec![("values", node)])
}

//! What a snapshot looks like, compared with the text files in `tests/golden`. `BLESS=1` rewrites them.
//!
//! Each `<name>.json` is a snapshot; beside it lie its views: in a plain terminal of 80 columns, in a wide one, with all values, as
//! a summary, as Markdown, as a page and as a part of one (without style and script). Look at them before you commit.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test says what it expects"
)]

mod common;

use common::golden_dir;
use stillframe_core::snapshot::Snapshot;
use stillframe_explorer::render::{
    Brief, Clock, HtmlView, IssueFacts, SummaryInput, Terminal, View, brief, html, html_fragment,
    markdown, show, summary,
};

/// Two minutes after the samples.
const NOW: u64 = 1_795_262_651_000_000_000;

fn names() -> Vec<String> {
    let files = std::fs::read_dir(golden_dir()).expect("the samples");
    let mut names: Vec<String> = files
        .filter_map(|file| {
            Some(
                file.ok()?
                    .file_name()
                    .to_str()?
                    .strip_suffix(".json")?
                    .to_owned(),
            )
        })
        .collect();
    names.sort();
    names
}

/// Every view of a snapshot, by the ending of its file.
fn views(snapshot: &Snapshot) -> Vec<(&'static str, String)> {
    let narrow = Terminal::plain();
    let wide = Terminal {
        width: 120,
        unicode: true,
        ..narrow
    };
    let clock = Clock::utc(NOW);
    let issue = IssueFacts {
        key: "9be1c2d3a4b5c6d7e8f90a1b2c3d4e5f".into(),
        times: 14,
        kept: 3,
        first_ns: NOW - 86_400_000_000_000,
    };
    let shown = |terminal: &Terminal, view: &View| {
        show(snapshot, Some(&issue), view, terminal, &clock).expect("every frame is shown")
    };
    let everything = View {
        all_frames: true,
        all_values: true,
        ..View::default()
    };
    let page = HtmlView {
        issue: Some(issue.clone()),
        clock: Some(clock),
        remarks: vec!["As it was stored.".into()],
    };
    let input = SummaryInput {
        snapshots: vec![snapshot.clone(); 2],
        ..SummaryInput::default()
    };
    vec![
        ("80.txt", shown(&narrow, &View::default())),
        ("120.txt", shown(&wide, &View::default())),
        ("all.120.txt", shown(&wide, &everything)),
        ("summary.txt", summary(&input, &narrow)),
        (
            "brief.txt",
            brief(
                snapshot,
                Brief {
                    lines: 30,
                    title: false,
                },
                &narrow,
            ),
        ),
        ("md", markdown(snapshot, None)),
        ("200.md", markdown(snapshot, Some(200))),
        ("html", readable(&html(snapshot, &page))),
        ("part.html", readable(&html_fragment(snapshot))),
    ]
}

/// HTML without what every page has, and with line ends, so that a change of one value is a change of one line.
fn readable(html: &str) -> String {
    let mut text = html.to_owned();
    for (open, close) in [("<style>", "</style>"), ("<script>", "</script>")] {
        while let Some(at) = text.find(open).map(|at| at + open.len()) {
            let end = text[at..].find(close).expect("is closed") + at;
            text.replace_range(at..end, "");
            text = text.replace(&format!("{open}{close}"), "");
        }
    }
    let hash = |text: &str, name: &str| {
        let at = text.find(name)?;
        Some(at..at + text[at..].find('\'')?)
    };
    while let Some(range) = hash(&text, "sha256-") {
        text.replace_range(range, "...");
    }
    for element in [
        "<li", "<p", "<ul", "<dt", "<details", "<pre", "<section", "<div", "<meta", "<h", "</ul",
        "<footer",
    ] {
        text = text.replace(element, &format!("\n{element}"));
    }
    text.push('\n');
    text.replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[test]
fn the_views_are_as_recorded() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut different = Vec::new();
    for name in names() {
        for (ending, text) in views(&common::golden(&name)) {
            let path = golden_dir().join(format!("{name}.{ending}"));
            if bless {
                std::fs::write(&path, &text).expect("is written");
            } else if std::fs::read_to_string(&path).ok().as_deref() != Some(&text) {
                eprintln!("--- {} is now:\n{text}", path.display());
                different.push(format!("{name}.{ending}"));
            }
        }
    }
    assert!(
        different.is_empty(),
        "changed: {different:?}; BLESS=1 records them"
    );
}

#[test]
fn a_view_never_grows_beyond_its_budget() {
    for name in names() {
        let snapshot = common::golden(&name);
        for tokens in [60, 100, 200, 500, 2000] {
            let text = markdown(&snapshot, Some(tokens));
            assert!(
                text.chars().count() <= tokens * 4,
                "{name} in {tokens}: {}",
                text.chars().count()
            );
            assert!(
                text.ends_with("_\n"),
                "{name} in {tokens} says what was left out"
            );
        }
    }
}

#[test]
fn few_lines_are_few_and_the_raising_frame_is_among_them() {
    let told = |snapshot: &Snapshot, lines: usize, title: bool| {
        brief(snapshot, Brief { lines, title }, &Terminal::plain())
    };
    for name in names() {
        let snapshot = common::golden(&name);
        let mut before = 0;
        for lines in [1, 8, 12, 20, 30, 60, 400] {
            let text = told(&snapshot, lines, false);
            let count = text.lines().count();
            assert!(count <= lines.max(24), "{name} in {lines}: {count}\n{text}");
            assert!(count >= before, "{name} in {lines}: {count} after {before}");
            before = count;
        }
    }
    let pricing = told(&common::pricing(), 10, true);
    assert!(
        pricing.starts_with("KeyError: 'EUR'\n> Pricing.convert  raised here"),
        "{pricing}"
    );
    assert!(pricing.contains("currency    'EUR'"), "{pricing}");
}

#[test]
fn one_frame_is_opened_by_function_or_place() {
    let snapshot = common::pricing();
    let text = |name: &str| {
        let view = View {
            function: Some(name.into()),
            ..View::default()
        };
        show(&snapshot, None, &view, &Terminal::plain(), &Clock::utc(NOW))
    };
    let whole = text("Pricing.convert").expect("there is one");
    assert!(
        whole.contains("> Pricing.convert") && !whole.contains("Cart.total"),
        "{whole}"
    );
    for name in ["convert", "shop/pricing.py:42", "pricing.py:42"] {
        assert_eq!(text(name).as_ref(), Ok(&whole), "{name}");
    }
    let missing = text("nowhere").expect_err("there is none");
    assert_eq!(missing.functions[..2], ["Pricing.convert", "Cart.total"]);
}

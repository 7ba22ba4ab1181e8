//! Whatever is in a snapshot, its text is safe to print: no control character, no line wider than the terminal, no panic.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test says what it expects"
)]

mod common;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use stillframe_core::snapshot::{
    Context, Exception, Frame, Node, Omitted, Ordered, Receipt, Runtime, Scalar, Snapshot, Source,
};
use stillframe_explorer::diff::{Common, pair};
use stillframe_explorer::render::{
    Brief, Clock, HtmlView, IssueFacts, SummaryInput, Terminal, View, brief, html, html_fragment,
    markdown, show, summary,
};
use unicode_width::UnicodeWidthStr;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z_]{1,12}",
        2 => any::<String>(),
        1 => r#"[\x00-\x1f\x7f-\xa0'"\\{}\[\]\u{202a}-\u{202e}\u{2066}-\u{2069}\u{300}-\u{320}汉字🚀👨‍👩‍👧\n\t]{0,40}"#,
        1 => (any::<char>(), 50usize..500).prop_map(|(c, n)| c.to_string().repeat(n)),
    ]
}

fn reason() -> impl Strategy<Value = Option<String>> {
    let known = stillframe_core::reason::Reason::ALL.map(|reason| reason.as_str().to_owned());
    prop_oneof![4 => Just(None), 2 => proptest::sample::select(known.to_vec()).prop_map(Some), 1 => text().prop_map(Some)]
}

fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        any::<bool>().prop_map(Scalar::Bool),
        any::<i64>().prop_map(Scalar::Int),
        any::<u64>().prop_map(Scalar::Uint),
        any::<f64>().prop_map(Scalar::Float),
        text().prop_map(Scalar::Text),
    ]
}

fn type_name() -> impl Strategy<Value = Option<String>> {
    let known = [
        "str",
        "int",
        "float",
        "list",
        "tuple",
        "dict",
        "set",
        "bytes",
        "datetime.date",
        "datetime.datetime",
        "datetime.time",
        "datetime.timedelta",
        "decimal.Decimal",
        "fractions.Fraction",
        "function",
        "type",
    ];
    prop_oneof![
        1 => Just(None),
        3 => proptest::sample::select(known.to_vec()).prop_map(|name| Some(name.to_owned())),
        1 => text().prop_map(Some),
    ]
}

fn omitted() -> impl Strategy<Value = Omitted> {
    (
        text(),
        option::of(text()),
        option::of(any::<u32>()),
        reason(),
        option::of(0u32..4),
    )
        .prop_map(|(what, name, count, reason, after)| Omitted {
            what,
            name,
            count,
            not_captured_reason: reason.unwrap_or_default(),
            after,
            ..Omitted::default()
        })
}

fn node() -> impl Strategy<Value = Node> {
    let encoding = prop_oneof![4 => Just(None), 1 => Just(Some("base64".to_owned())), 1 => Just(Some("escaped".to_owned()))];
    let leaf = (
        type_name(),
        option::of(scalar()),
        any::<[bool; 4]>(),
        reason(),
        option::of(any::<u64>()),
        option::of(0u32..9),
        encoding,
    )
        .prop_map(
            |(type_name, value, [null, rendered, lossy, truncated], reason, size, id, encoding)| {
                Node {
                    type_name,
                    is_null: null && value.is_none(),
                    rendered,
                    lossy,
                    truncated,
                    not_captured_reason: reason,
                    size,
                    id: id.filter(|_| null),
                    reference: id.filter(|_| !null && value.is_none()),
                    value,
                    encoding,
                    ..Node::default()
                }
            },
        );
    leaf.prop_recursive(5, 40, 5, |inner| {
        let fields = vec((text(), inner.clone()), 0..5).prop_map(|pairs| Some(Ordered(pairs)));
        let container = (
            type_name(),
            vec(inner.clone(), 0..5),
            vec((inner.clone(), inner), 0..4),
            fields,
            vec(omitted(), 0..2),
            option::of(0u64..50),
            0..3,
        );
        container.prop_map(
            |(type_name, elements, entries, fields, omitted, size, kind)| Node {
                type_name,
                elements: (kind == 0).then_some(elements),
                entries: (kind == 1).then_some(entries),
                fields: if kind == 2 { fields } else { None },
                omitted,
                size,
                ..Node::default()
            },
        )
    })
}

fn named() -> impl Strategy<Value = Ordered<Node>> {
    vec((text(), node()), 0..4).prop_map(Ordered)
}

fn frame() -> impl Strategy<Value = Frame> {
    let source =
        (any::<u32>(), vec(text(), 0..5), any::<bool>()).prop_map(|(first_line, lines, stale)| {
            Source {
                first_line,
                lines,
                hash: None,
                stale,
            }
        });
    let near = (1u32..4, vec(text(), 1..5)).prop_map(|(first_line, lines)| Source {
        first_line,
        lines,
        ..Source::default()
    });
    let place = (
        text(),
        option::of(text()),
        option::of(text()),
        option::of(prop_oneof![1u32..5, any::<u32>()]),
    );
    let columns = [
        option::of(prop_oneof![1u32..60, any::<u32>()]),
        option::of(prop_oneof![1u32..60, any::<u32>()]),
        option::of(prop_oneof![1u32..60, any::<u32>()]),
    ];
    (
        place,
        columns,
        any::<[bool; 4]>(),
        [named(), named(), named()],
        option::of(prop_oneof![source, near]),
        vec(omitted(), 0..2),
        reason(),
    )
        .prop_map(
            |(
                (function, module, file, line),
                [end_line, column, end_column],
                [in_app, awaited, none, closed],
                [arguments, locals, statics],
                source,
                omitted,
                reason,
            )| Frame {
                function,
                module,
                file,
                line,
                end_line,
                column,
                end_column,
                in_app,
                awaited,
                no_variables: none && closed,
                arguments,
                locals,
                statics,
                source,
                omitted,
                not_captured_reason: reason.filter(|_| closed),
                ..Frame::default()
            },
        )
}

fn exception() -> impl Strategy<Value = Exception> {
    let links = (option::of(0u32..5), vec(0u32..5, 0..3), vec(0u32..5, 0..5));
    (
        text(),
        option::of(text()),
        option::of(node()),
        vec(node(), 0..2),
        links,
        named(),
        vec(node(), 0..2),
        vec(omitted(), 0..2),
        any::<bool>(),
    )
        .prop_map(
            |(
                type_name,
                module,
                message,
                notes,
                (cause, members, frames),
                attributes,
                args,
                omitted,
                unknown,
            )| Exception {
                type_name,
                module,
                message,
                message_unknown: unknown,
                notes,
                cause,
                members,
                frames,
                attributes,
                args,
                omitted,
                mechanism: unknown.then(|| "logging".to_owned()),
                ..Exception::default()
            },
        )
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let context =
        (vec((text(), scalar()), 0..3), option::of(text())).prop_map(|(attributes, trace_id)| {
            Context {
                attributes: Ordered(attributes),
                trace_id,
                ..Context::default()
            }
        });
    let counts = vec((text(), any::<u32>()), 0..3);
    let language = prop_oneof![Just("python".to_owned()), Just("java".to_owned()), text()];
    (
        vec(exception(), 0..4),
        vec(frame(), 0..5),
        option::of(context),
        counts,
        (text(), language),
        any::<u64>(),
        vec(omitted(), 0..2),
    )
        .prop_map(
            |(exceptions, frames, context, cut, (service, language), timestamp, omitted)| {
                Snapshot {
                    timestamp,
                    service,
                    runtime: Runtime {
                        language,
                        version: None,
                    },
                    exceptions,
                    frames,
                    context,
                    omitted,
                    receipt: Receipt {
                        cut: Ordered(cut),
                        ..Receipt::default()
                    },
                    ..Snapshot::default()
                }
            },
        )
}

/// `text` without our own colours.
fn without_colours(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        out.push_str(before);
        let (codes, after) = after.split_once('m').expect("a whole sequence");
        assert!(
            codes
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b';'),
            "{codes:?}"
        );
        rest = after;
    }
    out + rest
}

fn check(text: &str, width: usize) -> Result<(), TestCaseError> {
    for line in without_colours(text).split('\n') {
        prop_assert!(!line.chars().any(char::is_control), "{line:?}");
        prop_assert!(
            !line.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}', '\u{2028}']),
            "{line:?}"
        );
        prop_assert!(
            line.width() <= width,
            "{} > {width}: {line:?}",
            line.width()
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn text_of_any_snapshot_is_safe(
        snapshot in snapshot(),
        width in 40usize..200,
        [color, unicode, all_frames, all_values] in any::<[bool; 4]>(),
        depth in option::of(0usize..6),
        now_ns in any::<u64>(),
        tokens in 60usize..900,
    ) {
        let terminal = Terminal { width, color, unicode };
        let view = View { all_frames, all_values, depth, function: None };
        let issue = IssueFacts { key: "0123456789abcdef".into(), times: now_ns, kept: 1, first_ns: snapshot.timestamp };
        let clock = Clock::utc(now_ns);
        let text = show(&snapshot, Some(&issue), &view, &terminal, &clock).expect("no frame was asked for");
        check(&text, width)?;
        let function = snapshot.frames.first().map(|frame| frame.function.clone());
        if let Ok(text) = show(&snapshot, None, &View { function, ..view }, &terminal, &clock) {
            check(&text, width)?;
        }
        let markdown = markdown(&snapshot, Some(tokens));
        check(&markdown, usize::MAX)?;
        prop_assert!(markdown.chars().count() <= tokens * 4, "{} > {tokens} tokens", markdown.chars().count());
        let short = Brief { lines: tokens % 64, title: all_values };
        check(&brief(&snapshot, short, &terminal), width)?;
        let input = SummaryInput { snapshots: vec![snapshot], ..SummaryInput::default() };
        check(&summary(&input, &terminal), width)?;
    }

    #[test]
    fn any_snapshot_is_like_itself(snapshot in snapshot(), depth in 1usize..5) {
        let compared = pair(&snapshot, &snapshot);
        prop_assert_eq!(&compared.facts, &[]);
        for frame in &compared.frames {
            let paths: Vec<_> = frame.differences.iter().map(|one| &one.path).collect();
            prop_assert!(paths.is_empty(), "{:?}", paths);
        }
        let mut common = Common::new(true);
        for _ in 0..2 {
            common.add(&snapshot, depth);
        }
        common.finish();
        let places = common.frames.iter().flat_map(|frame| &frame.places);
        for tally in common.facts.iter().chain(places) {
            prop_assert!(tally.there + tally.unset <= 2, "{:?}", tally);
        }
    }
}

#[test]
fn huge_names_and_texts_cost_little() {
    let huge = "x".repeat(1 << 20);
    let mut snapshot = common::pricing();
    let frame = &mut snapshot.frames[0];
    frame.function = huge.clone();
    frame.file = Some(huge.clone());
    frame.locals.0.push((
        huge.clone(),
        Node {
            value: Some(Scalar::Text(huge.clone())),
            ..Node::default()
        },
    ));
    if let Some(source) = &mut frame.source {
        source.lines = vec![huge.clone(); 5];
    }
    snapshot.exceptions[0].type_name = huge.clone();
    snapshot.service = huge;
    let terminal = Terminal::plain();
    for all_values in [false, true] {
        let view = View {
            all_values,
            ..View::default()
        };
        let text = show(&snapshot, None, &view, &terminal, &Clock::utc(0)).expect("is shown");
        assert!(text.len() < 64 << 10, "{}", text.len());
        assert!(text.lines().all(|line| line.width() <= terminal.width));
    }
    assert!(
        markdown(&snapshot, None).len() < 64 << 10,
        "{}",
        markdown(&snapshot, None).len()
    );
}

#[test]
fn deep_values_are_shown_as_deep_as_they_are_captured() {
    let mut node = Node {
        value: Some(Scalar::Int(1)),
        ..Node::default()
    };
    for _ in 0..120 {
        node = Node {
            type_name: Some("list".into()),
            elements: Some(vec![node]),
            size: Some(1),
            ..Node::default()
        };
    }
    let mut snapshot = common::pricing();
    snapshot.frames[0].locals.0.push(("deep".into(), node));
    let view = View {
        all_values: true,
        ..View::default()
    };
    let text = show(&snapshot, None, &view, &Terminal::plain(), &Clock::utc(0)).expect("is shown");
    assert!(text.lines().all(|line| line.width() <= 80));
}

/// Every element is closed in its turn, every id is there once, every link leads to one, and no character hides.
fn check_html(text: &str) {
    const VOID: [&str; 4] = ["meta", "br", "input", "!DOCTYPE"];
    let hides = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    assert_eq!(text.chars().find(|&c| hides(c)), None);
    let (mut open, mut ids, mut links) = (Vec::new(), std::collections::HashSet::new(), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest.find('>').expect("is closed");
        let (tag, after) = (&rest[..end], &rest[end + 1..]);
        let name = tag.split(' ').next().unwrap_or_default();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed before its turn");
        } else if !VOID.contains(&name) {
            open.push(name);
        }
        for part in tag.split(' ') {
            if let Some(id) = part.strip_prefix("id=\"") {
                assert!(ids.insert(id.trim_end_matches('"')), "twice: {id}");
            } else if let Some(link) = part.strip_prefix("href=\"#") {
                links.push(link.trim_end_matches('"'));
            }
        }
        rest = match name {
            "script" | "style" => &after[after.find("</").expect("is closed")..],
            _ => after,
        };
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    for link in links {
        assert!(ids.contains(link), "leads nowhere: {link}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_snapshot_makes_a_page_without_harm(snapshot in snapshot()) {
        let page = html(&snapshot, &HtmlView::default());
        check_html(&page);
        prop_assert_eq!(page.matches("<script>").count(), 1);
        let part = html_fragment(&snapshot);
        check_html(&part);
        prop_assert_eq!(part.matches("<script").count(), 0);
    }
}

#[test]
fn a_page_is_bounded_whatever_it_holds() {
    let huge = "\u{202e}<&\"'".repeat(1 << 17);
    let text = |value: &str| Node {
        type_name: Some(value.to_owned()),
        value: Some(Scalar::Text(value.to_owned())),
        ..Node::default()
    };
    let mut snapshot = common::pricing();
    let many: Vec<(String, Node)> = (0..3_000).map(|n| (format!("n{n}"), text("v"))).collect();
    let frame = Frame {
        function: huge.clone(),
        module: Some(huge.clone()),
        file: Some(huge.clone()),
        in_app: true,
        locals: many
            .into_iter()
            .chain([(huge.clone(), text(&huge))])
            .collect(),
        source: Some(Source {
            first_line: 1,
            lines: vec![huge.clone(); 9],
            ..Source::default()
        }),
        line: Some(2),
        ..Frame::default()
    };
    snapshot.frames = vec![frame; 20];
    snapshot.exceptions[0].frames = (0..20).collect();
    snapshot.exceptions[0].message = Some(text(&huge));
    snapshot.exceptions[0].notes = vec![text(&huge); 5];
    for page in [
        html(&snapshot, &HtmlView::default()),
        html_fragment(&snapshot),
    ] {
        check_html(&page);
        assert!(page.len() < 4 << 20, "{}", page.len());
    }
}

/// Seconds that this thread has run: others may run as well.
fn seconds() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("is read");
    let (_, numbers) = stat.rsplit_once(") ").expect("a name");
    let hundredths = numbers
        .split(' ')
        .nth(11)
        .and_then(|ticks| ticks.parse().ok());
    hundredths.unwrap_or(0_u64) / 100
}

#[test]
fn as_many_exceptions_as_a_record_can_hold_cost_little() {
    let to = |id| Node {
        reference: Some(id),
        ..Node::default()
    };
    let mut snapshot = common::pricing();
    let count = 100_000_u32;
    snapshot.exceptions = (1..=count)
        .map(|next| Exception {
            cause: Some(next),
            args: vec![to(next % 7), to(900)],
            notes: vec![Node::default(); usize::from(next < 3) * 50_000],
            frames: vec![next],
            ..Exception::default()
        })
        .collect();
    snapshot.frames = (0..count)
        .map(|at| Frame {
            function: format!("f{at}"),
            module: Some(format!("m{at}")),
            ..Frame::default()
        })
        .collect();
    // One with all frames, each with a gap behind it.
    snapshot.exceptions[1].frames = (0..count).rev().collect();
    snapshot.exceptions[1].omitted = (0..count)
        .map(|at| Omitted {
            what: "frames".into(),
            after: Some(at),
            ..Omitted::default()
        })
        .collect();
    snapshot.omitted = vec![Omitted::default(); 100_000];
    let began = seconds();
    for page in [
        html(&snapshot, &HtmlView::default()),
        html_fragment(&snapshot),
    ] {
        check_html(&page);
        assert!(page.len() < 4 << 20, "{}", page.len());
        assert!(page.contains("99,744 more exceptions not on this page"));
    }
    let terminal = Terminal::plain();
    for all_values in [false, true] {
        let view = View {
            all_values,
            ..View::default()
        };
        let text = show(&snapshot, None, &view, &terminal, &Clock::utc(0)).expect("is shown");
        assert!(text.contains("[99,744 more exceptions in --json]"));
    }
    let view = View {
        function: Some("nowhere".into()),
        ..View::default()
    };
    let unknown = show(&snapshot, None, &view, &terminal, &Clock::utc(0)).expect_err("no frame");
    assert_eq!(unknown.functions.len(), count as usize);
    assert!(markdown(&snapshot, None).contains("99,744 more exceptions"));
    let taken = seconds() - began;
    assert!(taken < 60, "{taken} s, so by their square");
}

#[test]
fn an_object_that_has_no_room_is_no_link() {
    let mut snapshot = common::pricing();
    let list = |id: Option<u32>, elements: Vec<Node>| Node {
        id,
        type_name: Some("list".into()),
        size: Some(elements.len() as u64),
        elements: Some(elements),
        ..Node::default()
    };
    let number = || Node {
        type_name: Some("int".into()),
        value: Some(Scalar::Int(1)),
        ..Node::default()
    };
    // Behind more items than a page shows stands an object that another variable refers to.
    let mut items: Vec<Node> = (0..500).map(|_| number()).collect();
    items.push(list(Some(900), (0..200).map(|_| number()).collect()));
    let locals = &mut snapshot.frames[0].locals.0;
    let reference = Node {
        reference: Some(900),
        ..Node::default()
    };
    locals.push(("items".into(), list(None, items)));
    locals.push(("one".into(), list(None, vec![reference])));
    let page = html(&snapshot, &HtmlView::default());
    check_html(&page);
    assert!(page.contains("items[500]"), "told by its path");
}

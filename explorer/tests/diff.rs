//! What two occurrences, or all of an issue, are said to differ in and to have in common.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects"
)]

mod common;

use common::nodes::{dict, int, named, object, text, to};
use common::pricing;
use stillframe_core::snapshot::{Context, Exception, Frame, Node, Scalar, Snapshot};
use stillframe_explorer::diff::{Common, Pair, pair};

fn items(type_name: &str, elements: Vec<Node>) -> Node {
    Node {
        type_name: Some(type_name.into()),
        size: Some(elements.len() as u64),
        elements: Some(elements),
        ..Node::default()
    }
}

fn with_id(id: u32, node: Node) -> Node {
    Node {
        id: Some(id),
        ..node
    }
}

/// Not captured, or not wholly.
fn because(reason: &str, node: Node) -> Node {
    Node {
        not_captured_reason: Some(reason.into()),
        ..node
    }
}

/// The sample, in whose frame are these variables only.
fn with(locals: Vec<(&str, Node)>) -> Snapshot {
    let mut snapshot = pricing();
    snapshot.frames = vec![Frame {
        function: "convert".into(),
        in_app: true,
        locals: named(locals),
        ..Frame::default()
    }];
    snapshot.exceptions.truncate(1);
    snapshot.exceptions[0].frames = vec![0];
    snapshot.exceptions[0].cause = None;
    snapshot
}

/// What is said of the one frame: paths that differ, variables that are equal, and those that are not known.
fn said(a: Vec<(&str, Node)>, b: Vec<(&str, Node)>) -> [String; 3] {
    let (a, b) = (with(a), with(b));
    told(&pair(&a, &b))
}

fn told(pair: &Pair<'_>) -> [String; 3] {
    let frame = &pair.frames[0];
    let differ: Vec<&str> = frame.differences.iter().map(|one| &*one.path).collect();
    [
        differ.join(" "),
        frame.equal.join(" "),
        frame.unknown.join(" "),
    ]
}

#[test]
fn another_name_of_what_differs_differs_too() {
    let of = |rate: i64| {
        let rates = with_id(
            7,
            dict(vec![(text("USD"), int(rate)), (text("EUR"), to(7))]),
        );
        vec![
            ("self", object(vec![("rates", to(7))])),
            ("rate_table", to(7)),
            ("rates", rates),
            ("same", with_id(8, items("list", vec![int(1)]))),
            ("again", to(8)),
        ]
    };
    assert_eq!(
        said(of(108), of(109)),
        ["self.rates[\"USD\"] rate_table rates", "same again", ""]
    );
}

#[test]
fn what_holds_something_that_differs_differs_however_it_is_reached() {
    // `child` is compared while its parent, which differs, is not yet done.
    let of = |name: i64| {
        let child = with_id(2, object(vec![("parent", to(1))]));
        let parent = object(vec![("child", child), ("name", int(name))]);
        vec![("parent", with_id(1, parent)), ("child", to(2))]
    };
    assert_eq!(said(of(1), of(2)), ["parent.name child", "", ""]);
    assert_eq!(said(of(1), of(1)), ["", "parent child", ""]);
}

#[test]
fn sizes_are_compared_whatever_differs_before() {
    let of = |currency: &str, size: u64| {
        let mut all = items("list", (0..64).map(int).collect());
        all.size = Some(size);
        let all = because("collectionSize", all);
        vec![("currency", text(currency)), ("items", all)]
    };
    assert_eq!(
        said(of("EUR", 100), of("CHF", 5000)),
        ["currency items", "", ""]
    );
    assert_eq!(
        said(of("EUR", 100), of("CHF", 100)),
        ["currency", "", "items"]
    );
}

#[test]
fn what_was_not_compared_is_not_equal() {
    let of = |first: i64, last: i64| {
        let all = (0..300).map(|at| int(first + at)).collect();
        let deep = (0..60).fold(int(last), |inside, _| items("list", vec![inside]));
        vec![
            ("deep", deep),
            ("all", items("list", all)),
            ("last", int(last)),
        ]
    };
    let [differ, equal, unknown] = said(of(0, 1), of(1, 2));
    assert!(differ.starts_with("all[0] all[1] "), "{differ}");
    assert_eq!((&*equal, &*unknown), ("", "deep last"));
    // More values than are looked at.
    let of = |last: i64| {
        let many = items("list", (0..20_000).map(int).collect());
        vec![("many", many), ("last", int(last))]
    };
    let (a, b) = (with(of(1)), with(of(2)));
    let compared = pair(&a, &b);
    assert_eq!(told(&compared), ["", "", "many last"]);
    assert!(compared.frames[0].more);
}

#[test]
fn what_was_hidden_or_cut_in_both_is_not_known() {
    let nothing = |reason: &str| because(reason, Node::default());
    let of = |size: u64| {
        let hidden = because("redactedIdent", text(""));
        let hidden = Node {
            value: None,
            ..hidden
        };
        let cut = Node {
            truncated: true,
            size: Some(900),
            ..because("length", text("The quick"))
        };
        let part = because("redactedValue", text("card [redacted]"));
        let deeper = Node {
            type_name: Some("dict".into()),
            size: Some(size),
            ..nothing("depth")
        };
        vec![
            ("self", object(vec![("api_token", hidden.clone())])),
            ("token", hidden),
            ("late", nothing("timeout")),
            ("deep", object(vec![("inner", nothing("depth"))])),
            ("cut", cut),
            ("part", part),
            (
                "only_type",
                Node {
                    type_name: Some("_thread.lock".into()),
                    ..Node::default()
                },
            ),
            ("unset", object(vec![("slot", nothing("unbound"))])),
            ("rows", deeper),
        ]
    };
    let unknown = "self late deep cut part only_type";
    assert_eq!(
        said(of(31), of(31)),
        ["", "unset", &format!("{unknown} rows")]
    );
    assert_eq!(said(of(31), of(5000)), ["rows", "unset", unknown]);
    let (a, b) = (with(of(31)), with(of(31)));
    assert_eq!(pair(&a, &b).frames[0].hidden, ["token"]);
}

#[test]
fn what_one_does_not_show_is_no_difference() {
    let of = |key: &str, size: u64| {
        let all = dict(vec![(text("both"), int(1)), (text(key), int(2))]);
        let all = Node {
            size: Some(size),
            ..because("collectionSize", all)
        };
        vec![("all", all)]
    };
    assert_eq!(said(of("a", 90), of("b", 90)), ["", "", "all"]);
    assert_eq!(said(of("a", 90), of("b", 91)), ["all", "", ""]);
    let whole = |key: &str| vec![("all", dict(vec![(text(key), int(2))]))];
    assert_eq!(
        said(whole("a"), whole("b")),
        ["all[\"a\"] all[\"b\"]", "", ""]
    );
}

#[test]
fn sets_are_compared_by_what_their_items_hold() {
    let tuple = |a: i64, b: i64| items("tuple", vec![int(a), int(b)]);
    let of = |last: i64| {
        let point = with_id(5, object(vec![("x", int(last)), ("all", to(6))]));
        vec![
            ("pairs", items("set", vec![tuple(1, 2), tuple(3, last)])),
            ("point", point),
            ("points", with_id(6, items("set", vec![to(5), int(1)]))),
            (
                "numbers",
                items("frozenset", vec![int(last + 1 - last), int(2)]),
            ),
        ]
    };
    assert_eq!(
        said(of(4), of(5)),
        ["pairs point.x point.all points", "numbers", ""]
    );
    let swapped = vec![("pairs", items("set", vec![tuple(3, 4), tuple(1, 2)]))];
    let straight = vec![("pairs", items("set", vec![tuple(1, 2), tuple(3, 4)]))];
    assert_eq!(said(swapped, straight), ["", "pairs", ""]);
    let hidden = || {
        let hidden = because("redactedType", Node::default());
        vec![("all", items("set", vec![hidden, int(1)]))]
    };
    assert_eq!(said(hidden(), hidden()), ["", "", "all"]);
}

#[test]
fn exceptions_and_frames_are_recognised() {
    let of = |message: &str| {
        let mut snapshot = with(vec![("error", to(1)), ("frame", to(2)), ("lost", to(3))]);
        snapshot.exceptions[0].id = Some(1);
        snapshot.exceptions[0].message = Some(text(message));
        snapshot.exceptions[0].args = vec![text(message)];
        snapshot.exceptions[0].attributes = Default::default();
        snapshot.exceptions[0].omitted = Vec::new();
        snapshot.frames[0].id = Some(2);
        snapshot
    };
    let (a, b) = (of("x"), of("y"));
    assert_eq!(told(&pair(&a, &a)), ["", "error frame", "lost"]);
    assert_eq!(told(&pair(&a, &b)), ["error", "frame", "lost"]);
}

/// Members that are called alike, and three exceptions behind the first.
fn alike() -> Snapshot {
    let tuple = |a: &str, b: &str| items("tuple", vec![text(a), text(b)]);
    let long = |end: &str| text(&format!("{}{end}", "k".repeat(70)));
    let grid = dict(vec![
        (tuple("EUR", "USD"), int(1)),
        (tuple("EUR", "GBP"), int(2)),
        (long("a"), int(3)),
        (long("b"), int(4)),
        (tuple("EUR", "GBP"), int(5)),
    ]);
    let twice = object(vec![
        ("a", object(vec![("b", int(1))])),
        ("a.b", int(2)),
        ("a", int(3)),
    ]);
    let mut snapshot = with(vec![("grid", grid), ("twice", twice)]);
    for type_name in ["X", "Y", "Z"] {
        snapshot.exceptions.push(Exception {
            type_name: type_name.into(),
            ..Exception::default()
        });
    }
    let mut context = Context::default();
    for value in [1, 2] {
        context.attributes.0.push(("x".into(), Scalar::Int(value)));
    }
    snapshot.context = Some(context);
    snapshot
}

#[test]
fn an_occurrence_does_not_differ_from_itself() {
    let snapshot = alike();
    let compared = pair(&snapshot, &snapshot);
    assert_eq!(compared.facts, []);
    assert_eq!(told(&compared), ["", "grid twice", ""]);
    let mut other = alike();
    other.exceptions[3].type_name = "ZZ".into();
    let grid = &mut other.frames[0].locals.0[0].1;
    let entries = grid.entries.as_mut().expect("entries");
    entries[1].1 = int(20);
    entries.swap(0, 1);
    let compared = pair(&snapshot, &other);
    let facts: Vec<_> = compared.facts.iter().map(|fact| &*fact.name).collect();
    assert_eq!(facts, ["behind it #3"]);
    assert_eq!(told(&compared), ["grid[...]", "twice", ""]);
}

#[test]
fn nothing_is_there_more_often_than_there_are_occurrences() {
    let mut common = Common::new(true);
    for _ in 0..20 {
        common.add(&alike(), 4);
    }
    common.finish();
    let places = common.frames.iter().flat_map(|frame| &frame.places);
    for tally in common.facts.iter().chain(places) {
        assert!(tally.there <= 20, "{tally:?}");
        let times: u64 = tally.values.iter().map(|seen| seen.times).sum();
        assert_eq!((times, tally.values.len()), (20, 1), "{tally:?}");
    }
    let paths: Vec<_> = common.frames[0]
        .places
        .iter()
        .map(|one| &*one.path)
        .collect();
    for path in [
        "grid[...]",
        "grid[...]#2",
        "grid[...]#3",
        "twice.a.b#2",
        "twice.a#2",
    ] {
        assert!(paths.contains(&path), "{path} in {paths:?}");
    }
    let facts: Vec<_> = common.facts.iter().map(|one| &*one.path).collect();
    for name in ["behind it", "behind it #2", "behind it #3", "tag x #2"] {
        assert!(facts.contains(&name), "{name} in {facts:?}");
    }
}

#[test]
fn values_that_hold_each_other_many_times_over_are_compared_in_bounds() {
    // Each of 40 lists holds the next one twice, the last the first: 2^40 ways through them, and each is equal to its like.
    let of = || {
        let all = (0..40_u32).map(|at| {
            let next = (at + 1) % 40;
            let list = items("list", vec![to(5000 + next), to(5000 + next)]);
            (format!("v{at}"), with_id(5000 + at, list))
        });
        let mut snapshot = with(Vec::new());
        snapshot.frames[0].locals = all.collect();
        let keys = (0..40).map(|at| (to(5000 + at), int(1))).collect();
        let locals = &mut snapshot.frames[0].locals.0;
        locals.push(("keys".into(), dict(keys)));
        snapshot
    };
    let (a, b) = (of(), of());
    let compared = pair(&a, &b);
    let frame = &compared.frames[0];
    assert_eq!((frame.differences.len(), frame.equal.len()), (0, 40));
}

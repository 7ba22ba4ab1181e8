//! The query language: what it accepts, what it finds, where it points when it does not understand.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects"
)]

mod common;

use common::nodes::{dict, int, named, object, text, to};
use common::pricing;
use proptest::prelude::*;
use stillframe_core::sink::spool::encode_payload;
use stillframe_core::snapshot::{Context, Frame, Node, Omitted, Scalar, Snapshot};
use stillframe_explorer::find::{Need, Query, parse};
use stillframe_explorer::render::Clock;

/// Two minutes after the samples: 2026-11-21 12:04:11 UTC.
const NOW: u64 = 1_795_262_651_000_000_000;

fn rendered(type_name: &str, value: &str) -> Node {
    Node {
        type_name: Some(type_name.into()),
        value: Some(value.into()),
        rendered: true,
        ..Node::default()
    }
}

fn bytes(encoding: &str, value: &str) -> Node {
    Node {
        type_name: Some("bytes".into()),
        value: Some(value.into()),
        encoding: Some(encoding.into()),
        ..Node::default()
    }
}

fn null() -> Node {
    Node {
        type_name: Some("NoneType".into()),
        is_null: true,
        ..Node::default()
    }
}

fn flag(value: bool) -> Node {
    Node {
        type_name: Some("bool".into()),
        value: Some(Scalar::Bool(value)),
        ..Node::default()
    }
}

fn list(id: u32, elements: Vec<Node>) -> Node {
    Node {
        type_name: Some("list".into()),
        id: Some(id),
        size: Some(elements.len() as u64),
        elements: Some(elements),
        ..Node::default()
    }
}

/// The sample, with a frame of values of every sort.
fn sample() -> Snapshot {
    let mut snapshot = pricing();
    let hidden = Node {
        type_name: Some("str".into()),
        not_captured_reason: Some("redactedIdent".into()),
        rule: Some("token".into()),
        ..Node::default()
    };
    let unset = Node {
        not_captured_reason: Some("unbound".into()),
        ..Node::default()
    };
    let cut = Node {
        size: Some(365),
        not_captured_reason: Some("collectionSize".into()),
        omitted: vec![Omitted {
            what: "elements".into(),
            count: Some(10),
            after: None,
            ..Omitted::default()
        }],
        ..list(901, vec![int(5), int(6)])
    };
    snapshot.frames.push(Frame {
        function: "Desk.answer".into(),
        module: Some("shop.desk.front".into()),
        file: Some("/srv/shop/desk/front.py".into()),
        line: Some(7),
        in_app: true,
        arguments: named(vec![
            (
                "user",
                object(vec![
                    ("plan", text("free")),
                    ("id", int(17)),
                    ("me", to(902)),
                ]),
            ),
            ("coupon", null()),
            ("urgent", flag(true)),
        ]),
        locals: named(vec![
            ("price", rendered("decimal.Decimal", "19.90")),
            ("huge", rendered("int", "100000000000000000000000000000")),
            ("color", rendered("shop.Color", "<Color.RED: 1>")),
            ("day", rendered("datetime.date", "2026-11-20")),
            ("code", text("42")),
            (
                "table",
                dict(vec![
                    (text("EUR"), int(1)),
                    (int(3), text("three")),
                    (text("odd.key"), null()),
                ]),
            ),
            ("rows", cut),
            ("again", to(901)),
            ("cycle", list(902, vec![to(902), int(7)])),
            ("note", text("The Quick brown Fox")),
            ("n", int(98_765_432)),
            ("raw", bytes("escaped", "\\x89PNG\\r\\n")),
            ("coded", bytes("base64", "iVBORw0K")),
            (
                "ratio",
                Node {
                    type_name: Some("float".into()),
                    value: Some(Scalar::Float(0.5)),
                    ..Node::default()
                },
            ),
            ("secret", hidden),
            ("later", unset),
        ]),
        ..Frame::default()
    });
    let context = snapshot.context.get_or_insert_with(Context::default);
    context
        .attributes
        .0
        .push(("http.status".into(), Scalar::Int(500)));
    context.attributes.0.push(("odd name".into(), "x".into()));
    context.user.0.push(("name".into(), "Ann".into()));
    snapshot
}

fn query(text: &str) -> Query {
    parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn what_is_found_and_what_is_not() {
    let snapshot = sample();
    let payload = encode_payload(&snapshot).expect("encodes");
    let clock = Clock::utc(NOW);
    let found = [
        "KeyError",
        "keyerr",
        "'EUR'",
        "KeyError EUR",
        "type = KeyError",
        "type = Key*",
        "not type = ValueError",
        "message = \"'EUR'\"",
        "message ~ eur",
        "message =~ \"^'[A-Z]{3}'$\"",
        "cause ~ rates or raised = convert",
        "function = convert",
        "function = Pricing.convert",
        "raised = convert",
        "raised = Pricing.convert",
        "frame = pricing.py:42",
        "frame = shop/pricing.py",
        "frame = answer",
        "frame = shop.desk",
        "module = shop",
        "module = shop.desk.front",
        "module = *.front",
        "file = front.py",
        "file = desk/front.py",
        "file = *front*",
        "line = 42",
        "line > 41 line < 43",
        "function != nothing",
        "service = shop",
        "version ~ 1.4",
        "pid = 4711",
        "not handled",
        "handled = false",
        "handled != true",
        "var(user.plan) = free",
        "var(user.plan) = \"free\"",
        "var(user.plan) = 'free'",
        "arg(user.plan) = fr*",
        "var(user.plan) != pro",
        "var(user[\"plan\"]) = free",
        "var(user['plan']) ~ FRE",
        "var( user.plan )=free",
        "var(user.id) = 17",
        "var(user.id) = 17.0",
        "var(user.id) > 16.5",
        "var(user.id) >= 17 and var(user.id) <= 17",
        "not var(user.id) < 17",
        "var(user.*) = 17",
        "var(coupon) = None",
        "var(coupon) = null",
        "var(urgent) = true",
        "var(urgent) = True",
        "var(urgent) != false",
        "var(price) = 19.9",
        "var(price) = 19.90",
        "var(price) < 20",
        "var(price) = \"19.90\"",
        "var(price) ~ .9",
        "var(n) = 987654*",
        "var(n) = *5432",
        "var(user.id) = 1*",
        "var(price) = 19.*",
        "var(ratio) = 0.*",
        "tag(http.status) = 50*",
        "var(huge) > 1e28",
        "var(huge) = 100000000000000000000000000000",
        "var(color) = RED",
        "var(color) = Color.RED",
        "var(day) >= 2026-11-01",
        "var(code) = 42",
        "var(code) = \"42\"",
        "var(table[\"EUR\"]) = 1",
        "var(table.EUR) = 1",
        "var(table[3]) = three",
        "var(table[\"3\"]) = three",
        "var(table[\"odd.key\"]) = None",
        "var(rows[10]) = 5",
        "var(rows[11]) = 6",
        "var(again[11]) = 6",
        "var(rows[*]) = 6",
        "size(rows) = 365",
        "size(rows) > 364",
        "size(note) = 19",
        "size(table) = 3",
        "size(raw) = 6",
        "size(coded) = 6",
        "size(raw)",
        "size(rows)",
        "var(**) = three",
        "var(**.plan) = free",
        "var(**[3]) = three",
        "var(cycle.**) = 7",
        "var(**.me) or KeyError",
        "var(ratio) = .5",
        "var(note) ~ \"quick BROWN\"",
        "var(note) =~ \"(?i)quick\\\\s+brown\"",
        "var(note) !~ cat",
        "var(secret)",
        "var(user)",
        "tag(http.status) = 500",
        "tag(http.status) >= 500",
        "tag(http.*) = 500",
        "tag(\"odd name\") = x",
        "tag(odd name)",
        "user(name) = Ann",
        "time = 2026-11-21",
        "time >= 2026-11-21T12:00",
        "time < 2026-11-22",
        "age < 1h",
        "age > 1s",
        "(ValueError or KeyError) and not (handled or var(user.plan) = pro)",
        "AND_IS_A_WORD or keyerror",
        "not not KeyError",
        "issue = 9be1",
    ];
    for text in found {
        let query = query(text);
        assert!(query.find(&snapshot, &clock).is_some(), "{text} finds it");
        assert!(Need::of(&query).is_in(&payload), "{text} is not put aside");
        let (from, before) = query.period(&clock);
        let inside =
            from <= snapshot.timestamp && before.is_none_or(|before| snapshot.timestamp < before);
        assert!(inside, "{text} allows its time");
    }
    let missing = [
        "ValueError",
        "type = Error",
        "type = *Value*",
        "message = EUR",
        "raised = answer",
        "frame = pricing.py:43",
        "module = sho",
        "file = icing.py",
        "line = 8",
        "handled",
        "var(user.plan) = Free",
        "var(plan) = free",
        "arg(price) = 19.9",
        "var(user.plan) = pro",
        "var(user.nothing) != pro",
        "var(user.id) = \"17\"",
        "var(urgent) = \"True\"",
        "var(urgent) = 1",
        "var(coupon) = \"None\"",
        "var(coupon) != None",
        "var(price) = 19.91",
        "var(code) = 42.5",
        "var(rows[0]) = 5",
        "size(rows) = 2",
        "size(price)",
        "size(raw) = 12",
        "var(n) = 97*",
        "var(secret) = token",
        "var(secret) != x",
        "var(later)",
        "tag(http.status) = 404",
        "tag(status)",
        "user(id) = 999",
        "time = 2026-11-20",
        "time > 2026-11-21",
        "age > 1h",
        "not KeyError",
        "KeyError and not KeyError",
        "issue = ffff",
        "var(note) =~ \"^quick\"",
    ];
    for text in missing {
        assert!(
            query(text).find(&snapshot, &clock).is_none(),
            "{text} does not find it"
        );
    }
}

#[test]
fn a_match_tells_the_values_by_which_it_is_one() {
    let snapshot = sample();
    let told = |text: &str| {
        let hits = query(text)
            .find(&snapshot, &Clock::utc(NOW))
            .expect("it matches");
        hits.into_iter().map(|hit| hit.what).collect::<Vec<_>>()
    };
    assert_eq!(
        told("var(**.plan) = free and KeyError"),
        ["customer.plan", "user.plan"]
    );
    assert_eq!(
        told("var(table[*]) = three or tag(http.*) = 500"),
        ["table[3]", "tag http.status"]
    );
    assert_eq!(told("not var(user.plan) = pro"), [""; 0]);
    assert_eq!(
        told("(var(user.plan) = free and ValueError) or var(code) = 42"),
        ["code"]
    );
    assert_eq!(told("var(table.**) = None"), ["table[\"odd.key\"]"]);
}

#[test]
fn a_mistake_is_pointed_at() {
    for (text, place, what) in [
        ("", 0..1, "expected a test"),
        ("KeyError and", 12..13, "expected a test"),
        ("or KeyError", 0..2, "expected a test before or"),
        ("(KeyError", 0..1, "not closed"),
        ("KeyError)", 8..9, "closes nothing"),
        ("type =", 6..7, "expected a value after ="),
        ("type = = x", 7..8, "expected a value, not ="),
        ("type = and", 7..10, "in quotes"),
        ("type", 4..5, "expected an operator after type"),
        ("typ = KeyError", 0..3, "did you mean type?"),
        ("user.plan = free", 0..9, "var(user.plan) = free"),
        ("= x", 0..1, "expected a field before this"),
        ("\"type\" = x", 0..7, "expected a field before the operator"),
        ("message = \"oops", 10..15, "not closed: expected \""),
        ("var(user.plan = 3", 3..4, "not closed: expected )"),
        ("var() = 3", 4..5, "expected a variable"),
        ("var(a..b) = 3", 6..7, "expected a name"),
        ("var(a[x]) = 3", 6..7, "expected a position"),
        ("var(a[1]b) = 3", 8..9, "expected . or ["),
        ("var = 3", 0..3, "var(user.plan)"),
        ("tag() = 3", 3..5, "expected a name"),
        ("line = many", 7..11, "expected a number"),
        ("type < KeyError", 7..15, "is text"),
        ("line ~ 4", 7..8, "is no text"),
        ("time > yesterday", 7..16, "2026-11-20"),
        ("age = 2h", 6..8, "age < 2h"),
        ("age < soon", 6..10, "30m"),
        ("handled = maybe", 10..15, "handled = true"),
        ("issue = xyz", 8..11, "beginning of an id"),
        ("message =~ \"(x\"", 11..15, "unclosed group"),
        ("size(x) = \"many\"", 10..16, "expected a number"),
    ] {
        let error = parse(text).expect_err(text);
        assert!(error.what.contains(what), "{text}: {}", error.what);
        assert_eq!(error.place, place, "{text}: {}", error.what);
    }
    let deep = format!("{}x{}", "(".repeat(500), ")".repeat(500));
    assert!(parse(&deep).expect_err("too deep").what.contains("nested"));
    assert!(parse(&"not ".repeat(9000)).is_err());
    assert!(
        parse(&"a ".repeat(20_000))
            .expect_err("too long")
            .what
            .contains("bytes")
    );
    let costly = "message =~ \"(a{1000}){1000}\"";
    assert!(
        parse(costly).is_err(),
        "a pattern that would need much memory"
    );
}

#[test]
fn a_value_that_holds_itself_many_times_over_is_searched_in_bounds() {
    // Each of 40 lists holds the next one twice: 2^40 ways through them.
    let mut snapshot = pricing();
    let locals = (0..40_u32).map(|at| {
        (
            format!("v{at}"),
            list(5000 + at, vec![to(5001 + at), to(5001 + at)]),
        )
    });
    snapshot.frames[0].locals = locals.collect();
    assert!(
        query("var(v0.**.nothing) = 1")
            .find(&snapshot, &Clock::utc(NOW))
            .is_none()
    );
    assert!(
        query("var(**.**[0].**) = nothing")
            .find(&snapshot, &Clock::utc(NOW))
            .is_none()
    );
}

fn a_query() -> impl Strategy<Value = String> {
    let word = "[a-zA-Z_*./:-][a-zA-Z0-9_*./:-]{0,8}";
    let quoted = "\"([^\"\\\\]|\\\\.){0,8}\"|'([^'\\\\]|\\\\.){0,8}'";
    let path = "[a-z*]{1,3}([.][a-z]{1,4}|\\[[0-9]{1,3}\\]|\\[\\*\\]|[.]\\*\\*|\\[\"[^\"\\\\]{0,4}\"\\]){0,4}";
    let field = prop_oneof![
        Just("type".to_owned()),
        Just("line".to_owned()),
        Just("age".to_owned()),
        Just("handled".to_owned()),
        path.prop_map(|path| format!("var({path})")),
        path.prop_map(|path| format!("size({path})")),
        "[^\"'()\\p{C}]{1,6}".prop_map(|name| format!("tag({name})")),
    ];
    let operator = prop::sample::select(vec!["=", "!=", "~", "!~", "=~", "<", ">="]);
    let value = prop_oneof![
        word.prop_map(String::from),
        quoted.prop_map(String::from),
        "[0-9]{1,3}\\*".prop_map(String::from),
        Just("42".to_owned()),
        Just("2h".to_owned())
    ];
    let test = prop_oneof![
        word.prop_map(String::from),
        quoted.prop_map(String::from),
        (field, operator, value)
            .prop_map(|(field, operator, value)| format!("{field} {operator} {value}")),
    ];
    test.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} and {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|a| format!("not {a}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_breaks_the_parser(text in "\\PC{0,60}|[()\"'=~!<>. a-z\\[\\]*]{0,60}") {
        if let Err(error) = parse(&text) {
            prop_assert!(error.place.start <= text.len() && error.place.start < error.place.end);
            prop_assert!(text.is_char_boundary(error.place.start));
        }
    }

    #[test]
    fn a_query_that_is_printed_is_the_same_query(text in a_query()) {
        if let Ok(query) = parse(&text) {
            let printed = query.to_string();
            let again = parse(&printed);
            prop_assert_eq!(Ok(&query), again.as_ref(), "{}", printed);
        }
    }

    #[test]
    fn what_matches_is_never_put_aside(text in a_query()) {
        let snapshot = sample();
        let payload = encode_payload(&snapshot).expect("encodes");
        if let Ok(query) = parse(&text)
            && query.find(&snapshot, &Clock::utc(NOW)).is_some()
        {
            prop_assert!(Need::of(&query).is_in(&payload));
        }
    }
}

//! Values that are not shown; exceptions and frames, and what is missing of them.

use super::*;

pub(super) fn values() -> Vec<Named> {
    let redacted = |reason: Reason, type_name: Option<&str>, rule: &str, alias| Value::Redacted {
        reason: reason as u8,
        type_name: type_name.map(str::to_owned),
        rule: rule.into(),
        alias,
    };
    let hidden = vec![
        (
            "password",
            redacted(Reason::RedactedIdent, Some("str"), "password", None),
        ),
        (
            "key",
            redacted(
                Reason::RedactedType,
                Some("pydantic.SecretStr"),
                "SecretStr",
                None,
            ),
        ),
        ("row", redacted(Reason::RedactedValue, None, "card", None)),
        (
            "token",
            redacted(Reason::RedactedIdent, Some("str"), "token", Some((16, 77))),
        ),
    ];
    let all = |reason: Reason| {
        let size = if (reason as u8).is_multiple_of(2) {
            12
        } else {
            UNKNOWN
        };
        let type_name = (!(reason as u8).is_multiple_of(3)).then_some("shop.Thing");
        (reason.as_str(), skipped(reason, type_name, size))
    };
    let reasons = Reason::ALL.into_iter().map(all).collect();
    let rest = vec![
        (
            "opaque",
            Value::Opaque {
                type_name: Some("socket.socket".into()),
            },
        ),
        ("what", Value::Opaque { type_name: None }),
        (
            "failed",
            Value::Failed {
                type_name: Some("shop.Odd".into()),
                cause: "slot of a freed type".into(),
            },
        ),
    ];
    let long_name = "a_very_long_name_".repeat(5);
    let cut_names = vec![
        (
            long_name.as_str(),
            Value::Opaque {
                type_name: Some(format!("shop.{long_name}")),
            },
        ),
        (
            "naïve \"quoted\"\n",
            redacted(Reason::RedactedIdent, None, &long_name, None),
        ),
    ];
    vec![
        (
            "redacted",
            "values hidden by name, by type, by content",
            locals(PYTHON, hidden),
        ),
        (
            "reasons",
            "values not captured, for every reason",
            locals(PYTHON, reasons),
        ),
        (
            "opaque",
            "values of which only the type is known; one that could not be read",
            locals(PYTHON, rest),
        ),
        (
            "names",
            "names that are cut, and names that need escapes",
            locals(PYTHON, cut_names),
        ),
    ]
}

pub(super) fn structure() -> Vec<Named> {
    let mut gaps = frame(
        "Cart.total",
        42,
        vec![
            (
                1,
                vec![
                    ("a".into(), Item::Value(Value::Int(1))),
                    (String::new(), gap(Reason::Budget, 3)),
                ],
            ),
            (
                2,
                vec![
                    (String::new(), gap(Reason::Timeout, 2)),
                    ("b".into(), Item::Value(Value::Int(2))),
                ],
            ),
            (
                3,
                vec![
                    ("LIMIT".into(), Item::Value(Value::Int(3))),
                    (String::new(), gap(Reason::FieldCount, UNKNOWN)),
                ],
            ),
        ],
    );
    gaps.location = [42, 43, 8, 19];
    let mut with_gaps = error("KeyError", "'EUR'", vec![]);
    with_gaps.frames = vec![
        FrameItem::Frame(gaps),
        FrameItem::Gap {
            reason: Reason::Frames as u8,
            count: 90,
        },
        FrameItem::Frame(frame("main", 7, vec![])),
    ];
    let mut chain_gap = spec(PYTHON, vec![with_gaps]);
    chain_gap.chain.push(ExceptionItem::Gap {
        reason: Reason::Chain as u8,
        count: 4,
    });

    let inner = frame("rates", 12, vec![(2, named(vec![("day", text("monday"))]))]);
    let outer = frame(
        "Cart.total",
        42,
        vec![(
            1,
            named(vec![("self", Value::Ref(0)), ("currency", text("EUR"))]),
        )],
    );
    let mut cause = error("KeyError", "'EUR'", vec![inner]);
    cause.link = 0;
    let mut context = error("OSError", "no such file", vec![frame("load", 3, vec![])]);
    context.link = 1;
    context.parent = 1;
    let chained = spec(
        PYTHON,
        vec![
            error("shop.errors.LookupFailed", "no rates", vec![outer]),
            cause,
            context,
        ],
    );

    let mut members: Vec<_> = ["ValueError", "TypeError"]
        .map(|name| error(name, "bad", vec![frame("task", 5, vec![])]))
        .into();
    members.iter_mut().for_each(|member| member.link = 2);
    members.insert(
        0,
        error(
            "ExceptionGroup",
            "two of two failed",
            vec![frame("gather", 9, vec![])],
        ),
    );

    let mut rich = error(
        "shop.errors.Declined",
        "card declined",
        vec![frame("pay", 5, vec![])],
    );
    rich.message_unknown = true;
    rich.sections
        .push((5, vec![(String::new(), Item::Value(text("while paying")))]));
    rich.sections.push((
        6,
        vec![
            (String::new(), Item::Value(text("card declined"))),
            (String::new(), Item::Value(Value::Int(3))),
            (
                String::new(),
                Item::Value(object("shop.Card", vec![("brand", text("visa"))])),
            ),
            (String::new(), gap(Reason::CollectionSize, 2)),
        ],
    ));
    rich.sections.push((
        7,
        vec![
            ("code".into(), Item::Value(Value::Int(402))),
            (String::new(), gap(Reason::FieldCount, 1)),
        ],
    ));

    let kinds = [1, 2 | 1, 4, 4 | 8, 16].map(|flags| Frame {
        flags,
        ..frame("step", 1, vec![(2, named(vec![("n", Value::Int(1))]))])
    });

    let unnamed = Frame {
        flags: 0,
        function: "<module>".into(),
        ..Frame::default()
    };
    let stopped = |limit, reason: Reason, values| Spec {
        stop: Some((limit, reason as u8)),
        ..locals(PYTHON, values)
    };
    let open = || {
        vec![
            ("a", list(None, 3, items(vec![Value::Int(1)]))),
            ("b", object("shop.Order", vec![])),
        ]
    };
    let mut late = stopped(3, Reason::Timeout, open());
    late.duration_ns = 11_000_000;
    vec![
        (
            "gaps",
            "variables, frames and exceptions that are missing; positions in a line",
            chain_gap,
        ),
        (
            "chain",
            "an exception with a cause and that one's context",
            chained,
        ),
        (
            "group",
            "an exception group with two members",
            spec(PYTHON, members),
        ),
        (
            "exception",
            "notes, args and fields of an exception",
            spec(PYTHON, vec![rich]),
        ),
        (
            "frames",
            "generator, coroutine, awaited, without variables",
            spec(PYTHON, vec![error("E", "e", kinds.into())]),
        ),
        (
            "unknown",
            "nothing known but that it happened",
            spec(
                0,
                vec![Exception {
                    frames: vec![FrameItem::Frame(unnamed)],
                    ..Exception::default()
                }],
            ),
        ),
        (
            "no-frames",
            "an exception without frames",
            spec(PYTHON, vec![error("KeyError", "'EUR'", vec![])]),
        ),
        (
            "stopped-budget",
            "a tape that ends before the contents of two variables",
            stopped(3, Reason::Budget, open()),
        ),
        ("stopped-timeout", "the same for time; the hard limit", late),
        (
            "stopped-frames",
            "a tape that ends before the variables",
            stopped(2, Reason::Budget, open()),
        ),
        (
            "stopped-at-once",
            "a tape that ends before the exception's details",
            stopped(1, Reason::Budget, open()),
        ),
    ]
}

//! Tapes of other languages, and what stands beside a tape.

use stillframe_core::snapshot::{
    AttributeGap, AttributeValue, FrameSource, Grouping, ReasonCounts, SessionLink,
};

use super::*;

pub(super) fn languages() -> Vec<Named> {
    let values = |row: &'static str| {
        vec![
            ("nothing", Value::Null),
            ("yes", Value::Bool(true)),
            ("number", Value::Int(7)),
            ("large", Value::Uint(u64::MAX)),
            ("share", Value::Float(1e7)),
            ("when", time(0, 0, 0, Some(0))),
            ("length", time(3, 90, 0, None)),
            ("text", text("a\u{1f600}")),
            ("cut", long(0x21, 0, b"abc", b"", 300)),
            (
                "data",
                Value::Bytes {
                    kept: vec![0, 127, 255],
                    more: 2,
                },
            ),
            ("row", object(row, vec![("id", Value::Int(1))])),
            (
                "list",
                list(
                    None,
                    200,
                    vec![Item::Value(Value::Null), gap(Reason::CollectionSize, 199)],
                ),
            ),
            (
                "single",
                Value::As("float".into(), Box::new(Value::Float(f64::from(0.1f32)))),
            ),
        ]
    };
    let in_language = |code, row, class: &str, file: &str| {
        let mut spec = locals(code, values(row));
        for item in &mut spec.chain {
            let ExceptionItem::Exception(exception) = item else {
                continue;
            };
            exception.type_name = Some(row.into());
            for frame in &mut exception.frames {
                let FrameItem::Frame(frame) = frame else {
                    continue;
                };
                frame.function = "total".into();
                frame.module = class.into();
                frame.file = file.into();
            }
        }
        spec
    };
    let dotnet = "System.Collections.Generic.List`1[System.Int32]";
    vec![
        (
            "java",
            "a tape of a Java program",
            in_language(JAVA, "shop.Cart$Line", "shop.Cart", "Cart.java"),
        ),
        (
            "dotnet",
            "a tape of a .NET program",
            in_language(DOTNET, dotnet, "Shop.Cart", "C:\\src\\Cart.cs"),
        ),
        (
            "native",
            "a tape of a C++ program",
            in_language(NATIVE, "shop::line<int>", "shop", "/src/cart.cc"),
        ),
    ]
}

/// Cases of what stands beside the tape.
pub(super) fn all() -> Vec<Case> {
    let (one, two) = (frame("total", 7, vec![]), frame("main", 2, vec![]));
    let spec = || {
        spec(
            PYTHON,
            vec![error("KeyError", "'EUR'", vec![one.clone(), two.clone()])],
        )
    };
    let with_context = Meta {
        handled: true,
        mechanism: Some("wsgi".into()),
        trace_id: Some(0x6b00_f713_0000_0000_e343_cf3a_e0f7_cc0f),
        span_id: Some(4_226_996_404_535_825_260),
        attributes: vec![
            ("http.route".into(), "/cart/{id}".into()),
            ("retries".into(), AttributeValue::Int(-1)),
            ("load".into(), AttributeValue::Float(0.5)),
            ("ratio".into(), AttributeValue::Float(f64::NAN)),
            ("beta".into(), AttributeValue::Bool(true)),
        ],
        user: vec![("id".into(), "u-17".into())],
        session_links: vec![
            SessionLink {
                name: "openReplaySessionToken".into(),
                id: "9f2".into(),
                url: Some("https://replay.test/9f2".into()),
            },
            SessionLink {
                name: "other".into(),
                id: "1".into(),
                url: None,
            },
        ],
        ..meta()
    };
    let attribute_gaps = vec![
        AttributeGap {
            name: Some("cookie".into()),
            count: 1,
            reason: Reason::RedactedIdent,
            rule: Some("cookie".into()),
        },
        AttributeGap {
            name: None,
            count: 7,
            reason: Reason::Budget,
            rule: None,
        },
    ];
    let mut counts = ReasonCounts::default();
    counts.add(Reason::RedactedIdent);
    counts.add(Reason::Budget);
    let sources = vec![
        Some(FrameSource {
            first_line: 6,
            lines: vec!["def total(self):".into(), "    return \"x\"".into()],
            hash: Some("9be1".into()),
            stale: false,
        }),
        Some(FrameSource {
            first_line: 1,
            lines: vec![],
            hash: None,
            stale: true,
        }),
    ];
    let grouping = Grouping {
        key: "9be1c2d3000000000000000000000001".into(),
        sub_key: Some("04aa71fe000000000000000000000002".into()),
        version: 1,
        overridden: true,
        explanation: Some("KeyError in total < main".into()),
    };
    let overridden = Meta {
        fingerprint: Some(vec!["{{ default }}".into(), "checkout".into()]),
        ..meta()
    };
    let case = |name, about, meta, extras| Case {
        name,
        about,
        spec: spec(),
        meta,
        extras,
    };
    vec![
        case(
            "context",
            "trace, attributes, user, sessions",
            with_context,
            Extras {
                attribute_gaps,
                counts,
                ..Extras::default()
            },
        ),
        case(
            "grouping",
            "fingerprint and source lines",
            overridden,
            Extras {
                grouping: Some(grouping),
                sources,
                ..Extras::default()
            },
        ),
        case(
            "bare",
            "a host that says nothing of itself",
            Meta::default(),
            Extras::default(),
        ),
        documented(),
    ]
}

/// The example of `docs/snapshot-format.md`.
fn documented() -> Case {
    let rates = Value::Map {
        type_name: None,
        size: 365,
        items: vec![
            Item::Value(text("USD")),
            Item::Value(Value::Float(1.08)),
            gap(Reason::CollectionSize, 364),
        ],
    };
    let token = Value::Redacted {
        reason: Reason::RedactedIdent as u8,
        type_name: Some("str".into()),
        rule: "token".into(),
        alias: None,
    };
    let pricing = object(
        "shop.Pricing",
        vec![("rates", Value::Ref(3)), ("api_token", token)],
    );
    let mut convert = frame(
        "Pricing.convert",
        42,
        vec![
            (1, named(vec![("self", pricing), ("currency", text("EUR"))])),
            (
                2,
                named(vec![
                    ("rate_table", rates),
                    ("rate", skipped(Reason::Unbound, None, UNKNOWN)),
                ]),
            ),
        ],
    );
    convert.location = [42, 42, 16, 36];
    convert.module = "shop.pricing".into();
    convert.file = "/srv/shop/pricing.py".into();
    let mut spec = spec(PYTHON, vec![error("KeyError", "'EUR'", vec![convert])]);
    for item in &mut spec.chain {
        if let ExceptionItem::Exception(exception) = item {
            exception.frames.push(FrameItem::Gap {
                reason: Reason::Frames as u8,
                count: 3,
            });
        }
    }
    let source = FrameSource {
        first_line: 41,
        lines: vec![
            "        rate_table = self.rates".into(),
            "        rate = rate_table[currency]".into(),
        ],
        hash: None,
        stale: false,
    };
    let grouping = Grouping {
        key: "9be1c2d30000000000000000000000a1".into(),
        version: 1,
        explanation: Some("KeyError in shop.pricing Pricing.convert".into()),
        ..Grouping::default()
    };
    Case {
        name: "documented",
        about: "the example of docs/snapshot-format.md",
        spec,
        meta: Meta {
            trace_id: Some(0x6b00_f713_0000_0000_e343_cf3a_e0f7_cc0f),
            span_id: Some(1),
            attributes: vec![("http.route".into(), "/convert".into())],
            ..meta()
        },
        extras: Extras {
            grouping: Some(grouping),
            sources: vec![Some(source)],
            ..Extras::default()
        },
    }
}

//! Values without contents.

use super::*;

pub(super) fn all() -> Vec<Named> {
    let numbers = vec![
        ("nothing", Value::Null),
        ("yes", Value::Bool(true)),
        ("no", Value::Bool(false)),
        ("zero", Value::Int(0)),
        ("short", Value::Int(-33)),
        ("wide", Value::Int(-70_000)),
        ("long", Value::Int(i64::MIN)),
        ("unsigned", Value::Uint(u64::MAX)),
    ];
    let floats = vec![
        ("whole", Value::Float(1.0)),
        ("tenth", Value::Float(0.1)),
        ("large", Value::Float(1e22)),
        ("small", Value::Float(-1.5e-7)),
        ("zero", Value::Float(-0.0)),
        ("nan", Value::Float(f64::NAN)),
        ("inf", Value::Float(f64::INFINITY)),
        ("minus_inf", Value::Float(f64::NEG_INFINITY)),
    ];
    let big = |negative, bits, head: &[u8]| Value::Big {
        negative,
        bits,
        head: head.to_vec(),
    };
    let bigs = vec![
        ("exact", big(true, 72, &[0x80, 0, 0, 0, 0, 0, 0, 0, 1])),
        (
            "cut",
            big(
                false,
                4000,
                &[0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
            ),
        ),
    ];
    let times = vec![
        ("moment", time(0, 1_795_225_363, 250_000_000, Some(3600))),
        ("naive", time(0, -1, 1000, None)),
        ("day", time(1, 951_782_400, 0, None)),
        ("clock", time(2, 34_200, 1, Some(0))),
        ("span", time(3, -90_061, 500_000_000, None)),
    ];
    let texts = vec![
        ("plain", text("EUR")),
        ("quoted", text("it's \"so\"\n\t\\ \u{1}\u{7f}")),
        ("accents", text("größe €, 日本, \u{1f600}")),
        ("empty", text("")),
        ("cut", long(0x21, 0, b"The quick ", b"brown secret", 44_000)),
        ("decimal", long(0x21, 1, b"19.90", b"", 5)),
        ("lossy", long(0x21, 2, "a\u{fffd}b".as_bytes(), b"", 3)),
        ("latin", long(0x22, 0, b"gr\xf6\xdfe", b"", 5)),
        (
            "wide",
            long(0x23, 0, &[b'a', 0, 0, 0xd8, 0xac, 0x20], b"", 3),
        ),
        (
            "wider",
            long(0x24, 0, &[0x48, 0xf6, 1, 0, 0, 0, 0x11, 0], b"", 2),
        ),
    ];
    let bytes = |kept: &[u8], more| Value::Bytes {
        kept: kept.to_vec(),
        more,
    };
    let binary = vec![
        ("request", bytes(b"GET /\r\n\x07'", 0)),
        ("image", bytes(&[0, 255, 1, 254, 2, 253, 3], 0)),
        ("head", bytes(b"PK", 5000)),
    ];
    let named_types = |name: &str, value| Value::As(name.into(), Box::new(value));
    let typed = vec![
        ("count", named_types("numpy.int64", Value::Int(7))),
        ("code", named_types("shop.Code", text("A-17"))),
        (
            "price",
            named_types("decimal.Decimal", long(0x21, 1, b"19.90", b"", 5)),
        ),
        (
            "home",
            named_types("pathlib.PosixPath", long(0x21, 1, b"/home/ann", b"", 9)),
        ),
        (
            "share",
            named_types("fractions.Fraction", long(0x21, 1, b"1/3", b"", 3)),
        ),
        (
            "pattern",
            named_types("re.Pattern", long(0x21, 1, b"a+'", b"", 3)),
        ),
        (
            "class",
            named_types("type", long(0x21, 1, b"shop.Order", b"", 10)),
        ),
    ];
    let cleaned = |rule: &str, flags, text: &str| Value::Cleaned {
        rule: rule.into(),
        flags,
        text: text.into(),
    };
    let hidden_parts = vec![
        (
            "url",
            cleaned("url_userinfo", 0, "postgres://app:[redacted]@db/shop"),
        ),
        ("path", cleaned("key_value", 3, "token=[redacted]")),
    ];
    vec![
        (
            "numbers",
            "null, booleans, integers of every width",
            locals(PYTHON, numbers),
        ),
        (
            "floats",
            "numbers of floating point, finite and not",
            locals(PYTHON, floats),
        ),
        (
            "big-integers",
            "integers beyond 64 bits, whole and cut",
            locals(PYTHON, bigs),
        ),
        ("times", "dates, times and durations", locals(PYTHON, times)),
        (
            "texts",
            "text in every encoding, cut, rendered, lossy",
            locals(PYTHON, texts),
        ),
        (
            "bytes",
            "binary data as escapes and as base64, cut",
            locals(PYTHON, binary),
        ),
        ("typed", "scalars of a named type", locals(PYTHON, typed)),
        (
            "cleaned",
            "text in which secrets were replaced",
            locals(PYTHON, hidden_parts),
        ),
    ]
}

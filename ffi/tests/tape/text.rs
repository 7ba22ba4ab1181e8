//! Text that the core's writer is never given: not UTF-8, in values and in names; and numbers out of their ranges.

use stillframe_core::language::Language;
use stillframe_core::limits::Limits;
use stillframe_core::tape::{ContainerId, Item, Name, Tape, Value};

use crate::c_writer::{BUILDS, CWriter};
use crate::call::{Call, Writer};

/// A tape with one exception, in whose args the calls put something.
fn args(string: u32, calls: &[Call]) -> Vec<u8> {
    group(string, 6, calls)
}

fn group(string: u32, section: u8, calls: &[Call]) -> Vec<u8> {
    let limits = Limits {
        string,
        ..Limits::default()
    };
    let mut writer = CWriter::new(&BUILDS[0], Language::Native, &limits, 1 << 16);
    writer.call(&Call::Exception {
        of: 0,
        link: 0,
        parent: 0,
        message_unknown: false,
    });
    writer.call(&Call::EndGroup);
    writer.call(&Call::Section(section));
    for call in calls {
        writer.call(call);
    }
    writer.call(&Call::EndGroup);
    writer.finish(0, 0).expect("there is room")
}

/// The text of the only value: shown, of how many characters, marked as lossy.
fn text(tape: &[u8]) -> (String, u32, bool) {
    let tape = Tape::parse(tape).expect("valid");
    let shown = tape.group(ContainerId(1)).find_map(|item| match item {
        Item::Value {
            value: Value::Text(text),
            ..
        } => Some((
            text.shown().into_owned(),
            text.total(),
            text.flagged_lossy(),
        )),
        _ => None,
    });
    shown.expect("a text")
}

/// What UTF-8 forbids: alone, cut short, too long a form, a surrogate, beyond the last character.
const INVALID: [&[u8]; 12] = [
    b"\x80",
    b"caf\xe9",
    b"\xc3",
    b"\xc3\x28",
    b"\xc0\xaf",
    b"\xe0\x80\xaf",
    b"\xe2\x82",
    b"\xed\xa0\x80",
    b"\xf0\x80\x80\xaf",
    b"\xf0\x9f\x98",
    b"\xf4\x90\x80\x80",
    b"\xff\xfe",
];

#[test]
fn text_that_is_not_utf8_goes_as_latin1_and_says_so() {
    for before in [
        "",
        "seven b",
        "a little longer than one word",
        &"x".repeat(400),
    ] {
        for invalid in INVALID {
            let bytes = [before.as_bytes(), invalid].concat();
            let expected: String = bytes.iter().map(|&byte| char::from(byte)).collect();
            let whole = text(&args(1024, &[Call::Utf8(bytes.clone())]));
            assert_eq!(
                whole,
                (expected.clone(), bytes.len() as u32, true),
                "{bytes:02x?}"
            );
            assert_eq!(text(&args(1024, &[Call::Rendered(bytes)])).0, expected);
        }
    }
}

#[test]
fn text_is_checked_as_far_as_it_is_kept() {
    let cut = |bytes: &[u8]| text(&args(8, &[Call::Utf8(bytes.to_vec())]));
    let ahead = [b"12345678".as_slice(), &[b'x'; 255], b"\xff"].concat();
    assert_eq!(
        cut(&ahead),
        ("12345678".into(), 264, true),
        "in what is looked ahead at"
    );
    let beyond = [b"12345678".as_slice(), &[b'x'; 256], b"\xff"].concat();
    assert_eq!(cut(&beyond), ("12345678".into(), 265, false), "behind that");
    let long = "\u{e9}".repeat(500);
    assert_eq!(
        cut(long.as_bytes()),
        ("\u{e9}".repeat(8), 1000, false),
        "the length of a cut text is its bytes"
    );
    let whole = text(&args(500, &[Call::Utf8(long.into_bytes())]));
    assert_eq!(whole.1, 500, "that of a whole text its characters");
}

#[test]
fn every_character_is_taken_and_nothing_else() {
    for character in (0..=0x10_ffff).step_by(7).filter_map(char::from_u32) {
        let bytes = character.to_string().into_bytes();
        let Call::Utf8(value) = Call::Utf8(bytes.clone()) else {
            unreachable!()
        };
        assert_eq!(
            text(&args(64, &[Call::Utf8(value)])),
            (character.to_string(), 1, false)
        );
    }
    for first in 0x80..=0xff_u8 {
        for second in [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff] {
            for rest in [&[][..], &[0x80], &[0x80, 0xbf], &[0x80, 0x80, 0x80]] {
                let bytes = [&[first, second], rest].concat();
                let lossy = text(&args(64, &[Call::Utf8(bytes.clone())])).2;
                assert_eq!(lossy, std::str::from_utf8(&bytes).is_err(), "{bytes:02x?}");
            }
        }
    }
}

#[test]
fn names_that_are_not_utf8_keep_what_is() {
    let named = |name: &[u8]| {
        let tape = group(64, 7, &[Call::Name(name.to_vec()), Call::Null]);
        let tape = Tape::parse(&tape).expect("valid");
        let name = tape.group(ContainerId(1)).find_map(|item| match item {
            Item::Value {
                name: Some(Name { text, total }),
                ..
            } => Some((text.to_owned(), total)),
            _ => None,
        });
        name.expect("a name")
    };
    assert_eq!(
        named("gr\u{f6}\u{df}e".as_bytes()),
        ("gr\u{f6}\u{df}e".into(), 7)
    );
    assert_eq!(named(b"caf\xe9"), ("caf?".into(), 4));
    assert_eq!(named(b"\xc3\xa9\xed\xa0\x80!"), ("\u{e9}???!".into(), 6));
    let long = [&[b'n'; 200][..], &[0xff; 100]].concat();
    assert_eq!(
        named(&long),
        (format!("{}{}", "n".repeat(200), "?".repeat(55)), 300)
    );
    // Where a name is cut, bytes that go on a character are left out.
    assert_eq!(named(&[0x80; 300]).0, "");
}

#[test]
fn numbers_out_of_range_are_put_right() {
    let values = |calls: &[Call]| -> Vec<String> {
        let tape = args(64, calls);
        let tape = Tape::parse(&tape).expect("valid");
        let items = tape.group(ContainerId(1)).filter_map(|item| match item {
            Item::Value {
                value: Value::Time(time),
                ..
            } => Some(format!("{}.{}", time.seconds, time.nanos)),
            Item::Value {
                value: Value::Big(big),
                ..
            } => Some(format!("{} bits, {:02x?}", big.bits, big.head)),
            Item::Value {
                value: Value::Int(value),
                ..
            } => Some(value.to_string()),
            _ => None,
        });
        items.collect()
    };
    let time = |seconds, nanos| Call::Time {
        kind: 0,
        seconds,
        nanos,
        offset: 0,
    };
    let big = |bits, head| Call::BigInt {
        negative: false,
        bits,
        head,
    };
    assert_eq!(
        values(&[
            time(5, 2_500_000_000),
            time(-1, 999_999_999),
            time(i64::MAX, u32::MAX)
        ]),
        [
            "7.500000000",
            "-1.999999999",
            "9223372036854775807.294967295"
        ]
    );
    assert_eq!(
        values(&[big(0, 0), big(7, 0x1_0000), big(128, 1), big(300, 1 << 100)]),
        [
            "0".to_owned(),
            "17 bits, [01, 00, 00]".to_owned(),
            "1 bits, [01]".to_owned(),
            format!("300 bits, {:02x?}", (1_u128 << 127).to_be_bytes()),
        ]
    );
}

//! The redact stage on whole tapes: what must not be on a clean tape, and what must still be there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;
use stillframe_core::language::Language;
use stillframe_core::limits::Limits;
use stillframe_core::reason::Reason;
use stillframe_core::redact::{AliasKey, Cleaned, Cleaner, Mode, RedactConfig, Redactor, SideText};
use stillframe_core::tape::{
    ContainerId, FrameFlags, Item, Link, Location, Section, Tape, TapeWriter, TextFlags, TypeId,
    Value,
};

const PLAIN: TypeId = TypeId::OWN;

/// A tape of one exception with one frame; `locals` writes its locals and what they hold, group by group.
fn tape(locals: impl FnOnce(&mut TapeWriter)) -> Vec<u8> {
    tape_with(&Limits::default(), b"it failed", locals)
}

fn tape_with(limits: &Limits, message: &[u8], locals: impl FnOnce(&mut TapeWriter)) -> Vec<u8> {
    let mut writer = TapeWriter::new();
    writer.begin(Language::Python, limits);
    let name = writer.define_type(b"ValueError");
    writer.exception(name, Link::Root, 0, false).unwrap();
    writer.end_group();
    writer.section(Section::Message);
    writer.ascii(message);
    writer.section(Section::Frames);
    writer
        .frame(FrameFlags::IN_APP, Location::default(), b"f", b"m", b"m.py")
        .unwrap();
    writer.end_group();
    writer.section(Section::Locals);
    locals(&mut writer);
    writer.finish(None, Duration::ZERO).unwrap().to_vec()
}

fn named(writer: &mut TapeWriter, name: &str) {
    assert!(writer.name(name.as_bytes()));
}

fn clean_with(raw: &[u8], config: &RedactConfig, sides: &[SideText<'_>]) -> Cleaned {
    static DEFAULT: LazyLock<Redactor> =
        LazyLock::new(|| Redactor::new(&RedactConfig::default()).0);
    let own;
    let redactor = if *config == RedactConfig::default() {
        &*DEFAULT
    } else {
        own = Redactor::new(config).0;
        &own
    };
    let key = AliasKey::from_seed(7);
    let raw = Tape::parse(raw).unwrap();
    Cleaner::new()
        .clean(&raw, sides, redactor, Some(&key))
        .unwrap()
}

fn clean(raw: &[u8]) -> Cleaned {
    clean_with(raw, &RedactConfig::default(), &[])
}

/// All items of a clean tape as text, one per line.
fn lines(cleaned: &Cleaned) -> Vec<String> {
    let tape = cleaned.tape.read().unwrap();
    let mut out = Vec::new();
    for id in 1..=tape.containers() {
        for item in tape.group(ContainerId(id)) {
            let Item::Value { name, value, .. } = item else {
                continue;
            };
            let name = name.map_or(String::new(), |name| format!("{}=", name.text));
            out.push(match value {
                Value::Text(text) => {
                    assert!(!text.has_lookahead() && text.is_utf8());
                    format!("{name}{:?}", text.shown())
                }
                Value::Cleaned { text, rule, .. } => format!("{name}{text:?} by {}", rule.text),
                Value::Redacted {
                    reason,
                    rule,
                    type_name,
                    alias,
                } => {
                    assert_eq!(alias, None);
                    let of = type_name.map_or("-", |name| name.text);
                    format!("{name}{} {of} by {}", reason.as_str(), rule.text)
                }
                Value::Int(value) => format!("{name}{value}"),
                Value::Bool(value) => format!("{name}{value}"),
                Value::Map { id, .. } => format!("{name}map #{}", id.0),
                Value::List { id, .. } => format!("{name}list #{}", id.0),
                Value::Object { id, .. } => format!("{name}object #{}", id.0),
                Value::Ref(id) => format!("{name}-> #{}", id.0),
                Value::Frame(frame) => format!("frame {}", frame.function.text),
                other => format!("{name}{other:?}"),
            });
        }
    }
    out
}

#[track_caller]
fn has(lines: &[String], line: &str) {
    assert!(
        lines.iter().any(|known| known == line),
        "no line {line:?} in {lines:#?}"
    );
}

#[test]
fn what_hides_nothing_stays_as_it_was() {
    let raw = tape(|w| {
        named(w, "currency");
        w.ascii(b"EUR");
        named(w, "cart");
        w.map(PLAIN, 1).unwrap();
        w.end_group();
        w.ascii(b"sku");
        w.latin1(b"caf\xe9");
        w.end_group();
    });
    let cleaned = clean(&raw);
    assert_eq!(
        lines(&cleaned),
        [
            "\"it failed\"",
            "frame f",
            "currency=\"EUR\"",
            "cart=map #3",
            "\"sku\"",
            "\"caf\u{e9}\""
        ]
    );
    assert_eq!(cleaned.counts.iter().count(), 0);
    let again = clean(cleaned.tape.bytes());
    assert_eq!(
        again.tape.bytes(),
        cleaned.tape.bytes(),
        "cleaning twice changes nothing"
    );
}

#[test]
fn names_are_checked_again() {
    let lines = lines(&clean(&tape(|w| {
        named(w, "password");
        w.ascii(b"hunter2");
        named(w, "config");
        w.map(PLAIN, 2).unwrap();
        named(w, "db");
        w.object(PLAIN).unwrap();
        w.end_group();
        w.ascii(b"API-Key");
        w.ascii(b"abcdef");
        w.binary(b"Set-Cookie");
        w.ascii(b"sid=1");
        w.end_group();
        named(w, "db_password");
        w.list(PLAIN, 1).unwrap();
        named(w, "max_tokens");
        w.int(5);
        w.end_group();
        w.ascii(b"deep inside");
        w.end_group();
    })));
    has(&lines, "password=redactedIdent str by password");
    has(&lines, "db_password=redactedIdent list by password");
    has(&lines, "max_tokens=5");
    assert!(
        !lines
            .iter()
            .any(|line| line.contains("deep inside") || line.contains("sid=1")),
        "{lines:#?}"
    );
    assert!(
        !lines.iter().any(|line| line.contains("abcdef")),
        "{lines:#?}"
    );
}

#[test]
fn pairs_and_records_count_as_names() {
    let lines = lines(&clean(&tape(|w| {
        named(w, "headers");
        w.list(PLAIN, 2).unwrap();
        named(w, "field");
        w.map(PLAIN, 2).unwrap();
        named(w, "pair");
        w.list(PLAIN, 2).unwrap();
        w.end_group();
        w.list(PLAIN, 2).unwrap(); // ("authorization", "Digest 5")
        w.list(PLAIN, 2).unwrap(); // ("accept", "*/*")
        w.end_group();
        for text in ["name", "session_token", "value", "plain words"] {
            w.ascii(text.as_bytes());
        }
        w.end_group();
        w.ascii(b"left");
        w.ascii(b"right");
        w.end_group();
        w.ascii(b"authorization");
        w.ascii(b"Digest 5");
        w.end_group();
        w.ascii(b"accept");
        w.ascii(b"*/*");
        w.end_group();
    })));
    has(&lines, "\"*/*\"");
    has(&lines, "\"right\"");
    assert!(
        !lines
            .iter()
            .any(|line| line.contains("Digest") || line.contains("plain words")),
        "{lines:#?}"
    );
}

#[test]
fn references_to_hidden_containers_are_hidden_and_numbers_stay_right() {
    let cleaned = clean(&tape(|w| {
        named(w, "credentials");
        w.map(PLAIN, 1).unwrap(); // raw 3
        named(w, "rates");
        w.map(PLAIN, 1).unwrap(); // raw 4
        named(w, "same");
        w.reference(ContainerId(3));
        named(w, "again");
        w.reference(ContainerId(4));
        w.end_group();
        w.ascii(b"user");
        w.list(PLAIN, 1).unwrap(); // raw 5, inside the hidden one
        w.end_group();
        w.ascii(b"EUR");
        w.list(PLAIN, 1).unwrap(); // raw 6
        w.end_group();
        w.ascii(b"hidden item");
        w.end_group();
        w.ascii(b"shown item");
        w.end_group();
    }));
    let lines = lines(&cleaned);
    has(&lines, "same=redactedIdent - by credentials");
    has(&lines, "rates=map #3");
    has(&lines, "again=-> #3");
    has(&lines, "\"shown item\"");
    assert!(
        !lines.iter().any(|line| line.contains("hidden item")),
        "{lines:#?}"
    );
    assert_eq!(cleaned.tape.read().unwrap().containers(), 4);
}

#[test]
fn copies_of_a_hidden_text_are_hidden_too() {
    let key = AliasKey::from_seed(7);
    let raw = tape_with(
        &Limits::default(),
        b"bad password for ann: correcthorse9, sorry",
        |w| {
            named(w, "pw_from_walker");
            w.redacted(
                Reason::RedactedIdent,
                PLAIN,
                "password",
                Some((13, key.hash(b"correcthorse9"))),
            );
            named(w, "innocent");
            w.ascii(b"correcthorse9");
            named(w, "other");
            w.ascii(b"correcthorse8");
            named(w, "token");
            w.ascii(b"zebra77");
            named(w, "copy");
            w.ascii(b"zebra77");
            w.end_group();
        },
    );
    let lines = lines(&clean(&raw));
    has(&lines, "other=\"correcthorse8\"");
    assert!(
        lines[0].starts_with("\"bad password for ann: [redacted], sorry\" by"),
        "{}",
        lines[0]
    );
    assert!(
        !lines
            .iter()
            .any(|line| line.contains("correcthorse9") || line.contains("zebra77")),
        "{lines:#?}"
    );
}

#[test]
fn secrets_inside_values_are_replaced_where_they_stand() {
    let lines = lines(&clean(&tape(|w| {
        named(w, "url");
        w.ascii(b"postgres://app:s3cr3tpw@db.internal/shop failed");
        named(w, "n");
        w.int(4_111_111_111_111_111);
        named(w, "small");
        w.int(41_111);
        named(w, "body");
        w.binary(b"{\"password\": \"opensesame\"}");
        named(w, "header");
        w.utf8("Authorization: Bearer abcdefghijklmnop", TextFlags::NONE);
        w.end_group();
    })));
    assert!(
        lines
            .iter()
            .any(|line| line
                .starts_with("url=\"postgres://app:[redacted]@db.internal/shop failed\"")),
        "{lines:#?}"
    );
    has(&lines, "small=41111");
    for secret in [
        "s3cr3tpw",
        "4111111111111111",
        "opensesame",
        "abcdefghijklmnop",
    ] {
        assert!(
            !lines.iter().any(|line| line.contains(secret)),
            "{secret} in {lines:#?}"
        );
    }
}

#[test]
fn a_secret_across_the_cut_is_hidden_and_nothing_beyond_it_is_kept() {
    let limits = Limits {
        string: 40,
        ..Limits::default()
    };
    let text = b"the new key is AKIAIOSFODNN7EXAMPLE and more text follows here";
    for shift in 0..30 {
        let text = [&b"............................."[..shift], &text[..]].concat();
        let cleaned = clean(&tape_with(&limits, b"m", |w| {
            named(w, "line");
            w.ascii(&text);
            w.end_group();
        }));
        let lines = lines(&cleaned);
        assert!(
            !lines.iter().any(|line| line.contains("AKIA")),
            "shift {shift}: {lines:#?}"
        );
        let bytes = String::from_utf8_lossy(cleaned.tape.bytes()).into_owned();
        assert!(!bytes.contains("follows"), "shift {shift}");
    }
}

#[test]
fn strict_mode_shows_no_text_and_off_scans_nothing() {
    let raw = tape(|w| {
        named(w, "a");
        w.ascii(b"some text");
        named(w, "b");
        w.int(7);
        named(w, "c");
        w.bool(true);
        named(w, "d");
        w.binary(b"bytes");
        named(w, "password");
        w.ascii(b"zzz");
        named(w, "e");
        w.ascii(b"https://u:p4ssw0rd@host/");
        w.end_group();
    });
    let strict = RedactConfig {
        mode: Mode::Strict,
        ..RedactConfig::default()
    };
    let shown = lines(&clean_with(&raw, &strict, &[]));
    has(&shown, "a=redactedValue str by strict mode");
    has(&shown, "b=7");
    has(&shown, "c=true");
    has(&shown, "d=redactedValue bytes by strict mode");
    has(
        &shown,
        "\"it failed\""
            .replace("\"it failed\"", "redactedValue str by strict mode")
            .as_str(),
    );
    let off = RedactConfig {
        mode: Mode::Off,
        ..RedactConfig::default()
    };
    let shown = lines(&clean_with(&raw, &off, &[]));
    has(&shown, "a=\"some text\"");
    has(&shown, "e=\"https://u:p4ssw0rd@host/\"");
    assert!(
        shown
            .iter()
            .any(|line| line.starts_with("password=redactedIdent"))
    );
}

#[test]
fn side_texts_go_the_same_way() {
    let side = |name, text, is_code| SideText {
        name,
        text,
        is_code,
        ..SideText::default()
    };
    let sides = [
        side(Some("x_api_key"), "abc123", false),
        side(Some("path"), "/cart", false),
        side(None, "    password = \"opensesame\"", true),
        side(None, "    rate = rate_table[currency]", true),
        side(None, "from abc123 with love", false),
        side(Some("session_token_copy"), "longenough", false),
        side(None, "it was longenough", false),
    ];
    let cleaned = clean_with(&tape(|w| w.end_group()), &RedactConfig::default(), &sides);
    let texts: Vec<_> = cleaned
        .texts
        .iter()
        .map(|text| text.text.as_str())
        .collect();
    assert_eq!(texts[0], "");
    assert_eq!(texts[1], "/cart");
    assert!(
        texts[2].starts_with("    password = ") && !texts[2].contains("opensesame"),
        "{texts:?}"
    );
    assert_eq!(texts[3], "    rate = rate_table[currency]");
    assert_eq!(texts[6], "it was [redacted]");
    assert_eq!(
        cleaned.texts[0].hidden.as_ref().unwrap().0,
        Reason::RedactedIdent
    );
    assert!(cleaned.side_counts.get(Reason::RedactedIdent) >= 1);
}

#[test]
fn a_tape_that_ends_early_ends_early_when_clean() {
    let mut writer = TapeWriter::new();
    writer.begin(Language::Python, &Limits::default());
    writer.exception(PLAIN, Link::Root, 0, false).unwrap();
    writer.end_group();
    writer.section(Section::Args);
    writer.list(PLAIN, 2).unwrap();
    writer.ascii(b"x");
    writer.list(PLAIN, 3).unwrap();
    writer.end_group();
    writer.gap(Reason::Timeout, Some(2));
    writer.end_group();
    let raw = writer
        .finish(Some(Reason::Timeout), Duration::ZERO)
        .unwrap()
        .to_vec();
    let cleaned = clean(&raw);
    let tape = cleaned.tape.read().unwrap();
    assert_eq!(tape.header().stop, Some(Reason::Timeout));
    assert!(tape.is_captured(ContainerId(2)) && !tape.is_captured(ContainerId(3)));
    assert_eq!(cleaned.counts.get(Reason::Timeout), 2);
}

proptest! {
    /// A secret planted anywhere under a sensitive name or in a shape that a detector knows is on no clean tape.
    #[test]
    fn planted_secrets_never_survive(
        before in "[a-z ,.]{0,30}",
        after in "[a-z ,.]{0,30}",
        core in "[a-km-z2-9]{24}",
        form in 0_usize..5,
        encoding in 0_usize..4,
    ) {
        let planted = match form {
            0 => format!("{before} password={core} {after}"),
            1 => format!("{before} https://user:{core}@host/x {after}"),
            2 => format!("{before} Authorization: Bearer {core}"),
            3 => format!("{before} \"api_key\": \"{core}\", {after}"),
            _ => core.clone(),
        };
        let raw = tape(|w| {
            named(w, if form == 4 { "client_secret" } else { "note" });
            match encoding {
                0 => w.ascii(planted.as_bytes()),
                1 => w.latin1(planted.as_bytes()),
                2 => {
                    let units: Vec<u8> = planted.encode_utf16().flat_map(u16::to_le_bytes).collect();
                    w.utf16(&units, planted.len());
                }
                _ => w.binary(planted.as_bytes()),
            }
            named(w, "copy");
            w.ascii(planted.as_bytes());
            w.end_group();
        });
        let cleaned = clean(&raw);
        let bytes = String::from_utf8_lossy(cleaned.tape.bytes()).into_owned();
        prop_assert!(!bytes.contains(&core), "{planted:?} left {:#?}", lines(&cleaned));
    }
}

#[test]
fn text_of_wide_characters_that_is_cut_says_so() {
    let limits = Limits {
        string: 3,
        ..Limits::default()
    };
    let raw = tape_with(&limits, b"it failed", |writer| {
        named(writer, "city");
        writer.utf8("Łódź", TextFlags::NONE);
        writer.end_group();
    });
    let cleaned = clean_with(&raw, &RedactConfig::default(), &[]);
    let tape = cleaned.tape.read().unwrap();
    let mut texts = Vec::new();
    for id in 1..=tape.header().containers {
        for item in tape.group(ContainerId(id)) {
            if let Item::Value {
                value: Value::Text(text),
                ..
            } = item
            {
                texts.push((text.shown().into_owned(), text.total()));
            }
        }
    }
    assert!(texts.contains(&("Łód".to_owned(), 4)), "{texts:?}");
}

#[test]
fn what_fuzzing_began_with_and_found_goes_through() {
    let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/tape");
    let mut cleaned = 0;
    for seed in std::fs::read_dir(seeds).unwrap() {
        let mut bytes = std::fs::read(seed.unwrap().path()).unwrap();
        let length = u32::try_from(bytes.len()).unwrap();
        bytes[8..12].copy_from_slice(&length.to_le_bytes());
        if Tape::parse(&bytes).is_ok() {
            clean_with(&bytes, &RedactConfig::default(), &[])
                .tape
                .read()
                .unwrap();
            cleaned += 1;
        }
    }
    assert!(cleaned > 10, "{cleaned}");
}

//! Frames by their addresses, from this test's own program.

use super::{NO_IMAGE, Natives, base_name};
use crate::language::Language;
use crate::limits::Limits;
use crate::tape::{
    Edit, FrameFlags, Item, Link, Location, Section, Tape, TapeWriter, TypeId, Value, edit,
};

#[inline(never)]
fn a_function_to_be_found() -> usize {
    std::hint::black_box(1)
}

#[expect(clippy::expect_used, reason = "a test fails by panicking")]
/// A tape with these functions as frames, a list in the second frame's variables, and a reference to it in the last one's.
fn tape(functions: &[&str]) -> Vec<u8> {
    let mut writer = TapeWriter::new();
    writer.begin(Language::Native, &Limits::default());
    let _ = writer.exception(TypeId::OWN, Link::Root, 0, true);
    writer.end_group();
    writer.section(Section::Frames);
    for function in functions {
        let location = Location {
            line: 7,
            ..Location::default()
        };
        let file = if function.contains(' ') { "own.c" } else { "" };
        let name = function.as_bytes();
        let _ = writer.frame(FrameFlags::IN_APP, location, name, b"", file.as_bytes());
    }
    writer.end_group();
    let mut list = None;
    for position in 0..functions.len() {
        writer.section(Section::Locals);
        assert!(writer.name(b"x"));
        match (position, list) {
            (1, _) => list = writer.list(TypeId::OWN, 1),
            (_, Some(list)) => writer.reference(list),
            _ => writer.int(position as i64),
        }
        writer.end_group();
    }
    if list.is_some() {
        writer.int(99);
        writer.end_group();
    }
    let bytes = writer.finish(None, std::time::Duration::ZERO);
    bytes.expect("within the limits").to_vec()
}

#[test]
fn addresses_become_functions_and_nothing_else_changes() {
    let address = a_function_to_be_found as *const () as usize;
    let found = format!("{address:#x}");
    let named = format!("{address:#x} a_function_to_be_found");
    let raw = tape(&[&found, &named, "0x10 elsewhere", "finished"]);
    let raw = Tape::parse(&raw).expect("valid");
    let bytes = Natives::default()
        .finish(&raw)
        .expect("something to finish");
    let tape = Tape::parse(&bytes).expect("valid");
    let frames: Vec<_> = tape
        .exceptions()
        .flat_map(|exception| tape.frames(exception.id))
        .collect();
    let functions: Vec<_> = frames.iter().map(|frame| frame.function.text).collect();
    assert_eq!(functions.len(), 4, "{functions:?}");
    assert!(functions[0].ends_with("a_function_to_be_found"));
    assert!(functions[1].ends_with("a_function_to_be_found"));
    assert_eq!(functions[2..], ["elsewhere", "finished"]);
    assert!(frames[0].file.text.ends_with("tests.rs") && frames[0].line > 0);
    assert_eq!(
        (frames[2].module.text, frames[2].file.text),
        (NO_IMAGE, "own.c")
    );
    assert!(!frames[0].module.text.is_empty());
    let last: Vec<_> = tape.section(frames[3].id, Section::Locals).collect();
    let [
        Item::Value {
            value: Value::Ref(target),
            ..
        },
    ] = last[..]
    else {
        panic!("{last:?}");
    };
    let content: Vec<_> = tape.group(target).collect();
    assert!(matches!(
        content[..],
        [Item::Value {
            value: Value::Int(99),
            ..
        }]
    ));
    assert_eq!(
        Natives::default().finish(&tape),
        None,
        "nothing is left to do"
    );
}

#[test]
fn one_frame_may_become_several_and_a_message_may_be_added() {
    let raw = tape(&["0x10", "0x20", "0x30"]);
    let raw = Tape::parse(&raw).expect("valid");
    let mut frames = |frame: &crate::tape::Frame<'_>| {
        let made = |name: &str, keeps| crate::tape::EditedFrame {
            function: format!("{name} of {}", frame.function.text),
            module: "m".repeat(300),
            keeps,
            ..crate::tape::EditedFrame::default()
        };
        Some(vec![made("inner", false), made("outer", true)])
    };
    let edited = edit(
        &raw,
        Edit {
            message: Some(crate::tape::Message::whole("why")),
            frames: &mut frames,
        },
    );
    let bytes = edited.expect("it fits");
    let tape = Tape::parse(&bytes).expect("valid");
    let exception = tape.exceptions().next().expect("one");
    assert!(!exception.message_unknown);
    let frames: Vec<_> = tape.frames(exception.id).collect();
    assert_eq!(frames.len(), 6);
    assert!(frames[0].module.is_cut());
    for (position, frame) in frames.iter().enumerate() {
        assert_eq!(tape.group_len(frame.id), (position % 2) as u32);
    }
    let last: Vec<_> = tape.section(frames[5].id, Section::Locals).collect();
    let [
        Item::Value {
            value: Value::Ref(target),
            ..
        },
    ] = last[..]
    else {
        panic!("{last:?}");
    };
    assert_eq!(tape.group_len(target), 1);
}

#[test]
fn names_as_func_has_them() {
    for (name, base) in [
        ("total", "total"),
        ("shop::Cart<int>::total", "total"),
        ("fail<std::runtime_error>", "fail"),
        ("shop::Cart::~Cart", "~Cart"),
        ("shop::operator<", "operator<"),
        ("main::{lambda()#1}::operator()", "operator()"),
        ("(anonymous namespace)::total", "total"),
        ("total.part.0", "total"),
        ("", ""),
    ] {
        assert_eq!(base_name(name), base, "{name}");
    }
}

//! `stillframe_walk.h`, by a program in C: level order, objects that meet again, and what does not fit.

use std::path::PathBuf;
use std::sync::LazyLock;

use stillframe_core::tape::{ContainerId, Frame, Item, Name, Tape, Value};

use crate::compiler::{Standard, compile, folder, run};

/// One line for each item, group by group.
pub(crate) fn dump(tape: &[u8]) -> Vec<String> {
    let tape = Tape::parse(tape).expect("valid");
    let of = |name: Option<Name<'_>>| name.map_or(String::new(), |name| format!("{} ", name.text));
    let show = |value: &Value<'_>| match value {
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Text(text) => format!("{:?}", text.shown()),
        Value::Object { id, type_name } => format!("{}#{}", of(*type_name), id.0),
        Value::List { id, size, .. } => format!("list #{} of {size:?}", id.0),
        Value::Frame(Frame {
            id, function, file, ..
        }) => format!("frame #{} {} {}", id.0, function.text, file.text),
        Value::Exception(exception) => format!("{}#{}", of(exception.type_name), exception.id.0),
        Value::Ref(id) => format!("= #{}", id.0),
        Value::Skipped {
            reason,
            type_name,
            size,
        } => format!("{}skipped {} {size:?}", of(*type_name), reason.as_str()),
        Value::Redacted { reason, rule, .. } => format!("{} by {}", reason.as_str(), rule.text),
        other => format!("{other:?}"),
    };
    let mut lines = Vec::new();
    for id in (0..=tape.containers()).map(ContainerId) {
        if id.0 > 0 && !tape.is_captured(id) {
            lines.push(format!("{}: not captured, {}", id.0, tape.stop().as_str()));
            continue;
        }
        let items = if id.0 == 0 {
            tape.root()
        } else {
            tape.group(id)
        };
        lines.extend(items.filter_map(|item| match item {
            Item::Section(_) => None,
            Item::Gap { reason, count } => {
                Some(format!("{}: gap {} {count:?}", id.0, reason.as_str()))
            }
            Item::Value {
                name: Some(name),
                value,
                ..
            } => Some(format!("{}: {} {}", id.0, name.text, show(&value))),
            Item::Value { value, .. } => Some(format!("{}: {}", id.0, show(&value))),
        }));
    }
    lines
}

/// The program, under sanitizers.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let flags = [
        "-O1",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
    ];
    compile(
        &folder("tests/c/tape_walk.c"),
        Standard::C99,
        "tape-walk",
        &flags,
    )
});

fn walked(depth: u32, containers: u32, stop: u32) -> Vec<String> {
    let arguments = [depth, containers, stop].map(|number| number.to_string());
    dump(&run(&PROGRAM, &arguments.each_ref().map(String::as_str)))
}

#[test]
fn objects_that_meet_again_are_references() {
    assert_eq!(
        walked(4, 64, 0),
        [
            "0: order_error #1",
            "1: \"no such order\"",
            "1: frame #2 confirm shop.c",
            "1: frame #3 main main.c",
            "2: ada customer #4",
            "2: again = #4",
            // A struct and its first member are two objects.
            "4: home address #5",
            "4: friend_of customer #6",
            "4: points list #7 of Some(100)",
            "5: city \"London\"",
            "6: home address #8",
            "6: friend_of = #4",
            "6: points list #9 of Some(100)",
            "7: 0",
            "7: 0",
            "7: 0",
            "7: gap collectionSize Some(97)",
            "8: city \"Paris\"",
            "9: 0",
            "9: 0",
            "9: 0",
            "9: gap collectionSize Some(97)",
        ]
    );
}

#[test]
fn what_is_too_deep_is_skipped() {
    assert_eq!(
        walked(0, 64, 0)[4..],
        [
            "2: ada customer skipped depth None",
            "2: again customer skipped depth None"
        ]
    );
    let one = walked(1, 64, 0);
    assert_eq!(one[4..6], ["2: ada customer #4", "2: again = #4"]);
    assert_eq!(
        one[6..],
        [
            "4: home address skipped depth None",
            "4: friend_of customer skipped depth None",
            "4: points skipped depth Some(100)",
        ]
    );
}

#[test]
fn what_does_not_fit_into_the_memory_is_skipped() {
    assert_eq!(
        walked(4, 2, 0)[2..],
        [
            "1: frame #2 confirm shop.c",
            "1: gap budget Some(1)",
            "2: ada customer skipped budget None",
            "2: again customer skipped budget None",
        ]
    );
    assert_eq!(
        walked(4, 5, 0)[6..],
        [
            "4: home address #5",
            "4: friend_of customer skipped budget None",
            "4: points skipped budget Some(100)",
            "5: city \"London\"",
        ]
    );
}

#[test]
fn a_walk_that_lasts_too_long_opens_nothing_more() {
    let lines = walked(4, 64, 4);
    assert_eq!(
        lines[6..],
        [
            "4: home address skipped timeout None",
            "4: friend_of customer skipped timeout None",
            "4: points skipped timeout Some(100)"
        ]
    );
}

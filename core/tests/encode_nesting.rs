//! The deepest tape that a reader accepts is written and read back in every form, on a thread with a small stack.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use stillframe_core::encode::datadog::{Dialect, Options};
use stillframe_core::encode::{Encoder, Input};
use stillframe_core::snapshot::{Extras, Meta, Node, Snapshot};
use stillframe_core::tape::{MAX_NESTING, Tape};
use support::build::{Item, Value};
use support::{build, cases, vector};

/// Stack of the thread that encodes: what the standard library gives to the engine's thread. (A debug build needs most of it.)
const STACK: usize = 2 << 20;

/// A tape whose one local nests `depth` lists, with what this is in the innermost one.
fn nested(depth: usize, innermost: Value) -> Vec<u8> {
    let mut value = innermost;
    for _ in 0..depth {
        value = Value::List {
            type_name: None,
            size: 1,
            items: vec![Item::Value(value)],
        };
    }
    let mut spec = cases::all().remove(0).spec;
    for item in &mut spec.chain {
        if let build::ExceptionItem::Exception(exception) = item {
            for frame in &mut exception.frames {
                if let build::FrameItem::Frame(frame) = frame {
                    frame.sections = vec![(2, vec![("deep".into(), Item::Value(value.clone()))])];
                }
            }
        }
    }
    build::build(&spec)
}

fn depth(node: &Node) -> usize {
    let inner = node.elements.as_ref().and_then(|elements| elements.first());
    1 + inner.map_or(0, depth)
}

#[test]
fn the_deepest_tape_in_every_form() {
    // The exception and the frame are the outer two.
    let most = usize::from(MAX_NESTING) - 2;
    assert!(Tape::parse(&nested(most + 1, Value::Null)).is_err());
    // In the innermost list the outermost again: what can be opened once more through a reference is.
    for innermost in [Value::Null, Value::Ref(2)] {
        let bytes = nested(most, innermost);
        let run = std::thread::Builder::new()
            .stack_size(STACK)
            .spawn(move || encode(&bytes, most));
        run.expect("a thread")
            .join()
            .expect("no overflow, no panic");
    }
}

fn encode(bytes: &[u8], most: usize) {
    let tape = Tape::parse(bytes).expect("valid");
    let (meta, extras) = (Meta::default(), Extras::default());
    let input = Input {
        tape: &tape,
        meta: &meta,
        extras: &extras,
    };
    let mut encoder = Encoder::new();
    let (mut json, mut msgpack) = (Vec::new(), Vec::new());
    encoder.json_into(&input, &mut json);
    encoder.msgpack_into(&input, &mut msgpack);
    let snapshot = Snapshot::from_json(&json).expect("reads");
    let deep = snapshot.frames[0].locals.get("deep").expect("there");
    assert_eq!(depth(deep), most + 1);
    assert_eq!(Snapshot::from_msgpack(&msgpack), Ok(snapshot));

    let frame_id = |frame| vector::frame_id(meta.id, frame);
    for dialect in [Dialect::Python, Dialect::Java, Dialect::Dotnet] {
        for max_bytes in [1 << 20, 4000] {
            let options = Options {
                max_bytes,
                ..Options::new(dialect, &frame_id)
            };
            let mut body = Vec::new();
            assert_eq!(encoder.datadog_into(&input, &options, 0, &mut body), None);
            let text = std::str::from_utf8(&body).expect("UTF-8");
            assert_eq!(
                vector::items_of(text).map(|items| items.len()),
                Some(1),
                "{text}"
            );
            assert!(body.len() <= max_bytes + 2);
        }
    }
}

//! The deepest tape that a reader accepts is written and read back in every form, on a thread with a small stack.

mod support;

use stillframe_core::encode::datadog::{Dialect, Options};
use stillframe_core::encode::{Encoder, Input, vars};
use stillframe_core::snapshot::{Extras, Meta, Node, ReasonCounts, Snapshot};
use stillframe_core::tape::{MAX_NESTING, Tape};
use support::build::{Item, Value};
use support::{build, cases, vector};

/// Stack of the thread that encodes: half of what the engine gives its own. (A debug build needs most of it, a release build 64 KiB.)
const STACK: usize = 256 << 10;

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
    // In the innermost list a list again: Datadog's form opens what the limits allow.
    for innermost in [Value::Null, Value::Ref(2)] {
        let bytes = nested(most, innermost);
        let thread = std::thread::Builder::new().stack_size(STACK);
        let run = thread.spawn(move || encode(&bytes)).expect("a thread");
        let (json, msgpack) = run.join().expect("no overflow, no panic");
        let snapshot = Snapshot::from_json(&json).expect("reads");
        let deep = snapshot.frames[0].locals.get("deep").expect("there");
        assert_eq!(depth(deep), most + 1);
        assert_eq!(Snapshot::from_msgpack(&msgpack), Ok(snapshot));
    }
}

/// Writes a tape in every form; returns JSON and MessagePack.
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
fn encode(bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
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
    let frame_id = |frame| vector::frame_id(meta.id, frame);
    for dialect in Dialect::ALL {
        for max_bytes in [1 << 20, 4000] {
            let options = Options {
                max_bytes,
                ..Options::new(dialect, &frame_id)
            };
            let mut body = Vec::new();
            assert_eq!(encoder.datadog_into(&input, &options, 0, &mut body), None);
            let text = std::str::from_utf8(&body).expect("UTF-8");
            let items = vector::items_of(text);
            assert_eq!(items.map(|items| items.len()), Some(1), "{text}");
            assert!(body.len() <= max_bytes + 2);
        }
    }
    let (options, counts) = (vars::Options::default(), ReasonCounts::default());
    let mut variables = Vec::new();
    encoder.variables_into(&input, &options, &counts, &mut variables);
    let variables: serde_json::Value = serde_json::from_slice(&variables).expect("JSON");
    assert_eq!(
        variables["frames"][0]["variables"]["deep"][0][0][0],
        "[… 1]"
    );
    (json, msgpack)
}

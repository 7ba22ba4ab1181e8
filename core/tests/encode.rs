//! The encoders against the plainest reading of the same tape: equal models, and byte for byte what serde would write.

#![expect(clippy::expect_used, reason = "a helper of tests may fail them")]

mod support;

use proptest::prelude::*;
use stillframe_core::encode::{Encoder, Input};
use stillframe_core::snapshot::{Extras, Meta, Snapshot};
use stillframe_core::tape::Tape;
use support::{build, oracle, random};

/// JSON and MessagePack of a tape.
fn encode(tape: &Tape<'_>, meta: &Meta, extras: &Extras) -> (Vec<u8>, Vec<u8>) {
    let input = Input { tape, meta, extras };
    let mut encoder = Encoder::new();
    let (mut json, mut msgpack) = (Vec::new(), Vec::new());
    encoder.json_into(&input, &mut json);
    encoder.msgpack_into(&input, &mut msgpack);
    (json, msgpack)
}

fn text(json: &[u8]) -> &str {
    std::str::from_utf8(json).expect("JSON is UTF-8")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_tape_reads_back_as_what_it_says(
        spec in random::spec(),
        meta in random::meta(),
        extras in random::extras(),
    ) {
        let bytes = build::build(&spec);
        let tape = Tape::parse(&bytes).expect("the generator makes valid tapes");
        let (json, msgpack) = encode(&tape, &meta, &extras);

        let mut expected = oracle::snapshot(&tape, &meta, &extras);
        let read = Snapshot::from_json(&json).map_err(|error| {
            TestCaseError::fail(format!("{error} in {}", text(&json)))
        })?;
        for (expected, read) in expected.exceptions.iter_mut().zip(&read.exceptions) {
            if expected.type_name.contains(['<', '[', '(', '`', ':']) {
                expected.module.clone_from(&read.module);
            }
        }
        prop_assert_eq!(&read, &expected);
        prop_assert_eq!(&Snapshot::from_msgpack(&msgpack).expect("reads"), &expected);

        // Member order, escapes, digits, widths of headers: all as serde has them.
        let serde_json = serde_json::to_vec(&expected).expect("writes");
        prop_assert_eq!(text(&json), text(&serde_json));
        let serde_msgpack = rmp_serde::to_vec_named(&expected).expect("writes");
        prop_assert_eq!(msgpack, serde_msgpack);
    }

    #[test]
    fn a_used_encoder_writes_the_same_bytes_as_a_new_one(
        specs in proptest::collection::vec(random::spec(), 1..4),
        meta in random::meta(),
    ) {
        let extras = Extras::default();
        let mut used = Encoder::new();
        for spec in &specs {
            let bytes = build::build(spec);
            let tape = Tape::parse(&bytes).expect("valid");
            let input = Input { tape: &tape, meta: &meta, extras: &extras };
            let (json, msgpack) = encode(&tape, &meta, &extras);
            let mut out = b"before".to_vec();
            used.json_into(&input, &mut out);
            prop_assert_eq!(&out[6..], &json[..]);
            out.truncate(6);
            used.msgpack_into(&input, &mut out);
            prop_assert_eq!(&out[6..], &msgpack[..]);
        }
    }
}

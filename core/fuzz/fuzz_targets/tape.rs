//! A tape from anywhere: refused, or read, redacted and encoded without a fault; what is encoded parses.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use stillframe_core::encode::datadog::{Dialect, Options};
use stillframe_core::encode::{Encoder, Input};
use stillframe_core::redact::{AliasKey, Cleaner, RedactConfig, Redactor};
use stillframe_core::snapshot::{Extras, Meta, Snapshot, SnapshotId};
use stillframe_core::tape::Tape;

static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(&RedactConfig::default()).0);

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    // A right length lets the mutator get beyond the header more often.
    if let (Ok(length), Some(field)) = (u32::try_from(bytes.len()), bytes.get_mut(8..12)) {
        field.copy_from_slice(&length.to_le_bytes());
    }
    let Ok(raw) = Tape::parse(&bytes) else { return };
    let key = AliasKey::from_seed(1);
    let Ok(cleaned) = Cleaner::new().clean(&raw, &[], &REDACTOR, Some(&key)) else {
        return;
    };
    let clean = cleaned.tape.read().expect("a clean tape is valid");
    let (meta, extras) = (Meta::default(), Extras::default());
    let input = Input {
        tape: &clean,
        meta: &meta,
        extras: &extras,
    };
    let (mut json, mut msgpack) = (Vec::new(), Vec::new());
    Encoder::new().json_into(&input, &mut json);
    Encoder::new().msgpack_into(&input, &mut msgpack);
    let from_json = Snapshot::from_json(&json).expect("JSON parses");
    let from_msgpack = Snapshot::from_msgpack(&msgpack).expect("MessagePack parses");
    assert_eq!(from_json, from_msgpack);
    let frame_id = |frame: u32| SnapshotId::from_parts(0, frame.into());
    for dialect in Dialect::ALL {
        let options = Options {
            max_bytes: 4096,
            ..Options::new(dialect, &frame_id)
        };
        let (mut next, mut body) = (Some(0), Vec::new());
        while let Some(first) = next {
            body.clear();
            next = Encoder::new().datadog_into(&input, &options, first, &mut body);
            serde_json::from_slice::<serde_json::Value>(&body).expect("Datadog's form parses");
        }
    }
});

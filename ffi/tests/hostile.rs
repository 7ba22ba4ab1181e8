//! Tapes from anywhere, through the C interface: each is encoded or refused, in every form, and nothing of ours panics.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::ptr::{null, null_mut};
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value;
use stillframe::admit::{STILLFRAME_SITE_EXPLICIT, stillframe_capture_admit, stillframe_site};
use stillframe::capture::{stillframe_capture, stillframe_capture_submit};
use stillframe::config::{
    STILLFRAME_FORMAT_DATADOG, STILLFRAME_FORMAT_JSON, STILLFRAME_FORMAT_MSGPACK,
    STILLFRAME_FORMAT_OTLP, STILLFRAME_FORMAT_SENTRY, stillframe_config, stillframe_setting,
};
use stillframe::encode::{stillframe_capture_encode, stillframe_encoding, stillframe_fingerprint};
use stillframe::engine::{stillframe_engine_flush, stillframe_engine_new};
use stillframe::handle::stillframe_engine;
use stillframe::permit::stillframe_permit;
use stillframe::stats::{stillframe_stats, stillframe_stats_read};
use stillframe::status::{
    STILLFRAME_DROPPED_QUEUE, STILLFRAME_ERROR_NULL, STILLFRAME_ERROR_REDACTION,
    STILLFRAME_ERROR_TAPE, STILLFRAME_OK,
};
use stillframe::text::{stillframe_bytes, stillframe_bytes_free};
use support::{sized, unhex, view};

struct Shared(*const stillframe_engine);
// SAFETY: engines may be used from any thread.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

/// One engine for all cases; it stores nothing, for there would be a great deal.
static ENGINE: LazyLock<Shared> = LazyLock::new(|| {
    let settings = [("spool.enabled", "false"), ("gate.burst", "10000")].map(|(key, value)| {
        stillframe_setting {
            key: view(key),
            value: view(value),
        }
    });
    let mut config: stillframe_config = sized();
    (config.settings, config.settings_len) = (settings.as_ptr(), settings.len());
    let mut engine = null();
    // SAFETY: all pointers are to values on this stack, which live for the call.
    let made =
        unsafe { stillframe_engine_new(&raw const config, null(), &raw mut engine, null_mut()) };
    assert_eq!(made, STILLFRAME_OK);
    Shared(engine)
});

/// Tapes that are valid, to be damaged.
static GOOD: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let folder = support::folder().join("../conformance");
    let text = std::fs::read_to_string(folder.join("tapes/read.json")).expect("vectors");
    let vectors: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let of_tapes = vectors
        .iter()
        .map(|vector| unhex(vector["tape"].as_str().expect("hex")));
    let snapshots = std::fs::read_dir(folder.join("snapshots"))
        .expect("vectors")
        .map(|entry| {
            let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("readable");
            let vector: Value = serde_json::from_str(&text).expect("JSON");
            unhex(vector["tape"].as_str().expect("hex"))
        });
    of_tapes.chain(snapshots).collect()
});

/// Everything that can be done with a tape. Whether it was accepted.
fn try_all(tape: &[u8]) -> bool {
    let engine = ENGINE.0;
    let mut capture: stillframe_capture = sized();
    (capture.tape, capture.tape_len) = (tape.as_ptr(), tape.len());
    let mut accepted = Vec::new();
    for format in [
        STILLFRAME_FORMAT_JSON,
        STILLFRAME_FORMAT_MSGPACK,
        STILLFRAME_FORMAT_DATADOG,
        STILLFRAME_FORMAT_OTLP,
        STILLFRAME_FORMAT_SENTRY,
    ] {
        let mut encoding: stillframe_encoding = sized();
        encoding.format = format;
        let mut out = stillframe_bytes {
            ptr: null_mut(),
            len: 0,
            cap: 0,
        };
        // SAFETY: all pointers are to values that live for the call; what comes back is what the contract says.
        unsafe {
            let status = stillframe_capture_encode(
                engine,
                &raw const capture,
                &raw mut encoding,
                &raw mut out,
                null_mut(),
            );
            if status == STILLFRAME_OK {
                let bytes = std::slice::from_raw_parts(out.ptr, out.len);
                if !matches!(format, STILLFRAME_FORMAT_MSGPACK | STILLFRAME_FORMAT_OTLP) {
                    let parsed: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(bytes);
                    assert!(parsed.is_ok() || format == STILLFRAME_FORMAT_DATADOG);
                }
                stillframe_bytes_free(&raw mut out);
            } else {
                assert!(
                    matches!(
                        status,
                        STILLFRAME_ERROR_TAPE | STILLFRAME_ERROR_REDACTION | STILLFRAME_ERROR_NULL
                    ),
                    "{status}"
                );
                assert!(out.ptr.is_null());
            }
            accepted.push(status == STILLFRAME_OK);
        }
    }
    let mut key = [0; 16];
    let mut site: stillframe_site = sized();
    site.flags = STILLFRAME_SITE_EXPLICIT;
    let mut permit: stillframe_permit = sized();
    // SAFETY: as above.
    unsafe {
        let grouped =
            stillframe_fingerprint(engine, &raw const capture, key.as_mut_ptr(), null_mut());
        assert_eq!(grouped == STILLFRAME_OK, accepted[0]);
        assert_eq!(
            stillframe_capture_admit(engine, &raw const site, &raw mut permit, null_mut()),
            STILLFRAME_OK
        );
        let submitted =
            stillframe_capture_submit(engine, &raw mut permit, &raw const capture, null_mut());
        // A good header is enough here.
        assert!(
            !accepted[0] || submitted == STILLFRAME_OK || submitted == STILLFRAME_DROPPED_QUEUE
        );
        let mut stats: stillframe_stats = sized();
        assert_eq!(
            stillframe_stats_read(engine, &raw mut stats, null_mut()),
            STILLFRAME_OK
        );
        assert_eq!(stats.internal_panics, 0);
    }
    assert!(accepted.iter().all(|one| *one == accepted[0]));
    accepted[0]
}

/// Puts the tape's own length into its header, so that the body is looked at.
fn with_length(mut tape: Vec<u8>) -> Vec<u8> {
    if let (Ok(length), Some(field)) = (u32::try_from(tape.len()), tape.get_mut(8..12)) {
        field.copy_from_slice(&length.to_le_bytes());
    }
    tape
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        try_all(&bytes);
    }

    #[test]
    fn a_good_header_and_any_bytes(which in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let good = which.get(&GOOD);
        try_all(&with_length([&good[..64], &bytes].concat()));
    }

    #[test]
    fn damaged_tapes(
        which in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        splice in any::<bool>(),
    ) {
        let mut tape = which.get(&GOOD).clone();
        for (place, byte) in changes {
            let at = place.index(tape.len());
            tape[at] = byte;
        }
        if splice {
            let other = other.get(&GOOD);
            tape.truncate(cut.index(tape.len()));
            tape.extend_from_slice(&other[cut.index(other.len())..]);
            tape = with_length(tape);
        }
        try_all(&tape);
    }
}

#[test]
fn the_tapes_to_damage_are_good() {
    for tape in GOOD.iter() {
        assert!(try_all(tape));
    }
    // SAFETY: the engine lives.
    let flushed = unsafe { stillframe_engine_flush(ENGINE.0, 60_000, null_mut()) };
    assert_eq!(flushed, STILLFRAME_OK);
}

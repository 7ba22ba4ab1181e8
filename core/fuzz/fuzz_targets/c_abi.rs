//! A tape from anywhere through the C interface: encoded or refused in every form, submitted, and nothing panics.
#![no_main]

use std::ptr::{null, null_mut};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use stillframe::admit::{STILLFRAME_SITE_EXPLICIT, stillframe_capture_admit, stillframe_site};
use stillframe::capture::{stillframe_capture, stillframe_capture_submit};
use stillframe::config::{stillframe_config, stillframe_setting};
use stillframe::encode::{stillframe_capture_encode, stillframe_encoding, stillframe_fingerprint};
use stillframe::engine::stillframe_engine_new;
use stillframe::handle::stillframe_engine;
use stillframe::permit::stillframe_permit;
use stillframe::stats::{stillframe_stats, stillframe_stats_read};
use stillframe::status::{STILLFRAME_ERROR_PANIC, STILLFRAME_OK};
use stillframe::text::{stillframe_bytes, stillframe_bytes_free, stillframe_text};

struct Shared(*const stillframe_engine);
// SAFETY: engines may be used from any thread.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

/// One engine that stores nothing and reads no source.
static ENGINE: LazyLock<Shared> = LazyLock::new(|| {
    let settings = [("spool.enabled", "false"), ("source.enabled", "false")].map(|(key, value)| {
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

fn view(text: &str) -> stillframe_text {
    stillframe_text {
        ptr: text.as_ptr().cast(),
        len: text.len(),
    }
}

/// A struct as C has it before anything is set.
fn sized<T>() -> T {
    // SAFETY: only used for the interface's structs, which are numbers, pointers and optional functions, and begin with their size.
    unsafe {
        let mut it: T = std::mem::zeroed();
        (&raw mut it).cast::<usize>().write(size_of::<T>());
        it
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    // A right length lets the mutator get beyond the header more often.
    if let (Ok(length), Some(field)) = (u32::try_from(bytes.len()), bytes.get_mut(8..12)) {
        field.copy_from_slice(&length.to_le_bytes());
    }
    let engine = ENGINE.0;
    let mut capture: stillframe_capture = sized();
    (capture.tape, capture.tape_len) = (bytes.as_ptr(), bytes.len());
    let mut site: stillframe_site = sized();
    site.flags = STILLFRAME_SITE_EXPLICIT;
    let (mut permit, mut stats): (stillframe_permit, stillframe_stats) = (sized(), sized());
    let mut key = [0; 16];
    // SAFETY: all pointers are to values that live for the calls; what comes back is what the contract says.
    unsafe {
        let grouped =
            stillframe_fingerprint(engine, &raw const capture, key.as_mut_ptr(), null_mut());
        for format in 1..=3 {
            let mut encoding: stillframe_encoding = sized();
            encoding.format = format;
            let mut out = stillframe_bytes {
                ptr: null_mut(),
                len: 0,
                cap: 0,
            };
            let status = stillframe_capture_encode(
                engine,
                &raw const capture,
                &raw mut encoding,
                &raw mut out,
                null_mut(),
            );
            assert_eq!(status, grouped);
            stillframe_bytes_free(&raw mut out);
        }
        let admitted =
            stillframe_capture_admit(engine, &raw const site, &raw mut permit, null_mut());
        assert_eq!(admitted, STILLFRAME_OK);
        let submitted =
            stillframe_capture_submit(engine, &raw mut permit, &raw const capture, null_mut());
        assert_ne!(submitted, STILLFRAME_ERROR_PANIC);
        assert_eq!(
            stillframe_stats_read(engine, &raw mut stats, null_mut()),
            STILLFRAME_OK
        );
        assert_eq!(stats.internal_panics, 0);
    }
});

//! Which variables of the environment the threads that send look at: none, as the program may be changing them.
#![cfg(feature = "http")]
#![allow(
    dead_code,
    unreachable_pub,
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, and uses a part of what it shares with others"
)]

#[path = "sending/server.rs"]
mod server;
#[path = "sending/wire.rs"]
mod wire;

use std::ffi::{CStr, c_char};
use std::sync::Mutex;

use server::{Authority, OK, Server};
use wire::{SOON, TestEncoder, TestProtocol, config, destination, start, stats_of, submit, until};

/// Thread and variable.
static LOOKED_AT: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// In place of the C library's, which says nothing of who asks.
///
/// # Safety
///
/// As that one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getenv(name: *const c_char) -> *const c_char {
    let mut thread = [0_u8; 16];
    // SAFETY: a name has at most 16 bytes, with its end.
    unsafe { libc::prctl(libc::PR_GET_NAME, thread.as_mut_ptr()) };
    let thread = CStr::from_bytes_until_nul(&thread).unwrap();
    // SAFETY: the caller says so.
    let name = unsafe { CStr::from_ptr(name) };
    let thread = thread.to_string_lossy();
    if thread.starts_with("stillframe") {
        let name = name.to_string_lossy().into_owned();
        LOOKED_AT.lock().unwrap().push((thread.into_owned(), name));
    }
    // SAFETY: a list of texts that ends with null, which no thread of this program changes.
    let mut at = unsafe { environ };
    while !at.is_null() {
        // SAFETY: as above.
        let variable = unsafe { *at };
        if variable.is_null() {
            break;
        }
        // SAFETY: as above.
        let text = unsafe { CStr::from_ptr(variable) }.to_bytes();
        if let Some(rest) = text.strip_prefix(name.to_bytes())
            && rest.first() == Some(&b'=')
        {
            return rest[1..].as_ptr().cast();
        }
        // SAFETY: as above.
        at = unsafe { at.add(1) };
    }
    std::ptr::null()
}

#[test]
fn threads_that_send_look_at_no_variable() {
    // It would be noticed.
    let probe = std::thread::Builder::new().name("stillframe-probe".into());
    let path = probe.spawn(|| std::env::var("PATH").is_ok()).unwrap();
    assert!(path.join().unwrap(), "there is a path");
    let looked_at = std::mem::take(&mut *LOOKED_AT.lock().unwrap());
    assert_eq!(looked_at, [("stillframe-prob".into(), "PATH".into())]);

    let authority = Authority::new();
    let plain = Server::new(|_, _| OK);
    let encrypted = Server::tls(authority.server("localhost", false), |_, _| OK);
    for server in [plain, encrypted] {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(dir.path());
        let file = dir.path().join("ca.pem");
        std::fs::write(&file, &authority.pem).unwrap();
        config.upload.ca_file = Some(file);
        let encoder = TestEncoder {
            filler: 10,
            items: 1,
        };
        let protocol = TestProtocol::new(&server.url);
        let engine = start(config, vec![destination(protocol, encoder)]);
        submit(&engine);
        let sent = until(SOON, || stats_of(&engine).sent == 1);
        assert!(sent, "{:?}", stats_of(&engine));
        assert!(engine.shutdown(SOON));
    }
    assert_eq!(*LOOKED_AT.lock().unwrap(), []);
}

//! Panics of ours are silent, those of the program are not, whoever is called by whom. A file of its own: the hook is the process's.
#![cfg(not(loom))]
#![allow(clippy::panic, reason = "what is tested")]

use std::panic::{catch_unwind, set_hook};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use stillframe_core::panics::{inside, outside, silence_inside};

static HEARD: AtomicU32 = AtomicU32::new(0);

fn heard(work: impl FnOnce() + std::panic::UnwindSafe) -> u32 {
    let before = HEARD.load(Relaxed);
    assert!(catch_unwind(work).is_err());
    HEARD.load(Relaxed) - before
}

#[test]
fn the_hook_that_was_there_gets_what_is_not_ours() {
    set_hook(Box::new(|_| {
        HEARD.fetch_add(1, Relaxed);
    }));
    silence_inside();
    silence_inside();
    assert_eq!(heard(|| panic!("the program's")), 1);
    let ours = || {
        let _inside = inside();
        panic!("ours");
    };
    assert_eq!(heard(ours), 0);
    assert_eq!(heard(|| panic!("the program's, afterwards")), 1);
    let callback = || {
        let _inside = inside();
        let _again = inside();
        let _outside = outside();
        panic!("the program's, in a callback of ours");
    };
    assert_eq!(heard(callback), 1);
    let after_callback = || {
        let _inside = inside();
        drop(outside());
        panic!("ours, after a callback");
    };
    assert_eq!(heard(after_callback), 0);
    let elsewhere = std::thread::spawn(|| panic!("the program's, on another thread"));
    let before = HEARD.load(Relaxed);
    assert!(elsewhere.join().is_err());
    assert!(HEARD.load(Relaxed) >= before);
    assert_eq!(HEARD.load(Relaxed), 4);
}

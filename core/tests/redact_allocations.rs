//! A scan allocates nothing once it is warm, nor does a question about a name.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use stillframe_core::redact::{
    AliasKey, Arena, RedactConfig, Redactor, ScanBudget, TextFlags, UserRule,
};

struct Counting;

thread_local! {
    /// Allocations of this thread; the test harness has threads of its own.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: `at` came from the system's allocator with this layout.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn nothing_is_allocated_per_value() {
    let rule = |name: &str, pattern: &str| UserRule {
        name: name.into(),
        pattern: pattern.into(),
        ..UserRule::default()
    };
    let config = RedactConfig {
        rules: vec![rule("literal", "acme_[0-9]+"), rule("slow", "[xyz]{3}!")],
        ..RedactConfig::default()
    };
    let redactor = Redactor::new(&config).0;
    let key = AliasKey::from_seed(3);
    let values = [
        "password=hunter2",
        "connect to postgres://app:hunter2@db/shop failed",
        "Authorization: Bearer abc.def",
        "card 4111 1111 1111 1111, acme_17, xyz!",
        "plain text of an ordinary value with nothing in it",
        "q=user%3Dbob%26password%3Dx",
        "passwörd=x größe=2",
    ];
    let mut arena = Arena::new();
    let mut hits = Vec::new();
    let mut round = || {
        arena.clear();
        for _ in 0..100 {
            for value in values {
                arena.push(value.as_bytes(), TextFlags::default());
            }
        }
        let outcome = redactor.scan(&arena, &mut ScanBudget::default(), &mut hits);
        assert!(outcome.is_complete());
        std::hint::black_box(key.hash(b"hunter2"));
        for name in [
            "user_password",
            "größe",
            "ｐａｓｓｗｏｒｄ",
            "order",
            &"x".repeat(300)[..300],
        ] {
            std::hint::black_box(redactor.name(name.as_bytes()));
        }
        hits.len()
    };
    let found = round();
    assert!(found > 500);
    round();
    let before = COUNT.get();
    assert_eq!(round(), found);
    let after = COUNT.get();
    assert_eq!(after - before, 1, "only the name made in the loop itself");
}

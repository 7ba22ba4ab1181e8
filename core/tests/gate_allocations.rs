//! What runs on the raising thread allocates nothing: neither a refusal, nor an admission, nor the hand-off.
#![cfg(not(loom))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use stillframe_core::gate::{
    Depth, ExcludeRule, Gate, GateConfig, Raised, SiteFacts, SiteHash, SiteHasher,
};
use stillframe_core::queue::{Queue, QueueConfig};
use stillframe_core::stats::{Counter, Outcome, Stats};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; the counter is a plain thread-local without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`; `pointer` came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(run: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    run();
    ALLOCATIONS.with(Cell::get) - before
}

const FACTS: SiteFacts<'static> = SiteFacts {
    type_name: "shop.errors.EmptyCart",
    module: "shop.cart",
    function: "total",
};

fn site(n: u64) -> SiteHash {
    let mut hasher = SiteHasher::new(SiteHasher::text("shop.errors.EmptyCart"));
    hasher.frame(SiteHasher::text("shop/cart.py"), 10, 4);
    hasher.frame(n, 1, 2);
    hasher.finish(Raised::Last)
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(Box::new(1))), 1);
}

#[test]
fn the_gate_allocates_nothing() {
    let rule = |pattern: &str| ExcludeRule {
        type_name: Some(pattern.to_owned()),
        ..ExcludeRule::default()
    };
    let gate = Gate::new(&GateConfig {
        exclude: vec![rule("shop.errors.SoldOut"), rule("*Timeout"), rule("a*b?c")],
        ..GateConfig::default()
    });
    assert_eq!(allocations(|| assert_eq!(gate.tick(), None)), 0);
    let mut admitted = 0;
    let used = allocations(|| {
        for n in 0..100 {
            admitted += u64::from(gate.admit(site(n % 10), &FACTS).permit().is_some());
            let _ = gate.refuse_early();
        }
        admitted += u64::from(gate.request_deeper(site(3), Depth::ONCE));
        admitted += u64::from(gate.admit(site(3), &FACTS).permit().is_some());
        admitted += u64::from(gate.admit_explicit(site(3), &FACTS).permit().is_some());
    });
    assert_eq!(used, 0);
    assert!(admitted >= 3 + 5, "every way through the gate was taken");
    let stats = gate.stats().snapshot();
    assert!(stats.outcomes.refused_rate > 0 && stats.outcomes.refused_closed > 0);
    assert_eq!(stats.counters.admitted_deeper, 1);
}

#[test]
fn the_hand_off_and_the_counters_allocate_nothing() {
    let stats = Arc::new(Stats::new());
    let config = QueueConfig {
        items: 2,
        bytes: 100,
    };
    let queue = Queue::new(config, Arc::clone(&stats));
    let used = allocations(|| {
        for n in 0..10u64 {
            let _ = queue.push(n, 60);
        }
        while queue.poll().is_some() {}
        stats.outcome(Outcome::Captured);
        stats.add(Counter::Values, 5);
        stats.walk(1000);
    });
    assert_eq!(used, 0);
}

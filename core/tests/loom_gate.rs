//! Every interleaving of the lock-free parts of the gate and the queue, as far as loom can explore them.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p stillframe-core --release --test loom_gate`
#![cfg(loom)]

use std::sync::Arc as StdArc;
use std::time::Duration;

use loom::sync::Arc;
use loom::thread;
use stillframe_core::gate::{
    Bucket, ClosedFlag, Depth, FlagState, Gate, GateConfig, Inserted, ManualClock, SiteFacts,
    SiteHash, SiteTable, State,
};
use stillframe_core::queue::ByteBudget;
use stillframe_core::stats::Stats;

const SECOND: u64 = 1_000_000_000;

fn model(check: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(check);
}

#[test]
fn a_bucket_gives_no_more_than_it_has() {
    model(|| {
        let bucket = Arc::new(Bucket::new(1.0, 2));
        let taker = |bucket: Arc<Bucket>| thread::spawn(move || bucket.try_take(SECOND));
        let (a, b) = (taker(Arc::clone(&bucket)), taker(Arc::clone(&bucket)));
        let mine = bucket.try_take(SECOND);
        let taken = [mine, a.join().unwrap(), b.join().unwrap()];
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 2);
    });
}

#[test]
fn a_refund_is_one_token_whoever_takes_at_the_same_time() {
    model(|| {
        let bucket = Arc::new(Bucket::new(1.0, 1));
        assert!(bucket.try_take(SECOND));
        let other = Arc::clone(&bucket);
        let taker = thread::spawn(move || other.try_take(SECOND));
        bucket.refund();
        let taken = u32::from(taker.join().unwrap());
        let left = u32::from(bucket.try_take(SECOND)) + u32::from(bucket.try_take(SECOND));
        assert_eq!(taken + left, 1);
    });
}

#[test]
fn the_same_site_inserted_twice_is_there_once() {
    model(|| {
        let table = Arc::new(SiteTable::new(4));
        let insert = |table: Arc<SiteTable>| {
            thread::spawn(move || {
                let inserted = table.insert(7, State::captured(1, 0, 0), 0);
                assert!(!matches!(inserted, Inserted::GaveUp));
            })
        };
        let (a, b) = (insert(Arc::clone(&table)), insert(Arc::clone(&table)));
        a.join().unwrap();
        b.join().unwrap();
        // Three others still fit beside it: it takes one way, not two.
        for key in [1, 2, 3] {
            table.insert(key, State::captured(1, 0, SECOND), SECOND);
        }
        assert!([1, 2, 3, 7].iter().all(|key| table.find(*key).is_some()));
    });
}

#[test]
fn nobody_sees_the_state_of_another_site() {
    model(|| {
        let table = Arc::new(SiteTable::new(4));
        for key in 1..=4 {
            table.insert(key, State::captured(key as u32, 0, 0), 0);
        }
        let (writer, other) = (Arc::clone(&table), Arc::clone(&table));
        // Each evicts somebody.
        let a = thread::spawn(move || writer.insert(5, State::captured(5, 0, 0), 0));
        let b = thread::spawn(move || other.insert(6, State::captured(6, 0, 0), 0));
        for key in 1..=6u64 {
            if let Some(found) = table.find(key) {
                assert_eq!(u64::from(found.state.captures()), key);
            }
        }
        a.join().unwrap();
        b.join().unwrap();
    });
}

#[test]
fn one_of_two_threads_advances_a_state() {
    model(|| {
        let table = Arc::new(SiteTable::new(4));
        table.insert(7, State::captured(1, 0, 0), 0);
        let other = Arc::clone(&table);
        let advance = |table: &SiteTable| {
            table
                .find(7)
                .is_some_and(|found| table.advance(&found, State::captured(2, 9, 0), 0))
        };
        let found = table.find(7).unwrap();
        let theirs = thread::spawn(move || other.advance(&found, State::captured(2, 9, 0), 0));
        let mine = table.advance(&found, State::captured(2, 9, 0), 0);
        assert!(theirs.join().unwrap() != mine);
        assert!(!advance(&table) || table.find(7).unwrap().state.captures() == 2);
    });
}

#[test]
fn a_closed_flag_is_reopened_by_a_tick_and_disabling_wins() {
    model(|| {
        let flag = Arc::new(ClosedFlag::new(true));
        let (closer, disabler) = (Arc::clone(&flag), Arc::clone(&flag));
        let a = thread::spawn(move || closer.close(10));
        let b = thread::spawn(move || disabler.set_enabled(false));
        let _ = flag.tick(10);
        a.join().unwrap();
        b.join().unwrap();
        assert_eq!(flag.get(), FlagState::Disabled);
        flag.set_enabled(true);
        assert_eq!(flag.get(), FlagState::Open);
    });
}

fn gate(config: &GateConfig) -> (Arc<Gate<ManualClock>>, ManualClock) {
    let clock = ManualClock::default();
    clock.advance(Duration::from_secs(100));
    let gate = Gate::with(config, clock.clone(), StdArc::new(Stats::new()));
    gate.tick();
    (Arc::new(gate), clock)
}

fn raise(gate: &Gate<ManualClock>, site: u64) -> bool {
    let site = SiteHash::from_parts(site * 8, site * 8);
    gate.admit(site, &SiteFacts::default()).permit().is_some()
}

#[test]
fn a_request_for_more_depth_is_not_shut_out_by_a_gate_that_closes() {
    model(|| {
        let (gate, _clock) = gate(&GateConfig {
            sites: 4,
            novelty_burst: 0,
            ..GateConfig::default()
        });
        assert!(raise(&gate, 1));
        let other = Arc::clone(&gate);
        // Finds no token and closes the gate, while somebody asks for site 2.
        let closing = thread::spawn(move || assert!(!raise(&other, 3)));
        let wanted = SiteHash::from_parts(16, 16);
        assert!(gate.request_deeper(wanted, Depth::ONCE));
        closing.join().unwrap();
        assert!(!gate.is_closed());
        assert!(raise(&gate, 2));
    });
}

#[test]
fn two_threads_share_the_tokens_of_a_gate() {
    model(|| {
        let (gate, clock) = gate(&GateConfig {
            sites: 4,
            novelty_burst: 0,
            ..GateConfig::default()
        });
        let other = Arc::clone(&gate);
        let theirs = thread::spawn(move || raise(&other, 1));
        let mine = raise(&gate, 2);
        assert!(theirs.join().unwrap() != mine, "one token, one capture");
        clock.advance(Duration::from_secs(1));
        gate.tick();
        assert!(!gate.is_closed());
        assert!(raise(&gate, 3), "a closed gate reopens");
    });
}

#[test]
fn the_byte_budget_is_never_exceeded_and_never_leaks() {
    model(|| {
        let budget = Arc::new(ByteBudget::new(10));
        let hold = |budget: Arc<ByteBudget>, bytes: u64| {
            thread::spawn(move || {
                if budget.reserve(bytes) {
                    assert!(budget.used() <= 10);
                    budget.release(bytes);
                }
            })
        };
        let (a, b) = (hold(Arc::clone(&budget), 6), hold(Arc::clone(&budget), 4));
        if budget.reserve(5) {
            assert!(budget.used() <= 10);
            budget.release(5);
        }
        a.join().unwrap();
        b.join().unwrap();
        assert_eq!(budget.used(), 0);
        assert!(budget.reserve(10));
    });
}

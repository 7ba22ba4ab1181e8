//! The queue's promises: bounded twice, nothing lost, nothing counted wrongly.
#![cfg(not(loom))]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use stillframe_core::queue::{Full, Pace, Queue, QueueConfig};
use stillframe_core::stats::Stats;

fn queue<T>(items: usize, bytes: u64) -> (Queue<T>, Arc<Stats>) {
    let stats = Arc::new(Stats::new());
    let queue = Queue::new(QueueConfig { items, bytes }, Arc::clone(&stats));
    (queue, stats)
}

proptest! {
    /// Against a plain deque.
    #[test]
    fn behaves_like_a_bounded_deque(
        items in 1usize..6,
        most in 0u64..50,
        steps in proptest::collection::vec(proptest::option::of(0u64..30), 0..100),
    ) {
        let (queue, stats) = queue(items, most);
        let mut model = VecDeque::new();
        let (mut dropped, mut too_big) = (0, 0);
        for (n, step) in steps.into_iter().enumerate() {
            let Some(bytes) = step else {
                prop_assert_eq!(queue.poll(), model.pop_front().map(|(n, _)| n));
                continue;
            };
            let held: u64 = model.iter().map(|(_, bytes)| bytes).sum();
            let expected = if held + bytes > most {
                too_big += 1;
                Err(Full::Bytes)
            } else if model.len() == items {
                dropped += 1;
                Err(Full::Items)
            } else {
                model.push_back((n, bytes));
                Ok(())
            };
            prop_assert_eq!(queue.push(n, bytes), expected);
            prop_assert_eq!(queue.len(), model.len());
            prop_assert_eq!(queue.is_empty(), model.is_empty());
        }
        let held: u64 = model.iter().map(|(_, bytes)| bytes).sum();
        prop_assert_eq!(queue.bytes(), held);
        let outcomes = stats.snapshot().outcomes;
        prop_assert_eq!((outcomes.dropped_queue, outcomes.dropped_memory), (dropped, too_big));
    }
}

#[test]
fn an_item_that_was_dropped_is_freed_at_once() {
    let (queue, _) = queue(1, 100);
    let item = Arc::new(());
    assert_eq!(queue.push(Arc::clone(&item), 1), Ok(()));
    assert_eq!(queue.push(Arc::clone(&item), 1), Err(Full::Items));
    assert_eq!(queue.push(Arc::clone(&item), u64::MAX), Err(Full::Bytes));
    assert_eq!(Arc::strong_count(&item), 2);
    drop(queue);
    assert_eq!(
        Arc::strong_count(&item),
        1,
        "what waits is freed with the queue"
    );
}

#[test]
fn a_queue_for_no_items_holds_one() {
    let (queue, _) = queue(0, 10);
    assert_eq!(queue.push((), 1), Ok(()));
    assert_eq!(queue.push((), 1), Err(Full::Items));
}

#[test]
fn many_threads_lose_nothing_and_count_everything() {
    const EACH: u64 = 20_000;
    let (queue, stats) = queue(64, 4096);
    let (queued, taken) = std::thread::scope(|scope| {
        let producer = |thread: u64| {
            let queue = &queue;
            scope.spawn(move || {
                let push = |n: &u64| queue.push(thread << 32 | n, n % 100).is_ok();
                (0..EACH).filter(push).count() as u64
            })
        };
        let producers: Vec<_> = (0..3).map(producer).collect();
        let consumer = scope.spawn(|| {
            let (mut taken, mut last) = (0u64, [None::<u64>; 3]);
            let mut take = |taken: &mut u64| match queue.poll() {
                Some(item) => {
                    let last = &mut last[(item >> 32) as usize];
                    assert!(last.is_none_or(|last| last < item), "out of order");
                    *last = Some(item);
                    *taken += 1;
                    true
                }
                None => false,
            };
            while !producers.iter().all(|p| p.is_finished()) {
                if !take(&mut taken) {
                    std::thread::yield_now();
                }
            }
            while take(&mut taken) {}
            let queued: u64 = producers
                .into_iter()
                .map(|p| p.join().expect("producer"))
                .sum();
            (queued, taken)
        });
        consumer.join().expect("consumer")
    });
    assert_eq!(queued, taken);
    let outcomes = stats.snapshot().outcomes;
    assert_eq!(
        queued + outcomes.dropped_queue + outcomes.dropped_memory,
        3 * EACH
    );
    assert_eq!((queue.bytes(), queue.len()), (0, 0));
}

#[test]
fn at_its_end_everything_is_taken_out_or_counted() {
    for _ in 0..500 {
        let (queue, stats) = queue(64, 4096);
        let (tried, added, taken) = std::thread::scope(|scope| {
            let add = || {
                let (mut tried, mut added) = (0, 0);
                loop {
                    tried += 1;
                    match queue.push((), 1) {
                        Ok(()) => added += 1,
                        Err(Full::Closed) => return (tried, added),
                        Err(_) => std::thread::yield_now(),
                    }
                }
            };
            let others = [scope.spawn(add), scope.spawn(add)];
            let mut taken = 0;
            while taken < 10 {
                taken += u64::from(queue.poll().is_some());
            }
            queue.close();
            while queue.poll().is_some() {
                taken += 1;
            }
            queue.abandon();
            let [one, other] = others.map(|other| other.join().expect("thread"));
            (one.0 + other.0, one.1 + other.1, taken)
        });
        let outcomes = stats.snapshot().outcomes;
        let refused = outcomes.dropped_queue + outcomes.dropped_memory;
        assert_eq!(taken + refused + outcomes.dropped_deadline, tried);
        assert!(added <= taken + queue.lost(), "{added} {taken}");
        assert_eq!((queue.bytes(), queue.len()), (0, 0));
    }
}

#[test]
fn the_pace_slows_down_when_idle_and_recovers_at_once() {
    let mut pace = Pace::default();
    let millis = |pace: &mut Pace, worked| pace.sleep_after(worked).as_millis();
    assert_eq!(millis(&mut pace, true), 20);
    let idle: Vec<u128> = (0..6).map(|_| millis(&mut pace, false)).collect();
    assert_eq!(idle, [40, 80, 160, 200, 200, 200]);
    assert_eq!(millis(&mut pace, true), 20);

    let mut odd = Pace::new(Duration::from_secs(1), Duration::ZERO);
    assert_eq!(odd.sleep_after(false), Duration::from_secs(1));
}

//! What the hand-off to the background costs. `cargo bench -p stillframe-core --bench queue`.

#[path = "support/cpu_time.rs"]
mod cpu_time;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use criterion::BatchSize;
use stillframe_core::queue::{Queue, QueueConfig};
use stillframe_core::stats::Stats;

fn queue<T>(items: usize) -> Queue<T> {
    let config = QueueConfig {
        items,
        bytes: u64::MAX,
    };
    Queue::new(config, Arc::new(Stats::new()))
}

fn main() {
    let mut criterion = cpu_time::criterion();
    let mut group = criterion.benchmark_group("queue");

    let ring = queue(256);
    let item = vec![0u8; 3200].into_boxed_slice();
    group.bench_function("push and poll, one thread", |b| {
        b.iter_batched(
            || item.clone(),
            |item| {
                let pushed = ring.push(item, 3200).is_ok();
                (pushed, ring.poll())
            },
            BatchSize::SmallInput,
        )
    });
    group.bench_function("copy of 3.2 KB, push and poll", |b| {
        b.iter(|| {
            let pushed = ring.push(black_box(&item).clone(), 3200).is_ok();
            (pushed, ring.poll())
        })
    });

    // A consumer that polls all the time; the producer alone is timed, and waits (untimed) when the ring is half full.
    let (live, stop) = (queue(4096), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                while live.poll().is_some() {}
                std::thread::yield_now();
            }
        });
        group.bench_function("push, live consumer", |b| {
            b.iter_custom(|iterations| {
                let (mut spent, mut left) = (Duration::ZERO, iterations);
                while left > 0 {
                    while live.len() > 2048 {
                        std::thread::yield_now();
                    }
                    let batch = left.min(1024);
                    let start = cpu_time::now();
                    for _ in 0..batch {
                        let _ = black_box(live.push(7u64, 8));
                    }
                    spent += cpu_time::now().saturating_sub(start);
                    left -= batch;
                }
                spent
            })
        });
        stop.store(true, Ordering::Relaxed);
    });

    let full = queue(1);
    let _ = full.push(1u64, 8);
    group.bench_function("push, full: dropped and counted", |b| {
        b.iter(|| full.push(black_box(2), 8))
    });
    group.finish();
    criterion.final_summary();
}

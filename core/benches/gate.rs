//! What a refusal costs, stage by stage, on one thread and on two. `cargo bench -p stillframe-core --bench gate`.

#[path = "support/cpu_time.rs"]
mod cpu_time;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stillframe_core::gate::{
    Bucket, Clock, CoarseClock, ExcludeRule, Gate, GateConfig, Raised, SiteFacts, SiteHash,
    SiteHasher,
};
use stillframe_core::stats::Stats;

const FACTS: SiteFacts<'static> = SiteFacts {
    type_name: "shop.errors.EmptyCart",
    module: "shop.cart",
    function: "total",
};

fn site(n: u64) -> SiteHash {
    let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    SiteHash::from_parts(mixed, mixed)
}

fn gate(config: &GateConfig) -> Gate {
    let gate = Gate::new(config);
    gate.tick();
    gate
}

/// A gate that has no token left for anybody.
fn closed() -> Gate {
    let gate = gate(&GateConfig {
        rate_per_second: 1e-9,
        novelty_per_second: 1e-9,
        ..GateConfig::default()
    });
    (0..10).for_each(|n| drop(gate.admit(site(n), &FACTS)));
    assert!(gate.is_closed());
    gate
}

/// A gate whose site 1 has had its share; `sites` others are known as well.
fn refusing(sites: u64) -> Gate {
    let gate = gate(&GateConfig {
        rate_per_second: f64::INFINITY,
        burst: u32::MAX,
        site_first: 1,
        sites: 65_536,
        ..GateConfig::default()
    });
    (0..sites.max(2)).for_each(|n| drop(gate.admit(site(n), &FACTS)));
    assert!(gate.admit(site(1), &FACTS).permit().is_none());
    gate
}

fn excluding(rules: usize) -> Gate {
    let rule = |n| ExcludeRule {
        type_name: Some(format!("other.errors.Type{n}")),
        ..ExcludeRule::default()
    };
    gate(&GateConfig {
        rate_per_second: f64::INFINITY,
        burst: u32::MAX,
        site_first: 4000,
        exclude: (0..rules).map(rule).collect(),
        ..GateConfig::default()
    })
}

/// CPU time of the slowest of several threads that call at once.
fn at_once<F: Fn() + Sync>(threads: usize, iterations: u64, call: F) -> Duration {
    let run = || {
        let start = cpu_time::now();
        (0..iterations).for_each(|_| call());
        cpu_time::now().saturating_sub(start)
    };
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        let times = handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or_default());
        times.max().unwrap_or_default()
    })
}

fn main() {
    let mut criterion = cpu_time::criterion();

    let mut group = criterion.benchmark_group("gate");
    let shut = closed();
    group.bench_function("closed: is_closed", |b| {
        b.iter(|| black_box(&shut).is_closed())
    });
    group.bench_function("closed: refuse_early", |b| {
        b.iter(|| black_box(&shut).refuse_early())
    });
    for sites in [2, 40_000] {
        let gate = refusing(sites);
        group.bench_function(format!("refused by site, {sites} known"), |b| {
            b.iter(|| gate.admit(black_box(site(1)), &FACTS).refusal())
        });
    }
    let rate = gate(&GateConfig {
        rate_per_second: 1e-9,
        ..GateConfig::default()
    });
    drop(rate.admit(site(1), &FACTS));
    group.bench_function("refused by rate", |b| {
        b.iter(|| rate.admit(black_box(site(1)), &FACTS).refusal())
    });
    for rules in [0, 10, 100] {
        let gate = excluding(rules);
        let mut n = 0;
        group.bench_function(format!("admitted, new site, {rules} rules"), |b| {
            b.iter(|| {
                n += 1;
                gate.admit(black_box(site(n)), &FACTS).permit().is_some()
            })
        });
    }
    let excluded = gate(&GateConfig {
        exclude: vec![ExcludeRule {
            type_name: Some("*Cart".to_owned()),
            ..ExcludeRule::default()
        }],
        ..GateConfig::default()
    });
    group.bench_function("refused by rule", |b| {
        b.iter(|| excluded.admit(black_box(site(1)), &FACTS).refusal())
    });
    for threads in [1, 2] {
        let gate = refusing(2);
        group.bench_function(format!("refused by site, {threads} threads at once"), |b| {
            b.iter_custom(|n| at_once(threads, n, || drop(gate.admit(black_box(site(1)), &FACTS))))
        });
        group.bench_function(
            format!("closed: refuse_early, {threads} threads at once"),
            |b| {
                b.iter_custom(|n| {
                    at_once(threads, n, || {
                        let _ = black_box(&shut).refuse_early();
                    })
                })
            },
        );
    }
    group.finish();

    let mut group = criterion.benchmark_group("gate parts");
    let clock = CoarseClock::new();
    group.bench_function("coarse clock", |b| b.iter(|| clock.now()));
    let start = Instant::now();
    group.bench_function("Instant (for comparison)", |b| b.iter(|| start.elapsed()));
    let bucket = Bucket::new(1e-9, 1);
    bucket.try_take(clock.now());
    group.bench_function("bucket and clock, refused", |b| {
        b.iter(|| bucket.try_take(clock.now()))
    });
    for frames in [1u32, 8, 30] {
        group.bench_function(format!("site hash, {frames} frames"), |b| {
            b.iter(|| {
                let mut hasher = SiteHasher::new(black_box(7));
                for line in 0..frames {
                    hasher.frame(black_box(99), line, black_box(20));
                }
                hasher.finish(Raised::Last)
            })
        });
    }
    let stats = Arc::new(Stats::new());
    group.bench_function("count a refusal", |b| {
        b.iter(|| black_box(&stats).refusal(stillframe_core::stats::Outcome::RefusedSite))
    });
    group.finish();
    criterion.final_summary();
}

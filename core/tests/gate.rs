//! The gate's promises, on a clock that the tests set.
#![cfg(not(loom))]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use stillframe_core::gate::{
    Admission, Depth, ExcludeRule, Gate, GateConfig, ManualClock, Refusal, SiteFacts, SiteHash,
    is_capturing,
};
use stillframe_core::stats::Stats;

const FACTS: SiteFacts<'static> = SiteFacts {
    type_name: "builtins.ValueError",
    module: "shop.cart",
    function: "total",
};
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

struct Bench {
    gate: Gate<ManualClock>,
    clock: ManualClock,
}

impl Bench {
    fn new(config: &GateConfig) -> Self {
        let clock = ManualClock::default();
        clock.advance(Duration::from_secs(1000));
        let gate = Gate::with(config, clock.clone(), Arc::new(Stats::new()));
        gate.tick();
        Self { gate, clock }
    }

    /// What a host does with one exception: true if it was captured.
    fn raise(&self, site: SiteHash) -> bool {
        self.gate.refuse_early().is_none() && self.gate.admit(site, &FACTS).permit().is_some()
    }

    fn refusal(&self, site: SiteHash) -> Option<Refusal> {
        self.gate.admit(site, &FACTS).refusal()
    }
}

/// A well-mixed site of its own origin.
fn site(n: u64) -> SiteHash {
    path_of(n, 0)
}

/// A site of the origin `n`, reached by path `path`.
fn path_of(n: u64, path: u64) -> SiteHash {
    let mix = |x: u64| (x + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
    SiteHash::from_parts(mix(mix(n) ^ path), mix(n))
}

fn unlimited() -> GateConfig {
    GateConfig {
        rate_per_second: f64::INFINITY,
        burst: u32::MAX,
        ..GateConfig::default()
    }
}

// One hot error and 40 rare ones.

/// Runs 40 s of one error a millisecond and 40 others, the `k`-th of them whenever `raises(k, millisecond)`; returns which
/// of the 40 were captured.
fn flood(
    hot: impl Fn(u64) -> SiteHash,
    raises: impl Fn(u64, u64) -> bool,
    rare_first: bool,
    tick_every: u64,
    millis: u64,
) -> HashSet<u64> {
    let bench = Bench::new(&GateConfig::default());
    let mut captured = HashSet::new();
    for millisecond in 0..millis {
        if millisecond % tick_every == 0 {
            bench.gate.tick();
        }
        if !rare_first {
            bench.raise(hot(millisecond));
        }
        for rare in 0..40 {
            if raises(rare, millisecond) && bench.raise(site(1000 + rare)) {
                captured.insert(rare);
            }
        }
        if rare_first {
            bench.raise(hot(millisecond));
        }
        bench.clock.advance(MILLISECOND);
    }
    captured
}

#[test]
fn a_flood_of_one_error_hides_none_of_forty_others_that_come_once_each() {
    for rare_first in [false, true] {
        for tick_every in [20, 200] {
            for offset in [0, 1, 499, 999] {
                let once = |rare, ms| ms == rare * 1000 + offset;
                let captured = flood(|_| site(0), once, rare_first, tick_every, 41_000);
                assert_eq!(captured.len(), 40, "{rare_first} {tick_every} {offset}");
            }
        }
    }
}

#[test]
fn a_flood_of_one_error_hides_none_of_forty_others_that_come_every_second() {
    for rare_first in [false, true] {
        for tick_every in [20, 200] {
            // All 40 in one millisecond, spread over the second, and with periods that drift against each other.
            let together = |_: u64, ms: u64| ms.is_multiple_of(1000);
            let spread = |rare: u64, ms: u64| ms % 1000 == rare * 25;
            let drifting = |rare: u64, ms: u64| ms % (1000 + rare) == rare;
            for raises in [&together as &dyn Fn(u64, u64) -> bool, &spread, &drifting] {
                let captured = flood(|_| site(0), raises, rare_first, tick_every, 60_000);
                assert_eq!(captured.len(), 40, "{rare_first} {tick_every}");
            }
        }
    }
}

#[test]
fn a_flood_through_ever_new_paths_hides_no_other_error_either() {
    // One raising frame, another call path each time: every occurrence is a site that the gate has never seen.
    let hot = |millisecond| path_of(0, millisecond);
    let once = |rare, ms| ms == rare * 1000 + 500;
    for rare_first in [false, true] {
        let captured = flood(hot, once, rare_first, 20, 41_000);
        assert_eq!(captured.len(), 40, "{rare_first}");
    }
}

#[test]
fn several_hot_errors_hide_no_rare_one() {
    // Six would be more news at once than there are tokens.
    let hot = |millisecond: u64| site(millisecond % 5);
    let once = |rare, ms| ms == rare * 1000 + 700;
    assert_eq!(flood(hot, once, false, 20, 41_000).len(), 40);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the interleaving: at most one rare error a second, each once, none is lost.
    #[test]
    fn no_interleaving_hides_a_rare_error(
        gaps in proptest::collection::vec(1000u64..2500, 40),
        hot_per_ms in 1u64..4,
        tick_every in 1u64..250,
        rare_first: bool,
    ) {
        let mut at = 0;
        let times: Vec<u64> = gaps.iter().map(|gap| { at += gap; at }).collect();
        let raises = |rare: u64, ms: u64| times[rare as usize] == ms;
        let hot = |ms: u64| site(ms % hot_per_ms);
        let captured = flood(hot, raises, rare_first, tick_every, at + 1);
        prop_assert_eq!(captured.len(), 40);
    }

    /// However many errors of whatever kind: never more captures than the two buckets allow.
    #[test]
    fn captures_are_bounded(
        steps in proptest::collection::vec((0u64..300, 0u64..2_000, 0u64..3), 1..400),
    ) {
        let bench = Bench::new(&GateConfig::default());
        let (mut captured, mut elapsed) = (0u64, 0u64);
        for (which, millis, path) in steps {
            bench.clock.advance(MILLISECOND * u32::try_from(millis).unwrap());
            elapsed += millis;
            bench.gate.tick();
            captured += u64::from(bench.raise(path_of(which, path)));
            prop_assert!(captured <= 6 + 2 * elapsed.div_ceil(1000));
        }
    }
}

// Schedule of one site.

#[test]
fn a_site_is_captured_three_times_then_every_ten_minutes_then_every_hour() {
    let bench = Bench::new(&GateConfig::default());
    let mut seconds = Vec::new();
    for second in 0..4 * 3600 {
        if bench.raise(site(1)) {
            seconds.push(second);
        }
        bench.clock.advance(SECOND);
        bench.gate.tick();
    }
    let gaps: Vec<i32> = seconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let near = |expected: i32| move |gap: &i32| (expected..=expected + 2).contains(gap);
    assert_eq!(
        gaps[..2],
        [1, 1],
        "the second and the third wait for a token only"
    );
    assert!(gaps[2..8].iter().all(near(600)), "{gaps:?}");
    assert!(
        gaps[8..].iter().all(near(3600)) && gaps.len() == 10,
        "{gaps:?}"
    );
    let info = bench.gate.site(site(1)).expect("known");
    assert_eq!(info.captures, 9, "more make no difference");
    assert_eq!(bench.gate.captures_left(site(1)), 0);
    assert_eq!(bench.gate.captures_left(site(2)), 3);
}

#[test]
fn a_site_that_has_had_its_share_takes_no_token() {
    let bench = Bench::new(&GateConfig::default());
    for _ in 0..3 {
        assert!(bench.raise(site(1)));
        bench.clock.advance(SECOND);
    }
    for _ in 0..1000 {
        assert_eq!(bench.refusal(site(1)), Some(Refusal::Site));
    }
    assert!(
        bench.raise(site(2)),
        "the token of this second is still there"
    );
}

#[test]
fn a_known_site_may_not_use_the_reserve() {
    let bench = Bench::new(&GateConfig::default());
    assert!(bench.raise(site(1)));
    assert_eq!(bench.refusal(site(1)), Some(Refusal::Rate));
    for new in 2..7 {
        assert!(bench.raise(site(new)), "token {new} of the reserve");
    }
    assert_eq!(bench.refusal(site(7)), Some(Refusal::Rate));
}

#[test]
fn a_site_refused_for_lack_of_tokens_is_still_new_afterwards() {
    let bench = Bench::new(&GateConfig::default());
    (0..6).for_each(|n| assert!(bench.raise(site(n))));
    assert!(!bench.raise(site(9)));
    bench.clock.advance(SECOND);
    bench.gate.tick();
    let permit = bench.gate.admit(site(9), &FACTS).permit().expect("a token");
    assert!(permit.is_novel());
}

#[test]
fn what_the_table_forgets_is_new_again() {
    let config = GateConfig {
        sites: 4,
        ..unlimited()
    };
    let bench = Bench::new(&config);
    for n in 0..100 {
        assert!(bench.raise(site(n)));
        bench.clock.advance(10 * MINUTE);
    }
    assert!(bench.gate.site(site(0)).is_none());
    assert!(bench.gate.site(site(99)).is_some());
}

// The closed gate.

#[test]
fn the_gate_closes_when_nothing_can_be_admitted_and_reopens_with_a_tick() {
    let bench = Bench::new(&GateConfig::default());
    (0..6).for_each(|n| assert!(bench.raise(site(n))));
    assert!(!bench.gate.is_closed(), "nobody has come in vain yet");
    assert_eq!(bench.refusal(site(6)), Some(Refusal::Rate));
    assert!(bench.gate.is_closed());
    assert_eq!(bench.gate.refuse_early(), Some(Refusal::Closed));
    assert_eq!(bench.refusal(site(7)), Some(Refusal::Closed));

    bench.clock.advance(Duration::from_millis(400));
    assert_eq!(bench.gate.tick(), Some(Duration::from_millis(600)));
    assert!(bench.gate.is_closed());
    bench.clock.advance(Duration::from_millis(600));
    assert_eq!(
        bench.gate.refuse_early(),
        Some(Refusal::Closed),
        "not ticked yet"
    );
    assert_eq!(bench.gate.tick(), None);
    assert!(bench.raise(site(8)));
    let outcomes = bench.gate.stats().snapshot().outcomes;
    assert_eq!((outcomes.refused_closed, outcomes.refused_rate), (3, 1));
}

#[test]
fn a_known_site_does_not_close_the_gate_while_the_reserve_has_a_token() {
    let bench = Bench::new(&GateConfig::default());
    assert!(bench.raise(site(1)));
    for _ in 0..100 {
        assert!(!bench.raise(site(1)));
        assert!(!bench.gate.is_closed());
    }
    // Nor does a flood of new paths, which may not take the last tokens.
    for path in 1..100 {
        bench.raise(path_of(1, path));
        assert!(!bench.gate.is_closed());
    }
    assert!(bench.raise(site(2)) && bench.raise(site(3)));
}

#[test]
fn a_gate_that_nobody_ticks_does_not_close() {
    let bench = Bench::new(&GateConfig::default());
    bench.clock.advance(Duration::from_secs(3));
    (0..100).for_each(|n| {
        bench.raise(site(n));
    });
    assert!(!bench.gate.is_closed(), "the last tick is too long ago");
    bench.gate.tick();
    bench.raise(site(200));
    assert!(bench.gate.is_closed());
    bench.gate.after_fork();
    assert!(!bench.gate.is_closed(), "the thread that ticked is gone");
    bench.raise(site(300));
    assert!(!bench.gate.is_closed());
}

#[test]
fn a_late_caller_finds_a_closed_gate_open_when_its_time_has_come() {
    let bench = Bench::new(&GateConfig::default());
    (0..7).for_each(|n| {
        bench.raise(site(n));
    });
    assert!(bench.gate.is_closed());
    bench.clock.advance(SECOND);
    assert!(bench.gate.admit(site(50), &FACTS).permit().is_some());
    assert!(!bench.gate.is_closed());
}

#[test]
fn a_disabled_gate_refuses_everything() {
    let bench = Bench::new(&GateConfig {
        enabled: false,
        ..GateConfig::default()
    });
    assert!(bench.gate.is_closed() && !bench.gate.is_enabled());
    assert_eq!(bench.gate.refuse_early(), Some(Refusal::Disabled));
    assert_eq!(bench.refusal(site(1)), Some(Refusal::Disabled));
    let explicit = bench.gate.admit_explicit(site(1), &FACTS);
    assert_eq!(explicit.refusal(), Some(Refusal::Disabled));
    bench.gate.set_enabled(true);
    assert!(bench.raise(site(1)));
    bench.gate.set_enabled(false);
    assert!(!bench.raise(site(2)));
    assert_eq!(bench.gate.stats().snapshot().outcomes.refused_disabled, 4);
}

#[test]
fn rates_of_zero_leave_the_reserve_and_then_nothing() {
    let bench = Bench::new(&GateConfig {
        rate_per_second: 0.0,
        novelty_per_second: 0.0,
        ..GateConfig::default()
    });
    bench.raise(site(1));
    assert_eq!(bench.gate.stats().snapshot().counters.admitted, 0);
    assert!(bench.gate.is_closed(), "for ever");
    bench.clock.advance(MINUTE * 1_000_000);
    assert!(bench.gate.tick().is_some());
}

// Deeper next time.

#[test]
fn a_request_captures_one_exception_deeper_whatever_the_limits_say() {
    let bench = Bench::new(&GateConfig::default());
    (0..3).for_each(|_| {
        assert!(bench.raise(site(1)));
        bench.clock.advance(SECOND);
    });
    assert_eq!(bench.refusal(site(1)), Some(Refusal::Site));
    assert!(bench.gate.request_deeper(path_of(1, 77), Depth::new(2)));
    assert_eq!(bench.refusal(site(2)), None, "others are not affected");
    let permit = bench
        .gate
        .admit(site(1), &FACTS)
        .permit()
        .expect("asked for");
    assert_eq!(permit.deeper(), Some(Depth::new(2)));
    drop(permit);
    assert_eq!(bench.refusal(site(1)), Some(Refusal::Site), "once");
    assert_eq!(bench.gate.stats().snapshot().counters.admitted_deeper, 1);
}

#[test]
fn a_request_opens_a_closed_gate_and_keeps_it_open() {
    let bench = Bench::new(&GateConfig::default());
    (0..7).for_each(|n| {
        bench.raise(site(n));
    });
    assert!(bench.gate.is_closed());
    assert!(bench.gate.request_deeper(site(99), Depth::ONCE));
    assert!(!bench.gate.is_closed());
    assert!(!bench.raise(site(98)));
    assert!(
        !bench.gate.is_closed(),
        "the exception that was asked for must get through"
    );
    assert!(bench.raise(site(99)));
    assert!(!bench.raise(site(97)));
    assert!(bench.gate.is_closed());
}

#[test]
fn a_request_within_a_capture_is_not_used_up() {
    let bench = Bench::new(&GateConfig::default());
    assert!(bench.gate.request_deeper(site(1), Depth::ONCE));
    let outer = bench.gate.admit(site(5), &FACTS).permit().expect("new");
    assert_eq!(bench.refusal(site(1)), Some(Refusal::Reentrant));
    drop(outer);
    let permit = bench
        .gate
        .admit(site(1), &FACTS)
        .permit()
        .expect("asked for");
    assert!(permit.deeper().is_some());
}

// Rules.

#[test]
fn rules_refuse_without_taking_tokens_and_are_counted_one_by_one() {
    let bench = Bench::new(&GateConfig {
        exclude: vec![
            ExcludeRule {
                module: Some("shop.jobs".to_owned()),
                ..ExcludeRule::default()
            },
            ExcludeRule {
                type_name: Some("ValueError".to_owned()),
                ..ExcludeRule::default()
            },
        ],
        ..GateConfig::default()
    });
    for _ in 0..10 {
        assert_eq!(bench.refusal(site(1)), Some(Refusal::Rule(1)));
    }
    let jobs = SiteFacts {
        type_name: "KeyError",
        module: "shop.jobs.nightly",
        function: "total",
    };
    let refusal = bench.gate.admit(site(2), &jobs).refusal();
    assert_eq!(refusal, Some(Refusal::Rule(0)));
    let other = SiteFacts {
        type_name: "KeyError",
        module: "shop.cart",
        function: "total",
    };
    assert!(
        bench.gate.admit(site(3), &other).permit().is_some(),
        "the token is there"
    );
    assert_eq!(bench.gate.rule_counts(), [1, 10]);
    assert_eq!(bench.gate.stats().snapshot().outcomes.refused_rule, 11);
    assert_eq!(bench.gate.site(site(1)).expect("remembered").rule, Some(1));
    let explicit = bench.gate.admit_explicit(site(1), &jobs);
    assert_eq!(explicit.refusal(), Some(Refusal::Rule(0)));
}

#[test]
fn facts_are_asked_for_only_where_rules_need_them() {
    let bench = Bench::new(&GateConfig::default());
    let admission = bench.gate.admit_with(site(1), || unreachable!("no rules"));
    assert!(admission.permit().is_some());

    let bench = Bench::new(&GateConfig {
        exclude: vec![ExcludeRule {
            type_name: Some("Nothing".to_owned()),
            ..ExcludeRule::default()
        }],
        ..GateConfig::default()
    });
    assert!(bench.gate.admit_with(site(1), || FACTS).permit().is_some());
    let known = bench.gate.admit_with(site(1), || unreachable!("known"));
    assert_eq!(known.refusal(), Some(Refusal::Rate));
}

// Explicit calls and the permit.

#[test]
fn explicit_calls_are_not_limited_and_take_nothing_from_the_others() {
    let bench = Bench::new(&GateConfig::default());
    for _ in 0..100 {
        assert!(
            bench
                .gate
                .admit_explicit(site(1), &FACTS)
                .permit()
                .is_some()
        );
    }
    assert!((0..6).all(|n| bench.raise(site(n))));
    assert_eq!(
        bench.gate.stats().snapshot().counters.admitted_explicit,
        100
    );
}

#[test]
fn a_capture_within_a_capture_is_refused_and_one_on_another_thread_is_not() {
    let bench = Bench::new(&unlimited());
    let permit = bench.gate.admit(site(1), &FACTS).permit().expect("new");
    assert_eq!(bench.refusal(site(2)), Some(Refusal::Reentrant));
    assert_eq!(
        bench.gate.admit_explicit(site(1), &FACTS).refusal(),
        Some(Refusal::Reentrant)
    );
    let other_engine = Bench::new(&unlimited());
    assert_eq!(other_engine.refusal(site(2)), Some(Refusal::Reentrant));
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(bench.raise(site(3))));
    });
    drop(permit);
    assert!(!is_capturing());
    assert!(
        bench.raise(site(2)),
        "the refused attempt has not used it up"
    );
    assert_eq!(bench.gate.stats().snapshot().outcomes.refused_reentrant, 2);
}

#[test]
fn a_panic_during_a_capture_leaves_the_gate_usable() {
    let bench = Bench::new(&unlimited());
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _permit = bench.gate.admit(site(1), &FACTS).permit().expect("new");
        panic!("while walking");
    }));
    assert!(caught.is_err());
    assert!(bench.raise(site(2)));
}

#[test]
fn many_threads_get_exactly_the_tokens_there_are() {
    let bench = Bench::new(&GateConfig {
        rate_per_second: 1e-3,
        burst: 50,
        novelty_burst: 0,
        ..GateConfig::default()
    });
    let captured: usize = std::thread::scope(|scope| {
        let run = |thread: u64| {
            let bench = &bench;
            scope.spawn(move || {
                let mine = |n: &u64| bench.raise(site(thread * 1000 + n));
                (0..100).filter(mine).count()
            })
        };
        let threads: Vec<_> = (0..4).map(run).collect();
        threads.into_iter().map(|t| t.join().expect("thread")).sum()
    });
    assert_eq!(captured, 50);
}

#[test]
fn every_exception_is_counted_once() {
    let bench = Bench::new(&GateConfig::default());
    let mut refused = 0;
    for n in 0..5000u64 {
        refused += u64::from(!bench.raise(site(n % 13)));
        bench.clock.advance(MILLISECOND * 3);
        if n % 7 == 0 {
            bench.gate.tick();
        }
    }
    let stats = bench.gate.stats().snapshot();
    let outcomes = &stats.outcomes;
    let counted = outcomes.refused_site + outcomes.refused_rate + outcomes.refused_closed;
    assert_eq!(counted, refused);
    assert_eq!(stats.counters.admitted, 5000 - refused);
    assert_eq!(stats.counters.admitted_novel, 13);
}

#[test]
fn an_admission_is_a_permit_or_a_refusal() {
    let bench = Bench::new(&GateConfig::default());
    let admitted = bench.gate.admit(site(1), &FACTS);
    assert!(matches!(admitted, Admission::Admitted(_)) && admitted.refusal().is_none());
    drop(admitted);
    let refused = bench.gate.admit(site(1), &FACTS);
    assert!(refused.refusal().is_some() && refused.permit().is_none());
}

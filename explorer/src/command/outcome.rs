//! Outcomes of exceptions in words: what happened to those that have no values, and what to do.

use stillframe_core::stats::{Outcome, Outcomes, StatsSnapshot};

/// Why an outcome left no values, in a few words; `None` if it did leave them.
pub(super) fn said(outcome: Outcome) -> Option<&'static str> {
    Some(match outcome {
        Outcome::Captured => return None,
        Outcome::RefusedDisabled => "capture was off",
        Outcome::RefusedClosed => "too many at once",
        Outcome::RefusedSite => "captured before",
        Outcome::RefusedRate => "more than the rate",
        Outcome::RefusedRule => "excluded by a rule",
        Outcome::RefusedReentrant => "raised during a capture",
        Outcome::DroppedQueue => "too many waiting to be stored",
        Outcome::DroppedMemory => "too much waiting to be stored, or no memory left",
        Outcome::DroppedTape => "not valid",
        Outcome::DroppedRedaction => "could not be redacted",
        Outcome::DroppedSink => "could not be stored",
        Outcome::DroppedDeadline => "the program ended first",
        Outcome::DroppedError => "an error inside stillframe",
        Outcome::DroppedCancelled => "given up by the program",
        // A word of a newer version.
        #[expect(unreachable_patterns, reason = "the enum may grow")]
        _ => "another reason",
    })
}

/// What to do about an outcome that is not as it should be, or that a person may want otherwise.
pub(super) fn advice(outcome: Outcome) -> Option<&'static str> {
    Some(match outcome {
        Outcome::RefusedDisabled => "set STILLFRAME_ENABLED=1",
        Outcome::RefusedClosed | Outcome::RefusedRate => "raise gate.rate_per_second or gate.burst",
        Outcome::RefusedSite => "raise gate.site_first, or shorten gate.site_interval",
        Outcome::RefusedRule => "look at gate.exclude",
        Outcome::DroppedSink => "look at the line about the store",
        Outcome::DroppedDeadline => "call stillframe.flush() before the program ends",
        Outcome::DroppedRedaction | Outcome::DroppedTape | Outcome::DroppedError => {
            "please report it, with the output of stillframe stats --json"
        }
        _ => return None,
    })
}

/// Whether an outcome means that something is wrong, rather than that a limit did its work.
pub(super) fn is_fault(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::DroppedTape
            | Outcome::DroppedRedaction
            | Outcome::DroppedSink
            | Outcome::DroppedError
    )
}

/// Outcomes without values, and how many of each, the most frequent first.
pub(super) fn without_values(outcomes: &Outcomes) -> Vec<(Outcome, u64)> {
    let mut found: Vec<(Outcome, u64)> = Outcome::ALL
        .into_iter()
        .filter(|&outcome| said(outcome).is_some())
        .map(|outcome| (outcome, outcomes.get(outcome)))
        .filter(|&(_, count)| count > 0)
        .collect();
    found.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    found
}

/// Adds what another process counted. Times stay those of the process with the most captures.
pub(super) fn merge(sum: &mut StatsSnapshot, other: &StatsSnapshot) {
    sum.outcomes.merge(&other.outcomes);
    sum.counters.merge(&other.counters);
    for (into, from) in [
        (&mut sum.redacted, &other.redacted),
        (&mut sum.cut, &other.cut),
    ] {
        for (reason, count) in from {
            let total = into.entry(reason.clone()).or_default();
            *total = total.saturating_add(*count);
        }
    }
    for (name, counts) in &other.destinations {
        let total = sum.destinations.entry(name.clone()).or_default();
        total.merge(counts);
    }
    if other.walk.count > sum.walk.count {
        (sum.walk.p50_ns, sum.walk.p99_ns) = (other.walk.p50_ns, other.walk.p99_ns);
    }
    sum.walk.count = sum.walk.count.saturating_add(other.walk.count);
    sum.walk.max_ns = sum.walk.max_ns.max(other.walk.max_ns);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_but_a_capture_says_why_there_are_no_values() {
        for outcome in Outcome::ALL {
            assert_eq!(said(outcome).is_none(), outcome == Outcome::Captured);
            assert!(
                !is_fault(outcome) || advice(outcome).is_some(),
                "{outcome:?}"
            );
        }
    }

    #[test]
    fn merging_adds_counts_and_keeps_the_busiest_times() {
        let mut one = StatsSnapshot::default();
        one.outcomes.captured = 2;
        one.cut.insert("depth".into(), 3);
        (one.walk.count, one.walk.p50_ns, one.walk.max_ns) = (2, 100, 900);
        let mut sum = StatsSnapshot::default();
        sum.outcomes.captured = 40;
        (sum.walk.count, sum.walk.p50_ns, sum.walk.max_ns) = (40, 50, 70);
        merge(&mut sum, &one);
        assert_eq!((sum.outcomes.captured, sum.cut["depth"]), (42, 3));
        assert_eq!(
            (sum.walk.count, sum.walk.p50_ns, sum.walk.max_ns),
            (42, 50, 900)
        );
    }
}

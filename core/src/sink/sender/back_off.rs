//! How long to rest after a failure.

use std::time::Duration;

/// Pauses that double, each of a random length up to its bound: destinations that come back are not met by everybody at once.
#[derive(Debug)]
pub(super) struct BackOff {
    bound: Duration,
}

const FIRST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(60);
/// A pause is never shorter.
const LEAST: Duration = Duration::from_millis(100);

impl Default for BackOff {
    fn default() -> Self {
        Self { bound: FIRST }
    }
}

impl BackOff {
    /// The next pause; at least `asked`, if the destination asked for one.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let pause = self.bound.mul_f64(random()).max(LEAST);
        self.bound = (self.bound * 2).min(MOST);
        match asked {
            // Others were asked for the same, so more than that by up to a tenth.
            Some(asked) => pause.max(asked + (asked / 10).max(LEAST).mul_f64(random())),
            None => pause,
        }
    }

    /// The longest pause: what failed will not mend itself soon.
    pub(super) fn longest(&mut self) -> Duration {
        self.bound = MOST;
        MOST
    }
}

/// From 0 to 1.
fn random() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness: half of the bound.
    if getrandom::fill(&mut bytes).is_err() {
        return 0.5;
    }
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_minute_and_differ() {
        let pauses: Vec<Vec<Duration>> = (0..50)
            .map(|_| {
                let mut back_off = BackOff::default();
                (0..10).map(|_| back_off.next(None)).collect()
            })
            .collect();
        for (step, bound) in [1, 2, 4, 8, 16, 32, 60, 60].into_iter().enumerate() {
            let bound = Duration::from_secs(bound);
            let most = pauses.iter().map(|pauses| pauses[step]).max();
            let least = pauses.iter().map(|pauses| pauses[step]).min();
            assert!(most <= Some(bound) && most > Some(bound / 2), "{most:?}");
            assert!(least >= Some(LEAST) && least < Some(bound / 2), "{least:?}");
        }
        let asked = BackOff::default().next(Some(Duration::from_secs(7)));
        assert!(asked >= Duration::from_secs(7) && asked < Duration::from_secs(8));
        let mut back_off = BackOff::default();
        let longest = (0..20).map(|_| back_off.next(Some(Duration::ZERO))).max();
        assert!(longest > Some(Duration::from_secs(10)), "{longest:?}");
    }
}

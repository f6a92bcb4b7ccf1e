//! How long to wait for Tableau, and how that is told.

use std::time::Duration;

use super::context::Pace;
use crate::random::random;
use crate::say::span;

/// Waits that grow from `first_wait` by half up to `longest_wait`, a tenth more or less by chance.
pub(super) struct Backoff {
    mean: Duration,
    longest: Duration,
}

impl Backoff {
    pub(super) fn new(pace: &Pace) -> Backoff {
        Backoff {
            mean: pace.first_wait.min(pace.longest_wait),
            longest: pace.longest_wait,
        }
    }

    pub(super) fn next(&mut self) -> Duration {
        let mean = self.mean;
        self.mean = (mean * 3 / 2).min(self.longest);
        spread(mean, 10)
    }
}

/// A duration that is longer or shorter by chance, by so many percent at most.
pub(super) fn spread(mean: Duration, percent: u32) -> Duration {
    let percent = percent.min(100);
    let chance = u32::try_from(random() % u64::from(2 * percent + 1)).unwrap_or_default();
    mean.saturating_mul(100 - percent + chance) / 100
}

/// A duration a person reads: whole seconds below two minutes, else minutes, hours or days rounded up.
pub(super) fn minutes(duration: Duration) -> String {
    match duration.as_secs() {
        1 => "1 second".to_owned(),
        seconds @ 0..120 => format!("{seconds} seconds"),
        seconds @ 120..7_200 => format!("{} minutes", seconds.div_ceil(60)),
        _ => span(duration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_waits_are_told_in_large_units() {
        assert_eq!(minutes(Duration::from_hours(60)), "3 days");
        assert_eq!(minutes(Duration::MAX), "more than 10 years");
    }

    #[test]
    fn waits_grow_to_their_limit() {
        let pace = Pace::default();
        let mut backoff = Backoff::new(&pace);
        let first = backoff.next();
        assert!(first >= pace.first_wait * 9 / 10 && first <= pace.first_wait * 11 / 10);
        let last = (0..40).map(|_| backoff.next()).last().unwrap();
        assert!(last >= pace.longest_wait * 9 / 10 && last <= pace.longest_wait * 11 / 10);
        let mut none = Backoff::new(&Pace {
            first_wait: Duration::ZERO,
            ..pace
        });
        assert_eq!(none.next(), Duration::ZERO);
    }
}

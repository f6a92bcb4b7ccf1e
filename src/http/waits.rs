//! When a request is sent: which answers are worth another try, how long until then, how many a second.

use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::Replay;

/// A reset above this is a moment, seconds since 1970; below it a number of seconds (28 years).
const FIRST_MOMENT: f64 = 9e8;
/// A reset above this is a moment in milliseconds.
const FIRST_MILLISECOND: f64 = 9e11;

/// How often and how patiently a request is repeated.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    /// The first try included.
    pub attempts: NonZeroU32,
    /// Mean of the first wait; doubles each time, with jitter.
    pub first_wait: Duration,
    /// Ceiling of the doubling.
    pub longest_wait: Duration,
    /// A server that asks (`Retry-After`) for more than this is not waited for.
    pub patience: Duration,
}

impl Default for RetryPolicy {
    /// Six attempts within some two minutes, and ten minutes of patience with a server that asks for it.
    fn default() -> RetryPolicy {
        RetryPolicy {
            attempts: NonZeroU32::new(6).expect("6 is not 0"),
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_mins(1),
            patience: Duration::from_mins(10),
        }
    }
}

impl RetryPolicy {
    /// Full jitter around a doubling mean, so that many runs do not knock in step.
    pub(super) fn backoff(&self, attempt: u32) -> Duration {
        let ceiling = self
            .first_wait
            .saturating_mul(2u32.saturating_pow(attempt))
            .min(self.longest_wait);
        ceiling.mul_f64(f64::from(jitter()) / f64::from(u32::MAX))
    }
}

/// The least time between the beginnings of two requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub Duration);

/// Lets requests pass one by one, a [`Rate`] apart.
#[derive(Debug, Default)]
pub(super) struct Turnstile {
    spacing: Option<Duration>,
    next: Mutex<Option<Instant>>,
}

impl Turnstile {
    pub(super) fn new(rate: Option<Rate>) -> Turnstile {
        Turnstile {
            spacing: rate.map(|Rate(spacing)| spacing),
            next: Mutex::new(None),
        }
    }

    pub(super) async fn pass(&self) {
        let Some(spacing) = self.spacing else { return };
        let now = Instant::now();
        let turn = {
            let mut next = self.next.lock().expect("nothing panics while it is held");
            let turn = next.unwrap_or(now).max(now);
            *next = Some(turn + spacing);
            turn
        };
        tokio::time::sleep(turn.saturating_duration_since(now)).await;
    }
}

/// Whether the same request may succeed after this answer.
pub(super) fn is_retried(status: StatusCode, headers: &HeaderMap, replay: Replay) -> bool {
    match replay {
        Replay::Safe => match status.as_u16() {
            408 | 425 | 429 | 500 | 502 | 503 | 504 => true,
            // GitHub says 403 when it means 429.
            403 => headers.contains_key(RETRY_AFTER) || reset(headers, SystemTime::now()).is_some(),
            _ => false,
        },
        // 429 says that nothing was done.
        Replay::Never => status == StatusCode::TOO_MANY_REQUESTS,
    }
}

/// How long the server asks to be left alone.
pub(super) fn asked_wait(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    retry_after(headers, now).or_else(|| reset(headers, now))
}

/// `Retry-After` in seconds or as an HTTP date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = text(headers, RETRY_AFTER.as_str())?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// When a quota that is used up begins anew: three spellings of one habit, and the RFC draft's list.
fn reset(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    for prefix in ["ratelimit", "x-ratelimit", "x-rate-limit"] {
        let remaining = text(headers, &format!("{prefix}-remaining"));
        if remaining.and_then(|value| value.parse().ok()) == Some(0u64) {
            let reset = text(headers, &format!("{prefix}-reset"));
            if let Some(wait) = reset.and_then(|value| moment(value, now)) {
                return Some(wait);
            }
        }
    }
    let policies = text(headers, "ratelimit")?.split(',');
    let waits = policies.filter_map(|policy| {
        let value = |name: &str| {
            let mut pairs = policy
                .split(';')
                .filter_map(|part| part.trim().split_once('='));
            pairs
                .find(|(given, _)| *given == name)
                .map(|(_, value)| value)
        };
        (value("r")? == "0")
            .then(|| moment(value("t")?, now))
            .flatten()
    });
    waits.max()
}

fn moment(value: &str, now: SystemTime) -> Option<Duration> {
    let seconds: f64 = value.parse().ok()?;
    let since_epoch = |seconds: f64| {
        let then = SystemTime::UNIX_EPOCH + Duration::try_from_secs_f64(seconds).ok()?;
        Some(then.duration_since(now).unwrap_or_default())
    };
    if seconds > FIRST_MILLISECOND {
        since_epoch(seconds / 1e3)
    } else if seconds > FIRST_MOMENT {
        since_epoch(seconds)
    } else {
        Duration::try_from_secs_f64(seconds).ok()
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// A number from the hasher the standard library seeds per process; good enough to spread retries.
fn jitter() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    let hash = std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish();
    u32::try_from(hash >> 32).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )
        };
        lines.iter().map(pair).collect()
    }

    fn asked(lines: &[(&'static str, &str)]) -> Option<u64> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        asked_wait(&headers(lines), now).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_server_says_in_many_ways_when_to_come_back() {
        assert_eq!(asked(&[("retry-after", " 7 ")]), Some(7));
        assert_eq!(
            asked(&[("retry-after", "Tue, 14 Nov 2023 22:13:50 GMT")]),
            Some(30)
        );
        assert_eq!(
            asked(&[("retry-after", "Tue, 14 Nov 2023 22:00:00 GMT")]),
            Some(0)
        );
        assert_eq!(asked(&[("retry-after", "soon")]), None);
        let left = |remaining, reset| {
            asked(&[
                ("x-ratelimit-remaining", remaining),
                ("x-ratelimit-reset", reset),
            ])
        };
        assert_eq!(left("0", "45"), Some(45));
        assert_eq!(left("0", "1700000060"), Some(60));
        assert_eq!(left("0", "1700000060500"), Some(60));
        assert_eq!(left("3", "45"), None);
        assert_eq!(left("0", "-5"), None);
        assert_eq!(
            asked(&[("ratelimit-remaining", "0"), ("ratelimit-reset", "9")]),
            Some(9)
        );
        assert_eq!(
            asked(&[("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", "9")]),
            Some(9)
        );
        assert_eq!(
            asked(&[("ratelimit", "\"a\";r=0;t=5, \"b\";r=0;t=8, \"c\";r=1;t=99")]),
            Some(8)
        );
        // The word of RFC 9110 goes before the habit.
        let both = [
            ("retry-after", "1"),
            ("ratelimit-remaining", "0"),
            ("ratelimit-reset", "9"),
        ];
        assert_eq!(asked(&both), Some(1));
    }

    #[test]
    fn what_is_asked_again_is_counted() {
        let retried = |replay, headers: &HeaderMap| -> Vec<u16> {
            let all = (100..600).filter_map(|code| StatusCode::from_u16(code).ok());
            all.filter(|status| is_retried(*status, headers, replay))
                .map(|status| status.as_u16())
                .collect()
        };
        let none = HeaderMap::new();
        assert_eq!(
            retried(Replay::Safe, &none),
            [408, 425, 429, 500, 502, 503, 504]
        );
        assert_eq!(retried(Replay::Never, &none), [429]);
        let later = headers(&[("retry-after", "1")]);
        assert_eq!(
            retried(Replay::Safe, &later),
            [403, 408, 425, 429, 500, 502, 503, 504]
        );
        assert_eq!(retried(Replay::Never, &later), [429]);
    }

    #[test]
    fn the_wait_doubles_up_to_its_ceiling() {
        let policy = RetryPolicy::default();
        for (attempt, ceiling) in [(1, 2), (2, 4), (3, 8), (30, 60)] {
            let longest = (0..200).map(|_| policy.backoff(attempt)).max().unwrap();
            assert!(longest <= Duration::from_secs(ceiling), "{longest:?}");
            assert!(longest > Duration::from_secs(ceiling) / 2, "{longest:?}");
        }
    }
}

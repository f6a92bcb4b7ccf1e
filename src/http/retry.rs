//! When a request is sent: which answers are worth another try, how long until then, how many a second.

use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::request::Replay;
use crate::random::random;
use crate::say::span;

/// A reset above this is a moment, seconds since 1970; below it a number of seconds (28 years).
const FIRST_MOMENT: f64 = 9e8;
/// A reset above this is a moment in milliseconds.
const FIRST_MILLISECOND: f64 = 9e11;

/// The longest time a server can name: a leap year. Whatever is longer means "not in this run" all the same,
/// and every clock can still add this much.
const LONGEST_TOLD: Duration = Duration::from_hours(366 * 24);

/// Takes a number of seconds that a server names, cut to a year; `None` if it is negative or no number.
pub fn told_seconds(seconds: f64) -> Option<Duration> {
    let cut = seconds.min(LONGEST_TOLD.as_secs_f64());
    // The smaller of NaN and a number is the number.
    (seconds >= 0.0).then(|| Duration::try_from_secs_f64(cut).unwrap_or(LONGEST_TOLD))
}

/// Says when a server wants to be asked again, after "the server asks".
fn told_wait(wait: Duration) -> String {
    if wait >= LONGEST_TOLD {
        return "not to come back for a year or more".into();
    }
    let moment = SystemTime::now()
        .checked_add(wait)
        .filter(|moment| *moment >= SystemTime::UNIX_EPOCH);
    let at = moment.map(httpdate::fmt_http_date);
    let at = at.map(|at| format!(", at {at}")).unwrap_or_default();
    format!("to come back in {}{at}", span(wait))
}

/// Returns what to do about a server that asks for more patience than we have.
pub fn come_back(wait: Duration) -> String {
    format!(
        "the server asks {}: run the workflow later, or raise `http: max-wait=`",
        told_wait(wait)
    )
}

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
pub(super) struct RateLimiter {
    spacing: Option<Duration>,
    next: Mutex<Option<Instant>>,
}

impl RateLimiter {
    pub(super) fn new(rate: Option<Rate>) -> RateLimiter {
        RateLimiter {
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
        return told_seconds(seconds);
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let wait = date.duration_since(now).unwrap_or_default();
    Some(wait.min(LONGEST_TOLD))
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
    let now = now.duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs_f64();
    if seconds > FIRST_MILLISECOND {
        told_seconds((seconds / 1e3 - now).max(0.0))
    } else if seconds > FIRST_MOMENT {
        told_seconds((seconds - now).max(0.0))
    } else {
        told_seconds(seconds)
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// A number that differs between processes and tries, to spread retries.
fn jitter() -> u32 {
    u32::try_from(random() >> 32).unwrap_or(u32::MAX)
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
    fn no_server_asks_for_more_than_a_year() {
        let year = Some(366 * 24 * 3600);
        let left = |reset| asked(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset)]);
        for many in ["31622401", "253402300800", "18446744073709551616", "1e400"] {
            assert_eq!(asked(&[("retry-after", many)]), year, "{many}");
        }
        let date = "Fri, 31 Dec 9999 23:59:59 GMT";
        assert_eq!(asked(&[("retry-after", date)]), year);
        for many in ["31622401", "253402300800", "1e22", "1e308", "inf", "1e400"] {
            assert_eq!(left(many), year, "{many}");
        }
        for none in ["-1", "nan", "-inf", "-1e400", ""] {
            assert_eq!(asked(&[("retry-after", none)]), None, "{none}");
            assert_eq!(left(none), None, "{none}");
        }
        assert_eq!(asked(&[("retry-after", "1.5")]), Some(1));
        assert_eq!(asked(&[("ratelimit", "\"a\";r=0;t=1e19")]), year);
        // What lies in the past is no wait.
        assert_eq!(left("1600000000"), Some(0));
    }

    #[test]
    fn a_wait_is_told_as_a_person_would() {
        let told = |seconds| told_wait(Duration::from_secs(seconds));
        assert!(told(601).starts_with("to come back in 601 s, at "));
        assert!(told(90_000).starts_with("to come back in 25 hours, at "));
        assert!(told(366 * 24 * 3600 - 1).starts_with("to come back in 366 days, at "));
        for beyond in [366 * 24 * 3600, u64::MAX] {
            assert_eq!(told(beyond), "not to come back for a year or more");
        }
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

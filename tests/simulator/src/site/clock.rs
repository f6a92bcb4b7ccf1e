//! Time and identifiers that are the same in every run.

use std::time::Instant;

use super::settings::Seconds;

/// 2026-01-01T00:00:00Z.
const START: u64 = 1_767_225_600;

/// A clock in whole seconds that requests or real time move on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    seconds: u64,
    /// When real time began to count, and what the clock showed then.
    began: Option<(Instant, u64)>,
}

impl Clock {
    /// Takes note of a request.
    pub(crate) fn advance(&mut self, seconds: Seconds) {
        match seconds {
            Seconds::PerRequest => self.seconds += 1,
            Seconds::Real => {
                let (began, shown) = *self.began.get_or_insert((Instant::now(), self.seconds));
                self.seconds = shown + began.elapsed().as_secs();
            }
        }
    }

    /// Returns the time as HTTP writes it, such as `Thu, 01 Jan 2026 00:00:07 GMT`.
    pub(crate) fn date(self) -> String {
        let since_epoch = std::time::Duration::from_secs(START + self.seconds);
        httpdate::fmt_http_date(std::time::SystemTime::UNIX_EPOCH + since_epoch)
    }

    /// Returns the time as Tableau writes it, such as `2026-01-01T00:00:07Z`.
    pub(crate) fn now(self) -> String {
        let total = START + self.seconds;
        let (days, rest) = (total / 86_400, total % 86_400);
        let (year, month, day) = civil(days);
        format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
            rest / 3600,
            rest % 3600 / 60,
            rest % 60
        )
    }
}

/// The date of a day counted from 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// Counts identifiers up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ids {
    last: u64,
    last_number: u64,
    last_connection: u64,
}

impl Ids {
    /// Returns the next LUID.
    pub(crate) fn luid(&mut self) -> String {
        self.last += 1;
        format!("00000000-0000-4000-8000-{:012x}", self.last)
    }

    /// Returns the LUID of the next connection; connections are counted apart, so that all others stay as they are.
    pub(crate) fn connection(&mut self) -> String {
        self.last_connection += 1;
        format!("00000000-0000-4000-9000-{:012x}", self.last_connection)
    }

    /// Returns an upload session id in the form of real servers.
    pub(crate) fn upload_session(&mut self) -> String {
        self.last += 1;
        format!(
            "7720:170fe6b1c1c7422dadff20f944d5{:04x}-{}:0",
            self.last & 0xffff,
            self.last
        )
    }

    /// Returns a token; real ones are opaque as well.
    pub(crate) fn token(&mut self, site: &str) -> String {
        self.last += 1;
        format!("SIMULATED-token-{}|AbCdEf0123456789/+=|{site}", self.last)
    }

    /// Returns the numeric id of a browser address, which is not the LUID.
    pub(crate) fn number(&mut self) -> u64 {
        self.last_number += 1;
        4710 + self.last_number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_starts_with_the_year_and_counts_seconds() {
        let mut clock = Clock::default();
        assert_eq!(clock.now(), "2026-01-01T00:00:00Z");
        (0..3_700).for_each(|_| clock.advance(Seconds::PerRequest));
        assert_eq!(clock.now(), "2026-01-01T01:01:40Z");
        assert_eq!(clock.date(), "Thu, 01 Jan 2026 01:01:40 GMT");
        assert_eq!(
            Clock {
                seconds: 58 * 86_400 + 86_399,
                ..Clock::default()
            }
            .now(),
            "2026-02-28T23:59:59Z"
        );
        assert_eq!(
            Clock {
                seconds: (365 + 365 + 59) * 86_400,
                ..Clock::default()
            }
            .now(),
            "2028-02-29T00:00:00Z"
        );
    }

    #[test]
    fn identifiers_have_the_real_form() {
        let mut ids = Ids::default();
        assert_eq!(ids.luid(), "00000000-0000-4000-8000-000000000001");
        assert_eq!(ids.luid(), "00000000-0000-4000-8000-000000000002");
        assert_eq!(
            ids.upload_session(),
            "7720:170fe6b1c1c7422dadff20f944d50003-3:0"
        );
        assert_eq!(ids.number(), 4711);
    }
}

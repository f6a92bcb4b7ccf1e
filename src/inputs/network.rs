//! Inputs about the network: `http`, `ca-certificate`, and the proxies of the environment.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use super::options::Options;
use super::parse::{Place, duration};
use super::raw::Raw;
use super::{Machine, Problems, var};
use crate::http::{CaCertificate, Hosts, HttpOptions, Network, Rate, Url};

const OPTIONS: [&str; 6] = [
    "timeout", "retries", "max-wait", "rate", "allow", "max-body",
];
/// A job on a hosted runner ends after six hours.
const LONGEST: Duration = Duration::from_hours(6);
/// One request a second would take a day for what some sources hold; this is for the careful.
const MOST_A_SECOND: f64 = 1_000.0;
const MOST_RETRIES: u32 = 50;
/// Variables in which proxies are looked up, in lower case.
const PROXIES: [&str; 3] = ["https_proxy", "http_proxy", "all_proxy"];

/// Reads the `http` input; all its problems are told.
pub(super) fn conduct(raw: &Raw, problems: &mut Problems) -> HttpOptions {
    let mut conduct = HttpOptions::default();
    let text = raw.get("http").unwrap_or_default();
    let Some(options) = problems.take("http", Some(parse(text))) else {
        return conduct;
    };
    if let Some(word) = options.words.first() {
        let keys = OPTIONS.join("=, ");
        problems.add(
            "http",
            format!("`{word}` is no option: write `KEY=VALUE`; keys are {keys}="),
        );
    }
    let mut read = |key: &str, set: &mut dyn FnMut(&str) -> Result<(), String>| {
        if let Some(value) = options.get(key) {
            let outcome = set(value).map_err(|problem| format!("`{key}`: {problem}"));
            problems.take("http", Some(outcome));
        }
    };
    read("timeout", &mut |value| {
        conduct.timeout = seconds(value, Duration::from_secs(1), LONGEST)?;
        Ok(())
    });
    read("retries", &mut |value| {
        conduct.policy.attempts = attempts(value)?;
        Ok(())
    });
    read("max-wait", &mut |value| {
        conduct.policy.patience = seconds(value, Duration::ZERO, LONGEST)?;
        Ok(())
    });
    read("rate", &mut |value| {
        conduct.rate = Some(rate(value)?);
        Ok(())
    });
    read("allow", &mut |value| {
        conduct.allow = Hosts::parse(value)?;
        Ok(())
    });
    read("max-body", &mut |value| {
        conduct.max_body = bytes(value)?;
        Ok(())
    });
    let patience = conduct.policy.patience;
    conduct.policy.longest_wait = conduct.policy.longest_wait.min(patience);
    conduct
}

/// Splits a text into options; whether their values are any is not looked at.
pub(super) fn parse(text: &str) -> Result<Options<'static>, String> {
    Options::parse(text, &OPTIONS)
}

/// Reads the `ca-certificate` input: PEM text, or a path that is read when it is needed.
pub(super) fn ca_certificate(
    raw: &Raw,
    (place, machine): (&Place, &Machine),
    problems: &mut Problems,
) -> Option<CaCertificate> {
    let text = raw.get("ca-certificate")?;
    let parsed = if text.contains("-----BEGIN") || text.contains('\n') {
        CaCertificate::parse(text)
    } else {
        place.parse(text).map(|path| CaCertificate::File {
            workspace: machine.workspace.clone(),
            path: machine.workspace.join(path.as_str()),
            name: path.as_str().to_owned(),
        })
    };
    problems.take("ca-certificate", Some(parsed))
}

/// What is known of the network before the first request.
pub(super) fn network(
    ca_certificate: Option<CaCertificate>,
    vars: &HashMap<String, String>,
) -> Network {
    let proxies = proxies(vars);
    let names = proxies.iter().filter_map(Url::host_str);
    Network {
        ca_certificate,
        proxies: names.map(str::to_ascii_lowercase).collect(),
    }
}

/// Returns the proxies of the environment.
pub(super) fn proxies(vars: &HashMap<String, String>) -> Vec<Url> {
    let names = PROXIES
        .iter()
        .flat_map(|name| [(*name).to_owned(), name.to_uppercase()]);
    let values = names.filter_map(|name| var(vars, &name).map(str::to_owned));
    values
        .filter_map(|value| {
            let has_scheme = value.contains("://");
            let full = if has_scheme {
                value
            } else {
                format!("http://{value}")
            };
            Url::parse(&full).ok()
        })
        .collect()
}

/// A number of seconds, or a length of time with its unit.
fn seconds(text: &str, least: Duration, most: Duration) -> Result<Duration, String> {
    let length = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            duration(text).map_err(|_| format!("`{text}` is no number of seconds, such as `60`"))?
        }
    };
    if (least..=most).contains(&length) {
        Ok(length)
    } else {
        let (least, most) = (least.as_secs(), most.as_secs());
        Err(format!(
            "`{text}` is not between {least} and {most} seconds"
        ))
    }
}

fn attempts(text: &str) -> Result<NonZeroU32, String> {
    let retries: Option<u32> = text.parse().ok();
    retries
        .filter(|retries| *retries <= MOST_RETRIES)
        .and_then(|retries| NonZeroU32::new(retries + 1))
        .ok_or_else(|| format!("`{text}` is not a number between 0 and {MOST_RETRIES}"))
}

/// `2/s`, `100/m`, `0.5/s`, `5000/h`.
fn rate(text: &str) -> Result<Rate, String> {
    let wrong = || {
        format!(
            "`{text}` is no rate: write requests a second, minute or hour, such as `2/s`, `100/m` or `5000/h`"
        )
    };
    let (number, unit) = text.split_once('/').ok_or_else(wrong)?;
    let unit = match unit {
        "s" | "sec" | "second" => 1.0,
        "m" | "min" | "minute" => 60.0,
        "h" | "hour" => 3_600.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let spacing = Duration::try_from_secs_f64(unit / number).map_err(|_| wrong())?;
    if number / unit > MOST_A_SECOND {
        return Err(format!(
            "`{text}` is more than {MOST_A_SECOND} a second; leave `rate` out to ask as fast as the source answers"
        ));
    }
    if spacing > Duration::from_hours(1) {
        return Err(format!("`{text}` is less than one an hour"));
    }
    Ok(Rate(spacing))
}

/// `500MB`, `1GiB`, or a plain number of bytes.
fn bytes(text: &str) -> Result<u64, String> {
    let wrong =
        || format!("`{text}` is no size: write a number and its unit, such as `500MB` or `1GiB`");
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let whole = number
        .checked_mul(unit)
        .filter(|bytes| (1 << 10..=1 << 40).contains(bytes));
    whole.ok_or_else(|| format!("`{text}` is not between 1KiB and 1024GiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_rates_and_times_have_ranges() {
        assert_eq!(bytes("1GiB"), Ok(1 << 30));
        assert_eq!(bytes("500MB"), Ok(500_000_000));
        assert_eq!(bytes("2048"), Ok(2048));
        for wrong in [
            "",
            "1",
            "many",
            "1 PB",
            "2048GiB",
            "-1GB",
            "99999999999999999999GB",
        ] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        let spacing = |text: &str| rate(text).map(|Rate(spacing)| spacing.as_millis());
        assert_eq!(spacing("2/s"), Ok(500));
        assert_eq!(spacing("0.5/s"), Ok(2_000));
        assert_eq!(spacing("120/m"), Ok(500));
        for wrong in [
            "2", "0/s", "-1/s", "nan/s", "inf/s", "2/d", "5000/s", "0.5/h", "1e999/s",
        ] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
        let time =
            |text: &str| seconds(text, Duration::from_secs(1), LONGEST).map(|time| time.as_secs());
        assert_eq!([time("60"), time("2m")], [Ok(60), Ok(120)]);
        for wrong in ["0", "7h", "21601", "soon", "-1", "1.5"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
        assert!(attempts("0").is_ok_and(|n| n.get() == 1));
        assert!(attempts("51").is_err() && attempts("-1").is_err());
    }

    #[test]
    fn proxies_are_named_hosts() {
        let vars = [
            ("https_proxy", "http://bot:p%40ss@proxy.corp:3128"),
            ("HTTP_PROXY", "Proxy2.corp:3128"),
        ];
        let vars: HashMap<String, String> = vars
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let hosts: Vec<String> = proxies(&vars)
            .iter()
            .filter_map(|proxy| proxy.host_str().map(str::to_owned))
            .collect();
        assert_eq!(hosts, ["proxy.corp", "proxy2.corp"]);
    }
}

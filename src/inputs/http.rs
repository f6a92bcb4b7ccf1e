//! Inputs about the network: `http`, `ca-certificate`, and the proxies of the environment.

use std::collections::HashMap;
use std::time::Duration;

use super::machine::Workspace;
use super::problems::InputProblems;
use super::raw::{Raw, var};
use super::words::{Options, attempts, rate, seconds, size};
use crate::http::{CaCertificate, Hosts, HttpOptions, Network, Url};

const OPTIONS: [&str; 6] = [
    "timeout", "retries", "max-wait", "rate", "allow", "max-body",
];
/// A job on a hosted runner ends after six hours.
const LONGEST: Duration = Duration::from_hours(6);
/// Variables in which proxies are looked up, in lower case.
const PROXIES: [&str; 3] = ["https_proxy", "http_proxy", "all_proxy"];

/// Reads the `http` input; all its problems are told.
pub(super) fn http_options(raw: &Raw, problems: &mut InputProblems) -> HttpOptions {
    let mut http = HttpOptions::default();
    let text = raw.get("http").unwrap_or_default();
    let Some(options) = problems.take("http", Some(parse(text))) else {
        return http;
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
        http.timeout = seconds(value, Duration::from_secs(1), LONGEST)?;
        Ok(())
    });
    read("retries", &mut |value| {
        http.policy.attempts = attempts(value)?;
        Ok(())
    });
    read("max-wait", &mut |value| {
        http.policy.patience = seconds(value, Duration::ZERO, LONGEST)?;
        Ok(())
    });
    read("rate", &mut |value| {
        http.rate = Some(rate(value)?);
        Ok(())
    });
    read("allow", &mut |value| {
        http.allow = Hosts::parse(value)?;
        Ok(())
    });
    read("max-body", &mut |value| {
        http.max_body = size(value)?;
        Ok(())
    });
    let patience = http.policy.patience;
    http.policy.longest_wait = http.policy.longest_wait.min(patience);
    http
}

/// Splits a text into options; whether their values are any is not looked at.
pub(super) fn parse(text: &str) -> Result<Options<'static>, String> {
    Options::parse(text, &OPTIONS)
}

/// Reads the `ca-certificate` input: PEM text, or a path that is read when it is needed.
pub(super) fn ca_certificate(
    raw: &Raw,
    workspace: &Workspace,
    problems: &mut InputProblems,
) -> Option<CaCertificate> {
    let text = raw.get("ca-certificate")?;
    let parsed = if text.contains("-----BEGIN") || text.contains('\n') {
        CaCertificate::parse(text)
    } else {
        workspace.parse(text).map(|path| CaCertificate::File {
            workspace: workspace.folder().to_owned(),
            path: workspace.folder().join(path.as_str()),
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

#[cfg(test)]
mod tests {
    use super::*;

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

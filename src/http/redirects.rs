//! Where a request may go that the user did not name: redirects, next links, and what names lead to.
//!
//! A server that is asked for data must not steer us to the metadata service of a cloud, into the
//! runner's network, or to somebody who would see the credentials. The client library's own rules know hops and
//! headers only; which hosts were named, for which ports, and what a name resolves to is decided here.

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{StatusCode, Url};

use super::addresses::{is_metadata, is_private};
use super::shown::show;

/// Where a server may send us. The method, headers and body are sent again unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redirects {
    /// Within the origin, or from `http` to `https` on the same host: the request carries a secret.
    SameOrigin,
    /// Besides that, to what the user allowed with `http: allow=`.
    Allowed(Hosts),
    /// To any public host: the request carries nothing that could leak. A private one must be among these.
    Anywhere(Hosts),
}

/// Hosts the user named, each with the ports that are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Vec<(String, Ports)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ports {
    /// The port that the scheme of an address has anyway.
    Own,
    /// One port, whatever the scheme.
    One(u16),
    /// One port with `http`; with `https` any port of the host, for that is where it may send us on.
    OneOrTls(u16),
}

impl Hosts {
    /// Takes `api.example.com`, `api.example.com:8443,[::1]:80`; without a port the scheme's own is meant.
    pub fn parse(text: &str) -> Result<Hosts, String> {
        let mut hosts = Vec::new();
        for entry in text.split(',').map(str::trim) {
            let wrong = || {
                format!(
                    "`{entry}` is no host: write `HOST` or `HOST:PORT`, such as `api.example.com`"
                )
            };
            let has_more = entry.contains(['/', '@', '?', '#', '*', ' ']);
            let url = Url::parse(&format!("http://{entry}")).map_err(|_| wrong())?;
            let host = url
                .host_str()
                .filter(|_| !has_more && !entry.is_empty())
                .ok_or_else(wrong)?;
            if is_forbidden(host) {
                return Err(format!(
                    "`{entry}` is a link-local or metadata address, which no server may lead to"
                ));
            }
            // The parser drops the port a scheme has anyway.
            let port = url.port().or_else(|| entry.ends_with(":80").then_some(80));
            hosts.push((host.to_owned(), port.map_or(Ports::Own, Ports::One)));
        }
        Ok(Hosts(hosts))
    }

    /// Takes the origins of addresses that the user wrote, and what a host among them upgrades to.
    pub fn of<'u>(urls: impl IntoIterator<Item = &'u Url>) -> Hosts {
        let host = |url: &Url| {
            let (host, port) = (url.host_str()?, url.port_or_known_default()?);
            let ports = if url.scheme() == "http" {
                Ports::OneOrTls(port)
            } else {
                Ports::One(port)
            };
            Some((host.to_owned(), ports))
        };
        Hosts(urls.into_iter().filter_map(host).collect())
    }

    /// Adds others.
    #[must_use]
    pub fn and(mut self, others: &Hosts) -> Hosts {
        self.0.extend(others.0.iter().cloned());
        self
    }

    /// Whether an address leads to one of them.
    pub(super) fn contains(&self, url: &Url) -> bool {
        let is_meant = |(host, ports): &(String, Ports)| {
            let is_port = |port| url.port_or_known_default() == Some(port);
            url.host_str() == Some(host)
                && match *ports {
                    Ports::Own => url.port().is_none(),
                    Ports::One(port) => is_port(port),
                    Ports::OneOrTls(port) => is_port(port) || url.scheme() == "https",
                }
        };
        self.0.iter().any(is_meant)
    }
}

/// Decides whether an address that a server supplied may be asked, and returns it.
pub fn check_link(from: &Url, to: Url, redirects: &Redirects) -> Result<Url, LinkError> {
    let host = to
        .host_str()
        .filter(|_| matches!(to.scheme(), "http" | "https"));
    let is_upgrade = from.host() == to.host() && from.scheme() == "http" && to.scheme() == "https";
    let reason = match (host, redirects) {
        (None, _) => LinkReason::NoWebAddress,
        _ if from.scheme() == "https" && to.scheme() == "http" => LinkReason::Unencrypted,
        (Some(host), _) if is_forbidden(host) => LinkReason::Metadata,
        _ if from.origin() == to.origin() || is_upgrade => return Ok(to),
        (_, Redirects::Allowed(hosts) | Redirects::Anywhere(hosts)) if hosts.contains(&to) => {
            return Ok(to);
        }
        (_, Redirects::SameOrigin) => LinkReason::Credentials,
        (_, Redirects::Allowed(_)) => LinkReason::NotAllowed,
        (Some(host), Redirects::Anywhere(_)) if is_internal(host) => LinkReason::Private,
        (_, Redirects::Anywhere(_)) => return Ok(to),
    };
    Err(LinkError { target: to, reason })
}

/// An address that a server supplied and that must not be asked.
///
/// It is shown as a clause to follow "it redirects to": "`https://…`, another origin, …".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkError {
    /// Where it leads, with its query.
    pub target: Url,
    /// Why not.
    pub reason: LinkReason,
}

/// Why an address must not be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkReason {
    /// It is neither `http` nor `https`, or has no host.
    NoWebAddress,
    /// It leads from `https` to `http`.
    Unencrypted,
    /// It is link-local or where a cloud keeps its metadata.
    Metadata,
    /// It is of another origin, and the request carries credentials that only the first may see.
    Credentials,
    /// It is of another origin, and the request carries something the user may let it see.
    NotAllowed,
    /// It lies in a private network and the user did not name it.
    Private,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`, ", show(&self.target))?;
        match self.reason {
            LinkReason::NoWebAddress => f.write_str("which is no web address"),
            LinkReason::Unencrypted => f.write_str("from https to http, without encryption"),
            LinkReason::Metadata => f.write_str("a link-local or metadata address"),
            LinkReason::Credentials => {
                f.write_str("another origin, which must not see the credentials")
            }
            LinkReason::NotAllowed => write!(
                f,
                "another origin, which must not see what the request carries; {}",
                fix(&self.target)
            ),
            LinkReason::Private => write!(
                f,
                "an address inside a private network; {}",
                fix(&self.target)
            ),
        }
    }
}

impl std::error::Error for LinkError {}

/// Why a request was not sent on to where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectError {
    /// The answer names an address that must not be asked.
    Link(LinkError),
    /// The host of this address is a name for a place that must not be asked.
    Host(ClosedHost, Url),
    /// The answer has this status and names no address.
    NoTarget(StatusCode),
    /// Each of this many answers led to another address.
    TooMany(u32),
}

impl RedirectError {
    /// What the user can do about it, where the message does not say so itself.
    pub(super) fn hint(&self) -> Option<&'static str> {
        const TRUST: &str = "write the address the server redirects to, if you trust it";
        match self {
            RedirectError::Link(link) => match link.reason {
                LinkReason::Unencrypted => Some(
                    "write an `https` address that stays with https; else those who run the server must correct where it leads",
                ),
                LinkReason::NotAllowed | LinkReason::Private => None,
                LinkReason::NoWebAddress | LinkReason::Metadata | LinkReason::Credentials => {
                    Some(TRUST)
                }
            },
            RedirectError::Host(ClosedHost::Private(_), _) => None,
            RedirectError::Host(ClosedHost::Metadata(_), _)
            | RedirectError::NoTarget(_)
            | RedirectError::TooMany(_) => Some(TRUST),
        }
    }
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RedirectError::Link(link) => write!(f, "it redirects to {link}"),
            RedirectError::Host(closed, to) => write!(f, "it leads to {}", closed.explain(to)),
            RedirectError::NoTarget(status) => {
                write!(f, "it answers {status} without saying where to")
            }
            RedirectError::TooMany(most) => write!(f, "it redirects more than {most} times"),
        }
    }
}

impl std::error::Error for RedirectError {}

/// What the user has to write for an address to be followed.
fn fix(to: &Url) -> String {
    let host = to.host_str().unwrap_or_default();
    match to.port() {
        Some(port) => format!("if you trust it, set `http: allow={host}:{port}`"),
        None => format!("if you trust it, set `http: allow={host}`"),
    }
}

/// Which addresses a name may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// Also private ones: the user named the origin for this request.
    Named,
    /// Public ones: a server supplied the name.
    Public,
}

/// Resolves names as the system does, and keeps names that a server supplied out of private networks.
pub(super) struct Resolver {
    lookup: Lookup,
    proxies: Arc<HashSet<String>>,
}

impl Resolver {
    /// Proxies may have private addresses whatever is asked of them; their names are lower case.
    pub(super) fn new(lookup: Lookup, proxies: HashSet<String>) -> Resolver {
        Resolver {
            lookup,
            proxies: Arc::new(proxies),
        }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, proxies) = (self.lookup, Arc::clone(&self.proxies));
        Box::pin(async move {
            let host = name.as_str().to_ascii_lowercase();
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let lookup = if proxies.contains(&host) {
                Lookup::Named
            } else {
                lookup
            };
            let open = permitted(&host, lookup, &found)?;
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}

/// A name that leads where no server may send us, as in "`db.example`, a name of 10.0.0.7".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClosedHost {
    /// To a link-local or metadata address.
    Metadata(String),
    /// Into a private network.
    Private(String),
}

impl ClosedHost {
    /// Says where it leads, and what the user can do about it for this address.
    fn explain(&self, to: &Url) -> String {
        match self {
            ClosedHost::Metadata(_) => self.to_string(),
            ClosedHost::Private(_) => format!("{self}; {}", fix(to)),
        }
    }
}

impl fmt::Display for ClosedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClosedHost::Metadata(name) => {
                write!(f, "{name}, which is a link-local or metadata address")
            }
            ClosedHost::Private(name) => write!(f, "{name} inside a private network"),
        }
    }
}

impl std::error::Error for ClosedHost {}

fn permitted(
    host: &str,
    lookup: Lookup,
    found: &[SocketAddr],
) -> Result<Vec<SocketAddr>, ClosedHost> {
    let is_open = |address: &&SocketAddr| {
        !is_metadata(address.ip()) && (lookup == Lookup::Named || !is_private(address.ip()))
    };
    let open: Vec<SocketAddr> = found.iter().filter(is_open).copied().collect();
    match (open.is_empty(), found.first()) {
        (true, Some(closed)) => {
            let name = format!("`{host}`, a name of {}", closed.ip());
            Err(if is_metadata(closed.ip()) {
                ClosedHost::Metadata(name)
            } else {
                ClosedHost::Private(name)
            })
        }
        _ => Ok(open),
    }
}

/// Names under which clouds offer their metadata; a proxy would look them up for us.
const METADATA: [&str; 6] = [
    "metadata.google.internal",
    "metadata.goog",
    "metadata",
    "metadata.tencentyun.com",
    "instance-data",
    "instance-data.ec2.internal",
];

/// Addresses and names that are never data: no server may lead there, and no name.
fn is_forbidden(host: &str) -> bool {
    match address(host) {
        Some(ip) => is_metadata(ip),
        None => METADATA.contains(&host.trim_end_matches('.')),
    }
}

/// Loopback and private addresses, as far as the host itself tells.
fn is_internal(host: &str) -> bool {
    let name = host.trim_end_matches('.');
    match address(host) {
        Some(ip) => is_private(ip),
        None => name == "localhost" || name.ends_with(".localhost"),
    }
}

fn address(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, to: &str, redirects: &Redirects) -> Result<String, String> {
        let url = |text: &str| Url::parse(text).unwrap();
        let checked = check_link(&url(from), url(to), redirects);
        checked.map(String::from).map_err(|error| error.to_string())
    }

    fn hosts(text: &str) -> Hosts {
        Hosts::parse(text).unwrap()
    }

    #[test]
    fn credentials_stay_where_the_user_sent_them() {
        let none = Redirects::Allowed(Hosts::default());
        let follow = |to: &str| check("https://a.example/x", to, &none);
        assert!(follow("https://a.example/y?page=2").is_ok());
        for other in [
            "https://a.example:8443/",
            "https://b.example/",
            "https://a.example.evil/",
        ] {
            assert!(
                follow(other).unwrap_err().contains("another origin"),
                "{other}"
            );
        }
        assert!(
            follow("https://b.example:81/?k=1")
                .unwrap_err()
                .ends_with("`http: allow=b.example:81`")
        );
        assert!(
            follow("http://a.example/")
                .unwrap_err()
                .contains("without encryption")
        );
        assert!(
            follow("file:///etc/passwd")
                .unwrap_err()
                .contains("no web address")
        );
        assert!(check("http://a.example/", "https://a.example/", &none).is_ok());
        let error = check(
            "https://a.example/",
            "https://b.example/",
            &Redirects::SameOrigin,
        );
        assert!(!error.unwrap_err().contains("allow="));
    }

    #[test]
    fn a_host_is_allowed_at_its_port() {
        let allow = Redirects::Allowed(hosts("b.example, c.example:8443,[::1]:80"));
        let follow = |to: &str| check("http://a.example/", to, &allow).is_ok();
        assert!(follow("https://b.example/") && follow("http://b.example/"));
        assert!(follow("https://c.example:8443/") && follow("http://[::1]/"));
        assert!(!follow("https://b.example:8443/") && !follow("https://c.example/"));
        assert!(!follow("https://sub.b.example/"));
        for wrong in [
            "",
            "a,,b",
            "https://b.example",
            "b.example/x",
            "*.example",
            "u@b.example",
            "a b",
        ] {
            assert!(
                Hosts::parse(wrong).unwrap_err().contains("is no host"),
                "{wrong}"
            );
        }
        assert!(
            Hosts::parse("169.254.169.254")
                .unwrap_err()
                .contains("metadata")
        );
    }

    #[test]
    fn no_server_leads_into_the_runners_network() {
        let open = Redirects::Anywhere(hosts("10.0.0.7"));
        let follow = |to: &str| check("http://a.example/", to, &open);
        assert!(follow("https://b.example/").is_ok() && follow("http://10.0.0.7/").is_ok());
        for private in [
            "127.0.0.1",
            "10.0.0.8",
            "192.168.1.1",
            "172.16.0.1",
            "100.64.0.1",
            "0.0.0.0",
            "localhost",
            "x.localhost",
            "[::1]",
            "[fd00::1]",
            "[::ffff:10.0.0.8]",
            "[64:ff9b::a00:8]",
            "2130706433",
            "198.18.0.1",
            "192.0.0.8",
            "[2002:a00:1::]",
            "[64:ff9b:1::a00:8]",
        ] {
            let error = follow(&format!("http://{private}/")).unwrap_err();
            assert!(error.contains("private network"), "{private}: {error}");
        }
        for never in [
            "169.254.169.254",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "168.63.129.16",
            "100.100.100.200",
            "metadata.google.internal",
            "[::ffff:169.254.169.254]",
            "[2002:a9fe:a9fe::]",
            "metadata.goog.",
        ] {
            let to = format!("http://{never}/latest");
            assert!(follow(&to).unwrap_err().contains("metadata"), "{never}");
            // Not even from itself.
            assert!(check(&to, &to, &open).is_err());
        }
        // Another port is another service, also of the same host.
        assert!(check("http://127.0.0.1:1/", "http://127.0.0.1:2/", &open).is_err());
        let own = Url::parse("http://127.0.0.1:1/").unwrap();
        let open = Redirects::Anywhere(Hosts::of([&own]).and(&hosts("127.0.0.1:2")));
        let follow = |to: &str| check("http://a.example/", to, &open).is_ok();
        assert!(follow("http://127.0.0.1:1/") && follow("http://127.0.0.1:2/"));
        assert!(follow("https://127.0.0.1:3/") && !follow("http://127.0.0.1:3/"));
    }

    #[test]
    fn what_to_do_is_said_in_the_message_or_below_it() {
        let url = |text: &str| Url::parse(text).unwrap();
        let link = |from: &str, to: &str, redirects: &Redirects| {
            let refused = check_link(&url(from), url(to), redirects);
            RedirectError::Link(refused.unwrap_err())
        };
        let open = Redirects::Anywhere(Hosts::default());
        let closed = Redirects::Allowed(Hosts::default());
        let own = "https://a.example/";
        let host = |closed: fn(String) -> ClosedHost| {
            RedirectError::Host(closed("`b`, a name of 10.0.0.1".into()), url(own))
        };
        for (error, hint) in [
            (link(own, "http://a.example/", &open), "write an `https`"),
            (link(own, "https://b.example/", &closed), ""),
            (link("http://a.example/", "http://10.0.0.1/", &open), ""),
            (
                link(own, "https://b.example/", &Redirects::SameOrigin),
                "if you trust it",
            ),
            (link(own, "file:///x", &open), "if you trust it"),
            (
                link(own, "https://169.254.169.254/", &open),
                "if you trust it",
            ),
            (host(ClosedHost::Private), ""),
            (host(ClosedHost::Metadata), "if you trust it"),
            (
                RedirectError::NoTarget(StatusCode::FOUND),
                "if you trust it",
            ),
            (RedirectError::TooMany(10), "if you trust it"),
        ] {
            let told = error.hint().unwrap_or_default();
            assert!(told.contains(hint), "{error}: {told}");
            let says_so = error.to_string().contains("allow=");
            assert_eq!(told.is_empty(), says_so, "{error}: {told}");
        }
    }

    #[test]
    fn an_origin_is_named_and_what_it_upgrades_to() {
        let url = |text: &str| Url::parse(text).unwrap();
        let named = Hosts::of([&url("http://app.corp:8080/x"), &url("https://db.corp/")]);
        for (to, is_named) in [
            ("http://app.corp:8080/y", true),
            ("https://app.corp:8443/", true),
            ("http://app.corp:9200/", false),
            ("http://app.corp/", false),
            ("https://db.corp:443/", true),
            ("https://db.corp:8443/", false),
            ("http://db.corp/", false),
            ("https://other.corp/", false),
        ] {
            assert_eq!(named.contains(&url(to)), is_named, "{to}");
        }
    }

    #[test]
    fn a_name_is_as_private_as_its_addresses() {
        let to = Url::parse("http://x.example:81/").unwrap();
        let resolve = |lookup, ips: &[&str]| {
            let found: Vec<SocketAddr> = ips
                .iter()
                .map(|ip| SocketAddr::new(ip.parse().unwrap(), 0))
                .collect();
            permitted("x.example", lookup, &found)
                .map(|open| open.len())
                .map_err(|closed| closed.explain(&to))
        };
        assert_eq!(
            resolve(Lookup::Public, &["93.184.216.34", "10.0.0.1"]),
            Ok(1)
        );
        assert_eq!(resolve(Lookup::Named, &["10.0.0.1", "fe80::1"]), Ok(1));
        assert!(
            resolve(Lookup::Public, &["10.0.0.1"])
                .unwrap_err()
                .contains("allow=x.example:81")
        );
        assert!(
            resolve(Lookup::Named, &["169.254.169.254"])
                .unwrap_err()
                .contains("metadata")
        );
        assert_eq!(resolve(Lookup::Public, &[]), Ok(0));
    }
}

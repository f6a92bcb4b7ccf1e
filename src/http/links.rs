//! Where a request may go that the user did not name: redirects, next links, and what names lead to.
//!
//! A server that is asked for data must not steer us to the metadata service of a cloud, into the
//! runner's network, or to somebody who would see the credentials.

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::show;

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

/// Hosts the user trusts like the source's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Vec<(String, Option<u16>)>);

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
            hosts.push((host.to_owned(), port));
        }
        Ok(Hosts(hosts))
    }

    /// Returns the names without ports.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(host, _)| host.as_str())
    }

    fn contains(&self, url: &Url) -> bool {
        let is_meant = |(host, port): &(String, Option<u16>)| {
            url.host_str() == Some(host)
                && match port {
                    Some(port) => url.port_or_known_default() == Some(*port),
                    None => url.port().is_none(),
                }
        };
        self.0.iter().any(is_meant)
    }
}

/// Decides whether an address that a server supplied may be asked, and returns it.
///
/// The problem is a clause to follow "it redirects to": "`https://…`, another origin, …".
pub fn check_link(from: &Url, to: Url, redirects: &Redirects) -> Result<Url, String> {
    let shown = show(&to);
    let Some(host) = to
        .host_str()
        .filter(|_| matches!(to.scheme(), "http" | "https"))
    else {
        return Err(format!("`{shown}`, which is no web address"));
    };
    if from.scheme() == "https" && to.scheme() == "http" {
        return Err(format!("`{shown}`, from https to http, without encryption"));
    }
    if is_forbidden(host) {
        return Err(format!("`{shown}`, a link-local or metadata address"));
    }
    let is_upgrade = from.host() == to.host() && from.scheme() == "http" && to.scheme() == "https";
    if from.origin() == to.origin() || is_upgrade {
        return Ok(to);
    }
    let fix = match to.port() {
        Some(port) => format!("if you trust it, set `http: allow={host}:{port}`"),
        None => format!("if you trust it, set `http: allow={host}`"),
    };
    match redirects {
        Redirects::Allowed(hosts) | Redirects::Anywhere(hosts) if hosts.contains(&to) => Ok(to),
        Redirects::SameOrigin => Err(format!(
            "`{shown}`, another origin, which must not see the credentials"
        )),
        Redirects::Allowed(_) => Err(format!(
            "`{shown}`, another origin, which must not see what the request carries; {fix}"
        )),
        Redirects::Anywhere(_) if is_internal(host) && from.host_str() != Some(host) => Err(
            format!("`{shown}`, an address inside a private network; {fix}"),
        ),
        Redirects::Anywhere(_) => Ok(to),
    }
}

/// Resolves names as the system does, and keeps names that a server supplied out of private networks.
pub(super) struct Resolver {
    named: Arc<HashSet<String>>,
}

impl Resolver {
    /// Of the names the user typed, private addresses are taken; they are lower case.
    pub(super) fn new(named: HashSet<String>) -> Resolver {
        Resolver {
            named: Arc::new(named),
        }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let named = Arc::clone(&self.named);
        Box::pin(async move {
            let host = name.as_str().to_ascii_lowercase();
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let is_named = named.contains(&host);
            let open = permitted(&host, is_named, &found)?;
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}

/// A name that leads where no server may send us.
#[derive(Debug)]
pub(super) struct Closed(pub(super) String);

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Closed {}

fn permitted(host: &str, is_named: bool, found: &[SocketAddr]) -> Result<Vec<SocketAddr>, Closed> {
    let is_open = |address: &&SocketAddr| {
        let ip = plain(address.ip());
        !is_link_local(ip) && (is_named || !is_private(ip))
    };
    let open: Vec<SocketAddr> = found.iter().filter(is_open).copied().collect();
    match (open.is_empty(), found.first()) {
        (true, Some(closed)) if is_link_local(plain(closed.ip())) => Err(Closed(format!(
            "`{host}`, a name of {}, which is a link-local or metadata address",
            closed.ip()
        ))),
        (true, Some(closed)) => Err(Closed(format!(
            "`{host}`, a name of {} inside a private network; if you trust it, set `http: allow={host}`",
            closed.ip()
        ))),
        _ => Ok(open),
    }
}

/// Addresses and names that are never data: no server may lead there, and no name.
fn is_forbidden(host: &str) -> bool {
    match address(host) {
        Some(ip) => is_link_local(ip),
        None => host.trim_end_matches('.') == "metadata.google.internal",
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
    host.trim_matches(['[', ']']).parse().ok().map(plain)
}

/// IPv4 in the clothes of IPv6 (mapped, NAT64) leads to the IPv4 address.
fn plain(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let bits = (u32::from(high) << 16) | u32::from(low);
            IpAddr::V4(Ipv4Addr::from_bits(bits))
        }
        _ => ip,
    }
}

/// Link-local addresses, and what clouds hang their metadata on elsewhere (Azure, Alibaba, AWS).
fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            ip.is_link_local()
                || ip == Ipv4Addr::new(168, 63, 129, 16)
                || ip == Ipv4Addr::new(100, 100, 100, 200)
        }
        IpAddr::V6(ip) => {
            ip.is_unicast_link_local() || ip == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
        }
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let is_shared = first == 100 && (second & 0xc0) == 64;
            ip.is_loopback() || ip.is_private() || first == 0 || is_shared || first >= 224
        }
        IpAddr::V6(ip) => {
            ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_multicast()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, to: &str, redirects: &Redirects) -> Result<String, String> {
        let url = |text: &str| Url::parse(text).unwrap();
        check_link(&url(from), url(to), redirects).map(String::from)
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
        ] {
            let to = format!("http://{never}/latest");
            assert!(follow(&to).unwrap_err().contains("metadata"), "{never}");
            // Not even from itself.
            assert!(check(&to, &to, &open).is_err());
        }
        assert!(check("http://127.0.0.1:1/", "http://127.0.0.1:2/", &open).is_ok());
    }

    #[test]
    fn a_name_is_as_private_as_its_addresses() {
        let resolve = |is_named, ips: &[&str]| {
            let found: Vec<SocketAddr> = ips
                .iter()
                .map(|ip| SocketAddr::new(ip.parse().unwrap(), 0))
                .collect();
            permitted("x.example", is_named, &found)
                .map(|open| open.len())
                .map_err(|closed| closed.to_string())
        };
        assert_eq!(resolve(false, &["93.184.216.34", "10.0.0.1"]), Ok(1));
        assert_eq!(resolve(true, &["10.0.0.1", "fe80::1"]), Ok(1));
        assert!(
            resolve(false, &["10.0.0.1"])
                .unwrap_err()
                .contains("allow=x.example")
        );
        assert!(
            resolve(true, &["169.254.169.254"])
                .unwrap_err()
                .contains("metadata")
        );
        assert_eq!(resolve(false, &[]), Ok(0));
    }
}

//! Which addresses are of the public internet, and which are never data.
//!
//! The tables are IANA's special-purpose registries for IPv4 and IPv6 (RFC 6890 and what followed), a little
//! stricter: blocks for protocols are closed as a whole, for nobody serves data there. They are held against a copy
//! of the registries in the tests. `IpAddr::is_global` of the standard library would do for half of this and is unstable
//! (Rust 1.95); it does not know the metadata addresses of clouds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// First address and prefix length of blocks that are not of the public internet.
const NOT_PUBLIC_V4: [([u8; 4], u32); 15] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];
/// The only block of IPv6 that is given out for the public internet.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// Blocks within it that are not of the public internet: protocols, documentation, and 6to4.
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];
/// What clouds hang their metadata on besides link-local addresses (Azure, Alibaba).
const METADATA_V4: [Ipv4Addr; 2] = [
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
];
/// What clouds hang their metadata on in IPv6 (AWS, its Kubernetes, Google, Scaleway).
const METADATA_V6: [Ipv6Addr; 4] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
];

/// Whether an address is not of the public internet, whatever it is dressed as.
pub(super) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_private_v4(ip),
        IpAddr::V6(ip) => match carried(ip) {
            // A translator leads to the address that is carried, and nowhere else.
            Some(Carried::Whole(inner)) => is_private_v4(inner),
            Some(Carried::Relayed(_)) => true,
            None => {
                let within = |(block, length): &(Ipv6Addr, u32)| {
                    ip.to_bits() >> (128 - length) == block.to_bits() >> (128 - length)
                };
                !within(&GLOBAL_V6) || NOT_PUBLIC_V6.iter().any(within)
            }
        },
    }
}

/// Whether it is link-local or where a cloud keeps its metadata: no server may lead there, nor any name.
pub(super) fn is_metadata(ip: IpAddr) -> bool {
    let of_v4 = |ip: Ipv4Addr| ip.is_link_local() || METADATA_V4.contains(&ip);
    match ip {
        IpAddr::V4(ip) => of_v4(ip),
        IpAddr::V6(ip) => {
            let inner = carried(ip).map(|(Carried::Whole(inner) | Carried::Relayed(inner))| inner);
            ip.is_unicast_link_local() || METADATA_V6.contains(&ip) || inner.is_some_and(of_v4)
        }
    }
}

fn is_private_v4(ip: Ipv4Addr) -> bool {
    NOT_PUBLIC_V4.iter().any(|(block, length)| {
        let block = Ipv4Addr::from_octets(*block).to_bits();
        ip.to_bits() >> (32 - length) == block >> (32 - length)
    })
}

/// An IPv4 address in the clothes of IPv6.
enum Carried {
    /// The packet goes to the IPv4 address.
    Whole(Ipv4Addr),
    /// It goes there by a relay or tunnel, which is never what a server of data is reached by.
    Relayed(Ipv4Addr),
}

fn carried(ip: Ipv6Addr) -> Option<Carried> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low));
    match ip.segments() {
        // Mapped, and NAT64 by its well-known prefix (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Carried::Whole(v4(high, low)))
        }
        // Translated (RFC 2765), compatible, NAT64 by a local prefix (RFC 8215), 6to4, and ISATAP (RFC 5214).
        [0, 0, 0, 0, 0xffff | 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..]
        | [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => Some(Carried::Relayed(v4(high, low))),
        // Teredo turns the bits over.
        [0x2001, 0, _, _, _, _, high, low] => Some(Carried::Relayed(v4(!high, !low))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// IANA's registries as of 2025, first and last address of each block, and whether it is globally reachable.
    const REGISTRY: [(&str, &str, bool); 48] = [
        ("0.0.0.0", "0.255.255.255", false),
        ("10.0.0.0", "10.255.255.255", false),
        ("100.64.0.0", "100.127.255.255", false),
        ("127.0.0.0", "127.255.255.255", false),
        ("169.254.0.0", "169.254.255.255", false),
        ("172.16.0.0", "172.31.255.255", false),
        ("192.0.0.0", "192.0.0.7", false),
        ("192.0.0.8", "192.0.0.8", false),
        ("192.0.0.170", "192.0.0.171", false),
        ("192.0.2.0", "192.0.2.255", false),
        ("192.31.196.0", "192.31.196.255", true),
        ("192.52.193.0", "192.52.193.255", true),
        ("192.88.99.0", "192.88.99.255", false),
        ("192.168.0.0", "192.168.255.255", false),
        ("192.175.48.0", "192.175.48.255", true),
        ("198.18.0.0", "198.19.255.255", false),
        ("198.51.100.0", "198.51.100.255", false),
        ("203.0.113.0", "203.0.113.255", false),
        ("224.0.0.0", "239.255.255.255", false),
        ("240.0.0.0", "255.255.255.255", false),
        ("1.0.0.0", "9.255.255.255", true),
        ("11.0.0.0", "100.63.255.255", true),
        ("100.128.0.0", "126.255.255.255", true),
        ("128.0.0.0", "169.253.255.255", true),
        ("169.255.0.0", "172.15.255.255", true),
        ("172.32.0.0", "191.255.255.255", true),
        ("192.169.0.0", "198.17.255.255", true),
        ("198.20.0.0", "198.51.99.255", true),
        ("203.0.114.0", "223.255.255.255", true),
        ("::", "::1", false),
        ("::ffff:10.0.0.0", "::ffff:10.255.255.255", false),
        ("64:ff9b::a00:0", "64:ff9b::aff:ffff", false),
        ("64:ff9b::808:0", "64:ff9b::808:ffff", true),
        ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", false),
        ("100::", "100::ffff:ffff:ffff:ffff", false),
        ("100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff", false),
        ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", false),
        ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", false),
        ("2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", false),
        ("2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", true),
        (
            "2001:db8::",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            false,
        ),
        ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false),
        (
            "2620:4f:8000::",
            "2620:4f:8000:ffff:ffff:ffff:ffff:ffff",
            true,
        ),
        ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", false),
        ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false),
        ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false),
        ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false),
        ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false),
    ];

    #[test]
    fn public_is_what_the_registries_say() {
        for (first, last, is_public) in REGISTRY {
            for ip in [first, last] {
                assert_eq!(!is_private(ip.parse().unwrap()), is_public, "{ip}");
            }
        }
        // Unassigned, site-local, and the neighbours of what is closed.
        for closed in ["4000::1", "fec0::1", "1fff:ffff::1", "2001:1ff::1", "::2:3"] {
            assert!(is_private(closed.parse().unwrap()), "{closed}");
        }
        for open in [
            "2606:4700::1111",
            "2001:4860::8888",
            "3ffe::1",
            "2003::1",
            "8.8.8.8",
        ] {
            assert!(!is_private(open.parse().unwrap()), "{open}");
        }
    }

    #[test]
    fn metadata_is_known_in_all_clothes() {
        for never in [
            "169.254.169.254",
            "169.254.170.2",
            "168.63.129.16",
            "100.100.100.200",
            "fe80::a9fe:a9fe",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "2001:0:1:2:3:4:5601:5601",
            "2606:4700::5efe:a9fe:a9fe",
            "2606:4700::200:5efe:a83f:8110",
        ] {
            assert!(is_metadata(never.parse().unwrap()), "{never}");
        }
        for other in ["8.8.8.8", "10.0.0.1", "::1", "fd00::1", "64:ff9b::808:808"] {
            assert!(!is_metadata(other.parse().unwrap()), "{other}");
        }
    }
}

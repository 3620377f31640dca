//! The addresses that may be connected to (RFC 8725bis, section 3.10; R62).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The source of a host name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum HostOrigin {
    /// The operator's configuration: the host may be private or this machine.
    Configured,
    /// A fetched document: the host must be public.
    Learned,
}

/// Returns true if a host named by `origin` may have `address`. Link-local addresses, and those at
/// which clouds serve credentials, are never allowed.
pub(super) fn may_connect(address: IpAddr, origin: HostOrigin) -> bool {
    let (never, internal) = match canonical(address) {
        IpAddr::V4(address) => (never_v4(address), internal_v4(address)),
        IpAddr::V6(address) => (never_v6(address), internal_v6(address)),
    };
    !never && (origin == HostOrigin::Configured || !internal)
}

/// Unwraps an IPv4 address that is embedded in an IPv6 one.
fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address.to_canonical() else {
        return address.to_canonical();
    };
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match six.segments() {
        // NAT64 (RFC 6052), 6to4 (RFC 3056), and the deprecated "compatible" form.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => v4(high, low),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => v4(high, low),
        _ => IpAddr::V6(six),
    }
}

fn never_v4(address: Ipv4Addr) -> bool {
    /// Services outside of 169.254.0.0/16 that serve credentials: Alibaba, Azure, Oracle.
    const METADATA: [Ipv4Addr; 3] = [
        Ipv4Addr::new(100, 100, 100, 200),
        Ipv4Addr::new(168, 63, 129, 16),
        Ipv4Addr::new(192, 0, 0, 192),
    ];
    let [first, ..] = address.octets();
    first == 0
        || first >= 240
        || address.is_link_local()
        || address.is_multicast()
        || METADATA.contains(&address)
}

fn internal_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_documentation()
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (b == 18 || b == 19))
}

fn never_v6(address: Ipv6Addr) -> bool {
    /// Amazon's and Google's services that serve credentials.
    const METADATA: [Ipv6Addr; 2] = [
        Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
        Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    ];
    address.is_unspecified()
        || address.is_unicast_link_local()
        || address.is_multicast()
        || METADATA.contains(&address)
}

fn internal_v6(address: Ipv6Addr) -> bool {
    // Only 2000::/3 has ever been allocated; within it, 2001:db8::/32 is for documentation, and
    // 2001::/32 tunnels to an IPv4 address.
    let [first, second, ..] = address.segments();
    first & 0xe000 != 0x2000 || (first == 0x2001 && matches!(second, 0xdb8 | 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(address: &str, origin: HostOrigin) -> bool {
        may_connect(address.parse().unwrap(), origin)
    }

    #[test]
    fn r62_metadata_and_link_local_addresses_are_never_connected_to() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "::",
            "fe80::1",
            "febf::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "::169.254.169.254",
        ] {
            assert!(!may(address, HostOrigin::Configured), "{address}");
            assert!(!may(address, HostOrigin::Learned), "{address}");
        }
    }

    #[test]
    fn r62_a_learned_host_must_be_public_a_configured_one_need_not() {
        for address in [
            "127.0.0.1",
            "127.8.8.8",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "198.18.0.1",
            "198.19.255.1",
            "198.51.100.1",
            "203.0.113.1",
            "::1",
            "fd00::1",
            "fc00::1",
            "fec0::1",
            "2001:db8::1",
            "2001::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
        ] {
            assert!(may(address, HostOrigin::Configured), "{address}");
            assert!(!may(address, HostOrigin::Learned), "{address}");
        }
        for address in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"]
        {
            assert!(may(address, HostOrigin::Learned), "{address}");
        }
    }
}

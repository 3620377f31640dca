//! The allow list of `Host` names for the port of probes and metrics.
//!
//! A web page can point its own name at this address (DNS rebinding), and the browser then lets the
//! page read the responses. But the browser sends that name in `Host`, while Kubernetes probes,
//! Prometheus and load balancers connect by IP address and send the address.

use crate::config::AdminHosts;
use http::Request;
use http::header::HOST;
use http::uri::Authority;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The classification of the `Host` of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Host {
    /// A name that is not on the allow list.
    Foreign,
    /// An allowed name, or no name: HTTP/1.0 has no `Host`, and every browser sends one.
    Ours,
    /// Several `Host` fields, or one that is not a valid host (RFC 9112, section 3.2).
    Unclear,
}

/// Classifies the `Host` of a request.
pub(super) fn of<B>(request: &Request<B>, names: &AdminHosts) -> Host {
    if *names == AdminHosts::Any {
        return Host::Ours;
    }
    let mut fields = request.headers().get_all(HOST).iter();
    let (field, more) = (fields.next(), fields.next());
    if more.is_some() {
        return Host::Unclear;
    }
    let field = match field.map(|field| field.as_bytes()) {
        None | Some([]) => None,
        Some(field) => match Authority::try_from(field) {
            Ok(authority) => Some(authority),
            Err(_) => return Host::Unclear,
        },
    };
    // A request through a proxy names its target in absolute form (RFC 9112, section 3.2.2).
    let mut said = field.iter().chain(request.uri().authority());
    if said.all(|authority| is_ours(authority, names)) { Host::Ours } else { Host::Foreign }
}

/// The response body for a foreign `Host`.
pub(super) fn foreign() -> String {
    "probes and metrics do not answer under this `Host`; ask by IP address or `localhost`, or list \
     the name in `admin_hosts`\n"
        .to_owned()
}

fn is_ours(authority: &Authority, names: &AdminHosts) -> bool {
    // `127.0.0.1@evil.example` is not an address.
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host();
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if host == "localhost" || host.parse::<Ipv4Addr>().is_ok() {
        return true;
    }
    let named = |name: &String| match name.strip_prefix('.') {
        Some(_) => host.len() > name.len() && host.ends_with(&**name),
        None => host == *name,
    };
    match names {
        AdminHosts::Any => true,
        AdminHosts::Named(names) => names.iter().any(named),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(uri: &str, hosts: &[&str], names: &[&str]) -> Host {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        of(&request.body(()).unwrap(), &AdminHosts::Named(names))
    }

    #[test]
    fn probes_and_scrapers_are_answered() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:7520",
            "10.1.2.3:7520",
            "[::1]",
            "[::1]:7520",
            "[fd00::1:2]:7520",
            "localhost",
            "LocalHost:7520",
            "localhost.:7520",
            "",
        ] {
            assert_eq!(said("/metrics", &[host], &[]), Host::Ours, "{host}");
        }
        assert_eq!(said("/metrics", &[], &[]), Host::Ours, "HTTP/1.0");
        assert_eq!(said("http://10.1.2.3:7520/metrics", &["10.1.2.3:7520"], &[]), Host::Ours);
    }

    #[test]
    fn a_page_of_another_name_is_refused() {
        for host in [
            "evil.example",
            "evil.example:7520",
            "localhost.evil.example",
            "evil-localhost",
            "127.0.0.1.evil.example",
            "127.0.0.1.nip.io:7520",
            "127.0.0.1@evil.example",
            "evil@127.0.0.1",
            "1",
            "2130706433",
            "0x7f.1",
            "jwtd",
            "notjwtd.example",
            "jwtd.example.evil",
            "svc",
        ] {
            let names = ["jwtd.example", ".svc"];
            assert_eq!(said("/metrics", &[host], &names), Host::Foreign, "{host}");
        }
        let by_proxy = said("http://evil.example/metrics", &["127.0.0.1"], &[]);
        assert_eq!(by_proxy, Host::Foreign);
    }

    #[test]
    fn what_is_no_single_host_is_unclear() {
        for hosts in [
            &["127.0.0.1", "evil.example"][..],
            &["127.0.0.1", "127.0.0.1"],
            &["127.0.0.1, evil.example"],
            &["a b"],
            &["[::1"],
            &["http://127.0.0.1"],
        ] {
            assert_eq!(said("/metrics", hosts, &[]), Host::Unclear, "{hosts:?}");
        }
    }

    #[test]
    fn names_that_the_operator_wrote_are_answered() {
        let names = ["jwtd.example", ".svc", ".cluster.local"];
        for host in [
            "jwtd.example",
            "JWTD.example.:7520",
            "jwtd.orders.svc:7520",
            "jwtd.orders.svc.cluster.local",
        ] {
            assert_eq!(said("/metrics", &[host], &names), Host::Ours, "{host}");
        }
        let request = Request::builder().header(HOST, "evil.example").body(()).unwrap();
        assert_eq!(of(&request, &AdminHosts::Any), Host::Ours);
    }
}

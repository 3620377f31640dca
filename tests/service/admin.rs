//! Probes and metrics, and the host names for which they answer.

use crate::support::start;
use jwtd_testkit::launcher::waiting::Patient as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

#[test]
fn a_page_that_points_its_name_at_the_admin_port_reads_nothing() {
    let daemon = start("admin_hosts: [jwtd.example, .svc]\n");
    let ask = |path: &str, hosts: &[&str]| {
        let mut socket = TcpStream::connect(&daemon.admin).unwrap().patient();
        let fields: String = hosts.iter().map(|host| format!("Host: {host}\r\n")).collect();
        write!(socket, "GET {path} HTTP/1.1\r\n{fields}Connection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned())
    };
    let port = daemon.admin.rsplit_once(':').unwrap().1;
    for path in ["/livez", "/readyz", "/startupz", "/keys", "/metrics"] {
        for host in [
            daemon.admin.clone(),
            format!("localhost:{port}"),
            format!("[::1]:{port}"),
            "10.1.2.3".to_owned(),
            "jwtd.example".to_owned(),
            "jwtd.orders.svc".to_owned(),
        ] {
            assert_eq!(ask(path, &[&host]).0, "200", "{path} {host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "svc"] {
            let (status, text) = ask(path, &[host]);
            assert_eq!(status, "421", "{path} {host}");
            for part in ["IP address", "`localhost`", "`admin_hosts`"] {
                assert!(text.contains(part), "{path} {host}: {text}");
            }
            assert!(text.lines().count() == 1 && !text.contains(host), "{path} {host}: {text}");
        }
        for hosts in [&["127.0.0.1", "evil.example"], &["127.0.0.1", "127.0.0.1"]] {
            let answer = ("400".to_owned(), "there must be one `Host`\n".to_owned());
            assert_eq!(ask(path, hosts), answer, "{path} {hosts:?}");
        }
    }
}

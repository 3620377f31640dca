//! Issuers whose TLS identity cannot be verified.

use crate::Plan;
use crate::issuer::script::Step;
use crate::life::{self, Case, Scene};
use crate::pki::Pki;
use jwtd_testkit::measured::Row;
use rustls::ServerConfig;
use std::sync::Arc;

pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let shows = |name: &str, certificate: fn(&Pki) -> Arc<ServerConfig>| {
        encrypted(name, &["tls"], move |scene| {
            if let Some(pki) = &scene.pki {
                scene.issuer.set_tls(certificate(pki));
            }
        })
    };
    let cases = vec![
        shows("certificate expired", Pki::expired).in_short(),
        shows("certificate not yet valid", Pki::not_yet_valid),
        shows("certificate of another name", Pki::of_another_name).in_short(),
        shows("certificate self-signed", Pki::self_signed),
        shows("certificate of an unknown authority", Pki::of_a_stranger),
        encrypted("handshake never answered", &["timeout"], |scene| {
            scene.issuer.greet(Some(vec![Step::Hold]));
        }),
        encrypted("plain HTTP instead of a handshake", &["tls"], |scene| {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".to_vec();
            scene.issuer.greet(Some(vec![Step::Send(answer)]));
        }),
    ];
    life::rows(plan, cases)
}

fn encrypted(
    name: &str,
    outcomes: &'static [&'static str],
    inject: impl Fn(&Scene) + Send + Sync + 'static,
) -> Case {
    Case { tls: true, ..Case::fails(name, outcomes, inject) }
}

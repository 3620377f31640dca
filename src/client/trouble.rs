//! Words for calls that a daemon did not answer.

use super::Address;
use crate::{certificates, files};
use rustls::AlertDescription;
use std::error::Error;
use std::io;

/// Describes why a connection to `address` failed or broke.
pub(super) fn of(address: &Address, error: &(dyn Error + 'static)) -> String {
    let text = address.to_string();
    let (what, fix) = match cause(error) {
        Cause::Tls(what) => (what, tls_fix(&text)),
        Cause::System(error) => (files::words::of_io(error), system_fix(error, &text)),
        Cause::Timeout => {
            ("there was no answer in time".to_owned(), "check the address".to_owned())
        }
        Cause::Protocol => {
            let what = if text.starts_with("tls://") {
                "the peer closed the TLS connection"
            } else {
                "the server does not speak HTTP/2 without TLS"
            };
            (what.to_owned(), protocol_fix(&text))
        }
    };
    format!("{text}: cannot connect: {what}; fix: {fix}")
}

/// Returns true if the status was made by the client because no response came.
pub(super) fn is_of_connection(status: &tonic::Status) -> bool {
    status.source().is_some()
}

enum Cause<'e> {
    Tls(String),
    System(&'e io::Error),
    Timeout,
    Protocol,
}

/// Finds the innermost error of a chain that names a cause.
fn cause<'e>(error: &'e (dyn Error + 'static)) -> Cause<'e> {
    let mut next = Some(error);
    let mut found = Cause::Protocol;
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Cause::Tls(certificates::words::of(error));
        }
        if let Some(alert) = alert(error) {
            return Cause::Tls(certificates::words::of(&rustls::Error::AlertReceived(alert)));
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            if let Some(inner) = error.get_ref() {
                if inner.is::<rustls::Error>() {
                    return Cause::Tls(certificates::words::of_io(error));
                }
                next = Some(inner);
                continue;
            }
            let broke = matches!(
                error.kind(),
                io::ErrorKind::BrokenPipe
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::UnexpectedEof
            );
            found = if broke { Cause::Protocol } else { Cause::System(error) };
        } else if error.is::<tonic::TimeoutExpired>() {
            found = Cause::Timeout;
        }
        next = error.source();
    }
    found
}

/// The alert that the peer sent after the handshake. In TLS 1.3 a server refuses a client
/// certificate only then, and the HTTP/2 library passes on nothing but the name of the alert (RFC
/// 8446, section 6).
fn alert(error: &(dyn Error + 'static)) -> Option<AlertDescription> {
    const ALERTS: [(&str, AlertDescription); 6] = [
        ("CertificateRequired", AlertDescription::CertificateRequired),
        ("CertificateExpired", AlertDescription::CertificateExpired),
        ("CertificateUnknown", AlertDescription::CertificateUnknown),
        ("UnknownCA", AlertDescription::UnknownCA),
        ("BadCertificate", AlertDescription::BadCertificate),
        ("DecryptError", AlertDescription::DecryptError),
    ];
    let text = error.to_string();
    ALERTS.into_iter().find(|(name, _)| text.contains(name)).map(|(_, alert)| alert)
}

fn tls_fix(address: &str) -> String {
    match address.strip_prefix("tls://") {
        Some(authority) => format!(
            "give the authority with --ca-file, a certificate with --cert-file and --key-file, \
             or tcp://{authority} if it has no TLS"
        ),
        None => "check the address".to_owned(),
    }
}

fn system_fix(error: &io::Error, address: &str) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied if address.starts_with("unix://") => {
            "be in the group of the socket, or change its `mode`".to_owned()
        }
        _ => "start the daemon, or say with --endpoint where it is".to_owned(),
    }
}

fn protocol_fix(address: &str) -> String {
    match address.split_once("://") {
        Some(("tcp", authority)) => format!(
            "write tls://{authority} if it has TLS, and check the port: probes and metrics have \
             another"
        ),
        Some(("tls", authority)) => format!(
            "give a client certificate with --cert-file and --key-file if it demands one, write \
             tcp://{authority} if it has no TLS, and check the port: probes and metrics have another"
        ),
        _ => "check the address: probes and metrics have another".to_owned(),
    }
}

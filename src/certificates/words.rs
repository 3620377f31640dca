//! Words for TLS errors and certificate errors.

use crate::files;
use rustls::{AlertDescription, CertificateError, Error, InconsistentKeys, InvalidMessage};
use std::io;

/// Describes a TLS error, as the end of a sentence.
#[must_use]
pub fn of(error: &Error) -> String {
    let words = match error {
        Error::InvalidCertificate(error) => return of_certificate(error),
        Error::AlertReceived(alert) => return of_alert(*alert),
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge,
        ) => "the server does not speak TLS",
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            "the private key is not that of the first certificate"
        }
        Error::NoCertificatesPresented => "the peer sent no certificate",
        Error::NoApplicationProtocol => "the peer does not speak HTTP/2",
        Error::PeerIncompatible(_) => "both sides have no TLS version, or no algorithm, in common",
        Error::PeerMisbehaved(_)
        | Error::InvalidMessage(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::PeerSentOversizedRecord => "the peer violates the TLS protocol",
        Error::DecryptError => "the received data was altered in transit",
        Error::General(_) => {
            "the key is of a kind that is not supported; RSA from 2048 bits, ECDSA over P-256 or \
             P-384, and Ed25519 are"
        }
        _ => "the TLS connection failed",
    };
    words.to_owned()
}

/// Describes a connection error, which may wrap a TLS error.
#[must_use]
pub fn of_io(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(error) => of(error),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the peer closed the connection during the handshake".to_owned()
        }
        None => files::words::of_io(error),
    }
}

fn of_certificate(error: &CertificateError) -> String {
    let words = match error {
        CertificateError::BadEncoding => "the certificate is damaged",
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not yet valid; compare the clocks"
        }
        CertificateError::Revoked => "the certificate is revoked",
        CertificateError::UnknownIssuer => {
            "the certificate was issued by an authority that is not trusted here; fix: give that \
             authority as the CA file"
        }
        CertificateError::BadSignature => {
            "the signature of the certificate is not that of its authority"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate is for other names than the requested one"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the certificate is not for this purpose (its extended key usage)"
        }
        // Matched by its name, because the type is private to the library.
        CertificateError::Other(inner) if inner.to_string().contains("CaUsedAsEndEntity") => {
            "the certificate is that of an authority (`CA:TRUE`) and cannot stand for a host; \
             issue one for the host with it"
        }
        _ => "the certificate cannot be verified",
    };
    words.to_owned()
}

/// Describes the alert that the peer sent before it closed the connection (RFC 8446, section 6).
fn of_alert(alert: AlertDescription) -> String {
    let words = match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            "the peer requires a client certificate; fix: give one with its key"
        }
        AlertDescription::UnknownCA => "the peer does not trust the authority of our certificate",
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::AccessDenied
        | AlertDescription::DecryptError => "the peer refuses our certificate",
        AlertDescription::CertificateExpired => "the peer says that our certificate has expired",
        AlertDescription::CertificateRevoked => "the peer says that our certificate is revoked",
        AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure => {
            "both sides have no TLS version, or no algorithm, in common"
        }
        AlertDescription::NoApplicationProtocol => "the peer does not speak HTTP/2",
        AlertDescription::UnrecognisedName => "the peer does not serve this host name",
        AlertDescription::CloseNotify => "the peer closed the connection",
        _ => "the peer refuses the TLS connection",
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_type_is_shown() {
        let certificate = Error::InvalidCertificate;
        for error in [
            certificate(CertificateError::UnknownIssuer),
            certificate(CertificateError::Expired),
            certificate(CertificateError::ApplicationVerificationFailure),
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch),
            Error::AlertReceived(AlertDescription::CertificateRequired),
            Error::InvalidMessage(InvalidMessage::InvalidContentType),
            Error::General("failed to parse private key".to_owned()),
        ] {
            let words = of(&error);
            let camel = |word: &str| {
                word.chars().skip(1).any(char::is_uppercase) && word.chars().any(char::is_lowercase)
            };
            assert!(!words.split_whitespace().any(camel), "{words}");
            let wrapped = io::Error::other(error.clone());
            assert_eq!(of_io(&wrapped), words);
        }
    }
}

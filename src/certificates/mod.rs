//! Reads certificates and private keys from files: for sockets, for the CAs of clients, and for key
//! servers. All messages about faults in them are worded here and nowhere else.

mod validity;
pub mod words;

pub use validity::{Standing, Validity};

use crate::files;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::path::Path;
use zeroize::Zeroizing;

/// A fault in a file, and its fix.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{what}; fix: {fix}")]
pub struct BadFile {
    /// The fault, with the path of the file.
    pub what: String,
    /// The fix.
    pub fix: String,
}

impl BadFile {
    /// Describes a file that cannot be used.
    #[must_use]
    pub fn new(file: &Path, what: impl std::fmt::Display, fix: &str) -> Self {
        Self { what: format!("{}: {what}", file.display()), fix: fix.to_owned() }
    }
}

/// Reads the certificates of a PEM file in file order; there is at least one.
///
/// # Errors
/// If the file cannot be read, or holds none.
pub fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, BadFile> {
    let text = read(file)?;
    let chain = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| damaged(file, &error))?;
    if !chain.is_empty() {
        return Ok(chain);
    }
    Err(if holds(&text, "PRIVATE KEY-----") {
        let fix = "name the file of the certificate here, and that of the key in `key_file`";
        BadFile::new(file, "holds no certificate, but a private key", fix)
    } else {
        not_pem(file, &text, "no certificate", "openssl x509 -inform der -in FILE -out FILE.pem")
    })
}

/// Reads the private key of a PEM file.
///
/// # Errors
/// If the file cannot be read, or holds none.
pub fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, BadFile> {
    let text = read(file)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound if holds(&text, "ENCRYPTED PRIVATE KEY-----") => {
            let fix = "take the password off: openssl pkey -in FILE -out FILE.pem";
            BadFile::new(file, "the private key is encrypted with a password", fix)
        }
        pem::Error::NoItemsFound if holds(&text, "BEGIN CERTIFICATE-----") => {
            let fix = "name the file of the key here, and that of the certificate in `cert_file`";
            BadFile::new(file, "holds no private key, but a certificate", fix)
        }
        pem::Error::NoItemsFound => not_pem(
            file,
            &text,
            "no private key",
            "openssl pkey -inform der -in FILE -out FILE.pem",
        ),
        error => damaged(file, &error),
    })
}

/// Checks that a private key belongs to the first certificate of a chain.
///
/// # Errors
/// If it does not, or is of a kind that is not supported.
pub fn check_pair(
    (file, chain): (&Path, Vec<CertificateDer<'static>>),
    key: PrivateKeyDer<'static>,
) -> Result<(), BadFile> {
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(chain, key, &provider).map(drop).map_err(|error| unfit(file, &error))
}

/// Describes why TLS rejects a certificate or its key.
#[must_use]
pub fn unfit(file: &Path, error: &rustls::Error) -> BadFile {
    let fix = "give the certificate of the host first, then its chain, and the key that belongs to \
               the first";
    BadFile::new(file, words::of(error), fix)
}

fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, BadFile> {
    files::read(file, files::MOST).map(Zeroizing::new).map_err(|error| {
        let cause = files::words::of_io(&error);
        let what = format!("{} cannot be read: {cause}", file.display());
        BadFile { what, fix: "check the path and the permissions of the file".to_owned() }
    })
}

fn holds(text: &[u8], label: &str) -> bool {
    text.windows(label.len()).any(|part| part == label.as_bytes())
}

fn not_pem(file: &Path, text: &[u8], none: &str, convert: &str) -> BadFile {
    // The tag of a SEQUENCE: every certificate and key begins with it (X.690, section 8.9).
    if text.first() == Some(&0x30) {
        return BadFile::new(file, "is DER and not PEM", &format!("convert it: {convert}"));
    }
    let fix = "write it in PEM: `-----BEGIN ...-----`, base64, `-----END ...-----`";
    BadFile::new(file, format!("holds {none}"), fix)
}

fn damaged(file: &Path, error: &pem::Error) -> BadFile {
    let what = match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no `-----END ...-----` line",
        pem::Error::IllegalSectionStart { .. } => "a `-----BEGIN ...-----` line is damaged",
        pem::Error::Base64Decode(_) => "what stands in a section is not base64",
        pem::Error::SectionTooLarge => "a section is too large",
        _ => "it is not PEM",
    };
    BadFile::new(file, what, "write the file again, whole, from where it came")
}

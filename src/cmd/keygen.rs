//! `jwtd keygen`: makes keys.

mod halves;

use super::key_file::{self, is_standard};
use super::progress::Progress;
use super::{fail, number};
use clap::{Args, ValueEnum};
use halves::{Halves, KeyUse, Making};
use jwtd_core::crypto::RsaSize;
use jwtd_core::jose::limits::KEY_ID_BYTES;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zeroize::Zeroizing;

/// Make keys for tests and for issuers
///
/// The private half goes to the file of `--private`, which nobody else can read and
/// which must not exist yet; the public half goes to standard output, ready for
/// `keys.jwks_file` (or `keys.pem_file`) of the configuration. A shared secret
/// (HS256, HS384, HS512) has no public half: its file serves `keys.secret_file` with
/// `secret_format: jwks`.
///
/// With `--use enc` the keys are for encrypted tokens: the private half is for
/// `decryption_keys.file`, the public half for those who encrypt.
///
/// Example: jwtd keygen --private key.json > jwks.json
#[derive(Args, Debug)]
pub(super) struct Command {
    /// The purpose of the keys
    #[arg(long, value_enum, default_value_t)]
    r#use: KeyUse,
    /// The algorithm of the key; by default ES256, or RSA-OAEP-256 with `--use enc`
    #[arg(long, value_parser = halves::algorithm(), ignore_case = true)]
    alg: Option<halves::KeyAlgorithm>,
    /// The curve of an ECDH-ES key; by default P-256
    #[cfg(feature = "jwe")]
    #[arg(long, value_parser = halves::curve(), ignore_case = true)]
    crv: Option<jwtd_core::jose::AgreementCurve>,
    /// With `--alg dir`: the content encryption, which determines the length of the secret; by
    /// default A256GCM
    #[cfg(feature = "jwe")]
    #[arg(long, value_parser = key_file::encryption(), ignore_case = true)]
    enc: Option<jwtd_core::jose::ContentEncryption>,
    /// The size of an RSA key
    #[arg(long, value_enum, value_name = "BITS", default_value_t)]
    rsa_bits: Bits,
    /// The id of the key; by default its RFC 7638 thumbprint, or random for a secret
    #[arg(long, allow_hyphen_values = true, value_name = "ID")]
    kid: Option<String>,
    /// The format of both halves
    #[arg(long, value_enum, default_value_t)]
    format: KeyFormat,
    /// The number of keys in the sets, 1 to 100
    #[arg(long, default_value_t = 1, value_parser = number::<u8>(1..=100))]
    count: u8,
    /// The file for the private half; `-` prints it
    #[arg(long, value_name = "FILE")]
    private: PathBuf,
    /// The file for the public half; by default standard output
    #[arg(long, value_name = "FILE")]
    public: Option<PathBuf>,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Bits {
    #[default]
    #[value(name = "2048")]
    Bits2048,
    #[value(name = "3072")]
    Bits3072,
    #[value(name = "4096")]
    Bits4096,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum KeyFormat {
    /// One JSON Web Key
    Jwk,
    /// A JSON Web Key Set
    #[default]
    Jwks,
    /// PKCS #8 and SubjectPublicKeyInfo
    Pem,
}

impl Command {
    pub(super) fn run(self) -> ExitCode {
        if let Err(message) = self.check() {
            note!("jwtd: {message}");
            return ExitCode::from(2);
        }
        match self.make() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(error),
        }
    }

    /// Rejects flags that conflict.
    fn check(&self) -> Result<(), &'static str> {
        let making = self.making(RsaSize::default())?;
        let secret = making.is_secret();
        if secret && self.public.is_some() {
            return Err("a shared secret has no public half; leave --public out");
        }
        if secret && self.format == KeyFormat::Pem {
            return Err("a shared secret has no PEM form; use --format jwk or jwks");
        }
        if self.count > 1 && self.format != KeyFormat::Jwks {
            return Err("--count needs --format jwks: the other formats hold one key");
        }
        if self.count > 1 && self.kid.is_some() {
            return Err("--kid names one key; leave it out with --count");
        }
        if self.kid.as_ref().is_some_and(|id| id.is_empty() || id.len() > KEY_ID_BYTES) {
            return Err("--kid must have 1 to 256 bytes");
        }
        match &self.public {
            Some(public) if *public == self.private => {
                Err("--private and --public name the same place")
            }
            _ => Ok(()),
        }
    }

    fn make(&self) -> Result<(), String> {
        let public_path = match &self.public {
            Some(path) => Some(path.as_path()),
            // Standard output carries one half, never both.
            None if is_standard(&self.private) => None,
            None => Some(Path::new("-")),
        };
        // Check before any work, so that no half is written without the other.
        let files = [Some(self.private.as_path()), public_path].into_iter().flatten();
        for path in files.filter(|path| !is_standard(path) && !self.force) {
            if path.symlink_metadata().is_ok() {
                return Err(format!("{} exists; --force replaces it", path.display()));
            }
        }
        let size = match self.rsa_bits {
            Bits::Bits2048 => RsaSize::Bits2048,
            Bits::Bits3072 => RsaSize::Bits3072,
            Bits::Bits4096 => RsaSize::Bits4096,
        };
        let mut progress = Progress::new(self.count.into(), "keys");
        let making = self.making(size)?;
        let keys = (0..self.count)
            .map(|_| {
                let key = making.make(self.kid.as_deref(), self.format == KeyFormat::Pem);
                progress.step(1);
                key
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| error.to_string())?;
        let (private, public) = self.join(&keys);
        key_file::write(&self.private, &private, true, self.force)?;
        if let (Some(public), Some(path)) = (public, public_path) {
            key_file::write(path, &public, false, self.force)?;
        }
        if !is_standard(&self.private) {
            let what = if keys.len() == 1 { "private key" } else { "private keys" };
            note!("jwtd: the {what} went to {}; keep it secret", self.private.display());
        }
        Ok(())
    }

    /// The kind of key to generate, or the conflict between the flags.
    fn making(&self, size: RsaSize) -> Result<Making, &'static str> {
        #[cfg(feature = "jwe")]
        return Making::new(self.r#use, self.alg, size, self.crv, self.enc);
        #[cfg(not(feature = "jwe"))]
        return Making::new(self.r#use, self.alg, size);
    }

    /// Joins the texts of both halves of all keys.
    fn join(&self, keys: &[Halves]) -> (Zeroizing<String>, Option<String>) {
        if let (KeyFormat::Pem, [Halves { private, public }]) = (self.format, keys) {
            return (private.clone(), public.clone());
        }
        let private: Vec<&str> = keys.iter().map(|key| key.private.as_str()).collect();
        let private = Zeroizing::new(self.enclose(&private));
        let public: Option<Vec<&str>> = keys.iter().map(|key| key.public.as_deref()).collect();
        (private, public.map(|public| self.enclose(&public)))
    }

    fn enclose(&self, jwks: &[&str]) -> String {
        match (self.format, jwks) {
            (KeyFormat::Jwk, [jwk]) => format!("{jwk}\n"),
            _ => format!("{{\"keys\":[\n{}\n]}}\n", jwks.join(",\n")),
        }
    }
}

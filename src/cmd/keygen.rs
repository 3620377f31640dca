//! `jwtd keygen`: makes keys.

use super::key_file::{self, is_standard};
use super::progress::Progress;
use super::{fail, number};
use clap::{Args, ValueEnum};
use jwtd_core::crypto::{PrivateKey, RsaSize, SigningError};
use jwtd_core::jose::limits::KEY_ID_BYTES;
use jwtd_core::jose::{Algorithm, Family, base64url};
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
/// Example: jwtd keygen --private key.json > jwks.json
#[derive(Args, Debug)]
pub(super) struct Command {
    /// The algorithm that the key signs with
    #[arg(long, value_parser = key_file::algorithm(), default_value = "ES256", ignore_case = true)]
    alg: Algorithm,
    /// The size of an RSA key
    #[arg(long, value_enum, value_name = "BITS", default_value_t)]
    rsa_bits: Bits,
    /// The id of the key; by default its RFC 7638 thumbprint, or random for a secret
    #[arg(long, allow_hyphen_values = true, value_name = "ID")]
    kid: Option<String>,
    /// How both halves are written
    #[arg(long, value_enum, default_value_t)]
    format: KeyFormat,
    /// How many keys the sets hold, 1 to 100
    #[arg(long, default_value_t = 1, value_parser = number::<u8>(1..=100))]
    count: u8,
    /// Where the private half goes; `-` prints it
    #[arg(long, value_name = "FILE")]
    private: PathBuf,
    /// Where the public half goes; by default to standard output
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

    /// Flags that do not go together.
    fn check(&self) -> Result<(), &'static str> {
        let secret = self.alg.family() == Family::Hmac;
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
            // Standard output holds one half, never both.
            None if is_standard(&self.private) => None,
            None => Some(Path::new("-")),
        };
        // Before any work, so that no half is written without the other.
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
        let keys = (0..self.count)
            .map(|_| {
                let key = PrivateKey::generate(self.alg, size).and_then(|key| self.name(key));
                progress.step(1);
                key
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| error.to_string())?;
        let (private, public) = self.write(&keys).map_err(|error| error.to_string())?;
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

    fn name(&self, key: PrivateKey) -> Result<PrivateKey, SigningError> {
        if let Some(id) = &self.kid {
            return Ok(key.with_id(id));
        }
        // The thumbprint of a secret must not be shown (RFC 7638, section 7).
        let id = match key.family() {
            Family::Hmac => super::random_id()?,
            Family::Ecdsa(_) | Family::Ed25519 | Family::Rsa => {
                let public = key.bind(self.alg)?.verifying_key().ok_or(SigningError::Key)?;
                base64url::encode(public.thumbprint())
            }
        };
        Ok(key.with_id(&id))
    }

    /// The texts of both halves.
    fn write(
        &self,
        keys: &[PrivateKey],
    ) -> Result<(Zeroizing<String>, Option<String>), SigningError> {
        if let (KeyFormat::Pem, [key]) = (self.format, keys) {
            let pem = key.to_pem().ok_or(SigningError::Key)?;
            return Ok((pem, key.public_pem()));
        }
        let mut private = Vec::new();
        let mut public = Vec::new();
        for key in keys {
            private.push(key.to_jwk()?);
            public.push(key.bind(self.alg)?.to_jwk(key.id().unwrap_or_default()));
        }
        let private: Vec<&str> = private.iter().map(|jwk| jwk.as_str()).collect();
        let private = Zeroizing::new(self.enclose(&private));
        let public: Vec<&str> = public.iter().map(String::as_str).collect();
        let public = (self.alg.family() != Family::Hmac).then(|| self.enclose(&public));
        Ok((private, public))
    }

    fn enclose(&self, jwks: &[&str]) -> String {
        match (self.format, jwks) {
            (KeyFormat::Jwk, [jwk]) => format!("{jwk}\n"),
            _ => format!("{{\"keys\":[\n{}\n]}}\n", jwks.join(",\n")),
        }
    }
}

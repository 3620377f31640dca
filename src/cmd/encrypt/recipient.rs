//! The recipient of encrypted tokens, and the algorithms.

use crate::cmd::key_file;
use crate::cmd::sign::Trouble;
use clap::Args;
use jwtd_core::crypto::EncryptionKey;
use jwtd_core::jose::{ContentEncryption, KeyManagement};
use std::path::Path;

/// The recipient's algorithms and key.
#[derive(Args, Debug)]
pub(in crate::cmd) struct Recipient {
    /// The key management algorithm; by default that of the key, or the usual one for its kind
    #[arg(long, value_name = "ALG", value_parser = key_file::key_management(), ignore_case = true)]
    encrypt_alg: Option<KeyManagement>,
    /// The content encryption; by default A256GCM, or the one that fits a shared secret
    #[arg(long, value_name = "ENC", value_parser = key_file::encryption(), ignore_case = true)]
    encrypt_enc: Option<ContentEncryption>,
    /// The recipient's key, if the file holds several
    #[arg(long, allow_hyphen_values = true, value_name = "ID")]
    encrypt_kid: Option<String>,
    /// `cty` in the header around the token; empty leaves it out
    #[arg(long, default_value = "JWT", value_name = "TYPE")]
    cty: String,
}

/// Encrypts tokens.
pub(in crate::cmd) struct Sealer {
    key: EncryptionKey,
    algorithm: KeyManagement,
    encryption: ContentEncryption,
    more: String,
}

impl Recipient {
    /// True if one of `--encrypt-alg`, `--encrypt-enc` and `--encrypt-kid` is given.
    pub(in crate::cmd) fn is_given(&self) -> bool {
        self.encrypt_alg.is_some() || self.encrypt_enc.is_some() || self.encrypt_kid.is_some()
    }

    /// Reads the selected key.
    ///
    /// # Errors
    /// If there is none, or it has no algorithm.
    pub(in crate::cmd) fn sealer(&self, path: &Path) -> Result<Sealer, Trouble> {
        let file = path.display();
        let text = key_file::read_text(path, false).map_err(Trouble::Failure)?;
        let found = EncryptionKey::parse(&text);
        let found = found.map_err(|error| Trouble::Failure(format!("{file}: {error}")))?;
        let mut keys = Vec::new();
        for (index, key) in found.into_iter().enumerate() {
            match key {
                Ok(key) => keys.push(key),
                Err(error) => note!("jwtd: warning: {file}: key {index} is skipped: {error}"),
            }
        }
        if keys.len() > 1 {
            let ids: Vec<_> = keys.iter().map(|key| key.id().unwrap_or("(none)")).collect();
            let ids = ids.join(", ");
            let Some(wanted) = &self.encrypt_kid else {
                let message = format!("several keys; choose with --encrypt-kid: {ids}");
                return Err(Trouble::Usage(message));
            };
            keys.retain(|key| key.id() == Some(wanted));
            if keys.is_empty() {
                return Err(Trouble::Usage(format!("no key {wanted:?}; there are: {ids}")));
            }
        }
        let none = || Trouble::Failure(format!("{file}: no key to encrypt to"));
        let key = keys.into_iter().next().ok_or_else(none)?;
        let algorithm = self.encrypt_alg.or_else(|| key.algorithm()).ok_or_else(|| {
            Trouble::Usage("a secret without `alg` needs --encrypt-alg, such as A256KW".to_owned())
        })?;
        let encryption = self.encrypt_enc.unwrap_or_else(|| key.encryption(algorithm));
        let cty = serde_json::Value::from(&*self.cty);
        let more = if self.cty.is_empty() { String::new() } else { format!(r#","cty":{cty}"#) };
        Ok(Sealer { key, algorithm, encryption, more })
    }
}

impl Sealer {
    /// Encrypts one token.
    ///
    /// # Errors
    /// If the algorithms do not fit the key.
    pub(in crate::cmd) fn seal(&self, token: &[u8]) -> Result<String, Trouble> {
        let sealed = self.key.encrypt_compact(self.algorithm, self.encryption, &self.more, token);
        sealed.map_err(|error| Trouble::Failure(error.to_string()))
    }
}

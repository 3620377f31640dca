//! `jwtd decrypt`: decrypts tokens.

use super::{fail, key_file, terminal, tokens};
use clap::Args;
use jwtd_core::crypto::{DecryptionKey, KeyFit, RecipientKey};
use jwtd_core::jose::{
    CompactJwe, ContentEncryptionSet, JweHeader, KeyManagement, KeyManagementSet, Limits,
};
use std::path::PathBuf;
use std::process::ExitCode;

/// Decrypt tokens, to show their contents
///
/// Reads encrypted tokens from standard input, one a line, and prints the contents of each, usually
/// a signed token. Nothing is verified: anyone who has the public key can have made the token. The
/// key is a private JWK, JWK Set or PEM, or a shared secret, as for `decryption_keys` of the
/// configuration.
///
/// Example: jwtd decrypt --key private.json < token.txt | jwtd inspect
#[derive(Args, Debug)]
pub(super) struct Command {
    /// The file with the private key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The algorithm of a key that states none; required for RSA-OAEP (with SHA-1) and for secrets
    #[arg(long, value_parser = key_file::key_management(), ignore_case = true)]
    alg: Option<KeyManagement>,
}

impl Command {
    pub(super) fn run(self) -> ExitCode {
        let keys = match self.keys() {
            Ok(keys) => keys,
            Err(message) => return fail(message),
        };
        let tokens = match tokens::read() {
            Ok(tokens) => tokens,
            Err(code) => return code,
        };
        let mut good = true;
        for (index, token) in tokens.iter().enumerate() {
            match open(token, &keys) {
                Ok(text) => say!("{}", String::from_utf8_lossy(&text)),
                Err(message) => {
                    good = false;
                    terminal::message(&format!("jwtd: token {}: {message}", index + 1));
                }
            }
        }
        if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn keys(&self) -> Result<Vec<DecryptionKey>, String> {
        let file = self.key.display();
        let text = key_file::read_text(&self.key, true)?;
        let found = RecipientKey::parse(&text).map_err(|error| format!("{file}: {error}"))?;
        let allowed = self.alg.map(|alg| KeyManagementSet::from_iter([alg]));
        let mut keys = Vec::new();
        let mut skipped = String::new();
        for (index, key) in found.into_iter().enumerate() {
            let bound = key.map(|key| key.bind(allowed, ContentEncryptionSet::default()));
            match bound {
                Ok(Ok(key)) => keys.push(key),
                Ok(Err(error)) => skipped.push_str(&format!("; key {index}: {error}")),
                Err(error) => skipped.push_str(&format!("; key {index}: {error}")),
            }
        }
        if keys.is_empty() { Err(format!("{file}: no usable key{skipped}")) } else { Ok(keys) }
    }
}

/// Decrypts a token.
fn open(token: &[u8], keys: &[DecryptionKey]) -> Result<Vec<u8>, String> {
    let limits = &Limits { token_bytes: Limits::MAX_TOKEN_BYTES, ..Limits::DEFAULT };
    let jwe = CompactJwe::split(token, limits)
        .ok_or("it does not have five parts, so it is not a JWE")?;
    let words = |error: jwtd_core::jose::Malformed| error.to_string();
    let header = JweHeader::parse(&jwe.header(limits).map_err(words)?, limits).map_err(words)?;
    let parts = jwe.parts(header.encryption, limits).map_err(words)?;
    let id = header.key_id.as_deref();
    let named = |key: &&DecryptionKey| key.id().is_none() || id.is_none() || key.id() == id;
    let fits = |key: &&DecryptionKey| key.fit(&header) == KeyFit::Fits;
    let mut why = format!(
        "no key of the file fits its `kid`, {} and {}",
        header.algorithm, header.encryption
    );
    for key in keys.iter().filter(named).filter(fits) {
        match key.decrypt(&header, &parts) {
            Ok(text) => return Ok(text.to_vec()),
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

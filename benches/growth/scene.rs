//! Issuers with their keys and tokens, and daemons that trust them.

use crate::daemon;
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, UnixTime};
use jwtd_testkit::bench::form::{self, Form};
use jwtd_testkit::launcher::Folder;
use jwtd_testkit::measured::{Outcome, Server};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The settings of a daemon without a cache.
pub(crate) const COLD: &str = "cache: { max_bytes: 0 }\n";

/// The default number of tokens in a batch.
pub(crate) const BATCH: usize = 256;

pub(crate) struct Scene {
    folder: Folder,
    now: UnixTime,
}

pub(crate) struct Issuer {
    name: String,
    url: String,
    algorithm: Algorithm,
    /// The keys with their `kid`.
    keys: Vec<(String, SigningKey)>,
}

impl Issuer {
    /// Creates an issuer; all issuer names have the same length, and so do all key IDs.
    pub(crate) fn new(number: usize, algorithm: Algorithm, keys: usize) -> Outcome<Self> {
        let name = format!("i{number:04}");
        let keys = (0..keys).map(|key| Ok((format!("k{key:05}"), key_of(algorithm)?)));
        let url = format!("https://{name}.test");
        Ok(Self { name, url, algorithm, keys: keys.collect::<Outcome<_>>()? })
    }

    /// The forms of its tokens, one for each key.
    pub(crate) fn forms(&self, length: usize, now: UnixTime) -> Outcome<Vec<Form<'_>>> {
        let forms = self.keys.iter().map(|(id, key)| Form::new(key, &self.url, id, length, now));
        Ok(forms.collect::<Result<_, _>>()?)
    }
}

fn key_of(algorithm: Algorithm) -> Outcome<SigningKey> {
    Ok(SigningKey::generate(algorithm)?)
}

impl Scene {
    pub(crate) fn new(now: UnixTime) -> Outcome<Self> {
        Ok(Self { folder: Folder::new(), now })
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.now
    }

    /// Builds `count` batches of `size` tokens, spread evenly over issuers and keys.
    pub(crate) fn batches(
        &self,
        issuers: &[Issuer],
        length: usize,
        count: usize,
        size: usize,
    ) -> Outcome<Vec<Vec<String>>> {
        let forms = issuers.iter().map(|issuer| issuer.forms(length, self.now));
        let forms: Vec<_> = forms.collect::<Outcome<Vec<_>>>()?.into_iter().flatten().collect();
        let step = (forms.len() / (count * size)).max(1);
        let tokens = forms.iter().step_by(step).cycle().take(count * size).enumerate();
        let tokens = tokens.map(|(number, form)| form.token(number));
        let tokens: Vec<String> = tokens.collect::<Result<_, _>>()?;
        Ok(tokens.chunks(size).map(<[String]>::to_vec).collect())
    }

    /// Starts a daemon that trusts these issuers; returns the time until it was serving. It has its
    /// own folder, so that files written for another daemon do not wake it.
    pub(crate) async fn daemon(
        &self,
        name: &str,
        settings: &str,
        issuers: &[Issuer],
    ) -> Outcome<(Arc<Server>, Duration)> {
        let folder = self.folder.path(name);
        std::fs::create_dir_all(&folder)?;
        let mut text = format!("{settings}issuers:\n");
        for Issuer { name, url, algorithm, keys } in issuers {
            let jwks: Vec<_> = keys.iter().map(|(id, key)| key.to_jwk(id)).collect();
            text += &daemon::issuer(&folder, name, url, *algorithm, &jwks)?;
        }
        let names: Vec<_> = issuers.iter().map(|issuer| issuer.name.as_str()).collect();
        let (names, audience) = (names.join(", "), form::AUDIENCE);
        text += &format!(
            "profiles: {{ default: {{ issuers: [{names}], audiences: [{audience}] }} }}\n"
        );
        let start = Instant::now();
        let server = daemon::start(&folder, "d", &text, None).await?;
        Ok((Arc::new(server), start.elapsed()))
    }
}

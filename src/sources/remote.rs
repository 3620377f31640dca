//! The key set of one issuer, from the web.

use super::destination::HostOrigin;
use super::error::{Cause, SourceError};
use super::fetch::{Document, Fetch};
use super::metadata::Metadata;
use crate::config::{Access, HttpUrl, Location, Remote};
use crate::files;
use jwtd_core::keys::LoadedKeys;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A key set that was fetched.
#[derive(Debug)]
pub struct Fetched {
    /// The keys, and what was skipped.
    pub keys: LoadedKeys,
    /// Where the set is.
    pub jwks_uri: HttpUrl,
    /// The set as it came, at most 512 KiB.
    pub text: Vec<u8>,
    /// Its tag, to ask for it again only if it changed.
    pub(super) tag: Option<String>,
    /// How long it is good, if the issuer says so.
    pub(super) fresh_for: Option<Duration>,
}

/// What an attempt brought.
#[derive(Debug)]
pub(super) enum FetchOutcome {
    /// The set at hand is still the one; it is good so long, if the issuer says so.
    Same(Option<Duration>),
    /// A set.
    Set(Box<Fetched>),
}

/// The set at hand: where it came from, its tag if it has one, and its text.
#[derive(Clone, Debug)]
pub(super) struct CurrentSet {
    pub(super) jwks_uri: HttpUrl,
    pub(super) tag: Option<String>,
    pub(super) text: Arc<[u8]>,
}

/// Fetches the key set of an issuer: one request, two with metadata, or three where
/// the metadata lie in the second place; and as many more as there are URLs for the
/// case that the first fails.
///
/// # Errors
/// If no set with a usable key can be had.
pub async fn load(remote: &Remote) -> Result<Fetched, SourceError> {
    match ask(remote, None).await? {
        FetchOutcome::Set(fetched) => Ok(*fetched),
        FetchOutcome::Same(_) => Err(SourceError {
            url: remote.location.to_string(),
            cause: Cause::Unusable("answered that nothing changed, without being asked".to_owned()),
        }),
    }
}

/// Gets the document at `url`, whatever it is.
///
/// # Errors
/// If it cannot be had.
pub async fn read(url: &HttpUrl) -> Result<Vec<u8>, SourceError> {
    let (origin, access) = (HostOrigin::Configured, &Access::default());
    let document = Fetch { url, origin, access, bearer: None, tag: None }.get().await;
    let document = document.map_err(|cause| SourceError { url: url.to_string(), cause })?;
    Ok(document.text.unwrap_or_default())
}

/// Fetches as [`load`] does; if the set `held` is still the one, an answer that says so
/// will do.
pub(super) async fn ask(
    remote: &Remote,
    held: Option<&CurrentSet>,
) -> Result<FetchOutcome, SourceError> {
    match &remote.location {
        Location::JwksUri(urls) => {
            let mut first = None;
            for url in urls {
                match ask_set(remote, url, HostOrigin::Configured, held).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => {
                        if urls.len() > 1 {
                            tracing::debug!(%error, "one of several URLs fails");
                        }
                        first.get_or_insert(error);
                    }
                }
            }
            Err(first.unwrap_or_else(nowhere))
        }
        Location::Metadata(urls) => {
            let (at, metadata) = discover(remote, urls).await?;
            // A host that the operator wrote is as trusted in the document.
            let same = metadata.jwks_uri.has_origin_of(at);
            let origin = if same { HostOrigin::Configured } else { HostOrigin::Learned };
            ask_set(remote, &metadata.jwks_uri, origin, held).await
        }
    }
}

fn nowhere() -> SourceError {
    SourceError { url: String::new(), cause: Cause::Metadata("there is no URL to ask".to_owned()) }
}

async fn discover<'u>(
    remote: &Remote,
    urls: &'u [HttpUrl],
) -> Result<(&'u HttpUrl, Metadata), SourceError> {
    let mut first = None;
    for url in urls {
        let failed = |cause| SourceError { url: url.to_string(), cause };
        match get(remote, url, HostOrigin::Configured, None).await {
            Ok(document) => {
                let text = document.text.unwrap_or_default();
                let metadata = Metadata::parse(&text, &remote.identifiers);
                return metadata
                    .map(|metadata| (url, metadata))
                    .map_err(|what| failed(Cause::Metadata(what)));
            }
            // What the first place said tells the most.
            Err(error) if error.is_absent() => {
                first.get_or_insert(error);
            }
            Err(error) => return Err(first.unwrap_or(error)),
        }
    }
    Err(first.unwrap_or_else(nowhere))
}

async fn ask_set(
    remote: &Remote,
    url: &HttpUrl,
    origin: HostOrigin,
    held: Option<&CurrentSet>,
) -> Result<FetchOutcome, SourceError> {
    let failed = |cause| SourceError { url: url.to_string(), cause };
    let tag = held.filter(|held| held.jwks_uri == *url).and_then(|held| held.tag.as_deref());
    let Document { text, tag, fresh_for } = get(remote, url, origin, tag).await?;
    let Some(text) = text else {
        return Ok(FetchOutcome::Same(fresh_for));
    };
    let keys = LoadedKeys::from_jwks(&text, &remote.allowed);
    let keys = keys.map_err(|error| failed(Cause::Set(error)))?;
    match keys.unusable(&remote.allowed) {
        Some(what) => Err(failed(Cause::Unusable(what))),
        None => {
            let jwks_uri = url.clone();
            Ok(FetchOutcome::Set(Box::new(Fetched { keys, jwks_uri, text, tag, fresh_for })))
        }
    }
}

async fn get(
    remote: &Remote,
    url: &HttpUrl,
    origin: HostOrigin,
    tag: Option<&str>,
) -> Result<Document, SourceError> {
    let failed = |cause| SourceError { url: url.to_string(), cause };
    // The token is for the host that the operator wrote, and for no other.
    let file = remote.access.bearer_file.as_deref().filter(|_| origin == HostOrigin::Configured);
    let bearer = match file {
        None => None,
        Some(file) => match bearer(file).await {
            Ok(token) => Some(token.trim().to_owned()),
            Err(error) => {
                let cause = files::words::of_io(&error);
                let what = format!("bearer_file {}: {cause}", file.display());
                return Err(failed(Cause::File(what)));
            }
        },
    };
    let access = &remote.access;
    Fetch { url, origin, access, bearer: bearer.as_deref(), tag }.get().await.map_err(failed)
}

/// Read each time: tokens are replaced while the daemon runs.
async fn bearer(file: &Path) -> io::Result<String> {
    let file = file.to_owned();
    #[expect(clippy::disallowed_methods, reason = "at most one at a time for each issuer")]
    let read = tokio::task::spawn_blocking(move || files::read_text(&file, files::MOST)).await;
    read.map_err(io::Error::other)?
}

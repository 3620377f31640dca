//! The key set of one issuer, from the web.

use super::destination::Origin;
use super::error::{Cause, SourceError};
use super::fetch::Fetch;
use super::metadata::Metadata;
use crate::config::{HttpUrl, Location, Remote};
use crate::keys::LoadedKeys;

/// A key set that was fetched.
#[derive(Debug)]
pub struct Fetched {
    /// The keys, and what was skipped.
    pub keys: LoadedKeys,
    /// Where the set is.
    pub jwks_uri: HttpUrl,
    /// The set as it came, at most 512 KiB.
    pub text: Vec<u8>,
}

/// Fetches the key set of an issuer: one request, two with metadata, or three where
/// the metadata lie in the second place.
///
/// # Errors
/// If no set with a usable key can be had.
pub async fn load(remote: &Remote) -> Result<Fetched, SourceError> {
    match &remote.location {
        Location::JwksUri(url) => load_set(remote, url, Origin::Configured).await,
        Location::Metadata(urls) => {
            let (at, metadata) = discover(remote, urls).await?;
            // A host that the operator wrote is as trusted in the document.
            let same = metadata.jwks_uri.has_origin_of(at);
            let origin = if same { Origin::Configured } else { Origin::Learned };
            load_set(remote, &metadata.jwks_uri, origin).await
        }
    }
}

async fn discover<'u>(
    remote: &Remote,
    urls: &'u [HttpUrl],
) -> Result<(&'u HttpUrl, Metadata), SourceError> {
    let mut first = None;
    for url in urls {
        let failed = |cause| SourceError { url: url.to_string(), cause };
        match get(remote, url, Origin::Configured).await {
            Ok(text) => {
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
    Err(first.unwrap_or_else(|| SourceError {
        url: String::new(),
        cause: Cause::Metadata("there is no URL to ask".to_owned()),
    }))
}

async fn load_set(remote: &Remote, url: &HttpUrl, origin: Origin) -> Result<Fetched, SourceError> {
    let failed = |cause| SourceError { url: url.to_string(), cause };
    let text = get(remote, url, origin).await?;
    let keys = LoadedKeys::from_jwks(&text, &remote.allowed);
    let keys = keys.map_err(|error| failed(Cause::Set(error)))?;
    match keys.unusable(&remote.allowed) {
        Some(what) => Err(failed(Cause::Unusable(what))),
        None => Ok(Fetched { keys, jwks_uri: url.clone(), text }),
    }
}

async fn get(remote: &Remote, url: &HttpUrl, origin: Origin) -> Result<Vec<u8>, SourceError> {
    let failed = |cause| SourceError { url: url.to_string(), cause };
    // The token is for the host that the operator wrote, and for no other.
    let file = remote.bearer_file.as_deref().filter(|_| origin == Origin::Configured);
    let bearer = match file {
        None => None,
        Some(file) => match tokio::fs::read_to_string(file).await {
            Ok(token) => Some(token.trim().to_owned()),
            Err(error) => {
                let what = format!("bearer_file {}: {error}", file.display());
                return Err(failed(Cause::File(what)));
            }
        },
    };
    let ca_file = remote.ca_file.as_deref();
    Fetch { url, origin, ca_file, bearer: bearer.as_deref() }.get().await.map_err(failed)
}

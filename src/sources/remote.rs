//! Fetches the key set of one issuer from the web.

use super::credentials;
use super::destination::HostOrigin;
use super::error::{Cause, SourceError};
use super::fetch::{Document, Fetch, Terms};
use super::metadata::Metadata;
use crate::config::{Access, HttpUrl, Location, Remote};
use futures_util::Stream;
use futures_util::stream::FuturesUnordered;
use jwtd_core::keys::LoadedKeys;
use std::sync::Arc;
use std::time::Duration;

/// A fetched key set.
#[derive(Debug)]
pub struct Fetched {
    /// The keys, and those that were skipped.
    pub keys: LoadedKeys,
    /// The URL of the set.
    pub jwks_uri: HttpUrl,
    /// The received set, at most 512 KiB.
    pub text: Vec<u8>,
    /// The entity tag, to fetch the set again only if it changed.
    pub(super) tag: Option<String>,
    /// The freshness lifetime, if the issuer states one.
    pub(super) fresh_for: Option<Duration>,
}

/// The result of a successful attempt.
#[derive(Debug)]
pub(super) enum FetchOutcome {
    /// The current set has not changed; with its freshness lifetime, if the issuer states one.
    Same(Option<Duration>),
    /// A new set.
    Set(Box<Fetched>),
}

/// The current set: its URL, its entity tag if any, and its text.
#[derive(Clone, Debug)]
pub(super) struct CurrentSet {
    pub(super) jwks_uri: HttpUrl,
    pub(super) tag: Option<String>,
    pub(super) text: Arc<[u8]>,
}

/// Fetches the set of the first place, unchanged.
///
/// # Errors
/// If no set with a usable key can be fetched.
pub async fn fetch(remote: &Remote) -> Result<Fetched, SourceError> {
    match ask_place(remote, 0, None).await? {
        FetchOutcome::Set(fetched) => Ok(*fetched),
        FetchOutcome::Same(_) => Err(nowhere()),
    }
}

/// Fetches the document at `url`, whatever its content.
///
/// # Errors
/// If it cannot be fetched.
pub async fn read(url: &HttpUrl) -> Result<Vec<u8>, SourceError> {
    let document = get(&Access::default(), url, HostOrigin::Configured, None).await?;
    Ok(document.text.unwrap_or_default())
}

/// A fetched revocation list.
#[derive(Debug)]
pub struct ListDocument {
    /// The list.
    pub text: Vec<u8>,
    /// The entity tag.
    pub tag: Option<String>,
}

/// The time limit for a list.
const LIST_WITHIN: Duration = Duration::from_secs(30);

/// Fetches the revocation list at `url`, of at most `most` bytes; `None` if it still has this
/// entity tag.
///
/// # Errors
/// If it cannot be fetched.
pub async fn read_list(
    url: &HttpUrl,
    access: &Access,
    tag: Option<&str>,
    most: u64,
) -> Result<Option<ListDocument>, SourceError> {
    let bytes = usize::try_from(most).unwrap_or(usize::MAX);
    let types = "application/jsonl, application/x-ndjson, application/json, text/plain";
    let terms = Terms { types, bytes, within: LIST_WITHIN };
    let document = get_on(terms, access, url, HostOrigin::Configured, tag, None).await?;
    let tag = document.tag;
    Ok(document.text.map(|text| ListDocument { text, tag }))
}

/// Posts a JSON text to `url`, and returns the JSON response, of at most 512 KiB.
///
/// # Errors
/// If there is none.
pub async fn post(url: &HttpUrl, access: &Access, body: &str) -> Result<Vec<u8>, SourceError> {
    let terms = Terms { types: "application/json", ..Terms::KEYS };
    let terms = Terms { within: LIST_WITHIN, ..terms };
    let document = get_on(terms, access, url, HostOrigin::Configured, None, Some(body)).await?;
    Ok(document.text.unwrap_or_default())
}

/// Fetches from all places at once. For a set in `held`, a response that it has not changed is
/// enough. The responses come with the index of their place, in the order of arrival.
pub(super) fn ask(
    remote: &Remote,
    held: Vec<Option<CurrentSet>>,
) -> impl Stream<Item = (usize, Result<FetchOutcome, SourceError>)> {
    let places = held.into_iter().enumerate();
    let asked = places.map(async |(index, held)| (index, ask_place(remote, index, held).await));
    asked.collect::<FuturesUnordered<_>>()
}

/// Fetches from one place.
async fn ask_place(
    remote: &Remote,
    index: usize,
    held: Option<CurrentSet>,
) -> Result<FetchOutcome, SourceError> {
    let held = held.as_ref();
    match &remote.location {
        Location::JwksUri(urls) => ask_in_order(remote, &remote.access, urls, held).await,
        Location::Metadata(urls) => ask_discovered(remote, urls, held).await,
        Location::Union(parts) => {
            let part = parts.get(index).ok_or_else(nowhere)?;
            ask_in_order(remote, &part.access, &part.urls, held).await
        }
    }
}

/// Requests one URL after the other, until one returns a usable set.
async fn ask_in_order(
    remote: &Remote,
    access: &Access,
    urls: &[HttpUrl],
    held: Option<&CurrentSet>,
) -> Result<FetchOutcome, SourceError> {
    let mut first = None;
    for url in urls {
        match ask_set(remote, access, url, HostOrigin::Configured, held).await {
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

async fn ask_discovered(
    remote: &Remote,
    urls: &[HttpUrl],
    held: Option<&CurrentSet>,
) -> Result<FetchOutcome, SourceError> {
    let (at, metadata) = discover(remote, urls).await?;
    // If the document names the operator's own host, that host is trusted as configured.
    let same = metadata.jwks_uri.has_origin_of(at);
    let origin = if same { HostOrigin::Configured } else { HostOrigin::Learned };
    ask_set(remote, &remote.access, &metadata.jwks_uri, origin, held).await
}

pub(super) fn nowhere() -> SourceError {
    SourceError { url: String::new(), cause: Cause::Metadata("there is no URL to ask".to_owned()) }
}

async fn discover<'u>(
    remote: &Remote,
    urls: &'u [HttpUrl],
) -> Result<(&'u HttpUrl, Metadata), SourceError> {
    let mut first = None;
    for url in urls {
        let failed = |cause| SourceError { url: url.to_string(), cause };
        match get(&remote.access, url, HostOrigin::Configured, None).await {
            Ok(document) => {
                let text = document.text.unwrap_or_default();
                let plaintext = remote.access.plaintext;
                let metadata = Metadata::parse(&text, &remote.identifiers, plaintext);
                return metadata
                    .map(|metadata| (url, metadata))
                    .map_err(|what| failed(Cause::Metadata(what)));
            }
            // The error of the first URL is the most informative.
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
    access: &Access,
    url: &HttpUrl,
    origin: HostOrigin,
    held: Option<&CurrentSet>,
) -> Result<FetchOutcome, SourceError> {
    let failed = |cause| SourceError { url: url.to_string(), cause };
    let tag = held.filter(|held| held.jwks_uri == *url).and_then(|held| held.tag.as_deref());
    let Document { text, tag, fresh_for } = get(access, url, origin, tag).await?;
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
    access: &Access,
    url: &HttpUrl,
    origin: HostOrigin,
    tag: Option<&str>,
) -> Result<Document, SourceError> {
    get_on(Terms::KEYS, access, url, origin, tag, None).await
}

async fn get_on(
    terms: Terms,
    access: &Access,
    url: &HttpUrl,
    origin: HostOrigin,
    tag: Option<&str>,
    body: Option<&str>,
) -> Result<Document, SourceError> {
    let failed = |cause| SourceError { url: url.to_string(), cause };
    // Secrets are only for the host that the operator configured.
    let trusted = origin == HostOrigin::Configured;
    let file = access.bearer_file.as_deref().filter(|_| trusted);
    let bearer = credentials::bearer(file).await.map_err(failed)?;
    let headers = if trusted { &access.headers[..] } else { &[] };
    let fields = credentials::fields(headers).await.map_err(failed)?;
    let (bearer, fields) = (bearer.as_deref(), &fields[..]);
    Fetch { url, origin, access, bearer, fields, tag, terms, body }.get().await.map_err(failed)
}

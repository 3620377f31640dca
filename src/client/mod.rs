//! Floor 8: calls to a daemon, for the commands and the demo.

use crate::pb;
use crate::pb::revocation_service_client::RevocationServiceClient;
use crate::pb::verifier_service_client::VerifierServiceClient;
use bytes::Bytes;
use futures_util::Stream;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

mod encrypted;
mod trouble;

/// Where a daemon takes calls: `unix:///path`, `tcp://address:port` or, encrypted,
/// `tls://host:port`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address(String);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = text.strip_prefix("tcp://").or_else(|| text.strip_prefix("tls://"));
        let fine = match (text.strip_prefix("unix://"), network) {
            (Some(path), _) => path.starts_with('/'),
            (_, Some(authority)) => authority
                .rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()),
            _ => false,
        };
        if fine {
            Ok(Self(text.to_owned()))
        } else {
            Err("write unix:///path/to.sock, tcp://address:port or tls://host:port".to_owned())
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Address {
    /// Whether calls to it are encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.0.starts_with("tls://")
    }

    /// The path of a Unix socket.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        self.0.strip_prefix("unix://").map(Path::new)
    }
}

/// What an encrypted connection needs.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The only authorities to trust, in PEM; nothing means those of the system.
    pub ca_file: Option<PathBuf>,
    /// The certificate chain and the private key to show, in PEM.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// A connection to a daemon.
#[derive(Clone, Debug)]
pub struct Client {
    address: Address,
    verifier: VerifierServiceClient<Channel>,
    revocation: RevocationServiceClient<Channel>,
    health: HealthClient<Channel>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// If nobody answers; the text says what was tried.
    pub async fn connect(address: &Address) -> Result<Self, String> {
        Self::connect_as(address, &Credentials::default()).await
    }

    /// Connects; what an encrypted connection needs is in `credentials`.
    ///
    /// # Errors
    /// If nobody answers, or is not to be trusted, or does not trust us.
    pub async fn connect_as(address: &Address, credentials: &Credentials) -> Result<Self, String> {
        if let Some(authority) = address.0.strip_prefix("tls://") {
            let channel = encrypted::connect(address, authority, credentials).await?;
            return Ok(Self::over(address, channel));
        }
        let target = match address.0.strip_prefix("tcp://") {
            Some(authority) => format!("http://{authority}"),
            None => address.0.clone(),
        };
        let failed = |error: tonic::transport::Error| trouble::of(address, &error);
        let endpoint = Endpoint::from_shared(target).map_err(failed)?;
        let channel =
            endpoint.connect_timeout(Duration::from_secs(5)).connect().await.map_err(failed)?;
        Ok(Self::over(address, channel))
    }

    /// What a status says to people: what the daemon answered, or why it did not.
    #[must_use]
    pub fn words(&self, status: &tonic::Status) -> String {
        if trouble::is_of_connection(status) {
            return trouble::of(&self.address, status);
        }
        format!("{}: {:?}: {}", self.address, status.code(), status.message())
    }

    fn over(address: &Address, channel: Channel) -> Self {
        Self {
            address: address.clone(),
            verifier: VerifierServiceClient::new(channel.clone()),
            revocation: RevocationServiceClient::new(channel.clone()),
            health: HealthClient::new(channel),
        }
    }

    /// Has a batch judged.
    ///
    /// # Errors
    /// If the call as a whole is refused or fails.
    pub async fn verify_batch(
        &mut self,
        tokens: Vec<Bytes>,
        options: pb::VerifyOptions,
    ) -> Result<Vec<pb::Verdict>, tonic::Status> {
        let request =
            pb::VerifyBatchRequest { tokens, contexts: Vec::new(), options: Some(options) };
        let response = self.verifier.verify_batch(request).await?;
        Ok(response.into_inner().verdicts)
    }

    /// Has one token judged.
    ///
    /// # Errors
    /// If the call is refused or fails; a refused token has a verdict.
    pub async fn verify(
        &mut self,
        token: Bytes,
        options: pb::VerifyOptions,
    ) -> Result<pb::Verdict, tonic::Status> {
        let request = pb::VerifyRequest { token, context: None, options: Some(options) };
        Ok(self.verifier.verify(request).await?.into_inner().verdict.unwrap_or_default())
    }

    /// Has the messages of a stream judged, several at once.
    ///
    /// # Errors
    /// If the call is refused or fails.
    pub async fn verify_stream(
        &mut self,
        messages: impl Stream<Item = pb::VerifyStreamRequest> + Send + 'static,
    ) -> Result<tonic::Streaming<pb::VerifyStreamResponse>, tonic::Status> {
        Ok(self.verifier.verify_stream(messages).await?.into_inner())
    }

    /// Has one token judged, and each check told.
    ///
    /// # Errors
    /// If the call is refused or fails.
    pub async fn explain(
        &mut self,
        token: Bytes,
        options: pb::VerifyOptions,
    ) -> Result<pb::ExplainResponse, tonic::Status> {
        let request = pb::ExplainRequest { token, context: None, options: Some(options) };
        Ok(self.verifier.explain(request).await?.into_inner())
    }

    /// Revokes.
    ///
    /// # Errors
    /// If the call is refused or fails; nothing is revoked then.
    pub async fn revoke(
        &mut self,
        request: pb::RevokeRequest,
    ) -> Result<pb::RevokeResponse, tonic::Status> {
        Ok(self.revocation.revoke(request).await?.into_inner())
    }

    /// Takes revocations back.
    ///
    /// # Errors
    /// If the call is refused or fails; nothing is undone then.
    pub async fn undo(
        &mut self,
        request: pb::UndoRequest,
    ) -> Result<pb::UndoResponse, tonic::Status> {
        Ok(self.revocation.undo(request).await?.into_inner())
    }

    /// Lists what is revoked, a page at a time.
    ///
    /// # Errors
    /// If the call is refused or fails.
    pub async fn list_revocations(
        &mut self,
        request: pb::RevocationServiceListRequest,
    ) -> Result<pb::RevocationServiceListResponse, tonic::Status> {
        Ok(self.revocation.list(request).await?.into_inner())
    }

    /// Follows what is revoked.
    ///
    /// # Errors
    /// If the call is refused or fails.
    pub async fn watch_revocations(
        &mut self,
        request: pb::RevocationServiceWatchRequest,
    ) -> Result<tonic::Streaming<pb::RevocationServiceWatchResponse>, tonic::Status> {
        Ok(self.revocation.watch(request).await?.into_inner())
    }

    /// Whether the daemon says that it can take calls.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn is_serving(&mut self) -> Result<bool, tonic::Status> {
        let request = HealthCheckRequest { service: String::new() };
        let response = self.health.check(request).await?;
        Ok(response.into_inner().status() == ServingStatus::Serving)
    }
}

//! Floor 8: the client that the commands and the demo use to call a daemon.

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

/// The address of a daemon: `unix:///path`, `tcp://address:port` or, encrypted, `tls://host:port`.
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
    /// Returns true if calls to this address use TLS.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.0.starts_with("tls://")
    }

    /// The path, if this is a Unix socket.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        self.0.strip_prefix("unix://").map(Path::new)
    }
}

/// The certificates and keys for an encrypted connection.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The only CAs to trust, in PEM; `None` means those of the system.
    pub ca_file: Option<PathBuf>,
    /// The certificate chain and the private key to present, in PEM.
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
    /// Connects without client credentials.
    ///
    /// # Errors
    /// If the daemon does not respond; the text says what was tried.
    pub async fn connect(address: &Address) -> Result<Self, String> {
        Self::connect_as(address, &Credentials::default()).await
    }

    /// Connects with `credentials` for an encrypted connection.
    ///
    /// # Errors
    /// If the daemon does not respond, is not trusted, or does not trust the client.
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

    /// Describes a status for people: the daemon's own message, or the reason why it sent none.
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

    /// Verifies a batch of tokens, with no context or one for each.
    ///
    /// # Errors
    /// If the call as a whole is refused or fails.
    pub async fn verify_batch(
        &mut self,
        tokens: Vec<Bytes>,
        contexts: Vec<pb::TokenContext>,
        options: pb::VerifyOptions,
    ) -> Result<Vec<pb::Verdict>, tonic::Status> {
        let request = pb::VerifyBatchRequest { tokens, contexts, options: Some(options) };
        let response = self.verifier.verify_batch(request).await?;
        Ok(response.into_inner().verdicts)
    }

    /// Verifies one token.
    ///
    /// # Errors
    /// If the call is refused or fails. A refused token is no error; its verdict says so.
    pub async fn verify(
        &mut self,
        token: Bytes,
        options: pb::VerifyOptions,
    ) -> Result<pb::Verdict, tonic::Status> {
        let request = pb::VerifyRequest { token, context: None, options: Some(options) };
        Ok(self.verifier.verify(request).await?.into_inner().verdict.unwrap_or_default())
    }

    /// Verifies the messages of a stream, several at once.
    ///
    /// # Errors
    /// If the call is refused or fails.
    pub async fn verify_stream(
        &mut self,
        messages: impl Stream<Item = pb::VerifyStreamRequest> + Send + 'static,
    ) -> Result<tonic::Streaming<pb::VerifyStreamResponse>, tonic::Status> {
        Ok(self.verifier.verify_stream(messages).await?.into_inner())
    }

    /// Verifies one token and explains each check.
    ///
    /// # Errors
    /// If the call is refused or fails.
    pub async fn explain(
        &mut self,
        token: Bytes,
        context: Option<pb::TokenContext>,
        options: pb::VerifyOptions,
    ) -> Result<pb::ExplainResponse, tonic::Status> {
        let request = pb::ExplainRequest { token, context, options: Some(options) };
        Ok(self.verifier.explain(request).await?.into_inner())
    }

    /// Adds revocations.
    ///
    /// # Errors
    /// If the call is refused or fails; nothing is revoked then.
    pub async fn revoke(
        &mut self,
        request: pb::RevokeRequest,
    ) -> Result<pb::RevokeResponse, tonic::Status> {
        Ok(self.revocation.revoke(request).await?.into_inner())
    }

    /// Undoes revocations.
    ///
    /// # Errors
    /// If the call is refused or fails; nothing is undone then.
    pub async fn undo(
        &mut self,
        request: pb::UndoRequest,
    ) -> Result<pb::UndoResponse, tonic::Status> {
        Ok(self.revocation.undo(request).await?.into_inner())
    }

    /// Lists revocations, a page at a time.
    ///
    /// # Errors
    /// If the call is refused or fails.
    pub async fn list_revocations(
        &mut self,
        request: pb::RevocationServiceListRequest,
    ) -> Result<pb::RevocationServiceListResponse, tonic::Status> {
        Ok(self.revocation.list(request).await?.into_inner())
    }

    /// Streams revocations as they are recorded.
    ///
    /// # Errors
    /// If the call is refused or fails.
    pub async fn watch_revocations(
        &mut self,
        request: pb::RevocationServiceWatchRequest,
    ) -> Result<tonic::Streaming<pb::RevocationServiceWatchResponse>, tonic::Status> {
        Ok(self.revocation.watch(request).await?.into_inner())
    }

    /// Asks the health service whether the daemon can take calls.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn is_serving(&mut self) -> Result<bool, tonic::Status> {
        let request = HealthCheckRequest { service: String::new() };
        let response = self.health.check(request).await?;
        Ok(response.into_inner().status() == ServingStatus::Serving)
    }
}

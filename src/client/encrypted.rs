//! Encrypted connections to a daemon.

use super::Credentials;
use crate::sources;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::lookup_host;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

/// Connects to `authority`, a host with a port.
pub(super) async fn connect(authority: &str, credentials: &Credentials) -> Result<Channel, String> {
    let peer = format!("tls://{authority}");
    let (ca_file, client) = (credentials.ca_file.as_deref(), credentials.client.as_ref());
    let mut config =
        sources::client_config(&peer, ca_file, client).map_err(|error| error.to_string())?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
        .map_err(|_| format!("{peer}: {host:?} is no name of a host"))?;
    let connector = TlsConnector::from(Arc::new(config));
    let place = authority.to_owned();
    let connect = service_fn(move |_| {
        let (connector, name, place) = (connector.clone(), name.clone(), place.clone());
        async move {
            let stream = sources::dial(lookup_host(place).await?.collect()).await?;
            stream.set_nodelay(true)?;
            Ok::<_, io::Error>(TokioIo::new(connector.connect(name, stream).await?))
        }
    });
    // The scheme is that of what runs inside.
    let endpoint = Endpoint::from_shared(format!("http://{authority}"))
        .map_err(|error| format!("{peer}: {error}"))?;
    let endpoint = endpoint.connect_timeout(Duration::from_secs(5));
    endpoint.connect_with_connector(connect).await.map_err(|error| {
        let mut cause: &dyn std::error::Error = &error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        format!("{peer}: cannot connect: {cause}")
    })
}

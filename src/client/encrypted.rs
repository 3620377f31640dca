//! TLS connections to a daemon.

use super::{Address, Credentials, trouble};
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

/// Connects over TLS to `address`, whose host and port are `authority`.
pub(super) async fn connect(
    address: &Address,
    authority: &str,
    credentials: &Credentials,
) -> Result<Channel, String> {
    let peer = address.to_string();
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
    // The scheme is `http` because tonic does not see the TLS layer around it.
    let endpoint = Endpoint::from_shared(format!("http://{authority}"))
        .map_err(|_| format!("{peer}: {authority:?} is no host with a port"))?;
    let endpoint = endpoint.connect_timeout(Duration::from_secs(5));
    let channel = endpoint.connect_with_connector(connect).await;
    channel.map_err(|error| trouble::of(address, &error))
}

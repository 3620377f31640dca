//! A web server with responses chosen by a test.

use jwtd_testkit::certificates::{Authority, Identity, params};
use jwtd_testkit::launcher::waiting::{Gate, Watched};
use jwtd_testkit::web;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

/// A web server on this machine. Its thread runs until the tests end.
pub(crate) struct Web {
    pub(crate) origin: String,
    shared: Arc<Shared>,
}

struct Shared {
    answers: Mutex<HashMap<String, Answer>>,
    /// The requests received, complete.
    requests: Watched<Vec<String>>,
}

/// The response for a path.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: &'static str,
    /// Header lines, each with its line ending.
    pub(crate) header: String,
    pub(crate) body: Vec<u8>,
    /// The gate that delays the response.
    pub(crate) gate: Option<Gate>,
}

impl Answer {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        let header = String::new();
        Self { status: "200 OK", header, body: body.into(), gate: None }
    }

    pub(crate) fn status(status: &'static str, header: &str) -> Self {
        Self { status, header: header.to_owned(), ..Self::ok("") }
    }

    /// The same response, sent when the gate is open.
    pub(crate) fn behind(self, gate: &Gate) -> Self {
        Self { gate: Some(gate.clone()), ..self }
    }
}

impl Web {
    pub(crate) fn start() -> Self {
        Self::serve("http", None)
    }

    /// Starts a TLS server for the host 127.0.0.1; also returns the authority's certificate in PEM.
    pub(crate) fn start_tls() -> (Self, String) {
        let (web, authority, _) = Self::start_mutual_tls(false);
        (web, authority)
    }

    /// Like [`Web::start_tls`]; also returns a certificate with its key, which a client must
    /// present if `demanded` is true.
    pub(crate) fn start_mutual_tls(demanded: bool) -> (Self, String, [String; 2]) {
        let authority = Authority::new();
        let Identity { certificate, key } = authority.issue(&params(["127.0.0.1"]));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if demanded {
            let mut roots = RootCertStore::empty();
            roots.add(authority.certificate().der().clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let config = builder
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let pair = [certificate.pem(), key.serialize_pem()];
        (Self::serve("https", Some(Arc::new(config))), authority.certificate().pem(), pair)
    }

    fn serve(scheme: &str, tls: Option<Arc<ServerConfig>>) -> Self {
        let shared =
            Arc::new(Shared { answers: Mutex::default(), requests: Watched::new(Vec::new()) });
        let inner = Arc::clone(&shared);
        let address = match tls {
            None => web::serve(|stream| stream, move |head, stream| inner.answer(head, stream)),
            Some(config) => web::serve(
                move |stream| {
                    let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                    StreamOwned::new(connection, stream)
                },
                move |head, stream| inner.answer(head, stream),
            ),
        };
        Self { origin: format!("{scheme}://{address}"), shared }
    }

    pub(crate) fn put(&self, path: &str, answer: Answer) {
        self.shared.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// Serves metadata for `issuer` at the OpenID Connect location, and `set`.
    pub(crate) fn publish(&self, path: &str, issuer: &str, set: &str) {
        let jwks_uri = format!("{}{path}/keys", self.origin);
        let metadata = serde_json::json!({"issuer": issuer, "jwks_uri": jwks_uri});
        let place = format!("{path}/.well-known/openid-configuration");
        self.put(&place, Answer::ok(metadata.to_string()));
        self.put(&format!("{path}/keys"), Answer::ok(set));
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.requests.read(Vec::clone)
    }

    /// Waits until this many requests have arrived in total; their responses may still wait at a
    /// gate.
    pub(crate) fn wait_for_requests(&self, count: usize) {
        let came = self.shared.requests.wait(|all| (all.len() >= count).then_some(()));
        came.unwrap_or_else(|| panic!("no {count} requests: {:?}", self.requests()));
    }

    /// The requested paths, in order.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.requests().iter().map(|request| web::path(request).to_owned()).collect()
    }
}

impl Shared {
    fn answer(&self, request: &str, stream: &mut impl Write) -> std::io::Result<()> {
        let condition = request.lines().find_map(|line| line.strip_prefix("if-none-match: "));
        let condition = condition.map(|tag| format!("ETag: {tag}\r\n"));
        let answer = self.answers.lock().unwrap().get(web::path(request)).cloned();
        self.requests.change(|all| all.push(request.to_owned()));
        let Answer { status, header, body, gate } =
            answer.unwrap_or_else(|| Answer::status("404 Not Found", ""));
        if condition.is_some_and(|tag| header.contains(&tag)) {
            return write!(stream, "HTTP/1.1 304 Not Modified\r\n{header}\r\n");
        }
        if let Some(gate) = gate {
            gate.pass();
        }
        let length = body.len();
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{header}\r\n")?;
        stream.write_all(&body)
    }
}

//! The flags for the evidence of a sender: a DPoP proof (RFC 9449), a client certificate (RFC 8705).

use crate::files;
use crate::pb;
use clap::Args;
use jwtd_core::crypto::certificate_thumbprints;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::path::{Path, PathBuf};

/// The evidence of the sender of a token, the same for all tokens.
#[derive(Args, Debug)]
pub(super) struct Evidence {
    /// The DPoP proof that came with the token: the value of the header `DPoP`. It needs a daemon that
    /// runs already: one that has just started asks for a nonce
    #[arg(long, value_name = "PROOF", requires_all = ["method", "url"])]
    dpop_proof: Option<String>,
    /// The method of the request, such as GET
    #[arg(long)]
    method: Option<String>,
    /// The URL of the request, as its sender sees it
    #[arg(long)]
    url: Option<String>,
    /// The certificate of the client, in PEM
    #[arg(long, value_name = "FILE")]
    client_certificate: Option<PathBuf>,
}

impl Evidence {
    /// The context for each token; `None` without any of the flags.
    ///
    /// # Errors
    /// If the certificate cannot be read, in words for people.
    pub(super) fn context(&self) -> Result<Option<pb::TokenContext>, String> {
        let Self { dpop_proof, method, url, client_certificate } = self;
        if dpop_proof.is_none() && method.is_none() && url.is_none() && client_certificate.is_none()
        {
            return Ok(None);
        }
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let hash = client_certificate.as_deref().map(thumbprint).transpose()?;
        Ok(Some(pb::TokenContext {
            dpop_proof: text(dpop_proof),
            method: text(method),
            url: text(url),
            client_certificate_sha256: hash.unwrap_or_default().into(),
            ..pb::TokenContext::default()
        }))
    }
}

fn thumbprint(file: &Path) -> Result<Vec<u8>, String> {
    let name = file.display();
    let text = files::read(file, files::MOST)
        .map_err(|error| format!("{name}: {}; fix: check the path", files::words::of_io(&error)))?;
    let der = CertificateDer::from_pem_slice(&text)
        .map_err(|_| format!("{name} holds no certificate in PEM; fix: give the client's"))?;
    Ok(certificate_thumbprints(&der).sha256.map(Vec::from).unwrap_or_default())
}

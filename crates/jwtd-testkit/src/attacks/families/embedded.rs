//! Keys embedded in the token (CVE-2018-0114), and URLs where the verifier might look for them. The
//! URLs point to the canary, which must see no connection.

use crate::attacks::corpus::Forge;
use crate::attacks::encodings::base64;
use crate::tokens::Signer;
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, Family, base64url};
use jwtd_core::verify::Reason::{
    AlgorithmNotAllowed, IssuerUnknown, KeyUnknown, SignatureInvalid, TypeNotAllowed,
};
use rcgen::{CertificateParams, KeyPair};

pub(crate) fn add(forge: &mut Forge) {
    let strangers = std::mem::take(&mut forge.strangers);
    let urls = urls(forge);
    for stranger in &strangers {
        let algorithm = stranger.algorithm();
        if algorithm.family() == Family::Hmac {
            let jwk = stranger.key.to_jwk("stranger");
            let header = format!(r#"{{"alg":"HS256","jwk":{jwk}}}"#);
            let claims = forge.claims(&[]);
            let token = stranger.sign(&header, &claims);
            forge.add("jwk with a secret", token, &[AlgorithmNotAllowed]);
            continue;
        }
        for (name, member) in members(stranger, &urls) {
            signed_by(forge, stranger, &format!("{algorithm} {name}"), &member);
        }
    }
    certificate(forge);
    for (place, url) in urls.iter().enumerate() {
        let stranger = &strangers[0];
        let header = format!(r#"{{"alg":"{}","kid":"{url}"}}"#, stranger.algorithm());
        let claims = forge.claims(&[]);
        forge.add(format!("kid is {place}: {url}"), stranger.sign(&header, &claims), &[KeyUnknown]);
        let iss = format!(r#""{url}""#);
        let claims = forge.claims(&[("iss", &iss)]);
        let token = stranger.sign(&stranger.header(""), &claims);
        forge.add(format!("iss is {place}: {url}"), token, &[IssuerUnknown]);
        let token = forge.with_header(&format!(
            r#"{{"alg":"EdDSA","kid":"{}","typ":"{url}"}}"#,
            forge.world.main.ed25519().id.clone().unwrap()
        ));
        forge.add(format!("typ is {place}: {url}"), token, &[TypeNotAllowed]);
    }
    forge.strangers = strangers;
}

/// URLs of the canary in several spellings.
pub(crate) fn urls(forge: &mut Forge) -> Vec<String> {
    let port = forge.world.canary.address.port();
    let path = format!("{:x}", forge.random());
    [
        "http://127.0.0.1",
        "https://127.0.0.1",
        "http://localhost",
        "https://localhost",
        "http://2130706433",
        "http://0x7f000001",
        "http://127.1",
        "http://[::ffff:127.0.0.1]",
        "http://main.example@127.0.0.1",
        "//127.0.0.1",
        "ldap://127.0.0.1",
        "gopher://127.0.0.1",
        "ftp://127.0.0.1",
        "HTTP://127.0.0.1",
        "tcp://127.0.0.1",
        "ws://127.0.0.1",
    ]
    .map(|host| format!("{host}:{port}/{path}"))
    .into()
}

/// Header members that contain the key of `stranger`, or point to it.
fn members(stranger: &Signer, urls: &[String]) -> Vec<(String, String)> {
    let jwk = stranger.key.to_jwk("stranger");
    let spki = crate::attacks::encodings::spki(&stranger.key.public().unwrap());
    let mut members = vec![
        ("jwk".to_owned(), format!(r#""jwk":{jwk}"#)),
        ("jwk as a text".to_owned(), format!(r#""jwk":{}"#, serde_json::Value::from(jwk.clone()))),
        ("jwk in an array".to_owned(), format!(r#""jwk":[{jwk}]"#)),
        ("jwk of a set".to_owned(), format!(r#""jwk":{{"keys":[{jwk}]}}"#)),
        ("jwks".to_owned(), format!(r#""jwks":{{"keys":[{jwk}]}}"#)),
        ("key".to_owned(), format!(r#""key":"{}""#, base64(&spki))),
        ("x5c with a bare key".to_owned(), format!(r#""x5c":["{}"]"#, base64(&spki))),
        ("x5t".to_owned(), format!(r#""x5t":"{}""#, base64url::encode(&[7; 20]))),
        ("x5t#S256".to_owned(), format!(r##""x5t#S256":"{}""##, base64url::encode(&[7; 32]))),
    ];
    for url in urls {
        for name in ["jku", "x5u"] {
            members.push((format!("{name} {url}"), format!(r#""{name}":"{url}""#)));
        }
    }
    let url = &urls[0];
    members.push((
        "all at once".to_owned(),
        format!(r#""jwk":{jwk},"jku":"{url}","x5u":"{url}","x5c":["{}"]"#, base64(&spki)),
    ));
    members.push(("jwk with a jku".to_owned(), format!(r#""jwk":{{"jku":"{url}"}}"#)));
    members
}

/// Tokens signed by the stranger, under the issuer's key ID, its own, and none.
fn signed_by(forge: &mut Forge, stranger: &Signer, name: &str, member: &str) {
    let algorithm = stranger.algorithm();
    let Some(known) = forge.world.main.signer(algorithm) else { return };
    let known = known.header(&format!(",{member}"));
    let claims = forge.claims(&[]);
    let name = |what: &str| format!("{name}, {what}");
    forge.add(name("a known id"), stranger.sign(&known, &claims), &[SignatureInvalid]);
    let own = stranger.header(&format!(",{member}"));
    let claims = forge.claims(&[]);
    forge.add(name("a strange id"), stranger.sign(&own, &claims), &[KeyUnknown]);
    let without = format!(r#"{{"alg":"{algorithm}",{member}}}"#);
    let claims = forge.claims(&[]);
    forge.add(name("no id"), stranger.sign(&without, &claims), &[SignatureInvalid]);
}

/// A chain of one certificate whose key signs the token.
fn certificate(forge: &mut Forge) {
    let pair = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["main.example".to_owned()]).unwrap();
    let certificate = params.self_signed(&pair).unwrap();
    let key = SigningKey::from_pkcs8(&pair.serialize_der(), Algorithm::Es256).unwrap();
    let stranger = Signer { id: Some("stranger".to_owned()), key };
    let chain = base64(certificate.der());
    signed_by(forge, &stranger, "x5c", &format!(r#""x5c":["{chain}"]"#));
    signed_by(forge, &stranger, "x5c twice", &format!(r#""x5c":["{chain}","{chain}"]"#));
    let wrong = chain.replace('+', "-").replace('/', "_");
    signed_by(forge, &stranger, "x5c in base64url", &format!(r#""x5c":["{wrong}"]"#));
}

//! Encodings of a public key: a careless verifier might use any of them as a shared secret.

use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Curve, KeyMaterial, base64url};

/// A DER value with this tag.
pub fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut value = vec![tag];
    match u8::try_from(length) {
        Ok(short @ 0..=127) => value.push(short),
        Ok(byte) => value.extend([0x81, byte]),
        Err(_) => {
            value.push(0x82);
            value.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    value.extend(content);
    value
}

/// A positive DER INTEGER.
pub fn integer(number: &[u8]) -> Vec<u8> {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    let short = &number[start..];
    if short.first().is_none_or(|first| first & 0x80 != 0) {
        return der(2, &[&[0], short].concat());
    }
    der(2, short)
}

/// Base64 with the alphabet and padding of RFC 4648, section 4.
pub fn base64(bytes: &[u8]) -> String {
    let mut text = base64url::encode(bytes).replace('-', "+").replace('_', "/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// PEM with this label; `end` ends each line of 64 characters.
pub fn pem(label: &str, bytes: &[u8], end: &str) -> String {
    let body = base64(bytes);
    let lines = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap());
    let lines: Vec<_> = lines.collect();
    let body = lines.join(end);
    format!("-----BEGIN {label}-----{end}{body}{end}-----END {label}-----{end}")
}

/// A SubjectPublicKeyInfo (RFC 5280, section 4.1).
pub fn spki(key: &KeyMaterial) -> Vec<u8> {
    let (algorithm, bits) = match key {
        KeyMaterial::Ed25519(point) => (der(6, &[0x2b, 0x65, 0x70]), point.to_vec()),
        KeyMaterial::Ec { curve, point } => {
            let curve = match curve {
                Curve::P256 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7][..],
                Curve::P384 => &[0x2b, 0x81, 4, 0, 34],
                Curve::P521 => &[0x2b, 0x81, 4, 0, 35],
            };
            let kind = der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]);
            ([kind, der(6, curve)].concat(), point.to_vec())
        }
        KeyMaterial::Rsa { .. } => {
            let kind = der(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]);
            ([kind, der(5, &[])].concat(), pkcs1(key).unwrap())
        }
    };
    let bits = der(3, &[&[0], &bits[..]].concat());
    der(0x30, &[der(0x30, &algorithm), bits].concat())
}

/// An RSAPublicKey (RFC 8017, appendix A.1.1), for RSA.
fn pkcs1(key: &KeyMaterial) -> Option<Vec<u8>> {
    let KeyMaterial::Rsa { modulus, exponent } = key else { return None };
    Some(der(0x30, &[integer(modulus), integer(exponent)].concat()))
}

/// The modulus of an RSA key, or the point of another key.
pub fn raw(key: &KeyMaterial) -> Vec<u8> {
    match key {
        KeyMaterial::Ed25519(point) => point.to_vec(),
        KeyMaterial::Ec { point, .. } => point.to_vec(),
        KeyMaterial::Rsa { modulus, .. } => modulus.to_vec(),
    }
}

/// Every encoding of the public half of `key`, by name.
pub fn all(key: &SigningKey, id: &str) -> Vec<(&'static str, Vec<u8>)> {
    let public = key.public().unwrap();
    let spki = spki(&public);
    let text = pem("PUBLIC KEY", &spki, "\n");
    let pretty: serde_json::Value = serde_json::from_str(&key.to_jwk(id)).unwrap();
    let mut all = vec![
        ("DER", spki.clone()),
        ("PEM with CRLF", pem("PUBLIC KEY", &spki, "\r\n").into_bytes()),
        ("PEM less its last line end", text.trim_end().into()),
        ("PEM after a space", format!(" {text}").into_bytes()),
        ("PEM after a byte order mark", format!("\u{feff}{text}").into_bytes()),
        ("PEM", text.into_bytes()),
        ("JWK", serde_json::to_vec_pretty(&pretty).unwrap()),
        ("JWK as it is published", key.to_jwk(id).into_bytes()),
        ("JWK of the required members", public.to_json().into_bytes()),
        ("raw", raw(&public)),
        ("base64url of raw", base64url::encode(&raw(&public)).into_bytes()),
    ];
    if let KeyMaterial::Ec { point, .. } = &public {
        all.push(("x", point[1..=point.len() / 2].to_vec()));
    }
    if let Some(pkcs1) = pkcs1(&public) {
        all.push(("PKCS #1 in PEM", pem("RSA PUBLIC KEY", &pkcs1, "\n").into_bytes()));
        all.push(("PKCS #1 in DER", pkcs1));
    }
    all
}

//! Sets with some bad keys: these are skipped, and the others work.

use crate::Plan;
use crate::issuer::KEYS;
use crate::issuer::script::ok;
use crate::life::{self, Case, Effect, ISS, Keys};
use jwtd::pb::Reason;
use jwtd_core::jose::base64url;
use jwtd_testkit::measured::Row;
use jwtd_testkit::tokens::{junk, set_of};
use std::sync::Arc;

pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let number = |bytes: &[u8]| base64url::encode(bytes);
    let rsa = |bits: usize, e: &[u8]| {
        let modulus = vec![0xff; bits / 8];
        format!(r#"{{"kty":"RSA","kid":"bad","n":"{}","e":"{}"}}"#, number(&modulus), number(e))
    };
    let ec = |x: &[u8], y: &[u8]| {
        let (x, y) = (number(x), number(y));
        format!(r#"{{"kty":"EC","crv":"P-256","kid":"bad","x":"{x}","y":"{y}"}}"#)
    };
    let usual = [1, 0, 1];
    let good = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let okp =
        |more: &str| format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"bad","x":"{good}"{more}}}"#);
    let cases = [
        ("RSA of 1024 bits", "RS256", rsa(1024, &usual)),
        ("RSA of 16384 bits", "RS256", rsa(16384, &usual)),
        ("RSA with e = 1", "RS256", rsa(2048, &[1])),
        ("RSA with an even e", "RS256", rsa(2048, &[2])),
        ("a point off the curve", "ES256", ec(&[1; 32], &[2; 32])),
        ("a point of the wrong length", "ES256", ec(&[1; 31], &[2; 33])),
        (
            "unknown kty",
            "EdDSA",
            r#"{"kty":"AKP","kid":"bad","alg":"ML-DSA-44","pub":"AAAA"}"#.into(),
        ),
        (
            "unknown crv",
            "ES256",
            r#"{"kty":"EC","crv":"secp256k1","kid":"bad","x":"AA","y":"AA"}"#.into(),
        ),
        ("kty that is no text", "EdDSA", r#"{"kty":7,"kid":"bad"}"#.into()),
        ("no members", "EdDSA", "{}".into()),
        ("a key that is no object", "EdDSA", "17".into()),
        ("alg of another type", "RS256", okp(r#","alg":"RS256""#)),
        ("use: enc", "EdDSA", okp(r#","use":"enc""#)),
        ("key_ops: sign", "EdDSA", okp(r#","key_ops":["sign"]"#)),
    ];
    let cases = cases.into_iter().enumerate().map(|(index, (name, algorithm, bad))| Case {
        name: format!("beside good keys: {name}"),
        keys: Keys::JwksUri,
        effect: Effect::Succeeds(vec![(
            junk(algorithm, "bad", ISS, &[7; 256]),
            Reason::KeyUnknown,
        )]),
        inject: Arc::new(move |scene, keys| {
            let all: Vec<_> = [bad.clone()].into_iter().chain(keys.iter().cloned()).collect();
            scene.issuer.put(KEYS, ok(set_of(&all)));
            Box::pin(async {})
        }),
        short: matches!(index, 0 | 4 | 6),
        tls: false,
    });
    life::rows(plan, cases.collect())
}

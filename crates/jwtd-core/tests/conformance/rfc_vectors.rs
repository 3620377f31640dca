//! The examples of RFC 7515, appendices A and E, and of RFC 8037, appendix A,
//! with the keys and tokens as printed there.

use crate::common::{ED25519, check, key_set, no_changed_byte_passes, reading_fault, trust};
use jwtd_core::jose::{Algorithm, Limits, UnixTime};
use jwtd_core::keys::KeySet;
use jwtd_core::verify::{Proven, Reason, verify};

/// RFC 7515, appendix A.1.1: the payload of A.1 to A.3 and A.5.
const CLAIMS: &str =
    "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";

/// The claims, encoded.
const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
    cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/// The `exp` of the claims.
const EXPIRY: i64 = 1_300_819_380;

fn verify_at(token: &str, set: KeySet, now: i64) -> Result<Proven, Reason> {
    let (issuers, profile) = trust("joe", set, Limits::DEFAULT);
    let now = UnixTime::from_seconds(now);
    verify(token.as_bytes(), &issuers, &profile, &[], now).map_err(|reject| reject.reason())
}

/// Asserts that a token with the claims above is valid until it expires, and only for its own
/// issuer.
fn assert_token_of_joe(jwk: &str, algorithm: Algorithm, header: &str, signature: &str) {
    let token = format!("{header}.{PAYLOAD}.{signature}");
    let set = || key_set(jwk, algorithm);
    let proven = verify_at(&token, set(), EXPIRY - 1).unwrap();
    assert_eq!(proven.algorithm(), algorithm.name());
    assert_eq!(proven.payload(), CLAIMS.as_bytes());
    assert_eq!(proven.claims().issuer(), Some("joe"));
    let expiry = UnixTime::from_seconds(EXPIRY);
    assert_eq!(proven.claims().expires_at(), Some(expiry));
    assert!(proven.claims().has("http://example.com/is_root"));
    // The leeway is one minute; at its end the token is refused.
    assert!(verify_at(&token, set(), EXPIRY + 59).is_ok());
    assert_eq!(verify_at(&token, set(), EXPIRY + 60), Err(Reason::Expired));
    let (issuers, _) = trust("moe", set(), Limits::DEFAULT);
    let fault = reading_fault(token.as_bytes(), &issuers);
    assert_eq!(fault, Some(Reason::IssuerUnknown));
    assert_eq!(no_changed_byte_passes(&token, &set()), 2 * token.len());
}

#[test]
fn rfc7515_a1_hs256() {
    let jwk = r#"{"kty":"oct",
        "k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
    assert_token_of_joe(
        jwk,
        Algorithm::Hs256,
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    );
}

#[test]
fn rfc7515_a2_rs256() {
    let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddx\
        HmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs\
        D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSH\
        SXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV\
        MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8\
        NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    assert_token_of_joe(
        &format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB"}}"#),
        Algorithm::Rs256,
        "eyJhbGciOiJSUzI1NiJ9",
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7\
         AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4\
         BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K\
         0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv\
         hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB\
         p0igcN_IoypGlUPQGe77Rw",
    );
}

#[test]
fn rfc7515_a3_es256() {
    let jwk = r#"{"kty":"EC","crv":"P-256",
        "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    assert_token_of_joe(
        jwk,
        Algorithm::Es256,
        "eyJhbGciOiJFUzI1NiJ9",
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA\
         pmWQxfKTUJqPP3-Kg6NU1Q",
    );
}

/// The payload of A.4 is the word `Payload`: signed, but not a claims set.
const A4: &str = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.\
    AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZq\
    wqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8Kp\
    EHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";

const A4_KEY: &str = r#"{"kty":"EC","crv":"P-521",
    "x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
    "y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#;

#[cfg(feature = "aws-lc")]
#[test]
fn rfc7515_a4_es512() {
    let set = key_set(A4_KEY, Algorithm::Es512);
    assert_eq!(check(A4.as_bytes(), &set).unwrap(), b"Payload");
    assert_eq!(no_changed_byte_passes(A4, &set), 2 * A4.len());
    assert_eq!(verify_at(A4, set, EXPIRY - 1), Err(Reason::ClaimsBadJson));
}

#[cfg(not(feature = "aws-lc"))]
#[test]
fn rfc7515_a4_es512_is_not_built_in() {
    let text = format!(r#"{{"keys":[{A4_KEY}]}}"#);
    let keys = jwtd_core::jose::JwkSet::parse(text.as_bytes()).unwrap().keys;
    let (set, unusable) = KeySet::of_public(&keys, &[Algorithm::Es512]);
    assert_eq!(unusable.len(), 1);
    assert!(check(A4.as_bytes(), &set).is_err());
}

#[test]
fn rfc7515_a5_none_is_refused() {
    let key = r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr8"}"#;
    for signature in ["", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"] {
        let token = format!("eyJhbGciOiJub25lIn0.{PAYLOAD}.{signature}");
        let set = key_set(key, Algorithm::Hs256);
        assert_eq!(verify_at(&token, set, EXPIRY - 1), Err(Reason::AlgorithmNone));
    }
}

#[test]
fn rfc7515_e_unknown_critical_extension_is_refused() {
    let token = "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERU\
        ZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0.RkFJTA.";
    let set = key_set(ED25519, Algorithm::EdDsa);
    assert_eq!(verify_at(token, set, EXPIRY - 1), Err(Reason::CriticalUnsupported));
}

#[test]
fn rfc8037_a4_ed25519() {
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
        hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt\
        9g7sVvpAr_MuM0KAg";
    let set = key_set(ED25519, Algorithm::EdDsa);
    assert_eq!(check(token.as_bytes(), &set).unwrap(), b"Example of Ed25519 signing");
    assert_eq!(no_changed_byte_passes(token, &set), 2 * token.len());
    assert_eq!(verify_at(token, set, EXPIRY - 1), Err(Reason::ClaimsBadJson));
}

#[test]
fn rfc8037_a3_thumbprint() {
    let set = key_set(ED25519, Algorithm::EdDsa);
    let key = &set.keys().first().unwrap().key;
    assert_eq!(
        jwtd_core::jose::base64url::encode(key.thumbprint()),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
}

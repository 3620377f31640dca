//! `crit` and `b64` (RFC 7515, section 4.1.11; RFC 7797): CVE-2026-35042, CVE-2025-59420,
//! CVE-2026-32597, CVE-2026-48525. All tokens are correctly signed.

use crate::attacks::corpus::Forge;
use jwtd_core::jose::base64url;
use jwtd_core::verify::Reason::{
    CriticalInvalid, CriticalUnsupported, HeaderDuplicateMember, PayloadBadBase64url,
    TokenBadCharacter, UnencodedPayload,
};

pub(crate) fn add(forge: &mut Forge) {
    let world = forge.world;
    let signer = world.main.ed25519();
    for members in [
        r#""crit":["x"],"x":1"#,
        r#""crit":["x"],"x":null"#,
        r#""x":1,"crit":["x"]"#,
        r#""crit":["x","y"],"x":1,"y":2"#,
        r#""crit":["http://example.com/x"],"http://example.com/x":true"#,
        r#""crit":["exp"],"exp":4000000000"#,
        r#""crit":["iss"],"iss":"https://main.example""#,
        r#""crit":["\u0078"],"x":1"#,
        r#""crit":["ppt"],"ppt":"shaken""#,
        r#""crit":["svt"],"svt":1"#,
        r#""crit":["Alg"],"Alg":"none""#,
        r#""crit":[""],"":1"#,
    ] {
        let token = forge.with_header(&signer.header(&format!(",{members}")));
        forge.add(members, token, &[CriticalUnsupported]);
    }
    for members in [
        r#""crit":[]"#,
        r#""crit":null"#,
        r#""crit":false"#,
        r#""crit":0"#,
        r#""crit":"""#,
        r#""crit":"x","x":1"#,
        r#""crit":{},"x":1"#,
        r#""crit":{"x":1},"x":1"#,
        r#""crit":{"0":"x"},"x":1"#,
        r#""crit":[["x"]],"x":1"#,
        r#""crit":[1],"1":1"#,
        r#""crit":[null],"x":1"#,
        r#""crit":["x",1],"x":1"#,
        r#""crit":["x","x"],"x":1"#,
        r#""crit":["x","\u0078"],"x":1"#,
        r#""crit":["x"]"#,
        r#""crit":["x","y"],"x":1"#,
        r#""crit":["X"],"x":1"#,
        r#""crit":["x "],"x":1"#,
        r#""crit":["alg"]"#,
        r#""crit":["kid"]"#,
        r#""crit":["typ"],"typ":"JWT""#,
        r#""crit":["crit"]"#,
        r#""crit":["jwk"],"jwk":{}"#,
        r#""crit":["jku"],"jku":"https://main.example""#,
        r#""crit":["x5c"],"x5c":[]"#,
        r#""crit":["x5t#S256"],"x5t#S256":"x""#,
        r#""crit":["cty"],"cty":"JWT""#,
        r#""crit":["zip"],"zip":"DEF""#,
        r#""crit":["enc"],"enc":"A128GCM""#,
        r#""crit":["x","alg"],"x":1"#,
    ] {
        let token = forge.with_header(&signer.header(&format!(",{members}")));
        forge.add(members, token, &[CriticalInvalid]);
    }
    for members in [
        r#""b64":true"#,
        r#""b64":false"#,
        r#""b64":null"#,
        r#""b64":0"#,
        r#""b64":"false""#,
        r#""\u00624":1,"b64":[]"#,
        r#""b\u00364":false"#,
        r#""b64":true,"crit":["b64"]"#,
        r#""b64":false,"crit":["b64"]"#,
        r#""crit":["b64","x"],"b64":false,"x":1"#,
    ] {
        let token = forge.with_header(&signer.header(&format!(",{members}")));
        forge.add(members, token, &[UnencodedPayload]);
    }
    let twice = signer.header(r#","crit":["x"],"x":1,"crit":["x"]"#);
    let token = forge.with_header(&twice);
    forge.add("crit twice", token, &[HeaderDuplicateMember]);

    // The payload unencoded, as `b64` false requires: it must never be decoded.
    let header = signer.header(r#","b64":false,"crit":["b64"]"#);
    let header = base64url::encode(header.as_bytes());
    let claims = forge.claims(&[]).replace('.', "%2e");
    let token = signer.sign_parts(header.as_bytes(), claims.as_bytes());
    forge.add("a payload in clear", token, &[UnencodedPayload, TokenBadCharacter]);
    let header = base64url::encode(signer.header("").as_bytes());
    let token = signer.sign_parts(header.as_bytes(), claims.as_bytes());
    forge.add("a payload in clear, unannounced", token, &[PayloadBadBase64url, TokenBadCharacter]);
}

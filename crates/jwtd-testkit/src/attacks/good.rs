//! Tokens that must pass, although some look like attacks. Where a verifier might want to refuse
//! one, an RFC says why it is good.

use crate::attacks::corpus::Forge;
use crate::attacks::families::order_and_prime;
use crate::attacks::numbers::difference;
use jwtd_core::jose::{Family, base64url};
use jwtd_core::verify::Reason::Ok;

pub(crate) fn add(forge: &mut Forge) {
    let world = forge.world;
    for party in world.parties().into_iter().filter(|party| party.name != "outside") {
        for signer in &party.signers {
            let (name, algorithm) = (party.name, signer.algorithm());
            let claims = world.claims(party, &[("jti", &forge.token_id())]);
            let token = signer.sign(&signer.header(""), &claims);
            forge.add(format!("{algorithm} of {name}"), token, &[Ok]);
            let claims = world.claims(party, &[("jti", &forge.token_id())]);
            let token = signer.sign(&format!(r#"{{"alg":"{algorithm}"}}"#), &claims);
            forge.add(format!("{algorithm} of {name}, without an id"), token, &[Ok]);
        }
    }
    complements(forge);
    headers(forge);
    claims(forge);
}

/// (r, n-s) is a signature if (r, s) is one (FIPS 186-5, section 6.4.2 accepts every s in range;
/// RFC 7518, section 3.4 requires no more). Anyone who sees a token can make the second form, so a
/// token's bytes do not identify it; its `jti` does.
fn complements(forge: &mut Forge) {
    let world = forge.world;
    for signer in &world.main.signers {
        let Family::Ecdsa(curve) = signer.algorithm().family() else { continue };
        let claims = forge.claims(&[]);
        let good = signer.sign(&signer.header(""), &claims);
        let (input, signature) = good.rsplit_once('.').unwrap();
        let signature = base64url::decode(signature.as_bytes()).unwrap();
        let (r, s) = signature.split_at(curve.coordinate_bytes());
        let other = difference(&order_and_prime(curve).0, s);
        let token = format!("{input}.{}", base64url::encode(&[r, &other].concat()));
        forge.add(format!("{} with n-s", signer.algorithm()), token, &[Ok]);
    }
}

fn headers(forge: &mut Forge) {
    let world = forge.world;
    let signer = world.main.ed25519();
    let url = format!("http://{}/good", world.canary.address);
    for member in [
        // RFC 7515, section 4: parameters that are not understood are ignored. Keys embedded in the
        // token are not even read.
        format!(r#""jku":"{url}""#),
        format!(r#""x5u":"{url}""#),
        format!(r#""jku":"{url}","x5u":"{url}","jwk":{{"kty":"oct","k":""}},"x5c":["AAAA"]"#),
        format!(r#""x":"{url}","cty":"JWT""#),
        r#""typ":"JWT""#.to_owned(),
        r#""typ":"jwt""#.to_owned(),
        r#""typ":"at+jwt""#.to_owned(),
        r#""typ":"AT+JWT""#.to_owned(),
        r#""typ":"application/at+jwt""#.to_owned(),
        r#""x5t":"AAAA","x5t#S256":"AAAA""#.to_owned(),
        r#""typ":null,"x5t":null,"x5c":[],"cty":"""#.to_owned(),
        r#""typ":"","jku":null"#.to_owned(),
        r#""typ":[]"#.to_owned(),
        r#""Crit":["x"],"B64":false"#.to_owned(),
        r#""iss":"https://other.example","exp":1"#.to_owned(),
        r#""x":[[[[{"a":[{"a":0}]}]]]]"#.to_owned(),
    ] {
        let token = forge.with_header(&signer.header(&format!(",{member}")));
        forge.add(format!("header {member}"), token, &[Ok]);
    }
    let id = signer.id.clone().unwrap();
    // The key is found by its algorithm.
    for kid in ["null", "\"\"", "[]"] {
        let token = forge.with_header(&format!(r#"{{"alg":"EdDSA","kid":{kid}}}"#));
        forge.add(format!("kid {kid}"), token, &[Ok]);
    }
    for header in [
        format!(r#" {{ "alg" : "EdDSA" , "kid" : "{id}" }} "#),
        format!(r#"{{"kid":"{id}","alg":"EdDSA"}}"#),
        format!(r#"{{"kid":"{id}","alg":"Ed25519"}}"#),
        format!(r#"{{"\u0061lg":"\u0045dDSA","kid":"{id}"}}"#),
        format!("{{\n\t\"alg\":\"EdDSA\",\r\n\"kid\":\"\\u006b{}\"}}", &id[1..]),
    ] {
        let token = forge.with_header(&header);
        forge.add(format!("header {header}"), token, &[Ok]);
    }
}

fn claims(forge: &mut Forge) {
    let now = forge.world.now;
    for (name, value) in [
        ("exp", "9007199254740991".to_owned()),
        ("exp", format!("{}.5", now + 7200)),
        ("exp", format!("{}e1", (now + 7200) / 10)),
        ("nbf", "0".to_owned()),
        ("nbf", "0.5".to_owned()),
        ("nbf", now.to_string()),
        ("iat", "0".to_owned()),
        ("iat", "0.5".to_owned()),
        ("iat", "0.0".to_owned()),
        ("aud", "\"api\"".to_owned()),
        ("aud", "[\"other\",\"web\",\"api\"]".to_owned()),
        ("aud", "[\"api\",\"api\"]".to_owned()),
        ("aud", "\"\\u0061pi\"".to_owned()),
        ("iss", "\"https:\\/\\/main.example\"".to_owned()),
        ("sub", "\"\"".to_owned()),
        ("sub", "\"\\u0000' OR 1=1 --\"".to_owned()),
        ("x", format!("{}0{}", "[".repeat(31), "]".repeat(31))),
        ("x", format!("[{}]", vec!["0"; 5000].join(","))),
        ("x", format!("\"{}\"", "a".repeat(11_000))),
        ("scope", format!("\"{}\"", "read ".repeat(2000))),
        ("aud", format!("[{}\"api\"]", "\"other\",".repeat(300))),
        ("sub", "null".to_owned()),
        ("jti", "null".to_owned()),
        ("jti", "[]".to_owned()),
        ("nbf", "null".to_owned()),
        ("iat", "null".to_owned()),
        ("scope", "null".to_owned()),
        ("scp", "[]".to_owned()),
        ("sid", "null".to_owned()),
        ("cnf", "null".to_owned()),
        ("cnf", "\"\"".to_owned()),
        ("cnf", "[]".to_owned()),
        ("x", "{\"exp\":1,\"iss\":\"x\",\"aud\":[]}".to_owned()),
        ("EXP", "1".to_owned()),
        ("alg", "\"none\"".to_owned()),
    ] {
        let token = forge.with_claims(&[(name, &value)]);
        let start: String = value.chars().take(40).collect();
        forge.add(format!("{name} {start} of {}", value.len()), token, &[Ok]);
    }
}

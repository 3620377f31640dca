//! Proofs: each item of RFC 9449, section 4.3.

use crate::maker::{Maker, URL, sha256, thumbprint};
use jwtd_core::jose::{Algorithm, base64url};
use jwtd_testkit::tokens::Signer;

pub(crate) fn add(maker: &mut Maker) {
    algorithms(maker);
    form(maker);
    keys(maker);
    members(maker);
    requests(maker);
    times(maker);
    hashes(maker);
}

fn algorithms(maker: &mut Maker) {
    for algorithm in Algorithm::ALL {
        let Some(key) = Signer::generate(*algorithm, None) else { continue };
        if key.key.public().is_none() {
            continue;
        }
        let token = maker.bound_to(&key);
        let proof = maker.proof_by(&key, &token).signed();
        let one = maker.shown(&token, &proof, "OK");
        maker.add("RFC 9449, 4.3, item 6", format!("a proof with {algorithm}"), one);
    }
    let rule = "RFC 9449, 4.3, item 5";
    maker.changed(rule, "alg none", "PROOF_INVALID", |proof| {
        let (header, claims) = proof.header("alg", r#""none""#).parts();
        let [header, claims] = [header, claims].map(|part| base64url::encode(part.as_bytes()));
        format!("{header}.{claims}.")
    });
    for name in ["HS256", "RS1", "ES256K", "es256", "none", ""] {
        maker.changed(rule, format!("alg {name:?}"), "PROOF_INVALID", |proof| {
            proof.header("alg", &format!("{name:?}")).signed()
        });
    }
    maker.changed(rule, "an algorithm of another key", "PROOF_INVALID", |proof| {
        proof.header("alg", r#""ES384""#).signed()
    });
    // The classic: the public key as the secret of an HMAC.
    let token = maker.bound();
    let secret = Signer::generate(Algorithm::Hs256, None).unwrap();
    let proof = maker.proof(&token).header("alg", r#""HS256""#).signed_by(&secret);
    let one = maker.shown(&token, &proof, "PROOF_INVALID");
    maker.add(rule, "a shared secret", one);
}

fn form(maker: &mut Maker) {
    for typ in ["dpop+jwt", "DPoP+JWT", "application/dpop+jwt"] {
        maker.changed("RFC 9449, 4.3, item 4", format!("typ {typ}"), "OK", |proof| {
            proof.header("typ", &format!("{typ:?}")).signed()
        });
    }
    for typ in ["JWT", "at+jwt", "dpop", "dpop+jwt ", "application/x/dpop+jwt", "jwt+dpop", ""] {
        maker.changed("RFC 9449, 4.3, item 4", format!("typ {typ:?}"), "PROOF_INVALID", |proof| {
            proof.header("typ", &format!("{typ:?}")).signed()
        });
    }
    let rule = "RFC 9449, 4.3, item 1";
    let joined = |joint: &str| {
        let joint = joint.to_owned();
        move |first: String, second: String| format!("{first}{joint}{second}")
    };
    for joint in [",", ", ", " , "] {
        let token = maker.bound();
        let [first, second] = [(); 2].map(|()| maker.proof(&token).signed());
        let one = maker.shown(&token, &joined(joint)(first, second), "PROOF_INVALID");
        maker.add(rule, format!("two proofs joined by {joint:?}"), one);
    }
    maker.changed(rule, "a comma at the end", "PROOF_INVALID", |proof| proof.signed() + ",");
    let rule = "RFC 9449, 4.3, item 2";
    for (name, change) in [
        ("two parts", (|text| text.rsplit_once('.').unwrap().0.to_owned()) as fn(String) -> String),
        ("four parts", |text| text + ".AA"),
        ("five parts", |text| text + ".AA.AA"),
        ("no signature", |text| format!("{}.", text.rsplit_once('.').unwrap().0)),
        ("padding", |text| text + "="),
        ("a space before", |text| format!(" {text}")),
        ("a space after", |text| text + " "),
        ("a line break", |text| text + "\n"),
        ("half of the signature", |text| text.split_at(text.len() - 43).0.to_owned()),
        ("a longer signature", |text| text + "AAAA"),
        ("the JSON serialization", |text| {
            let mut parts = text.split('.');
            let mut part = || parts.next().unwrap();
            let (protected, payload, signature) = (part(), part(), part());
            serde_json::json!({
                "protected": protected, "payload": payload, "signature": signature,
            })
            .to_string()
        }),
        ("not a JWT", |_| "proof".to_owned()),
        ("three empty parts", |_| "..".to_owned()),
        ("longer than 8192 bytes", |text| text + &"A".repeat(8192)),
    ] {
        maker.changed(rule, name, "PROOF_INVALID", |proof| change(proof.signed()));
    }
    maker.changed(rule, "longer than 8192 bytes, and signed", "PROOF_INVALID", |proof| {
        proof.text("more", &"a".repeat(8192)).signed()
    });
    let token = maker.bound();
    let one = maker.shown(&token, &token, "PROOF_INVALID");
    maker.add("RFC 9449, 4.3, item 4", "the token as its own proof", one);
    let token = maker.bound();
    let proof = maker.proof(&token).signed();
    let one = maker.shown(&proof, &proof, "ISSUER_MISSING");
    maker.add("RFC 9449, 4.3, item 4", "the proof as a token", one);
}

fn keys(maker: &mut Maker) {
    let rule = "RFC 9449, 4.3, items 6 and 7";
    let jwk = maker.sender.jwk();
    let with = |more: &str| jwk.replacen('{', &format!("{{{more},"), 1);
    for (name, value) in [
        ("private", with(r#""d":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA""#)),
        ("private and empty", with(r#""d":"""#)),
        ("private and null", with(r#""d":null"#)),
        ("with primes", with(r#""p":"AQAB","q":"AQAB""#)),
        ("null", "null".to_owned()),
        ("a list", format!("[{jwk}]")),
        ("a text", "\"x\"".to_owned()),
        ("empty", "{}".to_owned()),
        (
            "a secret",
            r#"{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#.to_owned(),
        ),
        ("of an unknown type", jwk.replace("\"EC\"", "\"XX\"")),
        ("of an unknown curve", jwk.replace("P-256", "P-257")),
        ("of a curve of 256 bits of Koblitz", jwk.replace("P-256", "secp256k1")),
        ("without y", jwk.replace("\"y\"", "\"z\"")),
        ("a key set", format!(r#"{{"keys":[{jwk}]}}"#)),
    ] {
        maker.changed(rule, format!("a key that is {name}"), "PROOF_INVALID", |proof| {
            proof.header("jwk", &value).signed()
        });
    }
    // Its thumbprint is bound, so that the key itself is what fails.
    let off = r#"{"crv":"P-256","kty":"EC","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}"#;
    let short = format!(r#"{{"e":"AQAB","kty":"RSA","n":"{}"}}"#, "w".repeat(171));
    for (name, key, alg) in
        [("a point off the curve", off, "ES256"), ("RSA with 1024 bits", &short, "RS256")]
    {
        let token = maker.token(&format!(r#"{{"jkt":"{}"}}"#, sha256(key.as_bytes())));
        let proof = maker.proof(&token).header("jwk", key).header("alg", &format!("{alg:?}"));
        let one = maker.shown(&token, &proof.signed(), "PROOF_INVALID");
        maker.add("RFC 8725, 3.5; RFC 9449, 4.3, item 7", name, one);
    }
    maker.changed(rule, "no key", "PROOF_INVALID", |proof| proof.without("jwk").signed());
    maker.changed(rule, "a key by name alone", "PROOF_INVALID", |proof| {
        proof.without("jwk").header("kid", "\"issuer-1\"").signed()
    });
    maker.changed(rule, "a key behind a URL", "PROOF_INVALID", |proof| {
        proof.without("jwk").header("jku", "\"https://thief.example\"").signed()
    });
    let token = maker.bound();
    let proof = maker.proof(&token).signed_by(&maker.thief);
    let one = maker.shown(&token, &proof, "PROOF_INVALID");
    maker.add("RFC 9449, 4.3, item 6", "a signature of another key", one);
    let token = maker.bound();
    let proof = maker.proof_by(&maker.thief, &token).signed();
    let one = maker.shown(&token, &proof, "BINDING_MISMATCH");
    maker.add("RFC 9449, 4.3, item 12", "a proof of another sender", one);
    // The key of the issuer proves tokens and no sender.
    let token = maker.bound();
    let proof = maker.proof_by(&maker.issuer, &token).signed();
    let one = maker.shown(&token, &proof, "BINDING_MISMATCH");
    maker.add("RFC 9449, 4.3, item 12", "a proof by the key of the issuer", one);
    maker.changed("RFC 9449, 4.3, item 12", "a key with further members", "OK", |proof| {
        let more = r#"{"kid":"own","x5c":["AA"],"more":[1],"#;
        let key = jwk.replacen('{', more, 1);
        proof.header("jwk", &key).signed()
    });
    let other = Signer::generate(Algorithm::Es256, None).unwrap();
    let token = maker.bound();
    let proof = maker.proof(&token).header("jwk", &other.jwk()).signed_by(&other);
    let one = maker.shown(&token, &proof, "BINDING_MISMATCH");
    maker.add("RFC 9449, 4.3, item 12", format!("the key {}", "of a stranger"), one);
    assert_ne!(thumbprint(&other), thumbprint(&maker.sender));
}

fn members(maker: &mut Maker) {
    let rule = "RFC 9449, 4.3, items 2 and 3";
    for name in ["typ", "alg", "jwk", "jti", "htm", "htu", "iat", "ath"] {
        maker.changed(rule, format!("without {name}"), "PROOF_INVALID", |proof| {
            proof.without(name).signed()
        });
        maker.changed(rule, format!("{name} twice"), "PROOF_INVALID", |proof| {
            proof.twice(name).signed()
        });
    }
    for name in ["jti", "htm", "htu", "ath", "nonce"] {
        for value in ["7", "null", "[]", "[\"x\"]", "{}", "true"] {
            maker.changed(rule, format!("{name} is {value}"), "PROOF_INVALID", |proof| {
                proof.claim(name, value).signed()
            });
        }
    }
    for value in ["\"1800000000\"", "null", "[]", "true", "-1", "1e400", "{}"] {
        maker.changed(rule, format!("iat is {value}"), "PROOF_INVALID", |proof| {
            proof.claim("iat", value).signed()
        });
    }
    for name in ["jti", "htm", "htu"] {
        maker.changed(rule, format!("{name} is empty"), "PROOF_INVALID", |proof| {
            proof.text(name, "").signed()
        });
    }
    for (length, reason) in [(1, "OK"), (256, "OK"), (257, "PROOF_INVALID")] {
        let id = "a".repeat(length);
        let name = format!("a jti of {length} bytes");
        maker.changed("RFC 9449, 11.1", name, reason, |proof| proof.text("jti", &id).signed());
    }
    for (name, value, reason) in [
        ("crit", r#"["x"]"#, "PROOF_INVALID"),
        ("crit", "[]", "PROOF_INVALID"),
        ("b64", "false", "PROOF_INVALID"),
        ("more", r#"{"a":[1,2]}"#, "OK"),
        ("x5c", r#"["AA"]"#, "OK"),
    ] {
        maker.changed("RFC 7515, 4.1", format!("header {name} {value}"), reason, |proof| {
            proof.header(name, value).signed()
        });
    }
    maker.changed("RFC 9449, 4.2", "further claims", "OK", |proof| {
        proof.claim("more", r#"{"a":[1,null]}"#).text("iss", "https://thief.example").signed()
    });
    maker.changed(rule, "claims that are a list", "PROOF_INVALID", |proof| {
        let (header, _) = proof.parts();
        format!("{}.{}.AAAA", base64url::encode(header.as_bytes()), base64url::encode(b"[]"))
    });
}

fn requests(maker: &mut Maker) {
    let rule = "RFC 9449, 4.3, item 8";
    for method in ["GET", "post", "Post", "POST ", "PUT"] {
        maker.changed(rule, format!("htm {method:?}"), "PROOF_INVALID", |proof| {
            proof.text("htm", method).signed()
        });
    }
    let rule = "RFC 9449, 4.3, item 9; RFC 3986, 6.2.2 and 6.2.3";
    for htu in [
        "https://api.example.com/orders/7?page=2",
        "https://api.example.com/orders/7#end",
        "https://api.example.com/orders/7?",
        "https://api.example.com:443/orders/7",
        "HTTPS://API.Example.COM/orders/7",
        "https://api.example.com/%6frders/7",
        "https://api.ex%61mple.com/orders/7",
    ] {
        maker.changed(rule, format!("htu {htu}"), "OK", |proof| proof.text("htu", htu).signed());
    }
    for htu in [
        "http://api.example.com/orders/7",
        "https://api.example.com/orders/8",
        "https://api.example.com/Orders/7",
        "https://api.example.com/orders/7/",
        "https://api.example.com/orders%2F7",
        "https://api.example.com/orders/./7",
        "https://api.example.com/x/../orders/7",
        "https://api.example.com//orders/7",
        "https://api.example.com:8443/orders/7",
        "https://api.example.com.:443/orders/7",
        "https://thief.example/orders/7",
        "https://api.example.com@thief.example/orders/7",
        "https://user@api.example.com/orders/7",
        "https://api.example.com\\orders/7",
        "https://api.example.com/orders/7%",
        "https://api.example.com/orders/7%0",
        "https://api.example.com/orders/\u{e4}",
        "https://api.example.com:port/orders/7",
        "https://api.example.com:65979/orders/7",
        "/orders/7",
        "//api.example.com/orders/7",
        "api.example.com/orders/7",
        "https:/api.example.com/orders/7",
        "https://",
        "ftp://api.example.com/orders/7",
        " https://api.example.com/orders/7",
    ] {
        maker.changed(rule, format!("htu {htu:?}"), "PROOF_INVALID", |proof| {
            proof.text("htu", htu).signed()
        });
    }
    let rule = "RFC 9449, 4.3, item 9";
    for (url, reason) in [
        ("https://api.example.com/orders/7?secret=1", "OK"),
        ("https://API.example.com:443/orders/7#x", "OK"),
        ("https://thief.example/orders/7", "PROOF_INVALID"),
        ("/orders/7", "PROOF_INVALID"),
        ("", "PROOF_INVALID"),
    ] {
        let token = maker.bound();
        let mut one = maker.shown(&token, &maker.proof(&token).signed(), reason);
        one.url = Some(url.to_owned()).filter(|url| !url.is_empty());
        maker.add(rule, format!("the request is for {url:?}"), one);
    }
    let token = maker.bound();
    let mut one = maker.shown(&token, &maker.proof(&token).signed(), "PROOF_INVALID");
    one.method = None;
    maker.add("RFC 9449, 4.3, item 8", "the method of the request is not known", one);
    let proof_of_root = "https://api.example.com";
    let token = maker.bound();
    let mut one =
        maker.shown(&token, &maker.proof(&token).text("htu", proof_of_root).signed(), "OK");
    one.url = Some(format!("{proof_of_root}/"));
    maker.add(rule, "an empty path is the root", one);
    assert_eq!(URL, "https://api.example.com/orders/7");
}

fn times(maker: &mut Maker) {
    let rule = "RFC 9449, 4.3, item 11";
    for (after, reason) in
        [(65, "OK"), (66, "PROOF_EXPIRED"), (-5, "OK"), (-6, "PROOF_EXPIRED"), (3600, "EXPIRED")]
    {
        let token = maker.bound();
        let mut one = maker.shown(&token, &maker.proof(&token).signed(), reason);
        one.after = after;
        let name = format!("presented {after} s after it was made");
        maker.add(rule, name, one);
    }
    let now = maker.now;
    for (name, value, reason) in [
        ("iat with a fraction", format!("{now}.9"), "OK"),
        ("iat long ago", "1".to_owned(), "PROOF_EXPIRED"),
        ("iat far ahead", "9007199254740991".to_owned(), "PROOF_EXPIRED"),
        ("iat beyond exact numbers", "9007199254740993".to_owned(), "PROOF_INVALID"),
    ] {
        maker.changed(rule, name, reason, |proof| proof.claim("iat", &value).signed());
    }
    for (name, claim, at, reason) in [
        ("its own exp to come", "exp", 1, "OK"),
        ("its own exp within the skew", "exp", -4, "OK"),
        ("its own exp passed", "exp", -5, "PROOF_EXPIRED"),
        ("its own nbf passed", "nbf", -1, "OK"),
        ("its own nbf within the skew", "nbf", 5, "OK"),
        ("its own nbf to come", "nbf", 6, "PROOF_EXPIRED"),
    ] {
        let value = (now + at).to_string();
        let rule = "RFC 7519, 4.1.4 and 4.1.5";
        maker.changed(rule, name, reason, |proof| proof.claim(claim, &value).signed());
    }
}

fn hashes(maker: &mut Maker) {
    let rule = "RFC 9449, 4.3, item 12";
    let other = maker.bound();
    for (name, hash) in [
        ("of another token", sha256(other.as_bytes())),
        ("empty", String::new()),
        ("padded", sha256(b"x") + "="),
    ] {
        maker.changed(rule, format!("ath {name}"), "PROOF_INVALID", |proof| {
            proof.text("ath", &hash).signed()
        });
    }
    let token = maker.bound();
    for (name, hash) in [
        ("with padding", sha256(token.as_bytes()) + "="),
        ("in hexadecimal", {
            let bytes = base64url::decode(sha256(token.as_bytes()).as_bytes()).unwrap();
            bytes.iter().map(|byte| format!("{byte:02x}")).collect()
        }),
        ("of the parts without the signature", {
            sha256(token.rsplit_once('.').unwrap().0.as_bytes())
        }),
    ] {
        let proof = maker.proof(&token).text("ath", &hash).signed();
        let one = maker.shown(&token, &proof, "PROOF_INVALID");
        maker.add(rule, format!("ath {name}"), one);
    }
}

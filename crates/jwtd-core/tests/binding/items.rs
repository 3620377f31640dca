//! The items of RFC 9449, section 4.3, one by one.

use super::*;
use jwtd_core::jose::jwk::UnusableKey;
use jwtd_core::jose::{BadTargetUri, Malformed, Part, base64url};
use jwtd_core::verify::{
    BindingKind, NonceFault, ProofExpiry, ProofFault, RequestFault, UnprovenProof,
};
use jwtd_testkit::tokens::sender::{sha256, thumbprint};

fn is(fault: ProofFault) -> Result<(), BindingFault> {
    Err(BindingFault::Proof(fault))
}

fn malformed(fault: Malformed) -> Result<(), BindingFault> {
    is(ProofFault::Malformed(fault))
}

/// The verdict on a good token with this text as its proof.
fn text(change: impl FnOnce(String) -> String) -> Result<(), BindingFault> {
    let token = bound();
    let proof = change(proof(&token).signed());
    Request::new(token, &proof).judged()
}

#[test]
fn r37_item_1_there_is_one_proof() {
    assert_eq!(text(|proof| proof), Ok(()));
    for joint in [",", ", ", " ,", ",,"] {
        let joined = text(|proof| format!("{proof}{joint}{proof}"));
        assert_eq!(joined, is(ProofFault::Several), "{joint:?}");
    }
    assert_eq!(text(|proof| proof + ","), is(ProofFault::Several));
    assert_eq!(text(|_| ",".to_owned()), is(ProofFault::Several));
}

#[test]
fn r37_item_2_it_is_a_jwt() {
    let is_malformed =
        |outcome| matches!(outcome, Err(BindingFault::Proof(ProofFault::Malformed(_))));
    for (name, change) in [
        ("nothing", (|_| " ".to_owned()) as fn(String) -> String),
        ("two parts", |proof| proof.rsplit_once('.').unwrap().0.to_owned()),
        ("four parts", |proof| proof + ".AA"),
        ("five parts", |proof| proof + ".AA.AA"),
        ("padding", |proof| proof + "="),
        ("a space", |proof| format!(" {proof}")),
        ("a line break", |proof| proof + "\n"),
        ("a scheme", |proof| format!("DPoP {proof}")),
        ("a quoted string", |proof| format!("\"{proof}\"")),
        ("no signature", |proof| format!("{}.", proof.rsplit_once('.').unwrap().0)),
    ] {
        assert!(is_malformed(text(change)), "{name}: {:?}", text(change));
    }
    // Two proofs that nothing joins are one text that is none.
    assert!(is_malformed(text(|proof| format!("{proof} {proof}"))));
    let signed = |header: &str, claims: &str| SENDER.sign(header, claims);
    for (header, claims) in [("[]", "{}"), ("{}", "[]"), ("{", "{}"), ("\"\"", "{}")] {
        assert!(is_malformed(text(|_| signed(header, claims))), "{header} {claims}");
    }
    // As long as may be, and longer.
    let token = bound();
    let long = |more: usize| proof(&token).text("more", &"a".repeat(more)).signed();
    let beyond = (5000..).find(|more| long(*more).len() > UnprovenProof::MAX_BYTES).unwrap();
    let judged = |more: usize| Request::new(token.clone(), &long(more)).judged();
    assert_eq!((judged(beyond - 1), judged(beyond)), (Ok(()), is(ProofFault::TooLong)));
}

#[test]
fn r37_item_3_the_required_claims_are_there() {
    for (name, expected) in [
        ("jti", "a string of 1 to 256 bytes"),
        ("htm", "the HTTP method of the request"),
        ("htu", "the URI of the request"),
    ] {
        let fault = malformed(Malformed::Member { part: Part::Payload, name, expected });
        assert_eq!(changed(|proof| proof.without(name)), fault, "{name}");
        assert_eq!(changed(|proof| proof.text(name, "")), fault, "{name}");
    }
    let without = changed(|proof| proof.without("iat"));
    assert!(matches!(
        without,
        Err(BindingFault::Proof(ProofFault::Malformed(Malformed::Member { name: "iat", .. })))
    ));
    assert_eq!(changed(|proof| proof.without("ath")), is(ProofFault::TokenHashMissing));
    // What nobody asked for does not matter.
    assert_eq!(changed(|proof| proof.claim("more", r#"{"a":[null]}"#)), Ok(()));
    assert_eq!(changed(|proof| proof.text("iss", "anybody").claim("aud", "7")), Ok(()));
}

#[test]
fn r36_r37_item_4_its_type_is_dpop_jwt() {
    let of = |typ: &str| changed(|proof| proof.header("typ", &format!("{typ:?}")));
    // The prefix may be left out, and case does not count (RFC 7515, section 4.1.9).
    for typ in ["dpop+jwt", "DPOP+jwt", "application/dpop+jwt", "Application/DPoP+JWT"] {
        assert_eq!(of(typ), Ok(()), "{typ}");
    }
    for typ in ["", "JWT", "at+jwt", "dpop", "dpop+jwt ", "text/dpop+jwt", "x/dpop+jwt"] {
        assert_eq!(of(typ), is(ProofFault::Type), "{typ:?}");
    }
    assert_eq!(changed(|proof| proof.without("typ")), is(ProofFault::Type));
    // A token is no proof, although its issuer signed it.
    let token = bound();
    assert_eq!(Request::new(token.clone(), &token).judged(), is(ProofFault::Type));
}

#[test]
fn r37_item_5_the_algorithm_is_asymmetric_and_accepted() {
    let of = |alg: &str| changed(|proof| proof.header("alg", &format!("{alg:?}")));
    for alg in ["none", "None", " none"] {
        assert_eq!(of(alg), malformed(Malformed::AlgorithmNone), "{alg:?}");
    }
    for alg in ["", "es256", "ES256K", "RS1", "dir", "RSA-OAEP"] {
        assert_eq!(of(alg), malformed(Malformed::AlgorithmUnsupported), "{alg:?}");
    }
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        assert_eq!(of(algorithm.name()), is(ProofFault::Algorithm(algorithm)));
    }
    for algorithm in Algorithm::ALL {
        let Some(key) = Signer::generate(*algorithm, None).filter(|key| key.key.public().is_some())
        else {
            continue;
        };
        let token = token(&bound_to_key(&key));
        let proof = Proof::new(&key, &token, "a", NOW).signed();
        let mut request = Request::new(token, &proof);
        assert_eq!(request.judged(), Ok(()), "{algorithm}");
        request.rules.algorithms =
            Algorithm::ALL.iter().copied().filter(|other| other != algorithm).collect();
        assert_eq!(request.judged(), is(ProofFault::Algorithm(*algorithm)));
    }
    // A rule that lets a shared secret in is not followed.
    let secret = Signer::generate(Algorithm::Hs256, None).unwrap();
    let token = bound();
    let signed = proof(&token).header("alg", r#""HS256""#).signed_by(&secret);
    let mut request = Request::new(token, &signed);
    request.rules.algorithms = Algorithm::ALL.iter().copied().collect();
    assert_eq!(request.judged(), is(ProofFault::Algorithm(Algorithm::Hs256)));
}

#[test]
fn r37_item_6_the_signature_is_that_of_its_key() {
    let token = bound();
    for other in [&*THIEF, &*ISSUER_KEY] {
        let signed = proof(&token).header("alg", r#""ES256""#).signed_by(other);
        assert_eq!(Request::new(token.clone(), &signed).judged(), is(ProofFault::Signature));
    }
    // The signature of another proof of the same key.
    let [one, two] = ["a", "b"].map(|id| proof(&token).text("jti", id).signed());
    let signature = two.rsplit_once('.').unwrap().1;
    let mixed = format!("{}.{signature}", one.rsplit_once('.').unwrap().0);
    assert_eq!(Request::new(token.clone(), &mixed).judged(), is(ProofFault::Signature));
    // In ASN.1, as other protocols encode it: longer than 64 bytes.
    let longer = format!("{one}AAAA");
    assert_eq!(Request::new(token.clone(), &longer).judged(), is(ProofFault::Signature));
    let zeros = format!("{}.{}", one.rsplit_once('.').unwrap().0, "A".repeat(86));
    assert_eq!(Request::new(token, &zeros).judged(), is(ProofFault::Signature));
}

#[test]
fn r14_r37_item_7_the_key_is_public_and_usable() {
    let jwk = SENDER.jwk();
    let of = |jwk: &str| changed(|proof| proof.header("jwk", jwk));
    let with = |more: &str| jwk.replacen('{', &format!("{{{more},"), 1);
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
        for value in [r#""AA""#, r#""""#, "null", "[]"] {
            let jwk = with(&format!("{private:?}:{value}"));
            assert_eq!(of(&jwk), is(ProofFault::Key(UnusableKey::Private)), "{private} {value}");
        }
    }
    assert_eq!(of(&with(r#""kid":"a","x5c":["AA"],"more":{}"#)), Ok(()));
    assert_eq!(
        of(&with(r#""use":"enc""#).replace(r#","use":"sig""#, "")),
        is(ProofFault::Key(UnusableKey::Use))
    );
    assert_eq!(changed(|proof| proof.without("jwk")), is(ProofFault::KeyMissing));
    let short = format!(r#"{{"e":"AQAB","kty":"RSA","n":"{}"}}"#, "w".repeat(171));
    let coordinate = format!("{}E", "A".repeat(42));
    let off = format!(r#"{{"crv":"P-256","kty":"EC","x":"{coordinate}","y":"{coordinate}"}}"#);
    let small = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, "A".repeat(43));
    // Each is the one that the token is bound to, so that nothing but the key is wrong.
    for (jwk, alg, fault) in [
        (short, "RS256", UnusableKey::Size),
        (off, "ES256", UnusableKey::Point),
        (small, "EdDSA", UnusableKey::SmallOrder),
        (r#"{"k":"AAAA","kty":"oct"}"#.to_owned(), "ES256", UnusableKey::Private),
        (SENDER.key.public().unwrap().to_json(), "ES384", UnusableKey::AlgorithmMismatch),
    ] {
        let token = token(&format!(r#"{{"jkt":"{}"}}"#, sha256(jwk.as_bytes())));
        let proof = proof(&token).header("jwk", &jwk).header("alg", &format!("{alg:?}"));
        let outcome = Request::new(token, &proof.signed()).judged();
        assert_eq!(outcome, is(ProofFault::Key(fault)), "{jwk}");
    }
}

/// The `alg` of a key is the only one that may be used with it (RFC 7517, section 4.4).
#[test]
fn r37_item_7_the_key_is_for_the_algorithm() {
    let Some(key) = Signer::generate(Algorithm::Ps256, None) else { return };
    let token = token(&bound_to_key(&key));
    let of = |own: &str| {
        let jwk = key.key.public().unwrap().to_json();
        let jwk = jwk.replacen('{', &format!(r#"{{"alg":{own},"#), 1);
        let proof = Proof::new(&key, &token, "a", NOW).header("jwk", &jwk).signed();
        Request::new(token.clone(), &proof).judged()
    };
    for unset in ["null", r#""""#, r#""PS256""#] {
        assert_eq!(of(unset), Ok(()), "{unset}");
    }
    assert_eq!(of(r#""RS256""#), is(ProofFault::Key(UnusableKey::OtherAlgorithm)));
    assert_eq!(of(r#""ES256""#), is(ProofFault::Key(UnusableKey::AlgorithmMismatch)));
    assert_eq!(of(r#""RS1""#), is(ProofFault::Key(UnusableKey::Algorithm)));
}

#[test]
fn r37_item_8_the_method_is_that_of_the_request() {
    let of = |method: Option<&str>, htm: &str| {
        let token = bound();
        let proof = proof(&token).text("htm", htm).signed();
        let mut request = Request::new(token, &proof);
        request.context.method = method.map(Box::from);
        request.judged()
    };
    for method in ["POST", "GET", "M-SEARCH", "brew"] {
        assert_eq!(of(Some(method), method), Ok(()));
    }
    // Methods are case-sensitive (RFC 9110, section 9.1).
    for other in ["GET", "post", "Post", "POST ", " POST", "POSTS", "POS"] {
        assert_eq!(of(Some("POST"), other), is(ProofFault::Method), "{other:?}");
    }
    assert_eq!(of(Some(""), "POST"), is(ProofFault::Method));
    assert_eq!(of(None, "POST"), is(ProofFault::Request(RequestFault::Method)));
}

#[test]
fn r37_item_9_the_target_is_that_of_the_request() {
    let of = |url: Option<&str>, htu: &str| {
        let token = bound();
        let proof = proof(&token).text("htu", htu).signed();
        let mut request = Request::new(token, &proof);
        request.context.url = url.map(Box::from);
        request.judged()
    };
    // `jose::target_uri` has the table of spellings; here both sides are normalized alike.
    for (url, htu) in [
        ("https://h.example/a?b=1#c", "https://h.example/a"),
        ("https://h.example/a", "https://h.example/a?b=1#c"),
        ("https://h.example/a?b=1", "https://h.example/a?b=2"),
        ("HTTPS://H.example:443/%61", "https://h.EXAMPLE/a"),
        ("https://h.example", "https://h.example/"),
    ] {
        assert_eq!(of(Some(url), htu), Ok(()), "{url} {htu}");
    }
    for htu in ["https://h.example/a/", "https://h.example/b", "http://h.example/a"] {
        assert_eq!(of(Some("https://h.example/a"), htu), is(ProofFault::Target), "{htu}");
    }
    for (htu, fault) in [
        ("/a", BadTargetUri::Scheme),
        ("https://u@h.example/a", BadTargetUri::UserInformation),
        ("https://h.example/%", BadTargetUri::Escape),
        ("https://h.example/a b", BadTargetUri::Character),
    ] {
        assert_eq!(of(Some(htu), htu), is(ProofFault::BadTarget(fault)), "{htu}");
        let bad_url = is(ProofFault::Request(RequestFault::BadUrl(fault)));
        assert_eq!(of(Some(htu), "https://h.example/a"), bad_url, "{htu}");
    }
    assert_eq!(of(None, URL), is(ProofFault::Request(RequestFault::Url)));
}

#[test]
fn r37_item_10_the_nonce_is_one_of_the_service() {
    let of = |value: Option<&str>, is_required: bool, nonces: Option<Nonces>| {
        let token = bound();
        let proof = match value {
            Some(value) => proof(&token).text("nonce", value),
            None => proof(&token),
        };
        let mut request = Request::new(token, &proof.signed());
        request.binding.nonce_required = is_required;
        request.rules.nonces = nonces;
        request.judged()
    };
    let foreign = Nonces::new(MessageKey::of(&[8; 32]), Nonces::LIFETIME);
    let foreign = foreign.issue(UnixTime::from_seconds(NOW));
    for (value, outcome) in [
        (Some(&*nonce(0)), Ok(())),
        (Some(&*nonce(-300)), Ok(())),
        (Some(&*nonce(-301)), Err(NonceFault::Expired)),
        (Some(&*foreign), Err(NonceFault::Unknown)),
        (Some(""), Err(NonceFault::Unknown)),
        (None, Err(NonceFault::Missing)),
    ] {
        let outcome = outcome.map_err(BindingFault::Nonce);
        assert_eq!(of(value, true, Some(nonces())), outcome, "{value:?}");
        assert_eq!(of(value, false, Some(nonces())), Ok(()), "not demanded: {value:?}");
    }
    let unknown = Err(BindingFault::Nonce(NonceFault::Unknown));
    assert_eq!(of(Some(&nonce(0)), true, None), unknown);
}

#[test]
fn r37_item_11_the_proof_is_of_this_time() {
    let at = |after: i64| changed(|proof| proof.claim("iat", &(NOW + after).to_string()));
    assert_eq!((at(0), at(5), at(-65)), (Ok(()), Ok(()), Ok(())));
    let seconds = std::time::Duration::from_secs;
    let expired = |expiry| Err(BindingFault::ProofExpired(expiry));
    assert_eq!(at(-66), expired(ProofExpiry::Old { age: seconds(66) }));
    assert_eq!(at(6), expired(ProofExpiry::Early { wait: seconds(1) }));
}

#[test]
fn r37_item_12_the_proof_is_of_this_token_and_its_key() {
    let (token, other) = (bound(), token(r#"{"jkt":"other"}"#));
    let of = |ath: &str| {
        let proof = proof(&token).text("ath", ath).signed();
        Request::new(token.clone(), &proof).judged()
    };
    let hash = sha256(token.as_bytes());
    assert_eq!(of(&hash), Ok(()));
    let signed_part = token.rsplit_once('.').unwrap().0;
    for wrong in [
        &*sha256(other.as_bytes()),
        &sha256(signed_part.as_bytes()),
        &sha256(b""),
        &format!("{hash}="),
        &hash.to_uppercase(),
        &hash.replace(['-', '_'], "+"),
        hash.split_at(42).0,
        "",
        &base64url::encode(hash.as_bytes()),
    ] {
        if *wrong != *hash {
            assert_eq!(of(wrong), is(ProofFault::TokenHash), "{wrong}");
        }
    }
    let proof = Proof::new(&THIEF, &token, "a", NOW).signed();
    let mismatch = Err(BindingFault::Mismatch(BindingKind::Dpop));
    assert_eq!(Request::new(token.clone(), &proof).judged(), mismatch);
    assert_ne!(thumbprint(&THIEF), thumbprint(&SENDER));
}

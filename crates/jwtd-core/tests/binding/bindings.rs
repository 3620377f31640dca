//! The bindings of tokens, the evidence for them, and the demands of profiles.

use super::*;
use jwtd_core::verify::{AuthorizationScheme, BindingDemand, BindingKind, BindingKinds};
use jwtd_testkit::tokens::sender::{bound_to_certificate, thumbprint};

const CERTIFICATE: &[u8] = b"the certificate of the sender";
const OTHER: &[u8] = b"another certificate";

fn sha256(bytes: &[u8]) -> [u8; 32] {
    jwtd_core::crypto::certificate_thumbprints(bytes).sha256.unwrap()
}

/// The evidence that comes with a token.
#[derive(Clone, Copy, Default)]
struct Evidence {
    proof: bool,
    certificate: Option<&'static [u8]>,
    scheme: AuthorizationScheme,
}

const NONE: Evidence =
    Evidence { proof: false, certificate: None, scheme: AuthorizationScheme::Unknown };
const PROOF: Evidence = Evidence { proof: true, ..NONE };
const CERTIFIED: Evidence = Evidence { certificate: Some(CERTIFICATE), ..NONE };
const BOTH: Evidence = Evidence { proof: true, ..CERTIFIED };

fn judged(cnf: &str, binding: Binding, evidence: Evidence) -> Result<(), BindingFault> {
    let token = token(cnf);
    let proof = if evidence.proof { proof(&token).signed() } else { String::new() };
    let mut request = Request::new(token, &proof);
    request.context.client_certificate = evidence.certificate.map(sha256);
    request.context.scheme = evidence.scheme;
    request.binding = binding;
    request.judged()
}

fn if_bound(cnf: &str, evidence: Evidence) -> Result<(), BindingFault> {
    judged(cnf, Binding::default(), evidence)
}

fn by_both() -> String {
    let certificate = bound_to_certificate(CERTIFICATE);
    certificate.replace('}', &format!(r#","jkt":"{}"}}"#, thumbprint(&SENDER)))
}

#[test]
fn r37_a_certificate_is_that_of_the_client() {
    let own = bound_to_certificate(CERTIFICATE);
    assert_eq!(if_bound(&own, CERTIFIED), Ok(()));
    assert_eq!(if_bound(&own, BOTH), Ok(()));
    let missing = Err(BindingFault::Missing(BindingKind::Certificate));
    assert_eq!((if_bound(&own, NONE), if_bound(&own, PROOF)), (missing.clone(), missing));
    let mismatch = Err(BindingFault::Mismatch(BindingKind::Certificate));
    let other = Evidence { certificate: Some(OTHER), ..NONE };
    assert_eq!(if_bound(&own, other), mismatch);
    assert_eq!(if_bound(&bound_to_certificate(b""), CERTIFIED), mismatch);
    // Unbound tokens come with certificates, too.
    assert_eq!((if_bound("null", CERTIFIED), if_bound("null", PROOF)), (Ok(()), Ok(())));
}

#[test]
fn r37_a_token_that_is_bound_twice_needs_both() {
    let both = by_both();
    assert_eq!(if_bound(&both, BOTH), Ok(()));
    let missing = |kind| Err(BindingFault::Missing(kind));
    assert_eq!(if_bound(&both, PROOF), missing(BindingKind::Certificate));
    assert_eq!(if_bound(&both, CERTIFIED), missing(BindingKind::Dpop));
    assert_eq!(if_bound(&both, NONE), missing(BindingKind::Certificate));
    let other = Evidence { certificate: Some(OTHER), ..BOTH };
    assert_eq!(if_bound(&both, other), Err(BindingFault::Mismatch(BindingKind::Certificate)));
    let stranger = both.replace(&thumbprint(&SENDER), &thumbprint(&THIEF));
    assert_eq!(if_bound(&stranger, BOTH), Err(BindingFault::Mismatch(BindingKind::Dpop)));
}

#[test]
fn r37_a_thumbprint_that_cannot_be_read_binds_to_nobody() {
    let right = thumbprint(&SENDER);
    let certificate = bound_to_certificate(CERTIFICATE);
    let certificate = certificate.split('"').nth(3).unwrap();
    for (kind, name, right) in
        [(BindingKind::Dpop, "jkt", &*right), (BindingKind::Certificate, "x5t#S256", certificate)]
    {
        let unreadable = Err(BindingFault::Unreadable(kind));
        for value in [
            r#""""#.to_owned(),
            r#""x""#.to_owned(),
            "7".to_owned(),
            "null".to_owned(),
            "true".to_owned(),
            "{}".to_owned(),
            format!(r#"["{right}"]"#),
            format!(r#""{right}=""#),
            format!(r#"" {right}""#),
            format!(r#""{right}AA""#),
            format!(r#""{}""#, right.split_at(42).0),
            // The bits beyond the last byte are set (RFC 4648, section 3.5).
            format!(r#""{}B""#, "A".repeat(42)),
            format!(r#""{}""#, "f".repeat(64)),
        ] {
            let cnf = format!(r#"{{{name:?}:{value}}}"#);
            assert_eq!(if_bound(&cnf, BOTH), unreadable, "{cnf}");
        }
    }
    // One that is good does not make up for one that is not.
    let half = by_both().replace(&thumbprint(&SENDER), "x");
    assert_eq!(if_bound(&half, BOTH), Err(BindingFault::Unreadable(BindingKind::Dpop)));
}

#[test]
fn r37_a_binding_that_is_not_known_is_refused_by_name() {
    let jwk = format!(r#"{{"jwk":{}}}"#, SENDER.jwk());
    for (cnf, member) in [
        (&*jwk, "jwk"),
        (r#"{"kid":"k"}"#, "kid"),
        (r#"{"jku":"https://issuer.example","kid":"k"}"#, "jku"),
        (r#"{"jwe":"a.b.c.d.e"}"#, "jwe"),
        (r#"{"x5t":"AAAA"}"#, "(another member)"),
        (r#"{"JKT":"A"}"#, "(another member)"),
        ("{}", "(another member)"),
        ("7", "(another member)"),
        ("false", "(another member)"),
        ("[null]", "(another member)"),
        (r#""jkt""#, "(another member)"),
    ] {
        assert_eq!(if_bound(cnf, BOTH), Err(BindingFault::Unsupported(member)), "{cnf}");
    }
    // Beside a thumbprint that is checked, others do not matter.
    let more = bound_to_key(&SENDER).replacen('{', r#"{"kid":"k","#, 1);
    assert_eq!(if_bound(&more, PROOF), Ok(()));
}

#[test]
fn r37_the_scheme_says_whether_a_token_is_bound() {
    use AuthorizationScheme::{Bearer, Dpop, Unknown};
    let by_key = bound_to_key(&SENDER);
    let by_certificate = bound_to_certificate(CERTIFICATE);
    let both = by_both();
    let not_bound = Err(BindingFault::NotBound);
    let bearer = Err(BindingFault::Bearer);
    for (cnf, [unknown, as_bearer, as_dpop]) in [
        (&by_key, [Ok(()), bearer.clone(), Ok(())]),
        (&both, [Ok(()), bearer, Ok(())]),
        (&by_certificate, [Ok(()), Ok(()), not_bound.clone()]),
        (&"null".to_owned(), [Ok(()), Ok(()), not_bound]),
    ] {
        for (scheme, expected) in [(Unknown, unknown), (Bearer, as_bearer), (Dpop, as_dpop)] {
            let outcome = if_bound(cnf, Evidence { scheme, ..BOTH });
            assert_eq!(outcome, expected, "{cnf} {scheme:?}");
        }
    }
}

#[test]
fn r37_the_profile_says_what_is_demanded() {
    let all = BindingKinds::default();
    let none = BindingKinds { certificate: false, dpop: false };
    let binding = |demand, kinds| Binding { demand, kinds, nonce_required: false };
    let (by_key, by_certificate, both) =
        (bound_to_key(&SENDER), bound_to_certificate(CERTIFICATE), by_both());
    for cnf in [&*by_key, &by_certificate, &both] {
        for demand in [BindingDemand::IfBound, BindingDemand::Required] {
            assert_eq!(judged(cnf, binding(demand, all), BOTH), Ok(()), "{cnf} {demand:?}");
            let refused = judged(cnf, binding(demand, none), BOTH);
            assert!(matches!(refused, Err(BindingFault::KindNotAccepted(_))), "{cnf} {refused:?}");
            assert!(judged(cnf, binding(demand, all), NONE).is_err(), "{cnf} {demand:?}");
        }
    }
    let required = binding(BindingDemand::Required, all);
    assert_eq!(judged("null", required, BOTH), Err(BindingFault::NotBound));
    let by_key_alone = BindingKinds { dpop: true, ..none };
    let by_key_alone = binding(BindingDemand::IfBound, by_key_alone);
    assert_eq!(judged(&by_key, by_key_alone, BOTH), Ok(()));
    // A binding that is not accepted is not dropped in silence.
    let refused = Err(BindingFault::KindNotAccepted(BindingKind::Certificate));
    assert_eq!(judged(&both, by_key_alone, BOTH), refused);
    let unchecked = binding(BindingDemand::Unchecked, all);
    for cnf in [&*by_key, &by_certificate, &both, "{}", "7", r#"{"jkt":7}"#, "null"] {
        for scheme in [AuthorizationScheme::Unknown, AuthorizationScheme::Dpop] {
            let alone = Evidence { scheme, ..NONE };
            assert_eq!(judged(cnf, unchecked, alone), Ok(()), "{cnf} {scheme:?}");
        }
    }
}

//! Every fault of a binding, produced once: a fault that is new needs a row here.

use super::*;

/// Names each fault, and lists the names. A new variant does not compile until it has a line.
macro_rules! faults {
    ($($fault:pat => $name:literal,)+) => {
        const FAULTS: &[&str] = &[$($name,)+];

        pub(super) fn name(fault: &BindingFault) -> &'static str {
            match fault { $($fault => $name,)+ }
        }
    };
}

faults! {
    BindingFault::Missing(BindingKind::Certificate) => "no certificate",
    BindingFault::Missing(BindingKind::Dpop) => "no proof",
    BindingFault::Bearer => "bearer",
    BindingFault::Unsupported(_) => "unsupported",
    BindingFault::NotBound => "not bound",
    BindingFault::KindNotAccepted(BindingKind::Certificate) => "no certificates accepted",
    BindingFault::KindNotAccepted(BindingKind::Dpop) => "no keys accepted",
    BindingFault::Mismatch(BindingKind::Certificate) => "another certificate",
    BindingFault::Mismatch(BindingKind::Dpop) => "another key",
    BindingFault::Unreadable(BindingKind::Certificate) => "unreadable x5t#S256",
    BindingFault::Unreadable(BindingKind::Dpop) => "unreadable jkt",
    BindingFault::Proof(ProofFault::Several) => "several",
    BindingFault::Proof(ProofFault::TooLong) => "too long",
    BindingFault::Proof(ProofFault::Malformed(_)) => "malformed",
    BindingFault::Proof(ProofFault::Type) => "typ",
    BindingFault::Proof(ProofFault::Algorithm(_)) => "alg",
    BindingFault::Proof(ProofFault::KeyMissing) => "no jwk",
    BindingFault::Proof(ProofFault::Key(_)) => "jwk",
    BindingFault::Proof(ProofFault::Signature) => "signature",
    BindingFault::Proof(ProofFault::Method) => "htm",
    BindingFault::Proof(ProofFault::BadTarget(_)) => "htu is no URI",
    BindingFault::Proof(ProofFault::Target) => "htu",
    BindingFault::Proof(ProofFault::TokenHashMissing) => "no ath",
    BindingFault::Proof(ProofFault::TokenHash) => "ath",
    BindingFault::Proof(ProofFault::Request(RequestFault::Method)) => "request without method",
    BindingFault::Proof(ProofFault::Request(RequestFault::Url)) => "request without URL",
    BindingFault::Proof(ProofFault::Request(RequestFault::BadUrl(_))) => "request with a bad URL",
    BindingFault::ProofExpired(ProofExpiry::Old { .. }) => "old",
    BindingFault::ProofExpired(ProofExpiry::Early { .. }) => "early",
    BindingFault::ProofExpired(ProofExpiry::Expired { .. }) => "expired",
    BindingFault::Nonce(NonceFault::BeforeStart) => "nonce before the start",
    BindingFault::Nonce(NonceFault::Expired) => "nonce expired",
    BindingFault::Nonce(NonceFault::Missing) => "no nonce",
    BindingFault::Nonce(NonceFault::Unknown) => "unknown nonce",
    BindingFault::Replayed => "replayed",
    BindingFault::ReplayUnchecked(Unchecked::Full) => "memory full",
    BindingFault::ReplayUnchecked(Unchecked::Share) => "share full",
    BindingFault::ReplayUnchecked(Unchecked::Unreachable) => "memory unreachable",
}

/// The faults of a replay memory, which the core has not.
const OF_THE_MEMORY: [&str; 4] = ["replayed", "memory full", "share full", "memory unreachable"];

type Row = (&'static str, Reason, fn(&mut Scene));

/// The changes that produce each fault, in the order of the checks.
const ROWS: &[Row] = {
    use Reason::{
        BindingMismatch, BindingRequired, NonceRequired, ProofExpired, ProofInvalid, TokenNotBound,
    };
    &[
        ("not bound", TokenNotBound, |one| {
            one.token = "{}".to_owned();
            one.binding.demand = BindingDemand::Required;
        }),
        ("not bound", TokenNotBound, |one| {
            one.token = "{}".to_owned();
            one.context.scheme = AuthorizationScheme::Dpop;
        }),
        ("unreadable jkt", BindingMismatch, |one| one.bind(r#"{"jkt":"AAAA"}"#)),
        ("unreadable x5t#S256", BindingMismatch, |one| one.bind(r#"{"x5t#S256":[]}"#)),
        ("no keys accepted", TokenNotBound, |one| one.binding.kinds.dpop = false),
        ("no certificates accepted", TokenNotBound, |one| {
            one.bind(&format!(r#"{{"x5t#S256":"{}"}}"#, "A".repeat(43)));
            one.binding.kinds.certificate = false;
        }),
        ("unsupported", BindingRequired, |one| one.bind(r#"{"kid":"k"}"#)),
        ("bearer", BindingRequired, |one| one.context.scheme = AuthorizationScheme::Bearer),
        ("no certificate", BindingRequired, |one| {
            one.bind(&format!(r#"{{"x5t#S256":"{}"}}"#, "A".repeat(43)));
        }),
        ("another certificate", BindingMismatch, |one| {
            one.bind(&format!(r#"{{"x5t#S256":"{}"}}"#, "A".repeat(43)));
            one.context.client_certificate = Some([1; 32]);
        }),
        ("no proof", BindingRequired, |one| one.context.dpop_proof = None),
        ("several", ProofInvalid, |one| one.text = Some("a.b.c,d.e.f".to_owned())),
        ("too long", ProofInvalid, |one| {
            one.text = Some("a".repeat(UnprovenProof::MAX_BYTES + 1));
        }),
        ("malformed", ProofInvalid, |one| one.text = Some("a.b".to_owned())),
        ("malformed", ProofInvalid, |one| one.replace("ES256", "none")),
        ("malformed", ProofInvalid, |one| one.replace(r#""jti":"a""#, r#""jti":7"#)),
        ("typ", ProofInvalid, |one| one.replace("dpop+jwt", "JWT")),
        ("alg", ProofInvalid, |one| one.replace("ES256", "HS256")),
        ("alg", ProofInvalid, |one| one.rules.algorithms = AlgorithmSet::default()),
        ("no jwk", ProofInvalid, |one| one.replace(r#""jwk""#, r#""key""#)),
        ("jwk", ProofInvalid, |one| one.replace(r#""kty""#, r#""d":"AA","kty""#)),
        // Found when the key is bound to the algorithm.
        ("jwk", ProofInvalid, |one| one.replace("ES256", "ES384")),
        ("another key", BindingMismatch, |one| {
            one.bind(&format!(r#"{{"jkt":"{}"}}"#, base64url::encode(&thumbprint(&THIEF))));
        }),
        ("request without method", ProofInvalid, |one| one.context.method = None),
        ("htm", ProofInvalid, |one| one.replace("POST", "post")),
        ("htu is no URI", ProofInvalid, |one| one.replace("https://", "")),
        ("request without URL", ProofInvalid, |one| one.context.url = None),
        ("request with a bad URL", ProofInvalid, |one| one.context.url = Some("/".into())),
        ("htu", ProofInvalid, |one| one.replace("/orders/7", "/orders/7/")),
        ("old", ProofExpired, |one| one.replace("1800000000", "1799999934")),
        ("early", ProofExpired, |one| one.replace("1800000000", "1800000006")),
        ("early", ProofExpired, |one| one.replace(r#""jti""#, r#""nbf":1800000006,"jti""#)),
        ("expired", ProofExpired, |one| one.replace(r#""jti""#, r#""exp":1799999995,"jti""#)),
        ("no nonce", NonceRequired, |one| one.binding.nonce_required = true),
        ("unknown nonce", NonceRequired, |one| {
            one.binding.nonce_required = true;
            one.rules.nonces = Some(nonces());
            one.replace(r#""jti""#, r#""nonce":"of another service","jti""#);
        }),
        // A service without nonces knows none.
        ("unknown nonce", NonceRequired, |one| {
            one.restart(0);
            one.rules.nonces = None;
        }),
        ("nonce expired", NonceRequired, |one| one.restart(-301)),
        ("nonce before the start", NonceRequired, |one| one.restart(-1)),
        ("no ath", ProofInvalid, |one| one.replace(r#""ath""#, r#""hash""#)),
        ("ath", ProofInvalid, |one| one.replace(r#""ath":""#, r#""ath":"A"#)),
        ("signature", ProofInvalid, |one| one.signer = &THIEF),
    ]
};

#[test]
fn r37_each_fault_has_its_cause_and_its_reason() {
    assert_eq!(Scene::new().judged(), Ok(()));
    let mut found = BTreeSet::new();
    for (number, (expected, reason, change)) in ROWS.iter().enumerate() {
        let Err(reject @ Reject::Binding(_)) = after(*change) else {
            panic!("row {number}: {expected}, and not {:?}", after(*change));
        };
        assert_eq!(reject.reason(), *reason, "row {number}: {expected}");
        let Reject::Binding(fault) = reject else { unreachable!() };
        assert_eq!(name(&fault), *expected, "row {number}: {fault:?}");
        assert!(!fault.to_string().is_empty());
        found.insert(*expected);
    }
    let missing: Vec<_> = FAULTS
        .iter()
        .filter(|name| !found.contains(*name) && !OF_THE_MEMORY.contains(name))
        .collect();
    assert!(missing.is_empty(), "no row for {missing:?}");
}

#[test]
fn what_the_memory_says_has_its_reason() {
    assert_eq!(BindingFault::Replayed.reason(), Reason::Replayed);
    for cause in [Unchecked::Full, Unchecked::Share, Unchecked::Unreachable] {
        let fault = BindingFault::ReplayUnchecked(cause);
        assert!(OF_THE_MEMORY.contains(&name(&fault)), "{fault:?}");
        assert_eq!(
            (fault.reason(), fault.to_string()),
            (Reason::ReplayUnchecked, cause.to_string())
        );
    }
}

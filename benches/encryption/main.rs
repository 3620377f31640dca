//! The cost of encrypted tokens compared with bare calls of aws-lc, and a timing test of failed
//! decryption. `cargo bench --bench encryption -- [--quick] [--only TEXT] [--json FILE]`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::as_conversions,
    clippy::disallowed_methods,
    reason = "a measurement that cannot be made should end"
)]

mod bare;
mod classes;

use jwtd_core::crypto::{DecryptionKey, EncryptionKey, RecipientKey, RsaSize, SigningKey};
use jwtd_core::jose::{
    AgreementCurve, Algorithm, CompactJwe, ContentEncryption, ContentEncryptionSet, Curve,
    JweHeader, JweParts, KeyManagement, Limits, UnixTime,
};
use jwtd_core::keys::{DecryptionKeys, Issuer, Issuers, KeyState, Leeway, LoadedKeys};
use jwtd_core::verify::{Profile, read, verify};
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::Instant;

pub(crate) const LIMITS: Limits = Limits::DEFAULT;
const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

/// The command-line flags.
pub(crate) struct Plan {
    quick: bool,
    only: String,
    json: Option<String>,
}

impl Plan {
    fn of_arguments() -> Self {
        let mut plan = Self { quick: false, only: String::new(), json: None };
        let mut arguments = std::env::args().skip(1);
        while let Some(one) = arguments.next() {
            match &*one {
                "--quick" => plan.quick = true,
                "--only" => plan.only = arguments.next().unwrap(),
                "--json" => plan.json = arguments.next(),
                _ => {}
            }
        }
        plan
    }
}

/// A recipient, its decryption key, and its encryption key.
pub(crate) struct Pair {
    pub(crate) own: RecipientKey,
    pub(crate) opener: DecryptionKey,
    pub(crate) sealer: EncryptionKey,
    pub(crate) algorithm: KeyManagement,
}

impl Pair {
    pub(crate) fn new(algorithm: KeyManagement, size: RsaSize, curve: AgreementCurve) -> Self {
        let own = RecipientKey::generate(algorithm, size, curve, 32).unwrap().with_id("e");
        let jwk = own.public_jwk().unwrap_or_else(|| own.to_jwk().to_string());
        let sealer = EncryptionKey::parse(jwk.as_bytes()).unwrap().remove(0).unwrap();
        let opener = own.bind(None, ContentEncryptionSet::default()).unwrap();
        Self { own, opener, sealer, algorithm }
    }

    pub(crate) fn seal(&self, text: &[u8]) -> String {
        let (algorithm, encryption) = (self.algorithm, ContentEncryption::A256Gcm);
        self.sealer.encrypt_compact(algorithm, encryption, r#","cty":"JWT""#, text).unwrap()
    }
}

/// Parses the header and the parts of a token.
pub(crate) fn parts(token: &str) -> (JweHeader, JweParts<'_>) {
    let jwe = CompactJwe::split(token.as_bytes(), &LIMITS).unwrap();
    let header = JweHeader::parse(&jwe.header(&LIMITS).unwrap(), &LIMITS).unwrap();
    let parts = jwe.parts(header.encryption, &LIMITS).unwrap();
    (header, parts)
}

/// The duration of each of `rounds` rounds of about 20 ms, in microseconds.
pub(crate) fn time(quick: bool, mut work: impl FnMut()) -> Vec<f64> {
    let (rounds, span) = if quick { (3, 0.002) } else { (15, 0.02) };
    let begin = Instant::now();
    work();
    let each = begin.elapsed().as_secs_f64().max(1e-7);
    let count = ((span / each) as usize).max(1);
    let round = |_| {
        let begin = Instant::now();
        (0..count).for_each(|_| work());
        begin.elapsed().as_secs_f64() * 1e6 / count as f64
    };
    (0..rounds).map(round).collect()
}

pub(crate) fn figure(mut all: Vec<f64>, unit: &str) -> Value {
    all.sort_unstable_by(f64::total_cmp);
    let (least, most) = (all[0], all[all.len() - 1]);
    json!({ "unit": unit, "median": all[all.len() / 2], "min": least, "max": most })
}

/// The issuer of the tokens, which decrypts with `pair` if there is one.
fn world(signer: &SigningKey, pair: Option<&Pair>) -> (Issuers, Profile) {
    let jwks = format!(r#"{{"keys":[{}]}}"#, signer.to_jwk("k"));
    let set = LoadedKeys::from_jwks(jwks.as_bytes(), &[Algorithm::EdDsa]).unwrap().set;
    let held = KeyState::Held { set: set.into(), stale_at: None };
    let algorithms = [Algorithm::EdDsa].into_iter().collect();
    let mut issuer =
        Issuer::new("i", &["https://i"], algorithms, None, Leeway::DEFAULT, "bench", held);
    if let Some(pair) = pair {
        let key = pair.own.bind(None, ContentEncryptionSet::default()).unwrap();
        issuer = issuer
            .with_decryption(DecryptionKeys { keys: vec![key], content_type_optional: false });
    }
    let issuers = Issuers::new(vec![issuer], LIMITS).unwrap();
    let profile = Profile::new("p", &["i"], &issuers).unwrap();
    (issuers, profile)
}

fn costs(plan: &Plan, rows: &mut Vec<Value>) {
    use KeyManagement::{A256GcmKw, A256Kw, Direct, EcdhEs, RsaOaep256};
    let signer = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let filler = "x".repeat(400);
    let claims = format!(r#"{{"iss":"https://i","exp":1800000600,"sid":"{filler}"}}"#);
    let signed = signer.sign_compact(r#"{"alg":"EdDSA","kid":"k"}"#, &claims).unwrap();
    let ec = |curve| AgreementCurve::Ec(curve);
    for (name, algorithm, size, curve) in [
        ("RSA-OAEP-256, 2048 bits", RsaOaep256, RsaSize::Bits2048, ec(Curve::P256)),
        ("RSA-OAEP-256, 3072 bits", RsaOaep256, RsaSize::Bits3072, ec(Curve::P256)),
        ("RSA-OAEP-256, 4096 bits", RsaOaep256, RsaSize::Bits4096, ec(Curve::P256)),
        ("ECDH-ES, P-256", EcdhEs, RsaSize::Bits2048, ec(Curve::P256)),
        ("ECDH-ES, P-384", EcdhEs, RsaSize::Bits2048, ec(Curve::P384)),
        ("ECDH-ES, P-521", EcdhEs, RsaSize::Bits2048, ec(Curve::P521)),
        ("ECDH-ES, X25519", EcdhEs, RsaSize::Bits2048, AgreementCurve::X25519),
        ("A256KW", A256Kw, RsaSize::Bits2048, ec(Curve::P256)),
        ("A256GCMKW", A256GcmKw, RsaSize::Bits2048, ec(Curve::P256)),
        ("dir", Direct, RsaSize::Bits2048, ec(Curve::P256)),
    ] {
        if !name.contains(&plan.only) {
            continue;
        }
        let pair = Pair::new(algorithm, size, curve);
        let token = pair.seal(signed.as_bytes());
        let (header, parts) = parts(&token);
        let decrypt = || {
            black_box(pair.opener.decrypt(black_box(&header), &parts).unwrap());
        };
        let measured = time(plan.quick, decrypt);
        let beside = bare::of(&pair, &header, &parts).map(|mut work| time(plan.quick, &mut *work));
        let middle = |all: &[f64]| {
            let mut all = all.to_vec();
            all.sort_unstable_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let ratio = beside.as_ref().map(|beside| middle(&measured) / middle(beside));
        rows.push(json!({
            "what": format!("open {name}"),
            "measured": figure(measured, "us"),
            "beside": beside.map(|beside| figure(beside, "us")),
            "ratio": ratio.map(|ratio| figure(vec![ratio], "x")),
        }));
        let (issuers, profile) = world(&signer, Some(&pair));
        let cold = time(plan.quick, || {
            black_box(verify(black_box(token.as_bytes()), &issuers, &profile, &[], NOW).unwrap());
        });
        rows.push(json!({ "what": format!("cold {name}, whole"), "measured": figure(cold, "us") }));
        let proven = read(token.as_bytes(), &issuers).unwrap().prove().unwrap();
        let hot = time(plan.quick, || {
            black_box(black_box(&proven).issuer_if_current(&issuers).is_some());
        });
        rows.push(json!({ "what": format!("hot {name}, proof"), "measured": figure(hot, "us") }));
    }
    let (issuers, profile) = world(&signer, None);
    let cold = time(plan.quick, || {
        black_box(verify(black_box(signed.as_bytes()), &issuers, &profile, &[], NOW).unwrap());
    });
    rows.push(json!({ "what": "cold not encrypted, whole", "measured": figure(cold, "us") }));
    let proven = read(signed.as_bytes(), &issuers).unwrap().prove().unwrap();
    let hot = time(plan.quick, || {
        black_box(black_box(&proven).issuer_if_current(&issuers).is_some());
    });
    rows.push(json!({ "what": "hot not encrypted, proof", "measured": figure(hot, "us") }));
}

fn main() {
    let plan = Plan::of_arguments();
    let mut rows = Vec::new();
    costs(&plan, &mut rows);
    classes::rows(&plan, &mut rows);
    for row in &rows {
        let part = |name: &str| {
            let figure = &row[name];
            let middle = figure["median"].as_f64()?;
            Some(format!("{name} {middle:.2} {}", figure["unit"].as_str()?))
        };
        let parts: Vec<_> = ["measured", "beside", "ratio"].into_iter().filter_map(part).collect();
        println!("{}: {}", row["what"].as_str().unwrap(), parts.join(", "));
    }
    if let Some(path) = &plan.json {
        std::fs::write(path, Value::from(rows).to_string()).unwrap();
    }
}

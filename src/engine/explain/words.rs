//! What is expected and what was found, in words. Of a token these hold names, lengths
//! and the values that a configuration compares (`alg`, `kid`, `typ`, `iss`, `aud`, scopes,
//! times), shortened and escaped; no other value, and nothing of the signature.

use crate::engine::RevocationAge;
use crate::escape::escaped;
use jwtd_core::jose::{Algorithm, Claims, Header, JweHeader, Limits, UnixTime, json};
use jwtd_core::keys::{Issuer, Issuers, Key, KeyError, KeyState};
use jwtd_core::policy::{Mode, Policy};
use jwtd_core::verify::{
    Binding, BindingDemand, BoundTo, Condition, Encryption, Matter, Profile, Proven, TokenContext,
    WhenStale, bound_to,
};
use std::sync::Arc;
use std::time::Duration;

/// Of a text of the token so many characters are shown.
const SHOWN: usize = 100;
/// Of a list so many members are named.
const LISTED: usize = 16;

/// A text of the token, shortened and escaped.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(SHOWN).collect();
    let more = if start.len() < text.len() { "..." } else { "" };
    format!("`{}{more}`", escaped(&start))
}

fn listed<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| shown(name.as_ref())).collect();
    let more = names.len().saturating_sub(LISTED);
    let mut text = names.into_iter().take(LISTED).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    if text.is_empty() { "none".to_owned() } else { text }
}

/// How far a moment is from now.
fn distance(moment: UnixTime, now: UnixTime) -> String {
    match (now.since(moment), moment.since(now)) {
        (Some(ago), _) => format!("{} s ago", ago.as_secs()),
        (None, Some(wait)) => format!("in {} s", wait.as_secs()),
        (None, None) => "out of range".to_owned(),
    }
}

fn seconds(span: Duration) -> String {
    format!("{} s", span.as_secs())
}

pub(super) const NOT_KNOWN: &str = "what is revoked is known to the daemon alone";
pub(super) const PLAIN: &str = "not encrypted";
pub(super) const PLAIN_NOT: &str = "encrypted";
pub(super) const KEY_OF_ISSUER: &str = "encrypted to a decryption key of an issuer of the profile";

/// The `alg`, `enc` and `kid` of a decrypted token.
pub(super) fn sealed(header: &JweHeader) -> String {
    let id = header.key_id.as_deref().map_or_else(|| "absent".to_owned(), shown);
    format!("decrypted: alg {}, enc {}, kid {id}", header.algorithm, header.encryption)
}

pub(super) const CLAIMS_SET: &str = "claims that are encrypted and not signed";

pub(super) const NO_SIGNATURE: &str = "nothing: the claims are not signed";
pub(super) const NOT_SIGNED: &str = "no signature";
pub(super) const LIKE_SIGNED: &str = "the same as of a signed token";
pub(super) const AS_EXPECTED: &str = "it is";

/// The requirement on encrypted claims that nobody signed.
pub(super) const fn unsigned(profile: &Profile) -> &'static str {
    if profile.shared_key_authenticates {
        "a signed token, or claims that a shared key of one issuer authenticates"
    } else {
        "a signed token: `shared_key_authenticates` is off"
    }
}

/// The shared key that authenticates a token.
pub(super) fn by_shared_key(proven: &Proven) -> String {
    let id = proven.key_id().map_or_else(|| "without id".to_owned(), shown);
    format!("not signed; authenticated by the shared key {id} ({})", proven.algorithm())
}

pub(super) fn form(limits: &Limits) -> String {
    format!("three parts with dots between them, at most {} bytes", limits.token_bytes)
}

pub(super) fn parts(token: &[u8]) -> String {
    let dots = token.iter().filter(|byte| **byte == b'.').count();
    format!("{} parts, {} bytes", dots.saturating_add(1), token.len())
}

pub(super) fn header(header: &Header) -> String {
    let mut text = format!("alg {}", header.algorithm.name());
    for (name, value) in [("kid", header.key_id.as_deref()), ("typ", header.token_type.name())] {
        let value = value.map_or_else(|| "absent".to_owned(), shown);
        text.push_str(&format!(", {name} {value}"));
    }
    text
}

/// The names of the claims.
pub(super) fn names(payload: &[u8], limits: &Limits) -> Option<String> {
    let members = json::parse(payload, &limits.json).ok()?.into_object()?;
    Some(format!("the claims {}", listed(members.iter().map(|(name, _)| name))))
}

/// Those that the profile trusts; what others there are is nothing to its callers.
pub(super) fn issuers(issuers: &Issuers, profile: &Profile) -> String {
    let trusted = issuers.iter().filter(|(index, _)| profile.trusts(*index));
    let known = trusted.flat_map(|(_, issuer)| issuer.identifiers());
    format!("`iss` is one of {}", listed(known))
}

/// As [`issuers`], by their names in the configuration.
pub(super) fn trusted(issuers: &Issuers, profile: &Profile) -> String {
    let trusted = issuers.iter().filter(|(index, _)| profile.trusts(*index));
    let names = listed(trusted.map(|(_, issuer)| issuer.name()));
    format!("an issuer of the profile `{}`: {names}", profile.name())
}

pub(super) fn issuer(claims: &Claims) -> String {
    claims.issuer().map_or_else(|| "absent".to_owned(), shown)
}

pub(super) fn algorithms(issuer: &Issuer) -> String {
    let allowed = Algorithm::ALL.iter().filter(|one| issuer.algorithms().contains(**one));
    let names = allowed.map(|one| one.name()).collect::<Vec<_>>().join(", ");
    format!("one of {names}, of the issuer `{}`", issuer.name())
}

/// The key that is looked for.
pub(super) fn key(issuer: &Issuer, header: &Header) -> String {
    let (name, algorithm) = (issuer.name(), header.algorithm.name());
    match &header.key_id {
        Some(id) => format!(
            "the key of `{name}` with the id {}, for {algorithm}; or one of its keys without an id",
            shown(id)
        ),
        None => format!("one of at most four keys of `{name}` for {algorithm}: there is no `kid`"),
    }
}

/// The keys that were found, or those that there are.
pub(super) fn keys(issuer: &Issuer, header: &Header) -> String {
    let KeyState::Held { set, .. } = issuer.keys() else {
        return "the keys of this issuer were never loaded".to_owned();
    };
    let named = |key: &Key| {
        let id = key.id.as_deref().map_or_else(|| "without id".to_owned(), shown);
        format!("{id} ({}, {} bits)", key.key.algorithm().name(), key.key.bits())
    };
    let join = |keys: Vec<String>| keys.join(", ");
    match set.select(header) {
        Ok(found) => join(found.iter().filter_map(|at| set.keys().get(at)).map(named).collect()),
        Err(error) => {
            let what = match error {
                KeyError::Ambiguous => error.to_string(),
                _ => "no such key".to_owned(),
            };
            let (all, more) = (set.keys().iter(), set.keys().len().saturating_sub(LISTED));
            let some = join(all.take(LISTED).map(named).collect());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{what}; there are {some}{more}")
        }
    }
}

/// What is expected by a condition, and what is found.
pub(super) fn condition(condition: Condition, matter: &Matter<'_>) -> (String, String) {
    let Matter { proven, issuers, profile, audiences, now, .. } = *matter;
    let claims = proven.claims();
    let Some(issuer) = issuers.get(proven.proof().issuer()) else {
        return (String::new(), String::new());
    };
    match condition {
        Condition::Encryption => {
            let expected = match profile.encryption {
                Encryption::Allowed => "either",
                Encryption::Refused => "not encrypted",
                Encryption::Required => "encrypted",
            };
            let actual = proven.encryption().map_or_else(
                || "not encrypted".to_owned(),
                |header| format!("encrypted with {} and {}", header.algorithm, header.encryption),
            );
            (expected.to_owned(), actual)
        }
        Condition::FreshKeys => {
            let actual = match issuer.keys() {
                KeyState::Held { stale_at: Some(end), .. } => {
                    format!("good until {}", distance(*end, now))
                }
                KeyState::Held { stale_at: None, .. } => "they do not age".to_owned(),
                KeyState::Unavailable => "never loaded".to_owned(),
            };
            ("renewed within `max_stale`".to_owned(), actual)
        }
        Condition::Times => {
            let leeway = issuer.clock_skew().span();
            let mut expected =
                format!("`exp` to come, `nbf` and `iat` past, within {}", seconds(leeway));
            if let Some(limit) = profile.max_age {
                expected.push_str(&format!("; `iat` at most {} ago", seconds(limit)));
            }
            let times = [
                ("exp", claims.expires_at()),
                ("nbf", claims.not_before()),
                ("iat", claims.issued_at()),
            ];
            let said = times.map(|(name, at)| match at {
                Some(at) => format!("{name} {}", distance(at, now)),
                None => format!("{name} absent"),
            });
            (expected, said.join(", "))
        }
        Condition::Lifetime => {
            let expected = profile.max_lifetime.map_or_else(
                || "any".to_owned(),
                |limit| format!("at most {} from `iat` to `exp`", seconds(limit)),
            );
            let span = claims.expires_at().zip(claims.issued_at());
            let span = span.and_then(|(end, begin)| end.since(begin));
            (expected, span.map_or_else(|| "not known".to_owned(), seconds))
        }
        Condition::Audience => {
            let mut expected = match issuer.audiences() {
                Some(accepted) => format!("one of {} (issuer)", listed(accepted)),
                None => "any (issuer)".to_owned(),
            };
            if let Some(own) = &profile.audiences {
                expected.push_str(&format!(" and of {} (profile)", listed(own)));
            }
            if !audiences.is_empty() {
                expected.push_str(&format!(" and of {} (request)", listed(audiences)));
            }
            if !profile.required_audiences.is_empty() {
                expected.push_str(&format!("; all of {}", listed(&profile.required_audiences)));
            }
            let actual = claims.audiences().map_or_else(|| "absent".to_owned(), listed);
            (expected, actual)
        }
        Condition::Type => {
            let accepted = profile.types.iter().map(|one| one.name().unwrap_or("absent"));
            let actual = proven.token_type().name().map_or_else(|| "absent".to_owned(), shown);
            (format!("one of {}", listed(accepted)), actual)
        }
        Condition::RequiredClaims => {
            let missing = profile.required_claims.iter().filter(|name| !claims.has(name));
            let missing: Vec<_> = missing.collect();
            let actual = if missing.is_empty() {
                "all of them are there".to_owned()
            } else {
                format!("not there: {}", listed(missing))
            };
            (all_of(&profile.required_claims), actual)
        }
        Condition::NotRevoked => {
            let expected = "no entry for its `jti`, `sid`, `sub`, client, issuer or key";
            let actual = matter.revoked.map_or_else(|| "none".to_owned(), |by| by.to_string());
            (expected.to_owned(), actual)
        }
        Condition::Binding => (sender(claims, profile.binding), evidence(matter.context)),
    }
}

/// The evidence of its sender that a token must come with.
fn sender(claims: &Claims, binding: Binding) -> String {
    match bound_to(claims, binding) {
        _ if binding.demand == BindingDemand::Unchecked => {
            "nothing: the profile does not look at `cnf`".to_owned()
        }
        Ok(Some(BoundTo { certificate, key })) => {
            let key = key.map(|_| "a DPoP proof with the key of `cnf.jkt`");
            let certificate = certificate.map(|_| "the certificate of `cnf.x5t#S256`");
            both(key, certificate)
        }
        Ok(None) => "nothing: the token is not bound".to_owned(),
        Err(_) => "a token that is bound to its sender, in a way that is accepted".to_owned(),
    }
}

/// The evidence of its sender that came with a token.
fn evidence(context: &TokenContext) -> String {
    let key = context.dpop_proof.as_ref().map(|_| "a DPoP proof");
    let certificate = context.client_certificate.map(|_| "a certificate");
    both(key, certificate)
}

/// Whether what came with a token may be presented but once.
pub(super) fn presentation(matter: &Matter<'_>) -> (&'static str, &'static str) {
    match matter.proof {
        _ if matter.profile.one_time => {
            ("a token, and a DPoP proof, that were not presented before", "a one-time token")
        }
        Some(Ok(_)) => ("a DPoP proof that was not presented before", "a DPoP proof"),
        Some(Err(_)) => ("a DPoP proof that was not presented before", "no good DPoP proof"),
        None => ("nothing: no DPoP proof is needed", "no DPoP proof"),
    }
}

fn both(one: Option<&str>, other: Option<&str>) -> String {
    match (one, other) {
        (Some(one), Some(other)) => format!("{one} and {other}"),
        (one, other) => one.or(other).unwrap_or("no evidence").to_owned(),
    }
}

/// What becomes of what is too old.
pub(super) fn max_age(profile: &Profile) -> &'static str {
    match profile.when_stale {
        WhenStale::Allow => "nothing: `when_stale` is `allow`",
        WhenStale::Refuse => "no feed was silent for longer than its `max_age`",
    }
}

/// How old what is known of revocations is.
pub(super) fn age(known: Option<RevocationAge>) -> String {
    match known {
        None => "no feed has a `max_age`".to_owned(),
        Some(RevocationAge { heard: false, .. }) => "a feed was not heard of yet".to_owned(),
        Some(RevocationAge { age, stale, .. }) => {
            let state = if stale { ", which is too long or has a gap" } else { "" };
            format!("last heard of {} s ago{state}", age.as_secs())
        }
    }
}

pub(super) fn all_of(names: &[Arc<str>]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { format!("all of {}", listed(names)) }
}

pub(super) fn scopes(proven: &Proven) -> String {
    listed(proven.claims().scopes())
}

/// What the policy demands, in short.
pub(super) fn policy(policy: &Policy) -> String {
    let mode = match policy.mode {
        Mode::Enforce => "",
        Mode::Permissive => " (permissive)",
        Mode::Off => return "nothing: its mode is off".to_owned(),
    };
    let scopes = policy.all_scopes.len().saturating_add(policy.any_scope.len());
    let counts = [
        (scopes, "scopes"),
        (policy.subjects.len(), "subjects"),
        (policy.claims.len(), "demands on claims"),
        (policy.rules.len(), "rules"),
    ];
    let said: Vec<_> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if said.is_empty() { "nothing".to_owned() } else { format!("{}{mode}", said.join(", ")) }
}

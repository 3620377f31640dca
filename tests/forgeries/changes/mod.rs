//! Families of token changes. No result may be accepted unless it equals a good token byte for
//! byte.

pub(crate) mod object;
pub(crate) mod raw;
pub(crate) mod values;

use crate::dice::Dice;
use crate::world::{Good, World, plain, sign};
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, base64url};

/// The decoded parts of a token.
pub(crate) struct Parts {
    pub(crate) header: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

impl Parts {
    /// Decodes the parts of a good token.
    pub(crate) fn of(token: &[u8]) -> Self {
        let mut parts =
            token.split(|byte| *byte == b'.').map(|part| base64url::decode(part).unwrap());
        let mut next = || parts.next().unwrap();
        Self { header: next(), payload: next(), signature: next() }
    }

    pub(crate) fn join(&self) -> Vec<u8> {
        [&self.header, &self.payload, &self.signature]
            .map(|part| base64url::encode(part))
            .join(".")
            .into_bytes()
    }
}

/// A kind of change.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) change: fn(&mut Dice, &World, &Good, &Keyring) -> Vec<u8>,
    /// The least share of cases, in percent, that must reach the signature check: a family of
    /// unreadable tokens would prove nothing about signatures.
    pub(crate) at_signature: u64,
    /// The least number of different reasons that must occur, including that of good tokens.
    pub(crate) reasons: usize,
}

/// The keys of an attacker.
pub(crate) struct Keyring {
    /// HMAC secrets made from public keys.
    disguised: Vec<SigningKey>,
}

pub(crate) const FAMILIES: &[Family] = &[
    Family {
        name: "the text",
        change: |dice, _, good, _| raw::change(dice, &good.text),
        at_signature: 5,
        reasons: 15,
    },
    Family { name: "the header, old signature", change: header, at_signature: 10, reasons: 12 },
    Family { name: "the claims, old signature", change: claims, at_signature: 20, reasons: 8 },
    Family {
        name: "the signature",
        change: |dice, _, good, _| raw::signature(dice, &good.text),
        at_signature: 50,
        reasons: 3,
    },
    Family { name: "spliced from several tokens", change: splice, at_signature: 10, reasons: 10 },
    Family { name: "signed with another's key", change: foreign, at_signature: 20, reasons: 2 },
    Family { name: "several changes at once", change: several, at_signature: 2, reasons: 20 },
];

impl Keyring {
    pub(crate) fn new(world: &World) -> Self {
        let secrets = world.public_keys_as_secrets();
        let algorithms = [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512];
        let bound = secrets.iter().flat_map(|secret| {
            algorithms.map(|algorithm| {
                let copy = jwtd_core::jose::Secret::new(secret.expose().to_vec());
                SigningKey::from_secret(copy, algorithm).ok()
            })
        });
        // Encodings that are too short for the algorithm yield no key.
        Self { disguised: bound.flatten().collect() }
    }
}

/// Another header with the old signature.
fn header(dice: &mut Dice, _: &World, good: &Good, _: &Keyring) -> Vec<u8> {
    let mut members = good.header.clone();
    for _ in 0..=dice.below(2) {
        object::change(dice, &mut members, values::HEADER, &values::of_header);
    }
    let mut parts = Parts::of(&good.text);
    (_, parts.header) = object::write(dice, &members);
    parts.join()
}

/// Other claims with the old signature.
fn claims(dice: &mut Dice, world: &World, good: &Good, _: &Keyring) -> Vec<u8> {
    let mut members = good.claims.clone();
    for _ in 0..=dice.below(2) {
        let value = |dice: &mut Dice, name: &str| values::of_claims(dice, world.now, name);
        object::change(dice, &mut members, values::CLAIMS, &value);
    }
    let mut parts = Parts::of(&good.text);
    (_, parts.payload) = object::write(dice, &members);
    parts.join()
}

/// Combines parts of good tokens of different keys and issuers, whole or cut.
fn splice(dice: &mut Dice, world: &World, good: &Good, _: &Keyring) -> Vec<u8> {
    // Mostly tokens of the same algorithm, because these pass more checks.
    let alike = |other: &&Good| other.header == good.header;
    let alike: Vec<_> = world.good.iter().filter(alike).collect();
    let other = if dice.once_in(4) { dice.pick(&world.good) } else { *dice.pick(&alike) };
    let (mut parts, donor) = (Parts::of(&good.text), Parts::of(&other.text));
    match dice.below(6) {
        0 => parts.header = donor.header,
        1 => parts.payload = donor.payload,
        2 => parts.signature = donor.signature,
        3 => crossed(dice, &mut parts.payload, &donor.payload),
        4 => crossed(dice, &mut parts.signature, &donor.signature),
        _ => {
            // The texts, cut at random positions.
            let (at, from) = (dice.below(good.text.len()), dice.below(other.text.len()));
            return [&good.text[..at], &other.text[from..]].concat();
        }
    }
    parts.join()
}

/// Replaces the end of `part` with that of `donor`.
fn crossed(dice: &mut Dice, part: &mut Vec<u8>, donor: &[u8]) {
    let at = dice.below(part.len().min(donor.len()));
    part.truncate(at);
    part.extend_from_slice(&donor[at..]);
}

/// Valid signatures by the wrong party: the key of another issuer under the same ID, an unpublished
/// key, a public key used as a secret, another key of the same issuer.
fn foreign(dice: &mut Dice, world: &World, good: &Good, keyring: &Keyring) -> Vec<u8> {
    let mut header = good.header.clone();
    let kind = dice.below(10);
    // Other families cover algorithms that sign slowly.
    let cheap = |key: &&SigningKey| {
        !matches!(key.algorithm().family(), jwtd_core::jose::Family::Rsa)
            && key.algorithm() != Algorithm::Es512
            && key.algorithm() != Algorithm::Es384
    };
    // Not of the same issuer: without its ID, that would be a good token.
    let others = world.homes.iter().enumerate().filter(|(home, _)| *home != good.home);
    let others: Vec<_> = others.flat_map(|(_, home)| home.keys.iter().filter(cheap)).collect();
    let own = world.homes[good.home].keys[good.key].algorithm();
    let key = match kind {
        0..5 => dice.pick(&keyring.disguised),
        5 => &world.stranger,
        _ => {
            // Under the same algorithm and ID, if another issuer has such a key.
            let same = others.iter().copied().find(|key| key.algorithm() == own);
            same.unwrap_or_else(|| others[dice.below(others.len())])
        }
    };
    if !dice.once_in(4) {
        header[0].1 = format!(r#""{}""#, key.algorithm());
    }
    if dice.once_in(4) {
        header.remove(1);
    }
    if dice.once_in(4) && key.public().is_some() {
        header.push(("jwk".to_owned(), key.to_jwk("own")));
    }
    sign(key, plain(&header).as_bytes(), plain(&good.claims).as_bytes())
}

/// Applies two to four changes of the other families in a row.
fn several(dice: &mut Dice, world: &World, good: &Good, keyring: &Keyring) -> Vec<u8> {
    let first = &FAMILIES[dice.below(FAMILIES.len() - 1)];
    let mut token = (first.change)(dice, world, good, keyring);
    for _ in 0..=dice.below(2) {
        if !token.contains(&b'.') {
            token.extend_from_slice(b"..");
        }
        token = raw::change(dice, &token);
    }
    token
}

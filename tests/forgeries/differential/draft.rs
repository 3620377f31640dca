//! Tokens for several verifiers, good and odd ones. Most are validly signed, so that the verdict
//! depends on how they are parsed.

use crate::changes::{object, raw, values};
use crate::dice::Dice;
use crate::world::{Good, World, sign};
use jwtd_core::jose::{Algorithm, Family};

/// A token, and the ways in which it is odd.
pub(crate) struct Draft {
    pub(crate) text: Vec<u8>,
    pub(crate) oddities: Vec<&'static str>,
    /// The algorithm of the key that signed it.
    pub(crate) algorithm: Algorithm,
}

impl Draft {
    pub(crate) fn new(dice: &mut Dice, world: &World) -> Self {
        let good = some(dice, world);
        let key = &world.homes[good.home].keys[good.key];
        let mut draft = Self { text: Vec::new(), oddities: Vec::new(), algorithm: key.algorithm() };
        // RSA takes a millisecond to sign, so RSA tokens are only changed after signing.
        if key.algorithm().family() == Family::Rsa {
            draft.text.clone_from(&good.text);
        } else {
            let mut header = good.header.clone();
            let mut claims = good.claims.clone();
            let kind = dice.below(10);
            if kind < 4 {
                let odd = object::change(dice, &mut header, values::HEADER, &values::of_header);
                draft.oddities.extend(odd);
            }
            if (3..9).contains(&kind) {
                for _ in 0..=dice.below(2) {
                    let value =
                        |dice: &mut Dice, name: &str| values::of_claims(dice, world.now, name);
                    let odd = object::change(dice, &mut claims, values::CLAIMS, &value);
                    draft.oddities.extend(odd);
                }
            }
            let (odd, header) = object::write(dice, &header);
            draft.oddities.extend(odd);
            let (odd, claims) = object::write(dice, &claims);
            draft.oddities.extend(odd);
            // Sometimes signed with the key of the other issuer of that kind.
            let other = &world.homes[good.home ^ 1].keys;
            let signer = match other.iter().find(|other| other.algorithm() == key.algorithm()) {
                Some(other) if dice.once_in(20) => {
                    draft.oddities.push("key");
                    other
                }
                _ => key,
            };
            draft.text = sign(signer, &header, &claims);
        }
        if dice.once_in(12) {
            draft.oddities.push("text");
            draft.text = raw::change(dice, &draft.text);
        } else if dice.once_in(20) {
            draft.oddities.push("signature");
            draft.text = raw::signature(dice, &draft.text);
        }
        draft
    }
}

/// Picks a good token to start from, preferring algorithms that sign fast.
fn some<'w>(dice: &mut Dice, world: &'w World) -> &'w Good {
    loop {
        let good = dice.pick(&world.good);
        let algorithm = world.homes[good.home].keys[good.key].algorithm();
        let seldom = match algorithm.family() {
            Family::Hmac => 1,
            Family::Ecdsa(_) if algorithm != Algorithm::Es256 => 8,
            Family::Ecdsa(_) | Family::Ed25519 | Family::Rsa => 3,
        };
        if dice.once_in(seldom) {
            return good;
        }
    }
}

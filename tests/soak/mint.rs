//! Generates tokens, good ones and many kinds of bad ones.

use crate::oracle::{Facts, Home, Token, World};
use bytes::Bytes;
use jwtd::pb::Reason;
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, Secret, base64url};
use jwtd_testkit::tokens::{self, Claims, Signer};
use std::sync::{Arc, Mutex};

pub(crate) struct Mint {
    world: Arc<World>,
    gamma: Arc<Signer>,
    delta: Arc<Signer>,
    /// A key that is never published.
    stranger: SigningKey,
    dice: Mutex<Dice>,
}

/// A pseudorandom number generator (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    pub(crate) fn below(&mut self, length: usize) -> usize {
        usize::try_from(self.roll(u64::try_from(length).unwrap())).unwrap()
    }

    fn seconds(&mut self, from: i64, to: i64) -> i64 {
        from + i64::try_from(self.roll(u64::try_from(to - from).unwrap())).unwrap()
    }
}

/// The kinds of bad tokens.
pub(crate) const BAD: [&str; 17] = [
    "expired",
    "not yet valid",
    "from the future",
    "no expiry",
    "wrong audience",
    "wrong type",
    "no subject",
    "forged signature",
    "payload of another",
    "key of another issuer",
    "alg none",
    "HMAC with the public key",
    "unknown issuer",
    "two parts",
    "not base64url",
    "duplicate claim",
    "nothing",
];

/// Bad tokens with an unknown key ID: they bring a fetch forward, and may wait for it.
pub(crate) const STRANGE: [&str; 2] = ["unknown kid", "removed key"];

impl Mint {
    pub(crate) fn new(world: Arc<World>) -> Self {
        let signer = |id: &str, algorithm| Arc::new(Signer::of(algorithm, id));
        Self {
            world,
            gamma: signer("file", Algorithm::Rs256),
            delta: signer("file", Algorithm::EdDsa),
            stranger: SigningKey::generate(Algorithm::Es256).unwrap(),
            dice: Mutex::new(Dice(u64::from(std::process::id()))),
        }
    }

    /// The key sets of the issuer with a file and of the one with an inline set.
    pub(crate) fn fixed_keys(&self) -> (String, String) {
        (tokens::set(&[&self.gamma]), tokens::set(&[&self.delta]))
    }

    fn signer(&self, home: Home) -> Arc<Signer> {
        match home {
            Home::Alpha | Home::Beta => self.world.issuer(home).signer(),
            Home::Gamma => Arc::clone(&self.gamma),
            Home::Delta => Arc::clone(&self.delta),
            Home::Nobody => panic!("nobody signs nothing"),
        }
    }

    fn facts(&self, dice: &mut Dice, home: Home, key_id: &str) -> Facts {
        let now = tokens::now();
        // One in ten expires soon, while it is cached.
        let life = if dice.roll(10) == 0 { dice.seconds(3, 60) } else { dice.seconds(300, 1800) };
        Facts {
            unreadable: None,
            home,
            algorithm_allowed: true,
            key_id: key_id.to_owned(),
            good_signature: true,
            expires_at: Some(now + life),
            not_before: (dice.roll(2) == 0).then_some(now),
            issued_at: now - dice.seconds(0, 40),
            audience: if dice.roll(5) == 0 { "extra" } else { "orders" },
            access_type: dice.roll(2) == 0,
            known_type: true,
            subject: true,
            tenant: dice.roll(5) > 0,
        }
    }

    fn home(dice: &mut Dice) -> Home {
        match dice.roll(100) {
            0..45 => Home::Alpha,
            45..85 => Home::Beta,
            // RSA signs slowly.
            85..90 => Home::Gamma,
            _ => Home::Delta,
        }
    }

    /// A token that is good, will be, or was, depending on its times and the configuration.
    pub(crate) fn good(&self) -> Token {
        let mut dice = self.dice.lock().unwrap();
        let home = Self::home(&mut dice);
        let signer = self.signer(home);
        let facts = self.facts(&mut dice, home, signer.kid());
        sign(&mut dice, "good", facts, &signer.key, "")
    }

    /// A token for the profile that reveals which configuration is in force.
    pub(crate) fn probe(&self, generation: usize) -> String {
        let audience = format!("generation-{generation}");
        self.gamma.signed(Claims::of("https://gamma.example").set("aud", audience))
    }

    pub(crate) fn bad(&self, kind: &'static str) -> Token {
        let mut dice = self.dice.lock().unwrap();
        let dice = &mut *dice;
        let home = Self::home(dice);
        let signer = self.signer(home);
        let mut facts = self.facts(dice, home, signer.kid());
        let now = tokens::now();
        match kind {
            "expired" => facts.expires_at = Some(now - dice.seconds(10, 1000)),
            "not yet valid" => facts.not_before = Some(now + dice.seconds(3, 60)),
            "from the future" => facts.issued_at = now + dice.seconds(3, 60),
            "no expiry" => facts.expires_at = None,
            "wrong audience" => facts.audience = "billing",
            "wrong type" => facts.known_type = false,
            "no subject" => facts.subject = false,
            "forged signature" => {
                facts.good_signature = false;
                let mut token = sign(dice, kind, facts, &signer.key, "");
                // The first character of the signature, because all of its bits count.
                let mut text = token.text.to_vec();
                let at = text.iter().rposition(|one| *one == b'.').unwrap() + 1;
                text[at] = if text[at] == b'A' { b'B' } else { b'A' };
                token.text = text.into();
                return token;
            }
            "payload of another" => {
                facts.good_signature = false;
                let one = sign(dice, kind, facts.clone(), &signer.key, "");
                let mut other = sign(dice, kind, facts, &signer.key, "");
                let (one, text) = (utf8(&one.text), utf8(&other.text));
                let parts: Vec<_> = text.split('.').collect();
                let end = one.rsplit('.').next().unwrap();
                other.text = format!("{}.{}.{end}", parts[0], parts[1]).into();
                return other;
            }
            "key of another issuer" => {
                // Under the ID of alpha's key, or under its own.
                let own = self.signer(Home::Alpha);
                let facts = Facts { home: Home::Alpha, good_signature: false, ..facts };
                let facts = Facts { key_id: own.kid().to_owned(), ..facts };
                return sign(dice, kind, facts, &self.stranger, "");
            }
            "removed key" => {
                if let Some(old) = self.world.issuer(Home::Alpha).retired() {
                    let facts = Facts { home: Home::Alpha, key_id: old.kid().to_owned(), ..facts };
                    return sign(dice, kind, facts, &old.key, "");
                }
                return self.strange(dice, &facts);
            }
            "unknown kid" => return self.strange(dice, &facts),
            "alg none" => {
                facts.unreadable = Some(Reason::AlgorithmNone);
                let mut token = sign(dice, kind, facts, &signer.key, "");
                let text = utf8(&token.text);
                let payload = text.split('.').nth(1).unwrap();
                token.text =
                    format!("{}.{payload}.", base64url::encode(br#"{"alg":"none"}"#)).into();
                return token;
            }
            "HMAC with the public key" => {
                facts.algorithm_allowed = false;
                facts.unreadable = None;
                let secret = signer.jwk().into_bytes();
                let key = SigningKey::from_secret(Secret::new(secret), Algorithm::Hs256).unwrap();
                return sign(dice, kind, facts, &key, "");
            }
            "unknown issuer" => facts.home = Home::Nobody,
            "two parts" => {
                facts.unreadable = Some(Reason::TokenNotCompact);
                let mut token = sign(dice, kind, facts, &signer.key, "");
                let at = token.text.iter().rposition(|one| *one == b'.').unwrap();
                token.text = token.text.slice(..at);
                return token;
            }
            "not base64url" => {
                facts.unreadable = Some(Reason::TokenBadCharacter);
                let mut token = sign(dice, kind, facts, &signer.key, "");
                token.text = format!("{}=", utf8(&token.text)).into();
                return token;
            }
            "duplicate claim" => {
                facts.unreadable = Some(Reason::ClaimsDuplicateMember);
                return sign(dice, kind, facts, &signer.key, r#","sub":"root""#);
            }
            "nothing" => {
                facts.unreadable = Some(Reason::TokenEmpty);
                return Token { text: Bytes::new(), payload: String::new(), kind, facts };
            }
            other => panic!("no such kind: {other}"),
        }
        sign(dice, kind, facts, &signer.key, "")
    }

    fn strange(&self, dice: &mut Dice, facts: &Facts) -> Token {
        let key_id = format!("nobody-{}", dice.roll(1_000_000));
        sign(
            dice,
            "unknown kid",
            Facts { home: Home::Alpha, key_id, ..facts.clone() },
            &self.stranger,
            "",
        )
    }
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn sign(dice: &mut Dice, kind: &'static str, facts: Facts, key: &SigningKey, more: &str) -> Token {
    let issuer = match facts.home {
        Home::Alpha => "alpha",
        Home::Beta => "beta",
        Home::Gamma => "gamma",
        Home::Delta => "delta",
        Home::Nobody => "nobody",
    };
    let typed = match (facts.known_type, facts.access_type) {
        (false, _) => "other+jwt",
        (true, true) => "at+jwt",
        (true, false) => "JWT",
    };
    let header =
        format!(r#"{{"alg":"{}","typ":"{typed}","kid":"{}"}}"#, key.algorithm(), facts.key_id);
    let number = |name: &str, value: Option<i64>| {
        value.map(|value| format!(r#","{name}":{value}"#)).unwrap_or_default()
    };
    let subject = if facts.subject {
        format!(r#","sub":"user-{:08}"{more}"#, dice.roll(100_000_000))
    } else {
        String::new()
    };
    let tenant = if facts.tenant { r#","tenant":"north""# } else { "" };
    let payload = format!(
        r#"{{"iss":"https://{issuer}.example","aud":"{}","iat":{}{}{}{subject}{tenant},"jti":"{:016x}","scope":"orders:read orders:write","sid":"{:064x}"}}"#,
        facts.audience,
        facts.issued_at,
        number("exp", facts.expires_at),
        number("nbf", facts.not_before),
        dice.roll(u64::MAX),
        dice.roll(u64::MAX),
    );
    let text = key.sign_compact(&header, &payload).unwrap();
    Token { text: text.into(), payload, kind, facts }
}

//! The type of an attack, and the collection of all attacks.

use crate::attacks::families;
use crate::attacks::good;
use crate::attacks::world::{WORLD, World};
use crate::tokens::Signer;
use jwtd_core::verify::Reason;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::LazyLock;

pub static CORPUS: LazyLock<Corpus> = LazyLock::new(Corpus::new);

/// A token and the verdicts that are correct for it.
#[derive(Clone)]
pub struct Attack {
    /// The rule or incident that it tests.
    pub rule: &'static str,
    pub name: String,
    pub token: Vec<u8>,
    /// The correct verdicts. Only good tokens expect [`Reason::Ok`].
    pub expected: &'static [Reason],
}

pub struct Corpus {
    pub attacks: Vec<Attack>,
    /// Tokens that must pass, because a verifier that refuses everything is useless.
    pub good: Vec<Attack>,
    pub seed: u64,
}

impl Corpus {
    fn new() -> Self {
        let seed = std::env::var("ATTACK_SEED").map_or_else(
            |_| u64::from_be_bytes(jwtd_core::crypto::random(8).unwrap().try_into().unwrap()),
            |text| text.parse().expect("ATTACK_SEED is a number"),
        );
        let mut forge = Forge::new(seed);
        for (rule, family) in families::ALL {
            forge.rule = rule;
            family(&mut forge);
        }
        let attacks = std::mem::take(&mut forge.made);
        forge.rule = "good";
        good::add(&mut forge);
        let good = [std::mem::take(&mut forge.pieces), forge.made].concat();
        let corpus = Self { attacks, good, seed };
        corpus.check();
        corpus
    }

    fn check(&self) {
        for attack in &self.attacks {
            assert!(!attack.expected.contains(&Reason::Ok), "{}", attack.name);
            assert!(!attack.expected.is_empty(), "{}", attack.name);
        }
        let (mut names, mut tokens, mut twice) = (HashSet::new(), HashSet::new(), Vec::new());
        for Attack { rule, name, token, .. } in self.all() {
            if !names.insert((rule, name)) | !tokens.insert(token) {
                twice.push((rule, name));
            }
        }
        assert!(twice.is_empty(), "attacks with the same name or token: {twice:?}");
    }

    pub fn all(&self) -> impl Iterator<Item = &Attack> {
        self.attacks.iter().chain(&self.good)
    }

    /// Compares the verdicts with the expected ones; `way` names how they were obtained. Then
    /// prints the number of tokens tried, which the test harness does not capture.
    pub fn judge<'a>(&self, way: &str, found: impl Iterator<Item = (&'a Attack, Reason)>) {
        let (mut tried, mut accepted, mut faults) = (0, 0, String::new());
        for (attack, reason) in found {
            tried += 1;
            accepted += usize::from(reason == Reason::Ok && !attack.expected.contains(&reason));
            if !attack.expected.contains(&reason) {
                let Attack { rule, name, expected, .. } = attack;
                let token = String::from_utf8_lossy(&attack.token);
                let token: String = token.chars().take(300).flat_map(char::escape_debug).collect();
                let found = reason.code();
                writeln!(faults, "{rule} {name}: {found}, not {expected:?}: {token}").unwrap();
            }
        }
        let seed = self.seed;
        assert!(tried > 0, "{way}: nothing was tried");
        let line =
            format!("attacks: {way}: {tried} tried, {accepted} wrongly accepted, seed {seed}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        assert!(faults.is_empty(), "{way}, seed {seed}:\n{faults}");
        WORLD.canary.must_be_alone(way);
    }
}

/// Builds attacks.
pub struct Forge {
    pub world: &'static World,
    pub rule: &'static str,
    /// Signers whose keys the verifier does not know.
    pub strangers: Vec<Signer>,
    made: Vec<Attack>,
    /// Good tokens from which attacks were derived.
    pieces: Vec<Attack>,
    state: u64,
    serial: u64,
}

impl Forge {
    fn new(seed: u64) -> Self {
        use jwtd_core::jose::Algorithm::{EdDsa, Es256, Hs256, Rs256};
        let stranger = |algorithm| Signer::generate(algorithm, Some("stranger"));
        let strangers = [EdDsa, Es256, Rs256, Hs256].into_iter().filter_map(stranger).collect();
        let (made, pieces) = (Vec::new(), Vec::new());
        Self { world: &WORLD, rule: "", strangers, made, pieces, state: seed, serial: 0 }
    }

    /// Adds a good token from which attacks are derived.
    pub fn good(&mut self, name: impl Into<String>, token: impl Into<Vec<u8>>) {
        let (rule, name, token) = (self.rule, name.into(), token.into());
        self.pieces.push(Attack { rule, name, token, expected: &[Reason::Ok] });
    }

    pub fn add(
        &mut self,
        name: impl Into<String>,
        token: impl Into<Vec<u8>>,
        expected: &'static [Reason],
    ) {
        let (rule, name, token) = (self.rule, name.into(), token.into());
        self.made.push(Attack { rule, name, token, expected });
    }

    /// Returns the next random number (SplitMix64).
    pub fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a random number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.random() % u64::try_from(end).unwrap()).unwrap()
    }

    /// A unique `jti`, as JSON.
    pub fn token_id(&mut self) -> String {
        self.serial += 1;
        let (serial, random) = (self.serial, self.random());
        format!(r#""{serial}-{random:016x}""#)
    }

    /// A good, unique claims set of the main issuer, with members changed as in [`World::claims`].
    pub fn claims(&mut self, changes: &[(&str, &str)]) -> String {
        let id = self.token_id();
        let changes = [&[("jti", &*id)][..], changes].concat();
        self.world.claims(&self.world.main, &changes)
    }

    /// A token with this header and good claims, signed by the main issuer.
    pub fn with_header(&mut self, header: &str) -> String {
        let claims = self.claims(&[]);
        self.world.main.ed25519().sign(header, &claims)
    }

    /// A token with changed claims, signed by the main issuer.
    pub fn with_claims(&mut self, changes: &[(&str, &str)]) -> String {
        let claims = self.claims(changes);
        let signer = self.world.main.ed25519();
        signer.sign(&signer.header(""), &claims)
    }
}

/// One attack for each rule, and some good tokens.
pub fn sample() -> Vec<&'static Attack> {
    let rule = |(rule, _): &(&str, _)| CORPUS.attacks.iter().find(|one| one.rule == *rule);
    let attacks = families::ALL.iter().filter_map(rule);
    attacks.chain(CORPUS.good.iter().step_by(CORPUS.good.len() / 6)).collect()
}

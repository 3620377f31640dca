//! The settings of DPoP proofs, of the memory of what was presented, and of the binding of tokens.

use super::document::Node;
use super::fault::Faults;
use super::redis_feed::{self, RedisFeed};
use super::schema::{dpop as key, file, profile as profile_key, replay as replay_key};
use super::switches::check_switches;
use crate::files;
use jwtd_core::crypto::{Digest, MessageKey, digest};
use jwtd_core::jose::{Algorithm, AlgorithmSet, Family};
use jwtd_core::keys::Issuers;
use jwtd_core::verify::{Binding, BindingDemand, BindingKinds, Profile, ProofRules};
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// The settings of DPoP proofs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DpopSettings {
    /// The accepted algorithms.
    pub algorithms: AlgorithmSet,
    /// The greatest age of a proof.
    pub max_age: Duration,
    /// The tolerance for clocks of senders.
    pub clock_skew: Duration,
    /// The key of nonces; `None` for a random one.
    pub nonce_key: Option<NonceKey>,
    /// The time for which a nonce is accepted.
    pub nonce_lifetime: Duration,
}

/// The key of nonces, read from a file.
#[derive(Clone, Debug)]
pub struct NonceKey {
    /// The key.
    pub key: MessageKey,
    fingerprint: Digest,
}

impl PartialEq for NonceKey {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for NonceKey {}

/// The settings of the memory of what was presented.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReplaySettings {
    /// The name of what the proofs are presented to.
    pub domain: Box<str>,
    /// The most bytes.
    pub max_bytes: u64,
    /// The shared memory, if there is one.
    pub redis: Option<RedisFeed>,
    /// True if the memory of this process suffices while the shared one does not answer.
    pub accepts_unshared: bool,
}

/// The largest file with a secret, in bytes.
const SECRET_BYTES: u64 = 4096;

/// Reads the settings of proofs.
pub(super) fn dpop(root: &Node, folder: &Path, faults: &mut Faults) -> Option<DpopSettings> {
    let node = root.at(file::dpop)?;
    Some(DpopSettings {
        algorithms: algorithms(node, faults),
        max_age: node.read(key::max_age),
        clock_skew: node.read(key::clock_skew),
        nonce_key: nonce_key(node, folder, faults),
        nonce_lifetime: node.read(key::nonce_lifetime),
    })
}

/// Reads the settings of the memory.
pub(super) fn replay(root: &Node, folder: &Path, faults: &mut Faults) -> Option<ReplaySettings> {
    let node = root.at(file::replay)?;
    check_switches(node, replay_key::KEYS, "replay.", faults);
    let redis = node.at(replay_key::redis);
    Some(ReplaySettings {
        domain: node.word(replay_key::domain).unwrap_or_default().into(),
        max_bytes: node.read(replay_key::max_bytes),
        redis: redis.and_then(|node| redis_feed::find(node, "replay.redis", folder, faults)),
        accepts_unshared: node.word(replay_key::when_unreachable) == Some("local"),
    })
}

fn algorithms(node: &Node, faults: &mut Faults) -> AlgorithmSet {
    let Some(list) = node.at(key::algorithms) else { return ProofRules::asymmetric() };
    let named = list.texts().into_iter().filter_map(Algorithm::from_name);
    let named: Vec<_> = named.collect();
    for algorithm in &named {
        if algorithm.family() == Family::Hmac {
            let what =
                format!("{algorithm} needs a shared secret, and a proof brings a public key");
            faults.add(list.place, "dpop.algorithms", what, "remove it, or name ES256");
        }
    }
    named.into_iter().collect()
}

fn nonce_key(node: &Node, folder: &Path, faults: &mut Faults) -> Option<NonceKey> {
    let setting = node.at(key::nonce_key_file)?;
    let file = folder.join(setting.text()?);
    let text = match files::read(&file, SECRET_BYTES) {
        Ok(text) => Zeroizing::new(text),
        Err(cause) => {
            let cause = files::words::of_io(&cause);
            let what = format!("{} cannot be read: {cause}", file.display());
            let fix = "check the path and its permissions";
            faults.add(setting.place, "dpop.nonce_key_file", what, fix);
            return None;
        }
    };
    let secret = text.trim_ascii();
    let key = MessageKey::new(secret);
    if key.is_none() {
        let (length, least) = (secret.len(), MessageKey::LEAST_BYTES);
        let what = format!("{} holds {length} bytes, less than {least}", file.display());
        let fix = "make one with `openssl rand -base64 48`";
        faults.add(setting.place, "dpop.nonce_key_file", what, fix);
    }
    Some(NonceKey { key: key?, fingerprint: digest([secret]) })
}

/// Reads what a profile demands of the binding of its tokens.
pub(super) fn binding(profile: &Node) -> Binding {
    let kinds = profile.words(profile_key::binding_kinds);
    Binding {
        demand: match profile.word(profile_key::binding) {
            Some("required") => BindingDemand::Required,
            Some("unchecked") => BindingDemand::Unchecked,
            _ => BindingDemand::IfBound,
        },
        kinds: BindingKinds {
            certificate: kinds.contains(&"certificate"),
            dpop: kinds.contains(&"dpop"),
        },
        nonce_required: profile.read(profile_key::dpop_nonce),
    }
}

/// Finds settings of profiles that contradict each other.
pub(super) fn check_bindings(root: &Node, faults: &mut Faults) {
    let replay = root.at(file::replay);
    let is_shared = replay.is_some_and(|node| {
        node.at(replay_key::redis).is_some()
            && node.word(replay_key::when_unreachable) != Some("local")
    });
    for (name, profile) in root.at(file::profiles).map_or(&[][..], Node::members) {
        let path = |setting: &str| format!("profiles.{}.{setting}", name.text);
        let one_time = profile.at(profile_key::one_time);
        if let Some(one_time) =
            one_time.filter(|_| profile.read(profile_key::one_time) && !is_shared)
        {
            let what = "nothing would remember over a restart which tokens were used";
            let fix = "set `replay: { redis: { url: ... } }`, without `when_unreachable: local`";
            faults.add(one_time.place, &path("one_time"), what, fix);
        }
        let binding = binding(profile);
        let Some(nonce) = profile.at(profile_key::dpop_nonce).filter(|_| binding.nonce_required)
        else {
            continue;
        };
        if binding.demand == BindingDemand::Unchecked || !binding.kinds.dpop {
            let what = "a nonce is demanded of DPoP proofs, and no proof is looked at";
            let fix = "remove one of the two settings";
            faults.add(nonce.place, &path("dpop_nonce"), what, fix);
        }
    }
}

/// A line for each profile that does not look at the binding of its tokens, with the names of its
/// issuers.
pub(super) fn warnings(profiles: &[Profile], issuers: &Issuers) -> Vec<(String, String)> {
    let unchecked = profiles.iter().filter(|one| one.binding.demand == BindingDemand::Unchecked);
    let line = |profile: &Profile| {
        let trusted = issuers.iter().filter(|(index, _)| profile.trusts(*index));
        let names: Vec<_> = trusted.map(|(_, issuer)| issuer.name()).collect();
        let name = profile.name();
        let line = format!(
            "profiles.{name}: `binding: unchecked` does not look at `cnf`: whoever has a token that \
             is bound to a sender can use it here; fix: pass the evidence in `context`, and remove \
             the setting"
        );
        (names.join(", "), line)
    };
    unchecked.map(line).collect()
}

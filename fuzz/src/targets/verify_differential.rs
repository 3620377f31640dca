//! Builds, signs and then damages a token as the input says, and verifies it with the core and with
//! a naive verifier. The naive verifier must accept everything that the core accepts. The core must
//! accept everything that the naive one accepts, except for an explicit list of stricter rules.

use crate::naive::{self, Verdict};
use crate::world::{NOW, WORLD, now, profiles, sign};
use jwtd_core::verify::{Profile, verify};
use std::sync::LazyLock;

static PROFILES: LazyLock<Vec<Profile>> = LazyLock::new(profiles);

/// Damages a token after it was signed.
pub(super) fn damage(token: &mut Vec<u8>, how: u8, at: u16, byte: u8) {
    let length = token.len().max(1);
    let at = usize::from(at) % length;
    match how % 16 {
        1 if at < token.len() => token[at] ^= 1 << (byte % 8),
        2 => token.insert(at.min(token.len()), byte),
        3 if at < token.len() => drop(token.remove(at)),
        4 if at < token.len() => token[at] = byte,
        5 => token.truncate(at),
        6 => token.push(byte),
        // One part in place of another.
        7 => {
            let mut parts: Vec<Vec<u8>> = token.split(|one| *one == b'.').map(Vec::from).collect();
            let count = parts.len();
            parts.swap(at % count, usize::from(byte) % count);
            *token = parts.join(&b'.');
        }
        // The token twice, joined by an arbitrary byte.
        8 => *token = [&**token, &[byte], &**token].concat(),
        // A signature of another key over the same input.
        9 => {
            let signed = token.iter().rposition(|one| *one == b'.').unwrap_or(0);
            let other = sign(usize::from(byte), b"{}", b"{}");
            let mac = other.iter().rposition(|one| *one == b'.').unwrap_or(0);
            *token = [&token[..signed], &other[mac..]].concat();
        }
        // Characters of the other case, and of the other alphabet.
        10 if at < token.len() => token[at].make_ascii_uppercase(),
        11 => {
            for one in token.iter_mut() {
                *one = match *one {
                    b'-' => b'+',
                    b'_' => b'/',
                    other => other,
                };
            }
        }
        _ => {}
    }
}

/// Runs the target on one input.
pub fn run(input: &[u8]) {
    let [signer, how, low, high, byte, text @ ..] = input else { return };
    let at = u16::from_le_bytes([*low, *high]);
    // The last choice is no signer: the text itself is the token.
    let mut token = if signer % 4 == 3 {
        text.to_vec()
    } else {
        let end = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
        let (header, payload) = text.split_at(end);
        sign(usize::from(signer % 4), header, payload.get(1..).unwrap_or_default())
    };
    damage(&mut token, *how, at, *byte);

    let ours = verify(&token, &WORLD, &PROFILES[0], &[], now());
    let show = || String::from_utf8_lossy(&token).into_owned();
    match (ours, naive::verify(&token)) {
        (Ok(_), Verdict::Refused(why)) => panic!("accepted, and {why}: {}", show()),
        (Ok(_), Verdict::Good { strict: Some(why), .. }) => {
            panic!("accepted, and {why}: {}", show())
        }
        (Err(reject), Verdict::Good { strict: None, .. }) => {
            panic!("refused ({reject}): {}", show())
        }
        (Ok(proven), Verdict::Good { claims, strict: None }) => {
            let read: serde_json::Value = serde_json::from_slice(proven.payload()).unwrap();
            assert_eq!(read, claims);
            assert_eq!(proven.claims().issuer(), claims["iss"].as_str());
            assert_eq!(proven.claims().subject(), claims.get("sub").and_then(|sub| sub.as_str()));
            assert!(proven.claims().expires_at().unwrap().seconds() + 60 > NOW);
            assert!(proven.issuer_if_current(&WORLD).is_some());
        }
        (Err(reject), _) => assert!(reject.to_string().len() < 300),
    }
}

//! Timing test of failed decryption: does the time of a failure reveal its cause? Two classes of
//! tokens that fail, in random order, are compared by Welch's t-test as in "dude, is my code
//! constant time?" (Reparaz and others, 2016). Beyond 4.5 they can be told apart.

use crate::{Pair, Plan, figure, parts};
use jwtd_core::crypto::{DecryptionError, RsaSize, random};
use jwtd_core::jose::{AgreementCurve, ContentEncryption, Curve, KeyManagement, base64url};
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::Instant;

/// A token with one part replaced.
fn with_part(token: &str, place: usize, part: &[u8]) -> String {
    let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    parts[place] = base64url::encode(part);
    parts.join(".")
}

/// The times of failed decryption of two tokens, in microseconds, `count` times each. Both lie in
/// the same memory, because two locations differ more than two classes do. Their headers are the
/// same.
fn race(pair: &Pair, tokens: [&str; 2], count: usize) -> [Vec<f64>; 2] {
    let (header, mut room) = parts(tokens[0]);
    let tokens = tokens.map(|token| parts(token).1);
    let mut times = [Vec::with_capacity(count), Vec::with_capacity(count)];
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..count.saturating_mul(2) {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        let class = usize::from(dice & (1 << 20) != 0);
        for (place, part) in [
            (&mut room.encrypted_key, &tokens[class].encrypted_key),
            (&mut room.ciphertext, &tokens[class].ciphertext),
            (&mut room.tag, &tokens[class].tag),
        ] {
            place.copy_from_slice(part);
        }
        let begin = Instant::now();
        let said = black_box(pair.opener.decrypt(black_box(&header), black_box(&room)));
        let took = begin.elapsed().as_secs_f64() * 1e6;
        assert_eq!(said, Err(DecryptionError::Failed));
        times[class].push(took);
    }
    times
}

/// Welch's t of the times below a percentile of both, a range that other processes do not disturb.
fn welch(times: &[Vec<f64>; 2], percentile: f64) -> f64 {
    let mut all: Vec<f64> = times.iter().flatten().copied().collect();
    all.sort_unstable_by(f64::total_cmp);
    let most = all[((all.len() - 1) as f64 * percentile) as usize];
    let moments = |all: &[f64]| {
        let own: Vec<f64> = all.iter().copied().filter(|time| *time <= most).collect();
        let count = own.len() as f64;
        let mean = own.iter().sum::<f64>() / count;
        let variance = own.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    };
    let ((one, its), (other, others)) = (moments(&times[0]), moments(&times[1]));
    (one - other) / (its + others).sqrt()
}

pub(crate) fn rows(plan: &Plan, rows: &mut Vec<Value>) {
    let text = [b'x'; 500];
    let curve = AgreementCurve::Ec(Curve::P256);
    for (algorithm, full) in [
        (KeyManagement::RsaOaep256, 1_000_000),
        (KeyManagement::RsaOaep, 1_000_000),
        (KeyManagement::A256Kw, 1_000_000),
        (KeyManagement::A256GcmKw, 1_000_000),
        (KeyManagement::EcdhEsA256Kw, 1_000_000),
    ] {
        let count = std::env::var("JWTD_TRIES").ok().and_then(|text| text.parse().ok());
        let count = if plan.quick { 2_000 } else { count.unwrap_or(full) };
        let pair = Pair::new(algorithm, RsaSize::default(), curve);
        let good = pair.seal(&text);
        let wrong_tag = with_part(&good, 4, &[7; 16]);
        let length = parts(&good).1.encrypted_key.len();
        let mut garbage = random(length).unwrap();
        // Below the modulus: a number beyond it is refused before any work.
        garbage[0] = 0;
        let wrong_key = with_part(&good, 1, &garbage);
        let mut classes = vec![("a content key that does not come out", wrong_key)];
        if algorithm != KeyManagement::A256GcmKw && length != 40 {
            // A key of 32 bytes where the header requires one of 16.
            let encryption = ContentEncryption::A128Gcm;
            let short = pair.sealer.encrypt_compact(algorithm, encryption, "", &text).unwrap();
            let encrypted = parts(&short).1.encrypted_key;
            classes.push(("a content key of another length", with_part(&good, 1, &encrypted)));
        }
        for (class, token) in classes {
            let what = format!("t of {algorithm}: {class}, or a wrong tag");
            if !what.contains(&plan.only) {
                continue;
            }
            let times = race(&pair, [&token, &wrong_tag], count);
            let all = [0.5, 0.8, 0.9, 0.95, 0.99, 1.0].map(|most| welch(&times, most).abs());
            rows.push(json!({ "what": what, "measured": figure(all.to_vec(), "t") }));
        }
    }
}

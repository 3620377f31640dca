//! Timing measurements. The first compares two classes of wrong tags, in random order, with Welch's
//! t-test as in "dude, is my code constant time?" (Reparaz and others, 2016): the time of a check
//! must not reveal how much of a tag was right. The second measures tokens that are merely large.

use crate::Plan;
use crate::row::Row;
use crate::tally::Tally;
use crate::world::World;
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, Secret, base64url};
use jwtd_core::verify::Reason;
use std::hint::black_box;
use std::time::{Duration, Instant};

const MESSAGE: &[u8] = &[b'm'; 64];

/// The t value above which the classes can be distinguished.
const BOUND: f64 = 4.5;

/// The longest time for a token that is merely large (CVE-2025-30204, CVE-2025-27144).
const LARGE: Duration = Duration::from_micros(50);

pub(crate) fn rows(plan: &Plan, world: &World) -> Vec<Row> {
    let mut rows = large(plan, world);
    rows.extend(tags(plan));
    rows
}

fn large(plan: &Plan, world: &World) -> Vec<Row> {
    const MIB: usize = 1024 * 1024;
    let header = |length: usize| {
        let text = format!(r#"{{"alg":"HS256","p":"{}"}}"#, "a".repeat(length));
        format!("{}.e30.AA", base64url::encode(text.as_bytes()))
    };
    let kinds = [
        ("t14 64 KiB of dots", ".".repeat(64 * 1024), Reason::TokenTooLarge),
        ("t14 16 KiB of dots", ".".repeat(16 * 1024), Reason::TokenNotCompact),
        ("t14 4 MiB of letters", "A".repeat(4 * MIB), Reason::TokenTooLarge),
        ("t14 4 MiB of header", header(4 * MIB), Reason::TokenTooLarge),
        ("t14 8 KiB of header", header(8 * 1024), Reason::HeaderTooLarge),
    ];
    let mut rows = Vec::new();
    for (name, token, reason) in kinds {
        if !plan.wants(name) {
            continue;
        }
        let mut times = Vec::new();
        let row = Row::run(name, || {
            let mut tally = Tally::default();
            for _ in 0..1001 {
                let begin = Instant::now();
                let said = black_box(world.verdict(black_box(token.as_bytes())));
                times.push(begin.elapsed());
                tally.count(said);
            }
            tally
        });
        times.sort_unstable();
        let median = times[times.len() / 2];
        let right = row.tally.of(reason) == row.tally.cases;
        rows.push(
            row.must(right, &format!("each is {reason}"))
                .must(median <= LARGE, &format!("half of them take {LARGE:?} at most"))
                .with_note(format!("median {:.1} us", median.as_secs_f64() * 1e6)),
        );
    }
    rows
}

/// Runs only in the full form: it needs a million checks of each class, and a quiet machine.
fn tags(plan: &Plan) -> Vec<Row> {
    const CHECKS: usize = 1_000_000;
    let mut rows = Vec::new();
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        let name = format!("r23 the time of a wrong tag, first byte or last, {algorithm}");
        if plan.full && plan.wants(&name) {
            let key = SigningKey::from_secret(Secret::new(vec![7; 64]), algorithm).unwrap();
            let (good, key) = (key.sign(MESSAGE).unwrap(), key.verifying_key().unwrap());
            let check = |tag: &[u8]| key.verify(MESSAGE, tag).is_ok();
            rows.push(row(&name, CHECKS, &good, check, false));
        }
    }
    let name = "control: a comparison that ends at the first wrong byte";
    if plan.full && plan.wants(name) {
        let good = [7; 64];
        let check = |tag: &[u8]| tag.iter().zip(&good).all(|(one, other)| black_box(one) == other);
        rows.push(row(name, CHECKS, &good, check, true));
    }
    rows
}

fn row(
    name: &str,
    checks: usize,
    good: &[u8],
    is_good: impl Fn(&[u8]) -> bool,
    tells: bool,
) -> Row {
    let mut t = 0.0;
    let row = Row::run(name, || {
        t = difference(good, checks, is_good);
        let mut tally = Tally::default();
        tally.cases = u64::try_from(2 * checks).unwrap();
        tally
    });
    let what = if tells { "the test sees it" } else { "nothing can be told" };
    row.must((t > BOUND) == tells, what).with_note(format!("|t| {t:.1}"))
}

/// |t| between checks of tags whose first byte is wrong and of tags whose last byte is wrong.
fn difference(good: &[u8], checks: usize, is_good: impl Fn(&[u8]) -> bool) -> f64 {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut times = [Vec::with_capacity(checks), Vec::with_capacity(checks)];
    // One memory location for both classes.
    let mut tag = good.to_vec();
    for _ in 0..2 * checks {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let class = usize::from(random >> 63 == 1);
        tag.copy_from_slice(good);
        let wrong = if class == 0 { 0 } else { tag.len() - 1 };
        tag[wrong] ^= 1;
        let begin = Instant::now();
        let passed = black_box(is_good(black_box(&tag)));
        let took = begin.elapsed();
        assert!(!passed);
        times[class].push(took.as_nanos() as f64);
    }
    // Outliers are caused by the machine; they are cut at a threshold common to both classes.
    let mut all: Vec<f64> = times.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    let cut = all[all.len() * 95 / 100];
    let moments = times.map(|times| {
        let kept: Vec<f64> = times.into_iter().filter(|time| *time <= cut).collect();
        let count = kept.len() as f64;
        let mean = kept.iter().sum::<f64>() / count;
        let variance = kept.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    });
    let [(first, spread), (last, other)] = moments;
    ((first - last) / (spread + other).sqrt()).abs()
}

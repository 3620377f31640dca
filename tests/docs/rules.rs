//! The rules that jwtd follows and the incidents that it must not repeat, each with its tests. The
//! tables in `docs/security.md` are generated from this list and the names of the tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use super::incidents::INCIDENTS;

/// The status of a rule or an incident.
pub(crate) enum Status {
    /// Kept: the name of at least one test contains its ID.
    Kept,
    /// Kept, with at least one test and a remark.
    KeptSo(&'static str),
    /// Not applicable, or handled differently, for this reason.
    Otherwise(&'static str),
}

use Status::{Kept, KeptSo, Otherwise};

/// The ID, the requirement and the status.
pub(crate) type Entry = (&'static str, &'static str, Status);

pub(crate) const RULES: &[Entry] = &[
    (
        "R01",
        "Compact serialization only; a byte outside its alphabet is refused before anything is decoded",
        Kept,
    ),
    ("R02", "Exactly three parts; the search for separators ends early", Kept),
    ("R03", "One spelling of base64url: no padding, no loose bits", Kept),
    ("R04", "Bounds on token, header and signature before they are decoded", Kept),
    ("R05", "Header and claims are one JSON object in UTF-8", Kept),
    ("R06", "No member twice, at any depth, in header, claims, keys, sets and metadata", Kept),
    ("R07", "Depth, members, strings and numbers of JSON are bounded", Kept),
    ("R08", "`none` has no representation, in any spelling", Kept),
    ("R09", "The JSON serializations are refused", Kept),
    ("R10", "Algorithms come from the configuration of the issuer", Kept),
    ("R11", "A key is used with one algorithm, bound at load", Kept),
    (
        "R12",
        "A public key cannot become a secret of HMAC",
        KeptSo("also a test that must not compile, at `crypto::MacKey`"),
    ),
    ("R13", "`use` and `key_ops` are heeded", Kept),
    ("R14", "RSA: size, exponent, length of signature, not ROCA", Kept),
    ("R15", "ECDSA: curve, coordinates, point, length and range of signature", Kept),
    ("R16", "Ed25519: length of key and signature, S below the order", Kept),
    ("R17", "A secret is at least as long as its hash", Kept),
    (
        "R18",
        "`jwk`, `jku`, `x5u`, `x5c`, `x5t` bring no key and open no connection",
        KeptSo("`x5t` and `x5t#S256` choose among the keys that the issuer has anyway"),
    ),
    (
        "R19",
        "`kid` is an opaque name within one issuer's set; an unknown one falls back to nothing else",
        KeptSo("a token without `kid` may match up to eight keys by algorithm"),
    ),
    (
        "R20",
        "Private members and mixed sets are refused",
        Otherwise(
            "equal ids of other type, algorithm or use are legal: some issuers publish one key twice",
        ),
    ),
    ("R21", "`crit` is refused in every form", Kept),
    ("R22", "`b64` is refused, with and without `crit`", Kept),
    (
        "R23",
        "Tags are compared in constant time; causes that depend on secrets share one reason",
        KeptSo(
            "`ring::hmac::verify` compares, and aws-lc where a token is decrypted; there is no other comparison of a tag. The time itself is not measured",
        ),
    ),
    ("R30", "`iss` is compared byte by byte with that of the issuer whose key was used", Kept),
    ("R31", "`aud` has the right type and meets what is accepted", Kept),
    ("R32", "`exp` is required by default, and a number", Kept),
    ("R33", "`nbf` and `iat` are numbers and heeded; the skew is finite", Kept),
    (
        "R34",
        "`sub` and `jti` are strings",
        KeptSo("a profile for one issuer tells its subjects from those of others"),
    ),
    ("R35", "`typ` follows the media-type rule", Kept),
    ("R36", "Other kinds of tokens are refused", Kept),
    ("R37", "A bound token without proof is refused", Kept),
    ("R38", "A policy that fails denies", Kept),
    ("R50", "Decryption is off by default; each key is bound to its `alg` and `enc`", Kept),
    ("R51", "`zip` is refused", Kept),
    ("R52", "Lengths of nonce, tag and content key", Kept),
    ("R53", "`epk` is checked", Kept),
    ("R54", "Decryption is not verification", Kept),
    ("R55", "An encrypted token is not remembered by its outer bytes", Kept),
    (
        "R60",
        "Keys come from the configuration, or from metadata of exactly this issuer, by https",
        KeptSo("`http` goes to this machine only"),
    ),
    ("R61", "Redirects are not followed", Kept),
    (
        "R62",
        "Learned hosts are filtered, and the address that was judged is the one that is connected to",
        KeptSo("what the operator wrote is allowed, but for link-local and metadata addresses"),
    ),
    ("R63", "Answers are bounded in size, keys and time", Kept),
    ("R64", "A refresh replaces the whole set, also for remembered tokens", Kept),
    ("R65", "An unknown `kid` causes few attempts", Kept),
    ("R66", "Keys are held by the configured issuer, never by `kid`", Kept),
    ("R67", "A failed refresh keeps the last good set, until it is too old", Kept),
    ("R68", "Refresh ahead with jitter, back-off with a cap", Kept),
    (
        "R70",
        "Hashes that collide do not help",
        Otherwise("a short keyed hash and a comparison of the stored bytes"),
    ),
    ("R71", "Everything but the proof is judged again on every hit", Kept),
    ("R72", "Only success is remembered", Kept),
    ("R73", "A remembered token does not outlive itself, whatever the clock does", Kept),
    ("R74", "The cache is bounded in bytes", Kept),
    ("R75", "Remembered or not, the verdict is the same", Kept),
    (
        "R80",
        "Deadlines, bounds and cancellation; one bad token fails no batch",
        KeptSo("a unary call past its deadline fails whole"),
    ),
    (
        "R81",
        "No batch holds a thread for long",
        Otherwise(
            "slices of 200 microseconds; the faults suite measures lone tokens beside full batches",
        ),
    ),
    (
        "R82",
        "Nothing of a token reaches logs, metrics or traces",
        KeptSo(
            "but the times of a refused token, and its `iss`, `kid` and `aud` if they are proven or \
             configured",
        ),
    ),
    (
        "R83",
        "The audit log is bounded and counts what it loses",
        KeptSo("the ordinary log is bounded so too"),
    ),
    ("R84", "Mutual TLS: authority, exact names, TLS 1.3, reload; rights of sockets", Kept),
];

/// The tests whose names begin with IDs, by ID.
fn tests() -> BTreeMap<String, BTreeSet<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = ["src", "crates", "tests", "fuzz/src/targets"];
    let mut folders: Vec<_> = named.iter().map(|name| root.join(name)).collect();
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // Clients in other languages have folders full of packages.
                if !path.ends_with("interop") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(path).unwrap();
                for name in text.lines().flat_map(names) {
                    for id in ids(name) {
                        found.entry(id).or_default().insert(name.to_owned());
                    }
                }
            }
        }
    }
    found
}

/// The name of the function that a line declares, and the suite rows that it names, such as "t60
/// rapid reset".
fn names(line: &str) -> impl Iterator<Item = &str> {
    let code = line.trim_start();
    let code = code.strip_prefix("pub(crate) ").unwrap_or(code);
    let code = code.strip_prefix("async ").unwrap_or(code);
    let function = code.strip_prefix("fn ").and_then(|name| name.split(['(', '<']).next());
    function.into_iter().chain(line.split('"').skip(1).step_by(2))
}

/// The IDs in a test name: `r13_r11_use_binds_the_key` tests R13 and R11.
fn ids(name: &str) -> impl Iterator<Item = String> {
    name.split(['_', ' ']).map(str::to_uppercase).take_while(|word| {
        word.len() == 3
            && name.len() > 4
            && word.starts_with(['R', 'T'])
            && word.bytes().skip(1).all(|byte| byte.is_ascii_digit())
    })
}

/// Both tables, in Markdown.
pub(crate) fn tables() -> String {
    let tests = tests();
    let (mut page, mut wrong) = (String::new(), Vec::new());
    for (title, entries) in [("Rules", RULES), ("Incidents", INCIDENTS)] {
        write!(
            page,
            "\n### {title}\n\n| | what it requires | how it stands | tests |\n|---|---|---|---|\n"
        )
        .unwrap();
        for (id, what, status) in entries {
            let names = tests.get(*id).cloned().unwrap_or_default();
            let (word, remark) = match status {
                Kept => ("kept", ""),
                KeptSo(remark) => ("kept", *remark),
                Otherwise(remark) => ("otherwise", *remark),
            };
            if names.is_empty() && matches!(status, Kept | KeptSo(_)) {
                wrong.push(format!("{id} is said to be kept, and no test bears its name"));
            }
            let colon = if remark.is_empty() { "" } else { ": " };
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            writeln!(page, "| {id} | {what} | {word}{colon}{remark} | {} |", names.join(" "))
                .unwrap();
        }
    }
    let known: BTreeSet<_> = RULES.iter().chain(INCIDENTS).map(|(id, ..)| *id).collect();
    assert_eq!(known.len(), RULES.len() + INCIDENTS.len(), "an id stands there twice");
    for (id, names) in tests.iter().filter(|(id, _)| !known.contains(id.as_str())) {
        wrong.push(format!("{id} is on no list, and {names:?} bear its name"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    page
}

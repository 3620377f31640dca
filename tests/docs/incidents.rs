//! Incidents in other projects, and the requirements that keep them from happening here.

use super::rules::Entry;
use super::rules::Status::{Kept, KeptSo, Otherwise};

pub(crate) const INCIDENTS: &[Entry] = &[
    // Verifiers
    (
        "T01",
        "A public key, in whatever encoding, taken for a secret (CVE-2015-9235, CVE-2023-48223, CVE-2026-34950, CVE-2026-107722, CVE-2026-102268, CVE-2026-48526)",
        Kept,
    ),
    ("T02", "`alg` none in any spelling (CVE-2015-2951)", Kept),
    (
        "T03",
        "`alg` of the header is not that of the key, though both are allowed (GHSA-jq35-7prp-9v3f)",
        Kept,
    ),
    ("T04", "Signatures of zeros and of the order (CVE-2022-21449, CVE-2022-24884)", Kept),
    ("T05", "Keys and URLs in the header (CVE-2018-0114)", Kept),
    (
        "T06",
        "Empty signatures and keys (CVE-2020-28042, CVE-2019-20933, CVE-2026-107720, CVE-2026-102266)",
        Kept,
    ),
    ("T07", "`crit` and `b64` (CVE-2026-35042, CVE-2025-59420, CVE-2026-32597)", Kept),
    ("T08", "Work before the length is looked at (CVE-2026-48525)", Kept),
    ("T09", "Times that cannot be read count as absent (CVE-2026-25537)", Kept),
    ("T10", "A payload that is no object (CVE-2026-107723)", Kept),
    ("T11", "Shapes of `aud` (CVE-2020-26160)", Kept),
    ("T12", "A tolerance without end (CVE-2026-107721)", Kept),
    ("T13", "Verdicts that alternate (CVE-2026-35040)", Kept),
    (
        "T14",
        "Many dots, giant tokens and headers (CVE-2025-30204, CVE-2025-27144, CVE-2025-61920)",
        Kept,
    ),
    ("T15", "Another key for an unknown `kid` (CVE-2026-89313)", Kept),
    (
        "T16",
        "An encrypted token, or a polyglot, where a signed one is expected (CVE-2023-51774)",
        Kept,
    ),
    ("T17", "Nonsense that a JSON parser lets pass", Kept),
    // Encryption
    (
        "T30",
        "Counts of iterations (CVE-2023-50966 and others)",
        KeptSo("PBES2 is refused by its name"),
    ),
    ("T31", "Compressed tokens (CVE-2024-33664 and others)", KeptSo("`zip` is refused")),
    ("T32", "Short tags (CVE-2025-54887 and others)", Kept),
    ("T33", "Invalid curves", Kept),
    ("T34", "Oracles of RSA", KeptSo("RSA1_5 is refused by its name, and `rsa` is not linked")),
    // Caches and key sets
    ("T40", "Keys of the cache that collide (CVE-2026-35039)", Kept),
    ("T41", "A remembered token outlives `exp` without `iat` (CVE-2026-107719)", Kept),
    ("T42", "A removed key stays (CVE-2025-22149)", KeptSo("also every rotation of the soak")),
    (
        "T43",
        "Keys of one issuer serve another (CVE-2026-49998, CVE-2026-50202, CVE-2025-59936)",
        Kept,
    ),
    (
        "T44",
        "A fetch for every unknown `kid` (SERVER-89870)",
        KeptSo("the faults suite sends 100,000 ids a second for a minute"),
    ),
    ("T45", "Fetching from where it should not (CVE-2026-48522, CVE-2026-102267)", Kept),
    (
        "T46",
        "A second fetch within the failure of the first (CVE-2025-64527, CVE-2024-45809)",
        Kept,
    ),
    ("T47", "An older answer replaces a newer set", Kept),
    ("T48", "A failed fetch replaces the set (envoy#14557)", Kept),
    ("T49", "Stale or unbounded entries of the cache (moka 155, 590, 600)", Kept),
    // HTTP/2, TLS, crates
    ("T60", "Rapid reset (CVE-2023-44487)", Kept),
    ("T61", "Made-you-reset (CVE-2025-8671)", Kept),
    ("T62", "Floods of CONTINUATION (CVE-2024-27316)", Kept),
    ("T63", "Bombs of back-references in headers (CVE-2026-49975)", Kept),
    ("T64", "Empty DATA frames (RUSTSEC-2026-0258)", Kept),
    ("T65", "Errors of accept (RUSTSEC-2024-0376)", Kept),
    ("T66", "Peers that hold up the end (hyper#4170)", Kept),
    ("T67", "Forms of the path (CVE-2026-33186)", Kept),
    ("T68", "Nonsense of protobuf (RUSTSEC-2020-0002, RUSTSEC-2024-0437, RUSTSEC-2021-0073)", Kept),
    ("T69", "A ClientHello in pieces (RUSTSEC-2024-0399)", Kept),
    (
        "T70",
        "Arithmetic that overflows (RUSTSEC-2025-0009)",
        Otherwise("`cargo test` builds with overflow checks, and the whole suite runs so"),
    ),
    ("T71", "Control characters in logs (RUSTSEC-2025-0055, CVE-2024-45808)", Kept),
    ("T72", "Policies that eat memory (CVE-2025-62162)", Kept),
];

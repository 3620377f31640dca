//! The settings of the audit log.

use super::*;
use crate::masking::{ClaimedShowing, Showing};

table! { audit {
    /// The path of the file that records are added to.
    file: str = text();
    /// `true`: records go to standard output.
    stdout: bool = flag().or("false");
    /// A file of this size is put aside as FILE.1, the one before as FILE.2, and so on.
    max_bytes: u64 = bytes().or("100MiB").beside(&["file"]);
    /// How many of those are kept.
    keep: u32 = count_from_zero().or("5").beside(&["file"]);
    /// The most memory of records that wait to be written.
    buffer: usize = bytes().within("64KiB", "1GiB").or("16MiB");
    /// What becomes of a record for which there is no room: it is lost and counted, and its
    /// number missing; or none is ever lost, and calls are refused meanwhile, and while records
    /// cannot be written.
    when_full: str = word(&["drop", "refuse"]).or("drop");
    /// Reasons of which not every decision is recorded.
    sample: Node = list(&Kind::Table(sample::KEYS)).or_else("all of every reason");
    /// How fields are shown that may point to somebody.
    fields: Node = table(fields::KEYS).or("{}");
    /// The path of a secret of 32 bytes or more that makes the fingerprints, for those who
    /// compare them across processes and restarts.
    fingerprint_key_file: str = text().or_else("a key of this process's own");
} }

table! { sample {
    /// The reason, such as OK.
    reason: str = text().required();
    /// One decision in so many is recorded. Each is drawn at random and by itself, also for the
    /// same token, so that nobody can tell which is recorded.
    one_in: u32 = count().required();
} }

const SHOWING: &[&str] = &["clear", "fingerprint", "omit"];

table! { fields {
    /// The claim `sub`.
    subject: Showing = word(SHOWING).or("fingerprint");
    /// The claim `jti`.
    token_id: Showing = word(SHOWING).or("clear");
    /// The header parameter `kid`.
    key_id: Showing = word(SHOWING).or("clear");
    /// What a refused token claims of itself, unproven: `iss`, `aud`, `iat`, `nbf` and `exp`, texts
    /// cut to 128 characters; its `kid` is shown as `key_id` says.
    claimed: Showing = word(SHOWING).or("clear");
    /// Who asked.
    caller: Showing = word(SHOWING).or("clear");
} }

table! { refusals {
    /// The most lines a second for each reason; 0 writes none.
    per_second: u32 = count_from_zero().within("0", "1000").or("5");
    /// What the lines show of what a refused token claims (`iss`, `kid`, `aud`, `alg`, `iat`, `nbf`,
    /// `exp`), texts cut to 128 characters: all of it (`all`); if its signature was not checked, only
    /// what the configuration and the key set of its issuer name, and numbers (`known`); or nothing
    /// (`none`).
    claimed: ClaimedShowing = word(&["known", "all", "none"]).or("known");
} }

//! The settings of the audit log.

use super::*;
use crate::masking::{ClaimedShowing, Showing};

table! { audit {
    /// The path of the file to which records are appended.
    file: str = text();
    /// `true`: records go to standard output.
    stdout: bool = flag().or("false");
    /// The size at which the file is rotated: it becomes FILE.1, the one before becomes FILE.2, and
    /// so on.
    max_bytes: u64 = bytes().or("100MiB").beside(&["file"]);
    /// The number of rotated files to keep.
    keep: u32 = count_from_zero().or("5").beside(&["file"]);
    /// The most memory for records that wait to be written.
    buffer: usize = bytes().within("64KiB", "1GiB").or("16MiB");
    /// The handling of a record for which there is no room. `drop` loses and counts it, and leaves
    /// a gap in the sequence numbers. `refuse` never loses a record: calls are refused until there
    /// is room, and while records cannot be written.
    when_full: str = word(&["drop", "refuse"]).or("drop");
    /// Reasons for which only a sample of the decisions is recorded.
    sample: Node = list(&Kind::Table(sample::KEYS)).or_else("all of every reason");
    /// The masking of fields that may identify a person.
    fields: Node = table(fields::KEYS).or("{}");
    /// The path of a secret of 32 bytes or more that keys the fingerprints. Set it to compare
    /// fingerprints across processes and restarts.
    fingerprint_key_file: str = text().or_else("a key of this process's own");
} }

table! { sample {
    /// The reason, such as OK.
    reason: str = text().required();
    /// The sampling rate: one decision in this many is recorded. Each is drawn at random and
    /// independently, even for the same token, so that nobody can predict which decision is
    /// recorded.
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
    /// The unverified claims of a refused token: `iss`, `aud`, `iat`, `nbf` and `exp`, texts cut to
    /// 128 characters; its `kid` is shown as `key_id` says.
    claimed: Showing = word(SHOWING).or("clear");
    /// The caller.
    caller: Showing = word(SHOWING).or("clear");
} }

table! { refusals {
    /// The most lines a second for each reason; 0 writes none.
    per_second: u32 = count_from_zero().within("0", "1000").or("5");
    /// The unverified content of a refused token that the lines show (`iss`, `kid`, `aud`, `alg`,
    /// `iat`, `nbf`, `exp`), texts cut to 128 characters: all of it (`all`); if the signature was
    /// not checked, only numbers and values that the configuration and the issuer's key set name
    /// (`known`); or nothing (`none`).
    claimed: ClaimedShowing = word(&["known", "all", "none"]).or("known");
} }

//! What may be written about the audit log.

use super::{Key, Kind, key, required};

pub(super) const AUDIT: &[Key] = &[
    key("file", Kind::Text, "", "The path of the file that records are added to."),
    key("stdout", Kind::Flag, "false", "`true`: records go to standard output."),
    key(
        "max_bytes",
        Kind::Bytes,
        "100MiB",
        "A file of this size is put aside as FILE.1, the one before as FILE.2, and so on.",
    )
    .beside(&["file"]),
    key("keep", Kind::Number, "5", "How many of those are kept.").beside(&["file"]),
    key(
        "buffer",
        Kind::Bytes,
        "16MiB",
        "The most memory of records that wait to be written, from 64KiB to 1GiB.",
    ),
    key(
        "when_full",
        Kind::Word(&["drop", "refuse"]),
        "drop",
        "What becomes of a record for which there is no room: it is lost and counted, and its \
         number missing; or none is ever lost, and calls are refused meanwhile, and while records \
         cannot be written.",
    ),
    key(
        "sample",
        Kind::List(&Kind::Table(SAMPLE)),
        "all of every reason",
        "Reasons of which not every decision is recorded.",
    ),
    key("fields", Kind::Table(FIELDS), "", "How fields are shown that may point to somebody."),
    key(
        "fingerprint_key_file",
        Kind::Text,
        "a key of this process's own",
        "The path of a secret of 32 bytes or more that makes the fingerprints, for those who compare \
         them across processes and restarts.",
    ),
];

const SAMPLE: &[Key] = &[
    required("reason", Kind::Text, "The reason, such as OK."),
    required(
        "one_in",
        Kind::Count,
        "One decision in so many is recorded. Each is drawn at random and by itself, also for the \
         same token, so that nobody can tell which is recorded.",
    ),
];

const SHOWING: Kind = Kind::Word(&["clear", "fingerprint", "omit"]);

const FIELDS: &[Key] = &[
    key("subject", SHOWING, "fingerprint", "The claim `sub`."),
    key("token_id", SHOWING, "clear", "The claim `jti`."),
    key("key_id", SHOWING, "clear", "The header parameter `kid`."),
    key("caller", SHOWING, "clear", "Who asked."),
];

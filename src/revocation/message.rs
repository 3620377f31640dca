//! What the recorder is asked, and what it answers.

use crate::state::{
    EntryEnd, EntryFilter, EntryId, LogChange, RevocationEntry, RevocationRecord,
    RevocationStoreError, ToldStream,
};
use jwtd_core::crypto::Digest;
use jwtd_core::verify::{MergedBase, RevocationTarget, Standing};
use tokio::sync::oneshot;

/// A wish to revoke, all of it or nothing.
#[derive(Clone, Debug)]
pub struct Demand {
    /// What is to be revoked.
    pub wanted: Vec<Wanted>,
    /// Its request, if that has a name: one that comes again revokes nothing.
    pub request: Option<NamedRequest>,
    /// Who wishes it.
    pub source: Box<str>,
}

/// A request that has a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NamedRequest {
    /// A digest of the name and of whose it is: two callers may choose the same.
    pub name: Digest,
    /// A digest of what it demands: another demand under the same name is no retry.
    pub demand: Digest,
}

/// One of the things to be revoked.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What.
    pub target: RevocationTarget,
    /// Which of its tokens.
    pub standing: Standing,
    /// When it has no effect any more.
    pub end: EntryEnd,
    /// Why, in words.
    pub comment: Box<str>,
}

/// What became of entries that were to be undone.
#[derive(Clone, Debug, Default)]
pub struct Undone {
    /// The entries that were in force and are not any more.
    pub undone: Vec<RevocationEntry>,
    /// Other entries that still revoke the same.
    pub standing: Vec<RevocationEntry>,
    /// Whether there are more of them.
    pub partial: bool,
}

/// Records that came from other daemons.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    /// The records to merge, in any order.
    pub records: Vec<RevocationRecord>,
    /// The names of records that the feed may not bring. They are not merged, but a name of this
    /// daemon among them is taken: no entry may bear it, for it would never reach the others.
    pub barred: Vec<EntryId>,
}

impl From<Vec<RevocationRecord>> for Gathered {
    fn from(records: Vec<RevocationRecord>) -> Self {
        Self { records, barred: Vec::new() }
    }
}

/// What became of records of other daemons.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Merged {
    /// Entries that are new here.
    pub new: u64,
    /// Entries that were undone here by that, also such as have not come yet.
    pub undone: u64,
    /// What ended so long ago that nobody needs to share it any more.
    pub over: Vec<EntryId>,
    /// Entries of this daemon that it did not know: its store was restored from a backup.
    pub lost: u64,
    /// Records of this daemon with numbers that it cannot have given.
    pub impossible: u64,
    /// Entries that had to take another name, since another one has theirs.
    pub renamed: u64,
    /// Entries that would have had to, but whose target has too many entries already.
    pub crowded: u64,
    /// Tombstones that claim another `iss` or kind than their entries have.
    pub false_tombstones: u64,
}

/// Why nothing was recorded.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LedgerFault {
    /// There are as many entries as there may be.
    #[error("there are {limit} entries already")]
    Full {
        /// How many there may be.
        limit: u64,
    },
    /// The name of the request is that of another demand.
    #[error("the name of the request is that of another one")]
    NameTaken,
    /// So many requests wait that no further one can.
    #[error("too many requests wait to be recorded")]
    Busy,
    /// The store cannot be read or written.
    #[error("{0}")]
    Store(String),
}

impl From<RevocationStoreError> for LedgerFault {
    fn from(error: RevocationStoreError) -> Self {
        Self::Store(error.to_string())
    }
}

/// Where an answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, LedgerFault>>;

/// A page of entries, and after which to go on.
pub(super) type Page = (Vec<RevocationEntry>, Option<EntryId>);

/// What the recorder is asked.
#[derive(Debug)]
pub(super) enum Message {
    Revoke(Demand, Reply<Vec<RevocationEntry>>),
    Undo(Vec<EntryId>, Reply<Undone>),
    /// What others recorded.
    Merge(Gathered, Reply<Merged>),
    /// The status that the transmitter of a feed reports for its stream.
    Stream(Box<str>, ToldStream, Reply<()>),
    /// What is held of these.
    Records(Vec<EntryId>, Reply<Vec<RevocationRecord>>),
    /// What is held from one id to another, at most so many.
    Held(EntryId, EntryId, usize, Reply<Vec<RevocationRecord>>),
    Entries(Vec<EntryId>, Reply<Vec<RevocationEntry>>),
    /// Which of these were undone; the `iss` of each.
    Gone(Vec<EntryId>, Reply<Vec<Box<str>>>),
    List(EntryFilter, Option<EntryId>, usize, Reply<Page>),
    Changes(u64, usize, Reply<Option<Vec<LogChange>>>),
    /// The base of the set is merged.
    Merged(MergedBase),
    /// Time to look for entries that have ended.
    Sweep,
    /// Time to end.
    Close,
}

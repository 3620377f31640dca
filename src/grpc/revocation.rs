//! The revocation service: the permissions of callers, and the responses.

mod confirm;
mod watch;
mod wire;

pub(super) use watch::answer as watch;

use super::door::Door;
use super::fit::Fit;
use super::status::CallFault;
use super::unary::Unary;
use crate::config::Revoker;
use crate::engine::Snapshot;
use crate::pb;
use crate::revocation::{Demand, Ledger, LedgerFault, issuer_named};
use crate::state::{EntryFilter, EntryId, RevocationEntry};
use crate::telemetry::limited;
use jwtd_core::keys::Issuer;
use jwtd_core::policy::Caller;
use jwtd_core::verify::RevocationKind;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The most revocations of one request, and the most entries of one page.
const MOST: usize = 1000;

/// The default number of entries on a page.
const PAGE: usize = 100;

/// The most bytes of entries in one response.
const PAGE_BYTES: usize = 2 << 20;

/// The longest wait for the recorder if the caller has no deadline.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest request id, in bytes.
const REQUEST_ID: usize = 64;

/// The permissions of a caller under one snapshot of the configuration.
pub(super) struct Rights {
    pub(super) snapshot: Arc<Snapshot>,
    caller: Caller,
}

impl Rights {
    /// The permissions of a caller.
    ///
    /// # Errors
    /// If it has none.
    pub(super) fn of(snapshot: Arc<Snapshot>, caller: &Caller) -> Result<Self, CallFault> {
        let rights = Self { snapshot, caller: caller.clone() };
        if rights.rules().is_empty() {
            return Err(CallFault::RevocationNotPermitted { what: "anything" });
        }
        Ok(rights)
    }

    fn rules(&self) -> Vec<&Revoker> {
        self.snapshot.configuration().revokers().of(&self.caller)
    }

    /// The issuer with this `iss`.
    pub(super) fn issuer(&self, identifier: &str) -> Option<&Issuer> {
        let issuers = self.snapshot.issuers();
        issuers.get(issuers.route(identifier)?)
    }

    /// Returns true if the caller may revoke and see entries of this kind under this `iss`.
    pub(super) fn may(&self, kind: RevocationKind, identifier: &str) -> bool {
        let name = self.issuer(identifier).map(Issuer::name);
        self.rules().into_iter().any(|rule| rule.may(kind, name))
    }

    /// Returns true if the caller may see an entry.
    pub(super) fn sees(&self, entry: &RevocationEntry) -> bool {
        self.may(entry.target.kind(), entry.target.issuer())
    }

    fn may_undo(&self, entry: &RevocationEntry) -> bool {
        let (kind, name) = (entry.target.kind(), self.issuer(entry.target.issuer()));
        let may = |rule: &Revoker| rule.undo && rule.may(kind, name.map(Issuer::name));
        self.rules().into_iter().any(may)
    }

    /// Returns true if the caller may undo anything under this `iss`.
    fn may_undo_of(&self, identifier: &str) -> bool {
        let name = self.issuer(identifier).map(Issuer::name);
        let may = |rule: &Revoker| rule.undo && rule.kinds.iter().any(|kind| rule.may(*kind, name));
        self.rules().into_iter().any(may)
    }

    /// Returns true if the caller may undo entries that are not known yet.
    fn may_undo_unseen(&self) -> bool {
        let all = |rule: &Revoker| RevocationKind::ALL.iter().all(|kind| rule.may(*kind, None));
        self.rules().into_iter().any(|rule| rule.undo && all(rule))
    }

    /// Converts an entry for the response.
    pub(super) fn entry(&self, entry: &RevocationEntry) -> pb::RevocationEntry {
        wire::entry(entry, self.issuer(entry.target.issuer()))
    }
}

impl Door {
    /// The ledger, if revocation is on.
    pub(super) fn ledger(&self) -> Result<&Ledger, CallFault> {
        self.ledger.as_ref().ok_or(CallFault::NotConfigured { setting: "revocation" })
    }

    fn rights(&self, call: &Unary) -> Result<Rights, CallFault> {
        Rights::of(self.snapshot(), call.permits.caller())
    }

    /// Waits for the recorder until the deadline, so that a hanging disk cannot block a call.
    async fn in_time<T>(
        &self,
        call: &Unary,
        asked: impl Future<Output = Result<T, LedgerFault>>,
    ) -> Result<T, CallFault> {
        let now = self.clock().monotonic();
        let left = call.deadline.map(|deadline| deadline.saturating_duration_since(now));
        tokio::select! {
            biased;
            answer = asked => Ok(answer?),
            () = self.clock().sleep(left.map_or(PATIENCE, |left| left.min(PATIENCE))) => {
                Err(CallFault::DeadlineExceeded)
            }
        }
    }

    /// Handles `Revoke`.
    pub(super) async fn revoke(
        &self,
        request: pb::RevokeRequest,
        call: &Unary,
    ) -> Result<Fit<pb::RevokeResponse>, CallFault> {
        let (ledger, rights) = (self.ledger()?, self.rights(call)?);
        let pb::RevokeRequest { revocations, request_id, confirm } = request;
        within("revocations", revocations.len(), MOST)?;
        within("request_id", request_id.len(), REQUEST_ID)?;
        if revocations.is_empty() {
            return Err(CallFault::ListEmpty { field: "revocations" });
        }
        let named = wire::named(call.permits.caller(), &request_id, &revocations);
        let request = (!request_id.is_empty()).then_some(named);
        let now = self.clock().wall();
        let mut wanted = Vec::with_capacity(revocations.len());
        for (place, revocation) in revocations.into_iter().enumerate() {
            let own = wire::wanted(&rights.snapshot, revocation, now);
            let own = own.map_err(|fault| CallFault::RevocationInvalid { place, fault })?;
            for one in &own {
                let kind = one.target.kind();
                if !rights.may(kind, one.target.issuer()) {
                    return Err(CallFault::RevocationNotPermitted { what: kind.name() });
                }
            }
            wanted.extend(own.into_iter().map(|one| (place, one)));
        }
        let set = self.revoked();
        if !confirm && let Some(place) = confirm::first_of_all(&rights, &set, &wanted) {
            return Err(CallFault::RevocationNotConfirmed { place });
        }
        let wanted: Vec<_> = wanted.into_iter().map(|(_, one)| one).collect();
        wire::check_size(&wanted)?;
        let source = wire::source(call.permits.caller());
        let entries = wanted.len();
        let demand = Demand { wanted, request, source: source.clone().into() };
        let recorded = self.in_time(call, ledger.revoke(demand)).await?;
        limited!(self.clock(), INFO, source, entries, "revoked");
        // A reload since an earlier request with this id may have removed permissions.
        let seen = recorded.iter().filter(|entry| rights.sees(entry));
        let entries = seen.map(|entry| rights.entry(entry)).collect();
        Fit::measured(pb::RevokeResponse { entries })
    }

    /// Handles `Undo`.
    pub(super) async fn undo(
        &self,
        request: pb::UndoRequest,
        call: &Unary,
    ) -> Result<Fit<pb::UndoResponse>, CallFault> {
        let (ledger, rights) = (self.ledger()?, self.rights(call)?);
        let pb::UndoRequest { ids } = request;
        within("ids", ids.len(), MOST)?;
        if ids.is_empty() {
            return Err(CallFault::ListEmpty { field: "ids" });
        }
        let read = |(place, id): (usize, &String)| {
            id.parse().map_err(|_| CallFault::EntryIdInvalid { place })
        };
        let ids = ids.iter().enumerate().map(read).collect::<Result<BTreeSet<EntryId>, _>>()?;
        let ids: Vec<_> = ids.into_iter().collect();
        let known = self.in_time(call, ledger.entries(ids.clone())).await?;
        // A retry finds them undone already.
        let mut gone = self.in_time(call, ledger.undone(ids.clone())).await?;
        gone.retain(|issuer| rights.may_undo_of(issuer));
        let permitted = known.iter().all(|entry| rights.may_undo(entry))
            && (known.len().saturating_add(gone.len()) >= ids.len() || rights.may_undo_unseen());
        if !permitted {
            return Err(CallFault::RevocationNotPermitted { what: "undo" });
        }
        // The response names the entries, and must fit.
        let bytes = known.iter().map(wire::bytes).fold(0, usize::saturating_add);
        within("ids", bytes, PAGE_BYTES)?;
        let done = self.in_time(call, ledger.undo(ids)).await?;
        let (source, entries) = (wire::source(call.permits.caller()), done.undone.len());
        limited!(self.clock(), INFO, source, entries, "revocations undone");
        let all = |entries: &[RevocationEntry]| {
            entries.iter().filter(|one| rights.sees(one)).map(|one| rights.entry(one)).collect()
        };
        let (undone, standing) = (all(&done.undone), all(&done.standing));
        Fit::measured(pb::UndoResponse { undone, standing, partial: done.partial })
    }

    /// Handles `List`.
    pub(super) async fn list(
        &self,
        request: pb::RevocationServiceListRequest,
        call: &Unary,
    ) -> Result<Fit<pb::RevocationServiceListResponse>, CallFault> {
        let (ledger, rights) = (self.ledger()?, self.rights(call)?);
        let pb::RevocationServiceListRequest { issuer, kinds, value, page_size, page_token } =
            request;
        within("kinds", kinds.len(), RevocationKind::ALL.len())?;
        let filter = EntryFilter {
            issuers: if issuer.is_empty() {
                None
            } else {
                let named = issuer_named(rights.snapshot.issuers(), &issuer);
                let (_, identifiers) = named.ok_or(CallFault::IssuerNotConfigured)?;
                Some(identifiers.into_iter().map(Box::from).collect())
            },
            kinds: if kinds.is_empty() {
                None
            } else {
                let all = kinds.iter().map(|name| RevocationKind::from_name(name));
                Some(all.collect::<Option<_>>().ok_or(CallFault::KindUnknown)?)
            },
            value: (!value.is_empty()).then(|| value.into()),
            source: None,
        };
        let most = match usize::try_from(page_size) {
            Ok(0) | Err(_) => PAGE,
            Ok(size) => size.min(MOST),
        };
        let after = if page_token.is_empty() {
            None
        } else {
            Some(page_token.parse().map_err(|_| CallFault::PageTokenInvalid)?)
        };
        let (found, mut next) = self.in_time(call, ledger.list(filter, after, most)).await?;
        let (mut entries, mut bytes) = (Vec::new(), 0_usize);
        for entry in found {
            if bytes > PAGE_BYTES {
                // The page ends before this entry.
                next = entries.last().map(|(id, _)| *id);
                break;
            }
            bytes = bytes.saturating_add(wire::bytes(&entry));
            let told = rights.sees(&entry).then(|| rights.entry(&entry));
            entries.push((entry.id, told));
        }
        let entries = entries.into_iter().filter_map(|(_, entry)| entry).collect();
        let next_page_token = next.map(|id| id.to_string()).unwrap_or_default();
        Fit::measured(pb::RevocationServiceListResponse { entries, next_page_token })
    }
}

fn within(field: &'static str, count: usize, limit: usize) -> Result<(), CallFault> {
    if count > limit { Err(CallFault::FieldTooLong { field, count, limit }) } else { Ok(()) }
}

impl From<LedgerFault> for CallFault {
    fn from(fault: LedgerFault) -> Self {
        match fault {
            LedgerFault::Full { limit } => Self::RevocationsFull { limit },
            LedgerFault::NameTaken => Self::RequestIdTaken,
            LedgerFault::Busy => Self::RevocationsBusy,
            LedgerFault::Store(_) => Self::RevocationsFailed,
        }
    }
}

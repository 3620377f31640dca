//! The requests that were answered: one that comes again records nothing.

use super::entry::{EntryId, KnownRequest};
use super::error::RevocationStoreError;
use super::tables::{REQUEST_TIMES, REQUESTS};
use super::writing::Writing;
use jwtd_core::crypto::Digest;
use jwtd_core::jose::UnixTime;
use redb::{ReadableTable as _, ReadableTableMetadata as _};

impl Writing {
    /// The request with this name that was answered before.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn request(&self, name: &Digest) -> Result<Option<KnownRequest>, RevocationStoreError> {
        self.within(|change| {
            let requests = change.open_table(REQUESTS)?;
            Ok(requests.get(name)?.map(|row| {
                let (_, demand, ids) = row.value();
                KnownRequest { demand, ids: EntryId::list(ids) }
            }))
        })
    }

    /// Remembers what a request demanded, and which entries it has. Beyond `most` requests the
    /// oldest is forgotten.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn note_request(
        &self,
        name: &Digest,
        request: &KnownRequest,
        now: UnixTime,
        most: u64,
    ) -> Result<(), RevocationStoreError> {
        self.within(|change| {
            let bytes: Vec<u8> = request.ids.iter().flat_map(|id| id.bytes()).collect();
            let now = now.seconds();
            let mut requests = change.open_table(REQUESTS)?;
            let mut times = change.open_table(REQUEST_TIMES)?;
            requests.insert(name, (now, request.demand, &*bytes))?;
            times.insert((now, *name), ())?;
            if requests.len()? > most
                && let Some((_, oldest)) = times.pop_first()?.map(|(key, _)| key.value())
            {
                requests.remove(&oldest)?;
            }
            Ok(())
        })
    }

    /// Forgets requests that were answered before `before`, at most `most`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn forget_requests(
        &self,
        before: UnixTime,
        most: usize,
    ) -> Result<usize, RevocationStoreError> {
        self.within(|change| {
            let mut times = change.open_table(REQUEST_TIMES)?;
            let mut old = Vec::new();
            for row in times.range(..(before.seconds(), Digest::default()))?.take(most) {
                let (key, _) = row?;
                old.push(key.value());
            }
            let mut requests = change.open_table(REQUESTS)?;
            for (time, name) in &old {
                times.remove((*time, *name))?;
                requests.remove(name)?;
            }
            Ok(old.len())
        })
    }
}

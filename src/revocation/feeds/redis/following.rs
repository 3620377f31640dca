//! The stream followed, and the state of the server looked at.

use super::Fleet;
use super::answers::streamed;
use super::keys::StreamId;
use crate::redis_link::Trouble;
use crate::redis_link::{ANSWERING, Link};
use crate::redis_link::{Replication, replication, text};
use jwtd_core::crypto::random;
use redis::{Value, cmd};
use std::convert::Infallible;
use std::sync::PoisonError;
use std::time::Duration;

/// So many records are read at once.
const RECORDS: usize = 64;

/// How long to wait for the next.
const WAIT: Duration = Duration::from_secs(1);

/// What a server says of itself.
pub(super) struct State {
    pub(super) replication: Replication,
    pub(super) epoch: Option<Vec<u8>>,
    /// The last id of the stream; nothing if there is none.
    pub(super) last: Option<StreamId>,
}

impl Fleet {
    /// Takes over what comes by the stream.
    pub(super) async fn follow(&self, mut tail: Link) -> Result<Infallible, Trouble> {
        loop {
            let position = self.reading.lock().unwrap_or_else(PoisonError::into_inner).position;
            let wait = u64::try_from(WAIT.as_millis()).unwrap_or(u64::MAX);
            let mut read = cmd("XREAD");
            read.arg("COUNT").arg(RECORDS).arg("BLOCK").arg(wait).arg("STREAMS");
            read.arg(self.keys.log()).arg(position.to_string());
            let answer = tail.ask_for(&read, WAIT.saturating_add(ANSWERING)).await?;
            let entries = streamed(answer);
            let last = entries.iter().map(|(place, _)| *place).max();
            if last.is_some_and(|last| last <= position) {
                let what = "it repeats what was read".to_owned();
                return Err(Trouble::Answer { address: tail.address, what });
            }
            let strange = entries.iter().filter(|(_, record)| record.is_none()).count();
            self.refuse(strange, "it is not what a daemon writes");
            let records = entries.into_iter().filter_map(|(_, record)| record);
            self.take(records.map(|one| (one.id, one.text)).collect()).await?;
            if last.is_some() {
                // Asked after the reading: if the stream begins no later than where that began,
                // nothing was removed before it was read.
                let first = tail.ask(&self.keys.trimmed()).await?;
                let first: Option<StreamId> = text(&first).and_then(|first| first.parse().ok());
                if first.is_some_and(|first| first > position) {
                    self.handle.pulse().set_gap(true);
                    return Err(Trouble::Overtaken { address: tail.address });
                }
            }
            self.read_up_to(last);
        }
    }

    /// Looks at a server. A beat must be able to write; a beginning says what it finds.
    pub(super) async fn look(&self, work: &mut Link, begins: bool) -> Result<State, Trouble> {
        let mut asked = redis::Pipeline::with_capacity(4);
        let write = if begins {
            let random = random(16).unwrap_or_default();
            cmd("SET").arg(self.keys.epoch()).arg(random).arg("NX").to_owned()
        } else {
            cmd("SET")
                .arg(self.keys.beat())
                .arg(self.handle.ledger().origin().to_string())
                .to_owned()
        };
        asked.add_command(write);
        asked.add_command(cmd("INFO").arg("replication").to_owned());
        asked.add_command(cmd("GET").arg(self.keys.epoch()).to_owned());
        asked.add_command(self.keys.last());
        let answers: [_; 4] = work.ask_all(&asked, 4).await?.try_into().map_err(|_| {
            let what = "not as many answers as questions".to_owned();
            Trouble::Answer { address: work.address.clone(), what }
        })?;
        let [written, info, epoch, stream] = answers;
        match written {
            Err(Trouble::ReadOnly { .. } | Trouble::Full { .. }) if begins => {}
            written => drop(written?),
        }
        let strange = || Trouble::Answer {
            address: work.address.clone(),
            what: "INFO replication names no master_replid".to_owned(),
        };
        let epoch = match epoch? {
            Value::BulkString(bytes) => Some(bytes),
            _ => None,
        };
        let last = text(&stream?).and_then(|last| last.parse().ok());
        Ok(State { replication: replication(&info?).ok_or_else(strange)?, epoch, last })
    }
}

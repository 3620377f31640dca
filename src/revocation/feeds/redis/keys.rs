//! The keys in Redis, and the scripts that change them. All keys have one hash tag, so that a
//! cluster keeps them on one node and a script may touch them all.

use crate::revocation::fleet::{Block, LONGEST, SIZE};
use crate::state::EntryId;
use redis::{Cmd, cmd};
use std::fmt;
use std::str::FromStr;

/// About so many records stay in the stream: who comes back after more finds them in the blocks.
const STREAM: u64 = 10_000;

/// The names of the keys.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: Box<str>,
}

/// A record to be put.
pub(super) struct Put {
    pub(super) id: EntryId,
    pub(super) text: String,
    /// Whether it replaces what cannot be read.
    pub(super) replaces: bool,
}

/// Puts records that are not there, and replaces entries by their tombstones; what is new goes
/// into the stream too. Answers the names under which something else stands.
const PUT: &str = r"
local function mark(text) return tonumber(string.sub(text, 1, 11), 16) or 0 end
local taken = {}
for i = 3, #KEYS do
  local a = 1 + (i - 3) * 5
  local block, field, id, text, replaces = unpack(ARGV, a + 1, a + 5)
  local old = redis.call('HGET', KEYS[i], field)
  local put = not old or replaces == '1'
  if old and not put and old ~= text then
    local was, is = string.sub(old, 12, 12), string.sub(text, 12, 12)
    if was ~= '-' and is == '-' then
      put = true
    elseif was == '-' and is == '-' then
      if #text > #old then redis.call('HSET', KEYS[i], field, text) end
    else
      taken[#taken + 1] = id
    end
  end
  if put then
    local change = mark(text) - (old and mark(old) or 0)
    redis.call('HSET', KEYS[i], field, text)
    redis.call('HINCRBY', KEYS[2], block, string.format('%.0f', change))
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'i', id, 'r', text)
  end
end
return taken
";

/// Answers the fields of a block, or a number if they are too many or too long: what others write
/// there is read by nobody.
const READ: &str = r"
local count = redis.call('HLEN', KEYS[1])
if count > tonumber(ARGV[1]) then return count end
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields do
  if #fields[i] > tonumber(ARGV[2]) then return count end
end
return fields
";

/// Removes records that have ended, if they are still what they were.
const DROP: &str = r"
for i = 2, #ARGV, 2 do
  if redis.call('HGET', KEYS[2], ARGV[i]) == ARGV[i + 1] then
    redis.call('HDEL', KEYS[2], ARGV[i])
    local mark = tonumber(string.sub(ARGV[i + 1], 1, 11), 16) or 0
    redis.call('HINCRBY', KEYS[1], ARGV[1], string.format('%.0f', -mark))
  end
end
if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('HDEL', KEYS[1], ARGV[1]) end
return 0
";

/// Makes the sum of a block anew, which somebody else has changed.
const MEND: &str = r"
local sum = 0
for _, text in ipairs(redis.call('HVALS', KEYS[2])) do
  sum = sum + (tonumber(string.sub(text, 1, 11), 16) or 0)
end
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', sum))
end
return 0
";

/// Answers the last id that the stream has given, and no record: one of others may be of any size.
const LAST: &str = r"
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then return info[i + 1] end
end
return false
";

/// Answers the first id of the stream, if the stream is so long that records may have been removed
/// from its beginning.
const TRIMMED: &str = r"
if redis.call('XLEN', KEYS[1]) < tonumber(ARGV[1]) then return false end
return redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1][1]
";

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    fn named(&self, name: &str) -> String {
        format!("{{{}}}:{name}", self.prefix)
    }

    /// The stream.
    pub(super) fn log(&self) -> String {
        self.named("log")
    }

    /// The sums of the blocks.
    pub(super) fn sums(&self) -> String {
        self.named("sums")
    }

    /// A random text that vanishes with everything else.
    pub(super) fn epoch(&self) -> String {
        self.named("epoch")
    }

    /// What is written to see that something can be.
    pub(super) fn beat(&self) -> String {
        self.named("beat")
    }

    /// The records of a block.
    pub(super) fn block(&self, block: Block) -> String {
        self.named(&format!("block:{block}"))
    }

    pub(super) fn put(&self, puts: &[Put]) -> Cmd {
        let mut command = cmd("EVAL");
        command.arg(PUT).arg(puts.len().saturating_add(2)).arg(self.log()).arg(self.sums());
        for put in puts {
            command.arg(self.block(Block::of(put.id)));
        }
        command.arg(STREAM);
        for Put { id, text, replaces } in puts {
            command.arg(Block::of(*id).to_string()).arg(id.number).arg(id.to_string()).arg(text);
            command.arg(u8::from(*replaces));
        }
        command
    }

    pub(super) fn read(&self, block: Block) -> Cmd {
        let mut command = cmd("EVAL");
        command.arg(READ).arg(1).arg(self.block(block)).arg(SIZE).arg(LONGEST);
        command
    }

    pub(super) fn drop(&self, block: Block, records: &[(u64, Vec<u8>)]) -> Cmd {
        let mut command = cmd("EVAL");
        command.arg(DROP).arg(2).arg(self.sums()).arg(self.block(block)).arg(block.to_string());
        for (number, text) in records {
            command.arg(*number).arg(text.as_slice());
        }
        command
    }

    pub(super) fn last(&self) -> Cmd {
        let mut command = cmd("EVAL");
        command.arg(LAST).arg(1).arg(self.log());
        command
    }

    pub(super) fn trimmed(&self) -> Cmd {
        let mut command = cmd("EVAL");
        command.arg(TRIMMED).arg(1).arg(self.log()).arg(STREAM);
        command
    }

    pub(super) fn mend(&self, block: Block) -> Cmd {
        let mut command = cmd("EVAL");
        command.arg(MEND).arg(2).arg(self.sums()).arg(self.block(block)).arg(block.to_string());
        command
    }
}

/// So many bytes of records go into one command, at most.
pub(super) const COMMAND: usize = 16 * LONGEST;

/// A place in the stream.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct StreamId {
    milliseconds: u64,
    number: u64,
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.milliseconds, self.number)
    }
}

impl FromStr for StreamId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (milliseconds, number) = text.split_once('-').ok_or(())?;
        let (milliseconds, number) = (milliseconds.parse(), number.parse());
        match (milliseconds, number) {
            (Ok(milliseconds), Ok(number)) => Ok(Self { milliseconds, number }),
            _ => Err(()),
        }
    }
}

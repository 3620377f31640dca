//! Security events (RFC 8417): JWTs that report what happened instead of granting something.
//!
//! Two forms are known: the logout token of OpenID Connect Back-Channel Logout 1.0, and the
//! security event token (SET) of the Shared Signals Framework 1.0 with the events of CAEP and
//! RISC. They are read and proven as access tokens are, by [`read_event`](super::read_event) and
//! [`Unproven::prove`](super::Unproven::prove), and then judged by rules of their own: no access
//! token passes for an event, and no event for an access token (RFC 8725, section 3.12).

mod event_type;
mod fault;
mod logout;
mod rules;
mod set;
mod subject;
#[cfg(test)]
mod tests;

pub use event_type::{EventType, StreamStatus};
pub use fault::EventFault;
pub use logout::{LogoutToken, judge_logout};
pub use rules::{EVENT_BYTES, EventMatter, EventRules};
pub use set::{SecurityEvent, SecurityEventToken, judge_set};
pub use subject::{EventSubject, SubjectId};

//! The validity period of a certificate, and the subject it was issued to.

use jwtd_core::jose::UnixTime;
use rustls::pki_types::CertificateDer;
use std::fmt;
use std::time::{Duration, UNIX_EPOCH};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The dates of a certificate (RFC 5280, section 4.1.2.5).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Validity {
    subject: String,
    not_before: i64,
    not_after: i64,
}

/// The standing of a certificate at a given time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// Its period has ended.
    Expired,
    /// Its period has not begun.
    NotYetValid,
    /// It is valid and will soon expire.
    EndsSoon,
    /// It is valid.
    Valid,
}

impl Standing {
    /// Returns true if a peer that checks the certificate accepts it now.
    #[must_use]
    pub fn is_valid(self) -> bool {
        matches!(self, Self::EndsSoon | Self::Valid)
    }
}

/// The longest remaining time that counts as expiring soon, in seconds (14 days).
const SOON: i64 = 14 * 86_400;

impl Validity {
    /// The dates of a certificate, if it can be read.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let (subject, dates) = (certificate.subject().to_string(), certificate.validity());
        Some(Self {
            subject,
            not_before: dates.not_before.timestamp(),
            not_after: dates.not_after.timestamp(),
        })
    }

    /// The end of the validity period, in seconds since the epoch.
    #[must_use]
    pub fn not_after(&self) -> i64 {
        self.not_after
    }

    /// The standing at `now`. Two weeks count as soon; for certificates with a period of less than
    /// ten weeks, a fifth of the period does. Otherwise certificates that are renewed every hour
    /// would always be reported.
    #[must_use]
    pub fn standing(&self, now: UnixTime) -> Standing {
        let now = now.seconds();
        let soon = SOON.min(self.not_after.saturating_sub(self.not_before) / 5);
        if now > self.not_after {
            Standing::Expired
        } else if now < self.not_before {
            Standing::NotYetValid
        } else if self.not_after.saturating_sub(now) < soon {
            Standing::EndsSoon
        } else {
            Standing::Valid
        }
    }

    /// Describes the standing at `now`.
    #[must_use]
    pub fn words(&self, now: UnixTime) -> String {
        let (verb, at) = match self.standing(now) {
            Standing::Expired => ("expired", self.not_after),
            Standing::NotYetValid => ("is not valid before", self.not_before),
            Standing::EndsSoon | Standing::Valid => ("expires", self.not_after),
        };
        let span = span(at.abs_diff(now.seconds()));
        let relation =
            if at < now.seconds() { format!("{span} ago") } else { format!("in {span}") };
        let subject = if self.subject.is_empty() { "the certificate" } else { &self.subject };
        format!("{subject} {verb} {} ({relation})", Date(at))
    }
}

/// A time in seconds since the epoch, shown in the format of RFC 3339 if it is within that format's
/// range.
struct Date(i64);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// 9999-12-31T23:59:59Z.
        const LAST: u64 = 253_402_300_799;
        match u64::try_from(self.0) {
            Ok(seconds @ ..=LAST) => {
                let at = UNIX_EPOCH + Duration::from_secs(seconds);
                humantime::format_rfc3339_seconds(at).fmt(f)
            }
            _ => write!(f, "at {} s", self.0),
        }
    }
}

/// Formats a span in the largest unit of which it holds two or more.
fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "days"), (3_600, "hours"), (60, "minutes")];
    match UNITS.iter().find(|(length, _)| seconds >= 2 * length) {
        Some((length, unit)) => format!("{} {unit}", seconds / length),
        None => format!("{seconds} seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn at(validity: &Validity, seconds: i64) -> (Standing, String) {
        let now = UnixTime::from_seconds(seconds);
        (validity.standing(now), validity.words(now))
    }

    #[test]
    fn the_ends_belong_to_the_validity_and_soon_is_told_before() {
        let end = 1_000_000 + 90 * DAY;
        let year = Validity { subject: "CN=a".to_owned(), not_before: 1_000_000, not_after: end };
        assert_eq!(at(&year, 999_999).0, Standing::NotYetValid);
        assert_eq!(at(&year, 1_000_000).0, Standing::Valid);
        assert_eq!(at(&year, end - SOON).0, Standing::Valid);
        assert_eq!(at(&year, end - SOON + 1).0, Standing::EndsSoon);
        assert_eq!(at(&year, end).0, Standing::EndsSoon);
        assert_eq!(at(&year, end + 1).0, Standing::Expired);
        assert_eq!(at(&year, end + 1).1, "CN=a expired 1970-04-12T13:46:40Z (1 seconds ago)");
        assert_eq!(at(&year, end - 3 * DAY).1, "CN=a expires 1970-04-12T13:46:40Z (in 3 days)");
        let early = at(&year, 1_000_000 - 7200).1;
        assert_eq!(early, "CN=a is not valid before 1970-01-12T13:46:40Z (in 2 hours)");
        // A certificate that lives for an hour is renewed when a third of its period is left.
        let hour = Validity { not_after: 1_003_600, ..year };
        assert_eq!(at(&hour, 1_002_400).0, Standing::Valid);
        assert_eq!(at(&hour, 1_003_000).0, Standing::EndsSoon);
    }
}

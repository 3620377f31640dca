//! The shape of benchmark tokens.

use jwtd_core::crypto::{SigningError, SigningKey};
use jwtd_core::jose::UnixTime;

/// The length of a typical access token, in bytes.
pub const LENGTH: usize = 700;

pub const AUDIENCE: &str = "orders-api";

/// The common parts of tokens of one kind.
pub struct Form<'a> {
    key: &'a SigningKey,
    header: String,
    issuer: String,
    filler: String,
    now: i64,
}

impl<'a> Form<'a> {
    /// Builds tokens of `length` bytes. They are one byte shorter if base64url cannot have that
    /// length, and longer if the required members do not fit.
    pub fn new(
        key: &'a SigningKey,
        issuer: &str,
        key_id: &str,
        length: usize,
        now: UnixTime,
    ) -> Result<Self, SigningError> {
        let header = format!(r#"{{"alg":"{}","typ":"at+jwt","kid":"{key_id}"}}"#, key.algorithm());
        let others = encoded(header.len()) + encoded(key.sign(b"")?.len()) + "..".len();
        let payload = length.saturating_sub(others) * 3 / 4;
        let (issuer, now) = (issuer.to_owned(), now.seconds());
        let mut form = Self { key, header, issuer, filler: String::new(), now };
        form.filler = filler(payload.saturating_sub(form.claims(0).len()));
        Ok(form)
    }

    pub fn token(&self, number: usize) -> Result<String, SigningError> {
        self.key.sign_compact(&self.header, &self.claims(number))
    }

    fn claims(&self, number: usize) -> String {
        let Self { issuer, filler, now, .. } = self;
        format!(
            r#"{{"iss":"{issuer}","sub":"user-{number:06}","aud":"{AUDIENCE}","iat":{now},"exp":{},"scope":"orders:read orders:write","sid":"{filler}"}}"#,
            now + 3600
        )
    }
}

/// Claims that hold `length` bytes of filler. Text beyond the size of a realistic claim continues
/// in further claims.
fn filler(length: usize) -> String {
    const PIECE: usize = 4000;
    let mut text: String = "0123456789abcdef".chars().cycle().take(length).collect();
    for (number, start) in (PIECE..length).step_by(PIECE).enumerate() {
        let cut = format!("\",\"sid{number:02}\":\"");
        if start + cut.len() <= length {
            text.replace_range(start..start + cut.len(), &cut);
        }
    }
    text
}

/// The base64url length of `bytes` bytes.
fn encoded(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

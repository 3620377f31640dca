//! Headers that were read: the tokens of one key mostly have the same, letter for letter,
//! and what was read of it holds for each of them.

use crate::jose::{CompactJws, Header, Limits, Malformed};
use std::sync::Arc;

/// The headers of a batch that were read, the first few.
#[derive(Debug, Default)]
pub struct Headers {
    /// As they were sent, and what they say.
    read: Vec<(Box<[u8]>, Arc<Header>)>,
    most: usize,
}

impl Headers {
    /// For a batch of this many tokens: of one token alone nothing is kept.
    #[must_use]
    pub fn of_batch(tokens: usize) -> Self {
        /// As many issuers, about, as send tokens at a time. Tokens with ever new headers
        /// are compared with so many and no more.
        const MOST: usize = 4;

        Self { read: Vec::new(), most: MOST.min(tokens.saturating_sub(1)) }
    }

    /// Reads the header of `jws`, or knows it.
    pub(super) fn read(
        &mut self,
        jws: &CompactJws<'_>,
        limits: &Limits,
    ) -> Result<Arc<Header>, Malformed> {
        let text = jws.encoded_header();
        if let Some((_, known)) = self.read.iter().find(|(known, _)| **known == *text) {
            return Ok(Arc::clone(known));
        }
        let header = Arc::new(Header::parse(&jws.header(limits)?, limits)?);
        if self.read.len() < self.most {
            self.read.push((text.into(), Arc::clone(&header)));
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::base64url;

    #[test]
    fn what_was_read_is_known_and_no_more_than_a_few_are_kept() {
        let limits = Limits::DEFAULT;
        let token = |kid: &str| {
            let header =
                base64url::encode(format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#).as_bytes());
            format!("{header}.e30.AAAA")
        };
        let read = |headers: &mut Headers, token: &str| {
            headers.read(&CompactJws::split(token.as_bytes(), &limits).unwrap(), &limits)
        };
        let mut headers = Headers::of_batch(100);
        let first = read(&mut headers, &token("0")).unwrap();
        assert!(Arc::ptr_eq(&first, &read(&mut headers, &token("0")).unwrap()));
        for number in 1..10 {
            let kid = number.to_string();
            let header = read(&mut headers, &token(&kid)).unwrap();
            assert_eq!(header.key_id.as_deref(), Some(&*kid));
        }
        assert_eq!(headers.read.len(), 4);
        // A longer one and a shorter one are others, and no fault is kept.
        let longer = token("0").replacen('.', "AA.", 1);
        assert!(read(&mut headers, &longer).is_err() && read(&mut headers, &longer).is_err());
        let mut of_one = Headers::of_batch(1);
        read(&mut of_one, &token("0")).unwrap();
        assert!(of_one.read.is_empty());
    }
}

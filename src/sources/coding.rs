//! The content coding of a response (RFC 9110, section 8.4). None is requested; some servers and
//! caches send gzip anyway, which is decompressed within the size limit of the document. The only
//! file that names `flate2`.

use super::error::Cause;
use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use std::io::Read as _;

/// Refuses a response with an unsupported coding.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Cause> {
    for line in headers.get_all(CONTENT_ENCODING) {
        let line = String::from_utf8_lossy(line.as_bytes());
        for coding in line.split(',').map(str::trim) {
            // "x-gzip" is the same (RFC 9110, section 8.4.1.3).
            let known = ["", "identity", "gzip", "x-gzip"];
            if !known.iter().any(|name| coding.eq_ignore_ascii_case(name)) {
                return Err(Cause::Encoding(coding.chars().take(32).collect()));
            }
        }
    }
    Ok(())
}

/// Decompresses a document. Its first bytes tell whether it is gzip (RFC 1952, section 2.3.1):
/// object stores serve such files without the header, and caches decompress bodies that keep the
/// header. No JSON text starts with these bytes.
///
/// # Errors
/// If it exceeds the size limit, or is not valid gzip.
pub(super) fn opened(text: Vec<u8>, most: usize) -> Result<Vec<u8>, Cause> {
    if !text.starts_with(&[0x1f, 0x8b]) {
        return Ok(text);
    }
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut document = Vec::new();
    MultiGzDecoder::new(&*text)
        .take(bound)
        .read_to_end(&mut document)
        .map_err(|error| Cause::Gzip(error.to_string()))?;
    if document.len() > most { Err(Cause::TooLarge(most)) } else { Ok(document) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use jwtd_core::jose::limits::JWKS_BYTES;
    use std::io::Write as _;

    fn opened(text: Vec<u8>) -> Result<Vec<u8>, Cause> {
        super::opened(text, JWKS_BYTES)
    }

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_is_opened_up_to_the_bound_and_all_else_is_left_alone() {
        assert_eq!(opened(packed(b"{}")).unwrap(), b"{}");
        assert_eq!(opened(b"{}".to_vec()).unwrap(), b"{}");
        assert_eq!(opened(Vec::new()).unwrap(), b"");
        let both = [packed(b"{"), packed(b"}")].concat();
        assert_eq!(opened(both).unwrap(), b"{}", "several members (RFC 1952, section 2.2)");
        let largest = packed(&vec![b' '; JWKS_BYTES]);
        assert_eq!(opened(largest).unwrap().len(), JWKS_BYTES);
    }

    #[test]
    fn r63_a_bomb_is_refused_before_it_takes_more_than_the_bound() {
        let bomb = packed(&vec![b' '; 64 << 20]);
        assert!(bomb.len() < JWKS_BYTES);
        assert!(matches!(opened(bomb), Err(Cause::TooLarge(_))));
        let members = packed(&vec![b' '; JWKS_BYTES]).repeat(16);
        assert!(matches!(opened(members), Err(Cause::TooLarge(_))));
    }

    #[test]
    fn what_only_looks_like_gzip_or_ends_early_is_refused() {
        let whole = packed(b"{\"keys\":[]}");
        let cut = whole[..whole.len() - 4].to_vec();
        let mut wrong = whole.clone();
        let last = wrong.len() - 5;
        wrong[last] ^= 1;
        let twice = packed(&whole);
        for text in [vec![0x1f, 0x8b], cut, wrong, [&*whole, b"x"].concat()] {
            assert!(matches!(opened(text), Err(Cause::Gzip(_))));
        }
        assert_eq!(opened(twice).unwrap(), whole, "one layer is opened, and no second");
    }

    #[test]
    fn codings_are_read_in_any_case_and_unknown_ones_refused() {
        let check = |line: &str| {
            let mut headers = HeaderMap::new();
            headers.append(CONTENT_ENCODING, line.parse().unwrap());
            check(&headers).is_ok()
        };
        for good in ["gzip", "GZIP", "x-gzip", "identity", "", "identity, gzip"] {
            assert!(check(good), "{good}");
        }
        for bad in ["br", "deflate", "zstd", "gzip, br", "gz"] {
            assert!(!check(bad), "{bad}");
        }
        assert!(super::check(&HeaderMap::new()).is_ok());
    }
}

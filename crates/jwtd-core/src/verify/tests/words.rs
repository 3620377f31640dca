//! What is said to callers and operators.

use super::*;
use crate::jose::Claims;

#[test]
fn a_refusal_says_why_and_when_to_come_back() {
    let seconds = Duration::from_secs;
    for (reject, words, wait) in [
        (Reject::Expired { ago: seconds(7) }, "expired 7 s ago", None),
        (Reject::NotYetValid { wait: seconds(7) }, "acceptable in 7 s", Some(7)),
        (Reject::IssuedInFuture { wait: seconds(7) }, "in the future; acceptable in 7 s", Some(7)),
        (Reject::ClaimMissing("sub".into()), "the claim `sub` is missing", None),
        (Reject::ScopeMissing("read".into()), "the scope `read` is missing", None),
        (Reject::TooOld { age: seconds(9), limit: seconds(7) }, "9 s ago; at most 7 s", None),
        (Reject::SignatureInvalid, "signature", None),
        (
            Reject::SignatureDer(Algorithm::Es256),
            "is in DER; ES256 wants the bytes of r and s",
            None,
        ),
        // Of 2026 in milliseconds: it does not come, and no caller can wait for it.
        (
            Reject::IssuedInFuture { wait: seconds(1_794_193_383_230) },
            "`iat` looks like milliseconds; it must be seconds",
            None,
        ),
        (Reject::NotYetValid { wait: seconds(1_794_193_383_230) }, "`nbf` looks like milli", None),
        (
            Reject::LifetimeTooLong { lifetime: seconds(1_794_193_383_230), limit: seconds(7) },
            "`exp` looks like milliseconds",
            None,
        ),
        (
            Reject::NotYetValid { wait: seconds(3_000_000_000) },
            "in 3000000000 s",
            Some(3_000_000_000),
        ),
    ] {
        let shown = reject.to_string();
        assert!(shown.contains(words), "{shown}");
        assert_eq!(reject.retry_after(), wait.map(seconds), "{shown}");
    }
}

#[test]
fn a_reason_leads_to_its_documentation() {
    assert_eq!(Reason::KeysStale.to_string(), "KEYS_STALE");
    assert_eq!(Reason::KeysStale.anchor(), "docs/reasons.md#keys_stale");
    for reason in Reason::ALL {
        let (family, fault) = (reason.family().to_string(), reason.fault().to_string());
        assert!(!family.is_empty() && !fault.is_empty(), "{reason}");
    }
    assert_eq!(Reason::KeysStale.family().to_string(), "key");
    assert_eq!(Reason::Expired.fault().to_string(), "caller");
    assert_eq!(Reason::Ok.fault().to_string(), "nobody");
}

#[test]
fn the_name_of_a_member_is_for_the_caller_and_not_for_a_log() {
    let text = format!(r#"{{"a stranger's words":{}}}"#, "[".repeat(99));
    let fault = Claims::parse(text.as_bytes(), &Limits::DEFAULT).unwrap_err();
    let reject = Reject::Malformed(fault);
    assert!(reject.to_string().contains("words"), "{reject}");
    let logged = reject.without_member();
    assert!(!logged.contains("words") && reject.to_string().starts_with(&logged), "{logged}");
    assert_eq!(Reject::SignatureInvalid.without_member(), Reject::SignatureInvalid.to_string());
}

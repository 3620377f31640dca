//! Times that are not numbers or cannot be valid (CVE-2026-25537: unreadable is not absent), and
//! times that are wrong. All tokens are correctly signed.

use crate::attacks::corpus::Forge;
use jwtd_core::verify::Reason::{
    self, ClaimBadType, ClaimsBadJson, Expired, ExpiryMissing, IssuedInFuture, NotYetValid,
};

pub(crate) fn add(forge: &mut Forge) {
    let now = forge.world.now;
    let later = now + 7200;
    let mut wrong: Vec<String> = [
        r#""1e9""#,
        r#""""#,
        r#""never""#,
        r#""Infinity""#,
        r#""NaN""#,
        "true",
        "false",
        "[]",
        "{}",
        "-1",
        "-0",
        "-0.0",
        "-1.5",
        "-1e-9",
        "-9223372036854775808",
        "-1e300",
        "9007199254740992",
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "18446744073709551617",
        "1e16",
        "1e300",
        "9.1e15",
        "99999999999999999999999999999999999999999999",
    ]
    .map(str::to_owned)
    .into();
    wrong.extend([
        format!(r#""{later}""#),
        format!(r#"" {later}""#),
        format!(r#""0x{later:x}""#),
        format!("[{later}]"),
        format!("[[{later}]]"),
        format!(r#"{{"$numberLong":"{later}"}}"#),
        format!(r#"{{"value":{later}}}"#),
        format!("-{later}"),
    ]);
    // serde_json refuses these; some other parsers do not.
    let mut no_json: Vec<String> = [
        "1e400",
        "-1e400",
        "NaN",
        "Infinity",
        "-Infinity",
        "inf",
        "undefined",
        "None",
        "01",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x7fffffff",
        "0b1",
        "1_000_000_000_000",
        "1 000",
        "'1'",
        "1n",
        "1f",
        "",
    ]
    .map(str::to_owned)
    .into();
    no_json.extend([
        format!("0{later}"),
        format!("+{later}"),
        format!("{later}L"),
        format!("{later}."),
    ]);
    for name in ["exp", "nbf", "iat"] {
        for value in &wrong {
            let token = forge.with_claims(&[(name, value)]);
            forge.add(format!("{name} {value}"), token, &[ClaimBadType]);
        }
        for value in &no_json {
            // An empty text would remove the member.
            let value = if value.is_empty() { " " } else { value };
            let token = forge.with_claims(&[(name, value)]);
            forge.add(format!("{name} is `{value}`"), token, &[ClaimsBadJson]);
        }
    }
    for value in ["0", "0.0", "0.5", "0.999999", "0e9", "1e-400"] {
        let token = forge.with_claims(&[("exp", value)]);
        forge.add(format!("exp {value}"), token, &[ClaimBadType]);
    }
    // Issuers write null for an unset claim, and a token without `exp` is refused.
    let token = forge.with_claims(&[("exp", "null")]);
    forge.add("exp null", token, &[ExpiryMissing]);
    wrong_times(forge, now);
}

fn wrong_times(forge: &mut Forge, now: i64) {
    let hour = 3600;
    let mut add = |name: &str, value: String, expected: &'static [Reason]| {
        let token = forge.with_claims(&[(name, &value)]);
        forge.add(format!("{name} at {value}"), token, expected);
    };
    for value in ["1", "1.5", "1e0", "1000000000", "1e9", "2147483647e-3"] {
        add("exp", value.to_owned(), &[Expired]);
    }
    for ago in [61, 120, 300, hour, 86_400, 86_400 * 365] {
        add("exp", (now - ago).to_string(), &[Expired]);
        add("exp", format!("{}.999", now - ago), &[Expired]);
    }
    for ahead in [hour, 86_400, 86_400 * 365] {
        add("nbf", (now + ahead).to_string(), &[NotYetValid]);
        add("nbf", format!("{}.5", now + ahead), &[NotYetValid]);
        add("iat", (now + ahead).to_string(), &[IssuedInFuture]);
        add("iat", format!("{}.5", now + ahead), &[IssuedInFuture]);
    }
    for most in ["9007199254740991", "9007199254740991.0", "9.007199254740991e15"] {
        add("nbf", most.to_owned(), &[NotYetValid]);
        add("iat", most.to_owned(), &[IssuedInFuture]);
    }
    // Times in milliseconds.
    add("nbf", format!("{now}000"), &[NotYetValid]);
    add("iat", format!("{now}000"), &[IssuedInFuture]);
    for name in ["", "Exp", "EXP", "exp ", "expires_at", "expiry", "ex\\u0070 "] {
        let later = (now + hour).to_string();
        let member = if name.is_empty() { "x" } else { name };
        let token = forge.with_claims(&[("exp", ""), (member, &later)]);
        forge.add(format!("no exp, but `{name}`"), token, &[ExpiryMissing]);
    }
}

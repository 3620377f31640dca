//! Correctly signed tokens with audiences of the wrong type (CVE-2020-26160) or with the wrong
//! audience.

use crate::attacks::corpus::Forge;
use jwtd_core::verify::Reason::{AudienceMismatch, AudienceMissing, ClaimBadType};

pub(crate) fn add(forge: &mut Forge) {
    for value in [
        "[1]",
        "{}",
        r#"["api",1]"#,
        r#"[1,"api"]"#,
        r#"["api",null]"#,
        r#"[null]"#,
        r#"[["api"]]"#,
        r#"["api",["api"]]"#,
        r#"{"api":true}"#,
        r#"{"0":"api"}"#,
        r#"[{"aud":"api"}]"#,
        "7",
        "true",
        "false",
        r#"["api",""]"#,
        r#"[""]"#,
        r#"["",""]"#,
        r#"["api",{}]"#,
        "0",
        "[[]]",
        "[true]",
    ] {
        let token = forge.with_claims(&[("aud", value)]);
        forge.add(format!("aud {value}"), token, &[ClaimBadType]);
    }
    for value in ["[]", "null", r#""""#] {
        let token = forge.with_claims(&[("aud", value)]);
        forge.add(format!("aud {value}"), token, &[AudienceMissing]);
    }
    for value in [
        r#""API""#,
        r#""Api""#,
        r#""api ""#,
        r#"" api""#,
        r#""api\u0000""#,
        r#""api/""#,
        r#""ap""#,
        r#""apis""#,
        r#""api,web""#,
        r#""api web""#,
        r#""*""#,
        r#""a*""#,
        r#"".*""#,
        r#""%""#,
        r#""any""#,
        r#""client-7""#,
        r#""\uff41pi""#,
        r#""a\u0440i""#,
        r#""ap\u0131""#,
        r#""api\n""#,
        r#"["API","api "]"#,
        r#"["web2"]"#,
        r#""null""#,
        r#""undefined""#,
        r#""https://api""#,
        r#""[\"api\"]""#,
        r#""main.example""#,
    ] {
        let token = forge.with_claims(&[("aud", value)]);
        forge.add(format!("aud {value}"), token, &[AudienceMismatch]);
    }
    for member in ["", "AUD", "Aud", "aud ", "audience", "azp", "client_id", "resource"] {
        let name = if member.is_empty() { "x" } else { member };
        let token = forge.with_claims(&[("aud", ""), (name, r#""api""#)]);
        forge.add(format!("no aud, but `{member}`"), token, &[AudienceMissing]);
    }
    // The token's own issuer does not accept these audiences.
    let many: Vec<_> = (0..256).map(|n| format!("\"a{n}\"")).collect();
    let token = forge.with_claims(&[("aud", &format!("[{}]", many.join(",")))]);
    forge.add("256 audiences", token, &[AudienceMismatch]);
}

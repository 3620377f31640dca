//! Other values for header members and claims. Header parameters that point to keys, which must
//! never be followed, have the types that their RFC defines.

use crate::dice::Dice;
use crate::world::key_id;
use jwtd_core::jose::Algorithm;

/// The header members that are changed or added.
pub(crate) const HEADER: &[&str] = &[
    "alg", "alg", "alg", "kid", "kid", "typ", "typ", "crit", "b64", "jwk", "jku", "x5u", "x5c",
    "x5t", "cty", "zip", "enc", "x",
];

/// The claims that are changed or added.
pub(crate) const CLAIMS: &[&str] = &[
    "iss", "iss", "aud", "aud", "exp", "exp", "exp", "nbf", "nbf", "iat", "sub", "jti", "scope",
    "scp", "cnf", "x",
];

/// Values that are not strings, for members that must be one.
const NO_STRING: &[&str] = &["null", "7", "true", "[]", "{}", r#"["x"]"#];

/// The public key of RFC 8037, appendix A.2.
const JWK: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

fn text(words: impl AsRef<str>) -> String {
    format!(r#""{}""#, words.as_ref())
}

fn chosen(dice: &mut Dice, values: &[&str]) -> String {
    (*dice.pick(values)).to_owned()
}

/// Generates a value for a header parameter.
pub(crate) fn of_header(dice: &mut Dice, name: &str) -> String {
    const ALGORITHMS: &[&str] = &[
        "none",
        "None",
        "NONE",
        "nOnE",
        "none ",
        "no\\u006ee",
        "",
        "rs256",
        "RS256 ",
        "HS1",
        "ES256K",
        "RSA1_5",
        "A128KW",
        "dir",
        "ED25519",
        "HS\\u0032\\u0035\\u0036",
        "RS256\\u0000",
    ];
    match name {
        "alg" if dice.once_in(6) => chosen(dice, NO_STRING),
        "alg" if dice.once_in(2) => text(dice.pick(ALGORITHMS)),
        "alg" => text(dice.pick(Algorithm::ALL).name()),
        "kid" if dice.once_in(6) => chosen(dice, NO_STRING),
        "kid" if dice.once_in(2) => text(key_id(*dice.pick(Algorithm::ALL))),
        "kid" if dice.once_in(8) => text("k".repeat(255 + dice.below(3))),
        "kid" => {
            text(dice.pick(&["", "../../dev/null", "' OR 1=1 --", "key", "\\u0000", "Key-RS256"]))
        }
        "typ" => chosen(
            dice,
            &[
                r#""JWT""#,
                r#""jwt""#,
                r#""at+jwt""#,
                r#""application/at+jwt""#,
                r#""dpop+jwt""#,
                r#""logout+jwt""#,
                r#""""#,
                r#""JWT ""#,
                r#""application/jwt""#,
                "null",
                "1",
            ],
        ),
        "crit" => chosen(
            dice,
            &[
                "[]",
                r#"["exp"]"#,
                r#"["b64"]"#,
                r#"["alg"]"#,
                r#"["x"]"#,
                r#"["x","x"]"#,
                r#""x""#,
                "null",
                "[1]",
            ],
        ),
        "b64" => chosen(dice, &["true", "false"]),
        "jwk" => JWK.to_owned(),
        "jku" | "x5u" => text(dice.pick(&["https://key.example/set", "file:///dev/null", "x"])),
        "x5c" => chosen(dice, &["[]", r#"["AAAA"]"#]),
        _ => text(dice.pick(&["AAAA", "JWT", "DEF", "A128GCM", "x"])),
    }
}

/// Generates a value for a claim; `now` is the time around which good tokens are valid.
pub(crate) fn of_claims(dice: &mut Dice, now: i64, name: &str) -> String {
    match name {
        "iss" if dice.once_in(5) => {
            chosen(dice, &[NO_STRING, &[r#"["https://alpha.example"]"#]].concat())
        }
        "iss" => {
            let home = *dice.pick(&["alpha", "beta", "gamma", "delta", "omega"]);
            let (before, after) = *dice.pick(&[
                ("https://", ".example"),
                ("https://", ".example"),
                ("https://", ".example/"),
                ("HTTPS://", ".example"),
                ("http://", ".example"),
                ("https://", ".example\\u0000"),
                ("https:\\/\\/", ".example"),
                (" https://", ".example"),
                ("", ".example"),
            ]);
            text(format!("{before}{home}{after}"))
        }
        "aud" => chosen(
            dice,
            &[
                r#""api""#,
                r#"["api"]"#,
                r#"["web","api"]"#,
                r#""other""#,
                r#"["other"]"#,
                "[]",
                r#"[""]"#,
                r#"["api",""]"#,
                r#"["api",7]"#,
                r#"["api",["web"]]"#,
                "{}",
                "null",
                "7",
                r#""""#,
                r#""API""#,
                r#""api ""#,
                r#""a\u0070i""#,
                r#"{"api":1}"#,
                r#""api,web""#,
            ],
        ),
        "exp" | "nbf" | "iat" => time(dice, now),
        "sub" | "jti" if dice.once_in(2) => chosen(dice, NO_STRING),
        "sub" | "jti" => text(dice.pick(&["", "user", "\\u0000", "\\ud83d\\ude00", "\u{202e}"])),
        "scope" | "scp" => {
            chosen(dice, &[r#""read""#, r#""""#, "null", "7", r#"["read"]"#, "[7]", "{}", "[]"])
        }
        "cnf" => chosen(dice, &[r#"{"jkt":"x"}"#, "{}", "null"]),
        _ => chosen(
            dice,
            &["null", "-1", "1e3", "0.1", "-0", "1e308", "123456789012345678901234567890", "[[]]"],
        ),
    }
}

/// Generates times far from each limit, and values that are not times.
fn time(dice: &mut Dice, now: i64) -> String {
    let around = [now - 5_000, now + 5_000, now - 86_400 * 400, now + 86_400 * 400];
    let seconds = *dice.pick(&around);
    match dice.below(6) {
        0 | 1 => seconds.to_string(),
        2 => format!("{seconds}.{}", dice.below(1000)),
        3 => format!("{}e1", seconds / 10),
        4 => format!(r#""{seconds}""#),
        _ => chosen(
            dice,
            &[
                "null",
                "true",
                "[]",
                "{}",
                "-1",
                "0",
                "-0",
                "-0.0",
                "0.5",
                "9007199254740991",
                "9007199254740992",
                "9223372036854775807",
                "9223372036854775808",
                "18446744073709551615",
                "18446744073709551616",
                "1e400",
                "1e15",
                "9e15",
                "9.1e15",
                "-1e15",
            ],
        ),
    }
}

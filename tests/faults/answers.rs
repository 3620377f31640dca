//! Responses that are not a usable key set.

use crate::Plan;
use crate::issuer::KEYS;
use crate::issuer::script::{Script, Step, answer, head, ok, status, steps, whole};
use crate::life::{self, Case, Scene};
use jwtd_testkit::measured::Row;
use jwtd_testkit::tokens::{set, set_of};

pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let mut cases = redirects();
    cases.extend(statuses());
    cases.extend(bodies());
    cases.extend(shapes());
    life::rows(plan, cases)
}

/// A row whose key URL gives this response.
fn keys_are(
    name: &str,
    outcomes: &'static [&'static str],
    script: impl Fn(&Scene) -> Script + Send + Sync + 'static,
) -> Case {
    Case::fails(name, outcomes, move |scene| scene.issuer.put(KEYS, script(scene)))
}

fn redirects() -> Vec<Case> {
    let leads = |code: &'static str, name: &str, target: fn(&Scene) -> String| {
        let name = format!("{code} to {name}");
        keys_are(&name, &["status"], move |scene| {
            // A client that follows the redirect finds keys of the attacker.
            scene.issuer.put("/other", ok(set(&[&scene.evil])));
            status(code, &format!("Location: {}\r\n", target(scene)))
        })
    };
    let other_path = |scene: &Scene| format!("{}/other", scene.issuer.origin);
    let mut cases: Vec<_> = ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"]
        .map(|code| leads(code, "another path", other_path))
        .into();
    cases.push(
        leads("302 Found", "another host", |scene| format!("{}{KEYS}", scene.canary.origin))
            .in_short(),
    );
    cases.push(leads("302 Found", "itself", |_| KEYS.to_owned()));
    cases.push(leads("302 Found", "cloud metadata", |_| {
        "http://169.254.169.254/latest/meta-data/".to_owned()
    }));
    cases.push(leads("302 Found", "a file", |_| "file:///etc/passwd".to_owned()));
    cases.push(leads("302 Found", "data:", |_| "data:application/json,{}".to_owned()));
    cases
}

fn statuses() -> Vec<Case> {
    let codes = [
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "500 Internal Server Error",
        "502 Bad Gateway",
        "503 Service Unavailable",
        "204 No Content",
        "206 Partial Content",
        "999 Beyond",
    ];
    let mut cases: Vec<_> = codes
        .map(|code| {
            let name = format!("answers {}", code.split(' ').next().unwrap_or_default());
            // Keys in the body of an error response must not be used.
            keys_are(&name, &["status", "protocol"], move |scene| {
                answer(code, "", set(&[&scene.evil]))
            })
        })
        .into();
    cases[4].short = true;
    cases.push(keys_are("429, Retry-After 3 s", &["status"], |_| {
        status("429 Too Many Requests", "Retry-After: 3\r\n")
    }));
    cases.push(keys_are("304 without being asked", &["status", "unusable"], |_| {
        status("304 Not Modified", "")
    }));
    cases
}

fn bodies() -> Vec<Case> {
    let body = |name: &str, body: fn(&Scene) -> Vec<u8>| {
        keys_are(name, &["invalid", "unusable"], move |scene| ok(body(scene)))
    };
    let mut cases = vec![
        body("HTML", |_| b"<html><body>Sign in</body></html>".to_vec()).in_short(),
        body("an empty body", |_| Vec::new()),
        body("{}", |_| b"{}".to_vec()),
        body("an empty set", |_| br#"{"keys":[]}"#.to_vec()).in_short(),
        body("keys: null", |_| br#"{"keys":null}"#.to_vec()),
        body("a list", |scene| format!("[{}]", scene.evil.jwk()).into_bytes()),
        body("two members `keys`", |scene| {
            format!(r#"{{"keys":[{}],"keys":[]}}"#, scene.evil.jwk()).into_bytes()
        }),
        body("a key with two `x`", |scene| {
            let twice = scene.evil.jwk().replacen('{', r#"{"x":"AA","#, 1);
            set_of(&[twice]).into_bytes()
        }),
        body("a set and more", |scene| format!("{} x", set(&[&scene.evil])).into_bytes()),
        body("a byte order mark", |scene| {
            [b"\xef\xbb\xbf", set(&[&scene.evil]).as_bytes()].concat()
        }),
        body("UTF-16", |scene| {
            set(&[&scene.evil]).encode_utf16().flat_map(u16::to_le_bytes).collect()
        }),
        body("NaN", |scene| set(&[&scene.evil]).replacen('{', r#"{"n":NaN,"#, 1).into_bytes()),
        body("100,000 levels deep", |_| {
            [&b"{\"keys\":"[..], &b"[".repeat(100_000), &b"]".repeat(100_000), b"}"].concat()
        }),
        body("a private key among them", |scene| {
            let private = scene.evil.jwk().replacen('{', r#"{"d":"AAAA","#, 1);
            set_of(&[scene.old.jwk(), private]).into_bytes()
        })
        .in_short(),
        body("a shared secret among them", |scene| {
            let secret = r#"{"kty":"oct","kid":"a","alg":"HS256","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}"#;
            set_of(&[secret.to_owned(), scene.old.jwk()]).into_bytes()
        }),
    ];
    // Cut at eight positions, the last one just before the end.
    for eighth in 0..8_usize {
        let name = format!("cut after {eighth}/8");
        cases.push(keys_are(&name, &["invalid"], move |scene| {
            let whole = set(&[&scene.evil]).into_bytes();
            let length = if eighth == 7 { whole.len() - 1 } else { whole.len() * eighth / 8 };
            ok(whole.get(..length).unwrap_or_default())
        }));
    }
    cases
}

fn shapes() -> Vec<Case> {
    const HUGE: usize = 100 << 20;
    let shape = |name: &str, outcomes, script: fn(&Scene) -> Vec<Step>| {
        keys_are(name, outcomes, move |scene| steps(script(scene)))
    };
    vec![
        shape("a body of 100 MB", &["too_large"], |_| {
            let length = format!("Content-Length: {HUGE}\r\n");
            vec![Step::Send(head("200 OK", &length)), Step::Repeat(vec![b' '; 1 << 16], HUGE >> 16)]
        })
        .in_short(),
        shape("pieces without end", &["too_large", "timeout"], |_| {
            let chunk = [b"1000\r\n", &b" ".repeat(0x1000)[..], b"\r\n"].concat();
            let begin = head("200 OK", "Transfer-Encoding: chunked\r\n");
            vec![Step::Send(begin), Step::Repeat(chunk, 1 << 20)]
        }),
        shape("a set, in pieces that stop", &["timeout"], |scene| {
            let set = set(&[&scene.evil]);
            let chunk = format!("{:x}\r\n{set}\r\n", set.len());
            let begin = head("200 OK", "Transfer-Encoding: chunked\r\n");
            vec![Step::Send(begin), Step::Send(chunk.into_bytes()), Step::Hold]
        }),
        shape("Content-Length too long", &["protocol", "timeout"], |scene| {
            let set = set(&[&scene.evil]).into_bytes();
            let length = format!("Content-Length: {}\r\n", set.len() + 100);
            vec![Step::Send(head("200 OK", &length)), Step::Send(set)]
        }),
        shape("Content-Length too short", &["invalid"], |scene| {
            let set = set(&[&scene.evil]).into_bytes();
            let length = format!("Content-Length: {}\r\n", set.len() - 10);
            vec![Step::Send(head("200 OK", &length)), Step::Send(set)]
        }),
        shape("20,000 keys", &["too_large"], |scene| {
            let set = set_of(&vec![scene.evil.jwk(); 20_000]);
            vec![Step::Send(whole("200 OK", "", set.as_bytes()))]
        }),
        shape("a gzip bomb", &["too_large"], |_| {
            let level = flate2::Compression::best();
            let mut bomb = flate2::write::GzEncoder::new(Vec::new(), level);
            std::io::Write::write_all(&mut bomb, &vec![b' '; 64 << 20]).unwrap();
            let bomb = bomb.finish().unwrap();
            vec![Step::Send(whole("200 OK", "Content-Encoding: gzip\r\n", &bomb))]
        }),
        shape("a header of 1 MB", &["protocol"], |_| {
            let line = format!("X-Long: {}\r\n", "x".repeat(1 << 20));
            vec![Step::Send(head("200 OK", &line))]
        }),
        shape("not HTTP", &["protocol"], |_| vec![Step::Send(b"\0\x01\x02\x03\xff".repeat(20))]),
    ]
}
